"""Indirect benefits. Oracles: adding up by hand, and that nothing is counted twice."""

import numpy as np
import pandas as pd
import pytest

from crmlib.clp.history import profit_history
from crmlib.clp.indirect import indirect_value, word_of_mouth
from crmlib.errors import InputError
from crmlib.tables import example

PROFITS = pd.DataFrame(
    {
        "customer_id": ["a", "b", "c", "a", "d"],
        "date": pd.to_datetime(
            ["2025-01-01", "2025-02-01", "2025-02-15", "2025-03-01", "2025-04-01"]
        ),
        "profit": [100.0, 40.0, -10.0, 50.0, 0.03],
    }
)
# a sent b and c, b sent d: a chain.
REFERRALS = pd.DataFrame({"customer_id": ["b", "c", "d"], "referred_by": ["a", "a", "b"]})


def test_a_share_of_what_the_referred_brought_is_credited_to_who_sent_them():
    value = indirect_value(PROFITS, REFERRALS, share=0.25)
    assert value.customers.to_numpy().tolist() == [
        # customer, sent, own, of those sent, credit, given up, value
        ["a", 2, 150.0, 30.0, 7.5, 0.0, 157.5],
        ["b", 1, 40.0, 0.03, 0.01, 0.0, 40.01],
        ["c", 0, -10.0, 0.0, 0.0, 0.0, -10.0],
        ["d", 0, 0.03, 0.0, 0.0, 0.0, 0.03],
    ]
    assert value.other_profit.empty
    assert value.left_out.empty
    assert value.assumptions["value"].tolist()[:2] == ["25%", "no: sums count it twice"]


def test_taken_off_the_referred_nothing_is_counted_twice():
    value = indirect_value(PROFITS, REFERRALS, share=0.25, take_off=True).customers
    assert value["given_up"].tolist() == [0.0, 10.0, -2.5, 0.01]
    assert value["value"].tolist() == [157.5, 30.01, -7.5, 0.02]
    assert value["value"].sum() == pytest.approx(PROFITS["profit"].sum())


@pytest.mark.parametrize("take_off", [True, False])
def test_dated_credits_add_up_to_the_credits(take_off):
    value = indirect_value(PROFITS, REFERRALS, share=0.25, take_off=take_off, date="date")
    credited = value.other_profit.groupby("customer_id")["profit"].sum()
    expected = value.customers.set_index("customer_id")
    expected = (expected["indirect_benefit"] - expected["given_up"]).loc[credited.index]
    assert credited.to_dict() == pytest.approx(expected.to_dict())
    first = value.other_profit.iloc[0]
    assert [first["customer_id"], first["date"], first["profit"]] == [
        "a",
        pd.Timestamp("2025-02-01"),
        10.0,
    ]
    assert credited.sum() == pytest.approx(0.0 if take_off else 7.51)


@pytest.mark.parametrize("seed", [2026, 3])
def test_on_the_example_company_the_identity_holds_through_the_profit_history(seed):
    company = example.company(seed)
    history = profit_history(company.transactions, cost="cost")
    dated = history.table.rename(columns={"period": "date"})
    value = indirect_value(dated, company.referrals, share=0.3, take_off=True, date="date")
    assert value.customers["value"].sum() == pytest.approx(dated["profit"].sum(), abs=1e-6)
    assert len(value.left_out) == 0
    again = profit_history(company.transactions, cost="cost", other_profit=value.other_profit)
    assert again.table["profit"].sum() == pytest.approx(history.table["profit"].sum(), abs=1e-6)
    by_customer = again.table.groupby("customer_id")["profit"].sum()
    expected = value.customers.set_index("customer_id")["value"]
    assert by_customer.to_dict() == pytest.approx(expected.to_dict(), abs=1e-6)
    # Who was won brought the share: against plain pandas.
    own = dated.groupby("customer_id")["profit"].sum()
    sent = company.referrals.assign(brought=company.referrals["customer_id"].map(own))
    credit = 0.3 * sent.groupby("referred_by")["brought"].sum()
    found = value.customers.set_index("customer_id")["indirect_benefit"]
    months = dated.groupby("customer_id").size().max() * len(sent)
    assert found[credit.index].to_numpy() == pytest.approx(credit.to_numpy(), abs=0.005 * months)


