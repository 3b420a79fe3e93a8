"""Value of customers from a model of purchases and one of spend.

Oracles: sums over periods by hand, the mean of the predictive draws, and futures simulated from
the model's story.
"""

import copy
import datetime as dt

import numpy as np
import pandas as pd
import pytest

from crmlib.clp.base import customer_base
from crmlib.clp.beta_geo import BetaGeoNBD, ModifiedBetaGeoNBD
from crmlib.clp.costs import activity_costs
from crmlib.clp.customer_value import (
    customer_value,
    order_statistics,
    week_edges,
)
from crmlib.clp.gamma_gamma import GammaGamma
from crmlib.clp.pareto_nbd import ParetoNBD
from crmlib.clp.purchases import daily_sums, purchase_summary, summarise
from crmlib.errors import InputError
from crmlib.tables import example
from tests.clp.made_bases import FIRST, buy_till_you_die

STORY = {"r": 0.8, "alpha": 6.0, "a": 1.2, "b": 3.0}
KNOWN = (FIRST + pd.Timedelta(weeks=52) - pd.Timedelta(days=1)).date()


@pytest.fixture(scope="module")
def fitted():
    rows = buy_till_you_die(800, 52, **STORY, seed=3)
    summary = purchase_summary(rows, margin_rate=0.4, observed_until=KNOWN)
    return BetaGeoNBD().fit(summary), GammaGamma().fit(summary), summary


@pytest.mark.parametrize("when", ["end", "start"])
@pytest.mark.parametrize("model", [BetaGeoNBD, ModifiedBetaGeoNBD, ParetoNBD])
def test_the_value_is_the_sum_over_the_periods(fitted, model, when):
    _, spend, summary = fitted
    purchases = model().fit(summary)
    value = customer_value(
        purchases, spend, summary, period="quarter", periods=3, rate=0.05, when=when,
        replicates=0, seed=1,
    )  # fmt: skip
    starts = [pd.Timestamp(KNOWN) + pd.Timedelta(days=1)]
    starts += [starts[0] + pd.DateOffset(months=3 * k) for k in (1, 2, 3)]
    upto = [
        purchases.expected_purchases(summary, (start - starts[0]).days / 7) for start in starts[1:]
    ]
    in_period = [upto[0], upto[1] - upto[0], upto[2] - upto[1]]
    first = 1 if when == "end" else 0
    worth = sum(bought / 1.05 ** (first + k) for k, bought in enumerate(in_period))
    expected = worth * spend.expected_spend(summary) * 0.4
    assert value.customers["profit"].to_numpy() == pytest.approx(expected)
    assert value.total["profit"].item() == pytest.approx(expected.sum())
    assert value.customers["low"].isna().all()
    assert value.first_day == starts[0].date()


def test_the_draws_have_the_expected_mean(fitted):
    purchases, spend, summary = (copy.deepcopy(part) for part in fitted)
    for model in (purchases, spend):
        model.covariance_ = model.covariance_ * 1e-12  # as if the parameters were known
    edges = value_edges(6)
    discount = 1.02 ** -np.arange(1.0, 7.0)
    # Period by period, as the models draw them: the oracle of the draws over all periods.
    random = np.random.default_rng(3)
    sums = []
    for _ in range(400):
        counts = purchases.draw_purchases(summary, edges, random, purchases.estimates())
        revenue = spend.draw_spend(summary, counts, random, spend.estimates())
        sums.append(0.4 * (revenue @ discount).sum())
    value = customer_value(
        purchases, spend, summary, period="month", periods=6, rate=0.02, replicates=1000, seed=1
    )
    total = value.total.iloc[0]
    error = np.std(sums) / np.sqrt(len(sums))
    assert np.mean(sums) == pytest.approx(total["profit"], abs=4 * error)
    ends = np.quantile(sums, [0.025, 0.975])
    assert [total["low"], total["high"]] == pytest.approx(ends.tolist(), abs=0.5 * np.std(sums))


