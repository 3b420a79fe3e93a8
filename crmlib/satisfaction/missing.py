"""Answers that people left out: how many, what they go with, and estimates that allow for them.

Throwing away everybody who skipped one question wastes most of a long questionnaire and moves the
result when those who skip are not like the others. Here the moments (means and covariances) are
estimated from all answers given, under the multivariate normal distribution and on the assumption
that what is missing can be told from what was answered (missing at random): by the EM algorithm
(Dempster, Laird and Rubin 1977), or by imputing several times and pooling (Rubin 1987).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from crmlib.columns import numbers_of
from crmlib.errors import InputError
from crmlib.multiple_testing import holm
from crmlib.satisfaction.answers import (
    FEWEST,
    TOO_FEW,
    Array,
    Codes,
    check_confidence,
    checked_columns,
    weights_of,
)
from crmlib.satisfaction.means import Mean, linearised_mean

SMALLEST_SHARE = 1e-8
"""Eigenvalues of a correlation matrix below this share of the largest are raised to it."""

LARGEST_INFLATION = 1e8
"""Variance inflation from which a covariance matrix is inverted by its eigenvalues."""

CELLS_AT_ONCE = 8_000_000
"""Numbers held at a time for the completed rows of a batch: 64 MB."""


NOT_COMPARED = dict.fromkeys(
    ("overall_answered", "overall_missing", "difference", "low", "high", "p"), np.nan
)
"""Comparison of two groups of which one is too small."""


@dataclass(frozen=True, eq=False)
class Pattern:
    """Respondents who left out the same answers.

    Attributes
    ----------
    rows : ndarray of int
        Positions of the respondents.
    absent, present : ndarray of int
        Positions of the columns they left out and of those they answered.
    """

    rows: Codes
    absent: Codes
    present: Codes


def em_moments(
    values: Array,
    weights: Array,
    start: tuple[Array, Array] | None = None,
    tolerance: float = 1e-8,
    iterations: int = 2000,
) -> tuple[Array, Array]:
    """Mean and covariance by maximum likelihood from answers of which some are missing.

    Parameters
    ----------
    values : ndarray, shape (n, m)
        NaN where an answer is missing.
    weights : ndarray, shape (n,) or (B, n)
        Weight of every respondent; with B rows, of B resamples.
    start : (ndarray, ndarray), optional
        Mean, shape (m,) or (B, m), and covariance, shape (m, m) or (B, m, m), to begin from. The
        solution of the whole sample saves resamples about a fifth of the iterations. Without it the
        weighted mean and variance of the answers given, and no correlation.
    tolerance : float
        Stop when no mean and no covariance changes by more in an iteration, in standard deviations
        of the answers. 1e-5 is ample for resamples.
    iterations : int
        Most iterations before giving up.

    Returns
    -------
    mean : ndarray, shape (m,) or (B, m)
    covariance : ndarray, shape (m, m) or (B, m, m)
        Divided by the sum of weights, not by one less. Both are NaN for a resample that did not
        converge, or in which nobody answered one of the columns.

    Raises
    ------
    InputError
        One vector of weights was given, and the moments of this sample cannot be found: nobody
        answered a column, or two of them together, or the iterations ran out.

    Notes
    -----
    In turn, every respondent's missing answers are replaced by their regression on the answers
    given, with the variance left around it, and the moments are taken anew (Dempster, Laird and
    Rubin 1977; Little and Rubin 2020, sec. 11.2). With ``K`` the inverse of the covariance, ``u``
    the answers missing and ``o`` those given, slopes are ``-inv(K[u, u]) K[u, o]`` and the
    variance left is ``inv(K[u, u])``: one inverse for all patterns, small ones for each.

    There is no ridge. Where answers are collinear, or fewer people than columns, the covariance
    has no inverse; `precision_of` then raises its smallest eigenvalues to 1e-8 of the largest.

    Checked against the maximum likelihood estimates in the SAS/STAT documentation of PROC MI, the
    steps written out row by row, the slope of the likelihood of the answers given, and the plain
    formulas on complete answers.
    """
    batch = np.atleast_2d(np.asarray(weights, dtype=np.float64))
    if np.ndim(weights) == 1:
        refuse_pairs_apart(values, batch[0])
    centre, spread = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    standard = (values - centre) / spread
    mean, covariance = starting_moments(standard, batch, start, centre, spread)
    patterns = patterns_of(standard)
    for chunk in chunks_of(batch, patterns, values.shape[1]):
        mean[chunk], covariance[chunk] = _iterate(
            standard, batch[chunk], patterns, mean[chunk], covariance[chunk], tolerance, iterations
        )
    nobody = (batch @ ~np.isnan(values) == 0).any(axis=1)
    mean[nobody], covariance[nobody] = np.nan, np.nan
    mean = mean * spread + centre
    covariance = covariance * np.outer(spread, spread)
    if np.ndim(weights) > 1:
        return mean, covariance
    if np.isnan(mean).any():
        raise InputError(
            f"Correlations of {values.shape[1]} columns could not be found from {len(values):,} "
            f"people who left out answers, in {iterations:,} steps. Leave out columns that few "
            "answered, so that there are many more people than columns, or take "
            'missing="complete".'
        )
    return mean[0], covariance[0]


def expected_cross_products(
    values: Array,
    weights: Array,
    mean: Array,
    covariance: Array,
    fold: Codes | None = None,
) -> Array:
    """Weighted sums of products of ``[1, values]``, expected given the answers there are.

    With complete answers these are the plain sums of squares and products; a missing answer
    enters with its expectation, and products of missing answers with the covariance left as well.

    Parameters
    ----------
    values : ndarray, shape (n, m)
        NaN where an answer is missing.
    weights : ndarray, shape (B, n)
    mean : ndarray, shape (B, m)
    covariance : ndarray, shape (B, m, m)
        Moments that missing answers are predicted with, as of `em_moments`.
    fold : ndarray of int, shape (n,), optional
        Number of the part of the sample a respondent is in: 0, 1, 2 and so on.

    Returns
    -------
    ndarray, shape (B, m + 1, m + 1), or (B, F, m + 1, m + 1) with folds
        First row and column belong to the constant. Summed over folds and divided by its first
        element it gives the moments again, if those are of `em_moments` with the same weights.
    """
    part = np.zeros(len(values), dtype=np.int64) if fold is None else fold
    n_folds, width = int(part.max()) + 1, values.shape[1] + 1
    sums = np.empty((len(weights), n_folds, width, width))
    patterns = patterns_of(values)
    for chunk in chunks_of(weights, patterns, values.shape[1]):
        sums[chunk] = complete_products(values, weights[chunk], part, n_folds)
        precision = precision_of(covariance[chunk])
        add_incomplete(sums[chunk], values, weights[chunk], part, patterns, mean[chunk], precision)
    return sums[:, 0] if fold is None else sums


def refuse_pairs_apart(values: Array, weights: Array) -> None:
    """Stop where nobody answered two columns together: their correlation is not in the data."""
    given = ~np.isnan(values[weights > 0])
    apart = np.argwhere(given.T.astype(np.float64) @ given == 0) + 1
    if len(apart):
        empty = apart[apart[:, 0] == apart[:, 1]]
        first, second = (ordinal(position) for position in (*empty, *apart)[0])
        which = f"the {first}" if len(empty) else f"both the {first} and the {second}"
        raise InputError(
            f"Nobody answered {which} of the {values.shape[1]} columns (items in their order, then "
            "the overall score), so how they go together cannot be told. Leave one out."
        )


def ordinal(number: int) -> str:
    """Write 1st, 2nd, 3rd, 4th and so on."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10 if number % 100 not in (11, 12, 13) else 0)
    return f"{number}{ending or 'th'}"


