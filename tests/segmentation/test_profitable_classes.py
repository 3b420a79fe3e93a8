"""Profitable classes: scipy's paired t-test, sums by hand and the truth of the example."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from crmlib import tables
from crmlib.errors import InputError
from crmlib.segmentation.profitable_classes import month_ends, paired_fall, profitable_classes

MONTHS = pd.date_range("2024-01-01", periods=24, freq="MS") + pd.Timedelta(days=14)


def bought(**profits):
    """One purchase a month for each customer, at the profits given."""
    rows = [
        {"customer_id": name, "date": day, "amount": profit + 10.0, "cost": 10.0}
        for name, series in profits.items()
        for day, profit in zip(MONTHS, np.broadcast_to(series, 24), strict=True)
    ]
    return pd.DataFrame(rows)


def test_paired_fall_is_scipys_paired_test():
    random = np.random.default_rng(1)
    before, recent = random.normal(5, 2, (6, 12)), random.normal(4, 2, (6, 12))
    usable = random.random((6, 12)) < 0.8
    change, low, high, p = paired_fall(before, recent, usable, 0.9)
    for k in range(6):
        test = stats.ttest_rel(recent[k, usable[k]], before[k, usable[k]], alternative="less")
        both = stats.ttest_rel(recent[k, usable[k]], before[k, usable[k]])
        ends = both.confidence_interval(0.9)
        assert p[k] == pytest.approx(test.pvalue)
        assert (low[k], high[k]) == pytest.approx((ends.low, ends.high))
        assert low[k] < change[k] < high[k]


def test_paired_fall_cannot_say_with_three_months():
    one, usable = np.ones((1, 12)), np.arange(12)[None, :] < 3
    change, low, _, p = paired_fall(2 * one, one, usable, 0.95)
    assert change[0] == -1
    assert np.isnan(low[0])
    assert np.isnan(p[0])


@pytest.mark.parametrize("last", ["2025-12-31", "2024-02-29", "2025-02-28", "2025-03-30"])
def test_months_tile_the_time(last):
    days = month_ends(pd.Timestamp(last), 24)
    assert len(days) == 25
    assert days[-1] == pd.Timestamp(last)
    assert all(28 <= (b - a).days <= 31 for a, b in itertools.pairwise(days))


def test_classes_by_hand():
    random = np.random.default_rng(2)
    noise = lambda: random.normal(0, 1, 24)  # noqa: E731
    data = bought(
        big=50 + noise(),
        second=30 + noise(),
        third=12 + noise(),
        small=4 + noise(),
        fades=np.where(np.arange(24) < 12, 30, 12) + noise(),
        loses=-3.0,
    )
    found = profitable_classes(data, cost="cost", as_of="2025-12-31")
    classes = found.customers.set_index("customer_id")["class"].to_dict()
    # All but one make 50 + 30 + 21 + 12 + 4 = 117 a month: the first 10 % are big's,
    # the first half is reached with second.
    assert classes == {
        "big": "first",
        "second": "core",
        "fades": "fading",
        "third": "other",
        "small": "other",
        "loses": "no profit",
    }
    fades = found.customers.set_index("customer_id").loc["fades"]
    assert fades["fall"] == pytest.approx(1 - 12 / 30, abs=0.03)
    assert fades["change_high"] < 0
    assert fades["pairs"] == 11  # not the month of the first purchase
    table = found.classes.set_index("class")
    assert table["customers"].tolist() == [1, 1, 1, 2, 1]
    assert table["profit"].sum() == pytest.approx(found.customers["profit"].sum())
    assert table.loc["no profit", "profit"] == pytest.approx(-72)
    assert table.drop("no profit")["profit_share"].sum() == pytest.approx(1)
    assert (found.since, found.as_of) == (pd.Timestamp("2024-01-01"), pd.Timestamp("2025-12-31"))


def test_a_season_is_no_fall():
    season = 20 + 15 * np.cos(2 * np.pi * np.arange(24) / 12)
    found = profitable_classes(
        bought(a=season + np.arange(24) % 3, b=season), cost="cost", as_of="2025-12-31"
    )
    assert found.customers["fading"].tolist() == ["no", "no"]


def test_who_fell_by_chance_or_came_lately_cannot_be_said():
    data = bought(lumpy=[0, 0, 90, 0, 0, 0, 0, 0, 0, 0, 0, 0, *[0] * 6, 40, *[0] * 5], new=5.0)
    data = data[(data["customer_id"] != "new") | (data["date"] > "2024-10-01")]
    found = profitable_classes(data, cost="cost", as_of="2025-12-31")
    assert found.customers["fading"].tolist() == ["cannot say", "cannot say"]


def test_few_are_said_to_fade_when_nobody_does():
    random = np.random.default_rng(3)
    names = [f"C{k:03}" for k in range(300)]
    data = bought(**{name: random.gamma(0.5, 60, 24).round(2) for name in names})
    found = profitable_classes(data, cost="cost", as_of="2025-12-31")
    # Without any true fall, nine samples in ten have no false alarm at all.
    assert (found.customers["fading"] == "yes").sum() <= 1


def test_those_who_fade_in_the_example_have_turned_down_or_left():
    source = tables.read("data/transactions.csv", kind="transactions")
    truth = pd.read_csv("data/truth/customers.csv").set_index("customer_id")["stage"]
    found = profitable_classes(source, cost="cost").customers
    fading = found.loc[found["fading"] == "yes", "customer_id"]
    assert len(fading) >= 20
    assert truth[fading].isin(["decline", "left"]).mean() >= 0.9


def test_a_margin_rate_scales_the_profit():
    data = bought(a=10.0, b=5.0)
    found = profitable_classes(data, margin_rate=0.25, as_of="2025-12-31").customers
    assert found["profit"].tolist() == pytest.approx([24 * 20 * 0.25, 24 * 15 * 0.25])


def test_one_customer_and_customers_all_equal():
    alone = profitable_classes(bought(a=10.0), cost="cost", as_of="2025-12-31")
    assert alone.customers["class"].tolist() == ["first"]
    equal = profitable_classes(
        bought(**dict.fromkeys("abcdefghij", 10.0)), cost="cost", as_of="2025-12-31"
    )
    assert equal.customers["class"].tolist() == ["first"] + ["core"] * 4 + ["other"] * 5
    assert equal.customers["fading"].eq("no").all()


def test_only_losses():
    found = profitable_classes(bought(a=-5.0, b=-2.0), cost="cost", as_of="2025-12-31")
    assert found.customers["class"].tolist() == ["no profit"] * 2
    assert found.classes["profit_share"].isna().all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "either cost"),
        ({"cost": "price"}, "no column price"),
        ({"cost": "cost", "fall": 25}, r"fall=25 is not a fraction.*0\.25"),
        ({"cost": "cost", "months": 3}, "months=3: write a whole number from 4 to 120"),
        ({"cost": "cost", "months": 6.5}, "months=6.5: write a whole number"),
        ({"cost": "cost", "months": 5000}, "months=5000: write a whole number"),
        ({"cost": "cost", "first_share": 0.7, "core_share": 0.4}, "more than all"),
    ],
)
def test_faults_are_told(arguments, message):
    with pytest.raises(InputError, match=message):
        profitable_classes(bought(a=1.0), as_of="2025-12-31", **arguments)