def test_the_interval_of_the_sum_is_wider_for_the_uncertainty_of_the_parameters(fitted):
    def width(times):
        purchases, spend, summary = (copy.deepcopy(part) for part in fitted)
        for model in (purchases, spend):
            model.covariance_ = model.covariance_ * times
        made = customer_value(
            purchases, spend, summary, period="month", periods=6, rate=0.0, replicates=300, seed=1
        )
        return (made.total["high"] - made.total["low"]).item()

    assert width(16.0) > 1.3 * width(1e-12)


def test_the_same_seed_gives_the_same_intervals(fitted):
    again = [
        customer_value(*fitted, period="month", periods=3, rate=0.01, replicates=50, seed=s)
        for s in (1, 1, 2)
    ]
    pd.testing.assert_frame_equal(again[0].customers, again[1].customers)
    assert not again[0].customers["high"].equals(again[2].customers["high"])


def test_a_margin_below_zero_makes_a_value_below_zero(fitted):
    summary = fitted[2]
    margins = pd.DataFrame({"customer_id": summary.table["customer_id"], "margin": -0.1})
    value = customer_value(
        *fitted, period="month", periods=3, rate=0.0, margins=margins, replicates=50, seed=1
    )
    assert (value.customers["profit"] < 0).all()
    assert (value.customers["low"] <= value.customers["high"]).all()
    assert value.total["low"].item() < value.total["high"].item() < 0


def test_profit_besides_the_sales_goes_with_the_purchases(fitted):
    purchases, spend, summary = fitted
    random = np.random.default_rng(7)
    other = random.normal(-3, 1, len(summary.table))
    margins = pd.DataFrame({"customer_id": summary.table["customer_id"], "margin": 0.2})
    terms = {"period": "month", "periods": 4, "rate": 0.0, "replicates": 400, "seed": 1}
    plain = customer_value(*fitted, margins=margins, **terms)
    value = customer_value(*fitted, margins=margins.assign(other_per_purchase=other), **terms)
    bought = purchases.expected_purchases(summary, value_edges(4)[-1])
    expected = bought * (spend.expected_spend(summary) * 0.2 + other)
    assert value.customers["profit"].to_numpy() == pytest.approx(expected)
    assert set(value.customers["basis"]) == {"purchases x (spend x margin + other)"}
    # Margin 0: what is left is the number of purchases, whose draws are known to be right.
    only = customer_value(
        *fitted, margins=margins.assign(margin=0.0, other_per_purchase=-2.0), **terms
    )
    assert only.total["low"].item() < -2 * bought.sum() < only.total["high"].item()
    assert (only.customers["low"] <= 0).all()
    number = only.customers[["low", "high"]].to_numpy() / -2
    assert number == pytest.approx(number.round())
    assert set(plain.customers["basis"]) == {"purchases x spend x margin"}


@pytest.mark.parametrize("seed", [101, 102])
def test_customers_that_cost_more_than_they_bring_are_found(seed):
    """Example company with its activity costs: held against what came in the last year."""
    company = example.company(seed)
    costs = activity_costs(company.activities, company.ledger).other_profit
    base = customer_base(company.transactions, cost="cost", other_profit=costs)
    known = base.until("2024-12-31")
    summary = known.summary
    models = BetaGeoNBD().fit(summary), GammaGamma().fit(summary)
    terms = {"period": "month", "periods": 12, "rate": 0.0, "replicates": 0, "seed": 1}
    forecast = customer_value(*models, summary, **terms).customers["profit"].to_numpy()
    came = base.profit_between(known.day_after(0), base.last_day)
    actual = came.reindex(summary.table["customer_id"]).to_numpy()
    assert (forecast < 0).mean() == pytest.approx((actual < 0).mean(), abs=0.1)
    assert (actual < 0).mean() > 0.15
    assert (actual[forecast < 0] < 0).mean() > 1.5 * (actual < 0).mean()
    table = summary.table
    base_margin = table["profit"].sum() / table["revenue"].sum()
    one = table[["customer_id"]].assign(margin=base_margin)
    by_base = customer_value(*models, summary, margins=one, **terms).customers["profit"].to_numpy()
    assert np.mean((forecast - actual) ** 2) < np.mean((by_base - actual) ** 2)


