"""The sentences of page one.

Oracle: the sentence a reader should get for small results written out here.
"""

import pandas as pd
import pytest

from crmlib.clp.findings import life_cycle_findings
from crmlib.clp.holdout import HoldoutCheck
from crmlib.clp.value import LifetimeProfit
from crmlib.findings import amount, listed


def summary(**customers):
    return pd.DataFrame(
        {
            "stage": [name.replace("_", " ") for name in customers],
            "customers": list(customers.values()),
            "lifetime_profit": [1000.0] * len(customers),
            "low": [-200.0] * len(customers),
            "high": [2200.0] * len(customers),
        }
    )


def value(total, customers=10, without=0, retention=1.0):
    row = {
        "customers": [customers],
        "lifetime_profit": [total],
        "low": [0.9 * total],
        "high": [1.1 * total],
        "customers_without_value": [without],
    }
    return LifetimeProfit(
        customers=pd.DataFrame(),
        total=pd.DataFrame(row),
        rate=0.01,
        periods=24,
        when="end",
        retention=retention,
        stop="last_positive",
        confidence=0.95,
    )


def check(forecast=110.0, actual=100.0, kept=0.99, left=0, came_back=0, profit=0.0, customers=9):
    row = {"customers": [left], "came_back": [came_back], "profit": [profit]}
    return HoldoutCheck(
        customers=pd.DataFrame(),
        stages=pd.DataFrame(),
        total=pd.DataFrame({"customers": [customers], "forecast": [forecast], "actual": [actual]}),
        returned=pd.DataFrame(row),
        retention=pd.DataFrame({"estimate": [kept], "low": [kept - 0.01], "high": [kept + 0.01]}),
        periods=6,
    )


def findings(stages, worth, curves, tested, declining=None):
    empty = pd.DataFrame({"name": [], "recent_profit": []})
    return life_cycle_findings(
        stages,
        worth,
        curves,
        tested,
        empty if declining is None else declining,
        left_after=6,
        period="month",
        money="yuan",
    )


def test_stages_are_counted_in_one_sentence():
    first, *_ = findings(summary(formation=2, stability=7, left=1), value(5e6), value(6e6), check())
    assert first.text == "Of 10 customers, 2 in formation, 7 in stability and 1 has left."
    assert "Left: no purchase for 6 months." in first.detail


def test_most_customers_without_history_come_first_of_all():
    first, *_ = findings(
        summary(stability=10, left=50, not_enough_history=40),
        value(5e6),
        value(6e6),
        check(left=4, came_back=1, profit=5.0),
    )
    assert first.text.endswith("10 of 50 active ones can be placed.")
    assert "of those that counted as left 6 months ago, 25.0% have bought again" in first.detail


def test_worth_is_told_with_interval_losses_and_those_not_counted():
    worth = findings(summary(stability=9, left=1), value(5e6, without=3), value(6e6), check())[1]
    assert worth.text == (
        "9 active customers with enough history will bring about 5.00 million yuan of profit in "
        "the next 24 months, in today's money: likely 4.50 million to 5.50 million."
    )
    assert "The curves alone say 6.00 million yuan" in worth.detail
    assert "would have been 110 yuan for these months; 100 came" in worth.detail
    assert "shrink by 1.0% a month (0.0% to 2.0%)" in worth.detail
    assert "Not counted: 3 customers too new or too quiet to value and" in worth.detail


@pytest.mark.parametrize(
    ("tested", "words"),
    [
        (check(kept=1.0), "It was not too high, so nothing is taken off."),
        (check(kept=float("nan"), customers=0), "cannot be checked"),
        (check(kept=float("nan"), actual=-40.0), "110 yuan for these months; −40 came. The method"),
        (check(profit=31_000.0, left=9, came_back=2), "left and come back (in the 6 periods"),
    ],
)
def test_worth_says_when_nothing_is_taken_off_or_nothing_can_be_checked(tested, words):
    worth = findings(summary(stability=9), value(5e4), value(5e4), tested)[1]
    assert words in worth.detail


def test_nothing_to_value_is_said():
    worth = findings(summary(left=10), value(0.0), value(0.0), check())[1]
    assert worth.text == "What the customers are worth cannot be said from these purchases."


def test_decline_names_the_largest_or_says_there_is_none():
    declining = pd.DataFrame({"name": ["Ada", "木兰"], "recent_profit": [700.0, 300.0]})
    stages = summary(stability=8, decline=2)
    found = findings(stages, value(5e4), value(5e4), check(), declining)[2]
    assert found.text == "2 customers in decline brought 1,000 yuan in the last year."
    assert "leave 1,000 yuan to come (−200 to 2,200)" in found.detail
    assert "The largest: Ada and 木兰." in found.detail
    none = findings(summary(stability=8), value(5e4), value(5e4), check())[2]
    assert none.text == "No customer's profits show a decline."


@pytest.mark.parametrize(
    ("number", "scale", "words"),
    [
        (14_447_304, 14_447_304, "14.4 million"),
        (82_641, 1_440_000, "0.08 million"),
        (2_345_678_901, 2_345_678_901, "2.35 billion"),
        (189_237, 189_237, "189,200"),
        (7_246.4, 7_246, "7,246"),
        (-3.0, 10, "−3"),
    ],
)
def test_money_in_words(number, scale, words):
    assert amount(number, scale) == words


def test_lists_read_like_sentences():
    assert [listed(list("abc")[:n]) for n in (1, 2, 3)] == ["a", "a and b", "a, b and c"]
