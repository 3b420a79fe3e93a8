import numpy as np
import pytest
from scipy import stats
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture

from crmlib.segmentation.clustering import (
    FLOOR,
    gaussian_mixture,
    k_means,
    k_means_bic,
    mixture_parameters,
    scaling_of,
    skewness,
)


def test_money_is_taken_in_logarithms_and_standardised():
    money = np.random.default_rng(1).lognormal(8, 1.5, 2000)
    scaling = scaling_of(money)
    scaled = scaling(money)
    assert scaling.transform == "log"
    assert scaled == pytest.approx(stats.zscore(np.log(money)))
    assert scaling.skewness_before == pytest.approx(stats.skew(money))
    assert abs(scaling.skewness_after) < 0.2


def test_money_with_losses_is_bent_by_yeo_and_johnson_whatever_its_unit():
    profit = np.random.default_rng(2).lognormal(8, 1, 2000) - 1500
    scaling = scaling_of(profit)
    bent, power = stats.yeojohnson(profit / profit.std())
    assert scaling.transform == "Yeo-Johnson"
    assert scaling.power == pytest.approx(power, abs=1e-6)
    assert scaling(profit) == pytest.approx(stats.zscore(bent), abs=1e-6)
    assert scaling_of(profit * 100)(profit * 100) == pytest.approx(scaling(profit), abs=1e-6)
    assert abs(scaling.skewness_after) < abs(scaling.skewness_before) / 3


def test_an_even_feature_is_only_standardised():
    values = np.random.default_rng(3).uniform(10, 20, 500)
    scaling = scaling_of(values)
    assert scaling.transform == "none"
    assert scaling(values) == pytest.approx(stats.zscore(values))


def test_a_zero_cannot_be_compared_where_logarithms_are_taken():
    money = np.random.default_rng(1).lognormal(8, 1.5, 200)
    assert np.isnan(scaling_of(money)(np.array([0.0, -5.0, np.nan]))).all()


def test_skewness_of_large_money_does_not_overflow():
    values = np.array([1e200, 2e200, 9e200])
    assert skewness(values) == pytest.approx(stats.skew([1.0, 2.0, 9.0]))


def test_k_means_is_scikit_learns():
    values = np.random.default_rng(4).normal(size=(300, 3))
    ours = k_means(values, 3, np.random.default_rng(0))
    seed = int(np.random.default_rng(0).integers(2**31))
    theirs = KMeans(3, n_init=5, random_state=seed).fit(values)
    assert ours.inertia_ == pytest.approx(theirs.inertia_)


def test_bic_of_k_means_with_one_group_is_that_of_one_normal_distribution():
    values = np.random.default_rng(5).normal(size=(400, 2))
    variance = ((values - values.mean(axis=0)) ** 2).mean()
    likelihood = stats.norm(values.mean(axis=0), np.sqrt(variance)).logpdf(values).sum()
    ours = k_means_bic(k_means(values, 1, np.random.default_rng(0)), 400)
    assert ours == pytest.approx(3 * np.log(400) - 2 * likelihood)


@pytest.mark.parametrize("shape", ["full", "tied", "diag"])
def test_a_mixture_is_scikit_learns_and_its_parameters_are_counted_alike(shape):
    values = np.random.default_rng(6).normal(size=(200, 3))
    ours = gaussian_mixture(values, 2, shape, np.random.default_rng(0))
    seed = int(np.random.default_rng(0).integers(2**31))
    theirs = GaussianMixture(
        2, covariance_type=shape, reg_covar=FLOOR, max_iter=500, random_state=seed
    ).fit(values)
    assert ours.bic(values) == pytest.approx(theirs.bic(values))
    assert mixture_parameters(2, 3, shape) == theirs._n_parameters()


def test_one_value_shared_by_many_is_no_group_without_width():
    random = np.random.default_rng(7)
    values = np.column_stack(
        [np.where(random.random(300) < 0.5, 0.0, 1.0), random.normal(size=300)]
    )
    model = gaussian_mixture(values, 2, "full", random)
    assert np.linalg.eigvalsh(model.covariances_).min() >= FLOOR * 0.999


def test_fewer_different_rows_than_groups_is_no_warning():
    values = np.repeat([[0.0, 0.0], [1.0, 1.0]], 5, axis=0)
    assert k_means(values, 3, np.random.default_rng(0)).inertia_ == 0
