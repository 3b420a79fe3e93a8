"""Principal component regression from a matrix of correlations, and how many components to keep.

The items' correlations are taken apart into uncorrelated components, the overall score is
regressed on the first of them, and the coefficients are carried back to the items (Massy 1965;
Jolliffe 2002, ch. 8). Nothing but the correlations is needed, so that thousands of samples are
worked through at once: all arrays may have leading axes.
"""

import numpy as np
from numpy.typing import NDArray

from crmlib.columns import Array, Codes

NEGLIGIBLE = 1e-10
"""Share of the largest eigenvalue up to which another is rounding: a component with no variance."""


def eigen_components(correlations_of_items: Array) -> tuple[Array, Array]:
    """Principal components of the items.

    Parameters
    ----------
    correlations_of_items : ndarray, shape (..., p, p)
        Correlations, or covariances where the items are not to be scaled.

    Returns
    -------
    eigenvalues : ndarray, shape (..., p)
        Variances of the components, largest first.
    vectors : ndarray, shape (..., p, p)
        Loadings, a component a column, each with its largest loading positive (the first of
        those that are equally large). All NaN where a correlation is.
    """
    known = np.asarray(np.isfinite(correlations_of_items).all(axis=(-2, -1)))
    usable = np.where(known[..., None, None], correlations_of_items, 0.0)
    ascending, columns = np.linalg.eigh(usable)
    eigenvalues, vectors = ascending[..., ::-1], columns[..., ::-1]
    size = np.abs(vectors)
    largest = (size >= (1 - 1e-8) * size.max(axis=-2, keepdims=True)).argmax(axis=-2, keepdims=True)
    vectors = vectors * np.sign(np.take_along_axis(vectors, largest, axis=-2))
    return (
        np.where(known[..., None], eigenvalues, np.nan),
        np.where(known[..., None, None], vectors, np.nan),
    )


def has_variance(eigenvalues: Array) -> NDArray[np.bool_]:
    """Whether a component has any variance beyond rounding; never where it is NaN."""
    return eigenvalues > NEGLIGIBLE * eigenvalues[..., :1]


def pcr_coefficients(correlations: Array) -> Array:
    """Standardised coefficients of the items with 1, 2, … p components.

    Parameters
    ----------
    correlations : ndarray, shape (..., p + 1, p + 1)
        Of the items and, last, the overall score. Covariances give the coefficients of items
        that are not scaled.

    Returns
    -------
    ndarray, shape (..., p, p)
        A row for each number of components. Components without variance, as with collinear items
        or more items than people, add nothing; with all components and no such the coefficients
        are those of least squares. NaN where a correlation is.

    Notes
    -----
    With eigenvalues l_j and vectors v_j of the items' correlations and r their correlations with
    the overall score,

        b(k) = sum over j <= k of v_j (v_j' r) / l_j

    Checked against R pls 2.8-1 (pcr with scale = TRUE) at every k.
    """
    eigenvalues, vectors = eigen_components(correlations[..., :-1, :-1])
    along = (vectors.swapaxes(-1, -2) @ correlations[..., :-1, -1:])[..., 0]
    kept = has_variance(eigenvalues)
    # Times `kept`, not in place of: NaN goes on.
    slopes = kept * along / np.where(kept, eigenvalues, 1.0)
    return np.cumsum(vectors.swapaxes(-1, -2) * slopes[..., None], axis=-2)


def kaiser(eigenvalues: Array) -> Codes:
    """Number of components with more variance than an item has on average, at least one.

    Of correlations these are the eigenvalues above 1 (Kaiser 1960).

    Parameters
    ----------
    eigenvalues : ndarray, shape (..., p)

    Returns
    -------
    ndarray of int, shape (...)
    """
    # Items without any correlation have eigenvalues of 1 give or take rounding.
    average = eigenvalues.mean(axis=-1, keepdims=True) * (1 + NEGLIGIBLE)
    return np.maximum((eigenvalues > average).sum(axis=-1), 1)


def components_for_share(eigenvalues: Array, share: float) -> Codes:
    """Smallest number of components that hold this share of the items' variance.

    Parameters
    ----------
    eigenvalues : ndarray, shape (..., p)
    share : float
        Between 0 and 1; 0.85 is the textbook's.

    Returns
    -------
    ndarray of int, shape (...)
    """
    held = np.cumsum(eigenvalues, axis=-1) / eigenvalues.sum(axis=-1, keepdims=True)
    return np.minimum((held < share - NEGLIGIBLE).sum(axis=-1) + 1, eigenvalues.shape[-1])


