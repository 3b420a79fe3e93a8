"""Means of all respondents or a part of them, with the variance that the design gives them.

A weighted mean is a ratio. To first order each respondent moves it by ``w (y - mean) / sum of w``,
so its variance is that of the sum of these parts over the units that were drawn.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from crmlib.columns import Array, Codes


class Mean(NamedTuple):
    """A mean, its linearised variance, and the degrees of freedom of an interval by t."""

    value: float
    variance: float
    degrees_of_freedom: int

    @property
    def standard_error(self) -> float:
        """Root of the variance."""
        return float(np.sqrt(self.variance))

    def interval(self, confidence: float) -> tuple[float, float]:
        """Ends of the interval by t; missing where no degrees of freedom are left."""
        if self.degrees_of_freedom < 1:
            return np.nan, np.nan
        quantile = float(stats.t.ppf((1 + confidence) / 2, self.degrees_of_freedom))
        half = quantile * self.standard_error
        return self.value - half, self.value + half


def linearised_mean(
    values: Array,
    weights: Array,
    stratum: Codes,
    cluster: Codes,
    domain: NDArray[np.bool_] | None = None,
) -> Mean:
    """Weighted mean of a part of the sample, clusters drawn with replacement within strata.

    Parameters
    ----------
    values : ndarray, shape (n,)
        What is averaged; values outside the domain are not looked at.
    weights : ndarray, shape (n,)
    stratum, cluster : ndarray of int, shape (n,)
        Numbers from 0; a cluster lies in one stratum.
    domain : ndarray of bool, shape (n,), optional
        Whether a respondent belongs to those the mean is of, at least one does; all without.

    Returns
    -------
    Mean
        Degrees of freedom are the clusters less the strata that have a respondent in the domain.
        The variance is NaN where none is left: a single cluster does not show how clusters vary.

    Notes
    -----
    See `linearised_parts` and `covariance_of_sums` (Särndal, Swensson and Wretman 1992, ch. 5).
    Checked against R survey 4.1-1 (svymean) without a finite population correction.
    """
    inside = np.ones(len(values), dtype=bool) if domain is None else domain
    value, parts = linearised_parts(values, weights, inside)
    variance = covariance_of_sums(parts[None], stratum, cluster)[0, 0]
    degrees = degrees_of_freedom(stratum[inside], cluster[inside])
    return Mean(value, float(variance) if degrees > 0 else np.nan, degrees)


def degrees_of_freedom(stratum: Codes, cluster: Codes) -> int:
    """Clusters less strata, of those that are there."""
    return len(np.unique(cluster)) - len(np.unique(stratum))


def linearised_parts(
    values: Array, weights: Array, domain: NDArray[np.bool_]
) -> tuple[float, Array]:
    """Weighted mean of a domain, and what each respondent has of its error.

    ``w (y - mean) / sum of w`` in the domain, 0 outside; shape (n,).
    """
    weight = weights * domain
    total = weight.sum()
    known = np.where(domain, values, 0.0)
    mean = float(weight @ known / total)
    return mean, weight * (known - mean) / total


def covariance_of_sums(parts: Array, stratum: Codes, cluster: Codes) -> Array:
    """Covariance of sums over a sample of clusters, drawn with replacement within strata.

    ``sum over strata of n / (n - 1) sum (z_c - mean z)(z_c - mean z)'``, with z_c the sums of
    cluster c and n the clusters of the stratum.

    Parameters
    ----------
    parts : ndarray, shape (K, n)
        What every respondent adds to each of K sums.
    stratum, cluster : ndarray of int, shape (n,)
        Numbers; a cluster lies in one stratum.

    Returns
    -------
    ndarray, shape (K, K)
        A stratum with a single cluster adds nothing.
    """
    _, first, place = np.unique(cluster, return_index=True, return_inverse=True)
    of_cluster = stratum[first]
    sums = np.array([np.bincount(place, part) for part in parts])
    size = np.bincount(of_cluster)
    centre = np.array([np.bincount(of_cluster, one) for one in sums]) / np.maximum(size, 1)
    centred = sums - centre[:, of_cluster]
    factor = (size / np.maximum(size - 1, 1))[of_cluster]
    return np.asarray((centred * factor) @ centred.T)


def stratum_of_clusters(stratum: Codes, cluster: Codes) -> Codes:
    """Stratum of every cluster, shape (clusters,); both are numbers from 0 without gaps."""
    of_cluster = np.zeros(cluster.max() + 1, dtype=np.int64)
    of_cluster[cluster] = stratum
    return of_cluster


def kish(weights: Array) -> float:
    """Effective number of answers with unequal weights: ``(sum w)^2 / sum w^2`` (Kish 1965)."""
    return float(weights.sum() ** 2 / (weights @ weights)) if len(weights) else 0.0
