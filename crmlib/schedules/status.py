"""How the reports of a folder stand: when each was last made, and which one needs somebody."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crmlib.report.history import (
    FAILED,
    Run,
    failure_of,
    local,
    moment_of,
    places,
    runs_of,
)
from crmlib.schedules.faults import printable

if TYPE_CHECKING:
    from crmlib.schedules.file import Planned

# Clocks of the machines of a cluster differ by less; more is a clock that was wrong.
CLOCKS_DIFFER = timedelta(minutes=5)


@dataclass(frozen=True)
class State:
    """How one report stands.

    Attributes
    ----------
    place : str
        Where it lies in the folder of reports.
    last_success : datetime.datetime or None
        When a good report was last made, or asked for and found unchanged. A run made for an
        earlier day than the one that is shown does not count.
    last_run : datetime.datetime or None
        When a run last ended, good or not.
    exit_code : int or None
        Of the last run; None when none is known.
    message : str
        What is wrong; empty when nothing is.
    max_age : datetime.timedelta or None
        How old the last success may be.
    is_overdue : bool
        The last success is older than that, or is dated in the future, or a planned report
        was never made.
    is_damaged : bool
        The report that readers see is not as its run left it; or they see none, though there
        are runs.
    """

    place: str
    last_success: datetime | None
    last_run: datetime | None
    exit_code: int | None
    message: str
    max_age: timedelta | None
    is_overdue: bool
    is_damaged: bool = False

    @property
    def is_failing(self) -> bool:
        """The last run went wrong."""
        return self.exit_code not in (None, 0)

    @property
    def is_well(self) -> bool:
        """Nobody has to look at it."""
        troubled = self.is_failing or self.is_overdue or self.is_damaged
        return self.last_success is not None and not troubled

    @property
    def word(self) -> str:
        """The state in one word, in capitals where somebody has to look."""
        if self.is_failing:
            return "FAILING"
        if self.is_damaged:
            return "DAMAGED"
        if self.last_success is None:
            return "NEVER"
        return "OVERDUE" if self.is_overdue else "good"


def states(
    out: Path, planned: Sequence[Planned] | None, max_age: timedelta | None, now: datetime
) -> list[State]:
    """Look how reports stand.

    Parameters
    ----------
    out : pathlib.Path
        The folder of reports.
    planned : sequence of Planned or None
        What a schedule asks for; None looks at every report of the folder.
    max_age : datetime.timedelta or None
        How old a last success may be; it goes before what the schedule says.
    now : datetime.datetime
        The time to judge by, with its zone.

    Returns
    -------
    list of State
        In the order of the schedule, or of the places.
    """
    if planned is None:
        return [_state(out, place, max_age, now, is_planned=False) for place in places(out)]
    return [_state(out, job.place, max_age or job.max_age, now, is_planned=True) for job in planned]


def _state(
    out: Path, place: str, max_age: timedelta | None, now: datetime, *, is_planned: bool
) -> State:
    runs = runs_of(out, place)
    failure = failure_of(out, place)
    if not failure and (out / FAILED / place).is_dir():
        failure = {"message": "the record of its failure cannot be read"}
    shown = next((run for run in runs if run.is_latest), None)
    success, in_future = _last_success([run for run in runs if _is_news(run, shown)], now)
    ended = [run.finished for run in runs] + [moment_of(failure.get("finished"))]
    is_damaged = bool(runs) and (shown is None or not shown.is_complete)
    damage = "files of the report that is shown are missing or changed"
    if shown is None:
        damage = f"there are runs of it, but {out / place} leads to none of them"
    is_late = success is not None and max_age is not None and now - success > max_age
    is_only_future = success is None and in_future is not None
    remarks = [
        str(failure.get("message") or "it gives no reason") if failure else "",
        damage if is_damaged else "",
        f"dated in the future ({_shown(in_future)}): was the clock set back?" if in_future else "",
        f"should be at most {_length(max_age)} old" if is_late and max_age else "",
    ]
    return State(
        place=place,
        last_success=success or in_future,
        last_run=max((moment for moment in ended if moment), default=None),
        exit_code=_exit_code(runs, failure),
        message="; ".join(remark for remark in remarks if remark),
        max_age=max_age,
        # Nobody knows how old a success from the future is.
        is_overdue=is_late
        or (is_only_future and max_age is not None)
        or (is_planned and success is None and in_future is None),
        is_damaged=is_damaged,
    )


def _is_news(run: Run, shown: Run | None) -> bool:
    """Whether a run is of the day of the report that is shown, or of a later one."""
    if shown is None or shown.as_of is None or run.as_of is None:
        return True
    return run.as_of >= shown.as_of


def _last_success(runs: Iterable[Run], now: datetime) -> tuple[datetime | None, datetime | None]:
    """Return the newest success that is not in the future, and one that is."""
    moments = [
        (moment, run)
        for run in runs
        if run.record.get("state") == "good"
        for moment in (run.finished, run.confirmed)
        if moment
    ]
    moments.sort(key=lambda pair: pair[0], reverse=True)
    in_future = None
    # The newest first: completeness is worked out by reading every file of a run.
    for moment, run in moments:
        if not run.is_complete:
            continue
        if moment <= now + CLOCKS_DIFFER:
            return moment, in_future
        in_future = in_future or moment
    return None, in_future


def _exit_code(runs: list[Run], failure: dict[str, Any]) -> int | None:
    last = failure or next((run.record for run in runs if run.record), {})
    code = last.get("exit_code")
    if failure and (not isinstance(code, int) or code == 0):
        return 1  # a failure whose record cannot be trusted is still one
    return code if isinstance(code, int) else None


# ----------------------------------------------------------------- in words


def lines(found: Sequence[State], now: datetime) -> list[str]:
    """Return one line of text a report, aligned; times are those of this machine's zone.

    Parameters
    ----------
    found : sequence of State
    now : datetime.datetime
        The time from which ages are counted.

    Returns
    -------
    list of str
        State, place, last success, its age, what is wrong or that it can never be overdue.
    """
    rows = [
        (state.word, state.place, _shown(state.last_success), _age(state, now), _reason(state))
        for state in found
    ]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(4)]
    return [
        "  ".join(
            [*(cell.ljust(width) for cell, width in zip(row[:4], widths, strict=True)), row[4]]
        ).rstrip()
        for row in rows
    ]


def _reason(state: State) -> str:
    code = f"exit {state.exit_code}: " if state.is_failing else ""
    is_ageless = state.last_success is not None and state.max_age is None
    remarks = [f"{code}{state.message}", "no max_age: never overdue" if is_ageless else ""]
    # Messages hold what data and notebooks say; a terminal must not obey any of it.
    return printable(" ".join("; ".join(filter(None, remarks)).split()))


def _shown(moment: datetime | None) -> str:
    return f"{local(moment):%Y-%m-%d %H:%M}" if moment else "never made"


def _age(state: State, now: datetime) -> str:
    if state.last_success is None:
        return ""
    age = now - state.last_success
    return "from the future" if age < -CLOCKS_DIFFER else f"{_length(age)} ago"


def _length(span: timedelta) -> str:
    """Return a time span as 45 min, 26 h or 3 days."""
    minutes = max(0, round(span.total_seconds() / 60))
    if minutes < 120:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h"
    return f"{minutes // (24 * 60)} days"
