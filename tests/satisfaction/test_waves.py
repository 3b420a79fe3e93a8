"""Change between waves.

Oracles: the decomposition written out, the paired and the unpaired standard error of a difference
of means, and waves simulated with a known change.
"""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from crmlib.errors import InputError
from crmlib.satisfaction.index import satisfaction_index
from crmlib.satisfaction.waves import joint_design, split_change, wave_change

ITEMS = ["i0", "i1", "i2"]


def wave(n, seed, shift=0.0, slopes=(0.8, 0.4, 0.2), level=None):
    random = np.random.default_rng(seed)
    common = random.normal(size=(n, 1)) if level is None else level
    z = 0.7 * common + 0.7 * random.normal(size=(n, 3))
    overall = 5.5 + shift + 0.7 * (z @ np.array(slopes) + random.normal(size=n))
    data = pd.DataFrame(np.clip(5.5 + shift + z, 1, 10), columns=ITEMS)
    return data.assign(overall=np.clip(overall, 1, 10), who=np.arange(n))


def panel(n, seed, shift=0.0):
    level = np.random.default_rng(seed).normal(size=(n, 1))
    return wave(n, seed + 1000, level=level), wave(n, seed + 2000, shift, level=level)


def change(before, after, **arguments):
    arguments = {"replicates": 200, "seed": 1, "components": 2} | arguments
    return wave_change(before, after, ITEMS, "overall", **arguments)


def test_scores_and_weights_add_up_to_the_change():
    random = np.random.default_rng(1)
    weights = random.dirichlet([1, 1, 1], size=(2, 50))
    scores = random.uniform(0, 100, size=(2, 50, 3))
    parts = split_change(*weights, *scores)
    np.testing.assert_allclose(parts[:, 3] + parts[:, 4], parts[:, 2])
    np.testing.assert_allclose(parts[:, 1] - parts[:, 0], parts[:, 2])
    same_weights = split_change(weights[0], weights[0], *scores)
    np.testing.assert_allclose(same_weights[:, 4], 0, atol=1e-12)
    # Half the sum of both weights, by hand.
    expected = (weights.mean(axis=0)[0] * (scores[1, 0] - scores[0, 0])).sum()
    assert parts[0, 3] == pytest.approx(expected)


def test_indices_are_those_of_each_wave_alone():
    before, after = wave(120, 2), wave(150, 3, 0.5)
    rows = change(before, after).table.set_index("quantity")["estimate"]
    for name, data in (("index before", before), ("index after", after)):
        alone = satisfaction_index(data, ITEMS, "overall", components=2, replicates=100, seed=1)
        assert rows[name] == pytest.approx(alone.table["index"].item())
    assert rows["change"] == pytest.approx(rows["score effect"] + rows["weight effect"])


def test_people_in_both_waves_are_drawn_together():
    before, after = panel(300, 4)
    found = change(before, after, respondent="who", replicates=2000)
    apart = change(before, after, replicates=2000)
    difference = (after[ITEMS] - before[ITEMS]) / 9 * 100
    paired = difference.std() / np.sqrt(300)
    unpaired = np.sqrt(before[ITEMS].var() / 300 + after[ITEMS].var() / 300) / 9 * 100
    for result, error, degrees in ((found, paired, 299), (apart, unpaired, 598)):
        half = (result.items["high"] - result.items["low"]) / 2
        expected = error.to_numpy() * stats.t.ppf(0.975, degrees)
        np.testing.assert_allclose(half, expected, rtol=0.06)  # of 2,000 resamples: 1.6%
        np.testing.assert_allclose(result.items["change"], difference.mean())
    assert (found.overlap, apart.overlap) == (300, 0)
    assert (paired < 0.9 * unpaired).all()
    assert "300 respondents answered both times, drawn for both at once." in found.notes
    assert any("samples of different people" in note for note in apart.notes)


def test_a_part_in_both_waves_counts_for_what_it_is():
    # A third of the people of each wave are in both.
    before, after = panel(300, 5)
    later = after.iloc[:100].copy()
    others = wave(200, 6).assign(who=lambda d: d["who"] + 1000)
    later = pd.concat([later, others], ignore_index=True)
    found = change(before, later, respondent="who", replicates=2000)
    assert found.overlap == 100
    together = np.cov(before["i0"][:100], later["i0"][:100])[0, 1]
    variance = before["i0"].var() / 300 + later["i0"].var() / 300 - 2 * together * 100 / 300**2
    row = found.items.iloc[0]
    degrees = 500 - 1
    expected = np.sqrt(variance) / 9 * 100 * stats.t.ppf(0.975, degrees)
    assert (row["high"] - row["low"]) / 2 == pytest.approx(expected, rel=0.08)


def test_the_same_wave_twice_has_not_changed_at_all():
    data = wave(80, 7)
    found = change(data, data, respondent="who")
    rows = found.table.set_index("quantity")
    np.testing.assert_allclose(rows.loc["change":, ["estimate", "standard_error"]], 0, atol=1e-9)
    assert not found.items["changed"].any()
    assert found.items["p_holm"].eq(1).all()
    assert found.smallest_detectable_change == pytest.approx(0, abs=1e-9)


