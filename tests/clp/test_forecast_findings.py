"""The sentences of page one.

Oracle: the sentence a reader should get for small results written out here.
"""

import numpy as np
import pandas as pd
import pytest

from crmlib.clp.forecast_findings import forecast_findings
from tests.clp.made_forecasts import MODEL, RULE, backtest, forecast

ERRORS = {"low_from_errors": 80.0, "high_from_errors": 150.0}


def findings(planned=None, check=None, **more):
    planned = planned or forecast(**ERRORS)
    valued = forecast(104.0, rate=0.01, method=planned.method)
    check = check or backtest()
    return forecast_findings(planned, valued, check, period="month", money="yuan", **more)


def test_what_is_to_come_has_the_range_of_past_errors_and_its_worth_today():
    worth = findings()[0]
    assert worth.text == (
        "The 20 customers known today will bring about 110 yuan in the next 12 months: likely 80 "
        "to 150."
    )
    assert "how far the same method was off at earlier dates" in worth.detail
    assert "the model's own, which takes the model to be right, is 100 to 120" in worth.detail
    assert "In today's money, at 1.00% a month: 104 yuan." in worth.detail
    assert "Customers won from now on are not counted." in worth.detail


@pytest.mark.parametrize(
    ("planned", "text", "detail"),
    [
        (forecast(), "likely 100 to 120.", "its errors at earlier dates give none."),
        (
            forecast(low=np.nan, high=np.nan),
            "how far off that may be cannot be said.",
            "has no interval",
        ),
        (forecast(low=np.nan, high=np.nan, **ERRORS), "likely 80 to 150.", "at earlier dates."),
        (forecast(-50.0, -60.0, -40.0), "will cost about 50 yuan", "The 95% range"),
        (forecast(0.0, 0.0, 0.0), "known today will bring no profit in the next 12 months: ", ""),
        (forecast(customers=1, periods=1), "The one customer known today will bring", ""),
        (forecast(customers=1, periods=1), "in the next 1 month:", ""),
    ],
)
def test_the_range_says_where_it_is_from(planned, text, detail):
    worth = findings(planned)[0]
    assert text in worth.text
    assert detail in worth.detail


def test_a_cost_has_its_range_in_the_same_sign():
    worth = findings(forecast(-50.0, -60.0, 10.0))[0]
    assert worth.text.endswith("will cost about 50 yuan in the next 12 months: likely −10 to 60.")


def test_a_range_that_does_not_hold_the_forecast_is_told_as_such():
    worth = findings(forecast(low_from_errors=80.0, high_from_errors=100.0))[0]
    assert worth.text.endswith(
        "about 110 yuan in the next 12 months, but by its errors at earlier dates rather 80 to 100."
    )


def test_a_range_too_wide_to_plan_with_is_no_likely_range():
    worth = findings(forecast(low_from_errors=40.0, high_from_errors=300.0))[0]
    assert worth.text.endswith(
        "in the next 12 months. That may be far off: at 3 earlier dates what came was 0.90 to 1.04 "
        "times the forecast."
    )
    assert worth.detail.startswith("A 95% range from so few dates goes from 40 to 300; the model's")


def test_trust_is_what_the_same_method_would_have_said():
    trust = findings()[1]
    assert trust.text == (
        "Made 6 months ago, the same method would have said 120 yuan; 125 came (4% too low)."
    )
    assert "At the 2 dates before that: 11% too high and 10% too high." in trust.detail
    assert "single customers held what came in 93% of cases, those for the total in 1 of 3." in (
        trust.detail
    )


@pytest.mark.parametrize(
    ("said", "came", "words"),
    [
        (-30.0, -40.0, "said −30 yuan; −40 came (10 too high)."),
        (-50.0, -40.0, "(10 too low)."),
        (0.0, 0.0, "said 0 yuan; 0 came (right)."),
    ],
)
def test_errors_of_a_loss_are_told_in_money(said, came, words):
    check = backtest()
    last = check.origins["cut"] == check.origins["cut"].max()
    values = {"total_forecast": said, "total_actual": came, "total_error_percent": np.nan}
    check.origins.loc[last.to_numpy() & (check.origins["method"] == MODEL), list(values)] = [
        *values.values()
    ]
    assert findings(check=check)[1].text.endswith(words)


def test_a_rule_has_no_intervals_to_hold():
    trust = findings(forecast(method=RULE, low=np.nan, high=np.nan), backtest(best=RULE))[1]
    assert trust.detail.endswith("It gives no interval for a single customer.")


