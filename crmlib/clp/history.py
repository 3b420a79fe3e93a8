"""Profit histories: what each customer earned in each period since the first purchase."""

import datetime as dt
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crmlib import tables
from crmlib.clp.other_profit import other_profit_rows
from crmlib.errors import InputError
from crmlib.transaction_rows import (
    check_profit_source,
    missing_cells,
    money_rows,
    refuse_days_to_come,
    refuse_missing,
)

Period = Literal["week", "month", "quarter"]

PERIODS_PER_YEAR = {"week": 52, "month": 12, "quarter": 4}


def periods_in(years: float, period: Period) -> int:
    """Whole periods nearest to so many years, at least one."""
    return max(1, round(years * PERIODS_PER_YEAR[period]))


def rate_per_period(rate_per_year: float, period: Period) -> float:
    """Rate that, compounded over the periods of a year, makes the yearly rate."""
    return float((1 + rate_per_year) ** (1 / PERIODS_PER_YEAR[period]) - 1)


@dataclass(frozen=True)
class ProfitHistory:
    """Profit of every customer in every period from the first purchase on.

    Attributes
    ----------
    table : DataFrame
        One row per customer and period, sorted: customer_id, t (1 in the period of the first
        purchase), period (its first day), profit, revenue (money per period), purchases.
    period : str
        "week", "month" or "quarter".
    first_day, last_day : datetime.date
        The days the whole periods of the table span.
    left_out : DataFrame
        What fell into the unfinished last period: period, purchases, revenue, customers
        (of these, new_customers are not in the table at all). Empty when it was finished.
    other_profit : DataFrame or None
        What became of the profit besides the sales: part ("counted", "before the first purchase",
        "without a purchase", "after the last period"), entries, profit. The second part is
        within the first; the first, third and fourth are all there is. None where none is given.
    """

    table: pd.DataFrame
    period: Period
    first_day: dt.date
    last_day: dt.date
    left_out: pd.DataFrame
    other_profit: pd.DataFrame | None = None

    @property
    def note(self) -> str:
        """The span, what was left out, and what became of other profit, for a report."""
        sentences = [self.span_note]
        if self.other_profit is not None:
            sentences.append(other_profit_note(self.other_profit, self.period))
        return " ".join(sentences)

    @property
    def span_note(self) -> str:
        """One sentence on the span and on the purchases that were left out."""
        span = f"Whole {self.period}s from {self.first_day} to {self.last_day}."
        if self.left_out.empty:
            return span
        row = self.left_out.iloc[0]
        return (
            f"{span} The {self.period} beginning {row['period']:%Y-%m-%d} is unfinished: its "
            f"{row['purchases']:,} purchases worth {row['revenue']:,.2f} are left out. "
            f"Customers who first bought in it and so are not in the report: "
            f"{row['new_customers']:,}."
        )

    def recent_profit(self, periods: int) -> pd.Series:
        """Profit of each customer in the last so many periods of the table, by customer_id."""
        if periods < 1:
            raise InputError(f"periods={periods}: write 1 or more.")
        last = np.sort(self.table["period"].unique())[-periods:]
        recent = self.table[self.table["period"] >= last[0]]
        return recent.groupby("customer_id")["profit"].sum()


def profit_history(
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
) -> ProfitHistory:
    """Profit per customer and period, quiet periods as zeros.

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
        Profit besides the sales: customer_id, date, profit. Costs of activities are below zero
        (`ActivityCosts.other_profit`), indirect benefits above (`IndirectValue.other_profit`).
        It is counted in the period it falls in; before the first purchase it is part of winning
        the customer and counted in period 1. That of customers without a purchase in the table,
        and after the last whole period, is left out and told.

    Returns
    -------
    ProfitHistory

    Raises
    ------
    InputError
        When both or neither of cost and margin_rate are given, when a rate is not a fraction,
        when money is in several currencies, a purchase lies in the future, or no period is
        finished.

    Notes
    -----
    Amounts and costs are summed in whole cents, so that every engine gives the same money.
    """
    check_profit_source(cost, margin_rate)
    if period not in PERIODS_PER_YEAR:
        raise InputError(f'period="{period}": write "week", "month" or "quarter".')
    sums = sums_by_period(transactions, customer, date, amount, cost, period)
    if sums.empty:
        raise InputError("The table has no transactions, so there is no profit history.")
    last_purchase = sums["last_date"].max().date()
    refuse_days_to_come(last_purchase)
    end = last_purchase if observed_until is None else as_day(observed_until)
    if end < last_purchase:
        raise InputError(
            f"observed_until is {end}, but the table has purchases up to {last_purchase}. "
            "Leave it out, or cut the table at that day first."
        )
    refuse_year_without_purchases(sums["number"], period)
    unfinished = period_number(end + dt.timedelta(days=1), period)
    whole = sums[sums["number"] < unfinished]
    if whole.empty:
        raise InputError(
            f"The purchases span no whole {period}: they end on {end}. Use a shorter period, or "
            f"give observed_until, the last day the data cover, if the {period} is complete."
        )
    margin = 1.0 if margin_rate is None else margin_rate
    table = fill_quiet_periods(whole, unfinished - 1, margin, period)
    account = None
    if other_profit is not None:
        account = add_other_profit(table, other_profit_rows(other_profit), unfinished, period)
    return ProfitHistory(
        table=table,
        period=period,
        first_day=period_start(int(whole["number"].min()), period),
        last_day=period_start(unfinished, period) - dt.timedelta(days=1),
        left_out=describe_left_out(sums, unfinished, period),
        other_profit=account,
    )


