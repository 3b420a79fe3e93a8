"""Who gets which offer as a mixed-integer programme, solved exactly by HiGHS."""

import contextlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from crmlib.errors import InputError

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

NODES = 20_000
"""Nodes that HiGHS may look at. Not seconds: a plan must not hang on how fast a machine is."""


@dataclass(frozen=True)
class OfferProgramme:
    """Which unit gets which offer, so that the offers bring most.

    Attributes
    ----------
    net_gain : ndarray, shape (units, offers)
        What an offer to one customer of the unit brings, less its cost; minus infinity where it
        cannot be made.
    cost : ndarray, shape (units, offers)
        What it takes from the budget, 0 or more.
    customers : ndarray of int, shape (units,)
        Customers in the unit, all alike: 1 where every customer is a unit.
    contacts : int
        Offers that one customer gets at most.
    budget : float
        Infinity where there is no limit.
    minimum, maximum : ndarray, shape (offers,)
        Customers that must and may get an offer; 0 and infinity where there is no limit.

    Notes
    -----
    With v the net gain, c the cost, n the customers, k the contacts and x_uo how many customers
    of unit u get offer o, a whole number from 0 to n_u,

        maximise  sum of v_uo x_uo
        so that   sum over o of x_uo <= k n_u                  for every unit
                  sum of c_uo x_uo <= budget
                  minimum_o <= sum over u of x_uo <= maximum_o for every offer

    Such numbers can always be dealt out so that nobody gets an offer twice or more than k offers:
    one offer after the other, to the customers of the unit in turn.
    """

    net_gain: Array
    cost: Array
    customers: Integers
    contacts: int
    budget: float
    minimum: Array
    maximum: Array

    @property
    def possible(self) -> NDArray[np.bool_]:
        """Which offers can be made to which unit."""
        return np.isfinite(self.net_gain)

    def value(self, chosen: Integers) -> float:
        """What a plan brings."""
        return float(np.where(chosen > 0, self.net_gain, 0.0).ravel() @ chosen.ravel())

    def spent(self, chosen: Integers) -> float:
        """What a plan costs."""
        return float(self.cost.ravel() @ chosen.ravel())


@dataclass(frozen=True)
class Solution:
    """A plan and how good any plan can be.

    Attributes
    ----------
    chosen : ndarray of int, shape (units, offers)
        Customers of the unit that get the offer.
    value : float
        What the plan brings.
    bound : float
        No plan within the limits brings more.
    """

    chosen: Integers
    value: float
    bound: float

    @property
    def gap(self) -> float:
        """How much more the best plan can bring at most, as a share of the bound."""
        return max(self.bound - self.value, 0.0) / max(abs(self.bound), 1e-12)


def solve_exactly(
    programme: OfferProgramme, *, tolerance: float = 0.0, nodes: int = NODES
) -> Solution | None:
    """Best plan, by branch and bound.

    Parameters
    ----------
    programme : OfferProgramme
    tolerance : float
        Gap, as a share of the bound, from which on HiGHS stops.
    nodes : int
        Branches after which it stops with what it has, and its gap.

    Returns
    -------
    Solution or None
        None when no plan keeps the limits.

    Raises
    ------
    InputError
        When no plan was found in so many branches.

    Notes
    -----
    `scipy.optimize.milp` with HiGHS. Checked against all plans, one by one, in small cases.
    """
    unit, offer = np.nonzero(programme.possible)
    if not len(unit):
        feasible = not (programme.minimum > 0).any()
        return Solution(np.zeros(programme.cost.shape, np.int64), 0.0, 0.0) if feasible else None
    with _unheard():
        found = milp(
            -programme.net_gain[unit, offer],
            integrality=np.ones(len(unit), dtype=np.int64),
            bounds=Bounds(0, programme.customers[unit]),
            constraints=_constraints(programme, unit, offer),
            options={"mip_rel_gap": tolerance, "node_limit": nodes},
        )
    if found.status == 2:
        return None
    if found.x is None:
        raise InputError(
            f"No plan was found in {nodes:,} branches. Loosen the minimum volumes or the budget, "
            "or put customers that are alike together into segments."
        )
    chosen = np.zeros(programme.cost.shape, dtype=np.int64)
    chosen[unit, offer] = np.rint(found.x).astype(np.int64)
    value = programme.value(chosen)
    return Solution(chosen, value, max(value, -float(found.mip_dual_bound)))


