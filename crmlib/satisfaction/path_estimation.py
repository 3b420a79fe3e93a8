"""Path models by partial least squares, from the covariances of the items alone.

Every function takes any number of samples at once, in the leading axes, so that a bootstrap is
one call. Items come in p columns, constructs in J; ``block`` holds the number of the construct of
every item, ``leads`` is true at (i, j) where construct i leads to construct j.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from crmlib.columns import Array, Codes
from crmlib.satisfaction.importance import ols_coefficients

Scheme = Literal["centroid", "factorial", "path"]
Flags = NDArray[np.bool_]

SCHEMES: tuple[Scheme, ...] = get_args(Scheme)

TOLERANCE = 1e-10
"""Largest change of a weight, times the standard deviation of its item, at which it has settled."""

ITERATIONS = 500
"""Iterations until a solution is given up; a well-behaved one takes some 10 to 30."""


@dataclass(frozen=True, eq=False)
class PathSolution:
    """Path models of a number of samples.

    Attributes
    ----------
    weights : ndarray, shape (..., p)
        Of the items in the score of their construct, which has a variance of 1.
    loadings : ndarray, shape (..., p)
        Correlations of the items with their construct.
    correlations : ndarray, shape (..., J, J)
        Of the constructs.
    converged : ndarray of bool, shape (...)
        Where false, everything else is NaN.
    iterations : ndarray of int, shape (...)
    """

    weights: Array
    loadings: Array
    correlations: Array
    converged: Flags
    iterations: Codes


def partial_least_squares(
    covariances: Array, block: Codes, leads: Flags, scheme: Scheme
) -> PathSolution:
    """Weights of the items by Wold's iteration, reflective (mode A) in every block.

    Parameters
    ----------
    covariances : ndarray, shape (..., p, p)
        Correlations where the items are to be standardised.
    block : ndarray of int, shape (p,)
    leads : ndarray of bool, shape (J, J)
    scheme : {"centroid", "factorial", "path"}
        Inner weights of neighbours: the sign of their correlation, the correlation, or regression
        coefficients on those that lead to a construct and correlations with those it leads to.

    Returns
    -------
    PathSolution
        The sign of a construct is that which makes the sum of its loadings positive.

    Notes
    -----
    With W the weights in a p × J matrix and S the covariances, the scores have correlations
    R = W'SW, the inner estimates are scores times E (of the scheme), and the new weight of an item
    is its covariance with the inner estimate of its construct, (SWE) at (item, construct), scaled
    to a score with variance 1 (Wold 1982; Lohmöller 1989; Tenenhaus et al. 2005). Checked against
    R semPLS 1.0-10 and plspm 0.5.7 for Python.
    """
    p, shape = len(block), covariances.shape[:-2]
    samples = covariances.reshape(-1, p, p)
    variance = np.diagonal(samples, axis1=-2, axis2=-1)
    weights = np.full((len(samples), p), np.nan)
    iterations = np.zeros(len(samples), dtype=np.int64)
    left = np.flatnonzero((variance > 0).all(axis=-1))
    current = standardised(samples[left], 1.0 / np.sqrt(variance[left]), block)
    for iteration in range(1, ITERATIONS + 1):
        new = next_weights(samples[left], current, block, leads, scheme)
        change = (abs(new - current) * np.sqrt(variance[left])).max(axis=-1, initial=0.0)
        done = change < TOLERANCE
        weights[left[done]] = new[done]
        iterations[left] = iteration
        going_on = ~done & np.isfinite(change)
        left, current = left[going_on], new[going_on]
        if not len(left):
            break
    loadings = loadings_of(samples, weights, block)
    sign = np.where(loadings @ members(block) < 0, -1.0, 1.0)[:, block]
    scores = matrix_of(weights * sign, block)
    correlations = scores.swapaxes(-1, -2) @ samples @ scores
    return PathSolution(
        weights=(weights * sign).reshape(*shape, p),
        loadings=(loadings * sign).reshape(*shape, p),
        correlations=correlations.reshape(*shape, *leads.shape),
        converged=np.isfinite(weights).all(axis=-1).reshape(shape),
        iterations=iterations.reshape(shape),
    )


def members(block: Codes) -> Array:
    """One where an item belongs to a construct, shape (p, J)."""
    return np.eye(block.max() + 1)[block]


def matrix_of(weights: Array, block: Codes) -> Array:
    """Weights (..., p) as a matrix (..., p, J) with zeros outside the blocks."""
    return weights[..., None] * members(block)


def standardised(covariances: Array, weights: Array, block: Codes) -> Array:
    """Weights that give every construct a variance of 1."""
    scores = matrix_of(weights, block)
    variance = np.einsum("...pj,...pj->...j", scores, covariances @ scores)
    with np.errstate(divide="ignore", invalid="ignore"):
        return weights / np.sqrt(np.where(variance > 0, variance, np.nan))[..., block]


def next_weights(
    covariances: Array, weights: Array, block: Codes, leads: Flags, scheme: Scheme
) -> Array:
    """One round of the iteration."""
    scores = matrix_of(weights, block)
    with_scores = covariances @ scores
    correlations = scores.swapaxes(-1, -2) @ with_scores
    inner = with_scores @ inner_weights(correlations, leads, scheme)
    return standardised(covariances, inner[..., np.arange(len(block)), block], block)


def inner_weights(correlations: Array, leads: Flags, scheme: Scheme) -> Array:
    """Weight of construct i in the inner estimate of construct j, shape (..., J, J)."""
    if scheme == "path":
        return path_coefficients(correlations, leads) + np.where(leads.T, correlations, 0.0)
    neighbours = np.where(leads | leads.T, correlations, 0.0)
    return np.sign(neighbours) if scheme == "centroid" else neighbours


def loadings_of(covariances: Array, weights: Array, block: Codes) -> Array:
    """Correlation of every item with its construct, shape (..., p)."""
    with_scores = covariances @ matrix_of(weights, block)
    variance = np.diagonal(covariances, axis1=-2, axis2=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return with_scores[..., np.arange(len(block)), block] / np.sqrt(variance)


def turned_like(solution: PathSolution, sample: PathSolution, block: Codes) -> PathSolution:
    """Turn the constructs of resamples that came out with the opposite sign.

    A construct is turned where its loadings and those in the sample have a negative product sum.
    """
    agreement = (solution.loadings * sample.loadings) @ members(block)
    sign = np.where(agreement < 0, -1.0, 1.0)
    return PathSolution(
        weights=solution.weights * sign[..., block],
        loadings=solution.loadings * sign[..., block],
        correlations=solution.correlations * sign[..., :, None] * sign[..., None, :],
        converged=solution.converged,
        iterations=solution.iterations,
    )


def path_coefficients(correlations: Array, leads: Flags) -> Array:
    """Standardised coefficients by least squares of each construct on those that lead to it.

    Parameters
    ----------
    correlations : ndarray, shape (..., J, J)
    leads : ndarray of bool, shape (J, J)

    Returns
    -------
    ndarray, shape (..., J, J)
        At (i, j) the path from i to j, zero where there is none; NaN where the constructs that
        lead to j are collinear.
    """
    coefficients = np.zeros(correlations.shape)
    for j in np.flatnonzero(leads.any(axis=0)):
        before = np.flatnonzero(leads[:, j])
        coefficients[..., before, j] = ols_coefficients(equation_of(correlations, before, j))
    return coefficients


def equation_of(correlations: Array, before: Codes, j: int | np.integer) -> Array:
    """Correlations of the constructs that lead to j and, last, j itself."""
    part = np.append(before, j)
    return correlations[..., part[:, None], part]


def explained_variance(correlations: Array, coefficients: Array) -> Array:
    """R² of every construct, shape (..., J); 0 for those that nothing leads to."""
    return (coefficients * correlations).sum(axis=-2)


def total_effects(coefficients: Array) -> Array:
    """Effects along all ways from i to j: (I − B)⁻¹ − I, shape (..., J, J)."""
    identity = np.eye(coefficients.shape[-1])
    return np.linalg.inv(identity - coefficients) - identity


def construct_indices(
    means: Array, item_weights: Array, block: Codes, scale: tuple[float, float]
) -> Array:
    """Index of every construct: its mean on a scale from 0 to 100, shape (..., J).

    Parameters
    ----------
    means : ndarray, shape (..., p)
        Of the items as they were answered.
    item_weights : ndarray, shape (..., p)
        For the items as they were answered: where the model took them standardised, its weights
        over their standard deviations.
    block : ndarray of int, shape (p,)
    scale : (float, float)
        Lowest and highest answer.

    Notes
    -----
    100 Σ w (mean − low) / (high − low) / Σ w over the items of a construct (Fornell et al. 1996).
    """
    low, high = scale
    belongs = members(block)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (item_weights * means) @ belongs / (item_weights @ belongs)
    return (mean - low) / (high - low) * 100


def cronbach_alpha(covariances: Array, block: Codes) -> Array:
    """Alpha of every construct, shape (..., J); NaN for a single item.

    k / (k − 1) (1 − Σ variances / variance of the sum); of correlations the standardised alpha.
    """
    belongs = members(block)
    count = belongs.sum(axis=0)
    total = np.einsum("pj,...pq,qj->...j", belongs, covariances, belongs)
    single = np.diagonal(covariances, axis1=-2, axis2=-1) @ belongs
    with np.errstate(divide="ignore", invalid="ignore"):
        return count / (count - 1) * (1 - single / total)


def composite_reliability(loadings: Array, block: Codes) -> Array:
    """Dillon and Goldstein's rho of every construct, shape (..., J); NaN for a single item.

    (Σ λ)² / ((Σ λ)² + Σ (1 − λ²)).
    """
    belongs = members(block)
    common = (loadings @ belongs) ** 2
    return np.where(
        belongs.sum(axis=0) > 1, common / (common + (1 - loadings**2) @ belongs), np.nan
    )


def average_variance_extracted(loadings: Array, block: Codes) -> Array:
    """Mean squared loading of every construct, shape (..., J); NaN for a single item."""
    belongs = members(block)
    count = belongs.sum(axis=0)
    return np.where(count > 1, loadings**2 @ belongs / count, np.nan)


def heterotrait_monotrait(correlations: Array, block: Codes) -> Array:
    """HTMT ratio of every two constructs, shape (..., J, J), of the correlations of the items.

    The mean correlation of an item of one with an item of the other, over the geometric mean of
    the mean correlations among the items of each (Henseler, Ringle and Sarstedt 2015). NaN with a
    single item, or where items of one construct do not go together.
    """
    belongs = members(block)
    count = belongs.sum(axis=0)
    sums = belongs.T @ correlations @ belongs
    own = np.diagonal(sums, axis1=-2, axis2=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        within = (own - count) / (count * (count - 1))
        within = np.sqrt(np.where(within > 0, within, np.nan))
        return sums / np.outer(count, count) / (within[..., :, None] * within[..., None, :])
