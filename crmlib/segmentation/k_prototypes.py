"""K-prototypes: k-means for numbers and categories together (Huang 1998)."""

from dataclasses import dataclass

import numpy as np

from crmlib.columns import Array, Codes

STARTS = 3
"""How often the algorithm begins anew."""

MOST_STEPS = 200


@dataclass(frozen=True, eq=False)
class Prototypes:
    """Groups around prototypes: means of numbers, most frequent categories.

    Attributes
    ----------
    means : ndarray, shape (k, p)
    modes : ndarray of int, shape (k, q)
    weight : float
        What a category that differs costs.
    labels : ndarray of int, shape (n,)
        Of the rows fitted.
    cost : float
        Huang's cost of them.
    """

    means: Array
    modes: Codes
    weight: float
    labels: Codes
    cost: float

    def costs(self, numbers: Array, codes: Codes) -> Array:
        """Cost of putting each row into each group, shape (n, k)."""
        return prototype_costs(numbers, codes, self.means, self.modes, self.weight)


def category_weight(numbers: Array, codes: Codes) -> float:
    """What a category that differs costs, so that categories count as much as numbers do.

    The mean variance of the numbers over the mean of ``1 - sum of squared shares`` of the
    categories, as in R clustMixType (Szepannek 2018); 1 where there is only one kind of them.
    """
    if not numbers.shape[1] or not codes.shape[1]:
        return 1.0
    shares = [np.bincount(column) / len(column) for column in codes.T]
    return float(numbers.var(axis=0).mean() / np.mean([1 - (p**2).sum() for p in shares]))


def prototype_costs(
    numbers: Array, codes: Codes, means: Array, modes: Codes, weight: float
) -> Array:
    """Squared distance from the means plus the weight times the categories that differ.

    Returns
    -------
    ndarray, shape (n, k)
    """
    squares = (numbers**2).sum(axis=1)[:, None] - 2 * numbers @ means.T + (means**2).sum(axis=1)
    costs = np.maximum(squares, 0)
    for column, mode in zip(codes.T, modes.T, strict=True):
        costs += weight * (column[:, None] != mode)
    return np.asarray(costs)


def k_prototypes(
    numbers: Array,
    codes: Codes,
    k: int,
    weight: float,
    random: np.random.Generator,
    starts: int = STARTS,
) -> Prototypes:
    """Group rows around k prototypes with the least cost.

    Parameters
    ----------
    numbers : ndarray, shape (n, p)
        Scaled; p may be 0, which makes it k-modes.
    codes : ndarray of int, shape (n, q)
        Categories from 0; q may be 0, which makes it k-means.
    k : int
    weight : float
        What a category that differs costs (`category_weight`); gamma of the paper.
    random : numpy.random.Generator
    starts : int
        The cheapest of so many.

    Returns
    -------
    Prototypes

    Notes
    -----
    ``cost = sum over rows of |x - mean of its group|^2 + weight * categories unlike its mode``.
    Prototypes and groups are found in turn until nothing changes. The first prototypes are rows,
    each drawn in proportion to its cost with those before (as in k-means++). A group that runs
    empty begins again at the row that costs most. Of categories equally frequent the first counts.
    """
    runs = [_descended(numbers, codes, k, weight, random) for _ in range(starts)]
    return min(runs, key=lambda run: run.cost)


def _descended(
    numbers: Array, codes: Codes, k: int, weight: float, random: np.random.Generator
) -> Prototypes:
    first = _first_rows(numbers, codes, k, weight, random)
    means, modes = numbers[first].copy(), codes[first].copy()
    labels = np.full(len(numbers), -1)
    for _ in range(MOST_STEPS):
        costs = prototype_costs(numbers, codes, means, modes, weight)
        nearest = costs.argmin(axis=1)
        _fill_empty(nearest, costs, k)
        if (nearest == labels).all():
            break
        labels = nearest
        means, modes = prototypes_of(numbers, codes, labels, k)
    costs = prototype_costs(numbers, codes, means, modes, weight)
    return Prototypes(
        means, modes, weight, labels, float(costs[np.arange(len(labels)), labels].sum())
    )


def prototypes_of(numbers: Array, codes: Codes, labels: Codes, k: int) -> tuple[Array, Codes]:
    """Means and most frequent categories of every group; no group may be empty."""
    sizes = np.bincount(labels, minlength=k)
    means = [np.bincount(labels, column, k) / sizes for column in numbers.T]
    modes = []
    for column in codes.T:
        levels = int(column.max()) + 1
        table = np.bincount(labels * levels + column, minlength=k * levels)
        modes.append(table.reshape(k, levels).argmax(axis=1))
    return (
        np.column_stack(means) if means else np.empty((k, 0)),
        np.column_stack(modes) if modes else np.empty((k, 0), dtype=np.int64),
    )


def _first_rows(
    numbers: Array, codes: Codes, k: int, weight: float, random: np.random.Generator
) -> Codes:
    rows = [int(random.integers(len(numbers)))]
    least = np.full(len(numbers), np.inf)
    while len(rows) < k:
        new = prototype_costs(numbers, codes, numbers[rows[-1:]], codes[rows[-1:]], weight)[:, 0]
        least = np.minimum(least, new)
        total = least.sum()
        chances = least / total if total > 0 else None
        rows.append(int(random.choice(len(numbers), p=chances)))
    return np.array(rows)


def _fill_empty(labels: Codes, costs: Array, k: int) -> None:
    """Give every empty group the row that costs most where it is, of a group with several."""
    own = costs[np.arange(len(labels)), labels]
    for group in np.flatnonzero(np.bincount(labels, minlength=k) == 0):
        shared = np.bincount(labels, minlength=k)[labels] > 1
        row = int(np.where(shared, own, -1.0).argmax())
        labels[row], own[row] = group, -1.0
