"""The log of a schedule: one line a run, for people or as JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from crmlib.schedules.faults import printable

if TYPE_CHECKING:
    from crmlib.schedules.running import Outcome


def facts(outcome: Outcome) -> dict[str, Any]:
    """What there is to say of a run, as JSON holds it.

    Parameters
    ----------
    outcome : Outcome
        How the run ended.

    Returns
    -------
    dict
        schedule, job, case, report (the notebook), place, state, exit_code, seconds (of the last
        attempt), attempts, as_of, run_id (None where it did not get so far), folder, message.
    """
    planned, result = outcome.planned, outcome.result
    return {
        "schedule": planned.place.split("/")[0],
        "job": planned.name,
        "case": planned.case,
        "report": planned.notebook.name,
        "place": planned.place,
        "state": result.state,
        "exit_code": result.exit_code,
        "seconds": result.seconds,
        "attempts": outcome.attempts,
        "as_of": planned.as_of.isoformat(),
        "run_id": result.record.get("run_id"),
        "folder": str(result.folder) if result.folder else None,
        "message": result.message,
    }


def json_line(outcome: Outcome) -> str:
    """One run as one line of JSON: `time` (UTC, now) and the `facts`.

    Parameters
    ----------
    outcome : Outcome
        How the run ended.

    Returns
    -------
    str
        Plain ASCII without a line break, whatever the message holds.
    """
    time = datetime.now(UTC).isoformat(timespec="seconds")
    return json.dumps({"time": time, **facts(outcome)})


def log_line(outcome: Outcome, width: int = 0) -> str:
    """One run as a line of a log: local time with its zone, then the `human_line`.

    Parameters
    ----------
    outcome : Outcome
        How the run ended, just now.
    width : int
        Of the longest place.
    """
    time = datetime.now().astimezone().isoformat(timespec="seconds")
    return f"{time}  {human_line(outcome, width)}"


def human_line(outcome: Outcome, width: int = 0) -> str:
    """One run as one line to read.

    Parameters
    ----------
    outcome : Outcome
        How the run ended.
    width : int
        Of the longest place, so that the lines of several runs are aligned.

    Returns
    -------
    str
        Place, seconds, state, how many attempts if more than one; then the report, or what
        went wrong and where what is left of the run is kept.
    """
    result = outcome.result
    parts = [f"{outcome.planned.place:<{width}}", f"{result.seconds:6.1f} s", f"{result.state:<9}"]
    return "  ".join([*parts, "; ".join(_remarks(outcome))]).rstrip()


def _remarks(outcome: Outcome) -> list[str]:
    result = outcome.result
    bad = result.state in ("failed", "held", "stopped")
    remarks = [f"exit code {result.exit_code}"] if result.state == "failed" else []
    if outcome.attempts > 1:
        remarks.append(f"attempt {outcome.attempts} of {outcome.planned.retries + 1}")
    remarks += [printable(line) for line in result.message.splitlines() if line.strip()]
    if result.folder and not bad:
        remarks.append(str(result.folder / "report.pdf"))
    if result.folder and result.state == "failed":
        remarks.append(f"kept in {result.folder}")
    return remarks
