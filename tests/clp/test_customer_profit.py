"""Profit of customers after the cost of serving them.

Oracles: a company small enough to work out by hand, plain pandas on the example company, and what
is known of its segments.
"""

import numpy as np
import pandas as pd
import pytest

from crmlib import tables
from crmlib.clp.below_zero import (
    above_usual_summary,
    below_zero,
    cost_choices,
    reason_summary,
    usual_service,
)
from crmlib.clp.costs import activity_costs
from crmlib.clp.customer_profit import customer_profit, profit_steps, whale_curve
from crmlib.errors import InputError
from crmlib.tables import example

DAY = pd.Timestamp("2025-01-01")
SALES = pd.DataFrame(
    [
        ("good", DAY, 1000.0, 700.0),
        ("good", DAY + pd.Timedelta(days=1), 1000.0, 700.0),
        ("fair", DAY, 500.0, 350.0),
        ("small", DAY, 60.0, 42.0),
        ("small", DAY + pd.Timedelta(days=9), 40.0, 28.0),
        ("small", DAY + pd.Timedelta(days=9), -10.0, -7.0),  # a return on a day with a purchase
        ("sender", DAY, 400.0, 280.0),
        ("given", DAY, 300.0, 320.0),
    ],
    columns=["customer_id", "date", "amount", "cost"],
)
DONE = pd.DataFrame(
    [
        ("good", "delivery", 2.0),
        ("fair", "delivery", 1.0),
        ("small", "delivery", 2.0),
        ("sender", "delivery", 1.0),
        ("sender", "returns", 3.0),
        ("courted", "delivery", 1.0),
        ("fair", "returns", 0.5),
    ],
    columns=["customer_id", "activity", "quantity"],
).assign(date=DAY)
# 40 a delivery, 80 a return.
LEDGER = pd.DataFrame(
    [("vans", "delivery", 280.0), ("returns desk", "returns", 280.0), ("rent", None, 100.0)],
    columns=["pool", "activity", "cost"],
)


@pytest.fixture(scope="module")
def costs():
    return activity_costs(DONE, LEDGER)


@pytest.fixture(scope="module")
def profit(costs):
    return customer_profit(SALES, costs, cost="cost")


def test_profit_by_hand(profit):
    table = profit.table.set_index("customer_id")
    assert table["gross_profit"].to_dict() == {
        "good": 600.0,
        "fair": 150.0,
        "courted": 0.0,
        "given": -20.0,
        "small": 27.0,
        "sender": 120.0,
    }
    assert table["cost_to_serve"].to_dict() == {
        "good": 80.0,
        "fair": 80.0,
        "given": 0.0,
        "courted": 40.0,
        "small": 80.0,
        "sender": 280.0,
    }
    assert table["profit"].to_dict() == {
        "good": 520.0,
        "fair": 70.0,
        "given": -20.0,
        "courted": -40.0,
        "small": -53.0,
        "sender": -160.0,
    }
    assert list(table.index) == ["good", "fair", "given", "courted", "small", "sender"]
    assert table["purchases"].to_dict()["small"] == 2
    assert np.isnan(table.loc["courted", "margin"])
    assert table.loc["small", "margin"] == pytest.approx(0.3)
    assert table["share"].sum() == pytest.approx(1.0)
    total = profit.total.iloc[0]
    assert total[["customers", "profit", "below_zero", "loss"]].tolist() == [6, 317.0, 4, 273.0]


def test_margin_rate_stands_in_for_costs(costs):
    table = customer_profit(SALES, costs, margin_rate=0.5).table.set_index("customer_id")
    assert table["profit"].to_dict()["small"] == pytest.approx(0.5 * 90 - 80)


def test_sales_of_years_without_ledger_are_left_out_and_told():
    costs = activity_costs(DONE, LEDGER.assign(year=2025))
    earlier = SALES.assign(date=SALES["date"] - pd.DateOffset(years=1))
    both = customer_profit(pd.concat([SALES, earlier]), costs, cost="cost")
    alone = customer_profit(SALES, costs, cost="cost")
    pd.testing.assert_frame_equal(
        both.table.drop(columns="first_purchase"), alone.table.drop(columns="first_purchase")
    )
    assert set(both.table["first_purchase"].dropna()) == {pd.Timestamp("2024-01-01")}
    assert both.first_day == alone.first_day == DAY
    assert both.last_day == DAY + pd.Timedelta(days=9)
    assert alone.notes("yuan") == []
    assert both.notes("yuan") == [
        "Sales of 2024 are left out, because the ledger has no costs of these years: 8 rows worth "
        "3,290.00 yuan."
    ]


def test_activities_of_another_time_are_refused_or_told():
    earlier = DONE.assign(date=DAY - pd.DateOffset(years=6))
    with pytest.raises(InputError, match=r"from 2019-01-01 to 2019-01-01: no day in common"):
        customer_profit(SALES, activity_costs(earlier, LEDGER), cost="cost")
    later = SALES.assign(date=SALES["date"] + pd.DateOffset(months=3))
    partly = customer_profit(pd.concat([SALES, later]), activity_costs(DONE, LEDGER), cost="cost")
    assert partly.notes("yuan") == [
        "Sales are from 2025-01-01 to 2025-04-10, activities from 2025-01-01 to 2025-01-01: where "
        "one is missing, profits are too high or too low."
    ]


