"""Path models: R semPLS, R seminr and plspm for Python, formulas written out, and simulation."""

import json
from dataclasses import FrozenInstanceError

import numpy as np
import pandas as pd
import pytest

from crmlib.errors import InputError
from crmlib.satisfaction.answers import answers_of, bootstrap_weights
from crmlib.satisfaction.path_estimation import (
    SCHEMES,
    construct_indices,
    heterotrait_monotrait,
    partial_least_squares,
    path_coefficients,
    total_effects,
    turned_like,
)
from crmlib.satisfaction.path_model import path_model
from crmlib.satisfaction.path_presets import ACSI, ECSI, SCSB

PREFIX = {
    "image": "IMAG",
    "expectation": "CUEX",
    "quality": "PERQ",
    "value": "PERV",
    "satisfaction": "CUSA",
    "complaints": "CUSCO",
    "loyalty": "CUSL",
}
TABLES = ("paths", "r_squared", "constructs", "outer", "htmt", "total_effects")

# plspm 0.5.7 on ecsi_mobile.csv, tolerance 1e-12, coefficients in the order of ECSI.paths.
PLSPM = {
    ("centroid", True): "0.504705639 0.178833482 0.195359702 0.557247856 0.050787551 0.064425339 "
    "0.557216858 0.512545242 0.191815664 0.526097307 0.483474723 0.071232412",
    ("centroid", False): "0.493052155 0.152689112 0.212258514 0.545107751 0.065901115 0.037086229 "
    "0.54029121 0.544404315 0.199708449 0.540028343 0.465496478 0.049996046",
    ("factorial", True): "0.504943138 0.178592672 0.195819619 0.556759027 0.0501781 0.064943655 "
    "0.557762446 0.5129747 0.19144526 0.525856552 0.483059174 0.070310573",
    ("factorial", False): "0.493639638 0.152664521 0.212894888 0.544879699 0.065417496 0.037610958 "
    "0.540832194 0.544349752 0.199612199 0.539916611 0.465086988 0.048731555",
    ("path", True): "0.504913933 0.1787395 0.195755333 0.556748962 0.049988393 0.062522869 "
    "0.558304379 0.51202394 0.194765104 0.528066246 0.485477623 0.066926069",
    ("path", False): "0.493647731 0.152873198 0.213980252 0.544884289 0.065283642 0.035420388 "
    "0.541411444 0.542935958 0.202176792 0.54122181 0.466006922 0.045422168",
}


@pytest.fixture(scope="module")
def mobile(shared):
    return pd.read_csv(shared / "data" / "ecsi_mobile.csv")


def blocks_of(data, constructs):
    return {c: [k for k in data.columns if k.startswith(PREFIX[c])] for c in constructs}


@pytest.fixture(scope="module")
def ecsi(mobile):
    return path_model(mobile, blocks_of(mobile, ECSI.constructs), ECSI, replicates=500, seed=1)


def coefficient(model):
    return model.paths.set_index(["from", "to"])["coefficient"]


def survey(n=200, seed=1, loading=0.8):
    """Three constructs of three items each, on a scale from 1 to 10: a → b → c, a → c."""
    random = np.random.default_rng(seed)
    a = random.normal(size=n)
    b = 0.6 * a + 0.8 * random.normal(size=n)
    c = 0.3 * a + 0.4 * b + 0.7 * random.normal(size=n)
    noise = np.sqrt(1 - loading**2)
    return pd.DataFrame(
        {
            f"{name}{k}": np.clip(5.5 + loading * score + noise * random.normal(size=n), 1, 10)
            for name, score in (("a", a), ("b", b), ("c", c))
            for k in (1, 2, 3)
        }
    )


BLOCKS = {name: [f"{name}{k}" for k in (1, 2, 3)] for name in "abc"}
PATHS = [("a", "b"), ("a", "c"), ("b", "c")]
BLOCK = np.repeat([0, 1, 2], 3)
LEADS = np.array([[0, 1, 1], [0, 0, 1], [0, 0, 0]], dtype=bool)


