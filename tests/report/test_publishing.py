"""Moving a finished run into place, and keeping what failed."""

import errno
import fcntl
import hashlib
import json
import os
import re
import threading
from datetime import date, timedelta

import pytest

from crmlib.errors import InputError
from crmlib.report import history, publishing
from crmlib.report.history import Keep

TWO = Keep(2)


def make_run(work, name, text, **record):
    """A good run whose report says `text`."""
    folder = work / name
    folder.mkdir()
    (folder / "report.pdf").write_text(text)
    files = {"report.pdf": hashlib.sha256(text.encode()).hexdigest()}
    (folder / "run.json").write_text(json.dumps({"state": "good", "files": files, **record}))
    return folder


def publish(out, text, as_of=None, keep=TWO, **record):
    day = date.fromisoformat(as_of) if as_of else None
    with publishing.work_folder(out) as work:
        made = make_run(work, "0", text, as_of=as_of, **record)
        return publishing.publish(made, out, "clp/x", keep, day)


def shown(out):
    return (out / "clp/x/report.pdf").read_text()


def kept(out):
    """What the runs there are say, newest first."""
    runs = history.runs_of(out, "clp/x")
    return [(run.folder / "report.pdf").read_text() for run in runs]


def versions(out):
    return sorted((out / "clp/.runs/x").iterdir())


def test_a_report_is_replaced_whole_and_older_versions_removed(tmp_path):
    out = tmp_path / "reports"
    for count, text in enumerate(("first", "second", "third", "fourth"), 1):
        assert publish(out, text) == out / "clp/x"
        assert shown(out) == text
        assert len(versions(out)) == min(count, 2)
    assert kept(out) == ["fourth", "third"]
    assert sorted(path.name for path in (out / ".work").iterdir()) == ["lock"]


def test_there_is_no_instant_without_the_report(tmp_path):
    out = tmp_path / "reports"
    missing = []
    over = threading.Event()

    def look():
        while not over.is_set():
            try:
                os.readlink(out / "clp/x")
            except OSError as error:
                missing.append(str(error))

    with publishing.work_folder(out) as work:
        publishing.publish(make_run(work, "first", "text"), out, "clp/x")
        watcher = threading.Thread(target=look)
        watcher.start()
        for number in range(100):
            publishing.publish(make_run(work, str(number), "text"), out, "clp/x")
        over.set()
        watcher.join()
    assert missing == []


def test_who_was_just_opening_the_old_report_still_gets_it(tmp_path):
    out = tmp_path / "reports"
    with publishing.work_folder(out) as work:
        publishing.publish(make_run(work, "0", "old"), out, "clp/x")
        # Opening a path first follows its links: a new report may come in between.
        followed = (out / "clp/x/report.pdf").resolve()
        publishing.publish(make_run(work, "1", "new"), out, "clp/x")
    assert followed.read_text() == "old"
    assert (out / "clp/x/report.pdf").read_text() == "new"


def test_a_real_folder_in_the_way_becomes_a_link(tmp_path):
    out = tmp_path / "reports"
    (out / "clp/x").mkdir(parents=True)
    (out / "clp/x/report.pdf").write_text("copied here by hand")
    with publishing.work_folder(out) as work:
        publishing.publish(make_run(work, "0", "new"), out, "clp/x")
    assert (out / "clp/x").is_symlink()
    assert (out / "clp/x/report.pdf").read_text() == "new"
    assert sorted((path / "report.pdf").read_text() for path in versions(out)) == [
        "copied here by hand",
        "new",
    ]


