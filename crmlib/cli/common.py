"""What several commands share: an option, complaints, and what a signal does."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crmlib.report.exit_codes import INTERRUPTED, TERMINATED

if TYPE_CHECKING:
    from threading import Event

NOTEBOOKS_OPTION = click.option(
    "--notebooks",
    "notebooks_path",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Folder of notebooks; by default `notebooks` here, else the workbook's own.",
)


def complain(message: str) -> None:
    """Print a message for the user on standard error."""
    click.echo(f"crmlib: {message}", err=True)


@contextmanager
def signals(stop: "Event") -> Iterator[list[int]]:
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
