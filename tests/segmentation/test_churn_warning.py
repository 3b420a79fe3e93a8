"""Who is about to leave.

Oracles: what the customers of the example company did after its last day, which is not in its
tables; companies made here whose customers leave in a known way; counts of the CDNOW file.
"""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from crmlib import clp, segmentation, tables
from crmlib.errors import InputError
from crmlib.segmentation.churn_warning import TOGETHER, days_between, reasons
from crmlib.segmentation.warning_check import ALL_SIGNS, SIMPLE


@pytest.fixture(scope="module")
def transactions():
    return pd.read_csv("data/transactions.csv", parse_dates=["date"])


def future(months):
    """Profits of months after the last day, which no table of the company holds."""
    rows = months[months["month"].astype(str).str[:10] > "2025-12-31"]
    return rows.assign(month=pd.to_datetime(rows["month"]))


def declines(transactions, days, **profit):
    """Probabilities of decline by day, each from what was known then."""
    found = []
    for day in days:
        known = transactions[pd.to_datetime(transactions["date"]) <= day]
        fit = clp.fit_life_cycle(clp.profit_history(known, observed_until=day.date(), **profit))
        found.append(fit.customers.assign(date=day, decline=fit.customers["probability_decline"]))
    return pd.concat(found)


@pytest.fixture(scope="module")
def warning(transactions):
    days = segmentation.warning_days(transactions)
    decline = declines(transactions, days, cost="cost")
    complaints = pd.read_csv("data/complaints.csv", parse_dates=["date"])
    return segmentation.churn_warning(transactions, complaints, decline=decline, cost="cost")


def leavers(months, customers):
    """Who will buy nothing in the last 90 of the next 180 days: truth that no table holds."""
    rows = future(months)
    late = (rows["month"] >= "2026-04-01") & (rows["month"] < "2026-07-01")
    bought = rows[late & (rows["profit"] > 0)]
    return ~customers.isin(bought["customer_id"])


def test_those_warned_of_leave_in_the_future_that_no_table_holds(warning):
    customers = warning.customers
    truth = leavers(pd.read_csv("data/truth/future.csv"), customers["customer_id"])
    warned = customers["warned"]
    assert warned.sum() >= 8
    assert truth[warned].mean() > 0.6
    assert truth[warned].mean() > 2.5 * truth.mean()
    longest = customers.sort_values("silence", ascending=False).index[: warned.sum()]
    assert truth[warned].mean() > truth[longest].mean() + 0.2
    assert warning.method == ALL_SIGNS


def test_accuracy_is_what_the_test_days_add_up_to(warning):
    tests, accuracy = warning.tests, warning.accuracy.set_index(["method", "measure"])["estimate"]
    named, right = tests["warned"].sum(), tests["right"].sum()
    assert accuracy[ALL_SIGNS, "precision"] == pytest.approx(right / named)
    assert accuracy[ALL_SIGNS, "recall"] == pytest.approx(right / tests["left"].sum())
    base = tests["left"].sum() / tests["customers"].sum()
    assert accuracy[ALL_SIGNS, "lift"] == pytest.approx(right / named / base)
    simple = "days since the last purchase"
    assert accuracy[simple, "precision"] == pytest.approx(tests["right_other"].sum() / named)
    assert warning.calibration["customers"].sum() == tests["customers"].sum()
    areas = warning.accuracy.set_index(["measure", "method"])["estimate"]
    assert areas["larger area", ALL_SIGNS] == pytest.approx(
        areas["area under the curve", ALL_SIGNS] - areas["area under the curve", simple]
    )


