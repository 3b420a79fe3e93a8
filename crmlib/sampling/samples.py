"""A survey sample: its rows, its weights and the design they came from.

Every estimate needs to know the same few things: the weight of a row, the stratum and the
clusters it was drawn in, how many units there were to draw from, and whether the weights were
calibrated. `SurveySample` holds them, checked once, and turns them into the numbers that the
variance formulas count with: one `Stage` for each stage of the draw.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crmlib.columns import SHOWN, codes_of, listed, numbers_of, rows_named
from crmlib.errors import InputError

Array = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Stage:
    """One stage of a draw, as numbers.

    Attributes
    ----------
    unit : ndarray of int, shape (rows,), or None
        Number of the unit drawn at this stage that a row belongs to; None when every row is a
        unit of its own.
    stratum : ndarray of int, shape (units,)
        Number of the stratum a unit was drawn in. At later stages the unit of the stage before
        is the stratum.
    size : ndarray, shape (strata,)
        Units in the sample.
    population : ndarray, shape (strata,), or None
        Units there were to draw from; None when that is not known, or without end.
    reached : ndarray, shape (strata,)
        Product of the sampling fractions of the stages before, 1 at the first.
    labels : sequence
        What each stratum is called.
    noun : str
        "stratum", or "cluster" at later stages.
    """

    unit: Codes | None
    stratum: Codes
    size: Array
    population: Array | None
    reached: Array
    labels: Any
    noun: str

    @property
    def fraction(self) -> Array:
        """Sampling fraction of each stratum, 0 where the population is not known."""
        if self.population is None:
            return np.zeros(len(self.size))
        return self.size / self.population

    def unit_totals(self, values: Array, rows: Codes | None = None) -> Array:
        """Sum values by unit, shape (units,).

        Parameters
        ----------
        values : ndarray, shape (rows,)
        rows : ndarray of int, optional
            Rows they belong to, where they are not all; the others count as 0.
        """
        unit = self.unit if rows is None or self.unit is None else self.unit[rows]
        if unit is not None:
            return np.bincount(unit, values, minlength=len(self.stratum)).astype(float, copy=False)
        if rows is None:
            return values
        totals = np.zeros(len(self.stratum))
        totals[rows] = values
        return totals


@dataclass(frozen=True, eq=False)
class Auxiliaries:
    """The variables weights are calibrated to, as a matrix X whose indicators are not written out.

    Attributes
    ----------
    margins : tuple of ndarray of int, each of shape (rows,)
        Level of each categorical variable, numbered from 0; L levels are L indicator columns.
    numbers : ndarray, shape (rows, variables)
        Numeric variables, the columns after all indicators.
    """

    margins: tuple[Codes, ...]
    numbers: Array

    @cached_property
    def starts(self) -> list[int]:
        """First column of each margin, and of the numbers."""
        levels = [int(level.max()) + 1 for level in self.margins]
        return [int(start) for start in np.concatenate([[0], np.cumsum(levels)])]

    def totals(self, weights: Array) -> Array:
        """X'w, shape (columns,)."""
        ends = zip(self.margins, self.starts, self.starts[1:], strict=False)
        counts = [np.bincount(level, weights, end - start) for level, start, end in ends]
        return np.concatenate([*counts, self.numbers.T @ weights])

    def fitted(self, coefficients: Array) -> Array:
        """X b, shape (rows,)."""
        fitted = self.numbers @ coefficients[self.starts[-1] :]
        for level, start in zip(self.margins, self.starts, strict=False):
            fitted += coefficients[start:][level]
        return fitted

    def cross_products(self, weights: Array) -> Array:
        """X'DX with the weights on the diagonal of D, shape (columns, columns)."""
        k = self.starts[-1]
        n_columns = k + self.numbers.shape[1]
        result = np.zeros((n_columns, n_columns))
        for i, first in enumerate(self.margins):
            rows = slice(self.starts[i], self.starts[i + 1])
            n_first = self.starts[i + 1] - self.starts[i]
            for j, second in enumerate(self.margins[: i + 1]):
                columns = slice(self.starts[j], self.starts[j + 1])
                n_second = self.starts[j + 1] - self.starts[j]
                cells = np.bincount(first * n_second + second, weights, n_first * n_second)
                result[rows, columns] = cells.reshape(n_first, n_second)
                result[columns, rows] = result[rows, columns].T
            for v, values in enumerate(self.numbers.T):
                result[rows, k + v] = np.bincount(first, weights * values, n_first)
                result[k + v, rows] = result[rows, k + v]
        result[k:, k:] = self.numbers.T @ (weights[:, None] * self.numbers)
        return result

    def inverse(self, weights: Array) -> Array:
        """Generalised inverse of X'DX: every margin holds the constant, so X may lack full rank."""
        products = self.cross_products(weights)
        length = np.sqrt(np.diag(products))
        length[length == 0] = 1.0
        scaled = products / np.outer(length, length)
        return np.linalg.pinv(scaled, rcond=1e-12, hermitian=True) / np.outer(length, length)


