"""How unevenly money is spread over customers: Gini, Lorenz curve and the share of the best.

The customers are taken as a sample of those the company could have had: intervals say how much
the number would differ among other customers like these. Losses are welcome everywhere.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from crmlib.columns import Array
from crmlib.errors import InputError
from crmlib.intervals import wilson_interval

HEAVIEST_TAIL = 0.6
"""Tail index above which a handful of customers may decide; from 0.5 on there is no variance."""

FEWEST_DEGREES = 30.0
"""Degrees of freedom below which they do, with such a tail."""

LEAST_ASIDE = 10
"""Customers that a point of the Lorenz curve needs on either side to have an interval."""

LEAST_RATIO = 3.0
"""Standard errors that a total must be above 0 for shares of it to have an interval."""


@dataclass(frozen=True)
class Estimate:
    """A number with its interval.

    Attributes
    ----------
    estimate, low, high : float
        NaN where the data cannot say.
    n : int
        Customers.
    tail : float
        `tail_index` of the money.
    degrees : float
        Degrees of freedom of the interval; NaN without one.
    """

    estimate: float
    low: float
    high: float
    n: int
    tail: float
    degrees: float

    @property
    def rests_on_few(self) -> bool:
        """Whether there is an interval, but a handful of customers decide it: it is too short."""
        return self.tail > HEAVIEST_TAIL and self.degrees < FEWEST_DEGREES


def tail_index(money: ArrayLike) -> float:
    """How heavy the tail of the largest amounts is, by Hill's estimate.

    Parameters
    ----------
    money : array_like, shape (n,)
        Gains and losses; their size counts.

    Returns
    -------
    float
        0.5 and more: the variance is infinite; 1 and more: so is the mean. Infinite where fewer
        than six customers bring anything, NaN for fewer than ten customers.

    Notes
    -----
    Mean of log(x / u) over the largest tenth of the customers, at least five, with u the largest
    amount after them (Hill 1975). Pareto's distribution with exponent a has the index 1 / a. In
    simulations it is above 0.6 for samples of 500 from a lognormal distribution with sigma 1 in
    2 %, with sigma 2 in all; from Pareto's with exponent 3 in none, with 1.2 in 98 %.
    """
    size = np.abs(np.asarray(money, dtype=float))
    if len(size) < 10:
        return float("nan")
    k = max(5, len(size) // 10)
    largest = np.sort(np.partition(size, len(size) - k - 1)[-k - 1 :])
    threshold = largest[0] if largest[0] > 0 else largest[largest > 0].min(initial=np.inf)
    above = largest[1:][largest[1:] >= threshold]
    return float(np.log(above / threshold).mean()) if len(above) >= 5 else float("inf")


def gini(money: ArrayLike) -> float:
    """Gini coefficient: 0 when all customers bring the same, near 1 when one brings all.

    Parameters
    ----------
    money : array_like, shape (n,)
        What each customer brings; losses below zero.

    Returns
    -------
    float
        NaN for fewer than two customers, or when nobody brings anything.

    Notes
    -----
    With x sorted and d the mean absolute value,

        G = sum over i of (2i - n - 1) x_i / (n (n - 1) d)

    Without losses d is the mean and this is the usual coefficient times n / (n - 1), which takes
    away most of its bias (Davidson 2009). With losses the usual one, divided by the mean, can be
    above 1 or below 0; divided by the mean absolute value it stays within 0 and 1, and is 1 when
    one customer makes all the profit and another all the loss (Raffinetti, Siletti and Vernizzi
    2015). Checked against that definition summed over all pairs.

    References
    ----------
    Davidson, R. (2009). Reliable inference for the Gini index. Journal of Econometrics 150, 30-40.
    Raffinetti, E., Siletti, E. and Vernizzi, A. (2015). On the Gini coefficient normalization
    when attributes with negative values are considered. Statistical Methods & Applications 24,
    507-521.
    """
    ordered = _ascending(money)
    n = len(ordered)
    magnitude = np.abs(ordered).sum()
    if n < 2 or magnitude == 0:
        return float("nan")
    ranks = 2 * np.arange(1, n + 1) - n - 1
    return float(max(ranks @ ordered, 0.0) / ((n - 1) * magnitude))


def gini_interval(money: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Gini coefficient with its interval.

    Parameters
    ----------
    money : array_like, shape (n,)
    confidence : float

    Returns
    -------
    Estimate
        No interval for fewer than ten customers.

    Notes
    -----
    The variance is that of the influence each customer has on the coefficient (Davidson 2009,
    here for the mean absolute value as divisor):

        influence(x) = (mean |x - X| - D) / d - G (|x| - d) / d,    D = mean |X - X'|

    with Student's t in place of the normal distribution, its degrees of freedom from how much
    the variance itself varies: 2n / (kurtosis of the influence - 1). In simulations intervals of
    95 % held the true value in 94 to 95 % of samples from an exponential distribution of 100
    customers on; from a lognormal one with sigma 1 in 91 % with 100 customers, 94 % with 500;
    with sigma 1.5 in 85 % with 100, 92 % with 500; with sigma 2 in 86 % with 500. With a tail as
    heavy as Pareto's with exponent 1.2, which has no variance, they held it in 50 to 65 %,
    however many customers. `Estimate.rests_on_few` warned of 99 % of these samples of 500, and
    of 98 % of those with sigma 2, 2 % with sigma 1, and 24 % from the example's companies, whose
    intervals held the true value in 95 %.
    """
    x = _ascending(money)
    n, estimate = len(x), gini(x)
    if n < 10 or not np.isfinite(estimate):
        return Estimate(estimate, np.nan, np.nan, n, tail_index(x), np.nan)
    divisor = np.abs(x).mean()
    sums = np.cumsum(x)
    distance = ((2 * np.arange(1, n + 1) - n) * x + sums[-1] - 2 * sums) / n
    influence = (distance - estimate * np.abs(x)) / divisor
    low, high, degrees = student_interval(estimate, influence, confidence)
    return Estimate(estimate, max(low, 0.0), min(high, 1.0), n, tail_index(x), degrees)


