"""The value matrix.

Oracles: cases worked by hand; quantiles of the normal distribution; draws from known distributions.
"""

import numpy as np
import pandas as pd
import pytest

from crmlib.errors import InputError
from crmlib.segmentation.value_matrix import probability_above, value_classes, value_matrix

INTERVAL = {"low": "low", "high": "high"}
COLUMNS = {"current": "profit", "potential": "clp"}


@pytest.fixture
def four():
    return pd.DataFrame(
        {
            "customer_id": list("ABCD"),
            "profit": [8.0, 1.0, 9.0, 2.0],
            "clp": [9.0, 6.0, 3.0, 1.0],
            "low": [7.0, 2.0, 1.0, 0.0],
            "high": [12.0, 11.0, 8.0, 3.0],
        }
    )


def test_four_customers_by_hand(four):
    found = value_matrix(four, **COLUMNS, **INTERVAL, cut="money", current_cut=5, potential_cut=5)
    assert found.customers["value_class"].tolist() == ["IV", "II", "III", "I"]
    assert found.customers["certain"].tolist() == [True, False, False, True]
    # B: (5 - 6) / ((6 - 2) / 1.96) = -0.49; C: (5 - 3) / ((8 - 3) / 1.96) = 0.784
    assert found.customers["high_probability"].iloc[1] == pytest.approx(0.6879, abs=1e-4)
    assert found.customers["high_probability"].iloc[2] == pytest.approx(1 - 0.7835, abs=1e-4)
    assert found.customers["class_probability"].iloc[2] == pytest.approx(0.7835, abs=1e-4)
    classes = found.classes.set_index("value_class")
    assert classes["customers"].tolist() == [1, 1, 1, 1]
    assert classes["uncertain_share"].tolist() == [0, 1, 1, 0]
    assert classes["current"].tolist() == [2, 1, 9, 8]
    assert classes.loc["I", "resources"] == "none"
    assert "let go" in classes.loc["I", "strategy"]


def test_high_is_what_lies_above_the_cut_and_not_on_it():
    at = np.array([0.0, 0.0, 1.0, 1.0])
    potential = np.array([0.0, 1.0, 0.0, 1.0])
    assert value_classes(at, potential, 0.0, 0.0).tolist() == [0, 1, 2, 3]


def test_the_interval_gives_its_own_quantiles():
    value, low, high = (np.full(5, number) for number in (2.0, -1.0, 10.0))
    for cut, chance in ((-1.0, 0.95), (2.0, 0.5), (10.0, 0.05)):
        found = probability_above(value, low, high, cut, 0.90)
        np.testing.assert_allclose(found, chance, atol=1e-12)


def test_an_arm_without_length_and_an_estimate_outside_its_interval():
    found = probability_above(np.array([0.0]), np.array([0.0]), np.array([4.0]), -0.1, 0.95)
    assert found.tolist() == [1.0]
    found = probability_above(np.array([0.0]), np.array([0.0]), np.array([0.0]), 0.1, 0.95)
    assert found.tolist() == [0.0]
    # The middle of 4 to 8 counts where the estimate is 1.
    found = probability_above(np.array([1.0]), np.array([4.0]), np.array([8.0]), 6.0, 0.95)
    assert found.tolist() == [0.5]


def test_probabilities_are_as_often_right_as_they_say():
    random = np.random.default_rng(1)
    value, spread = random.normal(0, 3, 40_000), random.uniform(0.5, 3, 40_000)
    truth = value + spread * random.standard_normal(40_000)
    low, high = value - 1.959964 * spread, value + 1.959964 * spread
    chance = probability_above(value, low, high, 0.7, 0.95)
    for least in np.arange(0, 1, 0.1):
        group = (chance >= least) & (chance < least + 0.1)
        error = 4 * np.sqrt(0.25 / group.sum())
        assert (truth[group] > 0.7).mean() == pytest.approx(chance[group].mean(), abs=error)


def test_certain_classes_are_wrong_no_oftener_than_the_level_says():
    random = np.random.default_rng(2)
    value = random.normal(0, 3, 20_000)
    table = pd.DataFrame({"customer_id": np.arange(20_000), "profit": 1.0, "clp": value})
    table = table.assign(low=value - 1.96, high=value + 1.96)
    truth = value + random.standard_normal(20_000)
    found = value_matrix(table, **COLUMNS, **INTERVAL, cut="break_even").customers
    sure = found["certain"].to_numpy(dtype=bool)
    wrong = (truth > 0) != (found["potential"] > 0)
    assert 0 < sure.sum() < 20_000
    assert wrong[sure].mean() < 0.025
    assert wrong[~sure].mean() > 0.1


