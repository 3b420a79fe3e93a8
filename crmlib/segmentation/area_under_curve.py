"""How well a score tells those that leave from those that stay: the area under the curve."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from crmlib.columns import Array
from crmlib.intervals import wilson_interval


def placements(score: Array, leaves: NDArray[np.bool_]) -> Array:
    """Share of the other group that each one is on the right side of, ties counting half.

    For one that leaves it is the share of those that stay with a lower score, for one that stays
    the share of those that leave with a higher one. The mean of either group is the area.

    Parameters
    ----------
    score : ndarray, shape (n,)
    leaves : ndarray of bool, shape (n,)
        With at least one of either kind.

    Returns
    -------
    ndarray, shape (n,)

    Notes
    -----
    By midranks: Sun and Xu (2014), IEEE Signal Processing Letters 21(11).
    """
    m, n = int(leaves.sum()), int((~leaves).sum())
    among_all = rankdata(score)
    found = np.empty(len(score))
    found[leaves] = (among_all[leaves] - rankdata(score[leaves])) / n
    found[~leaves] = 1 - (among_all[~leaves] - rankdata(score[~leaves])) / m
    return found


def areas(scores: Array, leaves: NDArray[np.bool_], customer: NDArray[np.int64]) -> tuple:
    """Areas under the curves of several scores, and their covariance.

    Parameters
    ----------
    scores : ndarray, shape (scores, n)
    leaves : ndarray of bool, shape (n,)
    customer : ndarray of int, shape (n,)
        Rows of one customer, seen on several days, are not independent.

    Returns
    -------
    tuple of ndarray
        Areas, shape (scores,), and covariance; NaN unless there are two of either kind.

    Notes
    -----
    DeLong, DeLong and Clarke-Pearson (1988), with deviations summed by customer as Obuchowski
    (1997) does. Checked against a count of all pairs and, with every customer once, against the
    formula of DeLong written out.
    """
    m, n = int(leaves.sum()), int((~leaves).sum())
    if min(m, n) < 2:
        none = np.full(len(scores), np.nan)
        return none, np.full((len(scores), len(scores)), np.nan)
    placed = np.array([placements(score, leaves) for score in scores])
    area = placed[:, leaves].mean(axis=1)
    size = np.where(leaves, np.sqrt(m * (m - 1.0)), np.sqrt(n * (n - 1.0)))
    parts = (placed - area[:, None]) / size
    _, place = np.unique(customer, return_inverse=True)
    by_customer = np.array([np.bincount(place, weights=part) for part in parts])
    return area, by_customer @ by_customer.T


def area_interval(area: float, variance: float, smaller: int, confidence: float) -> tuple:
    """Interval of an area, on the scale of its logit so that it stays within 0 and 1.

    Where every pair agrees nothing varies; it then is Wilson's, as if of as many independent
    cases as the ``smaller`` group has.
    """
    z = float(norm.ppf(0.5 + confidence / 2))
    if np.isnan(area) or np.isnan(variance):
        return np.nan, np.nan
    if variance <= 0 or not 0 < area < 1:
        low, high = wilson_interval(area, smaller, z)
        return float(low), float(high)
    half = z * np.sqrt(variance) / (area * (1 - area))
    logit = np.log(area / (1 - area))
    return float(1 / (1 + np.exp(half - logit))), float(1 / (1 + np.exp(-half - logit)))
