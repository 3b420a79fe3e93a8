"""Value of customers: purchases to come, times what one brings: spend times margin, and other."""

import datetime as dt
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import pandas as pd

from crmlib.clp.discounting import Array, When, check_confidence, discount_factors
from crmlib.clp.forecast import Forecast
from crmlib.clp.history import PERIODS_PER_YEAR, Period
from crmlib.clp.margins import credible_margin
from crmlib.clp.maximum_likelihood import distinct_rows
from crmlib.clp.purchases import DAYS_PER_WEEK, PurchaseSummary
from crmlib.columns import codes_of, numbers_of
from crmlib.errors import InputError

CELLS = 4_000_000
"""Numbers of predictive draws held at a time: customers times replicates."""


class PurchaseModel(Protocol):
    """What is asked of a fitted model of purchases: `BetaGeoNBD`, `ParetoNBD` and their like."""

    def probability_alive(self, summary: Any) -> Array:
        """Probability that a customer still buys."""
        ...

    def expected_purchases(self, summary: Any, weeks: Any) -> Array:
        """Purchases in the next weeks, (customers, k)."""
        ...

    def parameter_draws(self, n: int, random: np.random.Generator) -> Array:
        """Parameters as the data leave them open."""
        ...

    def draw_purchases(
        self, table: pd.DataFrame, week_edges: Array, random: np.random.Generator, parameters: Array
    ) -> Array:
        """One predictive draw of the purchases between the edges, (customers, k)."""
        ...


class SpendModel(Protocol):
    """What is asked of a fitted model of spending: `GammaGamma`."""

    def expected_spend(self, summary: Any) -> Array:
        """Mean revenue of a customer's purchases to come."""
        ...

    def parameter_draws(self, n: int, random: np.random.Generator) -> Array:
        """Parameters as the data leave them open."""
        ...

    def draw_spend(
        self, table: pd.DataFrame, counts: Array, random: np.random.Generator, parameters: Array
    ) -> Array:
        """One predictive draw of the revenue of so many purchases."""
        ...


def customer_value(
    purchases: PurchaseModel,
    spend: SpendModel,
    summary: PurchaseSummary,
    *,
    period: Period,
    periods: int,
    rate: float,
    when: When = "end",
    margins: pd.DataFrame | None = None,
    replicates: int = 500,
    confidence: float = 0.95,
    seed: int,
    first_day: dt.date | None = None,
) -> Forecast:
    """Present value of the profit each customer will bring, by a model of purchases and of spend.

    ``sum over periods k of E(purchases in k) (E(spend) margin + other) / (1 + rate)^k``: spend is
    the revenue of a purchase, margin the profit of the sales over it, and other the profit besides
    the sales that goes with a purchase: what serving the customer costs is below zero.

    Parameters
    ----------
    purchases : BetaGeoNBD, ModifiedBetaGeoNBD or ParetoNBD
        Fitted on the summary.
    spend : GammaGamma
        Fitted on the summary.
    summary : PurchaseSummary
    period : {"month", "quarter", "week"}
    periods : int
        Periods to look ahead.
    rate : float
        Discount rate per period, a fraction.
    when : {"end", "start"}
        Whether a period's profit comes at its end or its start.
    margins : DataFrame, optional
        customer_id, margin and, where there is profit besides the sales, other_per_purchase; by
        default `credible_margin`.
    replicates : int
        Predictive draws the intervals rest on; 0 for none, when only values are wanted.
    confidence : float
        Level of the intervals.
    seed : int
    first_day : date, optional
        First day of the first period; by default the day after the summary ends.

    Returns
    -------
    Forecast
        Values are the expectations at the estimated parameters; low and high are quantiles of
        predictive draws.

    Raises
    ------
    InputError
        When an argument cannot be used, or a customer has no margin or no expected spend.

    Notes
    -----
    Every replicate has parameters of its own, drawn as the data leave them open, for all
    customers at once; then each customer's rates, whether it is still there, its purchases and
    their revenue are drawn over all periods together, and counted for the mean discount factor of
    the customer's expected purchases. So the interval of the sum holds chance and the uncertainty
    of the parameters. It does not hold a wrong model, nor the uncertainty of margins and other.
    """
    check_confidence(confidence)
    if replicates < 0:
        raise InputError(f"replicates={replicates}: write 0 or more.")
    begin = first_day or summary.observed_until + dt.timedelta(days=1)
    edges = week_edges(summary.observed_until, begin, period, periods)
    discount = discount_factors(rate, periods, when)
    margin, other = rates_of(summary.table, margins_of(summary) if margins is None else margins)
    alive = purchases.probability_alive(summary)
    expected, factor = discounted_purchases(purchases, summary.table, alive, edges, discount)
    profit = expected * (expected_spend(spend, summary) * margin + other)
    customers = pd.DataFrame(
        {
            "customer_id": summary.table["customer_id"],
            "profit": profit,
            "low": np.nan,
            "high": np.nan,
            "probability_alive": alive,
            "basis": "purchases x (spend x margin + other)"
            if other.any()
            else "purchases x spend x margin",
        }
    )
    total = {"customers": len(customers), "profit": profit.sum(), "low": np.nan, "high": np.nan}
    if replicates:
        draws = PredictiveDraws(purchases, spend, replicates, seed)
        low, high, sums = draws.intervals(
            summary.table, edges[[0, -1]], factor * margin, factor * other, confidence
        )
        customers = customers.assign(low=low, high=high)
        total["low"], total["high"] = np.quantile(sums, tails(confidence))
    return Forecast(
        customers=customers,
        total=pd.DataFrame([total]),
        method=f"{type(purchases).__name__} and {type(spend).__name__}",
        period=period,
        periods=periods,
        first_day=begin,
        rate=rate,
        when=when,
        confidence=confidence,
        notes=[
            "Intervals hold chance and the uncertainty of the parameters, but not a wrong model or "
            "uncertain margins."
        ],
    )