def test_cuts_by_quantile_and_break_even():
    table = pd.DataFrame({"customer_id": range(100), "profit": np.arange(100.0) - 50})
    table["clp"] = table["profit"].to_numpy()[::-1]
    found = value_matrix(table, **COLUMNS, cut="quantile")
    assert found.classes["customers"].tolist() == [60, 20, 20, 0]
    found = value_matrix(table, **COLUMNS, cut="quantile", current_cut=0.5, potential_cut=0.9)
    assert (found.customers["current"] > found.current_cut).sum() == 50
    assert (found.customers["potential"] > found.potential_cut).sum() == 10
    found = value_matrix(table, **COLUMNS, cut="break_even", potential_cut=10)
    assert (found.current_cut, found.potential_cut) == (0, 10)
    assert found.customers["value_class"].isin(["III", "IV"]).sum() == 49
    assert found.classes["uncertain_share"].isna().all()
    assert found.customers["certain"].isna().all()
    assert "no interval" in found.notes[0]


@pytest.mark.parametrize("n", [1, 2, 50])
@pytest.mark.parametrize("cut", ["quantile", "break_even"])
def test_customers_who_are_all_equal_are_not_told_apart(n, cut):
    table = pd.DataFrame({"customer_id": range(n), "profit": 7.0, "clp": 7.0})
    found = value_matrix(table, **COLUMNS, cut=cut)
    assert found.classes["customers"].max() == n
    assert sum("does not tell them apart" in note for note in found.notes) == 2
    named = set(found.customers["value_class"])
    assert named == ({"cannot say"} if cut == "quantile" else {"IV"})
    assert found.classes["customers"].sum() == n


def test_a_line_with_nobody_above_it_gives_no_class(four):
    found = value_matrix(four, **COLUMNS, **INTERVAL, cut="money", current_cut=9, potential_cut=9)
    assert found.customers["value_class"].tolist() == ["cannot say"] * 4
    assert found.customers[["class_probability", "certain"]].isna().all(axis=None)
    last = found.classes.iloc[-1]
    assert found.classes["customers"].tolist() == [0, 0, 0, 0, 4]
    assert (last["current"], last["uncertain"], last["without_interval"]) == (20, 0, 0)
    assert "let go" not in last["strategy"]
    assert "the lines part nobody" in found.notes[-1]


def test_equal_customers_a_hair_above_the_line_to_come_are_not_all_developed():
    equal = pd.DataFrame({"customer_id": range(30), "profit": 7.0, "clp": 7.01})
    at = {"cut": "money", "current_cut": 7, "potential_cut": 7}
    assert set(value_matrix(equal, **COLUMNS, **at).customers["value_class"]) == {"cannot say"}
    one_less = equal.assign(profit=[6.0] + [7.0] * 29)
    assert set(value_matrix(one_less, **COLUMNS, **at).customers["value_class"]) == {"II"}


def test_negative_money_everywhere():
    table = pd.DataFrame({"customer_id": [1, 2], "profit": [-5.0, -1.0], "clp": [-2.0, 3.0]})
    found = value_matrix(table, **COLUMNS)
    assert found.customers["value_class"].tolist() == ["I", "II"]
    assert found.classes["potential"].tolist() == [-2, 3, 0, 0]


def test_a_missing_interval_is_not_known_and_does_not_count_as_uncertain(four):
    four.loc[[0, 1], "low"] = np.nan
    found = value_matrix(four, **COLUMNS, **INTERVAL, cut="money", current_cut=5, potential_cut=5)
    assert found.customers["certain"].isna().tolist() == [True, True, False, False]
    assert found.customers["low"].isna().tolist() == [True, True, False, False]
    assert found.customers["high"].isna().tolist() == [True, True, False, False]
    assert found.classes["without_interval"].tolist() == [0, 1, 0, 1]
    shares = found.classes["uncertain_share"]
    assert shares.iloc[[0, 2]].tolist() == [0, 1]
    assert shares.iloc[[1, 3]].isna().all()
    assert "2 of 4 customers" in found.notes[0]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"current": "sales"}, 'no column "sales"'),
        ({"low": "low"}, "both low and high"),
        ({"cut": "half"}, "break_even, quantile, money"),
        ({"cut": "money"}, "needs current_cut and potential_cut"),
        ({"cut": "break_even", "current_cut": 3}, "breaks even"),
        ({"cut": "break_even", "potential_cut": -3}, "less than nothing"),
        ({"cut": "quantile", "current_cut": 80}, "Did you mean 0.8"),
        ({"cut": "money", "current_cut": np.nan, "potential_cut": 1}, "current_cut=nan"),
        ({"confidence": 95}, "Did you mean 0.95"),
        ({"low": "high", "high": "low"}, "is above"),
        ({"customer": "name"}, 'no column "name"'),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(four, given, words):
    with pytest.raises(InputError, match=words):
        value_matrix(four, **(COLUMNS | given))


def test_faulty_tables_are_refused_with_their_rows(four):
    with pytest.raises(InputError, match=r"rows are of customers who have a row already; row 4"):
        value_matrix(pd.concat([four, four.iloc[:1]], ignore_index=True), **COLUMNS)
    four.loc[2, "clp"] = np.nan
    with pytest.raises(InputError, match=r'"clp": 1 values are missing or not finite; row 2'):
        value_matrix(four, **COLUMNS)
    with pytest.raises(InputError, match="no rows"):
        value_matrix(four.iloc[:0], **COLUMNS)
    with pytest.raises(InputError, match="numbers"):
        value_matrix(four.assign(clp="much"), **COLUMNS)
