"""The log: one line a run, whatever is in it."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

from crmlib.report.jobs import Result
from crmlib.schedules.log import human_line, json_line, log_line
from tests.schedules.made_plans import failed, good, outcome, plan


def test_a_line_of_json_tells_everything():
    planned = plan("value", "north", retries=2)
    line = json_line(outcome(planned, failed(planned.place), attempts=3))
    told = json.loads(line)
    time = datetime.fromisoformat(told.pop("time"))
    assert abs((datetime.now(UTC) - time).total_seconds()) < 5
    assert told == {
        "schedule": "monthly",
        "job": "value",
        "case": "north",
        "report": "clp/x",
        "place": "monthly/value-north",
        "state": "failed",
        "exit_code": 1,
        "seconds": 61.0,
        "attempts": 3,
        "as_of": "2026-11-22",
        "run_id": "3f9a12bc77aa",
        "folder": str(Path("reports/failed/monthly/value-north")),
        "message": "cell 3 failed: 1 / 0\nZeroDivisionError: division by zero",
    }


def test_what_there_is_not_is_null():
    planned = plan()
    held = Result(planned.place, 75, None, 0.0, "process 7 is making it", "held")
    told = json.loads(json_line(outcome(planned, held)))
    assert (told["run_id"], told["folder"], told["case"]) == (None, None, "")


def test_it_is_one_line_whatever_the_message_holds():
    hostile = "a\nb\r\nc\x1b[31m\u2028d\x85e\x00f é 客"
    planned = plan()
    ended = outcome(planned, failed(planned.place, message=hostile))
    line = json_line(ended)
    assert line.isascii()
    assert len(line.splitlines()) == 1
    assert json.loads(line)["message"] == hostile
    line = human_line(ended)
    assert len(line.splitlines()) == 1
    assert line.isprintable()
    assert "a; b; c\\x1b[31m; d; e\\x00f é 客" in line


def test_a_line_of_the_log_begins_with_the_local_time_and_its_zone():
    ended = outcome(plan())
    time, line = log_line(ended, 20).split("  ", 1)
    assert line == human_line(ended, 20)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", time)
    told = datetime.fromisoformat(time)
    assert abs((datetime.now(UTC) - told).total_seconds()) < 5
    assert told.utcoffset() == datetime.now().astimezone().utcoffset()


def test_lines_to_read_are_aligned():
    long, short = plan("value", "north-west"), plan("churn", retries=1)
    unchanged = Result(
        long.place, 0, Path("reports/monthly/x"), 0.12, "the same as 3f9a", "unchanged"
    )
    width = len(long.place)
    assert [
        human_line(outcome(short, good(short.place), attempts=2), width),
        human_line(outcome(long, unchanged), width),
        human_line(outcome(short), width),
    ] == [
        "monthly/churn                3.2 s  good       attempt 2 of 2; "
        + str(Path("reports/monthly/value/report.pdf")),
        "monthly/value-north-west     0.1 s  unchanged  the same as 3f9a; "
        + str(Path("reports/monthly/x/report.pdf")),
        "monthly/churn               61.0 s  failed     exit code 1; cell 3 failed: 1 / 0; "
        "ZeroDivisionError: division by zero; kept in " + str(Path("reports/failed/monthly/churn")),
    ]


def test_a_run_that_was_held_says_by_whom():
    planned = plan()
    held = Result(planned.place, 75, None, 0.0, "process 7 on here is making it", "held")
    line = human_line(outcome(planned, held))
    assert line == "monthly/value     0.0 s  held       process 7 on here is making it"
