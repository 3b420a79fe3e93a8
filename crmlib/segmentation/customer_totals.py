"""What every customer bought: one row a customer, summed where the transactions live."""

import datetime as dt
import functools
import operator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from crmlib import tables
from crmlib.errors import InputError
from crmlib.findings import counted
from crmlib.transaction_rows import (
    LARGEST_AMOUNT,
    check_profit_source,
    day_of,
    impossible,
    money_rows,
    orders_of,
    refuse_days_to_come,
    refuse_missing,
)


@dataclass(frozen=True)
class CustomerTotals:
    """What every customer bought in a stretch of time.

    Attributes
    ----------
    table : DataFrame
        One row per customer, by customer_id: customer_id; first_day, last_day (datetime64, of
        rows with an amount above zero, NaT where there is none); orders (with such a row);
        revenue; profit (absent where neither cost nor margin_rate was given).
    since, as_of : Timestamp
        First and last day that count.
    """

    table: pd.DataFrame
    since: pd.Timestamp
    as_of: pd.Timestamp


def customer_totals(
    transactions: Any,
    *,
    as_of: dt.date | str | None = None,
    since: dt.date | str | None = None,
    customer: str = "customer_id",
    date: str = "date",
    amount: str = "amount",
    cost: str | None = None,
    margin_rate: float | None = None,
    order: str | None = None,
) -> CustomerTotals:
    """Add up the transactions of every customer.

    Two passes over the transactions, one to look at them and one to sum, in the engine they live
    in (DuckDB, PostgreSQL, Spark). Money is summed in whole cents, so that every engine finds the
    same.

    Parameters
    ----------
    transactions : DataFrame, Ibis table or tables.CheckedTable
        One row a purchase, or a line of one.
    as_of : date or str, optional
        Last day that counts; the last day of the table when not given.
    since : date or str, optional
        First day that counts; the first day of the table when not given.
    customer, date, amount : str
        Its columns; amount in money, returns below zero.
    cost : str, optional
        Column with what was sold cost. Profit is amount less cost.
    margin_rate : float, optional
        Profit as a fraction of the amount, where there is no cost column.
    order : str, optional
        Column that tells orders apart; without it every row counts as one, and so does a row
        whose cell is empty.

    Returns
    -------
    CustomerTotals

    Raises
    ------
    InputError
        A column is not there or not of its kind, a cell is empty, money is infinite or beyond
        some 90 trillion, there is no row in the time asked for, money is in several currencies, or
        a day is still to come.
    """
    if cost is not None or margin_rate is not None:
        check_profit_source(cost, margin_rate)
    source = tables.as_expression(transactions)
    rows = money_rows(source, customer, date, amount, cost, order_key=order)
    # Text takes longest to read: rows without a customer show in the sums, and only then are
    # counted.
    whole = looked_at(source, None, date, amount, cost)
    first = whole["first"] if since is None else day_of(since, "since")
    last = whole["last"] if as_of is None else day_of(as_of, "as_of")
    picked = rows.filter(rows["day"] >= first.date(), rows["day"] <= last.date())
    bought = picked["revenue_cents"] > 0
    sums = picked.group_by("customer_id").aggregate(
        first_day=picked["day"].min(where=bought),
        last_day=picked["day"].max(where=bought),
        orders=bought.sum() if order is None else orders_of(picked, bought),
        revenue_cents=picked["revenue_cents"].sum(),
        profit_cents=picked["profit_cents"].sum(),
    )
    found = tables.as_frame(sums.order_by("customer_id"))
    if found["customer_id"].isna().any():
        looked_at(source, customer, date, amount, cost)
    if found.empty:
        raise InputError(
            f"There is no purchase from {first.date()} to {last.date()}; the table has them from "
            f"{whole['first'].date()} to {whole['last'].date()}."
        )
    return CustomerTotals(_in_money(found, cost, margin_rate), first, last)


def looked_at(
    rows: Any, customer: str | None, date: str, amount: str, cost: str | None
) -> "pd.Series[Any]":
    """Rows, first and last day of transactions whose cells are all there.

    Without `customer` that column is not looked at.

    It looks at the columns as they are: money in cents would have to be worked out for it.

    Raises
    ------
    InputError
        There are no rows, a cell is empty or holds impossible money, or a day is still to come.
    """
    columns = [name for name in (customer, date, amount, cost) if name]
    money = [name for name in (amount, cost) if name]
    # What is impossible is looked for here, where the columns are read anyhow.
    lacking = [rows[name].isnull() for name in columns]
    lacking += [impossible(rows[name].cast("float64")) for name in money]
    missing = functools.reduce(operator.or_, lacking)
    day = rows[date].cast("date")
    whole = tables.as_frame(
        rows.aggregate(rows=rows.count(), missing=missing.sum(), first=day.min(), last=day.max())
    ).iloc[0]
    if not whole["rows"]:
        raise InputError("The table has no rows, so there is no customer to look at.")
    if whole["missing"]:
        _refuse_impossible(rows, money)
        refuse_missing(int(whole["missing"]), tuple(columns))
    refuse_days_to_come(whole["last"].date())
    return whole


def _refuse_impossible(rows: Any, money: list[str]) -> None:
    found = tables.as_frame(
        rows.aggregate(**{name: impossible(rows[name].cast("float64")).sum() for name in money})
    ).iloc[0]
    for name in money:
        if found[name] > 0:
            raise InputError(
                f'Column "{name}": {counted(int(found[name]), "amount")} infinite or beyond '
                f"{LARGEST_AMOUNT:,}, where cents can no longer be told apart. Correct them, or "
                "take these rows out of the table."
            )


def _in_money(found: pd.DataFrame, cost: str | None, margin_rate: float | None) -> pd.DataFrame:
    # An engine sorts faster, but by rules of its own for letters; this order is the same on all.
    if not found["customer_id"].is_monotonic_increasing:
        found = found.sort_values("customer_id", kind="stable", ignore_index=True)
    totals = pd.DataFrame(
        {
            "customer_id": found["customer_id"],
            "first_day": pd.to_datetime(found["first_day"]),
            "last_day": pd.to_datetime(found["last_day"]),
            "orders": found["orders"].fillna(0).to_numpy(dtype=np.int64),
            "revenue": found["revenue_cents"].to_numpy(dtype=np.int64) / 100,
        }
    )
    if cost is not None:
        totals["profit"] = found["profit_cents"].to_numpy(dtype=np.int64) / 100
    elif margin_rate is not None:
        totals["profit"] = totals["revenue"] * margin_rate
    return totals
