"""Which questions were solved: names only, kept between sessions where a file can be written."""

import json
import os
from pathlib import Path

from platformdirs import user_state_path

_in_this_session: set[str] = set()


def progress_file() -> Path:
    """Return where the names are kept; CRMLIB_PROGRESS names another file."""
    given = os.environ.get("CRMLIB_PROGRESS")
    return Path(given) if given else user_state_path("crmlib") / "solved.json"


def names() -> set[str]:
    """Return the names of the questions solved in this session and before."""
    return _in_this_session | _kept()


def add(name: str) -> None:
    """Note that a question was solved. Where no file can be written, for this session only."""
    _in_this_session.add(name)
    kept = _kept()
    if name in kept:
        return
    file = progress_file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        beside = file.with_name(f".{file.name}.{os.getpid()}")
        beside.write_text(json.dumps(sorted(kept | {name}), indent=1), encoding="utf-8")
        beside.replace(file)
    except OSError:
        pass


def _kept() -> set[str]:
    try:
        kept = json.loads(progress_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return set()
    return {name for name in kept if isinstance(name, str)} if isinstance(kept, list) else set()
