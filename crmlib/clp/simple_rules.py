"""Simple rules without a model of chance, which every model of lifetime profit should beat."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crmlib.clp.base import CustomerBase
from crmlib.clp.discounting import Array, When, discount_factors
from crmlib.clp.forecast import Forecast, assemble
from crmlib.clp.history import PERIODS_PER_YEAR, Period

Level = Callable[[CustomerBase], tuple[Array, NDArray[np.str_]]]
"""From a customer base to profit per period and what it rests on, a value a customer."""


def lately(period: Period) -> int:
    """Periods in a quarter of a year: a customer that bought in the last of them is active."""
    return PERIODS_PER_YEAR[period] // 4


def hold_level(
    name: str,
    level: Level,
    base: CustomerBase,
    *,
    periods: int,
    rate: float,
    when: When = "end",
    confidence: float = 0.95,
    seed: int = 0,
) -> Forecast:
    """Forecast that every customer goes on bringing the same profit in every period."""
    profit, basis = level(base)
    worth = discount_factors(rate, periods, when).sum()
    return assemble(
        base,
        name,
        pd.DataFrame({"profit": profit * worth, "basis": basis}),
        periods=periods,
        rate=rate,
        when=when,
        confidence=confidence,
        notes=["The rule has no model of chance and gives no interval."],
    )


def nothing(base: CustomerBase) -> tuple[Array, NDArray[np.str_]]:
    """No customer brings anything any more."""
    n = len(base.customers)
    return np.zeros(n), np.full(n, "nothing")


def own_average(base: CustomerBase) -> tuple[Array, NDArray[np.str_]]:
    """Mean profit of a customer's periods since the first purchase."""
    mean = base.history.table.groupby("customer_id")["profit"].mean().to_numpy()
    return mean, np.full(len(mean), "own average")


def own_average_if_active(base: CustomerBase) -> tuple[Array, NDArray[np.str_]]:
    """Own average of those with a purchase in the last quarter of a year; 0 for all others."""
    active = bought_lately(base)
    return (
        np.where(active, own_average(base)[0], 0.0),
        np.where(active, "own average", "not active lately"),
    )


def bought_lately(base: CustomerBase) -> NDArray[np.bool_]:
    """Which customers have a purchase in the last quarter of a year."""
    recent = last_periods(base, lately(base.period))
    purchases = recent.groupby("customer_id")["purchases"].sum()
    return np.asarray(purchases.reindex(base.customers, fill_value=0).to_numpy() > 0)


def last_periods(base: CustomerBase, periods: int) -> pd.DataFrame:
    """Rows of the history in the last so many periods."""
    table = base.history.table
    return table[table["period"].to_numpy() >= np.datetime64(base.day_after(-periods))]


def cohort_mean(base: CustomerBase) -> tuple[Array, NDArray[np.str_]]:
    """Mean profit of the last quarter of a year of customers first won in the same period.

    The mean is over customers and periods since they were won, the period of the first purchase
    left out where there is a later one: what a customer begins with is more than it goes on with.
    """
    table = base.history.table
    first = table.groupby("customer_id")["period"].min()
    recent = last_periods(base, lately(base.period))
    recent = recent.assign(cohort=recent["customer_id"].map(first))
    later = recent[recent["t"] > 1].groupby("cohort")["profit"].mean()
    mean = later.combine_first(recent.groupby("cohort")["profit"].mean())
    return first.map(mean).to_numpy(dtype=float), np.full(len(first), "mean of the cohort")


SIMPLE_RULES: dict[str, Callable[..., Forecast]] = {
    name: partial(hold_level, name, level)
    for name, level in {
        "nothing": nothing,
        "own average": own_average,
        "own average if active lately": own_average_if_active,
        "cohort mean": cohort_mean,
    }.items()
}
"""Rules without a model, which every model should beat."""