def as_day(value: dt.date | str) -> dt.date:
    """Read a day given as a date or as ISO text."""
    if isinstance(value, dt.datetime):
        return value.date()
    try:
        day = value if isinstance(value, dt.date) else dt.date.fromisoformat(value)
    except ValueError:
        raise InputError(f'observed_until="{value}": write the day as 2025-12-31.') from None
    if not 1900 <= day.year < 2100:
        raise InputError(f"observed_until={day}: the year lies outside 1900 to 2099.")
    return day


def refuse_year_without_purchases(numbers: pd.Series, period: Period) -> None:
    """Stop at a year without purchases: a mistyped date would make everybody seem to have left."""
    active = np.sort(numbers.unique())
    gaps = np.flatnonzero(np.diff(active) > PERIODS_PER_YEAR[period])
    if len(gaps):
        before, after = (period_start(int(active[gaps[0] + i]), period) for i in (0, 1))
        raise InputError(
            f"Nobody bought anything between the {period} of {before} and the {period} of {after}: "
            "more than a year. Is a date mistyped? Correct it, or cut the table at the gap."
        )


def sums_by_period(
    transactions: Any, customer: str, date: str, amount: str, cost: str | None, period: Period
) -> pd.DataFrame:
    """Cents, purchases and last date per customer and period: one query on the engine."""
    prepared = money_rows(transactions, customer, date, amount, cost)
    prepared = prepared.mutate(number=number_expression(prepared["day"], period))
    sums = prepared.group_by("customer_id", "number").aggregate(
        revenue_cents=prepared["revenue_cents"].sum(),
        profit_cents=prepared["profit_cents"].sum(),
        purchases=(prepared["revenue_cents"] >= 0).sum(),  # a return is no purchase
        last_date=prepared["day"].max(),
        missing=missing_cells(prepared),
    )
    frame = tables.as_frame(sums.order_by("customer_id", "number"))
    refuse_missing(int(frame["missing"].sum()), (customer, date, amount, cost))
    frame["last_date"] = pd.to_datetime(frame["last_date"])
    return frame


