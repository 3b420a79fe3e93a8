"""Importance of items by every method that needs only correlations.

Oracles: R pls, relaimpo and lm on the survey table, scikit-learn, pingouin, the average over all
orders written out, and properties that hold by algebra.
"""

import itertools
import json

import numpy as np
import pandas as pd
import pingouin
import pytest
from sklearn.cross_decomposition import PLSRegression
from sklearn.linear_model import Ridge

from crmlib.errors import InputError
from crmlib.satisfaction import importance
from crmlib.satisfaction.components import pcr_coefficients
from crmlib.satisfaction.importance import (
    correlation_importance,
    is_singular,
    johnson_weights,
    lmg,
    ols_coefficients,
    pls_coefficients,
    r_squared,
    ridge_coefficients,
    unexplained_by_subset,
    variance_inflation,
)

NEAR = 1e-8
"""Agreement with R, which wrote 12 digits."""

NEED_FULL_RANK = [ols_coefficients, lmg, johnson_weights, variance_inflation]


@pytest.fixture(scope="module")
def reference(shared):
    return json.loads((shared / "reference" / "satisfaction.json").read_text())


@pytest.fixture(scope="module")
def survey(shared):
    data = pd.read_csv(shared / "data" / "satisfaction_survey.csv").drop(columns="id")
    return np.corrcoef(data.to_numpy(float), rowvar=False)


def standardised(n, p, seed=1):
    """Answers to items that have something in common, and an overall score."""
    random = np.random.default_rng(seed)
    items = random.normal(size=(n, p)) + random.normal(size=(n, 1))
    score = items @ np.arange(1, p + 1) + 4 * random.normal(size=n)
    data = np.column_stack([items, score])
    return (data - data.mean(axis=0)) / data.std(axis=0)


def correlations_of(data):
    return np.corrcoef(data, rowvar=False)


class TestAgainstR:
    def test_least_squares(self, survey, reference):
        expected = reference["survey_ols_standardized"]
        assert ols_coefficients(survey) == pytest.approx(np.array(expected["beta"]), abs=NEAR)
        assert variance_inflation(survey) == pytest.approx(np.array(expected["vif"]), abs=NEAR)
        assert r_squared(survey) == pytest.approx(expected["R2"], abs=NEAR)

    def test_partial_least_squares_with_every_number_of_components(self, survey, reference):
        expected = np.array(reference["survey_plsr_scaled"]["standardized_beta_by_ncomp"])
        assert pls_coefficients(survey, 12) == pytest.approx(expected, abs=NEAR)

    def test_lmg(self, survey, reference):
        expected = np.array(reference["survey_relaimpo"]["lmg"])
        assert lmg(survey) == pytest.approx(expected, abs=NEAR)

    def test_johnson_weights(self, survey, reference):
        for expected in (
            reference["survey_johnson_relative_weights"],
            reference["survey_relaimpo"]["genizi"],
        ):
            assert johnson_weights(survey) == pytest.approx(np.array(expected), abs=NEAR)

    def test_squared_correlations_are_what_each_item_explains_alone(self, survey, reference):
        expected = np.array(reference["survey_relaimpo"]["first"])
        assert correlation_importance(survey) ** 2 == pytest.approx(expected, abs=NEAR)


class TestRidge:
    def test_is_scikit_learns(self):
        data = standardised(70, 5)
        penalties = np.array([0.01, 0.3, 4.0])
        found = ridge_coefficients(correlations_of(data), penalties)
        for penalty, slopes in zip(penalties, found, strict=True):
            model = Ridge(alpha=70 * penalty).fit(data[:, :-1], data[:, -1])
            assert slopes == pytest.approx(model.coef_, abs=1e-10)

    def test_no_penalty_is_least_squares(self):
        correlations = correlations_of(standardised(70, 5))
        assert ridge_coefficients(correlations, np.zeros(1))[0] == pytest.approx(
            ols_coefficients(correlations), abs=1e-12
        )

    @pytest.mark.parametrize("penalty", [0.0, 1e-6, 0.5])
    def test_collinear_items_get_the_same(self, penalty):
        data = standardised(70, 3)[:, [0, 1, 1, 2, 3]]
        slopes = ridge_coefficients(correlations_of(data), np.array([penalty]))[0]
        assert slopes[1] == pytest.approx(slopes[2], abs=1e-9)
        assert np.abs(slopes).max() < 2

    def test_an_item_without_variance_gets_nothing(self):
        correlations = correlations_of(standardised(70, 3))
        correlations[1] = correlations[:, 1] = 0
        slopes = ridge_coefficients(correlations, np.array([0.0, 0.2]))
        assert (slopes[:, 1] == 0).all()
        kept = correlations[np.ix_([0, 2, 3], [0, 2, 3])]
        assert slopes[0, [0, 2]] == pytest.approx(ols_coefficients(kept), abs=1e-12)


