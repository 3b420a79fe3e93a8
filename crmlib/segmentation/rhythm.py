"""A customer's own rhythm of buying, and how unusual it is that it has been silent so long.

Days from one purchase day to the next are taken to vary about a level of the customer's own, and
levels to vary between customers. Who has bought often is judged by its own gaps, who has bought
seldom more by those of all.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import betainc, gammaln

from crmlib import tables
from crmlib.columns import Array
from crmlib.errors import InputError
from crmlib.transaction_rows import (
    day_of,
    missing_cells,
    money_rows,
    refuse_days_to_come,
    refuse_missing,
)

LEAST_CUSTOMERS = 2
"""Customers with a gap that a common rhythm can be learned from."""

LARGEST = 8.0
"""Logarithm at which shapes stop: gaps, or customers, that are then all but equal."""

PARTS_OF_LOGARITHM = 10**6
"""Logarithms are summed in whole millionths, so that engines agree."""

DAYS_IN_SECONDS = 86_400


@dataclass(frozen=True)
class Rhythm:
    """How gaps vary within and between customers.

    Attributes
    ----------
    shape : float
        k of a customer's own gaps: 1 where a purchase is as likely on any day, larger the more
        regular customers buy.
    levels : float
        r of the levels of customers: the larger, the more alike they are.
    rate : float
        a of the levels, in days.
    customers, gaps : int
        That this was learned from.
    """

    shape: float
    levels: float
    rate: float
    customers: int
    gaps: int


def gap_log_likelihood(
    shape: float, levels: float, rate: float, n: Array, total: Array, log_total: Array
) -> float:
    """Logarithm of how likely the gaps of all customers are.

    Parameters
    ----------
    shape, levels, rate : float
        k, r and a of `Rhythm`.
    n, total, log_total : ndarray, shape (customers,)
        Number of gaps, their sum in days and the sum of their logarithms.

    Notes
    -----
    Gaps are gamma with shape k and the customer's rate, and rates gamma with shape r and rate a.
    With the rate integrated out, a customer with n gaps that sum to G has
    ``a^r Γ(r + k n) / (Γ(r) Γ(k)^n (a + G)^(r + k n)) Π g^(k - 1)``. Checked against integration
    by scipy.
    """
    after = levels + shape * n
    parts = (
        levels * np.log(rate)
        - after * np.log(rate + total)
        + gammaln(after)
        - gammaln(levels)
        - n * gammaln(shape)
        + (shape - 1) * log_total
    )
    return float(parts.sum())


def fit_rhythm(n: Array, total: Array, log_total: Array) -> Rhythm | None:
    """Learn from all customers how gaps vary, by maximum likelihood.

    Parameters
    ----------
    n, total, log_total : ndarray, shape (customers,)
        As in `gap_log_likelihood`; customers without a gap do not count.

    Returns
    -------
    Rhythm or None
        None with fewer than two customers that have a gap: nothing can be learned.

    Notes
    -----
    The silence that still goes on is left out, for who has left will never end it. So is, with
    it, some of the longest gaps: a little too much then counts as unusual.
    """
    with_gaps = n > 0
    if with_gaps.sum() < LEAST_CUSTOMERS:
        return None
    n, total, log_total = n[with_gaps], total[with_gaps], log_total[with_gaps]
    mean = total.sum() / n.sum()

    def minus(logs: Array) -> float:
        shape, levels, scaled = np.exp(logs)
        return -gap_log_likelihood(shape, levels, scaled * mean, n, total, log_total) / n.sum()

    found = minimize(minus, np.zeros(3), method="L-BFGS-B", bounds=[(-LARGEST, LARGEST)] * 3)
    shape, levels, scaled = np.exp(found.x)
    return Rhythm(float(shape), float(levels), float(scaled * mean), len(n), int(n.sum()))


def silence_probability(rhythm: Rhythm, n: Array, total: Array, silence: Array) -> Array:
    """Probability that a customer's gap is longer than a silence, had nothing changed.

    Parameters
    ----------
    rhythm : Rhythm
    n, total : ndarray, shape (customers,)
        Number of the customer's own gaps and their sum in days.
    silence : ndarray, shape (customers,)
        Days since the last purchase.

    Returns
    -------
    ndarray, shape (customers,)

    Notes
    -----
    ``P(g > s) = I_x(r + k n, k)`` with ``x = (a + G) / (a + G + s)`` and I the regularised
    incomplete beta function: the gap over a + G, given the gaps so far, is beta prime. With k = 1
    it is ``x^(r + n)``, Lomax. Checked against integration by scipy.
    """
    known = rhythm.rate + total
    after = rhythm.levels + rhythm.shape * n
    return np.asarray(betainc(after, rhythm.shape, known / (known + silence)))


def usual_gap(rhythm: Rhythm, n: Array, total: Array) -> Array:
    """Days that pass on average between two purchases of a customer, shrunk to those of all.

    ``k (a + G) / (r + k n - 1)``; NaN where the mean is not finite.
    """
    after = rhythm.levels + rhythm.shape * n - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(after > 0, rhythm.shape * (rhythm.rate + total) / after, np.nan)


def buying_rhythm(
    transactions: Any,
    *,
    as_of: dt.date | str | None = None,
    customer: str = "customer_id",
    date: str = "date",
    amount: str = "amount",
) -> pd.DataFrame:
    """Hold every customer's silence against its own rhythm.

    Parameters
    ----------
    transactions : DataFrame, Ibis table or tables.CheckedTable
        One row a purchase, or a line of one. All purchases of a day are one.
    as_of : date or str, optional
        Last day that counts; that of the last purchase when not given.
    customer, date, amount : str
        Its columns.

    Returns
    -------
    DataFrame
        One row per customer with a purchase, by customer_id: customer_id, first_day, last_day,
        purchases (days with one), usual_gap (days), silence (days since the last purchase),
        silence_probability (that a gap of this customer is as long, had nothing changed; missing
        with a single purchase: its rhythm cannot be said).

    Raises
    ------
    InputError
        A column is not there, a cell is empty, there is no purchase, or a day is still to come.
    """
    rows = money_rows(transactions, customer, date, amount, None)
    _, last = span(rows, (customer, date, amount))
    day = last if as_of is None else day_of(as_of, "as_of")
    gaps = gaps_by_day(rows, [day])
    if gaps.empty:
        raise InputError(f"There is no purchase up to {day.date()}.")
    return rhythm_on(gaps).drop(columns=["date", "gap_days", "log_gaps"])


def rhythm_on(gaps: pd.DataFrame) -> pd.DataFrame:
    """Add silence, usual gap and the probability of the silence to the gaps of one day."""
    n, total, log_total = (
        values.to_numpy(dtype=np.float64)
        for values in (gaps["purchases"] - 1, gaps["gap_days"], gaps["log_gaps"])
    )
    days = (gaps["date"] - gaps["last_day"]).dt.days
    silence = days.to_numpy().astype(np.float64)
    rhythm = fit_rhythm(n, total, log_total)
    usual = probability = np.full(len(gaps), np.nan)
    if rhythm is not None:
        usual = np.where(n > 0, usual_gap(rhythm, n, total), np.nan)
        probability = np.where(n > 0, silence_probability(rhythm, n, total, silence), np.nan)
    return gaps.assign(
        usual_gap=usual, silence=silence.astype(np.int64), silence_probability=probability
    )


def span(rows: Any, columns: tuple[str, ...]) -> tuple[pd.Timestamp, pd.Timestamp]:
    """First and last day with a purchase, of rows as `money_rows` gives them.

    Raises
    ------
    InputError
        There is no purchase, a cell is empty, or a day is still to come.
    """
    bought = rows["revenue_cents"] > 0
    whole = tables.as_frame(
        rows.aggregate(
            missing=missing_cells(rows),
            first=rows["day"].min(where=bought),
            last=rows["day"].max(where=bought),
            latest=rows["day"].max(),
        )
    ).iloc[0]
    refuse_missing(int(whole["missing"]) if pd.notna(whole["missing"]) else 0, columns)
    if pd.isna(whole["last"]):
        raise InputError(
            "The table has no purchase: no amount is above zero. Is the column of amounts the "
            "right one?"
        )
    refuse_days_to_come(pd.Timestamp(whole["latest"]).date())
    return pd.Timestamp(whole["first"]), pd.Timestamp(whole["last"])


def gaps_by_day(rows: Any, days: list[pd.Timestamp]) -> pd.DataFrame:
    """What was known of every customer's gaps on each of some days: one query.

    Parameters
    ----------
    rows : Ibis table
        From `money_rows`.
    days : list of Timestamp

    Returns
    -------
    DataFrame
        By date and customer_id, customers that had bought by then: date, customer_id, first_day,
        last_day, purchases, gap_days (from the first to the last purchase), log_gaps.
    """
    bought = rows.filter(rows["revenue_cents"] > 0).select("customer_id", "day").distinct()
    bought = bought.mutate(number=day_number(bought["day"]))
    before = bought["number"].lag().over(group_by="customer_id", order_by="number")
    steps = bought.mutate(gap=bought["number"] - before)
    logarithm = (steps["gap"].cast("float64").ln() * PARTS_OF_LOGARITHM + 0.5).floor()
    steps = steps.mutate(part=logarithm.cast("int64"))
    sums: dict[str, Any] = {}
    for k, number in enumerate(numbers_of_days(days)):
        known = steps["number"] <= number
        sums |= {
            f"purchases_{k}": known.sum(),
            f"last_{k}": steps["number"].max(where=known),
            f"log_{k}": steps["part"].sum(where=known),
        }
    found = tables.as_frame(
        steps.group_by("customer_id").aggregate(first=steps["number"].min(), **sums)
    ).sort_values("customer_id", kind="stable", ignore_index=True)
    return pd.concat([_gaps_on(found, k, day) for k, day in enumerate(days)], ignore_index=True)


def _gaps_on(found: pd.DataFrame, k: int, day: pd.Timestamp) -> pd.DataFrame:
    rows = found[found[f"purchases_{k}"] > 0]
    last = rows[f"last_{k}"].astype(np.int64)
    return pd.DataFrame(
        {
            "date": pd.Series(day, index=rows.index, dtype="datetime64[s]"),
            "customer_id": rows["customer_id"],
            "first_day": as_days(rows["first"]),
            "last_day": as_days(last),
            "purchases": rows[f"purchases_{k}"].astype(np.int64),
            "gap_days": last - rows["first"].astype(np.int64),
            "log_gaps": rows[f"log_{k}"].fillna(0).astype(np.float64) / PARTS_OF_LOGARITHM,
        }
    )


def day_number(day: Any) -> Any:
    """Days since the first of January 1970, as an Ibis expression."""
    return (day.epoch_seconds() // DAYS_IN_SECONDS).cast("int64")


def numbers_of_days(days: list[pd.Timestamp]) -> list[int]:
    """Days since the first of January 1970."""
    return [int(number) for number in np.array(days, dtype="datetime64[D]").astype(np.int64)]


def as_days(numbers: "pd.Series[Any]") -> "pd.Series[Any]":
    """Dates of days since the first of January 1970."""
    days = numbers.to_numpy(dtype=np.int64).astype("datetime64[D]").astype("datetime64[s]")
    return pd.Series(days, index=numbers.index)
