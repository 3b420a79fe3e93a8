"""Transactions as every method takes them: customer, day, revenue and profit in whole cents."""

import datetime as dt
from typing import Any

import pandas as pd

from crmlib import tables
from crmlib.columns import listed
from crmlib.errors import InputError
from crmlib.tables import engine

LARGEST_AMOUNT = 2**53 // 100
"""Money above which floating-point numbers cannot tell cents apart: some 90 trillion."""


def money_rows(
    transactions: Any,
    customer: str,
    date: str,
    amount: str,
    cost: str | None,
    **further: str | None,
) -> Any:
    """Transactions as an Ibis table of customer_id, day, revenue_cents and profit_cents.

    Money is in whole cents, so that every engine sums to the same. Profit is what remains of the
    revenue after the cost of what was sold, where there is a column of it. Further columns are
    kept under the name they are given by; None leaves one out. Money that is infinite or beyond
    `LARGEST_AMOUNT` is missing here, for `refuse_missing` to tell.

    Raises
    ------
    InputError
        When a column is not there, the date is none or money not of numbers, or money is in
        several currencies.
    """
    rows = tables.as_expression(transactions)
    kept = {name: column for name, column in further.items() if column is not None}
    needed = (customer, date, amount, cost, *kept.values())
    missing = [name for name in needed if name and name not in rows.columns]
    if missing:
        hint = " Without costs, give a margin_rate." if missing == [cost] else ""
        raise InputError(
            f"The table has no column {', '.join(missing)}; it has {', '.join(rows.columns)}.{hint}"
        )
    for name in (amount, cost):
        if name:
            _refuse_other_type(rows, name, "money, which are numbers")
    _refuse_other_type(rows, date, "dates")
    refuse_several_currencies(rows)
    revenue_cents = cents(rows[amount])
    cost_cents = cents(rows[cost]) if cost else revenue_cents * 0
    return rows.select(
        customer_id=rows[customer],
        day=rows[date].cast("date"),
        revenue_cents=revenue_cents,
        profit_cents=revenue_cents - cost_cents,
        **{name: rows[column] for name, column in kept.items()},
    )


def cents(money: Any) -> Any:
    """Money as whole cents, halves away from zero, as an Ibis expression.

    Not Ibis's own ``round``: PostgreSQL rounds halves to even where DuckDB rounds them up. Missing
    where the money is, or is infinite or beyond `LARGEST_AMOUNT`.
    """
    kind = money.type()
    # A hundred times a number may not fit into a type that is just large enough for the number.
    if kind.is_decimal() and kind.scale is not None:
        money = money.cast(f"decimal(38, {kind.scale})")
    elif not (kind.is_floating() or kind.is_decimal()):
        money = money.cast("int64")
    return engine.cases(
        (impossible(money), engine.null("int64")),
        (money < 0, -(0.5 - money * 100).floor().cast("int64")),
        else_=(money * 100 + 0.5).floor().cast("int64"),
    )


def orders_of(rows: Any, where: Any) -> Any:
    """Number of different orders among rows with an order_key, as an Ibis expression.

    A row without one is an order of its own: which others it belongs to is not known.
    """
    alone = (where & rows["order_key"].isnull()).sum()
    return rows["order_key"].nunique(where=where) + alone.fill_null(0)


def impossible(money: Any) -> Any:
    """Whether money is infinite, no number, or beyond `LARGEST_AMOUNT`, as an Ibis expression."""
    beyond = ~money.between(-LARGEST_AMOUNT, LARGEST_AMOUNT)
    # Files may say in their statistics that all numbers are within, and mean all but NaN.
    return money.isnan() | beyond if money.type().is_floating() else beyond


def missing_cells(rows: Any) -> Any:
    """Count of money rows that would fall out of a sum in silence, as an Ibis expression."""
    return (
        rows["customer_id"].isnull() | rows["day"].isnull() | rows["profit_cents"].isnull()
    ).sum()


