"""Tables that show a forecast.

Oracles: means and sums worked out by hand for a few customers; a Poisson process, whose
expectation is rate times time, for tracking; a known formula for the map.
"""

import dataclasses
import datetime as dt

import numpy as np
import pandas as pd
import pytest

from crmlib.clp import forecast_views as views
from crmlib.clp.base import customer_base
from crmlib.clp.customer_profit import whale_curve
from crmlib.errors import InputError
from crmlib.tables import example
from tests.clp.made_forecasts import backtest, forecast


@pytest.mark.parametrize(("share", "customers"), [(0.1, 2), (0.2, 3), (0.01, 1), (1.0, 12)])
def test_a_share_of_the_customers_is_rounded_up(share, customers):
    curve = whale_curve(forecast(customers=12).customers)
    assert views.of_the_first(curve, share)["rank"] == customers


def test_tenths_are_of_equal_size_and_hold_means_and_their_interval():
    values = np.arange(40.0)
    table = views.forecast_tenths(
        pd.DataFrame({"forecast": values[::-1], "actual": 2 * values[::-1]}), groups=4
    )
    assert table["customers"].tolist() == [10] * 4
    assert table["forecast"].tolist() == [4.5, 14.5, 24.5, 34.5]
    assert table["actual"].tolist() == [9.0, 29.0, 49.0, 69.0]
    half = 2.262157 * np.std(2 * np.arange(10.0), ddof=1) / np.sqrt(10)  # t of 9 degrees, 97.5 %
    assert (table["high"] - table["actual"]).to_numpy() == pytest.approx(half, rel=1e-6)
    assert (table["actual"] - table["low"]).to_numpy() == pytest.approx(half, rel=1e-6)


def test_equal_forecasts_and_few_rows_still_make_parts():
    table = views.forecast_tenths(pd.DataFrame({"forecast": [0.0] * 3, "actual": [1.0, 2.0, 3.0]}))
    assert table["customers"].tolist() == [1, 1, 1]
    assert table["low"].isna().all()


class Silence:
    """A model whose probability of being alive is known: halved by every week of silence."""

    def probability_alive(self, grid):
        return 0.5 ** (grid["T"] - grid["recency"]) * grid["frequency"] ** 0


def test_the_map_shows_weeks_of_silence():
    summary = pd.DataFrame({"frequency": [0, 1, 2, 3] * 25, "T": np.linspace(1, 100, 100)})
    chances = views.alive_map(Silence(), summary)
    assert chances["frequency"].unique().tolist() == [1, 2, 3]
    assert chances["T"].unique() == pytest.approx(summary["T"].quantile(0.9))
    expected = 0.5 ** chances["weeks_silent"]
    assert chances["probability_alive"].to_numpy() == pytest.approx(expected.to_numpy())


class Poisson:
    """A model in which every customer buys twice a week and never leaves."""

    def expected_new(self, weeks):
        return 2.0 * weeks


def purchases(*days, customer="a"):
    start = pd.Timestamp("2025-01-01")
    return pd.DataFrame(
        {
            "customer_id": customer,
            "day": [start + pd.Timedelta(days=day) for day in days],
            "purchases": 1,
        }
    )


def test_tracking_counts_repeat_purchases_and_expects_them_from_the_first():
    daily = pd.concat(
        [
            purchases(0, 3, 9, 20),
            purchases(10, 20, customer="b"),
            purchases(18, 20, customer="c"),  # first bought after the cut: not tracked
            purchases(5, customer="d").assign(purchases=0),  # never bought
        ]
    )
    table = views.tracking(Poisson(), daily, dt.date(2025, 1, 14))
    assert table["week_ending"].dt.day.tolist() == [14, 21]  # the last day is the 21st
    assert table["actual"].tolist() == [2, 2]
    assert table["actual_so_far"].tolist() == [2, 4]
    # On day 13 a is 13 days old and b 3; a week later 20 and 10.
    assert table["expected_so_far"].to_numpy() == pytest.approx([2 * 16 / 7, 2 * 30 / 7])
    assert table["expected"].sum() == pytest.approx(2 * 30 / 7)


def test_tracking_needs_purchases_before_the_cut_and_a_week():
    with pytest.raises(InputError, match="Nobody bought anything up to 2024"):
        views.tracking(Poisson(), purchases(0, 30), dt.date(2024, 12, 31))
    with pytest.raises(InputError, match="less than a week"):
        views.tracking(Poisson(), purchases(0, 3), dt.date(2025, 1, 2))


