"""Segments held against the five criteria.

Oracles: tables small enough to count by hand, scipy's tests, segments that are only chance, and
the example company, whose true segments differ as its dictionary says.
"""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from crmlib.errors import InputError
from crmlib.segmentation.segment_criteria import segment_criteria

FEATURES = ["order_value", "orders"]


def made(n=400, seed=1):
    """Two segments: large customers, told by their type, and small ones."""
    random = np.random.default_rng(seed)
    large = random.random(n) < 0.25
    kind = np.where(large ^ (random.random(n) < 0.1), "company", "shop")
    return pd.DataFrame(
        {
            "segment": np.where(large, "large", "small"),
            "profit": random.lognormal(np.where(large, 8.0, 5.0), 0.6),
            "order_value": random.lognormal(np.where(large, 6.0, 4.0), 0.5),
            "orders": random.poisson(6, n),
            "customer_type": kind,
            "region": random.choice(["North", "South"], n),
            "before": np.where(large ^ (random.random(n) < 0.03), "large", "small"),
        }
    )


def judged(customers, **given):
    options = {
        "profit": "profit",
        "features": FEATURES,
        "attributes": ["customer_type", "region"],
        "before": "before",
    }
    return segment_criteria(customers, "segment", **options | given)


def verdict(found, segment, criterion):
    rows = found.verdicts.set_index(["segment", "criterion"])
    return rows.loc[(segment, criterion), "verdict"]


def test_good_segments_pass_all_five():
    found = judged(made())
    assert found.verdicts["segment"].tolist() == ["large"] * 5 + ["small"] * 5
    assert (found.verdicts.query("segment == 'large'")["verdict"] == "yes").all()
    assert found.table.columns.tolist() == [
        "segment", "big enough", "relevant", "reachable", "different", "stable",
    ]  # fmt: skip
    assert found.agreement.low > 0.7


def test_numbers_are_those_counted_by_hand():
    customers = made()
    found = judged(customers)
    large = customers["segment"] == "large"
    row = found.sizes.set_index("segment").loc["large"]
    assert row["customers"] == large.sum()
    share = customers.loc[large, "profit"].sum() / customers["profit"].sum()
    assert row["profit_share"] == pytest.approx(share)
    assert row["profit_share_low"] < share < row["profit_share_high"]
    test = found.differences.query("segment == 'large' and feature == 'orders'").iloc[0]
    p = stats.brunnermunzel(customers.loc[large, "orders"], customers.loc[~large, "orders"]).pvalue
    assert test["p_adjusted"] == pytest.approx(min(2 * p, 1))  # the same test from both sides
    companies = customers["customer_type"] == "company"
    reach = found.reach.query("segment == 'large' and value == 'company'").iloc[0]
    assert reach["inside"] == (large & companies).sum()
    assert reach["lift"] == pytest.approx(large[companies].mean() / large.mean())
    stayed = found.staying.set_index("segment").loc["small"]
    small_before = customers["before"] == "small"
    assert stayed["before"] == small_before.sum()
    assert stayed["stayed"] == (small_before & ~large).sum()


@pytest.mark.slow
def test_segments_drawn_by_lot_are_never_different():
    """At 95 % for all intervals together, a false yes is seldom; here none in 10 draws."""
    for seed in range(10):
        customers = made(seed=seed)
        lot = np.random.default_rng(seed).choice(["1", "2", "3"], len(customers))
        found = judged(customers.assign(segment=lot, before=lot[::-1]))
        said = found.verdicts.set_index("criterion")["verdict"]
        for criterion in ("relevant", "reachable", "different", "stable"):
            assert (said[criterion] != "yes").all(), (seed, criterion)


def test_a_feature_that_made_the_segments_is_not_tested():
    found = judged(made(), made_from=["order_value"])
    rows = found.differences.set_index("feature")
    assert rows.loc["order_value", "p_adjusted"].isna().all()
    assert rows.loc["orders", "p_adjusted"].notna().all()
    reason = found.verdicts.query("criterion == 'different'")["reason"].iloc[0]
    assert reason.endswith("which it was made by")


