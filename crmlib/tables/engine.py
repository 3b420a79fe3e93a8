"""The one module that knows Ibis and DuckDB: connections, and tables as expressions."""

import atexit
import contextlib
import os
import re
import tempfile
import uuid
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import ibis
import pandas as pd
import pyarrow as pa
from ibis import and_ as all_of
from ibis import cases, ifelse, literal, null, row_number, union
from ibis.expr.types import Column, Table

from crmlib.errors import InputError
from crmlib.passwords import hide_passwords

if TYPE_CHECKING:
    from ibis.backends.duckdb import Backend

__all__ = [
    "Column",
    "DatabaseError",
    "ReadError",
    "Table",
    "TextError",
    "all_of",
    "cases",
    "ifelse",
    "literal",
    "null",
    "row_number",
    "sha256_hex",
    "trim",
    "union",
]

# What DuckDB raises when a text file is not as regular as its header promises.
TextError = duckdb.Error
# What can go wrong between us and a database file.
DatabaseError = (duckdb.Error, ibis.common.exceptions.IbisError, OSError)
# What comes to light only while rows are read: a damaged file, a full disk.
ReadError = (
    duckdb.IOException,
    duckdb.InvalidInputException,
    duckdb.OutOfMemoryException,
    OSError,
)

# What speaks to engines that may go away while they are asked.
DRIVERS = ("psycopg", "pyspark", "py4j")

_connections: dict[int, "Backend"] = {}
_servers: dict[tuple[int, str], Any] = {}


def connection() -> "Backend":
    """Return this process's DuckDB, in memory, spilling to a temporary folder.

    A process started by fork makes its own: DuckDB's threads do not live on in it.
    """
    process = os.getpid()
    if process not in _connections:
        # DuckDB makes this folder when it first needs it, and removes it when it is closed.
        spill = Path(tempfile.gettempdir()) / f"crmlib-{uuid.uuid4().hex}"
        backend = ibis.duckdb.connect(temp_directory=str(spill), **_threads())
        # DuckDB's progress bar would stand in the middle of notebooks and reports. In Jupyter
        # without ipywidgets it has none, and refuses even to have it switched off.
        with contextlib.suppress(duckdb.InvalidInputException):
            backend.raw_sql("SET enable_progress_bar = false")
        ibis.set_backend(backend)
        _connections[process] = backend
        atexit.register(_close, backend, process)
    return _connections[process]


def _threads() -> dict[str, int]:
    """Return how many threads DuckDB may start: joblib's number of cores, where that is set."""
    if "LOKY_MAX_CPU_COUNT" not in os.environ:
        return {}
    import joblib

    return {"threads": joblib.cpu_count()}


@ibis.udf.scalar.builtin(name="trim")
def trim(text: str, signs: str) -> str:  # type: ignore[empty-body]
    """Take signs off both ends of a text; Ibis's own strip knows plain blanks only."""


@ibis.udf.scalar.builtin(name="convert_to")
def _bytes_there(text: str, encoding: str) -> bytes:  # type: ignore[empty-body]
    """Encode text on PostgreSQL."""


@ibis.udf.scalar.builtin(name="sha256")
def _digest_there(content: bytes) -> bytes:  # type: ignore[empty-body]
    """Hash bytes on PostgreSQL; Ibis's own hexdigest would need an extension there."""


@ibis.udf.scalar.builtin(name="encode")
def _hex_there(content: bytes, form: str) -> str:  # type: ignore[empty-body]
    """Write bytes as text on PostgreSQL."""


def sha256_hex(text: Column) -> Column:
    """Return the SHA-256 of text in UTF-8, as 64 small hex digits, on any engine."""
    connection()
    if text.get_backend().name == "postgres":
        return _hex_there(_digest_there(_bytes_there(text, "UTF8")), "hex")
    return text.hexdigest("sha256")


def text_table(
    path: Path, columns: Sequence[str], delimiter: str, has_header: bool = True
) -> Table:
    """Return a delimited UTF-8 file as an expression, every column as text."""
    return connection().read_csv(
        _without_patterns(path),
        auto_detect=False,
        header=has_header,
        delim=delimiter,
        quote='"',
        escape='"',
        columns=dict.fromkeys(columns, "VARCHAR"),
        strict_mode=True,
        hive_partitioning=False,
    )


def forget(table: Table) -> None:
    """Forget the file that `text_table` has opened."""
    connection().drop_view(table.get_name(), force=True)


def parquet_table(path: Path) -> Table:
    """Return a Parquet file as an expression."""
    return connection().read_parquet(_without_patterns(path), hive_partitioning=False)


def frame_table(frame: pd.DataFrame | pa.Table) -> Table:
    """Return rows that are in memory as an expression."""
    connection()
    if isinstance(frame, pd.DataFrame):
        # Ibis 12 asks pandas 3 for an option that pandas warns of; Arrow goes round that.
        frame = pa.Table.from_pandas(frame, preserve_index=False)
    return ibis.memtable(frame)


