"""Lifetime profit from fitted life cycles."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from crmlib.clp.candidates import PHASE, POINTS_AFTER_TURN
from crmlib.clp.discounting import When, check_confidence, discount_factors
from crmlib.clp.fitting import CURVE, LifeCycleFit
from crmlib.clp.life_cycle import Array, life_cycle_curve, life_cycle_jacobian
from crmlib.errors import InputError

Stop = Literal["last_positive", "after_zero"] | int

CHUNK = 1024


@dataclass(frozen=True)
class LifetimeProfit:
    """Lifetime profit per customer and for the base.

    Attributes
    ----------
    customers : DataFrame
        customer_id, lifetime_profit with low and high (present value of the profit still to
        come), standard_error, at_low_retention and at_high_retention (lifetime_profit at the ends
        of the interval of the retention, where that is estimated), periods_counted, and
        basis: "own curve", "similar customers" (turning point and further growth learned from
        them), "level held" (still on P1 with no longer-lived customer to learn from), "left"
        (nothing to come) or "not enough history" (no value).
    total : DataFrame
        One row: customers (with a value), lifetime_profit, low, high,
        customers_without_value.
    rate, periods, when, retention, stop, confidence
        As given.
    """

    customers: pd.DataFrame
    total: pd.DataFrame
    rate: float
    periods: int
    when: When
    retention: float
    stop: Stop
    confidence: float


def lifetime_profit(
    fit: LifeCycleFit,
    *,
    rate: float,
    periods: int,
    when: When = "end",
    retention: float = 1.0,
    stop: Stop = "last_positive",
    confidence: float = 0.95,
) -> LifetimeProfit:
    """Present value of the profit each customer still brings, from its fitted life cycle.

    The curve is continued from the last period observed. Customers still on P1 go on along it
    to the turning point of each of their similar customers and from there on along P2 with that
    customer's N and tau; their value is the mean over these. Customers that have left have
    nothing to come. The textbook method knows no loss of customers other than a decline already
    begun: those on P2 stay there. ``retention`` below 1 allows for such losses on average.

    Parameters
    ----------
    fit : LifeCycleFit
    rate : float
        Discount rate per period, a fraction.
    periods : int
        Periods to look ahead.
    when : {"end", "start"}
        Whether profit comes at the end or the start of a period.
    retention : float
        Share of the profit kept from one period to the next beyond what the curves say: the k-th
        period counts ``retention^k``. 1 is the textbook's; `holdout_check` estimates it.
    stop : {"last_positive", "after_zero"} or int
        Where a declining customer's profits end: with the last positive one, after the first
        that is not positive (it still counts), or after this many periods.
    confidence : float
        Level of the intervals.

    Returns
    -------
    LifetimeProfit

    Raises
    ------
    InputError
        When an argument cannot be used.

    Notes
    -----
    The variance of a customer's value is ``g' C g + s^2 sum(w^2) + b``: g the derivatives of the
    value with respect to the parameters, C their covariance, s the residual standard deviation,
    w the discount factors and b the variance of the value over the similar customers. Intervals
    take Student's t with the curve's degrees of freedom; for the sum customers are taken as
    independent and the normal distribution is used. Neither covers a wrong choice of curve or
    customers lost without a decline.
    """
    check_arguments(periods, retention, stop, confidence)
    discount = discount_factors(rate, periods, when)
    weights = discount * retention ** np.arange(1.0, periods + 1)
    customers = fit.customers
    value = np.full(len(customers), np.nan)
    variance = np.full(len(customers), np.nan)
    counted = np.full(len(customers), periods)
    basis = forecast_basis(customers)

    for rows in chunks(np.flatnonzero((basis == "own curve") | (basis == "level held"))):
        value[rows], variance[rows], counted[rows] = from_own_curve(
            fit, rows, weights, discount, stop
        )
    for life in np.unique(customers["life"].to_numpy()[basis == "similar customers"]):
        learning = (basis == "similar customers") & (customers["life"].to_numpy() == life)
        for rows in chunks(np.flatnonzero(learning)):
            value[rows], variance[rows] = from_similar(fit, rows, int(life), weights)
    gone = basis == "left"
    value[gone], variance[gone], counted[gone] = 0.0, 0.0, 0
    counted[basis == "not enough history"] = 0
    table = with_intervals(fit, value, variance, confidence).assign(
        periods_counted=counted, basis=basis
    )
    return LifetimeProfit(
        customers=table,
        total=sum_of_values(table, confidence),
        rate=rate,
        periods=periods,
        when=when,
        retention=retention,
        stop=stop,
        confidence=confidence,
    )


def check_arguments(periods: int, retention: float, stop: Stop, confidence: float) -> None:
    """Refuse what would give a number without meaning."""
    if periods < 1:
        raise InputError(f"periods={periods}: look ahead at least one period.")
    if not 0 < retention <= 1:
        raise InputError(f"retention={retention:g}: write a fraction above 0 and at most 1.")
    if isinstance(stop, str) and stop not in ("last_positive", "after_zero"):
        raise InputError(f'stop="{stop}": write "last_positive", "after_zero" or a whole number.')
    if not isinstance(stop, str) and stop < 0:
        raise InputError(f"stop={stop}: a number of periods cannot be negative.")
    check_confidence(confidence)


def forecast_basis(customers: pd.DataFrame) -> NDArray[np.object_]:
    """What each customer's value rests on."""
    on_p1 = (customers["curve"].map(PHASE) == "formation").to_numpy()
    basis = np.full(len(customers), "own curve", dtype=object)
    basis[on_p1] = "similar customers"
    basis[on_p1 & (customers["similar"] == 0).to_numpy()] = "level held"
    basis[(customers["curve"] == "not enough history").to_numpy()] = "not enough history"
    basis[customers["left"].to_numpy(dtype=bool)] = "left"
    return basis