def test_whale_curve_by_hand(profit):
    curve = whale_curve(profit.table)
    assert curve["cumulative_profit"].tolist() == [520.0, 590.0, 570.0, 530.0, 477.0, 317.0]
    assert curve["rank"].tolist() == [1, 2, 3, 4, 5, 6]
    assert curve["customer_share"].iloc[2] == 0.5
    assert curve["profit_share"].max() == pytest.approx(590 / 317)
    loss = whale_curve(profit.table.assign(profit=-1.0))
    assert loss["profit_share"].isna().all()
    assert loss["cumulative_profit"].tolist() == [-1.0, -2.0, -3.0, -4.0, -5.0, -6.0]


def test_reasons_by_hand(profit, costs):
    usual = usual_service(profit, costs)
    # Of good and fair: one delivery a purchase, a median of a quarter return, margin 30 %.
    assert usual["use"].to_dict() == {"delivery": 1.0, "returns": 0.25}
    assert usual["margin"].iloc[0] == pytest.approx(0.3)
    assert usual["customers"].tolist() == [2, 2]
    found = below_zero(profit, costs).set_index("customer_id")
    assert list(found.index) == ["sender", "small", "courted", "given"]
    assert found["reason"].to_dict() == {
        "sender": "returns",
        "small": "purchases too small",
        "courted": "served without buying",
        "given": "sold below cost",
    }
    # Returns as usual: 2.75 fewer at 80 each, which is more than the 160 lost.
    assert found.loc["sender", "gain"] == pytest.approx(220.0)
    assert found["above_usual"].tolist() == ["", "", "", ""]
    assert found.loc["sender", "largest_activity"] == "returns"
    assert found.loc["sender", "largest_cost"] == pytest.approx(240.0)
    # 80 of work for 2 purchases at 30 %: pays from 40 / 0.3 a purchase.
    assert found.loc["small", "break_even_revenue"] == pytest.approx(40 / 0.3)
    assert found["explanation"].to_dict() == {
        "sender": "Returns: 3.00 a purchase, usual 0.25; the difference costs 220, more than the "
        "160 lost.",
        "small": "A purchase is worth 45; at its margin of 30% its work pays from 133.",
        "courted": "Bought nothing; serving it cost 40.",
        "given": "Its goods cost 20 more than it paid for them.",
    }


def test_reasons_are_summed_up(profit, costs):
    why = below_zero(profit, costs)
    assert reason_summary(why)[["reason", "customers", "loss"]].to_numpy().tolist() == [
        ["returns", 1, 160.0],
        ["purchases too small", 1, 53.0],
        ["served without buying", 1, 40.0],
        ["sold below cost", 1, 20.0],
    ]
    assert above_usual_summary(why).to_numpy().tolist() == [["returns", 1, 220.0, 1]]


def test_steps_lead_from_gross_profit_to_what_is_left(costs, profit):
    steps = profit_steps(profit, costs)
    # 877 of gross profit, 280 for each activity, rent of 100.
    assert steps[["step", "amount", "left"]].to_numpy().tolist() == [
        ["gross profit", 877.0, 877.0],
        ["delivery", -280.0, 597.0],
        ["returns", -280.0, 317.0],
        ["profit of customers", 0.0, 317.0],
        ["capacity not used", -0.0, 317.0],
        ["costs without an activity", -100.0, 217.0],
        ["what is left", 0.0, 217.0],
    ]


def test_a_low_margin_is_a_reason_and_what_is_above_usual_is_told_beside_small_purchases(costs):
    cheap = SALES.assign(cost=np.where(SALES["customer_id"] == "fair", 460.0, SALES["cost"]))
    found = below_zero(customer_profit(cheap, costs, cost="cost"), costs).set_index("customer_id")
    fair = found.loc["fair"]  # 8 % margin: 40 earned, 80 spent; at 30 % 110 more
    assert [fair["reason"], fair["gain"]] == ["low margin", pytest.approx(110.0)]
    assert fair["explanation"].startswith("Margin 8.0%, usual 30.0%; the difference costs 110")
    tiny = pd.concat([SALES, SALES.iloc[[6]].assign(customer_id="tiny", amount=10, cost=7)])
    more = pd.concat([DONE, DONE.iloc[[2]].assign(customer_id="tiny", quantity=4.0)])
    # Now 11 deliveries: 4 of them for tiny, 3 more than usual, but usual ones would not pay either.
    dear = LEDGER.assign(cost=[440.0, 280.0, 100.0])
    costs = activity_costs(more, dear)
    tiny = below_zero(customer_profit(tiny, costs, cost="cost"), costs).set_index("customer_id")
    assert tiny.loc["tiny", ["reason", "above_usual", "gain"]].tolist() == [
        "purchases too small",
        "delivery",
        120.0,
    ]


