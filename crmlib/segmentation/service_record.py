"""What was delivered to every customer, by the record: orders, faults, discounts."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import poisson

from crmlib import tables
from crmlib.errors import InputError
from crmlib.transaction_rows import (
    day_of,
    money_rows,
)

UNUSUAL = 0.10
"""Probability of so many faults below which a record counts as worse than that of others."""

LEAST_ORDERS = 5
"""Orders from which on a record without faults says anything."""


def service_record(
    transactions: Any,
    complaints: Any,
    *,
    as_of: dt.date | str,
    days: int = 365,
    no_fault: Sequence[str] = (),
    customer: str = "customer_id",
    date: str = "date",
    amount: str = "amount",
    order: str | None = None,
    discount: str | None = None,
) -> pd.DataFrame:
    """Hold every customer's faults and discounts against those of all.

    Parameters
    ----------
    transactions : DataFrame, Ibis table or tables.CheckedTable
    complaints : DataFrame, Ibis table or tables.CheckedTable
        customer_id, date and, where some are no faults, topic. Each stands for one fault.
    as_of : date or str
        Last day that counts.
    days : int
        Days up to it that count.
    no_fault : sequence of str
        Topics of complaints that are no fault of what was delivered, such as price.
    customer, date, amount : str
    order : str, optional
        Column that tells orders apart; without it every day with a purchase is one.
    discount : str, optional
        Column with the share of the list price given away.

    Returns
    -------
    DataFrame
        One row per customer with an order in the time, by customer_id: customer_id, orders,
        faults, expected_faults (at the rate of all), faults_by_chance (probability of so many or
        more at that rate), record ("worse" where that is 0.10 or less; "as others" where there
        were no more faults than expected on 5 orders or more; else "cannot say"), discount_share
        (of the list price), discounts ("as others" where it is the median of all or more, else
        "fewer"; "cannot say" without a column).

    Raises
    ------
    InputError
        A column is not there.

    Notes
    -----
    Faults that nobody complained of are not on record: a clean record is weak evidence of a good
    one.
    """
    last = day_of(as_of, "as_of")
    first = last - pd.Timedelta(days=days - 1)
    rows = money_rows(
        transactions, customer, date, amount, None, order_key=order, discount=discount
    )
    rows = rows.filter(rows["day"] >= first.date(), rows["day"] <= last.date())
    rows = rows.filter(rows["revenue_cents"] > 0)
    sums = {"orders": (rows["order_key"] if order else rows["day"]).nunique()}
    if discount:
        share = rows["discount"].fill_null(0.0)
        kept = share < 1
        # Engines work out what a filter leaves aside, too: nothing may be divided by nothing.
        listed_at = rows["revenue_cents"] / kept.ifelse(1 - share, 1.0)
        sums |= {
            "paid": rows["revenue_cents"].sum(where=kept),
            "listed": (listed_at + 0.5).floor().cast("int64").sum(where=kept),
        }
    found = tables.as_frame(rows.group_by("customer_id").aggregate(**sums))
    table = found.sort_values("customer_id", kind="stable", ignore_index=True)
    faults = fault_counts(complaints, first, last, no_fault)
    table["orders"] = table["orders"].astype(np.int64)
    table["faults"] = table["customer_id"].map(faults).fillna(0).astype(np.int64)
    return judged(table, discount is not None)


def fault_counts(
    complaints: Any, first: pd.Timestamp, last: pd.Timestamp, no_fault: Sequence[str]
) -> "pd.Series[int]":
    """Faults of each customer in a time, by customer_id."""
    rows = tables.as_expression(complaints)
    needed = ["customer_id", "date", *(["topic"] if no_fault else [])]
    missing = [name for name in needed if name not in rows.columns]
    if missing:
        raise InputError(
            f"The complaints have no column {', '.join(missing)}; they have "
            f"{', '.join(rows.columns)}."
        )
    day = rows["date"].cast("date")
    rows = rows.filter(day >= first.date(), day <= last.date())
    if no_fault:
        rows = rows.filter(rows["topic"].isnull() | ~rows["topic"].isin(list(no_fault)))
    found = tables.as_frame(rows.group_by("customer_id").aggregate(faults=rows.count()))
    return found.set_index("customer_id")["faults"]


def judged(table: pd.DataFrame, with_discount: bool) -> pd.DataFrame:
    """Add what is to be expected and the verdicts."""
    rate = table["faults"].sum() / max(int(table["orders"].sum()), 1)
    expected = table["orders"].to_numpy() * rate
    faults = table["faults"].to_numpy()
    chance = np.where(expected > 0, poisson.sf(faults - 1, np.maximum(expected, 1e-300)), 1.0)
    clean = (faults <= expected) & (table["orders"].to_numpy() >= LEAST_ORDERS)
    record = np.select([chance <= UNUSUAL, clean], ["worse", "as others"], "cannot say")
    share, verdict = np.full(len(table), np.nan), np.full(len(table), "cannot say", dtype=object)
    if with_discount and len(table):
        listed_at = table["listed"].to_numpy(dtype=np.float64)
        share = np.where(listed_at > 0, 1 - table["paid"] / np.maximum(listed_at, 1), np.nan)
        usual = float(pd.Series(share).median())
        verdict = np.where(share >= usual, "as others", "fewer")
        verdict = np.where(np.isnan(share), "cannot say", verdict)
    return table[["customer_id", "orders", "faults"]].assign(
        expected_faults=expected,
        faults_by_chance=chance,
        record=record,
        discount_share=share,
        discounts=verdict,
    )
