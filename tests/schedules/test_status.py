"""How the reports stand: what is good, failing, overdue, and what a clock or a disk did to it."""

import sys
import time
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from crmlib.cli import main
from crmlib.report import history, publishing
from crmlib.schedules.status import lines, states
from tests.report.made_runs import make_failure, make_run, moment
from tests.schedules.made_notebooks import write_notebooks

NOW = moment("2026-11-22T12:00")
DAY = timedelta(days=1)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "reports"


def planned(place, max_age=None):
    return SimpleNamespace(place=place, max_age=max_age)


def one(out, max_age=None, now=NOW, jobs=None):
    found = states(out, jobs, max_age, now)
    assert len(found) == 1
    return found[0]


def status(*arguments):
    return CliRunner().invoke(main, ["status", *map(str, arguments)], catch_exceptions=False)


# ----------------------------------------------------------------- how they stand


def test_a_good_report_is_well_until_it_is_too_old(out):
    make_run(out, finished="2026-11-21T12:00:00+00:00")
    state = one(out, DAY)
    assert (state.place, state.word, state.is_well) == ("clp/forecast", "good", True)
    assert state.last_success == state.last_run == NOW - DAY
    assert (state.exit_code, state.message) == (0, "")
    later = one(out, DAY, NOW + timedelta(seconds=1))
    assert (later.word, later.is_overdue, later.is_well) == ("OVERDUE", True, False)
    assert "at most 24 h old" in later.message
    assert one(out, None, NOW + 1000 * DAY).is_well


def test_a_run_found_unchanged_counts_from_when_it_was_asked_for(out):
    run = make_run(out, finished="2026-01-01T00:00:00+00:00")
    history.write_json(run.folder / "confirmed.json", {"confirmed": "2026-11-22T11:00:00+00:00"})
    assert one(out, DAY).last_success == moment("2026-11-22T11:00")
    assert one(out, DAY).is_well


def test_a_failing_report_tells_its_last_success_its_exit_code_and_why(out):
    make_run(out, finished="2026-11-22T02:00:00+00:00")
    make_failure(out, exit_code=138, message="out of memory", finished="2026-11-22T03:00:00+00:00")
    state = one(out, DAY)
    assert (state.word, state.is_failing, state.is_overdue) == ("FAILING", True, False)
    assert state.last_success == moment("2026-11-22T02:00")
    assert state.last_run == moment("2026-11-22T03:00")
    assert (state.exit_code, state.message) == (138, "out of memory")


def test_a_report_that_only_ever_failed(out):
    make_failure(out)
    state = one(out)
    assert (state.word, state.last_success, state.is_well) == ("FAILING", None, False)


@pytest.mark.parametrize("record", ["", "{}", "[1]", '{"exit_code": 0}', '{"exit_code": "x"}'])
def test_a_failure_with_a_damaged_record_is_a_failure(out, record):
    make_run(out)
    (make_failure(out) / "run.json").write_text(record)
    assert one(out).word == "FAILING"


def test_what_a_schedule_plans_and_nobody_made_is_overdue(out):
    make_run(out, "monthly/value", finished="2026-11-22T11:00:00+00:00")
    make_run(out, "other/thing")
    jobs = [planned("monthly/costs"), planned("monthly/value", DAY)]
    costs, value = states(out, jobs, None, NOW)
    assert (costs.place, costs.word, costs.is_overdue) == ("monthly/costs", "NEVER", True)
    assert costs.exit_code is None
    assert value.is_well


def test_what_is_asked_for_now_goes_before_the_schedule(out):
    make_run(out, finished="2026-11-20T12:00:00+00:00")
    jobs = [planned("clp/forecast", DAY)]
    assert one(out, jobs=jobs).is_overdue
    assert one(out, 3 * DAY, jobs=jobs).is_well
    assert one(out, 3 * DAY, jobs=jobs).max_age == 3 * DAY