def eigenvalue_gap(eigenvalues: Array, k: int | Codes) -> Array:
    """How far component k stands out from the next, as a share of its own variance.

    Parameters
    ----------
    eigenvalues : ndarray, shape (..., p)
    k : int or ndarray of int, shape (...)
        Number of components kept, 1 to p.

    Returns
    -------
    ndarray, shape (...)
        (l_k - l_(k+1)) / l_k, from 0 (the two can be swapped) to 1; 1 where all are kept.
    """
    followed = np.concatenate([eigenvalues, np.zeros_like(eigenvalues[..., :1])], axis=-1)
    place = np.broadcast_to(np.asarray(k)[..., None], (*eigenvalues.shape[:-1], 1))
    here = np.take_along_axis(followed, place - 1, axis=-1)[..., 0]
    following = np.take_along_axis(followed, place, axis=-1)[..., 0]
    return 1 - following / here


def weak_gap(eigenvalues: Array, k: int, n: float) -> str:
    """Say it where the last component kept could change places with the first dropped.

    The error bars of two eigenvalues from n people overlap where their relative gap is below
    ``2 sqrt(2 / n)`` (North and others 1982).

    Parameters
    ----------
    eigenvalues : ndarray, shape (p,)
    k : int
        Number of components kept.
    n : float
        Effective number of people.

    Returns
    -------
    str
        A warning; nothing where the gap is wide enough, or nothing was dropped.
    """
    if k == has_variance(eigenvalues).sum():
        return ""
    gap, chance = float(eigenvalue_gap(eigenvalues, k)), 2 * np.sqrt(2 / n)
    if gap >= chance:
        return ""
    return (
        f"Components {k} and {k + 1} have nearly the same variance, {eigenvalues[k - 1]:.3g} and "
        f"{eigenvalues[k]:.3g}: {gap:.0%} apart, which with n = {n:,.0f} can be chance up to "
        f"{chance:.0%}. In another sample they could change places. See whether the "
        "coefficients with one component more or less lead to the same decision."
    )


def scaled(covariance: Array, whole: Array) -> tuple[Array, Array]:
    """Correlations, and the standard deviations that were divided by.

    Parameters
    ----------
    covariance : ndarray, shape (..., m, m)
    whole : ndarray, shape (m,)
        Variances in the whole sample, which tell a variance of zero from rounding.

    Returns
    -------
    correlations : ndarray, shape (..., m, m)
        A variable that is constant has zeros, on the diagonal too: it has no component.
    deviations : ndarray, shape (..., m)
        Zero where constant.
    """
    variance = np.diagonal(covariance, axis1=-2, axis2=-1)
    deviations = np.sqrt(np.where(variance > NEGLIGIBLE * whole, variance, 0.0))
    inverse = divided(1.0, deviations)
    return covariance * inverse[..., :, None] * inverse[..., None, :], deviations


def divided(above: Array | float, below: Array) -> Array:
    """Quotient, zero where the divisor is."""
    return np.where(below > 0, above / np.where(below > 0, below, 1.0), 0.0)


def training_moments(values: Array, weights: Array, folds: Codes) -> tuple[Array, Array]:
    """Mean and covariance of the sample without each of its folds.

    Parameters
    ----------
    values : ndarray, shape (n, m)
    weights : ndarray, shape (n,)
    folds : ndarray of int, shape (n,)
        Fold of each row, 0 to F - 1, at least two of them.

    Returns
    -------
    mean : ndarray, shape (F, m)
    covariance : ndarray, shape (F, m, m)
        With the sum of weights as denominator.

    Notes
    -----
    Taken from the moments of the whole sample instead of adding up the rest F times: with d the
    distances from the mean, S = sum of w d d', and of the fold its weight W_f, s = sum of w d
    and Q = sum of w d d', the rest has mean + s_rest / W_rest, with s_rest = -s, and the
    products S - Q - s s' / W_rest.
    """
    centre, _ = weighted_moments(values, weights)
    # What is constant must have no variance at all, not the square of a rounding error.
    distance = np.where(np.ptp(values, axis=0) > 0, values - centre, 0.0)
    order = np.argsort(folds, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(folds))[:-1])
    weighted = weights[:, None] * distance
    products = weighted.T @ distance - np.array([weighted[i].T @ distance[i] for i in parts])
    sums = -np.array([weighted[i].sum(axis=0) for i in parts])
    rest = weights.sum() - np.array([weights[i].sum() for i in parts])[:, None]
    products -= sums[:, :, None] * sums[:, None, :] / rest[..., None]
    return centre + sums / rest, products / rest[..., None]


def weighted_moments(values: Array, weights: Array) -> tuple[Array, Array]:
    """Weighted mean and covariance, the sum of weights as denominator.

    Parameters
    ----------
    values : ndarray, shape (n, m)
    weights : ndarray, shape (n,)

    Returns
    -------
    mean : ndarray, shape (m,)
    covariance : ndarray, shape (m, m)
    """
    share = weights / weights.sum()
    mean = share @ values
    distance = np.where(np.ptp(values, axis=0) > 0, values - mean, 0.0)
    return mean, (share[:, None] * distance).T @ distance


