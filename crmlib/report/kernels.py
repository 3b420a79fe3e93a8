"""Kernel processes: each with sockets of its own, within limits, gone when the run is over."""

import contextlib
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec
from jupyter_core.utils import ensure_event_loop

from crmlib.report.locks import FileLock, try_lock
from crmlib.report.stopping import Stop

PREFIX = "crmk-"
ALIVE = "alive"  # a file in a kernel's folder that is locked while its runner lives
PROCESS = Path(__file__).with_name("kernel_process.py")
# The system's limit for the path of a socket is 104 (macOS) or 108 characters, and the
# kernel's sockets add some 40 to the folder's.
LONGEST_SOCKET_FOLDER = 60
LOOK_EVERY = 0.05  # seconds between two looks at the limits
# What the libraries under pandas, scikit-learn and DuckDB (crmlib.tables) go by.
THREAD_SETTINGS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "LOKY_MAX_CPU_COUNT",
)


@dataclass(frozen=True)
class Limits:
    """What a kernel may take.

    Attributes
    ----------
    timeout : float, optional
        Seconds from its start to the end of the run.
    memory : int, optional
        Bytes of resident memory, its children's included.
    threads : int, optional
        Threads of BLAS, OpenMP, joblib and DuckDB, each.
    """

    timeout: float | None = None
    memory: int | None = None
    threads: int | None = None


class _KernelManager(AsyncKernelManager):
    """Starts this very interpreter, whatever kernels are installed."""

    folder: str

    @property
    def kernel_spec(self) -> KernelSpec:
        command = [sys.executable, str(PROCESS), self.folder, "-f", "{connection_file}"]
        return KernelSpec(argv=command, display_name="Python", language="python")


class Kernel:
    """One kernel process in a private folder, killed at its limits or when asked to stop.

    Attributes
    ----------
    manager : AsyncKernelManager
        Of the process, within `running`.
    timed_out, out_of_memory, stopped : bool
        Why it was killed, if it was.
    returncode : int or None
        Of a kernel that ended by itself.
    """

    def __init__(self, stop: Stop, limits: Limits, withheld: Collection[str] = ()) -> None:
        self.stop = stop
        self.limits = limits
        self.withheld = withheld  # environment variables that are not for this notebook
        self.timed_out = False
        self.out_of_memory = False
        self.stopped = False
        self.returncode: int | None = None
        self._over = threading.Event()

    @contextmanager
    def running(self, log: IO[str]) -> Iterator[None]:
        """Within this the kernel may live; afterwards neither it nor its files are left.

        Parameters
        ----------
        log : file
            For what the process writes.
        """
        root = Path(_socket_root())
        _remove_dead(root)
        self.folder, alive = _new_folder(root)
        self.manager = self._make_manager()
        watcher = threading.Thread(target=self._watch, daemon=True)
        watcher.start()
        try:
            start = self.manager.start_kernel(env=self._environment(), stdout=log, stderr=log)
            ensure_event_loop().run_until_complete(start)
            yield
        finally:
            self._over.set()
            watcher.join()
            self._end()
            ensure_event_loop().close()
            shutil.rmtree(self.folder, ignore_errors=True)
            if alive:
                alive.close()

    def _make_manager(self) -> _KernelManager:
        manager = _KernelManager(connection_file=str(self.folder / "connection.json"))
        manager.folder = str(self.folder)
        # Kernels that start at the same moment race for TCP ports, and share the default
        # socket path; Windows has no such sockets.
        if sys.platform != "win32":
            manager.transport = "ipc"
            manager.ip = str(self.folder / "k")
        return manager

    def _environment(self) -> dict[str, str]:
        """Settings under which the same notebook gives the same bytes, within its limits."""
        scratch = self.folder / "t"  # a kernel that is killed cannot clean up behind itself
        scratch.mkdir()
        threads = self.limits.threads
        return {
            **{name: value for name, value in os.environ.items() if name not in self.withheld},
            "PYTHONHASHSEED": "0",
            "SOURCE_DATE_EPOCH": "0",  # matplotlib writes it into figures instead of now
            "MPLBACKEND": "module://matplotlib_inline.backend_inline",
            "IPYTHONDIR": str(self.folder / "ipython"),  # no start-up files of the user's
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
            "TMPDIR": str(scratch),
            **({name: str(threads) for name in THREAD_SETTINGS} if threads else {}),
        }

    def _watch(self) -> None:
        timeout, memory = self.limits.timeout, self.limits.memory
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._over.wait(LOOK_EVERY):
            self.timed_out |= deadline is not None and time.monotonic() > deadline
            self.stopped |= self.stop.is_set()
            if memory is not None and (pid := self._pid()) is not None:
                self.out_of_memory |= resident_memory(pid) > memory
            # Again and again: the kernel may only be starting.
            if self.timed_out or self.stopped or self.out_of_memory:
                self._kill()

    def _pid(self) -> int | None:
        return getattr(self.manager.provisioner, "pid", None)

    def _end(self) -> None:
        """Leave no process behind, not even what a dead kernel had started."""
        process = getattr(self.manager.provisioner, "process", None)
        if process is not None:
            self.returncode = process.poll()
        self._kill()
        if process is not None:
            process.wait()

    def _kill(self) -> None:
        """Kill the kernel and what it started; they are a process group of their own."""
        pid = self._pid()
        if pid is None:
            return
        try:
            if sys.platform == "win32":
                os.kill(pid, signal.SIGTERM)
            else:
                os.killpg(pid, signal.SIGKILL)
        except OSError:
            pass  # gone already


def resident_memory(pid: int) -> int:
    """Add up the resident memory of a process and all that belong to it.

    Parameters
    ----------
    pid : int
        The leader of a process group; on Windows, which has none, the parent of the others.

    Returns
    -------
    int
        Bytes; pages that processes share count for each of them.
    """
    import psutil

    total = 0
    for member in _group(pid):
        with contextlib.suppress(psutil.Error):  # ended just now
            total += psutil.Process(member).memory_info().rss
    return total


def _group(pid: int) -> list[int]:
    import psutil

    if sys.platform == "win32":
        with contextlib.suppress(psutil.Error):
            return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
        return []
    members = []
    for other in psutil.pids():
        with contextlib.suppress(OSError):
            if os.getpgid(other) == pid:
                members.append(other)
    return members


def _socket_root() -> str:
    """Folder for the sockets; the usual one unless its path is too long for a socket."""
    usual = tempfile.gettempdir()
    return usual if len(usual) <= LONGEST_SOCKET_FOLDER or sys.platform == "win32" else "/tmp"


def _new_folder(root: Path) -> tuple[Path, FileLock | None]:
    """Make a folder that others can tell to be of a live run; of mode 0700."""
    folder = Path(tempfile.mkdtemp(prefix=f"new-{PREFIX}", dir=root))
    if sys.platform == "win32":
        return folder, None
    alive = try_lock(folder / ALIVE)
    # Nobody looks for dead ones by the name it had until it was locked.
    return folder.rename(root / folder.name.removeprefix("new-")), alive


def _remove_dead(root: Path) -> None:
    """Remove what runs have left that were killed; their kernels may not have come to it."""
    if sys.platform == "win32":
        return
    for folder in root.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):  # another user's, or removed meanwhile
            # Those of live runs have the file from the moment they have their name.
            lock = try_lock(folder / ALIVE) if (folder / ALIVE).exists() else None
            if lock or not (folder / ALIVE).exists():
                shutil.rmtree(folder, ignore_errors=True)
            if lock:
                lock.close()
