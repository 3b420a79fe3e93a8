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
from crmlib.clp.backtest import backtest as run_backtest
from crmlib.clp.backtest import forecast as run_forecast
from crmlib.clp.base import customer_base
from crmlib.clp.customer_profit import whale_curve
from crmlib.errors import InputError
from crmlib.tables import example
from tests.clp.made_forecasts import MODEL, RULE, backtest, forecast
from tests.clp.made_forecasts import origins as made_origins


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


def test_the_range_of_the_past_is_of_multiples_where_all_totals_are_above_zero():
    assert views.past_range(forecast(200.0), backtest()) == pytest.approx((180.0, 200 * 125 / 120))
    assert np.isnan(views.past_range(forecast(periods=6), backtest())).all()
    once = backtest()
    once = backtest(origins=once.origins[once.origins["cut"] == once.origins["cut"].max()])
    assert np.isnan(views.past_range(forecast(), once)).all()


def test_the_range_of_the_past_is_of_differences_where_a_total_is_not_above_zero():
    losses = made_origins(MODEL, [100.0, -110.0, 0.0], [90.0, -100.0, 5.0])
    assert views.past_range(forecast(50.0), backtest(origins=losses)) == (40.0, 60.0)
    assert views.past_range(forecast(-50.0), backtest()) == (-60.0, -45.0)


def test_only_methods_that_ran_at_every_origin_have_a_rank():
    """The one that ran at two of three has the smallest error, of easier times."""
    check = backtest()
    days = made_origins("curves", [1.0, 1.0, 1.0], [1.0, 1.0, 1.0], rmse=5.0).iloc[:2]
    row = {"method": "curves", "origins": 2, "rmse": 5.0, "note": "1 of 3 origins: Too short."}
    table = pd.concat([pd.DataFrame([row]), check.table], ignore_index=True)
    check = backtest(table=table, origins=pd.concat([days, check.origins]))
    ranked = views.ranked_methods(check)
    assert ranked["method"].tolist() == [MODEL, RULE, "curves"]
    assert ranked["rank"].tolist()[:2] == [1, 2]
    assert pd.isna(ranked["rank"].iloc[2])
    errors = views.errors_by_origin(check).set_index("method")
    assert errors.columns.tolist() == [
        "from 31 Dec 2024", "from 31 Mar 2025", "from 30 Jun 2025", "note",
    ]  # fmt: skip
    assert errors.loc[RULE].tolist()[:3] == [13.0, 10.3, 11.0]
    assert np.isnan(errors.loc["curves"].iloc[0])
    assert errors.loc["curves", "note"].startswith("1 of 3")


def test_buying_is_modelled_or_the_reason_told(base):
    model, reason = views.buying_model(base.summary)
    assert reason == ""
    assert model.probability_alive(base.summary).shape == (500,)
    once = base.summary.table.assign(frequency=0, recency=0.0)
    model, reason = views.buying_model(dataclasses.replace(base.summary, table=once))
    assert model is None
    assert reason.startswith("BG/NBD")


def test_totals_stand_beside_past_errors_without_a_method_that_fails_now(base):
    names = ["own average", "cohort mean", "nothing", "Pareto/NBD + Gamma-Gamma"]
    few = base.until("2023-03-31")
    check = run_backtest(few, horizon=1, origins=1, methods=names[:3], seed=1)
    tried = check.table.assign(origins=[1, 0, 1])
    fails = tried.iloc[:1].assign(method=names[3], rmse=0.0)
    check = dataclasses.replace(check, table=pd.concat([fails, tried]))
    terms = {"periods": 6, "rate": 0.0, "seed": 1}
    known = run_forecast(few, "nothing", **terms)
    made = views.forecasts_by_method(few, check, known, **terms)
    assert {one.method for one in made} == {"own average", "nothing"}
    assert any(one is known for one in made)  # not run again
    table = views.totals_by_method(made, check).set_index("method")
    own = few.history.table.groupby("customer_id")["profit"].mean().sum()
    assert table.loc["own average", "profit"] == pytest.approx(6 * own)
    past = check.table.set_index("method")["absolute_total_error_percent"]
    assert table.loc["nothing", "past_error_percent"] == past["nothing"] == 100.0


def test_every_interval_of_every_method_is_held_against_what_came():
    """20 customers bring 5 each: in the model's own intervals, in half of those from errors."""
    model = forecast(110.0, 90.0, 120.0, low_from_errors=101.0, high_from_errors=130.0)
    high = np.repeat([6.0, 4.0], 10)
    customers = model.customers.assign(low_from_errors=0.0, high_from_errors=high)
    model = dataclasses.replace(model, customers=customers)
    rule = forecast(50.0, np.nan, np.nan, method=RULE)
    without = rule.customers.assign(low=np.nan, high=np.nan)
    without = without.assign(low_from_errors=np.nan, high_from_errors=np.nan)
    total = rule.total.assign(low_from_errors=np.nan, high_from_errors=np.nan)
    rule = dataclasses.replace(rule, customers=without, total=total)
    ids = model.customers["customer_id"]
    actual = pd.DataFrame({"customer_id": ids, "date": "2026-12-01", "profit": 5.0})
    table = views.outcomes_by_method([model, rule], actual, "profit")
    assert table["method"].tolist() == [MODEL, MODEL, RULE]
    assert table["interval"].tolist() == ["own", "past errors", "none"]
    assert table["total"].tolist() == pytest.approx([110.0, 110.0, 50.0])
    assert table["came"].tolist() == [100.0] * 3
    assert table["coverage_percent"].tolist()[:2] == [100.0, 50.0]
    assert table["total_low"].tolist()[:2] == [90.0, 101.0]
    assert np.isnan(table["coverage_percent"].iloc[2])


@pytest.mark.parametrize(
    ("slope", "words"), [(0.0, "do not speak against"), (2.0, "spends more"), (-2.0, "spends less")]
)
def test_whether_spend_goes_with_frequency_is_told(base, slope, words):
    random = np.random.default_rng(5)
    frequency = random.integers(1, 20, 400)
    spend = 80.0 + slope * frequency + random.gamma(2.0, 10.0, 400)
    table = pd.DataFrame({"frequency": frequency, "monetary_value": spend})
    summary = dataclasses.replace(base.summary, table=table)
    found, sentence = views.frequency_and_spend(summary)
    assert words in sentence
    assert found["correlation"].item() == pytest.approx(np.corrcoef(frequency, spend)[0, 1])
    nobody = dataclasses.replace(base.summary, table=table.assign(frequency=0))
    found, sentence = views.frequency_and_spend(nobody)
    assert found.empty
    assert sentence.startswith("Gamma-Gamma")


def test_the_record_holds_what_was_said_what_came_and_what_is_said_now():
    record = views.track_record(backtest(), forecast())
    assert record["span"].tolist() == [
        "12 months\nfrom Jan 2025",
        "12 months\nfrom Apr 2025",
        "12 months\nfrom Jul 2025",
        "12 months\nfrom Jan 2026",
    ]
    assert record["forecast"].tolist() == [100.0, 110.0, 120.0, 110.0]
    assert record["actual"].tolist()[:3] == [90.0, 100.0, 125.0]
    assert np.isnan(record["actual"].iloc[3])
    assert record.iloc[3][["low", "high"]].tolist() == pytest.approx([99.0, 110 * 125 / 120])
    assert record.iloc[0][["low", "high"]].tolist() == [95.0, 105.0]
