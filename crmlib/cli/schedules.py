"""`crmlib schedule`: what a schedule file asks for, run now or only shown."""

import json
import sys
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from crmlib.cli.common import NOTEBOOKS_OPTION, at_most_the_cores, complain, say, signals
from crmlib.report.exit_codes import GOOD, HELD, WRITING_FAILED

if TYPE_CHECKING:
    from crmlib.report.stopping import Stop
    from crmlib.schedules.file import Planned, Schedule
    from crmlib.schedules.running import Outcome

SCHEDULE_EXAMPLES = """\b
Examples:
  crmlib schedule monthly.toml --dry-run            what would run, and where it lands
  crmlib schedule monthly.toml --jobs 2
  crmlib schedule monthly.toml --as-of 2026-07-01   as it would have run on that day
  crmlib schedule monthly.toml --only value-north --force
  crmlib schedule monthly.toml --backend dask --scheduler tcp://10.0.0.5:8786
"""


@click.command("schedule", epilog=SCHEDULE_EXAMPLES)
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE.toml")
@click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="The day to make the reports for, such as 2026-07-01; today unless said.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 256),
    help="How many reports to make at the same time, at most one for each core; on a cluster "
    "as many as its workers take unless said.  [default: 1]",
)
@click.option(
    "--only",
    multiple=True,
    metavar="NAME",
    help="A job, or one of its runs such as value-north; give it again for another one.",
)
@click.option("--dry-run", is_flag=True, help="Show what would run; run and write nothing.")
@click.option(
    "--force",
    is_flag=True,
    help="Run also what is there already, made from the same notebook, values, inputs and code.",
)
@click.option(
    "--backend",
    type=click.Choice(["threads", "dask"]),
    default="threads",
    show_default=True,
    help="Run on this machine, or on the workers of a dask cluster.",
)
@click.option("--scheduler", metavar="ADDRESS", help="Where the cluster's dask scheduler is.")
@click.option(
    "--log",
    type=click.Choice(["human", "json"]),
    default="human",
    show_default=True,
    help="Lines to read, or one line of JSON a run on standard output and nothing else there.",
)
@NOTEBOOKS_OPTION
def schedule(
    file: Path,
    as_of: datetime | None,
    jobs: int | None,
    only: tuple[str, ...],
    dry_run: bool,
    force: bool,
    backend: Literal["threads", "dask"],
    scheduler: str | None,
    log: Literal["human", "json"],
    notebooks_path: Path | None,
) -> None:
    """Make the reports that a schedule file asks for.

    All of the file is checked before anything runs. A report that is there already, made from
    the same notebook, values, inputs and code, is not made again: after an interruption the
    same command goes on with what is left.

    Exit code: that of the first run of the file that failed, as in `crmlib report`; when none
    did, 74 if the log or the page of all reports could not be written, or else 75 if another
    process is making a report; 130 or 143 interrupted.
    """
    _check_cluster(backend, scheduler)
    from crmlib.report.notebooks import find_notebooks, notebooks_folder
    from crmlib.schedules.file import read_schedule
    from crmlib.schedules.running import chosen

    available = find_notebooks(notebooks_folder(notebooks_path))
    day = as_of.date() if as_of else date.today()
    wanted = chosen(read_schedule(file, available, day), only)
    if dry_run:
        _show(wanted, force, log)
        return
    if backend == "threads":
        jobs = at_most_the_cores(jobs)
    _run(wanted, log, parallel=jobs, force=force, scheduler=scheduler)


def _check_cluster(backend: str, scheduler: str | None) -> None:
    if backend == "dask" and not scheduler:
        raise click.UsageError("--backend dask needs --scheduler ADDRESS")
    if backend != "dask" and scheduler:
        raise click.UsageError("--scheduler is for --backend dask")


# ----------------------------------------------------------------- running


