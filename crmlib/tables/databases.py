"""Tables of databases, named by a URL such as `sqlite:///shop.db#orders`."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa

from crmlib.errors import InputError
from crmlib.passwords import hide_passwords
from crmlib.tables import engine
from crmlib.tables.faults import did_you_mean, quoted
from crmlib.tables.fingerprints import database_fingerprint
from crmlib.tables.sources import Source, cleaned

BATCH = 100_000
BLANKS_AT_THE_ENDS = r"^\s+|\s+$"


def open_sqlite(path: Path, name: str, table: str) -> Source:
    """Open a table of an SQLite file.

    SQLite lets any cell hold anything, so the rows are copied in batches, a column as
    numbers where all its cells are numbers and as text otherwise.

    Parameters
    ----------
    path : Path
        The database.
    name : str
        What to call it in messages.
    table : str
        The table or view.

    Returns
    -------
    Source

    Raises
    ------
    InputError
        It is no SQLite database, or has no such table.
    """
    url = f"file:{quote(str(path))}?mode=ro"
    sha256 = database_fingerprint(path, "sqlite")
    try:
        # DuckDB fetches the batches from a thread of its own.
        with closing(sqlite3.connect(url, uri=True, check_same_thread=False)) as database:
            found = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"
            tables = [row[0] for row in database.execute(found)]
            _check_table(name, table, tables)
            source = _sqlite_name(table)
            heads = database.execute(f"SELECT * FROM {source} LIMIT 0").description
            schema = _sqlite_schema(database, source, [head[0] for head in heads])
            batches = pa.RecordBatchReader.from_batches(
                schema, _sqlite_batches(database, source, schema)
            )
            rows = engine.kept(cleaned(engine.batches_table(batches)))
    except sqlite3.Error as error:
        raise InputError(
            f"{name}: SQLite cannot read it ({error}). Check that it is an SQLite database."
        ) from error
    columns = {column: column for column in schema.names}
    return Source(name=name, table=rows, columns=columns, sha256=sha256)


def open_duckdb(path: Path, name: str, table: str) -> Source:
    """Open a table of a DuckDB file, which stays there.

    Parameters
    ----------
    path : Path
        The database; it is opened for reading only.
    name : str
        What to call it in messages.
    table : str
        The table or view of the schema `main`.

    Returns
    -------
    Source

    Raises
    ------
    InputError
        It is no DuckDB database, another program holds it, or it has no such table.
    """
    sha256 = database_fingerprint(path, "duckdb")
    try:
        tables = engine.duckdb_tables(path)
        _check_table(name, table, tables)
        rows = engine.duckdb_table(path, table)
    except engine.DatabaseError as error:
        raise InputError(
            f"{name}: DuckDB cannot read it ({_first_line(error)}). Check that it is a DuckDB "
            "database and that no other program has it open for writing."
        ) from error
    columns = {column: column for column in rows.columns}
    return Source(name, cleaned(rows), columns, sha256, is_lazy=True)


def open_server(url: str, name: str, table: str) -> Source:
    """Open a table of a PostgreSQL server; it is worked on there.

    Parameters
    ----------
    url : str
        The URL without the table.
    name : str
        What to call it in messages: the URL without its password.
    table : str
        The table or view, after its schema and a full stop where it is in one.

    Returns
    -------
    Source
        Its numbers and dates must have their types in the database.

    Raises
    ------
    InputError
        The driver is not installed, the server cannot be reached, or has no such table.
    """
    url = re.sub(r"^postgresql://", "postgres://", url)
    try:
        rows = engine.server_table(url, table)
    except ImportError as error:
        raise InputError(
            f"{name}: reading PostgreSQL needs a driver that is not installed. "
            'Install it with: pip install "crmlib[postgresql]"'
        ) from error
    except Exception as error:
        # The driver has error classes of its own, and may quote the URL; so neither its
        # class nor its whole text can be relied on here.
        told = hide_passwords(_first_line(error))
        raise InputError(
            f'{name}: the table "{table}" cannot be read ({told}). '
            "Check the address, the user and the name of the table."
        ) from None
    return _on_server(rows, name)


def open_spark(path: str, name: str, table: str) -> Source:
    """Open a table of Spark; it is worked on there.

    The session is the one the process has already, or is made from Spark's own settings
    (`SPARK_CONF_DIR`, `SPARK_REMOTE`; a master of one machine where they name none).

    Parameters
    ----------
    path : str
        A Parquet file or a folder of them, as Spark sees it; empty for a table of the catalogue.
    name : str
        What to call it in messages.
    table : str
        The table of Spark's catalogue, after its schema and a full stop where it is in one.

    Returns
    -------
    Source
        Its numbers and dates must have their types there.

    Raises
    ------
    InputError
        Spark is not installed or does not start, or has no such file or table.
    """
    if bool(path.strip("/")) == bool(table):
        raise InputError(
            f"{name}: name either a Parquet file, spark:///folder/orders.parquet, or a table of "
            "Spark's catalogue, spark://#shop.orders."
        )
    try:
        rows = engine.spark_table(table) if table else engine.spark_parquet(path)
    except ImportError as error:
        raise InputError(
            f"{name}: Spark is not installed. Install it with: pip install "
            '"crmlib[spark]". It also needs Java 17 or later.'
        ) from error
    except Exception as error:
        # Spark's errors come from Java by way of several packages, each with classes of its own.
        raise InputError(
            f"{name}: Spark cannot read it ({hide_passwords(_first_line(error))}). Check the "
            "path or the name of the table, and that Java 17 or later is there."
        ) from None
    return _on_server(rows, name)


def _on_server(rows: engine.Table, name: str) -> Source:
    texts = [column for column, dtype in rows.schema().items() if dtype.is_string()]
    # Not Ibis's own strip: what it writes for Spark takes the letters v and f off, too.
    plain = {column: rows[column].re_replace(BLANKS_AT_THE_ENDS, "") for column in texts}
    stripped = rows.mutate(**{column: cells.nullif("") for column, cells in plain.items()})
    return Source(
        name=name,
        table=stripped,
        columns={column: column for column in rows.columns},
        first_row=None,
        is_lazy=True,
        reads_text=False,
    )


def _check_table(name: str, table: str, tables: list[str]) -> None:
    if table not in tables:
        there = f"It has {quoted(sorted(tables))}." if tables else "It has no tables."
        raise InputError(
            f'{name} has no table "{table}"{did_you_mean(table, tables)}. {there}\n'
            'Name the table after a number sign at the end of the URL, such as "…#orders".'
        )


def _sqlite_schema(database: sqlite3.Connection, source: str, names: list[str]) -> pa.Schema:
    asked = ", ".join(f"group_concat(DISTINCT typeof({_sqlite_name(name)}))" for name in names)
    stored = database.execute(f"SELECT {asked} FROM {source}").fetchone()
    types = []
    for found in stored:
        kinds = set((found or "").split(",")) - {"null", ""}
        if kinds == {"integer"}:
            types.append(pa.int64())
        elif kinds and kinds <= {"integer", "real"}:
            types.append(pa.float64())
        else:
            types.append(pa.string())
    return pa.schema(zip(names, types, strict=True))


def _sqlite_batches(
    database: sqlite3.Connection, source: str, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    cells = ", ".join(
        f"CAST({_sqlite_name(column.name)} AS TEXT)"
        if column.type == pa.string()
        else _sqlite_name(column.name)
        for column in schema
    )
    rows = database.execute(f"SELECT {cells} FROM {source}")
    while batch := rows.fetchmany(BATCH):
        columns = zip(*batch, strict=True)
        yield pa.record_batch(
            [pa.array(cells, column.type) for cells, column in zip(columns, schema, strict=True)],
            schema=schema,
        )


def _sqlite_name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
