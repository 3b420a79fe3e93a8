"""The value matrix at days of the past.

Oracles: cases counted by hand, statsmodels' cluster-robust errors, scipy's Wilson interval,
simulated customers of whom it is known that no rule can tell them.
"""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from crmlib.errors import InputError
from crmlib.segmentation.tiers import tiers
from crmlib.segmentation.value_check import (
    class_outlook,
    clustered_ratio,
    value_check,
    with_below_zero,
)
from crmlib.segmentation.value_matrix import value_matrix

COLUMNS = {"current": "current", "potential": "forecast", "came": "actual", "origin": "cut"}
FIVE = {"cut": "money", "current_cut": 5, "potential_cut": 5}


@pytest.fixture
def past():
    return pd.DataFrame(
        {
            "customer_id": list("ABCDEF") * 2,
            "cut": [dt.date(2024, 6, 30)] * 6 + [dt.date(2024, 12, 31)] * 6,
            "current": [8, 1, 9, 2, 3, 7, 9, 2, 9, 2, 3, 1.0],
            "forecast": [9, 6, 3, 1, 2, 8, 7, 8, 2, 1, 6, 1.0],
            "actual": [7, 4, 6, 0, 1, 9, 9, 6, 1, 0, 2, 7.0],
        }
    )


def test_classes_and_rules_counted_by_hand(past):
    found = value_check(past, **COLUMNS, **FIVE)
    assert found.origins == 2
    last = found.classes[found.classes["origin"] == dt.date(2024, 12, 31)]
    last = last.set_index("value_class")
    assert last["customers"].tolist() == [2, 2, 1, 1]
    assert last["above"].tolist() == [1, 1, 0, 1]
    assert last["came"].tolist() == [7, 8, 1, 9]
    ends = stats.binomtest(1, 2).proportion_ci(method="wilson")
    assert last.loc["II", ["low_share", "high_share"]].tolist() == pytest.approx(list(ends))
    rules = found.rules.set_index("rule")
    # Above the line by forecast: A, B, F then A, B, E; by what they brought: A, C, F then A, C, E.
    assert rules["chosen"].tolist() == [6, 6]
    assert rules["above"].tolist() == [4, 4]
    assert rules["came"].tolist() == [7 + 4 + 9 + 9 + 6 + 2, 7 + 6 + 9 + 9 + 1 + 2]
    assert rules.loc["value matrix", "more_share"] == 0
    assert rules.loc["value matrix", ["low_share", "more_low_share"]].isna().all()


@pytest.mark.parametrize(("n", "clear"), [(9, False), (10, True)])
def test_a_difference_rests_on_ten_different_customers_or_has_no_interval(n, clear):
    """The forecast hits n more, each a customer of its own; 30 others are picked by both rules."""
    both = pd.DataFrame({"customer_id": range(30), "current": 50, "forecast": 50, "actual": 50.0})
    new = pd.DataFrame({"customer_id": range(30, 30 + n), "current": 1, "forecast": 9, "actual": 9})
    old = new.assign(customer_id=new["customer_id"] + 50, current=9, forecast=1, actual=1)
    rows = pd.concat([both, new, old], ignore_index=True).assign(cut=1)
    one = value_check(rows, **COLUMNS, **FIVE).rules.loc[0]
    assert one["more_share"] == pytest.approx(n / (30 + n))
    assert np.isfinite([one["low_share"], one["high_share"]]).all()
    assert np.isfinite(one["more_low_share"]) == clear
    # Days of the past do not make one customer into several.
    again = pd.concat([rows.assign(cut=day) for day in range(5)])
    assert (
        np.isfinite(value_check(again, **COLUMNS, **FIVE).rules.loc[0, "more_low_share"]) == clear
    )
    few = rows[rows["customer_id"].between(25, 33)]
    assert value_check(few, **COLUMNS, **FIVE).rules["low_share"].isna().all()


def test_a_day_on_which_nobody_lay_above_the_line_still_counts_for_class_one():
    rows = pd.DataFrame({"customer_id": [1, 2], "cut": 1, "current": 1, "forecast": 2, "actual": 9})
    found = value_check(rows, **COLUMNS, **FIVE)
    assert found.classes[["customers", "above"]].iloc[0].tolist() == [2, 2]