def number_expression(day: Any, period: Period) -> Any:
    """Running number of the period a date column falls in, as an Ibis expression."""
    if period == "month":
        return day.year() * 12 + day.month() - 1
    if period == "quarter":
        return day.year() * 4 + day.quarter() - 1
    return (day.epoch_seconds() // 86400 + 3) // 7  # 1970-01-01 was a Thursday


def period_number(day: dt.date, period: Period) -> int:
    """Running number of the period a day falls in."""
    if period == "month":
        return day.year * 12 + day.month - 1
    if period == "quarter":
        return day.year * 4 + (day.month - 1) // 3
    return (day.toordinal() - 1) // 7 - (dt.date(1970, 1, 1).toordinal() - 1) // 7


def numbers_of_days(days: pd.Series, period: Period) -> NDArray[np.int64]:
    """Running numbers of the periods that days fall in."""
    if period == "week":
        return (days.to_numpy().astype("M8[D]").astype(np.int64) + 3) // 7
    year = days.dt.year.to_numpy(dtype=np.int64)
    month = days.dt.month.to_numpy(dtype=np.int64) - 1
    return year * 12 + month if period == "month" else year * 4 + month // 3


def period_start(number: int, period: Period) -> dt.date:
    """First day of the period with this running number."""
    if period == "week":
        return dt.date(1969, 12, 29) + dt.timedelta(weeks=number)
    months = 1 if period == "month" else 3
    year, part = divmod(number, 12 // months)
    return dt.date(year, part * months + 1, 1)


def fill_quiet_periods(
    whole: pd.DataFrame, last: int, margin_rate: float, period: Period
) -> pd.DataFrame:
    """One row for every period from each customer's first purchase to the last whole period."""
    customers, position = np.unique(whole["customer_id"].to_numpy(), return_inverse=True)
    number = whole["number"].to_numpy(dtype=np.int64)
    first = np.full(len(customers), last)
    np.minimum.at(first, position, number)
    length = last - first + 1
    start = np.concatenate([[0], np.cumsum(length)[:-1]])
    row = start[position] + number - first[position]

    t = np.arange(length.sum()) - np.repeat(start, length) + 1
    numbers = np.repeat(first, length) + t - 1
    starts = np.array([period_start(n, period) for n in range(first.min(), last + 1)], "M8[s]")
    table = pd.DataFrame(
        {
            "customer_id": np.repeat(customers, length),
            "t": t,
            "period": starts[numbers - first.min()],
            "profit": 0.0,
            "revenue": 0.0,
            "purchases": 0,
        }
    )
    for name, values in {
        "profit": whole["profit_cents"].to_numpy() * margin_rate / 100,
        "revenue": whole["revenue_cents"].to_numpy() / 100,
        "purchases": whole["purchases"].to_numpy(),
    }.items():
        filled = table[name].to_numpy().copy()
        filled[row] = values
        table[name] = filled
    return table


def add_other_profit(
    table: pd.DataFrame, other: pd.DataFrame, unfinished: int, period: Period
) -> pd.DataFrame:
    """Add the profit besides the sales to the table; return what became of it, in sums."""
    first = np.flatnonzero(table["t"] == 1)
    place = pd.Index(table["customer_id"].to_numpy()[first]).get_indexer(other["customer_id"])
    number = numbers_of_days(other["day"], period)
    start = numbers_of_days(table["period"].iloc[first], period)[place]
    late = number >= unfinished
    counted = ~late & (place >= 0)
    parts = {
        "counted": counted,
        "before the first purchase": counted & (number < start),
        "without a purchase": ~late & (place < 0),
        "after the last period": late,
    }
    row = first[place] + np.maximum(number - start, 0)
    cents = other["cents"].to_numpy(dtype=np.int64)
    added = np.bincount(row[counted], weights=cents[counted], minlength=len(table))
    # In cents, so that whole cents stay whole.
    table["profit"] = ((table["profit"].to_numpy() * 100).round(6) + added) / 100
    return pd.DataFrame(
        {
            "part": list(parts),
            "entries": [int(part.sum()) for part in parts.values()],
            "profit": [cents[part].sum() / 100 for part in parts.values()],
        }
    )


def other_profit_note(account: pd.DataFrame, period: Period) -> str:
    """Say what was counted of the profit besides the sales, and what was left out."""
    parts = {
        part: f"{entries:,} {'entry' if entries == 1 else 'entries'} worth {profit:,.2f}"
        for part, entries, profit in zip(*(account[name] for name in account), strict=True)
        if entries
    }
    counted = parts.get("counted", "none")
    sentences = [f"Profit besides the sales: {counted} counted"]
    if "before the first purchase" in parts:
        sentences[0] += (
            f"; {parts['before the first purchase']} of them came before the customer's first "
            f"purchase and stand in period 1"
        )
    if "without a purchase" in parts:
        sentences.append(
            f"Left out, for customers without a purchase here: {parts['without a purchase']}"
        )
    if "after the last period" in parts:
        sentences.append(
            f"Left out, after the last whole {period}: {parts['after the last period']}"
        )
    return ". ".join(sentences) + "."


def describe_left_out(sums: pd.DataFrame, unfinished: int, period: Period) -> pd.DataFrame:
    """Purchases of the unfinished last period, summed; no row when there are none."""
    late = sums[sums["number"] >= unfinished]
    names = ["period", "purchases", "revenue", "customers", "new_customers"]
    if late.empty:
        return pd.DataFrame(columns=names)
    known = set(sums.loc[sums["number"] < unfinished, "customer_id"])
    values = [
        pd.Timestamp(period_start(unfinished, period)),
        int(late["purchases"].sum()),
        late["revenue_cents"].sum() / 100,
        late["customer_id"].nunique(),
        int((~late["customer_id"].drop_duplicates().isin(known)).sum()),
    ]
    return pd.DataFrame([values], columns=names)