def came(*months, customer="c00"):
    return pd.DataFrame({"customer_id": customer, "date": pd.to_datetime(months), "amount": 1.0})


@pytest.mark.parametrize(
    ("months", "customer", "is_it"),
    [
        (["2026-01-01", "2026-12-01"], "c00", True),
        (["2026-01-01", "2027-06-01"], "c19", True),
        (["2026-01-01", "2026-11-01"], "c00", False),  # one of the twelve months is missing
        (["2025-12-01", "2026-12-01"], "c00", False),
        (["2026-01-01", "2026-12-01"], "c20", False),
    ],
)
def test_what_came_must_be_of_the_same_customers_and_time(months, customer, is_it):
    assert views.is_continuation(came(*months, customer=customer), forecast()) is is_it


@pytest.fixture(scope="module")
def base():
    return customer_base(example.company().transactions, cost="cost")


def test_a_range_too_wide_to_plan_with_is_none():
    assert np.isnan(views.likely_range(forecast(low_from_errors=10.0, high_from_errors=31.0))[0])
    wide = forecast(low_from_errors=10.0, high_from_errors=29.0)
    assert views.likely_range(wide) == (10.0, 29.0)
    assert views.likely_range(forecast()) == (100.0, 120.0)


def test_buying_is_modelled_or_the_reason_told(base):
    model, reason = views.buying_model(base.summary)
    assert reason == ""
    assert model.probability_alive(base.summary).shape == (500,)
    once = base.summary.table.assign(frequency=0, recency=0.0)
    model, reason = views.buying_model(dataclasses.replace(base.summary, table=once))
    assert model is None
    assert reason.startswith("BG/NBD")


def test_totals_stand_beside_past_errors_also_of_a_method_that_fails_now(base):
    tried = pd.DataFrame(
        {
            "method": ["own average", "cohort mean", "Pareto/NBD + Gamma-Gamma"],
            "origins": [3, 0, 1],
            "rmse": [2.0, 3.0, 1.0],
            "absolute_total_error_percent": [20.0, 30.0, 10.0],
        }
    )
    few = base.until("2023-03-31")
    table = views.totals_by_method(few, backtest(table=tried), periods=6, rate=0.0, seed=1)
    assert table["method"].tolist() == ["Pareto/NBD + Gamma-Gamma", "own average"]
    assert table["past_error_percent"].tolist() == [10.0, 20.0]
    assert table.iloc[0][["profit", "low", "high"]].isna().all()
    own = few.history.table.groupby("customer_id")["profit"].mean().sum()
    assert table["profit"].iloc[1] == pytest.approx(6 * own)


def test_both_kinds_of_interval_stand_beside_what_came():
    row = {"total_actual": 9.0}
    for number, suffix in enumerate(["", "_from_errors"]):
        names = ("total_low", "total_high", "intervals", "coverage_percent", "coverage_low")
        row |= {f"{name}{suffix}": number for name in (*names, "coverage_high")}
    table = views.outcome_by_interval(pd.DataFrame([row]))
    assert table["interval"].tolist() == ["the method's own", "from past errors"]
    assert table["total_actual"].tolist() == [9.0, 9.0]
    numbers = table.drop(columns=["interval", "total_actual"]).to_numpy()
    assert numbers.tolist() == [[0] * 6, [1] * 6]
    own = pd.DataFrame([{name: row[name] for name in row if "errors" not in name}])
    assert len(views.outcome_by_interval(own)) == 1


def test_the_record_holds_what_was_said_what_came_and_what_is_said_now():
    record = views.track_record(backtest(), forecast(low_from_errors=80.0, high_from_errors=150.0))
    assert record["span"].tolist() == [
        "6 months\nfrom Jan 2025",
        "6 months\nfrom Apr 2025",
        "6 months\nfrom Jul 2025",
        "12 months\nfrom Jan 2026",
    ]
    assert record["forecast"].tolist() == [100.0, 110.0, 120.0, 110.0]
    assert record["actual"].tolist()[:3] == [90.0, 100.0, 125.0]
    assert np.isnan(record["actual"].iloc[3])
    assert record.iloc[3][["low", "high"]].tolist() == [80.0, 150.0]
    assert record.iloc[0][["low", "high"]].tolist() == [95.0, 105.0]
