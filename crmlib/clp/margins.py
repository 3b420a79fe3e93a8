"""Margins of customers and profit besides their sales, the uncertain drawn towards that of all.

A customer's own margin, profit of the sales over revenue, says much where its revenue is large and
little where it is small. Bühlmann and Straub's (1970) credibility weighs it with that of all
customers. Profit besides the sales, such as what serving a customer costs, does not grow with
revenue: an order of 100 is delivered like one of 10,000. It is taken per purchase, and weighed by
the number of purchases.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import optimize

from crmlib.clp.discounting import Array
from crmlib.clp.purchases import PurchaseSummary
from crmlib.clp.similar import spread
from crmlib.columns import column_of, numbers_of, rows_named
from crmlib.errors import InputError

GRID = 13
"""Exposures at which the likelihood is looked at before the best is searched nearby."""

EQUAL = 1e-9
"""Rates that differ by less are the same but for rounding."""

ENOUGH = 50_000
"""Customers the constant is estimated from, evenly spread over all: more would not change it."""

DEGREES = 4.0
"""Degrees of freedom of Student's t, whose long tails leave single odd customers little weight."""

STEPS = 20
"""Rounds in which base and variance of Student's t settle."""


@dataclass(frozen=True)
class CredibleMargins:
    """Margin and profit besides the sales of each customer, and what they rest on.

    Attributes
    ----------
    table : DataFrame
        customer_id; margin (profit of the sales over revenue, may be below 0), credibility
        (weight of the own margin, 0 to 1), own_margin; other_per_purchase (profit besides the
        sales), other_credibility, own_other_per_purchase.
    base_margin, base_other : float
        Margin, and profit besides the sales a purchase, towards which the others are drawn.
    half_credible_at, half_credible_purchases : float
        Revenue and purchases at which a customer's own figure weighs one half; infinite where
        customers differ by no more than chance would have it.
    """

    table: pd.DataFrame
    base_margin: float
    half_credible_at: float
    base_other: float
    half_credible_purchases: float


def credible_margin(summary: PurchaseSummary | pd.DataFrame) -> CredibleMargins:
    """Margin and other profit of each customer by Bühlmann and Straub's credibility.

    Parameters
    ----------
    summary : PurchaseSummary, or DataFrame with columns customer_id, revenue and profit
        Where there is other_profit, the part of the profit besides the sales, purchases too.

    Returns
    -------
    CredibleMargins

    Raises
    ------
    InputError
        When a customer has no revenue above 0.

    Notes
    -----
    With w the exposure and X the rate of a customer, its credible rate is ``Z X + (1 - Z) m``,
    ``Z = w / (w + K)``, ``m = sum(Z X) / sum(Z)``. Of the margin, w is the revenue and
    ``X = (profit - other_profit) / revenue``; of the other profit, w is the number of purchases
    and ``X = other_profit / purchases``. Margins times revenues and other profit times purchases
    add up to the profit of all.

    K, the variance of a unit of exposure over that between customers, is classically estimated
    from several years of each; there is one sum a customer here, so that it is found by maximum
    likelihood from how the spread of X falls with w: X is taken as distributed about m with a
    squared scale in proportion to 1/K + 1/w. The distribution is Student's t with 4 degrees of
    freedom, which a few wild customers cannot lead astray (Lange, Little and Taylor 1989); with
    normal X it finds the same K. Only where half of the customers have one and the same X it is
    the normal.

    References
    ----------
    Bühlmann, H. and Straub, E. (1970). Glaubwürdigkeit für Schadensätze. Mitteilungen der
    Vereinigung schweizerischer Versicherungsmathematiker 70, 111-133.

    Lange, K. L., Little, R. J. A. and Taylor, J. M. G. (1989). Robust statistical modeling using
    the t distribution. Journal of the American Statistical Association 84, 881-896.
    """
    data = summary.table if isinstance(summary, PurchaseSummary) else summary
    revenue = numbers_of(data, "revenue", "revenue, in money")
    profit = numbers_of(data, "profit", "profit, in money")
    wrong = np.flatnonzero(~((revenue > 0) & np.isfinite(revenue) & np.isfinite(profit)))
    if len(wrong):
        raise InputError(
            "Margins: revenue must be above 0 and profit a number; "
            f"{rows_named(data, wrong)}. Take these customers out."
        )
    other, purchases = np.zeros(len(data)), np.ones(len(data))
    if "other_profit" in data:
        other = numbers_of(data, "other_profit", "profit besides the sales, in money")
        purchases = numbers_of(data, "purchases", "number of purchases")
    own_margin, own_other = (profit - other) / revenue, other / purchases
    of_margin, base_margin, half_margin = credible(revenue, own_margin)
    of_other, base_other, half_other = credible(purchases, own_other)
    table = pd.DataFrame(
        {
            "customer_id": column_of(data, "customer_id").array,
            "margin": of_margin * own_margin + (1 - of_margin) * base_margin,
            "credibility": of_margin,
            "own_margin": own_margin,
            "other_per_purchase": of_other * own_other + (1 - of_other) * base_other,
            "other_credibility": of_other,
            "own_other_per_purchase": own_other,
        }
    )
    return CredibleMargins(table, base_margin, half_margin, base_other, half_other)


