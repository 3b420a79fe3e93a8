"""Causes and repairs.

Oracle: the rule, worked by hand for one customer of every kind.
"""

import pandas as pd
import pytest

from crmlib.segmentation.delivered_value import delivered_value
from crmlib.segmentation.repairs import (
    ANY,
    BY_SIGN,
    CAUSES,
    COURTESY,
    IN_PERSON,
    LET_GO,
    LOW,
    NOT_SEEN,
    REPAIRS,
    UNKNOWN,
    WELL,
    repair_of,
    repairs,
    value_cause,
)

# Product 1 and 2, money 1 and 2; the many others answer 7 and 3.
ANSWERS = {
    "bad, with faults": (2, 2, 3, 3),
    "bad, without": (2, 2, 3, 3),
    "bad, few orders": (2, 2, 3, 3),
    "dear, no discount": (7, 7, 9, 9),
    "dear, with discount": (7, 7, 9, 9),
    "good": (10, 10, 1, 1),
    "as others": (7, 7, 3, 3),
}


@pytest.fixture
def delivered():
    rows = [(name, *given) for name, given in ANSWERS.items()]
    rows += [(f"other {k}", 7, 6 + k % 3, 3, 3) for k in range(300)]
    table = pd.DataFrame(rows, columns=["customer_id", "p1", "p2", "m1", "m2"])
    return delivered_value(table, {"product": ["p1", "p2"]}, {"money": ["m1", "m2"]})


@pytest.fixture
def record():
    names = [*ANSWERS, "no answer"]
    table = pd.DataFrame({"customer_id": names, "orders": 10, "faults": 0, "expected_faults": 1.0})
    table["record"], table["discounts"], table["discount_share"] = "as others", "as others", 0.1
    table.loc[0, ["faults", "record"]] = [6, "worse"]
    table.loc[2, "record"] = "cannot say"
    table.loc[3, "discounts"] = "fewer"
    return table


KNOWN = {
    "bad, with faults": LOW,
    "bad, without": NOT_SEEN,
    "bad, few orders": UNKNOWN,
    "dear, no discount": LOW,
    "dear, with discount": NOT_SEEN,
    "good": WELL,
    "as others": UNKNOWN,
    "no answer": UNKNOWN,
}


def test_cause_of_one_customer_of_every_kind(delivered, record):
    asked = pd.DataFrame({"customer_id": list(KNOWN)}, index=range(5, 5 + len(KNOWN)))
    found = value_cause(asked, delivered, record).set_index("customer_id")
    assert found["cause"].to_dict() == KNOWN
    assert found.loc["bad, with faults", "weakest"] == "product"
    assert found.loc["dear, no discount", "weakest"] == "money"
    assert "6 faults in 10 orders, 1.0 expected" in found.loc["bad, with faults", "why"]
    assert found.loc["no answer", "why"] == "no answer to the survey"


def test_without_survey_or_record_nothing_is_decided(delivered, record):
    asked = pd.DataFrame({"customer_id": list(KNOWN)})
    assert set(value_cause(asked, None, record)["cause"]) == {UNKNOWN}
    without = value_cause(asked, delivered, None)
    assert set(without["cause"]) == {UNKNOWN, WELL}
    assert value_cause(asked.head(0), None, None).empty


def test_repair_follows_cause_and_stage():
    warned = pd.DataFrame(
        {
            "customer_id": list("ABCD"),
            "profit_year": [10.0, 10.0, -1.0, 10.0],
            "given_up": [False, True, True, False],
        }
    )
    causes = pd.DataFrame({"customer_id": list("CBA"), "cause": [LOW, NOT_SEEN, LOW],
                           "weakest": "", "why": ""})  # fmt: skip
    stages = pd.DataFrame({"customer_id": list("AB"), "stage": ["decline", "stability"]})
    found = repairs(warned, causes, stages)
    assert found["repair"].tolist() == [
        REPAIRS["decline", LOW],
        IN_PERSON + REPAIRS["stability", NOT_SEEN],
        LET_GO,
        REPAIRS[ANY, UNKNOWN],
    ]
    courtesy = repairs(warned, causes, stages, silence_told=False)
    assert courtesy["repair"].iloc[1] == COURTESY + REPAIRS["stability", NOT_SEEN]
    assert found["stage"].tolist() == ["decline", "stability", "not known", "not known"]
    assert found["cause"].tolist() == [LOW, NOT_SEEN, LOW, UNKNOWN]


def test_where_neither_cause_nor_stage_is_known_the_sign_says_what_to_ask():
    warned = pd.DataFrame({"customer_id": list("ABC"), "profit_year": 5.0})
    warned["sign"] = ["purchases", "", "purchases"]
    causes = value_cause(warned, None, None)
    assert set(causes["why"]) == {"no survey"}
    stages = pd.DataFrame({"customer_id": ["C"], "stage": ["decline"]})
    assert repairs(warned, causes, stages)["repair"].tolist() == [
        BY_SIGN["purchases"],
        REPAIRS[ANY, UNKNOWN],
        REPAIRS["decline", UNKNOWN],
    ]


@pytest.mark.parametrize("stage", ["exploration", "formation", "stability", "decline", "left", "?"])
def test_every_stage_and_cause_has_a_repair(stage):
    assert all(repair_of(stage, cause) for cause in CAUSES)
