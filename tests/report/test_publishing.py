"""Moving a finished run into place, and keeping what failed."""

import fcntl
import os
import threading

import pytest

from crmlib.errors import InputError
from crmlib.report import publishing


def make_run(work, name, text):
    folder = work / name
    folder.mkdir()
    for file in ("report.pdf", "notebook.ipynb", "run.json"):
        (folder / file).write_text(text)
    return folder


def versions(out):
    return sorted((out / "clp/.runs/x").iterdir())


def test_a_report_is_replaced_whole_and_older_versions_removed(tmp_path):
    out = tmp_path / "reports"
    for count, text in enumerate(("first", "second", "third", "fourth"), 1):
        with publishing.work_folder(out) as work:
            place = publishing.publish(make_run(work, "0", text), out, "clp/x")
        assert place == out / "clp/x"
        assert {path.read_text() for path in place.iterdir()} == {text}
        assert len(versions(out)) == min(count, 2)
    assert [path.name for path in (out / ".work").iterdir()] == ["lock"]


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
        for number in range(200):
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
    assert len(versions(out)) == 1


def test_without_the_right_to_make_links_folders_are_swapped(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError("a required privilege is not held")

    monkeypatch.setattr(publishing.Path, "symlink_to", refuse)
    out = tmp_path / "reports"
    for text in ("first", "second"):
        with publishing.work_folder(out) as work:
            publishing.publish(make_run(work, "0", text), out, "clp/x")
        assert not (out / "clp/x").is_symlink()
        assert (out / "clp/x/report.pdf").read_text() == text
        assert versions(out) == []


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
        assert {path.read_text() for path in kept.iterdir()} == {text}
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
