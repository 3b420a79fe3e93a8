"""The life-cycle curves that are tried on a history of a given length.

Once the turning points g1 and g2 are given, the curve is linear in v, h1, N and h2: ordinary
least squares. The hundreds of candidates share few distinct terms, so the products of terms and
profits are formed once and the normal equations of every candidate are solved from them. All
candidates with the same coefficients make one family.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from crmlib.clp.life_cycle import PARAMETERS, Array, life_cycle_jacobian

POINTS_AFTER_TURN = 3
"""Periods a phase must have lasted before a turning point is believed."""

MAXIMUM_TURNS = 60
"""Turning points tried; in lives longer than this they are spread evenly over the periods."""

TERMS = {
    "flat": ("v",),
    "formation": ("v", "h1"),
    "formation that stops": ("v", "h1"),
    "growth": ("v", "h1", "N"),
    "flat, then decline": ("v", "h2"),
    "formation, then decline": ("v", "h1", "h2"),
    "decline": ("v", "h1", "N", "h2"),
}
"""Families of curves, simplest first, and the coefficients that are not zero in them."""

PHASE = {
    "flat": "formation",
    "formation": "formation",
    "formation that stops": "slow growth",
    "growth": "slow growth",
    "flat, then decline": "decline",
    "formation, then decline": "decline",
    "decline": "decline",
}
"""Part of the life-cycle curve that a customer is on at the end of the history: P1, P2 or P3."""


@dataclass(frozen=True)
class Family:
    """All candidate curves with the same terms, for histories of one length.

    Attributes
    ----------
    name : str
        Key of `TERMS`.
    g1, g2, tau : ndarray, shape (candidates,)
        Turning points, infinite when not reached, and time constants.
    parameters : int
        Coefficients and turning points that are estimated, the residual variance not counted.
    columns : ndarray of int, shape (candidates, terms)
        Rows of `Candidates.design` that are the candidate's terms other than v.
    normal_inverse : ndarray, shape (candidates, terms, terms)
        Inverse of X'X of these terms.
    pseudo_inverse : ndarray, shape (candidates, terms, periods)
        Times centred profits: the coefficients other than v, in money.
    """

    name: str
    g1: Array
    g2: Array
    tau: Array
    parameters: int
    columns: NDArray[np.int64]
    normal_inverse: Array
    pseudo_inverse: Array


@dataclass(frozen=True)
class Candidates:
    """All families for histories of one length, simplest first, and the terms they share.

    Attributes
    ----------
    design : ndarray, shape (distinct terms, periods)
        Every distinct term, centred and of length one.
    families : tuple of Family
    """

    design: Array
    families: tuple[Family, ...]


def turning_points(name: str, periods: int) -> tuple[Array, Array]:
    """Candidate g1 and g2 of a family; every phase lasts at least `POINTS_AFTER_TURN`."""
    first, last = POINTS_AFTER_TURN, periods - POINTS_AFTER_TURN
    points = min(last - first + 1, MAXIMUM_TURNS)
    grid = np.round(np.linspace(first, last, max(points, 0)))
    if name in ("flat", "formation"):
        return np.array([np.inf]), np.array([np.inf])
    if name in ("formation that stops", "growth"):
        return grid, np.full(len(grid), np.inf)
    if name == "flat, then decline":
        return np.full(len(grid), np.inf), grid
    g1, g2 = (a.ravel() for a in np.meshgrid(grid, grid, indexing="ij"))
    ordered = g2 >= g1 + POINTS_AFTER_TURN
    return g1[ordered], g2[ordered]


@lru_cache(maxsize=8)  # long lives take much memory
def candidates(periods: int, taus: tuple[float, ...]) -> Candidates:
    """All candidates for histories of this many periods.

    ``taus`` with more than one value are searched, which costs one more parameter in the
    families that have N.
    """
    design: dict[bytes, Array] = {}
    families = []
    for name in TERMS:
        g1, g2 = turning_points(name, periods)
        searched = taus if "N" in TERMS[name] else taus[:1]
        tau = np.repeat(searched, len(g1))
        g1, g2 = np.tile(g1, len(searched)), np.tile(g2, len(searched))
        if len(g1):
            families.append(make_family(name, periods, g1, g2, tau, len(searched) > 1, design))
    rows = np.array(list(design.values())) if design else np.empty((0, periods))
    return Candidates(design=rows, families=tuple(families))


def make_family(
    name: str,
    periods: int,
    g1: Array,
    g2: Array,
    tau: Array,
    tau_searched: bool,
    design: dict[bytes, Array],
) -> Family:
    """One family; its terms are added to the design when they are not in it yet."""
    terms = [PARAMETERS.index(term) for term in TERMS[name][1:]]
    zeros = np.zeros(len(g1))
    t = np.arange(1.0, periods + 1)
    X = life_cycle_jacobian(t, zeros, zeros, zeros, g1, g2, tau)[:, :, terms]
    X -= X.mean(axis=1, keepdims=True)
    orthonormal, triangular = np.linalg.qr(X)
    unit = (X / np.linalg.norm(X, axis=1, keepdims=True)).transpose(0, 2, 1)
    keys = [row.tobytes() for row in unit.reshape(-1, periods)]
    for key, row in zip(keys, unit.reshape(-1, periods), strict=True):
        design.setdefault(key, row)
    position = {key: i for i, key in enumerate(design)}
    found_turns = int(np.isfinite(g1[0])) + int(np.isfinite(g2[0])) + int(tau_searched)
    return Family(
        name=name,
        g1=g1,
        g2=g2,
        tau=tau,
        parameters=len(TERMS[name]) + found_turns,
        columns=np.array([position[key] for key in keys], dtype=np.int64).reshape(
            len(g1), len(terms)
        ),
        normal_inverse=np.linalg.inv(unit @ unit.transpose(0, 2, 1)),
        pseudo_inverse=np.linalg.solve(triangular, orthonormal.transpose(0, 2, 1)),
    )
