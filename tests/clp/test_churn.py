"""What losing customers costs: formulas by hand, break-even, value at risk.

Oracles: the course's formulas worked by hand; closed forms of geometric series; Dwyer's retention
model on the course's example; all 2^n outcomes of a few customers counted out; the binomial
distribution.
"""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from crmlib.clp import churn
from crmlib.clp.dwyer import dwyer_retention
from crmlib.errors import InputError


def test_churn_loss_adds_what_was_spent_to_what_was_to_come():
    assert churn.churn_loss(200.0, 1000.0, 400.0) == 800.0
    losses = churn.churn_loss(pd.Series([200.0, 0.0]), np.array([1000.0, 50.0]), 400.0)
    assert losses.tolist() == [800.0, -350.0]


def test_churn_loss_of_a_group_is_customers_times_rate_times_value():
    assert churn.churn_loss_of_group(1000, 0.1, 500.0) == 50_000.0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: churn.churn_loss(-1.0, 5.0, 5.0), "number of 0 or more"),
        (lambda: churn.churn_loss(1.0, [5.0, np.nan], 5.0), "needs cost, lifetime value"),
        (lambda: churn.churn_loss_of_group(10, 20, 5.0), "Did you mean 0.2"),
        (lambda: churn.churn_loss_of_group(-3, 0.2, 5.0), "0 or more"),
        (lambda: churn.retained_value(75, 1.0, 0.1, periods=3), "Did you mean 0.75"),
        (lambda: churn.retained_value(0.7, 1.0, 1.25, periods=3), "Did you mean 0.0125"),
        (lambda: churn.retained_value(0.7, 1.0, 0.1, periods=0), "at least one period"),
        (lambda: churn.retained_value(0.7, [1.0, 2.0], 0.1, periods=3), "3 of them"),
        (lambda: churn.retained_value(np.nan, 1.0, 0.1, periods=3), "a number is missing"),
        (lambda: churn.value_at_risk([1.0], [20.0], seed=1), "Did you mean 0.2"),
        (lambda: churn.value_at_risk([1.0, 2.0], [0.2], seed=1), "one value and one probability"),
        (lambda: churn.value_at_risk([np.nan], [0.2], seed=1), "has no value"),
        (lambda: churn.value_at_risk([1.0], [0.2], seed=1, draws=5), "at least 100 times"),
        (lambda: churn.value_at_risk([1.0], [0.2], seed=1, level=5), "Did you mean 0.05"),
    ],
)
def test_what_has_no_meaning_is_refused(call, words):
    with pytest.raises(InputError, match=words):
        call()


@pytest.mark.parametrize("when", ["end", "start"])
def test_constant_retention_is_a_geometric_series(when):
    r, m, d, n = 0.8, 12.0, 0.1, 30
    ratio = r / (1 + d)
    expected = m * (1 - ratio**n) / (1 - ratio) / (1 if when == "start" else 1 + d)
    assert churn.retained_value(r, m, d, periods=n, when=when) == pytest.approx(expected)


def test_retention_that_changes_is_dwyers_model_for_one_customer():
    dwyer = dwyer_retention(1000, [0.7, 0.8], 300.0, 120.0, 0.08, years=5)
    mine = churn.retained_value([0.7, 0.8, 0.8, 0.8], 180.0, 0.08, periods=5)
    assert mine == pytest.approx(dwyer.value_per_customer, rel=1e-12)


def test_break_even_of_two_periods_by_hand():
    m, d, cost = 100.0, 0.1, 150.0
    by_hand = (cost - m / (1 + d)) * (1 + d) ** 2 / m

    def value(r):
        return churn.retained_value(r, m, d, periods=2)

    assert churn.break_even_retention(value, cost) == pytest.approx(by_hand, abs=1e-9)
    assert churn.break_even_retention(value, 80.0) == 0.0
    assert np.isnan(churn.break_even_retention(value, 200.0))


def test_break_even_where_late_profits_are_losses_is_the_last_crossing():
    def value(r):  # up, down and up again
        return 25 * r - 60 * r**2 + 40 * r**3

    crossings = np.sort(np.roots([40, -60, 25, -2.5]).real)
    assert ((crossings > 0) & (crossings < 1)).all()
    assert churn.break_even_retention(value, 2.5) == pytest.approx(crossings[-1], abs=1e-9)


def test_value_at_risk_of_few_customers_is_that_of_all_outcomes_counted_out():
    value = np.array([900.0, 500.0, 320.0, 210.0, 80.0, 40.0, 30.0, 25.0])
    leave = np.array([0.1, 0.2, 0.05, 0.3, 0.5, 0.4, 0.2, 0.6])
    outcomes = np.array(list(product([0, 1], repeat=len(value))))
    chance = np.prod(np.where(outcomes, leave, 1 - leave), axis=1)
    losses = outcomes @ value
    order = np.argsort(losses)
    true = losses[order][np.searchsorted(np.cumsum(chance[order]), 0.95)]

    risk = churn.value_at_risk(value, leave, draws=40_000, seed=3)
    row = risk.table.iloc[0]
    mean = chance @ losses
    assert row["expected_loss"] == pytest.approx(mean)
    assert row["standard_deviation"] == pytest.approx(np.sqrt(chance @ (losses - mean) ** 2))
    assert row["exceeded_low"] <= true <= row["exceeded_high"]
    assert row["expected_share"] == pytest.approx(mean / value.sum())
    assert len(risk.losses) == 40_000
    assert (np.diff(risk.losses) >= 0).all()


def test_value_at_risk_of_many_like_customers_is_binomial():
    n, p = 5000, 0.1
    row = churn.value_at_risk(np.full(n, 2.0), np.full(n, p), seed=1, draws=20_000).table.iloc[0]
    true = 2.0 * stats.binom.ppf(0.95, n, p)
    assert row["exceeded_loss"] == pytest.approx(true, rel=0.01)
    assert row["exceeded_low"] - 2 <= true <= row["exceeded_high"] + 2


def test_the_same_expected_loss_is_riskier_where_few_customers_hold_the_value():
    leave = np.full(100, 0.1)
    even = churn.value_at_risk(np.full(100, 10.0), leave, seed=1).table.iloc[0]
    few = churn.value_at_risk(np.r_[455.0, 455.0, np.full(98, 90 / 98)], leave, seed=1)
    few = few.table.iloc[0]
    assert few["expected_loss"] == pytest.approx(even["expected_loss"])
    assert few["exceeded_loss"] > 3 * even["exceeded_loss"]


def test_the_same_seed_gives_the_same_draws():
    given = ([5.0, 3.0, 9.0], [0.1, 0.5, 0.2])
    one, two = (churn.value_at_risk(*given, seed=7).losses for _ in range(2))
    assert (one == two).all()
    assert not (one == churn.value_at_risk(*given, seed=8).losses).all()


def test_concentration_counts_the_largest_and_as_many_equal_ones():
    found = churn.value_concentration([10.0] * 20).set_index("largest")
    assert found.loc["10 customers", "value_share"] == 0.5
    assert found.loc["10 % of the customers", "customers"] == 2
    assert found.loc["as many equal ones", "customers"] == pytest.approx(20)
    skewed = churn.value_concentration([97.0, 1.0, 1.0, 1.0]).set_index("largest")
    assert skewed.loc["1 customer", "value_share"] == 0.97
    assert skewed.loc["10 customers", "customers"] == 4
    assert skewed.loc["as many equal ones", "customers"] == pytest.approx(100**2 / (97**2 + 3))
