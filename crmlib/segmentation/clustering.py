"""Numbers made fit for grouping, and two ways to group them: k-means and a Gaussian mixture."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

from crmlib.columns import Array

SKEWED = 1.0
"""Skewness from which on a feature is transformed."""

SHAPES = ("full", "tied", "diag")
"""Covariances a mixture may have: each group its own, one for all, or no correlation within."""

FLOOR = 1e-2
"""Least variance within a group, of a variance of 1 in all."""

STARTS = 5
"""How often k-means begins anew."""

MOST_STEPS = 500


@dataclass(frozen=True)
class Scaling:
    """How a feature is made fit for comparing with others: bent where skewed, then standardised.

    Attributes
    ----------
    transform : str
        "none", "log" or "Yeo-Johnson".
    power : float
        Of Yeo-Johnson; NaN otherwise.
    unit : float
        What the values are divided by before Yeo-Johnson, which depends on units.
    mean, spread : float
        Of the transformed values: what is taken off, and what they are divided by.
    skewness_before, skewness_after : float
    """

    transform: str
    power: float
    unit: float
    mean: float
    spread: float
    skewness_before: float
    skewness_after: float

    def __call__(self, values: Array) -> Array:
        """Scale values, also of customers not seen before.

        What cannot be scaled, such as a zero where the logarithm was taken, is NaN.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            return (_bent(values, self.transform, self.power, self.unit) - self.mean) / self.spread


def scaling_of(values: Array) -> Scaling:
    """Find the scaling of a feature.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Not all equal.

    Returns
    -------
    Scaling
        With a skewness above 1 either way: the logarithm where all values are above zero, else
        the power of Yeo and Johnson (2000) of highest likelihood, which takes zeros and losses
        too; neither where it would leave the feature more skewed.
    """
    before, unit = skewness(values), float(np.std(values))
    transform, power, after = "none", np.nan, before
    if abs(before) > SKEWED:
        bent = "log" if values.min() > 0 else "Yeo-Johnson"
        tried = np.nan if bent == "log" else float(stats.yeojohnson_normmax(values / unit))
        left = skewness(_bent(values, bent, tried, unit))
        if abs(left) < abs(before):
            transform, power, after = bent, tried, left
    scaled = _bent(values, transform, power, unit)
    return Scaling(transform, power, unit, float(scaled.mean()), float(scaled.std()), before, after)


def skewness(values: Array) -> float:
    """Third central moment over the cubed standard deviation."""
    return float(stats.skew(values / np.abs(values).max()))


def _bent(values: Array, transform: str, power: float, unit: float) -> Array:
    if transform == "log":
        return np.log(values, out=np.full(len(values), np.nan), where=values > 0)
    if transform == "Yeo-Johnson":
        return np.asarray(stats.yeojohnson(values / unit, lmbda=power))
    return values


def k_means(values: Array, k: int, random: np.random.Generator, starts: int = STARTS) -> KMeans:
    """Group rows around k means with the least sum of squared distances (Lloyd 1982).

    Parameters
    ----------
    values : ndarray, shape (n, features)
        Scaled.
    k : int
    random : numpy.random.Generator
    starts : int
        The best of so many beginnings, drawn by k-means++ (Arthur and Vassilvitskii 2007).

    Returns
    -------
    KMeans
        Scikit-learn's, fitted.
    """
    model = KMeans(k, n_init=starts, random_state=int(random.integers(2**31)))
    return _fitted(model, values)


def k_means_bic(model: KMeans, n: int) -> float:
    """Bayes information criterion of k-means read as a model, the lower the better.

    Groups are normal with one variance for all features and groups, every row belongs to one for
    certain (Pelleg and Moore 2000). A group that is only one side of a cloud has less variance
    than the cloud, so this criterion likes many groups.

    Parameters
    ----------
    model : KMeans
    n : int
        Rows it was fitted to.
    """
    k, p = model.cluster_centers_.shape
    sizes = np.bincount(model.labels_, minlength=k)
    sizes = sizes[sizes > 0]
    variance = max(model.inertia_ / (n * p), FLOOR**2)
    log_likelihood = (sizes * np.log(sizes / n)).sum() - n * p / 2 * (
        np.log(2 * np.pi * variance) + 1
    )
    return float((k * p + k) * np.log(n) - 2 * log_likelihood)


def gaussian_mixture(
    values: Array, k: int, shape: str, random: np.random.Generator, starts: int = 1
) -> GaussianMixture:
    """Fit a mixture of k normal distributions by expectation and maximisation.

    Parameters
    ----------
    values : ndarray, shape (n, features)
        Scaled.
    k : int
    shape : str
        One of `SHAPES`.
    random : numpy.random.Generator
    starts : int
        The likeliest of so many, each from k-means.

    Returns
    -------
    GaussianMixture
        Scikit-learn's, fitted. No variance within a group is below 0.01: a value
        that many customers share would else be a group without width, infinitely likely.
    """
    model = GaussianMixture(
        k,
        covariance_type=shape,
        n_init=starts,
        reg_covar=FLOOR,
        max_iter=MOST_STEPS,
        random_state=int(random.integers(2**31)),
    )
    return _fitted(model, values)


def mixture_parameters(k: int, p: int, shape: str) -> int:
    """Free parameters of a mixture of k normal distributions of p features."""
    covariances = {"full": k * p * (p + 1) // 2, "tied": p * (p + 1) // 2, "diag": k * p}
    return k * p + k - 1 + covariances[shape]


def _fitted(model: Any, values: Array) -> Any:
    with warnings.catch_warnings(), threadpool_limits(limits=1):  # sums do not depend on cores
        # Fewer different rows than groups, as in a sample drawn with replacement, leave some empty.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(values)
