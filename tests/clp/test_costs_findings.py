"""Sentences of page one. Oracles: the small company of the tests of profits, worked out by hand."""

import pandas as pd
import pytest

from crmlib.clp.below_zero import below_zero, cost_choices
from crmlib.clp.costs import activity_costs
from crmlib.clp.costs_findings import costs_findings
from crmlib.clp.customer_profit import customer_profit
from crmlib.clp.indirect import indirect_value
from crmlib.tables import example
from crmlib.transaction_rows import repeated_rows
from tests.clp.test_customer_profit import DAY, DONE, LEDGER, SALES


def findings(sales=SALES, done=DONE, ledger=LEDGER, **more):
    costs = activity_costs(done, ledger)
    at_use = activity_costs(done, ledger.drop(columns="volume", errors="ignore"))
    profit = customer_profit(sales, costs, cost="cost")
    why, choices = below_zero(profit, costs), cost_choices(profit, costs, at_use)
    if "referrals" in more:
        more["indirect"] = indirect_value(profit.table, more.pop("referrals"), share=0.5)
    return costs_findings(profit, costs, why, choices, money="yuan", **more)


def test_page_one_of_the_small_company():
    found = findings()
    assert [finding.text for finding in found] == [
        "Serving 6 customers cost 560 of their 877 yuan gross profit: 317 is what they earn.",
        "4 of 6 customers cost more than they bring: 273 yuan in all.",
        "Returns beyond what is usual is why 1 of 4 customers below zero do not pay.",
        "Whether capacity lay idle cannot be said: the ledger has no volumes.",
        "With unit costs 10% lower or higher 4 customers are below zero, as reported.",
    ]
    assert found[0].detail == (
        "Gross profit is the amount less the cost of goods. The customers must still pay 100 of "
        "costs that no activity causes and 0 of capacity that was not used; 217 is left. Every "
        "cent of the ledger's 660.00 yuan is accounted for."
    )
    assert found[1].detail == (
        "Of these 1 never bought. Of all profit the customer who earns most brings 164%. The "
        "largest losses: sender, small, "
        "courted and given. The whole list is in the section on customers below zero."
    )
    assert "returns, at 1 customer, 220 yuan in all; without it 1 of these" in found[2].detail
    assert "Usual is the median of the 2 customers who earn." in found[2].detail


def test_names_capacity_and_small_purchases():
    names = [f"tiny {i}" for i in range(4)]
    sales = pd.concat([SALES, *(SALES.iloc[[3]].assign(customer_id=name) for name in names)])
    tiny = DONE.iloc[[1]]  # one delivery
    done = pd.concat([DONE, *(tiny.assign(customer_id=name) for name in names)])
    # 560 for 14 deliveries are 40 each; 11 were made. A sale of 60 leaves 18 for one.
    ledger = LEDGER.assign(cost=[560.0, 280.0, 100.0], volume=[14.0, 3.5, None])
    found = findings(sales, done, ledger, names={"sender": "Sender & Co"})
    assert found[2].text == (
        "5 of 8 customers below zero would not pay even with usual work and margin: their "
        "purchases are small, usually 60 yuan; as they are served, 133 would pay."
    )
    assert "The largest losses: Sender & Co, small, courted, tiny 0 and tiny 1." in found[1].detail
    assert found[3].text == (
        "Of what the activities cost, 14% paid for capacity that was not used: 120 yuan."
    )
    assert found[3].detail.startswith("Most of it is delivery (120).")


def test_new_customers_are_told_where_older_ones_are_known():
    old = SALES.assign(date=SALES["date"] - pd.DateOffset(years=2))
    both = pd.concat([old[old["customer_id"] != "small"], SALES])
    found = findings(both, DONE, LEDGER.assign(year=2025))
    assert found[1].detail.startswith(
        "Of these 1 never bought, 1 first bought within the last year: for them a loss may be"
    )
    assert "Sales of 2023 are left out, because the ledger has no costs" in found[0].detail
    found = findings(pd.concat([old, SALES]), DONE, LEDGER.assign(year=2025))
    assert found[1].detail.startswith(
        "Of these 1 never bought. The others first bought more than a year ago."
    )
    never = DONE[DONE["customer_id"].isin(["courted", "good"])]
    found = findings(SALES.iloc[:3], never, LEDGER.iloc[[0]])
    assert found[1].detail.startswith("It has never bought. Of all profit")


def test_where_everybody_earns():
    found = findings(SALES.iloc[:3], DONE.iloc[:2], LEDGER.iloc[[0]])
    assert [finding.text for finding in found][1] == "No customer costs more than it brings."
    assert len(found) == 4


