"""The satisfaction index.

Oracles: R (pls for the weights, survey for means and standard errors), the survey estimates of
crmlib.sampling for segments, simulation from a known truth for coverage.
"""

import json

import numpy as np
import pandas as pd
import pytest

from crmlib.errors import InputError
from crmlib.sampling.estimation import estimate
from crmlib.sampling.samples import SurveySample
from crmlib.satisfaction.answers import answers_of
from crmlib.satisfaction.components import pcr_coefficients
from crmlib.satisfaction.imputation import impute, pool
from crmlib.satisfaction.index import satisfaction_index

ITEMS = [f"q{i}" for i in range(1, 13)]


@pytest.fixture(scope="module")
def reference(shared):
    return json.loads((shared / "reference" / "satisfaction.json").read_text())


@pytest.fixture(scope="module")
def survey(shared):
    return pd.read_csv(shared / "data" / "satisfaction_survey_weighted.csv")


@pytest.fixture(scope="module")
def gaps(shared):
    return pd.read_csv(shared / "data" / "satisfaction_survey_missing.csv")


def simulated(n, seed, means=(3.0, 5.0, 7.0, 8.0), slopes=(0.8, 0.4, 0.2, 0.2)):
    """Answers that share one cause, and an overall score that depends on them."""
    random = np.random.default_rng(seed)
    common = random.normal(size=(n, 1))
    noise = random.normal(size=(n, len(means)))
    z = 0.5 * common + np.sqrt(0.75) * noise
    overall = 5.5 + 0.6 * (z @ np.array(slopes) + random.normal(size=n))
    data = pd.DataFrame(np.clip(np.array(means) + 0.7 * z, 1, 10))
    data.columns = [f"i{j}" for j in range(len(means))]
    return data.assign(overall=np.clip(overall, 1, 10))


def index(data, items=None, **arguments):
    arguments = {"replicates": 100, "seed": 1} | arguments
    names = [c for c in data if str(c).startswith("i")] if items is None else items
    return satisfaction_index(data, names, "overall", **arguments)


def test_index_weights_and_fixed_standard_error_are_those_of_r(survey, reference):
    found = index(survey, ITEMS, components=3)
    row = found.table.iloc[0]
    assert row["index"] == pytest.approx(reference["csi_pcr3_unweighted"]["csi"], abs=1e-8)
    expected = reference["csi_pcr3_unweighted"]["se_fixed_weights"]
    assert row["standard_error"] == pytest.approx(expected, abs=1e-8)
    np.testing.assert_allclose(found.weights["weight"], reference["csi_pcr3_weights"], atol=1e-8)
    assert found.components == 3


def test_weighted_index_is_made_of_weighted_means_and_weighted_regression(survey, reference):
    found = index(survey, ITEMS, weights="weight", strata="stratum", components=3)
    weighted = reference["survey_weighted"]
    shares = np.array(weighted["standardized_beta_by_ncomp"][2])
    shares /= shares.sum()
    means = np.array(weighted["mean"][1:])
    assert found.table["index"].item() == pytest.approx(shares @ (means - 1) / 9 * 100, abs=1e-8)
    np.testing.assert_allclose(found.weights["weight"], shares, atol=1e-8)
    np.testing.assert_allclose(found.weights["mean"], means, atol=1e-8)
    assert found.table["n_effective"].item() == pytest.approx(132.01997750499)


def test_contributions_add_up_to_the_index(survey):
    found = index(survey, ITEMS)
    assert found.weights["weight"].sum() == pytest.approx(1.0)
    assert found.weights["contribution"].sum() == pytest.approx(found.table["index"].item())
    assert list(found.draws.columns) == ["all"]
    assert len(found.draws) == 100


@pytest.mark.parametrize("clusters", [None, "team"])
def test_segments_are_domain_estimates_of_the_survey(survey, clusters):
    random = np.random.default_rng(4)
    data = survey.assign(
        segment=random.choice(["x", "y", "z"], len(survey)),
        team=survey["stratum"] + random.integers(0, 12, len(survey)).astype(str),
    )
    found = index(data, ITEMS, weights="weight", strata="stratum", clusters=clusters, by="segment")
    score = (data[ITEMS] - 1).to_numpy() / 9 * 100 @ found.weights["weight"].to_numpy()
    sample = SurveySample(
        data.assign(score=score),
        "weight",
        strata="stratum",
        clusters=() if clusters is None else (clusters,),
    )
    expected = estimate(sample, "score", by="segment")
    rows = found.table.iloc[1:]
    assert list(rows["segment"]) == ["x", "y", "z"]
    np.testing.assert_allclose(rows["index"], expected["estimate"], rtol=1e-10)
    names = ["standard_error", "low", "high"]
    np.testing.assert_allclose(rows[names], expected[names], rtol=1e-10)


