"""The probability of leaving from several signs: logistic regression, shrunk, with intervals."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import norm

from crmlib.columns import Array

PENALTY = 1.0
"""Half of it times the squared coefficients is taken off the log-likelihood."""

STEPS, CLOSE = 100, 1e-10


@dataclass(frozen=True)
class LeavingModel:
    """A fitted logistic regression on standardised signs.

    Attributes
    ----------
    middle, spread : ndarray, shape (signs,)
        Mean and standard deviation of each sign where it was learned.
    coefficients : ndarray, shape (1 + signs,)
        Constant, and change of the log odds by one standard deviation of each sign.
    covariance : ndarray, shape (1 + signs, 1 + signs)
        Of them, with rows of one customer taken together.
    """

    middle: Array
    spread: Array
    coefficients: Array
    covariance: Array

    def design(self, signs: Array) -> Array:
        """Constant and standardised signs; a sign that is missing counts as the mean."""
        scaled = np.nan_to_num((signs - self.middle) / self.spread)
        return np.column_stack([np.ones(len(signs)), scaled])

    def probability(self, signs: Array) -> Array:
        """Probability of leaving, shape (n,), from signs of shape (n, signs)."""
        return np.asarray(expit(self.design(signs) @ self.coefficients))

    def interval(self, signs: Array, confidence: float) -> tuple[Array, Array]:
        """Interval of the probability, by what the coefficients leave open."""
        x = self.design(signs)
        middle = x @ self.coefficients
        error = np.sqrt(np.einsum("ij,jk,ik->i", x, self.covariance, x))
        half = norm.ppf(0.5 + confidence / 2) * error
        return np.asarray(expit(middle - half)), np.asarray(expit(middle + half))


def fit_leaving(
    signs: Array, leaves: NDArray[np.bool_], customer: NDArray[np.int64]
) -> LeavingModel:
    """Fit the probability of leaving by penalised maximum likelihood.

    Parameters
    ----------
    signs : ndarray, shape (n, signs)
        NaN where a sign cannot be said.
    leaves : ndarray of bool, shape (n,)
    customer : ndarray of int, shape (n,)
        Rows of one customer are not independent.

    Returns
    -------
    LeavingModel

    Notes
    -----
    Maximises ``Σ log P - PENALTY / 2 Σ b²`` over standardised signs, the constant free (ridge:
    le Cessie and van Houwelingen 1992), by Newton's method. Checked against scikit-learn's
    LogisticRegression with C = 1. The covariance is the sandwich H⁻¹ M H⁻¹ with the scores of a
    customer summed.
    """
    middle, spread = standardising(signs)
    none = np.zeros(signs.shape[1] + 1)
    x = LeavingModel(middle, spread, none, np.zeros((len(none), len(none)))).design(signs)
    penalty = np.full(x.shape[1], PENALTY)
    penalty[0] = 0.0
    b = none
    for _ in range(STEPS):
        p = expit(x @ b)
        slope = x.T @ (leaves - p) - penalty * b
        bend = (x * (p * (1 - p))[:, None]).T @ x + np.diag(penalty)
        step = np.linalg.solve(bend, slope)
        # A step of more than this comes from where the curve is all but flat.
        b = b + step * min(1.0, 4.0 / max(np.abs(step).max(), 1e-300))
        if np.abs(step).max() < CLOSE:
            break
    scores = x * (leaves - expit(x @ b))[:, None]
    _, place = np.unique(customer, return_inverse=True)
    summed = np.zeros((place.max() + 1, x.shape[1]))
    np.add.at(summed, place, scores)
    inverse = np.linalg.inv(bend)
    return LeavingModel(middle, spread, b, inverse @ (summed.T @ summed) @ inverse)


def standardising(signs: Array) -> tuple[Array, Array]:
    """Mean and standard deviation of each sign where it is known; 0 and 1 where it says nothing."""
    known = np.isfinite(signs)
    n = np.maximum(known.sum(axis=0), 1)
    middle = np.where(known, signs, 0.0).sum(axis=0) / n
    spread = np.sqrt(np.where(known, (signs - middle) ** 2, 0.0).sum(axis=0) / n)
    return middle, np.where(spread > 1e-12, spread, 1.0)
