"""How much groups differ and agree: effect sizes with intervals, arrays in and numbers out."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from scipy.optimize import brentq
from scipy.special import expit, gammaln, logit

from crmlib.columns import Array, Codes

SMALL = 10
"""Values below which a group does not tell how far it spreads."""


class Effect(NamedTuple):
    """An effect size, the ends of its interval, and the p-value of there being none."""

    estimate: float
    low: float
    high: float
    p_value: float


def relative_effect(inside: Array, outside: Array, confidence: float = 0.95) -> Effect:
    """How likely one of a group is above one of the others, ties counting half.

    0.5 where neither is above the other. It needs no normal distribution, and one huge customer
    counts as one customer.

    Parameters
    ----------
    inside, outside : ndarray
        Values of the group and of the others; no NaN.
    confidence : float

    Returns
    -------
    Effect
        Interval and p-value are NaN for groups of fewer than two, and where all values are equal.

    Notes
    -----
    ``p = (mean rank inside - (m + 1) / 2) / n`` with m inside and n outside. Standard error,
    degrees of freedom and p-value are those of Brunner and Munzel (2000), the interval is theirs
    on the logit scale. They learn how far each side spreads from that side alone, which a side of
    fewer than ten, or one whose values all compare alike, cannot tell. There

    - the standard error of the p-value is at least that of Wilcoxon's test, corrected for ties;
    - the variance of the interval is at least ``4 p (1 - p)`` times Wilcoxon's;
    - where all of one side compare alike, as customers do who all bought nothing, the interval
      allows for a share ``z² / (m + z²)`` of others among them, the upper end of Wilson's interval
      where none of m were seen. Where the groups do not overlap at all this is all there is, and
      the p-value is that of the permutation test, ``2 / C(m + n, m)``.

    p-values checked against scipy 1.16 (brunnermunzel, mannwhitneyu). By simulation without a
    difference, with 2 to 100 inside and 50 to 2,000 outside, of normal values and of values all
    but 1 to 50 % of which are tied, at most 6 % of the tests are below 0.05 and at least 94 % of
    the intervals hold 0.5.
    """
    m, n = len(inside), len(outside)
    if min(m, n) < 1:
        return Effect(np.nan, np.nan, np.nan, np.nan)
    together = stats.rankdata(np.concatenate([inside, outside]))
    estimate = float((together[:m].mean() - (m + 1) / 2) / n)
    if min(m, n) < 2 or np.ptp(together) == 0:
        return Effect(estimate, np.nan, np.nan, np.nan)
    # Of every value, how many of the other group it is above.
    above = [together[:m] - stats.rankdata(inside), together[m:] - stats.rankdata(outside)]
    parts = np.array([above[0].var(ddof=1) / (m * n**2), above[1].var(ddof=1) / (n * m**2)])
    alike = np.array([np.ptp(one) == 0 for one in above])
    if alike.all():  # no overlap: every value is above all of the other group, or below
        return _without_overlap(estimate, m, n, confidence)
    variance = parts.sum()
    freedom = variance**2 / (parts[0] ** 2 / (m - 1) + parts[1] ** 2 / (n - 1))
    least = together.var(ddof=1) / (m * n * (m + n)) if alike.any() or min(m, n) < SMALL else 0.0
    error = np.sqrt(max(variance, least))
    p_value = 2 * stats.t.sf(abs(estimate - 0.5) / error, freedom)
    width = np.sqrt(max(variance, 4 * estimate * (1 - estimate) * least))
    half = stats.t.isf((1 - confidence) / 2, freedom) * width / (estimate * (1 - estimate))
    ends = expit(logit(estimate) + np.array([-half, half]))
    if alike.any():
        unseen = _unseen_share(m if alike[0] else n, confidence)
        arms = np.hypot(ends - estimate, unseen * np.array([estimate, 1 - estimate]))
        ends = np.clip(estimate + arms * [-1, 1], 0.0, 1.0)
    return Effect(estimate, float(ends[0]), float(ends[1]), float(p_value))


def _unseen_share(n: int, confidence: float) -> float:
    """Upper end of Wilson's interval of a share of which none were seen among n."""
    quantile = float(stats.norm.isf((1 - confidence) / 2))
    return quantile**2 / (n + quantile**2)


def _without_overlap(estimate: float, m: int, n: int, confidence: float) -> Effect:
    unseen = _unseen_share(min(m, n), confidence)
    orders = gammaln(m + n + 1) - gammaln(m + 1) - gammaln(n + 1)
    return Effect(
        estimate,
        estimate * (1 - unseen),
        estimate + unseen * (1 - estimate),
        float(min(2 * np.exp(-orders), 1.0)),
    )


