"""Sales by time, region, product and segment with all subtotals, and cells that stand out."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from crmlib import tables
from crmlib.columns import Array, listed
from crmlib.errors import InputError
from crmlib.segmentation.customer_totals import looked_at
from crmlib.transaction_rows import check_profit_source, day_of, money_rows, orders_of

Time = Literal["month", "quarter", "year"]
Measure = Literal["revenue", "profit", "orders", "customers"]

ALL = "(all)"
"""What stands in a dimension that is rolled up."""

NOT_GIVEN = "(not given)"
"""What stands in a dimension of which a row has no value."""

MOST_DIMENSIONS = 5
"""Time included. Each further one doubles the number of subtotals."""


@dataclass(frozen=True)
class CubeRows:
    """Transactions ready to be added up.

    Attributes
    ----------
    expression : Ibis table
        customer_id, revenue_cents, profit_cents, order_key where there are orders, and
        dimension_0, dimension_1 and so on.
    dimensions : tuple of str
        Names of these.
    time : str or None
        Which of them is time.
    margin_rate : float or None
        What profit_cents, then revenue, must be multiplied by.
    """

    expression: Any
    dimensions: tuple[str, ...]
    time: Time | None
    margin_rate: float | None

    def place(self, dimension: str) -> str:
        """Column that holds a dimension."""
        return f"dimension_{self.dimensions.index(dimension)}"

    def texts(self, values: "pd.Series[Any]", dimension: str) -> "pd.Series[Any]":
        """Values of a dimension as a reader sees them."""
        return time_text(values, self.time) if dimension == self.time else as_text(values)

    def money(self, cents: Any, measure: str) -> Array:
        """Sums of cents in money."""
        rate = self.margin_rate if measure == "profit" and self.margin_rate else 1.0
        return np.asarray(cents, dtype=np.int64) / 100 * rate


@dataclass(frozen=True)
class Cube:
    """Sales by several dimensions, with the subtotals of every combination of them.

    Attributes
    ----------
    table : DataFrame
        One row per combination of values that has sales: level (how many dimensions are held;
        0 is the grand total), every dimension as text ("(all)" where it is rolled up, "(not
        given)" where there is no value, or text that says this), and every measure. By level,
        then by dimension.
    dimensions, measures : tuple of str
        Their columns; time comes first.
    since, as_of : Timestamp
        First and last day that count.
    notes : list of str
        What a reader should know, a sentence each.
    rows : CubeRows
        The transactions that were added up, worked out where they live.
    """

    table: pd.DataFrame
    dimensions: tuple[str, ...]
    measures: tuple[Measure, ...]
    since: pd.Timestamp
    as_of: pd.Timestamp
    notes: list[str]
    rows: CubeRows


def cube(
    transactions: Any,
    dimensions: Sequence[str] = (),
    measures: Sequence[Measure] = ("revenue",),
    *,
    time: Time | None = None,
    customers: Any = None,
    customer: str = "customer_id",
    date: str = "date",
    amount: str = "amount",
    cost: str | None = None,
    margin_rate: float | None = None,
    order: str | None = None,
    since: dt.date | str | None = None,
    as_of: dt.date | str | None = None,
) -> Cube:
    """Add up sales by every combination of dimensions, from the finest to the grand total.

    Every combination is one query in the engine the transactions live in. Subtotals are counted
    anew and not added up: a customer of two regions, or an order of two product lines, is in
    both of their rows and once in that of both together.

    Parameters
    ----------
    transactions : DataFrame, Ibis table or tables.CheckedTable
        One row a purchase, or a line of one.
    dimensions : sequence of str
        Columns of the transactions or, where these have none of that name, of the customers.
    measures : sequence of {"revenue", "profit", "orders", "customers"}
        Revenue less returns; profit; orders, and customers, with an amount above zero.
    time : {"month", "quarter", "year"}, optional
        Adds a dimension of this name.
    customers : DataFrame, Ibis table or tables.CheckedTable, optional
        One row a customer: customer_id and attributes, such as region or segment.
    customer, date, amount, cost : str
        Columns of the transactions; amount in money, returns below zero.
    margin_rate : float, optional
        Profit as a fraction of the amount, where there is no cost column.
    order : str, optional
        Column that tells orders apart; without it every row counts as one, and so does a row
        whose cell is empty.
    since, as_of : date or str, optional
        First and last day that count; those of the table when not given.

    Returns
    -------
    Cube

    Raises
    ------
    InputError
        A column is not there, a cell of customer, date or money is empty, a customer is twice
        among the customers or of another type there, there is nothing to add up, or a choice is
        none of those there are.

    References
    ----------
    Gray, J. et al. (1997). Data cube: a relational aggregation operator generalizing group-by,
    cross-tab, and sub-totals. Data Mining and Knowledge Discovery 1, 29-53.
    """
    held = _checked_choices(dimensions, measures, time)
    if "profit" in measures or cost is not None or margin_rate is not None:
        check_profit_source(cost, margin_rate)
    source = tables.as_expression(transactions)
    places = {name: f"dimension_{k}" for k, name in enumerate(held)}
    own = {places[name]: name for name in dimensions if name in source.columns}
    rows = money_rows(source, customer, date, amount, cost, order_key=order, **own)
    whole = looked_at(source, customer, date, amount, cost)
    first = day_of(whole["first"] if since is None else since, "since")
    last = day_of(whole["last"] if as_of is None else as_of, "as_of")
    rows = rows.filter(rows["day"] >= first.date(), rows["day"] <= last.date())
    of_customers = {places[name]: name for name in dimensions if places[name] not in own}
    if of_customers:
        rows = _with_attributes(rows, customers, of_customers)
    rows = _with_missing_told(rows, places.values())
    if time is not None:
        rows = rows.mutate(**{places[time]: _time_number(rows["day"], time)})
    ready = CubeRows(rows, held, time, margin_rate)
    parts = (part for size in range(len(held) + 1) for part in combinations(held, size))
    table = pd.concat([_level(ready, part, measures) for part in parts], ignore_index=True)
    if table.empty:
        raise InputError(
            f"There is no purchase from {first.date()} to {last.date()}; the table has them from "
            f"{whole['first'].date()} to {whole['last'].date()}."
        )
    notes = [*_cut_notes(first, last, time), *_not_given_notes(table, held)]
    return Cube(table, held, tuple(measures), first, last, notes, ready)


def roll_up(cube: Cube, dimensions: Sequence[str] = ()) -> pd.DataFrame:
    """Rows of a cube by these dimensions alone, everything else rolled up.

    Parameters
    ----------
    cube : Cube
    dimensions : sequence of str
        Of the cube; none gives the grand total.

    Returns
    -------
    DataFrame
        The dimensions and the measures.

    Raises
    ------
    InputError
        A dimension is none of the cube.
    """
    refuse_unknown(cube, dimensions)
    picked = cube.table["level"] == len(set(dimensions))
    for name in cube.dimensions:
        picked &= (cube.table[name] == ALL) == (name not in dimensions)
    columns = [name for name in cube.dimensions if name in dimensions]
    return cube.table.loc[picked, [*columns, *cube.measures]].reset_index(drop=True)


def drill_down(cube: Cube, at: Mapping[str, str], into: str) -> pd.DataFrame:
    """Rows that one number of a cube is made of, by a further dimension.

    Parameters
    ----------
    cube : Cube
    at : mapping of str to str
        Dimension and value, as {"region": "South"}; empty for the grand total.
    into : str
        The dimension to look into.

    Returns
    -------
    DataFrame
        One row per value of ``into``: it, the measures and, of revenue and profit, revenue_share
        and profit_share (of the number looked into; missing where that is not above zero).

    Raises
    ------
    InputError
        A dimension is none of the cube, or nothing was sold there.
    """
    refuse_unknown(cube, [*at, into])
    if into in at:
        raise InputError(f'"{into}" is held at {at[into]!r}; look into another dimension.')
    rows = roll_up(cube, [*at, into])
    for name, value in at.items():
        rows = rows[rows[name] == str(value)]
    if rows.empty:
        where = ", ".join(f"{name} {value}" for name, value in at.items())
        raise InputError(f"The cube has no sales at {where}.")
    rows = rows[[into, *cube.measures]].reset_index(drop=True)
    for name in ("revenue", "profit"):
        if name in rows:
            whole = rows[name].sum()
            rows[f"{name}_share"] = rows[name] / whole if whole > 0 else np.nan
    return rows


def _checked_choices(
    dimensions: Sequence[str], measures: Sequence[str], time: str | None
) -> tuple[str, ...]:
    """The dimensions, time first."""
    if isinstance(dimensions, str) or isinstance(measures, str):
        raise InputError('Give dimensions and measures as lists, as in ["region"].')
    if time is not None and time not in get_args(Time):
        raise InputError(f'time="{time}" is not one of {listed(get_args(Time))}.')
    wrong = [name for name in measures if name not in get_args(Measure)]
    if wrong or not measures or len(set(measures)) < len(measures):
        raise InputError(
            f"measures: give one or more of {listed(get_args(Measure))}, each once"
            + (f"; not {listed(wrong)}." if wrong else ".")
        )
    held = (*([time] if time else []), *dimensions)
    if len(set(held)) < len(held):
        raise InputError("A dimension is given twice.")
    if not 1 <= len(held) <= MOST_DIMENSIONS:
        raise InputError(
            f"Give one to {MOST_DIMENSIONS} dimensions, time included; these are {len(held)}."
        )
    taken = {"level", *get_args(Measure)} & set(held)
    if taken:
        raise InputError(f'A dimension may not be called "{taken.pop()}".')
    return held


def refuse_unknown(cube: Cube, dimensions: Sequence[str]) -> None:
    """Refuse what is no dimension of the cube."""
    unknown = [name for name in dimensions if name not in cube.dimensions]
    if unknown:
        raise InputError(
            f"The cube has no dimension {listed(unknown)}; it has {listed(cube.dimensions)}."
        )


def _with_attributes(rows: Any, customers: Any, names: dict[str, str]) -> Any:
    """Rows with the attributes of their customer, each called as its key says.

    The attributes go through memory, so that customers in a file join transactions on a server.
    """
    if customers is None:
        raise InputError(
            f"The transactions have no column {listed(names.values())}. Give customers, the table "
            "with customer_id and what is missing."
        )
    of = tables.as_expression(customers)
    missing = [name for name in ("customer_id", *names.values()) if name not in of.columns]
    if missing:
        raise InputError(
            f"Neither the transactions nor the customers have a column {listed(missing)}; the "
            f"customers have {listed(of.columns, shown=40)}."
        )
    frame = tables.as_frame(of.select("customer_id", *names.values()))
    frame = frame.dropna(subset="customer_id")
    repeated = frame["customer_id"].duplicated()
    if repeated.any():
        raise InputError(
            f"Customer {frame['customer_id'][repeated].iloc[0]} is among the customers more than "
            "once, and its sales would count as often. Give one row a customer."
        )
    texts = {place: as_text(frame[name]) for place, name in names.items()}
    attributes = tables.as_expression(pd.DataFrame({"attribute_of": frame["customer_id"]} | texts))
    here, there = rows["customer_id"].type(), attributes["attribute_of"].type()
    if here.is_numeric() != there.is_numeric():
        raise InputError(
            f"customer_id is {here} in the transactions and {there} among the customers, so that "
            "none would be found. Bring both to the same."
        )
    joined = rows.left_join(attributes, rows["customer_id"] == attributes["attribute_of"])
    return joined.drop("attribute_of")


def _with_missing_told(rows: Any, places: Iterable[str]) -> Any:
    """Rows in which text that is not given is, so that it is one group with text that says so."""
    texts = [name for name in places if name in rows.columns and rows[name].type().is_string()]
    return rows.mutate(**{name: rows[name].fill_null(NOT_GIVEN) for name in texts})


def _time_number(day: Any, time: Time) -> Any:
    """Year, or year times 100 plus month or quarter, which every engine can tell."""
    if time == "year":
        return day.year().cast("int64")
    part = day.month() if time == "month" else day.quarter()
    return day.year().cast("int64") * 100 + part.cast("int64")


def time_text(number: "pd.Series[Any]", time: Time | None) -> "pd.Series[Any]":
    """Write 202503 as 2025-03, or as 2025-Q3."""
    if time == "year":
        return number.astype(str)
    year, part = (number // 100).astype(str), number % 100
    if time == "quarter":
        return year + "-Q" + part.astype(str)
    return year + "-" + part.astype(str).str.zfill(2)


def as_text(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """Values as text, whole numbers without a decimal point, missing ones told."""
    if pd.api.types.is_bool_dtype(values):
        values = values.map({True: "yes", False: "no"})
    elif pd.api.types.is_float_dtype(values) and (values.dropna() % 1 == 0).all():
        values = values.astype("Int64")
    elif pd.api.types.is_datetime64_any_dtype(values):
        values = values.dt.strftime("%Y-%m-%d")
    text = values.astype("string").fillna(NOT_GIVEN).astype(str)
    if (text == ALL).any():
        raise InputError(f'A dimension holds the value "{ALL}", which means something else here.')
    return text


def _level(rows: CubeRows, part: tuple[str, ...], measures: Sequence[Measure]) -> pd.DataFrame:
    """Sums by one combination of dimensions."""
    of = rows.expression
    bought = of["revenue_cents"] > 0
    has_orders = "order_key" in of.columns
    sums = {
        "revenue": of["revenue_cents"].sum(),
        "profit": of["profit_cents"].sum(),
        "orders": orders_of(of, bought) if has_orders else bought.sum(),
        "customers": of["customer_id"].nunique(where=bought),
    }
    grouped = of.group_by([rows.place(name) for name in part]) if part else of
    found = tables.as_frame(
        grouped.aggregate(n_rows=of.count(), **{name: sums[name] for name in measures})
    )
    # Without rows, the grand total is a row of nothing.
    found = found[found["n_rows"] > 0]
    table = pd.DataFrame({"level": np.full(len(found), len(part))}, index=found.index)
    for name in rows.dimensions:
        table[name] = rows.texts(found[rows.place(name)], name) if name in part else ALL
    for name in measures:
        counts = found[name].fillna(0).to_numpy(dtype=np.int64)
        table[name] = rows.money(counts, name) if name in ("revenue", "profit") else counts
    return table.sort_values(list(part), kind="stable", ignore_index=True) if part else table


def _cut_notes(first: pd.Timestamp, last: pd.Timestamp, time: Time | None) -> list[str]:
    """Say which period at the ends is not whole."""
    if time is None:
        return []
    code = {"month": "M", "quarter": "Q", "year": "Y"}[time]
    notes = []
    if first != first.to_period(code).start_time.normalize():
        notes.append(f"The first {time} counts from {first.date()} only.")
    if last != last.to_period(code).end_time.normalize():
        notes.append(f"The last {time} counts up to {last.date()} only.")
    return notes


def _not_given_notes(table: pd.DataFrame, held: tuple[str, ...]) -> list[str]:
    lacking = [name for name in held if (table[name] == NOT_GIVEN).any()]
    return [f'Sales without a value of {listed(lacking)} are at "{NOT_GIVEN}".'] if lacking else []
