"""The runs there are: every version of every report, newest first, and which may go.

Nothing here fails on a damaged file: a record that cannot be read is an empty one, and its run
is not complete.
"""

import hashlib
import json
import os
import secrets
import shutil
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from crmlib.report.locks import WORK, not_writable, publishing_lock

RUNS = ".runs"
FAILED = "failed"
RECORD = "run.json"
CONFIRMED = "confirmed.json"


@dataclass(frozen=True)
class Keep:
    """Which earlier runs of a report stay.

    Attributes
    ----------
    last : int
        How many of the newest good runs, the one that is shown among them.
    month_ends : int
        Of how many of the newest months the last run stays as well.
    """

    last: int = 2
    month_ends: int = 0


THE_LAST_TWO = Keep()


@dataclass(frozen=True)
class Run:
    """One version of a report.

    Attributes
    ----------
    place : str
        The report's place, such as "clp/forecast".
    folder : pathlib.Path
        Where its files are.
    record : dict
        Its run.json; empty when that is missing or damaged.
    is_latest : bool
        It is the one that is shown.
    confirmed : datetime or None
        When an identical run was last asked for.
    """

    place: str
    folder: Path
    record: dict[str, Any]
    is_latest: bool
    confirmed: datetime | None

    @property
    def as_of(self) -> date | None:
        """The date the run was made for."""
        return _date(self.record.get("as_of"))

    @property
    def finished(self) -> datetime | None:
        """When it was finished, in UTC."""
        return moment_of(self.record.get("finished"))

    @cached_property
    def is_complete(self) -> bool:
        """Every file that run.json names (under `files`) is there with the bytes it had."""
        files = self._recorded_files()
        return bool(files) and all(
            sha256_of(self.folder / name) == digest for name, digest in files.items()
        )

    def _recorded_files(self) -> dict[str, Any]:
        files = self.record.get("files")
        if not isinstance(files, dict):
            return {}
        # A damaged record must not lead out of the folder, nor name what is not there.
        are_files = (name and Path(name).name == name for name in files)
        are_digests = (isinstance(digest, str) for digest in files.values())
        return files if all(are_files) and all(are_digests) else {}


@dataclass(frozen=True)
class Glance:
    """What is to be seen of a report at once.

    Attributes
    ----------
    shown : Run or None
        The run that readers see.
    earlier : list of Run
        Others, newest first.
    older : list of pathlib.Path
        The folders of all further runs, newest first.
    """

    shown: Run | None
    earlier: list[Run]
    older: list[Path]


# ----------------------------------------------------------------- finding runs


def places(out: Path) -> list[str]:
    """Name every place with a run or a failure.

    Parameters
    ----------
    out : pathlib.Path
        The folder of reports; it need not be there.

    Returns
    -------
    list of str
        Such as "clp/forecast", sorted.
    """
    with_runs = {
        folder.relative_to(out)
        for folder in out.glob(f"*/{RUNS}/*")
        if _folders_in(folder) or (out / _place_of(folder.relative_to(out))).is_dir()
    }
    found = {_place_of(path) for path in with_runs}
    found |= {
        folder.relative_to(out / FAILED).as_posix()
        for folder in out.glob(f"{FAILED}/*/*")
        if folder.is_dir()
    }
    return sorted(place for place in found if not place.startswith("."))


def _place_of(path: Path) -> str:
    """Return the place whose runs are in "clp/.runs/forecast"."""
    return f"{path.parts[0]}/{path.parts[-1]}"


def runs_of(out: Path, place: str) -> list[Run]:
    """List the runs of a report, newest first.

    Parameters
    ----------
    out : pathlib.Path
        The folder of reports.
    place : str
        The report's place, such as "clp/forecast".

    Returns
    -------
    list of Run
        In the order in which they were published, whatever the clock said; those whose record
        is damaged last.
    """
    latest = (out / place).resolve()
    runs = [
        _run(place, folder, is_latest=folder.resolve() == latest)
        for folder in _folders_of_runs(out, place)
    ]
    return sorted(runs, key=_order, reverse=True)


def glance_at(out: Path, place: str, number: int) -> Glance:
    """Look at a report without reading what its older runs say of themselves.

    Parameters
    ----------
    out : pathlib.Path
        The folder of reports.
    place : str
        The report's place, such as "clp/forecast".
    number : int
        Of how many runs to read the records, beside the one that is shown.

    Returns
    -------
    Glance
        Here the newest run is the one that was started last, by the names of the folders.
    """
    latest = (out / place).resolve()
    folders = sorted(_folders_of_runs(out, place), key=lambda folder: folder.name, reverse=True)
    # To resolve every folder would take longer than all the rest.
    of_its_name = [folder for folder in folders if folder.name == latest.name]
    shown = next((folder for folder in of_its_name if folder.resolve() == latest), None)
    others = [folder for folder in folders if folder != shown]
    return Glance(
        shown=_run(place, shown, is_latest=True) if shown else None,
        earlier=[_run(place, folder, is_latest=False) for folder in others[:number]],
        older=others[number:],
    )


def _run(place: str, folder: Path, *, is_latest: bool) -> Run:
    return Run(
        place=place,
        folder=folder,
        record=read_json(folder / RECORD),
        is_latest=is_latest,
        confirmed=moment_of(read_json(folder / CONFIRMED).get("confirmed")),
    )


