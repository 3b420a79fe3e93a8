"""Basket rules.

Oracles: R arules (number of rules on Groceries), mlxtend 0.25 (sums over all rules, noted down),
every rule counted out on small baskets, scipy's Fisher test and false discovery control, and
simulation of baskets in which nothing hangs together.
"""

import json
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from crmlib import tables
from crmlib.errors import InputError
from crmlib.segmentation.basket_rules import (
    basket_rules,
    benjamini_yekutieli,
    fisher_greater,
    fitting_items,
    lift_interval,
    readable,
)


def long_form(baskets):
    rows = [(number, item) for number, items in enumerate(baskets) for item in items]
    return pd.DataFrame(rows, columns=["basket_id", "item"])


def random_baskets(seed, n=200, items="abcdefg"):
    """Baskets in which b often comes with a, and otherwise everything by chance."""
    random = np.random.default_rng(seed)
    drawn = random.random((n, len(items))) < np.linspace(0.15, 0.5, len(items))
    drawn[:, 1] |= drawn[:, 0] & (random.random(n) < 0.5)
    return [
        {item for item, has in zip(items, row, strict=True) if has} for row in drawn if any(row)
    ]


def counted_out(baskets, min_support, min_confidence):
    """Every rule with its counts, by looking at every basket for every set."""
    n, names = len(baskets), sorted(set().union(*baskets))

    def count(items):
        return sum(items <= basket for basket in baskets)

    rules = {}
    for size in range(2, len(names) + 1):
        for items in map(set, combinations(names, size)):
            if count(items) / n < min_support:
                continue
            for then in sorted(items):
                given = items - {then}
                if count(items) / count(given) >= min_confidence:
                    simpler = max(
                        count({*some, then}) / count(set(some))
                        for k in range(len(given))
                        for some in combinations(sorted(given), k)
                    )
                    key = (tuple(sorted(given)), then)
                    rules[key] = (count(items), count(given), count({then}), simpler)
    return rules


@pytest.mark.parametrize("seed", [1, 2])
def test_rules_counted_out(seed):
    baskets = random_baskets(seed)
    found = basket_rules(long_form(baskets), min_support=0.02, min_confidence=0.3)
    expected = counted_out(baskets, 0.02, 0.3)
    table = found.table
    assert set(zip(table["if_items"], table["then_item"], strict=True)) == set(expected)
    assert table["if_items"].map(len).max() >= 3
    for _, rule in table.iterrows():
        both, given, then, simpler = expected[rule["if_items"], rule["then_item"]]
        assert (rule["baskets"], rule["if_baskets"], rule["then_baskets"]) == (both, given, then)
        assert rule["support"] == pytest.approx(both / len(baskets))
        assert rule["confidence"] == pytest.approx(both / given)
        assert rule["lift"] == pytest.approx(both * len(baskets) / (given * then))
        assert rule["gain"] == pytest.approx(both / given - simpler, abs=1e-12)
        assert rule["redundant"] == (both / given <= simpler)
    assert (table["lift_low"] < table["lift_high"]).all()


def test_p_is_the_largest_of_the_tests_that_every_item_adds():
    baskets = random_baskets(3)
    table = basket_rules(long_form(baskets), min_support=0.03, min_confidence=0.0).table
    held = pd.DataFrame([dict.fromkeys(basket, True) for basket in baskets])
    held = held.notna()
    for _, rule in table.sample(40, random_state=1).iterrows():
        given, then = list(rule["if_items"]), rule["then_item"]
        with_all = held[given].all(axis=1)
        tests = [fisher(with_all, held[then])]
        for item in given if len(given) > 1 else ():
            others = held[held[[other for other in given if other != item]].all(axis=1)]
            tests.append(fisher(others[item], others[then]))
        assert rule["p"] == pytest.approx(max(tests), abs=1e-12)


def fisher(first, second):
    table = [
        [(first & second).sum(), (first & ~second).sum()],
        [(~first & second).sum(), (~first & ~second).sum()],
    ]
    return stats.fisher_exact(table, alternative="greater").pvalue


