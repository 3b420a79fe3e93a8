"""Intervals of a forecast from the errors its method made in the past."""

import dataclasses

import numpy as np
import pandas as pd
from scipy import stats

from crmlib.clp.customer_value import order_statistics
from crmlib.clp.discounting import Array, discount_factors
from crmlib.clp.forecast import Forecast
from crmlib.findings import counted

GROUPS, SMALLEST = 10, 40
"""Groups of like forecasts whose errors make intervals, and the least customers in one."""


def with_errors(made: Forecast, past: pd.DataFrame, ratio: Array, horizon: int) -> Forecast:
    """Forecast that also has intervals from errors made in the past.

    Parameters
    ----------
    made : Forecast
    past : DataFrame
        Forecasts of the same method at days of the past: forecast, actual, a row a customer.
    ratio : ndarray, shape (origins,)
        What came over what was forecast of the total, at each of these days.
    horizon : int
        Periods these forecasts were for.

    Returns
    -------
    Forecast
        With low_from_errors and high_from_errors in both tables; missing where they cannot be
        made, which is told in the notes. `crmlib.clp.backtest.forecast` says how they are made.
    """
    n = len(made.customers)
    ends, total_ends, notes = (np.full(n, np.nan), np.full(n, np.nan)), (np.nan, np.nan), []
    if horizon != made.periods:
        notes.append(
            f"Errors over {counted(horizon, made.period)} do not tell those over "
            f"{made.periods}: there are no intervals from them."
        )
    elif len(past) == 0:
        notes.append("The method did not run in the past: there are no intervals from errors.")
    else:
        ends = customers_from_errors(made, past)
        total_ends, notes = total_from_errors(made, ratio)
    return dataclasses.replace(
        made,
        customers=made.customers.assign(low_from_errors=ends[0], high_from_errors=ends[1]),
        total=made.total.assign(low_from_errors=total_ends[0], high_from_errors=total_ends[1]),
        notes=made.notes + notes,
    )


def total_from_errors(made: Forecast, ratio: Array) -> tuple[tuple[float, float], list[str]]:
    """Interval of the total from the ratios at the origins, or why there is none."""
    k = len(ratio)
    if k < 3 or not (ratio > 0).all():
        return (np.nan, np.nan), [
            "The total has no interval from past errors: it takes three origins or more, at all of "
            "which both the forecast and what came were above zero."
        ]
    logs = np.log(ratio)
    t = stats.t.ppf(0.5 + made.confidence / 2, k - 1)
    half = t * logs.std(ddof=1) * np.sqrt(1 + 1 / k)
    total = made.total["profit"].item()
    return (total * np.exp(logs.mean() - half), total * np.exp(logs.mean() + half)), []


def customers_from_errors(made: Forecast, past: pd.DataFrame) -> tuple[Array, Array]:
    """Interval of every customer from the errors of those with a like forecast.

    Past profits are not discounted: their errors count for the mean of the discount factors.
    """
    worth = discount_factors(made.rate, made.periods, made.when).mean()
    before, actual = (past[name].to_numpy(dtype=float) for name in ("forecast", "actual"))
    profit = made.customers["profit"].to_numpy(dtype=float)
    edges = group_edges(before)
    group, place = np.searchsorted(edges, before), np.searchsorted(edges, profit / worth)
    low, high = np.full(len(edges) + 1, np.nan), np.full(len(edges) + 1, np.nan)
    for g in range(len(edges) + 1):
        errors = (actual - before)[group == g]
        if len(errors) >= SMALLEST:
            low[g], high[g] = (
                end.item() for end in order_statistics(errors[:, None], made.confidence)
            )
    return profit + worth * low[place], profit + worth * high[place]


def group_edges(before: Array) -> Array:
    """Forecasts that part customers into groups of about equal size; like ones stay together."""
    groups = int(min(GROUPS, max(len(before) // SMALLEST, 1)))
    edges = np.unique(np.quantile(before, np.arange(1, groups) / groups, method="higher"))
    return edges[edges < before.max()]
