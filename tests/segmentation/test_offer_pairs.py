"""Chances and margins of offers: counted here with pandas alone, and against the truth."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from crmlib import tables
from crmlib.errors import InputError
from crmlib.intervals import wilson_interval
from crmlib.segmentation.basket_rules import basket_rules, fitting_items
from crmlib.segmentation.offer_pairs import (
    basket_pairs,
    cases_behind,
    customer_factors,
    own_pairs,
    with_due_items,
)
from crmlib.segmentation.offer_value import offer_gains
from crmlib.segmentation.sequence_rules import next_items, sequence_rules


@pytest.fixture(scope="module")
def transactions():
    return tables.read("data/transactions.csv", kind="transactions")


@pytest.fixture(scope="module")
def pairs(transactions):
    return own_pairs(transactions, cost="cost")


def test_counts_are_those_of_the_last_four_stretches(transactions, pairs):
    rows = transactions.frame
    rows = rows[rows["amount"] > 0]
    last = rows["date"].max()
    rows = rows.assign(back=(last - rows["date"]).dt.days // 90)
    recent = rows[rows["back"] < 4]
    expected = recent.groupby(["customer_id", "product_line"])["back"].nunique()
    first = rows.groupby("customer_id")["date"].min()
    watched = (((last - first).dt.days + 1) // 90).clip(upper=4)
    found = pairs.set_index(["customer_id", "offer"])
    assert len(found) == 500 * 6
    trials = found["trials"].groupby("customer_id").first()
    assert (trials == watched.loc[trials.index]).all()
    every = expected.reindex(found.index, fill_value=0)
    capped = np.minimum(every, watched.loc[found.index.get_level_values(0)].to_numpy())
    assert (found["events"] == capped).all()


def test_margins_add_up_to_the_mean_profit_and_follow_customers(transactions, pairs):
    rows = transactions.frame
    rows = rows[rows["amount"] > 0]
    profit = (rows["amount"] - rows["cost"]).sum()
    days = rows.groupby(["customer_id", "product_line"])["date"].nunique()
    margin = pairs.set_index(["customer_id", "offer"])["margin"]
    # What margins say of all purchases is what they brought, up to the drawing together.
    assert (margin.loc[days.index] * days).sum() == pytest.approx(profit, rel=0.05)
    segments = pd.read_csv("data/truth/customers.csv").set_index("customer_id")["segment"]
    by_segment = margin.groupby(segments.loc[margin.index.get_level_values(0)].to_numpy()).mean()
    assert by_segment["key account"] > 2 * by_segment["steady mid-size"]


def test_customers_who_do_not_differ_get_the_mean():
    random = np.random.default_rng(1)
    found = pd.DataFrame(
        {
            "customer_id": np.repeat(np.arange(200), 3),
            "item": np.tile(list("abc"), 200),
            "days": 2,
            "profit": 200 * random.lognormal(0, 0.5, 600),
        }
    )
    assert customer_factors(found).to_numpy() == pytest.approx(np.ones(200), abs=0.25)
    larger = np.repeat(np.where(np.arange(200) < 100, 5.0, 1.0), 3)
    factors = customer_factors(found.assign(profit=found["profit"] * larger)).to_numpy()
    # Drawn together, as single purchases vary; 5 were they not.
    assert 2.5 < factors[:100].mean() / factors[100:].mean() < 5
    counted = (found["profit"] * larger).groupby(found["customer_id"]).sum()
    assert factors.std() < (counted / counted.mean()).std()


def test_due_items_take_the_chance_of_their_rule(transactions, pairs):
    rules = sequence_rules(transactions)
    due = next_items(rules, transactions)
    put = with_due_items(pairs, due, rules)
    assert len(put) == len(pairs)
    changed = put[put["kind"] == "sequence rule"].set_index("customer_id")
    assert set(changed["rule"]) == {"printers → toner"}
    assert set(changed.index) == set(due["customer_id"])
    gains = offer_gains(put, uplift=0.3).set_index(["customer_id", "offer"])
    expected = due.set_index(["customer_id", "item"])["chance"]
    assert gains.loc[expected.index, "chance"].to_numpy() == pytest.approx(
        expected.to_numpy(), abs=0.01
    )
    others = put[put["kind"] != "sequence rule"]
    same = others.merge(pairs, on=["customer_id", "offer"])
    assert (same["events_x"] == same["events_y"]).all()


def test_cases_behind_an_interval_are_found_again():
    share, n = np.array([0.0, 0.2, 0.5, 0.97]), np.array([10.0, 50.0, 400.0, 30.0])
    low, high = wilson_interval(share, n, norm.isf(0.025))
    inside = slice(1, 3)  # at the ends Wilson's interval is cut at 0 and 1
    found = cases_behind(share, low, high, confidence=0.95)
    assert found[inside] == pytest.approx(n[inside])
    assert (found > 0).all()


def test_baskets_lack_what_their_rules_lead_to():
    baskets = pd.DataFrame(
        [(i, name) for i in range(200) for name in ("ab" if i % 2 else "cd")]
        + [(i, "a") for i in range(200, 220)],
        columns=["basket_id", "item"],
    )
    rules = basket_rules(baskets)
    found = basket_pairs(fitting_items(rules, baskets), rules, 2.5)
    assert set(found["customer_id"]) == set(range(200, 220))
    assert (found["offer"] == "b").all()
    assert (found[["events", "trials", "margin"]] == [100, 120, 2.5]).all(axis=None)


def rows_of(**columns):
    days = pd.date_range("2025-01-01", periods=8, freq="30D")
    rows = {"customer_id": "one", "date": days, "amount": 5.0, "product_line": "x", "cost": 1.0}
    return pd.DataFrame(rows | columns)


def test_one_customer_and_negative_money_have_an_answer():
    found = own_pairs(rows_of(), cost="cost")
    assert found[["events", "trials", "margin"]].to_numpy().tolist() == [[2.0, 2.0, 4.0]]
    loss = own_pairs(rows_of(cost=9.0), cost="cost")
    assert loss["margin"].tolist() == [-4.0]
    by_rate = own_pairs(rows_of(), margin_rate=0.5)
    assert by_rate["margin"].tolist() == [2.5]
    assert offer_gains(loss, uplift=0.3)["gain"].iloc[0] < 0


@pytest.mark.parametrize(
    ("rows", "given", "words"),
    [
        (rows_of(), {"cost": "costs"}, "no column costs"),
        (rows_of(), {}, "Give either cost"),
        (rows_of(), {"cost": "cost", "item": "line"}, "no column line"),
        (rows_of(amount=-5.0), {"cost": "cost"}, "no purchase with an amount above 0"),
        (rows_of(), {"cost": "cost", "within_days": 0}, "within_days=0"),
        (rows_of(), {"cost": "cost", "as_of": "2020-01-01"}, "no purchase with a value"),
    ],
)
def test_tables_that_cannot_be_used_are_named(rows, given, words):
    with pytest.raises(InputError, match=words):
        own_pairs(rows, **given)
