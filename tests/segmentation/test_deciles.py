"""Decile reports: against sums by hand, SQL's NTILE and counting one customer after another."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib import tables
from crmlib.errors import InputError
from crmlib.segmentation.customer_totals import customer_totals
from crmlib.segmentation.deciles import deciles, purchase_deciles, tile_of_rank


def customers(profit, revenue=None):
    data = {"customer_id": [f"C{k:04}" for k in range(len(profit))], "profit": profit}
    if revenue is not None:
        data["revenue"] = revenue
    return pd.DataFrame(data)


@pytest.fixture(scope="module")
def example():
    source = tables.read("data/transactions.csv", kind="transactions")
    return customer_totals(source, cost="cost", order="order_id").table


def test_deciles_of_the_example_are_those_of_pandas(example):
    report = deciles(example)
    ranked = example.sort_values(["profit", "customer_id"], ascending=[False, True])
    group = np.arange(500) // 50 + 1
    sums = ranked.groupby(group)[["revenue", "profit"]].sum()
    assert report.table["customers"].tolist() == [50] * 10
    for name in ("revenue", "profit"):
        assert report.table[name].to_numpy() == pytest.approx(sums[name].to_numpy())
        share = sums[name].cumsum() / sums[name].sum()
        assert report.table[f"{name}_cumulative_share"].to_numpy() == pytest.approx(share)
    assert report.table["lowest"].tolist() == ranked["profit"].to_numpy()[49::50].tolist()
    assert report.customers["customer_id"].tolist() == ranked["customer_id"].tolist()
    assert report.best_fifth["estimate"] == pytest.approx(
        report.table["profit_cumulative_share"].iloc[1]
    )
    assert report.gini["low"] < report.gini["estimate"] < report.gini["high"]
    assert report.gini["n"] == 500


def test_any_money_can_rank(example):
    forecast = example[["customer_id"]].assign(clp=np.arange(500.0))
    report = deciles(forecast, by="clp")
    assert report.table["highest"].iloc[0] == 499
    assert "clp_share" in report.table
    assert "revenue" not in report.table


@given(st.integers(0, 60), st.integers(1, 12))
def test_tiles_are_those_of_sql(n, tiles):
    found = tile_of_rank(n, tiles)
    sizes = np.bincount(found, minlength=tiles + 1)[1:]
    assert sizes.sum() == n
    assert sizes.max() - sizes.min() <= 1
    assert (np.diff(sizes) <= 0).all()
    assert (np.diff(found) >= 0).all()


def test_ties_are_put_in_order_of_customer_id_whatever_the_order_of_rows():
    data = customers([5.0] * 15 + [1.0] * 10)
    mixed = data.sample(frac=1, random_state=1)
    assert deciles(mixed).customers.equals(deciles(data).customers)
    assert deciles(data).customers["customer_id"].is_monotonic_increasing
    assert "with the same profit" in deciles(data).notes[0]


def test_all_equal_customers():
    report = deciles(customers([3.0] * 40))
    assert report.table["profit_share"].tolist() == pytest.approx([0.1] * 10)
    assert report.gini["estimate"] == 0
    assert report.best_fifth["estimate"] == pytest.approx(0.2)
    assert report.notes == (
        "All customers have the same profit: deciles are in order of customer_id.",
    )
    tenths = purchase_deciles(customers([3.0] * 40)).table
    assert tenths["customers"].tolist() == [4] * 10


def test_one_customer():
    report = deciles(customers([7.0]))
    assert report.table[["decile", "customers", "profit_share"]].values.tolist() == [[1, 1, 1]]
    assert report.measures[["low", "high"]].isna().all(axis=None)
    assert np.isnan(report.gini["estimate"])
    assert report.notes[0] == "There is only 1 customer: it stands for a decile."
    tenths = purchase_deciles(customers([7.0])).table
    assert tenths["customers"].tolist() == [1] + [0] * 9
    assert tenths["cumulative_customer_share"].tolist() == [1.0] * 10
    assert tenths["smallest"].isna().tolist() == [False] + [True] * 9


def test_losses_are_told_and_shares_go_above_one():
    report = deciles(customers([100.0] * 10 + [-20.0] * 10, revenue=[50.0] * 20))
    assert report.below_zero == 10
    assert report.losses == -200
    cumulative = report.table["profit_cumulative_share"].tolist()
    assert cumulative == pytest.approx([0.25, 0.5, 0.75, 1, 1.25, 1.2, 1.15, 1.1, 1.05, 1])
    assert any("10 customers below zero" in note for note in report.notes)
    assert 0 <= report.gini["estimate"] <= 1


def test_a_total_below_zero_has_no_shares():
    report = deciles(customers([10.0] * 5 + [-20.0] * 15))
    assert report.table["profit_share"].isna().all()
    assert report.table["profit"].sum() == -250
    assert report.lorenz["share"].isna().all()
    assert any("no profit above zero" in note for note in report.notes)
    assert not any("more than 1" in note for note in report.notes)
    assert any("15 customers below zero: the Gini" in note for note in report.notes)
    tenths = purchase_deciles(customers([10.0] * 5 + [-20.0] * 15))
    assert (tenths.total, tenths.beyond, tenths.losses) == (50, 15, -300)
    assert tenths.table["cumulative_customers"].tolist() == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]


def test_nobody_brings_anything():
    found = purchase_deciles(customers([0.0] * 12 + [-1.0]))
    assert found.table.empty
    assert list(found.table) == list(purchase_deciles(customers([1.0])).table)
    assert found.beyond == 13


@settings(max_examples=40)
@given(st.lists(st.integers(-50, 5000), min_size=1, max_size=60))
def test_purchase_deciles_count_one_customer_after_another(cents):
    found = purchase_deciles(customers([float(c) for c in cents]))
    brings = sorted((c for c in cents if c > 0), reverse=True)
    for row in found.table.itertuples():
        enough = next(
            k for k in range(1, len(brings) + 1) if 10 * sum(brings[:k]) >= row.tenth * sum(brings)
        )
        assert row.cumulative_customers == enough
    assert found.beyond == len(cents) - len(brings)
    assert found.table["customers"].sum() == len(brings)


def test_purchase_deciles_of_sales_and_profit(example):
    for by in ("revenue", "profit"):
        found = purchase_deciles(example, by)
        assert found.table["customers"].sum() == 500
        money = np.sort(example[by])[::-1]
        half = found.table["cumulative_customers"].iloc[4]
        assert money[: half - 1].sum() < 0.5 * money.sum() <= money[:half].sum()


def test_without_profit_the_way_out_is_told(example):
    with pytest.raises(InputError, match=r'no column "profit".*margin_rate.*by="revenue"'):
        deciles(example.drop(columns="profit"))
    report = deciles(example.drop(columns="profit"), by="revenue")
    assert list(report.table)[2:5] == ["revenue", "revenue_share", "revenue_cumulative_share"]


@pytest.mark.parametrize("report", [deciles, purchase_deciles])
@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (lambda d: d.iloc[:0], "no customers"),
        (lambda d: d.assign(profit=[1.0, np.nan, np.inf]), "2 values missing or infinite; rows 1"),
        (lambda d: d.assign(profit=["1", "x", "2"]), "must hold money"),
        (lambda d: d.assign(customer_id=["A", "B", "A"]), "'A' stands there more than once"),
        (lambda d: d.assign(customer_id=["A", None, "B"]), '"customer_id": 1 value missing'),
        (lambda d: d.drop(columns="customer_id"), 'no column "customer_id"'),
        (lambda d: d.assign(customer_id=[1, "A", 2]), '"customer_id" mixes numbers and text'),
    ],
)
def test_faults_are_told(report, fault, message):
    with pytest.raises(InputError, match=message):
        report(fault(customers([1.0, 2.0, 3.0])))


@pytest.mark.parametrize("name", ["decile", "mean", "customers", "revenue_share"])
def test_money_may_not_be_called_as_a_column_of_the_report(name):
    data = customers([1.0, 2.0], revenue=1.0).rename(columns={"profit": name})
    with pytest.raises(InputError, match=f'by="{name}".*Rename'):
        deciles(data, by=name)


def test_categories_are_customers_in_their_own_order():
    data = customers([1.0, 1.0])
    ids = data["customer_id"].astype("category").cat.reorder_categories(["C0001", "C0000"])
    assert deciles(data.assign(customer_id=ids)).customers["customer_id"].tolist() == [
        "C0000",
        "C0001",
    ]


def test_confidence_is_a_fraction():
    with pytest.raises(InputError, match=r"confidence=95 is not a fraction.*0\.95"):
        deciles(customers([1.0, 2.0]), confidence=95)


@pytest.mark.slow
def test_cdnow_has_the_share_of_sales_its_own_sums_give(shared):
    source = tables.read(
        str(shared / "data" / "cdnow_master.txt"),
        kind="transactions",
        columns={"amount": "dollar_value"},
    )
    totals = customer_totals(source).table
    report = deciles(totals, by="revenue")
    ranked = np.sort(totals["revenue"])[::-1]
    assert report.best_fifth["estimate"] == pytest.approx(
        ranked[: len(ranked) // 5].sum() / ranked.sum()
    )
    assert report.table["customers"].sum() == 23_570
