"""How many segments there are, if any: four views of every number, and one rule."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Protocol

import numpy as np
import pandas as pd

from crmlib.columns import Array, Codes
from crmlib.segmentation.effect_sizes import adjusted_rand

STABLE = 0.8
"""Agreement between samples from which on segments are stable."""

COARSE = 5
"""Customers to a value, on average, from which on a feature is coarse."""

LEAST = 10
"""Customers a segment, on average, below which nothing can be said."""

APART = 0.15
"""How much the gap must gain on one group: 15 % less spread within than groups of no meaning."""

CERTAIN = 0.5
"""How much ICL must fall by a customer: less it does also for one group that is not normal."""


@dataclass(frozen=True)
class Measured:
    """What is known of customers, fit for comparing them.

    Attributes
    ----------
    numbers : ndarray, shape (n, p)
        Scaled features.
    codes : ndarray of int, shape (n, q)
        Categories, from 0.
    weight : float
        What two different categories count, where a squared difference of numbers counts 1.
    """

    numbers: Array
    codes: Codes
    weight: float = 1.0

    def __len__(self) -> int:
        """Customers."""
        return len(self.numbers)

    def take(self, rows: Codes) -> "Measured":
        """Some of the customers, any of them several times."""
        return Measured(self.numbers[rows], self.codes[rows], self.weight)


class Grouping(Protocol):
    """A fitted way to group customers."""

    @property
    def bic(self) -> float:
        """Bayes information criterion, the lower the better; NaN where there is no likelihood."""

    def labels(self, data: Measured) -> Codes:
        """Group of every customer, from 0."""

    def probabilities(self, data: Measured) -> Array | None:
        """Of every group, shape (n, k); None where the method has none."""

    def again(self, data: Measured, k: int, random: np.random.Generator) -> "Grouping":
        """Group a sample in the same way."""


Fit = Callable[[Measured, int, np.random.Generator], Grouping]


def number_of_segments(
    data: Measured,
    ks: Sequence[int],
    fit: Fit,
    gap_fit: Fit,
    *,
    replicates: int,
    seed: int,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Look at every number of segments in four ways.

    Parameters
    ----------
    data : Measured
    ks : sequence of int
        Numbers to look at, 1 among them.
    fit : callable
        The method: data, k and a generator in, `Grouping` out.
    gap_fit : callable
        The method by which the gap statistic groups: one that spreads within least.
    replicates : int
        Samples drawn again for the stability, and clouds without groups for the gap.
    seed : int
    confidence : float
        Share of the pairs of samples between stability_low and stability_high.

    Returns
    -------
    DataFrame
        One row a number: k; silhouette (`silhouette`); bic; icl (`integrated_likelihood`); gap,
        gap_error (`gap_statistic`); stability, stability_low, stability_high (`stability`);
        smallest (customers in the smallest segment).
    """
    fitted = {k: fit(data, k, np.random.default_rng([seed, k])) for k in ks}
    distances = distance_matrix(data)
    gap, error = gap_statistic(data, ks, gap_fit, replicates, seed)
    rows = []
    for i, k in enumerate(ks):
        labels = fitted[k].labels(data)
        agreed = stability(
            data, k, fitted[k].again, replicates, np.random.default_rng([seed, k, 1])
        )
        low, high = np.quantile(agreed, [(1 - confidence) / 2, (1 + confidence) / 2])
        rows.append(
            {
                "k": k,
                "silhouette": silhouette(distances, labels),
                "bic": fitted[k].bic,
                "icl": integrated_likelihood(fitted[k].bic, fitted[k].probabilities(data)),
                "gap": gap[i],
                "gap_error": error[i],
                "stability": float(agreed.mean()),
                "stability_low": low,
                "stability_high": high,
                "smallest": int(np.bincount(labels, minlength=k).min()),
            }
        )
    return pd.DataFrame(rows)


def distance_matrix(data: Measured) -> Array:
    """Distances of all customers from one another, shape (n, n).

    The root of the sum of squared differences and, for every category that differs, the weight
    (Huang 1998); without categories, Euclid's distance.
    """
    squares = (data.numbers**2).sum(axis=1)
    distances = np.maximum(squares[:, None] + squares - 2 * data.numbers @ data.numbers.T, 0)
    for column in data.codes.T:
        distances += data.weight * (column[:, None] != column)
    np.fill_diagonal(distances, 0)
    return np.asarray(np.sqrt(distances))


