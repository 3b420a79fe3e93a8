"""Importance by every method, its number of components or penalty chosen from moments alone.

The squared error of a linear prediction over a part of the sample is a quadratic form of that
part's cross-products, so that a cross-validation needs no more of the answers than these. All is
batched over the samples drawn again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from crmlib.errors import InputError
from crmlib.satisfaction.answers import Array, Codes
from crmlib.satisfaction.components import (
    components_for_share,
    eigen_components,
    kaiser,
    pcr_coefficients,
    within_one_standard_error,
)
from crmlib.satisfaction.importance import (
    correlation_importance,
    johnson_weights,
    lmg,
    ols_coefficients,
    pls_coefficients,
    ridge_coefficients,
)
from crmlib.satisfaction.moments import (
    CHUNK,
    Moments,
    correlation_of,
    deviations,
    in_chunks,
    moments_of_products,
)

Method = Literal["pcr", "pls", "ols", "ridge", "lmg", "johnson", "correlation"]

METHODS: tuple[Method, ...] = ("pcr", "pls", "ols", "ridge", "lmg", "johnson", "correlation")

PENALTIES = np.logspace(-3, 1, 17)
"""Ridge penalties tried, beside the variance of 1 that every item has."""

Path = Callable[[Array], Array]
"""Correlations, shape (..., p + 1, p + 1), to coefficients of K candidates, shape (..., K, p)."""

Rule = str | int | float
"""Number of components: "cv", "kaiser", a number, or a share of variance between 0 and 1."""


@dataclass(frozen=True, eq=False)
class Importances:
    """What one method finds in B samples.

    Attributes
    ----------
    values : ndarray, shape (B, p)
        Standardised coefficients (pcr, pls, ols, ridge), parts of R² (lmg, johnson) or
        correlations with the overall score; NaN where the method finds none.
    r_squared : ndarray, shape (B,)
        Of the overall score in the sample that the method was fitted to; NaN for correlations.
    choice : ndarray, shape (B,)
        Number of components or penalty; NaN for methods without.
    useful : ndarray of bool, shape (B,)
        False where cross-validation would rather take no component at all.
    """

    values: Array
    r_squared: Array
    choice: Array
    useful: NDArray[np.bool_]


def importances(moments: Moments, method: Method, components: Rule = "cv") -> Importances:
    """Importance of every item in every sample, components or penalty chosen anew in each.

    Parameters
    ----------
    moments : Moments
        From `resampled_moments`; with folds for pls and ridge, and for pcr with "cv".
    method : {"pcr", "pls", "ols", "ridge", "lmg", "johnson", "correlation"}
    components : "cv", "kaiser", int or float
        Of pcr (`choose_components`). Of pls as well if it is a number; other rules look at the
        items alone, and pls keeps to cross-validation. The penalty of ridge is that with the
        lowest cross-validated error.

    Returns
    -------
    Importances

    Raises
    ------
    InputError
        The rule cannot be followed, or lmg has more than 20 items.
    """
    check_rule(components, moments.mean.shape[1] - 1)
    rule = components if method == "pcr" or not looks_at_items(components) else "cv"
    validated = method == "ridge" or (method in ("pcr", "pls") and rule == "cv")
    if not validated:
        parts = in_chunks(lambda part: fitted(part, None, method, rule), CHUNK, moments.correlation)
    elif moments.folds is None:
        raise InputError(f"{method} chooses by cross-validation and needs moments with folds=10.")
    else:
        parts = in_chunks(
            lambda part, folds: fitted(part, folds, method, rule),
            CHUNK,
            moments.correlation,
            moments.folds,
        )
        if moments.repeats is not None:
            # What is chosen in the sample itself must not hang on one split into folds.
            sample = fitted(moments.correlation[:1], moments.repeats[None], method, rule)
            return joined([sample, without_first(parts[0]), *parts[1:]])
    return joined(parts)


PARTS = ("values", "r_squared", "choice", "useful")


def joined(parts: Sequence[Importances]) -> Importances:
    """Importances of chunks of samples, one after the other."""
    return Importances(*(np.concatenate([getattr(part, name) for part in parts]) for name in PARTS))


def without_first(part: Importances) -> Importances:
    """Importances of a chunk but its first sample."""
    return Importances(*(getattr(part, name)[1:] for name in PARTS))


def looks_at_items(rule: Rule) -> bool:
    """Whether a rule for components looks at nothing but the items' own variance."""
    return rule == "kaiser" or isinstance(rule, float)


