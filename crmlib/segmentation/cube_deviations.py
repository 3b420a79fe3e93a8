"""Cells of a cube that have more or less money than the sums of their row and column promise."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy import sparse, stats

from crmlib import tables
from crmlib.columns import Array, Codes
from crmlib.errors import InputError
from crmlib.segmentation.cube import Cube, refuse_unknown

LEAST_CUSTOMERS = 5
"""Customers, as many as would count alike, that a cell needs to be judged."""


@dataclass(frozen=True)
class CubeDeviations:
    """Cells of two dimensions of a cube that differ from what their margins make expected.

    Attributes
    ----------
    table : DataFrame
        One row per cell, by row and column: row, column, observed and expected (money),
        difference with low and high, ratio (observed / expected), effective_customers, p_value,
        p_adjusted, deviation ("above", "below", "as expected", or "cannot say").
    rows, columns : str
        The dimensions.
    by : str
        "revenue" or "profit".
    tested : int
        Cells that could be judged.
    confidence : float
    false_discovery : float
    """

    table: pd.DataFrame
    rows: str
    columns: str
    by: str
    tested: int
    confidence: float
    false_discovery: float

    @property
    def flagged(self) -> pd.DataFrame:
        """Cells above or below what is expected, the largest difference first."""
        found = self.table[self.table["deviation"].isin(["above", "below"])]
        order = found["difference"].abs().sort_values(ascending=False, kind="stable").index
        return found.loc[order].reset_index(drop=True)


def cube_deviations(
    cube: Cube,
    rows: str,
    columns: str,
    *,
    by: Literal["revenue", "profit"] = "revenue",
    confidence: float = 0.95,
    false_discovery: float = 0.05,
) -> CubeDeviations:
    """Find cells with more or less money than the sums of their row and column make expected.

    Parameters
    ----------
    cube : Cube
    rows, columns : str
        Two of its dimensions.
    by : {"revenue", "profit"}
        One of its measures.
    confidence : float
        Level of the intervals of the difference, each for itself.
    false_discovery : float
        Share of flagged cells that may be chance.

    Returns
    -------
    CubeDeviations

    Raises
    ------
    InputError
        A dimension or measure is none of the cube, or a share is not within 0 and 1.

    Notes
    -----
    Expected is ``E_ij = R_i R_j / R`` of the sums of row, column and all. The statistic is the
    difference ``D_ij = R_ij - E_ij`` over its standard error, against the normal distribution.
    The noise is that of customers, each with all its orders: with x_c the money of customer c,
    a_i = R_i / R and b_j = R_j / R, the part of customer c in D_ij is

        d_cij = x_cij - b_j x_ci. - a_i x_c.j + a_i b_j x_c..

    and the variance is ``V_ij = n / (n - 1) sum over c of d_cij^2``. A cell that happens to have
    few buyers would seem to have little noise as well; so the larger is taken of V_ij and what
    the margins of the table of V make of it, ``V_i. V_.j / V_..``. P-values are adjusted over all
    cells judged, after Benjamini and Hochberg (1995).

    Not judged is a cell whose row or column is not above zero in sum, or whose margins promise
    fewer than 5 effective customers, ``m_i m_j / m`` with m = (sum of x)^2 / (sum of x^2).

    In simulations without any deviation (100 to 5,000 customers of log-normal size and of tastes
    of their own, 24 to 216 cells) a cell was flagged in at most 2 % of the tables.

    A large deviation moves the sums it is in: other cells of its row and column then differ the
    other way.
    """
    for name, share in (("confidence", confidence), ("false_discovery", false_discovery)):
        if not 0 < share < 1:
            raise InputError(f"{name}={share:g} is not between 0 and 1.")
    refuse_unknown(cube, [rows, columns])
    if rows == columns:
        raise InputError("Give two different dimensions for rows and columns.")
    if by not in ("revenue", "profit") or by not in cube.measures:
        raise InputError(f'by="{by}" must be revenue or profit, and among the cube\'s measures.')
    cells = _cells_of_customers(cube, rows, columns, by)
    noise = independence_noise(cells.customer, cells.row, cells.column, cells.money)
    table = pd.MultiIndex.from_product(
        [cells.row_names, cells.column_names], names=["row", "column"]
    ).to_frame(index=False)
    table["observed"] = noise.observed.ravel()
    table["expected"] = noise.expected.ravel()
    table["difference"] = table["observed"] - table["expected"]
    half = float(stats.norm.isf((1 - confidence) / 2)) * noise.standard_error.ravel()
    table["low"], table["high"] = table["difference"] - half, table["difference"] + half
    table["ratio"] = table["observed"] / table["expected"]
    table["effective_customers"] = noise.effective_customers.ravel()
    with np.errstate(invalid="ignore", divide="ignore"):
        statistic = (table["difference"] / noise.standard_error.ravel()).to_numpy()
    judged = (table["effective_customers"] >= LEAST_CUSTOMERS) & np.isfinite(statistic)
    judged &= table["expected"] > 0
    table["p_value"] = np.where(judged, 2 * stats.norm.sf(np.abs(statistic)), np.nan)
    table["p_adjusted"] = np.nan
    if judged.any():
        table.loc[judged, "p_adjusted"] = stats.false_discovery_control(table["p_value"][judged])
    differs = table["p_adjusted"] <= false_discovery
    table["deviation"] = np.select(
        [~judged, differs & (statistic > 0), differs],
        ["cannot say", "above", "below"],
        "as expected",
    )
    return CubeDeviations(table, rows, columns, by, int(judged.sum()), confidence, false_discovery)


@dataclass(frozen=True)
class _Cells:
    """Money of every customer in every cell it bought in."""

    customer: Codes
    row: Codes
    column: Codes
    money: Array
    row_names: list[str]
    column_names: list[str]


def _cells_of_customers(cube: Cube, rows: str, columns: str, by: str) -> _Cells:
    of = cube.rows.expression
    places = [cube.rows.place(name) for name in (rows, columns)]
    found = tables.as_frame(
        of.group_by(["customer_id", *places]).aggregate(cents=of[f"{by}_cents"].sum())
    )
    codes, names = zip(
        *(
            pd.factorize(cube.rows.texts(found[place], name), sort=True)
            for place, name in zip(places, (rows, columns), strict=True)
        ),
        strict=True,
    )
    customer = pd.factorize(found["customer_id"], sort=True)[0]
    # In one order on every engine, so that sums round alike.
    order = np.lexsort((codes[1], codes[0], customer))
    return _Cells(
        customer[order],
        codes[0][order],
        codes[1][order],
        cube.rows.money(found["cents"].to_numpy()[order], by),
        list(names[0]),
        list(names[1]),
    )


@dataclass(frozen=True)
class IndependenceNoise:
    """Cells of a table, what its margins make expected, and the noise of the difference.

    Attributes
    ----------
    observed, expected, standard_error, effective_customers : ndarray, shape (rows, columns)
        NaN where the table adds up to nothing.
    """

    observed: Array
    expected: Array
    standard_error: Array
    effective_customers: Array


def independence_noise(
    customer: Codes, row: Codes, column: Codes, money: Array
) -> IndependenceNoise:
    """Noise, from customers, of the difference of cells from what their margins make expected.

    Parameters
    ----------
    customer, row, column : ndarray of int, shape (n,)
        Numbers from 0, every one used, every three of them once.
    money : ndarray, shape (n,)
        Of the customer in the cell.

    Returns
    -------
    IndependenceNoise

    Notes
    -----
    See `cube_deviations`.
    """
    shape = int(row.max()) + 1, int(column.max()) + 1
    n = int(customer.max()) + 1
    cell = row * shape[1] + column
    in_row = _of_customer(customer, row, money)
    in_column = _of_customer(customer, column, money)
    whole = np.bincount(customer, weights=money)[customer]

    def by_cell(values: Array) -> Array:
        flat = np.bincount(cell, weights=values, minlength=shape[0] * shape[1])
        return flat.astype(np.float64).reshape(shape)

    observed = by_cell(money)
    of_row, of_column, total = observed.sum(axis=1), observed.sum(axis=0), observed.sum()
    row_squares = np.bincount(row, weights=money * in_row)
    column_squares = np.bincount(column, weights=money * in_column)
    whole_squares = (money * whole).sum()
    together = sparse.csr_array((money, (row, customer))) @ sparse.csr_array(
        (money, (customer, column))
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        a, b = (of_row / total)[:, None], (of_column / total)[None, :]
        # The square of d_cij multiplied out, so that no customer needs a table of its own.
        squares = (
            by_cell(money * (money - 2 * b[0, column] * in_row - 2 * a[row, 0] * in_column))
            + 2 * a * b * by_cell(money * whole)
            + b**2 * row_squares[:, None]
            + a**2 * column_squares[None, :]
            + a**2 * b**2 * whole_squares
            + 2 * a * b * together.toarray()
            - 2 * a * b**2 * np.bincount(row, weights=money * whole)[:, None]
            - 2 * a**2 * b * np.bincount(column, weights=money * whole)[None, :]
        )
        # What is left of rounding is no noise.
        squares = np.where(squares > 1e-12 * whole_squares * a * b, squares, 0.0)
        variance = squares * n / (n - 1)
        smooth = np.outer(variance.sum(axis=1), variance.sum(axis=0)) / variance.sum()
        effective = np.outer(of_row**2 / row_squares, of_column**2 / column_squares) / (
            total**2 / whole_squares
        )
        usable = np.outer(of_row > 0, of_column > 0) & (total > 0)
        return IndependenceNoise(
            observed,
            np.where(usable, a * b * total, np.nan),
            np.where(usable, np.sqrt(np.maximum(variance, smooth)), np.nan),
            np.where(usable, effective, np.nan),
        )


def _of_customer(customer: Codes, dimension: Codes, money: Array) -> Array:
    """Money of the customer in the same row, or column, as each entry."""
    _, code = np.unique(customer * (int(dimension.max()) + 1) + dimension, return_inverse=True)
    return np.bincount(code, weights=money).astype(np.float64)[code]
