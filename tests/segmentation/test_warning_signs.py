"""Signs as they could be seen on past days.

Oracles: money and days counted by hand; signs of a past day found from a table that ends on it.
"""

import numpy as np
import pandas as pd
import pytest

from crmlib.errors import InputError
from crmlib.segmentation.warning_signs import sign_numbers, spending_change, warning_signs
from crmlib.transaction_rows import money_rows

DAY, END = pd.Timestamp("2024-01-01"), pd.Timestamp("2024-06-29")  # 180 days apart


def signs_of(rows, days=(DAY, END), complaints=None, decline=None, **ends):
    table = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    table["date"] = pd.to_datetime(table["date"])
    known = money_rows(table, "customer_id", "date", "amount", None)
    ends = {"ahead": 180, "left_after": 90} | ends
    return warning_signs(known, complaints, decline, list(days), **ends)


ROWS = [
    ("bought late", "2023-10-01", 5.0),
    ("bought late", "2023-12-01", 5.0),
    ("bought late", "2024-04-01", 5.0),
    ("bought early", "2023-12-01", 5.0),
    ("bought early", "2024-03-30", 5.0),
    ("never", "2023-12-15", 5.0),
    ("refund only", "2023-12-15", 5.0),
    ("refund only", "2024-05-15", -5.0),
    ("gone", "2023-10-02", 5.0),
    ("new", "2024-06-01", 5.0),
]


def test_who_left_bought_nothing_in_the_last_days_looked_ahead():
    # The last 90 of 180 days after 1 January 2024 begin on 31 March.
    past = signs_of(ROWS).query("date == @DAY").set_index("customer_id")["left"]
    assert past.to_dict() == {
        "bought late": False,
        "bought early": True,
        "never": True,
        "refund only": True,
    }


def test_today_has_no_answer_yet_and_its_own_customers():
    signs = signs_of(ROWS)
    now = signs[signs["date"] == END]
    assert now["left"].isna().all()
    assert now["customer_id"].tolist() == ["bought late", "new"]  # others silent for 90 days
    assert signs_of(ROWS, left_after=91)["customer_id"].tolist().count("bought early") == 1


def test_change_of_spending_by_hand():
    young = END - pd.Timedelta(days=178)  # a customer for 179 days: too short
    signs = pd.DataFrame(
        {
            "date": END,
            "first_day": [pd.Timestamp("2020-01-01")] * 4 + [END - pd.Timedelta(days=179), young],
            "recent": [0.0, 100.0, 300.0, -20.0, 50.0, 50.0],
            "before": [300.0, 300.0, 0.0, 300.0, 50.0, 50.0],
        }
    )
    # 300 in 270 days are 100 in 90; the median of -1, 0, 1, -1 and 0 is 0.
    assert spending_change(signs).tolist()[:5] == [-1.0, 0.0, 1.0, -1.0, 0.0]
    assert np.isnan(spending_change(signs).iloc[5])


def test_where_all_buy_less_it_is_the_season():
    signs = pd.DataFrame({"date": END, "first_day": pd.Timestamp("2020-01-01"), "recent": 50.0,
                          "before": [300.0, 300.0, 150.0]})  # fmt: skip
    assert spending_change(signs).tolist() == pytest.approx([0.0, 0.0, 1 / 3])


def test_nothing_of_later_days_is_seen():
    rows = pd.read_csv("data/transactions.csv", parse_dates=["date"])
    complaints = pd.read_csv("data/complaints.csv", parse_dates=["date"])
    day, end = pd.Timestamp("2025-01-05"), pd.Timestamp("2025-07-04")

    def of_day(until):
        known = money_rows(rows[rows["date"] <= until], "customer_id", "date", "amount", "cost")
        said = complaints[complaints["date"] <= until]
        found = warning_signs(known, said, None, [day, end], ahead=180, left_after=90)
        return found[found["date"] == day].drop(columns="left").reset_index(drop=True)

    pd.testing.assert_frame_equal(of_day(end), of_day(day))


def test_decline_belongs_to_its_day():
    decline = pd.DataFrame(
        {"customer_id": ["bought late"] * 2, "date": [DAY, END], "decline": [0.2, 0.9]}
    )
    signs = signs_of(ROWS, decline=decline).query("customer_id == 'bought late'")
    assert signs["decline"].tolist() == [0.2, 0.9]
    twice = pd.concat([decline, decline])
    for wrong, words in (
        (decline.assign(decline=1.2), "outside 0 to 1"),
        (twice, "twice on the same date"),
        (decline.iloc[:1], "no rows for 2024-06-29"),
        (decline.drop(columns="decline"), 'no column "decline"'),
    ):
        with pytest.raises(InputError, match=words):
            signs_of(ROWS, decline=wrong)


def test_numbers_are_the_higher_the_worse():
    signs = pd.DataFrame(
        {
            "silence_probability": [0.5, 0.001, np.nan],
            "silence": [5, 80, 3],
            "purchases": [20, 2, 1],
            "spending_change": [0.2, -0.6, np.nan],
            "complaints_lately": [0, 4, 0],
            "silence_by_chance": [1.0, 0.1, 0.01],
            "given_up": [False, True, False],
        }
    )
    numbers = sign_numbers(signs)
    assert (numbers.iloc[1] > numbers.iloc[0]).all()
    assert numbers["silence"].iloc[1] == pytest.approx(3.0)
    assert numbers["given up"].tolist() == pytest.approx([0.0, 1.0, 0.0])
    assert numbers[["silence", "spending"]].iloc[2].isna().all()
