"""Planned runs and how they ended, without files and kernels."""

from datetime import date
from pathlib import Path

from crmlib.report.history import Keep
from crmlib.report.jobs import Result
from crmlib.report.notebooks import Notebook
from crmlib.schedules.file import Planned, Schedule
from crmlib.schedules.running import Outcome


def plan(name="value", case="", **settings):
    base = {
        "name": name,
        "case": case,
        "place": f"monthly/{name}-{case}" if case else f"monthly/{name}",
        "notebook": Notebook("clp/x", Path("notebooks/clp/x.ipynb")),
        "values": {},
        "as_of": date(2026, 11, 22),
        "timeout": None,
        "retries": 0,
        "retry_wait": 0.0,
        "memory": None,
        "keep": Keep(),
        "max_age": None,
        "secrets": (),
    }
    return Planned(**base | settings)


def schedule(*planned, out=Path("reports"), alert=None):
    return Schedule("monthly", Path("monthly.toml"), out, planned, alert)


def good(place, folder=Path("reports/monthly/value")):
    return Result(place, 0, folder, 3.25, record={"run_id": "3f9a12bc77aa"})


def failed(place, code=1, message="cell 3 failed: 1 / 0\nZeroDivisionError: division by zero"):
    record = {"run_id": "3f9a12bc77aa", "message": message, "warnings": []}
    return Result(place, code, Path("reports/failed") / place, 61.0, message, "failed", record)


def outcome(planned, result=None, attempts=1):
    return Outcome(planned, result or failed(planned.place), attempts)