def small(data, **changed):
    return path_model(
        data, **{"blocks": BLOCKS, "paths": PATHS, "replicates": 100, "seed": 1} | changed
    )


def test_ecsi_is_that_of_sempls(ecsi, shared):
    text = (shared / "reference" / "satisfaction.json").read_text(encoding="utf-8")
    reference = json.loads(text)["ecsi_mobile_standardized_centroid"]
    ours = coefficient(ecsi)
    assert len(ours) == len(reference["paths"])
    for path, value in reference["paths"].items():
        start, end = path.lower().split("->")
        assert ours[start, end] == pytest.approx(value, abs=1e-9), path
    explained = ecsi.r_squared.set_index("construct")["r_squared"]
    expected = {construct.lower(): value for construct, value in reference["r2"].items()}
    assert explained.to_dict() == pytest.approx(expected, abs=1e-9)
    weights = ecsi.outer.set_index("item")["weight"]
    for item, value in reference["satisfaction_outer_weights"].items():
        assert weights[item] == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize(("scheme", "scaled"), PLSPM)
def test_every_scheme_is_that_of_plspm(mobile, scheme, scaled):
    model = path_model(
        mobile,
        blocks_of(mobile, ECSI.constructs),
        ECSI,
        scheme=scheme,
        scaled=scaled,
        replicates=100,
        seed=1,
    )
    expected = [float(number) for number in PLSPM[scheme, scaled].split()]
    assert coefficient(model)[list(ECSI.paths)].tolist() == pytest.approx(expected, abs=5e-9)
    assert (model.scheme, model.scaled) == (scheme, scaled)
    assert any(f"scaled={scaled}" in note.split(";")[0] for note in model.notes)


def test_reliability_and_htmt_are_those_of_seminr(mobile):
    # Test fixtures of seminr 2 for three constructs that lead to satisfaction, path weighting.
    constructs = ["image", "expectation", "value", "satisfaction"]
    model = path_model(
        mobile,
        blocks_of(mobile, constructs),
        [(construct, "satisfaction") for construct in constructs[:3]],
        scheme="path",
        replicates=100,
        seed=1,
    )
    expected = [
        (0.722834595427083, 0.818325774056256, 0.477979834838268),
        (0.451902555978063, 0.733177801505283, 0.480507046633952),
        (0.823631979352573, 0.917897281748515, 0.84831067540365),
        (0.779195021918597, 0.871457927643628, 0.693363990925202),
    ]
    columns = ["alpha", "composite_reliability", "average_variance_extracted"]
    assert np.allclose(model.constructs[columns], expected, atol=1e-7, rtol=0)
    htmt = [
        0.88803042750925,
        0.651659392487802,
        0.910100923782741,
        0.588628982316289,
        0.865108193553153,
        0.740808927759395,
    ]
    assert model.htmt["ratio"].tolist() == pytest.approx(htmt, abs=1e-12)
    weights = model.outer.set_index("item")["weight"]
    assert weights[["IMAG1", "CUEX3", "PERV2", "CUSA2"]].tolist() == pytest.approx(
        [0.331565496837403, 0.43608211325906, 0.606425335428161, 0.373939896289369], abs=1e-6
    )


def test_weights_are_covariances_with_the_inner_estimates():
    """The fixed point, written with scores of respondents instead of covariances."""
    data = survey().to_numpy()
    values = (data - data.mean(axis=0)) / data.std(axis=0)
    for scheme in SCHEMES:
        solution = partial_least_squares(np.corrcoef(data.T), BLOCK, LEADS, scheme)
        scores = np.column_stack(
            [values[:, j == BLOCK] @ solution.weights[j == BLOCK] for j in range(3)]
        )
        assert scores.std(axis=0) == pytest.approx([1, 1, 1])
        a, b, c = scores.T
        slopes = np.linalg.lstsq(scores[:, :2], c, rcond=None)[0]
        ab, ac, bc = (np.corrcoef(x, y)[0, 1] for x, y in ((a, b), (a, c), (b, c)))
        inner = {
            "centroid": [b + c, a + c, a + b],
            "factorial": [ab * b + ac * c, ab * a + bc * c, ac * a + bc * b],
            "path": [ab * b + ac * c, ab * a + bc * c, slopes[0] * a + slopes[1] * b],
        }[scheme]
        for j in range(3):
            outer = values[:, j == BLOCK].T @ inner[j]
            expected = solution.weights[j == BLOCK]
            assert outer / outer[0] == pytest.approx(expected / expected[0], abs=1e-8)
        loadings = [np.corrcoef(values[:, i], scores[:, BLOCK[i]])[0, 1] for i in range(9)]
        assert solution.loadings == pytest.approx(loadings)