def silhouette(distances: Array, labels: Codes) -> float:
    """How much nearer customers are to their own segment than to the next one, on average.

    ``(b - a) / max(a, b)`` with a the mean distance from the others of its segment and b that
    from the segment nearest by; 0 for a customer alone in its segment (Rousseeuw 1987). From -1 to
    1; below 0.25 nothing is said to be there (Kaufman and Rousseeuw 1990).

    Parameters
    ----------
    distances : ndarray, shape (n, n)
    labels : ndarray of int, shape (n,)

    Returns
    -------
    float
        NaN with a single segment. Checked against scikit-learn's `silhouette_score`.
    """
    groups, labels = np.unique(labels, return_inverse=True)
    if len(groups) < 2:
        return np.nan
    member = np.eye(len(groups))[labels]
    sizes, rows = member.sum(axis=0), np.arange(len(labels))
    total = distances @ member
    own = total[rows, labels] / np.maximum(sizes[labels] - 1, 1)
    means = total / sizes
    means[rows, labels] = np.inf
    other = means.min(axis=1)
    wider = np.maximum(own, other)
    score = np.where(wider > 0, (other - own) / np.where(wider > 0, wider, 1), 0)
    return float(np.where(sizes[labels] > 1, score, 0).mean())


def integrated_likelihood(bic: float, probabilities: Array | None) -> float:
    """BIC plus twice the entropy of who belongs where: a low one asks for groups that are apart.

    The integrated completed likelihood of Biernacki, Celeux and Govaert (2000), in the sign of
    BIC. A mixture describes a single cloud that is not normal by several groups that lie on one
    another; BIC takes them, this does not. NaN without probabilities.
    """
    if probabilities is None:
        return np.nan
    doubt = -(probabilities * np.log(np.maximum(probabilities, np.finfo(float).tiny))).sum()
    return float(bic + 2 * doubt)


def dispersion(data: Measured, labels: Codes) -> float:
    """Spread within segments, W: sum over them of all distances between two, over twice the size.

    Distances are squares plus weighted mismatches, so for numbers alone it is the sum of squared
    distances from the means (Tibshirani, Walther and Hastie 2001, formula 2).
    """
    sizes = np.bincount(labels)
    used = np.maximum(sizes, 1)
    within = float((data.numbers**2).sum())
    for column in data.numbers.T:
        within -= float((np.bincount(labels, weights=column) ** 2 / used).sum())
    for column in data.codes.T:
        levels = int(column.max()) + 1
        table = np.bincount(labels * levels + column, minlength=len(sizes) * levels)
        same = (table.reshape(-1, levels) ** 2).sum(axis=1)
        within += data.weight * float((sizes - same / used).sum()) / 2
    return max(within, 0.0)


def structureless(data: Measured, random: np.random.Generator) -> Measured:
    """Draw a cloud without groups that is as wide as the data.

    Numbers are even over the box along the data's principal axes (the second reference of
    Tibshirani and others 2001), categories independent with the frequencies of the data.
    """
    n, p = data.numbers.shape
    numbers = data.numbers
    if p:
        mean = numbers.mean(axis=0)
        axes = np.linalg.svd(numbers - mean, full_matrices=False)[2]
        along = (numbers - mean) @ axes.T
        shape = (n, along.shape[1])
        numbers = mean + random.uniform(along.min(axis=0), along.max(axis=0), shape) @ axes
    columns = [random.choice(column, n) for column in data.codes.T]
    codes = np.column_stack(columns) if columns else data.codes
    return Measured(numbers, codes, data.weight)


def ties_spread(data: Measured, random: np.random.Generator) -> Measured:
    """Spread the values of coarse features evenly over half the way to the next values.

    A feature is coarse with five customers to a value or more, as numbers of orders are. A whole
    number tells a customer to the half only. Left as they are, values that many share are groups
    without width: any method would find them in every sample, and as many segments as values.
    """
    numbers = data.numbers.copy()
    for column in numbers.T:
        values, place = np.unique(column, return_inverse=True)
        if 1 < len(values) <= len(column) / COARSE:
            half = np.diff(values) / 2
            low, high = values - np.append(half[0], half), values + np.append(half, half[-1])
            column[:] = random.uniform(low[place], high[place])
    return Measured(numbers, data.codes, data.weight)


