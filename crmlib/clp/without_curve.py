"""Customers without a life-cycle curve: their own average, times what such customers went on to do.

Who has just been won buys more from month to month, and who was seen to buy often twice by chance
buys less: an own average is too low for the first and too high for the second. Which it is, and by
how much, an earlier day of the same base tells.
"""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from crmlib.clp.base import CustomerBase
from crmlib.clp.discounting import Array
from crmlib.clp.fitting import fit_life_cycle
from crmlib.clp.simple_rules import own_average_if_active
from crmlib.clp.value import forecast_basis
from crmlib.findings import counted

FEWEST = 20
"""Customers an earlier day must have, for a ratio of sums and how far single ones lie from it."""

GROWING = "own average, as such customers went on"
LEVEL = "own average"


@dataclass(frozen=True)
class Growth:
    """What customers without a curve brought after an earlier day, over their own average then.

    Attributes
    ----------
    ratio : float
        Sum of what came over the sum of the averages, held for as many periods.
    error : float
        Standard error of the ratio.
    spread : float
        The standard deviation of what a customer brings about its forecast is ``spread sqrt(f)``,
        f its own average held.
    customers : int
        Customers it was seen in.
    periods : int
        Periods after that day: those until the last day of the base.
    """

    ratio: float
    error: float
    spread: float
    customers: int
    periods: int


def growth_seen(base: CustomerBase, periods: int) -> Growth | None:
    """What customers without a curve went on to bring after an earlier day of the same base.

    The day lies as many periods back as are to be forecast, at most half of the history. Customers
    with an average above zero count, who bought lately as of that day. None with fewer than
    `FEWEST` of them, or where they brought nothing.

    Notes
    -----
    With f a customer's average held and a what came, ``ratio = sum(a) / sum(f)``: the ratio
    estimator of sampling, best where the variance of a about its forecast is in proportion to f,
    which is taken for true: ``spread^2 = n / (n - 1) sum((a - ratio f)^2) / sum(f)``,
    ``error^2 = spread^2 / sum(f)`` (Cochran 1977, chapter 6).

    References
    ----------
    Cochran, W. G. (1977). Sampling Techniques, 3rd ed. Wiley.
    """
    back = min(periods, base.periods // 2)
    if back < 1:
        return None
    then = base.until(base.day_after(-back) - dt.timedelta(days=1))
    level, _ = own_average_if_active(then)
    without = forecast_basis(fit_life_cycle(then.history).customers) == "not enough history"
    used = without & (level > 0)
    held = back * level[used]
    came = base.profit_between(then.day_after(0), base.last_day).reindex(then.customers)
    actual = came.to_numpy(dtype=float)[used]
    n = len(held)
    if n < FEWEST or actual.sum() <= 0:
        return None
    ratio = actual.sum() / held.sum()
    spread = np.sqrt(n / (n - 1) * ((actual - ratio * held) ** 2).sum() / held.sum())
    return Growth(
        ratio=float(ratio),
        error=float(spread / np.sqrt(held.sum())),
        spread=float(spread),
        customers=n,
        periods=back,
    )


def own_average_with_growth(
    base: CustomerBase, growth: Growth | None, discount: Array, confidence: float
) -> pd.DataFrame:
    """Forecast of every customer by its own average, as far as it bought lately.

    Parameters
    ----------
    base : CustomerBase
    growth : Growth or None
        None: the average as it is, without an interval.
    discount : ndarray, shape (periods,)
    confidence : float

    Returns
    -------
    DataFrame
        profit, low, high, error (standard error but for that of the ratio, which all share),
        held (the average held, which the ratio is applied to; 0 where it is not) and basis, in
        the order of the base's customers. low, high and error are missing where the ratio is
        not applied: an average of zero or below, or a customer that did not buy lately.
    """
    level, basis = own_average_if_active(base)
    worth = level * discount.sum()
    if growth is None:
        table = pd.DataFrame({"profit": worth, "held": 0.0, "basis": basis})
        return table.assign(low=np.nan, high=np.nan, error=np.nan)
    grows = worth > 0
    profit = np.where(grows, growth.ratio * worth, worth)
    error = np.where(grows, growth.spread * np.sqrt(np.maximum(worth, 0.0)), np.nan)
    t = stats.t.ppf(0.5 + confidence / 2, growth.customers - 1)
    half = t * np.hypot(error, growth.error * worth)
    return pd.DataFrame(
        {
            "profit": profit,
            "low": profit - half,
            "high": profit + half,
            "error": error,
            "held": np.where(grows, worth, 0.0),
            "basis": np.where(grows, GROWING, basis),
        }
    )


def without_curve_notes(
    base: CustomerBase, customers: int, growth: Growth | None, periods: int
) -> list[str]:
    """How many customers have no curve, and what their forecast rests on."""
    everyone = len(base.customers)
    told = (
        f"{everyone - customers:,} of {everyone:,} customers have a life-cycle curve or have left"
    )
    if not customers:
        return [f"{told}."]
    if growth is None:
        return [
            f"{told}; the others go on with their own average if they bought lately. How such "
            f"customers went on cannot be seen in this base (it takes {FEWEST} of them at an "
            "earlier day, and profit since): if they grow, this is too little. They have no "
            "interval."
        ]
    seen = f"in the last {counted(growth.periods, base.period)}"
    shorter = (
        f" Seen over {counted(growth.periods, base.period)}, it is held for {periods}."
        if growth.periods < periods
        else ""
    )
    return [
        f"{told}; the others go on with {growth.ratio:.2f} times their own average if they bought "
        f"lately and it is above zero, since {growth.customers:,} such customers brought that many "
        f"times theirs {seen}.{shorter}"
    ]
