"""Ratios of gamma functions, ``Γ(a+d) / Γ(a)``, which likelihoods are made of.

For whole d they are rising factorials ``a (a+1) … (a+d-1)``, and are summed. For others and large
a, differences of Stirling's series are taken term by term. Where customers are alike, a runs to
infinity, and a difference of two numbers of that size would be nothing but rounding.
"""

import numpy as np
from scipy import special

from crmlib.clp.discounting import Array


def log_rising(start: float, steps: Array) -> Array:
    """Logarithm of ``Γ(start + steps) / Γ(start)``.

    Parameters
    ----------
    start : float
        Above 0.
    steps : ndarray, shape (n,)
        Whole numbers of 0 or more.

    Returns
    -------
    ndarray, shape (n,)
    """
    return _sums(np.log, start, steps)


def log_rising_slope(start: float, steps: Array) -> Array:
    """Derivative of `log_rising` by start: ``ψ(start + steps) - ψ(start)``."""
    return _sums(np.reciprocal, start, steps)


LARGE = 100.0
"""Where the terms of Stirling's series that are left out are below rounding."""


def log_gamma_rise(start: Array, step: Array) -> Array:
    """Logarithm of ``Γ(start + step) / Γ(start)`` for any step of 0 or more.

    Parameters
    ----------
    start, step : ndarray, shape (n,)
        start above 0.

    Returns
    -------
    ndarray, shape (n,)
    """
    a, d = np.maximum(start, LARGE), step
    rise = (a + d - 0.5) * np.log1p(d / a) + d * (np.log(a) - 1)
    for power, divisor in ((1, 12), (3, -360), (5, 1260)):
        rise += ((a + d) ** -power - a**-power) / divisor
    exact = special.gammaln(start + step) - special.gammaln(start)
    return np.asarray(np.where(start >= LARGE, rise, exact))


def digamma_rise(start: Array, step: Array) -> Array:
    """``ψ(start + step) - ψ(start)``, the derivative of `log_gamma_rise` by start.

    Parameters
    ----------
    start, step : ndarray, shape (n,)
        start above 0, step 0 or more.

    Returns
    -------
    ndarray, shape (n,)
    """
    a, d = np.maximum(start, LARGE), step
    rise = np.log1p(d / a) + d / (2 * a * (a + d))
    for power, divisor in ((2, 12), (4, -120), (6, 252)):
        rise += (a**-power - (a + d) ** -power) / divisor
    exact = special.digamma(start + step) - special.digamma(start)
    return np.asarray(np.where(start >= LARGE, rise, exact))


def _sums(function: np.ufunc, start: float, steps: Array) -> Array:
    """``f(start) + … + f(start + steps - 1)``."""
    number = np.asarray(steps, dtype=np.int64)
    terms = function(start + np.arange(number.max(initial=0), dtype=float))
    return np.asarray(np.concatenate([[0.0], np.cumsum(terms)])[number])
