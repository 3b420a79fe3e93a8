"""Sampling designs: what each takes from a frame, and every unit's chance of being taken.

A design is a small frozen dataclass that names columns of the frame and numbers of units. It
knows the inclusion probability of every unit and how many units there were to draw from at each
stage; `crmlib.sampling.drawing.draw` makes the draw, `crmlib.sampling.comparison` tries designs
against each other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crmlib.columns import codes_of, column_of, listed, numbers_of, rows_named
from crmlib.errors import InputError
from crmlib.sampling.allocation import allocate

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

CERTAIN = 1 - 1e-9
"""Expected hits from which on a unit is taken with certainty."""


@dataclass(frozen=True)
class SimpleRandom:
    """n units, every set of n of them equally likely.

    Attributes
    ----------
    n : int
        Units to take.

    Raises
    ------
    InputError
        When n is not a whole number above 0.
    """

    n: int

    def __post_init__(self) -> None:
        """Refuse what is not a number of units."""
        settle(self, "n")

    def inclusion_probabilities(self, frame: pd.DataFrame) -> pd.Series:
        """``n / N`` for every unit, in the order of the frame; `InputError` when n > N."""
        check_enough(self.n, len(frame), "Units in the frame")
        return probabilities(frame, np.full(len(frame), self.n / len(frame)))

    def population_sizes(self, frame: pd.DataFrame) -> pd.DataFrame:
        """N as ``population_1``."""
        return pd.DataFrame({"population_1": len(frame)}, index=frame.index)


@dataclass(frozen=True)
class Systematic:
    """Every k-th unit of an ordered list, k = N / n, from a random start.

    The points are ``(start + j) N / n`` for j = 0 … n - 1 and start uniform on [0, 1), so that n
    and the inclusion probabilities are exact whether N / n is whole or not.

    Attributes
    ----------
    n : int
        Units to take.
    order_by : str or sequence of str, optional
        Columns that order the list; ties in random order. None orders by the id.

    Raises
    ------
    InputError
        When n is not a whole number above 0.
    """

    n: int
    order_by: str | Sequence[str] | None = None

    def __post_init__(self) -> None:
        """Refuse what is not a number of units."""
        settle(self, "n")
        if self.order_by is not None and not isinstance(self.order_by, str):
            object.__setattr__(self, "order_by", tuple(self.order_by))

    def inclusion_probabilities(self, frame: pd.DataFrame) -> pd.Series:
        """``n / N`` for every unit, in the order of the frame; `InputError` when n > N."""
        return SimpleRandom(self.n).inclusion_probabilities(frame)

    def population_sizes(self, frame: pd.DataFrame) -> pd.DataFrame:
        """N as ``population_1``."""
        return SimpleRandom(self.n).population_sizes(frame)

    def columns(self, id: str | None) -> list[str]:  # noqa: A002
        """Columns that order the list."""
        if self.order_by is not None:
            return [self.order_by] if isinstance(self.order_by, str) else list(self.order_by)
        if id is None:
            raise InputError(
                "A systematic draw without order_by= goes along the id: name its column as id=, "
                "or give order_by=."
            )
        return [id]


@dataclass(frozen=True)
class Stratified:
    """A simple random sample in every stratum.

    Attributes
    ----------
    by : str
        Column with the stratum.
    allocation : mapping of stratum to int, or int
        Units to take from each stratum; a single number is shared out in proportion to the
        strata's units, at least two each, by `crmlib.sampling.allocation.allocate`.

    Raises
    ------
    InputError
        When a number of units is not a whole number above 0.
    """

    by: str
    allocation: Mapping[object, int] | int

    def __post_init__(self) -> None:
        """Refuse what is not a number of units."""
        if not isinstance(self.allocation, Mapping):
            settle(self, "allocation")
            return
        if not self.allocation:
            raise InputError("allocation= names no stratum.")
        allocation = {
            stratum: whole(n, f'allocation of stratum "{stratum}"', hint=NO_CHANCE)
            for stratum, n in self.allocation.items()
        }
        object.__setattr__(self, "allocation", allocation)

    def inclusion_probabilities(self, frame: pd.DataFrame) -> pd.Series:
        """``n_h / N_h`` for the units of stratum h, in the order of the frame.

        Raises
        ------
        InputError
            When a unit has no stratum, a stratum no allocation or no unit, or too few units.
        """
        strata = groups_of(frame, self.by)
        return probabilities(frame, (self.sample_sizes(strata) / strata.sizes)[strata.codes])

    def population_sizes(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Units of the stratum as ``population_1``."""
        strata = groups_of(frame, self.by)
        return pd.DataFrame({"population_1": strata.sizes[strata.codes]}, index=frame.index)

    def sample_sizes(self, strata: "Groups") -> Codes:
        """Units to take from each stratum, in the order of ``strata.names``."""
        if not isinstance(self.allocation, Mapping):
            return self._proportional(strata, self.allocation)
        allocation = self.allocation
        unknown = [name for name in allocation if name not in set(strata.names)]
        if unknown:
            raise InputError(
                f'The allocation names {listed(unknown)}, of which column "{self.by}" has no unit. '
                f"Its strata are {listed(strata.names, shown=20)}."
            )
        left_out = [name for name in strata.names if name not in allocation]
        if left_out:
            raise InputError(
                f'The allocation leaves out stratum {listed(left_out)} of column "{self.by}". '
                f"{NO_CHANCE}"
            )
        sizes = np.array([allocation[name] for name in strata.names], dtype=np.int64)
        for name, size, available in zip(strata.names, sizes, strata.sizes, strict=True):
            check_enough(int(size), int(available), f'Units in stratum "{name}"')
        return sizes

    def _proportional(self, strata: "Groups", n: int) -> Codes:
        check_enough(n, int(strata.sizes.sum()), "Units in the frame")
        # By name, so that a tie does not go by the order of the frame.
        order = np.argsort([str(name) for name in strata.names], kind="stable")
        names = [str(strata.names[h]) for h in order.tolist()]
        table = pd.DataFrame({"stratum": names, "population": strata.sizes[order]})
        sizes = np.empty(len(order), dtype=np.int64)
        sizes[order] = allocate(table, n, method="proportional").table["n"]
        return sizes