def test_paths_inflation_and_r_squared_are_those_of_least_squares(ecsi, mobile):
    weights = ecsi.outer.set_index("item")["weight"]
    items = (mobile - mobile.mean()) / mobile.std(ddof=0)
    scores = pd.DataFrame(
        {
            c: items[rows["item"]] @ weights[rows["item"]]
            for c, rows in ecsi.outer.groupby("construct")
        }
    )
    paths = ecsi.paths.set_index(["to", "from"])
    for end, rows in ecsi.paths.groupby("to"):
        before = list(rows["from"])
        slopes, unexplained = np.linalg.lstsq(scores[before], scores[end], rcond=None)[:2]
        assert paths.loc[end, "coefficient"].tolist() == pytest.approx(slopes)
        explained = ecsi.r_squared.set_index("construct").loc[end, "r_squared"]
        assert explained == pytest.approx(1 - unexplained[0] / len(scores))
        inflation = np.diag(np.linalg.inv(scores[before].corr()))
        assert paths.loc[end, "variance_inflation"].tolist() == pytest.approx(inflation)


def test_total_effects_add_up_over_all_ways(ecsi):
    path = coefficient(ecsi)
    over = ecsi.total_effects.set_index(["from", "to"])["effect"]
    direct, through = path["satisfaction", "loyalty"], path["satisfaction", "complaints"]
    expected = direct + through * path["complaints", "loyalty"]
    assert over["satisfaction", "loyalty"] == pytest.approx(expected)
    assert over["image", "quality"] == pytest.approx(
        path["image", "expectation"] * path["expectation", "quality"]
    )
    # plspm 0.5.7, on loyalty
    expected = {
        "image": 0.3987791039,
        "expectation": 0.2184562801,
        "quality": 0.3226910416,
        "value": 0.0999263517,
        "satisfaction": 0.5209499029,
        "complaints": 0.0712324124,
    }
    assert over.xs("loyalty", level="to").to_dict() == pytest.approx(expected, abs=1e-8)
    assert ("loyalty", "image") not in over.index


@pytest.mark.parametrize("scaled", [True, False])
def test_index_is_a_weighted_mean_of_the_answers(mobile, scaled):
    blocks = blocks_of(mobile, ACSI.constructs)
    model = path_model(mobile, blocks, ACSI, scaled=scaled, replicates=100, seed=1)
    for construct, rows in model.outer.groupby("construct"):
        answers = mobile[rows["item"]]
        weights = rows["weight"].to_numpy()
        raw = weights / answers.std().to_numpy() if scaled else weights
        score = answers.to_numpy() @ raw / raw.sum()
        index = model.constructs.set_index("construct").loc[construct, "index"]
        assert index == pytest.approx((score.mean() - 1) / 9 * 100)


def test_index_ends_at_0_and_100():
    block = np.array([0, 0, 1])
    for answer, index in ((1, 0), (5.5, 50), (10, 100)):
        got = construct_indices(np.full(3, answer), np.array([0.2, 0.7, 3.0]), block, (1, 10))
        assert got == pytest.approx([index, index])


def test_htmt_written_out():
    data = survey(loading=0.7).to_numpy()
    correlations = np.corrcoef(data.T)
    between = correlations[:3, 3:6].mean()
    within = [correlations[k : k + 3, k : k + 3][np.triu_indices(3, 1)].mean() for k in (0, 3)]
    expected = between / np.sqrt(within[0] * within[1])
    assert heterotrait_monotrait(correlations, BLOCK)[0, 1] == pytest.approx(expected)


