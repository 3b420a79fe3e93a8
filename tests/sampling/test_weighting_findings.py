"""The sentences of page one.

Oracle: the sentence a reader should get for small results written out here.
"""

import numpy as np
import pandas as pd
import pytest

from crmlib.sampling.weighting_findings import Words, decimals, listed, weighting_findings

WORDS = Words(score="satisfaction", unit="points", who="customers")


def estimates(*values, n=200, total=1000.0, error=0.05, effective_n=150.4):
    return pd.DataFrame(
        {
            "n": n,
            "estimate": values,
            "standard_error": error,
            "low": [value - 0.1 for value in values],
            "high": [value + 0.1 for value in values],
            "effective_n": effective_n,
            "sum_of_weights": total,
        }
    )


def segments(p_value=0.5, n=(120, 75, 5), shares=(0.5, 0.45, 0.05)):
    return pd.DataFrame(
        {
            "variable": "customer_type",
            "segment": ["shop", "school", "office"],
            "n": n,
            "estimate": [7.5, 6.5, np.nan],
            "share_of_answers": [0.6, 0.375, 0.025],
            "share_of_population": shares,
            "others": [6.52, 7.48, np.nan],
            "difference": [0.98, -0.98, np.nan],
            "difference_low": [0.48, -1.48, np.nan],
            "difference_high": [1.48, -0.48, np.nan],
            "p_value": [p_value, p_value, np.nan],
            "adjusted_p_value": [2 * p_value, 2 * p_value, np.nan],
        }
    )


def response(adjusted=0.4):
    return pd.DataFrame(
        {
            "variable": ["all", "region", "region"],
            "segment": ["all", "East", "West"],
            "asked": [400, 250, 150],
            "answered": [200, 110, 90],
            "response_share": [0.5, 0.44, 0.6],
            "low_share": [0.45, 0.38, 0.52],
            "high_share": [0.55, 0.50, 0.68],
            "difference": [np.nan, -0.16, 0.16],
            "adjusted_p_value": [np.nan, adjusted, adjusted],
        }
    )


def test_the_score_is_told_with_interval_n_and_effective_n():
    first, *_ = weighting_findings(estimates(7.0, 6.9), segments(), response(), WORDS)
    assert first.text == (
        "Satisfaction of all 1,000 customers is about 6.90 points: likely between 6.80 and 7.00 "
        "(95% interval)."
    )
    assert first.detail.startswith("From 200 answers of 400 asked.")
    assert "as much as 150 answers of equal weight" in first.detail


def test_equal_weights_speak_for_those_who_answered():
    found = weighting_findings(
        estimates(6.9, total=200.0, effective_n=200.0), segments(), None, WORDS
    )
    assert found[0].text.startswith("Satisfaction of the 200 customers is about 6.90")
    assert found[0].detail == "From 200 answers."
    assert found[1].text == "Every answer counts the same: 6.90 points is the plain mean."


def test_a_shift_is_told_with_the_segment_that_makes_it():
    # shop: (0.50 - 0.60) * (7.5 - 6.9) = -0.060; school: (0.45 - 0.375) * (6.5 - 6.9) = -0.030
    found = weighting_findings(estimates(7.0, 6.9), segments(), response(), WORDS)[1]
    assert found.text == "Weighting moves the score from 7.00 to 6.90 (−0.10)."
    assert found.detail == (
        "Most of that: shop (customer type) with 50% of the customers and 60% of the answers; "
        "they score 7.50, the others 6.52."
    )


def test_a_shift_that_no_segment_explains_is_not_laid_on_one():
    # The segments' shares make -0.09 of the shift of -0.30.
    found = weighting_findings(estimates(7.2, 6.9), segments(), response(), WORDS)[1]
    assert found.text == "Weighting moves the score from 7.20 to 6.90 (−0.30)."
    assert found.detail.endswith("the answers that count more score lower.")


def test_a_shift_within_noise_is_called_so():
    found = weighting_findings(estimates(6.92, 6.9), segments(), response(), WORDS)[1]
    assert found.text == "Weighting hardly moves the score: 6.92 as answered, 6.90 weighted."
    assert found.detail == (
        "The largest gap between the answers and the customers they stand for: shop (customer "
        "type) with 50% of the customers and 60% of the answers, scoring 7.50. All gaps together "
        "move the score too little to matter."
    )


@pytest.mark.parametrize(
    ("adjusted", "text"),
    [
        (0.01, "50% of those asked answered; too few did among East (region)."),
        (
            0.4,
            "50% of those asked answered, and no segment answered less than the others by more "
            "than chance explains.",
        ),
    ],
)
def test_who_answered_too_little_is_a_matter_of_more_than_chance(adjusted, text):
    found = weighting_findings(estimates(7.0, 6.9), segments(), response(adjusted), WORDS)[2]
    assert found.text == text
    assert "East (region) 44%, 110 of 250 (interval 38% to 50%)" in found.detail
    assert "the score of all is 0.50 lower" in found.detail


def test_without_the_list_of_those_asked_nothing_is_said_of_the_silent():
    found = weighting_findings(estimates(7.0, 6.9), segments(), None, WORDS)[2]
    assert found.text == "Who did not answer is not known."


def test_segments_that_differ_are_told_with_difference_and_n():
    found = weighting_findings(estimates(7.0, 6.9), segments(0.001), response(), WORDS)[3]
    assert found.text == (
        "Lower than the others, by more than chance explains: school (customer type). "
        "Higher than the others, by more than chance explains: shop (customer type)."
    )
    assert (
        "Shop (customer type) 7.50 from 120 answers, +0.98 against the others (+0.48 to +1.48)"
        in found.detail
    )
    assert found.detail.endswith(
        "Too few to say, with fewer than 20 answers: office (customer type)."
    )


def test_segments_within_noise_are_not_ranked():
    found = weighting_findings(estimates(7.0, 6.9), segments(0.3), response(), WORDS)[3]
    assert found.text == "No segment differs from the others by more than chance explains."
    assert "a difference below about 0.50 points does not show" in found.detail


def test_no_segment_large_enough_is_said():
    few = segments(n=(5, 5, 5)).assign(estimate=np.nan, difference=np.nan)
    found = weighting_findings(estimates(7.0, 6.9), few, response(), WORDS)
    assert found[3].text == "Whether segments differ cannot be said from these answers."
    assert "shop (customer type), school (customer type) and office" in found[3].detail
    assert found[1].text == "Weighting moves the score from 7.00 to 6.90 (−0.10)."
    assert "all segments are too small" in found[1].detail


@pytest.mark.parametrize(
    ("error", "digits"), [(0.074, 2), (0.1, 1), (9.4, 0), (120, 0), (0, 2), (np.nan, 2)]
)
def test_digits_follow_the_standard_error(error, digits):
    assert decimals(error) == digits


def test_long_lists_are_cut():
    assert listed(list("abcde"), most=3) == "a, b and 3 more"
    assert [listed(list("abc")[:n]) for n in (1, 2, 3)] == ["a", "a and b", "a, b and c"]
