"""Rates as fractions, and the present value of profits that come one period after another."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crmlib.errors import InputError

Array = NDArray[np.float64]
When = Literal["end", "start"]


def present_value(profits: ArrayLike, rate: float, when: When = "end") -> float | Array:
    """Present value of profits that come one period after another.

    ``sum of profits[k] / (1 + rate)^(k + 1)`` when profits come at the end of each period,
    ``/ (1 + rate)^k`` when they come at the start.

    Parameters
    ----------
    profits : array_like, shape (..., periods)
        Money per period, the first being the next period.
    rate : float
        Discount rate per period as a fraction: 0.0125 for 1.25 %.
    when : {"end", "start"}
        Whether a period's profit comes at its end or its start.

    Returns
    -------
    float or ndarray, shape (...)

    Raises
    ------
    InputError
        When the rate is not a fraction or ``when`` is neither word.
    """
    flows = np.asarray(profits, dtype=float)
    values = flows @ discount_factors(rate, flows.shape[-1], when)
    return float(values) if flows.ndim == 1 else values


def discount_factors(rate: float, periods: int, when: When) -> Array:
    """Value today of one unit of money in each of the next periods."""
    check_rate(rate)
    if when not in ("end", "start"):
        raise InputError(f'when="{when}": write "end" or "start" of the period.')
    first = 1 if when == "end" else 0
    return (1.0 + rate) ** -np.arange(first, first + periods, dtype=float)


def check_rate(rate: float) -> None:
    """Refuse a discount rate that is not a fraction per period."""
    if rate >= 1:
        raise InputError(
            f"rate={rate:g} means {rate:.0%} per period. Did you mean {rate / 100:g}, that is "
            f"{rate:g} %? Rates are fractions per period."
        )
    if not rate > -1:
        raise InputError(f"rate={rate} is not a discount rate: write a fraction such as 0.0125.")


def check_share(value: float, name: str) -> None:
    """Refuse a share, a probability or a retention that is not a fraction from 0 to 1."""
    if 1 < value <= 100:
        raise InputError(
            f"{name}={value:g} means {value:.0%}. Did you mean {value / 100:g}, that is "
            f"{value:g} %? Shares are fractions from 0 to 1."
        )
    if not 0 <= value <= 1:
        raise InputError(f"{name}={value:g}: write a fraction from 0 to 1, such as 0.8 for 80 %.")


def check_confidence(confidence: float) -> None:
    """Refuse a level of intervals that is not a fraction between 0 and 1."""
    if not 0 < confidence < 1:
        raise InputError(f"confidence={confidence:g}: write a fraction such as 0.95.")
