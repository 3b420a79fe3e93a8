"""How much every item adds to the overall score, by seven methods, from correlations alone.

Every function takes the correlations of the items and, last, the overall score, shape
(..., p + 1, p + 1), any number of them at once. Where items are collinear, or more than the
people who answered, least squares has no single answer: it and what is built on it give NaN.
"""

from math import factorial

import numpy as np
from numpy.typing import NDArray

from crmlib.columns import Array
from crmlib.errors import InputError
from crmlib.satisfaction.components import NEGLIGIBLE, eigen_components, has_variance

MOST_ITEMS = 20
"""Items up to which `lmg` looks at all subsets: about a million."""

CELLS = 1_000_000
"""Numbers that `lmg` holds at a time: few enough for the cache to be of use."""


def correlation_importance(correlations: Array) -> Array:
    """Correlation of every item with the overall score, called derived importance.

    Parameters
    ----------
    correlations : ndarray, shape (..., p + 1, p + 1)

    Returns
    -------
    ndarray, shape (..., p)
    """
    return correlations[..., :-1, -1].copy()


def is_singular(correlations: Array) -> NDArray[np.bool_]:
    """Whether the items are collinear, or have a correlation that is NaN.

    Parameters
    ----------
    correlations : ndarray, shape (..., p + 1, p + 1)

    Returns
    -------
    ndarray of bool, shape (...)
    """
    full = has_variance(eigen_components(correlations[..., :-1, :-1])[0]).all(axis=-1)
    return np.asarray(~full)


def ols_coefficients(correlations: Array) -> Array:
    """Standardised coefficients of least squares.

    Parameters
    ----------
    correlations : ndarray, shape (..., p + 1, p + 1)

    Returns
    -------
    ndarray, shape (..., p)
        NaN where the items are collinear.

    Notes
    -----
    b = R⁻¹ r. Checked against R lm on standardised columns.
    """
    items, singular = _invertible(correlations)
    coefficients = np.linalg.solve(items, correlations[..., :-1, -1:])[..., 0]
    return np.where(singular[..., None], np.nan, coefficients)


def ridge_coefficients(correlations: Array, penalties: Array) -> Array:
    """Standardised coefficients of ridge regression.

    Parameters
    ----------
    correlations : ndarray, shape (..., p + 1, p + 1)
    penalties : ndarray, shape (L,)
        Added to the variance of 1 that every item has; 0 or more. With n people it is n times
        this that is added to sums of squares, as in scikit-learn's ``alpha``.

    Returns
    -------
    ndarray, shape (..., L, p)
        Collinear items share what they have in common, also with a penalty of 0. NaN where a
        correlation is.

    Notes
    -----
    b = (R + penalty I)⁻¹ r (Hoerl and Kennard 1970). Checked against scikit-learn.
    """
    eigenvalues, vectors = eigen_components(correlations[..., :-1, :-1])
    along = (vectors.swapaxes(-1, -2) @ correlations[..., :-1, -1:])[..., 0]
    kept = has_variance(eigenvalues)
    raised = np.where(kept, eigenvalues, 1.0)[..., None, :] + np.asarray(penalties)[:, None]
    slopes = (kept * along)[..., None, :] / raised
    return slopes @ vectors.swapaxes(-1, -2)


