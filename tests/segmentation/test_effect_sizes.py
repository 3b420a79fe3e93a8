"""Effect sizes.

Oracles: scipy's brunnermunzel and chi2_contingency, scikit-learn's adjusted_rand_score, the worked
example of Brunner and Munzel (2000), permutations counted by hand, and the coverage of intervals
in simulations with a known truth.
"""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import adjusted_rand_score

from crmlib.segmentation.effect_sizes import (
    adjusted_rand,
    adjusted_rand_effect,
    cramers_v,
    noncentrality,
    relative_effect,
)

# Pain scores on the third day after surgery (Brunner and Munzel 2000, table 1).
PAIN_Y = [1.0, 2, 1, 1, 1, 1, 1, 1, 1, 1, 2, 4, 1, 1]
PAIN_N = [3.0, 3, 4, 3, 1, 2, 3, 1, 1, 5, 4]


def test_relative_effect_is_that_of_brunner_and_munzel():
    found = relative_effect(np.array(PAIN_N), np.array(PAIN_Y))
    assert found.estimate == pytest.approx(0.788961, abs=1e-6)
    assert found.p_value == pytest.approx(0.005786, abs=1e-6)
    assert found.low < 0.788961 < found.high < 1


@pytest.mark.parametrize("seed", range(5))
def test_relative_effect_against_scipy_with_ties(seed):
    random = np.random.default_rng(seed)
    inside, outside = random.poisson(3, 20).astype(float), random.poisson(2, 45).astype(float)
    found = relative_effect(inside, outside)
    assert found.p_value == pytest.approx(stats.brunnermunzel(inside, outside).pvalue)
    pairs = inside[:, None] - outside[None, :]
    assert found.estimate == pytest.approx(((pairs > 0) + (pairs == 0) / 2).mean())
    mirrored = relative_effect(outside, inside)
    assert mirrored[:3] == pytest.approx((1 - found[0], 1 - found[2], 1 - found[1]))


@pytest.mark.slow
@pytest.mark.parametrize(("shift", "m", "n"), [(0.0, 15, 100), (1.0, 15, 100), (2.2, 20, 60)])
def test_intervals_of_relative_effects_hold_what_they_promise(shift, m, n):
    random = np.random.default_rng(1)
    truth = stats.norm.cdf(shift / np.sqrt(2))
    found = [
        relative_effect(random.normal(shift, 1, m), random.normal(0, 1, n)) for _ in range(400)
    ]
    assert 0.92 <= np.mean([effect.low <= truth <= effect.high for effect in found]) <= 0.99


def test_groups_that_do_not_overlap_have_an_interval_and_an_exact_p_value():
    found = relative_effect(np.array([7.0, 8, 9]), np.array([1.0, 2, 3, 4]))
    assert found.estimate == 1.0
    assert found.high == 1.0
    assert 0.3 < found.low < 0.7
    assert found.p_value == pytest.approx(2 / 35)  # of 7 choose 3 orders, the two at the ends


def test_what_cannot_be_compared_has_no_interval():
    equal = relative_effect(np.ones(5), np.ones(9))
    assert equal.estimate == 0.5
    assert np.isnan(equal[1:]).all()
    assert np.isnan(relative_effect(np.ones(1), np.arange(9.0))[1:]).all()
    assert np.isnan(relative_effect(np.array([]), np.arange(9.0))).all()


def test_a_small_group_that_is_all_tied_tells_little():
    # 20 of 1,000 have something, none of 30: by Fisher's exact test no sign of a difference.
    assert stats.fisher_exact([[0, 30], [20, 980]]).pvalue == 1.0
    inside, outside = np.zeros(30), np.r_[np.ones(20), np.zeros(980)]
    found = relative_effect(inside, outside)
    assert found.estimate == pytest.approx(0.49)
    # The standard error of Wilcoxon's test; only those outside tell of its own exactness.
    wilcoxon = stats.mannwhitneyu(inside, outside, use_continuity=False, method="asymptotic")
    z = stats.norm.isf(wilcoxon.pvalue / 2)
    assert found.p_value == pytest.approx(2 * stats.t.sf(z, 999))
    # None of 30 is as likely as 1 in 20 with a true share of 0.095: 0.5 + (0.095 - 0.02) / 2.
    assert found.low < 0.47
    assert found.high > 0.5 + (0.095 - 0.02) / 2


def test_a_few_values_use_the_error_of_wilcoxons_test():
    inside, outside = np.array([70.2, 80.3]), np.arange(100.0)
    found = relative_effect(inside, outside)
    wilcoxon = stats.mannwhitneyu(inside, outside, use_continuity=False, method="asymptotic")
    # By Student's distribution here, by the normal one there.
    assert found.p_value > wilcoxon.pvalue
    assert found.p_value > stats.brunnermunzel(inside, outside).pvalue


