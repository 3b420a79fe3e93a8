"""Purchases as the models of repeat buying take them: how many, how recent, seen for how long.

Time is counted in weeks, a week being seven days, as the field does. All purchases of a customer
on one day are one purchase.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from crmlib import tables
from crmlib.clp.discounting import Array
from crmlib.clp.history import as_day, refuse_year_without_purchases
from crmlib.clp.other_profit import other_profit_rows
from crmlib.columns import numbers_of, rows_named
from crmlib.errors import InputError
from crmlib.transaction_rows import (
    check_profit_source,
    missing_cells,
    money_rows,
    refuse_days_to_come,
    refuse_missing,
)

DAYS_PER_WEEK = 7


@dataclass(frozen=True)
class PurchaseSummary:
    """What each customer bought up to a day.

    Attributes
    ----------
    table : DataFrame
        One row a customer, sorted:

        - customer_id
        - frequency: days with a purchase after the first such day (x)
        - recency: weeks from the first purchase to the last (t_x), 0 when there is only one
        - T: weeks from the first purchase to the end of observation
        - monetary_value: mean revenue of a repeat purchase day, NaN when there is none
        - first_day: of the first purchase
        - purchases: days with a purchase, frequency + 1
        - revenue: of all purchase days
        - refunds: net revenue of the other days, 0 or less
        - profit: of all days, so that refunds and other profit are in it
        - other_profit: of it, besides the sales
        - margin: (profit - other_profit) / revenue, so that purchases x mean revenue x margin +
          other_profit is the profit; NaN without revenue
    observed_until : datetime.date
        Last day that counts.
    notes : tuple of str
        What a reader should know of how the rows were counted, a sentence each.
    """

    table: pd.DataFrame
    observed_until: dt.date
    notes: tuple[str, ...]


def purchase_summary(
    transactions: Any,
    *,
    customer: str = "customer_id",
    date: str = "date",
    amount: str = "amount",
    cost: str | None = None,
    margin_rate: float | None = None,
    observed_until: dt.date | str | None = None,
    other_profit: pd.DataFrame | None = None,
) -> PurchaseSummary:
    """Frequency, recency, time observed and money of every customer.

    Parameters
    ----------
    transactions : DataFrame, Ibis table or tables.CheckedTable
        One row per purchase or order line. Refunds are negative amounts.
    customer, date, amount, cost : str
        Column names. Profit is amount - cost; give ``cost`` or ``margin_rate``.
    margin_rate : float
        Profit as a fraction of the amount, above 0 and at most 1, where costs are not known.
    observed_until : date or ISO text, optional
        Last day the data cover; by default the day of the last purchase. What comes later is not
        used, and told in the notes.
    other_profit : DataFrame, optional
        Profit besides the sales, columns customer_id, date and profit: activity costs below zero.

    Returns
    -------
    PurchaseSummary

    Raises
    ------
    InputError
        When both or neither of cost and margin_rate are given, a column or cell is missing, money
        is in several currencies, a purchase or observed_until lies in the future, or there is no
        purchase.

    Notes
    -----
    Columns and units are those of Fader, Hardie and Lee (2005) and of the packages BTYD,
    lifetimes and pymc-marketing. Checked against lifetimes 0.11.3
    (summary_data_from_transaction_data by day, divided by 7) on the CDNOW sample and the summary
    its authors publish.
    """
    daily = daily_sums(
        transactions,
        customer=customer,
        date=date,
        amount=amount,
        cost=cost,
        margin_rate=margin_rate,
        other_profit=other_profit,
    )
    if observed_until is None:
        return summarise(daily, daily.loc[daily["purchases"] > 0, "day"].max().date())
    end = as_day(observed_until)
    if end > dt.date.today():
        raise InputError(
            f"observed_until is {end}, which is still to come: everybody would seem to have been "
            "quiet until then. Give the last day the data cover."
        )
    return summarise(daily, end)


def daily_sums(
    transactions: Any,
    *,
    customer: str = "customer_id",
    date: str = "date",
    amount: str = "amount",
    cost: str | None = None,
    margin_rate: float | None = None,
    other_profit: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Revenue, profit and whether there was a purchase, by customer and day: one query.

    Parameters
    ----------
    transactions, customer, date, amount, cost, margin_rate, other_profit
        As `purchase_summary` takes them.

    Returns
    -------
    DataFrame
        customer_id, day (datetime64), revenue, profit (money), other_profit (of the profit,
        besides the sales), purchases (1 on a day whose revenue is above 0 after its refunds, or
        on which something was had for nothing, otherwise 0), sorted by customer and day.

    Raises
    ------
    InputError
        As `purchase_summary`.
    """
    check_profit_source(cost, margin_rate)
    prepared = money_rows(transactions, customer, date, amount, cost)
    sums = prepared.group_by("customer_id", "day").aggregate(
        revenue_cents=prepared["revenue_cents"].sum(),
        profit_cents=prepared["profit_cents"].sum(),
        refunds=(prepared["revenue_cents"] < 0).sum(),
        missing=missing_cells(prepared),
    )
    frame = tables.as_frame(sums.order_by("customer_id", "day"))
    refuse_missing(int(frame["missing"].sum()), (customer, date, amount, cost))
    revenue, refunds = frame["revenue_cents"], frame["refunds"]
    days = pd.DataFrame(
        {
            "customer_id": frame["customer_id"],
            "day": frame["day"].astype("datetime64[s]"),
            "revenue": revenue / 100,
            "profit": frame["profit_cents"] * (1.0 if margin_rate is None else margin_rate) / 100,
            "other_profit": 0.0,
            "purchases": ((revenue > 0) | ((revenue == 0) & (refunds == 0))).astype(np.int64),
        }
    )
    refuse_odd_days(days)
    return days if other_profit is None else with_other_profit(days, other_profit)


