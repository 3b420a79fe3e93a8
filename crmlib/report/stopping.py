"""What ends runs early, and waiting that it cuts short."""

import subprocess
import threading
import time
from typing import Any, Protocol

LOOK = 0.2  # seconds between two looks at whether to stop; short, so that Windows sees Ctrl-C


class Stop(Protocol):
    """Something that can be asked, from any thread: a `threading.Event`, or a file's absence."""

    def is_set(self) -> bool:
        """Whether the runs are to end."""
        ...


NEVER: Stop = threading.Event()  # that nobody sets


class StoppedError(Exception):
    """What was going on has been ended because it was asked to."""


def waited(seconds: float, stop: Stop) -> bool:
    """Wait; False as soon as `stop` is set.

    Parameters
    ----------
    seconds : float
        How long.
    stop : Stop
        What cuts it short.
    """
    end = time.monotonic() + seconds
    while not stop.is_set():
        left = end - time.monotonic()
        if left <= 0:
            return True
        time.sleep(min(LOOK, left))
    return False


def output_of(
    process: "subprocess.Popen[Any]", given: Any, seconds: float, stop: Stop
) -> tuple[Any, Any]:
    """Give a process its input and wait until it ends; one that does not is killed.

    Parameters
    ----------
    process : subprocess.Popen
        With pipes.
    given : str or bytes
        For its standard input, as its pipes take it.
    seconds : float
        How long it may take.
    stop : Stop
        What cuts it short.

    Returns
    -------
    tuple of two
        What it wrote to standard output and standard error.

    Raises
    ------
    subprocess.TimeoutExpired
        It took longer.
    StoppedError
        `stop` was set.
    """
    end = time.monotonic() + seconds
    try:
        while True:
            try:
                left = end - time.monotonic()
                return process.communicate(given, timeout=max(0.0, min(LOOK, left)))
            except subprocess.TimeoutExpired:
                if stop.is_set():
                    raise StoppedError from None
                if time.monotonic() >= end:
                    raise
                given = None  # it is on its way already
    except BaseException:
        process.kill()
        raise