def test_adjusted_p_counts_every_rule_that_could_have_been_found():
    baskets = random_baskets(4)
    found = basket_rules(long_form(baskets), min_support=0.03, min_confidence=0.4)
    everything = found.n_tests - len(found.table)
    assert everything > 0
    padded = np.concatenate([found.table["p"], np.ones(everything)])
    expected = stats.false_discovery_control(padded, method="by")[: len(found.table)]
    np.testing.assert_allclose(found.table["adjusted_p"], expected, rtol=1e-10)
    # Sets of up to longest - 1 items, each with every other frequent item.
    pairs = basket_rules(long_form(baskets), min_support=0.03, min_confidence=0.4, longest=2)
    assert pairs.n_tests == 7 * 6
    assert (pairs.table["if_items"].map(len) == 1).all()


MLXTEND = [
    ((0.005, 0.5), 120, (0.881240467717336, 66.44553731095768, 285.47968989151497)),
    ((0.01, 0.1), 427, (7.651550584646671, 105.51088831507684, 725.7651261275408)),
    ((0.001, 0.0), 40943, (84.17468225724454, 10704.419001442588, 109501.9036675147)),
]


@pytest.fixture(scope="module")
def groceries(shared):
    return tables.read_baskets(shared / "data/groceries.csv").frame


def test_groceries_as_arules_and_mlxtend_have_them(shared, groceries):
    reference = json.loads((shared / "reference/segmentation.json").read_text())["groceries"]
    found = basket_rules(groceries, min_support=0.005, min_confidence=0.5)
    assert len(found.table) == reference["rules_support_0.005_confidence_0.5"]
    assert found.n_baskets == reference["baskets"]
    assert found.n_items == reference["items"]
    # mlxtend 0.25, fpgrowth and association_rules, single consequents: number of rules, sums of
    # support, confidence and lift.
    for asked, number, sums in MLXTEND:
        table = basket_rules(groceries, min_support=asked[0], min_confidence=asked[1]).table
        assert len(table) == number
        for column, total in zip(("support", "confidence", "lift"), sums, strict=True):
            assert table[column].sum() == pytest.approx(total, rel=1e-9)


def test_labels_that_end_in_a_blank_make_rules(groceries):
    table = basket_rules(groceries, min_support=0.002, min_confidence=0.1).table
    assert (table["then_item"] == "cream cheese ").any()
    assert table["if_items"].map(lambda items: "cream cheese " in items).any()


@pytest.mark.parametrize("seed", range(3))
def test_fisher_test_is_that_of_scipy(seed):
    random = np.random.default_rng(seed)
    total = random.integers(1, 10_000, 300)
    drawn, good = (random.integers(0, total + 1) for _ in range(2))
    both = random.hypergeometric(good, total - good, drawn)
    both = np.clip(both + random.integers(-3, 30, 300), 0, np.minimum(drawn, good))
    both = np.maximum(both, drawn + good - total)
    expected = stats.hypergeom.sf(both - 1, total, good, drawn)
    np.testing.assert_allclose(
        fisher_greater(both, drawn, good, total), expected, rtol=1e-7, atol=1e-12
    )


def test_benjamini_yekutieli_is_that_of_scipy():
    p = np.random.default_rng(1).random(50) ** 3
    np.testing.assert_allclose(
        benjamini_yekutieli(p, 50), stats.false_discovery_control(p, method="by")
    )
    assert len(benjamini_yekutieli(np.empty(0), 5)) == 0


@pytest.mark.parametrize(
    "cells",
    [(0.02, 0.03, 0.05, 0.90), (0.004, 0.016, 0.03, 0.95), (0.2, 0.1, 0.3, 0.4)],
)
def test_lift_interval_holds_the_lift(cells):
    random = np.random.default_rng(1)
    drawn = random.multinomial(1000, cells, 20_000)
    both, given, then = drawn[:, 0], drawn[:, 0] + drawn[:, 1], drawn[:, 0] + drawn[:, 2]
    low, high = lift_interval(both, given, then, 1000, 1.959964)
    lift = cells[0] / ((cells[0] + cells[1]) * (cells[0] + cells[2]))
    assert 0.935 < ((low <= lift) & (lift <= high)).mean() < 0.985


def test_nothing_is_sound_where_nothing_hangs_together():
    random = np.random.default_rng(1)
    false = 0
    for _ in range(25):
        drawn = random.random((300, 10)) < np.linspace(0.05, 0.4, 10)
        basket, item = np.nonzero(drawn)
        data = pd.DataFrame({"basket_id": basket, "item": item.astype(str)})
        false += basket_rules(data, min_support=0.02, min_confidence=0.0).table["sound"].any()
    # Were 5 % of the runs to have one, more than 4 of 25 would have one in 0.7 % of the tries.
    assert false <= 4


