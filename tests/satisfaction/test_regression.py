"""Principal component regression as an estimator.

Oracles: scikit-learn's own checks and pipelines, R pls 2.8-1 and survey 4.1-1 on the survey
tables, the equality of weights and copies of rows, and simulation.
"""

import json
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from crmlib.errors import InputError
from crmlib.satisfaction import regression
from crmlib.satisfaction.components import cross_validation_errors, leave_one_out_errors
from crmlib.satisfaction.regression import (
    PrincipalComponentRegression,
    WeakGapWarning,
    repeated_folds,
)

NEAR = 1e-8
"""Agreement with R, which wrote 12 digits."""

ITEMS = [f"q{i}" for i in range(1, 13)]


@parametrize_with_checks(
    [PrincipalComponentRegression(), PrincipalComponentRegression("kaiser", scale=False)]
)
@pytest.mark.filterwarnings("ignore::crmlib.satisfaction.regression.WeakGapWarning")
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def reference(shared):
    return json.loads((shared / "reference" / "satisfaction.json").read_text())


@pytest.fixture(scope="module")
def pls(reference):
    return reference["survey_pcr_scaled"]


@pytest.fixture(scope="module")
def survey(shared):
    return pd.read_csv(shared / "data" / "satisfaction_survey.csv")


def quietly(n_components, X, y, **keywords):
    """A fit where it is not the point that the gap is weak."""
    scale = keywords.pop("scale", True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", WeakGapWarning)
        return PrincipalComponentRegression(n_components, scale=scale).fit(X, y, **keywords)


def two_factors(n, seed=1, p=8, noise=0.5):
    """Items that measure one of two things, and a score that depends on the smaller one."""
    random = np.random.default_rng(seed)
    factors = random.normal(size=(n, 2))
    of_item = np.arange(p) >= p - 3
    X = factors[:, of_item.astype(int)] + 0.7 * random.normal(size=(n, p))
    return X, factors[:, 1] + noise * random.normal(size=n)


class TestAgainstR:
    @pytest.mark.parametrize("k", range(1, 13))
    def test_coefficients_and_explained_variance(self, survey, pls, k):
        model = quietly(k, survey[ITEMS], survey["overall"])
        assert model.coef_ == pytest.approx(np.array(pls["raw_coef_by_ncomp"][k - 1]), abs=NEAR)
        assert model.intercept_ == pytest.approx(pls["raw_intercept_by_ncomp"][k - 1], abs=NEAR)
        shares = np.array(pls["explvar_X_pct"][:k]) / 100
        assert model.explained_variance_ratio_ == pytest.approx(shares, abs=NEAR)
        assert model.score(survey[ITEMS], survey["overall"]) == pytest.approx(
            pls["R2_train_0_to_nc"][k], abs=NEAR
        )

    def test_choice_by_cross_validation(self, survey, pls):
        model = PrincipalComponentRegression().fit(survey[ITEMS], survey["overall"])
        table = model.cross_validation_
        assert model.n_components_ == pls["selectNcomp_onesigma"]
        assert table["components"].tolist() == list(range(13))
        assert np.sqrt(table["mean_squared_error"]).to_numpy() == pytest.approx(
            np.array(pls["RMSEP_CV_0_to_nc"]), abs=NEAR
        )
        errors = leave_one_out_errors(survey[[*ITEMS, "overall"]].to_numpy(float), np.ones(200))
        assert table["standard_error"].to_numpy() == pytest.approx(
            errors.std(axis=0, ddof=1) / np.sqrt(200)
        )

    def test_choice_by_kaiser_and_by_share(self, survey, pls):
        X, y = survey[ITEMS], survey["overall"]
        assert quietly("kaiser", X, y).n_components_ == pls["kaiser_k"]
        assert quietly(0.85, X, y).n_components_ == pls["cum85_k"]
        assert quietly("kaiser", X, y).eigenvalues_ == pytest.approx(
            np.array(pls["eigenvalues_of_R"]), abs=NEAR
        )

    def test_predictions(self, survey, pls):
        model = quietly(12, survey[ITEMS], survey["overall"])
        assert model.predict(survey[ITEMS])[:5] == pytest.approx(
            np.array(pls["fitted_first5_last_ncomp"]), abs=NEAR
        )

    @pytest.mark.parametrize("k", range(1, 13))
    def test_design_weights(self, shared, reference, k):
        data = pd.read_csv(shared / "data" / "satisfaction_survey_weighted.csv")
        y, weight = data["overall"], data["weight"]
        model = quietly(k, data[ITEMS], y, sample_weight=weight)
        deviation = np.sqrt(np.cov(y, aweights=weight, bias=True))
        expected = np.array(reference["survey_weighted"]["standardized_beta_by_ncomp"][k - 1])
        assert model.coef_ * model.scale_ / deviation == pytest.approx(expected, abs=NEAR)

    def test_all_components_with_weights_are_weighted_least_squares(self, shared, reference):
        data = pd.read_csv(shared / "data" / "satisfaction_survey_weighted.csv")
        model = quietly(12, data[ITEMS], data["overall"], sample_weight=data["weight"])
        expected = np.array(reference["survey_weighted"]["svyglm_coef"])
        assert [model.intercept_, *model.coef_] == pytest.approx(expected, abs=NEAR)


class TestFit:
    @pytest.mark.parametrize("scale", [True, False])
    @pytest.mark.parametrize("k", [1, 2, 5])
    def test_is_a_pipeline_of_scikit_learn(self, scale, k):
        X, y = two_factors(60)
        X = X * np.arange(1, 9)
        steps = [StandardScaler()] * scale + [PCA(k), LinearRegression()]
        pipeline = make_pipeline(*steps).fit(X, y)
        model = quietly(k, X, y, scale=scale)
        assert model.predict(X) == pytest.approx(pipeline.predict(X), abs=1e-10)
        scores = pipeline[:-1].transform(X)
        assert np.abs(model.transform(X)) == pytest.approx(np.abs(scores), abs=1e-9)
        assert model.explained_variance_ratio_ == pytest.approx(
            pipeline[-2].explained_variance_ratio_, abs=1e-12
        )

    def test_scores_are_uncorrelated_with_the_variance_said(self):
        X, y = two_factors(60)
        model = quietly(3, X, y)
        assert np.cov(model.transform(X), rowvar=False, bias=True) == pytest.approx(
            np.diag(model.explained_variance_), abs=1e-12
        )
        assert model.components_ @ model.components_.T == pytest.approx(np.eye(3), abs=1e-12)

    @pytest.mark.parametrize("n", [60, 500])
    def test_weights_are_copies_and_the_order_of_rows_does_not_matter(self, n):
        X, y = two_factors(n)
        random = np.random.default_rng(2)
        weights = random.integers(0, 4, n)
        copies = random.permutation(np.repeat(np.arange(n), weights))
        weighted = quietly("cv", X, y, sample_weight=weights)
        copied = quietly("cv", X[copies], y[copies])
        assert weighted.coef_ == pytest.approx(copied.coef_, abs=1e-10)
        pd.testing.assert_frame_equal(weighted.cross_validation_, copied.cross_validation_)

    def test_an_item_that_is_constant_gets_nothing(self):
        X, y = two_factors(60)
        constant = np.column_stack([X, np.full(60, 0.1)])
        model = quietly("cv", constant, y)
        assert model.coef_[-1] == 0
        assert np.isfinite(model.transform(constant)).all()
        assert model.coef_[:-1] == pytest.approx(quietly("cv", X, y).coef_, abs=1e-12)

    def test_collinear_items_and_more_items_than_people(self):
        X, y = two_factors(60)
        doubled = quietly("cv", np.column_stack([X, X[:, 0]]), y)
        assert doubled.coef_[0] == pytest.approx(doubled.coef_[-1], abs=1e-10)
        assert len(doubled.cross_validation_) == 9
        few = quietly("cv", X[:6], y[:6])
        assert np.isfinite(few.coef_).all()
        assert few.cross_validation_["components"].max() == 5

    def test_an_overall_score_that_is_constant(self):
        X, _ = two_factors(60)
        model = quietly("cv", X, np.full(60, 7.0))
        assert (model.coef_ == 0).all()
        assert model.predict(X) == pytest.approx(np.full(60, 7.0))

    def test_names_of_scores(self):
        X, y = two_factors(60)
        names = quietly(2, X, y).get_feature_names_out()
        assert names.tolist() == ["principalcomponentregression0", "principalcomponentregression1"]

    def test_no_table_is_left_of_an_earlier_rule(self):
        X, y = two_factors(60)
        model = quietly("cv", X, y)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", WeakGapWarning)
            model.set_params(n_components="kaiser").fit(X, y)
        assert not hasattr(model, "cross_validation_")


class TestChoiceByCrossValidation:
    def test_finds_that_the_second_component_matters(self):
        """The score depends on the factor with fewer items, which only component 2 sees."""
        for n in (100, 600):
            X, y = two_factors(n)
            assert quietly("cv", X, y).n_components_ == 2

    def test_keeps_one_component_when_nothing_can_be_predicted(self):
        X, _ = two_factors(100)
        y = np.random.default_rng(5).normal(size=100)
        assert quietly("cv", X, y).n_components_ == 1

    def test_many_rows_take_ten_folds_five_times(self):
        folds = repeated_folds(403)
        assert len(folds) == 5
        for fold in folds:
            assert set(np.bincount(fold)) == {40, 41}
        assert not np.array_equal(folds[0], folds[1])
        assert all(np.array_equal(a, b) for a, b in zip(folds, repeated_folds(403), strict=True))

    def test_repeats_are_averaged(self, monkeypatch):
        X, y = two_factors(60)
        monkeypatch.setattr(regression, "LEAVE_ONE_OUT", 59)
        found = quietly("cv", X, y).cross_validation_["mean_squared_error"]
        values = np.column_stack([X, y])
        values = values[np.lexsort(values.T[::-1])]
        errors = [
            cross_validation_errors(values, np.ones(60), folds).mean(axis=0)
            for folds in repeated_folds(60)
        ]
        assert found.to_numpy() == pytest.approx(np.mean(errors, axis=0), abs=1e-12)


def two_groups(n, seed, loadings):
    """Six items in two groups of three, with the correlations of their factors given."""
    random = np.random.default_rng(seed)
    loading = np.repeat(loadings, 3)
    factors = np.repeat(random.normal(size=(n, 2)), 3, axis=1)
    X = loading * factors + np.sqrt(1 - loading**2) * random.normal(size=(n, 6))
    return X, X.sum(axis=1) + random.normal(size=n)


class TestWeakGap:
    def warned(self, n_components, X, y, **keywords):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            PrincipalComponentRegression(n_components).fit(X, y, **keywords)
        return [str(warning.message) for warning in caught]

    def test_says_which_components_and_how_far_apart(self, survey):
        # 1.868 and 1.694 are 9.3 % apart; 2 sqrt(2 / 200) is 20 %.
        (message,) = self.warned(2, survey[ITEMS], survey["overall"])
        assert "Components 2 and 3 have nearly the same variance, 1.87 and 1.69" in message
        assert "9% apart, which with n = 200 can be chance up to 20%" in message

    def test_is_silent_where_the_survey_has_a_gap(self, survey):
        for k in (1, 3):
            assert not self.warned(k, survey[ITEMS], survey["overall"])

    def test_comes_for_components_that_are_alike_and_not_for_others(self):
        """Monte Carlo: shares of 100 samples, so a standard error of 4 % at a share of 80 %."""
        alike = [self.warned(1, *two_groups(200, seed, [0.7, 0.7])) for seed in range(100)]
        apart = [self.warned(1, *two_groups(200, seed, [0.9, 0.4])) for seed in range(100)]
        assert sum(map(bool, alike)) >= 75
        assert sum(map(bool, apart)) == 0

    def test_is_silent_where_all_components_with_variance_are_kept(self):
        X, y = two_groups(20, 1, [0.7, 0.7])
        assert not self.warned(6, X, y)
        assert not self.warned(6, np.column_stack([X, X[:, 0]]), y)
        assert not self.warned(1, X[:, :1], y)

    def test_unequal_weights_make_it_come_earlier(self):
        X, y = two_groups(400, 1, [0.9, 0.4])
        assert not self.warned(1, X, y)
        weights = np.where(np.arange(400) < 8, 1.0, 1e-9)
        (message,) = self.warned(1, X, y, sample_weight=weights)
        assert "with n = 8 can be chance up to 100%" in message


class TestRefused:
    @pytest.mark.parametrize("wanted", [0, -1, 1.0, 1.5, True, "CV", None])
    def test_a_number_of_components_that_means_nothing(self, wanted):
        X, y = two_factors(60)
        with pytest.raises(InputError, match=r'n_components=.*write "cv", "kaiser"'):
            PrincipalComponentRegression(wanted).fit(X, y)

    def test_more_components_than_have_variance(self):
        X, y = two_factors(60)
        with pytest.raises(InputError, match="only 8 components"):
            PrincipalComponentRegression(9).fit(np.column_stack([X, X[:, 0]]), y)

    def test_predictors_without_any_difference(self):
        with pytest.raises(InputError, match="No predictor differs"):
            PrincipalComponentRegression().fit(np.full((20, 3), 0.1), np.arange(20))

    def test_negative_weights(self):
        X, y = two_factors(60)
        with pytest.raises(InputError, match="negative weights"):
            PrincipalComponentRegression().fit(X, y, sample_weight=np.arange(60) - 1)

    def test_weights_of_zero(self):
        X, y = two_factors(60)
        with pytest.raises((InputError, ValueError), match=r"zero"):
            PrincipalComponentRegression().fit(X, y, sample_weight=np.zeros(60))

    def test_one_person(self):
        with pytest.raises(ValueError, match="minimum of 2"):
            PrincipalComponentRegression().fit([[1, 2]], [3])

    def test_answers_missing_or_text(self):
        X, y = two_factors(60)
        missing = X.copy()
        missing[3, 2] = np.nan
        with pytest.raises(ValueError, match="NaN"):
            PrincipalComponentRegression().fit(missing, y)
        with pytest.raises(ValueError, match="could not convert"):
            PrincipalComponentRegression().fit([["good"], ["bad"]], [1, 2])
