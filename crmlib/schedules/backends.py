"""Where runs run at the same time: threads here, or the workers of a dask cluster.

Both go through `joblib.Parallel`. What runs is always the same function with the same
arguments; a backend adds `stop` to them.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import joblib

from crmlib.errors import InputError
from crmlib.report.stopping import Stop

Name = Literal["threads", "dask"]
Call = tuple[Any, ...]
LOOK = 0.2  # seconds between two looks at whether to stop; short, so that Windows sees Ctrl-C


class SettableStop(Stop, Protocol):
    """What a backend hands to its runs."""

    def set(self) -> None:
        """End them."""


@dataclass(frozen=True)
class StopFile:
    """A stop that other machines see too: it is set when its file is gone.

    Removing a file works on a full disk, where making one does not. And when the process that
    made it is killed, whoever tidies up after it stops its runs with that.

    Attributes
    ----------
    path : pathlib.Path
        A file in a folder that all machines share; there as long as the runs may go on.
    """

    path: Path

    def is_set(self) -> bool:
        """Whether the file is gone."""
        try:
            os.stat(self.path)
        except FileNotFoundError:
            return True
        except OSError:
            return False  # a share that does not answer just now is no reason to stop
        return False

    def set(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)


@dataclass(frozen=True)
class Lost:
    """Instead of its result: a call that no worker brought to its end.

    Attributes
    ----------
    call : tuple
        Its arguments.
    reason : str
        Why, in a line.
    died : bool
        Whether its workers died; else something else went wrong with the cluster.
    """

    call: Call
    reason: str
    died: bool


class Backend(Protocol):
    """A place for runs."""

    stop: SettableStop
    threads: int  # cores that one run may use

    def results(self, function: Callable[..., Any], calls: Sequence[Call]) -> Iterable[Any]:
        """Yield what `function(*call, stop)` returns, in the order in which it does."""

    def given_up(self) -> str:
        """Why no more results are to be waited for; empty as long as there is no reason."""


class Threads:
    """Threads of this process that wait for kernels, each a process of its own.

    Parameters
    ----------
    parallel : int
        How many at the same time; they share the cores.
    """

    def __init__(self, parallel: int) -> None:
        self.parallel = parallel
        self.stop: SettableStop = threading.Event()
        self.threads = max(1, joblib.cpu_count() // parallel)

    def results(self, function: Callable[..., Any], calls: Sequence[Call]) -> Iterable[Any]:
        """Yield what `function(*call, stop)` returns, in the order in which it does."""
        with joblib.parallel_config(backend="threading", n_jobs=self.parallel):
            return in_parallel(function, calls, self.stop, n_waiting=self.parallel)

    def given_up(self) -> str:
        """Nothing: a stop is obeyed within moments."""
        return ""


def in_parallel(
    function: Callable[..., Any], calls: Sequence[Call], stop: Stop, *, n_waiting: int | None
) -> Iterable[Any]:
    """Hand calls to the joblib backend that is configured, one by one.

    Parameters
    ----------
    function : callable
        What to call.
    calls : sequence of tuple
        Its arguments but for the last, which is `stop`.
    stop : Stop
        Handed on.
    n_waiting : int, optional
        How many may be handed over before one has returned; without it all.

    Returns
    -------
    iterable
        What the calls return, as they do.
    """
    parallel = joblib.Parallel(
        return_as="generator_unordered", batch_size=1, pre_dispatch=n_waiting or "all"
    )
    results: Iterable[Any] = parallel(joblib.delayed(function)(*call, stop) for call in calls)
    return results


def opened(
    name: Name, *, parallel: int | None, scheduler: str | None, out: Path
) -> AbstractContextManager[Backend]:
    """Open a backend for a `with` statement.

    Parameters
    ----------
    name : "threads" or "dask"
        Which.
    parallel : int, optional
        How many runs at the same time. By default one in threads, and as many as its workers
        take on a cluster.
    scheduler : str, optional
        Address of the dask scheduler.
    out : pathlib.Path
        The folder of reports.

    Raises
    ------
    InputError
        The cluster cannot be used, or only one of `name` and `scheduler` speaks of one.
    """
    if name == "threads":
        if scheduler:
            raise InputError("--scheduler is for --backend dask")
        return _threads(parallel or 1)
    if not scheduler:
        raise InputError("--backend dask needs the scheduler's address: --scheduler ADDRESS")
    try:
        from crmlib.schedules import cluster
    except ModuleNotFoundError as error:
        raise InputError(
            f"--backend dask needs {error.name}, which is not installed; "
            "install crmlib with its extra: pip install 'crmlib[cluster]'"
        ) from None
    return cluster.connected(scheduler, out, parallel)


@contextmanager
def _threads(parallel: int) -> Iterator[Backend]:
    yield Threads(parallel)


def collected(
    backend: Backend, function: Callable[..., Any], calls: Sequence[Call], stop: Stop
) -> Generator[Any]:
    """Yield results in this thread while others work, and hand a stop on to them.

    That leaves the thread, which is to be the main one, free for signals. Whoever does not take
    all results must close the iterator: that stops the runs.

    Parameters
    ----------
    backend : Backend
        Where they run.
    function : callable
        Called with each of `calls` and the backend's stop.
    calls : sequence of tuple
        Its arguments.
    stop : Stop
        The caller's; when it is set the backend's is.
    """
    answers: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()

    def collect() -> None:
        try:
            for result in backend.results(function, calls):
                answers.put(("result", result))
            answers.put(("end", None))
        except Exception as error:
            answers.put(("error", error))

    thread = threading.Thread(target=collect, daemon=True)
    thread.start()
    try:
        yield from _until_the_end(answers, backend, stop)
    finally:
        backend.stop.set()
        while thread.is_alive() and not backend.given_up():
            thread.join(LOOK)


def _until_the_end(
    answers: queue.SimpleQueue[tuple[str, Any]], backend: Backend, stop: Stop
) -> Iterator[Any]:
    while not backend.given_up():
        if stop.is_set():
            backend.stop.set()
        try:
            kind, answer = answers.get(timeout=LOOK)
        except queue.Empty:
            continue
        if kind == "error":
            raise answer
        if kind == "end":
            return
        yield answer


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