def test_the_ratio_with_clusters_is_that_of_statsmodels():
    random = np.random.default_rng(3)
    cluster = np.sort(random.integers(0, 60, 300))
    cluster = np.unique(cluster, return_inverse=True)[1]
    hits = (random.random(300) < 0.3 + 0.4 * (cluster % 2)).astype(float)
    mean, low, high = clustered_ratio(hits, np.ones(300), cluster, 0.95)
    fit = sm.OLS(hits, np.ones(300)).fit(
        cov_type="cluster", cov_kwds={"groups": cluster, "use_correction": False}
    )
    n = cluster.max() + 1
    half = stats.norm.ppf(0.975) * fit.bse[0] * np.sqrt(n / (n - 1))
    assert mean == pytest.approx(fit.params[0])
    assert (low, high) == pytest.approx((mean - half, mean + half))
    # A ratio: the same on the rows that were chosen.
    chosen = (random.random(300) < 0.5).astype(float)
    ratio, low, high = clustered_ratio(hits * chosen, chosen, cluster, 0.95)
    assert ratio == pytest.approx(hits[chosen > 0].mean())
    assert low < ratio < high


def simulated(seed: int, skill: float) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    n, origins = 150, 3
    level = np.repeat(random.gamma(2, 3, n), origins)
    table = pd.DataFrame(
        {
            "customer_id": np.repeat(np.arange(n), origins),
            "cut": np.tile(np.arange(origins), n),
            "current": level + random.normal(0, 4, n * origins),
            "actual": level + random.normal(0, 2, n * origins),
        }
    )
    return table.assign(forecast=level + random.normal(0, 4 * (1 - skill), n * origins))


def test_a_forecast_without_skill_seldom_looks_better_and_one_with_it_does():
    alike = [value_check(simulated(seed, 0.0), **COLUMNS, **FIVE).rules for seed in range(20)]
    found = [rules.loc[0, ["more_low_share", "more_high_share"]] for rules in alike]
    outside = sum(not low <= 0 <= high for low, high in found)
    assert outside <= 4  # 1 of 20 on average, 4 or fewer with a chance of 0.997
    skilled = value_check(simulated(1, 0.9), **COLUMNS, **FIVE).rules
    assert skilled.loc[0, "more_low_share"] > 0


def test_the_outlook_is_as_far_off_as_the_class_was(past):
    now = pd.DataFrame({"customer_id": range(3), "profit": [8, 9, 1.0], "clp": [9, 8, 7.0]})
    matrix = value_matrix(now, current="profit", potential="clp", **FIVE)
    outlook = class_outlook(matrix, value_check(past, **COLUMNS, **FIVE)).set_index("value_class")
    # Class IV: A and F came to 16 of 17 in June, A to 9 of 7 in December; two customers now.
    assert outlook.loc["IV", ["low", "high"]].tolist() == pytest.approx([17 - 1, 17 + 2 * 2])
    # Class II: B came to 4 of 6, then B and E to 8 of 14; one customer now.
    assert outlook.loc["II", ["low", "high"]].tolist() == pytest.approx([7 - 3, 7])
    assert outlook.loc["I", ["low", "high"]].isna().all()


def test_without_a_past_the_intervals_are_added_as_if_independent():
    now = pd.DataFrame({"customer_id": range(3), "profit": 9.0, "clp": [10.0, 20.0, -1.0]})
    now = now.assign(low=[7.0, 16.0, -2.0], high=[22.0, 25.0, -1.0])
    matrix = value_matrix(now, current="profit", potential="clp", low="low", high="high")
    outlook = class_outlook(matrix).set_index("value_class")
    assert outlook.loc["IV", ["low", "high"]].tolist() == pytest.approx([30 - 5, 30 + 13])
    assert outlook.loc["III", ["low", "high"]].tolist() == pytest.approx([-2, -1])
    assert outlook["basis"].tolist() == ["not known", "not known", *["intervals of customers"] * 2]


def test_a_row_for_those_below_zero():
    now = pd.DataFrame({"customer_id": range(3), "profit": [-8, -2, 5.0], "clp": [-9, -3, 7.0]})
    matrix = value_matrix(now, current="profit", potential="clp")
    found = tiers(now, current="profit", potential="clp").tiers
    row = with_below_zero(class_outlook(matrix), found).iloc[-1]
    assert (row["customers"], row["current"], row["potential"]) == (2, -10, -12)
    assert np.isnan(row["low"])
    before = pd.DataFrame({"customers": [4], "potential": [-10.0], "came": [2.0]})
    row = with_below_zero(class_outlook(matrix), found, before).iloc[-1]
    assert (row["low"], row["high"]) == (-12, -12 + 2 * 12 / 4)
    none = tiers(now.iloc[2:], current="profit", potential="clp").tiers
    assert len(with_below_zero(class_outlook(matrix), none)) == 4


def test_nobody_above_the_line_and_no_past(past):
    found = value_check(past, **COLUMNS, cut="money", current_cut=50, potential_cut=50)
    assert found.rules.empty
    assert found.classes["above"].sum() == 0
    with pytest.raises(InputError, match="no forecast of the past"):
        value_check(past.iloc[:0], **COLUMNS)
    with pytest.raises(InputError, match='"actual"'):
        value_check(past.assign(actual=np.nan), **COLUMNS)
