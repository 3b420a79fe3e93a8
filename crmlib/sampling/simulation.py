"""Thousands of draws from one frame by each design, and what the formulas say of every draw.

Each ``simulate_…`` function draws by one design and works out, for all draws at once, the
weighted mean and two standard errors: that of the formula for a simple random sample, whatever
the design, and that of the design's own formula. Only sums are kept of a draw.
"""

from dataclasses import dataclass

import numpy as np

from crmlib.sampling.designs import (
    Array,
    Codes,
    pps_probabilities,
    systematic_positions,
    systematic_pps_positions,
)

Random = np.random.Generator

CELLS = 1_000_000
"""Units drawn at a time, for the sake of memory."""


@dataclass(frozen=True)
class Draws:
    """What every draw by one design gave; standard errors are NaN where there is no formula.

    Attributes
    ----------
    estimate : ndarray, shape (draws,)
        Weighted mean.
    n : ndarray of int, shape (draws,)
        Units drawn.
    naive_error, design_error : ndarray, shape (draws,)
        Standard error by the formula for a simple random sample, and by the design's own.
    design_degrees : int
        Degrees of freedom of the design's own formula.
    clusters, strata : int
        Clusters and strata to pay for.
    note : str
        What to know about how the design works out on this frame.
    """

    estimate: Array
    n: Codes
    naive_error: Array
    design_error: Array
    design_degrees: int
    clusters: int = 0
    strata: int = 0
    note: str = ""


def simulate_simple_random(y: Array, n: int, draws: int, random: Random) -> Draws:
    """Draws by simple random sampling without replacement.

    Parameters
    ----------
    y : ndarray, shape (units,)
    n, draws : int
    random : Generator

    Returns
    -------
    Draws
    """
    sums = np.empty((draws, 2))
    for part in batches(draws, n):
        sums[part] = sums_of(y[choose(np.full(length(part), len(y)), n, random)])
    error = simple_error(sums, n, len(y))
    return Draws(sums[:, 0] / n, np.full(draws, n), error, error, n - 1)


def simulate_systematic(y: Array, places: Codes, n: int, draws: int, random: Random) -> Draws:
    """Draws at equal distances along a list.

    Parameters
    ----------
    y : ndarray, shape (units,)
    places : ndarray of int, shape (units,)
        Place of a unit in the list, without gaps; units of one place come in random order.
    n, draws : int
    random : Generator

    Returns
    -------
    Draws
    """
    N = len(y)
    sums = np.empty((draws, 2))
    differences = np.empty(draws)
    listed = y[np.argsort(places)]
    has_ties = places.max() + 1 < N
    small = places.astype(np.uint16) if places.max() < 2**16 else places
    for part in batches(draws, n, per_order(N, n) if has_ties else draws):
        if has_ties:
            shuffled = random.permutation(N)
            listed = y[shuffled[np.argsort(small[shuffled], kind="stable")]]
        taken = listed[systematic_positions(n, N, random.random((length(part), 1)))]
        sums[part] = sums_of(taken)
        differences[part] = (np.diff(taken, axis=1) ** 2).sum(axis=1)
    successive = np.sqrt(divided((1 - n / N) / n * differences, 2 * (n - 1)))
    return Draws(
        estimate=sums[:, 0] / n,
        n=np.full(draws, n),
        naive_error=simple_error(sums, n, N),
        design_error=successive,
        design_degrees=n - 1,
    )


def simulate_stratified(y: Array, codes: Codes, sizes: Codes, draws: int, random: Random) -> Draws:
    """Draws by simple random sampling in every stratum.

    Parameters
    ----------
    y : ndarray, shape (units,)
    codes : ndarray of int, shape (units,)
        Stratum of each unit.
    sizes : ndarray of int, shape (strata,)
        Units to take from each.
    draws : int
    random : Generator

    Returns
    -------
    Draws
    """
    N, n = len(y), int(sizes.sum())
    population = np.bincount(codes)
    by_stratum = np.split(y[np.argsort(codes, kind="stable")], np.cumsum(population)[:-1])
    estimate, variance, total = np.zeros(draws), np.zeros(draws), np.zeros((draws, 2))
    for values, n_h in zip(by_stratum, sizes.tolist(), strict=True):
        sums = np.empty((draws, 2))
        for part in batches(draws, n_h):
            sums[part] = sums_of(values[choose(np.full(length(part), len(values)), n_h, random)])
        share = len(values) / N
        estimate += share * sums[:, 0] / n_h
        if n_h < len(values):
            variance += share**2 * simple_error(sums, n_h, len(values)) ** 2
        total += sums
    alone = int(((sizes == 1) & (population > 1)).sum())
    return Draws(
        estimate=estimate,
        n=np.full(draws, n),
        naive_error=simple_error(total, n, N),
        design_error=np.sqrt(variance),
        design_degrees=n - len(sizes),
        strata=len(sizes),
        note=f"{counted(alone, 'stratum', 'strata')} with one unit drawn: no variance formula"
        if alone
        else "",
    )


