"""How a list is tried on the past.

Oracles: shares counted by hand, and simulated tables in which the signs tell nothing.
"""

import numpy as np
import pandas as pd
import pytest

from crmlib.segmentation.warning_check import (
    ALL_SIGNS,
    SIMPLE,
    Foretold,
    areas_of,
    calibration_of,
    chosen,
    foretell,
    list_quality,
    with_lists,
)


def test_quality_of_a_list_by_hand():
    warned = np.arange(100) < 20
    left = np.concatenate([np.arange(20) < 8, np.arange(80) < 4])
    found = list_quality(warned, left, 0.95).set_index("measure")
    assert found["estimate"].tolist() == pytest.approx([8 / 20, 8 / 12, 0.4 / 0.12])
    assert found["n"].tolist() == [20, 12, 100]
    # Wilson's interval of 8 in 20.
    assert found.loc["precision", ["low", "high"]].tolist() == pytest.approx(
        [0.2188, 0.6134], abs=1e-4
    )
    error = (4 / 12) * np.sqrt(0.6 / (20 * 0.4) + 0.95 / (80 * 0.05))
    assert np.log(found.loc["lift", "high"] / found.loc["lift", "estimate"]) == pytest.approx(
        1.959964 * error
    )


@pytest.mark.parametrize(("warned", "left"), [(0, 5), (5, 0), (10, 5), (5, 5), (10, 10)])
def test_quality_of_empty_and_full_lists(warned, left):
    found = list_quality(np.arange(10) < warned, np.arange(10) < left, 0.95)
    known = found.dropna(subset=["estimate", "low"])
    assert (known["low"] <= known["estimate"] + 1e-12).all()
    assert (known["estimate"] <= known["high"] + 1e-12).all()
    assert np.isnan(found["estimate"].iloc[0]) == (warned == 0)


def test_interval_of_the_lift_holds_the_true_one():
    random, held = np.random.default_rng(1), 0
    for _ in range(400):
        warned = np.arange(600) < 90
        left = random.random(600) < np.where(warned, 0.4, 0.08)
        row = list_quality(warned, left, 0.95).iloc[2]
        held += row["low"] < 0.4 / 0.128 < row["high"]
    assert 0.92 <= held / 400 <= 0.98


def made(seed, days=3, n=150, strength=1.0):
    """Customers that leave by a sign that nothing else tells, on several days."""
    random = np.random.default_rng(seed)
    size = days * n
    sign = random.normal(size=size)
    quiet = random.integers(0, 90, size)
    signs = pd.DataFrame(
        {
            "customer_id": np.tile([f"C{i:03}" for i in range(n)], days),
            "date": np.repeat(pd.date_range("2023-01-01", periods=days, freq="180D"), n),
            "silence": quiet,
            "left": random.random(size) < 1 / (1 + np.exp(1.5 - strength * sign)),
        }
    )
    return signs, pd.DataFrame({"sign": sign, "days": np.log1p(quiet)})


def test_a_day_is_foretold_from_the_days_before_alone():
    signs, numbers = made(1)
    found = foretell(signs, numbers)
    assert found.days["learned_from"].tolist() == [150, 300]
    changed = signs.copy()
    last = (signs["date"] == signs["date"].max()).to_numpy()
    changed.loc[last, "left"] = ~changed.loc[last, "left"]
    again = foretell(changed, numbers)
    pd.testing.assert_frame_equal(found.rows.drop(columns="left"), again.rows.drop(columns="left"))


@pytest.mark.parametrize(("strength", "method"), [(2.0, ALL_SIGNS), (0.0, SIMPLE)])
def test_all_signs_are_used_only_where_they_tell_more(strength, method):
    signs, numbers = made(2, strength=strength)
    found = foretell(signs, numbers)
    name, note = chosen(found, areas_of(found, 0.95), signs["left"].to_numpy())
    assert name == method
    assert ("did not tell it better" in note) == (method == SIMPLE)


@pytest.mark.slow
def test_useless_signs_are_seldom_taken_for_good_ones():
    taken = 0
    for seed in range(60):
        signs, numbers = made(seed, strength=0.0)
        found = foretell(signs, numbers)
        name, _ = chosen(found, areas_of(found, 0.95), signs["left"].to_numpy())
        taken += name == ALL_SIGNS
    assert taken <= 6  # 2.5 % are to be expected


def test_lists_of_both_methods_are_as_long_on_every_day():
    signs, numbers = made(3)
    found = foretell(signs, numbers)
    for method in (ALL_SIGNS, SIMPLE):
        lists = with_lists(found, method, 0.3)
        sizes = lists.groupby("date")[["warned", "warned_other"]].sum()
        assert sizes["warned"].tolist() == sizes["warned_other"].tolist()
        assert (lists["warned"] == (lists[method] >= 0.3)).all()
    lists = with_lists(found, ALL_SIGNS, 0.3)
    day = lists[lists["date"] == lists["date"].max()]
    assert (
        day.loc[day["warned_other"], "silence"].min()
        >= day.loc[~day["warned_other"], "silence"].max()
    )


def test_groups_hold_what_was_foretold_against_what_came():
    signs, numbers = made(4)
    found = foretell(signs, numbers)
    groups = calibration_of(found, ALL_SIGNS, 0.95)
    assert groups["customers"].tolist() == [60] * 5
    ordered = found.rows.sort_values(ALL_SIGNS)
    assert groups["left"].iloc[-1] == ordered["left"].tail(60).sum()
    assert groups["expected"].iloc[0] == pytest.approx(ordered[ALL_SIGNS].head(60).mean())
    # The model that made the data is the one that is fitted: it must be right.
    assert ((groups["low"] <= groups["expected"]) & (groups["expected"] <= groups["high"])).all()


def test_without_days_to_test_nothing_is_said():
    signs, numbers = made(5, days=1)
    found = foretell(signs, numbers)
    assert isinstance(found, Foretold)
    assert found.rows.empty
    name, note = chosen(found, areas_of(found, 0.95), signs["left"].to_numpy())
    assert name == ""
    assert "too few past days" in note
    assert calibration_of(found, name, 0.95).empty
