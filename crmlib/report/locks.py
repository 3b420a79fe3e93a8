"""Locks that the system frees when their process ends, however it ends.

Each is a lock on an open file (`flock`; `msvcrt.locking` on Windows), never the mere presence
of a file: what a killed process has left behind holds nobody up.
"""

import errno
import json
import os
import shlex
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from crmlib.errors import CrmlibError, InputError
from crmlib.report.secrets import hide_passwords

WORK = ".work"
LOCKS = "locks"
# Windows keeps others from reading what is locked: there it is a byte far behind the text.
LOCKED_BYTE = 1 << 30
WAITS = {errno.EACCES, errno.EAGAIN, errno.EDEADLK}  # what Windows says while another holds it


class Held(CrmlibError):  # noqa: N818 -- an outcome, not a fault
    """Another process is making this report.

    Attributes
    ----------
    holder : dict
        pid, host, started and command of that process; empty when it has not told yet.
    """

    def __init__(self, place: str, holder: dict[str, Any]) -> None:
        super().__init__(f"{place}: {_told(holder)}")
        self.place = place
        self.holder = holder

    def __reduce__(self) -> tuple[Any, ...]:
        """Let it travel between processes."""
        return Held, (self.place, self.holder)


class NotWritable(InputError):  # noqa: N818
    """The folder of reports cannot be written to."""


def not_writable(out: Path, error: OSError) -> NotWritable:
    """Say in a line why nothing can be written to the folder of reports."""
    return NotWritable(
        f"{out}: cannot write reports there: {error.strerror or error}; "
        "make room or mend its rights, then run it again"
    )


@contextmanager
def report_lock(out: Path, place: str) -> Iterator[None]:
    """Make a report alone: no other process makes it meanwhile.

    Parameters
    ----------
    out : pathlib.Path
        The folder of reports; made if it is not there.
    place : str
        The report's place in it, such as "clp/forecast".

    Raises
    ------
    Held
        Another process, or another thread of this one, is making the report.
    NotWritable
        `out` cannot be written to.
    """
    path = out / WORK / LOCKS / f"{quote(place, safe='')}.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = _described_lock(path)
    except OSError as error:
        raise not_writable(out, error) from None
    if lock is None:
        raise Held(place, read_holder(path))
    try:
        yield
    finally:
        lock.close()


def _described_lock(path: Path) -> "FileLock | None":
    lock = try_lock(path)
    if lock is not None:
        try:
            lock.write(json.dumps(_own_description()))
        except OSError:
            lock.close()
            raise
    return lock


def read_holder(path: Path) -> dict[str, Any]:
    """Read who holds a lock; nothing where its file is missing, empty or damaged."""
    try:
        holder = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return holder if isinstance(holder, dict) else {}


def _own_description() -> dict[str, Any]:
    command = [Path(sys.argv[0]).name, *sys.argv[1:]]
    return {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": hide_passwords(shlex.join(command)),
    }


def _told(holder: dict[str, Any]) -> str:
    if not holder:
        return "another process is making this report"
    told = {key: holder.get(key, "unknown") for key in ("pid", "host", "started", "command")}
    return (
        f"process {told['pid']} on {told['host']} is making this report "
        f"since {told['started']}: {told['command']}"
    )


# ----------------------------------------------------------------- locks on files


class FileLock:
    """A lock on an open file, held until `close` or the end of the process."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, text: str) -> None:
        """Put a text into the locked file, in place of what is in it."""
        os.ftruncate(self._descriptor, 0)
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        os.write(self._descriptor, text.encode())

    def close(self) -> None:
        """Empty the file and let go of it."""
        with suppress(OSError):  # whose text it is does not matter once nobody holds it
            os.ftruncate(self._descriptor, 0)
        # Said to the system outright: a process being started this very moment has a copy of the
        # descriptor, and with closing alone would hold the lock until it has closed its own.
        with suppress(OSError):
            _let_go(self._descriptor)
        os.close(self._descriptor)


def try_lock(path: Path) -> FileLock | None:
    """Lock a file if nobody has; None when another process or thread holds it.

    Raises
    ------
    OSError
        The file cannot be made, or the file system has no locks.
    """
    return _locked(path, wait=False)


@contextmanager
def publishing_lock(out: Path) -> Iterator[None]:
    """Wait until nobody else moves folders of reports about, and keep the others waiting.

    Short work only; whoever holds it must not ask for it again.

    Raises
    ------
    OSError
        `out` cannot be written to.
    """
    (out / WORK).mkdir(parents=True, exist_ok=True)
    with waiting_lock(out / WORK / "lock"):
        yield


@contextmanager
def waiting_lock(path: Path) -> Iterator[None]:
    """Wait until a file is locked by nobody else, and lock it."""
    lock = _locked(path, wait=True)
    assert lock is not None
    try:
        yield
    finally:
        lock.close()


def _locked(path: Path, wait: bool) -> FileLock | None:
    # Not inherited by the processes started meanwhile: they must not outlive us as holders.
    # A link is not followed: the file is emptied, and must be none of somebody else's.
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(path, flags, 0o666)
    try:
        if _take(descriptor, wait):
            return FileLock(descriptor)
    except OSError:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _take(descriptor: int, wait: bool) -> bool:
    if sys.platform == "win32":
        return _take_on_windows(descriptor, wait)
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def _let_go(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        os.lseek(descriptor, LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_UN)


def _take_on_windows(descriptor: int, wait: bool) -> bool:
    if sys.platform != "win32":
        return False
    import msvcrt

    while True:
        os.lseek(descriptor, LOCKED_BYTE, os.SEEK_SET)
        try:
            # LK_LOCK gives up after ten seconds.
            msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
        except OSError as error:
            if error.errno not in WAITS:
                raise
            if not wait:
                return False
        else:
            return True
