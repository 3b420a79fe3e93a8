"""Baskets: what was bought together, from a file with one basket a line or from transactions."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from crmlib.errors import InputError
from crmlib.passwords import hide_passwords
from crmlib.tables import engine
from crmlib.tables.encodings import SAVE_AS_UTF_8, look_at_bytes
from crmlib.tables.faults import quoted, shortened
from crmlib.tables.fingerprints import note_read
from crmlib.tables.opening import TEXT
from crmlib.tables.places import find_file, is_url
from crmlib.tables.reading import CheckedTable, as_expression
from crmlib.tables.secrets import names_in, naming, resolved
from crmlib.tables.sources import BLANK_ROW, BLANK_SIGNS
from crmlib.tables.text_files import ADVICE, DELIMITERS, records

SAMPLE_LINES = 1000
ENOUGH_LINES = 10
"""Lines from which on a header can be told."""


@dataclass
class _Lines:
    """Items of every line, and what was found on the way."""

    basket: list[int] = field(default_factory=list)
    item: list[str] = field(default_factory=list)
    blank: list[int] = field(default_factory=list)
    with_repeats: list[int] = field(default_factory=list)
    with_gaps: list[int] = field(default_factory=list)
    n_cells: set[int] = field(default_factory=set)


def read_baskets(source: str | os.PathLike[str]) -> CheckedTable:
    """Read a text file with one basket a line, its items separated by commas.

    Semicolons, tabs and vertical bars separate as well; the sign is found. There is no header. A
    blank after a separator is taken off, one at the end of an item is kept, as labels may have
    it, unless the same item stands in the file without it. An item that stands in a basket more
    than once counts once. A line without items is no basket and is set aside.

    Parameters
    ----------
    source : str or path
        A text file; a relative path is looked up as `read` does.

    Returns
    -------
    CheckedTable
        Of kind "baskets", in long form: basket_id (number of the line) and item (text), one row
        for every item of a basket. In its description, rows are baskets.

    Raises
    ------
    InputError
        The file cannot be read, has no items, only lines of one item (of ten or more), or is a
        table with a header.
    """
    name = os.fspath(source)
    address = resolved(name)
    with naming(names_in(name)):
        path = _text_file(address)
    found = look_at_bytes(path, name)
    try:
        with path.open(encoding=found.encoding, newline="") as file:
            delimiter = _delimiter(islice(file, SAMPLE_LINES), name)
            file.seek(0)
            lines = _lines(file, delimiter, name)
    except UnicodeError as error:
        raise InputError(
            f"{name} starts as {found.encoding.upper()} but does not go on so. {SAVE_AS_UTF_8}"
        ) from error
    frame = pd.DataFrame(
        {"basket_id": np.array(lines.basket, dtype=np.int64), "item": np.array(lines.item, str)}
    ).astype({"item": "str"})
    if frame.empty:
        raise InputError(f"{name} is empty. It needs one basket a line, items separated by commas.")
    _refuse_header(frame, lines, name)
    _refuse_single_items(frame, name)
    frame, merged = _without_double_labels(frame)
    notes = [note for note in (found.note, f"items separated by {DELIMITERS[delimiter]}s") if note]
    notes += _notes(frame, lines, merged)
    return _described(name, frame, lines, found.sha256, notes)


def baskets_of(
    transactions: Any,
    *,
    order: str | None = "order_id",
    item: str = "product_line",
    customer: str = "customer_id",
    date: str = "date",
    amount: str = "amount",
) -> engine.Table:
    """Baskets of transactions: which items every order holds.

    Rows with an amount of 0 or less are returns, not purchases; rows without an item say nothing
    of what was bought. Neither makes a basket.

    Parameters
    ----------
    transactions : DataFrame, Ibis table or CheckedTable
    order : str or None
        Column that tells orders apart. None: what a customer buys on one day is a basket.
    item, customer, date, amount : str
        Its columns.

    Returns
    -------
    ibis.Table
        basket_id (text), customer_id and item, every item of a basket once. It is worked out
        where the transactions live.

    Raises
    ------
    InputError
        A column is not there, or a purchase has no order.
    """
    rows = as_expression(transactions)
    needed = [name for name in (order, item, customer, date, amount) if name is not None]
    missing = [name for name in needed if name not in rows.columns]
    if missing:
        raise InputError(
            f"The table has no column {', '.join(missing)}; it has {', '.join(rows.columns)}. "
            "Without a column of orders give order=None: what a customer buys on one day is then "
            "a basket."
        )
    bought = rows.filter(rows[amount] > 0, ~rows[item].isnull())
    day = bought[date].cast("date").cast("string")
    basket = bought[customer].cast("string") + " " + day if order is None else bought[order]
    named = bought.select(
        basket_id=basket.cast("string"), customer_id=bought[customer], item=bought[item]
    )
    nameless = engine.n_rows(named.filter(named["basket_id"].isnull()))
    if nameless:
        raise InputError(
            f'Column "{order or customer}": {nameless:,} purchases have no value, so it is not '
            "known which basket they belong to. Fill them in, or take these rows out."
        )
    return named.distinct()


def _text_file(name: str) -> Path:
    if is_url(name):
        raise InputError(
            f"{hide_passwords(name)} is a database. Baskets are read from a text file "
            'with one basket a line; from a table of orders, read it as "transactions".'
        )
    path = find_file(name)
    if path.suffix.lower() not in (*TEXT, ".basket"):
        raise InputError(
            f"{name}: baskets are read from a text file with one basket a line, items separated "
            'by commas. Save it as CSV; a table of orders is read as "transactions".'
        )
    return path


def _delimiter(lines: Iterable[str], name: str) -> str:
    """Find the sign that stands in most lines."""
    lines = list(lines)
    counts = {
        sign: (sum(sign in line for line in lines), sum(line.count(sign) for line in lines))
        for sign in DELIMITERS
    }
    best = max(counts.values())
    signs = [sign for sign, count in counts.items() if count == best]
    if best[0] and len(signs) > 1:
        raise InputError(
            f"{name}: items may be separated by {DELIMITERS[signs[0]]}s or by "
            f"{DELIMITERS[signs[1]]}s. Put items that hold one of them in quotation marks, or use "
            "another separator."
        )
    return signs[0]


def _lines(file: Iterable[str], delimiter: str, name: str) -> _Lines:
    found = _Lines()
    for record in records(file, delimiter):
        if record.wrong:
            raise InputError(f"{name}, row {record.row}: {record.wrong}.\n{ADVICE[record.wrong]}")
        cells = [cell.lstrip(BLANK_SIGNS) for cell in record.cells]
        # A spreadsheet fills every line up to the longest; empty cells at the end say nothing.
        while cells and not cells[-1]:
            cells.pop()
        if not cells:
            found.blank.append(record.row)
            continue
        found.n_cells.add(len(cells))
        items = dict.fromkeys(cell for cell in cells if cell)
        if len(items) < sum(map(bool, cells)):
            found.with_repeats.append(record.row)
        if not all(cells):
            found.with_gaps.append(record.row)
        found.basket += [record.row] * len(items)
        found.item += items
    return found


def _refuse_header(frame: pd.DataFrame, lines: _Lines, name: str) -> None:
    """A table in which every row has a cell for every name of the first is no list of baskets."""
    n_baskets = frame["basket_id"].nunique()
    if len(lines.n_cells) > 1 or lines.n_cells == {1} or n_baskets < ENOUGH_LINES:
        return
    first = frame.loc[frame["basket_id"] == frame["basket_id"].iloc[0], "item"]
    if (frame["item"].isin(first)).sum() == len(first):
        raise InputError(
            f"{name} looks like a table with a header ({shortened(', '.join(first), 80)}): every "
            f"line has {len(first)} cells, and those of the first stand nowhere else. Baskets are "
            "read from a file with one basket a line and no header; read a table of orders as "
            '"transactions".'
        )


def _refuse_single_items(frame: pd.DataFrame, name: str) -> None:
    """Where every line has one item, nothing was bought together, or the file is no such list."""
    n_baskets = frame["basket_id"].nunique()
    if n_baskets >= ENOUGH_LINES and len(frame) == n_baskets:
        raise InputError(
            f"{name}: none of the {n_baskets:,} baskets holds two different items, so there is "
            "nothing that was bought together. A basket is one line, its items separated by "
            'commas. Where every item has a row of its own, read it as "transactions".'
        )


def _without_double_labels(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Take the blanks off the end of items that stand in the file without them too."""
    labels = pd.Series(frame["item"].unique())
    bare = labels.str.rstrip(BLANK_SIGNS)
    double = (bare != labels) & bare.isin(labels)
    if not double.any():
        return frame, []
    renamed = frame["item"].map(dict(zip(labels[double], bare[double], strict=True)))
    frame = frame.assign(item=renamed.fillna(frame["item"]))
    return frame.drop_duplicates(ignore_index=True), sorted(bare[double])


