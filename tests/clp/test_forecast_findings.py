"""The sentences of page one.

Oracle: the sentence a reader should get for small results written out here.
"""

import numpy as np
import pandas as pd
import pytest

from crmlib.clp.forecast_findings import forecast_findings
from tests.clp.made_forecasts import MODEL, RULE, backtest, forecast, origins


def findings(planned=None, check=None, **more):
    planned = planned or forecast()
    valued = forecast(104.0, rate=0.01, method=planned.method)
    check = check or backtest()
    return forecast_findings(planned, valued, check, period="month", money="yuan", **more)


def test_what_is_to_come_stands_beside_what_came_of_earlier_forecasts_and_its_worth_today():
    """90 of 100, 100 of 110 and 125 of 120 came: 0.90, 0.91 and 1.04 times."""
    worth = findings()[0]
    assert worth.text == (
        "The 20 customers known today will bring about 110 yuan in the next 12 months. At 3 "
        "earlier dates 0.90, 0.91 and 1.04 times the forecast came; as far off again, that is 99 "
        "to 115."
    )
    assert worth.detail == (
        "The model's own 95% range, if the model is right: 100 to 120; such ranges held in 1 of 3 "
        "tries. In today's money, at 1.00% a month: 104 yuan. Customers won from now on are not "
        "counted."
    )


def of_last_date():
    check = backtest()
    return backtest(origins=check.origins[check.origins["cut"] == check.origins["cut"].max()])


def with_totals(forecasts, actual):
    return backtest(origins=origins(MODEL, forecasts, actual))


@pytest.mark.parametrize(
    ("planned", "check", "words"),
    [
        (
            forecast(),
            of_last_date(),
            "At the one earlier date 1.04 times the forecast came.",
        ),
        (
            forecast(periods=6),
            backtest(),
            "in the next 6 months. At 3 earlier dates, over 12 months, 0.90, 0.91 and 1.04 times "
            "the forecast came.",
        ),
        (
            forecast(),
            backtest(origins=backtest().origins.iloc[:0]),
            "How far off that may be has not been tried.",
        ),
        (
            forecast(-50.0, -60.0, -40.0),
            with_totals([-30.0, -40.0, -50.0], [-35.0, -38.0, -50.0]),
            "will cost about 50 yuan in the next 12 months. At 3 earlier dates 5 less, 2 more and "
            "0 more than forecast came; as far off again, that is −55 to −48.",
        ),
        (
            forecast(0.0, 0.0, 0.0),
            with_totals([0.0, 0.0, 0.0], [0.0, 0.0, 0.0]),
            "will bring no profit in the next 12 months. At 3 earlier dates what was forecast "
            "came.",
        ),
        (forecast(customers=1), backtest(), "The one customer known today will bring about"),
        (forecast(periods=1), backtest(), "in the next 1 month. At"),
    ],
)
def test_what_came_of_earlier_forecasts_is_told_of_every_kind_of_total(planned, check, words):
    assert words in findings(planned, check)[0].text


def test_of_many_dates_the_least_and_the_most_are_told():
    check = backtest()
    check = backtest(origins=pd.concat([check.origins] * 2, ignore_index=True))
    text = findings(check=check)[0].text
    assert "At 6 earlier dates 0.90 to 1.04 times the forecast came" in text


def test_a_method_without_a_range_of_its_own_says_so():
    rule = forecast(method=RULE, low=np.nan, high=np.nan)
    detail = findings(rule, backtest(best=RULE))[0].detail
    assert detail.startswith("The method has no range of its own. In today's money")


def test_trust_is_what_the_same_method_would_have_said():
    trust = findings()[1]
    assert trust.text == (
        "Made 12 months ago, the same method would have said 120 yuan; 125 came (4% too low)."
    )
    assert "At the 2 dates before that: 11% too high and 10% too high." in trust.detail
    assert trust.detail.endswith("for single customers held what came in 93% of cases.")


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
        (MODEL, True, f"but the simple rule “{RULE}” may do as well for single customers."),
        (MODEL, False, "better than any simple rule does."),
        (RULE, True, f"The simple rule “{RULE}” forecasts these customers; no model is clearly"),
    ],
)
def test_whether_a_simple_rule_does_as_well_is_told(method, alike, words):
    found = findings(forecast(method=method), backtest(alike=alike, best=method))[2]
    assert words in found.text
    assert found.detail.startswith("It has the smallest error.")


