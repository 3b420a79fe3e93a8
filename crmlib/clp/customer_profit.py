"""Profit of each customer after the cost of serving it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from crmlib import tables
from crmlib.clp.costs import ActivityCosts
from crmlib.columns import column_of, listed, numbers_of
from crmlib.errors import InputError
from crmlib.transaction_rows import (
    check_profit_source,
    missing_cells,
    money_rows,
    refuse_days_to_come,
    refuse_missing,
)

SAME_TIME = pd.Timedelta(days=31)
"""How far the first days, or the last, of sales and activities may lie apart without a word."""


@dataclass(frozen=True)
class CustomerProfit:
    """What each customer brought and cost.

    Attributes
    ----------
    table : DataFrame
        customer_id, first_purchase (of all years), purchases (days with one), revenue,
        gross_profit, cost_to_serve, profit, margin (gross profit / revenue), share (of the
        profit of all; NaN where that is not above 0). Sorted by profit, the highest first.
    left_out : DataFrame
        Sales of years that the ledger does not have: year, rows, revenue.
    first_day, last_day : Timestamp
        Days of the first and the last sale counted.
    first_activity, last_activity : Timestamp
        Days of the first and the last activity that is in a cost.
    """

    table: pd.DataFrame
    left_out: pd.DataFrame
    first_day: pd.Timestamp
    last_day: pd.Timestamp
    first_activity: pd.Timestamp
    last_activity: pd.Timestamp

    def notes(self, money: str) -> list[str]:
        """What was left out and whether costs are of the same time, in sentences.

        Parameters
        ----------
        money : str
            Unit of money.
        """
        told = []
        if len(self.left_out):
            years = listed(self.left_out["year"])
            rows, revenue = self.left_out["rows"].sum(), self.left_out["revenue"].sum()
            told.append(
                f"Sales of {years} are left out, because the ledger has no costs of these years: "
                f"{rows:,} rows worth {revenue:,.2f} {money}."
            )
        apart = max(
            abs(self.first_activity - self.first_day), abs(self.last_activity - self.last_day)
        )
        if apart > SAME_TIME:
            told.append(
                f"Sales are from {self.first_day:%Y-%m-%d} to {self.last_day:%Y-%m-%d}, activities "
                f"from {self.first_activity:%Y-%m-%d} to {self.last_activity:%Y-%m-%d}: where one "
                "is missing, profits are too high or too low."
            )
        return told

    @property
    def total(self) -> pd.DataFrame:
        """One row: customers, revenue, gross_profit, cost_to_serve, profit, below_zero, loss."""
        money = ["revenue", "gross_profit", "cost_to_serve", "profit"]
        sums = self.table[money].sum().round(2).to_frame().T
        below = self.table.loc[self.table["profit"] < 0, "profit"]
        sums.insert(0, "customers", len(self.table))
        return sums.assign(below_zero=len(below), loss=round(-below.sum(), 2))


def customer_profit(
    transactions: Any,
    costs: ActivityCosts,
    *,
    customer: str = "customer_id",
    date: str = "date",
    amount: str = "amount",
    cost: str | None = None,
    margin_rate: float | None = None,
) -> CustomerProfit:
    """Gross profit of each customer less what serving it cost.

    Parameters
    ----------
    transactions : DataFrame, Ibis table or tables.CheckedTable
        One row per purchase or order line; refunds are negative.
    costs : ActivityCosts
        From `activity_costs`. Where its ledger has years, only sales of these years are counted.
    customer, date, amount, cost : str
        Column names of the transactions. Gross profit is amount - cost.
    margin_rate : float
        Gross profit as a fraction of the amount, where costs are not known.

    Returns
    -------
    CustomerProfit
        Customers who bought or for whom something was done.

    Raises
    ------
    InputError
        When both or neither of cost and margin_rate are given, a cell is missing, money is in
        several currencies, no sale falls into the years of the ledger, sales and activities have
        no day in common, or no customer for whom something was done has bought.

    Notes
    -----
    profit = gross profit - cost to serve. Costs that no activity causes, and capacity that was
    not used, are nobody's: the profits of all customers together must pay them.
    """
    check_profit_source(cost, margin_rate)
    prepared = money_rows(transactions, customer, date, amount, cost)
    spans = sales_by_year(prepared, (customer, date, amount, cost))
    inside = years_of_ledger(spans, costs.years)
    first_day, last_day = spans.loc[inside, "first"].min(), spans.loc[inside, "last"].max()
    refuse_another_time(first_day, last_day, costs)
    sums, first_purchase = sales_by_customer(prepared, list(spans.loc[inside, "year"]))
    serve = costs.cost_to_serve
    if not serve.index.isin(sums.index).any():
        raise InputError(
            "No customer of the activities is among the customers of the transactions: "
            f"{listed(serve.index)} there, {listed(sums.index)} here. Are the tables of the same "
            "company, and the customers named alike?"
        )
    table = sums.join(serve, how="outer")
    money = ["revenue_cents", "profit_cents", "purchases", "cost_to_serve"]
    table[money] = table[money].fillna(0.0)
    rate = 1.0 if margin_rate is None else margin_rate
    gross = table["profit_cents"] * rate / 100
    profit = (table["profit_cents"] * rate - (table["cost_to_serve"] * 100).round()) / 100
    revenue = table["revenue_cents"] / 100
    result = pd.DataFrame(
        {
            "customer_id": table.index,
            "first_purchase": first_purchase.reindex(table.index).to_numpy(),
            "purchases": table["purchases"].astype("int64").to_numpy(),
            "revenue": revenue.to_numpy(),
            "gross_profit": gross.to_numpy(),
            "cost_to_serve": table["cost_to_serve"].to_numpy(),
            "profit": profit.to_numpy(),
            "margin": (gross / revenue.where(revenue > 0)).to_numpy(),
        }
    )
    total = result["profit"].sum()
    result["share"] = result["profit"] / total if total > 0 else np.nan
    ordered = result.sort_values(["profit", "customer_id"], ascending=[False, True])
    return CustomerProfit(
        table=ordered.reset_index(drop=True),
        left_out=spans.loc[~inside, ["year", "rows", "revenue"]].reset_index(drop=True),
        first_day=first_day,
        last_day=last_day,
        first_activity=costs.first_day,
        last_activity=costs.last_day,
    )


def sales_by_year(prepared: Any, columns: tuple[str | None, ...]) -> pd.DataFrame:
    """Rows, revenue, first and last day of each year."""
    dated = prepared.mutate(year=prepared["day"].year())
    by_year = dated.group_by("year").aggregate(
        rows=dated.count(),
        revenue=dated["revenue_cents"].sum() / 100,
        first=dated["day"].min(),
        last=dated["day"].max(),
        missing=missing_cells(dated),
    )
    spans = tables.as_frame(by_year.order_by("year"))
    if spans.empty:
        raise InputError("The table has no transactions, so no customer has a profit.")
    refuse_missing(int(spans["missing"].sum()), columns)
    spans[["first", "last"]] = spans[["first", "last"]].apply(pd.to_datetime)
    refuse_days_to_come(spans["last"].max().date())
    return spans


def years_of_ledger(spans: pd.DataFrame, years: tuple[int, ...]) -> pd.Series:
    """Whether the ledger has costs of each year of the sales; all where it has no years."""
    inside = spans["year"].isin(years) if years else pd.Series(True, index=spans.index)
    if not inside.any():
        raise InputError(
            f"The ledger is of the years {listed(years)}, the sales of {listed(spans['year'])}: "
            "none in common."
        )
    return inside


def refuse_another_time(
    first_day: pd.Timestamp, last_day: pd.Timestamp, costs: ActivityCosts
) -> None:
    """Work of one time does not serve the sales of another."""
    if costs.first_day > last_day or costs.last_day < first_day:
        raise InputError(
            f"The sales are from {first_day:%Y-%m-%d} to {last_day:%Y-%m-%d}, the activities from "
            f"{costs.first_day:%Y-%m-%d} to {costs.last_day:%Y-%m-%d}: no day in common. Give "
            "activities and a ledger of the time of the sales."
        )


def sales_by_customer(prepared: Any, years: list[int]) -> tuple[pd.DataFrame, pd.Series]:
    """Sums of each customer in these years, and the day of the first purchase of all years."""
    days = prepared.group_by("customer_id", "day").aggregate(
        revenue_cents=prepared["revenue_cents"].sum(), profit_cents=prepared["profit_cents"].sum()
    )
    kept = days.filter(days["day"].year().isin(years))
    sums = kept.group_by("customer_id").aggregate(
        purchases=(kept["revenue_cents"] > 0).sum(),
        revenue_cents=kept["revenue_cents"].sum(),
        profit_cents=kept["profit_cents"].sum(),
    )
    first = days.group_by("customer_id").aggregate(first_purchase=days["day"].min())
    frame, began = (
        tables.as_frame(table.order_by("customer_id")).set_index("customer_id")
        for table in (sums, first)
    )
    return frame, pd.to_datetime(began["first_purchase"])


def whale_curve(profits: pd.DataFrame, *, profit: str = "profit") -> pd.DataFrame:
    """Cumulative profit of the customers, the most profitable first (鲸鱼曲线).

    Parameters
    ----------
    profits : DataFrame
        One row a customer: customer_id and profit.
    profit : str
        Its column with the profit.

    Returns
    -------
    DataFrame
        rank (1 is the most profitable), customer_id, profit, cumulative_profit, customer_share
        (rank / customers), profit_share (cumulative / total; NaN where the total is not above 0).

    Raises
    ------
    InputError
        When a profit is missing or there is no customer.

    Notes
    -----
    The curve rises while customers earn, and falls over those below zero to 1 (Cooper and Kaplan
    1991). Its peak above 1 is what these take away.
    """
    money = numbers_of(profits, profit, "profits of customers")
    if not len(money) or np.isnan(money).any():
        raise InputError(f'Column "{profit}" must hold the profit of every customer.')
    ids = column_of(profits, "customer_id").to_numpy()
    order = np.lexsort((np.arange(len(money)), -money))
    # Added in cents, so that what cancels out leaves no dust.
    cumulative = np.cumsum(np.round(money[order] * 100)) / 100
    rank = np.arange(1, len(money) + 1)
    total = cumulative[-1]
    return pd.DataFrame(
        {
            "rank": rank,
            "customer_id": ids[order],
            "profit": money[order],
            "cumulative_profit": cumulative,
            "customer_share": rank / len(rank),
            "profit_share": cumulative / total if total > 0 else np.full(len(rank), np.nan),
        }
    )


def profit_steps(profit: CustomerProfit, costs: ActivityCosts) -> pd.DataFrame:
    """From gross profit to what is left after everything in the ledger.

    Returns
    -------
    DataFrame
        step, amount (money added, below zero where taken off), left (after the step), is_level
        (whether the step is a sum of those before it). Activities by cost, the dearest first.
    """
    total = profit.total.iloc[0]
    by_activity = costs.customers.groupby("activity")["cost"].sum()
    ledger = costs.reconciliation.iloc[-1]
    steps = [("gross profit", total["gross_profit"], True)]
    dearest_first = by_activity.sort_values(ascending=False, kind="stable")
    steps += [(str(name), -cost, False) for name, cost in dearest_first.items()]
    steps.append(("profit of customers", 0.0, True))
    steps.append(("capacity not used", -ledger["unused_capacity"], False))
    steps.append(("costs without an activity", -ledger["not_traceable"], False))
    steps.append(("what is left", 0.0, True))
    table = pd.DataFrame(steps, columns=["step", "amount", "is_level"])
    table["left"] = table["amount"].cumsum().round(2)
    return table[["step", "amount", "left", "is_level"]]
