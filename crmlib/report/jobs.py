"""What is to be made, and how it ended."""

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

from crmlib.report.history import THE_LAST_TWO, Keep
from crmlib.report.notebooks import Notebook

State = Literal["good", "unchanged", "failed", "held", "stopped"]


@dataclass(frozen=True)
class Job:
    """A report to make: its notebook, the values given, the record's settings.

    Attributes
    ----------
    notebook : Notebook
        What to run.
    values : dict
        Checked values for some of its parameters.
    out : pathlib.Path
        The folder of reports.
    timeout : float, optional
        Seconds the whole notebook may take.
    place : str
        Where in `out` the report goes; the notebook's name unless said.
    as_of : datetime.date, optional
        The day the report is made for.
    memory : int, optional
        Bytes the kernel may take.
    threads : int, optional
        How many cores the kernel may use.
    keep : Keep
        Which earlier runs stay.
    secrets : tuple of str
        Names of environment variables whose values reach no file.
    withheld : tuple of str
        Those among them that are other reports': the notebook does not get them, unless it names
        them itself.
    repeat : bool
        Run even if an identical good run is there.
    labels : dict
        What else run.json is to say: schedule, job, case.
    """

    notebook: Notebook
    values: dict[str, Any]
    out: Path
    timeout: float | None = None
    place: str = ""
    as_of: date | None = None
    memory: int | None = None
    threads: int | None = None
    keep: Keep = THE_LAST_TWO
    secrets: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()
    repeat: bool = True
    labels: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Fill in the place."""
        object.__setattr__(self, "place", self.place or self.notebook.name)


@dataclass(frozen=True)
class Result:
    """How a run ended.

    Attributes
    ----------
    report : str
        Its place, such as "clp/life_cycle".
    exit_code : int
        See `crmlib.report.exit_codes`.
    folder : pathlib.Path or None
        Where the report is, or what is kept of the failed run; None when nothing is.
    seconds : float
        How long it took.
    message : str
        Why it failed, or what else there is to say; empty for a plain good run.
    state : str
        "good", "unchanged", "failed", "held" or "stopped".
    record : dict
        What run.json says; empty when none was written.
    is_listed : bool
        Whether the page of all reports could be written, which is no part of the report; if not,
        the message says why.
    """

    report: str
    exit_code: int
    folder: Path | None
    seconds: float
    message: str = ""
    state: State = "good"
    record: dict[str, Any] = field(default_factory=dict)
    is_listed: bool = True


# ----------------------------------------------------------------- many runs
