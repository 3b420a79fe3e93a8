"""Intervals of a forecast from the errors its method made in the past."""

import dataclasses

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from crmlib.clp.customer_value import order_statistics
from crmlib.clp.discounting import Array, discount_factors
from crmlib.clp.forecast import Forecast
from crmlib.findings import counted

GROUPS, SMALLEST = 10, 40
"""Groups of like forecasts whose errors make intervals, and the fewest errors in one."""

FAR = 2.0
"""Times the largest forecast of the past up to which errors are taken to grow with forecasts."""


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
        beyond = int(np.isnan(ends[0]).sum())
        if 0 < beyond < n:
            notes.append(
                f"The forecasts of {counted(beyond, 'customer')} lie far beyond all that the "
                "method forecast in the past: they have no interval from its errors."
            )
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

    Errors are counted in units of the size that is usual at such a forecast. Past profits are
    not discounted: their errors count for the mean of the discount factors.
    """
    worth = discount_factors(made.rate, made.periods, made.when).mean()
    before, actual = (past[name].to_numpy(dtype=float) for name in ("forecast", "actual"))
    profit = made.customers["profit"].to_numpy(dtype=float)
    # With fewer errors not even the smallest and the largest hold as much as the level says.
    needed = max(SMALLEST, int(np.ceil(2 / (1 - made.confidence) - 1e-9)) - 1)
    if len(before) < needed:
        return np.full(len(profit), np.nan), np.full(len(profit), np.nan)
    edges = group_edges(before, needed)
    group = np.searchsorted(edges, before)
    now = profit / worth
    usual = error_size(now, before, actual, group)
    sizes = error_size(before, before, actual, group)
    scaled = (actual - before) / np.where(sizes > 0, sizes, 1.0)  # of size 0 are errors of 0
    ends = np.array(
        [
            np.ravel(order_statistics(scaled[group == g, None], made.confidence))
            for g in range(len(edges) + 1)
        ]
    )
    usual[is_beyond(now, before)] = np.nan
    low, high = ends[np.searchsorted(edges, now)].T
    return profit + worth * usual * low, profit + worth * usual * high


def group_edges(before: Array, needed: int) -> Array:
    """Forecasts that part customers into groups of so many or more; like ones stay together.

    Groups are tenths, of which the outermost are halved again and again: the largest forecasts
    differ most, and they are read first.
    """
    n, ordered = len(before), np.sort(before)
    halvings = int(np.log2(max(n / GROUPS / needed, 1)))
    outer = 0.5 ** np.arange(1, halvings + 1) / GROUPS
    levels = np.concatenate([outer[::-1], np.arange(1, GROUPS) / GROUPS, 1 - outer])
    edges, below = [], 0
    for edge in np.unique(np.quantile(before, levels, method="higher")):
        upto = int(np.searchsorted(ordered, edge, side="right"))
        if min(upto - below, n - upto) >= needed:
            edges.append(edge)
            below = upto
    return np.array(edges)


def error_size(forecast: Array, before: Array, actual: Array, group: NDArray[np.int64]) -> Array:
    """Mean absolute error to expect at a forecast.

    It runs straight from the mean of one group to that of the next. Beyond the means of the
    outermost groups it goes with the forecast's distance from zero; towards zero it stays.
    """
    n = np.bincount(group)
    middle = np.bincount(group, before) / n
    size = np.bincount(group, np.abs(actual - before)) / n
    sizes = np.interp(forecast, middle, size)
    if middle[-1] > 0:
        sizes *= np.maximum(forecast / middle[-1], 1.0)
    if middle[0] < 0:
        sizes *= np.maximum(forecast / middle[0], 1.0)
    return np.asarray(sizes)


def is_beyond(forecast: Array, before: Array) -> NDArray[np.bool_]:
    """Which forecasts lie so far outside the past ones that these say nothing of their errors."""
    low, high = min(FAR * before.min(), 0.0), max(FAR * before.max(), 0.0)
    return np.asarray((forecast < low) | (forecast > high))
