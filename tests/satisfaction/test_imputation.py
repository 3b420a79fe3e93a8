"""Imputing and pooling.

Oracles: the pooled estimates printed in the SAS/STAT documentation of PROC MI (Fitness data), and
simulation with known truth.
"""

import numpy as np
import pytest
from scipy import stats

from crmlib.errors import InputError
from crmlib.satisfaction.imputation import impute, pool
from tests.satisfaction.test_missing import gappy


def test_imputed_tables_keep_the_answers_given():
    values, weights = gappy()
    tables = impute(values, weights, 5, seed=1)
    given = ~np.isnan(values)
    assert tables.shape == (5, *values.shape)
    assert (tables[:, given] == values[given]).all()
    assert (tables[:, ~given].std(axis=0) > 0).all()
    np.testing.assert_array_equal(tables, impute(values, weights, 5, seed=1))
    assert (tables != impute(values, weights, 5, seed=2)).any()


def test_imputed_item_that_stands_there_twice_is_its_twin():
    values, weights = gappy(share=0)
    twice = np.column_stack([values, values[:, 0]])
    twice[::4, 5] = np.nan
    tables = impute(twice, weights, 5, seed=1)
    assert tables[:, :, 5] == pytest.approx(tables[:, :, 0], abs=0.01)


@pytest.mark.slow
def test_pooled_intervals_hold_the_truth():
    # Missing at random: the more is missing, the lower the answer that everybody gave.
    inside, estimates, errors = 0, [], []
    for seed in range(200):
        random = np.random.default_rng([4, seed])
        values = random.multivariate_normal([6, 6], [[1, 0.6], [0.6, 1]], 100)
        values[random.random(100) < 1 / (1 + np.exp(values[:, 1] - 5.5)), 0] = np.nan
        tables = impute(values, np.ones(100), 20, seed=seed)
        of_mean = tables[:, :, 0].var(axis=1, ddof=1) / 100
        pooled = pool(tables[:, :, 0].mean(axis=1), of_mean, 100)
        inside += pooled.low <= 6 <= pooled.high
        estimates.append(pooled.estimate)
        errors.append(pooled.standard_error)
    # Monte Carlo standard error of the coverage: 1.5 points.
    assert inside / 200 == pytest.approx(0.95, abs=0.045)
    assert np.mean(estimates) == pytest.approx(6, abs=4 * np.std(estimates) / np.sqrt(200))
    assert np.mean(errors) == pytest.approx(np.std(estimates), rel=0.15)


def test_drawn_answers_brought_inside_the_scale_would_lower_the_mean():
    random = np.random.default_rng(2)
    common = 9 + 1.5 * random.normal(size=(400, 1))
    values = np.clip(np.round(common + random.normal(size=(400, 3))), 1, 10)
    values[:100, 0] = np.nan
    tables = impute(values, np.ones(400), 20, seed=1)[:, :, 0]
    drawn = np.isnan(values[:, 0])
    assert (tables[:, drawn] > 10).any()
    assert (tables[:, drawn] % 1 != 0).all()
    assert np.clip(tables, 1, 10).mean() < tables.mean() - 0.02


def test_pooling_of_sas():
    # Means of the Fitness data from five imputations: variance between, within and total, degrees
    # of freedom and, of the first, fraction of missing information, as printed.
    between = np.array([0.056930, 0.000811, 0.922032])
    within = np.array([0.954041, 0.064496, 3.269089])
    spread = np.array([-2, -1, 0, 1, 2]) / np.sqrt(2.5)  # variance 1
    means = np.array([47.094040, 10.572073, 171.787793])
    pooled = pool(means + spread[:, None] * np.sqrt(between), np.tile(within, (5, 1)), 31)
    assert pooled.estimate == pytest.approx(means, rel=1e-12)
    assert pooled.standard_error**2 == pytest.approx([1.022356, 0.065469, 4.375528], rel=1e-5)
    assert pooled.degrees_of_freedom == pytest.approx([25.549, 27.721, 15.753], abs=2e-3)
    assert pooled.missing_information[0] == pytest.approx(0.068898, abs=2e-6)
    reach = stats.t.ppf(0.975, [25.549, 27.721, 15.753]) * np.sqrt([1.022356, 0.065469, 4.375528])
    assert pooled.high - pooled.estimate == pytest.approx(reach, rel=1e-4)


def test_pooling_of_equal_estimates_loses_nothing():
    pooled = pool(np.full((5, 2), 3.0), np.full((5, 2), 0.25), 101)
    assert pooled.standard_error.tolist() == [0.5, 0.5]
    assert pooled.missing_information.tolist() == [0, 0]
    assert pooled.degrees_of_freedom == pytest.approx([100 * 101 / 103] * 2)


def test_imputations_must_be_several():
    with pytest.raises(InputError, match="at least 2"):
        impute(*gappy(), 1, seed=1)
