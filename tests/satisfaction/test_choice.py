"""Components and penalties chosen from cross-products.

Oracles: R pls 2.8-1 (leave-one-out errors, coefficients at every k, numbers by rule) and R survey
on the simulated survey; scikit-learn fitted to one part of the rows and tested on the other.
"""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from crmlib.errors import InputError
from crmlib.satisfaction.answers import answers_of
from crmlib.satisfaction.choice import (
    CHUNK,
    METHODS,
    PENALTIES,
    choose_components,
    cross_validated_errors,
    fitted,
    fold_errors,
    importances,
    path_of,
)
from crmlib.satisfaction.components import pcr_coefficients
from crmlib.satisfaction.moments import folds_of, resampled_moments

ITEMS = [f"q{j}" for j in range(1, 13)]


@pytest.fixture(scope="module")
def survey(shared):
    data = pd.read_csv(shared / "data/satisfaction_survey.csv")
    return answers_of(data, ITEMS, "overall")


@pytest.fixture(scope="module")
def moments(survey):
    return resampled_moments(survey, 300, seed=1, folds=10)


@pytest.fixture(scope="module")
def reference(shared):
    return json.loads((shared / "reference/satisfaction.json").read_text())


@pytest.mark.parametrize(
    ("method", "of_r"), [("pcr", "survey_pcr_scaled"), ("pls", "survey_plsr_scaled")]
)
def test_leave_one_out_errors_are_those_of_r(survey, reference, method, of_r):
    moments = resampled_moments(survey, 100, seed=1, folds=survey.n)
    error, _ = cross_validated_errors(moments.folds[:1], path_of(method, 12))
    np.testing.assert_allclose(np.sqrt(error[0]), reference[of_r]["RMSEP_CV_0_to_nc"], rtol=1e-8)


@pytest.mark.parametrize(
    ("method", "of_r"), [("pcr", "survey_pcr_scaled"), ("pls", "survey_plsr_scaled")]
)
def test_coefficients_with_every_number_of_components_are_those_of_r(
    moments, reference, method, of_r
):
    expected = reference[of_r]["standardized_beta_by_ncomp"]
    for k in range(1, 13):
        found = importances(moments, method, k)
        np.testing.assert_allclose(found.values[0], expected[k - 1], atol=1e-8)
        assert (found.choice == k).all()


def test_r_squared_is_that_of_r(moments, reference):
    of_r = reference["survey_pcr_scaled"]["R2_train_0_to_nc"]
    for k in (1, 5, 12):
        assert importances(moments, "pcr", k).r_squared[0] == pytest.approx(of_r[k], abs=1e-8)
    for method in ("ols", "lmg", "johnson"):
        found = importances(moments, method).r_squared[0]
        assert found == pytest.approx(reference["survey_relaimpo"]["R2"], abs=1e-8)


def test_rules_keep_as_many_components_as_r(moments, reference):
    of_r = reference["survey_pcr_scaled"]
    assert importances(moments, "pcr", "kaiser").choice[0] == of_r["kaiser_k"]
    assert importances(moments, "pcr", 0.85).choice[0] == of_r["cum85_k"]


def test_weighted_coefficients_are_those_of_r_survey(shared, reference):
    data = pd.read_csv(shared / "data/satisfaction_survey_weighted.csv")
    answers = answers_of(data, ITEMS, "overall", weights="weight", strata="stratum")
    moments = resampled_moments(answers, 100, seed=1)
    expected = reference["survey_weighted"]["standardized_beta_by_ncomp"]
    found = [importances(moments, "pcr", k).values[0] for k in range(1, 13)]
    np.testing.assert_allclose(found, expected, atol=1e-8)


@pytest.mark.parametrize(
    ("method", "candidate", "model"),
    [
        ("pcr", 4, make_pipeline(StandardScaler(), PCA(4), LinearRegression())),
        ("pls", 3, PLSRegression(3)),
        ("ridge", 9, None),
    ],
)
def test_errors_on_folds_are_those_of_scikit_learn(survey, moments, method, candidate, model):
    squares, weight = fold_errors(moments.folds[:1], path_of(method, 12))
    fold = folds_of(survey, 10, seed=1)
    x, y = survey.values[:, :-1], survey.values[:, -1]
    for f in range(10):
        train, test = fold != f, fold == f
        if method == "ridge":
            alpha = PENALTIES[candidate - 1] * train.sum()
            model = make_pipeline(StandardScaler(), Ridge(alpha))
        predicted = model.fit(x[train], y[train]).predict(x[test]).ravel()
        expected = ((y[test] - predicted) ** 2).sum()
        assert squares[0, f, candidate] == pytest.approx(expected, rel=1e-9)
        assert squares[0, f, 0] == pytest.approx(((y[test] - y[train].mean()) ** 2).sum())
        assert weight[0, f] == test.sum()