def _notes(frame: pd.DataFrame, lines: _Lines, merged: list[str]) -> list[str]:
    """What was found, for the run record."""
    labels = frame["item"].drop_duplicates()
    blank_at_end = sorted(labels[labels != labels.str.rstrip(BLANK_SIGNS)])
    notes = [f"{len(frame):,} entries of {len(labels):,} different items"]
    for rows, one, many in (
        (lines.blank, "line is empty and no basket", "lines are empty and no baskets"),
        (lines.with_gaps, "line has an empty item", "lines have empty items"),
        (
            lines.with_repeats,
            "basket names an item more than once: it counts once",
            "baskets name an item more than once: it counts once",
        ),
    ):
        if rows:
            shown = ", ".join(str(row) for row in rows[:3])
            more = f" and {len(rows) - 3:,} more" if len(rows) > 3 else ""
            noun = one if len(rows) == 1 else many
            notes.append(
                f"{len(rows):,} {noun} ({'row' if len(rows) == 1 else 'rows'} {shown}{more})"
            )
    if blank_at_end:
        notes.append(f"kept with the blank at their end: {quoted(blank_at_end[:5])}")
    if merged:
        notes.append(
            f"taken for one item with and without a blank at the end: {quoted(merged[:5])}"
        )
    return notes


def _described(
    name: str, frame: pd.DataFrame, lines: _Lines, sha256: str, notes: list[str]
) -> CheckedTable:
    set_aside = pd.DataFrame(
        {
            "row": pd.array(lines.blank, dtype="Int64"),
            "column": "",
            "value": "",
            "reason": BLANK_ROW,
        }
    )
    description = {
        "source": name,
        "kind": "baskets",
        "rows": int(frame["basket_id"].nunique()),
        "first_date": None,
        "last_date": None,
        "missing_cells": {"basket_id": 0, "item": 0},
        "set_aside": len(set_aside),
        "sha256": sha256,
        "notes": notes,
    }
    note_read(name, sha256)
    return CheckedTable("baskets", name, engine.frame_table(frame), set_aside, description)