def test_single_items_have_no_reliability(ecsi):
    row = ecsi.constructs.set_index("construct").loc["complaints"]
    assert row[["alpha", "composite_reliability", "average_variance_extracted"]].isna().all()
    assert np.isfinite(row[["index", "low", "high"]].to_numpy(dtype=float)).all()
    with_it = (ecsi.htmt[["construct", "other"]] == "complaints").any(axis=1)
    assert ecsi.htmt.loc[with_it, "ratio"].isna().all()
    assert ecsi.htmt.loc[~with_it, ["ratio", "low", "high"]].notna().all(axis=None)
    assert any("complaints" in note and note.startswith("Cannot say") for note in ecsi.notes)


def test_bootstrap_is_the_model_of_every_resample():
    """Oracle: resample by resample, moments by NumPy, one solution at a time."""
    data = survey(n=60)
    model = small(data)
    answers = answers_of(data, data.columns.tolist())
    drawn = []
    for weights in bootstrap_weights(answers, 100, 1):
        covariance = np.cov(answers.values.T, aweights=weights, ddof=0)
        deviation = np.sqrt(np.diag(covariance))
        correlation = covariance / np.outer(deviation, deviation)
        solution = partial_least_squares(correlation, BLOCK, LEADS, "centroid")
        coefficients = path_coefficients(solution.correlations, LEADS)
        mean = np.average(answers.values, axis=0, weights=weights)
        index = construct_indices(mean, solution.weights / deviation, BLOCK, (1, 10))
        drawn.append([*coefficients[[0, 0, 1], [1, 2, 2]], *index])
    draws = np.array(drawn)
    assert model.paths["standard_error"].to_numpy() == pytest.approx(draws.std(axis=0, ddof=1)[:3])
    assert model.constructs["low"].to_numpy() == pytest.approx(
        np.quantile(draws, 0.025, axis=0)[3:]
    )
    assert model.paths["high"].to_numpy() == pytest.approx(np.quantile(draws, 0.975, axis=0)[:3])
    below = np.minimum((draws[:, :3] <= 0).sum(axis=0), (draws[:, :3] >= 0).sum(axis=0))
    assert model.paths["p"].to_numpy() == pytest.approx(2 * (below + 1) / 101)


def test_p_agrees_with_the_interval(ecsi):
    for table in (ecsi.paths, ecsi.total_effects):
        clears = (table["low"] > 0) | (table["high"] < 0)
        assert ((table["p"] < 0.05) == clears).all()
    assert not clears.all()
    assert ecsi.paths["p"].between(2 / 501, 1).all()


def test_the_same_seed_gives_the_same_tables(mobile, ecsi):
    again = path_model(mobile, blocks_of(mobile, ECSI.constructs), ECSI, replicates=500, seed=1)
    other = path_model(mobile, blocks_of(mobile, ECSI.constructs), ECSI, replicates=500, seed=2)
    for table in TABLES:
        pd.testing.assert_frame_equal(getattr(again, table), getattr(ecsi, table), check_exact=True)
    assert not other.paths["low"].equals(ecsi.paths["low"])
    assert coefficient(other).equals(coefficient(ecsi))


def test_a_weight_of_two_counts_a_respondent_twice():
    data = survey(n=80)
    weight = np.where(np.arange(80) < 20, 2.0, 1.0)
    weighted = small(data.assign(weight=weight), weights="weight")
    doubled = small(data.loc[np.repeat(data.index, weight.astype(int))].reset_index(drop=True))
    for table, column in (
        ("paths", "coefficient"),
        ("constructs", "index"),
        ("constructs", "alpha"),
        ("outer", "weight"),
        ("htmt", "ratio"),
    ):
        ours, theirs = getattr(weighted, table)[column], getattr(doubled, table)[column]
        assert ours.to_numpy() == pytest.approx(theirs.to_numpy())
    assert (weighted.n, doubled.n) == (80, 100)
    assert weighted.n_effective == pytest.approx(100**2 / (20 * 4 + 60))