def share_of_best(money: ArrayLike, best: float = 0.2, confidence: float = 0.95) -> Estimate:
    """Share of all money that the best of the customers bring: the 80/20 check.

    Parameters
    ----------
    money : array_like, shape (n,)
    best : float
        Which part of the customers: 0.2 for the best fifth. Where it is not a whole number of
        customers, the last one counts in part.
    confidence : float

    Returns
    -------
    Estimate
        Above 1 when the others together bring a loss. NaN when all together do, or bring nothing;
        without interval when their total is not clearly above zero, or for fewer than ten
        customers.

    Notes
    -----
    One less the Lorenz curve at 1 - best. Its variance is that of each customer's influence,
    ``((x - q)⁺ - share x) / mean`` with q the smallest among the best. In simulations intervals of
    95 % held the true value in 91 to 95 % of samples of 100 to 3,000 customers from lognormal
    distributions with sigma up to 1, in 90 % with sigma 2 and 500 customers; see
    `gini_interval` for heavier tails.

    Where about as many customers as are asked for bring anything at all, their number decides,
    which this variance does not know of: they may be fewer, and bring everything, or more. The
    ends are therefore at least as far apart as the shares would be if the customers above zero
    were the lowest or highest part of all that Wilson's interval allows, and there are no more
    degrees of freedom than customers who bring something. Of 100 customers, 22 % of whom bring an
    exponential amount, intervals of 95 % then held the true value in 96 % of samples; of 15 to
    50 % in 93 to 100 %.
    """
    check_fraction(best, "best")
    x = _ascending(money)
    n = len(x)
    if n == 0 or x.sum() <= 0:
        return Estimate(np.nan, np.nan, np.nan, n, tail_index(x), np.nan)
    estimate = 1 - float(lorenz_curve(x, np.array([1 - best]))[0])
    if n < 10 or not total_is_clear(x):
        return Estimate(estimate, np.nan, np.nan, n, tail_index(x), np.nan)
    smallest = x[_place(n, 1 - best)]
    influence = (np.maximum(x - smallest, 0) - estimate * x) / x.mean()
    low, high, degrees = student_interval(
        estimate, influence, confidence, most_degrees=np.count_nonzero(x) - 1.0
    )
    for curve in _curves_of_other_parts(x, np.array([1 - best]), confidence):
        low, high = np.fmin(low, 1 - curve[0]), np.fmax(high, 1 - curve[0])
    low, high = float(low), float(high if x[0] < 0 else min(high, 1.0))
    return Estimate(estimate, low, high, n, tail_index(x), degrees)


