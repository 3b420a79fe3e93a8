"""Principal component regression from correlations, and the rules for how many components.

Oracles: R pls 2.8-1 and survey 4.1-1 on the survey tables, models fitted anew without the rows
left out, least squares, and properties that hold by algebra.
"""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from crmlib.satisfaction.components import (
    components_for_share,
    cross_validation_errors,
    eigen_components,
    eigenvalue_gap,
    jackknife_errors,
    kaiser,
    leave_one_out_errors,
    mean_errors,
    pcr_coefficients,
    training_moments,
    weighted_moments,
    within_one_standard_error,
)

NEAR = 1e-8
"""Agreement with R, which wrote 12 digits."""


@pytest.fixture(scope="module")
def reference(shared):
    return json.loads((shared / "reference" / "satisfaction.json").read_text())


@pytest.fixture(scope="module")
def pls(reference):
    return reference["survey_pcr_scaled"]


@pytest.fixture(scope="module")
def values(shared):
    return (
        pd.read_csv(shared / "data" / "satisfaction_survey.csv").drop(columns="id").to_numpy(float)
    )


def correlated(n, p, seed=1):
    """Answers to items that have something in common, and an overall score."""
    random = np.random.default_rng(seed)
    items = random.normal(size=(n, p)) + random.normal(size=(n, 1))
    return np.column_stack([items, items @ np.arange(1, p + 1) + 4 * random.normal(size=n)])


def correlations_of(values):
    return np.corrcoef(values, rowvar=False)


class TestAgainstR:
    def test_coefficients_with_every_number_of_components(self, values, pls):
        assert pcr_coefficients(correlations_of(values)) == pytest.approx(
            np.array(pls["standardized_beta_by_ncomp"]), abs=NEAR
        )

    def test_coefficients_with_design_weights(self, shared, reference):
        expected = reference["survey_weighted"]
        data = pd.read_csv(shared / "data" / "satisfaction_survey_weighted.csv")
        names = [*(f"q{i}" for i in range(1, 13)), "overall"]
        _, covariance = weighted_moments(data[names].to_numpy(float), data["weight"].to_numpy())
        deviations = np.sqrt(np.diagonal(covariance))
        correlations = covariance / np.outer(deviations, deviations)
        order = [expected["mean_names"].index(name) for name in names]
        assert correlations == pytest.approx(
            np.array(expected["weighted_corr"])[np.ix_(order, order)], abs=NEAR
        )
        assert eigen_components(correlations[:-1, :-1])[0] == pytest.approx(
            np.array(expected["eigenvalues"]), abs=NEAR
        )
        assert pcr_coefficients(correlations) == pytest.approx(
            np.array(expected["standardized_beta_by_ncomp"]), abs=NEAR
        )

    def test_eigenvalues_and_the_rules(self, values, pls):
        eigenvalues, _ = eigen_components(correlations_of(values)[:-1, :-1])
        assert eigenvalues == pytest.approx(np.array(pls["eigenvalues_of_R"]), abs=NEAR)
        assert kaiser(eigenvalues) == pls["kaiser_k"]
        assert components_for_share(eigenvalues, 0.85) == pls["cum85_k"]

    def test_leave_one_out_errors(self, values, pls):
        errors = leave_one_out_errors(values, np.ones(len(values)))
        assert np.sqrt(errors.mean(axis=0)) == pytest.approx(
            np.array(pls["RMSEP_CV_0_to_nc"]), abs=NEAR
        )

    def test_choice_by_one_standard_error(self, values, pls):
        weights = np.ones(len(values))
        # The first candidate is no component at all, in R as well.
        found = mean_errors(leave_one_out_errors(values, weights), weights)
        assert within_one_standard_error(*found) == pls["selectNcomp_onesigma"]

    def test_jackknife_errors(self, values, pls):
        found = jackknife_errors(values, np.ones(len(values)))
        for k, expected in pls["jackknife_LOO"].items():
            assert found[int(k) - 1] == pytest.approx(np.array(expected["se"]), abs=NEAR)


class TestEigenComponents:
    def test_takes_the_matrix_apart(self):
        items = correlations_of(correlated(50, 6))[:-1, :-1]
        eigenvalues, vectors = eigen_components(items)
        assert (np.diff(eigenvalues) < 0).all()
        assert (vectors * eigenvalues) @ vectors.T == pytest.approx(items, abs=1e-12)

    def test_largest_loading_is_positive(self):
        _, vectors = eigen_components(correlations_of(correlated(50, 6))[:-1, :-1])
        largest = np.abs(vectors).argmax(axis=0)
        assert (vectors[largest, range(6)] > 0).all()

    @pytest.mark.parametrize("rho", [0.5, -0.5])
    def test_of_equal_loadings_the_first_is_positive(self, rho):
        _, vectors = eigen_components(np.array([[1, rho], [rho, 1]]))
        assert (vectors[0] > 0).all()

    def test_rounding_does_not_turn_a_component_round(self):
        for nudge in (1e-14, -1e-14):
            _, vectors = eigen_components(np.array([[1 + nudge, 0.5], [0.5, 1]]))
            assert (vectors[0] > 0).all()

    def test_many_matrices_at_once(self):
        items = np.array([[correlations_of(correlated(30, 4, seed))] for seed in range(5)])
        eigenvalues, vectors = eigen_components(items)
        assert eigenvalues.shape == (5, 1, 5)
        for i in range(5):
            alone = eigen_components(items[i, 0])
            assert eigenvalues[i, 0] == pytest.approx(alone[0], abs=1e-12)
            assert vectors[i, 0] == pytest.approx(alone[1], abs=1e-9)