def test_clusters_of_copies_widen_intervals():
    data = survey(n=60)
    copies = pd.concat([data] * 4, ignore_index=True).assign(place=np.tile(np.arange(60), 4))
    alone, together = small(copies), small(copies, clusters="place")
    ratio = together.paths["standard_error"] / alone.paths["standard_error"]
    assert ratio.between(1.5, 2.7).all()  # four copies carry no news: the square root of four


def test_turned_constructs_agree_with_the_sample():
    correlations = np.corrcoef(survey().to_numpy().T)
    sample = partial_least_squares(correlations, BLOCK, LEADS, "centroid")
    flip = np.array([1.0, -1.0, 1.0])
    upside_down = partial_least_squares(correlations[None], BLOCK, LEADS, "centroid")
    turned = type(sample)(
        weights=upside_down.weights * flip[BLOCK],
        loadings=upside_down.loadings * flip[BLOCK],
        correlations=upside_down.correlations * np.outer(flip, flip),
        converged=upside_down.converged,
        iterations=upside_down.iterations,
    )
    back = turned_like(turned, sample, BLOCK)
    assert np.allclose(back.weights[0], sample.weights)
    assert np.allclose(back.loadings[0], sample.loadings)
    assert np.allclose(back.correlations[0], sample.correlations)


def test_total_effects_of_a_chain():
    coefficients = np.zeros((4, 4))
    coefficients[[0, 1, 2], [1, 2, 3]] = 0.5, 0.4, 0.3
    effects = total_effects(coefficients)
    assert effects[0, 3] == pytest.approx(0.5 * 0.4 * 0.3)
    assert effects[0, 2] == pytest.approx(0.5 * 0.4)
    assert effects[3, 0] == 0


def population():
    """Means and covariances of nine items, and what partial least squares finds in them."""
    constructs = np.array([[1, 0.5, 0.45], [0.5, 1, 0.55], [0.45, 0.55, 1]])
    loadings = np.array([0.85, 0.8, 0.7, 0.8, 0.75, 0.7, 0.9, 0.8, 0.75])
    correlations = constructs[np.ix_(BLOCK, BLOCK)] * np.outer(loadings, loadings)
    np.fill_diagonal(correlations, 1)
    deviation = np.array([0.8, 0.9, 0.7, 0.8, 0.6, 0.9, 0.8, 0.7, 0.9])
    mean = np.array([5.0, 6.0, 5.5, 6.5, 5.2, 5.8, 5.0, 6.2, 5.4])
    solution = partial_least_squares(correlations, BLOCK, LEADS, "centroid")
    truth = path_coefficients(solution.correlations, LEADS)[[0, 0, 1], [1, 2, 2]]
    index = construct_indices(mean, solution.weights / deviation, BLOCK, (1, 10))
    return mean, correlations * np.outer(deviation, deviation), np.append(truth, index)


@pytest.mark.slow
def test_intervals_hold_the_truth_as_often_as_they_say():
    """120 surveys of 150; the Monte Carlo error of a coverage of 95 % is 2 points."""
    mean, covariance, truth = population()
    random = np.random.default_rng(3)
    covered = np.zeros(6)
    for seed in range(120):
        values = random.multivariate_normal(mean, covariance, size=150)
        data = pd.DataFrame(values, columns=[i for items in BLOCKS.values() for i in items])
        model = small(data, replicates=200, seed=seed)
        ends = pd.concat([model.paths[["low", "high"]], model.constructs[["low", "high"]]])
        covered += (ends["low"].to_numpy() <= truth) & (truth <= ends["high"].to_numpy())
    assert (covered / 120 > 0.89).all()
    assert (covered / 120 < 0.995).all()
    assert 0.92 < covered.mean() / 120 < 0.975


def holed(data, share=0.08, seed=2):
    values = data.to_numpy(copy=True)
    values[np.random.default_rng(seed).random(values.shape) < share] = np.nan
    return pd.DataFrame(values, columns=data.columns)


