"""Kotler's five types: his table cell by cell; margins of lines against sums and a bootstrap."""

import numpy as np
import pandas as pd
import pytest

from crmlib import tables
from crmlib.errors import InputError
from crmlib.segmentation.relationship_type import (
    ACTIONS,
    line_margins,
    relationship_type,
    relationship_types,
)

LIMITS = {"few": 50, "many": 500, "low_margin": 0.10, "high_margin": 0.30}


@pytest.mark.parametrize(
    ("n", "margin", "expected"),
    [
        (500, 0.05, "basic or reactive"),
        (500, 0.10, "reactive"),
        (500, 0.30, "accountable"),
        (51, 0.05, "reactive"),
        (51, 0.2, "accountable"),
        (499, 0.4, "proactive"),
        (50, -0.05, "accountable"),
        (50, 0.2, "proactive"),
        (1, 0.9, "partnership"),
    ],
)
def test_the_table_of_kotler(n, margin, expected):
    found = relationship_type(n, margin, **LIMITS)
    assert found.type == expected
    assert found.action == ACTIONS[expected]
    assert f"{n:,} customer" in found.reason


def test_the_reason_names_the_limits():
    reason = relationship_type(1200, 0.05, **LIMITS).reason
    assert reason == (
        "1,200 customers are many (500 or more): nobody can know each of them; a margin of 5.0 % "
        "is low: it pays for little attention."
    )


def test_a_table_says_what_else_the_interval_allows():
    table = pd.DataFrame(
        {
            "line": ["a", "b", "c", "d"],
            "customers": [10, 100, 1000, 5],
            "margin": [0.5, 0.29, 0.2, np.nan],
            "low": [0.4, 0.25, 0.05, np.nan],
            "high": [0.6, 0.33, 0.35, np.nan],
        }
    )
    found = relationship_types(table, **LIMITS, low="low", high="high")
    assert found["relationship_type"].tolist() == [
        "partnership",
        "accountable",
        "reactive",
        "cannot say",
    ]
    assert found["also_possible"].tolist() == [
        "",
        "proactive",
        "basic or reactive, accountable",
        "",
    ]
    assert relationship_types(table, **LIMITS)["also_possible"].eq("").all()


def test_an_interval_that_passes_over_the_middle_names_it():
    table = pd.DataFrame({"customers": [10], "margin": [0.32], "low": [0.05], "high": [0.6]})
    found = relationship_types(table, **LIMITS, low="low", high="high")
    assert found["also_possible"].tolist() == ["accountable, proactive"]


def test_line_margins_are_sums_over_customers():
    source = tables.read("data/transactions.csv", kind="transactions")
    found = line_margins(source, cost="cost").set_index("product_line")
    frame = source.frame
    sums = frame.groupby("product_line")[["amount", "cost"]].sum()
    expected = (1 - sums["cost"] / sums["amount"])[found.index]
    assert found["margin"].to_numpy() == pytest.approx(expected.to_numpy())
    n = frame.groupby("product_line")["customer_id"].nunique()[found.index]
    assert found["customers"].tolist() == n.tolist()
    assert found["revenue"].is_monotonic_decreasing


def test_the_interval_of_a_margin_is_that_of_a_bootstrap_of_customers():
    random = np.random.default_rng(1)
    n = 300
    revenue = random.lognormal(5, 1, n).round(2)
    data = pd.DataFrame(
        {
            "customer_id": [f"C{k:03}" for k in range(n)],
            "date": pd.Timestamp("2025-05-05"),
            "amount": revenue,
            "cost": (revenue * random.uniform(0.4, 0.9, n)).round(2),
            "product_line": "only",
        }
    )
    found = line_margins(data, cost="cost").iloc[0]
    drawn = random.integers(0, n, (4000, n))
    margins = 1 - data["cost"].to_numpy()[drawn].sum(1) / revenue[drawn].sum(1)
    half = (found["margin_high"] - found["margin_low"]) / 2
    assert half == pytest.approx(1.97 * margins.std(), rel=0.08)


