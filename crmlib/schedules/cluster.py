"""Runs on the workers of a dask cluster; needs the extra `cluster`."""

from __future__ import annotations

import concurrent.futures
import hashlib
import logging
import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import distributed
import joblib
from joblib._dask import DaskDistributedBackend

from crmlib.errors import InputError
from crmlib.report import publishing
from crmlib.report.identity import source_hash, versions
from crmlib.report.parallel import Call, SettableStop, in_parallel
from crmlib.report.secrets import PSEUDONYM_KEY
from crmlib.schedules.backends import Lost, StopFile

ANSWER_LIMIT = 10.0  # seconds the scheduler may take to answer
STOP_LIMIT = 30.0  # seconds the workers may take to end their runs when asked to
NO_WORKER_LIMIT = 60.0  # seconds to wait for a worker when there is none
LOOK_FOR_WORKERS = 5.0  # seconds between two looks
ROUNDS = 100_000  # of hashing the key of pseudonyms, so that nobody finds it by trying


@contextmanager
def connected(address: str, out: Path, parallel: int | None) -> Iterator[_Cluster]:
    """Use a cluster, whose workers must be like this process in what reports depend on.

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
        No scheduler answers, there is no worker, or a worker does not see the folder, or has
        another crmlib, other versions of packages or another key of pseudonyms.
    """
    with (
        publishing.work_folder(out.absolute()) as work,
        _client(address) as client,
        _quiet(),
    ):
        stop = StopFile(work / "go-on")
        stop.path.touch()
        _wait_for_a_worker(client, address)
        model = _Model.of_here(stop, out)
        _check_workers(client, model)
        try:
            yield _Cluster(client, stop, parallel, model)
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


# ----------------------------------------------------------------- workers like this process


@dataclass(frozen=True)
class _Model:
    """What a worker must have, as this process has it.

    Attributes
    ----------
    folder : pathlib.Path
        One that is there as long as the schedule runs, within `out`.
    out : pathlib.Path
        The folder of reports.
    salt : bytes
        New every time, so that what is sent of the key of pseudonyms can be looked up nowhere.
    here : dict
        What `_look_around` says here.
    """

    folder: Path
    out: Path
    salt: bytes
    here: dict[str, Any]

    @classmethod
    def of_here(cls, stop: StopFile, out: Path) -> _Model:
        folder, salt = stop.path.parent, secrets.token_bytes(16)
        return cls(folder, out.absolute(), salt, _look_around(folder, salt))

    def faults_of(self, there: dict[str, Any]) -> list[str]:
        """Say in what a worker differs."""
        if not there["sees"]:
            return [f"does not see {self.out}; all must share it"]
        if there["crmlib"] != self.here["crmlib"]:
            return ["its crmlib is not the same as the one here"]
        return [*self._other_versions(there["versions"]), *self._other_key(there["key"])]

    def _other_versions(self, there: dict[str, str]) -> Iterator[str]:
        here: dict[str, str] = self.here["versions"]
        for name in sorted(here.keys() | there.keys()):
            if there.get(name) != here.get(name):
                has, wanted = (found.get(name, "none") for found in (there, here))
                yield f"its {name} is {has}, but {wanted} here; all must have the same"

    def _other_key(self, there: str) -> Iterator[str]:
        here = self.here["key"]
        if here and not there:
            yield f"has no {PSEUDONYM_KEY}: its reports would say who customers are"
        elif there and not here:
            yield f"has {PSEUDONYM_KEY} in its environment, which is not set here"
        elif there != here:
            yield f"its {PSEUDONYM_KEY} is not the one here: its pseudonyms would be others"


def _look_around(folder: Path, salt: bytes) -> dict[str, Any]:
    """Say what reports depend on that are made by this process; in types that all versions have."""
    return {
        "sees": folder.is_dir(),
        "crmlib": source_hash(),
        "versions": versions(),
        "key": _digest(os.environ.get(PSEUDONYM_KEY, ""), salt),
    }


@cache
def _digest(key: str, salt: bytes) -> str:
    if not key:
        return ""
    return hashlib.pbkdf2_hmac("sha256", os.fsencode(key), salt, ROUNDS).hex()


def _check_workers(client: Any, model: _Model) -> None:
    """See that every worker can do what it will be asked to."""
    faults = []
    answers = client.run(_look_around, model.folder, model.salt, on_error="return")
    for worker, answer in answers.items():
        if isinstance(answer, BaseException):
            faults.append(f"worker {worker}: cannot run crmlib: {answer}")
        else:
            faults += [f"worker {worker}: {fault}" for fault in model.faults_of(answer)]
    if faults:
        raise InputError("\n".join(faults))


# ----------------------------------------------------------------- the backend


class _Cluster:
    """The workers as a backend."""

    def __init__(self, client: Any, stop: StopFile, parallel: int | None, model: _Model) -> None:
        self.client = client
        self.parallel = parallel
        self.stop: SettableStop = stop
        self.threads = 1  # as dask has it: a worker has as many threads as it is to use cores
        self._stop_file = stop
        self._model = model
        self._stopped: float | None = None
        self._worker_seen = self._looked = time.monotonic()

    def results(self, function: Callable[..., Any], calls: Sequence[Call]) -> Iterable[Any]:
        """Yield what `function(*call, stop)` returns, or `Lost`."""
        with joblib.parallel_config(backend=_Backend(self.client, self._model)):
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

    def __init__(self, client: Any, model: _Model) -> None:
        super().__init__(client=client)
        self.model = model

    def effective_n_jobs(self, n_jobs: int) -> int:
        """Return how many calls at a time joblib counts on, two at least.

        It would make them all itself, in this process, for a cluster that takes only one. The
        workers take what they can, and `pre_dispatch` says how many are on their way.
        """
        return max(2, sum(self.client.ncores().values()))

    def submit(self, func: Any, callback: Callable[[Any], None]) -> Any:
        """Send one batch, which is one call, to a worker."""
        ((_, arguments, _),) = func.items
        promise: Any = concurrent.futures.Future()
        promise.get = promise.result  # what joblib calls it

        def answer(task: Any) -> None:
            answers = [_answer(task, arguments[:-1])]
            promise.set_result(answers)
            callback(answers)

        task = self.client.submit(_called, func.items, self.model, pure=False)
        task.add_done_callback(answer)
        return promise


class _UnfitError(Exception):
    """A worker that came after the others had been looked at is not as they are."""


def _called(items: list[tuple[Callable[..., Any], Call, dict[str, Any]]], model: _Model) -> Any:
    if faults := model.faults_of(_look_around(model.folder, model.salt)):
        raise _UnfitError("; ".join(faults))
    ((function, arguments, keywords),) = items
    return function(*arguments, **keywords)


def _answer(task: Any, call: Call) -> Any:
    try:
        return task.result()
    except distributed.KilledWorker:
        return Lost(call, "the dask workers that made it died, one after the other", died=True)
    except _UnfitError as error:
        return Lost(call, f"a dask worker that came later cannot make it: {error}", died=False)
    except (Exception, concurrent.futures.CancelledError) as error:
        return Lost(call, f"dask gave it up: {type(error).__name__}: {error}", died=False)
