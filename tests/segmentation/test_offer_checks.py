"""Checks of the chances of offers: against counts made here, and on baskets without any rule."""

import numpy as np
import pandas as pd
import pytest

from crmlib import tables
from crmlib.segmentation.offer_checks import chance_check, held_out_rules, split_check


def test_chances_of_the_example_foretell_what_came():
    bought = tables.read("data/transactions.csv", kind="transactions")
    check = chance_check(bought, as_of="2025-12-31", cost="cost")
    rows = bought.frame
    late = rows[(rows["amount"] > 0) & (rows["date"] > "2025-10-02")]
    known = rows.loc[(rows["amount"] > 0) & (rows["date"] <= "2025-10-02"), "customer_id"].unique()
    came = late[late["customer_id"].isin(known)].groupby(["customer_id", "product_line"]).ngroups
    assert check["pairs"].sum() == 6 * len(known)
    assert check["pairs"] @ check["came"] == pytest.approx(came)
    assert check["pairs"] @ check["chance"] == pytest.approx(came, rel=0.1)
    # Higher chances, more purchases.
    assert check["came"].is_monotonic_increasing
    assert ((check["low"] <= check["came"]) & (check["came"] <= check["high"])).all()


def made_baskets(random, n=4000, items=40):
    """Baskets of items that have nothing to do with one another, but for 0 and 1."""
    holds = random.random((n, items)) < 0.08
    holds[:, 1] |= holds[:, 0] & (random.random(n) < 0.5)
    basket, item = np.nonzero(holds)
    return pd.DataFrame({"basket_id": basket, "item": [f"i{i:02d}" for i in item]})


def test_rules_are_counted_where_they_were_not_found():
    baskets = made_baskets(np.random.default_rng(1))
    rules = held_out_rules(baskets, min_support=0.005, min_confidence=0.1, seed=3)
    row = rules.table.set_index(["if_items", "then_item"]).loc[[(("i00",), "i01")]].iloc[0]
    sets = baskets.groupby("basket_id")["item"].agg(set)
    given, both = (
        sets.map(lambda s: "i00" in s).sum(),
        sets.map(lambda s: {"i00", "i01"} <= s).sum(),
    )
    # The halves together are the whole.
    assert row["if_baskets"] + row["found_if_baskets"] == given
    assert row["baskets"] + row["found_baskets"] == both
    assert row["confidence"] == row["baskets"] / row["if_baskets"]


def test_the_best_of_many_rules_look_better_than_they_are(shared):
    baskets = tables.read_baskets(shared / "data" / "groceries.csv")
    rules = held_out_rules(baskets, min_support=0.001, min_confidence=0.2, seed=1)
    check = split_check(rules)
    assert (check["found_share"] > check["other_half_share"]).all()
    curse = check["found_share"] - check["other_half_share"]
    left = check["shrunken_share"] - check["other_half_share"]
    assert (left < curse).all()
    assert check["rules"].is_monotonic_increasing


def test_no_rules_make_an_empty_check():
    random = np.random.default_rng(2)
    basket, item = np.nonzero(random.random((300, 5)) < 0.3)
    baskets = pd.DataFrame({"basket_id": basket, "item": [f"i{i}" for i in item]})
    rules = held_out_rules(baskets, min_support=0.01, min_confidence=0.99)
    assert split_check(rules).empty