def test_standard_error_of_equal_folds_is_the_standard_deviation_over_the_root():
    random = np.random.default_rng(1)
    rows = np.column_stack([np.ones(40), random.normal(size=(40, 3))])
    folds = np.array([[part.T @ part for part in np.split(rows, 4)]])
    squares, _ = fold_errors(folds, pcr_coefficients)
    error, standard_error = cross_validated_errors(folds, pcr_coefficients)
    means = squares[0] / 10
    np.testing.assert_allclose(error[0], means.mean(axis=0))
    np.testing.assert_allclose(standard_error[0], means.std(axis=0, ddof=1) / 2)


def test_a_fold_that_nobody_was_drawn_from_is_passed_over():
    random = np.random.default_rng(1)
    rows = np.column_stack([np.ones(40), random.normal(size=(40, 3))])
    folds = np.array([[part.T @ part for part in np.split(rows, 4)]])
    with_empty = np.concatenate([folds, np.zeros((1, 1, 4, 4))], axis=1)
    for one, other in zip(
        cross_validated_errors(folds, pcr_coefficients),
        cross_validated_errors(with_empty, pcr_coefficients),
        strict=True,
    ):
        np.testing.assert_allclose(one, other)


def test_an_item_that_does_not_vary_in_training_foretells_nothing():
    # The second item varies in the last fold only, so that training without it cannot use it.
    random = np.random.default_rng(1)
    x = random.normal(size=(40, 2))
    x[:30, 1] = 0
    rows = np.column_stack([np.ones(40), x, x[:, 0] + random.normal(size=40)])
    folds = np.array([[part.T @ part for part in np.split(rows, 4)]])
    squares, _ = fold_errors(folds, pcr_coefficients)
    model = LinearRegression().fit(x[:30, :1], rows[:30, -1])
    expected = ((rows[30:, -1] - model.predict(x[30:, :1])) ** 2).sum()
    assert squares[0, 3, -1] == pytest.approx(expected)


def test_noise_is_said_to_be_noise():
    random = np.random.default_rng(3)
    values = np.clip(np.rint(random.normal(6, 2, (200, 5))), 1, 10)
    table = pd.DataFrame(values, columns=["a", "b", "c", "d", "overall"])
    moments = resampled_moments(answers_of(table, list("abcd"), "overall"), 100, seed=1, folds=10)
    number, useful = choose_components("cv", moments.correlation, moments.folds, pcr_coefficients)
    assert number.min() == 1
    assert not useful[0]


@pytest.mark.parametrize("method", METHODS)
def test_results_do_not_depend_on_how_the_work_is_divided(moments, method):
    assert len(moments.mean) > 2 * CHUNK
    folds = moments.folds if method in ("pcr", "pls", "ridge") else None
    whole = fitted(moments.correlation, folds, method, "cv")
    np.testing.assert_allclose(importances(moments, method).values, whole.values, atol=1e-12)


def test_pls_takes_a_number_but_no_rule_about_items(moments):
    by_validation = importances(moments, "pls", "cv").choice
    np.testing.assert_array_equal(importances(moments, "pls", "kaiser").choice, by_validation)
    np.testing.assert_array_equal(importances(moments, "pls", 0.85).choice, by_validation)


@pytest.mark.parametrize("rule", ["scree", 0, 13, 1.5, 0.0, -1, 3.0, True])
def test_rules_that_cannot_be_followed_are_refused(moments, rule):
    with pytest.raises(InputError, match="from 1 to 12, the number of items"):
        importances(moments, "pcr", rule)


def test_cross_validation_needs_folds(survey):
    with pytest.raises(InputError, match="folds=10"):
        importances(resampled_moments(survey, 100, seed=1), "ridge")