def test_without_the_right_to_make_links_folders_are_swapped(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError("a required privilege is not held")

    monkeypatch.setattr(publishing.Path, "symlink_to", refuse)
    out = tmp_path / "reports"
    for text, expected in (
        ("first", ["first"]),
        ("second", ["second", "first"]),
        ("third", ["third", "second"]),
    ):
        publish(out, text)
        assert not (out / "clp/x").is_symlink()
        assert shown(out) == text
        assert kept(out) == expected
    publishing.show_again(history.runs_of(out, "clp/x")[1], out)
    assert shown(out) == "second"
    assert kept(out) == ["third", "second"]


def test_a_run_is_named_by_when_it_started_and_what_it_is_made_from(tmp_path):
    publish(tmp_path, "text", started="2026-11-22T04:15:00+02:00", run_id="3f9a12bc77aa")
    [version] = versions(tmp_path)
    assert re.fullmatch("20261122T021500Z-3f9a12bc77aa-[0-9a-f]{4}", version.name)


def test_a_run_whose_record_says_nonsense_gets_a_name_all_the_same(tmp_path):
    publish(tmp_path, "text", started=["noon"], run_id="../../elsewhere")
    [version] = versions(tmp_path)
    assert re.fullmatch("[0-9]{8}T[0-9]{6}Z-0{12}-[0-9a-f]{4}", version.name)
    assert shown(tmp_path) == "text"


def test_a_report_of_an_earlier_day_goes_into_the_history_only(tmp_path):
    publish(tmp_path, "october", "2024-10-31")
    place = publish(tmp_path, "september", "2024-09-30")
    assert shown(tmp_path) == "october"
    assert (place / "report.pdf").read_text() == "september"
    assert place.parent == tmp_path / "clp/.runs/x"
    assert kept(tmp_path) == ["september", "october"]
    publish(tmp_path, "october again", "2024-10-31")
    assert shown(tmp_path) == "october again"
    publish(tmp_path, "november", "2024-11-30")
    assert shown(tmp_path) == "november"
    publish(tmp_path, "of no day")
    assert shown(tmp_path) == "of no day"


def test_a_damaged_report_gives_way_to_one_of_an_earlier_day(tmp_path):
    publish(tmp_path, "october", "2024-10-31")
    (tmp_path / "clp/x/report.pdf").write_text("octobes")
    publish(tmp_path, "september", "2024-09-30")
    assert shown(tmp_path) == "september"


def test_a_report_of_a_day_to_come_does_not_hide_the_others_until_then(tmp_path):
    publish(tmp_path, "october", "2024-10-31")
    far = date.today() + timedelta(days=30)  # the clock was wrong for a night
    publish(tmp_path, "far", far.isoformat())
    assert shown(tmp_path) == "far"
    publish(tmp_path, "november", "2024-11-30")
    assert shown(tmp_path) == "november"


def test_the_rules_of_keeping_are_followed_after_every_run(tmp_path):
    keep = Keep(last=1, month_ends=2)
    for day in ("08-31", "09-29", "09-30", "10-01", "10-30", "10-31", "11-01"):
        publish(tmp_path, day, f"2024-{day}", keep)
    assert shown(tmp_path) == "11-01"
    # The one shown until now stays for those who were just opening it.
    assert kept(tmp_path) == ["11-01", "10-31"]
    publish(tmp_path, "11-02", "2024-11-02", keep)
    assert kept(tmp_path) == ["11-02", "11-01", "10-31"]


def test_the_clock_set_back_does_not_turn_the_order_round(tmp_path):
    publish(tmp_path, "first", started="2030-01-01T00:00:00+00:00")
    publish(tmp_path, "second", started="2001-01-01T00:00:00+00:00")
    publish(tmp_path, "third", started="1999-01-01T00:00:00+00:00")
    assert shown(tmp_path) == "third"
    assert kept(tmp_path) == ["third", "second"]


@pytest.mark.parametrize("step", ["symlink_to", "replace", "write_json", "mkdtemp"])
def test_a_disk_that_is_full_leaves_everything_as_it_was(tmp_path, monkeypatch, step):
    publish(tmp_path, "good", "2024-10-31")
    before = versions(tmp_path)

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with publishing.work_folder(tmp_path) as work:
        made = make_run(work, "0", "new")
        owner = {
            "symlink_to": publishing.Path,
            "replace": publishing.os,
            "write_json": publishing,
            "mkdtemp": publishing.tempfile,
        }[step]
        monkeypatch.setattr(owner, step, full)
        with pytest.raises(OSError, match="No space left"):
            publishing.publish(made, tmp_path, "clp/x")
        monkeypatch.undo()
        assert (made / "report.pdf").read_text() == "new"
    assert versions(tmp_path) == before
    assert shown(tmp_path) == "good"
    assert publish(tmp_path, "later") == tmp_path / "clp/x"
    assert shown(tmp_path) == "later"


def test_a_run_of_the_history_can_be_shown_again(tmp_path):
    publish(tmp_path, "first")
    publish(tmp_path, "second")
    _, first = history.runs_of(tmp_path, "clp/x")
    assert publishing.show_again(first, tmp_path) == tmp_path / "clp/x"
    assert shown(tmp_path) == "first"
    assert publishing.show_again(first, tmp_path) == tmp_path / "clp/x"
    publish(tmp_path, "of a day", "2024-10-31")
    older = publish(tmp_path, "of a day before", "2024-10-30")
    [run, *_] = history.runs_of(tmp_path, "clp/x")
    assert publishing.show_again(run, tmp_path) == older
    assert shown(tmp_path) == "of a day"


def test_a_run_killed_before_it_was_shown_is_no_report_but_not_lost(tmp_path, monkeypatch):
    publish(tmp_path, "first")

    class Killed(BaseException):
        pass

    def die(*_):
        raise Killed

    monkeypatch.setattr(publishing, "_show", die)
    with pytest.raises(Killed):
        publish(tmp_path, "second")
    monkeypatch.undo()
    assert shown(tmp_path) == "first"
    publish(tmp_path, "third")
    assert (shown(tmp_path), kept(tmp_path)) == ("third", ["third", "second", "first"])


@pytest.mark.parametrize(
    "place",
    ["../x", "clp/..", "/etc/x", "clp", "clp/x/y", "failed/x", ".work/x", "clp/.runs", "clp/",
     "c:/x", "clp\\..\\x/y", "clp/a\0b", ""],
)  # fmt: skip
def test_a_place_outside_the_folder_of_reports_is_refused(place):
    with pytest.raises(InputError, match="a report cannot be put there"):
        publishing.check_place(place)


def test_a_usual_place_is_taken():
    for place in ("clp/x", "monthly/value-north", "clp/My report.v2", "failing/failed"):
        publishing.check_place(place)


def test_the_folder_of_reports_can_be_moved(tmp_path):
    with publishing.work_folder(tmp_path / "reports") as work:
        publishing.publish(make_run(work, "0", "text"), tmp_path / "reports", "clp/x")
    (tmp_path / "reports").rename(tmp_path / "elsewhere")
    assert (tmp_path / "elsewhere/clp/x/report.pdf").read_text() == "text"


def test_the_work_folder_is_private_and_gone_afterwards(tmp_path):
    with publishing.work_folder(tmp_path / "reports") as work:
        assert oct(work.stat().st_mode)[-3:] == "700"
        make_run(work, "0", "half done")
    assert not work.exists()


def test_work_of_dead_runs_is_removed_and_of_live_ones_kept(tmp_path):
    root = tmp_path / "reports/.work"
    for name in ("dead", "live"):
        (root / name).mkdir(parents=True)
        (root / name / "half").write_text("half done")
    with (root / "live/alive").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with publishing.work_folder(tmp_path / "reports"):
            assert not (root / "dead").exists()
            assert (root / "live/half").exists()


def test_a_failure_replaces_the_one_before_and_is_cleared_by_a_good_run(tmp_path):
    out = tmp_path / "reports"
    for text in ("first", "second"):
        with publishing.work_folder(out) as work:
            kept = publishing.keep_failure(make_run(work, "0", text), out, "clp/x")
        assert kept == out / "failed/clp/x"
        assert (kept / "report.pdf").read_text() == text
    with publishing.work_folder(out) as work:
        publishing.keep_failure(make_run(work, "0", "other"), out, "clp/y")
    publishing.clear_failure(out, "clp/x")
    assert [path.name for path in (out / "failed/clp").iterdir()] == ["y"]
    publishing.clear_failure(out, "clp/y")
    assert not (out / "failed").exists()


def test_a_good_run_after_a_failed_one(workbook, plain_pdf):
    workbook.add("clp/x", "1 / 0")
    assert workbook.run("clp/x").exit_code == 1
    workbook.add("clp/x", "1 / 1")
    assert workbook.run("clp/x").exit_code == 0
    assert not (workbook.reports / "failed").exists()
    assert workbook.record("clp/x")["state"] == "good"


def test_a_file_where_the_folder_should_be(tmp_path):
    (tmp_path / "reports").write_text("")
    with (
        pytest.raises(InputError, match="reports: cannot write reports there: "),
        publishing.work_folder(tmp_path / "reports"),
    ):
        raise AssertionError("not reached")


def test_showing_a_run_again_clears_away_what_killed_runs_have_left(tmp_path):
    publish(tmp_path, "first")
    (run,) = history.runs_of(tmp_path, "clp/x")
    left = tmp_path / ".work/tmpleft"
    left.mkdir()
    (left / "alive").touch()
    with publishing.work_folder(tmp_path) as alive:
        left.mkdir(exist_ok=True)
        publishing.show_again(run, tmp_path)
        assert alive.exists()  # of a run that lives
    assert not left.exists()
