import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import pdist, squareform
from sklearn.metrics import adjusted_rand_score, silhouette_score

from crmlib.segmentation.number_of_segments import (
    Measured,
    best_by_bic,
    best_by_gap,
    dispersion,
    distance_matrix,
    gains_on_one_group,
    gap_statistic,
    integrated_likelihood,
    silhouette,
    stability,
    structureless,
    supported_by_gap,
    supported_by_likelihood,
    supported_by_mixture,
    ties_spread,
)
from crmlib.segmentation.segments import fit_k_means, fit_prototypes


def numbers(values) -> Measured:
    return Measured(np.asarray(values, dtype=float), np.empty((len(values), 0), dtype=np.int64))


def mixed(n=60, seed=1) -> Measured:
    random = np.random.default_rng(seed)
    return Measured(random.normal(size=(n, 2)), random.integers(0, 3, (n, 2)), 0.7)


def test_distances_are_those_of_euclid_and_of_categories_that_differ():
    data = mixed()
    assert distance_matrix(numbers(data.numbers)) == pytest.approx(squareform(pdist(data.numbers)))
    expected = ((data.numbers[3] - data.numbers[8]) ** 2).sum()
    expected += 0.7 * (data.codes[3] != data.codes[8]).sum()
    assert distance_matrix(data)[3, 8] == pytest.approx(np.sqrt(expected))


def test_silhouette_is_scikit_learns():
    data = numbers(np.random.default_rng(2).normal(size=(80, 3)))
    labels = np.random.default_rng(3).integers(0, 4, 80)
    labels[0] = 9  # alone in its segment
    theirs = silhouette_score(data.numbers, labels)
    assert silhouette(distance_matrix(data), labels) == pytest.approx(theirs)
    assert np.isnan(silhouette(distance_matrix(data), np.zeros(80, dtype=np.int64)))


def test_dispersion_is_the_sum_over_pairs_of_its_definition():
    data = mixed()
    labels = np.random.default_rng(5).integers(0, 3, 60)
    squares = distance_matrix(data) ** 2
    pairs = [squares[np.ix_(labels == g, labels == g)].sum() for g in range(3)]
    sizes = np.bincount(labels)
    assert dispersion(data, labels) == pytest.approx((np.array(pairs) / (2 * sizes)).sum())


def test_a_structureless_cloud_fills_the_box_and_keeps_the_shares_of_categories():
    random = np.random.default_rng(6)
    turned = random.uniform(size=(4000, 2)) * [4, 1] @ np.array([[0.8, 0.6], [-0.6, 0.8]])
    data = Measured(turned, random.choice(3, (4000, 1), p=[0.7, 0.2, 0.1]))
    cloud = structureless(data, random)
    # The data are such a cloud themselves: the same means and covariances.
    assert cloud.numbers.mean(axis=0) == pytest.approx(turned.mean(axis=0), abs=0.1)
    assert np.cov(cloud.numbers.T) == pytest.approx(np.cov(turned.T), abs=0.1)
    assert np.bincount(cloud.codes[:, 0]) / 4000 == pytest.approx([0.7, 0.2, 0.1], abs=0.03)


def test_gap_is_tibshiranis_definition():
    data = numbers(np.random.default_rng(7).normal(size=(50, 2)))
    gap, error = gap_statistic(data, [1, 2], fit_k_means, 4, seed=3)
    clouds = [structureless(data, np.random.default_rng([3, 0, b])) for b in range(4)]
    # One group spreads as much as the squares around its mean.
    logs = np.log([((c.numbers - c.numbers.mean(axis=0)) ** 2).sum() for c in clouds])
    own = np.log(((data.numbers - data.numbers.mean(axis=0)) ** 2).sum())
    assert gap[0] == pytest.approx(logs.mean() - own)
    assert error[0] == pytest.approx(logs.std() * np.sqrt(1.25))


def test_where_nothing_spreads_there_is_no_gap():
    gap, error = gap_statistic(numbers([[0.0], [1.0]] * 20), [1, 2], fit_k_means, 3, seed=1)
    assert np.isfinite([gap[0], error[0]]).all()
    assert np.isnan(gap[1])


