"""From what the user wrote to an opened source: finding files, telling what they are."""

import os
from pathlib import Path

from crmlib.errors import InputError
from crmlib.tables import databases, engine
from crmlib.tables.encodings import sha256_of
from crmlib.tables.faults import did_you_mean
from crmlib.tables.sources import Source, cleaned
from crmlib.tables.spreadsheets import open_workbook
from crmlib.tables.text_files import open_text

TEXT = (".csv", ".tsv", ".tab", ".txt", ".dat", ".asc", "")
PARQUET = (".parquet", ".pq")
EXCEL = (".xlsx", ".xlsm")


def open_source(source: str | os.PathLike[str], kind: str) -> Source:
    """Open whatever the user has named.

    Parameters
    ----------
    source : str or path
        A file, a workbook with `#sheet` after its name, or a database URL.
    kind : str
        The kind of table wanted: the name of a table or sheet where none is given.

    Returns
    -------
    Source

    Raises
    ------
    InputError
        There is no such thing, or it cannot be opened.
    """
    name = os.fspath(source)
    if databases.is_url(name):
        return _open_database(name, kind)
    sheet = ""
    if "#" in name and not places_of(name):
        name, _, sheet = name.rpartition("#")
    path = find_file(name)
    ending = path.suffix.lower()
    if sheet and ending not in EXCEL:
        raise InputError(f'{name} has no sheets; leave out "#{sheet}".')
    if ending in EXCEL:
        return open_workbook(path, name, sheet, kind)
    if ending in PARQUET:
        return _open_parquet(path, name)
    if ending in TEXT:
        return open_text(path, name)
    advice = "Open it in Excel or LibreOffice and save it as .xlsx. " if ending == ".xls" else ""
    raise InputError(
        f"{name}: files that end in {ending} cannot be read. {advice}Known endings are "
        f"{', '.join(ending for ending in (*TEXT, *PARQUET, *EXCEL) if ending)}."
    )


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


def _open_database(url: str, kind: str) -> Source:
    scheme, place, table = databases.parts_of(url, kind)
    name = databases.without_password(url)
    if scheme == "sqlite":
        return databases.open_sqlite(find_file(place), name, table)
    if scheme == "duckdb":
        return databases.open_duckdb(find_file(place), name, table)
    if scheme == databases.SPARK:
        return databases.open_spark(place, name, table)
    return databases.open_server(place, name, table)


def _open_parquet(path: Path, name: str) -> Source:
    try:
        table = engine.parquet_table(path)
    except engine.DatabaseError as error:
        raise InputError(
            f"{name} is no Parquet file that can be read: it is damaged, or something else "
            "under that name. Write it again."
        ) from error
    return Source(
        name=name,
        table=cleaned(table),
        columns={column: column for column in table.columns},
        sha256=sha256_of(path),
        is_lazy=True,
    )
