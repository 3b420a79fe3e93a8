"""A customer base: purchases, profit histories and their summary, all up to the same day."""

import dataclasses
import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crmlib import tables
from crmlib.clp.history import (
    Period,
    ProfitHistory,
    as_day,
    period_number,
    period_start,
    profit_history,
)
from crmlib.clp.purchases import PurchaseSummary, daily_sums, summarise
from crmlib.errors import InputError


@dataclass(frozen=True)
class CustomerBase:
    """Everything a method of lifetime profit may know of the customers up to a day.

    Attributes
    ----------
    daily : DataFrame
        From `purchases.daily_sums`, up to the last day.
    history : ProfitHistory
        Whole periods up to the last day. Its customers are those of the base.
    summary : PurchaseSummary
        On the last day. Customers of whom only refunds are known are not in it.
    period : str
        "week", "month" or "quarter".
    last_day : datetime.date
        Last day of the last whole period: nothing later is in the base.
    notes : list of str
        What a reader should know, a sentence each.
    """

    daily: pd.DataFrame
    history: ProfitHistory
    summary: PurchaseSummary
    period: Period
    last_day: dt.date
    notes: list[str]

    @property
    def customers(self) -> NDArray[Any]:
        """Ids of the customers, sorted."""
        return np.asarray(self.history.table["customer_id"].unique())

    @property
    def periods(self) -> int:
        """Whole periods the base spans."""
        first = period_number(self.history.first_day, self.period)
        return period_number(self.last_day, self.period) - first + 1

    def day_after(self, periods: int) -> dt.date:
        """First day of the period so many periods after the last day; 0 for the next one."""
        return period_start(period_number(self.last_day, self.period) + 1 + periods, self.period)

    def until(self, day: dt.date | str) -> "CustomerBase":
        """The base as it was known at the end of a day.

        Parameters
        ----------
        day : date or ISO text
            Where it is not the last of its period, the unfinished period is left out.

        Returns
        -------
        CustomerBase

        Raises
        ------
        InputError
            When the day lies outside the base, or no period was finished.
        """
        known = as_day(day)
        if not self.history.first_day <= known <= self.last_day:
            raise InputError(
                f"The day {known} lies outside the base, which goes from "
                f"{self.history.first_day} to {self.last_day}."
            )
        unfinished = period_number(known + dt.timedelta(days=1), self.period)
        last_day = period_start(unfinished, self.period) - dt.timedelta(days=1)
        if last_day < self.history.first_day:
            raise InputError(f"Up to {known} no {self.period} was finished. Choose a later day.")
        table = self.history.table
        history = dataclasses.replace(
            self.history,
            table=table[table["period"].to_numpy() <= np.datetime64(last_day)].reset_index(
                drop=True
            ),
            last_day=last_day,
            left_out=self.history.left_out.iloc[:0],
            other_profit=None,
        )
        return base_of(self.daily, history)

    def profit_between(self, first: dt.date, last: dt.date) -> pd.Series:
        """Profit of each customer from one day to another, both counted, by customer_id."""
        day = self.daily["day"].to_numpy()
        inside = (day >= np.datetime64(first)) & (day <= np.datetime64(last))
        profit = self.daily[inside].groupby("customer_id")["profit"].sum()
        return profit.reindex(self.customers, fill_value=0.0)


def customer_base(
    transactions: Any,
    *,
    customer: str = "customer_id",
    date: str = "date",
    amount: str = "amount",
    cost: str | None = None,
    margin_rate: float | None = None,
    period: Period = "month",
    observed_until: dt.date | str | None = None,
    other_profit: pd.DataFrame | None = None,
) -> CustomerBase:
    """Gather what the methods of lifetime profit need.

    Parameters
    ----------
    transactions : DataFrame, Ibis table or tables.CheckedTable
        One row per purchase or order line. Refunds are negative amounts.
    customer, date, amount, cost : str
        Column names. Profit is amount - cost; give ``cost`` or ``margin_rate``.
    margin_rate : float
        Profit as a fraction of the amount, above 0 and at most 1, where costs are not known.
    period : {"month", "quarter", "week"}
        Calendar months or quarters, or weeks from Monday.
    observed_until : date or ISO text, optional
        Last day the data cover; by default the day of the last purchase. The period it falls
        in is left out unless this is its last day.
    other_profit : DataFrame, optional
        Profit besides the sales, columns customer_id, date and profit: activity costs below zero.

    Returns
    -------
    CustomerBase

    Raises
    ------
    InputError
        As `profit_history` and `purchase_summary`.
    """
    columns = {"customer": customer, "date": date, "amount": amount, "cost": cost}
    shared: dict[str, Any] = columns | {"margin_rate": margin_rate, "other_profit": other_profit}
    rows = tables.as_expression(transactions)
    history = profit_history(rows, period=period, observed_until=observed_until, **shared)
    return base_of(daily_sums(rows, **shared), history)


def base_of(daily: pd.DataFrame, history: ProfitHistory) -> CustomerBase:
    """Base of what happened up to the last day of a history."""
    known = daily[daily["day"].to_numpy() <= np.datetime64(history.last_day)]
    customers = history.table["customer_id"].unique()
    known = known[known["customer_id"].isin(customers)].reset_index(drop=True)
    summary = summarise(known, history.last_day)
    return CustomerBase(
        daily=known,
        history=history,
        summary=summary,
        period=history.period,
        last_day=history.last_day,
        notes=[history.note, *summary.notes],
    )
