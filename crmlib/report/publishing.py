"""Where runs write: a work folder first, then the report's own place in one step.

A report folder such as `reports/clp/life_cycle` is a symbolic link to the folder of its
last good run under `reports/clp/.runs/life_cycle/`. The link is replaced by an atomic
rename, so whoever opens `report.pdf` gets the whole old or the whole new report. (A folder
that is not empty cannot be replaced atomically.) The version before stays until the next good
run, for those who were just opening it.
"""

import json
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from crmlib.errors import InputError

WORK = ".work"
RUNS = ".runs"
FAILED = "failed"


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a run record; the file is there whole or not at all."""
    half = path.with_name(path.name + ".half")
    half.write_text(
        json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n", encoding="utf-8"
    )
    half.replace(path)


# ----------------------------------------------------------------- the work folder


@contextmanager
def work_folder(out: Path) -> Iterator[Path]:
    """Folder for unfinished runs, on the file system of the reports; removed afterwards.

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
    InputError
        `out` cannot be written to.
    """
    root = out / WORK
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _lock(root / "lock"):
            _remove_dead(root)
            folder = Path(tempfile.mkdtemp(dir=root))  # mode 0700
            alive = _try_lock(folder / "alive")
    except OSError as error:
        raise InputError(f"{out}: cannot write reports there: {error.strerror}") from None
    try:
        yield folder
    finally:
        if alive:
            alive.close()
        shutil.rmtree(folder, ignore_errors=True)


def _remove_dead(root: Path) -> None:
    # A live run holds the lock on its own folder; the system lets go of it when the run dies.
    for folder in root.iterdir():
        if folder.is_dir() and (lock := _try_lock(folder / "alive")):
            lock.close()
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Wait until no other run is here."""
    with path.open("a") as file:
        if sys.platform != "win32":
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _try_lock(path: Path) -> IO[str] | None:
    """Lock a file until it is closed; None when another process holds it (or on Windows)."""
    if sys.platform == "win32":
        return None
    import fcntl

    file = path.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file


# ----------------------------------------------------------------- moving into place


def publish(finished: Path, out: Path, report: str) -> Path:
    """Make a finished run the report everyone sees, in one step.

    Parameters
    ----------
    finished : pathlib.Path
        Work folder with everything in it, `run.json` included.
    out : pathlib.Path
        The folder of reports.
    report : str
        Name such as "clp/life_cycle".

    Returns
    -------
    pathlib.Path
        The report's folder, `out/clp/life_cycle`.
    """
    place = out / report
    runs = place.parent / RUNS / place.name
    runs.mkdir(parents=True, exist_ok=True)
    with _lock(out / WORK / "lock"):
        version = runs / f"run-{secrets.token_hex(4)}"
        before = place.resolve()
        finished.replace(version)
        if not _point_to(place, version):
            _replace_folder(place, version)
        for old in runs.iterdir():
            if old != version and old.resolve() != before:
                shutil.rmtree(old, ignore_errors=True)
    return place


def _point_to(place: Path, version: Path) -> bool:
    """Make `place` a link to `version`; False where links are not allowed."""
    link = place.with_name(f".{place.name}.{version.name}")
    try:
        link.symlink_to(version.relative_to(place.parent), target_is_directory=True)
    except OSError:
        return False
    if place.is_dir() and not place.is_symlink():
        place.replace(version.parent / "before-links")
    os.replace(link, place)
    return True


def _replace_folder(place: Path, version: Path) -> None:
    """For Windows without the right to make links: there is an instant without a report."""
    if place.exists():
        place.replace(version.parent / "before")
    version.replace(place)


def keep_failure(folder: Path, out: Path, report: str) -> Path:
    """Keep what a failed run left, instead of that report's earlier failure.

    Returns
    -------
    pathlib.Path
        `out/failed/clp/life_cycle`.
    """
    place = out / FAILED / report
    place.parent.mkdir(parents=True, exist_ok=True)
    with _lock(out / WORK / "lock"):
        shutil.rmtree(place, ignore_errors=True)
        folder.replace(place)
    return place


def clear_failure(out: Path, report: str) -> None:
    """Forget a report's failure once it is good again: `failed` shows what fails now."""
    place = out / FAILED / report
    shutil.rmtree(place, ignore_errors=True)
    for folder in (place.parent, out / FAILED):
        try:
            folder.rmdir()
        except OSError:
            return  # others still fail
