"""Kaplan and Meier's estimate with clusters.

Oracles: statsmodels' estimate, Greenwood's formula written out, and simulation of customers.
"""

import numpy as np
import pytest
from statsmodels.duration.survfunc import SurvfuncRight

from crmlib.segmentation.kaplan_meier import kaplan_meier


def watched(random, n, horizon=30):
    to_event, to_end = random.geometric(0.04, n), random.integers(1, 60, n)
    limit = np.minimum(to_end, horizon)
    return np.minimum(to_event, limit), to_event <= limit


@pytest.mark.parametrize("seed", range(3))
def test_estimate_and_greenwood_variance_without_clusters(seed):
    n, horizon = 80, 30
    duration, event = watched(np.random.default_rng(seed), n, horizon)
    found = kaplan_meier(np.arange(n), duration, event, np.ones(n), n, horizon)
    theirs = SurvfuncRight(duration, event.astype(int))
    for day, left, error in zip(
        theirs.surv_times, theirs.surv_prob, theirs.surv_prob_se, strict=True
    ):
        assert found.left[day] == pytest.approx(left)
        assert found.chance(by=day) == pytest.approx(1 - left)
        assert (found.influence(by=day) ** 2).sum() == pytest.approx(error**2)
    # From a day on: the estimate of those still without an event on that day.
    later = duration > 7
    rest = kaplan_meier(
        np.arange(later.sum()), duration[later] - 7, event[later], np.ones(later.sum()), n, 23
    )
    assert found.chance(after=7) == pytest.approx(rest.chance())
    assert found.interval(1.96, after=7) == pytest.approx(rest.interval(1.96))


def test_a_weight_of_two_is_a_stretch_twice_in_its_cluster():
    random = np.random.default_rng(5)
    duration, event = watched(random, 40)
    cluster = random.integers(0, 12, 40)
    weight = random.integers(1, 4, 40)
    one = kaplan_meier(cluster, duration, event, weight.astype(float), 12, 30)
    repeated = [np.repeat(values, weight) for values in (cluster, duration, event)]
    many = kaplan_meier(*repeated, np.ones(weight.sum()), 12, 30)
    np.testing.assert_allclose(one.left, many.left)
    np.testing.assert_allclose(one.influence(), many.influence())


def test_influence_is_the_derivative_by_the_weight_of_a_cluster():
    random = np.random.default_rng(6)
    duration, event = watched(random, 60)
    cluster, weight = random.integers(0, 9, 60), random.uniform(0.5, 2.0, 60)
    found = kaplan_meier(cluster, duration, event, weight, 9, 30)
    for which in range(9):
        step = 1e-6
        moved = weight * np.where(cluster == which, 1 + step, 1.0)
        slope = kaplan_meier(cluster, duration, event, moved, 9, 30).chance(3, 25)
        slope = (slope - found.chance(3, 25)) / step
        assert found.influence(3, 25)[which] == pytest.approx(slope, abs=1e-5)


def test_interval_of_clusters_that_differ_holds_the_chance():
    random, held, runs, n, each = np.random.default_rng(1), 0, 400, 60, 6
    for _ in range(runs):
        rate = random.beta(1.0, 4.0, n)
        to_event = random.geometric(np.repeat(rate, each))
        cluster = np.repeat(np.arange(n), each)
        duration, event = np.minimum(to_event, 3), to_event <= 3
        found = kaplan_meier(cluster, duration, event, np.ones(n * each), n, 3)
        low, high = found.interval(1.959964)
        # E(1 - (1 - p)^3) with p of beta(1, 4): (1 - p)^3 is 4 / 7 in the mean.
        held += low <= 1 - 4 / 7 <= high
    assert 0.92 < held / runs < 0.975


def test_all_or_nobody_has_the_event():
    everybody = kaplan_meier(
        np.arange(20), np.full(20, 2), np.ones(20, dtype=bool), np.ones(20), 20, 5
    )
    assert everybody.chance() == 1.0
    low, high = everybody.interval(1.96)
    assert low == pytest.approx(20 / (20 + 1.96**2))
    assert high == pytest.approx(1.0)
    nobody = kaplan_meier(
        np.arange(20), np.full(20, 5), np.zeros(20, dtype=bool), np.ones(20), 20, 5
    )
    assert nobody.chance() == 0.0
    assert nobody.interval(1.96)[1] == pytest.approx(1 - 20 / (20 + 1.96**2))


def test_nobody_watched_so_long_is_unknown():
    short = kaplan_meier(np.arange(5), np.full(5, 2), np.zeros(5, dtype=bool), np.ones(5), 5, 9)
    assert short.chance(by=2) == 0.0
    assert np.isnan(short.chance())
    assert np.isnan(short.interval(1.96)).all()
