"""Beta-geometric/beta-binomial: repeat buying where there are occasions to buy, one a period.

At each occasion a customer who is there buys with a probability p of its own; before each it
leaves for good with a probability θ of its own. Over customers p is beta(α, β) and θ beta(γ, δ),
independent of each other (Fader, Hardie and Shang 2010).

The likelihood is a sum over when the customer left: before occasion m + 1, for m from its last
purchase to the last occasion but one, or not at all,

    B(α+x, β+m-x)/B(α, β) B(γ+1, δ+m)/B(γ, δ),   B(α+x, β+n-x)/B(α, β) B(γ, δ+n)/B(γ, δ).
"""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaln

from crmlib.clp.beta_geo import refuse_too_little
from crmlib.clp.discounting import Array
from crmlib.clp.history import ProfitHistory
from crmlib.clp.maximum_likelihood import LikelihoodModel, distinct_rows, maximize
from crmlib.clp.rising_factorials import log_rising, log_rising_slope
from crmlib.columns import numbers_of, rows_named
from crmlib.errors import InputError

Codes = NDArray[np.int64]


def opportunity_summary(history: ProfitHistory) -> pd.DataFrame:
    """Occasions and purchases of every customer: an occasion is a period after the first purchase.

    Parameters
    ----------
    history : ProfitHistory

    Returns
    -------
    DataFrame
        customer_id, frequency (periods with a purchase after that of the first), recency (the
        last of these, counted from 1; 0 when there is none), n_periods (periods after the first).
    """
    table = history.table
    codes, customers = pd.factorize(table["customer_id"])
    later = table["t"].to_numpy() - 1
    bought = (table["purchases"].to_numpy() > 0) & (later > 0)
    n = len(customers)
    recency, n_periods = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    # Rows of a customer are in order of time: the last assignment stands.
    recency[codes[bought]] = later[bought]
    n_periods[codes] = later
    return pd.DataFrame(
        {
            "customer_id": customers,
            "frequency": np.bincount(codes[bought], minlength=n),
            "recency": recency,
            "n_periods": n_periods,
        }
    )


@dataclass(frozen=True)
class Ways:
    """Every way in which each history can have come about, one after another.

    Attributes
    ----------
    counts : ndarray of int, shape (m,)
        Customers with each history.
    start : ndarray of int, shape (m,)
        Where the ways of each history begin; the first is that the customer is still there.
    cell : ndarray of int, shape (ways,)
        Place of each way among the cells.
    x, seen : ndarray, shape (cells,)
        Purchases, and occasions while the customer was there.
    there : ndarray of bool, shape (cells,)
        Whether the customer is still there.
    """

    counts: Codes
    start: Codes
    cell: Codes
    x: Array
    seen: Array
    there: NDArray[np.bool_]


def ways(frequency: Array, recency: Array, n_periods: Array) -> tuple[Ways, Codes]:
    """Ways of the histories that differ, and which history each customer has."""
    (x, t_x, n), counts, inverse = distinct_rows(frequency, recency, n_periods)
    number = (n - t_x).astype(np.int64) + 1
    start = np.cumsum(number) - number
    history = np.repeat(np.arange(len(x)), number)
    step = np.arange(len(history)) - start[history]
    there = step == 0
    seen = np.where(there, n[history], t_x[history] + step - 1)
    cells, _, cell = distinct_rows(x[history], seen, there)
    return Ways(counts, start, cell, *cells), inverse


def log_of_cells(parameters: Array, ways: Ways) -> Array:
    """Logarithm of the likelihood of each cell."""
    alpha, beta, gamma, delta = parameters
    x, seen, leaves = ways.x, ways.seen, np.where(ways.there, 0.0, 1.0)
    buying = log_rising(alpha, x) + log_rising(beta, seen - x) - log_rising(alpha + beta, seen)
    leaving = log_rising(gamma, leaves) + log_rising(delta, seen)
    return np.asarray(buying + leaving - log_rising(gamma + delta, leaves + seen))


def log_of_histories(parameters: Array, ways: Ways) -> tuple[Array, Array]:
    """Logarithm of the likelihood of each history, and the share each way has in it."""
    logs = log_of_cells(parameters, ways)[ways.cell]
    largest = np.maximum.reduceat(logs, ways.start)
    number = np.diff(np.append(ways.start, len(logs)))
    parts = np.exp(logs - np.repeat(largest, number))
    total = np.add.reduceat(parts, ways.start)
    return largest + np.log(total), parts / np.repeat(total, number)


def beta_geo_beta_binomial_log_likelihood(
    parameters: ArrayLike, frequency: ArrayLike, recency: ArrayLike, n_periods: ArrayLike
) -> Array:
    """Logarithm of the likelihood of each customer's purchases.

    Parameters
    ----------
    parameters : array_like, shape (4,)
        alpha, beta, gamma, delta.
    frequency, recency, n_periods : array_like of int, shape (customers,)
        x, t_x and n.

    Returns
    -------
    ndarray, shape (customers,)

    Notes
    -----
    Fader, Hardie and Shang (2010). Checked against the estimates they print.
    """
    arrays = (np.asarray(values, dtype=float) for values in (frequency, recency, n_periods))
    found, inverse = ways(*arrays)
    return log_of_histories(np.asarray(parameters, dtype=float), found)[0][inverse]