def pls_coefficients(correlations: Array, components: int) -> Array:
    """Standardised coefficients of partial least squares with 1, 2, … components.

    Parameters
    ----------
    correlations : ndarray, shape (..., p + 1, p + 1)
    components : int
        Largest number of components, K.

    Returns
    -------
    ndarray, shape (..., K, p)
        A row for each number of components. Once nothing is left to explain, or only by
        components without variance, further ones add nothing. NaN where a correlation is.

    Notes
    -----
    With one score to explain, the coefficients with k components are the k-th step of the
    method of conjugate gradients towards R b = r (Phatak and de Hoog 2002). Directions are made
    conjugate to all earlier ones, not only the last, against rounding. Checked against R pls
    2.8-1 (plsr with scale = TRUE) at every k.
    """
    items, explained = correlations[..., :-1, :-1], correlations[..., :-1, -1]
    shape = (*explained.shape[:-1], components, explained.shape[-1])
    directions, images = np.zeros(shape), np.zeros(shape)
    lengths = np.ones(shape[:-1])
    coefficients = np.empty(shape)
    b = np.zeros(explained.shape)
    most = np.abs(items).sum(axis=-1).max(axis=-1)  # no eigenvalue is larger
    for k in range(components):
        left = explained - _times(items, b)
        earlier = _times(images, left) / lengths
        direction = left - _times(directions.swapaxes(-1, -2), earlier)
        image = _times(items, direction)
        length = _dot(direction, image)
        # Written so that NaN goes on.
        done = (_dot(left, left) <= 1e-26 * _dot(explained, explained)) | (
            length <= NEGLIGIBLE * most * _dot(direction, direction)
        )
        step = np.where(done, 0.0, _dot(direction, left) / np.where(done, 1.0, length))
        b = b + step[..., None] * direction
        directions[..., k, :] = np.where(done[..., None], 0.0, direction)
        images[..., k, :] = np.where(done[..., None], 0.0, image)
        lengths[..., k] = np.where(done, 1.0, length)
        coefficients[..., k, :] = b
    return coefficients


