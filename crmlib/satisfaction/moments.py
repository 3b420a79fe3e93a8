"""Means and covariances of a questionnaire, of the sample and of samples drawn again from it.

Everything about drivers and index is a function of these, so that a bootstrap of the whole
calculation, choice of components included, needs the answers only once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from crmlib.errors import InputError
from crmlib.satisfaction.answers import Answers, Array, Codes, Missing, bootstrap_weights
from crmlib.satisfaction.imputation import impute
from crmlib.satisfaction.means import stratum_of_clusters
from crmlib.satisfaction.missing import em_moments, expected_cross_products

FOLDS = 10
"""Parts of a cross-validation."""

IMPUTATIONS = 20
"""Completed tables that resamples are drawn from."""

RESAMPLE_TOLERANCE = 1e-5
"""How near EM comes to its end in a resample, in standard deviations: far below their spread."""

REPEATS = 10
"""Further splits of the sample into folds, always the same: its choice hangs on no single one."""

CHUNK = 128
"""Resamples worked on at once by a core."""

CONSTANT = 1e-12
"""Share of the sample's variance at and below which a resample's is rounding: no variance."""


@dataclass(frozen=True, eq=False)
class Moments:
    """Weighted moments of B samples: row 0 is the sample itself, rows 1 and on the resamples.

    Attributes
    ----------
    mean : ndarray, shape (B, m)
        Means of the items and, last, of the overall score.
    covariance : ndarray, shape (B, m, m)
        With the sum of weights below the line.
    weight : ndarray, shape (B,)
        Sums of weights.
    folds : ndarray, shape (B, F, m + 1, m + 1), or None
        Weighted cross-products of [1, values - mean of the sample] over the respondents of every
        fold of a cross-validation. They add up over the folds to those of the whole sample.
    repeats : ndarray, shape (R, F, m + 1, m + 1), or None
        The same of the sample itself for further splits into folds, which do not hang on the seed.
    """

    mean: Array
    covariance: Array
    weight: Array
    folds: Array | None
    repeats: Array | None = None

    @cached_property
    def correlation(self) -> Array:
        """Correlations, shape (B, m, m); NaN for a variable that is constant in a resample."""
        variance = np.diagonal(self.covariance, axis1=-2, axis2=-1)
        return correlation_of(self.covariance, variance[0])


def resampled_moments(
    answers: Answers,
    replicates: int,
    seed: int,
    *,
    folds: int | None = None,
    missing: Missing = "em",
) -> Moments:
    """Moments of the sample and of samples drawn again from it.

    Parameters
    ----------
    answers : Answers
    replicates : int
        Samples drawn again (`bootstrap_weights`).
    seed : int
        The same seed gives the same numbers, whatever the number of cores.
    folds : int, optional
        Parts of a cross-validation, drawn once over clusters within strata: the copies of one
        respondent in a resample are never both in the part trained on and the part tested on.
    missing : {"em", "impute", "complete"}
        What is done about missing answers, where there are any. "em" estimates the moments of
        every resample by `em_moments`. "impute" draws the answers 20 times: the first row is from
        products averaged over the completed tables, and every table has its share of the
        resamples, so that these vary by the draw of the sample and by what was not answered
        (Schomaker and Heumann 2018). "complete" is for answers without gaps.

    Returns
    -------
    Moments
        ``replicates + 1`` rows; NaN where EM found nothing for a resample.

    Raises
    ------
    InputError
        Fewer than 100 replicates; EM finds nothing for the sample; gaps with "complete".

    Notes
    -----
    The moments of all resamples are one product, of weights and of every respondent's products of
    pairs of answers. Checked against NumPy's average and cov with weights, and with missing
    answers against EM one resample at a time and against Rubin's rules.
    """
    return moments_with(answers, bootstrap_weights(answers, replicates, seed), seed, folds, missing)


def sample_moments(
    answers: Answers, seed: int, *, folds: int | None = None, missing: Missing = "em"
) -> Moments:
    """Moments of the sample alone: row 0 of `resampled_moments`."""
    return moments_with(answers, None, seed, folds, missing)


def moments_with(
    answers: Answers, weights: Array | None, seed: int, folds: int | None, missing: Missing
) -> Moments:
    """Moments of the sample and, with their weights, of its resamples."""
    fold = np.zeros(answers.n, dtype=np.int64) if folds is None else folds_of(answers, folds, seed)
    centre = np.nanmean(answers.values, axis=0)
    values = answers.values - centre
    of_sample: Callable[[Codes], Array]
    of_resamples: Callable[[Array, Codes], Array]
    with threadpool_limits(limits=1, user_api="blas"):  # sums do not depend on the cores
        if answers.is_complete:
            of_sample = partial(fold_products, values, answers.weights[None])
            of_resamples = partial(fold_products, values)
        elif missing == "impute":
            tables = completed_tables(answers, seed) - centre
            of_sample = partial(mean_products, tables, answers.weights)
            of_resamples = partial(imputed_products, tables)
        elif missing == "em":
            start = em_moments(values, answers.weights)
            of_sample = partial(sample_products, values, start, answers.weights)
            of_resamples = partial(expected_products, values, start)
        else:
            raise InputError('missing="complete": answers_of(…, complete=True) sets gaps aside.')
        products = of_sample(fold)
        if weights is not None:
            products = np.concatenate([products, of_resamples(weights, fold)])
        repeats = None
        if folds is not None:
            splits = (folds_of(answers, folds, repeat) for repeat in range(REPEATS))
            repeats = np.concatenate([of_sample(split) for split in splits])
    mean, covariance, weight = moments_of_products(products.sum(axis=1))
    return Moments(
        mean=mean + centre,
        covariance=covariance,
        weight=weight,
        folds=None if folds is None else products,
        repeats=repeats,
    )


def completed_tables(answers: Answers, seed: int) -> Array:
    """Answers with what is missing drawn, the same tables for the same seed, shape (M, n, m)."""
    return impute(answers.values, answers.weights, imputations=IMPUTATIONS, seed=seed)


def mean_products(tables: Array, weight: Array, fold: Codes) -> Array:
    """`fold_products` of the sample, averaged over completed tables."""
    return np.mean([fold_products(table, weight[None], fold) for table in tables], axis=0)


def imputed_products(tables: Array, resampled: Array, fold: Codes) -> Array:
    """`fold_products` of resamples, drawn from the completed tables in turn."""
    parts = zip(tables, np.array_split(resampled, len(tables)), strict=True)
    return np.concatenate([fold_products(table, part, fold) for table, part in parts])


def sample_products(
    values: Array, moments: tuple[Array, Array], weight: Array, fold: Codes
) -> Array:
    """`fold_products` of the sample expected given the answers there are."""
    whole = (moments[0][None], moments[1][None])
    return expected_cross_products(values, weight[None], *whole, fold=fold)


def expected_products(
    values: Array, start: tuple[Array, Array], resampled: Array, fold: Codes
) -> Array:
    """`fold_products` of resamples expected given the answers there are, by EM in each."""

    def of_chunk(chunk: Array) -> Array:
        moments = em_moments(values, chunk, start=start, tolerance=RESAMPLE_TOLERANCE)
        return expected_cross_products(values, chunk, *moments, fold=fold)

    return np.concatenate(in_chunks(of_chunk, CHUNK, resampled))


def folds_of(answers: Answers, folds: int, seed: int) -> Codes:
    """Fold of every respondent: clusters of a stratum go to all folds, as evenly as can be."""
    stratum = stratum_of_clusters(answers.stratum, answers.cluster)
    order = np.lexsort([np.random.default_rng([seed, 1]).random(len(stratum)), stratum])
    fold = np.empty(len(order), dtype=np.int64)
    fold[order] = np.arange(len(order)) % folds
    return fold[answers.cluster]


def fold_products(values: Array, weights: Array, fold: Codes) -> Array:
    """Weighted cross-products of [1, values] by fold.

    ``C[b, f] = sum over i in fold f of w[b, i] z_i z_i'`` with ``z_i = [1, values_i]``.

    Parameters
    ----------
    values : ndarray, shape (n, m)
    weights : ndarray, shape (B, n)
    fold : ndarray of int, shape (n,)

    Returns
    -------
    ndarray, shape (B, F, m + 1, m + 1)
    """
    extended = np.column_stack([np.ones(len(values)), values])
    above = np.triu_indices(extended.shape[1])
    size = extended.shape[1]
    products = np.empty((len(weights), fold.max() + 1, size, size))
    for f in range(products.shape[1]):
        inside = np.flatnonzero(fold == f)
        pairs = extended[inside][:, above[0]] * extended[inside][:, above[1]]
        sums = weights[:, inside] @ pairs
        products[:, f, above[0], above[1]] = sums
        products[:, f, above[1], above[0]] = sums
    return products


def moments_of_products(products: Array) -> tuple[Array, Array, Array]:
    """Mean, covariance and sum of weights from cross-products of [1, values].

    Parameters
    ----------
    products : ndarray, shape (..., m + 1, m + 1)

    Returns
    -------
    mean : ndarray, shape (..., m)
    covariance : ndarray, shape (..., m, m)
        ``C / W - mean mean'``.
    weight : ndarray, shape (...)
        NaN moments where it is 0.
    """
    weight = products[..., 0, 0]
    whole = np.where(weight > 0, weight, np.nan)
    mean = products[..., 0, 1:] / whole[..., None]
    covariance = products[..., 1:, 1:] / whole[..., None, None]
    covariance = covariance - mean[..., :, None] * mean[..., None, :]
    return mean, covariance, weight


def correlation_of(covariance: Array, usual: Array) -> Array:
    """Correlations, NaN for variables without variance beside what is usual for them.

    Parameters
    ----------
    covariance : ndarray, shape (..., m, m)
    usual : ndarray, shape (m,) or (..., m)
        Variances of the whole sample, or what else shows how large a variance would be.

    Returns
    -------
    ndarray, shape (..., m, m)
    """
    deviation = deviations(covariance, usual)
    correlation = covariance / (deviation[..., :, None] * deviation[..., None, :])
    # One on the diagonal to the last digit, NaN where there is no variance.
    i = np.arange(covariance.shape[-1])
    correlation[..., i, i] = deviation / deviation
    return correlation


def deviations(covariance: Array, usual: Array) -> Array:
    """Standard deviations, NaN where the variance is rounding beside what is usual."""
    variance = np.diagonal(covariance, axis1=-2, axis2=-1)
    return np.sqrt(np.where(variance > CONSTANT * usual, variance, np.nan))


def in_chunks(function: Callable[..., Any], size: int, *arrays: NDArray[Any]) -> list[Any]:
    """Apply a function to chunks of arrays on all cores, results in order.

    The chunks, and so the numbers, do not depend on the number of cores.
    """
    starts = range(0, len(arrays[0]), size)
    with threadpool_limits(limits=1, user_api="blas"):  # the threads below take every core
        return list(
            Parallel(n_jobs=-1, require="sharedmem")(
                delayed(function)(*(array[start : start + size] for array in arrays))
                for start in starts
            )
        )
