"""Jackknife and bootstrap.

Oracles: R survey 4.1-1 (JK1, JKn), replicates written out with samples that lack a unit,
linearisation, which both must equal for totals, and what random multipliers must add up to.
"""

import json

import numpy as np
import pandas as pd
import pytest

from crmlib.errors import InputError
from crmlib.sampling.estimation import estimate
from crmlib.sampling.replication import bootstrap_factors
from crmlib.sampling.samples import SurveySample
from crmlib.sampling.weighting import calibrate, poststratify, rake
from tests.sampling.test_estimation import NEAR, api_sample, close


@pytest.fixture(scope="module")
def reference(shared):
    return json.loads((shared / "reference" / "sampling.json").read_text())


def clustered(seed=1, population=()):
    random = np.random.default_rng(seed)
    data = pd.DataFrame(
        {
            "y": random.normal(10, 3, 60),
            "x": random.uniform(1, 2, 60),
            "g": random.choice(["p", "q"], 60),
            "c": np.repeat(np.arange(12), 5),
            "h": np.repeat(["u", "v"], 30),
            "w": random.uniform(1, 5, 60),
            "N": 20,
            "N2": 9,
        }
    )
    return SurveySample(data, "w", strata="h", clusters=("c",), population=population)


@pytest.mark.parametrize(
    ("name", "design"),
    [("rep_srs_JK1", "srs"), ("rep_strat_JKn", "strat"), ("rep_clus1_JK1", "clus1")],
)
def test_jackknife_of_r(shared, reference, name, design):
    sample, expected = api_sample(shared, design), reference[name]
    close(estimate(sample, "api00", method="jackknife"), expected["mean_api00"])
    total = estimate(sample, "enroll", kind="total", method="jackknife")
    close(total, expected["total_enroll"])
    ratio = estimate(sample, "api.stu", kind="ratio", denominator="enroll", method="jackknife")
    close(ratio, expected["ratio"])


def test_jackknife_written_out():
    sample = clustered()
    means, scale = [], []
    for cluster in range(12):
        data = sample.data[sample.data["c"] != cluster]
        same = (data["h"] == ("u" if cluster < 6 else "v")).to_numpy()
        weights = data["w"].to_numpy() * np.where(same, 6 / 5, 1.0)
        means.append(np.average(data["y"], weights=weights))
        scale.append(5 / 6)
    expected = np.dot(scale, (np.array(means) - np.mean(means)) ** 2)
    result = estimate(sample, "y", method="jackknife")
    assert result["standard_error"].item() ** 2 == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("population", [(), ("N",)])
def test_jackknife_of_a_total_is_linearisation(population):
    sample = clustered(population=population)
    for by in (None, "g"):
        errors = [
            estimate(sample, "y", kind="total", by=by, method=method)["standard_error"].to_numpy()
            for method in ("linearisation", "jackknife")
        ]
        assert errors[0] == pytest.approx(errors[1], rel=1e-10)


def test_later_stages_leave_out_the_sampling_fractions():
    both = clustered(population=("N", "N2"))
    none = clustered()
    errors = [
        estimate(sample, "y", method="jackknife")["standard_error"].item()
        for sample in (both, none)
    ]
    assert errors[0] == pytest.approx(errors[1], rel=1e-12)
    # So it is on the safe side of linearisation, which knows both stages.
    assert errors[0] > estimate(both, "y", kind="mean")["standard_error"].item()


def test_every_replicate_is_calibrated_anew():
    # Oracle: leave a cluster out, poststratify what is left, estimate.
    sample = clustered()
    totals = {"p": 120.0, "q": 90.0}
    means = []
    for cluster in range(12):
        data = sample.data[sample.data["c"] != cluster].copy()
        same = data["h"] == ("u" if cluster < 6 else "v")
        data.loc[same, "w"] *= 6 / 5
        part = poststratify(SurveySample(data, "w"), "g", totals).sample
        means.append(estimate(part, "y")["estimate"].item())
    expected = 5 / 6 * ((np.array(means) - np.mean(means)) ** 2).sum()
    result = estimate(poststratify(sample, "g", totals).sample, "y", method="jackknife")
    assert result["standard_error"].item() ** 2 == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    "adjust",
    [
        lambda sample: rake(sample, {"g": {"p": 120, "q": 90}, "h": {"u": 100, "v": 110}}),
        lambda sample: calibrate(sample, {"g": {"p": 120, "q": 90}, "x": 320}),
    ],
)
@pytest.mark.parametrize("method", ["jackknife", "bootstrap"])
def test_what_is_calibrated_to_does_not_vary(adjust, method):
    sample = adjust(clustered()).sample
    result = estimate(sample, None, kind="total", by="g", method=method, seed=1, replicates=20)
    assert result["estimate"].to_numpy() == pytest.approx([120, 90], rel=1e-9)
    assert result["standard_error"].to_numpy() == pytest.approx([0, 0], abs=1e-7)