def lmg(correlations: Array) -> Array:
    """What every item adds to R², averaged over all orders in which items can enter.

    Parameters
    ----------
    correlations : ndarray, shape (..., p + 1, p + 1)

    Returns
    -------
    ndarray, shape (..., p)
        Shares that add up to R². NaN where the items are collinear.

    Raises
    ------
    InputError
        More than 20 items: every item doubles the work.

    Notes
    -----
    Lindeman, Merenda and Gold (1980); the Shapley value of the game "explain the overall score".
    R² is needed of every subset S of the items:

        LMG_j = sum over S without j of |S|! (p - 1 - |S|)! / p! (R²(S + j) - R²(S))

    Items are decided one by one. For every subset of those decided, the matrix of those still
    open and the overall score is kept with the subset regressed out (a Schur complement); after
    the last, what is left is 1 - R². Checked against R relaimpo 2.2-7 and pingouin.
    """
    p = correlations.shape[-1] - 1
    if p > MOST_ITEMS:
        raise InputError(
            f"LMG looks at every subset of the items: with {p} these are {2**p:,}. Take at most "
            f"{MOST_ITEMS} items, or Johnson weights, which are close and quick."
        )
    singular = is_singular(correlations)
    usable = np.where(singular[..., None, None], np.eye(p + 1), correlations)
    usable = usable.reshape(-1, p + 1, p + 1)
    at_once = max(1, CELLS // _peak_cells(p))
    shares = [
        _shapley_values(unexplained_by_subset(usable[start : start + at_once]))
        for start in range(0, len(usable), at_once)
    ]
    values = np.concatenate(shares) if shares else np.empty((0, p))
    return np.where(singular[..., None], np.nan, values.reshape(*singular.shape, p))


def unexplained_by_subset(correlations: Array) -> Array:
    """1 - R² of the overall score on every subset of the items.

    Parameters
    ----------
    correlations : ndarray, shape (B, p + 1, p + 1)
        Not singular.

    Returns
    -------
    ndarray, shape (2**p, B)
        Item j is in subset s when bit j of s is 1.
    """
    # Subsets lie on the last axis, so that NumPy's inner loops are long.
    open_items = np.ascontiguousarray(np.moveaxis(correlations, 0, -1))
    while len(open_items) > 1:
        without, column = open_items[1:, 1:], open_items[1:, 0]
        count = column.shape[-1]
        doubled = np.empty((*without.shape[:2], 2 * count))
        doubled[..., :count] = without
        np.multiply((column / open_items[0, 0])[:, None], column[None, :], out=doubled[..., count:])
        np.subtract(without, doubled[..., count:], out=doubled[..., count:])
        open_items = doubled
    return open_items.reshape(-1, len(correlations))


def _shapley_values(unexplained: Array) -> Array:
    """LMG from 1 - R² of every subset, shape (2**p, B)."""
    p = len(unexplained).bit_length() - 1
    others = np.bitwise_count(np.arange(2 ** (p - 1)))
    weights = np.array([factorial(s) * factorial(p - 1 - s) / factorial(p) for s in range(p)])
    values = np.empty((unexplained.shape[1], p))
    for j in range(p):
        split = unexplained.reshape(2 ** (p - 1 - j), 2, 2**j, -1)
        gained = (split[:, 0] - split[:, 1]).reshape(2 ** (p - 1), -1)
        values[:, j] = weights[others] @ gained
    return values


def _peak_cells(p: int) -> int:
    """Numbers held for one matrix when most are, the step before included."""
    return max(2**j * ((p + 1 - j) ** 2 + (p + 2 - j) ** 2 // 2) for j in range(p + 1))


def johnson_weights(correlations: Array) -> Array:
    """Relative weights: R² divided among the items by way of uncorrelated stand-ins.

    Parameters
    ----------
    correlations : ndarray, shape (..., p + 1, p + 1)

    Returns
    -------
    ndarray, shape (..., p)
        Shares that add up to R². NaN where the items are collinear.

    Notes
    -----
    With L the symmetric square root of R, which correlates the items with the uncorrelated
    variables nearest to them, and b = L⁻¹ r,

        weight_j = sum over m of L_jm² b_m²

    Johnson (2000); the same as Genizi (1993). Checked against R relaimpo 2.2-7 (genizi).
    """
    eigenvalues, vectors = eigen_components(correlations[..., :-1, :-1])
    kept = has_variance(eigenvalues)
    roots = np.sqrt(np.where(kept, eigenvalues, 1.0))[..., None, :]
    square_root = (vectors * roots) @ vectors.swapaxes(-1, -2)
    inverse = (vectors / roots) @ vectors.swapaxes(-1, -2)
    b = _times(inverse, correlations[..., :-1, -1])
    return np.where(kept.all(axis=-1, keepdims=True), _times(square_root**2, b**2), np.nan)


def r_squared(correlations: Array) -> Array:
    """Share of the variance of the overall score that the items explain together.

    Parameters
    ----------
    correlations : ndarray, shape (..., p + 1, p + 1)

    Returns
    -------
    ndarray, shape (...)
        Of collinear items as of those among them that are not. NaN where a correlation is.
    """
    eigenvalues, vectors = eigen_components(correlations[..., :-1, :-1])
    along = _times(vectors.swapaxes(-1, -2), correlations[..., :-1, -1])
    kept = has_variance(eigenvalues)
    return (kept * along**2 / np.where(kept, eigenvalues, 1.0)).sum(axis=-1)


def variance_inflation(correlations: Array) -> Array:
    """How many times the variance of a coefficient is what it were without the other items.

    Parameters
    ----------
    correlations : ndarray, shape (..., p + 1, p + 1)

    Returns
    -------
    ndarray, shape (..., p)
        1 / (1 - R² of the item on the others); NaN where the items are collinear.

    Notes
    -----
    The diagonal of R⁻¹. Checked against R on the standardised survey.
    """
    items, singular = _invertible(correlations)
    inflation = np.diagonal(np.linalg.inv(items), axis1=-2, axis2=-1)
    return np.where(singular[..., None], np.nan, inflation)


def _invertible(correlations: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Correlations of the items, the identity in place of singular ones, and which those are."""
    items, singular = correlations[..., :-1, :-1], is_singular(correlations)
    return np.where(singular[..., None, None], np.eye(items.shape[-1]), items), singular


def _times(matrix: Array, vector: Array) -> Array:
    return (matrix @ vector[..., None])[..., 0]


def _dot(a: Array, b: Array) -> Array:
    return (a * b).sum(axis=-1)
