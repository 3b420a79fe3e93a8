"""Loyalty index, its determinants, gaps to expectation, levels of satisfaction.

Oracle: formulas of the textbook written out, scipy, statsmodels and pingouin for unweighted
answers, the sampling package (itself checked against R) for designs, and the example company, whose
paths are known. The intervals' coverage is counted in simulations, with its Monte Carlo error.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pingouin
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from crmlib.errors import InputError
from crmlib.sampling.estimation import estimate
from crmlib.sampling.samples import SurveySample
from crmlib.satisfaction.loyalty import (
    LEVELS,
    MODERATION,
    determinants,
    expectation_gap,
    loyalty_index,
    mean_of_answered,
    mediation_of,
    satisfaction_levels,
)
from crmlib.tables import example_study

STUDY = Path(__file__).parents[2] / "data" / "study.csv"
INTENTIONS = ["repurchase", "cross_buying", "referral", "price_tolerance"]
ROLES = {
    "value": ["value1", "value2"],
    "satisfaction": ["satisfaction1", "satisfaction2", "satisfaction3"],
    "switching_cost": ["switching_cost1", "switching_cost2"],
    "trust": ["trust1", "trust2"],
    "loyalty": INTENTIONS,
}
PAIRS = {
    "product": ("expectation1", "quality1"),
    "delivery": ("expectation2", "quality2"),
    "service": ("expectation3", "quality3"),
}
DESIGN = {"weights": "weight", "strata": "stratum", "clusters": "cluster"}


@pytest.fixture(scope="module")
def study():
    return pd.read_csv(STUDY)


@pytest.fixture
def designed(study):
    """The study as if drawn in 40 clusters of two strata, with unequal weights."""
    random = np.random.default_rng(3)
    cluster = np.arange(len(study)) % 40
    weight = random.uniform(0.5, 3, len(study))
    region = np.where(cluster % 3 == 0, "North", "South")
    return study.assign(cluster=cluster, stratum=cluster % 2, weight=weight, region=region)


def complete(study, columns):
    return study.dropna(subset=columns)


# --- the index ----------------------------------------------------------------------------------


def test_index_of_complete_answers_is_the_textbook_mean(study):
    data = complete(study, INTENTIONS)
    score = (data[INTENTIONS].mean(axis=1) - 1) / 9 * 100
    found = loyalty_index(data, INTENTIONS)
    row = found.table.iloc[0]
    error = stats.sem(score)
    ends = stats.t.interval(0.95, len(score) - 1, score.mean(), error)
    assert row[["index", "standard_error", "low", "high"]].tolist() == pytest.approx(
        [score.mean(), error, *ends], rel=1e-12
    )
    assert row["segment"] == "all"
    assert row["n"] == row["n_effective"] == len(data)
    assert found.respondents["loyalty"].to_numpy() == pytest.approx(score.to_numpy())
    alpha, ends = pingouin.cronbach_alpha(data[INTENTIONS])
    assert found.alpha == pytest.approx(alpha, rel=1e-12)
    # pingouin rounds the interval to three digits.
    assert [found.alpha_low, found.alpha_high] == pytest.approx(ends, abs=6e-4)
    for item in found.items.itertuples():
        others = data[INTENTIONS].drop(columns=item.item).mean(axis=1)
        assert item.item_total == pytest.approx(data[item.item].corr(others), rel=1e-12)
        assert item.score == pytest.approx((data[item.item].mean() - 1) / 9 * 100)
    assert found.notes == ()
    assert found.left_out.empty


def test_index_of_a_design_is_that_of_the_sampling_package(designed):
    data = complete(designed, INTENTIONS)
    data = data.assign(score=(data[INTENTIONS].mean(axis=1) - 1) / 9 * 100)
    sample = SurveySample(data, "weight", strata="stratum", clusters=("cluster",))
    for by in (None, "region"):
        expected = estimate(sample, "score", by=by)
        found = loyalty_index(data, INTENTIONS, **DESIGN, by=by).table.iloc[-len(expected) :]
        names = {"index": "estimate"} | {k: k for k in ("standard_error", "low", "high", "n")}
        for ours, theirs in names.items():
            assert found[ours].to_numpy() == pytest.approx(expected[theirs].to_numpy(), rel=1e-10)


def test_items_can_have_names_and_another_scale(study):
    data = complete(study, INTENTIONS)
    named = loyalty_index(data, {"buy again": "repurchase", "recommend": "referral"})
    assert named.items["item"].tolist() == ["buy again", "recommend"]
    wide = loyalty_index(data, ["repurchase", "referral"], scale=(0, 20))
    mean = data[["repurchase", "referral"]].mean(axis=1).mean()
    assert wide.table["index"].iloc[0] == pytest.approx(mean / 20 * 100)


def test_respondents_count_with_half_of_the_answers():
    values = np.array([[2.0, 4, np.nan, np.nan], [2, np.nan, np.nan, np.nan], [1, 2, 3, 4]])
    assert mean_of_answered(values) == pytest.approx([3, np.nan, 2.5], nan_ok=True)
    assert np.isnan(mean_of_answered(np.array([[np.nan]]))).all()


def test_who_does_not_count_is_told(study):
    data = complete(study, INTENTIONS).reset_index(drop=True)
    data = data.assign(weight=1.0)
    data.loc[0, INTENTIONS] = np.nan
    data.loc[1, INTENTIONS[1:]] = np.nan
    data.loc[2, "weight"] = 0.0
    found = loyalty_index(data, INTENTIONS, weights="weight")
    assert dict(found.left_out.to_numpy()) == {
        "weight of zero": 1,
        "no answer at all": 1,
        "answered less than half": 1,
    }
    assert found.table["n"].iloc[0] == len(data) - 3
    assert found.respondents["loyalty"].isna().to_numpy().nonzero()[0].tolist() == [0, 1, 2]


def test_a_segment_with_too_few_has_no_index(study):
    data = study.assign(size=["small"] * 9 + ["large"] * (len(study) - 9))
    table = loyalty_index(data, INTENTIONS, by="size").table.set_index("segment")
    assert table.loc["small", "note"] == "too few"
    assert table.loc["small", ["index", "low", "high"]].isna().all()
    assert table.loc["large", "index"] > 0


def test_segments_are_compared_pair_by_pair(study):
    data = complete(study, INTENTIONS).reset_index(drop=True)
    data = data.assign(size=np.array(["small", "large", "huge"])[data.index % 3])
    data.loc[data["size"] == "large", INTENTIONS] = data[INTENTIONS].clip(upper=6)
    data.loc[:4, "size"] = "few"
    score = (data[INTENTIONS].mean(axis=1) - 1) / 9 * 100
    groups = {name: score[data["size"] == name] for name in ("small", "large", "huge")}
    found = loyalty_index(data, INTENTIONS, by="size").differences
    assert len(found) == 3
    assert found["p_holm"].is_monotonic_increasing
    assert found["p_holm"].to_numpy() == pytest.approx(multipletests(found["p"], method="holm")[1])
    assert "few" not in {*found["segment"], *found["other"]}
    for row in found.itertuples():
        welch = stats.ttest_ind(groups[row.segment], groups[row.other], equal_var=False)
        assert row.difference == pytest.approx(
            groups[row.segment].mean() - groups[row.other].mean(), rel=1e-12
        )
        assert row.difference >= 0
        # Segments are parts of one sample, so that n / (n - 1) is that of the whole sample.
        assert row.difference / row.standard_error == pytest.approx(welch.statistic, rel=0.01)
        assert row.p == pytest.approx(welch.pvalue, rel=0.05, abs=1e-4)
        ends = welch.confidence_interval()
        assert [row.low, row.high] == pytest.approx([ends.low, ends.high], abs=0.1)
    assert loyalty_index(data, INTENTIONS).differences.empty


def test_clusters_in_two_segments_count_in_their_difference(designed):
    """The variance of the difference written out by the sums of clusters."""
    data = complete(designed, INTENTIONS).reset_index(drop=True)
    data = data.assign(half=np.where(data.index % 2, "odd", "even"))
    row = loyalty_index(data, INTENTIONS, **DESIGN, by="half").differences.iloc[0]
    score = (data[INTENTIONS].mean(axis=1) - 1) / 9 * 100
    part = pd.Series(0.0, data.index)
    for name, sign in ((row["segment"], 1), (row["other"], -1)):
        inside = data["half"] == name
        weight = data["weight"].where(inside, 0.0)
        part += sign * weight * (score - np.average(score, weights=weight)) / weight.sum()
    sums = part.groupby([data["stratum"], data["cluster"]]).sum()
    variance = sum(len(z) * z.var() for _, z in sums.groupby(level=0))
    assert row["standard_error"] == pytest.approx(np.sqrt(variance), rel=1e-10)
    half = row["standard_error"] * stats.t.ppf(0.975, 40 - 2)
    assert row["high"] - row["difference"] == pytest.approx(half, rel=1e-10)


def test_a_reversed_intention_is_told(study):
    found = loyalty_index(study.assign(referral=11 - study["referral"]), INTENTIONS)
    assert any(note.startswith("referral: the answers run against") for note in found.notes)
    assert any(note.startswith("Cronbach's alpha is") for note in found.notes)


def test_more_items_than_people_and_a_single_item_give_an_index():
    random = np.random.default_rng(1)
    data = pd.DataFrame(random.integers(1, 11, (12, 15)).astype(float)).add_prefix("q")
    found = loyalty_index(data, list(data))
    assert found.table["index"].iloc[0] == pytest.approx((data.to_numpy().mean() - 1) / 9 * 100)
    single = loyalty_index(data, ["q0"])
    assert np.isnan([single.alpha, single.alpha_low]).all()
    assert single.items["item_total"].isna().all()
    # Item by item the same: alpha 1, and an index like any other.
    copies = loyalty_index(data.assign(q1=data["q0"]), ["q0", "q1"])
    assert copies.alpha == pytest.approx(1)


def test_interval_of_clusters_covers_the_mean():
    random = np.random.default_rng(5)
    cluster = np.repeat(np.arange(30), 6)
    covered = 0
    for _ in range(200):
        common = random.normal(0, 1, 30)[cluster]
        answers = 5.5 + common[:, None] + random.normal(0, 1, (180, 2))
        data = pd.DataFrame(answers, columns=["a", "b"]).assign(cluster=cluster)
        row = loyalty_index(data, ["a", "b"], clusters="cluster", scale=(-5, 16)).table.iloc[0]
        covered += row["low"] <= 50 <= row["high"]
    # Monte Carlo error 1.5 %: three of them.
    assert covered / 200 == pytest.approx(0.95, abs=0.045)


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        ({"referral": 7}, {}, 'Column "referral": all 240 answers are 7'),
        ({"referral": "much"}, {}, 'Column "referral" must hold answers'),
        ({"referral": 11}, {}, 'Column "referral": 240 of 240 answers are outside the scale'),
        ({"referral": np.nan}, {}, 'Column "referral" has no answers at all'),
        ({"weight": 0.0}, {"weights": "weight"}, "all weights are zero"),
        ({"weight": -1.0}, {"weights": "weight"}, "negative"),
        ({"customer_id": "C1"}, {"respondent": "customer_id"}, "more than one row"),
        ({"area": np.nan}, {"by": "area"}, 'Column "area": 240 values are missing'),
        ({}, {"confidence": 95}, "confidence=95"),
    ],
)
def test_index_refuses_what_it_cannot_use(study, change, arguments, message):
    with pytest.raises(InputError, match=message):
        loyalty_index(study.assign(**change), INTENTIONS, **arguments)


def test_index_refuses_one_person_and_columns_named_twice(study):
    with pytest.raises(InputError, match="1 of 1 respondents can be used"):
        loyalty_index(study.head(1), INTENTIONS)
    with pytest.raises(InputError, match="names referral more than once"):
        loyalty_index(study, ["referral", "referral"])
    with pytest.raises(InputError, match="must be a list of columns"):
        loyalty_index(study, "referral")
    with pytest.raises(InputError, match="no column"):
        loyalty_index(study, ["loyal"])
    place = np.arange(20)
    data = pd.DataFrame(
        {
            "often": np.where(place < 11, 5.0 + place % 3, np.nan),
            "seldom": np.where(place < 5, 4.0 + place % 2, np.nan),
        }
    )
    data = data.assign(rarely=data["seldom"])
    with pytest.raises(InputError, match="5 respondents answered at least half"):
        loyalty_index(data, ["often", "seldom", "rarely"])


# --- determinants -------------------------------------------------------------------------------


def scores_of(study):
    return pd.DataFrame(
        {name: mean_of_answered(study[columns].to_numpy(float)) for name, columns in ROLES.items()}
    )


@pytest.fixture(scope="module")
def found(study):
    return determinants(study, **ROLES, replicates=500, seed=1)


def test_effects_are_least_squares_with_a_centred_product(study, found):
    scores = scores_of(study).dropna()
    x = scores.drop(columns="loyalty") - scores.drop(columns="loyalty").mean()
    x[MODERATION] = x["satisfaction"] * x["switching_cost"]
    fit = sm.OLS(scores["loyalty"], sm.add_constant(x)).fit()
    effects = found.effects.set_index("effect")
    expected = pd.concat([fit.params, fit.bse, fit.conf_int(), fit.pvalues], axis=1).drop("const")
    columns = ["coefficient", "standard_error", "low", "high", "p"]
    assert effects[columns].to_numpy() == pytest.approx(expected.to_numpy(), rel=1e-9)
    assert found.r_squared == pytest.approx(fit.rsquared, rel=1e-12)
    for j, name in enumerate(x):
        others = sm.add_constant(x.drop(columns=name))
        inflation = 1 / (1 - sm.OLS(x[name], others).fit().rsquared)
        assert effects["variance_inflation"].iloc[j] == pytest.approx(inflation, rel=1e-9)
    assert found.n == len(scores) == effects["n"].unique()


def test_slopes_are_those_of_the_fitted_surface(study, found):
    effects = found.effects.set_index("effect")["coefficient"]
    costs = scores_of(study).dropna()["switching_cost"]
    levels = costs.mean() + costs.std() * np.array([-1, 0, 1])
    slopes = effects["satisfaction"] + effects[MODERATION] * (levels - costs.mean())
    assert found.slopes["level"].to_numpy() == pytest.approx(levels)
    assert found.slopes["coefficient"].to_numpy() == pytest.approx(slopes, rel=1e-9)
    assert found.slopes["switching_cost"].tolist() == ["low", "average", "high"]


def test_mediation_adds_up_and_is_that_of_regressions(study, found):
    scores = scores_of(study).dropna()
    first = sm.OLS(scores["satisfaction"], sm.add_constant(scores[["value"]])).fit()
    total = sm.OLS(scores["loyalty"], sm.add_constant(scores[["value"]])).fit()
    both = sm.OLS(scores["loyalty"], sm.add_constant(scores[["value", "satisfaction"]])).fit()
    rows = found.mediation.set_index("effect")
    for name, fit, term in (
        ("value on satisfaction", first, "value"),
        ("satisfaction on loyalty", both, "satisfaction"),
        ("total", total, "value"),
        ("direct", both, "value"),
    ):
        expected = [fit.params[term], fit.bse[term], *fit.conf_int().loc[term], fit.pvalues[term]]
        columns = ["coefficient", "standard_error", "low", "high", "p"]
        assert rows.loc[name, columns].tolist() == pytest.approx(expected, rel=1e-9)
    coefficient = rows["coefficient"]
    product = coefficient["value on satisfaction"] * coefficient["satisfaction on loyalty"]
    assert coefficient["indirect"] == pytest.approx(product, rel=1e-9)
    assert coefficient["total"] == pytest.approx(coefficient["direct"] + product, rel=1e-9)
    # Sobel's large-sample error is near that of the bootstrap.
    error = np.hypot(
        first.params["value"] * both.bse["satisfaction"],
        both.params["satisfaction"] * first.bse["value"],
    )
    assert rows.loc["indirect", "standard_error"] == pytest.approx(error, rel=0.15)
    assert rows.loc["indirect", "p"] >= 2 / 500


def test_without_switching_costs_and_trust_there_is_no_moderation(study):
    roles = {name: ROLES[name] for name in ("value", "satisfaction", "loyalty")}
    alone = determinants(study, **roles, replicates=100, seed=1)
    scores = scores_of(study)[list(roles)].dropna()
    fit = sm.OLS(scores["loyalty"], sm.add_constant(scores[["value", "satisfaction"]])).fit()
    assert alone.effects["effect"].tolist() == ["value", "satisfaction"]
    expected = fit.params.drop("const").tolist()
    assert alone.effects["coefficient"].tolist() == pytest.approx(expected, rel=1e-9)
    assert alone.slopes.empty
    trusting = determinants(study, **roles, trust=ROLES["trust"], replicates=100, seed=1)
    assert trusting.effects["effect"].tolist() == ["value", "satisfaction", "trust"]


def test_same_seed_same_interval_and_confidence_widens_it(study, found):
    again = determinants(study, **ROLES, replicates=500, seed=1)
    pd.testing.assert_frame_equal(again.mediation, found.mediation)
    other = determinants(study, **ROLES, replicates=500, seed=2)
    assert other.mediation.iloc[4]["low"] != found.mediation.iloc[4]["low"]
    wide = determinants(study, **ROLES, replicates=500, seed=1, confidence=0.99)
    for ours, theirs in ((wide.effects, found.effects), (wide.mediation, found.mediation)):
        assert (ours["low"] < theirs["low"]).all()
        assert (ours["high"] > theirs["high"]).all()


def test_the_example_companys_paths_are_found(monkeypatch):
    monkeypatch.setattr(example_study, "RESPONDENTS", 4000)
    names = np.array([f"C{n}" for n in range(4000)], dtype=object)
    answers, _ = example_study.study(np.random.default_rng(8), names, np.datetime64("2025-12"))
    found = determinants(answers, **ROLES, replicates=100, seed=1)
    effects = found.effects.set_index("effect")
    # In the truth value acts through satisfaction alone; satisfaction, trust and switching costs
    # raise loyalty, and the product lowers it. Noise in the answers brings all nearer to zero, and
    # leaves value a little of what satisfaction does.
    assert (effects.loc[["satisfaction", "switching_cost", "trust"], "low"] > 0.1).all()
    assert effects.loc[MODERATION, "high"] < -0.1
    assert abs(effects.loc["value", "coefficient"]) < 0.1
    assert effects["coefficient"].idxmax() == "satisfaction"
    slopes = found.slopes["coefficient"]
    assert slopes.is_monotonic_decreasing
    indirect, direct = (
        found.mediation.set_index("effect").loc[name, "coefficient"]
        for name in ("indirect", "direct")
    )
    assert indirect > 3 * abs(direct)


@pytest.mark.slow
def test_interval_of_the_indirect_effect_covers_it():
    random = np.random.default_rng(11)
    covered = 0
    for _ in range(100):
        x, u, v = random.normal(size=(3, 80))
        mediator = 0.5 * x + u
        data = pd.DataFrame({"value": x, "satisfaction": mediator, "loyalty": 0.6 * mediator + v})
        row = mediation_of(data, 200, 0.95, 3).iloc[4]
        covered += row["low"] <= 0.5 * 0.6 <= row["high"]
    # Monte Carlo error 2.2 %; bias-corrected bootstrap intervals from 80 answers fall short a bit.
    assert 0.88 <= covered / 100 <= 0.99


def test_who_left_out_a_determinant_is_counted(study):
    data = study.copy()
    data.loc[:9, ["trust1", "trust2"]] = np.nan
    found = determinants(data, **ROLES, replicates=100, seed=1)
    assert dict(found.left_out.to_numpy()) == {"answered less than half on one thing": 10}
    assert found.n == 230
    assert (found.mediation["n"] == 230).all()
    assert found.constructs["construct"].tolist() == list(ROLES)
    assert found.constructs.loc[3, "items"] == "trust1 trust2"


def test_determinants_that_hang_together_are_noted(study):
    near = study["satisfaction1"] + np.random.default_rng(0).normal(0, 0.2, len(study))
    data = study.assign(value1=near.clip(1, 10))
    roles = ROLES | {"value": "value1", "satisfaction": "satisfaction1"}
    found = determinants(data, **roles, replicates=100, seed=1)
    assert "hard to tell apart" in found.notes[-1]


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        ({}, {"value": "trust1"}, "trust1 stands for value and for trust"),
        ({}, {"loyalty": "satisfaction1"}, "stands for satisfaction and for loyalty"),
        ({}, {"value": []}, "value has no columns"),
        ({}, {"confidence": 0}, "confidence=0"),
        ({}, {"replicates": 10}, "replicates=10"),
        ({"value1": 5.0}, {}, 'Column "value1": all 240 answers are 5'),
        ({"value1": "good"}, {}, 'Column "value1" must hold answers'),
        ({"value1": 99.0}, {}, "outside the scale"),
        ({"value1": np.nan}, {}, "no answers at all"),
        ({"customer_id": "C1"}, {"respondent": "customer_id"}, "more than one row"),
    ],
)
def test_determinants_refuse_what_they_cannot_use(study, change, arguments, message):
    with pytest.raises(InputError, match=message):
        determinants(study.assign(**change), **ROLES | {"seed": 1} | arguments)


def test_determinants_refuse_what_cannot_be_told_apart(study):
    data = study.assign(copy=study["satisfaction1"])
    roles = ROLES | {"value": "copy", "satisfaction": "satisfaction1"}
    with pytest.raises(InputError, match="value, satisfaction cannot be told apart"):
        determinants(data, **roles, seed=1)
    with pytest.raises(InputError, match="loyalty follows from the determinants without any error"):
        determinants(data, **ROLES | {"satisfaction": "satisfaction1", "loyalty": "copy"}, seed=1)
    with pytest.raises(InputError, match="29 respondents answered"):
        determinants(study.dropna().head(29), **ROLES, seed=1)
    two = study.assign(satisfaction1=np.where(study["satisfaction1"] > 7, 10, 5))
    with pytest.raises(InputError, match="satisfaction has two values only"):
        determinants(two, **ROLES | {"satisfaction": "satisfaction1"}, seed=1)
    # Answers differ, but only those of respondents who cannot be used.
    alike = study.assign(value1=5.0, extra=study["trust1"])
    alike.loc[:4, "value1"] = 9.0
    alike.loc[:4, "extra"] = np.nan
    with pytest.raises(InputError, match="value is the same for all"):
        determinants(alike, **ROLES | {"value": "value1", "trust": "extra"}, seed=1)


# --- gaps ---------------------------------------------------------------------------------------


def test_gaps_are_paired_t_tests_with_holm(study):
    study = study.dropna()
    table = expectation_gap(study, PAIRS)
    p = []
    for row, (expected, perceived) in zip(table.itertuples(), PAIRS.values(), strict=True):
        both = study[[expected, perceived]].dropna()
        test = stats.ttest_rel(both[perceived], both[expected])
        ends = test.confidence_interval()
        assert [row.n, row.expected, row.perceived] == pytest.approx([len(both), *both.mean()])
        assert [row.gap, row.p, row.low, row.high] == pytest.approx(
            [(both[perceived] - both[expected]).mean(), test.pvalue, ends.low, ends.high]
        )
        p.append(test.pvalue)
    assert table["p_holm"].to_numpy() == pytest.approx(multipletests(p, method="holm")[1])


def test_gaps_of_those_who_answered_both(study):
    table = expectation_gap(study, PAIRS)
    both = [study[list(pair)].dropna() for pair in PAIRS.values()]
    assert table["n"].tolist() == [len(part) for part in both]
    assert table["left_out"].tolist() == [len(study) - len(part) for part in both]
    gaps = [(part.iloc[:, 1] - part.iloc[:, 0]).mean() for part in both]
    assert table["gap"].tolist() == pytest.approx(gaps)
    # True gaps: 0.0, -1.4 and +0.2.
    assert table["verdict"].tolist() == ["undecided", "falls short", "undecided"]


def test_gaps_of_a_design_are_those_of_the_sampling_package(designed):
    data = complete(designed, ["expectation2", "quality2"])
    data = data.assign(gap=data["quality2"] - data["expectation2"])
    sample = SurveySample(data, "weight", strata="stratum", clusters=("cluster",))
    expected = estimate(sample, "gap").iloc[0]
    row = expectation_gap(data, {"delivery": PAIRS["delivery"]}, **DESIGN).iloc[0]
    for ours, theirs in (("gap", "estimate"), *((k, k) for k in ("standard_error", "low", "high"))):
        assert row[ours] == pytest.approx(expected[theirs], rel=1e-10)


def test_gaps_the_other_way_and_gaps_that_cannot_be_tested(study):
    turned = {"delivery": ("quality2", "expectation2")}
    assert expectation_gap(study, turned)["verdict"].tolist() == ["exceeds"]
    data = study.assign(a=5.0, b=6.0, c=study["quality1"].where(study.index < 9))
    table = expectation_gap(data, {"all alike": ("a", "b"), "few": ("a", "c")} | PAIRS)
    alike, few = table.iloc[0], table.iloc[1]
    assert alike["gap"] == 1
    assert alike["verdict"] == "undecided"
    assert np.isnan([alike["p"], alike["p_holm"]]).all()
    assert few["verdict"] == "too few"
    assert np.isnan(few["gap"])
    # Items without a test do not count among those adjusted for.
    alone = expectation_gap(study, PAIRS)["p_holm"]
    assert table["p_holm"].iloc[2:].to_numpy() == pytest.approx(alone.to_numpy())
    assert expectation_gap(data, {"x": ("a", "b")})["p_holm"].isna().all()


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        ({}, {"pairs": {}}, "at least one item"),
        ({}, {"pairs": {"a": "quality1"}}, "give two columns"),
        ({}, {"pairs": {"a": ("quality1", "quality1")}}, "more than once"),
        ({}, {"pairs": {"a": ("quality1", "qualty2")}}, 'no column "qualty2"'),
        ({"quality2": 0}, {}, "outside the scale"),
        ({"quality2": "bad"}, {}, "must hold answers"),
        ({"quality2": np.nan}, {}, "no answers at all"),
        ({"w": 0}, {"weights": "w"}, "all weights are zero"),
        ({}, {"scale": (10, 1)}, "scale="),
        ({}, {"confidence": 1.0}, "confidence=1.0"),
    ],
)
def test_gaps_refuse_what_they_cannot_use(study, change, arguments, message):
    with pytest.raises(InputError, match=message):
        expectation_gap(study.assign(**change), **{"pairs": PAIRS} | arguments)
    with pytest.raises(InputError, match="1 of 1"):
        expectation_gap(study.dropna().head(1), {"a": PAIRS["product"]})


# --- levels -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scale", "of_level"),
    [
        ((1, 10), [(1, 2), (3, 4), (5, 6), (7, 8), (9, 10)]),
        ((0, 10), [(0, 2), (3, 4), (5, 6), (7, 8), (9, 10)]),
        ((1, 5), [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5)]),
        ((1, 7), [(1, 2), (3, 3), (4, 4), (5, 5), (6, 7)]),
    ],
)
def test_levels_are_fifths_of_the_scale(scale, of_level):
    answers = np.arange(scale[0], scale[1] + 1).repeat(np.arange(scale[1] - scale[0] + 1) + 2)
    table = satisfaction_levels(pd.DataFrame({"overall": answers}), "overall", scale=scale)
    expected = [int(((answers >= a) & (answers <= b)).sum()) for a, b in of_level]
    assert table["answers"].tolist() == expected
    assert table["level"].tolist() == list(LEVELS)
    for row, count in zip(table.itertuples(), expected, strict=True):
        ends = proportion_confint(count, len(answers), method="wilson")
        assert (row.share, row.low, row.high) == pytest.approx((count / len(answers), *ends))
    assert table["share"].sum() == pytest.approx(1)


def test_levels_of_a_design_are_those_of_the_sampling_package(designed):
    data = complete(designed, ["satisfaction1"])
    data = data.assign(top=data["satisfaction1"] >= 9)
    sample = SurveySample(data, "weight", strata="stratum", clusters=("cluster",))
    expected = estimate(sample, "top", kind="proportion").iloc[0]
    row = satisfaction_levels(data, "satisfaction1", **DESIGN).iloc[4]
    assert row["share"] == pytest.approx(expected["estimate"], rel=1e-12)
    assert row["low"] < row["share"] < row["high"]


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        ({}, {"column": "satisfacton1"}, "did you mean|no column"),
        ({"satisfaction1": "very"}, {}, "must hold answers"),
        ({"satisfaction1": 11}, {}, "outside the scale"),
        ({"satisfaction1": np.nan}, {}, "no answers at all"),
        ({"satisfaction1": [5.0] * 9 + [np.nan] * 231}, {}, "9 answers count"),
        ({"w": 0}, {"weights": "w"}, "all weights are zero"),
    ],
)
def test_levels_refuse_what_they_cannot_use(study, change, arguments, message):
    with pytest.raises(InputError, match=message):
        satisfaction_levels(study.assign(**change), **{"column": "satisfaction1"} | arguments)
    with pytest.raises(InputError, match="1 of 1"):
        satisfaction_levels(study.head(1), "satisfaction1")


def test_everybody_at_one_level_still_has_an_interval(study):
    table = satisfaction_levels(study.assign(satisfaction1=10), "satisfaction1")
    assert table["share"].tolist() == [0, 0, 0, 0, 1]
    assert 0.98 < table["low"].iloc[4] < 1 == table["high"].iloc[4]
