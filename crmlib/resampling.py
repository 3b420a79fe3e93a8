"""Drawing units again with replacement, within strata: what every bootstrap here begins with."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


def drawn_counts(
    stratum: NDArray[np.int64], replicates: int, random: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    """Draw one unit less than there are in every stratum, with replacement, again and again.

    Parameters
    ----------
    stratum : ndarray of int, shape (units,)
        Number of the stratum of a unit: 0, 1, 2 and so on.
    replicates : int
        How many times to draw.
    random : numpy.random.Generator

    Yields
    ------
    ndarray of int, shape (units,)
        How often each unit was drawn. Times n / (n - 1), with n the units of its stratum, it is
        the multiplier of weights in the bootstrap of Rao and Wu (1988), whose variance of a total
        is in expectation the usual one. A stratum with a single unit draws none.
    """
    size = np.bincount(stratum)
    draws = size - 1
    units = np.argsort(stratum, kind="stable")
    start = np.repeat(np.cumsum(size) - size, draws)
    width = np.repeat(size, draws)
    for _ in range(replicates):
        drawn = units[start + (random.random(len(start)) * width).astype(np.int64)]
        yield np.bincount(drawn, minlength=len(units))
