"""Where a schedule's runs are made: in threads here, or by the workers of a dask cluster."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from crmlib.errors import InputError
from crmlib.report.parallel import Backend, Call, Threads


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


def opened(
    *, scheduler: str | None, parallel: int | None, out: Path
) -> AbstractContextManager[Backend]:
    """Open a backend for a `with` statement.

    Parameters
    ----------
    scheduler : str, optional
        Address of a dask scheduler, whose workers make the runs; without it, threads do.
    parallel : int, optional
        How many runs at the same time. By default one in threads, and as many as its workers
        take on a cluster.
    out : pathlib.Path
        The folder of reports.

    Raises
    ------
    InputError
        The cluster cannot be used.
    """
    if not scheduler:
        return _threads(parallel or 1)
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
