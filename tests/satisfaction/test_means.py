"""Linearised means. Oracles: R survey (svymean), crmlib.sampling, plain formulas."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from crmlib.sampling.estimation import estimate
from crmlib.sampling.samples import SurveySample
from crmlib.satisfaction.means import (
    Mean,
    covariance_of_sums,
    kish,
    linearised_mean,
    linearised_parts,
    stratum_of_clusters,
)

ITEMS = [f"q{i}" for i in range(1, 13)]


@pytest.fixture(scope="module")
def reference(shared):
    return json.loads((shared / "reference" / "satisfaction.json").read_text())


@pytest.fixture(scope="module")
def survey(shared):
    return pd.read_csv(shared / "data" / "satisfaction_survey_weighted.csv")


def design(survey):
    """Weights, strata, and everybody a cluster."""
    stratum = pd.factorize(survey["stratum"])[0].astype(np.int64)
    return survey["weight"].to_numpy(), stratum, np.arange(len(survey))


def drawn(seed=3, n=120):
    """Answers of clusters within strata, with unequal weights and a part of interest."""
    random = np.random.default_rng(seed)
    cluster = np.sort(random.integers(0, 24, n))
    return pd.DataFrame(
        {
            "y": random.normal(6, 2, n) + cluster / 8,
            "w": random.uniform(0.5, 2, n),
            "cluster": pd.factorize(cluster)[0].astype(np.int64),
            "stratum": (cluster % 3).astype(np.int64),
            "part": random.choice(["x", "y"], n, p=[0.3, 0.7]),
        }
    )


def test_means_and_standard_errors_of_r_survey(survey, reference):
    expected = reference["survey_weighted"]
    for name, mean, error in zip(
        expected["mean_names"], expected["mean"], expected["se"], strict=True
    ):
        found = linearised_mean(survey[name].to_numpy(dtype=float), *design(survey))
        assert found.value == pytest.approx(mean, rel=1e-9)
        assert found.standard_error == pytest.approx(error, rel=1e-9)


def test_index_of_fixed_weights_of_r_survey(survey, reference):
    scores = (survey[ITEMS].to_numpy() - 1) / 9 * 100 @ np.array(reference["csi_pcr3_weights"])
    found = linearised_mean(scores, *design(survey))
    expected = reference["csi_pcr3_design"]
    assert found.value == pytest.approx(expected["csi"], abs=1e-8)
    assert found.standard_error == pytest.approx(expected["se_fixed_weights"], abs=1e-8)
    assert found.degrees_of_freedom == 198


@pytest.mark.parametrize("part", ["x", "y"])
def test_a_domain_of_clusters_within_strata_is_that_of_the_sampling_package(part):
    data = drawn()
    sample = SurveySample(data, "w", strata="stratum", clusters=("cluster",))
    expected = estimate(sample, "y", by="part").set_index("part").loc[part]
    inside = (data["part"] == part).to_numpy()
    values = np.where(inside, data["y"], np.nan)  # nobody looks outside
    columns = (data[name].to_numpy() for name in ("w", "stratum", "cluster"))
    found = linearised_mean(values, *columns, inside)
    assert found.value == pytest.approx(expected["estimate"], rel=1e-12)
    assert found.standard_error == pytest.approx(expected["standard_error"], rel=1e-12)
    assert found.interval(0.95) == pytest.approx(tuple(expected[["low", "high"]]), rel=1e-12)


def test_equal_weights_give_the_textbook():
    values = np.array([3.0, 5.0, 4.0, 8.0, 9.0])
    people = np.arange(5)
    found = linearised_mean(values, np.full(5, 2.0), np.zeros_like(people), people)
    assert found == pytest.approx((values.mean(), values.var(ddof=1) / 5, 4))
    ends = stats.t.interval(0.9, 4, values.mean(), stats.sem(values))
    assert found.interval(0.9) == pytest.approx(ends)


def test_a_single_cluster_has_no_interval():
    assert np.isnan(Mean(5.0, 0.1, 0).interval(0.95)).all()


def test_covariance_of_two_means_of_the_same_people_is_that_of_the_pairs():
    random = np.random.default_rng(1)
    pairs = random.multivariate_normal([0, 0], [[1, 0.6], [0.6, 2]], 50)
    people, everybody = np.arange(50), np.ones(50, dtype=bool)
    parts = np.array([linearised_parts(y, np.ones(50), everybody)[1] for y in pairs.T])
    found = covariance_of_sums(parts, np.zeros_like(people), people)
    np.testing.assert_allclose(found, np.cov(pairs.T) / 50, rtol=1e-12)
    # Numbers of units need not be without gaps.
    np.testing.assert_allclose(covariance_of_sums(parts, np.ones_like(people), 3 * people), found)


def test_stratum_of_clusters():
    found = stratum_of_clusters(np.array([1, 0, 1, 1]), np.array([2, 0, 1, 2]))
    assert found.tolist() == [0, 1, 1]


def test_kish():
    assert kish(np.full(7, 3.0)) == pytest.approx(7)
    assert kish(np.array([1.0, 3.0])) == pytest.approx(1.6)
    assert kish(np.array([])) == 0
