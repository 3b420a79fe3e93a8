"""What customers will bring: the form in which every method gives it, and what came of it."""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from crmlib.clp.base import CustomerBase
from crmlib.clp.discounting import When, check_confidence, discount_factors
from crmlib.clp.history import Period, period_number
from crmlib.clp.scoring import scores
from crmlib.columns import codes_of, column_of, numbers_of
from crmlib.errors import InputError

COVERAGE = ("intervals", "coverage_percent", "coverage_low", "coverage_high")

COLUMNS = ("customer_id", "profit", "low", "high", "probability_alive", "basis")


@dataclass(frozen=True)
class Forecast:
    """Profit that each customer will bring, and all together.

    Attributes
    ----------
    customers : DataFrame
        One row a customer of the base, sorted by customer_id: customer_id, profit with low and
        high (present value of the profit of the periods ahead; low and high missing where the
        method gives no interval), probability_alive (missing where the method has none), basis
        (what the number rests on, in words).
    total : DataFrame
        One row: customers, profit, low, high (missing where there is no interval). Where the
        errors of past forecasts are known, both tables also have low_from_errors and
        high_from_errors, see `crmlib.clp.backtest.forecast`.
    method : str
        Name of the method.
    period : str
        "week", "month" or "quarter".
    periods : int
        Periods looked ahead.
    first_day : datetime.date
        First day of the periods ahead.
    rate : float
        Discount rate per period.
    when : str
        "end" or "start".
    confidence : float
        Level of the intervals.
    notes : list of str
        Sentences a reader should know.
    """

    customers: pd.DataFrame
    total: pd.DataFrame
    method: str
    period: Period
    periods: int
    first_day: dt.date
    rate: float
    when: When
    confidence: float
    notes: list[str]


def assemble(
    base: CustomerBase,
    method: str,
    table: pd.DataFrame,
    *,
    periods: int,
    rate: float,
    when: When,
    confidence: float,
    total: tuple[float, float] = (np.nan, np.nan),
    notes: list[str] | None = None,
) -> Forecast:
    """Forecast of a base from one row a customer, in the order of the base's customers.

    Parameters
    ----------
    base : CustomerBase
    method : str
    table : DataFrame
        profit and basis; low, high and probability_alive where the method has them.
    periods, rate, when, confidence
        As asked for.
    total : tuple of float
        Interval of the sum, where the method has one.
    notes : list of str, optional

    Returns
    -------
    Forecast
    """
    check_confidence(confidence)
    return Forecast(
        customers=table.assign(customer_id=base.customers).reindex(columns=list(COLUMNS)),
        total=pd.DataFrame(
            {
                "customers": [len(table)],
                "profit": [table["profit"].sum()],
                "low": [total[0]],
                "high": [total[1]],
            }
        ),
        method=method,
        period=base.period,
        periods=periods,
        first_day=base.day_after(0),
        rate=rate,
        when=when,
        confidence=confidence,
        notes=notes or [],
    )


def outcome_check(
    forecast: Forecast,
    actual: pd.DataFrame,
    *,
    customer: str = "customer_id",
    date: str = "date",
    profit: str = "profit",
) -> pd.DataFrame:
    """Hold a forecast against what came since.

    Parameters
    ----------
    forecast : Forecast
    actual : DataFrame
        Profit that came, a row a customer and day or period. It is discounted as the forecast
        is. Rows before or after the periods of the forecast, and of customers the forecast does
        not know, are not used; a customer without a row brought nothing.
    customer, date, profit : str
        Column names.

    Returns
    -------
    DataFrame
        One row: customers, mae, rmse, total_forecast, total_actual, total_error_percent,
        rank_correlation, top_10_percent, top_20_percent, intervals, coverage_percent with
        coverage_low and coverage_high (see `scoring.scores`), total_low, total_high (the
        forecast's interval) and total_inside (whether it held; missing without an interval). Of
        a forecast with intervals from errors the last seven again, named ``…_from_errors``.

    Raises
    ------
    InputError
        When a column is missing or what came does not reach to the end of the forecast.
    """
    came = discounted_by_customer(forecast, actual, customer, date, profit)
    table = forecast.customers.rename(columns={"profit": "forecast"}).assign(
        actual=lambda d: d["customer_id"].map(came).fillna(0.0)
    )
    row = scores(table, forecast.confidence) | held_total(forecast.total, "", table)
    if "low_from_errors" in table:
        again = table.assign(low=table["low_from_errors"], high=table["high_from_errors"])
        share = scores(again, forecast.confidence)
        row |= {f"{name}_from_errors": share[name] for name in COVERAGE}
        row |= held_total(forecast.total, "_from_errors", table)
    return pd.DataFrame([row])


def held_total(total: pd.DataFrame, which: str, table: pd.DataFrame) -> dict[str, object]:
    """Interval of the total and whether it held what came; None where there is none."""
    low, high = total[f"low{which}"].item(), total[f"high{which}"].item()
    inside = bool(low <= table["actual"].sum() <= high) if np.isfinite(low) else None
    return {f"total_low{which}": low, f"total_high{which}": high, f"total_inside{which}": inside}


def discounted_by_customer(
    forecast: Forecast, actual: pd.DataFrame, customer: str, date: str, profit: str
) -> pd.Series:
    """Present value of what each customer brought in the periods of the forecast."""
    codes_of(actual, customer)
    day = pd.to_datetime(column_of(actual, date))
    values = numbers_of(actual, profit, "profit in money")
    if day.isna().any() or np.isnan(values).any():
        raise InputError(
            f'The table of what came has rows without "{date}" or "{profit}". Fill them in.'
        )
    first = period_number(forecast.first_day, forecast.period)
    known = {d: period_number(d.date(), forecast.period) - first for d in day.unique()}
    ahead = day.map(known).to_numpy(dtype=np.int64)
    if not len(ahead) or ahead.max() < forecast.periods - 1:
        raise InputError(
            f"What came is known for fewer than the {forecast.periods} {forecast.period}s of the "
            "forecast. Forecast fewer, or give a longer table."
        )
    inside = (ahead >= 0) & (ahead < forecast.periods)
    factors = discount_factors(forecast.rate, forecast.periods, forecast.when)
    worth = pd.Series(values[inside] * factors[ahead[inside]])
    return worth.groupby(actual[customer].to_numpy()[inside]).sum()
