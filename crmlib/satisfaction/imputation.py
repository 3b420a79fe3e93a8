"""Missing answers drawn several times over, and estimates from the completed tables pooled.

Draws are from the multivariate normal distribution of all answers given, on the assumption that
what is missing can be told from what was answered (Rubin 1987).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from crmlib.columns import Array
from crmlib.errors import InputError
from crmlib.satisfaction.missing import (
    em_moments,
    patterns_of,
    precision_of,
    predicted,
    regression_on_present,
)


def impute(values: Array, weights: Array, imputations: int = 20, *, seed: int) -> Array:
    """Fill in missing answers several times over, so that the tables differ by what is unknown.

    Parameters
    ----------
    values : ndarray, shape (n, m)
        NaN where an answer is missing.
    weights : ndarray, shape (n,)
    imputations : int
        How many completed tables, M. As many as there are per cent of respondents with a missing
        answer is a common rule.
    seed : int
        The same seed draws the same answers.

    Returns
    -------
    ndarray, shape (M, n, m)
        The answers given as they are, those missing drawn.

    Raises
    ------
    InputError
        Fewer than two imputations, or moments that cannot be found, of the sample or of one drawn
        again.

    Notes
    -----
    For each table the respondents are drawn again with replacement, the moments of this sample
    found by `em_moments`, and missing answers drawn from the normal distribution that they imply
    given the answers there are (Honaker and King 2010): the imputations are proper in the sense
    of Rubin (1987). Strata and clusters play no part in the drawing.

    What is drawn is left as it is: not rounded, and not brought inside the scale. Nobody reads
    single drawn answers; they are there for means and correlations. In a simulation with a quarter
    of the answers at the top of the scale and a quarter missing, the mean came out 0.005 +- 0.004
    points too high and the standard deviation 1.4 per cent too low; bringing drawn answers inside
    the scale lowered the mean by 0.009 and made that 2.4 per cent; rounding moved neither by as
    much as one per cent. Intervals of 95 per cent held the mean in 96 and the correlation in 94
    per cent of 400 samples. (On rounding: Horton, Lipsitz and Parzen 2003.)
    """
    if imputations < 2:
        raise InputError(f"imputations={imputations}: take at least 2, better 20.")
    random = np.random.default_rng(seed)
    n = len(values)
    drawn = random.multinomial(n, np.full(n, 1 / n), size=imputations) * weights
    sample = em_moments(values, weights)
    mean, covariance = em_moments(values, drawn, start=sample, tolerance=1e-6)
    if np.isnan(mean).any():
        raise InputError(
            "A sample drawn again from the answers has no moments: too few people answered one of "
            'the columns. Leave it out, or take missing="em".'
        )
    precision = precision_of(covariance)
    completed = np.repeat(values[None], imputations, axis=0)
    for pattern in patterns_of(values):
        slopes, left = regression_on_present(precision, pattern)
        known = values[np.ix_(pattern.rows, pattern.present)]
        expected = predicted(known, mean, slopes, pattern)
        noise = random.standard_normal(expected.shape) @ root_of(left).transpose(0, 2, 1)
        completed[:, pattern.rows[:, None], pattern.absent] = expected + noise
    return completed


def root_of(covariance: Array) -> Array:
    """Matrices whose product with their transpose is the covariance, shape (B, u, u)."""
    symmetric = (covariance + covariance.transpose(0, 2, 1)) / 2
    return np.asarray(np.linalg.cholesky(symmetric), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Pooled:
    """Estimates from several completed tables as one; arrays of the shape of one estimate.

    Attributes
    ----------
    estimate, standard_error, low, high : ndarray
    degrees_of_freedom : ndarray
        Of the t distribution the interval is from.
    missing_information : ndarray
        Share of the information about the estimate that the missing answers took away.
    """

    estimate: NDArray[Any]
    standard_error: NDArray[Any]
    low: NDArray[Any]
    high: NDArray[Any]
    degrees_of_freedom: NDArray[Any]
    missing_information: NDArray[Any]


def pool(estimates: Array, variances: Array, n: int, confidence: float = 0.95) -> Pooled:
    """Pool estimates from completed tables by Rubin's rules.

    Parameters
    ----------
    estimates, variances : ndarray, shape (M, ...)
        The estimate from every completed table, and its squared standard error.
    n : int
        Respondents, or clusters where they were drawn. Were nothing missing, the estimate would
        have n - 1 degrees of freedom.
    confidence : float
        Level of the interval.

    Returns
    -------
    Pooled

    Notes
    -----
    With ``U`` the mean of the variances and ``B`` the variance of the estimates, the variance of
    their mean is ``T = U + (1 + 1/M) B`` (Rubin 1987, sec. 3.1). Degrees of freedom are those of
    Barnard and Rubin (1999), which never exceed n - 1. The fraction of missing information is
    ``(r + 2 / (v + 3)) / (1 + r)`` with ``r = (1 + 1/M) B / U`` and Rubin's ``v = (M - 1)
    (1 + 1/r)^2``. Checked against the worked example in the SAS/STAT documentation of PROC MI.
    """
    imputations = len(estimates)
    within = variances.mean(axis=0)
    between = (1 + 1 / imputations) * estimates.var(axis=0, ddof=1)
    total = within + between
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(total > 0, between / total, 0.0)
        rubin = (imputations - 1) / share**2
        observed = n / (n + 2) * (n - 1) * (1 - share)
        freedom = 1 / (1 / rubin + 1 / observed)
        increase = between / within
        missing = np.where(share > 0, (increase + 2 / (rubin + 3)) / (1 + increase), 0.0)
    estimate, error = estimates.mean(axis=0), np.sqrt(total)
    reach = stats.t.ppf(0.5 + confidence / 2, freedom) * error
    return Pooled(estimate, error, estimate - reach, estimate + reach, freedom, missing)