@pytest.mark.parametrize("missing", ["em", "impute"])
def test_segments_with_missing_answers_add_up_to_all(gaps, missing):
    data = gaps.assign(segment=np.where(np.arange(len(gaps)) < 80, "early", "late"))
    found = index(data, ITEMS, by="segment", components=3, missing=missing, replicates=400)
    everybody, early, late = found.table["index"]
    together = (80 * early + 120 * late) / 200
    assert together == pytest.approx(everybody, abs=1e-5)
    assert found.table["n"].tolist() == [200, 80, 120]
    assert any("81 of 200 respondents left out 96 answers" in note for note in found.notes)


def test_missing_answers_hardly_move_the_index_and_deletion_is_told(gaps, survey):
    whole = index(survey, ITEMS, components=3).table.iloc[0]
    for missing in ("em", "impute"):
        row = index(gaps, ITEMS, components=3, missing=missing).table.iloc[0]
        assert row["index"] == pytest.approx(whole["index"], abs=whole["standard_error"] / 2)
        assert row["n"] == 200
    found = index(gaps, ITEMS, components=3, missing="complete")
    assert found.table["n"].item() == 119
    assert found.left_out.to_dict("records") == [{"reason": "an answer missing", "rows": 81}]
    assert any(note.startswith("81 respondents who left out") for note in found.notes)


def more_gaps(gaps):
    """Every fifth answer to the first half of the items missing besides, in two segments."""
    random = np.random.default_rng(5)
    spoiled = gaps[ITEMS[:6]].mask(random.random((len(gaps), 6)) < 0.2)
    segment = np.where(np.arange(len(gaps)) < 80, "early", "late")
    return gaps.assign(segment=segment, **{name: spoiled[name] for name in spoiled})


def test_imputed_answers_are_pooled_by_rubins_rules(gaps):
    # Oracle: the completed tables one by one, each as if it were complete, and `pool`.
    data = more_gaps(gaps)
    found = index(data, ITEMS, components=3, missing="impute", by="segment", seed=4)
    answers = answers_of(data, ITEMS, "overall")
    tables = impute(answers.values, answers.weights, imputations=20, seed=4)[:, :, :-1]
    scores = (tables - 1) / 9 * 100 @ found.weights["weight"].to_numpy()
    parts = [np.ones(200, dtype=bool), data["segment"] == "early", data["segment"] == "late"]
    for inside, (_, row) in zip(parts, found.table.iterrows(), strict=True):
        n = int(inside.sum())
        part = scores[:, inside]
        # The variance of a mean of some of the sample: their number is chance as well.
        correction = 1.0 if n == 200 else 200 / 199 * (n - 1) / n
        variances = part.var(axis=1, ddof=1) / n * correction
        pooled = pool(part.mean(axis=1), variances, n)
        expected = (pooled.estimate, pooled.standard_error, pooled.low, pooled.high)
        assert tuple(row[["index", "standard_error", "low", "high"]]) == pytest.approx(expected)
        if n == 200:
            share = f"About {pooled.missing_information:.0%} of the information"
            assert pooled.missing_information > 0.02
    assert sum(note.startswith(share) for note in found.notes) == 1


def test_expected_and_imputed_answers_agree(gaps):
    both = {
        name: index(gaps, ITEMS, components=3, missing=name, replicates=2000, seed=2).table.iloc[0]
        for name in ("em", "impute")
    }
    one, other = both["em"], both["impute"]
    # Twenty tables: their mean is off by the root of (variance between them) / 20, which is less
    # than that of 1 % of the variance; three times that.
    assert other["index"] == pytest.approx(one["index"], abs=3 * 0.1 * one["standard_error"])
    # Monte Carlo error of a standard deviation of 2,000 draws: 1.6 %.
    for name in ("standard_error", "whole_standard_error"):
        assert other[name] == pytest.approx(one[name], rel=0.06)
    for name in ("low", "high"):
        assert other[name] == pytest.approx(one[name], abs=0.15 * one["standard_error"] * 2)


def test_complete_answers_need_no_imputing(survey):
    one, other = (index(survey, ITEMS, components=3, missing=name) for name in ("em", "impute"))
    pd.testing.assert_frame_equal(one.table, other.table)
    assert one.notes == other.notes


@pytest.mark.parametrize("missing", ["em", "impute"])
def test_a_segment_that_answered_everything_has_the_plain_standard_error(survey, missing):
    data = survey.assign(segment=np.where(np.arange(len(survey)) < 80, "early", "late"))
    data.loc[data.index >= 100, "q1"] = np.nan
    found = index(data, ITEMS, components=3, by="segment", missing=missing)
    scores = (data[ITEMS] - 1).to_numpy()[:80] / 9 * 100 @ found.weights["weight"].to_numpy()
    expected = scores.std() / np.sqrt(80) * np.sqrt(200 / 199)
    assert found.table["standard_error"].iloc[1] == pytest.approx(expected, rel=1e-10)