def test_a_change_of_all_scores_is_found_and_laid_on_scores():
    before, after = panel(300, 8, 0.9)
    found = change(before, after, respondent="who")
    rows = found.table.set_index("quantity")
    # 0.9 of 9 points of the scale are 10 of 100.
    assert rows.loc["change", "low"] < 10 < rows.loc["change", "high"]
    assert rows.loc["score effect", "estimate"] == pytest.approx(10, abs=1.5)
    assert rows.loc["weight effect", "low"] < 0 < rows.loc["weight effect", "high"]
    assert found.items["changed"].all()


@pytest.mark.slow
def test_the_smallest_detectable_change_is_seen_as_often_as_its_power_says():
    before, after = panel(200, 9)
    found = change(before, after, respondent="who", replicates=1000)
    error = found.table.loc[2, "standard_error"]
    assert found.smallest_detectable_change == pytest.approx((1.959964 + 0.841621) * error)
    more = change(before, after, respondent="who", replicates=1000, power=0.95)
    assert more.smallest_detectable_change > found.smallest_detectable_change
    # Waves that differ by so much: 8 of 10 intervals leave out zero, give or take 0.06.
    usual = [
        change(*panel(200, seed), respondent="who").smallest_detectable_change
        for seed in range(20, 30)
    ]
    shift = np.mean(usual) / 100 * 9
    seen = []
    for seed in range(45):
        one = change(*panel(200, 3 * seed + 50, shift), respondent="who")
        seen.append(one.table.loc[2, "low"] > 0)
    assert 0.65 <= np.mean(seen) <= 0.93


def test_strata_keep_units_of_both_waves_in_one():
    before = wave(40, 10).assign(stratum=np.repeat(["a", "b"], 20), w=1.5)
    after = wave(40, 11).assign(stratum=np.repeat(["a", "b"], [19, 21]), w=2.5)
    found = change(before, after, respondent="who", strata="stratum", weights="w")
    assert found.overlap == 40
    assert found.table["standard_error"].gt(0).all()


def test_units_are_joined_by_what_is_drawn():
    before = wave(20, 12).assign(stratum=np.repeat(["a", "b"], 10))
    after = wave(20, 13).assign(stratum="new", who=lambda d: d["who"] + 1)
    waves, tables = two_waves(before, after)
    cluster, stratum = joint_design(waves, tables, "who", "stratum")
    assert cluster[1] == cluster[20]
    # The one who is new has nobody in his stratum and joins the largest.
    assert np.array_equal(stratum[20:], [0] * 9 + [1] * 10 + [0])
    cluster, stratum = joint_design(waves, tables, None, "stratum")
    assert len(np.unique(cluster)) == 40
    assert np.array_equal(np.unique(stratum[:20]), [0, 1])
    assert np.array_equal(np.unique(stratum[20:]), [2])


def two_waves(before, after):
    from crmlib.satisfaction.answers import answers_of

    waves = [answers_of(table, ITEMS, "overall", strata="stratum") for table in (before, after)]
    return waves, [before, after]


def test_clusters_of_both_waves_are_drawn_together():
    before, after = panel(200, 14)
    before, after = (data.assign(store=np.arange(200) % 20) for data in (before, after))
    found = change(before, after, clusters="store")
    assert any("20 clusters in both waves" in note for note in found.notes)
    other = change(before, after.assign(store=lambda d: d["store"] + 20), clusters="store")
    assert any("No cluster is in both waves: each" in note for note in other.notes)
    torn = change(
        before, after.assign(store=lambda d: d["store"] + 20), clusters="store", respondent="who"
    )
    assert any("no cluster is in both waves" in note for note in torn.notes)


@pytest.mark.parametrize("missing", ["em", "impute", "complete"])
def test_missing_answers_are_allowed_for_in_each_wave(missing):
    before, after = panel(150, 15)
    whole = change(before, after, respondent="who").table["estimate"]
    gaps = before.mask(np.random.default_rng(16).random(before.shape) < 0.05)
    gaps["who"] = before["who"]
    found = change(gaps, after, respondent="who", missing=missing)
    np.testing.assert_allclose(found.table["estimate"][:3], whole[:3], atol=2.0)
    assert any(note.startswith("Wave before: ") for note in found.notes)
    assert found.n_after == 150
    if missing == "complete":
        assert found.left_out["wave"].tolist() == ["before"]
        assert found.n_before == 150 - found.left_out["rows"].item()


def test_a_wave_that_has_no_index_leaves_the_change_unsaid():
    before, after = wave(60, 17), wave(60, 18).assign(i1=lambda d: d["i0"])
    found = change(before, after, method="ols")
    rows = found.table.set_index("quantity")
    assert rows.loc["index before", "estimate"] > 0
    assert rows.loc["index after":, ["estimate", "low", "high"]].isna().all(axis=None)
    assert found.items["change"].notna().all()
    assert any(note.startswith("Wave after: Cannot say") for note in found.notes)


def test_faults_say_in_which_wave_they_are():
    data = wave(60, 19)
    with pytest.raises(InputError, match=r"^Wave after: .*outside the scale"):
        change(data, data.assign(i0=12.0))
    with pytest.raises(InputError, match=r"^Wave before: .*more than one row"):
        change(data.assign(who=1), data, respondent="who")
    with pytest.raises(InputError, match="power=80"):
        change(data, data, power=80)
