"""The sentences of page one of the churn-loss report.

Oracle: the sentence a reader should get for small results written out here.
"""

import numpy as np
import pandas as pd
import pytest

from crmlib.clp.churn import ValueAtRisk
from crmlib.clp.churn_findings import (
    ChurnWords,
    best_model,
    churn_findings,
    over_models,
    standing_models,
    stay_range,
)
from crmlib.clp.retention_gain import KEPT_BRING, interval_columns

WORDS = ChurnWords(period="month", money="yuan", periods=24, left_after=6, points=0.05, watched=30)


def gain_row(model, kept, *, retention=0.9, value=1e6, percent=5.0, raised=None, lost=65):
    gain = value * percent / 100
    estimates = {
        "stay": (retention, 0.03),
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


def a_year_ago(error=-15.0, said=(266.1, 266.1), refuted=(False, False)):
    return pd.DataFrame(
        {
            "model": ["constant", "by tenure"],
            "customers": 299,
            "expected_back": 287.2,
            "back": 284,
            "expected_stayed": said,
            "stayed": 257.0,
            "refuted": refuted,
            "expected_profit": 85_000.0,
            "profit": 100_000.0,
            "periods": 12,
            "error_percent": error,
        }
    )


def found(
    gain=None,
    *,
    value=2e6,
    customers=20,
    cost=None,
    break_even=np.nan,
    new=4e4,
    tenure=12,
    losses=(2e5, 2.2e5),
    **past,
):
    gain = gains() if gain is None else gain
    values = pd.DataFrame(
        {
            "tenure": tenure,
            "value": np.full(customers, value / customers),
            "expected_loss": 2e5 / customers,
            "still_here": 0.95,
        }
    )
    risk = pd.DataFrame({"exceeded_loss": [3e5]})
    longer = pd.concat([gain.assign(years=2), gain.assign(years=10)])
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
        pd.DataFrame({"model": ["constant", "by tenure"], "expected_loss": losses}),
        newcomers,
        a_year_ago(**past),
        model="by tenure",
        acquisition_cost=cost,
        words=WORDS,
    )


def test_who_stays_is_told_with_what_the_same_reckoning_said_before():
    stay = found()[0]
    # 87 to 93 by the bootstrap, each end wider by the 3 of 100 missed a year ago.
    assert stay.text == (
        "Of 100 customers of today about 90 will still be customers in a year (likely 84 to 96). "
        "The same reckoning said 89 for the last 12 months; 86 stayed."
    )
    assert stay.detail == (
        "Customers of today bought in the last 6 months: 435 of 500; 65 are lost. About 1 of the "
        "20 are probably gone already. All ways to see retention say so; the past refutes none."
    )
    assert "(likely 84 to 96, if the 20 who are past the 30 months that could be watched" in (
        found(tenure=31)[0].text
    )


def models_apart(one=0.55):
    rows = gains()
    other = rows["model"] == "constant"
    rows.loc[other, ["stay", "stay_low", "stay_high"]] = one, one - 0.01, one + 0.01
    return rows


def test_the_range_is_that_of_the_models_the_past_does_not_refute():
    rows = models_apart()
    apart = a_year_ago(said=(257.0, 257.0))
    assert stay_range(rows, apart) == pytest.approx((0.54, 0.93))
    refuted = apart.assign(refuted=[True, False])
    assert standing_models(refuted, rows) == ["by tenure"]
    assert stay_range(rows, refuted) == pytest.approx((0.87, 0.93))
    stay = found(rows, said=(257.0, 257.0), refuted=(True, False))[0]
    assert "(likely 87 to 93)" in stay.text
    assert "the past refutes, and the range leaves out, one retention for all." in stay.detail
    # Where the past refutes all, no model is left out, and each is wider by what it missed.
    none_left = a_year_ago(said=(227.1, 286.9), refuted=(True, True))
    assert stay_range(rows, none_left) == pytest.approx((0.44, 1.0))


def test_models_that_disagree_widely_give_no_number():
    stay = found(models_apart(), said=(257.0, 257.0))[0]
    assert stay.text.startswith(
        "Of 100 customers of today between 54 and 93 will still be customers in a year: how long "
        "customers stay cannot be said more closely from this table."
    )
    assert "It is 55 by one retention for all and 90 by retention by tenure" in stay.detail


def test_intervals_on_page_one_are_those_of_all_models_that_stand():
    rows = gains(constant=19.0)
    hull = over_models(rows, ["constant", "by tenure"])
    of_tenure = hull[(hull["model"] == "by tenure") & (hull["kept_bring"] == KEPT_BRING[0])]
    assert of_tenure["gain_percent"].item() == 5.0
    assert of_tenure["gain_percent_low"].item() == 4.5
    assert of_tenure["gain_percent_high"].item() == 19.5
    assert "5.0% (4.5 to 20) more profit" in found(rows)[2].text