def summed_log_likelihood(parameters: Array, ways: Ways) -> tuple[float, Array]:
    """Log-likelihood of all customers and its derivatives by alpha, beta, gamma and delta."""
    alpha, beta, gamma, delta = parameters
    logs, shares = log_of_histories(parameters, ways)
    number = np.diff(np.append(ways.start, len(shares)))
    weights = np.bincount(ways.cell, shares * np.repeat(ways.counts, number), minlength=len(ways.x))
    x, seen, leaves = ways.x, ways.seen, np.where(ways.there, 0.0, 1.0)
    buying = log_rising_slope(alpha + beta, seen)
    leaving = log_rising_slope(gamma + delta, leaves + seen)
    gradient = np.array(
        [
            weights @ (log_rising_slope(alpha, x) - buying),
            weights @ (log_rising_slope(beta, seen - x) - buying),
            weights @ (log_rising_slope(gamma, leaves) - leaving),
            weights @ (log_rising_slope(delta, seen) - leaving),
        ]
    )
    return float(ways.counts @ logs), gradient


ABOUT = {
    "alpha": "how customers differ in how often they buy",
    "beta": "how often customers buy",
    "gamma": "how soon customers leave",
    "delta": "how customers differ in how soon they leave",
}

CEILINGS = {"alpha": 10_000.0, "delta": 10_000.0}
"""Where alpha, or delta, makes customers alike: their probabilities differ by 1 %."""


class BetaGeoBetaBinomial(LikelihoodModel):
    """BG/BB model of repeat buying at occasions (Fader, Hardie and Shang 2010).

    Parameters
    ----------
    confidence : float
        Level of the intervals of the parameters.

    Attributes
    ----------
    alpha_, beta_ : float
        Of the beta distribution of the probability to buy at an occasion.
    gamma_, delta_ : float
        Of the beta distribution of the probability to leave before an occasion.
    parameters_, standard_errors_, log_likelihood_, covariance_, n_customers_, notes_
        See `LikelihoodModel`. Where customers do not differ in how often they buy, or in how soon
        they leave, alpha or delta runs to infinity; it is held at 10,000, and the notes say so.

    Notes
    -----
    For what is bought or given once a period at most: donations, yearly orders, attendance.
    `opportunity_summary` makes its table from a profit history.
    """

    parameter_names: ClassVar[tuple[str, ...]] = ("alpha", "beta", "gamma", "delta")

    alpha_: float
    beta_: float
    gamma_: float
    delta_: float

    def fit(self, summary: pd.DataFrame) -> Self:
        """Estimate the parameters.

        Parameters
        ----------
        summary : DataFrame
            Columns frequency, recency and n_periods, whole numbers, one row a customer.

        Returns
        -------
        BetaGeoBetaBinomial

        Raises
        ------
        InputError
            When nobody or fewer than 10 bought again, there is one customer only, or the data do
            not determine the parameters, as when nobody has left.
        """
        frequency, recency, n_periods = occasions_of(summary)
        refuse_too_little(frequency, "BG/BB")
        found, _ = ways(frequency, recency, n_periods)
        best = maximize(
            lambda parameters: summed_log_likelihood(parameters, found),
            {"alpha": 1.0, "beta": 1.0, "gamma": 0.5, "delta": 2.0},
            model="BG/BB",
            about=ABOUT,
            ceilings=CEILINGS,
        )
        return self.keep(best, len(frequency), ABOUT)

    def probability_alive(self, summary: pd.DataFrame) -> Array:
        """Probability that each customer was still there at its last occasion.

        Parameters
        ----------
        summary : DataFrame
            Columns frequency, recency and n_periods.

        Returns
        -------
        ndarray, shape (customers,)

        Notes
        -----
        What the paper tabulates is this times ``(δ+n) / (γ+δ+n)``: that the customer is still
        there at the next occasion.
        """
        return beta_geo_beta_binomial_probability_alive(self.estimates(), *occasions_of(summary))

    def expected_purchases(self, summary: pd.DataFrame, periods: ArrayLike) -> Array:
        """Purchases expected of each customer at its next occasions.

        Parameters
        ----------
        summary : DataFrame
            Columns frequency, recency and n_periods.
        periods : int or array_like of int, shape (k,)
            Occasions to look ahead.

        Returns
        -------
        ndarray, shape (customers,) or (customers, k)

        Notes
        -----
        ``P(alive) (α+x)/(α+β+n)`` times the sum over the next occasions of the probability to be
        still there; the paper's equation 13, summed so that γ = 1 is no exception.
        """
        parameters = self.estimates()
        x, recency, n = occasions_of(summary)
        ahead = whole_periods(np.atleast_1d(periods))
        alpha, beta, gamma, delta = parameters
        alive = beta_geo_beta_binomial_probability_alive(parameters, x, recency, n)
        (seen,), _, inverse = distinct_rows(n)
        there = occasions_there(gamma, delta + seen, int(ahead.max(initial=0)))
        expected = there[:, ahead][inverse]
        expected *= (alive * (alpha + x) / (alpha + beta + n))[:, None]
        return expected if np.ndim(periods) else expected[:, 0]

    def expected_new(self, periods: ArrayLike) -> Array:
        """Repeat purchases expected of a new customer at so many occasions.

        Parameters
        ----------
        periods : array_like of int, shape (...)

        Returns
        -------
        ndarray, shape (...)

        Notes
        -----
        ``α/(α+β)`` times the occasions it is expected to be there for.
        """
        alpha, beta, gamma, delta = self.estimates()
        ahead = whole_periods(periods)
        there = occasions_there(gamma, np.array([delta]), int(ahead.max(initial=0)))[0]
        return np.asarray(alpha / (alpha + beta) * there[ahead])

    def draw_purchases(
        self,
        table: pd.DataFrame,
        period_edges: ArrayLike,
        random: np.random.Generator,
        parameters: Array,
    ) -> Codes:
        """Draw each customer's purchases to come once, with given parameters.

        Parameters
        ----------
        table : DataFrame
            Columns frequency, recency and n_periods.
        period_edges : array_like of int, shape (k + 1,)
            Occasions after the last one seen between which to count: 0, 1, 2 … counts at each.
        random : numpy Generator
        parameters : ndarray, shape (4,)
            alpha, beta, gamma, delta: `estimates`, or a row of `parameter_draws`.

        Returns
        -------
        ndarray of int, shape (customers, k)

        Notes
        -----
        Of a customer still there, p is beta(α + x, β + n - x) and θ beta(γ, δ + n), independent
        of each other; of others nothing is to come.
        """
        x, recency, n = occasions_of(table)
        alpha, beta, gamma, delta = parameters
        edges = whole_periods(period_edges)
        alive = beta_geo_beta_binomial_probability_alive(parameters, x, recency, n)
        counts = np.zeros((len(x), len(edges) - 1), dtype=np.int64)
        rows = np.flatnonzero(random.random(len(x)) < alive)
        buys = random.beta(alpha + x[rows], beta + n[rows] - x[rows])
        leaves = random.beta(gamma, delta + n[rows])
        # Occasions until the customer leaves: geometric, drawn by inversion.
        with np.errstate(divide="ignore"):
            stays = np.floor(np.log(random.random(len(rows))) / np.log1p(-leaves))
        there = np.diff(np.minimum(edges, stays[:, None]), axis=1).astype(np.int64)
        counts[rows] = random.binomial(there, buys[:, None])
        return counts


