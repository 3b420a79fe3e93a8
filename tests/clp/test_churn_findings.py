"""The sentences of page one of the churn-loss report.

Oracle: the sentence a reader should get for small results written out here.
"""

import numpy as np
import pandas as pd
import pytest

from crmlib.clp.churn import ValueAtRisk
from crmlib.clp.churn_findings import ChurnWords, best_model, churn_findings
from crmlib.clp.retention_gain import KEPT_BRING, interval_columns

WORDS = ChurnWords(period="month", money="yuan", periods=24, left_after=6, points=0.05)


def gain_row(model, kept, *, retention=0.9, value=1e6, percent=5.0, raised=None, lost=65):
    gain = value * percent / 100
    estimates = {
        "retention": (retention, 0.03),
        "value": (value, 0.1 * value),
        "gain": (gain, 0.1 * gain),
        "gain_percent": (percent, 0.5),
        "affordable": (gain / 50, 0.1 * gain / 50),
    }
    row = {"model": model, "kept_bring": kept, "customers": 435, "lost": lost}
    for name, (estimate, half) in estimates.items():
        row |= {name: estimate, f"{name}_low": estimate - half, f"{name}_high": estimate + half}
    return row | {"raised": min(retention + 0.05, 1.0) if raised is None else raised}


def gains(others=5.0, lost=3.0, constant=5.2, **given):
    return pd.DataFrame(
        [
            gain_row("constant", KEPT_BRING[0], percent=constant, **given),
            gain_row("constant", KEPT_BRING[1], percent=lost, **given),
            gain_row("by tenure", KEPT_BRING[0], percent=others, **given),
            gain_row("by tenure", KEPT_BRING[1], percent=lost, **given),
        ]
    )


def without_answer():
    rows = gains().assign(lost=3)
    return rows.assign(**dict.fromkeys(interval_columns(), np.nan), raised=np.nan)


def found(
    gain=None, *, value=2e6, customers=20, error=-15.0, cost=None, break_even=np.nan, new=4e4
):
    gain = gains() if gain is None else gain
    values = pd.DataFrame(
        {"value_if_here": np.full(customers, value / customers), "still_here": 0.95}
    )
    risk = pd.DataFrame(
        {"value": [value], "expected_loss": [2e5], "exceeded_loss": [3e5], "expected_share": [0.1]}
    )
    longer = pd.concat([gain.assign(years=2), gain.assign(years=10)])
    check = pd.DataFrame(
        {
            "model": ["constant", "by tenure"],
            "customers": 299,
            "expected_back": 287.2,
            "back": 284,
            "expected_profit": 85_000.0,
            "profit": 100_000.0,
            "periods": 12,
            "error_percent": error,
        }
    )
    newcomers = pd.DataFrame(
        {
            "model": ["by tenure"],
            "value": [new],
            "low": [0.9 * new],
            "high": [1.1 * new],
            "break_even_share": [break_even],
        }
    )
    return churn_findings(
        gain,
        longer,
        values,
        ValueAtRisk(table=risk, losses=np.array([]), level=0.05),
        newcomers,
        check,
        model="by tenure",
        acquisition_cost=cost,
        words=WORDS,
    )


def test_who_stays_is_told_of_a_hundred_with_its_interval():
    stay = found()[0]
    assert stay.text == (
        "Of 100 customers who still buy, about 90 stay for another year (likely 87 to 93)."
    )
    assert stay.detail == (
        "Seen in 500 customers, of whom 65 are lost: without a purchase for 6 months. Of the 435 "
        "others about 1 will not buy again either."
    )


def test_models_that_see_retention_otherwise_are_told():
    rows = gains()
    rows.loc[rows["model"] == "constant", "retention"] = 0.62
    assert found(rows)[0].detail.endswith(
        "This hangs on how retention is seen: it is 62 by one retention for all."
    )


def test_small_losses_are_told_with_a_digit():
    stay = found(gains(retention=0.965))[0]
    assert "about 96.5 stay for another year (likely 94 to 99.5)" in stay.text


def test_what_leaves_is_told_with_the_bad_year_and_the_largest():
    loss = found()[1]
    assert loss.text == (
        "Customers lost within a year take about 200,000 yuan of profit with them, 10% of what all "
        "would bring in the next 24 months; with a chance of 5%, more than 300,000."
    )
    assert loss.detail.startswith("The ten largest customers hold 50% of the value.")
    assert found(customers=3)[1].detail.startswith("All of it hangs on 3 customers.")


