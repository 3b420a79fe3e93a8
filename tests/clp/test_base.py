"""The customer base, and what was known of it earlier.

Oracles: the base of the transactions cut at the day, and sums of the transactions.
"""

import datetime as dt

import pandas as pd
import pytest

from crmlib.clp.base import customer_base
from crmlib.errors import InputError
from tests.clp.made_bases import transactions

CUT = "2024-03-31"
OTHER = pd.DataFrame(
    {
        "customer_id": ["C000", "C001", "C000", "C002"],
        "date": ["2023-05-01", "2024-01-15", "2024-08-01", "2022-12-01"],
        "profit": [-5.0, -7.0, -9.0, -11.0],
    }
)


@pytest.mark.parametrize("period", ["week", "month", "quarter"])
@pytest.mark.parametrize("other_profit", [None, OTHER], ids=["sales", "with other profit"])
def test_the_past_is_the_base_of_the_transactions_up_to_then(period, other_profit):
    rows = transactions()
    rows.loc[::9, ["amount", "cost"]] *= -1
    base = customer_base(rows, cost="cost", period=period, other_profit=other_profit)
    known = base.until(CUT)
    earlier = rows[rows["date"] <= CUT]
    if other_profit is not None:
        other_profit = other_profit[pd.to_datetime(other_profit["date"]) <= CUT]
    expected = customer_base(
        earlier, cost="cost", period=period, observed_until=CUT, other_profit=other_profit
    )
    assert known.last_day == expected.last_day
    assert known.periods == expected.periods
    pd.testing.assert_frame_equal(known.history.table, expected.history.table)
    pd.testing.assert_frame_equal(known.summary.table, expected.summary.table)
    pd.testing.assert_frame_equal(known.daily, expected.daily)
    assert list(known.customers) == list(expected.customers)


def test_profit_between_two_days_is_that_of_the_transactions():
    rows = transactions()
    base = customer_base(rows, cost="cost")
    inside = rows["date"].between("2024-02-01", "2024-04-30")
    profit = (rows["amount"] - rows["cost"])[inside].groupby(rows["customer_id"]).sum()
    expected = profit.reindex(base.customers, fill_value=0.0)
    found = base.profit_between(dt.date(2024, 2, 1), dt.date(2024, 4, 30))
    assert found.to_numpy() == pytest.approx(expected.to_numpy())


def test_the_unfinished_period_is_not_in_the_base():
    rows = transactions()
    base = customer_base(rows, cost="cost", observed_until="2024-12-12")
    assert base.last_day == dt.date(2024, 11, 30)
    assert base.daily["day"].max() <= pd.Timestamp("2024-11-30")
    assert base.day_after(0) == dt.date(2024, 12, 1)
    assert base.day_after(-3) == dt.date(2024, 9, 1)
    assert base.until("2024-06-15").last_day == dt.date(2024, 5, 31)


def test_a_customer_of_whom_only_a_refund_is_known_has_a_history_and_no_summary():
    rows = transactions(5)
    refund = pd.DataFrame(
        {"customer_id": ["R"], "date": [rows["date"].min()], "amount": [-10.0], "cost": [-4.0]}
    )
    base = customer_base(pd.concat([rows, refund], ignore_index=True), cost="cost")
    assert "R" in base.customers
    assert "R" not in set(base.summary.table["customer_id"])
    assert base.profit_between(base.history.first_day, base.last_day)["R"] == -6.0


@pytest.mark.parametrize("day", ["2022-12-31", "2031-01-01"])
def test_a_day_outside_the_base_is_refused(day):
    with pytest.raises(InputError, match="outside the base"):
        customer_base(transactions(), cost="cost").until(day)


def test_a_day_before_the_first_period_was_finished_is_refused():
    with pytest.raises(InputError, match="no month was finished"):
        customer_base(transactions(), cost="cost").until("2023-01-20")
