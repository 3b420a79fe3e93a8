"""The `crmlib` command: list the reports, make them, check a table."""

import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from crmlib import __version__
from crmlib.errors import CrmlibError
from crmlib.report.exit_codes import BAD_INPUT, INTERRUPTED, TERMINATED

# What takes long to import is imported within the commands: `crmlib list` answers at once.
if TYPE_CHECKING:
    from threading import Event

    from crmlib.report.notebooks import Notebook
    from crmlib.report.run import Job, Result

SET_ASIDE_SHOWN = 20  # rows that `crmlib check --set-aside` lists one by one

# click leaves the lines after \b as they are.
MAIN_EXAMPLES = """\b
Examples:
  crmlib list                     what reports there are, and their parameters
  crmlib report                   make them all
  crmlib check transactions FILE  see whether a table of yours can be read
"""
REPORT_EXAMPLES = """\b
Examples:
  crmlib report
  crmlib report clp/life_cycle -p source=purchases.csv -p margin_rate=0.3
  crmlib report -f december.toml --out reports/december --jobs 2
"""
CHECK_EXAMPLES = """\b
Examples:
  crmlib check transactions purchases.csv
  crmlib check transactions purchases.csv --columns amount=dollar_value,date=order_date
"""

NOTEBOOKS_OPTION = click.option(
    "--notebooks",
    "notebooks_path",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Folder of notebooks; by default `notebooks` here, else the workbook's own.",
)


class _Commands(click.Group):
    """Prints our errors in a line or two; no traceback reaches a user."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except CrmlibError as error:
            _complain(str(error))
            sys.exit(BAD_INPUT)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as error:
            with tempfile.NamedTemporaryFile(
                "w", prefix="crmlib-", suffix=".log", delete=False, encoding="utf-8"
            ) as log:
                log.write(traceback.format_exc())
            _complain(f"a fault of crmlib's own: {error}; please report it with {log.name}")
            sys.exit(1)


def _complain(message: str) -> None:
    click.echo(f"crmlib: {message}", err=True)


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=MAIN_EXAMPLES,
)
@click.version_option(__version__, prog_name="crmlib")
def main() -> None:
    """Make PDF reports from the notebooks of the workbook."""


# ----------------------------------------------------------------- list


@main.command("list")
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


@main.command("report", epilog=REPORT_EXAMPLES)
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
    help="How many reports to make at the same time.",
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

    Exit code: 0 good, 1 a cell failed, 2 bad parameters or data, 3 no PDF, 124 timed
    out, 130 or 143 interrupted, 138 the kernel died. With several reports it is that
    of the first that failed.
    """
    prepared = _prepare(names, options, file, notebooks_path)
    from crmlib.report.run import Job

    _make([Job(notebook, values, out, timeout) for notebook, values in prepared], jobs)


def _prepare(
    names: tuple[str, ...], options: tuple[str, ...], file: Path | None, folder: Path | None
) -> "list[tuple[Notebook, dict[str, Any]]]":
    """Choose the notebooks and check the values, before anything runs or is written."""
    from crmlib.report import notebooks, parameters

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
        _signals(stop) as caught,
        tqdm(total=cells, unit="cell", disable=not sys.stderr.isatty(), leave=False) as progress,
    ):
        width = max(len(job.notebook.name) for job in jobs)
        for result in run_all(jobs, parallel=parallel, stop=stop, on_cell=progress.update):
            results.append(result)
            if not caught:
                progress.clear()
                _tell(result, width)
    if caught:
        _complain("interrupted; the last good reports are as they were")
        sys.exit(caught[0])
    sys.exit(next((result.exit_code for result in results if result.exit_code), 0))


def _code_cells(notebook: "Notebook") -> list[dict[str, Any]]:
    return [
        cell for cell in notebook.cells if cell["cell_type"] == "code" and cell["source"].strip()
    ]


def _tell(result: "Result", width: int) -> None:
    if result.exit_code == 0 and result.folder:
        pdf = result.folder / "report.pdf"
        click.echo(f"{result.report:<{width}}  {result.seconds:6.1f} s  {pdf}")
        return
    _complain(f"{result.report}: {result.message}")
    if result.exit_code != BAD_INPUT and result.folder:
        click.echo(f"notebook, traceback and log are kept in {result.folder}", err=True)


@contextmanager
def _signals(stop: "Event") -> Iterator[list[int]]:
    """Within this, Ctrl-C and SIGTERM end the runs in order; yields the exit code to use."""
    import signal

    codes = {signal.SIGINT: INTERRUPTED, signal.SIGTERM: TERMINATED}
    caught: list[int] = []

    def end_the_runs(number: int, _: object) -> None:
        caught.append(codes[signal.Signals(number)])
        stop.set()

    before = {number: signal.signal(number, end_the_runs) for number in codes}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# ----------------------------------------------------------------- check


@main.command("check", epilog=CHECK_EXAMPLES)
@click.argument("kind")
@click.argument("file")
@click.option(
    "--columns",
    metavar="OURS=THEIRS,…",
    default="",
    help="Which of the file's columns is which, for those with another name.",
)
@click.option(
    "--date-order",
    type=click.Choice(["year first", "day first", "month first"]),
    help="How dates are written, where the file does not tell.",
)
@click.option("--decimal", type=click.Choice([".", ","]), help="The decimal sign.")
@click.option(
    "--set-aside", is_flag=True, help="Go on without faulty rows instead of refusing the file."
)
def check(
    kind: str,
    file: str,
    columns: str,
    date_order: Literal["year first", "day first", "month first"] | None,
    decimal: Literal[".", ","] | None,
    set_aside: bool,
) -> None:
    """See whether FILE can be read as a table of KIND, and what is in it.

    KIND is customers, transactions, activities, complaints, responses or frame (a list to draw
    a sample from). FILE is a CSV, Parquet or Excel file, or a database such as
    sqlite:///shop.db#sales.
    """
    renamed = _column_names(columns)
    from crmlib import tables

    table = tables.read(
        file,
        kind=kind,
        columns=renamed,
        date_order=date_order,
        decimal=decimal,
        faulty_rows="set aside" if set_aside else "stop",
    )
    click.echo(_summary(tables.describe(table)))
    for row in table.set_aside.head(SET_ASIDE_SHOWN).itertuples():
        click.echo(f"  row {row.row}: {row.reason}: {row.value}".rstrip(": "))
    if len(table.set_aside) > SET_ASIDE_SHOWN:
        click.echo(f"  and {len(table.set_aside) - SET_ASIDE_SHOWN:,} more")


def _column_names(text: str) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in text.split(",")] if text else []
    wrong = [ours for ours, sign, theirs in pairs if not (ours.strip() and sign and theirs.strip())]
    if wrong:
        raise click.BadParameter(
            f"write it as amount=dollar_value,date=order_date, not {text}",
            param_hint="--columns",
        )
    return {ours.strip(): theirs.strip() for ours, _, theirs in pairs}


def _summary(facts: dict[str, Any]) -> str:
    missing = [f"{cells:,} in {name}" for name, cells in facts["missing_cells"].items() if cells]
    lines = [f"{facts['source']}: {facts['kind']}, {facts['rows']:,} rows"]
    if facts["first_date"]:
        lines.append(f"dates          {facts['first_date']} to {facts['last_date']}")
    lines.append(f"missing cells  {', '.join(missing) or 'none'}")
    lines.append(f"rows set aside {facts['set_aside']:,}")
    if facts["sha256"]:
        lines.append(f"SHA-256        {facts['sha256']}")
    return "\n".join(lines + [f"note           {note}" for note in facts["notes"]])