def simulate_cluster(y: Array, codes: Codes, n_clusters: int, draws: int, random: Random) -> Draws:
    """Draws of whole clusters.

    Parameters
    ----------
    y : ndarray, shape (units,)
    codes : ndarray of int, shape (units,)
        Cluster of each unit.
    n_clusters, draws : int
    random : Generator

    Returns
    -------
    Draws
    """
    size: Codes = np.bincount(codes)
    total = np.bincount(codes, y).astype(np.float64)
    squares = np.bincount(codes, y**2).astype(np.float64)
    n = np.empty(draws, dtype=np.int64)
    sums, error = np.empty((draws, 2)), np.empty(draws)
    for part in batches(draws, n_clusters):
        taken = choose(np.full(length(part), len(size)), n_clusters, random)
        sums[part, 0], sums[part, 1] = total[taken].sum(axis=1), squares[taken].sum(axis=1)
        n[part] = size[taken].sum(axis=1)
        error[part] = cluster_error(total[taken], size[taken], len(size))
    return Draws(
        estimate=sums[:, 0] / n,
        n=n,
        naive_error=simple_error(sums, n, len(y)),
        design_error=error,
        design_degrees=n_clusters - 1,
        clusters=n_clusters,
    )


def simulate_two_stage(
    y: Array, codes: Codes, n_clusters: int, per_cluster: int, draws: int, random: Random
) -> Draws:
    """Draws of clusters and of units in them; clusters too small are taken whole.

    Parameters
    ----------
    y : ndarray, shape (units,)
    codes : ndarray of int, shape (units,)
        Cluster of each unit.
    n_clusters, per_cluster, draws : int
    random : Generator

    Returns
    -------
    Draws
    """
    size: Codes = np.bincount(codes)
    total = np.bincount(codes, y).astype(np.float64)
    squares = np.bincount(codes, y**2).astype(np.float64)
    taken_of = np.minimum(size, per_cluster)
    start = np.cumsum(size) - size
    by_cluster = y[np.argsort(codes, kind="stable")]
    n = np.empty(draws, dtype=np.int64)
    sums, estimate, error = np.empty((draws, 2)), np.empty(draws), np.empty(draws)
    for part in batches(draws, n_clusters * per_cluster):
        clusters = choose(np.full(length(part), len(size)), n_clusters, random)
        M, m = size[clusters], taken_of[clusters]
        inside = np.stack([total[clusters], squares[clusters]], axis=-1)
        some = m < M
        units = choose(M[some], per_cluster, random) + start[clusters[some]][:, None]
        inside[some] = sums_of(by_cluster[units])
        estimate[part] = (M * inside[..., 0] / m).sum(axis=1) / M.sum(axis=1)
        error[part] = two_stage_error(inside, m, M, len(size))
        sums[part], n[part] = inside.sum(axis=1), m.sum(axis=1)
    whole = int((size < per_cluster).sum())
    return Draws(
        estimate=estimate,
        n=n,
        naive_error=simple_error(sums, n, len(y)),
        design_error=error,
        design_degrees=n_clusters - 1,
        clusters=n_clusters,
        note=f"{whole:,} of {len(size):,} clusters have fewer than {per_cluster} units and are "
        "taken whole"
        if whole
        else "",
    )


def simulate_pps(y: Array, size: Array, n: int, draws: int, random: Random) -> Draws:
    """Draws proportional to size, systematic in random order.

    Parameters
    ----------
    y, size : ndarray, shape (units,)
    n, draws : int
    random : Generator

    Returns
    -------
    Draws
    """
    pi = pps_probabilities(size, n)
    certain, others = np.flatnonzero(pi == 1), np.flatnonzero(pi < 1)
    left = n - len(certain)
    estimate, variance, sums = np.empty(draws), np.empty(draws), np.empty((draws, 2))
    # The correction of Hartley and Rao; nothing varies where all are certain.
    correction = 1 - (pi[others] ** 2).sum() / left if left else 0.0
    for part in batches(draws, n, per_order(len(y), n)):
        taken = np.empty((length(part), n), dtype=np.int64)
        taken[:, left:] = certain
        if left:
            order = random.permutation(others)
            starts = random.random((length(part), 1))
            taken[:, :left] = order[systematic_pps_positions(pi[order], left, starts)]
        values, weights = y[taken], 1 / pi[taken]
        weights /= weights.sum(axis=1, keepdims=True)
        estimate[part] = (weights * values).sum(axis=1)
        z = (weights * (values - estimate[part, None]))[:, :left]
        spread = (z**2).sum(axis=1) - z.sum(axis=1) ** 2 / max(left, 1)
        variance[part] = correction * divided(left * spread, left - 1) if left else 0.0
        sums[part] = sums_of(values)
    return Draws(
        estimate=estimate,
        n=np.full(draws, n),
        naive_error=simple_error(sums, n, len(y)),
        design_error=np.sqrt(np.maximum(variance, 0)),
        design_degrees=max(left - 1, 0),
        note=f"{counted(len(certain), 'unit', 'units')} so large as to be taken with certainty"
        if len(certain)
        else "",
    )


