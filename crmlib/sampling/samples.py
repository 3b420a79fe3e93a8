"""A survey sample: its rows, its weights and the design they came from.

Every estimate needs to know the same few things: the weight of a row, the stratum and the
clusters it was drawn in, how many units there were to draw from, and whether the weights were
calibrated. `SurveySample` holds them, checked once, and turns them into the numbers that the
variance formulas count with: one `Stage` for each stage of the draw.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crmlib.errors import InputError

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

SHOWN = 5
"""Names listed in a message before "and so on"."""


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
        What the strata are called.
    noun : str
        "stratum", or "cluster" at later stages.
    """

    unit: Codes | None
    stratum: Codes
    size: Array
    population: Array | None
    reached: Array
    labels: Sequence[Any]
    noun: str

    @property
    def fraction(self) -> Array:
        """Sampling fraction of each stratum, 0 where the population is not known."""
        if self.population is None:
            return np.zeros(len(self.size))
        return self.size / self.population

    def unit_totals(self, values: Array) -> Array:
        """Sum the values of rows by unit."""
        if self.unit is None:
            return values
        return np.bincount(self.unit, values, minlength=len(self.stratum))


@dataclass(frozen=True, eq=False)
class Calibration:
    """How weights were calibrated: what residuals and replicate weights need.

    Attributes
    ----------
    base_weights : ndarray, shape (rows,)
        Weights before calibration.
    margins : tuple of ndarray of int, each of shape (rows,)
        Number of the level of each categorical auxiliary variable.
    numbers : ndarray, shape (rows, variables)
        Numeric auxiliary variables.
    adjust : callable
        Weights that meet the same totals, made from other base weights.
    """

    base_weights: Array
    margins: tuple[Codes, ...]
    numbers: Array
    adjust: Callable[[Array], Array]

    def residuals(self, values: Array) -> Array:
        """Residuals of a regression on the auxiliary variables, weighted by the base weights.

        The variance of a calibrated estimator is that of the residuals of its linearised values
        (Deville and Särndal 1992, result 5). Checked against R survey 4.1-1.
        """
        if len(self.margins) == 1 and not self.numbers.shape[1]:
            level = self.margins[0]
            sums = np.bincount(level, self.base_weights * values)
            return values - (sums / self._size[0])[level]
        products = [
            np.bincount(level, self.base_weights * values, minlength=len(size))
            for level, size in zip(self.margins, self._size, strict=True)
        ]
        products.append(self._scaled_numbers.T @ (self.base_weights * values))
        coefficients = self._inverse @ np.concatenate(products)
        fitted = self._scaled_numbers @ coefficients[len(coefficients) - self.numbers.shape[1] :]
        start = 0
        for level, size in zip(self.margins, self._size, strict=True):
            fitted += coefficients[start : start + len(size)][level]
            start += len(size)
        return values - fitted

    @cached_property
    def _size(self) -> tuple[Array, ...]:
        return tuple(np.bincount(level, self.base_weights) for level in self.margins)

    @cached_property
    def _scaled_numbers(self) -> Array:
        length = np.sqrt(self.base_weights @ self.numbers**2 / self.base_weights.sum())
        return self.numbers / np.where(length > 0, length, 1.0)

    @cached_property
    def _inverse(self) -> Array:
        """Generalised inverse of X'DX; every margin holds the constant, so X is not of full rank."""
        return np.linalg.pinv(
            cross_products(self.margins, self._scaled_numbers, self.base_weights), hermitian=True
        )


