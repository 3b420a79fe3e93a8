"""The sentences of page one.

Oracle: the sentence a reader should get for small results written out here.
"""

import pandas as pd
import pytest

from crmlib.clp.early_warning import EarlyWarning, WarningCheck
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
        "low": [min(0.9 * total, 1.1 * total)],
        "high": [max(0.9 * total, 1.1 * total)],
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


def warning(at_stake=()):
    """Warned of, with the profit at stake of each, and two others."""
    names = [f"C{i}" for i in range(len(at_stake))]
    rows = pd.DataFrame(
        {
            "customer_id": [*names, "X1", "X2"],
            "warned": [True] * len(names) + [False] * 2,
            "profit_at_stake": [*at_stake, 9e9, 9e9],
        }
    )
    return EarlyWarning(rows, pd.DataFrame(), false_alarms=0.1, recent=3, period="month")


def past(customers=20, others=80, least_lift=2.0):
    groups = pd.DataFrame(
        {
            "group": ["warned", "not warned", "all"],
            "customers": [customers, others, customers + others],
            "fell": [14, 4, 18],
            "share": [0.7, 0.045, 0.2],
            "low": [0.481, 0.01, 0.1],
            "high": [0.855, 0.1, 0.3],
        }
    )
    quality = pd.DataFrame({"measure": ["lift"], "low": [least_lift]})
    return WarningCheck(pd.DataFrame(), groups, quality, without_profit=0, periods=6, fall=0.5)


def findings(stages, worth, curves, tested, warned=None, before=None):
    return life_cycle_findings(
        stages,
        worth,
        curves,
        tested,
        warned or warning(),
        before or past(),
        pd.Series({"C0": "Ada", "C1": "木兰"}),
        left_after=6,
        period="month",
        money="yuan",
    )


def test_stages_are_counted_in_one_sentence():
    first, *_ = findings(summary(formation=2, stability=7, left=1), value(5e6), value(6e6), check())
    assert first.text == "Of 10 customers, 2 are in formation, 7 in stability and 1 has left."
    one, *_ = findings(summary(decline=1, left=2, undecided=3), value(5e6), value(6e6), check())
    assert one.text == "Of 6 customers, 1 is in decline, 2 have left and 3 are undecided."
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
        (
            check(profit=31_000.0, left=9, came_back=2),
            "left and come back (in the last 6 months these",
        ),
        (
            check(forecast=-29_300.0, actual=-31_500.0, kept=float("nan")),
            "−29,300 yuan for these months; −31,500 came. Where no profit was expected",
        ),
    ],
)
def test_worth_says_when_nothing_is_taken_off_or_nothing_can_be_checked(tested, words):
    worth = findings(summary(stability=9), value(5e4), value(5e4), tested)[1]
    assert words in worth.detail


def test_nothing_to_value_is_said():
    worth = findings(summary(left=10), value(0.0), value(0.0), check())[1]
    assert worth.text == "What the customers are worth cannot be said from these purchases."


def of_warning(*arguments):
    return findings(summary(stability=9), value(5e4), value(5e4), check(), *arguments)[2]


def test_warning_names_the_largest_and_says_how_right_it_was():
    found = of_warning(warning([700.0, 250.0, 50.0]))
    assert found.text == (
        "3 customers show signs that they may go; the profit at stake is 1,000 yuan a year."
    )
    assert found.detail.startswith(
        "The list is cut so that about 10% of it would be false alarms. Of 20 warned of in the "
        "same way 6 months ago, 70% (48% to 86%) have since lost 50% of their profit or more, of "
        "the 80 others 4%: it named 14 of the 18 that did. The largest"
    )
    assert "The largest: Ada, 木兰 and C2." in found.detail


def test_a_list_no_better_than_chance_says_so():
    # Without an interval of the lift, 48% to 86% of the warned against 1% to 10% are no chance.
    for least_lift, told in ((1.01, False), (0.98, True), (float("nan"), False)):
        found = of_warning(warning([700.0]), past(least_lift=least_lift))
        assert (
            found.text == "Who will go cannot be told here: the list of warnings did not clearly "
            "beat chance."
        ) == told
        assert ("false alarms" in found.detail) != told
        assert found.detail.endswith("Do not rely on it.") == told
    found = of_warning(warning([700.0]), past(others=0, least_lift=float("nan")))
    assert found.text.startswith("Who will go cannot be told here")


def test_customers_without_profit_have_none_at_stake():
    some = of_warning(warning([700.0, -20.0, 0.0]))
    assert some.text.endswith("the profit at stake is 700 yuan a year (2 brought none).")
    assert "The largest: Ada. The whole" in some.detail
    one = of_warning(warning([-802.0]))
    assert "The largest" not in one.detail
    assert one.text == (
        "1 customer shows signs that it may go; no profit is at stake: it brought none in the last "
        "year."
    )


def test_a_base_that_loses_money_costs():
    worth = findings(summary(stability=9), value(-25_800.0), value(-25_800.0), check())[1]
    assert worth.text == (
        "10 active customers with enough history will cost about 25,800 yuan more than they bring "
        "in the next 24 months, in today's money: likely 23,200 to 28,400."
    )


def test_a_single_customer_is_told_as_one():
    first, worth, _ = findings(summary(decline=1), value(5e4, 1), value(5e4), check(customers=1))
    assert first.text == "The one customer is in decline."
    assert "1.0% a month (how sure that is, one customer cannot say)." in worth.detail


def test_where_all_have_left_there_is_nobody_to_warn_of():
    nobody = EarlyWarning(warning().customers.iloc[:0], pd.DataFrame(), 0.1, 3, "month")
    found = of_warning(nobody)
    assert found.text == "All customers have left: there is nobody to warn of."


def test_which_profit_and_repeated_rows_are_told():
    words = {"left_after": 6, "period": "month", "money": "yuan"}
    repeated = pd.DataFrame({"customer_id": ["a", "b"], "amount": [10.0, 30.0], "copies": [3, 2]})
    given = (summary(stability=9), value(5e4), value(5e4), check(), warning(), past(), pd.Series())
    found = life_cycle_findings(*given, **words, margin_rate=0.3, repeated=repeated)
    assert found[1].detail.startswith("Profit is 30% of the amount; serving")
    assert found[-1].text == (
        "Check first: 2 rows stand in the table more than once, equal in every column; the copies "
        "are worth 50 yuan."
    )
    found = life_cycle_findings(*given, **words, repeated=repeated.iloc[:0])
    assert found[1].detail.startswith("Profit is the amount less the cost of goods;")
    assert len(found) == 3


def test_one_warning_none_and_an_untried_list_are_said_in_words_of_their_own():
    one = of_warning(warning([700.0]), past(customers=0))
    assert one.text.startswith("1 customer shows signs that it may go;")
    assert "Made 6 months ago, the list would have been empty" in one.detail
    none = of_warning(warning(), past(others=0))
    assert none.text == "No customer shows stronger signs of going than chance would bring."
    assert none.detail.startswith("Looked at: 2 active customers. Of 20 warned of")
    assert none.detail.endswith("profit or more.")


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