def _run(schedule: "Schedule", log: str, **how: Any) -> None:
    from threading import Event

    from tqdm import tqdm

    from crmlib.schedules.running import exit_code_of, run_schedule

    stop = Event()
    with (
        signals(stop) as caught,
        tqdm(
            total=len(schedule.jobs),
            unit="run",
            disable=not sys.stderr.isatty(),
            leave=False,
        ) as progress,
    ):
        tell = _Teller(schedule, log, stop)

        def on_outcome(outcome: "Outcome") -> None:
            progress.clear()
            tell(outcome)
            progress.update()

        outcomes = run_schedule(
            schedule, stop=stop, on_outcome=on_outcome, on_cell=progress.refresh, **how
        )
    if caught:
        complain("interrupted; what is done stays done, and the same command does the rest")
        sys.exit(caught[0])
    code = exit_code_of(outcomes)
    if tell.fault:
        complain(f"not all of the log could be written: {tell.fault}")
        code = WRITING_FAILED if code in (GOOD, HELD) else code
    sys.exit(code)


class _Teller:
    """Tells of every run; where that cannot be written, the runs go on all the same.

    Attributes
    ----------
    fault : str
        Why something could not be written; empty as long as everything could.
    """

    def __init__(self, schedule: "Schedule", log: str, stop: "Stop") -> None:
        self.alert = schedule.alert
        self.log = log
        self.stop = stop
        self.width = max((len(planned.place) for planned in schedule.jobs), default=0)
        self.fault = ""

    def __call__(self, outcome: "Outcome") -> None:
        from crmlib.schedules.alerts import send_alert
        from crmlib.schedules.log import json_line, log_line

        place, result = outcome.planned.place, outcome.result
        # First of all: the line can hang or fail with whatever reads the log.
        alert = self.alert if result.state == "failed" else None
        problem = send_alert(alert, outcome, self.stop) if alert else None
        if self.log == "json":
            self._note(say(json_line(outcome)))
            if not result.is_listed:
                self._note(complain(f"{place}: {result.message}"))
        elif result.state != "stopped":
            good = result.state in ("good", "unchanged") and result.is_listed
            self._note(say(log_line(outcome, self.width), err=not good))
        if problem:
            self._note(complain(f"{place}: the alert failed: {problem}"))

    def _note(self, fault: str) -> None:
        self.fault = self.fault or fault


# ----------------------------------------------------------------- showing


def _show(schedule: "Schedule", force: bool, log: str) -> None:
    for planned in schedule.jobs:
        plan = _plan(schedule, planned, force)
        if log == "json":
            click.echo(json.dumps(plan))
        else:
            click.echo(_told(plan) + "\n")


def _plan(schedule: "Schedule", planned: "Planned", force: bool) -> dict[str, Any]:
    """What a run would be, as JSON holds it; secrets stay `${NAME}`."""
    from crmlib.report.identity import same_as_before
    from crmlib.report.secrets import hide_passwords_within
    from crmlib.schedules.running import job_of

    before = None if force else same_as_before(job_of(schedule, planned, None, force))
    return {
        "place": planned.place,
        "report": planned.notebook.name,
        "parameters": hide_passwords_within(planned.values),
        "as_of": planned.as_of.isoformat(),
        "timeout": planned.timeout,
        "memory": planned.memory,
        "retries": planned.retries,
        "retry_wait": planned.retry_wait,
        "keep": {"last": planned.keep.last, "month_ends": planned.keep.month_ends},
        "folder": str(schedule.out / planned.place),
        "unchanged": before is not None,
    }


def _told(plan: dict[str, Any]) -> str:
    given = [f"{name} = {json.dumps(value)}" for name, value in plan["parameters"].items()]
    rows = {
        "report": plan["report"],
        "parameters": ("\n" + " " * 14).join(given) or "all at their defaults",
        "as of": plan["as_of"],
        "limits": ", ".join(_limits(plan)),
        "folder": plan["folder"],
        "would": "be unchanged: it is there already" if plan["unchanged"] else "run",
    }
    lines = [f"  {name:<10}  {text}" for name, text in rows.items()]
    return "\n".join([click.style(plan["place"], bold=True), *lines])


def _limits(plan: dict[str, Any]) -> list[str]:
    keep = plan["keep"]
    limits = [f"{plan['timeout']:g} s" if plan["timeout"] else "no time limit"]
    limits.append(f"{plan['memory'] / 1e9:g} GB" if plan["memory"] else "no memory limit")
    if plan["retries"]:
        limits.append(f"tried {plan['retries'] + 1} times, {plan['retry_wait']:g} s apart")
    limits.append(f"keeps the last {keep['last']} and {keep['month_ends']} month-ends")
    return limits
