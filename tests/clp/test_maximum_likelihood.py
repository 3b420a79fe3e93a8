"""The search on distributions whose answer is known otherwise, and on likelihoods without one."""

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

from crmlib.clp.maximum_likelihood import LikelihoodModel, distinct_rows, maximize
from crmlib.errors import InputError


def gamma_likelihood(values):
    def log_likelihood(parameters):
        shape, scale = parameters
        ratio = np.log(values / scale)
        value = np.sum((shape - 1) * np.log(values) - values / scale - shape * np.log(scale)) - len(
            values
        ) * special.gammaln(shape)
        by_shape = np.sum(ratio - special.digamma(shape))
        return value, np.array([by_shape, np.sum(values / scale**2 - shape / scale)])

    return log_likelihood


def test_a_gamma_distribution_is_fitted_as_scipy_does():
    values = np.random.default_rng(1).gamma(2.0, 3.0, 1000)
    found = maximize(gamma_likelihood(values), {"shape": 1.0, "scale": 1.0}, model="Gamma")
    shape, _, scale = stats.gamma.fit(values, floc=0)
    assert found.parameters == pytest.approx({"shape": shape, "scale": scale}, rel=1e-5)
    assert found.log_likelihood == pytest.approx(stats.gamma.logpdf(values, shape, 0, scale).sum())
    assert found.held == {}


def test_standard_errors_are_those_of_fishers_information():
    values = np.random.default_rng(2).gamma(2.0, 3.0, 500)
    found = maximize(gamma_likelihood(values), {"shape": 1.0, "scale": 1.0}, model="Gamma")
    shape, scale = found.parameters.values()
    # Information of one value of the gamma distribution, in shape and scale.
    information = np.array(
        [[special.polygamma(1, shape), 1 / scale], [1 / scale, shape / scale**2]]
    )
    covariance = np.linalg.inv(500 * information)
    errors = list(found.standard_errors.values())
    np.testing.assert_allclose(errors, np.sqrt(np.diag(covariance)), rtol=1e-5)
    logs = covariance / np.outer([shape, scale], [shape, scale])
    np.testing.assert_allclose(found.covariance, logs, rtol=1e-5)


@pytest.mark.parametrize("factor", [1e-3, 1.0, 1e6])
def test_the_start_and_the_unit_do_not_matter(factor):
    values = np.random.default_rng(3).gamma(0.4, 2.0, 300)
    near = maximize(gamma_likelihood(values), {"shape": 0.4, "scale": 2.0}, model="Gamma")
    far = maximize(gamma_likelihood(values * factor), {"shape": 5.0, "scale": 0.5}, model="Gamma")
    assert far.parameters["shape"] == pytest.approx(near.parameters["shape"], rel=1e-5)
    assert far.parameters["scale"] / factor == pytest.approx(near.parameters["scale"], rel=1e-5)


def test_a_parameter_that_runs_away_is_named():
    def climbs(parameters):
        a, b = parameters
        return -1 / a - np.log(b) ** 2, np.array([1 / a**2, -2 * np.log(b) / b])

    about = {"a": "how soon customers leave"}
    with pytest.raises(InputError, match=r"do not tell how soon .* a running to infinity\."):
        maximize(climbs, {"a": 1.0, "b": 2.0}, model="Model", about=about)
    held = maximize(climbs, {"a": 1.0, "b": 2.0}, model="Model", ceilings={"a": 100.0})
    assert held.held == pytest.approx({"a": 100.0})
    assert held.parameters == pytest.approx({"a": 100.0, "b": 1.0}, abs=1e-4)
    # Minus the second derivative by log b is 2: a variance of 1/2, and none for what is held.
    np.testing.assert_allclose(held.covariance, [[0, 0], [0, 0.5]], atol=1e-6)
    assert np.isnan(held.standard_errors["a"])


def test_a_likelihood_that_knows_only_the_product_is_refused():
    def flat(parameters):
        logs = np.log(parameters).sum()
        return -(logs**2), -2 * logs / parameters

    with pytest.raises(InputError, match="do not determine"):
        maximize(flat, {"a": 1.0, "b": 2.0}, model="Model")


def test_a_search_that_does_not_converge_is_refused():
    def inconsistent(parameters):
        logs = np.log(parameters)
        return -np.sum((logs - 1) ** 2), -2 * (logs - 3) / parameters

    with pytest.raises(InputError, match="did not converge; it stopped at a ="):
        maximize(inconsistent, {"a": 1.0, "b": 2.0}, model="Model")


def test_distinct_rows_are_those_of_numpy():
    random = np.random.default_rng(4)
    columns = [random.integers(0, 5, 2000), random.integers(0, 4, 2000) / 7]
    columns.append(random.choice([0.1, 0.2, 1e300], 2000))
    distinct, counts, inverse = distinct_rows(*columns)
    expected, expected_counts = np.unique(np.column_stack(columns), axis=0, return_counts=True)
    order = np.lexsort(distinct[::-1])
    np.testing.assert_array_equal(np.column_stack(distinct)[order], expected)
    np.testing.assert_array_equal(counts[order], expected_counts)
    for column, kinds in zip(columns, distinct, strict=True):
        np.testing.assert_array_equal(kinds[inverse], column)


def fitted(covariance):
    class Two(LikelihoodModel):
        parameter_names = ("one", "two")

    model = Two()
    model.parameters_ = pd.DataFrame({"estimate": [2.0, 0.5]})
    model.covariance_ = np.array(covariance)
    return model


def test_parameters_are_drawn_normal_on_their_logarithms():
    covariance = [[0.04, -0.03], [-0.03, 0.09]]
    draws = fitted(covariance).parameter_draws(200_000, np.random.default_rng(5))
    np.testing.assert_allclose(np.log(draws).mean(axis=0), np.log([2.0, 0.5]), atol=0.003)
    np.testing.assert_allclose(np.cov(np.log(draws).T), covariance, atol=0.001)


def test_a_parameter_that_is_held_is_drawn_as_it_is():
    draws = fitted([[0.0, 0.0], [0.0, 0.09]]).parameter_draws(100, np.random.default_rng(6))
    np.testing.assert_allclose(draws[:, 0], 2.0, rtol=1e-12)
    assert draws[:, 1].std() > 0.1


def test_a_model_must_be_fitted_first():
    with pytest.raises(InputError, match="call fit first"):
        LikelihoodModel().estimates()
