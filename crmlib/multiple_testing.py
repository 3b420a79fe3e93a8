"""Several tests at once: p-values adjusted for their number."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

Array = NDArray[np.float64]


def holm(p_values: Array) -> Array:
    """Holm's (1979) adjusted p-values: the k-th smallest of m times m - k + 1, never falling.

    Missing ones stay missing and are not counted.
    """
    adjusted = np.full(len(p_values), np.nan)
    known = np.flatnonzero(~np.isnan(p_values))
    order = known[np.argsort(p_values[known], kind="stable")]
    steps = np.arange(len(order), 0, -1) * p_values[order]
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def stretch(confidence: float, number: int) -> float:
    """How much longer the arms of an interval are at the level Bonferroni asks of so many.

    ``z(1 - a / 2m) / z(1 - a / 2)`` with a one less the confidence and m the number: 1.47 for
    twelve intervals of 95 %, which then hold all twelve values together with that confidence.
    """
    tail = (1 - confidence) / 2
    return float(norm.isf(tail / number) / norm.isf(tail))