def _folders_of_runs(out: Path, place: str) -> list[Path]:
    shown = out / place
    folders = _folders_in(runs_folder(out, place))
    if shown.is_dir() and not shown.is_symlink() and (shown / RECORD).exists():
        folders.append(shown)  # where there are no links
    return folders


def runs_folder(out: Path, place: str) -> Path:
    """Return the folder that holds the runs of a report."""
    return (out / place).parent / RUNS / Path(place).name


def sequence_of(run: Run) -> int:
    """Return the number of a run in the order of publication; -1 where it is not known."""
    number = run.record.get("sequence")
    return number if isinstance(number, int) and not isinstance(number, bool) else -1


def _order(run: Run) -> tuple[int, datetime, str]:
    return sequence_of(run), run.finished or datetime.min.replace(tzinfo=UTC), run.folder.name


def _folders_in(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            # A link is no run of ours: what it leads to is not to be removed.
            return [folder / entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []


def failure_of(out: Path, place: str) -> dict[str, Any]:
    """Return the record of what keeps a report from being made; empty when nothing does."""
    return read_json(out / FAILED / place / RECORD)


def day_of_failure(record: dict[str, Any]) -> date | None:
    """Return the latest day for which a report has failed and not been good since."""
    return _date(record.get("failing_as_of")) or _date(record.get("as_of"))


def latest_day_of_failures(before: dict[str, Any], as_of: date | None) -> dict[str, str | None]:
    """Return what the record of a failure says of its day and of the failure before it."""
    days = [day for day in (day_of_failure(before), as_of) if day]
    return {"failing_as_of": max(days).isoformat() if days else None}


# ----------------------------------------------------------------- what may go


def superfluous(runs: list[Run], keep: Keep) -> list[Run]:
    """Choose the runs that may go.

    Parameters
    ----------
    runs : list of Run
        All runs of one report, newest first.
    keep : Keep
        Which of them stay.

    Returns
    -------
    list of Run
        In the order of `runs`. Only complete good runs count. Never among them: the run that
        is shown, those newer than the `keep.last` newest good ones (one at least), and the
        last run of each of the newest `keep.month_ends` months, by the date it was made for,
        or else by that on which it was made.
    """
    good = [run for run in runs if run.record.get("state") == "good" and run.is_complete]
    newest = good[: max(keep.last, 1)]
    if len(newest) < max(keep.last, 1):
        return []
    older = runs[runs.index(newest[-1]) + 1 :]
    stay = {run.folder for run in _month_ends(good, keep.month_ends)}
    return [run for run in older if not run.is_latest and run.folder not in stay]


def _month_ends(runs: list[Run], months: int) -> list[Run]:
    last: dict[str, Run] = {}
    for run in runs:  # newest first: of two of one day the newer one stays
        month = _day(run).isoformat()[:7]
        if month not in last or _day(run) > _day(last[month]):
            last[month] = run
    return [last[month] for month in sorted(last, reverse=True)[: max(months, 0)]]


def _day(run: Run) -> date:
    return run.as_of or (run.finished.date() if run.finished else date.min)


def remove(run: Run) -> None:
    """Remove a run, whole and at once; one that is shown meanwhile stays.

    Raises
    ------
    NotWritable
        The folder of reports cannot be written to.
    """
    out = run.folder.parents[len(Path(run.place).parts) + 1]
    try:
        with publishing_lock(out):
            if run.is_latest or run.folder.resolve() == (out / run.place).resolve():
                return
            gone = set_aside(run, out)
    except FileNotFoundError:
        return  # another process was faster
    except OSError as error:
        raise not_writable(out, error) from None
    shutil.rmtree(gone, ignore_errors=True)


def set_aside(run: Run, out: Path) -> Path:
    """Move a run to where nobody sees it, and where the next run removes what is left of it."""
    gone = out / WORK / f"gone-{secrets.token_hex(8)}"
    run.folder.replace(gone)
    return gone


def confirm(run: Run) -> None:
    """Note beside a run's record that an identical run was asked for now.

    Raises
    ------
    NotWritable
        The note cannot be written.
    """
    try:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        write_json(run.folder / CONFIRMED, {"confirmed": now})
    except OSError as error:
        raise not_writable(run.folder, error) from None


# ----------------------------------------------------------------- files of a run


def read_json(path: Path) -> dict[str, Any]:
    """Read a file that holds a JSON object; empty when it is missing, damaged or another thing."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON file; it is there whole or not at all."""
    half = path.with_name(path.name + ".half")
    text = json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n"
    half.write_text(text, encoding="utf-8", errors="replace")
    half.replace(path)


def sha256_of(path: Path) -> str | None:
    """Return the SHA-256 of a file; None where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError):
        return None


def _date(text: Any) -> date | None:
    try:
        return date.fromisoformat(text)
    except (TypeError, ValueError):
        return None


def moment_of(text: Any) -> datetime | None:
    """Return the moment that a record names, in UTC; None where it names none."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None


def local(moment: datetime) -> datetime:
    """Return a moment in this machine's zone; in UTC where the calendar ends before it."""
    try:
        return moment.astimezone()
    except (ValueError, OverflowError, OSError):
        return moment.astimezone(UTC)