def as_frame(table: Table) -> pd.DataFrame:
    """Work an expression out and return its rows in memory, dates as datetime64.

    Use this and not Ibis's own `execute` or `to_pandas`: Ibis 12 asks pandas 3 for an option
    that pandas warns of.
    """
    return _fetched(table).to_pandas(date_as_object=False)


def batches_table(batches: pa.RecordBatchReader) -> Table:
    """Return rows that arrive in batches as an expression, kept in DuckDB."""
    backend = connection()
    name = ibis.util.gen_name("batches")
    backend.con.register(name, batches)
    try:
        return kept(backend.table(name))
    finally:
        backend.con.unregister(name)


def duckdb_tables(path: Path) -> list[str]:
    """Open a DuckDB file for reading only, and return the names of its tables."""
    place = str(path).replace("'", "''")
    connection().raw_sql(f"ATTACH IF NOT EXISTS '{place}' AS {_alias(path)} (READ_ONLY)")
    found = connection().raw_sql(
        "SELECT table_name FROM information_schema.tables "
        f"WHERE table_catalog = '{_alias(path)}' AND table_schema = 'main'"
    )
    return [row[0] for row in found.fetchall()]


def duckdb_table(path: Path, table: str) -> Table:
    """Return a table of a DuckDB file that `duckdb_tables` has opened as an expression."""
    return connection().table(table, database=(_alias(path), "main"))


def server_table(url: str, table: str) -> Table:
    """Return a table of a database server as an expression that is worked out there.

    A process keeps one connection to each server, and makes a new one where the old is broken.
    """
    schema, _, name = table.rpartition(".")
    key = (os.getpid(), url)
    if key in _servers:
        try:
            return _servers[key].table(name, database=schema or None)
        except Exception:
            _leave(_servers.pop(key), os.getpid())
    backend = _servers[key] = ibis.connect(url)
    atexit.register(_leave, backend, os.getpid())
    return backend.table(name, database=schema or None)


def spark_parquet(path: str) -> Table:
    """Return a Parquet file, or a folder of them, as an expression that Spark works out."""
    return _spark().read_parquet(path)


def spark_table(table: str) -> Table:
    """Return a table of Spark's catalogue as an expression that Spark works out."""
    schema, _, name = table.rpartition(".")
    return _spark().table(name, database=schema or None)


def _spark() -> Any:
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName("crmlib")
    # A bar of its own would stand in the middle of logs.
    session = builder.config("spark.ui.showConsoleProgress", "false").getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return ibis.pyspark.connect(session)


def kept(table: Table) -> Table:
    """Work an expression out once and keep its rows in DuckDB while anybody uses them.

    Ibis's own `cache` would also keep alive whatever the expression was made from.
    """
    backend = connection()
    name = ibis.util.gen_name("kept")
    rows = backend.create_table(name, table, temp=True)
    weakref.finalize(rows.op(), _drop, backend, name, os.getpid()).atexit = False
    return rows


def _close(backend: "Backend", process: int) -> None:
    if os.getpid() == process:
        backend.disconnect()


def _leave(server: Any, process: int) -> None:
    if os.getpid() == process:
        # A server that has gone away cannot be taken leave of.
        with contextlib.suppress(Exception):
            server.disconnect()


def _drop(backend: "Backend", name: str, process: int) -> None:
    # A forked process has inherited the expression but must not touch its parent's DuckDB.
    if os.getpid() == process:
        backend.drop_table(name, force=True)


def n_rows(table: Table) -> int:
    """Return how many rows a table has."""
    return int(next(rows_of(table.aggregate(rows=table.count())))["rows"])


def rows_of(table: Table) -> Iterator[dict[str, Any]]:
    """Yield the rows of a small result as dictionaries of plain Python values."""
    yield from _fetched(table).to_pylist()


def _fetched(table: Table) -> pa.Table:
    try:
        return table.to_pyarrow()
    except Exception as error:
        # For some damages of Parquet files DuckDB has no class of its own.
        if type(error) is duckdb.Error:
            raise duckdb.IOException(str(error)) from None
        # The drivers need not be installed, so their errors are known by where they come from.
        if type(error).__module__.partition(".")[0] not in DRIVERS:
            raise
        told = hide_passwords(str(error).strip().partition("\n")[0])
        raise InputError(
            f"The database stopped answering while its rows were read ({told}). Nothing was "
            "changed there. Run this again when it can be reached."
        ) from None


def _without_patterns(path: Path) -> str:
    """Return a path in which DuckDB sees no pattern such as `*`."""
    return re.sub(r"([\[*?])", r"[\1]", str(path))


def _alias(path: Path) -> str:
    return "file_" + str(path).encode().hex()