def refuse_missing(rows: int, columns: tuple[str | None, ...]) -> None:
    """A row without date or money would fall out of the sums in silence."""
    if rows:
        names = ", ".join(name for name in columns if name)
        have = "1 row has" if rows == 1 else f"{rows:,} rows have"
        raise InputError(
            f"{have} no value in at least one of the columns {names} (infinite money is none). "
            "Fill them in, take these rows out of the table, or, where only costs are missing, "
            "give a margin_rate instead."
        )


def _refuse_other_type(rows: Any, column: str, what: str) -> None:
    """Refuse what is no money or date by its type; a column without any value is of no type."""
    found = rows[column].type()
    fits = found.is_date() or found.is_timestamp() if what == "dates" else found.is_numeric()
    if found.is_boolean() or not (fits or found.is_null()):
        hint = " Turn it into such with pandas.to_datetime." if what == "dates" else ""
        raise InputError(f'Column "{column}" must hold {what}; it holds {found}.{hint}')


def refuse_several_currencies(rows: Any) -> None:
    """Yuan and euro cannot be added up."""
    if "currency" not in rows.columns:
        return
    found = tables.as_frame(rows.group_by("currency").aggregate(rows=rows.count()))
    found = found.dropna(subset="currency").sort_values("rows", ascending=False)
    if len(found) > 1:
        counts = [
            f"{n:,} in {name}" for name, n in zip(found["currency"], found["rows"], strict=True)
        ]
        raise InputError(
            f'Column "currency": the rows are in {len(found)} currencies ({listed(counts)}). '
            "Bring them into one, or run the report on one currency at a time."
        )


def day_of(value: Any, name: str) -> pd.Timestamp:
    """A day the caller gives, as a Timestamp.

    Raises
    ------
    InputError
        When it is none; ``name`` is what the caller calls it.
    """
    try:
        day = pd.Timestamp(value) if isinstance(value, str | dt.date) else None
    except ValueError:
        day = None
    if day is None or pd.isna(day):
        raise InputError(f"{name}={value!r} is not a day. Write it as 2025-12-31.")
    return day.normalize()


def refuse_days_to_come(last_day: dt.date) -> None:
    """A purchase after today is a mistyped date; it would make everybody look long gone."""
    if last_day > dt.date.today():
        raise InputError(
            f"The last purchase of the table is dated {last_day}, which is still to come. Is a "
            "date mistyped? Correct it, or take the row out of the table."
        )


def check_profit_source(cost: str | None, margin_rate: float | None) -> None:
    """Profit needs a cost column or a margin rate, not both."""
    if (cost is None) == (margin_rate is None):
        raise InputError(
            "Give either cost, the column with what was sold cost, or margin_rate, the profit "
            "as a fraction of the amount (0.30 for 30 %)."
        )
    if margin_rate is not None and not 0 < margin_rate <= 1:
        hint = f" Did you mean {margin_rate / 100:g}?" if 1 < margin_rate <= 100 else ""
        raise InputError(
            f"margin_rate={margin_rate:g} is not a fraction above 0 and at most 1.{hint}"
        )


def repeated_rows(transactions: Any) -> pd.DataFrame:
    """Rows that stand in the table more than once, equal in every column.

    Whether they are two like purchases or one booked twice, the table cannot say: they are
    counted as they stand, and a report tells of them.

    Parameters
    ----------
    transactions : DataFrame, Ibis table or tables.CheckedTable

    Returns
    -------
    DataFrame
        Its columns and copies (times the row stands in the table, 2 or more), most copies first.
    """
    rows = tables.as_expression(transactions)
    counted = rows.group_by(list(rows.columns)).aggregate(copies=rows.count())
    found = counted.filter(counted["copies"] > 1)
    return tables.as_frame(
        found.order_by([found["copies"].desc(), *(found[name] for name in rows.columns)])
    )