def test_gain_is_told_both_ways_and_over_longer_times():
    gain = found()[2]
    assert gain.text == (
        "Keeping 5 of 100 customers more each year is worth about 50,000 yuan in the next 24 "
        "months: 5.0% (4.5 to 5.5) more profit, if those kept bring as much as the others, and "
        "3.0% (2.5 to 3.5), if they go on as those lost did."
    )
    assert "25 to 85% often quoted" in gain.detail
    assert "it is 5% over 2 years and 5% over 10 years." in gain.detail


def test_where_fewer_are_lost_than_are_to_be_kept_it_is_said():
    gain = found(gains(retention=0.98, raised=1.0))[2]
    assert gain.detail.startswith("Only 2.0 of 100 are lost, so no more can be kept.")


@pytest.mark.parametrize(
    ("cost", "break_even", "words"),
    [
        (None, np.nan, "(36,000 to 44,000)."),
        (3000.0, 0.42, "Winning one for 3,000 yuan comes back if 42 of 100 or more stay"),
        (3000.0, 0.004, "comes back even if hardly any stays for a year."),
        (3000.0, 0.0, "comes back even if hardly any stays for a year."),
        (90_000.0, np.nan, "90,000 yuan does not come back in the next 24 months, even if all"),
    ],
)
def test_what_a_programme_and_a_new_customer_may_cost(cost, break_even, words):
    pays = found(cost=cost, break_even=break_even)[3]
    assert pays.text == (
        "A programme that keeps so many may cost at most 600 yuan (540 to 660) for each customer "
        "and year, or 1,000 yuan (900 to 1,100) where they bring more."
    )
    assert words in pays.detail


def test_little_money_is_told_with_cents():
    pays = found(gains(value=1000.0), new=34.2)[3]
    assert (
        "0.60 yuan (0.54 to 0.66) for each customer and year, or 1.00 yuan (0.90 to 1.10)"
        in pays.text
    )
    assert "about 34.20 yuan in the next 24 months (30.78 to 37.62)" in pays.detail


def test_trust_tells_the_error_of_the_past_and_what_hangs_on_the_model():
    trust = found()[4]
    assert trust.text == (
        "Made 12 months ago, the same reckoning would have been 15% too low: 85,000 yuan from the "
        "customers of then; 100,000 came."
    )
    assert trust.detail == (
        "Of 299 customers, 287 were to buy again; 284 did. The gain hangs little on how retention "
        "is seen: 5.2% by one retention for all and 5.0% by retention by tenure as observed."
    )
    assert "The gain hangs on how retention is seen" in found(gains(constant=19.0))[4].detail
    assert found(error=40.0)[4].text.endswith("Do not plan with its sums of money.")
    assert "is not known" in found(error=np.nan)[4].text


def test_what_cannot_be_said_is_said():
    stay, loss, gain, pays, _ = found(without_answer())
    assert loss.text == "What the customers lost within a year will take cannot be said."
    assert stay.text == "How many customers stay cannot be said: too few have left so far."
    assert gain.text.endswith("cannot be said: it is not known how many are lost.")
    assert pays.text == "What a programme to keep customers may cost cannot be said."


def test_a_base_without_profit_is_not_worth_keeping():
    rows = gains(value=-1e5)
    rows[["gain_percent", "gain_percent_low", "gain_percent_high"]] = np.nan
    _, loss, gain, pays, _ = found(rows, value=-2e5)
    assert loss.text == "The customers of today bring no profit, so losing them costs none."
    assert gain.text.endswith("cannot be said: the customers of today bring no profit.")
    assert pays.text == "What a programme to keep customers may cost cannot be said."


def test_the_model_that_erred_least_and_is_determined_leads():
    check = pd.DataFrame(
        {
            "model": ["constant", "by tenure", "shifted beta-geometric"],
            "error_percent": [-20.0, 9.0, -1.0],
        }
    )
    assert best_model(check, gains()) == "by tenure"
    assert best_model(check.assign(error_percent=[-2.0, 9.0, 1.0]), gains()) == "constant"
    assert best_model(check.assign(error_percent=np.nan), gains()) == "by tenure"
