"""Segments against all others.

Oracles: a weighted regression on an indicator with HC0 standard errors (statsmodels), the two
means of independent strata, statsmodels' Holm, and how often chance alone makes a difference.
"""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from statsmodels.stats.multitest import multipletests

from crmlib.errors import InputError
from crmlib.sampling.differences import segment_differences
from crmlib.sampling.estimation import estimate
from crmlib.sampling.samples import SurveySample
from crmlib.sampling.weighting import rake
from tests.sampling.test_estimation import api_sample


def sample_of(n=120, seed=3, effect=0.0):
    random = np.random.default_rng(seed)
    group = random.choice(["a", "b", "c"], n)
    data = pd.DataFrame(
        {
            "w": random.uniform(1, 6, n),
            "group": group,
            "half": random.choice(["x", "y"], n),
            "score": random.normal(7, 1, n) + effect * (group == "a"),
        }
    )
    return SurveySample(data, "w")


def test_a_difference_is_the_slope_of_a_weighted_regression():
    sample = sample_of()
    found = segment_differences(sample, "score", ["group"]).set_index("segment")
    n = len(sample.data)
    for label in "abc":
        inside = (sample.data["group"] == label).astype(float)
        model = sm.WLS(sample.data["score"], sm.add_constant(inside.rename("in")), sample.weights)
        fit = model.fit(cov_type="HC0")
        row = found.loc[label]
        assert row["difference"] == pytest.approx(fit.params["in"], rel=1e-10)
        assert row["others"] == pytest.approx(fit.params["const"], rel=1e-10)
        half = (row["difference_high"] - row["difference_low"]) / 2
        error = fit.bse["in"] * np.sqrt(n / (n - 1))
        assert half == pytest.approx(1.98009987 * error, rel=1e-7)  # t of 119 degrees, 97.5 %


def test_independent_strata_add_their_variances(shared):
    sample = api_sample(shared, "strat")
    two = sample.data.assign(school=np.where(sample.data["stype"] == "E", "E", "other"))
    sample = SurveySample(two, "pw", strata="stype", population=("fpc",))
    means = estimate(sample, "api00", by="school").set_index("school")
    row = segment_differences(sample, "api00", ["school"]).set_index("segment").loc["E"]
    assert row["difference"] == pytest.approx(means["estimate"]["E"] - means["estimate"]["other"])
    half = (row["difference_high"] - row["difference_low"]) / 2
    assert half == pytest.approx(1.97207903 * np.hypot(*means["standard_error"]))  # 197 degrees


def test_calibrated_segments_do_not_vary_in_size_alone():
    # A score that the margins explain wholly leaves nothing to chance.
    sample = sample_of()
    data = sample.data.assign(score=sample.data["group"].map({"a": 1.0, "b": 2.0, "c": 4.0}))
    raked = rake(SurveySample(data, "w"), {"group": {"a": 10.0, "b": 20.0, "c": 30.0}}).sample
    row = segment_differences(raked, "score", ["group"]).set_index("segment").loc["a"]
    assert row["difference"] == pytest.approx(1 - (20 * 2 + 30 * 4) / 50)
    assert row["difference_high"] - row["difference_low"] == pytest.approx(0, abs=1e-7)


def test_two_segments_of_a_column_are_one_comparison():
    found = segment_differences(sample_of(), "score", ["half", "group"])
    half, group = (found[found["variable"] == name] for name in ("half", "group"))
    assert half["difference"].iloc[0] == pytest.approx(-half["difference"].iloc[1])
    four = [half["p_value"].iloc[0], *group["p_value"]]
    expected = multipletests(four, method="holm")[1]
    assert half["adjusted_p_value"].tolist() == pytest.approx([expected[0]] * 2)
    assert group["adjusted_p_value"].tolist() == pytest.approx(expected[1:])


def test_chance_alone_seldom_makes_a_difference_and_a_true_one_is_found():
    runs = 300

    def smallest(seed, effect):
        found = segment_differences(sample_of(seed=seed, effect=effect), "score", ["group"])
        return found["adjusted_p_value"].min()

    false = sum(smallest(seed, 0.0) < 0.05 for seed in range(runs))
    assert false <= 0.05 * runs + 4 * np.sqrt(0.05 * 0.95 * runs)
    assert sum(smallest(seed, 1.5) < 0.05 for seed in range(20)) == 20


def test_small_segments_are_not_compared_nor_counted():
    sample = sample_of(effect=1.5)
    group = sample.data["group"].where(sample.data.index > 2, "rare")
    sample = SurveySample(sample.data.assign(group=group), "w")
    found = segment_differences(sample, "score", ["group"], minimum_n=20).set_index("segment")
    assert found.loc["rare", ["difference", "p_value", "adjusted_p_value"]].isna().all()
    smallest = found["p_value"].min()
    assert found["adjusted_p_value"].min() == pytest.approx(3 * smallest)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"score": [np.nan, *[1.0] * 119]}, "1 values are missing or infinite; row 0"),
        ({"score": ["good"] * 120}, "must hold numbers"),
        ({"group": [None, *["a"] * 119]}, "1 values are missing"),
    ],
)
def test_what_cannot_be_used_is_named(change, words):
    sample = SurveySample(sample_of().data.assign(**change), "w")
    with pytest.raises(InputError, match=words):
        segment_differences(sample, "score", ["group"])
    with pytest.raises(InputError, match='no column "region"'):
        segment_differences(sample_of(), "score", ["region"])