def chunks(rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Rows in parts small enough for memory."""
    return [rows[i : i + CHUNK] for i in range(0, len(rows), CHUNK)]


def from_own_curve(
    fit: LifeCycleFit, rows: NDArray[np.int64], weights: Array, discount: Array, stop: Stop
) -> tuple[Array, Array, NDArray[np.int64]]:
    """Value, variance and periods counted of customers with a curve of their own.

    A decline already shows the loss that retention allows for, so it is discounted only. The
    variance counts at least `POINTS_AFTER_TURN` periods: that a decline is over is not certain.
    """
    part = fit.customers.iloc[rows]
    p, t, profit = continue_own_curve(part, len(weights))
    declining = np.isfinite(p["g2"])
    jacobian = life_cycle_jacobian(t, p["h1"], p["N"], p["h2"], p["g1"], p["g2"], p["tau"])
    counts = counted_periods(profit, declining, stop)
    possible = np.maximum(counts, POINTS_AFTER_TURN)

    of_customer = np.where(declining[:, None], discount, weights)
    period = np.arange(len(weights))
    used = np.where(period < possible[:, None], of_customer, 0.0)
    gradient = np.einsum("ct,ctk->ck", used, jacobian)
    spread = np.einsum("cj,cjk,ck->c", gradient, fit.covariance[rows], gradient)
    noise = part["residual_sd"].to_numpy() ** 2 * (used**2).sum(axis=1)
    value = np.where(period < counts[:, None], of_customer * profit, 0.0).sum(axis=1)
    return value, spread + noise, counts


def continue_own_curve(part: pd.DataFrame, periods: int) -> tuple[dict[str, Array], Array, Array]:
    """Parameters of the customers' own curves, the next periods of their lives, and the profits.

    Without longer-lived customers to learn from, P1 is not continued: its level is held.
    """
    p = {name: part[name].to_numpy() for name in (*CURVE, "life")}
    p["g1"] = np.where((part["curve"] == "formation").to_numpy(), p["life"], p["g1"])
    t = p["life"][:, None] + np.arange(1.0, periods + 1)
    return p, t, life_cycle_curve(t, **{name: p[name][:, None] for name in CURVE})


def forecast_by_period(fit: LifeCycleFit, periods: int) -> tuple[Array, Array]:
    """Profit of the whole base in each of the next periods, not discounted.

    With the k-th period of the others times ``retention^k``, their sum is the total of
    `lifetime_profit` at rate 0, whatever the retention.

    Parameters
    ----------
    fit : LifeCycleFit
    periods : int

    Returns
    -------
    declining, others : ndarray, shape (periods,)
        Of customers whose curve has turned into decline, and of all others.
    """
    declining, others = np.zeros(periods), np.zeros(periods)
    basis = forecast_basis(fit.customers)
    for rows in chunks(np.flatnonzero((basis == "own curve") | (basis == "level held"))):
        p, _, profit = continue_own_curve(fit.customers.iloc[rows], periods)
        turned = np.isfinite(p["g2"])
        counts = counted_periods(profit, turned, "last_positive")
        counted = np.where(np.arange(periods) < counts[:, None], profit, 0.0)
        declining += counted[turned].sum(axis=0)
        others += counted[~turned].sum(axis=0)
    for rows in chunks(np.flatnonzero(basis == "similar customers")):
        life = fit.customers["life"].to_numpy()[rows, None]
        learned = fit.learned(rows, life + np.arange(1.0, periods + 1))
        others += np.nanmean(learned.profit, axis=1).sum(axis=0)
    return declining, others


def counted_periods(profit: Array, declining: NDArray[np.bool_], stop: Stop) -> NDArray[np.int64]:
    """Periods after which a declining customer's profits no longer count."""
    periods = profit.shape[1]
    if not isinstance(stop, str):
        return np.where(declining, min(stop, periods), periods)
    not_positive = profit <= 0
    positive = np.where(not_positive.any(axis=1), not_positive.argmax(axis=1), periods)
    if stop == "after_zero":
        positive = np.minimum(positive + 1, periods)
    return np.where(declining, positive, periods)


def from_similar(
    fit: LifeCycleFit, rows: NDArray[np.int64], life: int, weights: Array
) -> tuple[Array, Array]:
    """Value and variance of customers on P1, learning from their similar customers."""
    t = np.broadcast_to(life + np.arange(1.0, len(weights) + 1), (len(rows), len(weights)))
    learned = fit.learned(rows, t)
    values = learned.profit @ weights
    gradient = np.einsum("ctk,t->ck", learned.jacobian, weights)
    spread = np.einsum("cj,cjk,ck->c", gradient, fit.covariance[rows], gradient)
    noise = fit.customers["residual_sd"].to_numpy()[rows] ** 2 * (weights**2).sum()
    return np.nanmean(values, axis=1), spread + noise + learned.variance_between(values)


def with_intervals(
    fit: LifeCycleFit, value: Array, variance: Array, confidence: float
) -> pd.DataFrame:
    """Value of each customer with its interval."""
    degrees = np.maximum(fit.customers["degrees_of_freedom"].to_numpy(), 1)
    error = np.sqrt(variance)
    half = stats.t.ppf(0.5 + confidence / 2, degrees) * error
    return pd.DataFrame(
        {
            "customer_id": fit.customers["customer_id"],
            "lifetime_profit": value,
            "low": value - half,
            "high": value + half,
            "standard_error": error,
            "at_low_retention": value,
            "at_high_retention": value,
        }
    )


def sum_of_values(customers: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Value of all customers that have one, in one row; customers taken as independent."""
    known = customers["lifetime_profit"].notna()
    half = stats.norm.ppf(0.5 + confidence / 2) * np.sqrt((customers["standard_error"] ** 2).sum())
    return pd.DataFrame(
        {
            "customers": [int(known.sum())],
            "lifetime_profit": [customers["lifetime_profit"].sum(min_count=1)],
            "low": [customers["at_low_retention"].sum(min_count=1) - half],
            "high": [customers["at_high_retention"].sum(min_count=1) + half],
            "customers_without_value": [int((~known).sum())],
        }
    )