def lorenz_curve(money: ArrayLike, customers: Array) -> Array:
    """Share of all money that the poorest customers bring, straight between customers.

    Parameters
    ----------
    money : array_like, shape (n,)
    customers : ndarray, shape (k,)
        Shares of the customers, from 0 to 1.

    Returns
    -------
    ndarray, shape (k,)
        Below zero where the poorest bring a loss; NaN when the total is not above zero.
    """
    x = _ascending(money)
    if len(x) == 0 or x.sum() <= 0:
        return np.full(len(customers), np.nan)
    sums = np.concatenate([[0.0], np.cumsum(x)])
    return np.asarray(np.interp(customers * len(x), np.arange(len(x) + 1), sums / sums[-1]))


def _curves_of_other_parts(x: Array, customers: Array, confidence: float) -> list[Array]:
    """Lorenz curves if the part of the customers above zero were at either end of its interval.

    Around the point where this part ends the curve has a corner, which no variance knows of.
    """
    n, above = len(x), int(np.count_nonzero(x > 0))
    if not 0 < above < n:
        return []
    z = float(stats.norm.isf((1 - confidence) / 2))
    curves = []
    for part in wilson_interval(above / n, n, z):
        weights = np.repeat([(1 - part) / (n - above), part / above], [n - above, above])
        sums = np.concatenate([[0.0], np.cumsum(weights * x)])
        if sums[-1] > 0:
            places = np.concatenate([[0.0], np.cumsum(weights)])
            curves.append(np.asarray(np.interp(customers, places, sums / sums[-1])))
    return curves


def lorenz_band(
    money: ArrayLike, customers: Array, confidence: float = 0.95
) -> tuple[Array, Array]:
    """Lower and upper end of the Lorenz curve, each point by itself.

    Parameters
    ----------
    money : array_like, shape (n,)
    customers : ndarray, shape (k,)
    confidence : float

    Returns
    -------
    low, high : ndarray, shape (k,)
        NaN where `share_of_best` would give no interval, and at points with fewer than ten
        customers on either side.

    Notes
    -----
    Variance of the influence ``-((q - x)⁺ + L x) / mean``, from running sums of the powers of x,
    so that a million customers take one pass (Beach and Davidson 1983); Student's t with degrees
    of freedom as by `gini_interval`, and ends no nearer than by `share_of_best` where the
    customers above zero may be more or fewer.
    """
    x = _ascending(money)
    n, curve = len(x), lorenz_curve(x, customers)
    if n < 10 or not total_is_clear(x):
        return np.full(len(customers), np.nan), np.full(len(customers), np.nan)
    low, high = curve.copy(), curve.copy()
    inner = np.flatnonzero((customers > 0) & (customers < 1))
    arm = _arms(x / x.mean(), curve[inner], customers[inner], confidence)
    low[inner], high[inner] = curve[inner] - arm, curve[inner] + arm
    for other in _curves_of_other_parts(x, customers, confidence):
        low[inner] = np.fmin(low[inner], other[inner])
        high[inner] = np.fmax(high[inner], other[inner])
    aside = np.minimum(customers, 1 - customers) * n
    few = inner[aside[inner] < LEAST_ASIDE - 1e-9]
    low[few] = high[few] = np.nan
    return low, high


