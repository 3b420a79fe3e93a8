"""Draw a sample from a frame so that anybody can repeat it, and check a draw that was made.

Every unit has a permanent random number that depends on its id and the seed alone (Ohlsson 1995,
"Coordination of samples using permanent random numbers"). The order of the frame's rows
therefore does not matter, and when the frame changes between waves the same seed takes the units
of the last wave again as far as the design allows.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crmlib.columns import column_of, listed, rows_named
from crmlib.errors import InputError
from crmlib.sampling.designs import (
    Array,
    Cluster,
    Codes,
    Design,
    Groups,
    Pps,
    SimpleRandom,
    Stratified,
    Systematic,
    TwoStage,
    effective_population,
    groups_of,
    order_codes,
    pps_probabilities,
    systematic_positions,
    systematic_pps_positions,
)
from crmlib.sampling.samples import SurveySample

Hashes = NDArray[np.uint64]

GENERATOR = "SipHash-2-4 of the id as text, mixed with the seed by SplitMix64"
VERSIONS = ("numpy_version", "pandas_version")


@dataclass(frozen=True, eq=False)
class DrawnSample:
    """A sample and the record of its draw.

    Attributes
    ----------
    units : DataFrame
        One row a unit in order of release: the frame's columns, then case_id,
        inclusion_probability, base_weight (its inverse), release_order from 1 and prn (the
        unit's permanent random number); stratum for `Stratified` and `Pps` (certain or drawn),
        cluster for `Cluster` and `TwoStage`, unit for `TwoStage`, systematic_order (place in the
        ordered list) for `Systematic`; population_1 and for `TwoStage` population_2 as
        the design's ``population_sizes`` has them.
    audit : dict
        frame_sha256, frame_rows, id, seed, shift, generator, numpy_version, pandas_version,
        design, n.
    design
        The design drawn by.
    """

    units: pd.DataFrame
    audit: dict[str, Any]
    design: Design

    def survey(self) -> SurveySample:
        """The sample with its weights, strata, clusters and populations, for `estimate`."""
        stratified = isinstance(self.design, Stratified | Pps)
        clusters: tuple[str, ...] = ()
        population: tuple[str, ...] = ("population_1",)
        if isinstance(self.design, Cluster):
            clusters = ("cluster",)
        if isinstance(self.design, TwoStage):
            clusters, population = ("cluster", "unit"), ("population_1", "population_2")
        return SurveySample(
            self.units,
            weight="base_weight",
            strata="stratum" if stratified else None,
            clusters=clusters,
            population=population,
            order="systematic_order" if isinstance(self.design, Systematic) else None,
        )


@dataclass(frozen=True, eq=False)
class Selection:
    """Rows of the frame that were drawn.

    Attributes
    ----------
    rows : ndarray of int, shape (n,)
    probability : ndarray, shape (n,)
    columns : mapping of str to number or array of shape (n,)
        stratum, cluster, systematic_order, population_1, population_2: what the design has.
    """

    rows: Codes
    probability: Array
    columns: Mapping[str, Any]


@dataclass(frozen=True)
class RandomNumbers:
    """Random numbers that are functions of a seed, a purpose and the hash of a name.

    Attributes
    ----------
    seed : int
    shift : float
        Moves the numbers that select along the circle from 0 to 1.
    """

    seed: int
    shift: float

    def of(self, hashes: Hashes, purpose: str) -> Hashes:
        """Uniform whole numbers below 2^64, a different one for every hash."""
        digest = hashlib.sha256(f"{self.seed} {purpose}".encode()).digest()
        return split_mix(split_mix(hashes ^ key(digest[:8])) + key(digest[8:16]))

    def shifted(self, order: Codes, numbers: Hashes) -> Codes:
        """The order of the numbers counted from the shift on, round the circle."""
        return np.roll(order, -int((as_shares(numbers) < self.shift).sum()))

    def start(self) -> float:
        """Random start of a systematic draw on [0, 1), moved by the shift."""
        start = self.of(np.zeros(1, dtype=np.uint64), "start")
        return (float(as_shares(start)[0]) + self.shift) % 1.0


def draw(
    frame: pd.DataFrame,
    design: Design,
    seed: int,
    id: str | None = None,  # noqa: A002
    *,
    shift: float = 0.0,
) -> DrawnSample:
    """Draw a sample; the frame is not changed, and the order of its rows does not matter.

    Parameters
    ----------
    frame : DataFrame
        One row a unit.
    design : SimpleRandom, Systematic, Stratified, Cluster, TwoStage or Pps
    seed : int
        The same seed, design and frame give the same sample. The same seed and design on next
        wave's frame give as much of this sample again as the design allows.
    id : str
        Column that identifies a unit: no value missing, none twice. Ids are compared as text, so
        that 17 and "17" are one unit.
    shift : float
        From 0 to below 1: moves the permanent random numbers along their circle. Simple random
        samples, also those in strata and those of clusters, drawn with two shifts share no unit
        when the shifts lie further apart than the sampling fractions, on the circle and either
        way. `Systematic` and `Pps` move their start by that share of the interval, which keeps
        samples apart only as long as the frame stays the same.

    Returns
    -------
    DrawnSample

    Raises
    ------
    InputError
        When the id is missing or double, the frame cannot give what the design asks for, or a
        column of the frame has a name that the result needs.

    Notes
    -----
    A unit's number is ``mix(mix(h XOR k1) + k2) / 2^64``: h is `pandas.util.hash_array` of its
    id, that is mix of SipHash-2-4 with pandas' key, k1 and k2 are the first two words of SHA-256
    of seed and purpose, and mix is the finaliser of SplitMix64 (Steele, Lea and Flood 2014). The
    n smallest numbers are a simple random sample.

    Release order takes the units of each stratum in random order, the strata in step, so that
    the first k are a random part of the sample with every stratum at its share.
    """
    check_arguments(frame, design, seed, id, shift)
    assert id is not None
    hashes = id_hashes(frame, id)
    numbers = RandomNumbers(seed, float(shift))
    permanent = numbers.of(hashes, "unit")
    order = in_order(permanent)
    check_distinct(frame, id, permanent[order], order)
    if not isinstance(design, Systematic | Pps):  # these shift their start
        order = numbers.shifted(order, permanent)
    chosen = select(frame, design, order, numbers, id)
    units = table_of(frame, design, id, chosen, numbers, hashes)
    audit = {
        "frame_sha256": fingerprint(frame, {id: hashes}),
        "frame_rows": len(frame),
        "id": id,
        "seed": int(seed),
        "shift": float(shift),
        "generator": GENERATOR,
        "numpy_version": np.__version__,
        "pandas_version": pd.__version__,
        "design": repr(design),
        "n": len(units),
    }
    return DrawnSample(units=units, audit=audit, design=design)


def check_arguments(
    frame: pd.DataFrame,
    design: Design,
    seed: int,
    id: str | None,  # noqa: A002
    shift: float,
) -> None:
    """Refuse what a draw cannot start from."""
    if id is None:
        raise InputError(
            "A draw that can be repeated needs to know its units: name the column that "
            f"identifies them as id=. The frame has {listed(frame.columns, shown=40)}."
        )
    if not isinstance(design, Design):
        raise InputError(f"{design!r} is not a design, such as SimpleRandom(n=200).")
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
        raise InputError(f"seed={seed!r}: write a whole number and keep it with the sample.")
    if not (isinstance(shift, Real) and 0 <= float(shift) < 1):
        raise InputError(f"shift={shift!r}: write a number from 0 to below 1.")
    if not frame.columns.is_unique:
        double = frame.columns[frame.columns.duplicated()].unique()
        raise InputError(f"The frame has several columns called {listed(double)}. Rename them.")


def as_text(values: pd.Series) -> NDArray[np.object_]:
    """Values as text, whole numbers alike whether they are stored as 17, 17.0 or "17"."""
    if pd.api.types.is_float_dtype(values):
        numbers = values.to_numpy(dtype=np.float64)
        if ((np.abs(numbers) < 2**53) & (numbers == np.floor(numbers))).all():
            values = values.astype("int64")
    return values.astype("str").to_numpy(dtype=object)


def id_hashes(frame: pd.DataFrame, id: str) -> Hashes:  # noqa: A002
    """Hash of each unit's id; `InputError` when an id is missing."""
    values = column_of(frame, id)
    missing = values.isna().to_numpy()
    text = as_text(values if not missing.any() else values[~missing])
    if missing.any() or (text == "").any():
        where = missing if missing.any() else text == ""
        raise InputError(
            f'Column "{id}": the id is missing in {where.sum():,} of {len(frame):,} rows; '
            f"{rows_named(frame, np.flatnonzero(where))}. Give every unit one."
        )
    return pd.util.hash_array(text, categorize=False)


def check_distinct(
    frame: pd.DataFrame,
    id: str,  # noqa: A002
    sorted_numbers: Hashes,
    order: Codes,
) -> None:
    """Refuse ids that occur twice: their random numbers are the same."""
    same = sorted_numbers[1:] == sorted_numbers[:-1]
    if same.any():
        names = pd.unique(frame[id].iloc[order[1:][same]])
        raise InputError(
            f'Column "{id}": ids that occur more than once: {listed(names)}. A unit listed twice '
            "has two chances to be drawn; keep one row for each."
        )


def key(word: bytes) -> np.uint64:
    """Eight bytes as a number."""
    return np.uint64(int.from_bytes(word, "little"))


def split_mix(z: Hashes) -> Hashes:
    """Finaliser of SplitMix64: a permutation of the numbers below 2^64 that leaves no pattern."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def as_shares(numbers: Hashes) -> Array:
    """Whole numbers below 2^64 as numbers on [0, 1)."""
    return (numbers >> np.uint64(11)).astype(np.float64) * 2.0**-53


def in_order(numbers: Hashes) -> Codes:
    """What ``np.argsort`` gives for random numbers, in less than half the time.

    Sixteen bits are sorted at a time, by numpy's radix sort; two rounds leave a few numbers with
    the same first half to settle.
    """
    first, second = (numbers >> np.uint64(48)), (numbers >> np.uint64(32))
    order = np.argsort(second.astype(np.uint16), kind="stable")
    order = order[np.argsort(first.astype(np.uint16)[order], kind="stable")]
    halves = second[order]
    alike = np.flatnonzero(halves[1:] == halves[:-1])
    unsettled = np.union1d(alike, alike + 1)
    order[unsettled] = order[unsettled][np.argsort(numbers[order[unsettled]])]
    return order


def select(
    frame: pd.DataFrame,
    design: Design,
    order: Codes,
    numbers: RandomNumbers,
    id: str,  # noqa: A002
) -> Selection:
    """Rows that a design takes.

    Parameters
    ----------
    frame : DataFrame
    design
    order : ndarray of int, shape (units,)
        The rows in the order of their random numbers.
    numbers : RandomNumbers
    id : str

    Returns
    -------
    Selection
    """
    match design:
        case SimpleRandom():
            design.inclusion_probabilities(frame)
            rows = order[: design.n]
            chance = np.full(design.n, design.n / len(frame))
            return Selection(rows, chance, {"population_1": len(frame)})
        case Systematic():
            return select_systematic(frame, design, order, numbers, id)
        case Stratified():
            strata = groups_of(frame, design.by)
            sizes = design.sample_sizes(strata)
            rows = first_in_groups(order, strata.codes, sizes)
            drawn_from = strata.codes[rows]
            columns = {
                "stratum": frame[design.by].iloc[rows].to_numpy(),
                "population_1": strata.sizes[drawn_from],
            }
            return Selection(rows, (sizes / strata.sizes)[drawn_from], columns)
        case Cluster() | TwoStage():
            return select_clusters(frame, design, order, numbers)
        case Pps():
            return select_pps(design.sizes(frame), design.n, order, numbers)


def first_in_groups(order: Codes, codes: Codes, wanted: Codes) -> Codes:
    """First rows of each group, as many as wanted of it.

    Parameters
    ----------
    order : ndarray of int, shape (units,)
        Rows in random order.
    codes : ndarray of int, shape (units,)
        Group of each row.
    wanted : ndarray of int, shape (groups,)

    Returns
    -------
    ndarray of int
        Rows, group by group.
    """
    in_use = wanted > 0
    if not in_use.all():
        order = order[in_use[codes[order]]]
    # Sixteen bits where they are enough: numpy sorts these by radix, twenty times as fast.
    small = codes.astype(np.uint16) if len(wanted) <= 2**16 else codes
    grouped = order[np.argsort(small[order], kind="stable")]
    sizes = np.bincount(codes[grouped], minlength=len(wanted))
    ends = np.cumsum(sizes)
    parts = zip(ends - sizes, wanted, strict=True)
    return np.concatenate([grouped[start : start + n] for start, n in parts])


def chosen_clusters(clusters: Groups, n: int, numbers: RandomNumbers) -> NDArray[np.bool_]:
    """Which clusters are taken: those with the smallest random numbers."""
    hashes = pd.util.hash_array(as_text(pd.Series(clusters.names)), categorize=False)
    permanent = numbers.of(hashes, "cluster")
    order = numbers.shifted(np.argsort(permanent), permanent)
    taken = np.zeros(len(hashes), dtype=bool)
    taken[order[:n]] = True
    return taken


def select_systematic(
    frame: pd.DataFrame,
    design: Systematic,
    order: Codes,
    numbers: RandomNumbers,
    id: str,  # noqa: A002
) -> Selection:
    """Units at equal distances along the list; ties are in random order."""
    N = len(frame)
    design.inclusion_probabilities(frame)
    codes = order_codes(frame, design.columns(id))
    ordered = order[np.argsort(codes[order], kind="stable")]
    places = systematic_positions(design.n, N, numbers.start())
    columns = {"systematic_order": places + 1, "population_1": N}
    return Selection(ordered[places], np.full(design.n, design.n / N), columns)


def select_clusters(
    frame: pd.DataFrame, design: Cluster | TwoStage, order: Codes, numbers: RandomNumbers
) -> Selection:
    """Units of the clusters drawn, all of them or some of each."""
    clusters = design.clusters(frame)
    taken = chosen_clusters(clusters, design.n_clusters, numbers)
    inside = design.sample_sizes(clusters) if isinstance(design, TwoStage) else clusters.sizes
    rows = first_in_groups(order, clusters.codes, np.where(taken, inside, 0))
    drawn_from = clusters.codes[rows]
    columns = {
        "cluster": frame[design.by].iloc[rows].to_numpy(),
        "population_1": len(clusters.sizes),
    }
    if isinstance(design, TwoStage):
        columns["population_2"] = clusters.sizes[drawn_from]
    return Selection(rows, design.chances(clusters)[drawn_from], columns)


def select_pps(size: Array, n: int, order: Codes, numbers: RandomNumbers) -> Selection:
    """Units taken with certainty, and a systematic draw from the others in random order."""
    # Along the random order everything, rounding included, is free of the frame's own order.
    pi = pps_probabilities(size[order], n)
    certain = np.flatnonzero(pi == 1)
    drawn = np.flatnonzero(pi < 1)
    left = n - len(certain)
    drawn = drawn[systematic_pps_positions(pi[drawn], left, numbers.start())] if left else drawn[:0]
    places = np.concatenate([certain, drawn])
    columns = {
        "stratum": np.where(pi[places] == 1, "certain", "drawn").astype(object),
        "population_1": effective_population(pi)[places],
    }
    return Selection(order[places], pi[places], columns)


def table_of(
    frame: pd.DataFrame,
    design: Design,
    id: str,  # noqa: A002
    chosen: Selection,
    numbers: RandomNumbers,
    hashes: Hashes,
) -> pd.DataFrame:
    """The frame's columns of the drawn units, and what the draw adds, in order of release."""
    rows = chosen.rows
    ids = frame[id].iloc[rows].to_numpy()
    added: dict[str, Any] = {
        "case_id": ids,
        "inclusion_probability": chosen.probability,
        "base_weight": 1 / chosen.probability,
        **chosen.columns,
        **({"unit": ids} if isinstance(design, TwoStage) else {}),
        "prn": as_shares(numbers.of(hashes[rows], "unit")),
    }
    refuse_names_taken(frame, design, id, [*added, "release_order"])
    strata = added["stratum"] if isinstance(design, Stratified) else np.zeros(len(rows))
    release = release_places(numbers, hashes[rows], strata)
    units = frame.iloc[rows].reset_index(drop=True).assign(**added).iloc[release]
    return units.assign(release_order=np.arange(1, len(rows) + 1)).reset_index(drop=True)


def refuse_names_taken(
    frame: pd.DataFrame,
    design: Design,
    id: str,  # noqa: A002
    names: list[str],
) -> None:
    """Refuse a frame with a column that the draw would write over with something else."""
    same = {"case_id": id, "unit": id}
    if isinstance(design, Stratified):
        same["stratum"] = design.by
    if isinstance(design, Cluster | TwoStage):
        same["cluster"] = design.by
    taken = [name for name in names if name in frame.columns and same.get(name) != name]
    if taken:
        raise InputError(
            f"The frame has a column called {listed(taken)}, which the draw writes. Rename it."
        )


def release_places(numbers: RandomNumbers, hashes: Hashes, strata: Any) -> Codes:
    """Order of release: random within strata, the strata in step with each other."""
    codes, names = pd.factorize(strata)
    order = np.argsort(numbers.of(hashes, "release"))
    grouped = order[np.argsort(codes[order], kind="stable")]
    sizes = np.bincount(codes)
    rank = np.arange(len(codes)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    label_hashes = pd.util.hash_array(as_text(pd.Series(names)), categorize=False)
    offset = as_shares(numbers.of(label_hashes, "release"))
    step = (rank + np.repeat(offset, sizes)) / np.repeat(sizes, sizes)
    return grouped[np.argsort(step, kind="stable")]


def fingerprint(frame: pd.DataFrame, known: Mapping[str, Hashes]) -> str:
    """SHA-256 of a frame's contents, the same for every order of its rows.

    The cells of a row are hashed to one number of 64 bits, the numbers are sorted, and SHA-256
    is taken of them after the names of the columns.

    Parameters
    ----------
    frame : DataFrame
    known : mapping of column to ndarray
        Hashes of columns that were worked out before.

    Returns
    -------
    str
    """
    rows: Hashes = np.zeros(len(frame), dtype=np.uint64)
    for name in frame.columns:
        if name in known:
            rows = split_mix(rows + known[name])
        else:
            rows = split_mix(rows + cell_hashes(frame[name]))
    digest = hashlib.sha256("\n".join(map(str, frame.columns)).encode())
    digest.update(np.sort(rows).astype("<u8").tobytes())
    return digest.hexdigest()


def cell_hashes(column: pd.Series) -> Hashes:
    """Hash of each cell."""
    try:
        hashes = pd.util.hash_pandas_object(column, index=False)
    except TypeError:  # lists and the like
        hashes = pd.util.hash_pandas_object(column.astype("str"), index=False)
    return np.asarray(hashes, dtype=np.uint64)


def verify(sample: DrawnSample, frame: pd.DataFrame) -> None:
    """Repeat a draw and compare.

    Parameters
    ----------
    sample : DrawnSample
        As it was drawn, or read back from where it was kept.
    frame : DataFrame
        The frame it is said to come from, rows in any order.

    Raises
    ------
    InputError
        Naming what differs: the frame, the record of the draw, or cases of the sample.
    """
    if "case_id" not in sample.units:
        raise InputError("The sample has no column case_id, by which its cases are compared.")
    audit, id_column = sample.audit, str(sample.audit["id"])
    now = fingerprint(frame, {id_column: id_hashes(frame, id_column)})
    if now != audit["frame_sha256"]:
        raise InputError(frame_difference(sample, frame, id_column))
    again = draw(frame, sample.design, audit["seed"], id_column, shift=audit["shift"])
    wrong = [
        f"{name} is {audit.get(name)!r} in the record and {value!r} in the draw"
        for name, value in again.audit.items()
        if name not in VERSIONS and audit.get(name) != value
    ]
    if wrong:
        raise InputError("The record does not belong to the draw: " + "; ".join(wrong) + ".")
    difference = sample_difference(sample.units, again.units)
    if difference:
        raise InputError(f"The sample is not the one that was drawn: {difference}.")


def frame_difference(sample: DrawnSample, frame: pd.DataFrame, id: str) -> str:  # noqa: A002
    """What can be told about a frame that is no longer the one drawn from."""
    rows = sample.audit["frame_rows"]
    told = [f"it has {len(frame):,} rows and had {rows:,}"]
    columns = [name for name in frame.columns if name in sample.units.columns]
    before = sample.units[columns].set_index(as_text(sample.units["case_id"]))
    now = frame[columns].set_index(as_text(frame[id]))
    gone = before.index[~before.index.isin(now.index)]
    if len(gone):
        told.append(f"sampled cases that are gone: {len(gone):,} ({listed(gone)})")
    now = now[~now.index.duplicated()].reindex(before.index.drop(gone))
    changed = different_cells(before.loc[now.index], now)
    if changed.to_numpy().any():
        told.append(f"sampled cases {other_values(changed)}")
    if len(told) == 1 and len(frame) == rows:
        told.append("what differs are units outside the sample, or the names of columns")
    return f"The frame is not the one that was drawn from: {'; '.join(told)}."


def sample_difference(before: pd.DataFrame, again: pd.DataFrame) -> str:
    """What differs between a sample as it is kept and as it is drawn again, "" for nothing."""
    absent = [name for name in again.columns if name not in before.columns]
    if absent:
        return f"it lacks the columns {listed(absent)}"
    kept = before.set_index(as_text(before["case_id"]))
    drawn = again.set_index(as_text(again["case_id"]))
    told = []
    for cases, words in (
        (kept.index.difference(drawn.index), "were not drawn"),
        (drawn.index.difference(kept.index), "are missing from it"),
        (kept.index[kept.index.duplicated()], "occur twice"),
    ):
        if len(cases):
            told.append(f"cases that {words}: {len(cases):,} ({listed(cases)})")
    if not told:
        changed = different_cells(kept.loc[drawn.index, drawn.columns], drawn)
        if changed.to_numpy().any():
            told.append(f"cases {other_values(changed)}")
    return "; ".join(told)


def other_values(changed: pd.DataFrame) -> str:
    """Which cases differ and in what, from a table that is true where a cell does."""
    cases = changed.index[changed.any(axis=1)]
    names = listed(changed.columns[changed.any()])
    return f"with other values in {names}: {len(cases):,} ({listed(cases)})"


def different_cells(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """Which cells of two tables with the same rows and columns differ."""
    return pd.DataFrame(
        {
            name: different_values(first[name].to_numpy(), second[name].to_numpy())
            for name in first.columns
        },
        index=first.index,
    )


def different_values(first: NDArray[Any], second: NDArray[Any]) -> NDArray[np.bool_]:
    """Which values of two columns differ, numbers beyond rounding; missing ones are alike."""
    both_missing = pd.isna(first) & pd.isna(second)
    if all(np.issubdtype(values.dtype, np.number) for values in (first, second)):
        same = np.isclose(first, second, rtol=1e-9, atol=0)
    else:
        same = first.astype(object) == second.astype(object)
    return ~(same | both_missing)