class TestPcrCoefficients:
    def test_all_components_are_least_squares(self):
        data = correlated(80, 5)
        z = (data - data.mean(axis=0)) / data.std(axis=0)
        expected = np.linalg.lstsq(z[:, :-1], z[:, -1])[0]
        assert pcr_coefficients(correlations_of(data))[-1] == pytest.approx(expected, abs=1e-12)

    def test_covariances_leave_items_unscaled(self):
        data = correlated(80, 5) * [1, 2, 3, 4, 5, 1]
        found = pcr_coefficients(np.cov(data, rowvar=False))
        for k in range(1, 6):
            model = make_pipeline(PCA(k), LinearRegression()).fit(data[:, :-1], data[:, -1])
            slopes = model[-1].coef_ @ model[0].components_
            assert found[k - 1] == pytest.approx(slopes, abs=1e-10)

    def test_collinear_items_share_what_they_have_in_common(self):
        data = correlated(80, 3)
        doubled = data[:, [0, 0, 1, 2, 3]]
        found = pcr_coefficients(correlations_of(doubled))
        assert found[-1] == pytest.approx(found[-2], abs=1e-12)
        alone = pcr_coefficients(correlations_of(data))[-1]
        assert found[-1] == pytest.approx(alone[[0, 0, 1, 2]] * [0.5, 0.5, 1, 1], abs=1e-9)

    def test_more_items_than_people_end_in_the_shortest_exact_solution(self):
        data = correlated(6, 9)
        z = (data - data.mean(axis=0)) / data.std(axis=0)
        found = pcr_coefficients(correlations_of(data))
        assert found[4:] == pytest.approx(np.tile(found[-1], (5, 1)), abs=1e-9)
        assert found[-1] == pytest.approx(np.linalg.pinv(z[:, :-1]) @ z[:, -1], abs=1e-9)

    def test_nan_stays_where_it_is(self):
        good = correlations_of(correlated(80, 5))
        bad = good.copy()
        bad[1, 2] = bad[2, 1] = np.nan
        found = pcr_coefficients(np.array([bad, good]))
        assert np.isnan(found[0]).all()
        assert (found[1] == pcr_coefficients(good)).all()
        unknown_score = good.copy()
        unknown_score[-1, 0] = unknown_score[0, -1] = np.nan
        assert np.isnan(pcr_coefficients(unknown_score)).all()

    @settings(max_examples=25, deadline=None)
    @given(st.permutations(range(5)), st.integers(0, 1000))
    def test_order_and_direction_of_items_do_not_matter(self, order, seed):
        data = correlated(40, 5, seed)
        signs = np.where(np.arange(5) % 2, -1, 1)
        turned = data[:, [*order, 5]] * [*signs, 1]
        found = pcr_coefficients(correlations_of(turned))
        expected = pcr_coefficients(correlations_of(data))[:, order] * signs
        # Far from least squares only where two components are hard to tell apart.
        eigenvalues, _ = eigen_components(correlations_of(data)[:-1, :-1])
        clear = np.array([eigenvalue_gap(eigenvalues, k) > 1e-3 for k in range(1, 6)])
        assert found[clear] == pytest.approx(expected[clear], abs=1e-8)


class TestRules:
    def test_kaiser_counts_eigenvalues_above_one(self):
        assert kaiser(np.array([[2.5, 1.2, 0.2, 0.1], [3.4, 0.3, 0.2, 0.1]])).tolist() == [2, 1]

    def test_kaiser_keeps_one_of_uncorrelated_items(self):
        assert kaiser(np.array([1 + 2e-15, 1 + 1e-15, 1 - 1e-15, 1 - 2e-15])) == 1

    def test_share_held_by_components(self):
        eigenvalues = np.array([2.0, 1.0, 0.75, 0.25])
        shares = [0.4, 0.5, 0.51, 0.75, 0.9375, 0.95]
        found = [components_for_share(eigenvalues, share) for share in shares]
        assert found == [1, 1, 2, 2, 3, 4]

    def test_share_that_is_reached_but_for_rounding(self):
        eigenvalues = np.array([3.0, 1.6, 0.4])
        assert np.cumsum(eigenvalues)[1] / eigenvalues.sum() < 0.92
        assert components_for_share(eigenvalues, 0.92) == 2

    def test_share_never_needs_components_without_variance(self):
        assert components_for_share(np.array([2.7, 0.3, 1e-16, 0.0]), 0.999) == 2

    def test_gap_of_equal_components_is_zero_and_of_the_last_one(self):
        eigenvalues = np.array([2.0, 1.0, 1.0])
        assert [eigenvalue_gap(eigenvalues, k) for k in (1, 2, 3)] == [0.5, 0, 1]

    def test_gap_with_a_number_of_components_for_each(self):
        eigenvalues = np.array([[2.0, 1.0, 1.0], [1.5, 1.5, 0.0]])
        assert eigenvalue_gap(eigenvalues, np.array([1, 2])).tolist() == [0.5, 1.0]

    def test_first_within_one_standard_error_of_the_smallest(self):
        mean = np.tile([1.5, 1.1, 1.0, 1.2], (3, 1))
        standard_error = np.array([[0.01], [0.1 + 1e-9], [0.6]]) * np.ones(4)
        assert within_one_standard_error(mean, standard_error).tolist() == [2, 1, 0]

    def test_mean_errors_of_equal_weights(self):
        errors = np.random.default_rng(1).random((20, 3))
        mean, standard_error = mean_errors(errors, np.full(20, 7.0))
        assert mean == pytest.approx(errors.mean(axis=0))
        assert standard_error == pytest.approx(errors.std(axis=0, ddof=1) / np.sqrt(20))


