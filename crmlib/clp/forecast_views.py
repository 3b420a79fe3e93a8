"""Tables that show what a forecast holds: tenths, who is still there, tracking, past and now."""

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from crmlib.clp.backtest import Backtest, forecast
from crmlib.clp.base import CustomerBase
from crmlib.clp.beta_geo import BetaGeoNBD
from crmlib.clp.forecast import Forecast
from crmlib.clp.history import period_number
from crmlib.clp.purchases import PurchaseSummary
from crmlib.errors import InputError
from crmlib.findings import counted

MOST_PURCHASES_SHOWN = 30
STEPS_OF_TIME = 80
HARDLY_ANYBODY = 0.01

WIDEST = 3.0
"""A range whose upper end is more than so many times the lower says nothing a plan could use."""


def of_the_first(curve: pd.DataFrame, share: float) -> pd.Series:
    """The row of a whale curve at such a share of the customers, rounded up."""
    number = int(np.ceil(share * len(curve) - 1e-9))
    return curve.iloc[max(number, 1) - 1]


def forecast_tenths(
    forecasts: pd.DataFrame, *, groups: int = 10, confidence: float = 0.95
) -> pd.DataFrame:
    """Forecast against what came, by tenths of the customers from the lowest forecast up.

    Parameters
    ----------
    forecasts : DataFrame
        One row per customer (and origin): forecast, actual.
    groups : int
        Parts of equal size; fewer where there are fewer rows.
    confidence : float
        Level of the intervals.

    Returns
    -------
    DataFrame
        tenth (1 with the lowest forecasts), customers, forecast, actual (means), low, high
        (interval of the mean that came, by Student's t; missing with a single row).
    """
    known = forecasts.dropna(subset=["forecast", "actual"])
    number = min(groups, len(known))
    rank = known["forecast"].rank(method="first").to_numpy() - 1
    tenth = (rank * number // max(len(known), 1)).astype(int) + 1
    grouped = known.groupby(tenth)
    table = grouped.agg(
        customers=("actual", "size"), forecast=("forecast", "mean"), actual=("actual", "mean")
    )
    n = table["customers"]
    error = grouped["actual"].std() / np.sqrt(n)
    half = stats.t.isf((1 - confidence) / 2, (n - 1).clip(lower=1)) * error
    table = table.assign(low=table["actual"] - half, high=table["actual"] + half)
    return table.rename_axis("tenth").reset_index()


def buying_model(summary: PurchaseSummary) -> tuple[BetaGeoNBD | None, str]:
    """BG/NBD fitted on a base, or none and the reason why it cannot be fitted."""
    try:
        return BetaGeoNBD().fit(summary), ""
    except InputError as error:
        return None, str(error)


def alive_map(model: BetaGeoNBD, summary: pd.DataFrame) -> pd.DataFrame:
    """Probability to be still a customer, by repeat purchases and silence.

    Parameters
    ----------
    model : BetaGeoNBD
    summary : DataFrame
        The customers it was fitted on: frequency, T.

    Returns
    -------
    DataFrame
        frequency (1 and more: without a repeat purchase silence is all of a customer's time),
        T (weeks; that of the oldest tenth of the customers, alike in every row), weeks_silent
        (since the last purchase, until hardly anybody is left), probability_alive.
    """
    age = float(summary["T"].quantile(0.9))
    most = int(np.clip(summary["frequency"].quantile(0.99), 1, MOST_PURCHASES_SHOWN))
    silent = np.linspace(0.0, age, STEPS_OF_TIME, endpoint=False)
    grid = pd.MultiIndex.from_product(
        [np.arange(1, most + 1), silent], names=["frequency", "weeks_silent"]
    ).to_frame(index=False)
    grid = grid.assign(T=age, recency=age - grid["weeks_silent"])
    grid = grid.assign(probability_alive=np.asarray(model.probability_alive(grid)))
    last = grid.loc[grid["probability_alive"] > HARDLY_ANYBODY, "weeks_silent"].max()
    return grid[~(grid["weeks_silent"] > last)].drop(columns="recency").reset_index(drop=True)


def tracking(model: BetaGeoNBD, daily: pd.DataFrame, cut: dt.date) -> pd.DataFrame:
    """Repeat purchases week by week, as they came and as a model expects them.

    The expectation of a week is the sum over the customers known at the cut of what a new
    customer is expected to buy from its first purchase to the week's end, less the same to its
    beginning. It knows nothing of what a customer did, so weeks before the cut test the model too.

    Parameters
    ----------
    model : BetaGeoNBD
        Fitted on what was known at the cut.
    daily : DataFrame
        All that is known today: customer_id, day, purchases (1 on a day with a purchase, else 0).
    cut : date
        Last day that the model was fitted on.

    Returns
    -------
    DataFrame
        week_ending (day), actual, expected (repeat purchases in the week, all customers),
        actual_so_far, expected_so_far. Whole weeks, the last of them ending on the last day.

    Raises
    ------
    InputError
        When nobody bought before the cut or no whole week follows the first purchase.
    """
    bought = daily[daily["purchases"] > 0]
    first = bought.groupby("customer_id")["day"].min()
    first = first[first <= pd.Timestamp(cut)]
    if first.empty:
        raise InputError(f"Nobody bought anything up to {cut}: there are no purchases to track.")
    ends = week_ends(first.min(), daily["day"].max())
    mine = bought[bought["customer_id"].isin(first.index)]
    is_repeat = mine["day"].to_numpy() > first.reindex(mine["customer_id"]).to_numpy()
    week = np.searchsorted(ends, mine["day"].to_numpy()[is_repeat])
    actual = np.bincount(week, minlength=len(ends))

    starts, customers = np.unique(first.to_numpy(), return_counts=True)
    age = np.maximum((ends[:, None] - starts) / np.timedelta64(7, "D"), 0.0)
    ages, place = np.unique(age, return_inverse=True)
    so_far = np.asarray(model.expected_new(ages))[place.reshape(age.shape)] @ customers
    return pd.DataFrame(
        {
            "week_ending": ends,
            "actual": actual,
            "expected": np.diff(so_far, prepend=0.0),
            "actual_so_far": np.cumsum(actual),
            "expected_so_far": so_far,
        }
    )


def week_ends(first: pd.Timestamp, last: pd.Timestamp) -> NDArray[np.datetime64]:
    """Last days of the whole weeks that end on the last day, the first purchase in the first."""
    number = (last - first).days // 7
    if number < 1:
        raise InputError("The purchases span less than a week: there is nothing to track.")
    return last.to_datetime64() - np.arange(number - 1, -1, -1) * np.timedelta64(7, "D")


def track_record(check: Backtest, now: Forecast) -> pd.DataFrame:
    """What a method would have said at the backtest's days, what came, and what it says now.

    Parameters
    ----------
    check : Backtest
    now : Forecast
        Not discounted, as the backtest is not.

    Returns
    -------
    DataFrame
        A row a day of the past and one for now: span (words for the time ahead), forecast, low,
        high (the method's own interval; for now that from its past errors where there is one),
        actual (missing for now).
    """
    past = check.origins[check.origins["method"] == now.method].sort_values("cut")
    rows = [
        {
            "span": span_words(pd.Timestamp(row["cut"]), check.horizon, check.period),
            "forecast": row["total_forecast"],
            "low": row["total_low"],
            "high": row["total_high"],
            "actual": row["total_actual"],
        }
        for _, row in past.iterrows()
    ]
    low, high = likely_range(now)
    day_before = pd.Timestamp(now.first_day) - pd.Timedelta(days=1)
    coming = {
        "span": span_words(day_before, now.periods, now.period),
        "forecast": now.total["profit"].item(),
        "low": low,
        "high": high,
        "actual": np.nan,
    }
    return pd.DataFrame([*rows, coming])


def span_words(cut: pd.Timestamp, periods: int, period: str) -> str:
    """Words for the periods after a day: 12 months from Jan 2026."""
    first = cut + pd.Timedelta(days=1)
    day = f"{first:%d %b %Y}" if period == "week" else f"{first:%b %Y}"
    return f"{counted(periods, period)}\nfrom {day}"


def is_continuation(came: pd.DataFrame, forecast: Forecast) -> bool:
    """Whether a table of what came is of the customers and of all the time of a forecast.

    Parameters
    ----------
    came : DataFrame
        customer_id, date (of a month), amount.
    forecast : Forecast

    Returns
    -------
    bool
    """
    last_day = came["date"].max() + pd.offsets.MonthEnd(0)
    return bool(
        came["customer_id"].isin(forecast.customers["customer_id"]).all()
        and came["date"].min() == pd.Timestamp(forecast.first_day)
        and period_number(last_day.date(), forecast.period)
        >= period_number(forecast.first_day, forecast.period) + forecast.periods - 1
    )


def outcome_by_interval(outcome: pd.DataFrame) -> pd.DataFrame:
    """What came held against the intervals of the method and against those from past errors.

    Parameters
    ----------
    outcome : DataFrame
        From `outcome_check`.

    Returns
    -------
    DataFrame
        A row a kind of interval: interval, total_low, total_high, total_actual, intervals (of
        customers), coverage_percent, low_percent, high_percent.
    """
    row = outcome.iloc[0]
    kinds = {"the method's own": "", "from past errors": "_from_errors"}
    return pd.DataFrame(
        [
            {
                "interval": kind,
                "total_low": row[f"total_low{suffix}"],
                "total_high": row[f"total_high{suffix}"],
                "total_actual": row["total_actual"],
                "intervals": row[f"intervals{suffix}"],
                "coverage_percent": row[f"coverage_percent{suffix}"],
                "low_percent": row[f"coverage_low{suffix}"],
                "high_percent": row[f"coverage_high{suffix}"],
            }
            for kind, suffix in kinds.items()
            if f"intervals{suffix}" in row
        ]
    )


def totals_by_method(base: CustomerBase, check: Backtest, **terms: Any) -> pd.DataFrame:
    """The total by every method that ran in a backtest, beside how far off it was there.

    Parameters
    ----------
    base : CustomerBase
    check : Backtest
    **terms
        As `forecast` takes them: periods, rate, when, confidence, seed.

    Returns
    -------
    DataFrame
        method, profit, low, high, past_error_percent (mean over the origins, sign aside), the
        smallest RMSE first. A method that cannot run on all that is known has no numbers.
    """
    ran = check.table[check.table["origins"] > 0].sort_values("rmse", kind="stable")
    rows = []
    for method in ran["method"]:
        try:
            total = forecast(base, method, **terms).total.iloc[0][["profit", "low", "high"]]
        except InputError:
            total = pd.Series({"profit": np.nan, "low": np.nan, "high": np.nan})
        rows.append({"method": method, **total})
    errors = ran["absolute_total_error_percent"].to_numpy()
    return pd.DataFrame(rows).assign(past_error_percent=errors)


def likely_range(forecast: Forecast) -> tuple[float, float]:
    """The range of a total to plan with.

    That which the method's past errors give, or else the method's own. Missing where there is
    none, or where the past errors give one too wide to say anything: the method's own is then
    too narrow.
    """
    total = forecast.total.iloc[0]
    if pd.notna(total.get("low_from_errors", np.nan)):
        low, high = sorted(abs(total[["low_from_errors", "high_from_errors"]]))
        if high > WIDEST * low:
            return np.nan, np.nan
        return float(total["low_from_errors"]), float(total["high_from_errors"])
    return float(total["low"]), float(total["high"])