def test_all_simple_rules_are_looked_at_not_only_the_one_with_the_smallest_error():
    """“nothing” errs more than “own average” on average, but cannot be told from the model."""
    check = backtest(alike=False)
    nothing = {"method": "nothing", "rmse": 12.0, "distinguishable": False}
    both = pd.concat([check.comparison, pd.DataFrame([nothing])], ignore_index=True)
    text = findings(check=backtest(comparison=both))[2].text
    assert text.endswith("but the simple rule “nothing” may do as well for single customers.")


def test_where_a_simple_rule_comes_close_is_told():
    """The rule's errors are 13, 10.3 and 11 at the three dates, the model's 10 at each."""
    assert "A simple rule came closest from the end of Mar 2025: “own average”, its error 3% " in (
        findings()[2].detail
    )
    check = backtest()
    check.origins.loc[check.origins["rmse"] == 11.0, "rmse"] = 8.0
    closest = "from the end of Jun 2025: “own average”, its error 20% smaller."
    assert findings(check=check)[2].detail.endswith(closest)
    once = findings(check=of_last_date())[2].detail
    assert "closest" not in once


def test_errors_of_the_method_and_the_rule_stand_beside_each_other():
    found = findings()[2]
    assert (
        "Typical error for a customer (RMSE): 10 yuan, by “own average” 11; totals were 5% too "
        "high and 20% too high." in found.detail
    )


def test_a_method_chosen_by_the_reader_is_not_taken_for_the_best():
    found = findings(forecast(method=RULE), backtest(best=MODEL))[2]
    assert f"The backtest prefers “{MODEL}”." in found.detail
    assert found.text == f"The simple rule “{RULE}” forecasts these customers, as was asked."
    asked = findings(forecast(method=MODEL), backtest(best=RULE, alike=False))[2]
    assert asked.text == f"“{MODEL}” forecasts these customers, as was asked."


def test_concentration_tells_shares_and_whether_the_foremost_can_be_told():
    found = findings()[3]
    assert found.text == (  # parts 1/2, 1/4, 1/8, 1/16 of a total of 110
        "10% of the customers (2) will bring 75% of the profit, 20% (4) bring 94%."
    )
    assert found.detail == (
        "In the backtest the 20% with the highest forecasts brought 60% of what came; those "
        "foremost by “own average” brought 55%."
    )


@pytest.mark.parametrize("spread", [0.0, 0.02])
def test_a_method_that_forecasts_the_same_for_all_cannot_tell_them_apart(spread):
    planned = forecast()
    planned.customers["profit"] = 5.0 + spread * np.arange(20)
    found = findings(planned)[3]
    assert found.text == (
        f"“{MODEL}” cannot tell these customers apart: it forecasts nearly the same for all."
    )
    assert found.detail.startswith("It says nothing of where the profit lies. In the backtest")


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
    assert found.detail.startswith(  # 99 to 115, and 100 to 120
        "It is within what errors as at earlier dates give; it is within the model's own range."
    )
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


@pytest.mark.parametrize(
    ("came", "words"),
    [
        (118.0, "It is not within what errors as at earlier dates give; it is within the model's"),
        (99.5, "It is within what errors as at earlier dates give; it is not within the model's"),
    ],
)
def test_what_came_outside_a_range_is_said(came, words):
    found = findings(outcome=outcome(total_actual=came, total_inside=False))[2]
    assert found.detail.startswith(words)


def test_repeated_rows_are_the_last_thing_to_read():
    found = findings(repeated=3)[-1]
    assert found.text.startswith("Check first: 3 rows stand in the table more than once")
    assert len(findings()) == 4