@dataclass(frozen=True, eq=False)
class Calibration:
    """How weights were calibrated: what residuals and replicate weights need.

    Attributes
    ----------
    base_weights : ndarray, shape (rows,)
        Weights before calibration.
    auxiliaries : Auxiliaries
    adjust : callable
        Weights that meet the same totals, made from other base weights.
    """

    base_weights: Array
    auxiliaries: Auxiliaries
    adjust: Callable[[Array], Array]

    def residuals(self, values: Array) -> Array:
        """Residuals of a regression on the auxiliary variables, weighted by the base weights.

        The variance of a calibrated estimator is that of the residuals of its linearised values
        (Deville and Särndal 1992, section 3). Checked against R survey 4.1-1.
        """
        products = self.auxiliaries.totals(self.base_weights * values)
        return values - self.auxiliaries.fitted(self._inverse @ products)

    @cached_property
    def _inverse(self) -> Array:
        return self.auxiliaries.inverse(self.base_weights)


@dataclass(frozen=True, eq=False)
class SurveySample:
    """A sample, ready for weighting and estimation.

    Attributes
    ----------
    data : DataFrame
        One row a respondent.
    weight : str
        Column with the design weight or the calibrated weight; not negative.
    strata : str, optional
        Column with the stratum.
    clusters : tuple of str
        Columns with the clusters, first stage first; () when every row was drawn on its own.
        Where the last stage drew the rows themselves, it need not be named.
    population : tuple of str
        Columns with the number of units there were to draw from, one a stage, first stage first:
        clusters in the stratum, then units in the cluster. () leaves out finite population
        corrections. One number a stratum, not a share.
    calibration : Calibration, optional
        Set by `poststratify`, `rake` and `calibrate`.
    order : str, optional
        Column with the order of a systematic draw, for the successive-difference variance.

    Raises
    ------
    InputError
        When a column is not there, a weight is missing or negative, a cluster lies in two
        strata, a population differs within a stratum or is smaller than the sample.
    """

    data: pd.DataFrame
    weight: str
    strata: str | None = None
    clusters: tuple[str, ...] = ()
    population: tuple[str, ...] = ()
    calibration: Calibration | None = None
    order: str | None = None

    def __post_init__(self) -> None:
        """Check the columns."""
        for name in ("clusters", "population"):
            given = getattr(self, name)
            if isinstance(given, str):
                raise InputError(f'{name}="{given}": write a tuple of columns, ("{given}",).')
            object.__setattr__(self, name, tuple(given))
        if self.data.empty:
            raise InputError("The sample has no rows.")
        if len(self.population) > len(self.clusters) + 1:
            raise InputError(
                f"There are {len(self.population)} population columns "
                f"({listed(self.population)}) and {len(self.clusters)} cluster columns: give at "
                "most one population for each stage of the draw, the last of which may be the "
                "rows themselves."
            )
        # The copy is not made until somebody writes to either: pandas copies on write.
        object.__setattr__(self, "data", self.data.copy(deep=False))
        _ = self.weights, self.stages
        if self.order is not None:
            codes_of(self.data, self.order)

    @cached_property
    def weights(self) -> Array:
        """The weights, shape (rows,)."""
        weights = numbers_of(self.data, self.weight, "weights")
        wrong = np.flatnonzero(~np.isfinite(weights) | (weights < 0))
        if len(wrong):
            n_missing = int(np.isnan(weights).sum())
            raise InputError(
                f'Column "{self.weight}": {len(wrong):,} weights cannot be used, {n_missing:,} '
                "of them missing and the others negative or infinite; "
                f"{rows_named(self.data, wrong)}. Give every row a weight of 0 or more, or take "
                "the row out."
            )
        if weights.sum() == 0:
            raise InputError(f'Column "{self.weight}": all weights are 0.')
        return weights

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """The stages of the draw, those that count for the variance, first stage first."""
        n = len(self.data)
        parent: Codes = np.zeros(n, dtype=np.int64)
        labels: Any = ["the whole sample"]
        if self.strata is not None:
            parent, labels = codes_of(self.data, self.strata)
        reached = np.ones(len(labels))
        n_stages = max(len(self.clusters), len(self.population), 1)
        stages: list[Stage] = []
        for k in range(n_stages):
            column = self.clusters[k] if k < len(self.clusters) else None
            counted = self.population[k] if k < len(self.population) else None
            stage = self._stage(column, counted, parent, labels, reached, is_first=k == 0)
            stages.append(stage)
            # Where the units to draw from are without end, later stages add nothing.
            if stage.population is None or k + 1 == n_stages:
                break
            assert stage.unit is not None
            parent = stage.unit
            labels = self.data[column].to_numpy()[first_rows(stage.unit, len(stage.stratum))]
            reached = (stage.reached * stage.fraction)[stage.stratum]
        return tuple(stages)

    @cached_property
    def drawing_order(self) -> Codes:
        """First-stage units by stratum and, within it, in the order of a systematic draw."""
        if self.order is None:
            raise InputError(
                "The successive-difference variance needs the order of the systematic draw: "
                'SurveySample(..., order="its column").'
            )
        stage = self.stages[0]
        place = pd.factorize(self.data[self.order], sort=True)[0]
        if stage.unit is not None:
            by_place = np.argsort(place, kind="stable")
            place = place[by_place][first_rows(stage.unit[by_place], len(stage.stratum))]
        return np.lexsort((place, stage.stratum))

    def _stage(
        self,
        column: str | None,
        counted: str | None,
        parent: Codes,
        labels: Any,
        reached: Array,
        is_first: bool,
    ) -> Stage:
        unit: Codes | None = None
        stratum = parent
        if column is not None:
            unit, names = codes_of(self.data, column)
            if not is_first:  # numbers of units may start anew in every cluster
                unit = pd.factorize(parent * len(names) + unit)[0]
            stratum = np.empty(int(unit.max()) + 1, dtype=np.int64)
            stratum[unit] = parent
            torn = stratum[unit] != parent
            if is_first and torn.any():
                self._refuse_torn(column, np.asarray(names)[np.unique(unit[torn])])
        size = np.bincount(stratum, minlength=len(labels)).astype(float)
        noun = "stratum" if is_first else "cluster"
        population = None
        if counted is not None:
            population = self._population(counted, parent, size, labels, noun)
        return Stage(unit, stratum, size, population, reached, labels, noun)

    def _refuse_torn(self, column: str, names: NDArray[Any]) -> None:
        raise InputError(
            f'{len(names):,} clusters of column "{column}" lie in more than one stratum of '
            f'"{self.strata}": {listed(names)}. A cluster belongs to one stratum. If the numbers '
            "of clusters start anew in every stratum, join the two columns to one."
        )

    def _population(self, column: str, parent: Codes, size: Array, labels: Any, noun: str) -> Array:
        counts = numbers_of(self.data, column, "numbers of units")
        wrong = np.flatnonzero(~np.isfinite(counts))
        if len(wrong):
            raise InputError(
                f'Column "{column}": {len(wrong):,} populations are missing or infinite; '
                f"{rows_named(self.data, wrong)}. Give every row the number of units there were."
            )
        population = np.empty(len(size))
        population[parent] = counts
        differs = np.unique(parent[population[parent] != counts])
        if len(differs):
            raise InputError(
                f'Column "{column}" holds more than one number within {len(differs):,} '
                f"{counted_noun(noun, len(differs))}: {listed(np.asarray(labels)[differs])}. All "
                f"rows of a {noun} have the same number of units to draw from."
            )
        small = np.flatnonzero(population < size)
        if len(small):
            pairs = [
                f"{labels[h]} ({population[h]:,g} units, {size[h]:,.0f} in the sample)"
                for h in small[:SHOWN]
            ]
            raise InputError(
                f'Column "{column}": the population is smaller than the sample in {len(small):,} '
                f"{counted_noun(noun, len(small))}: {listed(pairs, len(small))}. Give numbers of "
                "units, not shares, and count the units of this stage."
            )
        return population


def first_rows(codes: Codes, n: int) -> Codes:
    """Row in which each number first occurs."""
    first = np.empty(n, dtype=np.int64)
    first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)
    return first


def counted_noun(noun: str, n: int) -> str:
    """Stratum or strata, cluster or clusters."""
    if n == 1:
        return noun
    return "strata" if noun == "stratum" else f"{noun}s"