def test_everybody_is_on_the_list_once_or_has_left(transactions, warning):
    bought = transactions.query("amount > 0")
    last = pd.to_datetime(bought.groupby("customer_id")["date"].max())
    here = last[last > pd.Timestamp("2025-12-31") - pd.Timedelta(days=90)]
    assert sorted(warning.customers["customer_id"]) == sorted(here.index)
    assert warning.gone == (~last.index.isin(here.index)).sum()
    table = warning.customers
    assert (table["warned"] == (table["probability"] >= 0.5)).all()
    assert (table["low"] <= table["probability"] + 1e-12)[table["probability"].notna()].all()
    stake = warning.warned["at_stake"]
    assert stake.is_monotonic_decreasing
    assert stake.iloc[0] == pytest.approx(
        warning.warned["probability"].iloc[0] * warning.warned["profit_year"].iloc[0], abs=0.01
    )
    of_year = transactions[transactions["date"] > "2024-12-31"]
    first = warning.warned["customer_id"].iloc[0]
    rows = of_year[of_year["customer_id"] == first]
    assert table["profit_year"].iloc[0] == pytest.approx((rows["amount"] - rows["cost"]).sum())


def test_only_signs_that_told_are_reasons(warning):
    areas = warning.signs.set_index("sign")["low"]
    assert areas["given up"] <= 0.5 < areas["decline"]
    said = " ".join(warning.warned["reasons"])
    assert "life cycle has turned down" in said
    assert "none for" not in said  # complaints that stopped
    assert (warning.warned["reasons"] != "").all()
    assert set(warning.warned["sign"]) <= {"decline", "spending", "silence", "days", ""}


def test_reasons_of_one_customer_of_every_kind():
    now = pd.DataFrame({"silence": [80, 80, 5, 5], "usual_gap": [9.0, 300.0, 9.0, 9.0],
                        "silence_probability": [0.01, 0.9, 0.9, 0.9], "purchases": [9, 2, 9, 9],
                        "spending_change": [-0.5, 0.0, 0.0, -0.9]})  # fmt: skip
    now = pd.concat([now, now.tail(1).loc[[3] * 12]], ignore_index=True)
    warned = now["purchases"] > 0
    found = reasons(now, ["days", "silence", "purchases"], warned, ALL_SIGNS)
    assert found["reasons"][:4] == [
        "silent for 80 days, usually 9 apart",
        "silent for 80 days, longer than three in four customers; only 2 purchases so far",
        TOGETHER,
        TOGETHER,
    ]
    assert found["sign"][:4] == ["silence", "days", "", ""]
    assert reasons(now, ["spending"], warned, SIMPLE)["reasons"][2] == "silent for 5 days"
    assert set(reasons(now, [], ~warned, ALL_SIGNS)["reasons"]) == {""}


def test_with_one_purchase_it_cannot_be_said(warning):
    once = warning.customers["purchases"] == 1
    assert once.any()
    assert warning.customers.loc[once, "probability"].isna().all()
    assert set(warning.customers.loc[once, "answer"]) == {"cannot say: one purchase only"}
    assert not warning.customers.loc[once, "warned"].any()
    assert warning.single["customers"].iloc[-1] == warning.single["customers"].iloc[:-1].sum()


