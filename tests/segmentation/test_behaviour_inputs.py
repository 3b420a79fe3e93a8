"""What the behaviour report makes segments of.

Oracle: tables of which the answer is plain.
"""

import pandas as pd
import pytest

from crmlib.errors import InputError
from crmlib.segmentation.behaviour_inputs import (
    OF_THE_EXAMPLE,
    attributes_of,
    check_parameters,
    made_from,
    segment_basis,
)

GOOD = {
    "margin_rate": None,
    "window": None,
    "least_orders": None,
    "most_segments": 6,
    "least_customers": 30,
    "least_profit_share": 0.05,
    "max_depth": 3,
    "confidence": 0.95,
}


def made(orders):
    n = len(orders)
    return pd.DataFrame(
        {
            "customer_id": [f"C{i}" for i in range(n)],
            "recency": range(n),
            "frequency": orders,
            "order_value": [10.0 + i for i in range(n)],
            "orders_per_active_month": [1.0 + i % 3 for i in range(n)],
            "discounted_share": 0.0,
        }
    )


def test_habits_are_looked_at_where_half_have_ten_orders():
    basis = segment_basis(made([12] * 40 + [3] * 20), None, None)
    assert basis.features == ("order_value", "orders_per_active_month")
    assert (basis.least_orders, len(basis.customers), len(basis.few)) == (10, 40, 20)
    assert "among 40 customers with 10 orders or more" in basis.note
    assert "Left out, being the same for all: discounted share." in basis.note


def test_else_what_one_purchase_tells_of_all():
    basis = segment_basis(made([12] * 20 + [1] * 40), None, None)
    assert basis.features == ("recency", "frequency", "order_value")
    assert (basis.least_orders, len(basis.few)) == (1, 0)


def test_what_is_asked_for_is_taken():
    basis = segment_basis(made([12] * 60), ["recency"], 5)
    assert basis.features == ("recency",)
    assert basis.least_orders == 5


@pytest.mark.parametrize(
    ("orders", "features", "least", "words"),
    [
        ([1] * 5, None, None, "5 customers of 5 with 1 or more orders: too few"),
        ([1] * 60, None, 10, "0 customers of 60 with 10 or more"),
        ([1] * 60, ["height"], None, "there is no height. Choose from recency, frequency"),
        ([1] * 60, ["orders_per_active_month"], None, "60 customers come in 3 ways only"),
        ([1] * 60, ["discounted_share"], None, "All 60 customers are alike in discounted_share"),
    ],
)
def test_what_cannot_be_looked_at_is_told(orders, features, least, words):
    with pytest.raises(InputError, match=words):
        segment_basis(made(orders), features, least)


def test_features_that_follow_by_arithmetic_are_named():
    assert made_from(["order_value", "recency"]) == [
        "order_value", "recency", "monetary", "revenue_per_active_month",
    ]  # fmt: skip


def test_only_the_attributes_of_the_example_are_dropped_and_only_without_a_table():
    table = pd.DataFrame({"customer_id": ["A"], "region": ["N"], "branch": ["B"]})
    assert attributes_of(["branch", "region", "branch"], table) == ["branch", "region"]
    assert attributes_of(OF_THE_EXAMPLE, None) == attributes_of([], None) == []
    with pytest.raises(InputError, match=r"has no regoin. It has region, branch\."):
        attributes_of(["regoin"], table)
    with pytest.raises(InputError, match="has no customer_type, acquisition_channel"):
        attributes_of(OF_THE_EXAMPLE, table)
    with pytest.raises(InputError, match="has no customer_id"):
        attributes_of(["customer_id"], table)
    with pytest.raises(InputError, match="attributes=region: no table of customers"):
        attributes_of(["region"], None)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"window": 0}, "window=0"),
        ({"least_orders": 0}, "least_orders=0"),
        ({"most_segments": 1}, "at least 2 and at most 9"),
        ({"most_segments": 40}, "most_segments=40"),
        ({"least_customers": 0}, "least_customers=0"),
        ({"least_profit_share": 5}, "Did you mean 0.05"),
        ({"max_depth": 9}, "at most 5"),
        ({"confidence": 95}, "Did you mean 0.95"),
        ({"margin_rate": 30}, "Did you mean 0.3"),
        ({"margin_rate": -0.1}, "margin_rate=-0.1"),
    ],
)
def test_parameters_that_cannot_be_used_are_told(given, words):
    check_parameters(**GOOD)
    check_parameters(**GOOD | {"margin_rate": 1.0})
    with pytest.raises(InputError, match=words):
        check_parameters(**GOOD | given)
