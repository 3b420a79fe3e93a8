"""`crmlib list` and `crmlib report`: which reports there are, and making them."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crmlib.cli.common import NOTEBOOKS_OPTION, at_most_the_cores, complain, signals
from crmlib.errors import CrmlibError, InputError
from crmlib.report.exit_codes import BAD_INPUT, GOOD, HELD, WRITING_FAILED

if TYPE_CHECKING:
    from crmlib.report.jobs import Job, Result
    from crmlib.report.notebooks import Notebook

REPORT_EXAMPLES = """\b
Examples:
  crmlib report
  crmlib report clp/life_cycle -p source=purchases.csv -p margin_rate=0.3
  crmlib report -f december.toml --out reports/december --jobs 2
"""


@click.command("list")
@NOTEBOOKS_OPTION
def list_reports(notebooks_path: Path | None) -> None:
    """List every report with its parameters: name, type, default, help."""
    from crmlib.report.notebooks import choose, find_notebooks, notebooks_folder

    faults = []
    for notebook in choose(find_notebooks(notebooks_folder(notebooks_path)), names=[]):
        try:
            click.echo(_described(notebook) + "\n")
        except CrmlibError as error:
            faults.append(str(error))
    if faults:
        raise CrmlibError("\n".join(faults))


def _described(notebook: "Notebook") -> str:
    rows = [
        (parameter.name, parameter.annotation, repr(parameter.default), parameter.help)
        for parameter in notebook.parameters
    ]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    lines = [f"{click.style(notebook.name, bold=True)}  {notebook.title}"]
    for *cells, help_text in rows:
        columns = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
        lines.append("  ".join(["   ", *columns, help_text]).rstrip())
    return "\n".join(lines)


# ----------------------------------------------------------------- report


@click.command("report", epilog=REPORT_EXAMPLES)
@click.argument("names", nargs=-1, metavar="[NAME]…")
@click.option(
    "-p",
    "--parameter",
    "options",
    multiple=True,
    metavar="NAME=VALUE",
    help="Set a parameter; give it again for another one.",
)
@click.option(
    "-f",
    "--parameters-file",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="TOML file of parameters; a table named like a report is for that report alone.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("reports"),
    show_default=True,
    help="Folder to write to.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    help="How many reports to make at the same time, at most one for each core.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="Stop a notebook that takes longer.",
)
@NOTEBOOKS_OPTION
def report(
    names: tuple[str, ...],
    options: tuple[str, ...],
    file: Path | None,
    out: Path,
    jobs: int,
    timeout: float | None,
    notebooks_path: Path | None,
) -> None:
    """Run notebooks and write each one's PDF; without NAME all of them.

    Lists are written a,b,c or as JSON; names with values a=1,b=2 or as JSON; no value
    at all, where a parameter allows it, as none.

    Exit code: 0 good, 1 a cell failed, 2 bad parameters or data, 3 no PDF, 74 the reports'
    folder cannot be written to, 75 another process is making the report, 124 timed out, 130 or
    143 interrupted, 138 the kernel died. With several reports it is that of the first that
    failed.
    """
    prepared = _prepare(names, options, file, notebooks_path)
    from crmlib.report.jobs import Job

    made = [Job(notebook, values, out, timeout) for notebook, values in prepared]
    _make(made, at_most_the_cores(jobs))


def _prepare(
    names: tuple[str, ...], options: tuple[str, ...], file: Path | None, folder: Path | None
) -> "list[tuple[Notebook, dict[str, Any]]]":
    """Choose the notebooks and check the values, before anything runs or is written."""
    from crmlib.report import notebooks, parameters, secrets

    if fault := secrets.fault_of_pseudonym_key():
        raise InputError(fault)
    available = notebooks.find_notebooks(notebooks.notebooks_folder(folder))
    chosen = notebooks.choose(available, names)
    declared = {notebook.name: notebook.parameters for notebook in chosen}
    given = parameters.GivenValues()
    if file:
        given = parameters.read_file(file, available)
    given = parameters.GivenValues(
        parameters.split_options(options), given.general, given.of_report
    )
    values = parameters.resolve(declared, given)
    for name in given.typed:
        users = [report for report, taken in values.items() if name in taken]
        if len(users) < len(chosen):
            click.echo(f"-p {name} is for {', '.join(users)} only", err=True)
    return [(notebook, values[notebook.name]) for notebook in chosen]


def _make(jobs: "list[Job]", parallel: int) -> None:
    from threading import Event

    from tqdm import tqdm

    from crmlib.report.run import run_all

    cells = sum(len(_code_cells(job.notebook)) + bool(job.values) for job in jobs)
    stop = Event()
    results = []
    with (
        signals(stop) as caught,
        tqdm(total=cells, unit="cell", disable=not sys.stderr.isatty(), leave=False) as progress,
    ):
        width = max(len(job.notebook.name) for job in jobs)
        for result in run_all(jobs, parallel=parallel, stop=stop, on_cell=progress.update):
            results.append(result)
            if not caught:
                progress.clear()
                _tell(result, width)
    if caught:
        complain("interrupted; the last good reports are as they were")
        sys.exit(caught[0])
    unlisted = not all(result.is_listed for result in results)
    codes = [result.exit_code for result in results] + [WRITING_FAILED] * unlisted
    bad = [code for code in codes if code not in (GOOD, HELD)]
    sys.exit(next(iter(bad), max(codes)))


def _code_cells(notebook: "Notebook") -> list[dict[str, Any]]:
    return [
        cell for cell in notebook.cells if cell["cell_type"] == "code" and cell["source"].strip()
    ]


def _tell(result: "Result", width: int) -> None:
    from crmlib.schedules.faults import printable

    # Messages hold what data and notebooks say; a terminal must not obey any of it.
    message = "\n".join(map(printable, result.message.split("\n")))
    if result.exit_code == 0 and result.folder:
        pdf = result.folder / "report.pdf"
        click.echo(f"{result.report:<{width}}  {result.seconds:6.1f} s  {pdf}")
        if message:
            complain(f"{result.report}: {message}")
        return
    complain(f"{result.report}: {message}")
    if result.exit_code != BAD_INPUT and result.folder:
        click.echo(f"notebook, traceback and log are kept in {result.folder}", err=True)
