"""Sentences of page one. Oracles: the small company of the tests of profits, worked out by hand."""

import pandas as pd
import pytest

from crmlib.clp.below_zero import below_zero, cost_choices
from crmlib.clp.costs import activity_costs
from crmlib.clp.costs_findings import costs_findings
from crmlib.clp.customer_profit import customer_profit
from crmlib.clp.indirect import indirect_value
from crmlib.tables import example
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
        "They must still pay 100 of costs that no activity causes and 0 of capacity that was not "
        "used; 217 is left. Every cent of the ledger's 660.00 yuan is accounted for."
    )
    assert found[1].detail == (
        "Of all profit the customer who earns most brings 164%. The largest losses: sender, small, "
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
        "Small purchases are why 5 of 8 customers below zero do not pay: half of these are below "
        "60 yuan, and it would take about 133."
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
    assert found[1].detail.startswith("Of these 1 first bought within the last year:")
    assert "Sales of 2023 are left out, because the ledger has no costs" in found[0].detail
    found = findings(pd.concat([old, SALES]), DONE, LEDGER.assign(year=2025))
    assert found[1].detail.startswith("All of these first bought more than a year ago.")


def test_where_everybody_earns():
    found = findings(SALES.iloc[:3], DONE.iloc[:2], LEDGER.iloc[[0]])
    assert [finding.text for finding in found][1] == "No customer costs more than it brings."
    assert len(found) == 4


def test_where_nobody_earns():
    found = findings(ledger=LEDGER.assign(cost=9000.0))
    assert found[1].detail.startswith("All customers together lose 17,100 yuan;")
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
