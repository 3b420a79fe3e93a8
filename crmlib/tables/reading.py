"""Read a table, check it against the schema of its kind, and describe it."""

import datetime
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import pandas as pd

from crmlib.errors import InputError
from crmlib.passwords import hide_passwords
from crmlib.tables import engine
from crmlib.tables.checking import Checked, checked
from crmlib.tables.dates import DateOrder
from crmlib.tables.faults import did_you_mean, quoted, refuse
from crmlib.tables.fields import matched
from crmlib.tables.fingerprints import note_read
from crmlib.tables.numbers import DecimalMark
from crmlib.tables.opening import open_source
from crmlib.tables.pseudonyms import with_pseudonyms
from crmlib.tables.schemas import columns_of
from crmlib.tables.secrets import are_wanted, names_in, unresolved
from crmlib.tables.sources import Source

FaultyRows = Literal["stop", "set aside"]

CHOICES: dict[str, tuple[str | None, ...]] = {
    "date_order": (None, "year first", "day first", "month first"),
    "decimal": (None, ".", ","),
    "faulty_rows": ("stop", "set aside"),
}


@dataclass(frozen=True)
class CheckedTable:
    """A table that has passed the checks of its kind.

    Attributes
    ----------
    kind : str
        The kind of table.
    source : str
        Where it came from, as the user gave it, without passwords.
    expression : ibis.Table
        Its columns under the names of the workbook: text, numbers (float64) and dates.
        It is worked out on DuckDB, or on the server it came from, when it is used.
    set_aside : pandas.DataFrame
        What is not in the table, and why: row, column, value, reason. Blank rows are in it.
    description : dict
        What `describe` returns.
    """

    kind: str
    source: str
    expression: engine.Table
    set_aside: pd.DataFrame
    description: dict[str, Any]

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The table in memory, in the order of the file."""
        return engine.as_frame(self.expression)


def read(
    source: str | os.PathLike[str],
    kind: str,
    columns: Mapping[str, str] | None = None,
    date_order: DateOrder | None = None,
    decimal: DecimalMark | None = None,
    faulty_rows: FaultyRows = "stop",
) -> CheckedTable:
    """Read a table and check it against the schema of its kind.

    Parameters
    ----------
    source : str or path
        A text file (CSV and the like), a Parquet file, an Excel workbook
        (`file.xlsx#sheet`), or a database (`sqlite:///shop.db#orders`,
        `duckdb:///shop.duckdb#orders`, `postgresql://user@host/shop#orders`,
        `spark:///folder/orders.parquet`, `spark://#shop.orders`). A relative path is
        looked up from the current folder, then from the root of the workbook. A table
        or sheet that is not named is the one called like `kind`. `${NAME}` stands for the
        value of an environment variable, such as a password: it is in no message. Where
        `CRMLIB_PSEUDONYM_KEY` is set, ids are replaced: see `crmlib.tables.pseudonyms`.
    kind : str
        A key of `crmlib.tables.KINDS`.
    columns : mapping, optional
        Our name to yours, for the columns that have another name in the source.
    date_order : {"year first", "day first", "month first"}, optional
        How dates are written. Without it the order is found, and a column that can be
        read two ways is refused.
    decimal : {".", ","}, optional
        The sign before the decimals. Without it the sign is found, and a column that
        can be read two ways is refused.
    faulty_rows : {"stop", "set aside"}, optional
        What to do where single rows cannot be used: refuse the table, or go on without
        them, counted and listed in `set_aside`.

    Returns
    -------
    CheckedTable

    Raises
    ------
    InputError
        The table cannot be used; the message names every fault with its column, its
        rows and what to do about it.

    Examples
    --------
    >>> from crmlib import tables
    >>> transactions = tables.read(
    ...     "orders.csv", kind="transactions", columns={"amount": "net value"}
    ... )  # doctest: +SKIP
    """
    columns_of(kind)
    given = {"date_order": date_order, "decimal": decimal, "faulty_rows": faulty_rows}
    for name, value in given.items():
        if value not in CHOICES[name]:
            raise InputError(
                f"{name}={value!r} is not known{did_you_mean(str(value), _texts(name))}. "
                f"Choose from {quoted(_texts(name))}."
            )
    try:
        opened = open_source(source, kind)
        fields, faults, notes = matched(opened, kind, columns or {})
        found = checked(opened, fields, date_order, decimal, faulty_rows == "set aside")
        faults = [*opened.faults, *faults, *found.faults]
        stopping = faults if faulty_rows == "stop" else [f for f in faults if not f.n_rows]
        if stopping:
            raise refuse(opened.name, kind, stopping)
        table, replaced = with_pseudonyms(found.table, kind, fields)
        table = table if opened.is_lazy else engine.kept(table)
        return _described(opened, kind, table, found, notes + replaced)
    except engine.ReadError as error:
        told = hide_passwords(str(error).partition("\n")[0])
        told = unresolved(told, names_in(os.fspath(source)))
        raise InputError(f"{hide_passwords(os.fspath(source))} cannot be read: {told}.") from None


def describe(table: CheckedTable) -> dict[str, Any]:
    """Describe a table for the run record.

    Parameters
    ----------
    table : CheckedTable
        A table that `read` has returned.

    Returns
    -------
    dict
        source, kind, rows, first_date and last_date (ISO, None where the table has no
        date), missing_cells (number by column), set_aside (number of rows), sha256 (of
        the file; None for a server's table), notes (how it was read); pseudonymised (True)
        where ids were replaced.
    """
    return table.description


def as_frame(table: "CheckedTable | pd.DataFrame | engine.Table") -> pd.DataFrame:
    """Return any table as a pandas DataFrame.

    Parameters
    ----------
    table : CheckedTable, pandas.DataFrame or ibis.Table
        The table; an expression is worked out.

    Returns
    -------
    pandas.DataFrame
        Text as str, numbers as they are, dates as datetime64.

    Raises
    ------
    InputError
        It is no table.
    """
    return table if isinstance(table, pd.DataFrame) else engine.as_frame(as_expression(table))


def as_expression(table: "CheckedTable | pd.DataFrame | engine.Table") -> engine.Table:
    """Return any table as an Ibis expression, on DuckDB unless it has a home of its own.

    Parameters
    ----------
    table : CheckedTable, pandas.DataFrame or ibis.Table
        The table.

    Returns
    -------
    ibis.Table

    Raises
    ------
    InputError
        It is no table.
    """
    if isinstance(table, CheckedTable):
        return table.expression
    if isinstance(table, engine.Table):
        return table
    if isinstance(table, pd.DataFrame):
        return engine.frame_table(table)
    raise InputError(
        f"A table is needed here, not {type(table).__name__}: "
        "what tables.read returns, a pandas DataFrame or an Ibis table."
    )


def _described(
    opened: Source, kind: str, table: engine.Table, found: Checked, notes: list[str]
) -> CheckedTable:
    asked = {f"missing {name}": table[name].isnull().sum() for name in table.columns}
    dates = [column.name for column in columns_of(kind) if column.type == "date"]
    date = next((name for name in dates if name in table.columns), None)
    if date:
        asked |= {"first": table[date].min(), "last": table[date].max()}
    row = next(engine.rows_of(table.aggregate(rows=table.count(), **asked)))
    set_aside = pd.DataFrame(found.set_aside, columns=["row", "column", "value", "reason"])
    set_aside = set_aside.astype({"row": "Int64"}).sort_values(["row", "column"])
    if not row["rows"]:
        raise InputError(
            f"{opened.name} cannot be used as {kind}: every row has a fault.\n"
            'Read it with faulty_rows="stop" to see them.'
        )
    description = {
        "source": opened.name,
        "kind": kind,
        "rows": row["rows"],
        "first_date": _iso(row.get("first")),
        "last_date": _iso(row.get("last")),
        "missing_cells": {name: row[f"missing {name}"] for name in table.columns},
        "set_aside": int(set_aside["row"].nunique()),
        "sha256": opened.sha256,
        "notes": [*opened.notes, *found.notes, *notes],
    }
    if are_wanted():
        description["pseudonymised"] = True
    note_read(opened.name, opened.sha256)
    return CheckedTable(kind, opened.name, table, set_aside.reset_index(drop=True), description)


def _texts(name: str) -> list[str]:
    return [choice for choice in CHOICES[name] if choice is not None]


def _iso(date: datetime.date | None) -> str | None:
    return None if date is None else date.isoformat()
