"""Credible margins.

Oracles: Bühlmann and Straub's classical estimators from several years of each customer, the
profit of all, which shrinking must leave as it is, how near simulated true margins are hit, and
constants known from how the customers were simulated, with and without a wild one among them.
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


def test_one_wild_customer_hardly_moves_the_constant():
    """A refund of goods that are lost: the constant stays where 499 customers have it."""
    random = np.random.default_rng(4)
    known = []
    for _ in range(10):
        revenue, profit, _ = simulated(random, 499)
        plain = credible_margin(summary(revenue[:, 0], profit[:, 0]))
        wild = credible_margin(summary(np.append(revenue, 5000.0), np.append(profit, -4e5)))
        assert wild.half_credible_at == pytest.approx(plain.half_credible_at, rel=0.2)
        assert wild.table["credibility"].iloc[:-1].to_numpy() == pytest.approx(
            plain.table["credibility"].to_numpy(), abs=0.06
        )
        known.append(plain.half_credible_at)
    # An estimate from 499 customers is within a third of the truth or so; their mean is nearer.
    assert np.mean(np.log(known)) == pytest.approx(np.log(1.5**2 / 0.1**2), abs=0.25)


def with_other(random, n, between, within):
    """Other profit of customers with a known constant, besides sales at one margin."""
    purchases = 1 + random.geometric(0.08, n)
    a_purchase = random.normal(-20, between, n)
    other = purchases * a_purchase + random.normal(0, within, n) * np.sqrt(purchases)
    revenue = purchases * random.gamma(4.0, 50.0, n)
    table = summary(revenue, 0.25 * revenue + other)
    return table.assign(other_profit=other, purchases=purchases), a_purchase


def test_profit_besides_the_sales_is_weighed_by_purchases():
    table, truth = with_other(np.random.default_rng(5), 20_000, between=5.0, within=15.0)
    result = credible_margin(table)
    assert result.half_credible_purchases == pytest.approx(15**2 / 5**2, rel=0.15)
    assert result.base_other == pytest.approx(-20, abs=0.3)
    # The sales of all have one margin, whatever it costs to serve them.
    assert result.table["margin"].to_numpy() == pytest.approx(0.25)
    credible, own = result.table["other_per_purchase"], result.table["own_other_per_purchase"]

    def error(guess):
        return np.mean((guess - truth) ** 2)

    assert error(credible) < 0.9 * min(error(own), error(-20.0))
    parts = result.table["margin"] * table["revenue"] + credible * table["purchases"]
    assert parts.sum() == pytest.approx(table["profit"].sum(), rel=1e-9)


def test_what_most_customers_do_not_have_is_left_to_those_who_have_it():
    """Half and more without other profit: no spread to be robust about, but the rest differ."""
    table, _ = with_other(np.random.default_rng(6), 400, between=5.0, within=1.0)
    served = np.arange(400) % 3 == 0
    other = np.where(served, table["other_profit"], 0.0)
    result = credible_margin(table.assign(other_profit=other)).table
    by_own = result["own_other_per_purchase"]
    assert (result["other_per_purchase"] - by_own).abs().median() < 0.5
    assert result["other_per_purchase"][served].mean() < -18


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
