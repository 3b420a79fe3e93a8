"""What page one says of customers about to leave.

Oracle: the sentences, with numbers counted from the tables they are made from.
"""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from crmlib import segmentation
from crmlib.segmentation.repairs import LOW, UNKNOWN
from crmlib.segmentation.warning_findings import WarningWords, warning_findings
from tests.segmentation.test_churn_warning import regular, with_own_rhythms

WORDS = WarningWords("yuan", complaints=False, survey=True)
NOBODY = pd.Series(dtype=object)


@pytest.fixture(scope="module")
def warning():
    return segmentation.churn_warning(with_own_rhythms(1, 300), margin_rate=0.3, ahead=90)


def foretold(warning, expected, left, customers):
    """The same warning, with a single group of so many on past days."""
    row = {"group": 1, "customers": customers, "expected": expected / customers, "left": left}
    share = {"share": left / customers, "low": 0.0, "high": 1.0}
    return dataclasses.replace(warning, calibration=pd.DataFrame([row | share]))


def repaired(warning, *causes):
    return warning.warned[["customer_id"]].assign(cause=np.resize(causes, len(warning.warned)))


def test_sentences_hold_the_numbers_of_the_tables(warning):
    names = pd.Series({warning.warned["customer_id"].iloc[0]: "First & Sons"})
    who, trust, signs, why, unsaid = warning_findings(warning, repaired(warning, LOW), names, WORDS)
    n = len(warning.warned)
    assert who.text.startswith(f"{n} of {len(warning.customers)} customers are likely to leave")
    assert f"{warning.warned['profit_year'].sum():,.0f} yuan of profit" in who.text
    assert "Most at stake: First & Sons, C" in who.detail
    tests = warning.tests
    assert f"named {tests['warned'].sum()} customers: {tests['right'].sum()} left" in trust.text
    assert f"Of {tests['left'].sum()} that left" in trust.text
    base = tests["left"].sum() / tests["customers"].sum()
    assert f"naming anybody in {base:.0%}" in trust.detail
    assert "The best single sign was" in signs.text
    assert why.text == f"Why, by survey and record, of {n} warned of: value really low {n}."
    assert f"{warning.gone} customers that left already" in unsaid.text


def test_probabilities_that_were_wrong_are_told_and_give_a_range(warning):
    double = warning.calibration.assign(expected=2 * warning.calibration["expected"])
    wrong = dataclasses.replace(warning, calibration=double)
    who, trust, *_ = warning_findings(wrong, repaired(warning, LOW), NOBODY, WORDS)
    assert "its probabilities were too high" in trust.detail
    expected = warning.customers["probability"].sum()
    assert f"and {expected:,.0f} are expected to leave" in who.detail
    assert "between" in who.detail


def test_a_gap_is_held_against_chance_and_size(warning):
    # As on real purchases: a fifth too few of 4,172, far more than chance makes.
    wrong = foretold(warning, 1991, 2457, 4172)
    who, trust, *_ = warning_findings(wrong, repaired(warning, LOW), NOBODY, WORDS)
    expected = warning.customers["probability"].sum()
    assert "its probabilities were too low" in trust.detail
    assert f"between {expected:,.0f} and {expected * 2457 / 1991:,.0f} are expected" in who.detail
    # The same share of 42, or next to nothing of very many, says nothing.
    for case in (foretold(warning, 20, 24.6, 42), foretold(warning, 200_000, 201_000, 10**6)):
        who, trust, *_ = warning_findings(case, repaired(warning, LOW), NOBODY, WORDS)
        assert "probabilities were too" not in trust.detail
        assert f"about {expected:,.0f} are expected" in who.detail
    # A large gap among few gives a range, but no verdict.
    few = foretold(warning, 4, 6, 40)
    who, trust, *_ = warning_findings(few, repaired(warning, LOW), NOBODY, WORDS)
    assert "chance can make as large a gap" in trust.detail
    assert "between" in who.detail


def test_the_attached_list_is_named_with_what_to_do(warning):
    why = warning_findings(warning, repaired(warning, LOW), NOBODY, WORDS)[3]
    assert "All are in the attached warning_list.csv, most at stake first" in why.detail
    stake, n = warning.warned["at_stake"], len(warning.warned)
    share = f"{stake.head(n // 10).sum() / stake.sum():.0%}"
    assert (f"The first {n // 10} hold {share}" in why.detail) == (n >= 30)