def test_where_nobody_earns_there_is_nothing_to_compare_with():
    costs = activity_costs(DONE, LEDGER.assign(cost=9_000.0))
    profit = customer_profit(SALES[SALES["customer_id"] != "given"], costs, cost="cost")
    found = below_zero(profit, costs)
    assert set(found["reason"]) == {
        "no customer earns, so there is nothing to compare with",
        "served without buying",
    }
    assert np.isnan(profit.table["share"]).all()


def test_where_everybody_earns_there_is_no_row():
    costs = activity_costs(DONE.iloc[:2], LEDGER.iloc[[0]])
    profit = customer_profit(SALES.iloc[:3], costs, cost="cost")
    assert below_zero(profit, costs).empty
    assert "explanation" in below_zero(profit, costs)


def test_other_choices_by_hand(profit, costs):
    at_capacity = activity_costs(DONE, LEDGER.assign(volume=[14.0, 7.0, None]))
    reported = customer_profit(SALES, at_capacity, cost="cost")
    choices = cost_choices(reported, at_capacity, costs).set_index("choice")
    # Half of the cost is unused capacity: only sender (-20), courted and small are below zero.
    assert choices.loc["as reported", ["below_zero", "loss"]].tolist() == [
        4,
        pytest.approx(20 + 20 + 13 + 20),
    ]
    charged = choices.loc["unused capacity charged to those who use the activity"]
    assert charged[["below_zero", "loss", "profit"]].tolist() == pytest.approx([4, 273.0, 317.0])
    shared = choices.loc["costs without an activity shared equally"]
    assert shared["profit"] == pytest.approx(reported.table["profit"].sum() - 100.0)
    assert choices.loc["unit costs 10% lower", "loss"] == pytest.approx(20 + 18 + 9 + 6)
    assert (choices["of_these_reported"] <= 4).all()


@pytest.mark.parametrize("seed", [2026, 5])
def test_the_segments_of_the_example_company_show(seed):
    company = example.company(seed)
    costs = activity_costs(company.activities, company.ledger)
    profit = customer_profit(company.transactions, costs, cost="cost")
    bought = company.transactions
    gross = (bought["amount"] - bought["cost"]).groupby(bought["customer_id"]).sum()
    found = profit.table.set_index("customer_id")
    assert found["gross_profit"].to_dict() == pytest.approx(gross.to_dict(), abs=1e-6)
    assert profit.total["profit"].item() == pytest.approx(
        gross.sum() - costs.reconciliation["assigned"].iloc[-1], abs=0.01
    )
    days = bought.groupby("customer_id")["date"].nunique()
    assert found["purchases"].to_dict() == days.to_dict()
    segment = company.truth.customers.set_index("customer_id")["segment"]
    sums = found["profit"].groupby(segment).sum()
    assert (sums[["bargain hunter", "occasional"]] < 0).all()
    assert (sums[["key account", "steady mid-size"]] > 0).all()
    why = below_zero(profit, costs).set_index("customer_id")
    sends_back = (why["reason"] == "returns handling") | (why["above_usual"] == "returns handling")
    share = sends_back.groupby(segment.loc[why.index]).mean()
    # Bargain hunters send 22 % back, occasional customers 8 %, the others 3 to 4 %.
    assert share["bargain hunter"] > 0.6
    assert share["bargain hunter"] > 2 * share["occasional"]
    assert (why["profit"] < 0).all()
    assert why["profit"].is_monotonic_increasing
    assert len(why) == profit.total["below_zero"].item()


def test_kind_of_table_does_not_matter():
    transactions = tables.read("data/transactions.csv", kind="transactions")
    costs = activity_costs(
        tables.read("data/activities.csv", kind="activities"),
        tables.read("data/ledger.csv", kind="cost_pools"),
    )
    one = customer_profit(transactions, costs, cost="cost").table
    two = customer_profit(transactions.frame, costs, cost="cost").table
    pd.testing.assert_frame_equal(one, two)


@pytest.mark.parametrize(
    ("change", "arguments", "words"),
    [
        ({}, {}, "Give either cost"),
        ({}, {"margin_rate": 30}, "Did you mean 0.3"),
        ({"amount": None}, {"cost": "cost"}, "8 rows have no value"),
        ({"customer_id": "x"}, {"cost": "cost"}, "No customer of the activities is among"),
        ({"date": pd.Timestamp("2020-01-01")}, {"cost": "cost"}, "years 2025, the sales of 2020"),
        ({"currency": list("ababcabc")}, {"cost": "cost"}, "3 currencies"),
    ],
)
def test_tables_that_cannot_be_joined_are_refused(change, arguments, words):
    costs = activity_costs(DONE, LEDGER.assign(year=2025))
    changed = SALES.assign(**change)
    if "amount" in change:
        changed["amount"] = changed["amount"].astype(float)
    with pytest.raises(InputError, match=words):
        customer_profit(changed, costs, **arguments)


@pytest.mark.parametrize("profits", [[], [1.0, None]])
def test_a_whale_curve_needs_profits(profits):
    with pytest.raises(InputError, match="must hold the profit of every customer"):
        whale_curve(pd.DataFrame({"customer_id": ["a"] * len(profits), "profit": profits}))
