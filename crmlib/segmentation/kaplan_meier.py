"""Kaplan and Meier's estimate when watched stretches of time come in clusters.

A customer is watched several times, and what happens in one stretch tells of the others. Intervals
therefore come from what each customer as a whole contributes, not each stretch.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crmlib.columns import Array, Codes
from crmlib.intervals import wilson_interval


@dataclass(frozen=True)
class KaplanMeier:
    """Chance of an event by day, from stretches of time of which some were cut short.

    Attributes
    ----------
    cluster : ndarray of int, shape (n,)
        Cluster of every stretch, numbered from 0.
    duration : ndarray of int, shape (n,)
        Days watched, 1 to the horizon: to the event or to where the stretch was cut short.
    event : ndarray of bool, shape (n,)
    weight : ndarray, shape (n,)
        What every stretch counts.
    n_clusters : int
    left : ndarray, shape (horizon + 1,)
        Share without an event after 0, 1, ... days.
    spread : ndarray, shape (horizon + 1,)
        Sum, up to every day, of ``h / (Y - d)``, with d the events of the day, Y what was
        watched on it and h = d / Y.
    remaining : ndarray, shape (horizon + 1,)
        Y - d on every day.
    """

    cluster: Codes
    duration: Codes
    event: NDArray[np.bool_]
    weight: Array
    n_clusters: int
    left: Array
    spread: Array
    remaining: Array

    def chance(self, after: int = 0, by: int | None = None) -> float:
        """Chance of an event by a day, given none up to an earlier one; NaN where unknown."""
        end = len(self.left) - 1 if by is None else by
        return float(1 - self.left[end] / self.left[after]) if self.left[after] > 0 else np.nan

    def influence(self, after: int = 0, by: int | None = None) -> Array:
        """What every cluster contributes to the error of `chance`, shape (n_clusters,).

        The derivative of the estimate by the weights of the cluster's stretches; the sum of
        squares over clusters is the variance (the infinitesimal jackknife).
        """
        end = len(self.left) - 1 if by is None else by
        inside = self.event & (self.duration > after) & (self.duration <= end)
        reached = np.clip(self.duration, after, end)
        each = inside / self.remaining[self.duration] - self.spread[reached] + self.spread[after]
        still = 1 - self.chance(after, end)
        return np.bincount(self.cluster, still * self.weight * each, self.n_clusters).astype(float)

    def interval(
        self, quantile: float, after: int = 0, by: int | None = None
    ) -> tuple[float, float]:
        """Interval of `chance`.

        Wilson's, for as many independent stretches as would give the same variance; of clusters
        that all did the same, that many.
        """
        chance = self.chance(after, by)
        variance = float((self.influence(after, by) ** 2).sum())
        watched = self.duration > after
        alike = np.count_nonzero(np.bincount(self.cluster[watched], minlength=1))
        if not alike or np.isnan(chance):
            return np.nan, np.nan
        varied = variance > 0 and 0 < chance < 1
        n = min(chance * (1 - chance) / variance, watched.sum()) if varied else alike
        low, high = wilson_interval(chance, n, quantile)
        return float(low), float(high)


def kaplan_meier(
    cluster: Codes,
    duration: Codes,
    event: NDArray[np.bool_],
    weight: Array,
    n_clusters: int,
    horizon: int,
) -> KaplanMeier:
    """Estimate the chance of an event by day.

    Parameters
    ----------
    cluster, duration, event, weight : ndarray, shape (n,)
        As in `KaplanMeier`. A stretch that is cut short on the day of an event counts as watched
        on that day.
    n_clusters : int
    horizon : int
        Last day.

    Returns
    -------
    KaplanMeier

    Notes
    -----
    The share without an event after t days is the product of 1 - d / Y over days up to t (Kaplan
    and Meier 1958). With a single stretch in each cluster and weights of 1 the variance is that
    of Greenwood (1926) to the last digit; with several it is the robust one of Ying and Wei
    (1994). Checked against Greenwood's formula, statsmodels, and by simulation.

    References
    ----------
    Kaplan, E. L. and Meier, P. (1958). Nonparametric estimation from incomplete observations.
    Journal of the American Statistical Association 53, 457-481.

    Ying, Z. and Wei, L. J. (1994). The Kaplan-Meier estimate for dependent failure time
    observations. Journal of Multivariate Analysis 50(1), 17-29.
    """
    events = np.bincount(duration, weight * event, horizon + 1)[: horizon + 1]
    ended = np.bincount(duration, weight, horizon + 1)[: horizon + 1]
    watched = np.cumsum(ended[::-1])[::-1]
    hazard = np.divide(events, watched, out=np.zeros_like(events), where=watched > 0)
    hazard[hazard > 1 - 1e-12] = 1.0  # weights need not add up exactly
    left = np.cumprod(1 - hazard)
    # Nobody was watched so long, and not for having had the event.
    left[(watched <= 0) & (left > 0)] = np.nan
    # Where all that were left had the event, half of one is taken as left over.
    remaining = np.where((watched > 0) & (hazard < 1), watched - events, 0.5)
    return KaplanMeier(
        cluster=cluster,
        duration=duration,
        event=event,
        weight=weight,
        n_clusters=n_clusters,
        left=left,
        spread=np.cumsum(hazard / remaining),
        remaining=remaining,
    )
