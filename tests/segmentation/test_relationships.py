"""Price-only buyers: shares by hand, statsmodels' Wilson interval and the truth of the example."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from crmlib import tables
from crmlib.errors import InputError
from crmlib.segmentation.relationships import relationship_or_transaction


def orders(name, n, at_discount, amount=100.0, profit=20.0):
    return pd.DataFrame(
        {
            "customer_id": name,
            "date": pd.date_range("2025-01-01", periods=n),
            "amount": amount,
            "cost": amount - profit,
            "discount": np.where(np.arange(n) < at_discount, 0.2, 0.0),
            "order_id": [f"{name}{k}" for k in range(n)],
        }
    )


@pytest.fixture
def four():
    return pd.concat(
        [
            orders("cheap", 30, 27, profit=2.0),
            orders("dear", 30, 27, profit=50.0),
            orders("full", 30, 2, profit=2.0),
            orders("new", 4, 3, profit=2.0),
        ],
        ignore_index=True,
    )


def test_classes_and_shares_by_hand(four):
    found = relationship_or_transaction(four, cost="cost", order="order_id")
    table = found.customers.set_index("customer_id")
    assert table["class"].to_dict() == {
        "cheap": "price only",
        "dear": "relationship",
        "full": "relationship",
        "new": "cannot say",
    }
    assert table["discount_share"].tolist() == pytest.approx([0.9, 0.9, 2 / 30, 0.75])
    assert table["contribution_margin"].tolist() == [60, 1500, 60, 8]
    # The cut is what the average customer contributed.
    assert found.margin_cut == pytest.approx((60 + 1500 + 60 + 8) / 4)
    assert f"{found.margin_cut:,.2f}" in found.rule
    assert "50 %" in found.rule
    classes = found.classes.set_index("class")
    assert classes["customers"].to_dict() == {"relationship": 2, "price only": 1, "cannot say": 1}
    assert classes.loc["relationship", "discount_share"] == pytest.approx(29 / 60)
    assert classes["contribution_margin"].sum() == 1628


def test_the_interval_is_wilsons_where_orders_are_equal(four):
    table = relationship_or_transaction(four, cost="cost").customers.set_index("customer_id")
    for name, count, n in (("cheap", 27, 30), ("full", 2, 30), ("new", 3, 4)):
        low, high = proportion_confint(count, n, method="wilson")
        assert table.loc[name, ["discount_low", "discount_high"]].tolist() == pytest.approx(
            [low, high], abs=1e-6
        )


def test_one_large_order_counts_for_little_evidence():
    data = orders("A", 30, 30)
    data.loc[0, "amount"] = 1e6
    found = relationship_or_transaction(data, cost="cost", margin_cut=1e9).customers
    assert found["class"].tolist() == ["cannot say"]
    assert found["discount_share"].tolist() == [1.0]


def test_lines_of_an_order_are_one_piece_of_evidence():
    data = orders("A", 30, 30).assign(order_id="one")
    found = relationship_or_transaction(data, cost="cost", order="order_id", margin_cut=1e9)
    assert found.customers["class"].tolist() == ["cannot say"]
    rows = relationship_or_transaction(data, cost="cost", margin_cut=1e9)
    assert rows.customers["class"].tolist() == ["price only"]


def test_returns_and_empty_discounts():
    data = orders("A", 20, 0).assign(discount=np.nan)
    back = orders("B", 3, 3).assign(amount=-50.0, cost=0.0)
    found = relationship_or_transaction(pd.concat([data, back]), cost="cost").customers
    assert found["discount_share"].tolist()[0] == 0
    assert np.isnan(found["discount_share"].iloc[1])
    assert found["class"].tolist() == ["relationship", "cannot say"]
    assert found["reason"].iloc[1] == "no purchase in this time"


def test_only_the_time_asked_for_counts(four):
    found = relationship_or_transaction(four, cost="cost", since="2025-01-28", as_of="2025-01-30")
    assert found.customers["orders"].tolist() == [3, 3, 3]
    assert found.customers["discount_share"].tolist() == [0, 0, 0]


def test_bargain_hunters_of_the_example_are_found():
    source = tables.read("data/transactions.csv", kind="transactions")
    truth = pd.read_csv("data/truth/customers.csv").set_index("customer_id")["segment"]
    found = relationship_or_transaction(source, cost="cost", order="order_id").customers
    hunter = truth[found["customer_id"]].to_numpy() == "bargain hunter"
    said = found["class"].to_numpy() == "price only"
    assert hunter[said].mean() >= 0.98  # precision
    assert said[hunter].mean() >= 0.45  # recall: the others have too few orders
    many = hunter & (found["orders"] >= 20).to_numpy()
    assert said[many].mean() >= 0.8
    assert not (found["class"].to_numpy()[hunter] == "relationship").any()


def test_customers_all_equal_and_one_customer():
    same = pd.concat([orders(name, 20, 20) for name in "AB"])
    assert (
        relationship_or_transaction(same, cost="cost").customers["class"].tolist()
        == ["relationship"] * 2
    )  # nobody is below the average
    one = relationship_or_transaction(orders("A", 1, 1), cost="cost", margin_cut=100)
    assert one.customers["class"].tolist() == ["cannot say"]


@pytest.mark.parametrize(("n", "amount"), [(6, 1.06), (7, 1.15), (10, 1.21)])
def test_equal_customers_are_at_the_average_whatever_the_last_digit(n, amount):
    rows = pd.concat([orders(f"C{k}", 4, 4, amount=amount, profit=amount) for k in range(n)])
    found = relationship_or_transaction(rows, cost="cost").customers
    assert (found["class"] == "relationship").all()


def test_losses_are_no_relationship_where_the_average_customer_brings_a_loss():
    rows = pd.concat(
        [
            orders("back", 1, 0, amount=-5.0, profit=-5.0),
            orders("worse", 30, 30, profit=-2.0),
            orders("worst", 30, 30, profit=-9.0),
            orders("good", 30, 30, profit=1.0),
        ]
    )
    found = relationship_or_transaction(rows, cost="cost")
    assert found.margin_cut == 0
    assert "no contribution margin above 0" in found.rule
    table = found.customers.set_index("customer_id")
    assert table["class"].to_dict() == {
        "back": "cannot say",
        "good": "relationship",
        "worse": "price only",
        "worst": "price only",
    }
    assert table.loc["back", "reason"] == "no purchase in this time"
    assert table.loc["worse", "reason"].endswith("contributes no profit")


def test_lines_without_an_order_are_evidence_each():
    data = orders("A", 30, 30).assign(order_id=None)
    found = relationship_or_transaction(data, cost="cost", order="order_id", margin_cut=1e9)
    rows = relationship_or_transaction(data, cost="cost", margin_cut=1e9)
    pd.testing.assert_frame_equal(found.customers, rows.customers)


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        ({}, {}, "either cost"),
        ({}, {"cost": "cost", "discount": "rebate"}, "no column rebate"),
        ({"discount": 20.0}, {"cost": "cost"}, "from 20 to 20. Divide by 100"),
        ({"discount": -0.1}, {"cost": "cost"}, "shares of the list price from 0 to 1"),
        ({"discount": "none"}, {"cost": "cost"}, "which are numbers"),
        ({}, {"cost": "cost", "discount_cut": 50}, r"Did you mean 0\.5"),
        ({}, {"cost": "cost", "margin_cut": float("nan")}, "margin_cut=nan: write an amount"),
        ({}, {"cost": "cost", "margin_cut": -10}, "0 or more"),
    ],
)
def test_faults_are_told(change, arguments, message):
    with pytest.raises(InputError, match=message):
        relationship_or_transaction(orders("A", 5, 2).assign(**change), **arguments)
