"""The three profitable classes of the course: the first tenth, the core, and those who fade."""

import datetime as dt
import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from crmlib import tables
from crmlib.columns import Array
from crmlib.errors import InputError
from crmlib.segmentation.concentration import check_fraction
from crmlib.segmentation.customer_totals import customer_totals
from crmlib.segmentation.deciles import best_first, customers_to_fill
from crmlib.transaction_rows import check_profit_source, money_rows

LEAST_PAIRS = 4
"""Months with one a year before them that it takes to say whether a customer fades."""

MOST_MONTHS = 120
"""Longest stretch: each of its months is a column to sum."""

TREATMENT = {
    "first": "keep at any price: a person of their own, the best service",
    "core": "keep and develop: the broad base of the profit",
    "fading": "find out why and act now; let go where winning back costs more than it brings",
    "other": "serve at low cost; look for those who could grow",
    "no profit": "no effort of its own; raise prices or lower the cost to serve",
}
"""What the course advises for each class."""


@dataclass(frozen=True)
class ProfitableClasses:
    """Customers by how much of the profit they make, those who fade apart.

    Attributes
    ----------
    customers : DataFrame
        One row a customer who bought in the two stretches, the best first: customer_id; class
        (first, core, fading, other, no profit); profit (of both stretches); before, recent (of
        each); fading ("yes", "no" or "cannot say"); fall (part of the profit before that is gone,
        over the months that can be compared), pairs (of months compared), change with change_low
        and change_high (mean profit a month, recent less before), false_alarm_share (adjusted
        p-value of the fall).
    classes : DataFrame
        class, customers, customer_share, profit, profit_share (of the profit of all who make
        some), before, recent, treatment.
    rule : dict
        first_share, core_share, fall, false_alarms, months: what the classes were cut by.
    since, as_of : Timestamp
        First day of the stretch before and last day of the recent one.
    """

    customers: pd.DataFrame
    classes: pd.DataFrame
    rule: dict[str, float]
    since: pd.Timestamp
    as_of: pd.Timestamp


def profitable_classes(
    transactions: Any,
    *,
    as_of: dt.date | str | None = None,
    customer: str = "customer_id",
    date: str = "date",
    amount: str = "amount",
    cost: str | None = None,
    margin_rate: float | None = None,
    months: int = 12,
    first_share: float = 0.10,
    core_share: float = 0.40,
    fall: float = 0.25,
    false_alarms: float = 0.10,
    confidence: float = 0.95,
) -> ProfitableClasses:
    """Find those who make the first tenth of the profit, the core after them, and those who fade.

    - fading: the profit of the last months is lower than that of as many before by ``fall`` or
      more, and by more than chance: month by month against the same month of the stretch before,
      so that the season does not count, by Student's one-sided test of the differences. Of those
      said to fade, ``false_alarms`` may be so by chance (Benjamini and Hochberg 1995). "Cannot
      say" is who fell as much without passing the test, or has fewer than four months to compare.
    - first: of the other customers with a profit in the two stretches, the fewest who make the
      first tenth of the profit of all of them, those fading included.
    - core: those after them who make the next 40 %; the course says 40 to 50 %.

    A fading customer counts as such whatever it makes.

    Parameters
    ----------
    transactions : DataFrame, Ibis table or tables.CheckedTable
    as_of : date or str, optional
        Last day that counts; the last day of the table when not given.
    customer, date, amount : str
    cost : str, optional
        Column with what was sold cost.
    margin_rate : float, optional
        Profit as a fraction of the amount, where there is no cost column.
    months : int
        Length of each of the two stretches, 4 to 120. With other than 12 a season counts as a
        change.
    first_share, core_share : float
        Shares of the profit.
    fall : float
        Part of the profit before that must be gone.
    false_alarms : float
        Share of those said to fade who may not.
    confidence : float
        Of the intervals of the change.

    Returns
    -------
    ProfitableClasses

    Raises
    ------
    InputError
        As by `customer_totals`; or neither cost nor margin_rate is given, or an argument is no
        fraction.

    Notes
    -----
    In five simulated companies (`tables.example`, seeds 1 to 5) all 174 customers said to fade
    were in decline or had left, of 660 customers of whom that is true: with 116 of the others it
    could not be said, and 370 had not lost a quarter of the profit of the year before.
    """
    check_profit_source(cost, margin_rate)
    _check_rule(months, first_share, core_share, fall, false_alarms, confidence)
    totals = customer_totals(
        transactions,
        as_of=as_of,
        customer=customer,
        date=date,
        amount=amount,
        cost=cost,
        margin_rate=margin_rate,
    )
    days = month_ends(totals.as_of, 2 * months)
    rows = money_rows(transactions, customer, date, amount, cost)
    ids, profit = _profit_by_month(rows, days, 1.0 if margin_rate is None else margin_rate)
    first_day = totals.table.set_index("customer_id")["first_day"].reindex(ids)
    data = _compared(profit, _months_here(first_day, days), months, confidence)
    data.insert(0, "customer_id", ids.to_numpy())
    data["fading"] = _fading(data, fall, false_alarms)
    data = data.iloc[best_first(data["profit"].to_numpy(), data["customer_id"])]
    data.insert(1, "class", _classes(data, first_share, core_share))
    rule = {"first_share": first_share, "core_share": core_share, "fall": fall}
    return ProfitableClasses(
        customers=data.reset_index(drop=True),
        classes=_class_table(data),
        rule=rule | {"false_alarms": false_alarms, "months": months},
        since=days[0] + pd.Timedelta(days=1),
        as_of=totals.as_of,
    )