class TestPartialLeastSquares:
    def test_is_scikit_learns(self):
        data = standardised(70, 6)
        found = pls_coefficients(correlations_of(data), 6)
        for k in range(1, 7):
            model = PLSRegression(k, tol=1e-12).fit(data[:, :-1], data[:, -1])
            assert found[k - 1] == pytest.approx(model.coef_.ravel(), abs=1e-9)

    def test_all_components_are_least_squares(self):
        correlations = correlations_of(standardised(70, 20))
        assert pls_coefficients(correlations, 20)[-1] == pytest.approx(
            ols_coefficients(correlations), abs=1e-9
        )

    def test_nothing_is_added_when_nothing_is_left(self):
        correlations = np.eye(5)
        correlations[-1, :-1] = correlations[:-1, -1] = [0.4, 0.3, 0.2, 0.1]
        found = pls_coefficients(correlations, 4)
        assert found == pytest.approx(np.tile([0.4, 0.3, 0.2, 0.1], (4, 1)), abs=1e-14)

    def test_collinear_items_and_more_items_than_people(self):
        collinear = standardised(70, 3)[:, [0, 1, 1, 2, 3]]
        few = standardised(6, 9)
        for data in (collinear, few):
            found = pls_coefficients(correlations_of(data), data.shape[1] - 1)[-1]
            shortest = np.linalg.pinv(data[:, :-1], rcond=1e-8) @ data[:, -1]
            assert found == pytest.approx(shortest, abs=1e-8)

    def test_items_that_differ_by_next_to_nothing_do_not_run_away(self):
        data = standardised(70, 3)[:, [0, 1, 1, 2, 3]]
        data[:, 2] += 1e-6 * np.random.default_rng(2).normal(size=70)
        correlations = correlations_of(data)
        found = pls_coefficients(correlations, 4)
        assert found[-1] == pytest.approx(pcr_coefficients(correlations)[-1], abs=1e-4)

    def test_an_overall_score_without_any_correlation(self):
        assert (pls_coefficients(np.eye(4), 3) == 0).all()


class TestLmg:
    def test_is_the_average_over_all_orders(self):
        data = standardised(40, 4)

        def explained(items):
            x = data[:, list(items)]
            left = data[:, -1] - x @ np.linalg.lstsq(x, data[:, -1])[0]
            return 1 - (left**2).mean()

        expected = np.zeros(4)
        orders = list(itertools.permutations(range(4)))
        for order in orders:
            for place, item in enumerate(order):
                before = explained(order[:place]) if place else 0.0
                expected[item] += (explained(order[: place + 1]) - before) / len(orders)
        assert lmg(correlations_of(data)) == pytest.approx(expected, abs=1e-12)

    def test_is_pingouins(self):
        data = standardised(90, 7)
        table = pingouin.linear_regression(data[:, :-1], data[:, -1], relimp=True)
        assert lmg(correlations_of(data)) == pytest.approx(
            table["relimp"].to_numpy()[1:], abs=1e-10
        )

    def test_unexplained_share_of_every_subset(self):
        data = standardised(50, 3)
        found = unexplained_by_subset(correlations_of(data)[None])[:, 0]
        for subset in range(8):
            x = data[:, [j for j in range(3) if subset >> j & 1]]
            left = data[:, -1] - x @ np.linalg.pinv(x) @ data[:, -1]
            assert found[subset] == pytest.approx((left**2).mean(), abs=1e-12)

    @pytest.mark.parametrize("p", [1, 2, 13, 20])
    def test_adds_up_to_r_squared(self, p):
        correlations = correlations_of(standardised(100, p))
        assert lmg(correlations).sum() == pytest.approx(r_squared(correlations), abs=1e-12)

    def test_many_at_once_in_several_parts(self, monkeypatch):
        correlations = np.array([correlations_of(standardised(30, 5, i)) for i in range(12)])
        correlations = correlations.reshape(3, 4, 6, 6)
        whole = lmg(correlations)
        monkeypatch.setattr(importance, "CELLS", 500)
        assert whole.shape == (3, 4, 5)
        assert lmg(correlations) == pytest.approx(whole, abs=1e-14)
        assert whole[2, 1] == pytest.approx(lmg(correlations[2, 1]), abs=1e-14)

    def test_none_at_all(self):
        assert lmg(np.empty((0, 4, 4))).shape == (0, 3)

    def test_too_many_items(self):
        with pytest.raises(InputError, match="with 21 these are 2,097,152"):
            lmg(np.eye(22))