def beta_geo_beta_binomial_probability_alive(
    parameters: Array, frequency: Array, recency: Array, n_periods: Array
) -> Array:
    """Probability that each customer was still there at its last occasion.

    Parameters
    ----------
    parameters : ndarray, shape (4,)
        alpha, beta, gamma, delta.
    frequency, recency, n_periods : ndarray, shape (n,)

    Returns
    -------
    ndarray, shape (n,)
    """
    found, inverse = ways(frequency, recency, n_periods)
    return np.asarray(log_of_histories(parameters, found)[1][found.start][inverse])


def occasions_there(gamma: float, delta: Array, most: int) -> Array:
    """Of the next 0, 1, … occasions, those a customer who is there is expected to be there for.

    Returns
    -------
    ndarray, shape (n, most + 1)
        Sums of ``B(γ, δ+k) / B(γ, δ)`` over k from 1.
    """
    k = np.arange(1.0, most + 1)
    still = np.exp(betaln(gamma, delta[:, None] + k) - betaln(gamma, delta)[:, None])
    return np.concatenate([np.zeros((len(delta), 1)), np.cumsum(still, axis=1)], axis=1)


def whole_periods(periods: ArrayLike) -> Codes:
    """Numbers of occasions to look ahead, checked."""
    number = np.asarray(periods, dtype=float)
    if not ((number >= 0) & (number == np.floor(number))).all():
        raise InputError("Occasions to look ahead must be whole numbers of 0 or more.")
    return np.asarray(number, dtype=np.int64)


def occasions_of(summary: pd.DataFrame) -> tuple[Array, Array, Array]:
    """Columns frequency, recency and n_periods, checked."""
    x = numbers_of(summary, "frequency", "numbers of purchases")
    recency = numbers_of(summary, "recency", "occasions of the last purchase")
    n = numbers_of(summary, "n_periods", "numbers of occasions")
    whole = np.all([values == np.floor(values) for values in (x, recency, n)], axis=0)
    right = whole & (x >= 0) & (x <= recency) & (recency <= n) & ((x == 0) == (recency == 0))
    wrong = np.flatnonzero(~right)
    if len(wrong):
        raise InputError(
            "Summary of occasions: frequency, recency and n_periods must be whole numbers, "
            "frequency no more than recency, recency no more than n_periods, and 0 together; "
            f"{rows_named(summary, wrong)}."
        )
    return x, recency, n