def test_a_single_date_says_that_no_earlier_one_was_tried():
    check = backtest()
    last = backtest(origins=check.origins[check.origins["cut"] == check.origins["cut"].max()])
    assert findings(check=last)[1].detail.startswith("No earlier date could be tried.")


def test_a_method_that_ran_nowhere_is_not_trusted():
    check = backtest()
    trust = findings(check=backtest(origins=check.origins.iloc[:0]))[1]
    assert trust.text == "How far to trust this forecast has not been tried."


@pytest.mark.parametrize(
    ("method", "alike", "words"),
    [
        (MODEL, True, f"but the simple rule “{RULE}” does as well for single customers."),
        (MODEL, False, "better than any simple rule does."),
        (RULE, True, f"The simple rule “{RULE}” forecasts these customers; no model is clearly"),
    ],
)
def test_whether_a_simple_rule_does_as_well_is_told(method, alike, words):
    found = findings(forecast(method=method), backtest(alike=alike, best=method))[2]
    assert words in found.text
    assert found.detail.startswith("It has the smallest error.")


def test_errors_of_the_method_and_the_rule_stand_beside_each_other():
    found = findings()[2]
    assert found.detail.endswith(
        "Typical error for a customer (RMSE): 10 yuan, by “own average” 11; totals were 5% too "
        "high and 20% too high."
    )


def test_a_method_chosen_by_the_reader_is_not_taken_for_the_best():
    found = findings(forecast(method=RULE), backtest(best=MODEL))[2]
    assert f"The backtest prefers “{MODEL}”." in found.detail
    assert "no model is clearly better" not in found.text


def test_concentration_tells_shares_and_whether_the_foremost_can_be_told():
    found = findings()[3]
    assert found.text == (  # parts 1/2, 1/4, 1/8, 1/16 of a total of 110
        "10% of the customers (2) will bring 75% of the profit, 20% (4) bring 94%."
    )
    assert found.detail == (
        "In the backtest the 20% with the highest forecasts brought 60% of what came; those "
        "foremost by “own average” brought 55%."
    )


def test_customers_that_cost_more_than_they_bring_are_counted():
    planned = forecast()
    planned.customers.loc[[18, 19], "profit"] = -1.0
    assert "2 customers will cost more than they bring." in findings(planned)[3].detail


def test_shares_are_not_told_of_a_loss_or_of_few_customers():
    loss = findings(forecast(-50.0, -60.0, -40.0))[3]
    assert loss.text == "All customers together bring no profit, so there are no shares of it."
    assert loss.detail.startswith("20 customers will cost more than they bring. In the backtest")
    few = findings(forecast(customers=9))[3]
    assert few.text == "How the profit is spread cannot be said of so few customers."


def outcome(**changed):
    row = {
        "total_forecast": 110.0,
        "total_actual": 105.0,
        "total_error_percent": 4.76,
        "coverage_percent": 91.0,
        "coverage_low": 88.0,
        "coverage_high": 93.0,
        "intervals": 500,
        "total_inside": True,
    }
    return pd.DataFrame([row | changed])


def test_what_came_is_held_against_every_interval():
    found = findings(outcome=outcome())[2]
    assert found.text == (
        "What came in these 12 months is known here: 105 yuan; the forecast is 5% too high."
    )
    assert "It lies in the range above (80 to 150) and in the model's own" in found.detail
    assert found.detail.endswith(
        "Intervals for single customers should hold what comes in 95%: of the model's own (500) "
        "91% did (88 to 93%)."
    )


def test_intervals_from_errors_are_held_against_what_came_too():
    more = {"intervals": 400, "coverage_percent": 96.0, "coverage_low": 94.0, "coverage_high": 97.0}
    both = outcome(**{f"{name}_from_errors": value for name, value in more.items()})
    found = findings(outcome=both)[2]
    assert found.detail.endswith(
        "91% did (88 to 93%) and of those from past errors (400) 96% did (94 to 97%)."
    )
    none = findings(outcome=outcome(intervals=0, coverage_percent=np.nan))[2]
    assert none.detail.endswith("There are no intervals for single customers.")


def test_what_came_outside_the_ranges_is_said():
    found = findings(outcome=outcome(total_actual=160.0, total_inside=False))[2]
    assert "It does not lie in the range above (80 to 150), nor in the model's own" in found.detail


def test_repeated_rows_are_the_last_thing_to_read():
    found = findings(repeated=3)[-1]
    assert found.text.startswith("Check first: 3 rows stand in the table more than once")
    assert len(findings()) == 4
