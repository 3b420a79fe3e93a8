"""How customers buy.

Oracles: features counted by hand from a few rows, and with pandas from the example company's.
"""

import numpy as np
import pandas as pd
import pytest

from crmlib import tables
from crmlib.errors import InputError
from crmlib.segmentation.behaviour_features import LARGEST_LINES, behaviour_features

ROWS = [
    # customer, date, amount, order, discount, line
    ("A", "2024-01-10", 100.0, "1", 0.0, "paper"),
    ("A", "2024-01-10", 50.0, "1", 0.1, "toner"),
    ("A", "2024-04-02", 250.0, "2", None, "paper"),
    ("A", "2024-04-20", -40.0, "2", 0.0, "paper"),
    ("B", "2024-03-01", 10.0, "3", 0.2, None),
    ("C", "2024-02-01", -5.0, "4", 0.0, "paper"),
]
COLUMNS = ["customer_id", "date", "amount", "order_id", "discount", "product_line"]
NAMES = {"order": "order_id", "discount": "discount", "item": "product_line"}


def made(rows=ROWS):
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.assign(date=pd.to_datetime(table["date"]))


def test_features_counted_by_hand():
    found = behaviour_features(made(), as_of="2024-04-30", **NAMES)
    a, b = found.table.to_dict("records")
    assert a == pytest.approx(
        {
            "customer_id": "A",
            "recency": 28,
            "tenure": 111,
            "frequency": 2,
            "monetary": 360.0,
            "order_value": 200.0,
            "orders_per_active_month": 1.0,
            "revenue_per_active_month": 200.0,
            "quiet_share": 0.5,  # February and March of January to April
            "returned_share": 0.1,
            "discounted_share": 0.125,
            "lines": 2,
            "paper_share": 0.875,
            "toner_share": 0.125,
        }
    )
    assert b["quiet_share"] == 0.0
    assert b["discounted_share"] == 1.0
    assert (b["lines"], b["paper_share"], b["toner_share"]) == (0, 0.0, 0.0)
    assert found.without_purchase == ("C",)
    assert found.features["feature"].tolist() == list(found.table.columns[1:])
    assert found.features.notna().all(axis=None)


def test_days_before_and_after_do_not_count():
    found = behaviour_features(made(), since="2024-03-01", as_of="2024-04-10", **NAMES)
    a, b = found.table.to_dict("records")
    assert (a["frequency"], a["monetary"], a["recency"], a["tenure"]) == (1, 250.0, 8, 8)
    assert (b["frequency"], b["recency"]) == (1, 40)


def test_what_is_not_given_is_left_out():
    found = behaviour_features(made())
    assert "discounted_share" not in found.table
    assert "lines" not in found.table
    assert found.table["frequency"].tolist() == [3, 1]


def test_the_example_company_counted_with_pandas():
    found = behaviour_features(tables.read("data/transactions.csv", kind="transactions"), **NAMES)
    rows = pd.read_csv("data/transactions.csv", parse_dates=["date"])
    months = rows["date"].dt.to_period("M")
    active = months.groupby(rows["customer_id"]).nunique()
    paid = rows.groupby("customer_id")["amount"].sum()
    table = found.table.set_index("customer_id")
    assert len(table) == 500
    assert np.allclose(table["revenue_per_active_month"], paid / active)
    orders = rows.groupby("customer_id")["order_id"].nunique()
    assert np.allclose(table["order_value"], paid / orders)
    discounted = rows[rows["discount"] > 0].groupby("customer_id")["amount"].sum()
    assert np.allclose(
        table["discounted_share"], (discounted / paid).reindex(table.index).fillna(0)
    )
    lines = [name for name in table if name.endswith("_share")][-6:]
    assert np.allclose(table[lines].sum(axis=1), 1)


def test_many_lines_are_added_up():
    rows = [("A", "2024-01-01", float(100 - i), "1", 0.0, f"L{i}") for i in range(20)]
    table = behaviour_features(made(rows), **NAMES).table
    shares = [name for name in table if name.endswith("_share") and name.startswith(("L", "other"))]
    assert len(shares) == LARGEST_LINES + 1
    assert table[shares].sum(axis=1).item() == pytest.approx(1)
    assert table["other_share"].item() == pytest.approx(sum(100 - i for i in range(12, 20)) / 1810)


def test_a_line_with_the_name_of_a_feature_is_refused():
    rows = [("A", "2024-01-01", 5.0, "1", 0.0, "quiet")]
    with pytest.raises(InputError, match='product line is called "quiet"'):
        behaviour_features(made(rows), **NAMES)


def test_returns_alone_are_no_behaviour():
    with pytest.raises(InputError, match="No customer has a purchase"):
        behaviour_features(made(ROWS[-1:]), **NAMES)
    with pytest.raises(InputError, match="no column nowhere"):
        behaviour_features(made(), discount="nowhere")
