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
from crmlib.clp.forecast import Forecast, outcome_check
from crmlib.clp.gamma_gamma import GammaGamma
from crmlib.clp.history import period_number
from crmlib.clp.purchases import PurchaseSummary
from crmlib.errors import InputError
from crmlib.findings import counted

MOST_PURCHASES_SHOWN = 30
STEPS_OF_TIME = 80
HARDLY_ANYBODY = 0.01


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
        high (the method's own interval; for now `past_range`), actual (missing for now).
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
    low, high = past_range(now, check)
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


def past_totals(check: Backtest, method: str) -> pd.DataFrame:
    """What a method forecast of the total at the days of the past, the first day first.

    Parameters
    ----------
    check : Backtest
    method : str

    Returns
    -------
    DataFrame
        cut, forecast, actual, ratio.
    """
    past = check.total_ratio
    return past[past["method"] == method].sort_values("cut", ignore_index=True)


def counts_in_multiples(past: pd.DataFrame, total: float) -> bool:
    """Whether errors are multiples of the forecast: where all are above zero, they can be."""
    return bool(total > 0 and (past["ratio"] > 0).all())


def past_range(now: Forecast, check: Backtest) -> tuple[float, float]:
    """What would come if the total were as far off as at the days of the past, least and most.

    It is no interval and has no probability: of a few days nobody can say how often errors as
    large come.

    Parameters
    ----------
    now : Forecast
        Not discounted, as the backtest is not.
    check : Backtest

    Returns
    -------
    tuple of float
        Of the total: the forecast times the smallest and the largest ratio of what came to what
        was forecast; or plus the differences, where not all totals are above zero. Missing of
        fewer than two days, and where other periods were held out than are looked ahead.
    """
    past, total = past_totals(check, now.method), float(now.total["profit"].item())
    if len(past) < 2 or check.horizon != now.periods:
        return np.nan, np.nan
    if counts_in_multiples(past, total):
        return total * float(past["ratio"].min()), total * float(past["ratio"].max())
    more = past["actual"] - past["forecast"]
    return total + float(more.min()), total + float(more.max())


def ranked_methods(check: Backtest) -> pd.DataFrame:
    """Rows of the backtest's table by RMSE, with the rank of those that ran at every origin.

    Parameters
    ----------
    check : Backtest

    Returns
    -------
    DataFrame
        rank (missing where a method did not run at every origin: other times are harder or
        easier) and the columns of ``check.table``; those without a rank last, and without those
        that ran nowhere.
    """
    ran = check.table[check.table["origins"] > 0].sort_values("rmse", kind="stable")
    everywhere = ran["method"].isin(check.comparison["method"])
    table = pd.concat([ran[everywhere], ran[~everywhere]], ignore_index=True)
    rank = pd.Series(np.arange(1, len(table) + 1), dtype="Int64")
    table.insert(0, "rank", rank.where(rank <= everywhere.sum()))
    return table


def errors_by_origin(check: Backtest) -> pd.DataFrame:
    """RMSE of every method at every origin, and why it did not run.

    Parameters
    ----------
    check : Backtest

    Returns
    -------
    DataFrame
        method, a column an origin (its last day known), the first day first, note; in the order
        of `ranked_methods`.
    """
    by_day = check.origins.pivot_table(index="method", columns="cut", values="rmse")
    by_day.columns = [f"from {pd.Timestamp(cut):%d %b %Y}" for cut in by_day.columns]
    rows = ranked_methods(check)[["method", "note"]]
    table = rows.merge(by_day, left_on="method", right_index=True, how="left")
    return table[["method", *by_day.columns, "note"]]


def forecasts_by_method(
    base: CustomerBase, check: Backtest, known: Forecast, **terms: Any
) -> list[Forecast]:
    """Forecasts by all methods that ran in a backtest and can run now, in the order of their rank.

    Parameters
    ----------
    base : CustomerBase
    check : Backtest
    known : Forecast
        By one of them, on the same terms.
    **terms
        As `forecast` takes them: periods, rate, when, confidence, seed.

    Returns
    -------
    list of Forecast
    """
    made = []
    for method in ranked_methods(check)["method"]:
        try:
            made.append(
                known if method == known.method else forecast(base, method, check=check, **terms)
            )
        except InputError:  # the notes of the backtest and the missing row tell it
            continue
    return made


def totals_by_method(made: list[Forecast], check: Backtest) -> pd.DataFrame:
    """The total by every method, beside how far off it was in the past.

    Parameters
    ----------
    made : list of Forecast
        From `forecasts_by_method`.
    check : Backtest

    Returns
    -------
    DataFrame
        method, profit, low, high, past_error_percent (mean over the origins, sign aside).
    """
    errors = check.table.set_index("method")["absolute_total_error_percent"]
    return pd.DataFrame(
        [
            {"method": one.method, **one.total.iloc[0][["profit", "low", "high"]]}
            | {"past_error_percent": errors.get(one.method, np.nan)}
            for one in made
        ]
    )


def outcomes_by_method(made: list[Forecast], actual: pd.DataFrame, profit: str) -> pd.DataFrame:
    """What came held against every interval of every method.

    Parameters
    ----------
    made : list of Forecast
        From `forecasts_by_method`.
    actual : DataFrame
        As `outcome_check` takes it, with its column of profit.
    profit : str

    Returns
    -------
    DataFrame
        A row a method and kind of interval: method, interval ("own", "past errors"), total,
        came, total_low, total_high, customers (that have such an interval), coverage_percent
        with low_percent and high_percent. A method without intervals has one row without them.
    """
    rows = []
    for one in made:
        row = outcome_check(one, actual, profit=profit).iloc[0]
        kinds = {"own": "", "past errors": "_from_errors"}
        held = {kind: suffix for kind, suffix in kinds.items() if row[f"intervals{suffix}"] > 0}
        for kind, suffix in (held or {"none": ""}).items():
            rows.append(
                {
                    "method": one.method,
                    "interval": kind,
                    "total": row["total_forecast"],
                    "came": row["total_actual"],
                    "total_low": row[f"total_low{suffix}"],
                    "total_high": row[f"total_high{suffix}"],
                    "customers": row[f"intervals{suffix}"],
                    "coverage_percent": row[f"coverage_percent{suffix}"],
                    "low_percent": row[f"coverage_low{suffix}"],
                    "high_percent": row[f"coverage_high{suffix}"],
                }
            )
    return pd.DataFrame(rows)


def frequency_and_spend(summary: PurchaseSummary) -> tuple[pd.DataFrame, str]:
    """Whether customers who buy often spend more or less at a time, which Gamma-Gamma excludes.

    Parameters
    ----------
    summary : PurchaseSummary

    Returns
    -------
    tuple of DataFrame and str
        One row: correlation, low, high, n; and a sentence. Or no row and the reason why not.
    """
    try:
        found = GammaGamma().fit(summary).frequency_correlation_
    except InputError as error:
        return pd.DataFrame(), str(error)
    low, high = found[["low", "high"]].iloc[0]
    if np.isnan(low):
        return found, "Whether it holds cannot be said: one of both is the same for all."
    if low <= 0 <= high:
        return found, "The data do not speak against it."
    more = "more" if low > 0 else "less"
    return found, f"The data speak against it: who buys more often spends {more} at a time."
