"""Profit histories.

Oracles: tables small enough to add up by hand, pandas' own resampling on the example company, and
the counts published with the CDNOW data.
"""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from crmlib import clp, tables
from crmlib.errors import InputError


def purchases(*rows):
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "amount", "cost"])
    return frame.assign(date=pd.to_datetime(frame["date"]))


SMALL = purchases(
    ("a", "2024-01-10", 100.0, 60.0),
    ("a", "2024-01-20", 50.0, 30.0),
    ("a", "2024-04-02", 10.0, 4.0),
    ("b", "2024-03-31", 20.10, 0.05),
    ("b", "2024-04-30", -5.0, 0.0),
)


def test_quiet_periods_are_zeros_from_the_first_purchase_on():
    history = clp.profit_history(SMALL, cost="cost")
    assert history.table[["customer_id", "t", "profit", "purchases"]].to_numpy().tolist() == [
        ["a", 1, 60.0, 2],
        ["a", 2, 0.0, 0],
        ["a", 3, 0.0, 0],
        ["a", 4, 6.0, 1],
        ["b", 1, 20.05, 1],  # a refund is no purchase
        ["b", 2, -5.0, 0],
    ]
    assert history.table["period"].iloc[3] == pd.Timestamp("2024-04-01")
    assert (history.first_day, history.last_day) == (dt.date(2024, 1, 1), dt.date(2024, 4, 30))
    assert history.left_out.empty
    assert history.note == "Whole months from 2024-01-01 to 2024-04-30."


def test_the_unfinished_last_period_is_left_out_and_said_so():
    late = purchases(("a", "2024-05-02", 7.0, 1.0), ("new", "2024-05-29", 9.0, 1.0))
    history = clp.profit_history(pd.concat([SMALL, late]), cost="cost")
    assert history.last_day == dt.date(2024, 4, 30)
    assert "new" not in set(history.table["customer_id"])
    left_out = history.left_out.iloc[0]
    assert left_out[["purchases", "revenue", "customers", "new_customers"]].tolist() == [
        2,
        16,
        2,
        1,
    ]
    assert "its 2 purchases worth 16.00 are left out. Customers who first bought" in history.note


def test_observed_until_says_that_a_period_is_finished_or_that_silence_follows():
    early = SMALL[SMALL["date"] < "2024-04-10"]
    assert clp.profit_history(early, cost="cost").last_day == dt.date(2024, 3, 31)
    whole = clp.profit_history(early, cost="cost", observed_until="2024-06-30")
    assert whole.last_day == dt.date(2024, 6, 30)
    assert whole.table.groupby("customer_id").size().to_dict() == {"a": 6, "b": 4}


def test_margin_rate_stands_in_for_costs():
    history = clp.profit_history(SMALL, margin_rate=0.25)
    assert history.table["profit"].tolist() == [37.5, 0, 0, 2.5, 5.025, -1.25]


@pytest.mark.parametrize("period", ["week", "month", "quarter"])
def test_sums_agree_with_pandas_on_the_example_company(period):
    transactions = tables.read("data/transactions.csv", kind="transactions").frame
    history = clp.profit_history(transactions, cost="cost", period=period)
    code = {"week": "W-SUN", "month": "M", "quarter": "Q"}[period]
    start = transactions["date"].dt.to_period(code).dt.start_time
    profit = (transactions["amount"] - transactions["cost"]).groupby(
        [transactions["customer_id"], start]
    )
    expected = profit.sum()
    found = history.table.set_index(["customer_id", "period"])["profit"]
    whole = expected[expected.index.get_level_values(1) <= pd.Timestamp(history.last_day)]
    assert found[whole.index].to_numpy() == pytest.approx(whole.to_numpy(), abs=1e-6)
    assert found.sum() == pytest.approx(whole.sum())
    assert (found.drop(whole.index) == 0).all()


def test_the_sum_of_cents_is_exact_whatever_the_order():
    many = pd.concat([purchases(("a", "2024-01-31", 0.10, 0.0))] * 1000)
    history = clp.profit_history(many, cost="cost", observed_until="2024-01-31")
    assert history.table["profit"].tolist() == [100.0]


def test_column_names_may_be_the_users_own():
    theirs = SMALL.rename(columns={"customer_id": "Kunde", "date": "Tag", "amount": "Umsatz"})
    history = clp.profit_history(
        theirs, customer="Kunde", date="Tag", amount="Umsatz", margin_rate=1.0
    )
    assert history.table["revenue"].sum() == pytest.approx(175.10)


def test_cdnow_histories(shared):
    read = tables.read(
        shared / "data" / "cdnow_master.txt",
        kind="transactions",
        columns={"amount": "dollar_value"},
    )
    history = clp.profit_history(read, margin_rate=1.0)
    assert history.table["customer_id"].nunique() == 23_570
    assert history.table["purchases"].sum() == 69_659
    assert history.last_day == dt.date(1998, 6, 30)


@pytest.mark.parametrize(
    ("table", "options", "words"),
    [
        (SMALL, {}, "either cost"),
        (SMALL, {"cost": "cost", "margin_rate": 0.3}, "either cost"),
        (SMALL, {"margin_rate": 30}, r"Did you mean 0\.3\?"),
        (SMALL, {"margin_rate": 0.0}, "fraction above 0"),
        (SMALL, {"cost": "costs"}, "no column costs; it has customer_id, date, amount, cost"),
        (SMALL, {"cost": "cost", "period": "year"}, '"week", "month" or "quarter"'),
        (SMALL.iloc[:0], {"cost": "cost"}, "no transactions"),
        (SMALL.iloc[:1], {"cost": "cost"}, "span no whole month"),
        (SMALL, {"cost": "cost", "observed_until": "2024-02-01"}, "purchases up to 2024-04-30"),
        (SMALL, {"cost": "cost", "observed_until": "31/12/2024"}, "write the day as 2025-12-31"),
        (SMALL.assign(customer_id=["a", None, "a", "b", "b"]), {"cost": "cost"}, "1 row has no"),
        (
            pd.concat([SMALL, purchases(("a", "2014-05-02", 7.0, 1.0))]),
            {"cost": "cost"},
            "Nobody bought anything between the month of 2014-05-01 and the month of 2024-01-01",
        ),
        (SMALL.assign(cost=[1, None, 1, None, 1]), {"cost": "cost"}, "2 rows have no value"),
    ],
)
def test_what_makes_no_history_is_refused(table, options, words):
    with pytest.raises(InputError, match=words):
        clp.profit_history(table, **options)