def test_what_leaves_is_told_with_the_bad_year_and_the_largest():
    loss = found()[1]
    assert loss.text == (
        "Customers that leave within a year take about 200,000 yuan of profit with them, 10% of "
        "what all of today bring in the next 24 months; with a chance of 5%, more than 300,000."
    )
    assert loss.detail.startswith(
        "Who is probably gone already is not counted. The ten largest customers hold 50% of the "
        "value."
    )
    assert "All of it hangs on 3 customers." in found(customers=3)[1].detail


def test_losses_that_hang_on_the_model_are_told_as_a_range():
    loss = found(losses=(1.2345e5, 4e5))[1]
    assert loss.text == (
        "Customers that leave within a year take between 120,000 and 400,000 yuan of profit of the "
        "next 24 months with them: it hangs on how long customers stay."
    )


def test_gain_is_told_both_ways_and_over_longer_times():
    gain = found()[2]
    assert gain.text == (
        "Keeping 5 of 100 customers more each year is worth about 50,000 yuan in the next 24 "
        "months: 5.0% (4.5 to 5.7) more profit, if those kept bring as much as the others, and "
        "3.0% (2.5 to 3.5), if they go on as those lost did."
    )
    assert "25 to 85% often quoted" in gain.detail
    assert "it is 5% over 2 years and 5% over 10 years." in gain.detail


def test_where_fewer_are_lost_than_are_to_be_kept_it_is_said():
    gain = found(gains(retention=0.98, raised=1.0))[2]
    assert gain.detail.startswith("Only 2.0 of 100 leave, so no more can be kept.")


@pytest.mark.parametrize(
    ("cost", "break_even", "words"),
    [
        (
            None,
            np.nan,
            "Winning a customer may cost at most what one won today brings: about 40,000 yuan in "
            "the next 24 months (36,000 to 44,000).",
        ),
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
        "and year, or 1,000 yuan (900 to 1,100) if they bring as much as the others."
    )
    assert words in pays.detail


def test_little_money_is_told_with_cents():
    pays = found(gains(value=1000.0), new=34.2)[3]
    assert (
        "0.60 yuan (0.54 to 0.66) for each customer and year, or 1.00 yuan (0.90 to 1.10)"
        in pays.text
    )
    assert "about 34 yuan in the next 24 months (31 to 38)" in pays.detail


def test_trust_tells_the_error_of_the_past_and_the_gain_by_each_model_without_a_verdict():
    trust = found()[4]
    assert trust.text == (
        "Made 12 months ago, the same reckoning of profit would have been 15% too low: 85,000 yuan "
        "from the customers of then; 100,000 came."
    )
    assert trust.detail == (
        "Of 299 customers, 287 were to buy again; 284 did. The gain is 5.2% by one retention for "
        "all and 5.0% by retention by tenure as observed."
    )
    assert "The gain is 19% by one" in found(gains(constant=19.0))[4].detail
    assert found(error=40.0)[4].text.endswith("Do not plan with its sums of money.")
    assert "would have been right: 85,000" in found(error=0.3)[4].text
    assert "is not known" in found(error=np.nan)[4].text


def test_what_cannot_be_said_is_said():
    stay, loss, gain, pays, _ = found(without_answer())
    assert loss.text == "What the customers that leave within a year will take cannot be said."
    assert stay.text.startswith("How many customers stay cannot be said: too few have left so far")
    assert gain.text.endswith("cannot be said: it is not known how many stay.")
    assert pays.text == "What keeping or winning a customer may cost cannot be said."


def test_a_base_without_profit_is_not_worth_keeping():
    rows = gains(value=-1e5)
    rows[["gain_percent", "gain_percent_low", "gain_percent_high"]] = np.nan
    _, loss, gain, pays, _ = found(rows, value=-2e5)
    assert loss.text == "The customers of today bring no profit, so losing them costs none."
    assert gain.text.endswith("cannot be said: the customers of today bring no profit.")
    assert pays.text == "What a programme to keep customers may cost cannot be said."


def test_the_model_that_erred_least_by_customers_and_is_determined_leads():
    """Not the one whose profit came out right by chance."""
    check = pd.DataFrame(
        {
            "model": ["constant", "by tenure", "shifted beta-geometric"],
            "customers": 100,
            "expected_stayed": [80.0, 88.0, 86.0],
            "stayed": 86.0,
            "error_percent": [0.1, 9.0, -1.0],
        }
    )
    assert best_model(check, gains()) == "by tenure"
    three = pd.concat([gains(), gains().assign(model="shifted beta-geometric")])
    assert best_model(check, three) == "shifted beta-geometric"
    assert best_model(check.assign(expected_stayed=80.0), gains()) == "constant"
    assert best_model(check.assign(expected_stayed=np.nan), gains()) == "by tenure"
