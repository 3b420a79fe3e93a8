"""How good forecasts were.

Oracles: scores recomputed for forecasts of the CDNOW sample (reference values), SciPy, sums by
hand, and orders broken at random.
"""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from crmlib.clp.beta_geo import BetaGeoNBD
from crmlib.clp.purchases import daily_sums, summarise
from crmlib.clp.scoring import (
    mean_absolute_error,
    rank_correlation,
    root_mean_square_error,
    scores,
    share_caught_percent,
    total_error_percent,
)

CUT = pd.Timestamp("1997-09-30")


@pytest.fixture(scope="module")
def sample_weeks(cdnow_sample):
    """Summary of the first 39 weeks, and repeat purchase days in the 39 weeks after."""
    daily = daily_sums(cdnow_sample, margin_rate=1.0)
    summary = summarise(daily, CUT.date())
    later = daily[(daily["day"] > CUT) & (daily["day"] <= CUT + pd.Timedelta(weeks=39))]
    came = later.groupby("customer_id")["purchases"].sum()
    return summary, summary.table["customer_id"].map(came).fillna(0.0).to_numpy()


@pytest.mark.parametrize("method", ["BG/NBD", "always zero", "own rate x 39"])
def test_scores_of_the_published_sample(shared, sample_weeks, method):
    reference = json.loads((shared / "reference" / "clp.json").read_text())
    holdout = reference["cdnow_holdout_39_weeks"]
    summary, actual = sample_weeks
    table = summary.table
    assert len(table) == holdout["customers"]
    assert actual.sum() == holdout["actual_repeat_purchases"]
    if method == "BG/NBD":
        forecast = BetaGeoNBD().fit(summary).expected_purchases(summary, 39)
    elif method == "own rate x 39":
        forecast = (table["frequency"] / table["T"] * 39).to_numpy()
    else:
        forecast = np.zeros(len(table))
    expected = holdout["models"][method]
    assert mean_absolute_error(forecast, actual) == pytest.approx(expected["mae"], abs=0.0006)
    assert root_mean_square_error(forecast, actual) == pytest.approx(expected["rmse"], abs=0.0006)
    assert forecast.sum() == pytest.approx(expected["total"], abs=0.6)


def test_scores_by_hand():
    forecast, actual = np.array([1.0, 2.0, 3.0, 6.0]), np.array([2.0, 2.0, 0.0, 6.0])
    assert mean_absolute_error(forecast, actual) == 1.0
    assert root_mean_square_error(forecast, actual) == pytest.approx(np.sqrt(10 / 4))
    assert total_error_percent(forecast, actual) == pytest.approx(20.0)
    assert np.isnan(total_error_percent(forecast, -actual))


def test_rank_correlation_is_that_of_scipy_with_ties():
    random = np.random.default_rng(5)
    forecast, actual = random.integers(0, 5, 60) * 1.0, random.integers(0, 9, 60) * 1.0
    expected = stats.spearmanr(forecast, actual).statistic
    assert rank_correlation(forecast, actual) == pytest.approx(expected)
    assert np.isnan(rank_correlation(np.zeros(60), actual))


def test_the_share_caught_is_the_mean_over_all_ways_to_break_ties():
    random = np.random.default_rng(7)
    forecast, actual = random.integers(0, 4, 40) * 1.0, random.gamma(0.5, 10, 40)
    caught = []
    for _ in range(4000):
        order = np.lexsort((random.random(40), -forecast))
        caught.append(actual[order[:8]].sum() / actual.sum() * 100)
    error = np.std(caught) / np.sqrt(len(caught))
    assert share_caught_percent(forecast, actual, 0.2) == pytest.approx(
        np.mean(caught), abs=4 * error
    )
    assert share_caught_percent(np.zeros(40), actual, 0.2) == pytest.approx(20.0)
    assert np.isnan(share_caught_percent(forecast, -actual, 0.2))


def test_coverage_counts_customers_with_an_interval_only():
    table = pd.DataFrame(
        {
            "customer_id": ["a", "b", "c", "d"],
            "forecast": 1.0,
            "low": [0.0, 2.0, np.nan, 0.0],
            "high": [2.0, 3.0, np.nan, 1.0],
            "actual": [1.0, 1.0, 1.0, 1.0],
        }
    )
    row = scores(table, 0.95)
    assert row["customers"] == 4
    assert row["intervals"] == 3
    assert row["coverage_percent"] == pytest.approx(200 / 3)
    wilson = stats.binomtest(2, 3).proportion_ci(0.95, method="wilson")
    assert [row["coverage_low"], row["coverage_high"]] == pytest.approx(
        [100 * wilson.low, 100 * wilson.high]
    )
    none = scores(table.assign(low=np.nan), 0.95)
    assert none["intervals"] == 0
    assert np.isnan(none["coverage_percent"])


def test_origins_of_one_customer_do_not_make_the_coverage_surer():
    once = pd.DataFrame(
        {"customer_id": list("abcd"), "forecast": 1.0, "low": 0.0, "high": [2.0, 2.0, 2.0, 0.5]}
    ).assign(actual=1.0)
    twice = pd.concat([once, once])
    assert scores(once, 0.9)["coverage_low"] == scores(twice, 0.9)["coverage_low"]