def test_lines_without_name_or_revenue_and_with_one_customer():
    data = pd.DataFrame(
        {
            "customer_id": ["a", "b", "a", "b"],
            "date": pd.Timestamp("2025-05-05"),
            "amount": [10.0, 20.0, -5.0, 4.0],
            "cost": [5.0, 5.0, 0.0, 1.0],
            "product_line": [None, None, "back", "single"],
        }
    )
    found = line_margins(data, cost="cost").set_index("product_line")
    assert found.index.tolist() == ["not given", "single", "back"]
    assert found.loc["not given", "margin"] == pytest.approx(20 / 30)
    assert np.isnan(found.loc["back", "margin"])
    assert found.loc["single", "margin"] == 0.75
    assert np.isnan(found.loc["single", "margin_low"])
    kinds = relationship_types(found.reset_index(), **LIMITS, low="margin_low", high="margin_high")
    assert kinds["relationship_type"].tolist()[2] == "cannot say"


def bought_by(customer_id, **line):
    return pd.DataFrame(
        {"customer_id": list(customer_id), "date": pd.Timestamp("2025-05-05"), "amount": 10.0}
        | {"cost": 5.0}
        | line
    )


def test_a_line_called_not_given_and_rows_without_a_line_are_one():
    found = line_margins(bought_by("aab", product_line=["not given", None, None]), cost="cost")
    assert found[["product_line", "customers", "revenue"]].values.tolist() == [
        ["not given", 2, 30.0]
    ]


def test_lines_that_are_numbers_keep_their_name():
    found = line_margins(bought_by("abb", line=[1, None, 2]), "line", cost="cost")
    assert found["line"].tolist() == ["1", "2", "not given"]


def test_a_column_of_lines_called_as_one_of_the_result_is_refused():
    with pytest.raises(InputError, match='may not be called "revenue"'):
        line_margins(bought_by("ab", revenue="x"), "revenue", cost="cost")


def test_a_margin_rate_is_the_margin_of_every_line():
    data = pd.DataFrame(
        {
            "customer_id": ["a", "b"],
            "date": pd.Timestamp("2025-05-05"),
            "amount": [10.0, 20.0],
            "product_line": "x",
        }
    )
    found = line_margins(data, margin_rate=0.3).iloc[0]
    assert found["margin"] == pytest.approx(0.3)
    assert np.isnan(found["margin_low"])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: relationship_type(10, 0.2, **LIMITS | {"few": 600}), "few below many"),
        (lambda: relationship_type(10, 0.2, **LIMITS | {"low_margin": 30}), "fractions"),
        (lambda: relationship_type(0, 0.2, **LIMITS), "1 or more customers"),
        (lambda: relationship_type(10, 20, **LIMITS), "0.30 for 30 %"),
        (lambda: relationship_type(10.9, 0.2, **LIMITS), "a whole number"),
        (lambda: relationship_type(10, -np.inf, **LIMITS), "0.30 for 30 %"),
        (lambda: types([0, 5], [0.1, 0.2]), "1 customer or more, in whole numbers; row 0"),
        (lambda: types([5, np.inf], [0.1, 0.2]), "in whole numbers; row 1"),
        (lambda: types([5, 10.9], [0.1, 0.2]), "in whole numbers; row 1"),
        (lambda: types([5, 5], [0.1, -np.inf]), '"margin" must hold margins.*; row 1'),
        (lambda: types([5], [0.2], low=[0.3], high=[0.4]), '"low" must hold the lower end'),
        (lambda: types([5], [0.2], low=[0.1], high=[0.15]), '"high" must hold the upper end'),
        (lambda: types([1, 5], ["x", "y"]), "must hold margins"),
    ],
)
def test_faults_are_told(call, message):
    with pytest.raises(InputError, match=message):
        call()


def types(counts, margins, **ends):
    table = pd.DataFrame({"customers": counts, "margin": margins} | ends)
    return relationship_types(table, **LIMITS, **{name: name for name in ends})
