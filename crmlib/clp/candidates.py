"""The life-cycle curves that are tried on a history of a given length.

Once the turning points g1 and g2 are given, the curve is linear in v, h1, N and h2: ordinary
least squares. An orthonormal basis of every candidate's terms is made once, so that for a history
its residual sum of squares takes one product a term. All candidates with the same coefficients
make one family.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

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
    orthonormal : ndarray, shape (terms, periods, candidates)
        Basis of the centred terms X other than v: the Q of X = QR, the diagonal of R positive.
    ratios : ndarray, shape (terms, terms, candidates)
        R with every column divided by its element on the diagonal.
    pseudo_inverse : ndarray, shape (candidates, terms, periods)
        Times centred profits: the coefficients other than v, in money.
    """

    name: str
    g1: Array
    g2: Array
    tau: Array
    parameters: int
    orthonormal: Array
    ratios: Array
    pseudo_inverse: Array


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
def candidates(periods: int, taus: tuple[float, ...]) -> tuple[Family, ...]:
    """All families for histories of this many periods, simplest first.

    ``taus`` with more than one value are searched, which costs one more parameter in the
    families that have N.
    """
    families = []
    for name in TERMS:
        g1, g2 = turning_points(name, periods)
        searched = taus if "N" in TERMS[name] else taus[:1]
        tau = np.repeat(searched, len(g1))
        g1, g2 = np.tile(g1, len(searched)), np.tile(g2, len(searched))
        if len(g1):
            families.append(make_family(name, periods, g1, g2, tau, len(searched) > 1))
    return tuple(families)


def make_family(
    name: str, periods: int, g1: Array, g2: Array, tau: Array, tau_searched: bool
) -> Family:
    """One family with the bases of its candidates."""
    terms = [PARAMETERS.index(term) for term in TERMS[name][1:]]
    zeros = np.zeros(len(g1))
    t = np.arange(1.0, periods + 1)
    X = life_cycle_jacobian(t, zeros, zeros, zeros, g1, g2, tau)[:, :, terms]
    X -= X.mean(axis=1, keepdims=True)
    orthonormal, triangular = np.linalg.qr(X)
    diagonal = np.diagonal(triangular, axis1=1, axis2=2)
    upright = orthonormal * np.sign(diagonal)[:, None, :]
    ratios = triangular * np.sign(diagonal)[:, :, None] / abs(diagonal)[:, None, :]
    found_turns = int(np.isfinite(g1[0])) + int(np.isfinite(g2[0])) + int(tau_searched)
    return Family(
        name=name,
        g1=g1,
        g2=g2,
        tau=tau,
        parameters=len(TERMS[name]) + found_turns,
        orthonormal=np.ascontiguousarray(upright.transpose(2, 1, 0)),
        ratios=np.ascontiguousarray(ratios.transpose(1, 2, 0)),
        pseudo_inverse=np.linalg.solve(triangular, orthonormal.transpose(0, 2, 1)),
    )
