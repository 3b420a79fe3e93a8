"""Areas under the curve.

Oracles: a count of all pairs, scikit-learn, the formula of DeLong written out, and simulation.
"""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from crmlib.segmentation.area_under_curve import area_interval, areas


def made(seed, n=60, rounded=1):
    random = np.random.default_rng(seed)
    leaves = random.random(n) < 0.3
    signal = random.normal(size=n) + leaves
    scores = np.array([signal, signal + random.normal(size=n)]).round(rounded)
    return scores, leaves


def test_area_is_the_share_of_pairs_with_ties_as_half():
    scores, leaves = made(1)
    area, _ = areas(scores, leaves, np.arange(60))
    x, y = scores[0][leaves][:, None], scores[0][~leaves][None, :]
    assert area[0] == pytest.approx(((x > y) + 0.5 * (x == y)).mean())
    assert area[1] == pytest.approx(roc_auc_score(leaves, scores[1]))


def test_covariance_is_that_of_delong():
    scores, leaves = made(2)
    area, covariance = areas(scores, leaves, np.arange(60))
    v10, v01 = [], []
    for score in scores:
        wins = (score[leaves][:, None] > score[~leaves]) + 0.5 * (
            score[leaves][:, None] == score[~leaves]
        )
        v10.append(wins.mean(axis=1))
        v01.append(wins.mean(axis=0))
    known = np.cov(v10) / leaves.sum() + np.cov(v01) / (~leaves).sum()
    assert covariance == pytest.approx(known)
    assert area == pytest.approx(np.mean(v10, axis=1))


def test_rows_of_one_customer_tell_no_more_than_one():
    scores, leaves = made(3, n=200)
    _, once = areas(scores, leaves, np.arange(200))
    twice = np.tile(scores, 2), np.tile(leaves, 2), np.tile(np.arange(200), 2)
    _, doubled = areas(*twice)
    assert np.sqrt(doubled[0, 0] / once[0, 0]) == pytest.approx(1.0, abs=0.02)
    _, apart = areas(twice[0], twice[1], np.arange(400))
    assert apart[0, 0] == pytest.approx(once[0, 0] / 2, rel=0.05)


def test_interval_holds_the_true_area():
    # Normal scores one standard deviation apart: area Φ(1 / √2) = 0.7602.
    random, held = np.random.default_rng(4), 0
    for _ in range(300):
        leaves = np.arange(150) < 30
        score = random.normal(size=150) + leaves
        area, covariance = areas(score[None], leaves, np.arange(150))
        low, high = area_interval(area[0], covariance[0, 0], 30, 0.95)
        held += low < 0.7602 < high
    assert 0.92 <= held / 300 <= 0.98


def test_perfect_order_keeps_an_interval_and_too_few_have_none():
    leaves = np.arange(20) < 10
    area, covariance = areas(leaves[None].astype(float), leaves, np.arange(20))
    low, high = area_interval(area[0], covariance[0, 0], 10, 0.95)
    assert area[0] == 1.0
    assert 0.5 < low < 0.9
    assert high == pytest.approx(1.0)
    none, _ = areas(np.ones((1, 3)), np.array([True, False, False]), np.arange(3))
    assert np.isnan(none[0])
    assert np.isnan(area_interval(none[0], np.nan, 1, 0.95)).all()