def cross_products(margins: Sequence[Codes], numbers: Array, weights: Array) -> Array:
    """X'DX of indicator columns and numbers without writing the indicators out.

    Parameters
    ----------
    margins : sequence of ndarray of int, each of shape (rows,)
        Levels, numbered from 0; a margin with L levels stands for L indicator columns.
    numbers : ndarray, shape (rows, variables)
    weights : ndarray, shape (rows,)
        Diagonal of D.

    Returns
    -------
    ndarray, shape (columns, columns)
        The indicators first.
    """
    levels = [int(level.max()) + 1 for level in margins]
    starts = np.concatenate([[0], np.cumsum(levels)]).astype(int)
    k = int(starts[-1])
    result = np.zeros((k + numbers.shape[1], k + numbers.shape[1]))
    for i, first in enumerate(margins):
        rows = slice(starts[i], starts[i + 1])
        for j, second in enumerate(margins[: i + 1]):
            columns = slice(starts[j], starts[j + 1])
            cells = np.bincount(first * levels[j] + second, weights, levels[i] * levels[j])
            result[rows, columns] = cells.reshape(levels[i], levels[j])
            result[columns, rows] = result[rows, columns].T
        for v, values in enumerate(numbers.T):
            result[rows, k + v] = np.bincount(first, weights * values, levels[i])
            result[k + v, rows] = result[rows, k + v]
    result[k:, k:] = numbers.T @ (weights[:, None] * numbers)
    return result


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
            column_of(self.data, self.order)

    @cached_property
    def weights(self) -> Array:
        """The weights, shape (rows,)."""
        weights = numbers_of(self.data, self.weight, "weights")
        wrong = np.flatnonzero(~np.isfinite(weights) | (weights < 0))
        if len(wrong):
            n_missing = int(np.isnan(weights).sum())
            raise InputError(
                f'Column "{self.weight}": {len(wrong):,} weights cannot be used, {n_missing:,} '
                f"of them missing and the others negative or infinite; {rows_named(self.data, wrong)}. "
                "Give every row a weight of 0 or more, or take the row out."
            )
        if weights.sum() == 0:
            raise InputError(f'Column "{self.weight}": all weights are 0.')
        return weights

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """The stages of the draw, those that count for the variance, first stage first."""
        n = len(self.data)
        if self.strata is None:
            parent, labels = np.zeros(n, dtype=np.int64), ["the whole sample"]
        else:
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


def column_of(data: pd.DataFrame, column: str) -> pd.Series:
    """One column of a table.

    Raises
    ------
    InputError
        When there is none of that name, or more than one.
    """
    n_found = int((data.columns == column).sum())
    if n_found == 1:
        return data[column]
    if n_found:
        raise InputError(f'The table has {n_found} columns called "{column}". Keep one.')
    raise InputError(
        f'The table has no column "{column}". It has {listed(data.columns, shown=40)}.'
    )


def numbers_of(data: pd.DataFrame, column: str, what: str) -> Array:
    """A column as numbers, missing ones as NaN.

    Raises
    ------
    InputError
        When the column holds anything but numbers; ``what`` says what they are to be.
    """
    values = column_of(data, column)
    if not (pd.api.types.is_numeric_dtype(values) or values.isna().all()):
        example = values.dropna().iloc[0]
        raise InputError(
            f'Column "{column}" must hold {what}, which are numbers; it holds {values.dtype}, such '
            f'as "{example}".'
        )
    if pd.api.types.is_complex_dtype(values):
        raise InputError(f'Column "{column}" holds complex numbers.')
    return values.to_numpy(dtype=np.float64, na_value=np.nan)


def codes_of(data: pd.DataFrame, column: str) -> tuple[Codes, Sequence[Any]]:
    """Numbers from 0 for the values of a column, and the values.

    Raises
    ------
    InputError
        When a value is missing.
    """
    codes, values = pd.factorize(column_of(data, column))
    missing = np.flatnonzero(codes < 0)
    if len(missing):
        raise InputError(
            f'Column "{column}": {len(missing):,} values are missing; '
            f"{rows_named(data, missing)}. Fill them in, or take these rows out."
        )
    return codes.astype(np.int64, copy=False), values


def first_rows(codes: Codes, n: int) -> Codes:
    """Row in which each number first occurs."""
    first = np.empty(n, dtype=np.int64)
    first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)
    return first


def rows_named(data: pd.DataFrame, positions: Codes) -> str:
    """Name the first rows of a list by their index."""
    noun = "row" if len(positions) == 1 else "rows"
    return f"{noun} {listed(data.index[positions[:SHOWN]], len(positions))}"


def listed(names: Any, total: int | None = None, shown: int = SHOWN) -> str:
    """Write the first of many names: a, b, c and 20 more."""
    names = [str(name) for name in names]
    more = (len(names) if total is None else total) - min(len(names), shown)
    text = ", ".join(names[:shown])
    return f"{text} and {more:,} more" if more > 0 else text


def counted_noun(noun: str, n: int) -> str:
    """Stratum or strata, cluster or clusters."""
    if n == 1:
        return noun
    return "strata" if noun == "stratum" else f"{noun}s"