def test_whole_numbers_are_spread_half_way_to_the_next_ones():
    random = np.random.default_rng(4)
    orders, fine = random.choice([0.0, 1.0, 2.0, 5.0], 200), random.normal(size=200)
    spread = ties_spread(numbers(np.column_stack([orders, fine])), random).numbers
    assert (spread[:, 1] == fine).all()
    low = {0.0: -0.5, 1.0: 0.5, 2.0: 1.5, 5.0: 3.5}
    high = {0.0: 0.5, 1.0: 1.5, 2.0: 3.5, 5.0: 6.5}
    for value in low:
        own = spread[orders == value, 0]
        assert low[value] <= own.min() < own.max() <= high[value]
        assert np.ptp(own) > 0.8 * (high[value] - low[value])
    # One value of each customer is left as it is, two customers with the same one or not.
    some = np.append(fine, fine[0])[:, None]
    assert (ties_spread(numbers(some), random).numbers == some).all()


def test_two_groups_far_apart_are_stable_and_a_round_cloud_is_not():
    random = np.random.default_rng(8)
    cloud = random.normal(size=(200, 2))
    apart = numbers(cloud + np.repeat([[0, 0], [9, 0]], 100, axis=0))
    agreed = stability(apart, 2, fit_k_means, 6, random)
    assert len(agreed) == 15
    # Every two of three samples, by scikit-learn.
    random = np.random.default_rng(5)
    groups = [
        fit_k_means(apart.take(random.integers(0, 200, 200)), 3, random).labels(apart)
        for _ in range(3)
    ]
    pairs = [adjusted_rand_score(groups[a], groups[b]) for a, b in ((0, 1), (0, 2), (1, 2))]
    ours = stability(apart, 3, fit_k_means, 3, np.random.default_rng(5))
    assert ours == pytest.approx(pairs)
    random = np.random.default_rng(8)
    assert agreed.min() > 0.99
    assert stability(numbers(cloud), 3, fit_k_means, 6, random).mean() < 0.8


def test_stability_of_categories():
    random = np.random.default_rng(9)
    truth = np.repeat([0, 1], 60)
    codes = np.where(random.random((120, 8)) < 0.9, truth[:, None], 1 - truth[:, None])
    data = Measured(np.empty((120, 0)), codes)
    assert stability(data, 2, fit_prototypes, 5, random).mean() > 0.9


def test_doubt_raises_the_integrated_likelihood():
    assert integrated_likelihood(10.0, np.array([[1.0, 0.0]])) == pytest.approx(10)
    assert integrated_likelihood(10.0, np.array([[0.5, 0.5]])) == pytest.approx(10 + 2 * np.log(2))
    assert np.isnan(integrated_likelihood(10.0, None))


def choice_of(**columns) -> pd.DataFrame:
    table = {"k": [1, 2, 3, 4], "gap_error": 0.01, "bic": 0.0, "icl": 0.0, "stability": 1.0}
    table |= {"smallest": [10, 4, 3, 2]}
    return pd.DataFrame(table | {"gap": [0.5, 0.5, 0.5, 0.5]} | columns)


def test_the_gap_must_gain_more_than_margin_and_two_errors():
    choice = choice_of(gap=[0.5, 0.64, 0.66, 0.9], stability=[1, 1, 1, 0.7])
    assert supported_by_gap(choice).tolist() == [False, False, True, False]
    assert not supported_by_gap(choice.assign(gap_error=0.06)).any()
    assert gains_on_one_group(choice)["compact"].tolist() == [False, False, True, True]


def test_a_mixture_must_be_likelier_and_apart_in_one_way():
    # Of 10 customers: half a point of ICL a customer is 5.
    choice = choice_of(bic=[0, -9, -9, -9], icl=[0, -6, -4, 9], gap=[0.5, 0.4, 0.4, 0.8])
    assert supported_by_mixture(choice).tolist() == [False, True, False, True]
    assert not supported_by_mixture(choice.assign(bic=[0, 1, 1, np.nan])).any()
    assert supported_by_likelihood(choice).tolist() == [False, True, True, True]


def test_the_best_of_those_supported():
    choice = choice_of(gap=[0.5, 0.80, 0.895, 0.9], bic=[0, -5, -9, -7])
    assert best_by_gap(choice) == 3  # within one error of the largest
    assert best_by_bic(choice) == 3