def test_what_hangs_together_is_found_and_an_idle_item_is_not():
    found = basket_rules(long_form(random_baskets(1, n=3000)), min_confidence=0.0)
    rules = set(zip(found.sound["if_items"], found.sound["then_item"], strict=True))
    assert rules == {(("a",), "b"), (("b",), "a")}
    with_idle = found.table[found.table["if_items"].map(lambda items: items == ("a", "f"))]
    assert with_idle.set_index("then_item").loc["b", "lift"] > 1.3
    assert not found.sound["redundant"].any()
    assert readable(found.table.head(1))["if_items"].tolist() == ["a"]


def test_items_are_known_by_name_and_repeats_count_once():
    data = long_form([["tea", "milk", "tea"], ["milk", "tea"], ["tea"], ["milk", "jam"]])
    found = basket_rules(data, min_support=0.5, min_confidence=0.0).table
    assert found[["if_items", "then_item", "baskets", "if_baskets"]].to_numpy().tolist() == [
        [("tea",), "milk", 2, 3],
        [("milk",), "tea", 2, 3],
    ]
    assert basket_rules(data, min_support=0.75).table.empty


def test_fitting_items_are_those_of_the_most_confident_rule():
    baskets = random_baskets(1, n=3000)
    rules = basket_rules(long_form(baskets), min_confidence=0.0)
    found = fitting_items(rules, long_form(baskets))
    expected = {
        (number, then)
        for number, basket in enumerate(baskets)
        for given, then in (("a", "b"), ("b", "a"))
        if given in basket and then not in basket
    }
    assert set(zip(found["basket_id"], found["item"], strict=True)) == expected
    assert len(found) == len(expected)
    assert fitting_items(rules, long_form([["q"]])).empty
    only = fitting_items(rules, long_form([["a", "q"], ["b", "a"]]))
    assert only[["basket_id", "item"]].to_numpy().tolist() == [[0, "b"]]
    chance = rules.table.set_index(["if_items", "then_item"])["confidence"][("a",), "b"]
    assert only["confidence"].tolist() == [chance]


@pytest.mark.parametrize("baskets", [[["a"], ["b"]], [["a", "a"]], [["a"]]])
def test_where_no_basket_holds_two_items_nothing_can_be_said(baskets):
    found = basket_rules(long_form(baskets))
    assert found.table.empty
    assert found.n_tests == 0
    assert readable(found.sound).empty
    assert fitting_items(found, long_form(baskets)).empty


def test_items_may_be_numbers():
    text = basket_rules(long_form(random_baskets(1, n=1000)), min_confidence=0.0).table
    number = {item: code for code, item in enumerate("abcdefghijklmnopqrstuvwxyz")}
    baskets = [[number[item] for item in basket] for basket in random_baskets(1, n=1000)]
    table = basket_rules(long_form(baskets), min_confidence=0.0).table
    assert table["if_items"].tolist() == [
        tuple(number[item] for item in items) for items in text["if_items"]
    ]
    assert table["p"].tolist() == text["p"].tolist()
    assert readable(table)["if_items"].str.fullmatch(r"\d+( \+ \d+)*").all()


@pytest.mark.parametrize(
    ("baskets", "options", "message"),
    [
        ([], {}, "There are no baskets"),
        ([["a", 2]], {}, r"holds text \('a'\) and numbers \(2\)"),
        ([["a", "b"]], {"min_support": 0}, "min_support=0 is not a fraction"),
        ([["a", "b"]], {"min_support": 5}, "Did you mean 0.05"),
        ([["a", "b"]], {"min_confidence": -0.1}, "min_confidence=-0.1"),
        ([["a", "b"]], {"longest": 1}, "longest=1"),
        ([["a", "b"]], {"longest": 2.5}, "longest=2.5: items of a rule, a whole number"),
        ([["a", "b"]], {"false_discovery": 1.0}, "false_discovery=1"),
        ([["a", "b"]], {"item": "product"}, 'no column "product"'),
        ([["a", None]], {}, 'Column "item": 1 values are missing'),
    ],
)
def test_bad_input(baskets, options, message):
    with pytest.raises(InputError, match=message):
        basket_rules(long_form(baskets), **options)