def test_em_uses_respondents_that_complete_rows_lose():
    data = survey(n=400)
    whole, em = small(data), small(holed(data))
    complete = small(holed(data), missing="complete")
    assert (em.n, complete.n) == (400, int(holed(data).notna().all(axis=1).sum()))
    assert complete.left_out.to_dict("records") == [
        {"reason": "an answer missing", "rows": 400 - complete.n}
    ]
    error = {
        name: abs(coefficient(model) - coefficient(whole)).mean()
        for name, model in (("em", em), ("complete", complete))
    }
    assert error["em"] < error["complete"]
    assert (em.paths["standard_error"] < complete.paths["standard_error"]).all()
    assert np.allclose(em.constructs["index"], whole.constructs["index"], atol=1.0)


def test_missing_answers_may_be_drawn():
    data = survey(n=300)
    drawn, em = small(holed(data), missing="impute"), small(holed(data))
    assert np.allclose(coefficient(drawn), coefficient(em), atol=0.03)
    assert np.allclose(drawn.constructs["index"], em.constructs["index"], atol=0.5)


def test_more_items_than_people_still_have_a_solution(mobile):
    few = mobile.sample(20, random_state=5)
    model = path_model(few, blocks_of(mobile, ECSI.constructs), ECSI, replicates=200, seed=1)
    assert model.n == 20 < len(model.outer)
    everybody = path_model(mobile, blocks_of(mobile, ECSI.constructs), ECSI, replicates=200, seed=1)
    assert (model.paths["standard_error"] > everybody.paths["standard_error"]).mean() > 0.8


def test_intervals_are_missing_where_resamples_have_no_solution():
    data = survey(n=12, seed=4)
    data["b2"] = np.where(np.arange(12) == data["b1"].argmax(), 9.0, 5.0)  # constant without one
    model = small(data)
    assert model.resamples < 90
    for table in (model.paths, model.constructs, model.r_squared, model.total_effects):
        assert table[["low", "high"]].isna().all(axis=None)
    assert model.paths["p"].isna().all()
    assert coefficient(model).notna().all()
    assert any(note.startswith("Cannot say how far") for note in model.notes)
    assert any(f"{100 - model.resamples} of 100 resamples" in note for note in model.notes)


def test_an_interval_that_never_clears_zero_for_unrelated_constructs():
    random = np.random.default_rng(8)
    data = survey()
    data[["a1", "a2", "a3"]] = np.clip(
        random.normal(5.5, 1, (200, 1)) + random.normal(size=(200, 3)), 1, 10
    )
    row = small(data, replicates=400).paths.iloc[0]
    assert row["low"] < 0 < row["high"]


@pytest.mark.parametrize("preset", [SCSB, ACSI, ECSI], ids=lambda preset: preset.name)
def test_presets_are_described_and_estimated(preset, mobile):
    assert {c for path in preset.paths for c in path} == set(preset.constructs)
    assert preset.source
    prefix = PREFIX | {"performance": "PERV"}
    blocks = {c: [k for k in mobile if k.startswith(prefix[c])] for c in preset.constructs}
    model = path_model(mobile, blocks, preset, replicates=100, seed=1)
    assert set(zip(model.paths["from"], model.paths["to"], strict=True)) == set(preset.paths)
    assert list(model.constructs["construct"]) == list(preset.constructs)
    written = path_model(mobile, blocks, list(preset.paths), replicates=100, seed=1)
    pd.testing.assert_frame_equal(written.paths, model.paths)
    with pytest.raises(FrozenInstanceError):
        preset.name = "other"
    with pytest.raises(TypeError):
        preset.constructs["price"] = "…"


def test_presets_differ_as_published():
    assert set(ECSI.constructs) - set(ACSI.constructs) == {"image"}
    assert set(ACSI.constructs) - set(SCSB.constructs) == {"quality", "value"}
    before = {start for start, end in SCSB.paths if end == "satisfaction"}
    assert before == {"performance", "expectation"}
    assert set(ACSI.paths) < set(ECSI.paths)
    for preset in (SCSB, ACSI, ECSI):
        assert {("satisfaction", "loyalty"), ("complaints", "loyalty")} <= set(preset.paths)