def cross_validation_errors(
    values: Array, weights: Array, folds: Codes, *, scale: bool = True
) -> Array:
    """Squared errors of rows that are predicted from the other folds, by number of components.

    Parameters
    ----------
    values : ndarray, shape (n, p + 1)
        Answers to the items and, last, the overall score; none missing.
    weights : ndarray, shape (n,)
        All above zero.
    folds : ndarray of int, shape (n,)
        Fold of each row, 0 to F - 1, at least two of them.
    scale : bool
        Whether items are divided by their standard deviation, that of the other folds.

    Returns
    -------
    ndarray, shape (n, p + 1)
        With 0 (the mean of the others), 1, … p components.
    """
    mean, covariance = training_moments(values, weights, folds)
    matrix, deviations = covariance, np.ones(mean.shape)
    if scale:
        matrix, deviations = scaled(covariance, np.diagonal(weighted_moments(values, weights)[1]))
    slopes = pcr_coefficients(matrix) * divided(deviations[:, -1:], deviations[:, :-1])[:, None]
    errors = np.empty(values.shape)
    for fold, (centre, slope) in enumerate(zip(mean, slopes, strict=True)):
        rows = folds == fold
        distance = values[rows] - centre
        errors[rows, 0] = distance[:, -1]
        errors[rows, 1:] = distance[:, -1:] - distance[:, :-1] @ slope.T
    return errors**2


def leave_one_out_errors(values: Array, weights: Array, *, scale: bool = True) -> Array:
    """Squared errors of every row predicted from all others, by number of components.

    Parameters
    ----------
    values : ndarray, shape (n, p + 1)
        Answers to the items and, last, the overall score; none missing.
    weights : ndarray, shape (n,)
        All above zero.
    scale : bool
        Whether items are divided by their standard deviation, that of the others.

    Returns
    -------
    ndarray, shape (n, p + 1)
        With 0, 1, … p components.

    Notes
    -----
    Checked against R pls 2.8-1 (pcr with scale = TRUE and validation = "LOO").
    """
    return cross_validation_errors(values, weights, np.arange(len(values)), scale=scale)


def mean_errors(errors: Array, weights: Array) -> tuple[Array, Array]:
    """Weighted mean of squared errors and its standard error, by number of components.

    Parameters
    ----------
    errors : ndarray, shape (n, K)
    weights : ndarray, shape (n,)

    Returns
    -------
    mean, standard_error : ndarray, shape (K,)
    """
    share = weights[:, None] / weights.sum()
    mean = (share * errors).sum(axis=0)
    spread = (share**2 * (errors - mean) ** 2).sum(axis=0)
    return mean, np.sqrt(spread * len(errors) / (len(errors) - 1))


def within_one_standard_error(mean: Array, standard_error: Array) -> Codes:
    """Place of the first candidate whose error is within one standard error of the smallest.

    Parameters
    ----------
    mean, standard_error : ndarray, shape (..., K)
        Of the candidates, the simplest first.

    Returns
    -------
    ndarray of int, shape (...)
        0 to K - 1.

    Notes
    -----
    Breiman et al. (1984), on mean squared errors as in Hastie, Tibshirani and Friedman (2009,
    section 7.10). R pls adds the standard error of the mean residual to the root of the mean
    squared error instead, about 1.4 times as much room where errors are normal.
    """
    best = mean.argmin(axis=-1)[..., None]
    limit = np.take_along_axis(mean + standard_error, best, axis=-1)
    return (mean <= limit).argmax(axis=-1)


def jackknife_errors(values: Array, weights: Array) -> Array:
    """Standard errors of the coefficients with 1, 2, … p components, by leaving out one row each.

    They hold for a number of components settled beforehand: choosing it adds to them.

    Parameters
    ----------
    values : ndarray, shape (n, p + 1)
        Answers to the items and, last, the overall score; none missing.
    weights : ndarray, shape (n,)
        All above zero.

    Returns
    -------
    ndarray, shape (p, p)
        A row for each number of components. In points of the overall score for one standard
        deviation of the item, which is that of the rows left and has their number less one in
        the denominator.

    Notes
    -----
    se² = (n - 1) / n sum over i of (b_i - mean of all b_i)² (Tukey 1958). Checked against R pls
    2.8-1 (var.jack after leave-one-out).
    """
    n = len(values)
    _, covariance = training_moments(values, weights, np.arange(n))
    correlations, deviations = scaled(covariance, np.diagonal(weighted_moments(values, weights)[1]))
    unbiased = deviations[:, -1, None, None] * np.sqrt((n - 1) / (n - 2))
    return np.sqrt((n - 1) * (pcr_coefficients(correlations) * unbiased).var(axis=0))
