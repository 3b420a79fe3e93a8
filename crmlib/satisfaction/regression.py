"""Principal component regression as a scikit-learn estimator."""

import warnings
from numbers import Integral, Real
from typing import Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    RegressorMixin,
    TransformerMixin,
)
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from crmlib.columns import Array, Codes
from crmlib.errors import InputError
from crmlib.satisfaction.components import (
    components_for_share,
    cross_validation_errors,
    divided,
    eigen_components,
    has_variance,
    kaiser,
    leave_one_out_errors,
    mean_errors,
    pcr_coefficients,
    scaled,
    weak_gap,
    weighted_moments,
    within_one_standard_error,
)

LEAVE_ONE_OUT = 400
"""Rows up to which cross-validation leaves out one at a time."""

FOLDS, REPEATS = 10, 5
"""Of cross-validation with more rows."""

FOLD_SEED = 1
"""Draws the folds: the same rows, in whatever order, are always divided the same way."""


class WeakGapWarning(UserWarning):
    """The last component kept has about as much variance as the first one dropped."""


class PrincipalComponentRegression(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, RegressorMixin, BaseEstimator
):
    """Regression on the first principal components of the predictors.

    Parameters
    ----------
    n_components : {"cv", "kaiser"}, int or float
        How many components to keep:

        - "cv": the fewest whose error in cross-validation is within one standard error of the
          smallest error, at least one. Up to 400 rows each is left out in turn; with more it is
          10 folds, 5 times over, drawn by a seed of their own. Standardising is part of what is
          repeated. Rows that are equal in everything are left out together, so that weights of
          2 say the same as rows given twice.
        - "kaiser": those with more variance than a predictor has on average.
        - a whole number: that many.
        - a fraction between 0 and 1: the fewest that hold this share of the variance.
    scale : bool
        Whether predictors are divided by their standard deviation. Without, components follow
        the units they are measured in.

    Attributes
    ----------
    n_components_ : int
        Components kept.
    coef_ : ndarray, shape (p,)
        Change in y for a change of 1 in a predictor, in the units of the data.
    intercept_ : float
    components_ : ndarray, shape (n_components_, p)
        Loadings, a component a row, each with its largest loading positive.
    explained_variance_, explained_variance_ratio_ : ndarray, shape (n_components_,)
        Variances of the scores, and as shares of the predictors' variance.
    eigenvalues_ : ndarray, shape (p,)
        Variances of all components.
    mean_, scale_ : ndarray, shape (p,)
        Of the predictors, weighted; the sum of weights is the denominator of their variance.
    cross_validation_ : DataFrame
        With "cv": components (from 0), mean_squared_error and its standard_error.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Names of the columns where `fit` was given a DataFrame with names.

    Warns
    -----
    WeakGapWarning
        When the variances l of the last component kept and the first dropped are so close that
        ``(l_k - l_(k+1)) / l_k < 2 sqrt(2 / n)``, with Kish's effective n of unequal weights. A
        variance has a standard error of about ``l sqrt(2 / n)``, and where those of neighbours
        overlap, another sample may mix the two components or change their places (the rule of
        thumb of North et al. 1982), and the coefficients with them. In simulated samples from
        two components of equal variance the warning came in 79 to 96 of 100.

    Notes
    -----
    With x standardised, l_j and v_j the eigenvalues and eigenvectors of its correlations and r
    its correlations with y, the standardised coefficients are the sum over the components kept
    of v_j (v_j' r) / l_j. Weights are those of a survey: each row counts as often as its weight
    says, in means, correlations and the errors of cross-validation. Constant and collinear
    predictors are no trouble: what has no variance has no component.

    Checked against R 4.2.2, pls 2.8-1 (pcr with scale = TRUE: coefficients, intercepts,
    explained variance and leave-one-out errors at every number of components) and, with weights,
    survey 4.1-1.

    References
    ----------
    Jolliffe (2002), Principal Component Analysis, 2nd ed., ch. 8.
    """

    def __init__(
        self,
        n_components: Literal["cv", "kaiser"] | int | float = "cv",
        scale: bool = True,
    ) -> None:
        self.n_components = n_components
        self.scale = scale

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit to data.

        Parameters
        ----------
        X : array-like, shape (n, p)
        y : array-like, shape (n,)
        sample_weight : array-like, shape (n,), optional
            Rows with a weight of zero are left out.

        Returns
        -------
        self

        Raises
        ------
        InputError
            ``n_components`` is none of the above or more than the components that have variance;
            no predictor differs between rows; weights are negative or all zero.
        """
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True, ensure_min_samples=2)
        weights = self._checked_weights(X, sample_weight)
        if hasattr(self, "cross_validation_"):
            del self.cross_validation_  # of an earlier fit by another rule
        counted = weights > 0
        values, weights = np.column_stack([X, y])[counted], weights[counted]
        mean, covariance = weighted_moments(values, weights)
        matrix, deviations = covariance, np.ones(len(mean))
        if self.scale:
            matrix, deviations = scaled(covariance, np.diagonal(covariance))
        self.eigenvalues_, vectors = eigen_components(matrix[:-1, :-1])
        k = self._chosen(values, weights)
        self._warn_if_weak(k, weights)
        self.n_components_ = self._n_features_out = k
        self.components_ = vectors[:, :k].T
        self.explained_variance_ = self.eigenvalues_[:k]
        self.explained_variance_ratio_ = self.explained_variance_ / self.eigenvalues_.sum()
        self.mean_, self.scale_ = mean[:-1], np.where(deviations > 0, deviations, 1.0)[:-1]
        self.coef_ = pcr_coefficients(matrix)[k - 1] * divided(deviations[-1], deviations[:-1])
        self.intercept_ = float(mean[-1] - self.mean_ @ self.coef_)
        return self

    def transform(self, X: ArrayLike) -> Array:
        """Scores on the components kept.

        Parameters
        ----------
        X : array-like, shape (n, p)

        Returns
        -------
        ndarray, shape (n, n_components_)
        """
        check_is_fitted(self)
        values: Array = validate_data(self, X, dtype=np.float64, reset=False)
        scores: Array = (values - self.mean_) / self.scale_ @ self.components_.T
        return scores

    def predict(self, X: ArrayLike) -> Array:
        """Expected y.

        Parameters
        ----------
        X : array-like, shape (n, p)

        Returns
        -------
        ndarray, shape (n,)
        """
        check_is_fitted(self)
        values: Array = validate_data(self, X, dtype=np.float64, reset=False)
        expected: Array = values @ self.coef_ + self.intercept_
        return expected

    def _checked_weights(self, X: ArrayLike, sample_weight: ArrayLike | None) -> Array:
        weights: Array = _check_sample_weight(sample_weight, X, dtype=np.float64)
        if (weights < 0).any() or not weights.any():
            raise InputError(
                "sample_weight has negative weights, or zeros only. A weight is how many rows a "
                "row stands for."
            )
        return weights

    def _chosen(self, values: Array, weights: Array) -> int:
        """Number of components by the rule asked for."""
        most = int(has_variance(self.eigenvalues_).sum())
        if most == 0:
            raise InputError("No predictor differs between the rows, so none explains anything.")
        wanted = self.n_components
        if wanted == "cv":
            return self._cross_validated(values, weights, most)
        if wanted == "kaiser":
            return int(kaiser(self.eigenvalues_))
        if isinstance(wanted, Integral) and not isinstance(wanted, bool) and wanted >= 1:
            if wanted > most:
                raise InputError(
                    f"n_components={wanted}: the predictors have only {most} components with any "
                    f"variance. Take at most {most}."
                )
            return int(wanted)
        if isinstance(wanted, Real) and not isinstance(wanted, Integral) and 0 < wanted < 1:
            return int(components_for_share(self.eigenvalues_, float(wanted)))
        raise InputError(
            f'n_components={wanted!r}: write "cv", "kaiser", a whole number from 1, or a fraction '
            "between 0 and 1 for a share of the variance."
        )

    def _cross_validated(self, values: Array, weights: Array, most: int) -> int:
        distinct, copies = np.unique(values, axis=0, return_inverse=True)
        weight = np.bincount(copies.reshape(-1), weights).astype(np.float64)
        if len(distinct) <= LEAVE_ONE_OUT:
            errors = leave_one_out_errors(distinct, weight, scale=self.scale)
        else:
            errors = np.mean(
                [
                    cross_validation_errors(distinct, weight, folds, scale=self.scale)
                    for folds in repeated_folds(len(distinct))
                ],
                axis=0,
            )
        mean, standard_error = mean_errors(errors[:, : most + 1], weight)
        self.cross_validation_ = pd.DataFrame(
            {
                "components": np.arange(most + 1),
                "mean_squared_error": mean,
                "standard_error": standard_error,
            }
        )
        return 1 + int(within_one_standard_error(mean[1:], standard_error[1:]))

    def _warn_if_weak(self, k: int, weights: Array) -> None:
        n = weights.sum() ** 2 / (weights**2).sum()
        if warning := weak_gap(self.eigenvalues_, k, n):
            warnings.warn(warning, WeakGapWarning, stacklevel=3)


def repeated_folds(n: int) -> list[Codes]:
    """Number of the fold of every row, for each repeat."""
    random = np.random.default_rng(FOLD_SEED)
    return [random.permutation(np.arange(n) % FOLDS) for _ in range(REPEATS)]
