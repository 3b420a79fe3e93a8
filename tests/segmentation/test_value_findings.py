"""Sentences of the value report. Oracles: the numbers put in, and what must not be said."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from crmlib.segmentation.deciles import deciles, purchase_deciles
from crmlib.segmentation.tiers import tiers
from crmlib.segmentation.value_check import ValueCheck, class_outlook
from crmlib.segmentation.value_findings import ValueWords, about, value_findings
from crmlib.segmentation.value_matrix import value_matrix

WORDS = ValueWords("yuan", "the last 12 months", "the next 12 months", serving_known=True)
COLUMNS = {"current": "profit", "potential": "potential"}


def worth_of(profit, potential, width=1.0):
    table = pd.DataFrame({"customer_id": range(len(profit)), "profit": profit})
    return table.assign(potential=potential, low=np.array(potential) - width).assign(
        high=np.array(potential) + width, revenue=10.0, young=False
    )


def check_of(above=3, customers=10, more=(0.1, 0.05, 0.15)):
    classes = pd.DataFrame({"value_class": ["I", "II", "III", "IV"], "customers": customers})
    classes = classes.assign(origin=dt.date(2024, 12, 31), above=above, current=1.0)
    classes = classes.assign(potential=1.0, came=1.0, above_share=above / customers)
    classes = classes.assign(low_share=0.1, high_share=0.4 if above < 5 else 0.9)
    rules = pd.DataFrame({"rule": ["value matrix", "best so far"], "chosen": 20})
    rules = rules.assign(above=[16, 14], above_share=[0.8, 0.7], low_share=0.6, high_share=0.9)
    names = ["more_share", "more_low_share", "more_high_share"]
    return ValueCheck(classes, rules.assign(**dict(zip(names, more, strict=True))), 3)


def told(worth, *, check=None, paid_later=None, words=WORDS, line=100):
    matrix = value_matrix(
        worth, **COLUMNS, low="low", high="high", cut="money", current_cut=line, potential_cut=line
    )
    findings = value_findings(
        matrix,
        tiers(worth, **COLUMNS, low="low", high="high"),
        class_outlook(matrix, check),
        deciles(worth),
        purchase_deciles(worth),
        check=check,
        paid_later=paid_later,
        young=worth["young"],
        words=words,
    )
    assert len(findings) == 5
    for finding in findings:
        assert "nan" not in f"{finding.text} {finding.detail}"
    return findings


@pytest.fixture
def worth():
    return worth_of([900, 800, 20, 300, -40, -10.0], [950, 700, 250, 20, -60, -20.0])


def test_every_kind_of_customer_is_told_with_its_numbers(worth):
    worth.loc[5, "young"] = True
    paid = pd.DataFrame({"young": [False, True], "customers": [40, 3], "paid": [9, 1]})
    paid = paid.assign(low_share=0.12, high_share=0.38)
    one, two, three, four, five = told(worth, check=check_of(8), paid_later=paid)
    assert "3 of 6 customers brought 2,000 yuan in the last 12 months" in one.text
    assert "all others together −30" in one.text
    assert "the 2 of class IV come first" in one.text
    assert "the line, 100 yuan." in one.detail
    assert "1 customer of class II brought 20 yuan and is to bring about 250" in two.text
    assert "less than the 230 more" in two.text
    assert "1 customer of class III brought 300 yuan and is to bring about 20" in three.text
    assert "up to 280 is at stake" in three.text
    assert "Of 10 such at 2024-12-31, 8 came to lie above the line (10 to 90%)" in three.detail
    assert "2 customers cost 50 yuan more than they brought" in four.text
    assert "Make the one who is no newcomer pay" in four.text
    assert "give the one newcomer time" in four.text
    assert "9 of 40 such (12 to 38%)" in four.detail
    assert "of 3" not in four.detail
    assert "80 of 100 customers" in five.text
    assert "by what they had brought, 70" in five.text
    assert "earns its keep" in five.text


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ((0.1, 0.05, 0.15), "earns its keep"),
        ((0.02, 0.01, 0.03), "a little better"),
        ((0.02, -0.01, 0.05), "not better beyond chance"),
        ((-0.1, -0.2, -0.01), "did worse"),
        ((0.18, np.nan, np.nan), "too few customers to say"),
    ],
)
def test_the_verdict_on_the_forecast(worth, more, words):
    assert words in told(worth, check=check_of(8, more=more))[4].text


def test_a_check_on_next_to_nobody_says_nothing(worth):
    check = check_of(8)
    few = check.rules.assign(chosen=3, low_share=np.nan, high_share=np.nan)
    five = told(worth, check=ValueCheck(check.classes, few, 3))[4]
    assert "too few customers above the line" in five.text


def test_where_few_came_through_before_no_investment_is_advised(worth):
    text = told(worth, check=check_of(2))[1].text
    assert "Few such came that far before" in text
    assert "Invest" not in text


@pytest.mark.parametrize(
    ("check", "words"),
    [
        (check_of(8), "Go all out to keep it: up to 280 is at stake."),
        (check_of(0, 13), "Few such stayed before: try what helps on some first."),
        (check_of(1, 3), "Ask what would keep it before spending much"),
        (None, "Ask what would keep it before spending much"),
    ],
    ids=["stayed", "seldom", "few", "untried"],
)
def test_all_is_not_spent_on_those_who_never_stayed_or_were_never_seen(worth, check, words):
    assert words in told(worth, check=check)[2].text


def test_what_could_not_be_tried_is_not_said_to_be_as_far_off_as_before(worth):
    findings = told(worth)
    assert not any("before, it would be" in finding.detail for finding in findings)
    # Class II, one customer: its own interval.
    assert "independently of each other, their intervals add up to 250 to 250" in findings[1].detail
    assert "Whether such get there is not known: try what helps on some" in findings[1].text
    assert "Invest" not in findings[1].text
    assert "As far off as before" in told(worth, check=check_of(8))[1].detail


def test_uncertain_classes_are_counted_among_those_to_act_on():
    """4 customers above a line, 3 with intervals that hold it; 50 far below."""
    worth = worth_of([900.0] * 4 + [1.0] * 50, [900, 120, 105, 80.0] + [1.0] * 50, width=30.0)
    detail = told(worth, check=check_of(8))[4].detail
    assert detail == (
        "Today the class of 3 of 4 customers in II to IV is uncertain; customers.csv tells which."
    )


def test_a_past_in_which_nobody_was_put_above_the_line_was_a_trial(worth):
    check = check_of(8)
    five = told(worth, check=ValueCheck(check.classes, check.rules.iloc[:0], 3))[4]
    assert "tried at 3 days of the past, it put nobody above the line" in five.text


@pytest.mark.parametrize(
    ("money", "written"),
    [
        (4_847_410, "4.8 million"),
        (8_000_000, "8 million"),
        (999_600, "1 million"),
        (-1_240_000_000, "−1.2 billion"),
        (530_123, "530,000"),
        (96.4, "96"),
        (0.0, "0"),
    ],
)
def test_forecasts_are_written_with_the_digits_they_have(money, written):
    assert about(money) == written


def test_one_customer_of_class_iv_is_written_in_words():
    assert "one of class IV comes first." in told(worth_of([500.0], [400.0]))[0].text


def test_without_a_past_or_cost_of_serving_it_is_said(worth):
    one, two, _, four, five = told(
        worth_of([900, 20.0], [950, 250.0]),
        words=ValueWords("yuan", "the last month", "the next month", serving_known=False),
    )
    assert "not known" in two.detail
    assert "cannot be seen from purchases alone" in four.text
    assert "could not be tried" in five.text
    assert "class of 0 of 2 customers in II to IV is uncertain" in five.detail
    assert "lie" not in one.text


def test_all_alike_one_customer_and_losses_only():
    for profit in ([50.0] * 12, [50.0], [-50.0] * 3, [0.0] * 3):
        findings = told(worth_of(profit, profit))
        assert "nobody stands out" in findings[0].text
        assert "nobody who brings little now" in findings[1].text
        assert "Today nobody has a class" in findings[4].detail
    lost = told(worth_of([-50.0] * 3, [-40.0] * 3))[3]
    assert "3 customers cost 150 yuan more" in lost.text
    single = told(worth_of([500.0], [400.0]))[0]
    assert "1 of 1 customer brought 500 yuan" in single.text


def test_new_customers_below_zero_are_given_time():
    worth = worth_of([-50.0] * 3, [-40.0] * 3).assign(young=True)
    assert "give them time" in told(worth)[3].text
