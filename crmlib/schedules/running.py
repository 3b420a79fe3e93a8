"""Running a schedule: every planned run, several at once, again where one fails."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from crmlib.errors import InputError
from crmlib.report.exit_codes import CELL_FAILED, GOOD, HELD, KERNEL_DIED, WRITING_FAILED
from crmlib.report.jobs import Job, Result
from crmlib.report.parallel import collected
from crmlib.report.parameters import nearest
from crmlib.report.run import keep_failure, run_report
from crmlib.report.stopping import Stop, waited
from crmlib.schedules import backends

if TYPE_CHECKING:
    from crmlib.schedules.file import Planned, Schedule


@dataclass(frozen=True)
class Outcome:
    """How a planned run ended.

    Attributes
    ----------
    planned : Planned
        What was to be run.
    result : Result
        How the last attempt ended.
    attempts : int
        How often it was tried.
    """

    planned: Planned
    result: Result
    attempts: int


def run_schedule(
    schedule: Schedule,
    *,
    parallel: int | None = None,
    force: bool = False,
    stop: Stop,
    scheduler: str | None = None,
    on_outcome: Callable[[Outcome], object] = lambda outcome: None,
    on_cell: Callable[[], object] | None = None,
) -> list[Outcome]:
    """Make what a schedule asks for; a run that fails does not stop the others.

    Parameters
    ----------
    schedule : Schedule
        What to run.
    parallel : int, optional
        How many runs at the same time: by default one in threads, and on a cluster as many as
        its workers take.
    force : bool
        Run even what is there already, made from the same notebook, values, inputs and code.
    stop : Stop
        Setting it ends the runs; what is done stays done.
    scheduler : str, optional
        Address of a dask scheduler, whose workers make the runs; without it this machine does.
    on_outcome : callable
        Called in this thread with every outcome, as soon as it is there.
    on_cell : callable, optional
        Called after every code cell that ran, from any thread; not on a cluster.

    Returns
    -------
    list of Outcome
        One a planned run, in the order of the file.

    Raises
    ------
    InputError
        The cluster cannot be used.
    """
    if scheduler:  # its workers can have another current folder
        schedule = replace(schedule, out=schedule.out.absolute())
    outcomes: dict[int, Outcome] = {}

    def tell(number: int, result: Result, attempts: int) -> None:
        outcomes[number] = Outcome(schedule.jobs[number], result, attempts)
        on_outcome(outcomes[number])

    with backends.opened(scheduler=scheduler, parallel=parallel, out=schedule.out) as place:
        jobs = [job_of(schedule, planned, place.threads, force) for planned in schedule.jobs]
        calls = [
            (number, job, planned.retries, planned.retry_wait)
            for number, (planned, job) in enumerate(zip(schedule.jobs, jobs, strict=True))
        ]
        run = partial(attempt, on_cell=on_cell) if on_cell and not scheduler else attempt
        with closing(collected(place, run, calls, stop)) as answers:
            for answer in answers:
                tell(*(_lost(answer, stop) if isinstance(answer, backends.Lost) else answer))
        for number, job in enumerate(jobs):
            if number not in outcomes:
                tell(number, _ended(job, CELL_FAILED, place.given_up(), stop), 1)
    return [outcomes[number] for number in range(len(schedule.jobs))]


def job_of(schedule: Schedule, planned: Planned, threads: int | None, force: bool) -> Job:
    """Make of a planned run what `run_report` runs.

    Parameters
    ----------
    schedule : Schedule
        The one it belongs to.
    planned : Planned
        The run.
    threads : int, optional
        How many cores it may use.
    force : bool
        Whether to run what is there already.
    """
    return Job(
        planned.notebook,
        planned.values,
        schedule.out,
        timeout=planned.timeout,
        place=planned.place,
        as_of=planned.as_of,
        memory=planned.memory,
        threads=threads,
        keep=planned.keep,
        # A notebook may print its whole environment: what it need not know it does not get.
        secrets=tuple(sorted({*planned.secrets, *schedule.secrets})),
        withheld=tuple(name for name in schedule.secrets if name not in planned.secrets),
        repeat=force,
        labels={"schedule": schedule.name, "job": planned.name, "case": planned.case},
    )


def attempt(
    number: int,
    job: Job,
    retries: int,
    retry_wait: float,
    stop: Stop,
    on_cell: Callable[[], object] = lambda: None,
) -> tuple[int, Result, int]:
    """Make a report, and again when it fails.

    Parameters
    ----------
    number : int
        Which run of the schedule it is; handed back.
    job : Job
        What to run.
    retries : int
        How often a failed run is repeated; one that was held or stopped is not.
    retry_wait : float
        Seconds in between.
    stop : Stop
        Setting it ends the run, and the wait.
    on_cell : callable
        Called after every code cell that ran.

    Returns
    -------
    tuple of int, Result, int
        The number, how the last attempt ended, how many there were.
    """
    attempts = 1
    while True:
        result = run_report(job, stop, on_cell)
        if result.state != "failed" or attempts > retries or not waited(retry_wait, stop):
            return number, result, attempts
        attempts += 1


def _lost(answer: backends.Lost, stop: Stop) -> tuple[int, Result, int]:
    number, job, *_ = answer.call
    exit_code = KERNEL_DIED if answer.died else CELL_FAILED
    return number, _ended(job, exit_code, answer.reason, stop), 1


def _ended(job: Job, exit_code: int, reason: str, stop: Stop) -> Result:
    """Say how a run ended of which no worker has told, and keep that where others look for it."""
    if stop.is_set():
        return Result(job.place, CELL_FAILED, None, 0.0, reason, state="stopped")
    return keep_failure(job, exit_code, reason)


# ----------------------------------------------------------------- before and after


def chosen(schedule: Schedule, names: Sequence[str]) -> Schedule:
    """Return the schedule with some of its runs only.

    Parameters
    ----------
    schedule : Schedule
        The whole.
    names : sequence of str
        A job's name, for all its runs, or that of one of them such as "value-north". None at all
        for the whole.

    Raises
    ------
    InputError
        A name is not in the schedule; the nearest one is suggested.
    """
    if not names:
        return schedule
    known = list(dict.fromkeys(name for planned in schedule.jobs for name in _names(planned)))
    unknown = [
        f"{schedule.path}: there is no job {name}{nearest(name, known)}"
        for name in dict.fromkeys(names)
        if name not in known
    ]
    if unknown:
        raise InputError("\n".join(unknown))
    jobs = tuple(planned for planned in schedule.jobs if {*names} & {*_names(planned)})
    return replace(schedule, jobs=jobs)


def _names(planned: Planned) -> tuple[str, str]:
    return planned.name, planned.place.split("/")[-1]


def exit_code_of(outcomes: Iterable[Outcome]) -> int:
    """Exit code of a whole schedule.

    Parameters
    ----------
    outcomes : iterable of Outcome
        In the order of the file.

    Returns
    -------
    int
        Of the first run that failed; 74 when nothing failed, but the page of all reports could not
        be written; 75 only when some were held and nothing worse came.
    """
    outcomes = list(outcomes)
    codes = [outcome.result.exit_code for outcome in outcomes]
    failed = [code for code in codes if code not in (GOOD, HELD)]
    if failed:
        return failed[0]
    if not all(outcome.result.is_listed for outcome in outcomes):
        return WRITING_FAILED
    return HELD if HELD in codes else GOOD