class TestCrossValidation:
    def test_moments_without_a_fold_are_those_of_the_rest(self):
        data = correlated(30, 4) + 1000
        random = np.random.default_rng(2)
        weights, folds = random.uniform(1, 5, 30), np.arange(30) % 7
        mean, covariance = training_moments(data, weights, folds)
        for fold in range(7):
            rest = folds != fold
            assert mean[fold] == pytest.approx(
                np.average(data[rest], axis=0, weights=weights[rest]), rel=1e-13
            )
            assert covariance[fold] == pytest.approx(
                np.cov(data[rest], rowvar=False, aweights=weights[rest], bias=True), abs=1e-10
            )

    @pytest.mark.parametrize("scale", [True, False])
    def test_errors_are_those_of_models_fitted_anew(self, scale):
        data = correlated(60, 4) * [1, 5, 2, 1, 1]
        folds = np.random.default_rng(3).permutation(np.arange(60) % 6)
        found = cross_validation_errors(data, np.ones(60), folds, scale=scale)
        for k in range(1, 5):
            steps = [StandardScaler()] * scale + [PCA(k), LinearRegression()]
            model = make_pipeline(*steps)
            for fold in range(6):
                test, rest = data[folds == fold], data[folds != fold]
                model.fit(rest[:, :-1], rest[:, -1])
                expected = (test[:, -1] - model.predict(test[:, :-1])) ** 2
                assert found[folds == fold, k] == pytest.approx(expected, abs=1e-9)
        for fold in range(6):
            mean = data[folds != fold, -1].mean()
            assert found[folds == fold, 0] == pytest.approx(
                (data[folds == fold, -1] - mean) ** 2, abs=1e-10
            )

    def test_a_weight_of_two_is_the_row_twice(self):
        data = correlated(30, 3)
        folds = np.arange(30) % 5
        weights = np.where(np.arange(30) < 10, 2.0, 1.0)
        copies = np.repeat(np.arange(30), weights.astype(int))
        found = cross_validation_errors(data, weights, folds)
        again = cross_validation_errors(data[copies], np.ones(40), folds[copies])
        assert again == pytest.approx(found[copies], abs=1e-10)

    @pytest.mark.parametrize("seed", range(10))
    def test_an_item_constant_among_the_others_is_as_if_not_there(self, seed):
        # Weights of their own each time, for rounding to come out otherwise.
        data = correlated(30, 3)
        weights = np.random.default_rng(seed).uniform(1, 5, 30)
        rare = np.where(np.arange(30) == 4, 7.3, 5.1)
        with_rare = np.column_stack([data[:, 0], rare, data[:, 1:]])
        found = leave_one_out_errors(with_rare, weights)[4]
        expected = leave_one_out_errors(data, weights)[4]
        assert found[:4] == pytest.approx(expected, abs=1e-9)
        assert found[4] == pytest.approx(expected[3], abs=1e-9)

    def test_more_items_than_people(self):
        data = correlated(8, 12)
        errors = leave_one_out_errors(data, np.ones(8))
        assert np.isfinite(errors).all()
        # Seven people less their mean leave six components.
        assert errors[:, 6:] == pytest.approx(np.tile(errors[:, [6]], 7), rel=1e-6)


def test_jackknife_agrees_with_the_spread_over_samples():
    """Monte Carlo: 400 samples of 100; the standard deviation is known to 1 / sqrt(800) = 3.5 %.

    Components 1 and 2 are far apart, so that the coefficients with one component hardly bend.
    """
    coefficients, errors = [], []
    for seed in range(400):
        data = correlated(100, 4, seed)
        correlations = correlations_of(data)
        coefficients.append(pcr_coefficients(correlations)[0] * data[:, -1].std(ddof=1))
        if seed < 100:
            errors.append(jackknife_errors(data, np.ones(100))[0])
    spread = np.std(coefficients, axis=0, ddof=1)
    assert np.sqrt(np.mean(np.square(errors), axis=0)) == pytest.approx(spread, rel=4 * 0.035)
