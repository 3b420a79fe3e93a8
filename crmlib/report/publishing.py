"""Where runs write: a work folder first, then the report's own place in one step.

A report folder such as `reports/clp/life_cycle` is a symbolic link to the folder of its last
good run under `reports/clp/.runs/life_cycle/`. The link is replaced by an atomic rename, so
whoever opens `report.pdf` gets the whole old or the whole new report. (A folder that is not
empty cannot be replaced atomically.) Capistrano lays out its releases in this way. The version
before stays until the next good run at least, for those who were just opening it.
"""

import errno
import os
import re
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from crmlib.errors import InputError
from crmlib.report.history import (
    FAILED,
    RECORD,
    RUNS,
    THE_LAST_TWO,
    Keep,
    Run,
    day_of_failure,
    read_json,
    runs_folder,
    runs_of,
    sequence_of,
    set_aside,
    superfluous,
    write_json,
)
from crmlib.report.locks import LOCKS, WORK, not_writable, publishing_lock, try_lock
from crmlib.report.locks import waiting_lock as _lock

__all__ = [
    "FAILED",
    "RUNS",
    "WORK",
    "_lock",
    "check_links",
    "check_place",
    "clear_failure",
    "keep_failure",
    "publish",
    "settle",
    "show_again",
    "work_folder",
    "write_json",
]

# That links are not allowed is another thing than that nothing at all can be written.
NOTHING_CAN_BE_WRITTEN = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EACCES}


def check_place(place: str) -> None:
    """See that a report's place is one within the folder of reports.

    Parameters
    ----------
    place : str
        Such as "clp/life_cycle".

    Raises
    ------
    InputError
        It leads elsewhere, or to what the folder of reports has for itself.
    """
    parts = place.split("/")
    wrong = any(part.startswith(".") or not part or re.search(r"[\\:\0]", part) for part in parts)
    if wrong or len(parts) != 2 or parts[0] == FAILED:
        raise InputError(
            f"{place}: a report cannot be put there; its place is a folder and a name, such as "
            f'clp/life_cycle, neither begins with a dot, and the folder is not "{FAILED}"'
        )


def check_links(out: Path, place: str) -> None:
    """See that none of the folders that are cleared and filled here leads elsewhere.

    Parameters
    ----------
    out : pathlib.Path
        The folder of reports; it may itself be a link.
    place : str
        Such as "clp/life_cycle", which itself is a link.

    Raises
    ------
    InputError
        One of them is a link: what lies behind it would be taken for old runs, and removed.
    """
    subject = Path(place).parent
    ours = [WORK, f"{WORK}/{LOCKS}", FAILED, f"{FAILED}/{subject}", f"{FAILED}/{place}"]
    ours += [str(subject), f"{subject}/{RUNS}", f"{subject}/{RUNS}/{Path(place).name}"]
    for name in ours:
        if (out / name).is_symlink():
            raise InputError(
                f"{out / name} is a link. The folders within a folder of reports must be real "
                "ones; to keep reports elsewhere, make the whole folder a link, or use --out"
            )


# ----------------------------------------------------------------- the work folder


@contextmanager
def work_folder(out: Path) -> Iterator[Path]:
    """Folder for an unfinished run, on the file system of the reports; removed afterwards.

    What runs that were killed have left is removed as well.

    Parameters
    ----------
    out : pathlib.Path
        The folder of reports; made if it is not there.

    Yields
    ------
    pathlib.Path
        A new folder that only this user can open.

    Raises
    ------
    NotWritable
        `out` cannot be written to.
    """
    root = out / WORK
    folder: Path | None = None
    try:
        with publishing_lock(out):
            _remove_dead(root)
            folder = Path(tempfile.mkdtemp(dir=root))  # mode 0700
            alive = try_lock(folder / "alive")
    except OSError as error:
        if folder:
            shutil.rmtree(folder, ignore_errors=True)
        raise not_writable(out, error) from None
    try:
        yield folder
    finally:
        if alive:
            alive.close()
        shutil.rmtree(folder, ignore_errors=True)


