"""Change of a score and its levels between two waves.

Oracles: scipy's paired and Welch-free t intervals on people who are all, or none of them, in both
waves; Newcombe's (1998) worked example of 56 of 70 against 48 of 80; simulated coverage; counts
made here.
"""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from crmlib.errors import InputError
from crmlib.satisfaction import level_change, satisfaction_levels
from crmlib.satisfaction.level_change import UPPER


@pytest.fixture
def panel():
    """Eighty people twice, the second time in another order."""
    rng = np.random.default_rng(3)
    before = pd.DataFrame({"id": np.arange(80), "y": rng.integers(2, 10, 80)})
    after = before.assign(y=before["y"] + rng.integers(-1, 2, 80))
    return before, after.sample(frac=1, random_state=1)


def test_people_all_in_both_waves_give_the_paired_t_test(panel):
    before, after = panel
    found = level_change(before, after, ["y"], respondent="id").score.iloc[0]
    paired = stats.ttest_rel(after.sort_values("id")["y"], before["y"]).confidence_interval()
    assert [found["low"], found["high"]] == pytest.approx(100 / 9 * np.array(paired), rel=1e-9)
    spread = np.corrcoef(after.sort_values("id")["y"], before["y"])[0, 1]
    assert found["correlation"] == pytest.approx(spread, rel=1e-9)
    z = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    assert found["smallest_detectable_change"] == pytest.approx(z * found["standard_error"])


def test_different_people_have_variances_that_add_up(panel):
    before, after = panel
    found = level_change(before, after, ["y"])
    row = found.score.iloc[0]
    variance = before["y"].var() / 80 + after["y"].var() / 80
    assert row["standard_error"] == pytest.approx(100 / 9 * np.sqrt(variance), rel=1e-9)
    assert row["correlation"] == 0
    assert found.overlap == 0
    assert "samples of different people" in found.notes[-1]
    strangers = level_change(before, after.assign(id=after["id"] + 100), ["y"], respondent="id")
    assert strangers.score.iloc[0]["standard_error"] == pytest.approx(row["standard_error"])
    assert "Nobody is known" in strangers.notes[-1]


def test_shares_of_different_people_have_newcombes_interval():
    before = pd.DataFrame({"y": [8] * 48 + [3] * 32})
    after = pd.DataFrame({"y": [8] * 56 + [3] * 14})
    row = level_change(before, after, ["y"]).levels.set_index("level").loc["satisfied"]
    assert row[["change", "low", "high"]].tolist() == pytest.approx([0.2, 0.0524, 0.3339], abs=5e-5)


def test_levels_are_those_of_each_wave_and_empty_ones_keep_an_interval(panel):
    before, after = panel
    found = level_change(before, after, ["y"], respondent="id").levels
    for name, table in (("before", before), ("after", after)):
        alone = satisfaction_levels(table, "y")
        ours = found.head(5)[[name, f"{name}_low", f"{name}_high"]].to_numpy()
        assert ours == pytest.approx(alone[["share", "low", "high"]].to_numpy(), rel=1e-9)
    upper = found.set_index("level").loc[UPPER]
    assert upper["before"] == pytest.approx((before["y"] >= 7).mean())
    assert upper["after"] == pytest.approx((after["y"] >= 7).mean())
    nobody = level_change(before.clip(lower=3), after.clip(lower=3), ["y"]).levels.iloc[0]
    assert nobody["change"] == 0
    assert nobody["low"] < 0 < nobody["high"]


