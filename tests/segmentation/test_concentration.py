"""Gini, Lorenz curve and the share of the best: against definitions summed over pairs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import erf, erfinv

from crmlib.errors import InputError
from crmlib.segmentation.concentration import (
    gini,
    gini_interval,
    lorenz_band,
    lorenz_curve,
    share_of_best,
    tail_index,
)

MONEY = st.lists(st.integers(-1000, 1000), min_size=2, max_size=30).filter(any)


@given(MONEY)
def test_gini_is_the_mean_difference_of_all_pairs(money):
    x = np.array(money, dtype=float)
    n = len(x)
    pairs = np.abs(x[:, None] - x[None, :]).sum() / (n * (n - 1))
    assert gini(x) == pytest.approx(pairs / (2 * np.abs(x).mean()))
    assert 0 <= gini(x) <= 1 + 1e-12


def test_gini_of_extremes():
    assert gini([5.0, 5.0, 5.0]) == 0
    assert gini([0.0, 0.0, 0.0, 8.0]) == pytest.approx(1.0)
    # All the profit with one, all the loss with another: as unequal as can be.
    assert gini([-3.0, 0.0, 0.0, 7.0]) == pytest.approx(1.0)
    # Brown's way, by hand: incomes 1 to 5 have 4 / 15, times 5 / 4.
    assert gini([1, 2, 3, 4, 5]) == pytest.approx(4 / 15 * 5 / 4)


@pytest.mark.parametrize("money", [[], [4.0], [0.0, 0.0]])
def test_gini_cannot_be_said_of_one_customer_or_nothing(money):
    assert np.isnan(gini(money))
    assert np.isnan(gini_interval(money).low)
    assert np.isnan(share_of_best(money).low)


def test_lorenz_curve_is_straight_between_customers():
    curve = lorenz_curve([1.0, 3.0, 6.0, 10.0], np.array([0, 0.125, 0.5, 0.75, 1]))
    assert curve.tolist() == pytest.approx([0, 0.025, 0.2, 0.5, 1])


def test_share_of_best_counts_customers_in_part():
    # 20 % of four customers are 0.8 of the best one.
    assert share_of_best([1.0, 3.0, 6.0, 10.0]).estimate == pytest.approx(0.8 * 10 / 20)


def test_losses_lift_the_share_of_the_best_above_one():
    money = np.array([-4.0, 0, 0, 0, 10.0])
    assert share_of_best(money).estimate == pytest.approx(10 / 6)
    assert np.isnan(share_of_best(-money).estimate)


def test_shares_of_a_total_near_zero_have_no_interval():
    random = np.random.default_rng(3)
    money = random.normal(0, 100, 400)
    money += 1 - money.mean()
    found = share_of_best(money)
    assert found.estimate > 1
    assert np.isnan(found.low)
    assert np.isnan(lorenz_band(money, np.linspace(0, 1, 5))[0]).all()
    assert np.isfinite(gini_interval(money).low)


def test_the_band_is_the_interval_of_the_share():
    # Two ways to the same variance: running sums, and the influence of every customer.
    money = np.random.default_rng(1).lognormal(0, 0.5, 20_000) - 0.3
    low, high = lorenz_band(money, np.array([0.0, 0.8, 1.0]))
    found = share_of_best(money)
    assert 1 - high[1] == pytest.approx(found.low, abs=1e-4)
    assert 1 - low[1] == pytest.approx(found.high, abs=1e-4)
    assert (low[0], high[0], low[2], high[2]) == (0, 0, 1, 1)


def test_all_equal_customers_have_a_gini_of_zero_for_certain():
    found = gini_interval(np.full(50, 7.0))
    assert (found.estimate, found.low, found.high) == (0, 0, 0)
    assert share_of_best(np.full(50, 7.0)).estimate == pytest.approx(0.2)
    assert not found.rests_on_few


def test_tail_index_of_pareto_is_one_over_its_exponent():
    random = np.random.default_rng(8)
    for exponent in (1.2, 3.0):
        assert tail_index(random.pareto(exponent, 200_000) + 1) == pytest.approx(
            1 / exponent, rel=0.05
        )
    assert tail_index([1.0, *[0.0] * 20]) == np.inf


def test_a_heavy_tail_is_told():
    random = np.random.default_rng(2)
    assert gini_interval(random.pareto(1.2, 500)).rests_on_few
    assert not gini_interval(random.exponential(1, 500)).rests_on_few


def coverage(draw, true, found, samples):
    ends = [found(draw()) for _ in range(samples)]
    return np.mean([end.low <= true <= end.high for end in ends])


def test_intervals_hold_the_true_value():
    # Lognormal: Gini is erf(sigma / 2), the best fifth bring 1 - Phi(z(0.8) - sigma).
    random = np.random.default_rng(4)
    true = erf(0.5)
    assert coverage(lambda: random.lognormal(0, 1, 500), true, gini_interval, 600) > 0.91
    z = np.sqrt(2) * erfinv(0.6)
    best = 0.5 * (1 - erf((z - 1) / np.sqrt(2)))
    assert coverage(lambda: random.lognormal(0, 1, 500), best, share_of_best, 600) > 0.91


@pytest.mark.slow
def test_intervals_with_losses_hold_the_true_value():
    random = np.random.default_rng(5)

    def draw(n=400):
        return random.lognormal(0, 1, n) - 0.6 * random.exponential(1, n)

    everybody = draw(4_000_000)
    for found in (gini_interval, share_of_best):
        true = found(everybody).estimate
        assert 0.925 < coverage(draw, true, found, 1500) < 0.975


def test_the_share_is_not_certain_where_about_a_fifth_bring_anything():
    money = [*np.arange(1.0, 20.0), *[0.0] * 81]
    found = share_of_best(money)
    assert found.estimate == found.high == 1
    # Were 28 % above zero, as Wilson's interval of 19 of 100 allows, the best fifth would bring:
    part = (0.19 + 1.96**2 / 200 + 1.96 * np.sqrt(0.19 * 0.81 / 100 + 1.96**2 / 40_000)) / (
        1 + 1.96**2 / 100
    )
    assert found.low == pytest.approx(
        1 - lorenz_curve(money[:19], np.array([1 - 0.2 / part]))[0], abs=1e-4
    )
    assert found.degrees == 18
    low, high = lorenz_band(money, np.array([0.8]))
    assert 1 - high[0] == pytest.approx(found.low)
    assert low[0] == 0


def test_the_share_holds_the_true_value_where_about_a_fifth_bring_anything():
    random = np.random.default_rng(9)

    def draw(n=100):
        return random.exponential(1, n) * (random.random(n) < 0.22)

    # The best 20 of 22 in 100 bring all but the smallest 1 - 20 / 22 of an exponential one.
    left = 2 / 22
    true = 1 - (left + (1 - left) * np.log(1 - left))
    assert coverage(draw, true, share_of_best, 600) > 0.93


def test_the_band_is_as_wide_as_students_interval_and_silent_with_few_customers():
    money = np.random.default_rng(3).lognormal(0, 1, 100)
    low, high = lorenz_band(money, np.array([0.05, 0.8, 0.95]))
    assert np.isnan(low[[0, 2]]).all()
    assert np.isnan(high[[0, 2]]).all()
    found = share_of_best(money)
    assert (1 - high[1], 1 - low[1]) == pytest.approx((found.low, found.high))


def test_a_share_of_customers_is_a_fraction():
    with pytest.raises(InputError, match=r"best=20 is not a fraction.*0\.2"):
        share_of_best([1.0, 2.0], best=20)
