"""Which questions were solved: names only, kept between sessions where a file can be written."""

import os
import re
from pathlib import Path

from platformdirs import user_state_path

_in_this_session: set[str] = set()


def progress_file() -> Path:
    """Return where the names are kept, one a line; CRMLIB_PROGRESS names another file."""
    given = os.environ.get("CRMLIB_PROGRESS")
    return Path(given) if given else user_state_path("crmlib", appauthor=False) / "solved.txt"


def names() -> set[str]:
    """Return the names of the questions solved in this session and before."""
    return _in_this_session | _kept()


def add(name: str) -> None:
    """Note that a question was solved. Where no file can be written, for this session only."""
    _in_this_session.add(name)
    if name in _kept():
        return
    file = progress_file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        # A line is added and nothing rewritten, so that two notebooks lose nothing of each other's.
        # It begins with the line end: what was broken off before spoils no name but its own.
        with file.open("a", encoding="utf-8") as lines:
            lines.write(f"\n{name}")
    except OSError:
        pass


def _kept() -> set[str]:
    try:
        text = progress_file().read_text(encoding="utf-8", errors="replace")
    except OSError:
        return set()
    return set(re.findall(r"^[a-z]+\.\w+\.\d+$", text, re.MULTILINE))
