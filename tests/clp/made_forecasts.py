"""A small forecast and backtest with round numbers, for tests of what is said and drawn of them."""

import datetime as dt

import numpy as np
import pandas as pd

from crmlib.clp.backtest import Backtest, total_ratio
from crmlib.clp.forecast import Forecast

MODEL, RULE = "BG/NBD + Gamma-Gamma", "own average"


def forecast(profit=110.0, low=100.0, high=120.0, method=MODEL, customers=20, **more):
    """A forecast of 12 months; of the customers each brings twice what the next one does."""
    given = {"rate": 0.0, "confidence": 0.95, "periods": 12} | {
        name: more.pop(name) for name in ("rate", "confidence", "periods") if name in more
    }
    parts = 2.0 ** -np.arange(customers)
    ids = [f"c{number:02}" for number in range(customers)]
    table = pd.DataFrame({"customer_id": ids, "profit": profit * parts / parts.sum()})
    total = {"customers": customers, "profit": profit, "low": low, "high": high} | more
    return Forecast(
        customers=table.assign(low=0.0, high=profit, probability_alive=0.5, basis="made"),
        total=pd.DataFrame([total]),
        method=method,
        period="month",
        first_day=dt.date(2026, 1, 1),
        when="end",
        notes=[],
        **given,
    )


def origins(method, forecasts, actual, low=-5.0, high=5.0, rmse=10.0):
    return pd.DataFrame(
        {
            "method": method,
            "cut": [dt.date(2024, 12, 31), dt.date(2025, 3, 31), dt.date(2025, 6, 30)],
            "rmse": rmse,
            "total_forecast": forecasts,
            "total_actual": actual,
            "total_error_percent": 100 * (pd.Series(forecasts) / pd.Series(actual) - 1),
            "total_low": np.array(forecasts) + low,
            "total_high": np.array(forecasts) + high,
        }
    ).iloc[::-1]


def backtest(alike=True, best=MODEL, **changed):
    """Three dates of 12 months; the simple rule errs 1 more a customer than the model."""
    actual = [90.0, 100.0, 125.0]
    table = pd.DataFrame(
        {
            "method": [MODEL, RULE],
            "origins": [3, 3],
            "rmse": [10.0, 11.0],
            "absolute_total_error_percent": [8.4, 20.0],
            "total_forecast": [330.0, 378.0],
            "total_actual": [315.0, 315.0],
            "total_error_percent": [4.76, 20.0],
            "top_20_percent": [60.0, 55.0],
            "coverage_percent": [93.0, np.nan],
            "coverage_low": [91.0, np.nan],
            "coverage_high": [95.0, np.nan],
            "total_inside": ["1 of 3", "no interval"],
            "note": "",
        }
    )
    comparison = pd.DataFrame(
        {
            "method": [MODEL, RULE],
            "rmse": [10.0, 11.0],
            "difference": [0.0, 1.0],
            "low": [0.0, -0.5 if alike else 0.5],
            "high": [0.0, 2.0],
            "distinguishable": [False, not alike],
        }
    )
    days = pd.concat(
        [
            origins(MODEL, [100.0, 110.0, 120.0], actual),
            origins(RULE, [120.0, 120.0, 138.0], actual, np.nan, np.nan, [13.0, 10.3, 11.0]),
        ]
    )
    made = {
        "table": table,
        "origins": days,
        "segments": pd.DataFrame(),
        "comparison": comparison,
        "best": best,
        "reason": "It has the smallest error.",
        "forecasts": pd.DataFrame(),
        "total_ratio": total_ratio(changed.get("origins", days)),
        "horizon": 12,
        "period": "month",
        "confidence": 0.95,
        "notes": [],
    }
    return Backtest(**(made | changed))
