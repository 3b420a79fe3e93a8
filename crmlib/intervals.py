"""Intervals that several subjects give."""

from typing import Any

import numpy as np


def wilson_interval(share: Any, n: Any, quantile: float) -> tuple[Any, Any]:
    """Wilson's interval of a share.

    ``(p + z^2 / 2n +- z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n)`` (Wilson 1927).

    Parameters
    ----------
    share, n : float or ndarray
        Share and the number it is of, which need not be whole.
    quantile : float
        1.96 for 95 %.

    Returns
    -------
    tuple of float or ndarray
        Lower and upper end, within 0 and 1.
    """
    square = quantile**2 / n
    middle = (share + square / 2) / (1 + square)
    half = np.sqrt(square * (np.maximum(share * (1 - share), 0) + square / 4)) / (1 + square)
    return np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)