@dataclass(frozen=True)
class Cluster:
    """Whole clusters, drawn as a simple random sample of clusters.

    Attributes
    ----------
    by : str
        Column with the cluster.
    n_clusters : int
        Clusters to take.

    Raises
    ------
    InputError
        When n_clusters is not a whole number above 0.
    """

    by: str
    n_clusters: int

    def __post_init__(self) -> None:
        """Refuse what is not a number of units."""
        settle(self, "n_clusters")

    def inclusion_probabilities(self, frame: pd.DataFrame) -> pd.Series:
        """``n_clusters / clusters``; `InputError` when there are fewer clusters than asked."""
        clusters = self.clusters(frame)
        return probabilities(frame, self.chances(clusters)[clusters.codes])

    def population_sizes(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Clusters as ``population_1``."""
        n_clusters = len(groups_of(frame, self.by).sizes)
        return pd.DataFrame({"population_1": n_clusters}, index=frame.index)

    def chances(self, clusters: "Groups") -> Array:
        """Inclusion probability of the units of each cluster."""
        return np.full(len(clusters.sizes), self.n_clusters / len(clusters.sizes))

    def clusters(self, frame: pd.DataFrame) -> "Groups":
        """The clusters of a frame, which must be enough."""
        clusters = groups_of(frame, self.by)
        check_enough(self.n_clusters, len(clusters.sizes), f'Clusters in column "{self.by}"')
        return clusters


@dataclass(frozen=True)
class TwoStage:
    """Clusters by simple random sampling, then a simple random sample in each.

    A cluster with fewer units than ``per_cluster`` is taken whole: its units' probabilities and
    weights allow for that, and `compare_designs` says how many such clusters there are.

    Attributes
    ----------
    by : str
        Column with the cluster.
    n_clusters : int
        Clusters to take.
    per_cluster : int
        Units to take in each.

    Raises
    ------
    InputError
        When a number is not a whole number above 0.
    """

    by: str
    n_clusters: int
    per_cluster: int

    def __post_init__(self) -> None:
        """Refuse what is not a number of units."""
        settle(self, "n_clusters", "per_cluster")

    def inclusion_probabilities(self, frame: pd.DataFrame) -> pd.Series:
        """``n_clusters / clusters * min(per_cluster, M) / M`` with M the units of the cluster.

        Raises
        ------
        InputError
            When there are fewer clusters than asked.
        """
        clusters = self.clusters(frame)
        return probabilities(frame, self.chances(clusters)[clusters.codes])

    def population_sizes(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Clusters as ``population_1``, units of the cluster as ``population_2``."""
        clusters = groups_of(frame, self.by)
        sizes = {
            "population_1": len(clusters.sizes),
            "population_2": clusters.sizes[clusters.codes],
        }
        return pd.DataFrame(sizes, index=frame.index)

    def chances(self, clusters: "Groups") -> Array:
        """Inclusion probability of the units of each cluster."""
        within = self.sample_sizes(clusters) / clusters.sizes
        return self.n_clusters / len(clusters.sizes) * within

    def sample_sizes(self, clusters: "Groups") -> Codes:
        """Units to take in each cluster if it is drawn."""
        return np.minimum(self.per_cluster, clusters.sizes)

    def clusters(self, frame: pd.DataFrame) -> "Groups":
        """The clusters of a frame, which must be enough."""
        return Cluster(self.by, self.n_clusters).clusters(frame)


@dataclass(frozen=True)
class Pps:
    """n units with probability proportional to size, by systematic sampling in random order.

    Units whose size gives them one hit or more are taken with certainty and the rest is shared
    out anew among the others (Särndal, Swensson and Wretman 1992, section 3.6.2).

    Attributes
    ----------
    size : str
        Column with the size, above 0 for every unit: turnover, say, or last year's contacts.
    n : int
        Units to take.

    Raises
    ------
    InputError
        When n is not a whole number above 0.
    """

    size: str
    n: int

    def __post_init__(self) -> None:
        """Refuse what is not a number of units."""
        settle(self, "n")

    def inclusion_probabilities(self, frame: pd.DataFrame) -> pd.Series:
        """``n x / sum(x)``, 1 where that is above 1, in the order of the frame.

        Raises
        ------
        InputError
            When n > N, or a size is missing, infinite, zero or negative.
        """
        return probabilities(frame, pps_probabilities(self.sizes(frame), self.n))

    def population_sizes(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Effective population as ``population_1``, for a finite population correction.

        ``n^2 / sum(pi^2)`` over the units that are not certain, n the number drawn of them: the
        correction ``1 - n / population_1`` is then the ``1 - sum(pi^2) / n`` of Hartley and Rao
        (1962), and population_1 is N where all sizes are equal. For the units taken with
        certainty it is their number, which leaves no variance.
        """
        pi = self.inclusion_probabilities(frame).to_numpy()
        return pd.DataFrame({"population_1": effective_population(pi)}, index=frame.index)

    def sizes(self, frame: pd.DataFrame) -> Array:
        """Sizes of the units, all of them above 0."""
        check_enough(self.n, len(frame), "Units in the frame")
        sizes = numbers_of(frame, self.size, "sizes")
        wrong = np.flatnonzero(~(np.isfinite(sizes) & (sizes > 0)))
        if len(wrong):
            n_missing = int(np.isnan(sizes).sum())
            n_infinite = int(np.isinf(sizes).sum())
            raise InputError(
                f'Column "{self.size}": {len(wrong):,} of {len(sizes):,} sizes cannot be used '
                f"({n_missing:,} missing, {n_infinite:,} infinite, "
                f"{len(wrong) - n_missing - n_infinite:,} zero or negative); "
                f"{rows_named(frame, wrong)}. {NO_CHANCE} Give these units a size above 0 or take "
                "them out of the frame."
            )
        return sizes


Design = SimpleRandom | Systematic | Stratified | Cluster | TwoStage | Pps

NO_CHANCE = "Units without a chance to be drawn cannot be spoken for by the sample."


@dataclass(frozen=True, eq=False)
class Groups:
    """Strata or clusters of a frame.

    Attributes
    ----------
    codes : ndarray of int, shape (units,)
        Number of the group a unit belongs to.
    names : sequence
        What the groups are called.
    sizes : ndarray of int, shape (groups,)
        Units in each.
    """

    codes: Codes
    names: Sequence[object]
    sizes: Codes


def groups_of(frame: pd.DataFrame, column: str) -> Groups:
    """Strata or clusters by a column; `InputError` when a unit has none."""
    codes, names = codes_of(frame, column)
    return Groups(codes, names, np.bincount(codes, minlength=len(names)))


def pps_probabilities(size: Array, n: int) -> Array:
    """Inclusion probabilities proportional to size, certain units at 1.

    Parameters
    ----------
    size : ndarray, shape (units,)
        Above 0.
    n : int
        Units to take, at most all of them.

    Returns
    -------
    ndarray, shape (units,)
        They add up to n.
    """
    certain = np.zeros(len(size), dtype=bool)
    while not certain.all():
        hits = (n - certain.sum()) / size[~certain].sum() * size
        more = ~certain & (hits >= CERTAIN)
        if not more.any():
            return np.where(certain, 1.0, hits)
        certain |= more
    return np.ones(len(size))


def effective_population(pi: Array) -> Array:
    """Population that finite population corrections count with, as `Pps.population_sizes` says."""
    certain = pi == 1
    drawn = pi[~certain]
    effective = drawn.sum() ** 2 / (drawn**2).sum() if len(drawn) else 0.0
    return np.where(certain, float(certain.sum()), effective)


def systematic_positions(n: int, N: int, start: float | Array) -> Codes:
    """Places in an ordered list of N that a systematic draw of n takes.

    Parameters
    ----------
    n, N : int
        Units to take and units there are.
    start : float or ndarray
        On [0, 1), as a share of the interval; a column gives one draw a row.

    Returns
    -------
    ndarray of int, shape (n,) or (draws, n)
    """
    places = ((start + np.arange(n)) * (N / n)).astype(np.int64)
    return np.minimum(places, N - 1)


def systematic_pps_positions(pi: Array, n: int, start: float | Array) -> Codes:
    """Places in an ordered list that a systematic draw proportional to size takes.

    Parameters
    ----------
    pi : ndarray, shape (units,)
        Inclusion probabilities below 1 that add up to n.
    n : int
    start : float or ndarray
        On [0, 1); a column gives one draw a row.

    Returns
    -------
    ndarray of int, shape (n,) or (draws, n)
    """
    ends = np.cumsum(pi)
    ends *= n / ends[-1]
    places = np.searchsorted(ends, start + np.arange(n), side="right")
    return np.minimum(places, len(pi) - 1)


def order_codes(frame: pd.DataFrame, columns: Sequence[str]) -> Codes:
    """Place of each unit in the order of the columns; equal units have the same place."""
    codes = np.zeros(len(frame), dtype=np.int64)
    for k, column in enumerate(columns):
        values = column_of(frame, column)
        missing = np.flatnonzero(values.isna())
        if len(missing):
            raise InputError(
                f'Column "{column}" orders the list, but {len(missing):,} of its values are '
                f"missing; {rows_named(frame, missing)}. Fill them in, or order by another column."
            )
        finer = sorted_codes(values, column)
        joined = codes * (finer.max() + 1) + finer
        codes = pd.factorize(joined, sort=True)[0] if k else finer
    return codes


def sorted_codes(values: pd.Series, column: str) -> Codes:
    """Place of each value among the sorted values of its column."""
    try:
        return pd.factorize(values, sort=True)[0]
    except TypeError:
        raise InputError(
            f'Column "{column}" holds values of several kinds, which have no order: make them all '
            "text, all numbers or all dates."
        ) from None


def probabilities(frame: pd.DataFrame, values: Array) -> pd.Series:
    """Inclusion probabilities on the frame's index."""
    return pd.Series(values, index=frame.index, name="inclusion_probability")


def whole(n: object, what: str, hint: str = "") -> int:
    """A number of units; `InputError` when it is none."""
    if isinstance(n, bool) or not isinstance(n, Integral) or n < 1:
        raise InputError(f"{what}={n!r}: write a whole number above 0. {hint}".rstrip())
    return int(n)


def settle(design: object, *names: str) -> None:
    """Turn attributes of a frozen design into numbers of units."""
    for name in names:
        object.__setattr__(design, name, whole(getattr(design, name), name))


def check_enough(n: int, available: int, what: str) -> None:
    """Refuse to take more than there is."""
    if n > available:
        raise InputError(f"{what}: {available:,}, but {n:,} wanted. Take fewer.")
