"""Moments from answers of which some are missing.

Oracles: the maximum likelihood estimates printed in the SAS/STAT documentation of PROC MI (Fitness
data), the EM step and the likelihood written out row by row, plain formulas on complete answers,
and simulation with known truth.
"""

import numpy as np
import pytest
from scipy import optimize, stats

from crmlib.errors import InputError
from crmlib.satisfaction import missing
from crmlib.satisfaction.missing import (
    em_moments,
    expected_cross_products,
    moments_of,
    precision_of,
)

X = np.nan
# fmt: off
# Oxygen intake, running time and pulse of 31 men (SAS/STAT documentation, data set Fitness1).
FITNESS = np.array(
    [
        [
            44.609, 45.313, 54.297, 59.571, 49.874, 44.811, X, X, 39.442, 60.055, 50.541, 37.388,
            44.754, 47.273, 51.855, 49.156, 40.836, 46.672, 46.774, 50.388, 39.407, 46.08, 45.441,
            X, 45.118, 39.203, 45.79, 50.545, 48.673, 47.92, 47.467,
        ],
        [
            11.37, 10.07, 8.65, X, 9.22, 11.63, 11.95, 10.85, 13.08, 8.63, X, 14.03, 11.12, X,
            10.33, 8.95, 10.95, 10, 10.25, 10.08, 12.63, 11.17, 9.63, 8.92, 11.08, 12.88, 10.47,
            9.93, 9.4, 11.5, 10.5,
        ],
        [
            178, 185, 156, X, X, 176, 176, X, 174, 170, X, 186, 176, X, 166, 180, 168, X, X, 168,
            174, 156, 164, X, X, 168, 186, 148, 186, 170, 170,
        ],
    ]
).T
# fmt: on


def gappy(n=60, m=5, share=0.15, seed=3):
    """Correlated answers with gaps, and unequal weights."""
    random = np.random.default_rng(seed)
    values = 6 + random.normal(size=(n, m)) @ (np.eye(m) + 0.4) * np.arange(1, m + 1)
    values[random.random((n, m)) < share] = np.nan
    values[np.isnan(values).all(axis=1), 0] = 6.0
    return values, random.uniform(0.2, 3, n)


def products_by_row(values, weights, mean, covariance):
    """Expected products of [1, values], one respondent after the other."""
    sums = np.zeros((values.shape[1] + 1,) * 2)
    for row, weight in zip(values, weights, strict=True):
        u, o = np.flatnonzero(np.isnan(row)), np.flatnonzero(~np.isnan(row))
        slopes = covariance[np.ix_(u, o)] @ np.linalg.inv(covariance[np.ix_(o, o)])
        filled = row.copy()
        filled[u] = mean[u] + slopes @ (row[o] - mean[o])
        filled = np.append(1.0, filled)
        sums += weight * np.outer(filled, filled)
        left = covariance[np.ix_(u, u)] - slopes @ covariance[np.ix_(o, u)]
        sums[np.ix_(1 + u, 1 + u)] += weight * left
    return sums


def log_likelihood(values, weights, mean, covariance):
    """Of the answers given, one respondent after the other."""
    total = 0.0
    for row, weight in zip(values, weights, strict=True):
        o = np.flatnonzero(~np.isnan(row))
        density = stats.multivariate_normal(mean[o], covariance[np.ix_(o, o)])
        total += weight * density.logpdf(row[o])
    return total


def test_moments_of_sas():
    # Printed after stopping at changes of 1e-4, so the last of the digits printed are not final.
    mean, covariance = em_moments(FITNESS, np.ones(31))
    assert mean == pytest.approx([47.104077, 10.554858, 171.381669], rel=1e-5)
    expected = [
        [27.797931, -6.457975, -18.031298],
        [-6.457975, 2.015514, 3.516287],
        [-18.031298, 3.516287, 97.766857],
    ]
    assert covariance == pytest.approx(np.array(expected), rel=2e-5)


def test_moments_of_complete_answers_are_the_plain_ones():
    values, weights = gappy(share=0)
    mean, covariance = em_moments(values, weights)
    assert mean == pytest.approx(np.average(values, axis=0, weights=weights), rel=1e-12)
    assert covariance == pytest.approx(np.cov(values.T, aweights=weights, ddof=0), rel=1e-12)


def test_moments_repeat_themselves_in_a_step_written_out():
    values, weights = gappy()
    mean, covariance = em_moments(values, weights, tolerance=1e-12)
    again = moments_of(products_by_row(values, weights, mean, covariance))
    assert again[0] == pytest.approx(mean, rel=1e-9)
    assert again[1] == pytest.approx(covariance, rel=1e-8)


def test_likelihood_is_level_at_the_moments():
    values, weights = gappy(n=40, m=3, share=0.3)
    mean, covariance = em_moments(values, weights, tolerance=1e-12)
    upper = np.triu_indices(3)

    def of(parameters):
        moments = np.zeros((3, 3))
        moments[upper] = parameters[3:]
        moments = moments + moments.T - np.diag(np.diag(moments))
        return log_likelihood(values, weights, parameters[:3], moments)

    found = np.append(mean, covariance[upper])
    slope = optimize.approx_fprime(found, of, 1e-6)
    away = optimize.approx_fprime(found * 1.01, of, 1e-6)
    assert abs(slope).max() < 1e-3 < abs(away).max()