def cramers_v(counts: Codes, confidence: float = 0.95) -> Effect:
    """How closely two classifications go together: 0 not at all, 1 wholly.

    Parameters
    ----------
    counts : ndarray of int, shape (r, c)
        Of how many units each pair of classes is. Empty rows and columns do not count.
    confidence : float

    Returns
    -------
    Effect
        p-value of the chi-squared test. All NaN with one row or column, or where every unit is a
        class of its own.

    Notes
    -----
    Cramér's V as corrected by Bergsma (2013) for what chance alone makes of it,

        V² = max(0, X²/n - (r - 1)(c - 1) / (n - 1)) / min(r' - 1, c' - 1)

    with r' = r - (r - 1)² / (n - 1) and c' alike. The interval is that of the noncentrality
    parameter of X², divided by n and by the same minimum (Smithson 2003). It takes X² to vary as
    where the association is weak. A small class that goes closely with another makes it vary more:
    the ends are therefore at least as far from V as those by the large-sample variance of X²/n
    (Bishop, Fienberg and Holland 1975, section 11.3). X² checked against scipy 1.16
    (chi2_contingency), intervals by simulation: too wide for close associations of large classes,
    and too short, 91 of 100, where only about three units are in both of two small classes.
    """
    table = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0].astype(float)
    rows, columns = table.shape
    if min(rows, columns) < 2:
        return Effect(np.nan, np.nan, np.nan, np.nan)
    n = table.sum()
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / n
    statistic = float(((table - expected) ** 2 / expected).sum())
    freedom = (rows - 1) * (columns - 1)
    most = min(k - 1 - (k - 1) ** 2 / (n - 1) for k in (rows, columns))
    if most <= 0:
        return Effect(np.nan, np.nan, np.nan, np.nan)
    squares = np.array(
        [
            max(0.0, statistic / n - freedom / (n - 1)),
            *(bound / n for bound in noncentrality(statistic, freedom, confidence)),
        ]
    )
    v, low, high = np.minimum(np.sqrt(squares / most), 1.0)
    arm = 0.0
    if low > 0:
        quantile = stats.norm.isf((1 - confidence) / 2)
        arm = quantile * np.sqrt(_variance_of_phi_squared(table / n) / n) / (2 * v * most)
    return Effect(
        float(v),
        float(max(min(low, v - arm), 0.0)),
        float(min(max(high, v + arm), 1.0)),
        float(stats.chi2.sf(statistic, freedom)),
    )


def _variance_of_phi_squared(shares: Array) -> float:
    """Variance of X²/n in large samples, times n, by the delta method."""
    rows, columns = shares.sum(axis=1, keepdims=True), shares.sum(axis=0, keepdims=True)
    expected = rows * columns
    part = shares**2 / expected
    slope = 2 * shares / expected
    slope -= part.sum(axis=1, keepdims=True) / rows + part.sum(axis=0, keepdims=True) / columns
    return max(float((shares * slope**2).sum() - (shares * slope).sum() ** 2), 0.0)


def noncentrality(statistic: float, freedom: int, confidence: float) -> tuple[float, float]:
    """Interval of the noncentrality parameter of a chi-squared statistic.

    The ends are the parameters with which so large, or so small, a statistic has half of one less
    the confidence as its probability; 0 where there is none.
    """
    tail = (1 - confidence) / 2
    wide = statistic + 10 * np.sqrt(2 * freedom + 4 * statistic) + 50

    def end(probability: float) -> float:
        if stats.chi2.cdf(statistic, freedom) <= probability:
            return 0.0
        return float(
            brentq(lambda x: _noncentral(statistic, freedom, x) - probability, 0, wide, xtol=1e-8)
        )

    return end(1 - tail), end(tail)


def _noncentral(statistic: float, freedom: int, parameter: float) -> float:
    """Noncentral chi-squared distribution; Sankaran's (1963) normal one where it is large."""
    if statistic < 1e4:
        return float(stats.ncx2.cdf(statistic, freedom, parameter))
    total, double = freedom + parameter, freedom + 2 * parameter
    h = 1 - 2 / 3 * total * (freedom + 3 * parameter) / double**2
    p = double / total**2
    m = (h - 1) * (1 - 3 * h)
    numerator = (statistic / total) ** h - (1 + h * p * (h - 1 - 0.5 * (2 - h) * m * p))
    return float(stats.norm.cdf(numerator / (h * np.sqrt(2 * p) * (1 + 0.5 * m * p))))


def adjusted_rand(counts: ArrayLike) -> Array:
    """How far two ways to divide the same units agree: 1 wholly, 0 as far as chance makes them.

    Parameters
    ----------
    counts : ndarray, shape (..., r, c)
        Of how many units each pair of classes is; any number of tables at once.

    Returns
    -------
    ndarray, shape (...)
        1 where both ways put all units in one class, or each in one of its own.

    Notes
    -----
    Pairs of units together in both, less those expected, over the mean of pairs together in
    either, less those expected (Hubert and Arabie 1985). Checked against scikit-learn.
    """
    table = np.asarray(counts, dtype=np.float64)
    both = _pairs(table).sum(axis=(-2, -1))
    first = _pairs(table.sum(axis=-1)).sum(axis=-1)
    second = _pairs(table.sum(axis=-2)).sum(axis=-1)
    expected = first * second / np.maximum(_pairs(table.sum(axis=(-2, -1))), 1.0)
    span = (first + second) / 2 - expected
    alike = span <= 1e-12 * np.maximum(first + second, 1.0)
    return np.where(alike, 1.0, (both - expected) / np.where(alike, 1.0, span))


def _pairs(n: Array) -> Array:
    return n * (n - 1) / 2


def adjusted_rand_effect(
    counts: Codes, *, confidence: float = 0.95, replicates: int = 999, seed: int = 1
) -> Effect:
    """Adjusted Rand index with the interval of the bootstrap over units.

    Percentiles of the index of tables drawn again, moved by what drawing again adds or takes on
    the average. The p-value is left out: that two ways to divide customers have nothing to do with
    one another is not in question.
    """
    table = np.asarray(counts, dtype=np.int64)
    estimate = float(adjusted_rand(table))
    n = int(table.sum())
    if n < 2:
        return Effect(np.nan, np.nan, np.nan, np.nan)
    random = np.random.default_rng(seed)
    drawn = random.multinomial(n, (table / n).ravel(), size=replicates)
    again = adjusted_rand(drawn.reshape(replicates, *table.shape))
    tail = (1 - confidence) / 2
    low, high = np.quantile(again, [tail, 1 - tail]) - (again.mean() - estimate)
    return Effect(estimate, float(min(low, estimate)), float(min(max(high, estimate), 1)), np.nan)