def fitted(correlations: Array, folds: Array | None, method: Method, rule: Rule) -> Importances:
    """Importances of a chunk of samples."""
    size, p = len(correlations), correlations.shape[-1] - 1
    nothing, useful = np.full(size, np.nan), np.ones(size, dtype=bool)
    if method == "correlation":
        return Importances(correlation_importance(correlations), nothing, nothing, useful)
    if method in ("lmg", "johnson"):
        values = (lmg if method == "lmg" else johnson_weights)(correlations)
        return Importances(values, values.sum(axis=-1), nothing, useful)
    if method == "ols":
        values = ols_coefficients(correlations)
        return Importances(values, fit_of(correlations, values), nothing, useful)
    path = path_of(method, p)
    if method == "ridge":
        assert folds is not None
        place = cross_validated_errors(folds, path)[0][:, 1:].argmin(axis=-1)
        choice = PENALTIES[place]
    else:
        number, useful = choose_components(rule, correlations, folds, path)
        place, choice = number - 1, number.astype(float)
    values = path(correlations)[np.arange(size), place]
    return Importances(values, fit_of(correlations, values), choice, useful)


def path_of(method: Method, p: int) -> Path:
    """Coefficients of all candidates of a method that has something to choose."""
    if method == "pcr":
        return pcr_coefficients
    if method == "pls":
        return lambda correlations: pls_coefficients(correlations, p)
    return lambda correlations: ridge_coefficients(correlations, PENALTIES)


def fit_of(correlations: Array, coefficients: Array) -> Array:
    """R² of standardised coefficients: ``2 b' r - b' R b``."""
    items, overall = correlations[..., :-1, :-1], correlations[..., :-1, -1]
    fitted_part = np.einsum("...i,...ij,...j->...", coefficients, items, coefficients)
    return 2 * (coefficients * overall).sum(axis=-1) - fitted_part


def check_rule(components: Rule, p: int) -> None:
    """Refuse a rule for the number of components that cannot be followed.

    Raises
    ------
    InputError
        When it is none of "cv", "kaiser", a whole number from 1 to p, a fraction below 1.
    """
    if components in ("cv", "kaiser"):
        return
    if isinstance(components, float) and 0 < components < 1:
        return
    if (
        isinstance(components, int | np.integer)
        and not isinstance(components, bool)
        and 1 <= components <= p
    ):
        return
    raise InputError(
        f'components={components!r}: write "cv", "kaiser", a share of variance between 0 and 1, '
        f"or a number of components from 1 to {p}, the number of items."
    )


def choose_components(
    rule: Rule, correlations: Array, folds: Array | None, path: Path
) -> tuple[Codes, NDArray[np.bool_]]:
    """Number of components by a rule, at least one.

    Parameters
    ----------
    rule : "cv", "kaiser", int or float
        "cv" takes the fewest components whose cross-validated error is within one standard error
        of the lowest; "kaiser" those with an eigenvalue above 1; a share the fewest that hold it.
    correlations : ndarray, shape (B, p + 1, p + 1)
    folds : ndarray, shape (B, F, p + 2, p + 2), or None
        Cross-products by fold (`Moments.folds`), for "cv".
    path : callable
        Coefficients with 1 to p components from correlations.

    Returns
    -------
    number : ndarray of int, shape (B,)
    useful : ndarray of bool, shape (B,)
        False where "cv" would rather take none: the items do not foretell the overall score
        beyond what chance can.
    """
    size = len(correlations)
    if rule == "cv":
        assert folds is not None
        error, standard_error = cross_validated_errors(folds, path)
        with_none = within_one_standard_error(error, standard_error)
        return 1 + within_one_standard_error(error[:, 1:], standard_error[:, 1:]), with_none > 0
    if isinstance(rule, int | np.integer):
        return np.full(size, rule), np.ones(size, dtype=bool)
    eigenvalues, _ = eigen_components(correlations[:, :-1, :-1])
    if rule == "kaiser":
        return kaiser(eigenvalues), np.ones(size, dtype=bool)
    return components_for_share(eigenvalues, float(rule)), np.ones(size, dtype=bool)