def test_where_nobody_earns():
    found = findings(ledger=LEDGER.assign(cost=9000.0))
    assert "All customers together lose 17,100 yuan; even the best loses 20." in found[1].detail
    goods = SALES.assign(cost=2000.0)
    assert findings(goods)[0].text == (
        "6 customers bought for 12,700 yuan less than the goods cost; serving cost 600 more: "
        "13,300 is lost."
    )
    assert found[2].text.startswith("Why customers do not pay cannot be said: none earns")
    assert "Usual is" not in found[2].detail


def test_activities_without_a_cost_are_told_on_page_one():
    more = pd.concat([DONE, pd.DataFrame([("good", "call", 2.0, DAY)], columns=list(DONE))])
    detail = findings(done=more)[0].detail
    assert detail.endswith(
        "The ledger has no cost for 1 row of activities (call), so customers look better than "
        "they are."
    )


@pytest.mark.parametrize(
    ("won", "words"),
    [
        # sender lost 160 and is credited with half of what good earns: 260.
        ("good", "1 customer of those below zero sent others: credited with 50%"),
        ("given", "none of them rises above zero"),
    ],
)
def test_referrals_are_told(won, words):
    referrals = pd.DataFrame({"customer_id": [won], "referred_by": ["sender"]})
    detail = findings(referrals=referrals)[-1].detail
    assert words in detail
    assert ("1 of them rises above zero" in detail) == (won == "good")


def test_nobody_below_zero_sent_others():
    referrals = pd.DataFrame({"customer_id": ["small"], "referred_by": ["good"]})
    assert findings(referrals=referrals)[-1].detail.endswith(
        "None of those below zero sent another customer."
    )


def test_the_example_company_in_money_a_manager_reads():
    company = example.company()
    found = findings(company.transactions, company.activities, company.ledger)
    assert len(found) == 5
    assert found[0].text == (
        "Serving 500 customers cost 5.5 million of their 18.0 million yuan gross profit: 12.5 "
        "million is what they earn."
    )
    assert found[4].text.startswith("How many are below zero hangs on the unit costs: ")


def test_shares_of_next_to_nothing_are_told_in_money():
    # 317 is earned at the costs of the small company; 311 more for deliveries leaves 6, of which
    # nothing can be a share. What the best brings: 600 less 2 of 7 deliveries at 84.43.
    found = findings(ledger=LEDGER.assign(cost=[591.0, 280.0, 100.0]))
    assert "All customers together bring 6 yuan; the customer who earns most brings 431." in (
        found[1].detail
    )


def test_a_single_customer_below_zero_brings_no_share_of_all():
    one = SALES["customer_id"] == "sender"
    found = findings(SALES[one], DONE[DONE["customer_id"] == "sender"], LEDGER)
    assert found[1].text == "1 of 1 customer costs more than it brings: 440 yuan in all."
    assert found[1].detail.startswith("It is the only one.")
    found = findings(SALES[SALES["customer_id"] == "good"], DONE.iloc[[0]], LEDGER.iloc[[0]])
    assert found[0].text == (
        "Serving 1 customer cost 280 of its 600 yuan gross profit: 320 is what it earns."
    )
    assert (found[1].text, found[1].detail) == ("No customer costs more than it brings.", "")


def test_activities_of_years_left_out_with_their_sales_are_no_missing_cost():
    old = DONE.assign(date=DONE["date"] - pd.DateOffset(years=1))
    sales = pd.concat([SALES.assign(date=SALES["date"] - pd.DateOffset(years=1)), SALES])
    detail = findings(sales, pd.concat([old, DONE]), LEDGER.assign(year=2025))[0].detail
    assert "no cost for" not in detail
    assert detail.endswith("8 rows worth 3,290.00 yuan.")


def test_margin_rate_and_repeated_rows_are_told():
    twice = pd.concat([SALES, SALES.iloc[[2]], SALES.iloc[[2]]])
    costs = activity_costs(DONE, LEDGER)
    profit = customer_profit(twice, costs, margin_rate=0.255)
    why = below_zero(profit, costs)
    found = costs_findings(
        *(profit, costs, why, cost_choices(profit, costs, costs)),
        money="yuan",
        margin_rate=0.255,
        repeated=repeated_rows(twice),
    )
    assert found[0].detail.startswith("Gross profit is 25.5% of the amount.")
    assert found[-1].text == (
        "Check first: 1 row stands in the table more than once, equal in every column; the copies "
        "are worth 1,000 yuan."
    )