def test_resampled_standard_error_of_fixed_weights_is_the_linearised_one(survey):
    # One item: its weight is 1 in every resample, so that both intervals are of a mean.
    found = index(survey, ["q1"], weights="weight", strata="stratum", components=1, replicates=4000)
    row = found.table.iloc[0]
    assert row["whole_standard_error"] == pytest.approx(row["standard_error"], rel=0.05)


@pytest.mark.slow
def test_the_whole_interval_covers_and_the_fixed_one_does_not():
    # Means far apart: what an item weighs matters, and is not known as well as its mean.
    # All four components of four items: what is covered is the value with the true coefficients.
    slopes, means = np.array([0.8, 0.4, 0.2, 0.2]), np.array([3.0, 5.0, 7.0, 8.0])
    between = np.full((4, 4), 0.25) + 0.75 * np.eye(4)
    with_overall = between @ slopes
    correlation = np.eye(5)
    correlation[:4, :4] = between
    correlation[4, :4] = correlation[:4, 4] = with_overall / np.sqrt(slopes @ with_overall + 1)
    beta = pcr_coefficients(correlation)[3]
    truth = beta / beta.sum() @ (means - 1) / 9 * 100
    held = []
    for seed in range(100):
        row = index(simulated(150, seed), components=4, replicates=200).table.iloc[0]
        held.append(
            [row["whole_low"] < truth < row["whole_high"], row["low"] < truth < row["high"]]
        )
    whole, fixed = np.mean(held, axis=0)
    # Monte Carlo error of 0.95 with 100 samples: 0.022.
    assert 0.90 <= whole <= 0.99
    assert fixed < 0.75


@pytest.mark.slow
def test_components_chosen_by_cross_validation_cover_the_true_coefficients_less():
    """What the interval of the default method is of, and what it is not.

    The truth here is the mean score weighted by the true coefficients. `ols` estimates them
    without bias. Components that cross-validation chooses even out the weights, at 200 answers
    the more so; the interval of pcr is of what this rule gives at this number of answers, and
    allows for its chance but not for this distance. It shows where what customers score is
    unrelated to, or as here against, what matters to them.
    """
    block = np.repeat([0, 1, 2], 4)
    correlation = np.where(block[:, None] == block, 0.6, 0.3) + 0.4 * np.eye(12)
    slopes = np.array([0.4, 0.2, 0.1, 0.05, 0.2, 0.1, 0.05, 0, 0.1, 0.05, 0, 0])
    means = np.array([4.5, 6, 7, 7.5, 5, 6.5, 7, 7.5, 6, 7, 7.5, 8])
    truth = slopes / slopes.sum() @ (means - 1) / 9 * 100
    noise = np.sqrt(slopes @ correlation @ slopes * (1 / 0.6 - 1))
    names = [f"i{j}" for j in range(12)]
    rows = []
    for seed in range(60):
        random = np.random.default_rng(seed)
        z = random.normal(size=(200, 12)) @ np.linalg.cholesky(correlation).T
        data = pd.DataFrame((means + z).clip(1, 10), columns=names)
        data["overall"] = (6 + z @ slopes + noise * random.normal(size=200)).clip(1, 10)
        rows += [
            index(data, names, method=method, replicates=200).table.iloc[0].rename(method)
            for method in ("pcr", "ols")
        ]
    table = pd.DataFrame(rows)
    covered = (table["whole_low"] <= truth) & (truth <= table["whole_high"])
    share = covered.groupby(level=0).mean()
    off = table["index"].groupby(level=0).mean() - truth
    # Monte Carlo errors with 60 samples: 0.03 at 0.95, 0.06 at 0.3.
    assert share["ols"] >= 0.88
    assert share["pcr"] <= 0.80
    # One-sided: the interval is not too narrow by chance but lies beside the truth.
    assert abs(off["ols"]) < 0.5 < off["pcr"]


def test_the_same_seed_gives_the_same_numbers():
    data = simulated(60, 1)
    one, again, other = (index(data, seed=seed) for seed in (5, 5, 6))
    pd.testing.assert_frame_equal(one.table, again.table)
    pd.testing.assert_frame_equal(one.draws, again.draws)
    assert not one.draws.equals(other.draws)


def test_negative_weights_are_kept_and_told_or_clipped_when_asked():
    data = simulated(400, 2, slopes=(0.8, 0.8, 0.4, -0.5))
    kept = index(data, components=4)
    assert kept.weights["is_negative"].tolist() == [False, False, False, True]
    assert kept.weights["weight"].iloc[3] < 0
    assert any("1 item (i3) came out negative and is kept" in note for note in kept.notes)
    clipped = index(data, components=4, clip_negative=True)
    assert clipped.weights["weight"].iloc[3] == 0
    assert clipped.weights["weight"].sum() == pytest.approx(1)
    assert clipped.weights["is_negative"].iloc[3]
    assert (clipped.weights["weight_low"] >= 0).all()
    assert any("set to zero, as asked" in note for note in clipped.notes)