def test_moves_are_counted_of_those_in_both(panel):
    before, after = panel
    after = after.assign(id=after["id"].where(after["id"] < 50, after["id"] + 1000))
    found = level_change(before, after, ["y"], respondent="id")
    assert found.overlap == 50
    pairs = before.merge(after, on="id")
    expected = pd.crosstab((pairs["y_x"] - 1) // 2, (pairs["y_y"] - 1) // 2)
    for start, end in zip(*np.nonzero(found.moves.to_numpy()), strict=True):
        assert found.moves.iloc[start, end] == expected.loc[start, end]
    assert found.moves.to_numpy().sum() == 50


def test_several_columns_are_followed_by_their_mean(panel):
    before, after = (table.assign(z=(table["y"] + 1).clip(upper=10)) for table in panel)
    found = level_change(before, after, ["y", "z"], respondent="id").score.iloc[0]
    mean = (before["y"] + before["z"]).mean() / 2
    assert found["before"] == pytest.approx(100 * (mean - 1) / 9)


def test_weights_count_and_idle_people_do_not(panel):
    before, after = (table.assign(w=np.where(table["id"] < 40, 1.0, 0.0)) for table in panel)
    weighed = level_change(before, after, ["y"], weights="w", respondent="id")
    halves = [table[table["id"] < 40] for table in (before, after)]
    alone = level_change(*halves, ["y"], respondent="id")
    pd.testing.assert_frame_equal(weighed.score, alone.score)
    pd.testing.assert_frame_equal(weighed.levels, alone.levels)


def test_those_in_both_waves_alone_change_by_the_paired_t_test(panel):
    before, after = panel
    after = after.assign(id=after["id"].where(after["id"] < 50, after["id"] + 1000))
    found = level_change(before, after, ["y"], respondent="id").panel.iloc[0]
    pairs = before.merge(after, on="id")
    means = [100 / 9 * (pairs[name].mean() - 1) for name in ("y_x", "y_y")]
    assert [found["n"], found["before"], found["after"]] == pytest.approx([50, *means])
    assert found["change"] == pytest.approx(means[1] - means[0])
    # Those in both are a part of the wave after, so its size stands in n / (n - 1), and in t.
    error = 100 / 9 * stats.sem(pairs["y_y"] - pairs["y_x"]) * np.sqrt(49 / 50 * 80 / 79)
    assert found["standard_error"] == pytest.approx(error, rel=1e-9)
    assert found["high"] - found["change"] == pytest.approx(error * stats.t.ppf(0.975, 49))
    everybody = level_change(before, panel[1], ["y"], respondent="id")
    for name in ("before", "after", "change", "standard_error", "low", "high"):
        assert everybody.panel[name][0] == pytest.approx(everybody.score[name][0], rel=1e-9)


def test_too_few_in_both_waves_or_nobody_known_have_no_change_of_their_own(panel):
    before, after = panel
    few = after.assign(id=after["id"].where(after["id"] < 9, after["id"] + 1000))
    assert level_change(before, few, ["y"], respondent="id").panel.empty
    assert level_change(before, after, ["y"]).panel.empty


def test_those_in_both_waves_count_with_the_weights_of_the_wave_after(panel):
    before, after = (table.assign(w=1.0 + table["id"] % 3 * n) for n, table in enumerate(panel))
    found = level_change(before, after, ["y"], weights="w", respondent="id").panel.iloc[0]
    pairs = before.merge(after, on="id")
    change = np.average(pairs["y_y"] - pairs["y_x"], weights=pairs["w_y"])
    assert found["change"] == pytest.approx(100 / 9 * change)


@pytest.mark.slow
def test_intervals_hold_the_truth_as_often_as_they_say():
    """2,000 panels of 100 and 120 people, 60 of them in both; true change of a share: 0.1."""
    rng = np.random.default_rng(11)
    held = np.zeros(2)
    for _ in range(2000):
        person = rng.normal(size=160)
        now, then = person + rng.normal(size=160), person + rng.normal(size=160)
        limit = np.sqrt(2) * stats.norm.ppf([0.6, 0.5])
        first = pd.DataFrame({"id": range(100), "y": np.where(then[:100] > limit[0], 8, 4)})
        second = pd.DataFrame({"id": range(40, 160), "y": np.where(now[40:] > limit[1], 8, 4)})
        found = level_change(first, second, ["y"], respondent="id")
        share = found.levels.iloc[3]
        score = found.score.iloc[0]
        held += [
            share["low"] <= 0.1 <= share["high"],
            score["low"] <= 0.1 * 400 / 9 <= score["high"],
        ]
    assert held / 2000 == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize(
    ("change", "arguments", "words"),
    [
        ({}, {"columns": ["nothing"]}, 'Wave before: The table has no column "nothing"'),
        ({"y": 99}, {}, "outside the scale"),
        ({"y": "good"}, {}, "must hold answers"),
        ({"y": np.nan}, {}, "Wave after"),
        ({"id": 1}, {}, "more than one row"),
        ({}, {"confidence": 95}, "write a fraction"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_wave(panel, change, arguments, words):
    before, after = panel
    usual = {"columns": ["y"], "respondent": "id"}
    with pytest.raises(InputError, match=words):
        level_change(before, after.assign(**change), **usual | arguments)


def test_too_few_who_answered_half_are_refused(panel):
    before, after = (table.assign(z=table["y"], u=table["y"]) for table in panel)
    after.loc[after["id"] >= 5, ["y", "u"]] = np.nan
    with pytest.raises(InputError, match="Wave after: 5 respondents answered at least half"):
        level_change(before, after, ["y", "u", "z"], respondent="id")