def paired_fall(
    before: Array, recent: Array, usable: NDArray[np.bool_], confidence: float
) -> tuple[Array, Array, Array, Array]:
    """Student's test of every row, whether what is recent is less than what was before.

    Parameters
    ----------
    before, recent : ndarray, shape (n, months)
    usable : ndarray of bool, shape (n, months)
        Which pairs count.
    confidence : float

    Returns
    -------
    change, low, high : ndarray, shape (n,)
        Mean of recent less before, with its interval.
    p_value : ndarray, shape (n,)
        One-sided. NaN, as the interval, for fewer than four pairs.

    Notes
    -----
    t of the paired differences. Checked against scipy.stats.ttest_rel.
    """
    n = usable.sum(axis=1)
    enough = n >= LEAST_PAIRS
    counts = np.maximum(n, 1)
    difference = np.where(usable, recent - before, 0.0)
    change = difference.sum(axis=1) / counts
    squares = (np.where(usable, difference - change[:, None], 0.0) ** 2).sum(axis=1)
    error = np.sqrt(squares / np.maximum(n - 1, 1) / counts)
    degrees = np.maximum(n - 1, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.where(change == 0, 0.0, change / error)
    arm = np.where(enough, stats.t.isf((1 - confidence) / 2, degrees) * error, np.nan)
    p_value = np.where(enough, stats.t.cdf(statistic, degrees), np.nan)
    return np.where(n > 0, change, np.nan), change - arm, change + arm, p_value


def month_ends(last: pd.Timestamp, months: int) -> list[pd.Timestamp]:
    """Last days of that many months up to a day, and the day before the first of them."""
    # The last day of a month stays that in shorter months.
    whole = pd.offsets.MonthEnd if last.is_month_end else None
    return [
        last - whole(k) if whole else last - pd.DateOffset(months=k) for k in range(months, -1, -1)
    ]


def _profit_by_month(
    rows: Any, days: list[pd.Timestamp], margin_rate: float
) -> tuple["pd.Series[Any]", Array]:
    """Customers who bought in these months, in order, and their profit in each."""
    rows = rows.filter(rows["day"] > days[0].date(), rows["day"] <= days[-1].date())
    months = {
        f"month_{k}": rows["profit_cents"].sum(
            where=(rows["day"] > start.date()) & (rows["day"] <= end.date())
        )
        for k, (start, end) in enumerate(itertools.pairwise(days))
    }
    found = tables.as_frame(rows.group_by("customer_id").aggregate(**months))
    found = found.sort_values("customer_id", kind="stable", ignore_index=True)
    cents = found[list(months)].fillna(0).to_numpy(dtype=np.float64)
    return found["customer_id"], cents / 100 * margin_rate


def _months_here(first_day: pd.Series, days: list[pd.Timestamp]) -> NDArray[np.bool_]:
    """Which months lie wholly after the first purchase, for every customer."""
    starts = np.array([day.to_datetime64() for day in days[:-1]])
    return np.asarray(first_day.to_numpy(dtype="datetime64[ns]")[:, None] <= starts[None, :])


def _compared(
    profit: Array, here: NDArray[np.bool_], months: int, confidence: float
) -> pd.DataFrame:
    before, recent, usable = profit[:, :months], profit[:, months:], here[:, :months]
    change, low, high, p_value = paired_fall(before, recent, usable, confidence)
    was = np.where(usable, before, 0.0).sum(axis=1)
    still = np.where(usable, recent, 0.0).sum(axis=1)
    gone = np.full(len(was), np.nan)
    np.divide(was - still, was, out=gone, where=was > 0)
    return pd.DataFrame(
        {
            "profit": profit.sum(axis=1).round(2),
            "before": before.sum(axis=1).round(2),
            "recent": recent.sum(axis=1).round(2),
            "fall": gone,
            "pairs": usable.sum(axis=1),
            "change": change,
            "change_low": low,
            "change_high": high,
            "false_alarm_share": _adjusted(np.where(was > 0, p_value, np.nan)),
        }
    )


def _adjusted(p_values: Array) -> Array:
    """Benjamini and Hochberg's; missing ones stay so and are not counted."""
    adjusted = np.full(len(p_values), np.nan)
    known = np.flatnonzero(~np.isnan(p_values))
    if len(known):
        adjusted[known] = stats.false_discovery_control(p_values[known])
    return adjusted


def _fading(data: pd.DataFrame, fall: float, false_alarms: float) -> NDArray[np.str_]:
    share, gone = data["false_alarm_share"], data["fall"]
    return np.select(
        [share.isna(), gone < fall, share <= false_alarms],
        ["cannot say", "no", "yes"],
        "cannot say",
    )


def _classes(data: pd.DataFrame, first_share: float, core_share: float) -> NDArray[np.str_]:
    """Class of customers in order of profit."""
    profit = data["profit"].to_numpy()
    gains = profit[profit > 0]
    cuts = np.array([first_share, first_share + core_share])
    first, core = customers_to_fill(gains, cuts) if len(gains) else (0, 0)
    rank = np.arange(len(profit))
    return np.select(
        [profit <= 0, data["fading"] == "yes", rank < first, rank < core],
        ["no profit", "fading", "first", "core"],
        "other",
    )


def _class_table(data: pd.DataFrame) -> pd.DataFrame:
    columns = ["profit", "before", "recent"]
    grouped = data.groupby("class")[columns].sum().reindex(list(TREATMENT), fill_value=0.0)
    customers = data["class"].value_counts().reindex(list(TREATMENT), fill_value=0)
    made = data["profit"].clip(lower=0).sum()
    share = grouped["profit"] / made if made > 0 else np.nan
    table = grouped.round(2).assign(
        customers=customers, customer_share=customers / len(data), profit_share=share
    )
    table = table.assign(treatment=list(TREATMENT.values())).reset_index()
    order = ["class", "customers", "customer_share", "profit", "profit_share"]
    return table[[*order, "before", "recent", "treatment"]]


def _check_rule(
    months: int,
    first_share: float,
    core_share: float,
    fall: float,
    false_alarms: float,
    confidence: float,
) -> None:
    whole = isinstance(months, int | np.integer) and not isinstance(months, bool)
    if not whole or not LEAST_PAIRS <= months <= MOST_MONTHS:
        raise InputError(
            f"months={months}: write a whole number from {LEAST_PAIRS} to {MOST_MONTHS}; 12 leaves "
            "out the season."
        )
    fractions = {"first_share": first_share, "core_share": core_share, "fall": fall}
    for name, value in (
        fractions | {"false_alarms": false_alarms, "confidence": confidence}
    ).items():
        check_fraction(value, name)
    if first_share + core_share > 1:
        raise InputError(
            f"first_share={first_share:g} and core_share={core_share:g} are more than all of the "
            "profit together. Lower one."
        )
