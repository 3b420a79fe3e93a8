"""Summaries of purchases: small tables counted by hand, and the sample its authors published."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from crmlib import tables
from crmlib.clp.purchases import counts_of, daily_sums, purchase_summary, summarise
from crmlib.errors import InputError

ROWS = [
    # a: two lines on one day, a day later on, a refund, a free order
    ("a", "2024-01-01", 100.0, 60.0),
    ("a", "2024-01-01", 50.0, 30.0),
    ("a", "2024-01-15", 80.0, 50.0),
    ("a", "2024-01-20", -30.0, -10.0),
    ("a", "2024-02-12", 0.0, 5.0),
    # b: one purchase; one taken back on its day
    ("b", "2024-01-08", 40.0, 20.0),
    ("b", "2024-01-09", 25.0, 12.0),
    ("b", "2024-01-09", -25.0, -12.0),
    # c: a refund only
    ("c", "2024-01-10", -10.0, -6.0),
    # d: first seen on the last day
    ("d", "2024-02-26", 10.0, 4.0),
]
SMALL = pd.DataFrame(ROWS, columns=["customer_id", "date", "amount", "cost"])
SMALL["date"] = pd.to_datetime(SMALL["date"])


def test_a_small_table_counted_by_hand():
    summary = purchase_summary(SMALL, cost="cost")
    assert summary.observed_until == dt.date(2024, 2, 26)
    table = summary.table.set_index("customer_id")
    assert list(table.index) == ["a", "b", "d"]
    a, b, d = (table.loc[customer] for customer in "abd")
    assert [a["frequency"], a["recency"], a["T"]] == [2, 6.0, 8.0]
    assert [a["monetary_value"], a["revenue"], a["refunds"]] == [40.0, 230.0, -30.0]
    assert a["profit"] == 60 + 30 - 20 - 5
    assert a["margin"] == pytest.approx(65 / 230)
    assert a["first_day"] == pd.Timestamp("2024-01-01")
    assert [b["frequency"], b["recency"], b["T"], b["purchases"]] == [0, 0.0, 7.0, 1]
    assert np.isnan(b["monetary_value"])
    assert [b["revenue"], b["profit"]] == [40.0, 20.0]
    assert [d["frequency"], d["T"]] == [0, 0.0]


def test_what_was_not_counted_is_told():
    told = " ".join(purchase_summary(SMALL, cost="cost", observed_until="2024-02-25").notes)
    assert "more was refunded than bought: 2, 40.00 in all" in told
    assert "something for nothing (amount 0): 1;" in told
    assert "without a purchase, who are left out: 1." in told
    assert "after 2024-02-25: purchase days of customers 1, revenue 10.00." in told


def test_only_what_had_happened_by_the_day_counts():
    early = purchase_summary(SMALL, cost="cost", observed_until="2024-01-14")
    by_then = SMALL[SMALL["date"] <= "2024-01-14"]
    cut = purchase_summary(by_then, cost="cost", observed_until="2024-01-14")
    pd.testing.assert_frame_equal(early.table, cut.table)
    assert early.table["frequency"].tolist() == [0, 0]


def test_purchases_times_spend_times_margin_is_the_profit():
    table = purchase_summary(SMALL, cost="cost").table
    spend = table["revenue"] / table["purchases"]
    np.testing.assert_allclose(table["purchases"] * spend * table["margin"], table["profit"])


def test_profit_besides_the_sales_is_added_and_makes_no_purchase():
    other = pd.DataFrame(
        {
            "customer_id": ["a", "a", "e"],
            "date": ["2024-01-15", "2023-12-01", "2024-01-01"],
            "profit": [-7.25, -1.0, -9.0],
        }
    )
    before = purchase_summary(SMALL, cost="cost").table
    after = purchase_summary(SMALL, cost="cost", other_profit=other).table
    same = ["customer_id", "frequency", "recency", "T", "monetary_value", "first_day", "revenue"]
    pd.testing.assert_frame_equal(after[same], before[same])
    assert (after["profit"] - before["profit"]).round(9).tolist() == [-8.25, 0.0, 0.0]
    assert after["other_profit"].tolist() == [-8.25, 0.0, 0.0]
    assert before["other_profit"].tolist() == [0.0, 0.0, 0.0]
    pd.testing.assert_series_equal(after["margin"], before["margin"])
    sales = after["purchases"] * (after["revenue"] / after["purchases"]) * after["margin"]
    np.testing.assert_allclose(sales + after["other_profit"], after["profit"])
    daily = daily_sums(SMALL, cost="cost", other_profit=other)
    assert daily["profit"].sum() == pytest.approx(
        SMALL["amount"].sum() - SMALL["cost"].sum() - 17.25
    )
    keys = pd.MultiIndex.from_frame(daily[["customer_id", "day"]])
    assert keys.is_monotonic_increasing
    assert keys.is_unique


def test_a_margin_rate_instead_of_costs():
    daily = daily_sums(SMALL, margin_rate=0.25)
    np.testing.assert_allclose(daily["profit"], daily["revenue"] / 4)


def test_an_ibis_table_gives_the_same():
    ours = purchase_summary(tables.as_expression(SMALL), cost="cost").table
    pd.testing.assert_frame_equal(ours, purchase_summary(SMALL, cost="cost").table)


def test_numbers_for_customers_and_columns_of_other_names():
    renamed = SMALL.assign(customer_id=[1, 1, 1, 1, 1, 2, 2, 2, 3, 4])
    renamed.columns = ["who", "when", "paid", "spent"]
    table = purchase_summary(
        renamed, customer="who", date="when", amount="paid", cost="spent"
    ).table
    assert table["customer_id"].tolist() == [1, 2, 4]
    other = pd.DataFrame({"customer_id": ["1"], "date": ["2024-01-01"], "profit": [1.0]})
    with pytest.raises(InputError, match="Make both text"):
        purchase_summary(
            renamed,
            customer="who",
            date="when",
            amount="paid",
            cost="spent",
            other_profit=other,
        )


@pytest.mark.parametrize(
    ("change", "arguments", "words"),
    [
        ({}, {}, "Give either cost"),
        ({}, {"margin_rate": 30}, "Did you mean 0.3"),
        ({}, {"cost": "price"}, "no column price"),
        ({"amount": -5.0}, {"cost": "cost"}, "has no purchase"),
        ({"amount": None}, {"cost": "cost"}, "no value in at least one"),
        ({"date": pd.Timestamp("2999-01-01")}, {"cost": "cost"}, "still to come"),
        ({}, {"cost": "cost", "observed_until": "2023-01-01"}, "Nobody bought anything up to"),
        ({}, {"cost": "cost", "observed_until": "1.1.2024"}, "write the day as"),
        ({}, {"cost": "cost", "observed_until": "2099-01-01"}, "which is still to come"),
    ],
)
def test_tables_that_cannot_be_summarised_are_refused(change, arguments, words):
    with pytest.raises(InputError, match=words):
        purchase_summary(SMALL.assign(**change).astype({"amount": float}), **arguments)


def test_a_year_without_a_purchase_is_refused():
    late = SMALL.replace({"date": {pd.Timestamp("2024-01-01"): pd.Timestamp("2022-01-01")}})
    with pytest.raises(InputError, match="more than a year"):
        purchase_summary(late, cost="cost")


def test_the_summary_of_the_cdnow_sample_is_the_published_one(cdnow_sample):
    """Sums of lifetimes 0.11.3: summary_data_from_transaction_data, freq="D", to 1997-09-30."""
    summary = purchase_summary(cdnow_sample, margin_rate=0.3, observed_until="1997-09-30")
    table = summary.table
    assert len(table) == 2357
    assert table["frequency"].sum() == 2457
    assert (table["recency"] * 7).sum() == pytest.approx(112_949)
    assert (table["T"] * 7).sum() == pytest.approx(539_779)
    assert table["monetary_value"].sum() == pytest.approx(33_183.643767, abs=1e-6)
    # Customer 1516 of Fader and Hardie: x = 26, t_x = 30.857, T = 31.
    heaviest = table.loc[table["frequency"] == 26, ["recency", "T"]].round(3)
    assert heaviest.to_numpy().tolist() == [[30.857, 31.0]]
    assert any("purchase days of customers 1,882" in note for note in summary.notes)


def test_daily_sums_can_be_summarised_at_any_day(cdnow_sample):
    daily = daily_sums(cdnow_sample, margin_rate=0.3)
    day = dt.date(1997, 6, 30)
    direct = purchase_summary(cdnow_sample, margin_rate=0.3, observed_until=day)
    pd.testing.assert_frame_equal(summarise(daily, day).table, direct.table)


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("frequency", 1.5, "whole number"),
        ("frequency", -1.0, "whole number"),
        ("recency", 12.0, "between 0 and T"),
        ("recency", 0.0, "above 0 elsewhere"),
        ("T", np.nan, "between 0 and T"),
        ("T", np.inf, "T must be a number"),
    ],
)
def test_summaries_that_cannot_be_are_refused(column, value, words):
    table = pd.DataFrame({"frequency": [0.0, 2.0], "recency": [0.0, 5.0], "T": [9.0, 9.0]})
    x, recency, T = counts_of(table)
    assert [x.tolist(), recency.tolist(), T.tolist()] == [[0, 2], [0, 5], [9, 9]]
    table.loc[1, column] = value
    with pytest.raises(InputError, match=f"{words}.*row 1"):
        counts_of(table)