def patterns_of(values: Array) -> list[Pattern]:
    """Group respondents with missing answers by which ones they left out."""
    absent = np.isnan(values)
    rows = np.flatnonzero(absent.any(axis=1))
    if not len(rows):
        return []
    kinds, kind = np.unique(absent[rows], axis=0, return_inverse=True)
    return [
        Pattern(rows[kind.ravel() == k], np.flatnonzero(gone), np.flatnonzero(~gone))
        for k, gone in enumerate(kinds)
    ]


def chunks_of(weights: Array, patterns: list[Pattern], m: int) -> list[slice]:
    """Slices of a batch whose completed rows fit into memory together."""
    cells = (m + 1) * max(1, sum(len(pattern.rows) for pattern in patterns))
    size = max(1, CELLS_AT_ONCE // cells)
    return [slice(start, start + size) for start in range(0, len(weights), size)]


def starting_moments(
    standard: Array,
    weights: Array,
    start: tuple[Array, Array] | None,
    centre: Array,
    spread: Array,
) -> tuple[Array, Array]:
    """Moments to begin from, of standardised answers: those given, or without correlation."""
    n_batch, m = len(weights), standard.shape[1]
    if start is not None:
        mean = (np.asarray(start[0]) - centre) / spread
        covariance = np.asarray(start[1]) / np.outer(spread, spread)
        return (
            np.broadcast_to(mean, (n_batch, m)).copy(),
            np.broadcast_to(covariance, (n_batch, m, m)).copy(),
        )
    given = ~np.isnan(standard)
    known = np.where(given, standard, 0.0)
    total = weights @ given
    total = np.where(total > 0, total, 1.0)
    mean = weights @ known / total
    variance = np.maximum(weights @ known**2 / total - mean**2, 0.0)
    return mean, variance[:, :, None] * np.eye(m)


def _iterate(
    values: Array,
    weights: Array,
    patterns: list[Pattern],
    mean: Array,
    covariance: Array,
    tolerance: float,
    iterations: int,
) -> tuple[Array, Array]:
    """Repeat expectation and maximisation until every sample of a batch stands still."""
    mean, covariance = mean.copy(), covariance.copy()
    part = np.zeros(len(values), dtype=np.int64)
    complete = complete_products(values, weights, part, 1)
    moving = np.arange(len(weights))
    for _ in range(iterations):
        sums = complete[moving]
        precision = precision_of(covariance[moving])
        add_incomplete(sums, values, weights[moving], part, patterns, mean[moving], precision)
        new_mean, new_covariance = moments_of(sums[:, 0])
        change = np.maximum(
            abs(new_mean - mean[moving]).max(axis=1),
            abs(new_covariance - covariance[moving]).max(axis=(1, 2)),
        )
        mean[moving], covariance[moving] = new_mean, new_covariance
        moving = moving[~(change <= tolerance)]
        if not len(moving) or not patterns:
            return mean, covariance
    mean[moving], covariance[moving] = np.nan, np.nan
    return mean, covariance


def moments_of(sums: Array) -> tuple[Array, Array]:
    """Mean and covariance from sums of products of ``[1, values]``, shape (..., m + 1, m + 1)."""
    products = sums / sums[..., :1, :1]
    mean = products[..., 0, 1:]
    return mean, products[..., 1:, 1:] - mean[..., :, None] * mean[..., None, :]


def complete_products(values: Array, weights: Array, part: Codes, n_folds: int) -> Array:
    """Sums of products of those who answered everything, shape (B, F, m + 1, m + 1)."""
    width = values.shape[1] + 1
    sums = np.zeros((len(weights), n_folds, width, width))
    complete = ~np.isnan(values).any(axis=1)
    upper = np.triu_indices(width)
    for k in range(n_folds):
        rows = np.flatnonzero(complete & (part == k))
        filled = np.column_stack([np.ones(len(rows)), values[rows]])
        pairs = filled[:, upper[0]] * filled[:, upper[1]]
        sums[:, k, upper[0], upper[1]] = weights[:, rows] @ pairs
    sums[:, :, upper[1], upper[0]] = sums[:, :, upper[0], upper[1]]
    return sums


def add_incomplete(
    sums: Array,
    values: Array,
    weights: Array,
    part: Codes,
    patterns: list[Pattern],
    mean: Array,
    precision: Array,
) -> None:
    """Add the expected products of those with missing answers to sums by fold, in place."""
    if not patterns:
        return
    n_batch, n_folds, width, _ = sums.shape
    rows = np.concatenate([pattern.rows for pattern in patterns])
    completed = np.empty((n_batch, len(rows), width))
    completed[:, :, 0] = 1.0
    completed[:, :, 1:] = values[rows]
    end = 0
    for pattern in patterns:
        start, end = end, end + len(pattern.rows)
        slopes, left = regression_on_present(precision, pattern)
        known = values[np.ix_(pattern.rows, pattern.present)]
        completed[:, start:end, 1 + pattern.absent] = predicted(known, mean, slopes, pattern)
        for k in np.unique(part[pattern.rows]):
            mine = pattern.rows[part[pattern.rows] == k]
            weight = weights[:, mine].sum(axis=1)
            cells = 1 + pattern.absent
            sums[:, k, cells[:, None], cells] += weight[:, None, None] * left
    for k in range(n_folds):
        mine = np.flatnonzero(part[rows] == k)
        part_rows = completed if n_folds == 1 else completed[:, mine]
        weighted = part_rows * weights[:, rows[mine], None]
        sums[:, k] += weighted.transpose(0, 2, 1) @ part_rows


def regression_on_present(precision: Array, pattern: Pattern) -> tuple[Array, Array]:
    """Slopes of missing answers on those given, (B, u, o), and the covariance left, (B, u, u)."""
    within = precision[:, pattern.absent[:, None], pattern.absent]
    across = precision[:, pattern.absent[:, None], pattern.present]
    if len(pattern.absent) == 1:  # by far the most common: division is a hundred times as fast
        left = 1 / within
        return -left * across, left
    left = np.asarray(np.linalg.inv(within), dtype=np.float64)
    return -left @ across, left


def predicted(known: Array, mean: Array, slopes: Array, pattern: Pattern) -> Array:
    """Expected missing answers of the respondents of a pattern, shape (B, r, u)."""
    n_batch, n_absent, n_present = slopes.shape
    intercept = mean[:, pattern.absent] - np.einsum("buo,bo->bu", slopes, mean[:, pattern.present])
    explained = slopes.reshape(-1, n_present) @ known.T  # one product for the whole batch
    return explained.reshape(n_batch, n_absent, -1).transpose(0, 2, 1) + intercept[:, None]


def precision_of(covariance: Array) -> Array:
    """Inverse of covariance matrices, shape (B, m, m), that also serves where there is none.

    Where a variable is a sum of others but for 1e-8 of its variance, the eigenvalues of the
    correlation matrix below 1e-8 of the largest are raised to that. A variable that does not vary
    is taken as unrelated to the others. The inverse of what is missing is missing.
    """
    deviation = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    deviation = np.where(deviation > 0, deviation, 1.0)
    scale = deviation[:, :, None] * deviation[:, None, :]
    correlation = covariance / scale
    try:
        inverse = np.linalg.inv(correlation)
    except np.linalg.LinAlgError:  # one of them is singular to the last digit
        inverse = np.full_like(correlation, np.nan)
    inflation = np.diagonal(inverse, axis1=1, axis2=2)
    sound = ((inflation > 0) & (inflation < LARGEST_INFLATION)).all(axis=1)
    sound |= np.isnan(covariance).any(axis=(1, 2))
    if not sound.all():
        eigenvalues, vectors = np.linalg.eigh(correlation[~sound])
        eigenvalues = np.maximum(eigenvalues, SMALLEST_SHARE * eigenvalues[:, -1:])
        inverse[~sound] = (vectors / eigenvalues[:, None, :]) @ vectors.transpose(0, 2, 1)
    return inverse / scale


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


def nonresponse(
    responses: pd.DataFrame,
    items: Sequence[str],
    overall: str | None = None,
    *,
    weights: str | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """How many left out which item, and whether they judge otherwise than those who answered.

    Parameters
    ----------
    responses : DataFrame
        One row a respondent; those with a weight of zero do not count.
    items : sequence of str
        Columns with the answers to the items.
    overall : str, optional
        Column with the overall score, a line of the table as well.
    weights : str, optional
        Column with the design weight of a respondent. The intervals allow for unequal weights,
        not for strata and clusters.
    confidence : float
        Level of the intervals.

    Returns
    -------
    DataFrame
        One row a column and a last one, "any of these": item, n (respondents), answered, missing,
        missing_share (weighted), only_missing (respondents for whom it is the only answer missing,
        whom complete-case deletion would lose for it alone). In the last row answered is what
        complete-case deletion leaves. With an overall score also overall_answered and
        overall_missing (its mean among those who answered the item and those who did not),
        difference (the second less the first), low, high, p_holm and verdict: "lower overall",
        "higher overall", "undecided", or "too few" where fewer than ten of either have an
        overall score; nothing for the overall score itself.

    Raises
    ------
    InputError
        A column is missing, doubled or not of numbers; the overall score is among the items;
        weights are negative or all zero.

    Notes
    -----
    Those who leave out an item and judge otherwise overall show that the answers are not missing
    completely at random, and that deleting their rows moves the result. The other way round
    nothing is shown: what they would have answered is not in the data.

    The interval is Welch's with linearised variances of the weighted means, for each item on its
    own; verdicts go by p values with Holm's correction for the number of items.
    """
    check_confidence(confidence)
    columns = checked_columns(responses, items, overall)
    weight = weights_of(responses, weights)
    counts = weight > 0
    weight = weight[counts]
    values = np.column_stack([numbers_of(responses, column, "answers") for column in columns])
    absent = np.column_stack([np.isnan(values), np.isnan(values).any(axis=1)])[counts]
    single = absent[:, :-1].sum(axis=1) == 1
    table = pd.DataFrame(
        {
            "item": [*columns, "any of these"],
            "n": len(weight),
            "answered": (~absent).sum(axis=0),
            "missing": absent.sum(axis=0),
            "missing_share": weight @ absent / weight.sum(),
            "only_missing": (absent & single[:, None]).sum(axis=0),
        }
    )
    if overall is None:
        return table
    score = values[counts, -1]
    compared = [
        welch(score, weight, gone, confidence) if name != overall else NOT_COMPARED
        for name, gone in zip(table["item"], absent.T, strict=True)
    ]
    judgement = judged(pd.DataFrame(compared), 1 - confidence)
    judgement.loc[table["item"] == overall, "verdict"] = ""
    return pd.concat([table, judgement], axis=1)


def welch(
    score: Array, weight: Array, gone: NDArray[np.bool_], confidence: float
) -> dict[str, float]:
    """Difference of weighted means between those gone and the others, with Welch's interval."""
    result = dict(NOT_COMPARED)
    known = ~np.isnan(score)
    groups = [known & ~gone, known & gone]
    if min(group.sum() for group in groups) < FEWEST:
        return result
    means, variances, degrees = np.array(
        [mean_of_people(score[group], weight[group]) for group in groups]
    ).T
    difference, variance = means[1] - means[0], variances.sum()
    result |= {"overall_answered": means[0], "overall_missing": means[1], "difference": difference}
    if variance == 0:  # all of one mind in both groups
        return result | {"low": difference, "high": difference, "p": float(difference == 0)}
    freedom = variance**2 / (variances**2 / degrees).sum()
    reach = stats.t.ppf(0.5 + confidence / 2, freedom) * np.sqrt(variance)
    p = 2 * stats.t.sf(abs(difference) / np.sqrt(variance), freedom)
    return result | {"low": difference - reach, "high": difference + reach, "p": p}


def mean_of_people(score: Array, weight: Array) -> Mean:
    """Weighted mean, everybody drawn on their own; with equal weights its variance is s² / n."""
    people = np.arange(len(score))
    return linearised_mean(score, weight, np.zeros_like(people), people)


def judged(compared: pd.DataFrame, level: float) -> pd.DataFrame:
    """Add what the comparisons say, with Holm's correction; the last row is of all items."""
    p = compared["p"].to_numpy()
    corrected = np.append(holm(p[:-1]), p[-1])
    verdict = np.select(
        [np.isnan(p), corrected >= level, compared["difference"] < 0],
        [TOO_FEW, "undecided", "lower overall"],
        "higher overall",
    )
    return compared.drop(columns="p").assign(p_holm=corrected, verdict=verdict)