def _arms(x: Array, curve: Array, customers: Array, confidence: float) -> Array:
    """Half the width of the interval at points of the Lorenz curve of money with mean 1.

    The influence is a straight line in x below q, ``(1 - L) x - q``, and another above, ``-L x``;
    its moments about its mean, ``L - p q`` less what is below, come from sums of powers of x.
    """
    n = len(x)
    k = np.array([_place(n, share) for share in customers])
    sums = [np.concatenate([[0.0], np.cumsum(x**power)]) for power in range(5)]
    below = [s[k] for s in sums]
    above = [s[-1] - s[k] for s in sums]
    middle = ((1 - curve) * below[1] - k * x[k] - curve * above[1]) / n
    second, fourth = (
        (_moment(1 - curve, -x[k] - middle, below, power) + _moment(-curve, -middle, above, power))
        / n
        for power in (2, 4)
    )
    most = max(float(np.count_nonzero(x)) - 1, 1.0)
    return _student_arm(np.maximum(second, 0.0), fourth, n, most, confidence)[0]


def _moment(slope: Array, start: Array, sums: list[Array], power: int) -> Array:
    """Sum of ``(slope x + start)`` to a power, from sums of the powers of x."""
    terms = (
        math.comb(power, j) * slope**j * start ** (power - j) * sums[j] for j in range(power + 1)
    )
    return np.asarray(sum(terms))


def total_is_clear(money: Array) -> bool:
    """Whether a total is far enough above zero for shares of it to mean anything.

    Without losses it always is.
    """
    if money.min() >= 0:
        return bool(money.max() > 0)
    error = money.std(ddof=1) / np.sqrt(len(money))
    return bool(money.mean() > 0 and money.mean() >= LEAST_RATIO * error)


def student_interval(
    estimate: float, influence: Array, confidence: float, most_degrees: float = np.inf
) -> tuple[float, float, float]:
    """Ends of Student's interval from the influence of every customer, and its degrees."""
    n = len(influence)
    most = max(min(n - 1.0, most_degrees), 1.0)
    deviation = influence - influence.mean()
    second, fourth = np.mean(deviation**2, keepdims=True), np.mean(deviation**4, keepdims=True)
    arm, degrees = _student_arm(second, fourth, n, most, confidence)
    return float(estimate - arm[0]), float(estimate + arm[0]), float(degrees[0])


def _student_arm(
    second: Array, fourth: Array, n: int, most: float, confidence: float
) -> tuple[Array, Array]:
    """Half the width of Student's interval, from moments of the influence, and its degrees.

    The variance of an estimated variance is ``(kurtosis - 1) / n`` of its square, which is that
    of a chi-square with 2n / (kurtosis - 1) degrees of freedom, ``most`` of them at most.
    """
    varies = second > 1e-24
    with np.errstate(invalid="ignore", divide="ignore"):
        kurtosis = np.where(varies, fourth / second**2, 1.0)
    degrees = np.clip(2 * n / np.maximum(kurtosis - 1, 1e-9), 1.0, most)
    arm = stats.t.isf((1 - confidence) / 2, degrees) * np.sqrt(second / (n - 1))
    return np.asarray(np.where(varies, arm, 0.0)), np.asarray(degrees)


def check_fraction(value: float, name: str) -> None:
    """Refuse what is not a fraction between 0 and 1."""
    if not 0 < value < 1:
        hint = f" Did you mean {value / 100:g}?" if 1 < value < 100 else ""
        raise InputError(f"{name}={value:g} is not a fraction between 0 and 1.{hint}")


def _place(n: int, share: float) -> int:
    """Position of the customer that a share of the sorted customers ends with."""
    return min(max(int(np.ceil(share * n - 1e-9)) - 1, 0), n - 1)


def _ascending(money: ArrayLike) -> Array:
    """Sorted, where that is not so already."""
    values = np.asarray(money, dtype=float)
    return values if (values[1:] >= values[:-1]).all() else np.sort(values)
