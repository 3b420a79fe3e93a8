"""Similar longer-lived customers: where a young customer's turning point is learned from."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crmlib.clp.candidates import PHASE
from crmlib.clp.life_cycle import Array

MAXIMUM_DONORS = 500
"""Histories a young customer is compared with: evenly spread over those that qualify."""

CHUNK = 4096


@dataclass(frozen=True)
class Similar:
    """Result of `borrow_from_similar`: result columns, neighbours, donors looked at."""

    columns: dict[str, NDArray]
    rows: NDArray[np.int32]
    donors: int


def borrow_from_similar(customers: pd.DataFrame, profit: Array, n_similar: int) -> Similar:
    """For each customer still on P1, the nearest customers that have passed their own g1.

    Parameters
    ----------
    customers : DataFrame
        Fitted curves: curve, life, g1, N, tau.
    profit : ndarray, shape (customers, periods)
        Histories, NaN after their end.
    n_similar : int
        Neighbours wanted.

    Returns
    -------
    Similar
    """
    phase = customers["curve"].map(PHASE).to_numpy(dtype=object)
    g1 = customers["g1"].to_numpy()
    life = customers["life"].to_numpy()
    donors = spread(np.flatnonzero((phase != "formation") & np.isfinite(g1)), MAXIMUM_DONORS)
    neighbours = np.full((len(customers), n_similar), -1, dtype=np.int32)
    young = np.flatnonzero((phase == "formation") & ~customers["left"].to_numpy())
    for periods in np.unique(life[young]):
        longer = donors[life[donors] > periods]
        mine = young[life[young] == periods]
        for start in range(0, len(mine), CHUNK):
            part = mine[start : start + CHUNK]
            near = nearest(profit[part, :periods], profit[longer, :periods], n_similar)
            neighbours[part, : near.shape[1]] = longer[near]
    found = neighbours >= 0
    count = found.sum(axis=1)
    means = {}
    for name in ("g1", "N"):
        values = np.where(found, customers[name].to_numpy()[neighbours], 0.0)
        with np.errstate(invalid="ignore"):
            means[f"similar_{name}"] = np.where(count > 0, values.sum(axis=1) / count, np.nan)
    return Similar(columns={"similar": count} | means, rows=neighbours, donors=len(donors))


def spread(rows: NDArray[np.int64], at_most: int) -> NDArray[np.int64]:
    """Evenly spaced choice of at most this many rows."""
    if len(rows) <= at_most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, at_most).astype(np.int64)]


def nearest(profit: Array, donors: Array, n_similar: int) -> NDArray[np.int64]:
    """Indices of the nearest donors of every customer, nearest first.

    Squared distances are ``|a|^2 - 2 a'b + |b|^2``; the first term is the same for all donors
    of a customer and left out.
    """
    if not len(donors):
        return np.empty((len(profit), 0), dtype=np.int64)
    distance = (donors**2).sum(axis=1) - 2.0 * profit @ donors.T
    wanted = min(n_similar, len(donors))
    if wanted < len(donors):
        found = np.argpartition(distance, wanted - 1, axis=1)[:, :wanted]
    else:
        found = np.tile(np.arange(wanted), (len(profit), 1))
    order = np.argsort(np.take_along_axis(distance, found, axis=1), axis=1, kind="stable")
    return np.take_along_axis(found, order, axis=1)
