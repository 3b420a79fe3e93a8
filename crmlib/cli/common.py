"""What several commands share: an option, complaints, and what a signal does."""

import os
import signal
import sys
import threading
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
    help="Folder of notebooks; by default the workbook's own.",
)


def say(line: str, err: bool = False) -> str:
    """Print a line; return why it could not be, such as a full disk or a pipe nobody reads."""
    try:
        click.echo(line, err=err)
    except OSError as error:
        return error.strerror or type(error).__name__
    return ""


def complain(message: str) -> str:
    """Print a message for the user on standard error; return why it could not be."""
    return say(f"crmlib: {message}", err=True)


def give_up_unwritten() -> None:
    """Drop what could not be printed: Python would try again as it ends, and exit with 120."""
    for stream in (sys.stdout, sys.stderr):
        if stream is None:  # closed by whoever started us
            continue
        try:
            stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


def at_most_the_cores(jobs: int | None) -> int:
    """Return how many reports to make at the same time: as asked, but no more than cores."""
    if not jobs or jobs == 1:
        return 1
    from crmlib.report.parallel import cores

    most = cores()
    if jobs > most:
        complain(f"--jobs {jobs} is more than the cores there are; {most} at the same time")
    return min(jobs, most)


class Terminated(BaseException):
    """SIGTERM came while nothing ran that is to end in order."""


@contextmanager
def sigterm_raises() -> Iterator[None]:
    """Within this, SIGTERM raises `Terminated`."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(*_: object) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def signals(stop: "Event") -> Iterator[list[int]]:
    """Within this, Ctrl-C and SIGTERM end the runs in order; yields the exit code to use."""
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