def week_edges(known: dt.date, begin: dt.date, period: Period, periods: int) -> Array:
    """Weeks from the last day known to the end of every period, the beginning of the first too."""
    if periods < 1:
        raise InputError(f"periods={periods}: look ahead at least one {period}.")
    if begin <= known:
        raise InputError(f"first_day={begin}: it must come after {known}, the last day known.")
    if period == "week":
        starts = [begin + dt.timedelta(weeks=k) for k in range(periods + 1)]
    else:
        months = 12 // PERIODS_PER_YEAR[period]
        first = pd.Timestamp(begin)
        starts = [(first + pd.DateOffset(months=months * k)).date() for k in range(periods + 1)]
    days = [(start - known).days - 1 for start in starts]
    weeks: Array = np.array(days, dtype=np.float64) / DAYS_PER_WEEK
    return weeks


def margins_of(summary: PurchaseSummary) -> pd.DataFrame:
    """Credible margins; that of the base for customers who only had something for nothing."""
    paid = summary.table["revenue"] > 0
    credible = credible_margin(summary.table[paid])
    table = summary.table[["customer_id"]].merge(credible.table, on="customer_id", how="left")
    return table.fillna({"margin": credible.base_margin, "other_per_purchase": credible.base_other})


def rates_of(table: pd.DataFrame, margins: pd.DataFrame) -> tuple[Array, Array]:
    """Margin and other profit a purchase of every customer of a summary."""
    codes_of(margins, "customer_id")
    if "other_per_purchase" not in margins:
        margins = margins.assign(other_per_purchase=0.0)
    found: list[Array] = []
    kinds = {
        "margin": "margins, profit of the sales over revenue",
        "other_per_purchase": "profit besides the sales of a purchase, in money",
    }
    for name, kind in kinds.items():
        values = numbers_of(margins, name, kind)
        by_customer = pd.Series(values, index=margins["customer_id"].array)
        found.append(np.asarray(table["customer_id"].map(by_customer).to_numpy(), dtype=float))
    missing = np.flatnonzero(~np.isfinite(found).all(axis=0))
    if len(missing):
        raise InputError(
            f"{len(missing):,} customers, first {table['customer_id'].iloc[missing[0]]}, have no "
            "margin in the table of margins."
        )
    return found[0], found[1]


