"""A forecast held against what came. Oracle: sums by hand."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from crmlib.clp.forecast import Forecast, outcome_check
from crmlib.errors import InputError


def forecast(**changed):
    customers = pd.DataFrame(
        {
            "customer_id": ["a", "b", "c"],
            "profit": [10.0, 20.0, 30.0],
            "low": [0.0, 15.0, 25.0],
            "high": [15.0, 25.0, 35.0],
            "probability_alive": np.nan,
            "basis": "made",
        }
    )
    total = pd.DataFrame({"customers": [3], "profit": [60.0], "low": [39.0], "high": [80.0]})
    given = {
        "customers": customers,
        "total": total,
        "method": "made",
        "period": "month",
        "periods": 2,
        "first_day": dt.date(2026, 1, 1),
        "rate": 0.1,
        "when": "end",
        "confidence": 0.95,
        "notes": [],
    }
    return Forecast(**given | changed)


CAME = pd.DataFrame(
    {
        "customer_id": ["a", "a", "b", "b", "d", "a"],
        "date": pd.to_datetime(
            ["2026-01-10", "2026-02-28", "2025-12-31", "2026-01-31", "2026-01-05", "2026-03-01"]
        ),
        "profit": [11.0, 12.1, 500.0, 22.0, 900.0, 1000.0],
    }
)


def test_what_came_is_discounted_and_customers_without_a_row_brought_nothing():
    row = outcome_check(forecast(), CAME).iloc[0]
    actual = np.array([11 / 1.1 + 12.1 / 1.21, 22 / 1.1, 0.0])  # 20, 20, 0
    assert row["customers"] == 3
    assert row["total_actual"] == pytest.approx(actual.sum())
    assert row["mae"] == pytest.approx(40 / 3)
    assert row["coverage_percent"] == pytest.approx(100 / 3)
    assert row["total_inside"]
    early = outcome_check(forecast(when="start"), CAME).iloc[0]
    assert early["total_actual"] == pytest.approx(11 + 11 + 22)


def test_a_total_without_an_interval_neither_held_nor_missed():
    none = forecast().total.assign(low=np.nan, high=np.nan)
    assert outcome_check(forecast(total=none), CAME)["total_inside"].item() is None


def test_intervals_from_errors_are_held_against_what_came_too():
    made = forecast()
    customers = made.customers.assign(low_from_errors=[15, 15, 15], high_from_errors=[25, 25, 25])
    total = made.total.assign(low_from_errors=30.0, high_from_errors=35.0)
    row = outcome_check(forecast(customers=customers, total=total), CAME).iloc[0]
    assert row["coverage_percent_from_errors"] == pytest.approx(200 / 3)
    assert row["total_inside"]
    assert not row["total_inside_from_errors"]


@pytest.mark.parametrize(
    ("came", "message"),
    [
        (CAME.drop(columns="date"), "no column"),
        (CAME.assign(profit=np.nan), "rows without"),
        (CAME[CAME["date"] < "2026-02-01"], "fewer than the 2 months"),
    ],
)
def test_what_came_must_reach_over_the_forecast(came, message):
    with pytest.raises(InputError, match=message):
        outcome_check(forecast(), came)