@pytest.mark.parametrize("population", [(), ("N",)])
@pytest.mark.parametrize(
    "options",
    [{"kind": "total"}, {}, {"kind": "ratio", "denominator": "x"}, {"by": "g"}],
)
def test_bootstrap_agrees_with_linearisation(population, options):
    # 4,000 replicates: the standard error has a Monte Carlo error of 1 / sqrt(8000) = 1.1 %.
    # Means and ratios of 12 clusters differ a little beyond that, for they are not linear.
    sample = clustered(population=population)
    linear = estimate(sample, "y", **options)["standard_error"].to_numpy()
    boot = estimate(sample, "y", method="bootstrap", seed=2, replicates=4000, **options)
    allowed = 0.045 if options.get("kind") == "total" else 0.1
    assert boot["standard_error"].to_numpy() == pytest.approx(linear, rel=allowed)


def test_bootstrap_of_a_median_agrees_with_simulation():
    # The asymptotic standard error of a median: 1 / (2 density sqrt(n)), here normal.
    random = np.random.default_rng(4)
    n = 2000
    sample = SurveySample(pd.DataFrame({"y": random.normal(0, 1, n), "w": 1.0}), "w")
    row = estimate(sample, "y", kind="quantile", method="bootstrap", seed=1, replicates=400).iloc[0]
    assert row["standard_error"] == pytest.approx(np.sqrt(np.pi / 2 / n), rel=0.2)
    assert np.isnan(row["design_effect"])


@pytest.mark.parametrize("population", [(), ("N",)])
def test_multipliers_keep_the_weight_of_a_stratum(population):
    stage = clustered(population=population).stages[0]
    shrinkage = np.sqrt(1 - stage.fraction)
    factors = np.array(list(bootstrap_factors(stage, shrinkage, 3000, np.random.default_rng(0))))
    assert factors.min() >= 0
    for h in (0, 1):
        assert factors[:, stage.stratum == h].sum(axis=1) == pytest.approx(stage.size[h])
    # Variance of a multiplier: (1 - f) (n / (n - 1))^2 (n - 1) / n (1 - 1 / n) = 1 - f.
    variance = (1 - stage.fraction)[stage.stratum]
    assert factors.mean(axis=0) == pytest.approx(np.ones(12), abs=4 / np.sqrt(3000))
    assert factors.var(axis=0) == pytest.approx(variance, rel=0.15)


def test_the_seed_decides():
    sample = clustered()
    errors = [
        estimate(sample, "y", method="bootstrap", seed=seed)["standard_error"].item()
        for seed in (1, 1, 2)
    ]
    assert errors[0] == errors[1] != errors[2]


def test_single_units():
    data = pd.DataFrame({"y": [1.0, 4, 2, 8, 20], "h": list("aabbc"), "w": 3.0})
    sample = SurveySample(data, "w", strata="h")
    kept = SurveySample(data.iloc[:4], "w", strata="h")
    for method in ("jackknife", "bootstrap"):
        options = {"kind": "total", "method": method, "seed": 1}
        with pytest.raises(InputError, match="1 stratum with one unit"):
            estimate(sample, "y", **options)
        with pytest.raises(InputError, match="no counterpart"):
            estimate(sample, "y", single_unit="centre", **options)
        certain = estimate(sample, "y", single_unit="certainty", **options)
        others = estimate(kept, "y", **options)
        assert certain["standard_error"].item() == pytest.approx(others["standard_error"].item())


def test_a_domain_that_a_replicate_lacks_has_no_standard_error():
    data = pd.DataFrame({"y": [1.0, 4, 2, 8], "g": list("aabb"), "c": list("kklm"), "w": 1.0})
    sample = SurveySample(data, "w", clusters=("c",))
    result = estimate(sample, "y", by="g", method="jackknife").set_index("g")
    assert np.isnan(result.loc["a", "standard_error"])
    assert result.loc["b", "standard_error"] > 0


def test_replicates_that_cannot_be_calibrated_are_explained():
    data = pd.DataFrame({"y": [1.0, 4, 2, 8], "g": list("aabb"), "c": list("kklm"), "w": 1.0})
    sample = poststratify(SurveySample(data, "w", clusters=("c",)), "g", {"a": 5, "b": 7}).sample
    with pytest.raises(InputError, match="replicate cannot be calibrated"):
        estimate(sample, "y", method="jackknife")


def test_work_without_end_is_refused():
    n = 60_000
    data = pd.DataFrame({"y": np.arange(n) % 7.0, "g": np.arange(n) % 2, "w": 1.0})
    sample = poststratify(SurveySample(data, "w"), "g", {0: n, 1: n}).sample
    with pytest.raises(InputError, match="too long"):
        estimate(sample, "y", method="jackknife")
    with pytest.raises(InputError, match="at least 2"):
        estimate(sample, "y", method="bootstrap", seed=1, replicates=1)


def test_a_quantile_of_the_bootstrap_is_that_of_the_sample(shared, reference):
    sample = api_sample(shared, "clus1")
    row = estimate(sample, "api00", kind="quantile", method="bootstrap", seed=1).iloc[0]
    assert row["estimate"] == pytest.approx(
        reference["clus1"]["quantile_api00"]["est"][1], rel=NEAR
    )
