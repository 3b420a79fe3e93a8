"""Shares of customers with Wilson's interval, also where a customer is counted several times."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from crmlib import intervals
from crmlib.clp.discounting import check_confidence

Array = NDArray[np.float64]


def wilson_interval(share: ArrayLike, n: ArrayLike, confidence: float) -> tuple[Array, Array]:
    """Wilson's interval of a share, by `intervals.wilson_interval`, none where there is no n.

    Checked against scipy.stats.binomtest.

    Parameters
    ----------
    share, n : array_like
        Share and the number it is of, which need not be whole.
    confidence : float

    Returns
    -------
    tuple of ndarray
        Lower and upper end, NaN where n is 0.

    Raises
    ------
    InputError
        When the confidence is not a fraction.
    """
    check_confidence(confidence)
    p, n = np.asarray(share, dtype=float), np.asarray(n, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        return intervals.wilson_interval(p, n, stats.norm.ppf(0.5 + confidence / 2))


def means_by_cell(
    cell: NDArray[np.int64], customer: NDArray[np.int64], values: ArrayLike, cells: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], Array, Array]:
    """Mean of the values in each cell, and its variance with customers as what varies.

    The values of one customer resemble one another. The variance is that of a ratio of sums over
    customers, ``v = sum over customers c of (y_c - mean n_c)^2 / n^2``, y_c and n_c being sum and
    number of the values of c (Cochran 1977, ch. 6); with one value a customer it is the usual
    ``sum (y - mean)^2 / n^2``.

    Parameters
    ----------
    cell, customer : ndarray of int, shape (values,)
        Numbers from 0 up.
    values : array_like, shape (values,)
    cells : int
        Number of cells.

    Returns
    -------
    tuple of ndarray, each of shape (cells,)
        Values, customers, mean (NaN where there is no value) and its variance.
    """
    width = int(customer.max(initial=0)) + 1
    pair, group = np.unique(cell * width + customer, return_inverse=True)
    of_cell = pair // width
    n = np.bincount(cell, minlength=cells)
    m = np.bincount(of_cell, minlength=cells)
    y = np.asarray(values, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.bincount(cell, weights=y, minlength=cells) / n
        deviation = np.bincount(group, weights=y - mean[cell], minlength=len(pair))
        variance = np.bincount(of_cell, weights=deviation**2, minlength=cells) / n**2
    return n, m, mean, variance


def mean_interval(
    mean: Array, variance: Array, customers: NDArray[np.int64], confidence: float
) -> tuple[Array, Array]:
    """Student's interval of means from `means_by_cell`; NaN where there is one customer."""
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.sqrt(variance * customers / (customers - 1))
        half = stats.t.ppf(0.5 + confidence / 2, customers - 1) * error
    half = np.where(customers > 1, half, np.nan)
    return mean - half, mean + half


def share_interval(
    share: Array,
    variance: Array,
    n: NDArray[np.int64],
    customers: NDArray[np.int64],
    confidence: float,
) -> tuple[Array, Array]:
    """Wilson's interval of shares from `means_by_cell`.

    Its number is ``p (1 - p) / variance``, but no more than n: it is n where each customer is
    counted once. Where the data show no variance it is the number of customers.
    """
    # Sums of squares that are nothing but rounding are no variance.
    varies = variance > 1e-12
    with np.errstate(divide="ignore", invalid="ignore"):
        effective = np.where(varies, share * (1 - share) / variance, customers)
    return wilson_interval(share, np.minimum(effective, n), confidence)


LEAST = 30
"""Observations below which a cell is counted together with all later ones."""


def cells_together(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Cell that each cell is counted with, for counts that fall from cell to cell.

    Itself, or, from the first one with fewer than `LEAST` observations on, all in one; where
    these are too few even together, with the last cell before them.
    """
    cells = np.arange(len(counts))
    few = np.flatnonzero(counts < LEAST)
    if not len(few):
        return cells
    first = few[0]
    if counts[first:].sum() < LEAST:
        first = max(first - 1, 0)
    return np.minimum(cells, first)