def with_own_rhythms(seed, customers=300):
    """Some buy every five days, some every sixty; some of all stop one day, for no reason."""
    random = np.random.default_rng(seed)
    rows = []
    for i in range(customers):
        gap = random.choice([5, 60])
        steps = random.gamma(16.0, gap / 16.0, size=1100 // gap + 20).clip(1)
        days = np.cumsum(steps) + random.uniform(0, 60)
        stops = random.exponential(1000)
        rows += [(f"C{i:03}", int(day)) for day in days if day < min(stops, 1080)]
    table = pd.DataFrame(rows, columns=["customer_id", "day"])
    table["date"] = pd.Timestamp("2022-01-01") + pd.to_timedelta(table.pop("day"), unit="D")
    return table.assign(amount=10.0)


def test_own_rhythms_tell_more_than_one_rule_for_all():
    warning = segmentation.churn_warning(with_own_rhythms(1, 500), margin_rate=0.3, ahead=90)
    assert warning.method == ALL_SIGNS
    right, simple = warning.accuracy.query("measure == 'precision'")["estimate"]
    assert right > 0.9
    assert right > simple + 0.2
    odds = warning.signs.set_index("sign")
    assert odds.loc["silence", "odds_low"] > 3
    assert odds.loc["days", "odds_low"] < 1


def test_the_same_rows_in_another_order_give_the_same():
    rows = with_own_rhythms(2, customers=30)
    shuffled = rows.sample(frac=1, random_state=1)
    one, other = (segmentation.churn_warning(r, margin_rate=0.3) for r in (rows, shuffled))
    pd.testing.assert_frame_equal(one.customers, other.customers)
    pd.testing.assert_frame_equal(one.accuracy, other.accuracy)


def regular(customers=50):
    days = pd.date_range("2022-01-01", "2024-09-26", freq="30D")
    return pd.DataFrame(
        [(f"C{i:02}", day, 10.0) for i in range(customers) for day in days],
        columns=["customer_id", "date", "amount"],
    )


@pytest.mark.parametrize("rows", [regular(20), regular(1), regular(1).head(1), regular(1).head(2)])
def test_where_nobody_left_nothing_is_said(rows):
    warning = segmentation.churn_warning(rows)
    assert warning.method == ""
    assert "nothing can be learned" in warning.note
    assert len(warning.customers) == rows["customer_id"].nunique()
    assert warning.customers["probability"].isna().all()
    assert warning.warned.empty
    assert warning.accuracy["estimate"].isna().all()


def test_days_are_as_far_apart_as_is_looked_ahead():
    first, last = pd.Timestamp("2024-01-01"), pd.Timestamp("2025-12-31")
    days = days_between(first, last, None, 180)
    assert days[-1] == last
    assert {(b - a).days for a, b in pairwise(days)} == {180}
    assert (days[0] - first).days >= 180
    assert len(days_between(first, last, None, 30)) == 7
    assert days_between(first, last, "2024-02-01", 180) == [pd.Timestamp("2024-02-01")]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"ahead": 0, "left_after": 0}, "left_after=0"),
        ({"ahead": 60}, "ahead=60 is shorter than left_after=90"),
        ({"warn_from": 50}, "Did you mean 0.5"),
        ({"confidence": 1.0}, "confidence=1 is not a fraction"),
        ({"as_of": "2019-01-01"}, "before the first purchase"),
        ({"as_of": "2099-01-01"}, "still to come"),
        ({"as_of": "soon"}, "as_of=.soon. is not a day"),
        ({"cost": "cost"}, "no column cost"),
        ({"cost": "amount", "margin_rate": 0.3}, "Give either cost"),
        ({"amount": "money"}, "no column money"),
    ],
)
def test_arguments_that_cannot_be_used_are_told(given, words):
    with pytest.raises(InputError, match=words):
        segmentation.churn_warning(regular(2), **given)


def test_negative_money_and_refunds_are_borne():
    random = np.random.default_rng(3)
    rows = with_own_rhythms(3, customers=40)
    rows["amount"] = random.normal(2, 20, len(rows)).round(2)
    warning = segmentation.churn_warning(rows)
    assert (warning.customers["at_stake"].dropna() >= 0).all()


@pytest.mark.slow
def test_real_purchases(shared):
    rows = tables.read(
        shared / "data" / "cdnow_master.txt",
        kind="transactions",
        columns={"amount": "dollar_value"},
    )
    warning = segmentation.churn_warning(rows, margin_rate=0.3)
    assert len(warning.customers) + warning.gone == 23_502  # with a purchase above zero
    accuracy = warning.accuracy.set_index(["method", "measure"])["estimate"]
    assert warning.method == ALL_SIGNS
    assert accuracy[ALL_SIGNS, "area under the curve"] > 0.68


@pytest.mark.slow
def test_in_other_companies_the_list_is_as_right_as_it_was_on_past_days():
    hits = named = held = 0
    for seed in range(1, 4):
        company = tables.example.company(seed=seed)
        days = segmentation.warning_days(company.transactions)
        decline = declines(company.transactions, days, cost="cost")
        warning = segmentation.churn_warning(
            company.transactions, company.complaints, decline=decline, cost="cost"
        )
        truth = leavers(company.truth.months, warning.warned["customer_id"])
        hits, named = hits + truth.sum(), named + len(truth)
        precision = warning.accuracy.query("measure == 'precision'")
        row = precision[precision["method"] == warning.method].iloc[0]
        held += np.isnan(row["high"]) or truth.mean() >= row["low"] - 0.05
    assert hits / named > 0.6
    assert held >= 2
