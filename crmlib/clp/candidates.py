"""The life-cycle curves that are tried on a history of a given length.

Once the turning points g1 and g2 are given, the curve is linear in v, h1, N and h2, so that
one matrix product gives the least-squares coefficients of every customer at once. All
candidates with the same terms make one family.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from crmlib.clp.life_cycle import PARAMETERS, Array, life_cycle_jacobian

POINTS_AFTER_TURN = 3
"""Periods a phase must have lasted before a turning point is believed."""

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
    coefficients : ndarray, shape (candidates * terms, periods)
        Times centred profits: the coefficients other than v.
    basis : ndarray, shape (candidates * terms, periods)
        Orthonormal basis of the centred terms: times profits and squared, the explained sum
        of squares.
    """

    name: str
    g1: Array
    g2: Array
    tau: Array
    parameters: int
    coefficients: Array
    basis: Array

    @property
    def terms(self) -> int:
        """Number of coefficients other than v."""
        return len(TERMS[self.name]) - 1


def turning_points(name: str, periods: int) -> tuple[Array, Array]:
    """Candidate g1 and g2 of a family; every phase lasts at least `POINTS_AFTER_TURN`."""
    grid = np.arange(POINTS_AFTER_TURN, periods - POINTS_AFTER_TURN + 1, dtype=float)
    if name in ("flat", "formation"):
        return np.array([np.inf]), np.array([np.inf])
    if name in ("formation that stops", "growth"):
        return grid, np.full(len(grid), np.inf)
    if name == "flat, then decline":
        return np.full(len(grid), np.inf), grid
    g1, g2 = (a.ravel() for a in np.meshgrid(grid, grid, indexing="ij"))
    ordered = g2 >= g1 + POINTS_AFTER_TURN
    return g1[ordered], g2[ordered]


@lru_cache(maxsize=512)
def families(periods: int, taus: tuple[float, ...]) -> tuple[Family, ...]:
    """All families for histories of this many periods, simplest first.

    ``taus`` with more than one value are searched, which costs one more parameter in the
    families that have N.
    """
    found = []
    for name in TERMS:
        g1, g2 = turning_points(name, periods)
        searched = taus if "N" in TERMS[name] else taus[:1]
        tau = np.repeat(searched, len(g1))
        g1, g2 = np.tile(g1, len(searched)), np.tile(g2, len(searched))
        if len(g1):
            found.append(make_family(name, periods, g1, g2, tau, len(searched) > 1))
    return tuple(found)


def make_family(
    name: str, periods: int, g1: Array, g2: Array, tau: Array, tau_searched: bool
) -> Family:
    """Projections of one family, computed once for all customers."""
    terms = [PARAMETERS.index(term) for term in TERMS[name][1:]]
    zeros = np.zeros(len(g1))
    t = np.arange(1.0, periods + 1)
    design = life_cycle_jacobian(t, zeros, zeros, zeros, g1, g2, tau)[:, :, terms]
    design -= design.mean(axis=1, keepdims=True)
    orthonormal, triangular = np.linalg.qr(design)
    inverse = np.linalg.solve(triangular, orthonormal.transpose(0, 2, 1))
    found_turns = int(np.isfinite(g1[0])) + int(np.isfinite(g2[0])) + int(tau_searched)
    return Family(
        name=name,
        g1=g1,
        g2=g2,
        tau=tau,
        parameters=len(TERMS[name]) + found_turns,
        coefficients=inverse.reshape(-1, periods),
        basis=np.ascontiguousarray(orthonormal.transpose(0, 2, 1)).reshape(-1, periods),
    )