def gap_statistic(
    data: Measured, ks: Sequence[int], fit: Fit, replicates: int, seed: int
) -> tuple[Array, Array]:
    """How much less customers spread within segments than a cloud without groups would.

    ``Gap(k) = mean log W*(k) - log W(k)`` with W* of clouds by `structureless`; its error is the
    standard deviation of log W* times ``sqrt(1 + 1 / replicates)`` (Tibshirani, Walther and Hastie
    2001).

    Returns
    -------
    tuple of ndarray, shape (len(ks),)
        Gap and its error; NaN where nothing spreads, as with a segment for every value.
    """

    def logs(cloud: Measured, *key: int) -> list[float]:
        within = [
            dispersion(cloud, fit(cloud, k, np.random.default_rng([seed, k, *key])).labels(cloud))
            for k in ks
        ]
        nothing = 1e-12 * (float((cloud.numbers**2).sum()) + len(cloud))
        return [float(np.log(w)) if w > nothing else np.nan for w in within]

    reference = np.array(
        [
            logs(structureless(data, np.random.default_rng([seed, 0, b])), 2, b)
            for b in range(replicates)
        ]
    )
    gap = reference.mean(axis=0) - np.array(logs(data))
    return gap, reference.std(axis=0) * np.sqrt(1 + 1 / replicates)


def stability(
    data: Measured, k: int, fit: Fit, replicates: int, random: np.random.Generator
) -> Array:
    """How far segments found in different samples of the customers agree.

    The customers are drawn with replacement, grouped, and all of them assigned to the groups
    found, again and again; every two of these are compared (after Dolnicar and Leisch 2010).

    Returns
    -------
    ndarray, shape (pairs,)
        Adjusted Rand index of each pair: 1 the same segments, 0 no more alike than by chance.
    """
    n = len(data)
    found = []
    for _ in range(replicates):
        sample = data.take(random.integers(0, n, n))
        found.append(fit(sample, k, random).labels(data))
    return np.array([_agreement(a, b, k) for a, b in combinations(found, 2)])


def _agreement(first: Codes, second: Codes, k: int) -> float:
    table = np.bincount(first * k + second, minlength=k * k)
    return float(adjusted_rand(table.reshape(k, k)))


def gains_on_one_group(choice: pd.DataFrame) -> pd.DataFrame:
    """What every number of segments has over one group.

    Parameters
    ----------
    choice : DataFrame
        Of `number_of_segments`, with a row for one group.

    Returns
    -------
    DataFrame
        Columns of booleans: stable; compact (the gap gains more than `APART` and twice its
        error); likelier (BIC below that of one group); certain (ICL below that of one group by
        more than `CERTAIN` a customer).
    """
    one = choice[choice["k"] == 1].iloc[0]
    gain = choice["gap"] - one["gap"]
    error = np.hypot(choice["gap_error"], one["gap_error"])
    return pd.DataFrame(
        {
            "stable": choice["stability"] >= STABLE,
            "compact": gain > np.maximum(APART, 2 * error),
            "likelier": choice["bic"] < one["bic"],
            "certain": choice["icl"] < one["icl"] - CERTAIN * one["smallest"],
        }
    )


def supported_by_gap(choice: pd.DataFrame) -> "pd.Series[bool]":
    """Which numbers are supported where the gap decides: stable and compact."""
    gains = gains_on_one_group(choice)
    return gains["stable"] & gains["compact"]


def supported_by_mixture(choice: pd.DataFrame) -> "pd.Series[bool]":
    """Which numbers are supported for a mixture: stable, likelier, and certain or compact.

    Certain finds long groups that cross, compact finds groups that touch.
    """
    gains = gains_on_one_group(choice)
    return gains["stable"] & gains["likelier"] & (gains["certain"] | gains["compact"])


def supported_by_likelihood(choice: pd.DataFrame) -> "pd.Series[bool]":
    """Which numbers are supported for latent classes: stable and likelier."""
    gains = gains_on_one_group(choice)
    return gains["stable"] & gains["likelier"]


def best_by_gap(choice: pd.DataFrame) -> int:
    """The fewest segments whose gap is within one error of the largest."""
    gap = choice["gap"].to_numpy()
    best = int(gap.argmax())
    enough = gap >= gap[best] - choice["gap_error"].to_numpy()[best]
    return int(choice["k"].to_numpy()[enough].min())


def best_by_bic(choice: pd.DataFrame) -> int:
    """The number with the lowest BIC."""
    return int(choice["k"].to_numpy()[choice["bic"].to_numpy().argmin()])
