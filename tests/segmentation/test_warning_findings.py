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
    assert who.text.startswith("Nobody is likely to leave within 90 days")
    assert why.text == "There is nobody to advise a repair for."


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
