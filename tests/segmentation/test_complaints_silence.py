"""Complaints that stop.

Oracles: chances worked by hand and by throwing complaints on days at random; who falls silent in
the example company by its truth.
"""

import numpy as np
import pandas as pd
import pytest

from crmlib.errors import InputError
from crmlib.segmentation.complaints_silence import complaints_silence, quiet_end_probability
from crmlib.segmentation.warning_signs import warning_signs
from crmlib.transaction_rows import money_rows

DAY = pd.Timestamp("2024-12-31")


def asked(**changes):
    of_customers = {"customer_id": ["A", "B", "C"], "date": DAY, "spending_change": -0.5}
    of_customers["first_day"] = DAY - pd.Timedelta(days=1000)
    return pd.DataFrame(of_customers | changes)


def complained(*rows):
    found = pd.DataFrame(rows, columns=["customer_id", "ago"])
    return found.assign(date=DAY - pd.to_timedelta(found["ago"], unit="D"))


def test_chance_is_that_of_days_thrown_at_random():
    assert quiet_end_probability(*map(np.array, (3.0, 365.0, 180.0))) == pytest.approx(
        (185 / 365) ** 3
    )
    days = np.random.default_rng(1).uniform(0, 365, size=(100_000, 3))
    assert (days.max(axis=1) < 185).mean() == pytest.approx((185 / 365) ** 3, abs=0.003)


def test_who_complained_then_stopped_and_buys_less_has_given_up():
    rows = complained(
        ("A", 200), ("A", 150), ("A", 120), ("B", 200), ("B", 20), ("C", 100), ("X", 5)
    )
    found = complaints_silence(rows, asked())
    assert found["given_up"].tolist() == [True, False, False]
    assert found["complaints_year"].tolist() == [3, 2, 1]
    assert found["complaints_lately"].tolist() == [0, 1, 0]
    assert found["silent_days"].tolist() == [120, 20, 100]
    assert found["silence_by_chance"].iloc[0] == pytest.approx(((365 - 120) / 365) ** 3)


def test_silence_of_who_buys_as_before_is_no_sign():
    rows = complained(("A", 200), ("A", 150))
    assert not complaints_silence(rows, asked(spending_change=[0.1, 0, 0]))["given_up"].any()
    assert not complaints_silence(rows, asked(spending_change=np.nan))["given_up"].any()


def test_complaints_to_come_and_of_earlier_years_do_not_count_and_young_customers_are_young():
    rows = complained(("A", -1), ("A", 365), ("B", 10), ("B", 30))
    found = complaints_silence(rows, asked(first_day=DAY - pd.Timedelta(days=39)))
    assert found["complaints_year"].tolist() == [0, 2, 0]
    assert found["silence_by_chance"].tolist()[1] == pytest.approx(((40 - 10) / 40) ** 2)
    assert np.isnan(found["silent_days"].iloc[0])


def test_each_day_is_looked_at_by_itself():
    both = pd.concat([asked(), asked(date=DAY - pd.Timedelta(days=160))], ignore_index=True)
    found = complaints_silence(complained(("A", 200), ("A", 150), ("A", 10)), both)
    assert found["complaints_year"].tolist() == [3, 0, 0, 1, 0, 0]


def test_silent_complainers_of_the_example_are_found():
    rows = pd.read_csv("data/transactions.csv", parse_dates=["date"])
    complaints = pd.read_csv("data/complaints.csv", parse_dates=["date"])
    rows = money_rows(rows, "customer_id", "date", "amount", "cost")
    day = pd.Timestamp("2025-12-31")
    signs = warning_signs(rows, complaints, None, [day], ahead=180, left_after=90)
    silent = set(pd.read_csv("data/truth/customers.csv").query("falls_silent")["customer_id"])
    found = signs.loc[signs["given_up"], "customer_id"]
    right = found.isin(silent).sum()
    assert right / len(found) > 0.8
    assert right / signs["customer_id"].isin(silent).sum() > 0.35


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (pd.DataFrame({"customer_id": ["A"]}), "no column date"),
        (pd.DataFrame({"customer_id": ["A"], "date": [pd.NaT]}), "1 complaint without"),
    ],
)
def test_what_cannot_be_used_is_told(rows, words):
    with pytest.raises(InputError, match=words):
        complaints_silence(rows, asked())
