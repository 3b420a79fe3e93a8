"""The customer life-cycle curve: what a customer earns in each period of the relationship.

Formation and slow growth are case 3 of Berger and Nasr (1998); the decline is the
course's own addition after Chen Mingliang's four-stage life cycle.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

PARAMETERS = ("v", "h1", "N", "h2", "g1", "g2")
"""Order of the parameters in every covariance matrix of a fitted curve."""


def life_cycle_curve(
    t: ArrayLike,
    *,
    h1: ArrayLike,
    v: ArrayLike,
    g1: ArrayLike = np.inf,
    N: ArrayLike = 0.0,
    tau: ArrayLike = 1.0,
    g2: ArrayLike = np.inf,
    h2: ArrayLike = 0.0,
) -> Array:
    """Profit in period ``t`` of a customer's life.

    The curve has three parts, each starting where the one before ends:

    - formation, t <= g1:          ``P1(t) = h1 t^2 + v``
    - slow growth, g1 < t <= g2:   ``P2(t) = P1(g1) + N (1 - exp(-(t - g1) / tau))``
    - decline, t > g2:             ``P3(t) = P2(g2) - h2 (t - g2)^2``

    With ``tau = 1``, as in the textbook, P2 has gained 99 % of N five periods after g1,
    whatever the length of a period is.

    Parameters
    ----------
    t : array_like
        Periods since the first purchase, which is period 1. All arguments broadcast.
    h1 : array_like
        Growth of the formation, money per period squared.
    v : array_like
        Profit at the start, money per period.
    g1, g2 : array_like
        Turning points, in periods; infinite when the curve has not reached them.
    N : array_like
        Profit still to be gained after g1, money per period.
    tau : array_like
        Periods in which the gap to the limit P1(g1) + N shrinks to 37 %.
    h2 : array_like
        Steepness of the decline, money per period squared.

    Returns
    -------
    ndarray
        Profit per period, in the money of ``v``.

    References
    ----------
    Berger, P. D. and Nasr, N. I. (1998). Customer lifetime value: marketing models and
    applications. Journal of Interactive Marketing 12(1), 17-30, case 3.
    """
    t, h1, v, N, h2, g2 = (np.asarray(a, dtype=float) for a in (t, h1, v, N, h2, g2))
    growing = np.minimum(t, g1) ** 2
    declining = np.maximum(t - g2, 0.0) ** 2
    return v + h1 * growing + N * saturation(t, g1, g2, tau) - h2 * declining


def saturation(t: ArrayLike, g1: ArrayLike, g2: ArrayLike, tau: ArrayLike) -> Array:
    """Share of N gained by period t: 0 up to g1, held from g2 on."""
    since_g1 = np.maximum(np.minimum(t, g2) - np.asarray(g1, dtype=float), 0.0)
    return -np.expm1(-since_g1 / np.asarray(tau, dtype=float))


def life_cycle_jacobian(
    t: Array, h1: Array, N: Array, h2: Array, g1: Array, g2: Array, tau: Array
) -> Array:
    """Derivatives of the curve with respect to `PARAMETERS`.

    Parameters
    ----------
    t : ndarray, shape (periods,) or (customers, periods)
        Periods of the customers' lives.
    h1, N, h2, g1, g2, tau : ndarray, shape (customers,)
        The curves; turning points not reached are infinite.

    Returns
    -------
    ndarray, shape (customers, periods, 6)
        Zero for a turning point that is not reached.
    """
    h1, N, h2, g1, g2, tau = (np.asarray(a, dtype=float)[:, None] for a in (h1, N, h2, g1, g2, tau))
    after_g1 = t > g1
    past_g2 = np.maximum(t - g2, 0.0)
    held = np.where(after_g1, np.exp(-np.maximum(np.minimum(t, g2) - g1, 0.0) / tau), 0.0)
    finite_g1 = np.where(np.isfinite(g1), g1, 0.0)
    jacobian = np.empty((len(h1), t.shape[-1], len(PARAMETERS)))
    jacobian[..., 0] = 1.0
    jacobian[..., 1] = np.minimum(t, g1) ** 2
    jacobian[..., 2] = np.where(after_g1, 1.0 - held, 0.0)
    jacobian[..., 3] = -(past_g2**2)
    jacobian[..., 4] = np.where(after_g1, 2.0 * h1 * finite_g1 - N * held / tau, 0.0)
    jacobian[..., 5] = np.where(past_g2 > 0, N * held / tau + 2.0 * h2 * past_g2, 0.0)
    return jacobian