def test_a_segment_of_few_answers_is_not_said():
    data = simulated(60, 3).assign(segment=["few"] * 9 + ["many"] * 51)
    found = index(data, by="segment")
    few = found.table.set_index("segment").loc["few"]
    assert few["n"] == 9
    assert few["note"] == "too few"
    assert few[["index", "standard_error", "low", "high", "whole_low"]].isna().all()
    assert found.table.set_index("segment").loc["many", "note"] == ""
    assert "Too few to say, with fewer than 10 answers: few." in found.notes


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ([10, 9, 2], ["2", "9", "10"]),
        (["b", "a", "c"], ["a", "b", "c"]),
        ([1, "b", "a"], ["1", "a", "b"]),
    ],
)
def test_segments_stand_in_order(values, names):
    data = simulated(90, 3).assign(segment=np.repeat(np.array(values, dtype=object), 30))
    data["segment"] = data["segment"].infer_objects()
    found = index(data, by="segment", components=1)
    assert found.table["segment"].tolist() == ["all", *names]
    first = data[data["segment"].astype(str) == names[0]].iloc[:, :4].mean()
    expected = ((first - 1) / 9 * 100).to_numpy() @ found.weights["weight"]
    assert found.table["index"].iloc[1] == pytest.approx(expected)


def test_collinear_items_share_by_components_and_cannot_be_told_apart_by_least_squares():
    data = simulated(100, 4).assign(i4=lambda d: d["i0"])
    found = index(data, components=2)
    assert found.weights["weight"].iloc[0] == pytest.approx(found.weights["weight"].iloc[4])
    none = index(data, method="ols")
    assert none.table["index"].isna().all()
    assert none.table["note"].item() == "cannot say"
    assert none.weights[["weight", "contribution"]].isna().all(axis=None)
    assert any("i0 and i4 can be worked out from one another" in note for note in none.notes)
    assert any(note.startswith("Cannot say") for note in none.notes)


def test_more_items_than_people_still_have_an_index():
    data = simulated(12, 5, means=[5.0] * 20, slopes=[0.3] * 20)
    row = index(data, components=1).table.iloc[0]
    assert 0 < row["whole_low"] < row["index"] < row["whole_high"] < 100


def test_an_overall_score_turned_round_is_told():
    data = simulated(200, 6).assign(overall=lambda d: 11 - d["overall"])
    found = index(data, components=1)
    assert found.table["index"].isna().all()
    assert any("do not add up to more than zero" in note for note in found.notes)


def test_items_that_foretell_nothing_are_told():
    data = simulated(200, 7)
    data["overall"] = np.random.default_rng(8).integers(1, 11, 200).astype(float)
    assert any("little more than chance" in note for note in index(data).notes)


def spoiled(change):
    data = simulated(30, 9).assign(who=range(30), design=1.0, segment="a")
    return change(data)


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        (lambda d: d.assign(i0=5.0), {}, 'Column "i0": all 30 answers are 5'),
        (lambda d: d.assign(i0=11.0), {}, "outside the scale from 1 to 10"),
        (lambda d: d.assign(i0="good"), {}, 'Column "i0" must hold answers'),
        (lambda d: d.assign(i0=np.nan), {}, 'Column "i0" has no answers at all'),
        (lambda d: d.head(1), {}, "1 of 1 respondents can be used"),
        (lambda d: d.assign(design=0.0), {"weights": "design"}, "all weights are zero"),
        (lambda d: d.assign(who=1), {"respondent": "who"}, "more than one row"),
        (lambda d: d.assign(segment=[None] + ["a"] * 29), {"by": "segment"}, "are missing"),
        (lambda d: d.assign(segment="all"), {"by": "segment"}, 'a segment called "all"'),
        (lambda d: d, {"method": "magic"}, 'method="magic": write one of "pcr"'),
        (lambda d: d, {"components": 9}, "components=9"),
        (lambda d: d, {"missing": "ignore"}, 'missing="ignore"'),
        (lambda d: d, {"confidence": 95}, "confidence=95"),
        (lambda d: d, {"replicates": 10}, "replicates=10"),
    ],
)
def test_bad_input_has_its_message(change, arguments, message):
    with pytest.raises(InputError, match=message):
        index(spoiled(change), ["i0", "i1", "i2", "i3"], **arguments)


def test_the_overall_score_among_the_items_is_refused():
    with pytest.raises(InputError, match="among the items"):
        index(simulated(30, 9), ["i0", "overall"])
