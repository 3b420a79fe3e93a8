"""Transactions as the methods take them: faults of tables small enough to see them."""

import datetime as dt

import pandas as pd
import pytest

from crmlib import clp, tables
from crmlib.clp.other_profit import other_profit_rows
from crmlib.errors import InputError
from crmlib.transaction_rows import money_rows, repeated_rows

SMALL = pd.DataFrame(
    {
        "customer_id": ["a", "a", "b", "a"],
        "date": pd.to_datetime(["2024-01-10", "2024-02-10", "2024-03-31", "2024-01-10"]),
        "amount": [100.0, 50.0, 20.10, 100.0],
        "cost": [60.0, 30.0, 0.05, 60.0],
    }
)


def test_money_is_in_whole_cents():
    rows = tables.as_frame(money_rows(SMALL, "customer_id", "date", "amount", "cost"))
    assert rows["revenue_cents"].tolist() == [10000, 5000, 2010, 10000]
    assert rows["profit_cents"].tolist() == [4000, 2000, 2005, 4000]


def test_infinite_money_is_refused_wherever_cells_are_counted():
    with pytest.raises(InputError, match=r"1 row has no value.*infinite money is none"):
        clp.profit_history(SMALL.assign(amount=[1.0, float("inf"), 1.0, 1.0]), cost="cost")


def test_money_in_two_currencies_is_refused_with_their_counts():
    mixed = SMALL.assign(currency=["CNY", "EUR", "CNY", "CNY"])
    with pytest.raises(InputError, match=r"2 currencies \(3 in CNY, 1 in EUR\)"):
        clp.profit_history(mixed, cost="cost")
    assert len(clp.profit_history(SMALL.assign(currency="CNY"), cost="cost").table)


def test_a_purchase_still_to_come_is_refused():
    tomorrow = pd.Timestamp(dt.date.today() + dt.timedelta(days=1))
    with pytest.raises(InputError, match="which is still to come"):
        clp.profit_history(SMALL.assign(date=tomorrow), cost="cost")


def test_repeated_rows_are_found_and_counted():
    assert repeated_rows(SMALL)[["customer_id", "amount", "copies"]].to_numpy().tolist() == [
        ["a", 100.0, 2]
    ]
    assert repeated_rows(SMALL.iloc[:3]).empty


def test_profit_besides_the_sales_is_in_cents():
    costs = pd.DataFrame({"customer_id": ["a"], "date": ["2024-01-31"], "profit": [-12.345]})
    rows = other_profit_rows(costs)
    assert rows["cents"].tolist() == [-1234]
    assert rows["day"].tolist() == [pd.Timestamp("2024-01-31")]
    assert other_profit_rows(None).empty


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"profit": [None]}, "no date or no amount in row 0"),
        ({"date": [None]}, "no date or no amount in row 0"),
        ({"customer_id": [None]}, "1 values are missing; row 0"),
        ({"profit": ["much"]}, "must hold profit besides the sales"),
    ],
)
def test_profit_besides_the_sales_that_cannot_be_read_is_refused(change, words):
    costs = pd.DataFrame({"customer_id": ["a"], "date": ["2024-01-31"], "profit": [-12.0]})
    with pytest.raises(InputError, match=words):
        other_profit_rows(costs.assign(**change))