def test_batch_is_one_after_the_other(monkeypatch):
    values, _ = gappy()
    weights = np.random.default_rng(5).poisson(1, (7, len(values))).astype(float)
    batch = em_moments(values, weights, tolerance=1e-11)
    for mean, covariance, own in zip(*batch, weights, strict=True):
        alone = em_moments(values, own, tolerance=1e-11)
        assert mean == pytest.approx(alone[0], abs=1e-9)
        assert covariance == pytest.approx(alone[1], abs=1e-8)
    monkeypatch.setattr(missing, "CELLS_AT_ONCE", 1)
    chunked = em_moments(values, weights, tolerance=1e-11)
    assert chunked[1] == pytest.approx(batch[1], rel=1e-12)


def test_start_does_not_move_the_end():
    values, weights = gappy()
    cold = em_moments(values, weights, tolerance=1e-12)
    start = (np.full(5, 3.0), 4 * np.eye(5))
    warm = em_moments(values, weights, start, tolerance=1e-12)
    assert warm[1] == pytest.approx(cold[1], rel=1e-8)


def test_products_by_fold():
    values, weights = gappy()
    fold = np.arange(len(values)) % 4
    batch = np.stack([weights, weights[::-1]])
    moments = em_moments(values, batch)
    sums = expected_cross_products(values, batch, *moments, fold=fold)
    assert sums.shape == (2, 4, 6, 6)
    for b in range(2):
        for k in range(4):
            of_fold = np.where(fold == k, batch[b], 0.0)
            expected = products_by_row(values, of_fold, moments[0][b], moments[1][b])
            assert sums[b, k] == pytest.approx(expected, rel=1e-9)
    whole = expected_cross_products(values, batch, *moments)
    assert sums.sum(axis=1) == pytest.approx(whole, rel=1e-12)
    assert moments_of(whole)[1] == pytest.approx(moments[1], rel=1e-6)


def test_item_twice_tells_its_own_gaps():
    values, weights = gappy(share=0)
    twice = np.column_stack([values, values[:, 0] * 2 - 1])
    twice[::4, 5] = np.nan
    mean, covariance = em_moments(twice, weights)
    full = np.column_stack([values, values[:, 0] * 2 - 1])
    assert mean == pytest.approx(np.average(full, axis=0, weights=weights), rel=1e-6)
    assert covariance == pytest.approx(np.cov(full.T, aweights=weights, ddof=0), rel=1e-5)


def test_more_columns_than_people():
    values, weights = gappy(n=8, m=12, share=0)
    mean, covariance = em_moments(values, weights)
    assert mean == pytest.approx(np.average(values, axis=0, weights=weights))
    assert np.linalg.matrix_rank(covariance) == 7
    with pytest.raises(InputError, match="12 columns could not be found from 8 people"):
        em_moments(gappy(n=8, m=12, share=0.1)[0], weights)


def test_precision_is_the_inverse_where_there_is_one():
    _, covariance = em_moments(*gappy())
    both = precision_of(np.stack([covariance, np.ones((5, 5))]))
    assert both[0] == pytest.approx(np.linalg.inv(covariance), rel=1e-9)
    assert np.isfinite(both[1]).all()
    unknown = precision_of(np.stack([covariance, np.full((5, 5), np.nan)]))
    assert unknown[0] == pytest.approx(both[0], rel=1e-12)
    assert np.isnan(unknown[1]).all()


def test_resample_that_says_nothing_is_missing_and_alone():
    values, weights = gappy()
    batch = np.stack([weights, np.where(np.isnan(values[:, 2]), weights, 0.0)])
    mean, covariance = em_moments(values, batch)
    assert np.isnan(mean).tolist() == [[False] * 5, [True] * 5]
    assert np.isnan(covariance[1]).all()
    sums = expected_cross_products(values, batch, mean, covariance)
    assert np.isnan(sums).any(axis=(1, 2)).tolist() == [False, True]
    slow = em_moments(values, batch[:1], iterations=2)
    assert np.isnan(slow[0]).all()


def test_what_cannot_be_found_is_told():
    values, weights = gappy()
    with pytest.raises(InputError, match="in 2 steps"):
        em_moments(values, weights, iterations=2)
    apart = values.copy()
    apart[:30, 1], apart[30:, 3] = np.nan, np.nan
    with pytest.raises(InputError, match="both the 2nd and the 4th of the 5 columns"):
        em_moments(apart, weights)
    values[:, 2] = np.nan
    with pytest.raises(InputError, match="Nobody answered the 3rd of the 5 columns"):
        em_moments(values, weights)


def test_missing_at_random_is_allowed_for():
    # The second answer is missing for those low on the first: complete cases are far off.
    random = np.random.default_rng(8)
    values = random.multivariate_normal([0, 0], [[1, 0.7], [0.7, 1]], 20_000)
    values[values[:, 0] < 0, 1] = np.nan
    mean, covariance = em_moments(values, np.ones(20_000))
    assert np.nanmean(values[:, 1]) > 0.5
    assert mean[1] == pytest.approx(0, abs=0.05)
    assert covariance[0, 1] == pytest.approx(0.7, abs=0.05)
