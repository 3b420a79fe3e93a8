"""What losing customers costs: the course's formulas, break-even, and the loss of a bad year."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from scipy.optimize import brentq

from crmlib.clp.discounting import Array, When, check_confidence, check_share, discount_factors
from crmlib.errors import InputError

LARGEST = 2000
"""Customers drawn one by one in `value_at_risk`; the many small ones beside them as a sum."""

CELLS = 2_000_000
"""Random numbers held at a time."""


def churn_loss(
    cost_to_date: ArrayLike, lifetime_value: ArrayLike, realised_value: ArrayLike
) -> float | Array:
    """Loss when a customer leaves, as the course counts it.

    ``V_l = C_t + (V_k - V_t)``: what was spent on the customer, and what it would still have
    brought.

    Parameters
    ----------
    cost_to_date : array_like
        C_t, money spent to win the customer and keep it until it left at time t.
    lifetime_value : array_like
        V_k, value of the whole relationship had it stayed: what came and what was to come.
    realised_value : array_like
        V_t, the part of V_k that came until t.

    Returns
    -------
    float or ndarray
        V_l; a number where all three are numbers.

    Raises
    ------
    InputError
        When a cost is below zero or something is missing.

    Notes
    -----
    C_t is spent whether the customer goes or stays. It belongs in the account of what winning
    and losing a customer cost, and not in a decision on what to pay for keeping one: that may
    cost at most V_k - V_t. Both V must be of one kind, before or after the cost of serving.
    """
    spent, whole, came = (
        np.asarray(value, dtype=float) for value in (cost_to_date, lifetime_value, realised_value)
    )
    if not all(np.isfinite(value).all() for value in (spent, whole, came)):
        raise InputError("The churn loss needs cost, lifetime value and realised value of each.")
    if (spent < 0).any():
        raise InputError("cost_to_date is money spent: write it as a number of 0 or more.")
    loss = spent + (whole - came)
    return float(loss) if loss.ndim == 0 else loss


def churn_loss_of_group(customers: float, loss_rate: float, lifetime_value: float) -> float:
    """Loss from a group of customers in a period: ``N r V_k``.

    Parameters
    ----------
    customers : float
        N, customers at the beginning of the period.
    loss_rate : float
        r, share of them lost in the period, a fraction.
    lifetime_value : float
        V_k, mean value still to come of a customer that stays.

    Returns
    -------
    float

    Raises
    ------
    InputError
        When the share is not a fraction or there are fewer than no customers.

    Notes
    -----
    The formula takes those lost to be worth as much as the others. Where the small ones leave it
    is too high, and ``sum p_i v_i`` over the customers, as `value_at_risk` has it, is right.
    """
    check_share(loss_rate, "loss_rate")
    if not customers >= 0:
        raise InputError(f"customers={customers:g}: write their number, 0 or more.")
    return float(customers * loss_rate * lifetime_value)


def retained_value(
    retention: ArrayLike, profit: ArrayLike, rate: float, *, periods: int, when: When = "end"
) -> float:
    """Present value of one customer that stays from period to period with some probability.

    ``sum over k = 1 ... n of S_k m_k / (1 + rate)^k`` with ``S_1 = 1`` and
    ``S_(k+1) = S_k r_k``; with ``when="start"`` the exponent is k - 1.

    Parameters
    ----------
    retention : array_like
        r, probability that a customer of one period is one in the next: one number, or one for
        each step, ``periods - 1`` or more.
    profit : array_like
        m, profit of a period from a customer that is still there: one number, or one for each
        of the ``periods``.
    rate : float
        Discount rate per period, a fraction.
    periods : int
        Periods to look ahead, n; the first is one in which the customer surely is there.
    when : {"end", "start"}
        Whether profit comes at the end or the start of a period.

    Returns
    -------
    float

    Raises
    ------
    InputError
        When a number is not of its kind, or there are too few of them.
    """
    if periods < 1:
        raise InputError(f"periods={periods}: look ahead at least one period.")
    kept = each(retention, periods - 1, "retention")
    for value in np.unique(kept):
        check_share(float(value), "retention")
    survival = np.cumprod(np.concatenate([[1.0], kept]))
    flows = survival * each(profit, periods, "profit")
    return float(flows @ discount_factors(rate, periods, when))


def each(values: ArrayLike, length: int, name: str) -> Array:
    """One number for every period: the same, or the first of those given."""
    numbers = np.asarray(values, dtype=float)
    if not np.isfinite(numbers).all():
        raise InputError(f"{name}: a number is missing.")
    if numbers.ndim == 0:
        return np.full(length, float(numbers))
    if numbers.ndim > 1 or len(numbers) < length:
        raise InputError(f"{name}: give one number, or {length} of them, one a period.")
    return numbers[:length]


def break_even_retention(value: Callable[[float], float], cost: float) -> float:
    """Retention from which on a customer is worth its cost.

    Parameters
    ----------
    value : function
        Value of the customer by retention, a fraction from 0 to 1: for a constant retention
        ``lambda r: retained_value(r, profit, rate, periods=periods)``.
    cost : float
        Money that is to come back: that of winning the customer, or of a programme.

    Returns
    -------
    float
        The retention above which the value always covers the cost: 0 where it does so at any
        retention, NaN where it does not even when everybody stays.

    Notes
    -----
    Where late profits are losses the value may fall with retention and meet the cost more than
    once; the answer is the last of these points. Points less than 0.001 apart can be missed.
    """
    grid = np.linspace(0.0, 1.0, 1001)
    above = np.array([value(float(r)) - cost for r in grid])
    short = np.flatnonzero(above < 0)
    if not len(short):
        return 0.0
    if short[-1] == len(grid) - 1:
        return np.nan
    low, high = grid[short[-1]], grid[short[-1] + 1]
    return float(brentq(lambda r: value(r) - cost, low, high, xtol=1e-12))


@dataclass(frozen=True)
class ValueAtRisk:
    """What leaves with the customers that leave, as a distribution.

    Attributes
    ----------
    table : DataFrame
        One row: customers, value (of all), expected_loss (exact: sum of p v),
        standard_deviation (exact), exceeded_loss (what the loss exceeds with probability
        ``level``) with exceeded_low and exceeded_high (what chance in the drawing leaves open),
        expected_share and exceeded_share (of the value).
    losses : ndarray, shape (draws,)
        Loss of every draw, sorted.
    level : float
    """

    table: pd.DataFrame
    losses: Array
    level: float


def value_at_risk(
    lifetime_profits: ArrayLike,
    probabilities: ArrayLike,
    *,
    level: float = 0.05,
    draws: int = 10_000,
    confidence: float = 0.95,
    seed: int,
) -> ValueAtRisk:
    """Distribution of the value lost when customers leave, each with its own probability.

    Parameters
    ----------
    lifetime_profits : array_like, shape (customers,)
        Value still to come of each customer if it stays.
    probabilities : array_like, shape (customers,)
        Of leaving.
    level : float
        Probability with which the loss is to be exceeded: 0.05 for the one in twenty.
    draws : int
    confidence : float
        Level of the interval of the drawing.
    seed : int

    Returns
    -------
    ValueAtRisk

    Raises
    ------
    InputError
        When the two differ in length, something is missing, or a number is not a fraction.

    Notes
    -----
    Customers leave independently of one another. A cause that drives out many at once, such as a
    new competitor, makes bad years worse than this. Beyond the 2,000 customers with the largest
    ``v sqrt(p (1 - p))`` the sum of the many small ones is drawn from the normal distribution
    with its exact mean and variance.
    """
    value, leave = checked_risks(lifetime_profits, probabilities)
    check_share(level, "level")
    check_confidence(confidence)
    if draws < 100:
        raise InputError(f"draws={draws}: draw at least 100 times.")
    variance = value**2 * leave * (1 - leave)
    order = np.argsort(-variance, kind="stable")
    single, rest = order[:LARGEST], order[LARGEST:]
    random = np.random.default_rng(seed)
    losses = np.concatenate(
        [
            (random.random((size, len(single))) < leave[single]) @ value[single]
            for size in batches(draws, len(single))
        ]
    )
    small = float(value[rest] @ leave[rest])
    losses = np.sort(losses + small + np.sqrt(variance[rest].sum()) * random.standard_normal(draws))
    expected, total = float(value @ leave), float(value.sum())
    exceeded, low, high = upper_quantile(losses, level, confidence)
    share = 1 / total if total > 0 else np.nan
    table = pd.DataFrame(
        {
            "customers": [len(value)],
            "value": [total],
            "expected_loss": [expected],
            "standard_deviation": [float(np.sqrt(variance.sum()))],
            "exceeded_loss": [exceeded],
            "exceeded_low": [low],
            "exceeded_high": [high],
            "expected_share": [expected * share],
            "exceeded_share": [exceeded * share],
        }
    )
    return ValueAtRisk(table=table, losses=losses, level=level)


def checked_risks(lifetime_profits: ArrayLike, probabilities: ArrayLike) -> tuple[Array, Array]:
    """Values and probabilities as arrays of one length."""
    value = np.asarray(lifetime_profits, dtype=float)
    leave = np.asarray(probabilities, dtype=float)
    if value.ndim != 1 or value.shape != leave.shape or not len(value):
        raise InputError("Give one value and one probability of leaving for each customer.")
    if not (np.isfinite(value).all() and np.isfinite(leave).all()):
        raise InputError("A customer has no value, or no probability of leaving.")
    for extreme in (leave.max(), leave.min()):
        check_share(float(extreme), "probability of leaving")
    return value, leave


def batches(draws: int, width: int) -> NDArray[np.int64]:
    """Draws at a time, so that the random numbers fit into memory."""
    at_a_time = max(1, CELLS // max(width, 1))
    whole, rest = divmod(draws, at_a_time)
    return np.array([at_a_time] * whole + [rest] * (rest > 0), dtype=np.int64)


def upper_quantile(losses: Array, level: float, confidence: float) -> tuple[float, float, float]:
    """Loss that a share ``level`` of sorted draws exceeds, and its interval by order statistics."""
    n = len(losses)
    half = stats.norm.ppf(0.5 + confidence / 2) * np.sqrt(n * level * (1 - level))
    ranks = np.array([1 - level, 1 - level - half / n, 1 - level + half / n]) * n
    places = np.clip(np.ceil(ranks).astype(np.int64) - 1, 0, n - 1)
    estimate, low, high = losses[places]
    return float(estimate), float(low), float(high)


def value_concentration(lifetime_profits: ArrayLike) -> pd.DataFrame:
    """How much of the value few customers hold.

    Parameters
    ----------
    lifetime_profits : array_like, shape (customers,)

    Returns
    -------
    DataFrame
        largest ("1 customer", "10 customers", "10 % of the customers"), customers, value and
        value_share. The last row, "as many equal ones", has the number of customers of equal
        value whose leaving would vary as much: ``(sum v)^2 / sum v^2``.
    """
    value = np.sort(np.asarray(lifetime_profits, dtype=float))[::-1]
    total = value.sum()
    tenth = max(1, round(0.1 * len(value)))
    counts = {"1 customer": 1, "10 customers": 10, "10 % of the customers": tenth}
    sums = [value[:n].sum() for n in counts.values()]
    squares = (value**2).sum()
    equal = total**2 / squares if squares > 0 else np.nan
    return pd.DataFrame(
        {
            "largest": [*counts, "as many equal ones"],
            "customers": [*(min(n, len(value)) for n in counts.values()), equal],
            "value": [*sums, total],
            "value_share": [*(s / total if total > 0 else np.nan for s in sums), np.nan],
        }
    )