def choose(sizes: Codes, n: int, random: Random) -> Codes:
    """Simple random samples without replacement, one a row.

    Draws with replacement, and draws again what came twice, until a row holds n different
    numbers: drawing one after the other and passing over repeats is simple random sampling. Rows
    that would take long this way have all their numbers shuffled instead.

    Parameters
    ----------
    sizes : ndarray of int, shape (rows,)
        Each row takes numbers below its size, which is at least n.
    n : int
    random : Generator

    Returns
    -------
    ndarray of int, shape (rows, n)
    """
    taken = np.empty((len(sizes), n), dtype=np.int64)
    dense = sizes < 2 * n
    for size in np.unique(sizes[dense]):
        rows = np.flatnonzero(sizes == size)
        taken[rows] = random.random((len(rows), size)).argsort(axis=1)[:, :n]
    rows = np.flatnonzero(~dense)
    numbers = random.integers(0, sizes[rows, None], (len(rows), n))
    while len(rows):
        numbers.sort(axis=1)
        taken[rows] = numbers
        repeated = np.zeros(numbers.shape, dtype=bool)
        repeated[:, 1:] = numbers[:, 1:] == numbers[:, :-1]
        again = repeated.any(axis=1)
        rows, numbers, repeated = rows[again], numbers[again], repeated[again]
        limits = np.broadcast_to(sizes[rows, None], numbers.shape)[repeated]
        numbers[repeated] = random.integers(0, limits)
    return taken


def batches(draws: int, n: int, at_most: int | None = None) -> list[slice]:
    """Draws in parts that fit the cache, and no larger than asked."""
    step = max(1, min(CELLS // max(n, 1), at_most or draws))
    return [slice(first, min(first + step, draws)) for first in range(0, draws, step)]


def per_order(N: int, n: int) -> int:
    """Draws made from one random order of the list."""
    return max(1, N // (4 * n))


def length(part: slice) -> int:
    """Draws of a part."""
    return part.stop - part.start


def sums_of(values: Array) -> Array:
    """Sums of the values and of their squares along the last axis."""
    return np.stack([values.sum(axis=-1), np.einsum("...i,...i->...", values, values)], axis=-1)


def divided(numerator: Array, denominator: float) -> Array:
    """A quotient, NaN where the denominator is 0."""
    return numerator / denominator if denominator else np.full_like(numerator, np.nan)


def simple_error(sums: Array, n: int | Codes, N: int) -> Array:
    """Standard error by the formula for a simple random sample, ``sqrt((1 - n / N) s^2 / n)``."""
    size = np.asarray(n, dtype=float)
    squares = np.maximum(sums[:, 1] - sums[:, 0] ** 2 / size, 0)
    s2 = squares / np.where(size > 1, size - 1, np.nan)
    return np.sqrt((1 - size / N) * s2 / size)


def cluster_error(totals: Array, sizes: Codes, population: int) -> Array:
    """Standard error of a mean from whole clusters, linearised.

    ``sqrt((1 - a / A) a / (a - 1) sum(z^2))`` with ``z = (t - mean M) / sum(M)``.

    Parameters
    ----------
    totals, sizes : ndarray, shape (draws, clusters)
        t and M of the a clusters drawn; estimated t where only some units were drawn.
    population : int
        A, clusters in the frame.

    Returns
    -------
    ndarray, shape (draws,)
        NaN when a = 1.
    """
    a = sizes.shape[1]
    units = sizes.sum(axis=1, keepdims=True)
    z = (totals - totals.sum(axis=1, keepdims=True) / units * sizes) / units
    return np.sqrt((1 - a / population) * divided(a * (z**2).sum(axis=1), a - 1))


def two_stage_error(sums: Array, taken: Codes, sizes: Codes, population: int) -> Array:
    """Standard error of a weighted mean from two stages, linearised.

    The variance is that of `cluster_error` from estimated totals plus
    ``a / A sum(M^2 (1 - m / M) s^2 / m) / sum(M)^2``. One unit of a cluster says nothing of the
    variance within; its term is left out.

    Parameters
    ----------
    sums : ndarray, shape (draws, clusters, 2)
        Sums of y and of y^2 over the units drawn in each cluster.
    taken, sizes : ndarray of int, shape (draws, clusters)
        m and M: units drawn, and units in the cluster.
    population : int
        A, clusters in the frame.

    Returns
    -------
    ndarray, shape (draws,)
        NaN when a = 1.
    """
    means = sums[..., 0] / taken
    between = cluster_error(sizes * means, sizes, population)
    s2 = np.maximum(sums[..., 1] - taken * means**2, 0) / np.maximum(taken - 1, 1)
    s2 = np.where(taken > 1, s2, 0.0)
    within = (sizes * (sizes - taken) * s2 / taken).sum(axis=1) / sizes.sum(axis=1) ** 2
    return np.sqrt(between**2 + sizes.shape[1] / population * within)


def counted(n: int, one: str, several: str) -> str:
    """1 unit, 2 units."""
    return f"{n:,} {one if n == 1 else several}"