def refuse_odd_days(days: pd.DataFrame) -> None:
    """Refuse a table without a purchase, with one to come, or with a year without any."""
    bought = days.loc[days["purchases"] > 0, "day"]
    if bought.empty:
        raise InputError(
            "The table has no purchase: every amount is a refund, or taken back on its day. Is the "
            "column of amounts the right one?"
        )
    refuse_days_to_come(bought.max().date())
    monday_weeks = (bought.to_numpy().astype("M8[D]").astype(np.int64) + 3) // DAYS_PER_WEEK
    refuse_year_without_purchases(pd.Series(monday_weeks), "week")


def with_other_profit(days: pd.DataFrame, other_profit: pd.DataFrame) -> pd.DataFrame:
    """Daily sums with profit besides the sales added on its days."""
    other = other_profit_rows(other_profit)
    if len(other) and other["customer_id"].dtype != days["customer_id"].dtype:
        raise InputError(
            f"customer_id is {days['customer_id'].dtype} in the transactions and "
            f"{other['customer_id'].dtype} in the profit besides the sales. Make both text."
        )
    rows = pd.DataFrame(
        {
            "customer_id": other["customer_id"],
            "day": other["day"].astype("datetime64[s]"),
            "revenue": 0.0,
            "profit": other["cents"] / 100,
            "other_profit": other["cents"] / 100,
            "purchases": 0,
        }
    )
    both = pd.concat([days, rows], ignore_index=True)
    return both.groupby(["customer_id", "day"], as_index=False, sort=True).sum()