def test_referrals_of_strangers_are_left_out_and_told():
    more = pd.concat(
        [REFERRALS, pd.DataFrame({"customer_id": ["x", "a"], "referred_by": ["a", "y"]})]
    )
    value = indirect_value(PROFITS, more, share=1.0)
    assert value.left_out.to_numpy().tolist() == [
        ["x", "a", "who was won is no customer here"],
        ["a", "y", "who sent them is no customer here"],
    ]
    assert value.customers["indirect_benefit"].tolist() == [30.0, 0.03, 0.0, 0.0]


@pytest.mark.parametrize(
    ("profits", "referrals", "share", "words"),
    [
        (PROFITS, REFERRALS, 25, "Did you mean 0.25"),
        (PROFITS, REFERRALS, -0.1, "share=-0.1: write a fraction"),
        (PROFITS.drop(columns="profit"), REFERRALS, 0.2, 'no column "profit"'),
        (PROFITS.assign(profit=[1, 2, None, 3, 4]), REFERRALS, 0.2, "no profit in row 2"),
        (PROFITS.iloc[:0], REFERRALS, 0.2, "a table without rows"),
        (PROFITS, REFERRALS.drop(columns="referred_by"), 0.2, 'no column "referred_by"'),
        (PROFITS, REFERRALS.assign(customer_id="b"), 0.2, "^Referred more than once: b. Keep"),
        (PROFITS, REFERRALS.assign(customer_id=list("abc")), 0.2, "^Referred by themselves: a. "),
        (PROFITS, REFERRALS.assign(referred_by="z"), 0.2, "None of the referrals is between"),
        (PROFITS, REFERRALS.assign(referred_by=None), 0.2, '"referred_by": 3 values are missing'),
    ],
)
def test_what_cannot_be_credited_is_refused(profits, referrals, share, words):
    with pytest.raises(InputError, match=words):
        indirect_value(profits, referrals, share=share)


def test_a_date_column_that_is_not_there_is_refused():
    with pytest.raises(InputError, match='no column "day"'):
        indirect_value(PROFITS, REFERRALS, share=0.2, date="day")


def test_word_of_mouth_by_hand():
    # 200 customers tell 3 each, of 100 told 5 come, worth 400 each; telling costs 10 a customer.
    found = word_of_mouth(200, 3, 0.05, 400.0, cost=10.0)
    assert found.table.iloc[0].to_dict() == {
        "customers": 200,
        "people_told": 600,
        "won": 30.0,
        "value": 12000.0,
        "cost": 2000.0,
        "net_value": 10000.0,
        "net_value_per_customer": 50.0,
    }
    assert found.assumptions["value"].tolist() == [3, 0.05, 400.0, 10.0]
    sensitivity = found.sensitivity
    assert sensitivity["changed"].tolist() == [
        name for name in ("told", "convinced share", "value of one") for _ in range(2)
    ]
    # Each assumption counts alike: half of it halves the value, not the cost.
    assert sensitivity["net_value"].tolist() == [4000.0, 22000.0] * 3
    assert sensitivity["won"].tolist() == [15.0, 60.0, 15.0, 60.0, 30.0, 30.0]


def test_word_of_mouth_of_the_dissatisfied_is_a_loss_and_a_share_stays_within_1():
    found = word_of_mouth(10, 9, 0.6, -100.0)
    assert found.table["net_value"].item() == pytest.approx(-5400.0)
    assert found.sensitivity["convinced_share"].max() == 1.0
    assert np.isnan(word_of_mouth(0, 1, 0.1, 5.0).table["net_value_per_customer"].item())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((-1, 3, 0.1, 5), "customers=-1"),
        ((1, -3, 0.1, 5), "told=-3"),
        ((1, 3, 10, 5), "Did you mean 0.1"),
    ],
)
def test_word_of_mouth_that_cannot_be_is_refused(arguments, words):
    with pytest.raises(InputError, match=words):
        word_of_mouth(*arguments)
