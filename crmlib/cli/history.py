"""`crmlib prune` and `crmlib status`: earlier runs that can go, and how the reports stand."""

import os
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crmlib.cli.common import NOTEBOOKS_OPTION, complain
from crmlib.errors import InputError
from crmlib.report.exit_codes import WRITING_FAILED

if TYPE_CHECKING:
    from crmlib.report.history import Keep, Run
    from crmlib.schedules.file import Schedule

OUT = Path("reports")
NOT_WELL = 1  # exit code of `crmlib status`

PRUNE_EXAMPLES = """\b
Examples:
  crmlib prune monthly.toml                 list what its keep rules let go
  crmlib prune monthly.toml --yes           remove it
  crmlib prune --last 3 --month-ends 24     the same rule for every report here
"""
STATUS_EXAMPLES = """\b
Examples:
  crmlib status
  crmlib status monthly.toml
  crmlib status --out /srv/reports --max-age "26 h"
"""

FILE_ARGUMENT = click.argument(
    "file", required=False, type=click.Path(path_type=Path), metavar="[FILE.toml]"
)
OUT_OPTION = click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of reports; by default `reports`, or what FILE.toml says.",
)


def _schedule(file: Path, out: Path | None, notebooks_path: Path | None) -> "Schedule":
    from crmlib.report.notebooks import find_notebooks, notebooks_folder
    from crmlib.schedules.file import read_schedule

    if out is not None:
        raise click.UsageError(f"{file} says where its reports are; leave out --out")
    available = find_notebooks(notebooks_folder(notebooks_path))
    return read_schedule(file, available, date.today(), to_run=False)


def _existing(out: Path) -> Path:
    if not out.is_dir():
        raise InputError(f"{out}: there is no such folder of reports; name it with --out")
    return out


# ----------------------------------------------------------------- prune


@click.command("prune", epilog=PRUNE_EXAMPLES)
@FILE_ARGUMENT
@OUT_OPTION
@click.option(
    "--last", type=click.IntRange(1), metavar="N", help="Keep the N newest good runs of a report."
)
@click.option(
    "--month-ends",
    type=click.IntRange(0),
    metavar="N",
    help="Keep the last run of each of the N newest months as well.",
)
@click.option(
    "--yes",
    is_flag=True,
    help="Remove them, and write the page of reports anew; without this they are only listed.",
)
@NOTEBOOKS_OPTION
def prune(
    file: Path | None,
    out: Path | None,
    last: int | None,
    month_ends: int | None,
    yes: bool,
    notebooks_path: Path | None,
) -> None:
    """List earlier runs that need not be kept, with their bytes; with --yes remove them.

    With FILE.toml its keep rules hold for its reports, and only for these; otherwise --last
    and --month-ends hold for every report of the folder. The report that readers see always
    stays, and a report that is being made at this moment is left alone.
    """
    rule = _rule(file, last, month_ends)
    if file:
        schedule = _schedule(file, out, notebooks_path)
        out = schedule.out
        rules = {planned.place: planned.keep for planned in schedule.jobs}
    else:
        from crmlib.report.history import places

        out = _existing(out or OUT)
        rules = dict.fromkeys(places(out), rule)
    if yes:
        _remove(out, rules)
    else:
        _list(out, rules)


def _rule(file: Path | None, last: int | None, month_ends: int | None) -> "Keep":
    """Return the rule that the options give; the options are checked, FILE or not."""
    from crmlib.report.history import Keep

    given = last is not None or month_ends is not None
    if file and given:
        raise click.UsageError(f"{file} says what to keep; leave out --last and --month-ends")
    if not file and not given:
        raise click.UsageError("say what to keep: FILE.toml, --last N or --month-ends N")
    return Keep(last=last or 1, month_ends=month_ends or 0)


def _list(out: Path, rules: "dict[str, Keep]") -> None:
    sizes = []
    for place, keep in rules.items():
        for run in _removable(out, place, keep):
            sizes.append(_size(run.folder))
            click.echo(f"{sizes[-1]:>15,}  {run.folder}")
    click.echo(_total("would be removed; --yes removes them", sizes))


