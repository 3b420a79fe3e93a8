"""Credible margins.

Oracles: Bühlmann and Straub's classical estimators from several years of each customer, the
profit of all, which shrinking must leave as it is, and how near simulated true margins are hit.
"""

import numpy as np
import pandas as pd
import pytest

from crmlib.clp.margins import credible_margin
from crmlib.errors import InputError


def simulated(random, n, years=1, between=0.1, within=1.5):
    """Revenue and profit by customer and year, and the true margins."""
    margin = random.normal(0.2, between, n)
    revenue = np.exp(random.normal(4, 1.5, (n, 1))) * random.uniform(0.5, 2, (n, years))
    noise = random.normal(0, within, (n, years)) * np.sqrt(revenue)
    return revenue, revenue * margin[:, None] + noise, margin


def summary(revenue, profit):
    names = np.arange(len(revenue)).astype(str)
    return pd.DataFrame({"customer_id": names, "revenue": revenue, "profit": profit})


def classical_half(revenue, profit):
    """K of Bühlmann and Straub (1970) from years: unbiased variance within over that between."""
    w, X = revenue, profit / revenue
    n, years = X.shape
    of_customer, total = w.sum(axis=1), w.sum()
    own = (w * X).sum(axis=1) / of_customer
    within = (w * (X - own[:, None]) ** 2).sum() / (n * (years - 1))
    mean = of_customer @ own / total
    spread = of_customer @ (own - mean) ** 2 - (n - 1) * within
    return within / (spread * total / (total**2 - (of_customer**2).sum()))


def test_finds_the_classical_constant_from_one_sum_a_customer():
    revenue, profit, _ = simulated(np.random.default_rng(0), 20_000, years=6)
    classical = classical_half(revenue, profit)
    assert classical == pytest.approx(1.5**2 / 0.1**2, rel=0.15)
    result = credible_margin(summary(revenue.sum(axis=1), profit.sum(axis=1)))
    assert result.half_credible_at == pytest.approx(classical, rel=0.15)


def test_adds_up_to_the_profit_of_all():
    revenue, profit, _ = simulated(np.random.default_rng(1), 300)
    result = credible_margin(summary(revenue[:, 0], profit[:, 0]))
    assert result.table["margin"] @ revenue[:, 0] == pytest.approx(profit.sum(), rel=1e-12)
    assert result.table["own_margin"].min() < 0  # losses are in it
    weight = result.table["credibility"]
    assert weight.between(0, 1).all()
    assert (weight.to_numpy() > 0.5).tolist() == (revenue[:, 0] > result.half_credible_at).tolist()


def test_is_nearer_the_truth_than_the_own_margin_or_that_of_all():
    revenue, profit, truth = simulated(np.random.default_rng(2), 2000)
    result = credible_margin(summary(revenue[:, 0], profit[:, 0]))
    table = result.table

    def error(margin):
        return np.mean((margin - truth) ** 2)

    assert error(table["margin"]) < 0.9 * error(result.base_margin)
    assert error(table["margin"]) < 0.5 * error(table["own_margin"])
    # No linear estimate does better on average: it errs by (1 - Z) of the variance between.
    expected = 0.1**2 * np.mean(1 - revenue / (revenue + 1.5**2 / 0.1**2))
    assert error(table["margin"]) == pytest.approx(expected, rel=0.1)


def test_margins_that_do_not_differ_leave_that_of_all():
    revenue, profit, _ = simulated(np.random.default_rng(3), 4000, between=0.0)
    result = credible_margin(summary(revenue[:, 0], profit[:, 0]))
    assert result.table["credibility"].mean() < 0.05
    assert result.base_margin == pytest.approx(0.2, abs=0.02)


def test_one_margin_for_all_stays():
    result = credible_margin(summary(np.array([10.0, 300.0]), np.array([3.0, 90.0])))
    assert result.table["margin"].to_numpy() == pytest.approx(0.3)
    one = credible_margin(summary(np.array([10.0]), np.array([-4.0])))
    assert one.table["margin"].item() == one.base_margin == pytest.approx(-0.4)
    assert np.isinf(one.half_credible_at)


def test_customers_without_revenue_are_named():
    with pytest.raises(InputError, match=r"revenue must be above 0 .* row 1"):
        credible_margin(summary(np.array([10.0, 0.0]), np.array([1.0, -2.0])))