@contextlib.contextmanager
def _unheard() -> Iterator[None]:
    """Keep what HiGHS prints past Python, whatever it is told, out of notebooks and reports."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def _constraints(
    programme: OfferProgramme, unit: Integers, offer: Integers
) -> list[LinearConstraint]:
    pairs = np.arange(len(unit))
    ones = np.ones(len(unit))
    units, offers = programme.cost.shape
    by_unit = sparse.csr_array((ones, (unit, pairs)), shape=(units, len(pairs)))
    by_offer = sparse.csr_array((ones, (offer, pairs)), shape=(offers, len(pairs)))
    limits = [
        LinearConstraint(by_unit, -np.inf, programme.contacts * programme.customers),
        LinearConstraint(by_offer, programme.minimum, programme.maximum),
    ]
    if np.isfinite(programme.budget):
        cost = programme.cost[unit, offer]
        size = max(float(cost.max()), 1e-12)
        row = sparse.csr_array(cost[None, :] / size)
        limits.append(LinearConstraint(row, -np.inf, programme.budget / size))
    return limits


def grouped(programme: OfferProgramme) -> tuple[OfferProgramme, Integers]:
    """Put units that are alike in every gain and cost together.

    Returns
    -------
    programme : OfferProgramme
        With one unit for each kind.
    kind : ndarray of int, shape (units,)
        Which of them a unit belongs to.
    """
    rows = np.hstack([programme.net_gain, np.where(programme.possible, programme.cost, 0.0)]) + 0.0
    as_bytes = np.ascontiguousarray(rows).view(np.dtype((np.void, rows.itemsize * rows.shape[1])))
    _, first, kind = np.unique(as_bytes.ravel(), return_index=True, return_inverse=True)
    # Kinds in the order in which they first appear, so that nothing hangs on how bytes sort.
    order = np.argsort(first, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    kind, first = rank[kind], first[order]
    size = np.bincount(kind, weights=programme.customers).astype(np.int64)
    alike = replace(
        programme,
        net_gain=programme.net_gain[first],
        cost=programme.cost[first],
        customers=size,
    )
    return alike, kind


def dealt_out(chosen: Integers, kind: Integers, customers: Integers) -> Integers:
    """Deal the offers of every kind of unit out to its units.

    Parameters
    ----------
    chosen : ndarray of int, shape (kinds, offers)
        Customers of the kind that get the offer.
    kind : ndarray of int, shape (units,)
        Kind of every unit.
    customers : ndarray of int, shape (units,)
        Its customers.

    Returns
    -------
    ndarray of int, shape (units, offers)
        The customers of a kind stand in a ring; every offer goes on where the last one ended.
    """
    order = np.argsort(kind, kind="stable")
    size = np.bincount(kind, weights=customers, minlength=len(chosen)).astype(np.int64)
    ends = np.cumsum(customers[order])
    before = np.cumsum(size) - size
    end = ends - before[kind[order]]
    start = end - customers[order]
    dealt = np.empty((len(kind), chosen.shape[1]), dtype=np.int64)
    place = np.zeros(len(chosen), dtype=np.int64)
    for offer in range(chosen.shape[1]):
        number, first = chosen[kind[order], offer], place[kind[order]]
        around = size[kind[order]]
        dealt[order, offer] = _within(start, end, first, first + number) + _within(
            start + around, end + around, first, first + number
        )
        place = (place + chosen[:, offer]) % np.maximum(size, 1)
    return dealt


def _within(start: Integers, end: Integers, low: Integers, high: Integers) -> Integers:
    """Length of what two stretches have in common."""
    return np.maximum(np.minimum(end, high) - np.maximum(start, low), 0)
