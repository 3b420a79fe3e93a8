"""How good forecasts were: errors, order and intervals against what came.

Arrays in, numbers out: forecast and actual have one value a customer, in the same order.
"""

import numpy as np
import pandas as pd
from scipy import stats

from crmlib.clp.shares import wilson_interval
from crmlib.columns import Array


def mean_absolute_error(forecast: Array, actual: Array) -> float:
    """``mean |forecast - actual|``; NaN without customers."""
    return float(np.abs(forecast - actual).mean()) if len(actual) else np.nan


def root_mean_square_error(forecast: Array, actual: Array) -> float:
    """``sqrt(mean (forecast - actual)^2)``; NaN without customers."""
    return float(np.sqrt(((forecast - actual) ** 2).mean())) if len(actual) else np.nan


def total_error_percent(forecast: Array, actual: Array) -> float:
    """Error of the sum in per cent of what came; NaN where that is not above zero."""
    came = actual.sum()
    return float(100 * (forecast.sum() / came - 1)) if came > 0 else np.nan


def rank_correlation(forecast: Array, actual: Array) -> float:
    """Spearman's correlation, ties at their mean rank; NaN where one of both does not vary."""
    if len(actual) < 2 or np.ptp(forecast) == 0 or np.ptp(actual) == 0:
        return np.nan
    ranks = np.corrcoef(stats.rankdata(forecast), stats.rankdata(actual))
    return float(ranks[0, 1])


def share_caught_percent(forecast: Array, actual: Array, share: float) -> float:
    """Part of what all customers brought that the first of them by forecast brought, in per cent.

    The first are ``share`` of the customers, rounded up. Customers with the same forecast at the
    edge count for their mean: a method that forecasts the same for all catches ``share``.
    NaN where what came is not above zero.
    """
    came = actual.sum()
    if not came > 0:
        return np.nan
    wanted = int(np.ceil(share * len(actual) - 1e-9))
    edge = np.partition(forecast, len(forecast) - wanted)[len(forecast) - wanted]
    above, level = forecast > edge, forecast == edge
    caught = actual[above].sum() + (wanted - above.sum()) * actual[level].mean()
    return float(100 * caught / came)


def scores(table: pd.DataFrame, confidence: float) -> dict[str, float]:
    """All scores of one method at one origin.

    Parameters
    ----------
    table : DataFrame
        A row a customer: forecast, low, high, actual.
    confidence : float
        Level of the interval of the coverage.

    Returns
    -------
    dict
        customers, mae, rmse, total_forecast, total_actual, total_error_percent,
        rank_correlation, top_10_percent, top_20_percent, intervals (customers that have one),
        coverage_percent (of these, how many held what came), coverage_low, coverage_high.
    """
    forecast, actual = (table[name].to_numpy(dtype=float) for name in ("forecast", "actual"))
    return {
        "customers": len(table),
        "mae": mean_absolute_error(forecast, actual),
        "rmse": root_mean_square_error(forecast, actual),
        "total_forecast": float(forecast.sum()),
        "total_actual": float(actual.sum()),
        "total_error_percent": total_error_percent(forecast, actual),
        "rank_correlation": rank_correlation(forecast, actual),
        "top_10_percent": share_caught_percent(forecast, actual, 0.1),
        "top_20_percent": share_caught_percent(forecast, actual, 0.2),
    } | coverage(table, confidence)


def coverage(table: pd.DataFrame, confidence: float) -> dict[str, float]:
    """How many of the intervals held what came, with Wilson's interval.

    The n of that interval is the customers: several origins of one customer tell little more
    than one.
    """
    known = table.dropna(subset=["low", "high"])
    cents = 0.005  # what came is in whole cents, the ends of intervals are not
    inside = (known["low"] - cents <= known["actual"]) & (known["actual"] <= known["high"] + cents)
    share = float(inside.mean()) if len(known) else np.nan
    low, high = wilson_interval(share, known["customer_id"].nunique(), confidence)
    return {
        "intervals": len(known),
        "coverage_percent": 100 * share,
        "coverage_low": 100 * float(low),
        "coverage_high": 100 * float(high),
    }