class TestJohnson:
    def test_is_the_square_root_worked_out_from_the_answers(self):
        data = standardised(60, 4)
        # The nearest uncorrelated variables are U V' of the singular value decomposition.
        u, _, v = np.linalg.svd(data[:, :-1] / np.sqrt(60), full_matrices=False)
        nearest = u @ v * np.sqrt(60)
        loadings = data[:, :-1].T @ nearest / 60
        slopes = nearest.T @ data[:, -1] / 60
        assert johnson_weights(correlations_of(data)) == pytest.approx(
            loadings**2 @ slopes**2, abs=1e-12
        )

    @pytest.mark.parametrize("p", [1, 2, 24])
    def test_adds_up_to_r_squared(self, p):
        correlations = correlations_of(standardised(100, p))
        weights = johnson_weights(correlations)
        assert weights.sum() == pytest.approx(r_squared(correlations), abs=1e-12)
        assert (weights >= 0).all()

    def test_two_items_as_lmg(self):
        correlations = correlations_of(standardised(60, 2))
        assert johnson_weights(correlations) == pytest.approx(lmg(correlations), abs=1e-12)


def test_variance_inflation_is_one_over_what_the_others_leave():
    data = standardised(60, 4)
    for j in range(4):
        others = data[:, [i for i in range(4) if i != j]]
        left = data[:, j] - others @ np.linalg.lstsq(others, data[:, j])[0]
        expected = 1 / (left**2).mean()
        assert variance_inflation(correlations_of(data))[j] == pytest.approx(expected, rel=1e-10)


def test_r_squared_of_collinear_items_is_that_without_the_copy():
    data = standardised(60, 3)
    doubled = correlations_of(data[:, [0, 1, 1, 2, 3]])
    assert r_squared(doubled) == pytest.approx(r_squared(correlations_of(data)), abs=1e-10)


class TestNoAnswer:
    """What cannot be computed is NaN, and takes nothing else with it."""

    @pytest.mark.parametrize("method", NEED_FULL_RANK)
    @pytest.mark.parametrize("fault", ["copy", "sum of two", "more items than people", "nan"])
    def test_is_nan_alone(self, method, fault):
        good = standardised(60, 7)
        bad = good.copy()
        if fault == "copy":
            bad[:, 1] = bad[:, 0]
        elif fault == "sum of two":
            bad[:, 2] = bad[:, 0] + bad[:, 1]
        elif fault == "more items than people":
            bad = good[:7]
        singular = correlations_of(bad)
        if fault == "nan":
            singular[0, 1] = singular[1, 0] = np.nan
        both = np.array([singular, correlations_of(good)])
        assert is_singular(both).tolist() == [True, False]
        found = method(both)
        assert np.isnan(found[0]).all()
        assert found[1] == pytest.approx(method(both[1]), abs=1e-13)

    @pytest.mark.parametrize(
        "method",
        [
            lambda c: pls_coefficients(c, 3),
            lambda c: ridge_coefficients(c, np.ones(2)),
            r_squared,
            correlation_importance,
        ],
    )
    def test_methods_for_any_rank_know_only_nan(self, method):
        good = correlations_of(standardised(60, 5))
        bad = np.where(np.eye(6) == 1, 1, np.nan)
        found = method(np.array([bad, good]))
        assert np.isnan(found[0]).all()
        assert found[1] == pytest.approx(method(good), abs=1e-13)


@pytest.mark.parametrize(
    "method",
    [
        *NEED_FULL_RANK,
        r_squared,
        correlation_importance,
        lambda c: ridge_coefficients(c, np.array([0.1, 1.0])),
        lambda c: pls_coefficients(c, 4),
    ],
)
def test_many_at_once_are_as_one_by_one(method):
    correlations = np.array([correlations_of(standardised(30, 4, i)) for i in range(6)])
    found = method(correlations.reshape(2, 3, 5, 5))
    for i in range(6):
        assert found[i // 3, i % 3] == pytest.approx(method(correlations[i]), abs=1e-12)
