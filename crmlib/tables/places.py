"""What a source names: a file, a sheet of it, or a table of a database.

Nothing here opens anything, and nothing here takes long to import.
"""

import re
from pathlib import Path

from crmlib.errors import InputError
from crmlib.passwords import hide_passwords
from crmlib.tables.faults import did_you_mean

FILES = ("sqlite", "duckdb")
SERVERS = ("postgresql", "postgres")
SPARK = "spark"
PATTERN = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+)://(?P<place>[^#]*)(?:#(?P<table>.*))?")


def is_url(source: str) -> bool:
    """Tell a database URL from the name of a file."""
    return PATTERN.fullmatch(source) is not None


def parts_of(url: str, kind: str) -> tuple[str, str, str]:
    """Return the scheme of a URL, what follows it, and the table it names.

    Parameters
    ----------
    url : str
        The URL.
    kind : str
        The name of the table where the URL has none.

    Returns
    -------
    tuple of str

    Raises
    ------
    InputError
        The scheme is none that can be read.
    """
    found = PATTERN.fullmatch(url)
    scheme = found["scheme"].lower() if found else ""
    if not found or scheme not in (*FILES, *SERVERS, SPARK):
        raise InputError(
            f"{hide_passwords(url)}: only sqlite:///, duckdb:///, postgresql:// and spark:// "
            "can be read. Fetch a table from anywhere else first and read it as a file."
        )
    if scheme == SPARK:
        return scheme, found["place"], found["table"] or ""
    place = found["place"].removeprefix("/") if scheme in FILES else url.partition("#")[0]
    return scheme, place, found["table"] or kind


def parted(name: str) -> tuple[str, str]:
    """Return the file and the sheet that a name stands for; a file's own name may hold a `#`."""
    if "#" not in name or places_of(name):
        return name, ""
    place, _, sheet = name.rpartition("#")
    return place, sheet


def find_file(name: str) -> Path:
    """Find a file from the current folder, or else from the root of the workbook.

    Parameters
    ----------
    name : str
        The file as the user gave it.

    Returns
    -------
    Path
        An absolute path.

    Raises
    ------
    InputError
        There is no such file, or it is a folder.
    """
    places = places_of(name)
    if not places:
        path = _starts(name)[0] / Path(name).expanduser()
        looked = " or ".join(dict.fromkeys(str(start) for start in _starts(name)))
        there = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        raise InputError(
            f"There is no file {name}{did_you_mean(path.name, there)}. "
            f"It was looked for from {looked}."
        )
    if places[0].is_dir():
        raise InputError(f"{name} is a folder. Name one file in it.")
    return places[0]


def places_of(name: str) -> list[Path]:
    """Where a file of this name stands, best place first."""
    paths = (start / Path(name).expanduser() for start in _starts(name))
    return [path for path in paths if path.exists()]


def _starts(name: str) -> list[Path]:
    """Return the folders from which a name is looked up."""
    current = Path.cwd()
    roots = (current, *current.parents, Path(__file__).resolve().parents[2])
    root = next((folder for folder in roots if _is_root(folder)), None)
    return [current] if root is None or root == current else [current, root]


def _is_root(folder: Path) -> bool:
    return (folder / "notebooks").is_dir() and (folder / "crmlib").is_dir()
