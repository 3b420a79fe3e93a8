"""From what the user wrote to an opened source: finding files, telling what they are."""

import os
from dataclasses import replace
from pathlib import Path

from crmlib.errors import InputError
from crmlib.passwords import hide_passwords
from crmlib.tables import databases, engine
from crmlib.tables.encodings import sha256_of
from crmlib.tables.places import SPARK, find_file, is_url, parted, parts_of
from crmlib.tables.secrets import are_wanted, names_in, naming, resolved
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
        A file, a workbook with `#sheet` after its name, or a database URL; `${NAME}` in it
        stands for an environment variable.
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
    address = resolved(name)
    with naming(names_in(name)):
        opened = _open(address, name, kind)
    if are_wanted():
        # The text of a row that could not be cut says who it is of.
        opened.left_out = [replace(row, value="") for row in opened.left_out]
    return opened


def _open(address: str, name: str, kind: str) -> Source:
    """Open an address, whose name in messages is as the user gave it."""
    if is_url(address):
        return _open_database(address, hide_passwords(name), kind)
    place, sheet = parted(address)
    if sheet:
        name = name.removesuffix(f"#{sheet}")
    path = find_file(place)
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


def _open_database(url: str, name: str, kind: str) -> Source:
    scheme, place, table = parts_of(url, kind)
    if scheme == "sqlite":
        return databases.open_sqlite(find_file(place), name, table)
    if scheme == "duckdb":
        return databases.open_duckdb(find_file(place), name, table)
    if scheme == SPARK:
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
