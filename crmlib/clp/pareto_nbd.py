"""Pareto/NBD: how often customers buy, and whether they still do, in continuous time.

While a customer is there it buys at random with a rate λ of its own, and it leaves at a random
time with a rate μ of its own. Over customers λ is gamma(r, α) and μ gamma(s, β), independent of
each other (Schmittlein, Morrison and Colombo 1987). Time is in weeks.

What happens first after the last purchase at t_x is either that the customer leaves, at any time,
or that it buys again, later than T. So the likelihood is the sum of two positive integrals,

    Γ(r+x)/Γ(r) α^-x [s/β J(r+x, s+1, t_x) + (r+x)/α J(r+x+1, s, T)],
    J(a, b, t) = ∫_t^∞ (1+τ/α)^-a (1+τ/β)^-b dτ,

which is Fader and Hardie's (2005) in other words: J is their hypergeometric function, and nothing
is subtracted that could cancel.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import exprel

from crmlib.clp.beta_geo import checked_weeks, refuse_too_little
from crmlib.clp.discounting import Array
from crmlib.clp.maximum_likelihood import LikelihoodModel, distinct_rows, maximize
from crmlib.clp.purchases import PurchaseSummary, counts_of
from crmlib.clp.rising_factorials import log_rising, log_rising_slope
from crmlib.errors import InputError

Codes = NDArray[np.int64]

STEP = 0.2
"""Distance of the points of the integrals, on the scale they are summed on: 13 digits."""

CELLS = 100_000
"""Points of integrals held at a time: few enough for the cache to be of use."""


def log_tail_integral(
    a: Array, b: Array, alpha: float, beta: float, t: Array
) -> tuple[Array, Array]:
    """Logarithm of ``∫_t^∞ (1+τ/α)^-a (1+τ/β)^-b dτ``, and its derivatives.

    Parameters
    ----------
    a, b : ndarray, shape (n,)
        Exponents above 0 that add up to more than 1.
    alpha, beta : float
    t : ndarray, shape (n,)
        Where the tail begins, 0 or more.

    Returns
    -------
    value : ndarray, shape (n,)
    derivatives : ndarray, shape (n, 4)
        By a, alpha, b and beta.

    Notes
    -----
    With v the logarithm of how much the larger of α+τ and β+τ has grown, the integrand falls
    like ``exp(-κ v)`` first and like ``exp(-(a+b-1) v)`` later. The trapezoidal rule in q,
    ``v = exp(q - exp(-q)) / κ``, sums it (Takahasi and Mori 1974). Checked against
    scipy.integrate.quad.
    """
    alpha_is_less = alpha <= beta
    less, more = (alpha, beta) if alpha_is_less else (beta, alpha)
    of_less, of_more = (a, b) if alpha_is_less else (b, a)
    low, high, late = less + t, more + t, a + b - 1
    gap = (more - less) / low
    fall = late + of_less * gap
    q = np.arange(-3.4, np.log(40 * np.max(fall / late)) + STEP, STEP)
    points = np.exp(q - np.exp(-q))
    steps = STEP * points * (1 + np.exp(-q))

    total, by_power, by_more, by_less = (np.empty(len(t)) for _ in range(4))
    growth = np.empty(len(t))
    size = max(1, CELLS // len(q))
    for i in range(0, len(t), size):
        part = slice(i, i + size)
        v = points / fall[part, None]
        grown = -np.expm1(-v)
        lag = gap[part, None] * grown
        excess = np.log1p(lag)
        weight = steps * np.exp(-late[part, None] * v - of_less[part, None] * excess)
        total[part] = weight.sum(axis=1)
        weight /= total[part, None]
        # Means over the tail: of log((α+τ)/(α+t)) and its like, and of τ/(α+τ).
        growth[part] = (weight * v).sum(axis=1)
        by_power[part] = growth[part] + (weight * excess).sum(axis=1)
        later = t[part, None] + more * grown
        by_more[part] = (weight * later).sum(axis=1) / high[part]
        by_less[part] = (weight * later / (1 + lag)).sum(axis=1) / low[part]

    value = np.log(total / fall * high) - a * np.log1p(t / alpha) - b * np.log1p(t / beta)
    slopes_less = [-np.log1p(t / less) - by_power, of_less / less * by_less]
    slopes_more = [-np.log1p(t / more) - growth, of_more / more * by_more]
    ordered = slopes_less + slopes_more if alpha_is_less else slopes_more + slopes_less
    return value, np.stack(ordered, axis=1)


@dataclass(frozen=True)
class Histories:
    """Purchase histories that differ, and the pairs on which their integrals depend.

    Attributes
    ----------
    frequency, recency, T : ndarray, shape (m,)
    counts : ndarray of int, shape (m,)
        Customers with this history.
    last, seen : list of two ndarrays
        Distinct pairs of frequency and recency, and of frequency and T.
    of_last, of_seen : ndarray of int, shape (m,)
        Which of these pairs a history has.
    """

    frequency: Array
    recency: Array
    T: Array
    counts: Codes
    last: list[Array]
    of_last: Codes
    seen: list[Array]
    of_seen: Codes


def histories(frequency: Array, recency: Array, T: Array) -> tuple[Histories, Codes]:
    """Histories that differ, and which of them each customer has."""
    (x, t_x, ends), counts, inverse = distinct_rows(frequency, recency, T)
    last, _, of_last = distinct_rows(x, t_x)
    seen, _, of_seen = distinct_rows(x, ends)
    return Histories(x, t_x, ends, counts, last, of_last, seen, of_seen), inverse


@dataclass(frozen=True)
class NextEvents:
    """Logarithms of the two parts of the likelihood of each history, without its front factor."""

    leaves: Array
    buys: Array
    leaves_slopes: Array
    buys_slopes: Array


def next_events(parameters: Array, histories: Histories) -> NextEvents:
    """What happens first after the last purchase: that the customer leaves, or buys after T.

    The slopes are those of the integrals of `Histories.last` and `Histories.seen`.
    """
    r, alpha, s, beta = parameters
    x, recency = histories.last
    one = np.ones(len(x))
    leaves, leaves_slopes = log_tail_integral(r + x, (s + 1) * one, alpha, beta, recency)
    x, T = histories.seen
    one = np.ones(len(x))
    buys, buys_slopes = log_tail_integral(r + x + 1, s * one, alpha, beta, T)
    return NextEvents(
        np.log(s / beta) + leaves[histories.of_last],
        (np.log((r + x) / alpha) + buys)[histories.of_seen],
        leaves_slopes,
        buys_slopes,
    )


def pareto_nbd_log_likelihood(
    parameters: ArrayLike, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike
) -> Array:
    """Logarithm of the likelihood of each customer's purchases.

    Parameters
    ----------
    parameters : array_like, shape (4,)
        r, alpha, s, beta.
    frequency, recency, T : array_like, shape (n,)
        x, t_x and T.

    Returns
    -------
    ndarray, shape (n,)

    Notes
    -----
    Fader and Hardie (2005), equation 18. Checked against lifetimes 0.11.3 and quadrature.
    """
    given = np.asarray(parameters, dtype=float)
    arrays = (np.asarray(values, dtype=float) for values in (frequency, recency, T))
    found, inverse = histories(*arrays)
    parts = next_events(given, found)
    front = log_front(given, found.frequency)
    return np.asarray((front + np.logaddexp(parts.leaves, parts.buys))[inverse])


def log_front(parameters: Array, x: Array) -> Array:
    """Logarithm of ``Γ(r+x)/Γ(r) α^-x``."""
    r, alpha, _, _ = parameters
    return np.asarray(log_rising(r, x) - x * np.log(alpha))


def summed_log_likelihood(parameters: Array, histories: Histories) -> tuple[float, Array]:
    """Log-likelihood of all customers and its derivatives by r, alpha, s and beta."""
    r, alpha, s, beta = parameters
    x, counts = histories.seen[0], histories.counts
    alike = np.bincount(histories.of_seen, counts, minlength=len(x))
    parts = next_events(parameters, histories)
    both = np.logaddexp(parts.leaves, parts.buys)
    value = counts @ both + alike @ log_front(parameters, x)

    left = counts * np.exp(parts.leaves - both)
    by_last = np.bincount(histories.of_last, left, minlength=len(histories.last[0]))
    by_seen = np.bincount(histories.of_seen, counts - left, minlength=len(x))
    gradient = by_last @ parts.leaves_slopes + by_seen @ parts.buys_slopes
    gradient[0] += alike @ log_rising_slope(r, x) + by_seen @ (1 / (r + x))
    gradient[1] -= (alike @ x + by_seen.sum()) / alpha
    gradient[2] += by_last.sum() / s
    gradient[3] -= by_last.sum() / beta
    return float(value), gradient


ABOUT = {
    "r": "how customers differ in how often they buy",
    "alpha": "how often customers buy",
    "s": "how customers differ in how soon they leave",
    "beta": "how soon customers leave",
}

CEILINGS = {"r": 10_000.0, "s": 1_000.0}
"""Where r, or s, makes customers alike: their rates to buy differ by 1 %, those to leave by 3 %."""


class ParetoNBD(LikelihoodModel):
    """Pareto/NBD model of repeat buying (Schmittlein, Morrison and Colombo 1987).

    Parameters
    ----------
    confidence : float
        Level of the intervals of the parameters.

    Attributes
    ----------
    r_, alpha_ : float
        Shape and rate, in weeks, of the gamma distribution of how often customers buy.
    s_, beta_ : float
        Shape and rate, in weeks, of the gamma distribution of how soon they leave.
    parameters_, standard_errors_, log_likelihood_, covariance_, n_customers_, notes_
        See `LikelihoodModel`. Where customers do not differ in how often they buy, or in how soon
        they leave, r or s runs to infinity; it is held at 10,000 or 1,000, and the notes say so.

    Notes
    -----
    Against the BG/NBD model a customer may leave at any time, not only after a purchase. Checked
    on the CDNOW sample against lifetimes 0.11.3 and the estimates BTYD's authors print.
    """

    parameter_names: ClassVar[tuple[str, ...]] = ("r", "alpha", "s", "beta")

    r_: float
    alpha_: float
    s_: float
    beta_: float

    def fit(self, summary: PurchaseSummary | pd.DataFrame) -> Self:
        """Estimate the parameters.

        Parameters
        ----------
        summary : PurchaseSummary, or DataFrame with columns frequency, recency and T

        Returns
        -------
        ParetoNBD

        Raises
        ------
        InputError
            When nobody or fewer than 10 bought again, there is one customer only, or the data do
            not determine the parameters, as when nobody has left.
        """
        frequency, recency, T = counts_of(summary)
        refuse_too_little(frequency, "Pareto/NBD")
        found, _ = histories(frequency, recency, T)
        start = {
            "r": 0.5,
            "alpha": 0.5 * T.sum() / frequency.sum(),
            "s": 0.5,
            "beta": T.mean(),
        }
        best = maximize(
            lambda parameters: summed_log_likelihood(parameters, found),
            start,
            model="Pareto/NBD",
            about=ABOUT,
            ceilings=CEILINGS,
        )
        return self.keep(best, len(frequency), ABOUT)

    def probability_alive(self, summary: PurchaseSummary | pd.DataFrame) -> Array:
        """Probability that each customer is still there at the end of its observation.

        Parameters
        ----------
        summary : PurchaseSummary, or DataFrame with columns frequency, recency and T

        Returns
        -------
        ndarray, shape (customers,)
        """
        return pareto_nbd_probability_alive(self.estimates(), *counts_of(summary))

    def expected_purchases(
        self, summary: PurchaseSummary | pd.DataFrame, weeks: ArrayLike
    ) -> Array:
        """Purchases expected of each customer in the next weeks.

        Parameters
        ----------
        summary : PurchaseSummary, or DataFrame with columns frequency, recency and T
        weeks : float or array_like, shape (k,)
            Weeks to look ahead, from the end of observation.

        Returns
        -------
        ndarray, shape (customers,) or (customers, k)

        Notes
        -----
        ``P(alive) (r+x)/(α+T) ((β+T)/(s-1)) (1 - ((β+T)/(β+T+weeks))^(s-1))``, Fader and Hardie
        (2005), equation 41, written so that s = 1 is no exception.
        """
        parameters = self.estimates()
        x, recency, T = counts_of(summary)
        r, alpha, s, beta = parameters
        alive = pareto_nbd_probability_alive(parameters, x, recency, T)
        (ends,), _, inverse = distinct_rows(T)
        ahead = weeks_there(s, beta + ends[:, None], np.atleast_1d(checked_weeks(weeks)))[inverse]
        ahead *= (alive * (r + x) / (alpha + T))[:, None]
        return ahead if np.ndim(weeks) else ahead[:, 0]

    def expected_new(self, weeks: ArrayLike) -> Array:
        """Repeat purchases expected of a new customer in the weeks after its first purchase.

        Parameters
        ----------
        weeks : array_like, shape (...)

        Returns
        -------
        ndarray, shape (...)

        Notes
        -----
        Fader and Hardie (2005), equation 27.
        """
        r, alpha, s, beta = self.estimates()
        return r / alpha * weeks_there(s, beta, checked_weeks(weeks))

    def draw_purchases(
        self,
        table: PurchaseSummary | pd.DataFrame,
        week_edges: ArrayLike,
        random: np.random.Generator,
        parameters: Array,
    ) -> Codes:
        """Draw each customer's purchases to come once, with given parameters.

        Parameters
        ----------
        table : PurchaseSummary, or DataFrame with columns frequency, recency and T
        week_edges : array_like, shape (k + 1,)
            Weeks from the end of observation between which to count, ascending.
        random : numpy Generator
        parameters : ndarray, shape (4,)
            r, alpha, s, beta: `estimates`, or a row of `parameter_draws`.

        Returns
        -------
        ndarray of int, shape (customers, k)

        Notes
        -----
        Of a customer still there at T, λ is gamma(r + x, α + T) and μ gamma(s, β + T),
        independent of each other; of others nothing is to come.
        """
        x, recency, T = counts_of(table)
        r, alpha, s, beta = parameters
        edges = np.asarray(week_edges, dtype=float)
        if edges.ndim != 1 or len(edges) < 2 or edges[0] < 0 or (np.diff(edges) <= 0).any():
            raise InputError("week_edges must be two or more rising numbers of weeks from 0 on.")
        alive = pareto_nbd_probability_alive(parameters, x, recency, T)
        counts = np.zeros((len(x), len(edges) - 1), dtype=np.int64)
        there = np.flatnonzero(random.random(len(x)) < alive)
        rate = random.standard_gamma(r + x[there]) / (alpha + T[there])
        # Exponential with a gamma rate: the time until the customer leaves is a Pareto's.
        growth = np.minimum(random.standard_exponential(len(there)) / s, 700.0)
        leaves = (beta + T[there]) * np.expm1(growth)
        time = np.diff(np.minimum(edges, leaves[:, None]), axis=1)
        counts[there] = random.poisson(rate[:, None] * time)
        return counts


def weeks_there(s: float, beta: Any, weeks: Array) -> Array:
    """Weeks a customer who is there now is expected to be there of the next ones.

    ``β/(s-1) (1 - (β/(β+weeks))^(s-1))``, and ``β log(1 + weeks/β)`` at s = 1.
    """
    growth = np.log1p(weeks / beta)
    return np.asarray(beta * growth * exprel(-(s - 1) * growth))


def pareto_nbd_probability_alive(
    parameters: Array, frequency: Array, recency: Array, T: Array
) -> Array:
    """Probability that each customer is still there at T.

    Parameters
    ----------
    parameters : ndarray, shape (4,)
        r, alpha, s, beta.
    frequency, recency, T : ndarray, shape (n,)

    Returns
    -------
    ndarray, shape (n,)

    Notes
    -----
    ``(1+T/α)^-(r+x) (1+T/β)^-s`` over the sum of the two integrals of the likelihood. Fader and
    Hardie (2005), section 5.1.
    """
    r, alpha, s, beta = parameters
    found, inverse = histories(frequency, recency, T)
    parts = next_events(parameters, found)
    x, ends = found.seen
    there = -(r + x) * np.log1p(ends / alpha) - s * np.log1p(ends / beta)
    probability = np.exp(there[found.of_seen] - np.logaddexp(parts.leaves, parts.buys))
    return np.asarray(np.minimum(probability, 1.0)[inverse])
