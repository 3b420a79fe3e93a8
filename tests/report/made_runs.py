"""Runs made by hand, through the same door as real ones but without a notebook."""

import hashlib
import json
from datetime import UTC, date, datetime
from pathlib import Path

from crmlib.report import history, publishing

KEEP_ALL = history.Keep(last=1000)
# The smallest picture there is: one grey point.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b55"
    "0000000a49444154789c636800000082008177cd72b60000000049454e44ae426082"
)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def make_run(
    out: Path,
    place: str = "clp/forecast",
    finished: str = "2026-11-22T02:15:00+00:00",
    *,
    files: dict[str, bytes] | None = None,
    **record: object,
) -> history.Run:
    """Publish a good run, and return it as the history tells of it."""
    content = {"report.pdf": b"%PDF of " + finished.encode(), "page-one.png": PNG, **(files or {})}
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in content.items()}
    full = {
        "report": place,
        "title": f"Title of {place}",
        "state": "good",
        "exit_code": 0,
        "started": finished,
        "finished": finished,
        "files": digests,
        **record,
    }
    as_of = date.fromisoformat(str(record["as_of"])) if "as_of" in record else None
    known = {run.folder for run in history.runs_of(out, place)}
    with publishing.work_folder(out) as work:
        folder = work / "0"
        folder.mkdir()
        for name, data in content.items():
            (folder / name).write_bytes(data)
        (folder / "run.json").write_text(json.dumps(full), encoding="utf-8")
        publishing.publish(folder, out, place, KEEP_ALL, as_of)
    return next(run for run in history.runs_of(out, place) if run.folder not in known)


def make_failure(out: Path, place: str = "clp/forecast", **record: object) -> Path:
    """Keep a failed run, and return its folder."""
    full = {
        "report": place,
        "title": f"Title of {place}",
        "state": "failed",
        "exit_code": 1,
        "message": "it went wrong",
        "finished": "2026-11-23T02:15:00+00:00",
        **record,
    }
    with publishing.work_folder(out) as work:
        folder = work / "0"
        folder.mkdir()
        (folder / "traceback.txt").write_text("Traceback …", encoding="utf-8")
        (folder / "run.json").write_text(json.dumps(full), encoding="utf-8")
        return publishing.keep_failure(folder, out, place)