def test_recent_profit_counts_the_last_periods_of_the_calendar():
    history = clp.profit_history(SMALL, cost="cost")
    assert history.recent_profit(1).to_dict() == {"a": 6.0, "b": -5.0}
    assert history.recent_profit(4).to_dict() == {"a": 66.0, "b": pytest.approx(15.05)}


def test_weeks_before_1970_are_numbered_too():
    old = purchases(("a", "1969-12-20", 5.0, 0.0), ("a", "1970-01-11", 5.0, 0.0))
    history = clp.profit_history(old, cost="cost", period="week")
    assert history.table["profit"].tolist() == [5.0, 0.0, 0.0, 5.0]
    assert np.array_equal(history.table["t"], [1, 2, 3, 4])


# --- profit besides the sales: oracle is adding up by hand, and that nothing is lost --------------


def besides(*rows):
    return pd.DataFrame(rows, columns=["customer_id", "date", "profit"]).assign(
        date=lambda frame: pd.to_datetime(frame["date"])
    )


OTHER = besides(
    ("a", "2024-02-15", -12.34),  # a quiet month
    ("a", "2024-01-01", -1.00),  # the month of the first purchase, before its day
    ("b", "2023-12-24", -30.00),  # winning the customer
    ("b", "2024-01-24", -0.05),
    ("a", "2024-05-01", -7.00),  # after the last whole month
    ("stranger", "2024-02-01", 9.99),
)


def test_other_profit_stands_in_its_period_and_before_the_first_purchase_in_period_1():
    plain = clp.profit_history(SMALL, cost="cost")
    history = clp.profit_history(SMALL, cost="cost", other_profit=OTHER)
    assert history.table["profit"].tolist() == [59.0, -12.34, 0.0, 6.0, -10.0, -5.0]
    same = ["customer_id", "t", "period", "revenue", "purchases"]
    pd.testing.assert_frame_equal(history.table[same], plain.table[same])
    assert history.other_profit.to_numpy().tolist() == [
        ["counted", 4, -43.39],
        ["before the first purchase", 2, -30.05],
        ["without a purchase", 1, 9.99],
        ["after the last period", 1, -7.00],
    ]
    assert plain.other_profit is None


def test_the_note_tells_what_became_of_other_profit():
    note = clp.profit_history(SMALL, cost="cost", other_profit=OTHER).note
    assert note == (
        "Whole months from 2024-01-01 to 2024-04-30. Profit besides the sales: 4 entries worth "
        "-43.39 counted; 2 entries worth -30.05 of them came before the customer's first purchase "
        "and stand in period 1. Left out, for customers without a purchase here: 1 entry worth "
        "9.99. Left out, after the last whole month: 1 entry worth -7.00."
    )


@pytest.mark.parametrize("period", ["week", "month", "quarter"])
@pytest.mark.parametrize("margin", [{"cost": "cost"}, {"margin_rate": 0.3}], ids=["cost", "rate"])
def test_no_other_profit_is_lost(period, margin):
    transactions = tables.read("data/transactions.csv", kind="transactions").frame
    random = np.random.default_rng(1)
    n = 5000
    other = pd.DataFrame(
        {
            "customer_id": random.choice(
                [*transactions["customer_id"].unique()[:400], "nobody"], n
            ),
            "date": pd.Timestamp("2022-10-01") + pd.to_timedelta(random.integers(0, 1250, n), "D"),
            "profit": random.integers(-90_000, 20_000, n) / 100,
        }
    )
    early = transactions[transactions["date"] < "2025-06-12"]
    plain = clp.profit_history(early, period=period, **margin)
    history = clp.profit_history(early, period=period, other_profit=other, **margin)
    account = history.other_profit.set_index("part")
    shares = account.loc[["counted", "without a purchase", "after the last period"]]
    assert shares["entries"].sum() == n
    assert shares["profit"].sum() == pytest.approx(other["profit"].sum(), abs=1e-6)
    added = history.table["profit"] - plain.table["profit"]
    assert added.sum() == pytest.approx(account.loc["counted", "profit"], abs=1e-6)
    # Each customer's own sum, and each entry in its own period, against plain pandas.
    code = {"week": "W-SUN", "month": "M", "quarter": "Q"}[period]
    start = other["date"].dt.to_period(code).dt.start_time
    first = history.table.groupby("customer_id")["period"].min()
    known = other.assign(period=start)[other["customer_id"].isin(first.index)]
    known = known[known["period"] <= history.table["period"].max()]
    moved = known["period"].where(
        known["period"] >= known["customer_id"].map(first), known["customer_id"].map(first)
    )
    expected = known.groupby([known["customer_id"], moved])["profit"].sum()
    found = added.to_numpy()
    keys = pd.MultiIndex.from_frame(history.table[["customer_id", "period"]])
    expected.index = expected.index.set_names(keys.names)
    assert found == pytest.approx(expected.reindex(keys, fill_value=0.0).to_numpy(), abs=1e-6)