def credible(exposure: Array, rate: Array) -> tuple[Array, float, float]:
    """Credibility of each customer's own rate, the rate of all, and K."""
    half = half_credible_exposure(exposure, rate)
    return *credibility_of(exposure, rate, half), half


def credibility_of(exposure: Array, rate: Array, half: float) -> tuple[Array, float]:
    """Credibility of each customer's own rate, and the rate of all.

    Parameters
    ----------
    exposure, rate : ndarray, shape (n,)
    half : float
        Exposure at which the credibility is one half, above 0; may be infinite.

    Returns
    -------
    credibility : ndarray, shape (n,)
    base : float
    """
    if np.isinf(half):
        return np.zeros(len(exposure)), float(exposure @ rate / exposure.sum())
    credibility = exposure / (exposure + half)
    return credibility, float(credibility @ rate / credibility.sum())


def half_credible_exposure(exposure: Array, rate: Array) -> float:
    """Exposure at which a customer's own rate weighs one half: the most likely one.

    Infinite where the likelihood goes on rising: no customer's rate then differs from that of
    all by more than its exposure would have it. So it is with a single customer, or one rate.
    """
    if np.ptp(rate) < EQUAL:
        return np.inf
    some = spread(np.arange(len(rate)), ENOUGH)
    w, X = exposure[some], rate[some]
    degrees = DEGREES if np.median(np.abs(X - np.median(X))) > EQUAL else np.inf
    low, high = np.log(w.min()) - 5, np.log(w.max()) + 5

    def cost(log_half: float) -> float:
        return -log_likelihood(np.exp(log_half), w, X, degrees)

    grid = np.linspace(low, high, GRID)
    best = int(np.argmin([cost(point) for point in grid]))
    if best == GRID - 1:
        return np.inf
    around = (grid[max(best - 1, 0)], grid[best + 1])
    found = optimize.minimize_scalar(cost, bounds=around, method="bounded", options={"xatol": 1e-3})
    return float(np.exp(found.x))


def log_likelihood(half: float, exposure: Array, rate: Array, degrees: float) -> float:
    """Log-likelihood of the rates but for a constant, at its highest over base and variance.

    Parameters
    ----------
    half : float
    exposure, rate : ndarray, shape (n,)
    degrees : float
        Of Student's t; infinite for the normal distribution.

    Returns
    -------
    float
    """
    credibility, n = exposure / (exposure + half), len(exposure)
    weight = np.ones(n)
    for _ in range(1 if np.isinf(degrees) else STEPS):
        base = (weight * credibility) @ rate / (weight @ credibility)
        squares = credibility * (rate - base) ** 2
        variance = np.mean(weight * squares)
        if np.isfinite(degrees):
            weight = (degrees + 1) / (degrees + squares / variance)
    fixed = (np.log(credibility).sum() - n * np.log(variance)) / 2
    if np.isinf(degrees):
        return float(fixed)
    return float(fixed - (degrees + 1) / 2 * np.log1p(squares / (degrees * variance)).sum())