@pytest.mark.parametrize("text", ["", "{", "null", '{"state": "good"}', "\ud800".join("{}")])
def test_a_damaged_record_is_no_success(out, text):
    make_run(out, finished="2026-11-20T12:00:00+00:00")
    newest = make_run(out, finished="2026-11-22T11:00:00+00:00")
    (newest.folder / "run.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    state = one(out, DAY)
    assert state.last_success == moment("2026-11-20T12:00")
    assert (state.word, state.is_overdue, state.is_well) == ("DAMAGED", True, False)


def test_a_report_whose_pdf_was_changed_is_no_success(out):
    run = make_run(out, finished="2026-11-22T11:00:00+00:00")
    (run.folder / "report.pdf").write_bytes(b"half")
    state = one(out)
    assert (state.word, state.last_success) == ("DAMAGED", None)
    assert "missing or changed" in state.message


@pytest.mark.parametrize("leads", ["nowhere", "to another place", "no link", "a file"])
def test_a_report_that_readers_cannot_find_is_damaged(out, leads):
    make_run(out, finished="2026-11-22T11:00:00+00:00")
    link = out / "clp/forecast"
    link.unlink()
    if leads == "a file":
        link.write_text("in the way")
    elif leads != "no link":
        link.symlink_to(".runs/nowhere" if leads == "nowhere" else ".runs")
    state = one(out, DAY)
    assert (state.word, state.is_damaged, state.is_well) == ("DAMAGED", True, False)
    assert str(link) in state.message
    assert status("--out", out).exit_code == 1


# ----------------------------------------------------------------- days made again


def test_an_old_day_made_again_is_no_news(out):
    make_run(out, as_of="2026-11-20", finished="2026-11-20T12:00:00+00:00")
    again = make_run(out, as_of="2020-01-01", finished="2026-11-22T11:00:00+00:00")
    history.write_json(again.folder / "confirmed.json", {"confirmed": "2026-11-22T11:30:00+00:00"})
    state = one(out, DAY)
    assert (state.word, state.last_success) == ("OVERDUE", moment("2026-11-20T12:00"))
    assert state.last_run == moment("2026-11-22T11:00")
    make_run(out, as_of="2026-11-20", finished="2026-11-22T11:45:00+00:00")
    assert one(out, DAY).last_success == moment("2026-11-22T11:45")


@pytest.mark.parametrize(
    ("failed", "good", "is_cleared"),
    [
        ("2026-11-22", "2026-03-01", False),
        ("2026-11-22", "2026-11-22", True),
        ("2026-11-22", "2026-11-23", True),
        ("2026-11-22", None, True),
        (None, "2026-03-01", True),
        ("2999-01-01", "2026-11-22", True),  # a clock that was wrong
        ("no day", "2026-11-22", True),
    ],
)
def test_a_failure_ends_with_a_good_run_of_its_day_or_a_later_one(out, failed, good, is_cleared):
    make_run(out, finished="2026-11-22T11:00:00+00:00")
    make_failure(out, as_of=failed)
    publishing.clear_failure(out, "clp/forecast", good and date.fromisoformat(good))
    assert one(out).is_failing is not is_cleared


def test_a_success_from_the_future_is_told_and_the_one_before_it_counts(out):
    make_run(out, finished="2026-11-21T18:00:00+00:00")
    make_run(out, finished="2026-11-22T12:06:00+00:00")
    state = one(out, DAY)
    assert state.last_success == moment("2026-11-21T18:00")
    assert state.is_well
    assert "clock" in state.message
    assert one(out, DAY, NOW + timedelta(minutes=1)).last_success == moment("2026-11-22T12:06")


def test_a_success_from_the_far_future_does_not_keep_a_report_fresh(out):
    make_run(out, finished="2026-11-21T18:00:00+00:00")
    make_run(out, finished="2031-01-01T00:00:00+00:00")
    assert one(out, DAY).is_well
    assert one(out, DAY, NOW + DAY).is_overdue


def test_a_success_that_can_only_be_from_the_future_is_not_fresh(out):
    make_run(out, finished="2031-01-01T00:00:00+00:00")
    state = one(out, DAY)
    assert (state.word, state.is_overdue) == ("OVERDUE", True)
    assert "clock" in state.message
    assert "from the future" in lines([state], NOW)[0]
    assert one(out, None).is_well  # where no age is asked for, it is good
    assert one(out, None, jobs=[planned("clp/forecast")]).is_well


def test_clocks_of_two_machines_may_differ_by_minutes(out):
    make_run(out, finished="2026-11-22T12:04:00+00:00")
    state = one(out, DAY)
    assert (state.is_well, state.message) == (True, "")
    assert "0 min ago" in lines([state], NOW)[0]


def test_a_time_without_zone_is_read_as_utc(out):
    make_run(out, finished="2026-11-22T11:00:00")
    assert one(out, DAY).last_success == moment("2026-11-22T11:00")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sets no time zone by variable")
@pytest.mark.parametrize("zone", ["America/Los_Angeles", "UTC", "Asia/Tokyo"])
@pytest.mark.parametrize("offset", ["-11:00", "+00:00", "+11:00", ""])
def test_a_moment_at_the_end_of_the_calendar_is_no_fault(out, monkeypatch, zone, offset):
    make_run(out)
    record = history.read_json(out / "clp/forecast/run.json")
    history.write_json(
        out / "clp/forecast/run.json", {**record, "finished": f"9999-12-31T23:59:59{offset}"}
    )
    with monkeypatch.context() as patch:
        patch.setenv("TZ", zone)
        time.tzset()
        told = status("--out", out, "--max-age", "26 h")
    time.tzset()
    assert told.exit_code == 1
    assert len(told.output.splitlines()) == 1
    assert told.output.split()[0] in ("OVERDUE", "NEVER")


# ----------------------------------------------------------------- the lines


def test_lines_are_aligned_and_each_is_one(out):
    make_run(out, "clp/a", finished="2026-11-22T11:15:00+00:00")
    make_run(out, "segmentation/long-name", finished="2026-11-19T11:00:00+00:00")
    make_failure(
        out, "segmentation/long-name", message="first\nsecond\x1b[2J\r\u202egnp", exit_code=2
    )
    shown = lines(states(out, None, DAY, NOW), NOW)
    assert len(shown) == 2
    assert shown[0].split()[:2] == ["good", "clp/a"]
    assert shown[0].endswith("45 min ago")
    assert shown[1].startswith("FAILING  segmentation/long-name  20")
    assert shown[1].endswith(
        r"3 days ago  exit 2: first second\x1b[2J \u202egnp; should be at most 24 h old"
    )
    assert shown[0].index("20") == shown[1].index("20")  # the years stand below each other
    assert all(line.isprintable() for line in shown)


def test_a_report_that_can_never_be_overdue_says_so(out):
    make_run(out, finished="2026-11-22T11:15:00+00:00")
    assert lines([one(out)], NOW)[0].endswith("45 min ago  no max_age: never overdue")
    assert "max_age" not in lines([one(out, DAY)], NOW)[0]
    make_failure(out, message="it broke")
    assert lines([one(out)], NOW)[0].endswith("exit 1: it broke; no max_age: never overdue")
    (never,) = states(out, [planned("clp/other")], None, NOW)
    assert "never overdue" not in lines([never], NOW)[0]


# ----------------------------------------------------------------- the command


def hours_ago(hours):
    return (datetime.now(UTC) - timedelta(hours=hours)).isoformat(timespec="seconds")


def test_the_command_exits_0_when_all_is_well_and_1_when_not(out):
    make_run(out, "clp/a", finished=hours_ago(1))
    make_run(out, "clp/b", finished=hours_ago(30))
    good = status("--out", out)
    assert good.exit_code == 0
    assert [line.split()[:2] for line in good.output.splitlines()] == [
        ["good", "clp/a"],
        ["good", "clp/b"],
    ]
    late = status("--out", out, "--max-age", "26 h")
    assert late.exit_code == 1
    assert [line.split()[0] for line in late.output.splitlines()] == ["good", "OVERDUE"]
    make_failure(out, "clp/a")
    assert status("--out", out).exit_code == 1


def test_the_command_looks_at_reports_here_unless_told(out, monkeypatch):
    make_run(out, finished=hours_ago(1))
    monkeypatch.chdir(out.parent)
    assert status().exit_code == 0


def test_a_schedule_names_the_reports_and_their_ages(out, tmp_path):
    write_notebooks(tmp_path / "notebooks")
    file = tmp_path / "monthly.toml"
    file.write_text(
        'max_age = "26 h"\n[jobs.value]\nnotebook = "segmentation/value"\n'
        '[jobs.value.for]\nregion = ["north", "south"]\n'
    )
    arguments = (file, "--notebooks", tmp_path / "notebooks")
    make_run(out, "monthly/value-north", finished=hours_ago(1))
    make_run(out, "clp/not_asked_for", finished=hours_ago(1000))
    found = status(*arguments)
    assert found.exit_code == 1
    assert [line.split()[:2] for line in found.output.splitlines()] == [
        ["good", "monthly/value-north"],
        ["NEVER", "monthly/value-south"],
    ]
    make_run(out, "monthly/value-south", finished=hours_ago(27))
    assert status(*arguments).exit_code == 1
    assert status(*arguments, "--max-age", "2 days").exit_code == 0
    wrong = status(*arguments, "--out", out)
    assert (wrong.exit_code, "leave out --out" in wrong.output) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--max-age", "26"], "26 h"),
        (["--max-age", "-1 h"], "'-1 h' is not a duration"),
        (["--out", "nowhere"], "there is no such folder of reports"),
        (["nothing.toml"], "nothing.toml"),
        (["--unknown"], "--unknown"),
    ],
)
def test_a_wrong_question_exits_2(tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    found = status(*arguments)
    assert found.exit_code == 2
    assert said in found.output


def test_a_folder_without_reports_does_not_content_a_monitor(out):
    out.mkdir()
    found = status("--out", out)
    assert found.exit_code == 1
    assert "holds no report yet" in found.output