@pytest.mark.slow
@pytest.mark.parametrize(
    ("m", "n", "share"),
    [(30, 1000, 0.02), (5, 200, 0.1), (100, 2000, 0.01), (5, 300, 0.5), (2, 100, 1), (5, 100, 1)],
)
def test_no_difference_is_seldom_found_with_ties_and_few_values(m, n, share):
    random = np.random.default_rng(5)

    def values(size):
        return random.random(size) * (random.random(size) < share)

    found = [relative_effect(values(m), values(n)) for _ in range(500)]
    known = [effect for effect in found if np.isfinite(effect.p_value)]
    assert np.mean([effect.p_value < 0.05 for effect in known]) < 0.07
    assert np.mean([effect.low <= 0.5 <= effect.high for effect in known]) > 0.94


def test_cramers_v_against_scipy_and_bergsma():
    counts = np.array([[30, 12, 8], [10, 25, 15]])
    found = cramers_v(counts)
    statistic, p_value = stats.chi2_contingency(counts, correction=False)[:2]
    assert found.p_value == pytest.approx(p_value)
    # Bergsma (2013) by hand: n = 100, r = 2, c = 3
    rows, columns = 2 - 1 / 99, 3 - 4 / 99
    assert found.estimate == pytest.approx(
        np.sqrt((statistic / 100 - 2 / 99) / min(rows - 1, columns - 1))
    )
    empty = cramers_v(np.array([[30, 0, 12, 8], [0, 0, 0, 0], [10, 0, 25, 15]]))
    assert empty == pytest.approx(found)


@pytest.mark.slow
@pytest.mark.parametrize(
    "shares",
    [
        [[0.15, 0.09, 0.06], [0.35, 0.21, 0.14]],
        [[0.2, 0.05, 0.05], [0.2, 0.3, 0.2]],
        [[0.28, 0.01, 0.01], [0.05, 0.45, 0.2]],
        [[0.03, 0.002, 0.002], [0.1, 0.5, 0.366]],
    ],
)
def test_intervals_of_cramers_v_hold_what_they_promise(shares):
    shares = np.array(shares)
    expected = np.outer(shares.sum(axis=1), shares.sum(axis=0))
    truth = np.sqrt(((shares - expected) ** 2 / expected).sum())
    drawn = np.random.default_rng(2).multinomial(250, shares.ravel(), size=250)
    found = [cramers_v(counts.reshape(2, 3)) for counts in drawn]
    assert np.mean([effect.low <= truth + 1e-9 and truth <= effect.high for effect in found]) > 0.92


def test_noncentrality_far_out_is_near_the_exact_one():
    """Sankaran's distribution takes over where a statistic is large."""
    below, above = noncentrality(9_990.0, 9, 0.95), noncentrality(10_010.0, 9, 0.95)
    assert above == pytest.approx(np.array(below) + 20, abs=0.5)
    huge = cramers_v(np.array([[400_000, 100_000], [100_000, 400_000]]))
    assert huge.estimate == pytest.approx(0.6, abs=1e-5)
    # The standard error of phi is near sqrt(1 - phi^2) / sqrt(n) or less.
    assert 0 < huge.high - huge.low < 0.004


def test_one_class_is_associated_with_nothing():
    assert np.isnan(cramers_v(np.array([[5, 7]]))).all()
    assert np.isnan(cramers_v(np.eye(2, dtype=np.int64))).all()  # every customer its own class
    assert cramers_v(np.array([[20, 0], [0, 30]])).estimate == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("seed", range(4))
def test_adjusted_rand_against_scikit_learn(seed):
    random = np.random.default_rng(seed)
    first = random.integers(0, 3, 60)
    second = np.where(random.random(60) < 0.6, first, random.integers(0, 4, 60))
    counts = np.bincount(first * 4 + second, minlength=12).reshape(3, 4)
    assert adjusted_rand(counts) == pytest.approx(adjusted_rand_score(first, second))
    assert adjusted_rand(np.stack([counts, counts])).shape == (2,)


def test_adjusted_rand_of_one_class_is_one():
    assert adjusted_rand(np.array([[9]])) == 1.0
    assert adjusted_rand(np.diag([1, 1, 1])) == 1.0


@pytest.mark.slow
def test_interval_of_adjusted_rand_holds_what_it_promises():
    random = np.random.default_rng(3)
    shares = np.array([[0.3, 0.1, 0.0], [0.05, 0.25, 0.05], [0.0, 0.05, 0.2]])
    truth = float(adjusted_rand(shares * 1e7))
    held = 0
    for _ in range(200):
        counts = random.multinomial(300, shares.ravel()).reshape(3, 3)
        found = adjusted_rand_effect(counts, replicates=200, seed=4)
        held += found.low <= truth <= found.high
    assert held / 200 > 0.89