def cross_validated_errors(folds: Array, path: Path) -> tuple[Array, Array]:
    """Mean squared error of prediction of every candidate, and its standard error over folds.

    Parameters
    ----------
    folds : ndarray, shape (B, F, p + 2, p + 2) or (B, R, F, p + 2, p + 2)
        Cross-products of [1, items, overall] by fold; of R splits into folds, over which the
        errors are averaged.
    path : callable
        Coefficients of K candidates from correlations.

    Returns
    -------
    error, standard_error : ndarray, shape (B, K + 1)
        Of predicting the mean first, then of the candidates. The standard error is that of a
        ratio over folds, ``sqrt(F / (F - 1) sum W_f^2 (e_f - e)^2) / W``, which is sd / sqrt(F)
        for folds of equal weight (Hastie, Tibshirani and Friedman 2009, 7.10). Folds without
        weight in a resample are passed over.
    """
    if folds.ndim == 5:
        size, splits = folds.shape[:2]
        found = cross_validated_errors(folds.reshape(-1, *folds.shape[2:]), path)
        error, standard_error = (part.reshape(size, splits, -1).mean(axis=1) for part in found)
        return error, standard_error
    squares, weight = fold_errors(folds, path)
    total = weight.sum(axis=-1)[:, None]
    error = squares.sum(axis=-2) / total
    rest = squares - weight[..., None] * error[:, None, :]
    used = (weight > 0).sum(axis=-1)[:, None]
    spread = used / np.maximum(used - 1, 1) * (rest**2).sum(axis=-2)
    return error, np.sqrt(spread) / total


def fold_errors(folds: Array, path: Path) -> tuple[Array, Array]:
    """Weighted sums of squared errors on each fold of what was trained on the others.

    With ``v = [-intercept, -coefficients, 1]`` from the training part, scaled inside it, the sum
    is ``v' C_f v``. An item that does not vary in a training part foretells nothing there.

    Returns
    -------
    squares : ndarray, shape (B, F, K + 1)
        Of predicting the mean of the training part first.
    weight : ndarray, shape (B, F)
        Weight of the respondents of the fold.
    """
    training = folds.sum(axis=1, keepdims=True) - folds
    mean, covariance, weight = moments_of_products(training)
    # Beside the mean square, which is about the mean of the sample, a variance may be rounding.
    usual = (
        np.diagonal(training, axis1=-2, axis2=-1)[..., 1:] / np.maximum(weight, 1e-300)[..., None]
    )
    deviation = deviations(covariance, usual)
    coefficients = path(without_gaps(correlation_of(covariance, usual)))
    raw = coefficients * deviation[..., None, -1:] / deviation[..., None, :-1]
    raw = np.where(np.isnan(raw), 0.0, raw)
    contrast = np.zeros((*raw.shape[:2], raw.shape[2] + 1, folds.shape[-1]))
    contrast[..., 1:, 1:-1] = -raw
    contrast[..., -1] = 1.0
    contrast[..., 0] = -np.einsum("bfkm,bfm->bfk", contrast[..., 1:], mean)
    squares = ((contrast @ folds) * contrast).sum(axis=-1)
    return squares, folds[..., 0, 0]


def without_gaps(correlations: Array) -> Array:
    """Correlations with variables that do not vary taken as correlated with none."""
    return np.where(np.isnan(correlations), np.eye(correlations.shape[-1]), correlations)
