"""Would the method have been right? A forecast made from the past, held against what came."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from crmlib.clp.fitting import fit_life_cycle
from crmlib.clp.history import ProfitHistory
from crmlib.clp.stages import life_cycle_stage
from crmlib.clp.value import lifetime_profit
from crmlib.errors import InputError


@dataclass(frozen=True)
class HoldoutCheck:
    """Forecasts from the past against the profits that came.

    Attributes
    ----------
    customers : DataFrame
        customer_id, stage at the cut, forecast with low and high, actual profit, inside
        (whether low <= actual <= high). Customers without a value at the cut have no forecast.
    stages : DataFrame
        Per stage at the cut: customers, forecast, actual (money), error (forecast / actual - 1),
        coverage (share inside).
    total : DataFrame
        The same for all customers with a forecast, in one row, with low and high of the sum
        and without_forecast, the customers left out.
    periods : int
        Periods held out.
    """

    customers: pd.DataFrame
    stages: pd.DataFrame
    total: pd.DataFrame
    periods: int


def holdout_check(
    history: ProfitHistory, periods: int, *, confidence: float = 0.95, **fit_options: object
) -> HoldoutCheck:
    """Fit on all but the last periods, forecast these, and compare.

    Profits are not discounted. Customers who first bought in the periods held out take no part.

    Parameters
    ----------
    history : ProfitHistory
    periods : int
        Periods to hold out.
    confidence : float
        Level of the intervals whose coverage is measured.
    **fit_options
        Passed to `fit_life_cycle`, so that the method checked is the method used.

    Returns
    -------
    HoldoutCheck

    Raises
    ------
    InputError
        When nothing is left to fit.
    """
    table = history.table
    starts = np.sort(table["period"].unique())
    if not 0 < periods < len(starts):
        raise InputError(
            f"periods={periods}: hold out at least 1 and fewer than the {len(starts)} "
            f"{history.period}s of the history."
        )
    late = table["period"] >= starts[-periods]
    fit = fit_life_cycle(table[~late], **fit_options)  # type: ignore[arg-type]
    value = lifetime_profit(fit, rate=0.0, periods=periods, confidence=confidence)
    actual = table[late].groupby("customer_id")["profit"].sum()
    customers = value.customers.rename(columns={"lifetime_profit": "forecast"}).assign(
        stage=life_cycle_stage(fit)["stage"],
        actual=lambda d: d["customer_id"].map(actual).fillna(0.0),
        inside=lambda d: (d["low"] <= d["actual"]) & (d["actual"] <= d["high"]),
    )
    customers = customers[
        ["customer_id", "stage", "basis", "forecast", "low", "high", "actual", "inside"]
    ]
    known = customers.dropna(subset="forecast")
    total = score(known).assign(
        low=value.total["low"],
        high=value.total["high"],
        without_forecast=len(customers) - len(known),
    )
    by_stage = [
        score(group).assign(stage=name) for name, group in known.groupby("stage", observed=True)
    ]
    stages = pd.concat(by_stage) if by_stage else score(known).assign(stage="")
    return HoldoutCheck(
        customers=customers,
        stages=stages[["stage", *stages.columns.drop("stage")]].reset_index(drop=True),
        total=total,
        periods=periods,
    )


def score(customers: pd.DataFrame) -> pd.DataFrame:
    """One row: customers, forecast, actual, error and coverage."""
    forecast, actual = customers["forecast"].sum(), customers["actual"].sum()
    return pd.DataFrame(
        {
            "customers": [len(customers)],
            "forecast": [forecast],
            "actual": [actual],
            "error": [forecast / actual - 1 if actual > 0 else np.nan],
            "coverage": [customers["inside"].mean() if len(customers) else np.nan],
        }
    )