def expected_spend(spend: SpendModel, summary: PurchaseSummary) -> Array:
    """Mean revenue a purchase of every customer; refused where the model has none."""
    mean = np.asarray(spend.expected_spend(summary), dtype=float)
    if not np.isfinite(mean).all():
        raise InputError(
            f"Gamma-Gamma: spending varies so much between customers that its mean is not finite "
            f"for {int((~np.isfinite(mean)).sum()):,} of them, who have too few repeat purchases. "
            "Use another method for this base."
        )
    return mean


def discounted_purchases(
    purchases: PurchaseModel, table: pd.DataFrame, alive: Array, edges: Array, discount: Array
) -> tuple[Array, Array]:
    """Expected purchases, each counted for what its period is worth today, and their mean factor.

    Given that a customer is alive, the models forecast from frequency and T alone: the last
    purchase only tells whether it is. So the periods are summed once for each frequency and T,
    asked of a customer who bought on the last day, and weighted by P(alive).
    """
    (frequency, T), _, customer = distinct_rows(table["frequency"], table["T"])
    recency = np.where(frequency > 0, T, 0.0)
    asked = pd.DataFrame({"frequency": frequency, "recency": recency, "T": T})
    worth, number = np.empty(len(asked)), np.empty(len(asked))
    for rows in parts(len(asked), len(edges)):
        in_period = np.diff(purchases.expected_purchases(asked.iloc[rows], edges), axis=1)
        worth[rows], number[rows] = in_period @ discount, in_period.sum(axis=1)
    factor = np.divide(worth, number, out=np.full(len(asked), discount.mean()), where=number > 0)
    return alive * (worth / purchases.probability_alive(asked))[customer], factor[customer]


def parts(n: int, width: int) -> Iterator[slice]:
    """Rows in parts whose results, so many numbers a row, fit into memory."""
    step = max(CELLS // width, 1)
    for start in range(0, n, step):
        yield slice(start, min(start + step, n))


def tails(confidence: float) -> Array:
    """The two quantiles an interval lies between."""
    return np.array([0.5 - confidence / 2, 0.5 + confidence / 2])


class PredictiveDraws:
    """Predictive draws of profit: a parameter vector a replicate, the same for all customers."""

    def __init__(
        self, purchases: PurchaseModel, spend: SpendModel, replicates: int, seed: int
    ) -> None:
        self.purchases, self.spend = purchases, spend
        self.random = np.random.default_rng(seed)
        self.of_purchases = purchases.parameter_draws(replicates, self.random)
        self.of_spend = spend.parameter_draws(replicates, self.random)

    def intervals(
        self, table: pd.DataFrame, ends: Array, margin: Array, other: Array, confidence: float
    ) -> tuple[Array, Array, Array]:
        """Low and high profit of every customer, and the sum of every replicate."""
        replicates = len(self.of_purchases)
        low, high, sums = np.empty(len(table)), np.empty(len(table)), np.zeros(replicates)
        for rows in parts(len(table), replicates):
            drawn = self.profits(table.iloc[rows], ends, margin[rows], other[rows])
            sums += drawn.sum(axis=1)
            low[rows], high[rows] = order_statistics(drawn, confidence)
        return low, high, sums

    def profits(self, table: pd.DataFrame, ends: Array, margin: Array, other: Array) -> Array:
        """Profit between two times, in weeks from the last day known, (replicates, customers)."""
        drawn = np.empty((len(self.of_purchases), len(table)))
        for j, (first, second) in enumerate(zip(self.of_purchases, self.of_spend, strict=True)):
            counts = self.purchases.draw_purchases(table, ends, self.random, first)[:, 0]
            revenue = self.spend.draw_spend(table, counts, self.random, second)
            drawn[j] = revenue * margin + counts * other
        return drawn


def order_statistics(drawn: Array, confidence: float) -> tuple[Array, Array]:
    """Ends of prediction intervals from draws, (replicates, customers).

    Of n draws the k-th smallest and largest with ``k = (n + 1)(1 - confidence) / 2``, rounded
    down: one more draw lies between them with at least that probability.
    """
    n = len(drawn)
    k = max(int((n + 1) * (1 - confidence) / 2), 1)
    ordered = np.partition(drawn, [k - 1, n - k], axis=0)
    return ordered[k - 1], ordered[n - k]