def test_what_was_not_given_cannot_be_said():
    found = segment_criteria(made(), "segment")
    said = found.verdicts.set_index("criterion")
    assert (said.drop("big enough")["verdict"] == "cannot say").all()
    assert (said.loc["big enough", "verdict"] == "yes").all()
    assert "profit was not given" in said.loc["relevant", "reason"].iloc[0]
    assert np.isnan(found.agreement.estimate)


def test_too_small_is_said_with_the_minimum():
    assert verdict(judged(made(), least_customers=150), "large", "big enough") == "no"
    found = judged(made(), least_profit_share=0.5)
    assert verdict(found, "small", "big enough") == "no"
    assert "50% needed" in found.verdicts["reason"].iloc[0]


def test_profit_around_zero_has_no_shares():
    customers = made()
    customers["profit"] -= customers["profit"].mean()
    found = judged(customers)
    assert found.sizes["profit_share"].isna().all()
    assert verdict(found, "large", "big enough") == "cannot say"
    assert verdict(found, "large", "relevant") == "yes"


def test_customers_of_one_kind_differ_in_nothing():
    customers = made().assign(profit=5.0, order_value=1.0, orders=1, customer_type="shop")
    found = judged(customers)
    for criterion in ("relevant", "different"):
        assert verdict(found, "large", criterion) == "cannot say"
    assert found.associations.query("attribute == 'customer_type'")["cramers_v"].isna().all()


def test_a_segment_of_one_and_unknown_attributes():
    customers = made()
    customers["segment"] = np.where(customers.index == 0, "alone", "others")
    customers.loc[::3, "customer_type"] = None
    found = judged(customers, before=None)
    assert verdict(found, "alone", "big enough") == "no"
    assert verdict(found, "alone", "different") == "cannot say"
    assert "not known" in set(found.reach["value"])


def test_numbered_segments_are_told_in_their_order():
    customers = made()
    customers["segment"] = [str(1 + i % 11) for i in range(len(customers))]
    assert judged(customers, before=None).sizes["segment"].tolist() == [
        str(i) for i in range(1, 12)
    ]


@pytest.mark.parametrize(
    ("change", "given", "words"),
    [
        ({"segment": "all"}, {}, "nothing to compare"),
        ({}, {"features": ["height"]}, 'no column "height"'),
        ({}, {"features": ["region"]}, "must hold values of a feature"),
        ({"profit": [np.nan] + [1.0] * 399}, {}, "values are missing; row 0"),
        ({"region": [f"R{i}" for i in range(400)]}, {}, "400 different values"),
        ({"segment": [None] + ["a", "b", "b"] * 133}, {}, "missing"),
        ({}, {"least_profit_share": 5}, "Did you mean 0.05"),
        ({}, {"confidence": 95}, "Did you mean 0.95"),
        ({}, {"least_customers": 0}, "least_customers=0"),
    ],
)
def test_bad_input_ends_with_a_sentence(change, given, words):
    with pytest.raises(InputError, match=words):
        judged(made().assign(**change), **given)


def test_the_example_company_is_judged_as_it_was_made():
    """Key accounts are few and large, bargain hunters buy at a discount; regions do not matter."""
    rows = pd.read_csv("data/transactions.csv")
    rows["profit"] = rows["amount"] - rows["cost"]
    rows["discounted_share"] = (rows["discount"] > 0).astype(float)
    customers = (
        rows.groupby("customer_id")
        .agg(profit=("profit", "sum"), discounted_share=("discounted_share", "mean"))
        .reset_index()
        .merge(pd.read_csv("data/customers.csv"), on="customer_id")
        .merge(pd.read_csv("data/truth/customers.csv")[["customer_id", "segment"]])
    )
    found = segment_criteria(
        customers,
        "segment",
        profit="profit",
        features=["discounted_share"],
        attributes=["region", "customer_type"],
    )
    assert verdict(found, "key account", "relevant") == "yes"
    assert verdict(found, "bargain hunter", "different") == "yes"
    assert (found.associations.query("attribute == 'region'")["low"] == 0).all()
    shops = found.reach.query("segment == 'bargain hunter' and value == 'shop'").iloc[0]
    assert shops["lift_low"] > 1
