"""Runs on the workers of a dask cluster; needs the extra `cluster`."""

from __future__ import annotations

import concurrent.futures
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import distributed
import joblib
from joblib._dask import DaskDistributedBackend

from crmlib.errors import InputError
from crmlib.report import publishing
from crmlib.report.identity import source_hash
from crmlib.schedules.backends import Call, Lost, SettableStop, StopFile, in_parallel

ANSWER_LIMIT = 10.0  # seconds the scheduler may take to answer
STOP_LIMIT = 30.0  # seconds the workers may take to end their runs when asked to
NO_WORKER_LIMIT = 60.0  # seconds to wait for a worker when there is none
LOOK_FOR_WORKERS = 5.0  # seconds between two looks


@contextmanager
def connected(address: str, out: Path, parallel: int | None) -> Iterator[_Cluster]:
    """Use a cluster, whose workers must share the folder of reports and have the same crmlib.

    Parameters
    ----------
    address : str
        Of its scheduler, such as "tcp://10.0.0.5:8786".
    out : pathlib.Path
        The folder of reports.
    parallel : int, optional
        How many runs at the same time; without it as many as the workers take.

    Raises
    ------
    InputError
        No scheduler answers, there is no worker, a worker does not see the folder, or its crmlib
        is another.
    """
    with (
        publishing.work_folder(out.absolute()) as work,
        _client(address) as client,
        _quiet(),
    ):
        stop = StopFile(work / "go-on")
        stop.path.touch()
        _wait_for_a_worker(client, address)
        _check_workers(client, stop, out)
        try:
            yield _Cluster(client, stop, parallel)
        finally:
            stop.set()


@contextmanager
def _client(address: str) -> Iterator[Any]:
    try:
        client = distributed.Client(address, timeout=ANSWER_LIMIT, set_as_default=False)
    except (OSError, ValueError) as error:
        cause = "no dask scheduler answers there" if isinstance(error, OSError) else error
        raise InputError(f"--scheduler {address}: {cause}") from None
    try:
        yield client
    finally:
        client.close(timeout=ANSWER_LIMIT)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep dask from writing tracebacks between our lines: what is lost we say ourselves."""
    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.client")]
    before = [logger.disabled for logger in loggers]
    for logger in loggers:
        logger.disabled = True
    try:
        yield
    finally:
        for logger, disabled in zip(loggers, before, strict=True):
            logger.disabled = disabled


def _wait_for_a_worker(client: Any, address: str) -> None:
    try:
        client.wait_for_workers(1, timeout=NO_WORKER_LIMIT)
    except (OSError, TimeoutError):
        raise InputError(
            f"--scheduler {address}: it has had no worker for {NO_WORKER_LIMIT:g} seconds"
        ) from None


def _look_around(stop: StopFile) -> tuple[bool, str]:
    return stop.is_set(), source_hash()


def _check_workers(client: Any, stop: StopFile, out: Path) -> None:
    """See that every worker can do what it will be asked to."""
    faults = []
    for worker, answer in client.run(_look_around, stop, on_error="return").items():
        if isinstance(answer, BaseException):
            faults.append(f"worker {worker}: cannot run crmlib: {answer}")
        elif answer[0]:
            faults.append(f"worker {worker}: does not see {out.absolute()}; all must share it")
        elif answer[1] != source_hash():
            faults.append(f"worker {worker}: its crmlib is not the same as the one here")
    if faults:
        raise InputError("\n".join(faults))


class _Cluster:
    """The workers as a backend."""

    def __init__(self, client: Any, stop: StopFile, parallel: int | None) -> None:
        self.client = client
        self.parallel = parallel
        self.stop: SettableStop = stop
        self.threads = 1  # as dask has it: a worker has as many threads as it is to use cores
        self._stop_file = stop
        self._stopped: float | None = None
        self._worker_seen = self._looked = time.monotonic()

    def results(self, function: Callable[..., Any], calls: Sequence[Call]) -> Iterable[Any]:
        """Yield what `function(*call, stop)` returns, or `Lost`."""
        with joblib.parallel_config(backend=_Backend(client=self.client)):
            return in_parallel(function, calls, self.stop, n_waiting=self.parallel)

    def given_up(self) -> str:
        """Why no more results are to be waited for."""
        now = time.monotonic()
        if self._stop_file.is_set():
            self._stopped = self._stopped or now
            if now - self._stopped > STOP_LIMIT:
                return "stopped; its worker did not answer"
        if self.client.status in ("closing", "closed"):
            return "the connection to the dask scheduler was lost"
        if now - self._looked > LOOK_FOR_WORKERS:
            self._look_for_workers(now)
        if now - self._worker_seen > NO_WORKER_LIMIT:
            return f"the dask cluster has had no worker for {NO_WORKER_LIMIT:g} seconds"
        return ""

    def _look_for_workers(self, now: float) -> None:
        self._looked = now
        try:
            if self.client.scheduler_info(n_workers=1).get("workers"):
                self._worker_seen = now
        except OSError:
            pass  # the connection is being lost; its status will say so


class _Backend(DaskDistributedBackend):
    """joblib's backend, with an answer for every call.

    joblib's own waits for ever for a call that dask has given up because its workers died: it
    is told of results only (joblib 1.6, `DaskDistributedBackend._collect`).
    """

    def submit(self, func: Any, callback: Callable[[Any], None]) -> Any:
        """Send one batch, which is one call, to a worker."""
        ((_, arguments, _),) = func.items
        promise: Any = concurrent.futures.Future()
        promise.get = promise.result  # what joblib calls it

        def answer(task: Any) -> None:
            answers = [_answer(task, arguments[:-1])]
            promise.set_result(answers)
            callback(answers)

        task = self.client.submit(_called, func.items, pure=False)
        task.add_done_callback(answer)
        return promise


def _called(items: list[tuple[Callable[..., Any], Call, dict[str, Any]]]) -> Any:
    ((function, arguments, keywords),) = items
    return function(*arguments, **keywords)


def _answer(task: Any, call: Call) -> Any:
    try:
        return task.result()
    except distributed.KilledWorker:
        return Lost(call, "the dask workers that made it died, one after the other", died=True)
    except (Exception, concurrent.futures.CancelledError) as error:
        return Lost(call, f"dask gave it up: {type(error).__name__}: {error}", died=False)