def _remove(out: Path, rules: "dict[str, Keep]") -> None:
    from crmlib.report.index_page import PAGE, write_index

    sizes: list[int] = []
    faults: list[str] = []
    for place, keep in rules.items():
        faults += _remove_from(out, place, keep, sizes)
    # Reports may have been removed by hand, too. A folder of something else gets no page.
    if out.is_dir() and (rules or (out / PAGE).exists()):
        try:
            write_index(out)
        except OSError as error:
            faults.append(
                f"{out}: the page of reports could not be written: {error.strerror or error}"
            )
    click.echo(_total("removed", sizes))
    for fault in faults:
        complain(fault)
    if faults:
        sys.exit(WRITING_FAILED)


def _remove_from(out: Path, place: str, keep: "Keep", sizes: list[int]) -> list[str]:
    """Remove what one report does not need; returns why something could not be removed."""
    from crmlib.report import history, locks

    if not _removable(out, place, keep):
        return []
    try:
        # A run that is being made may rest on an earlier one: see crmlib.report.identity.
        with locks.report_lock(out, place):
            for run in _removable(out, place, keep):
                size = _size(run.folder)
                history.remove(run)
                if not run.folder.exists():
                    sizes.append(size)
                    click.echo(f"{size:>15,}  {run.folder}")
    except locks.Held as held:
        complain(f"{held}; nothing of it was removed")
    except locks.NotWritable as error:
        return [str(error)]
    return []


def _removable(out: Path, place: str, keep: "Keep") -> "list[Run]":
    from crmlib.report.history import runs_of, superfluous

    found = []
    for run in superfluous(runs_of(out, place), keep):
        if _is_within(run.folder, out):
            found.append(run)
        else:
            complain(f"{run.folder} is left alone: it lies outside {out}")
    return found


def _is_within(folder: Path, out: Path) -> bool:
    """Whether a folder really lies in the folder of reports, whatever links lead there."""
    return folder.resolve().is_relative_to(out.resolve())


def _size(folder: Path) -> int:
    """Bytes of the files in a folder; what links lead to is not counted."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(root, name)).st_size
            except OSError:
                continue  # it has just gone
    return total


def _total(what: str, sizes: list[int]) -> str:
    runs = f"{len(sizes)} run{'' if len(sizes) == 1 else 's'}"
    return f"{sum(sizes):>15,}  bytes of {runs} {what}" if sizes else "nothing to remove"


# ----------------------------------------------------------------- status


def _duration(_: click.Context, __: click.Parameter, text: str | None) -> timedelta | None:
    from crmlib.schedules.units import read_duration

    if text is None:
        return None
    try:
        return read_duration(text)
    except InputError as error:
        raise click.BadParameter(str(error)) from None


@click.command("status", epilog=STATUS_EXAMPLES)
@FILE_ARGUMENT
@OUT_OPTION
@click.option(
    "--max-age",
    callback=_duration,
    metavar='"26 h"',
    help="How old a report's last success may be; goes before what FILE.toml says.",
)
@NOTEBOOKS_OPTION
def status(
    file: Path | None, out: Path | None, max_age: timedelta | None, notebooks_path: Path | None
) -> None:
    """Tell when each report was last made or found unchanged, and what is wrong with it.

    With FILE.toml the reports that it asks for, otherwise all reports of the folder.

    Exit code, for monitoring: 0 all is well; 1 a report is failing, overdue or damaged, or was
    never made; 2 the question was wrong.
    """
    from crmlib.schedules.status import lines, states

    now = datetime.now(UTC)
    if file:
        schedule = _schedule(file, out, notebooks_path)
        found = states(schedule.out, schedule.jobs, max_age, now)
    else:
        found = states(_existing(out or OUT), None, max_age, now)
    if not found:
        # A monitor that looks at the wrong folder must not be content.
        complain(f"{out or OUT} holds no report yet")
        sys.exit(NOT_WELL)
    for line in lines(found, now):
        click.echo(line)
    sys.exit(0 if all(state.is_well for state in found) else NOT_WELL)