def _remove_dead(root: Path) -> None:
    # A live run holds the lock on its own folder; the system lets go of it when the run dies.
    for folder in root.iterdir():
        if folder.is_symlink():
            folder.unlink()  # whatever it leads to is none of ours
        elif folder.is_dir() and folder.name != LOCKS and _is_dead(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _is_dead(folder: Path) -> bool:
    try:
        lock = try_lock(folder / "alive")
    except OSError:
        return True  # on a full disk its file cannot be made, and no live run is without one
    if lock:
        lock.close()
    return lock is not None


# ----------------------------------------------------------------- moving into place


def publish(
    finished: Path, out: Path, place: str, keep: Keep = THE_LAST_TWO, as_of: date | None = None
) -> Path:
    """Make a finished run the report everyone sees, in one step.

    A run made for an earlier day than the one that is shown goes into the history only.
    Afterwards the runs that need not be kept are removed.

    Parameters
    ----------
    finished : pathlib.Path
        Folder with everything in it, `run.json` included, in a work folder.
    out : pathlib.Path
        The folder of reports.
    place : str
        Such as "clp/life_cycle".
    keep : Keep
        Which earlier runs stay.
    as_of : datetime.date, optional
        The day the run was made for.

    Returns
    -------
    pathlib.Path
        The report's folder, `out/clp/life_cycle`; that of the run if it is not shown.

    Raises
    ------
    OSError
        The run cannot be moved into place; then everything is as it was.
    """
    runs = runs_folder(out, place)
    runs.mkdir(parents=True, exist_ok=True)
    with publishing_lock(out):
        earlier = runs_of(out, place)
        shown = next((run for run in earlier if run.is_latest), None)
        record = read_json(finished / RECORD)
        if record:
            number = max((sequence_of(run) for run in earlier), default=0) + 1
            write_json(finished / RECORD, {**record, "sequence": max(number, 1)})
            settle(finished)
        version = _new_folder(runs, record)
        is_shown = not _is_later(shown, as_of)
        finished.replace(version)
        try:
            # On the disk before anything leads to it: a failing disk may keep the one alone.
            _settle_folder(runs)
            if is_shown:
                _show(out, place, version)
        except OSError:
            version.replace(finished)
            raise
        gone = _set_aside_superfluous(out, place, keep, shown)
    for folder in gone:
        shutil.rmtree(folder, ignore_errors=True)
    return out / place if is_shown else version


def show_again(run: Run, out: Path) -> Path:
    """Show a run of the history, unless the one that is shown was made for a later day.

    What runs that were killed have left is removed as well.

    Parameters
    ----------
    run : Run
        A complete good run.
    out : pathlib.Path
        The folder of reports.

    Returns
    -------
    pathlib.Path
        Where it is to be seen: the report's folder, or that of the run.

    Raises
    ------
    OSError
        The folder of reports cannot be written to; then everything is as it was.
    """
    with publishing_lock(out):
        _remove_dead(out / WORK)  # no work folder is asked for, which would do so
        now = next((other for other in runs_of(out, run.place) if other.is_latest), None)
        if now is None or now.folder != run.folder:
            if _is_later(now, run.as_of):
                return run.folder
            _show(out, run.place, run.folder)
    return out / run.place


def _is_later(shown: Run | None, as_of: date | None) -> bool:
    """Whether what is shown was made for a later day, and is to go on being shown.

    Not if it is damaged; nor if that day is still to come: the clock was wrong when it was made,
    and would hide every report until then.
    """
    return shown is not None and _is_before(as_of, shown.as_of) and shown.is_complete


def _is_before(as_of: date | None, other: date | None) -> bool:
    """Whether a day is before another, which must be no day that is still to come."""
    if as_of is None or other is None:
        return False
    tomorrow = date.today() + timedelta(days=1)  # it can be that already where others are
    return as_of < other <= tomorrow


def _new_folder(runs: Path, record: dict[str, Any]) -> Path:
    """Return a name that no other run has: when it started, what it is made from, chance."""
    try:
        started = datetime.fromisoformat(record["started"]).astimezone(UTC)
    except (KeyError, TypeError, ValueError, OverflowError):
        started = datetime.now(UTC)
    run_id = str(record.get("run_id"))
    if not re.fullmatch("[0-9a-f]{12}", run_id):
        run_id = "0" * 12
    while True:
        folder = runs / f"{started:%Y%m%dT%H%M%SZ}-{run_id}-{secrets.token_hex(2)}"
        if not folder.exists():
            return folder


def _show(out: Path, place: str, version: Path) -> None:
    """Make the report's folder a link to `version`."""
    link = out / place
    # Made in a folder that the next run clears away, should we be killed before the rename.
    folder = Path(tempfile.mkdtemp(dir=out / WORK))
    try:
        (folder / "link").symlink_to(version.relative_to(link.parent), target_is_directory=True)
    except OSError as error:
        if error.errno in NOTHING_CAN_BE_WRITTEN:
            raise
        _replace_folder(link, version)
    else:
        if link.is_dir() and not link.is_symlink():
            link.replace(_new_folder(version.parent, read_json(link / RECORD)))
        os.replace(folder / "link", link)
        with suppress(OSError):  # it is shown, and only a power cut could undo it
            _settle_folder(link.parent)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _replace_folder(place: Path, version: Path) -> None:
    """For Windows without the right to make links: there is an instant without a report."""
    if place.exists():
        place.replace(_new_folder(version.parent, read_json(place / RECORD)))
    version.replace(place)


def _set_aside_superfluous(out: Path, place: str, keep: Keep, before: Run | None) -> list[Path]:
    """Take the runs away that need not be kept; not the one that was shown until now."""
    gone = []
    for run in superfluous(runs_of(out, place), keep):
        if before is None or run.record != before.record:
            try:
                gone.append(set_aside(run, out))
            except OSError:
                continue  # that something too old is left is no fault of the new report
    return gone


# ----------------------------------------------------------------- failures


def keep_failure(folder: Path, out: Path, report: str) -> Path:
    """Keep what a failed run left, instead of that report's earlier failure.

    Returns
    -------
    pathlib.Path
        `out/failed/clp/life_cycle`.

    Raises
    ------
    OSError
        The folder of reports cannot be written to.
    """
    place = out / FAILED / report
    with publishing_lock(out):
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(place, ignore_errors=True)
        folder.replace(place)
    return place


def clear_failure(out: Path, report: str, as_of: date | None = None) -> None:
    """Forget a report's failure once it is good again: `failed` shows what fails now.

    That a report of an earlier day is good says nothing of the day that failed.

    Parameters
    ----------
    out : pathlib.Path
        The folder of reports.
    report : str
        Such as "clp/life_cycle".
    as_of : datetime.date, optional
        The day for which it is good.

    Raises
    ------
    OSError
        The folder of reports cannot be written to.
    """
    place = out / FAILED / report
    if not place.exists() or _is_before(as_of, day_of_failure(read_json(place / RECORD))):
        return
    with publishing_lock(out):
        shutil.rmtree(place, ignore_errors=True)
        for folder in (place.parent, out / FAILED):
            try:
                folder.rmdir()
            except OSError:
                return  # others still fail


def settle(folder: Path) -> None:
    """See that the system has a folder's files on the disk before they are called finished.

    A disk that fills up, or a power cut, can take back what was written until then.

    Raises
    ------
    OSError
        They cannot be written after all.
    """
    for path in filter(Path.is_file, folder.iterdir()):
        with path.open("rb+") as file:
            os.fsync(file.fileno())
    _settle_folder(folder)


def _settle_folder(folder: Path) -> None:
    """See that the system has the names in a folder on the disk."""
    if sys.platform == "win32":
        return  # which does so by itself, and opens no folders
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