def summarise(daily: pd.DataFrame, observed_until: dt.date) -> PurchaseSummary:
    """Summary of the daily sums up to a day.

    Parameters
    ----------
    daily : DataFrame
        What `daily_sums` returns, or any of its rows in their order.
    observed_until : date
        Last day that counts.

    Returns
    -------
    PurchaseSummary

    Raises
    ------
    InputError
        When there is no purchase up to that day.
    """
    used = daily["day"].to_numpy() <= np.datetime64(observed_until)
    rows = daily if used.all() else daily[used]
    bought = rows["purchases"].to_numpy() > 0
    if not bought.any():
        raise InputError(f"Nobody bought anything up to {observed_until}.")
    codes, customers = pd.factorize(rows["customer_id"])
    day = rows["day"].to_numpy().astype("M8[D]").astype(np.int64)
    money = ("revenue", "profit", "other_profit")
    revenue, profit, other = (rows[name].to_numpy(dtype=float) for name in money)
    n = len(customers)

    def sums(values: Array, which: Any) -> Any:
        return np.bincount(codes[which], values[which], minlength=n)

    purchases = np.bincount(codes[bought], minlength=n)
    # Rows are in order of days: the last assignment of a customer stands.
    first, last = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    first[codes[bought][::-1]] = day[bought][::-1]
    last[codes[bought]] = day[bought]
    repeat = bought & (day > first[codes])
    end = int(np.datetime64(observed_until, "D").astype(np.int64))
    bought_for = sums(revenue, bought)
    earned, besides = (np.bincount(codes, values, minlength=n) for values in (profit, other))
    with np.errstate(invalid="ignore", divide="ignore"):
        table = pd.DataFrame(
            {
                "customer_id": customers,
                "frequency": purchases - 1,
                "recency": (last - first) / DAYS_PER_WEEK,
                "T": (end - first) / DAYS_PER_WEEK,
                "monetary_value": sums(revenue, repeat) / (purchases - 1),
                "first_day": first.astype("M8[D]").astype("M8[s]"),
                "purchases": purchases,
                "revenue": bought_for,
                "refunds": sums(revenue, ~bought),
                "profit": earned,
                "other_profit": besides,
                "margin": np.where(bought_for > 0, (earned - besides) / bought_for, np.nan),
            }
        )
    return PurchaseSummary(
        table=table[purchases > 0].reset_index(drop=True),
        observed_until=observed_until,
        notes=tuple(notes(rows, bought, int((purchases == 0).sum()), daily[~used], observed_until)),
    )


def notes(
    rows: pd.DataFrame, bought: Any, without: int, later: pd.DataFrame, observed_until: dt.date
) -> list[str]:
    """Sentences on what was not counted as a purchase."""
    told = []
    revenue = rows["revenue"].to_numpy()
    if (refunds := ~bought & (revenue < 0)).any():
        told.append(
            "Refunds are taken off the purchases of their day. Days of customers on which more was "
            f"refunded than bought: {int(refunds.sum()):,}, {-revenue[refunds].sum():,.2f} in all; "
            "they are no purchases and lower the profit."
        )
    if nothing := int((bought & (revenue == 0)).sum()):
        told.append(
            f"Days on which a customer had something for nothing (amount 0): {nothing:,}; they "
            "count as purchases."
        )
    if without:
        told.append(f"Customers without a purchase, who are left out: {without:,}.")
    if len(later):
        told.append(
            f"Not used, since they came after {observed_until}: purchase days of customers "
            f"{int(later['purchases'].sum()):,}, revenue {later['revenue'].sum():,.2f}."
        )
    return told


def counts_of(summary: PurchaseSummary | pd.DataFrame) -> tuple[Array, Array, Array]:
    """Frequency, recency and T of a summary as arrays, checked.

    Parameters
    ----------
    summary : PurchaseSummary, or DataFrame with columns frequency, recency and T

    Returns
    -------
    frequency, recency, T : ndarray of float, shape (customers,)

    Raises
    ------
    InputError
        When a column is missing or holds what cannot be.
    """
    data = summary.table if isinstance(summary, PurchaseSummary) else summary
    frequency = numbers_of(data, "frequency", "numbers of repeat purchases")
    recency = numbers_of(data, "recency", "weeks from the first purchase to the last")
    T = numbers_of(data, "T", "weeks from the first purchase to the end of observation")
    faults = {
        "frequency must be a whole number of 0 or more": ~(
            (frequency >= 0) & (frequency == np.floor(frequency))
        ),
        "recency must lie between 0 and T": ~((recency >= 0) & (recency <= T)),
        "recency must be 0 where frequency is 0, and above 0 elsewhere": (
            (recency == 0) != (frequency == 0)
        ),
        "T must be a number": ~np.isfinite(T),
    }
    for rule, broken in faults.items():
        if broken.any():
            raise InputError(
                f"Summary of purchases: {rule}; {rows_named(data, broken.nonzero()[0])}."
            )
    return frequency, recency, T
