"""Who gets which offer among very many: the Lagrangian dual, a repaired plan and a proven gap."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from crmlib.segmentation.offer_programme import (
    Array,
    Integers,
    OfferProgramme,
    Solution,
    solve_exactly,
)

STEPS = 400
"""Most prices that are tried."""

CLOSE = 1e-5
"""Share of the bound that no further step promises, or that the plan may miss."""

UNDECIDED = 500
"""Units nearest to another choice that are decided anew, exactly; doubled while that helps."""

NODES = 2000
"""Nodes that HiGHS may look at when it decides them."""

GOOD_ENOUGH = 1e-4
"""Gap from which on no more units are decided anew."""


@dataclass(frozen=True)
class Prices:
    """Prices on what the limits make scarce.

    Attributes
    ----------
    budget : float
        Net gain that one more unit of budget brings, after it is spent itself.
    maximum : ndarray, shape (offers,)
        Net gain of being allowed one more customer with the offer.
    minimum : ndarray, shape (offers,)
        Net gain of having to make one offer less.
    bound : float
        The dual value at these prices: no plan brings more.
    """

    budget: float
    maximum: Array
    minimum: Array
    bound: float


def reduced_gain(programme: OfferProgramme, prices: Array) -> Array:
    """Net gain of every unit and offer after the prices of what it uses.

    Parameters
    ----------
    programme : OfferProgramme
    prices : ndarray, shape (1 + 2 offers,)
        Of the budget, of the maxima, of the minima.
    """
    offers = programme.cost.shape[1]
    of_offer = prices[1 : 1 + offers] - prices[1 + offers :]
    return programme.net_gain - prices[0] * programme.cost - of_offer


def best_choice(reduced: Array, contacts: int) -> NDArray[np.bool_]:
    """The offers of every unit that bring something after prices, at most so many."""
    chosen = reduced > 0
    if contacts < reduced.shape[1]:
        many = np.flatnonzero(chosen.sum(axis=1) > contacts)
        if len(many):
            order = np.argsort(-reduced[many], axis=1, kind="stable")
            chosen[many[:, None], order[:, contacts:]] = False
    return chosen


def dual_value(programme: OfferProgramme, prices: Array) -> tuple[float, Array]:
    """Value of the Lagrangian dual at some prices, and a subgradient.

    Parameters
    ----------
    programme : OfferProgramme
    prices : ndarray, shape (1 + 2 offers,)
        0 or more; 0 where there is no limit.

    Returns
    -------
    value : float
        Not below the net gain of any plan that keeps the limits.
    slope : ndarray, shape (1 + 2 offers,)

    Notes
    -----
    With y the prices, A x <= b the limits on budget and volumes and X the plans that keep the
    contact limit,

        g(y) = b'y + max over x in X of (v - A'y)'x

    which falls apart into a choice for every unit. Its lowest value is that of the programme
    without whole numbers, as X has whole corners (Geoffrion 1974).
    """
    reduced = reduced_gain(programme, prices)
    chosen = best_choice(reduced, programme.contacts)
    number = programme.customers[:, None] * chosen
    inner = float(np.where(chosen, reduced, 0.0).ravel() @ number.ravel())
    slope = _limits(programme) - _used(programme, number)
    limited = np.isfinite(slope)
    slope[~limited] = 0.0
    value = inner + float(_limits(programme)[limited] @ prices[limited])
    return value, slope


def _limits(programme: OfferProgramme) -> Array:
    return np.concatenate([[programme.budget], programme.maximum, -programme.minimum])


def _used(programme: OfferProgramme, number: Integers) -> Array:
    volume = number.sum(axis=0).astype(float)
    return np.concatenate([[programme.spent(number)], volume, -volume])


def best_prices(programme: OfferProgramme) -> Prices:
    """Prices at which the dual is lowest.

    Parameters
    ----------
    programme : OfferProgramme
        With a plan that keeps its limits; else prices rise without end.

    Returns
    -------
    Prices

    Notes
    -----
    Cutting planes within a box around the best prices so far, which grows where they did as
    foretold and shrinks where they did not (Marsten, Hogan and Blankenship 1975). Prices and
    bound were checked against the linear programme of scipy's HiGHS.
    """
    limits = _limits(programme)
    active = np.isfinite(limits) & (limits != 0)
    active[0] = np.isfinite(programme.budget)
    offers = len(programme.maximum)
    active[1 : 1 + offers] = np.isfinite(programme.maximum)
    centre = np.zeros(len(limits))
    best, slope = dual_value(programme, centre)
    cuts = [(best, slope[active], centre[active])]
    box = _scale(programme)[active]
    smallest = 1e-9 * box
    for _ in range(STEPS):
        promised, trial = _lowest(cuts, centre[active], box)
        if best - promised <= CLOSE / 100 * max(abs(best), 1e-12):
            if (np.abs(trial - centre[active]) < 0.999 * box).all() or (box > 1e6).all():
                break
            box = 4 * box
            continue
        prices = centre.copy()
        prices[active] = trial
        value, slope = dual_value(programme, prices)
        cuts.append((value, slope[active], trial))
        if best - value >= 0.5 * (best - promised):
            box = 2 * box
        elif value >= best:
            box = np.maximum(box / 3, smallest)
        if value < best:
            best, centre = value, prices
    return Prices(float(centre[0]), centre[1 : 1 + offers], centre[1 + offers :], best)


def _scale(programme: OfferProgramme) -> Array:
    """First length of a step: the size of the gains, and of gain per money spent."""
    possible = programme.possible
    gains = np.abs(programme.net_gain[possible])
    size = float(gains.mean()) if len(gains) else 1.0
    spent = programme.cost[possible]
    price = size / float(spent.mean()) if len(spent) and spent.any() else 1.0
    offers = programme.cost.shape[1]
    return np.concatenate([[price or 1.0], np.full(2 * offers, size or 1.0)])


def _lowest(
    cuts: list[tuple[float, Array, Array]], centre: Array, box: Array
) -> tuple[float, Array]:
    """Lowest point of the cuts within the box."""
    if not len(centre):
        return cuts[0][0], centre
    slopes = np.array([slope for _, slope, _ in cuts])
    base = np.array([value for value, _, _ in cuts])
    at = np.array([float(slope @ place) for _, slope, place in cuts])
    # value + slope (y - place) <= t, with y in units of the box and t from the newest value.
    size = max(float(np.abs(base).max()), 1e-12)
    rows = np.hstack([slopes * box / size, -np.ones((len(cuts), 1))])
    right = (at - base + base[0] - slopes @ centre) / size
    low = np.maximum(-1.0, -centre / box)
    found = linprog(
        np.append(np.zeros(len(centre)), 1.0),
        A_ub=rows,
        b_ub=right,
        bounds=[*zip(low, np.ones(len(centre)), strict=True), (None, None)],
        method="highs",
    )
    if found.x is None:
        return float(base.min()), centre
    return float(base[0] + size * found.x[-1]), np.maximum(centre + box * found.x[:-1], 0.0)


def solve_by_dual(programme: OfferProgramme, prices: Prices) -> Solution | None:
    """Plan for very many units, within a stated distance of the best.

    Parameters
    ----------
    programme : OfferProgramme
    prices : Prices
        From `best_prices`.

    Returns
    -------
    Solution or None
        None when no plan was found that keeps the limits.

    Notes
    -----
    At the best prices nearly every unit's choice is clear. Those nearest to another choice are
    decided anew and exactly, within what the others leave of budget and volumes: the core of
    Balas and Zemel (1980). Where that misses the bound by too much, twice as many are. The gap is
    from the dual's bound, so it holds however the plan was found.
    """
    together = np.concatenate([[prices.budget], prices.maximum, prices.minimum])
    reduced = reduced_gain(programme, together)
    chosen = programme.customers[:, None] * best_choice(reduced, programme.contacts)
    nearest = np.argsort(_margin(reduced, programme.contacts), kind="stable")
    best: Solution | None = None
    size = UNDECIDED
    while True:
        found = _decided_anew(programme, chosen, nearest[:size], prices.bound)
        if found is not None and (best is None or found.value > best.value):
            best = found
        close = best is not None and (best.gap <= GOOD_ENOUGH or size >= 16 * UNDECIDED)
        if close or size >= len(nearest):
            return best
        size *= 2


def _margin(reduced: Array, contacts: int) -> Array:
    """How far the gains after prices of every unit are from making it choose otherwise."""
    offers = reduced.shape[1]
    order = -np.sort(-np.hstack([reduced, np.full((len(reduced), 1), -np.inf)]), axis=1)
    k = min(contacts, offers)
    number = np.minimum((order[:, :offers] > 0).sum(axis=1), k)
    rows = np.arange(len(reduced))
    last = np.where(number > 0, order[rows, np.maximum(number - 1, 0)], np.inf)
    after = order[rows, number]
    full = number == k
    return np.where(full, last - np.maximum(after, 0.0), np.minimum(last, -after))


def _decided_anew(
    programme: OfferProgramme, chosen: Integers, undecided: Integers, bound: float
) -> Solution | None:
    """Leave all units as chosen but the undecided, and decide these exactly."""
    fixed = chosen.copy()
    fixed[undecided] = 0
    volume = fixed.sum(axis=0)
    core = replace(
        programme,
        net_gain=programme.net_gain[undecided],
        cost=programme.cost[undecided],
        customers=programme.customers[undecided],
        budget=programme.budget - programme.spent(fixed),
        minimum=programme.minimum - volume,
        maximum=programme.maximum - volume,
    )
    if core.budget < 0 or (core.maximum < 0).any():
        return None
    # HiGHS counts its tolerance on what the core brings, not on the whole.
    allowed = CLOSE * abs(bound)
    of_core = allowed / max(abs(bound - programme.value(fixed)), allowed, 1e-12)
    found = solve_exactly(core, tolerance=min(of_core, 0.5), nodes=NODES)
    if found is None:
        return None
    fixed[undecided] = found.chosen
    value = programme.value(fixed)
    return Solution(fixed, value, max(bound, value))
