"""Logistic regression with a penalty.

Oracle: scikit-learn's LogisticRegression with C = 1 on standardised signs; simulation.
"""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from crmlib.segmentation.leaving_model import fit_leaving


def made(seed, n=400):
    random = np.random.default_rng(seed)
    signs = random.normal(size=(n, 3)) * [1.0, 5.0, 0.1] + [0.0, 20.0, 3.0]
    odds = -1.5 + signs[:, 0] + 0.1 * (signs[:, 1] - 20)
    return signs, random.random(n) < 1 / (1 + np.exp(-odds))


def test_coefficients_are_those_of_scikit_learn():
    signs, leaves = made(1)
    model = fit_leaving(signs, leaves, np.arange(400))
    scaled = (signs - signs.mean(axis=0)) / signs.std(axis=0)
    known = LogisticRegression(C=1.0, tol=1e-10, max_iter=1000).fit(scaled, leaves)
    assert model.coefficients[1:] == pytest.approx(known.coef_[0], abs=1e-5)
    assert model.coefficients[0] == pytest.approx(known.intercept_[0], abs=1e-5)
    assert model.probability(signs) == pytest.approx(known.predict_proba(scaled)[:, 1], abs=1e-5)


def test_a_missing_sign_counts_as_the_mean_of_the_known():
    signs, leaves = made(2)
    signs[::3, 2] = np.nan
    model = fit_leaving(signs, leaves, np.arange(400))
    mean = np.nanmean(signs[:, 2])
    filled = np.where(np.isnan(signs[:, 2]), mean, signs[:, 2])
    assert model.probability(signs) == pytest.approx(
        model.probability(np.column_stack([signs[:, :2], filled]))
    )


def test_signs_that_separate_or_never_vary_leave_finite_numbers():
    leaves = np.arange(60) < 20
    signs = np.column_stack([leaves * 1.0, np.ones(60), np.full(60, np.nan)])
    model = fit_leaving(signs, leaves, np.arange(60))
    assert np.isfinite(model.coefficients).all()
    assert model.coefficients[2:] == pytest.approx([0.0, 0.0])
    p = model.probability(signs)
    assert p[leaves].min() > 0.8 > 0.2 > p[~leaves].max()


def test_interval_holds_the_true_probability_and_counts_customers_not_rows():
    held = []
    for seed in range(60):
        signs, leaves = made(seed + 10)
        model = fit_leaving(signs, leaves, np.arange(400))
        low, high = model.interval(np.array([[1.0, 22.0, 3.0]]), 0.95)
        held.append(low[0] < 1 / (1 + np.exp(0.3)) < high[0])
    assert 0.85 <= np.mean(held) <= 1.0
    twice = np.tile(signs, (2, 1)), np.tile(leaves, 2)
    together = fit_leaving(*twice, np.tile(np.arange(400), 2)).covariance
    apart = fit_leaving(*twice, np.arange(800)).covariance
    assert together[1, 1] == pytest.approx(2 * apart[1, 1], rel=1e-6)
