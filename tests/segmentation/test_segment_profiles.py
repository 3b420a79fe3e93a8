import numpy as np
import pandas as pd
import pytest
from scipy import stats

from crmlib.errors import InputError
from crmlib.segmentation.segment_profiles import (
    cliffs_delta,
    newcombe_interval,
    segment_profiles,
    welch_interval,
)


def test_welch_is_scipys():
    random = np.random.default_rng(1)
    own, rest = random.normal(1, 1, 12), random.normal(0, 3, 50)
    theirs = stats.ttest_ind(own, rest, equal_var=False).confidence_interval(0.9)
    assert welch_interval(own, rest, 0.9) == pytest.approx((theirs.low, theirs.high))
    assert np.isnan(welch_interval(own[:1], rest, 0.9)).all()


def test_newcombes_interval_of_his_example():
    # Newcombe (1998), table II, 56/70 against 48/80, method 10.
    assert newcombe_interval(56 / 70, 70, 48 / 80, 80, 0.95) == pytest.approx(
        (0.0524, 0.3339), abs=5e-5
    )


def test_delta_counts_pairs_and_lies_within_its_interval():
    random = np.random.default_rng(2)
    own, rest = random.integers(0, 5, 20) + 1.0, random.integers(0, 5, 30) * 1.0
    pairs = np.sign(own[:, None] - rest).mean()
    delta, low, high = cliffs_delta(own, rest, 0.95)
    assert delta == pytest.approx(pairs)
    assert -1 <= low < delta < high <= 1
    # Mirrored data have the mirrored interval.
    assert cliffs_delta(rest, own, 0.95) == pytest.approx((-delta, -high, -low))


def test_a_segment_wholly_above_the_rest_is_not_beyond_doubt():
    delta, low, high = cliffs_delta(np.arange(10.0) + 100, np.arange(20.0), 0.95)
    assert (delta, high) == pytest.approx((1.0, 1.0))
    assert 0.4 < low < 0.95


def test_intervals_of_delta_hold_what_they_promise():
    random = np.random.default_rng(3)
    truth = 2 * stats.norm.cdf(0.8 / np.sqrt(2)) - 1
    hits = 0
    for _ in range(600):
        _, low, high = cliffs_delta(random.normal(0.8, 1, 15), random.normal(0, 1, 60), 0.95)
        hits += low <= truth <= high
    # Within three standard errors of 95 %, or safer.
    assert hits / 600 > 0.95 - 3 * np.sqrt(0.95 * 0.05 / 600)


def test_profiles_of_numbers_and_categories():
    customers = pd.DataFrame(
        {
            "segment": ["1", "1", "1", "2", "2", None],
            "money": [10.0, 20, 60, 1, 3, 1000],
            "region": ["North", "North", "South", "South", None, "West"],
        }
    )
    found = segment_profiles(customers, ["money", "region"])
    money = found[(found["segment"] == "1") & (found["feature"] == "money")].iloc[0]
    assert (money["customers"], money["mean"], money["median"], money["rest"]) == (3, 30, 20, 2)
    assert (money["difference"], money["effect_size"]) == (28, 1)
    north = found[(found["segment"] == "1") & (found["level"] == "North")].iloc[0]
    assert (north["customers"], north["rest"]) == (3, 0)
    assert north["share"] == north["effect_size"] == pytest.approx(2 / 3)
    assert not (found["level"] == "West").any()


def test_one_segment_has_no_rest_to_differ_from():
    found = segment_profiles(pd.DataFrame({"segment": ["1", "1"], "money": [1.0, 3.0]}), ["money"])
    assert found["mean"].tolist() == [2.0]
    assert found[["rest", "difference", "low", "effect_size"]].isna().all(axis=None)


def test_segments_are_in_the_order_of_their_numbers():
    customers = pd.DataFrame({"segment": ["10", "2", "x"], "money": [1.0, 2.0, 3.0]})
    assert segment_profiles(customers, ["money"])["segment"].tolist() == ["2", "10", "x"]


def test_wrong_arguments_are_told():
    customers = pd.DataFrame({"segment": ["1"], "money": [1.0]})
    with pytest.raises(InputError, match="confidence=95"):
        segment_profiles(customers, ["money"], confidence=95)
    with pytest.raises(InputError, match='no column "profit"'):
        segment_profiles(customers, ["profit"])


def test_numbers_beyond_reckoning_are_refused():
    customers = pd.DataFrame({"segment": list("aabb"), "money": [1e200, 2e200, 3.0, 4.0]})
    with pytest.raises(InputError, match=r'column "money" farthest from zero is 2e[+]200'):
        segment_profiles(customers, ["money"])
