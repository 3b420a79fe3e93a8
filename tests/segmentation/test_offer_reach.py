"""Whom and what a plan of offers looks at: counts and days told by hand."""

import pandas as pd
import pytest

from crmlib import tables
from crmlib.errors import InputError
from crmlib.segmentation import offer_reach as module
from crmlib.segmentation.basket_rules import basket_rules
from crmlib.segmentation.offer_reach import check_columns, offer_reach, refuse_no_rules

ROWS = pd.DataFrame(
    {
        "customer_id": ["a", "a", "b", "b", "c", "c"],
        "date": pd.to_datetime(
            ["2024-01-01", "2024-04-01", "2024-01-02", "2024-03-30", "2024-01-01", "2024-06-30"]
        ),
        "amount": [5.0, 5, 5, -5, 5, 5],
        "product_line": ["x", "y", "x", "x", "x", "z"],
    }
)


def test_who_is_silent_gets_no_offer_and_a_return_is_no_purchase():
    reach = offer_reach(ROWS, silent_days=90)
    # a: 1 April to 30 June is 90 days. b: its return in March does not count.
    assert reach.customers["silent_days"].tolist() == [90, 180, 0]
    assert reach.customers["may_get"].tolist() == [True, False, True]
    assert reach.left_out == ("1 customer silent for more than 90 days",)
    gains = pd.DataFrame({"customer_id": ["b", "a", "b", "c"], "gain": [1, 2, 3, 4]})
    assert reach.of_customers(gains)["gain"].tolist() == [2, 4]
    assert offer_reach(ROWS, silent_days=None).left_out == ()
    assert offer_reach(ROWS, silent_days=0, as_of="2024-04-01").left_out == (
        "2 customers silent for more than 0 days",
    )


def test_the_items_bought_most_are_looked_at():
    reach = offer_reach(ROWS, most_items=2, silent_days=None)
    # x in 3 purchases; y and z in one each, the tie by name.
    assert set(tables.as_frame(reach.purchases)["product_line"]) == {"x", "y"}
    assert reach.left_out == ("1 item of 3, bought least (20.0% of purchases)",)
    assert (reach.items, reach.n_items) == (2, 3)


@pytest.mark.parametrize(
    ("rows", "given", "words"),
    [
        (ROWS.assign(amount=-1.0), {}, "no purchase: no amount is above zero"),
        (
            ROWS.assign(product_line=pd.Series([None] * 6, dtype=str)),
            {},
            "no purchase with a value",
        ),
        (ROWS, {"as_of": "2024-12-31"}, "None of the 3 customers bought anything in the last 90"),
        (ROWS, {"most_items": 0}, "most_items=0"),
        (ROWS, {"silent_days": -1}, "silent_days=-1"),
    ],
)
def test_where_nobody_can_get_anything_it_says_why(rows, given, words):
    with pytest.raises(InputError, match=words):
        offer_reach(rows, **given)


def test_too_many_pairs_are_refused_with_what_would_do(monkeypatch):
    monkeypatch.setattr(module, "MOST_PAIRS", 7)
    with pytest.raises(InputError, match=r"3 customers times 3 items .* Give most_items=2"):
        offer_reach(ROWS)


def test_missing_columns_are_named_with_the_choices_of_the_command_line():
    check_columns(ROWS, item="product_line", order=None, margin_rate=0.3)
    with pytest.raises(InputError) as told:
        check_columns(ROWS, item="line", order="order_id", margin_rate=None)
    for words in ("no column line, order_id, cost", "item= ", "order=none", "margin_rate= "):
        assert words in str(told.value)


def test_baskets_without_a_rule_have_nothing_to_offer():
    rows = pd.DataFrame({"basket_id": [1, 1, 2, 3], "item": ["a", "b", "a", "b"]})
    with pytest.raises(InputError, match=r"No rule was found .*3 baskets with 2 different items"):
        refuse_no_rules(basket_rules(rows))
    with pytest.raises(InputError, match="in the half of the baskets"):
        refuse_no_rules(basket_rules(rows), half=True)
