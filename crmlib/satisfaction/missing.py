"""Means and covariances from answers of which some are missing.

Throwing away everybody who skipped one question wastes most of a long questionnaire and moves the
result when those who skip are not like the others. Here the moments are estimated from all answers
given, under the multivariate normal distribution and on the assumption that what is missing can be
told from what was answered (missing at random), by the EM algorithm (Dempster, Laird and Rubin
1977).
"""

from dataclasses import dataclass

import numpy as np

from crmlib.errors import InputError
from crmlib.satisfaction.answers import (
    Array,
    Codes,
)

SMALLEST_SHARE = 1e-8
"""Eigenvalues of a correlation matrix below this share of the largest are raised to it."""

LARGEST_INFLATION = 1e8
"""Variance inflation from which a covariance matrix is inverted by its eigenvalues."""

CELLS_AT_ONCE = 8_000_000
"""Numbers held at a time for the completed rows of a batch: 64 MB."""


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