def test_a_sign_no_better_than_chance_is_called_so(warning):
    area = {"sign": "given up", "area": 0.53, "low": 0.5, "high": 0.57, "n": 1117}
    signs = pd.concat([warning.signs, pd.DataFrame([area])], ignore_index=True)
    some = warning.customers.assign(given_up=np.arange(len(warning.customers)) < 19)
    stopped = dataclasses.replace(warning, signs=signs, customers=some)
    complaints = dataclasses.replace(WORDS, complaints=True)
    found = warning_findings(stopped, repaired(warning, LOW), NOBODY, complaints)[2]
    assert "19 customers complained, then stopped while buying less" in found.detail
    assert "no better than chance who left (area 0.53, likely 0.50 to 0.57" in found.detail


def test_without_a_test_nothing_sounds_like_a_result():
    warning = segmentation.churn_warning(regular(20))
    _, _, signs, why, unsaid = warning_findings(warning, repaired(warning), NOBODY, WORDS)
    assert signs.text.startswith("Which signs tell who will leave is not known")
    assert why.text == "Nobody is named, so no list is attached."
    assert unsaid.text == "None has left already, and all have bought more than once."


def test_without_a_survey_or_answers_nothing_is_said_of_causes(warning):
    without = WarningWords("yuan", complaints=False, survey=False)
    *_, why, _ = warning_findings(warning, repaired(warning, UNKNOWN), NOBODY, without)
    assert why.text.startswith("Why they leave cannot be said without a survey")
    *_, why, _ = warning_findings(warning, repaired(warning, UNKNOWN), NOBODY, WORDS)
    assert why.text.startswith("Why they leave cannot be said of any")
    *_, why, _ = warning_findings(warning, repaired(warning, LOW, UNKNOWN), NOBODY, WORDS)
    assert " and cannot say 1." in why.text


def test_nobody_to_warn_of_is_told(warning):
    calm = warning.customers.assign(warned=False)
    none = dataclasses.replace(warning, customers=calm)
    who, *_, why, _ = warning_findings(none, repaired(none), NOBODY, WORDS)
    n, expected = calm["probability"].notna().sum(), calm["probability"].sum()
    assert who.text == (
        f"About {expected:,.0f} of {n} customers are expected to leave within 90 days, but none "
        "can be named: no probability reaches 50%."
    )
    assert f"ranks all {n}" in who.detail
    assert len(none.ranked) == n
    assert why.text == "Nobody is named, so no repair is urgent."


def test_a_simple_rule_that_is_as_good_is_named(warning):
    row = warning.accuracy.index[-1]
    even = warning.accuracy.copy()
    even.loc[row, ["estimate", "low", "high"]] = [0.0, -0.1, 0.1]
    simple = dataclasses.replace(
        warning, method="days since the last purchase", note="It did not.", accuracy=even
    )
    _, trust, *_ = warning_findings(simple, repaired(warning, LOW), NOBODY, WORDS)
    assert "Naming as many by all signs would have been right in" in trust.detail
    assert "It did not." in trust.detail


@pytest.mark.parametrize("complaints", [True, False])
@pytest.mark.parametrize("rows", [regular(20), regular(1).head(1)])
def test_tables_that_say_little_say_so(rows, complaints):
    warning = segmentation.churn_warning(rows)
    words = WarningWords("yuan", complaints, survey=False)
    found = warning_findings(warning, repaired(warning), NOBODY, words)
    assert found[0].text == "Who is about to leave cannot be said from this table."
    assert found[1].text == "Whether such a list would have been right is not known."
    assert not any("nan" in f"{said.text} {said.detail}" for said in found)


def test_all_gone_is_told():
    rows = regular(4)
    warning = segmentation.churn_warning(rows, as_of="2025-12-31")
    who, *_, unsaid = warning_findings(warning, repaired(warning), NOBODY, WORDS)
    assert who.text.startswith("No customer is left to warn of: all 4 have been silent")
    assert "4 customers that left already" in unsaid.text
