"""Intervals, shares and ranks from what came out in samples drawn again.

Where values are given with the estimate, it is their first row and the draws are the others.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from crmlib.columns import Array

ENOUGH = 0.95
"""Share of the resamples that must have a result for an interval to be given."""

MANY_UNITS = 30
"""Units drawn, less the strata, from which percentiles of the draws are wide enough."""

TIE = 1e-9
"""Difference of importances, as a share of the largest, that is rounding."""


def is_gappy(draws: Array) -> NDArray[np.bool_]:
    """Whether too many draws, over the first axis, are missing for an interval."""
    return np.asarray(np.isnan(draws).mean(axis=0) > 1 - ENOUGH)


def percentiles(draws: Array, confidence: float, whole: bool = False) -> tuple[Array, Array]:
    """Percentile interval over the first axis.

    Parameters
    ----------
    draws : ndarray, shape (B, ...)
    confidence : float
    whole : bool
        Whether to take values that were drawn, the outer ones, as for ranks.

    Returns
    -------
    low, high : ndarray, shape (...)
        NaN where more than 5 % of the draws are.
    """
    gone = is_gappy(draws)
    filled = np.where(gone, 0.0, draws)
    tail = (1 - confidence) / 2
    low = np.nanquantile(filled, tail, axis=0, method="lower" if whole else "linear")
    high = np.nanquantile(filled, 1 - tail, axis=0, method="higher" if whole else "linear")
    return np.where(gone, np.nan, low), np.where(gone, np.nan, high)


def deviation_of(draws: Array) -> Array:
    """Standard deviation over the first axis; NaN where more than 5 % of the draws are."""
    gone = is_gappy(draws)
    return np.where(gone, np.nan, np.nanstd(np.where(gone, 0.0, draws), axis=0, ddof=1))


def interval_by_units(values: Array, units: int, confidence: float) -> tuple[Array, Array]:
    """Interval of every column, first row the estimates, of draws of so many units.

    Percentiles of the draws; with few units these are too narrow, and it is the estimate plus and
    minus the deviation of the draws times Student's t.

    Parameters
    ----------
    values : ndarray, shape (B + 1, ...)
    units : int
        Clusters, or respondents without clusters, less the strata.
    confidence : float

    Returns
    -------
    low, high : ndarray, shape (...)
        NaN where more than 5 % of the draws are, and without any unit.
    """
    if units >= MANY_UNITS:
        return percentiles(values[1:], confidence)
    half = deviation_of(values[1:]) * stats.t.ppf((1 + confidence) / 2, units)
    return values[0] - half, values[0] + half


def interval(values: Array, confidence: float, whole: bool = False) -> tuple[Array, Array]:
    """Percentile interval of every column, first row the estimates, of rows without a gap.

    All are missing where one of the estimates is.
    """
    whole_rows = np.where(np.isnan(values).any(axis=1, keepdims=True), np.nan, values)
    low, high = percentiles(whole_rows[1:], confidence, whole)
    unknown = np.isnan(whole_rows[0])
    return np.where(unknown, np.nan, low), np.where(unknown, np.nan, high)


def shares(values: Array) -> Array:
    """Importances as shares of their sum; NaN where that is not above zero."""
    total = values.sum(axis=1, keepdims=True)
    return values / np.where(total > 0, total, np.nan)


def ranks(values: Array) -> Array:
    """Rank of every importance in its row, 1 the largest; ties share the better rank.

    A row with a gap has no ranks.
    """
    largest = np.abs(values).max(axis=1)[:, None]
    above = [(values > values[:, [j]] + TIE * largest).sum(axis=1) for j in range(values.shape[1])]
    return np.where(np.isnan(largest), np.nan, 1.0 + np.column_stack(above))


def is_first(values: Array) -> NDArray[np.bool_]:
    """Whether an importance is the largest of its row, or ties with it."""
    return np.asarray(ranks(values) == 1)


def credit_for_first(values: Array) -> Array:
    """One where an importance is the largest of its row, halved where two tie; NaN beside a gap."""
    first = is_first(values)
    gaps = np.isnan(values).any(axis=1, keepdims=True)
    return np.where(gaps, np.nan, first / np.maximum(first.sum(axis=1, keepdims=True), 1))


def first_probability(values: Array) -> Array:
    """Share of the resamples in which an item comes first; row 0 is the estimate."""
    credit = credit_for_first(values[1:])
    unknown = is_gappy(credit) | np.isnan(values[0]).any()
    return np.where(unknown, np.nan, np.nanmean(np.where(unknown, 0.0, credit), axis=0))
