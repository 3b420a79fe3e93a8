"""Many calls at the same time, in threads here or elsewhere, while the main thread stays free.

Calls go through `joblib.Parallel`. Those here are threads that wait for kernels, each a process
of its own.
"""

import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Protocol

from crmlib.report.stopping import LOOK, Stop

Call = tuple[Any, ...]

# joblib takes long to import; a single call does without it.


class SettableStop(Stop, Protocol):
    """What a backend hands to its runs."""

    def set(self) -> None:
        """End them."""


class Backend(Protocol):
    """A place for runs."""

    stop: SettableStop

    @property
    def threads(self) -> int:
        """Cores that one run may use."""

    def results(self, function: Callable[..., Any], calls: Sequence[Call]) -> Iterable[Any]:
        """Yield what `function(*call, stop)` returns, in the order in which it does."""

    def given_up(self) -> str:
        """Why no more results are to be waited for; empty as long as there is no reason."""


class Threads:
    """Threads of this process.

    Parameters
    ----------
    parallel : int
        How many at the same time; they share the cores.
    """

    def __init__(self, parallel: int) -> None:
        self.parallel = parallel
        self.stop: SettableStop = threading.Event()

    @property
    def threads(self) -> int:
        """Cores that one run may use."""
        return max(1, cores() // self.parallel)

    def results(self, function: Callable[..., Any], calls: Sequence[Call]) -> Iterable[Any]:
        """Yield what `function(*call, stop)` returns, in the order in which it does."""
        if len(calls) == 1:
            return (function(*call, self.stop) for call in calls)
        import joblib

        with joblib.parallel_config(backend="threading", n_jobs=self.parallel):
            return in_parallel(function, calls, self.stop, n_waiting=self.parallel)

    def given_up(self) -> str:
        """Nothing: a stop is obeyed within moments."""
        return ""


def cores() -> int:
    """Number of cores that this process may use; not more runs than these are made at a time."""
    import joblib

    return int(joblib.cpu_count())


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
    import joblib

    parallel = joblib.Parallel(
        return_as="generator_unordered", batch_size=1, pre_dispatch=n_waiting or "all"
    )
    results: Iterable[Any] = parallel(joblib.delayed(function)(*call, stop) for call in calls)
    return results


def collected(
    backend: Backend, function: Callable[..., Any], calls: Sequence[Call], stop: Stop
) -> Generator[Any]:
    """Yield results in this thread while others work, and hand a stop on to them.

    That leaves the thread, which is to be the main one, free for signals; whatever it does with
    a result, a stop reaches the runs at once. Whoever does not take all results must close the
    iterator: that stops the runs.

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

    with _handed_on(stop, backend.stop):
        thread = threading.Thread(target=collect, daemon=True)
        thread.start()
        try:
            yield from _until_the_end(answers, backend)
        finally:
            backend.stop.set()
            while thread.is_alive() and not backend.given_up():
                thread.join(LOOK)


@contextmanager
def _handed_on(stop: Stop, to: SettableStop) -> Iterator[None]:
    """Within this, one stop sets another one, whatever the main thread is at."""
    is_over = threading.Event()

    def look() -> None:
        while True:
            if stop.is_set():
                with suppress(OSError):  # a share that does not answer just now
                    to.set()
            if is_over.wait(LOOK):
                return

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def _until_the_end(
    answers: "queue.SimpleQueue[tuple[str, Any]]", backend: Backend
) -> Iterator[Any]:
    while not backend.given_up():
        try:
            kind, answer = answers.get(timeout=LOOK)
        except queue.Empty:
            continue
        if kind == "error":
            raise answer
        if kind == "end":
            return
        yield answer
