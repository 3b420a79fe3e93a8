"""Margins of customers, the uncertain ones drawn towards that of all.

A customer's own margin, profit over revenue, says much where its revenue is large and little
where it is small. Bühlmann and Straub's (1970) credibility weighs it with that of all customers.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import optimize

from crmlib.clp.discounting import Array
from crmlib.clp.purchases import PurchaseSummary
from crmlib.columns import column_of, numbers_of, rows_named
from crmlib.errors import InputError

GRID = 13
"""Revenues at which the likelihood is looked at before the best is searched nearby."""

EQUAL = 1e-9
"""Margins that differ by less are the same but for rounding."""


@dataclass(frozen=True)
class CredibleMargins:
    """Margin of each customer and what it rests on.

    Attributes
    ----------
    table : DataFrame
        customer_id, margin (may be below 0), credibility (weight of the own margin, 0 to 1),
        own_margin (profit over revenue).
    base_margin : float
        Margin towards which the others are drawn.
    half_credible_at : float
        Revenue at which a customer's own margin weighs one half; infinite where margins differ by
        no more than chance would have it.
    """

    table: pd.DataFrame
    base_margin: float
    half_credible_at: float


def credible_margin(summary: PurchaseSummary | pd.DataFrame) -> CredibleMargins:
    """Margin of each customer by Bühlmann and Straub's credibility, revenue being the exposure.

    Parameters
    ----------
    summary : PurchaseSummary, or DataFrame with columns customer_id, revenue and profit

    Returns
    -------
    CredibleMargins

    Raises
    ------
    InputError
        When a customer has no revenue above 0.

    Notes
    -----
    With w the revenue and X the margin of a customer, its credible margin is ``Z X + (1 - Z) m``,
    ``Z = w / (w + K)``, ``m = sum(Z X) / sum(Z)``. Margins times revenues add up to the profit of
    all. K, the variance of a unit of revenue over that between customers, is classically
    estimated from several years of each; there is one sum a customer here, so that it is found by
    maximum likelihood from how the spread of margins falls with revenue: X is taken as normal
    about m with a variance in proportion to 1/K + 1/w. A customer's profit may well be below 0,
    and profit besides the sales is in it.
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
    own = profit / revenue
    half = half_credible_revenue(revenue, own)
    credibility, base = credibility_of(revenue, own, half)
    table = pd.DataFrame(
        {
            "customer_id": column_of(data, "customer_id").array,
            "margin": credibility * own + (1 - credibility) * base,
            "credibility": credibility,
            "own_margin": own,
        }
    )
    return CredibleMargins(table, base, half)


def credibility_of(revenue: Array, margin: Array, half: float) -> tuple[Array, float]:
    """Credibility of each customer's own margin, and the margin of all.

    Parameters
    ----------
    revenue, margin : ndarray, shape (n,)
    half : float
        Revenue at which the credibility is one half, above 0; may be infinite.

    Returns
    -------
    credibility : ndarray, shape (n,)
    base : float
    """
    if np.isinf(half):
        return np.zeros(len(revenue)), float(revenue @ margin / revenue.sum())
    credibility = revenue / (revenue + half)
    return credibility, float(credibility @ margin / credibility.sum())


def half_credible_revenue(revenue: Array, margin: Array) -> float:
    """Revenue at which a customer's own margin weighs one half: the most likely one.

    Infinite where the likelihood goes on rising: no customer's margin then differs from that of
    all by more than its revenue would have it. So it is with a single customer, or one margin.
    """
    if np.ptp(margin) < EQUAL:
        return np.inf
    low, high = np.log(revenue.min()) - 5, np.log(revenue.max()) + 5

    def cost(log_half: float) -> float:
        return -margins_log_likelihood(np.exp(log_half), revenue, margin)

    grid = np.linspace(low, high, GRID)
    best = int(np.argmin([cost(point) for point in grid]))
    if best == GRID - 1:
        return np.inf
    around = (grid[max(best - 1, 0)], grid[best + 1])
    found = optimize.minimize_scalar(cost, bounds=around, method="bounded", options={"xatol": 1e-3})
    return float(np.exp(found.x))


def margins_log_likelihood(half: float, revenue: ArrayLike, margin: ArrayLike) -> float:
    """Log-likelihood of the margins but for a constant, at its highest over m and the variances."""
    w, X = np.asarray(revenue, dtype=float), np.asarray(margin, dtype=float)
    credibility, base = credibility_of(w, X, half)
    variance = np.mean(credibility * (X - base) ** 2)
    return float((np.log(credibility).sum() - len(w) * np.log(variance)) / 2)