def test_customers_who_only_had_something_for_nothing_have_the_margin_of_the_base():
    rows = buy_till_you_die(300, 52, **STORY, seed=4)
    free = pd.DataFrame({"customer_id": "F", "date": [FIRST], "amount": [0.0]})
    rows = pd.concat([rows, free], ignore_index=True)
    summary = purchase_summary(rows, margin_rate=0.4, observed_until=KNOWN)
    models = BetaGeoNBD().fit(summary), GammaGamma().fit(summary)
    value = customer_value(*models, summary, period="month", periods=3, rate=0.0, seed=1)
    mine = value.customers.set_index("customer_id").loc["F", "profit"]
    upto = models[0].expected_purchases(summary, value_edges(3)[-1])
    spend = models[1].expected_spend(summary)
    row = summary.table.index[summary.table["customer_id"] == "F"].item()
    assert mine == pytest.approx(upto[row] * spend[row] * 0.4)


def value_edges(months):
    """Weeks from the last day known to the ends of the months after it."""
    start = pd.Timestamp(KNOWN) + pd.Timedelta(days=1)
    return np.array([(start + pd.DateOffset(months=k) - start).days / 7 for k in range(months + 1)])


@pytest.mark.slow
def test_intervals_hold_what_the_story_brings():
    """Nominal 95 % over simulated bases: of customers at least that, of sums about that."""
    inside, held = [], []
    for seed in range(24):
        rows = buy_till_you_die(400, 78, **STORY, seed=100 + seed)
        daily = daily_sums(rows, margin_rate=0.4)
        summary = summarise(daily, KNOWN)
        later = daily[(daily["day"] > pd.Timestamp(KNOWN)) & (daily["day"] < week(78))]
        came = later.groupby("customer_id")["profit"].sum()
        actual = summary.table["customer_id"].map(came).fillna(0.0)
        models = BetaGeoNBD().fit(summary), GammaGamma().fit(summary)
        value = customer_value(
            *models, summary, period="week", periods=26, rate=0.0, replicates=200, seed=seed
        )
        customers, total = value.customers, value.total.iloc[0]
        inside.append(((customers["low"] <= actual) & (actual <= customers["high"] + 0.005)).mean())
        held.append(total["low"] <= actual.sum() <= total["high"])
    assert 0.94 < np.mean(inside) < 0.995
    # 95 % of 24: fewer than 20 happens less than once in 100 times.
    assert sum(held) >= 20


def week(number):
    """Day on which a week of the story begins."""
    return FIRST + pd.Timedelta(weeks=number)


def test_order_statistics_leave_out_the_share_asked_for():
    drawn = np.arange(1.0, 200.0)[:, None] * np.array([1.0, -1.0])
    low, high = order_statistics(drawn, 0.95)
    assert low.tolist() == [5.0, -195.0]
    assert high.tolist() == [195.0, -5.0]


def test_edges_are_calendar_periods():
    edges = week_edges(dt.date(2025, 12, 31), dt.date(2026, 1, 1), "month", 2)
    assert (edges * 7).tolist() == pytest.approx([0, 31, 59])
    edges = week_edges(dt.date(2025, 12, 28), dt.date(2025, 12, 29), "week", 2)
    assert edges.tolist() == pytest.approx([0, 1, 2])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"rate": 1.25}, "Did you mean"),
        ({"periods": 0}, "at least one month"),
        ({"confidence": 95}, "fraction"),
        ({"replicates": -1}, "0 or more"),
        ({"first_day": dt.date(2023, 12, 1)}, "must come after"),
        ({"margins": pd.DataFrame({"customer_id": ["C00000"], "margin": [0.4]})}, "no margin"),
    ],
)
def test_what_cannot_be_is_refused(fitted, changed, message):
    given = {"period": "month", "periods": 3, "rate": 0.01, "seed": 1} | changed
    with pytest.raises(InputError, match=message):
        customer_value(*fitted, **given)