def reversed_item(data):
    return data.assign(b2=11 - data["b2"])


def weightless(data):
    return data.assign(weight=0.0)


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        (reversed_item, {}, r'"b2" of b \(loading −?-?0\.\d+\).*Turn items'),
        (lambda d: d.assign(b2=d["b1"]), {}, 'Construct "b": b1, b2 say the same'),
        (lambda d: d.assign(c3=(d["c1"] + d["c2"]) / 2), {}, 'Construct "c": c1, c2, c3 say'),
        (lambda d: d.assign(a1=4), {}, 'Column "a1": all 200 answers are 4'),
        (lambda d: d.assign(a1=np.nan), {}, 'Column "a1" has no answers at all'),
        (lambda d: d.assign(a1=["good"] * 200), {}, 'Column "a1" must hold answers'),
        (lambda d: d.assign(a1=d["a1"].where(d.index != 7, 99)), {}, "outside the scale.*row 7"),
        (lambda d: d.head(1), {}, "1 of 1 respondents can be used"),
        (weightless, {"weights": "weight"}, "all weights are zero"),
        (lambda d: d.assign(who=1), {"respondent": "who"}, "1 respondents have more than one row"),
        (None, {"blocks": {**BLOCKS, "d": ["a1"]}}, 'Item "a1" stands for "a" and again for "d"'),
        (None, {"blocks": {**BLOCKS, "b": []}}, 'Construct "b" has no list of items'),
        (None, {"blocks": {**BLOCKS, "b": "b1"}}, 'Construct "b" has no list of items'),
        (None, {"blocks": {**BLOCKS, "b": ["b9"]}}, 'no column "b9"'),
        (None, {"paths": []}, "no paths"),
        (None, {"paths": ["ab"]}, "is no pair"),
        (None, {"paths": [*PATHS, ("c", "d")]}, 'names "d", which has no items'),
        (None, {"paths": [*PATHS, ("a", "b")]}, "given twice"),
        (None, {"paths": [("a", "b")]}, "No path starts or ends at c"),
        (None, {"paths": [*PATHS, ("c", "a")]}, "circle through a, b, c"),
        (None, {"paths": [("a", "b"), ("b", "c"), ("c", "b")]}, "circle through b, c"),
        (None, {"paths": [*PATHS, ("b", "b")]}, "circle through b"),
        (None, {"paths": ECSI}, "ECSI has the constructs.*image, expectation.*it has no a, b, c"),
        (None, {"scheme": "centre"}, 'scheme="centre": write one of "centroid"'),
        (None, {"missing": "delete"}, 'missing="delete": write one of'),
        (None, {"confidence": 95}, "confidence=95"),
        (None, {"replicates": 10}, "replicates=10"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(change, arguments, message):
    data = survey()
    with pytest.raises(InputError, match=message):
        small(data if change is None else change(data), **arguments)


@pytest.mark.parametrize("missing", ["em", "impute"])
@pytest.mark.parametrize("share", [0.02, 0.3])
def test_a_copy_with_other_answers_missing_is_refused(missing, share):
    data = survey()
    data["b2"] = data["b1"]
    with pytest.raises(InputError, match='Construct "b": b1, b2 say the same'):
        small(holed(data, share), missing=missing)


def test_constructs_that_say_the_same_are_refused():
    data = survey()
    # Single items x, y and their mean, all leading to c: exactly collinear.
    data["x"], data["y"] = data["a1"], data["b1"]
    data["z"] = (data["x"] + data["y"]) / 2
    with pytest.raises(InputError, match="x, y, z all lead to c and say the same"):
        small(
            data,
            blocks={"x": ["x"], "y": ["y"], "z": ["z"], "c": BLOCKS["c"]},
            paths=[("x", "c"), ("y", "c"), ("z", "c")],
        )


def test_weights_that_do_not_settle_are_refused(monkeypatch):
    monkeypatch.setattr("crmlib.satisfaction.path_estimation.ITERATIONS", 2)
    with pytest.raises(InputError, match="did not settle within"):
        small(survey())
