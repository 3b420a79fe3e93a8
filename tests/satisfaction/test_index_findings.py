"""The sentences of page one.

Oracle: the sentence a reader should get for small results written out here.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from crmlib.satisfaction.index import SatisfactionIndex
from crmlib.satisfaction.index_findings import Words, index_findings, signed
from crmlib.satisfaction.priorities import Priorities
from crmlib.satisfaction.reliability import reliability, reverse
from crmlib.satisfaction.waves import QUANTITIES, WaveChange
from tests.satisfaction.test_drivers_findings import OPEN, result

LEFT_OUT = pd.DataFrame({"reason": [], "rows": []})
WORDS = Words(labels={"q1": "Speed", "q2": "Price"})


def index(segments=(), n_effective=200.0, negative=0, **values):
    names = ["all", *(name for name, *_ in segments)]
    found = [66.0, *(value for _, value, _ in segments)]
    table = pd.DataFrame(
        {
            "segment": names,
            "n": [200, *(n for *_, n in segments)],
            "n_effective": n_effective,
            "degrees_of_freedom": [199, *(n - 1 for *_, n in segments)],
            "index": found,
            "low": np.array(found) - 1.5,
            "high": np.array(found) + 1.5,
            "whole_low": np.array(found) - 2,
            "whole_high": np.array(found) + 2,
            "note": ["too few" if np.isnan(value) else "" for value in found],
        }
    ).assign(**values)
    spread = np.linspace(-2, 2, 401)
    return SatisfactionIndex(
        table=table,
        weights=pd.DataFrame({"item": ["q1", "q2"], "is_negative": [False, negative > 0]}),
        method="pcr",
        components=3.0,
        notes=("Items q1 and q2 are collinear.",),
        left_out=LEFT_OUT,
        draws=pd.DataFrame({"all": 0 * spread + 66}).assign(
            **{name: value + spread for name, value, _ in segments}
        ),
        confidence=0.95,
    )


def priorities(quadrants, important=None, weak=None):
    p = len(quadrants)
    important = [1] * p if important is None else important
    weak = [1] * p if weak is None else weak
    table = pd.DataFrame(
        {
            "item": [f"q{i + 1}" for i in range(p)],
            "importance": [0.3 - 0.01 * i for i in range(p)],
            "importance_low": 0.2,
            "importance_high": 0.4,
            "performance": 55.0,
            "performance_low": 52.04,
            "performance_high": 58.0,
            "importance_difference": np.where(important, 0.5, 0.0),
            "performance_difference": np.where(weak, -5.0, 0.0),
            "importance_difference_low": np.where(important, 0.1, -0.1),
            "performance_difference_high": np.where(weak, -1.0, 1.0),
            "quadrant": quadrants,
        }
    )
    return Priorities(
        table=table,
        lines=pd.DataFrame({"line": ["importance", "performance"], "value": [0.25, 60.0]}),
        undecided=quadrants.count("undecided"),
        method="johnson",
        components=None,
        n=200,
        n_effective=200.0,
        notes=(),
        left_out=LEFT_OUT,
        confidence=0.95,
    )


def change(low, high, changed=(False, False)):
    middle = (low + high) / 2
    return WaveChange(
        table=pd.DataFrame(
            {
                "quantity": QUANTITIES,
                "estimate": [64.0, 64.0 + middle, middle, middle - 0.3, 0.3],
                "low": [62.0, 63.0, low, low, -0.4],
                "high": [66.0, 67.0, high, high, 0.9],
            }
        ),
        items=pd.DataFrame(
            {"item": ["q1", "q2"], "change": [3.0, -4.0], "p": 0.01, "changed": changed}
        ),
        smallest_detectable_change=2.71,
        overlap=0,
        n_before=150,
        n_after=200,
        method="pcr",
        notes=(),
        left_out=LEFT_OUT,
        confidence=0.95,
        power=0.8,
    )


PLACED = ["improve first", "improve first", "keep up", "undecided"]


def findings(index, priorities, change=None):
    found = result(["q1", "q2", "q3"], johnson=OPEN, ols=OPEN)
    return index_findings(index, priorities, found, change, words=WORDS)


def test_the_index_is_told_with_the_interval_of_everything():
    first = findings(index(), priorities(PLACED))[0]
    assert first.text == (
        "The satisfaction index of 2 questions is 66.0 of 100, likely between 64.0 and 68.0."
    )
    assert first.detail.startswith("From the answers of 200 customers, with a 95% interval: ")
    assert "principal component regression with 3 components" in first.detail
    assert "equal weight" not in first.detail


def test_unequal_weights_and_negative_importance_are_told():
    detail = findings(index(n_effective=132.4, negative=1), priorities(PLACED))[0].detail
    assert "the answers tell as much as 132 of equal weight" in detail
    assert "1 question came out with negative importance" in detail


def test_an_index_that_cannot_be_computed_says_why():
    nothing = dict.fromkeys(["index", "low", "high", "whole_low", "whole_high"], np.nan)
    first = findings(index(**nothing), priorities(PLACED))[0]
    assert first.text == "The satisfaction index cannot be computed from these answers."
    assert first.detail == "Items q1 and q2 are collinear."
    open_ended = findings(index(whole_low=np.nan), priorities(PLACED))[0]
    assert open_ended.text.endswith("but how far it can be trusted cannot be said.")


def test_no_change_is_shown_with_what_could_have_been_seen():
    second = findings(index(), priorities(PLACED), change(-1.0, 2.0))[1]
    assert second.text == (
        "No change of the index since the last wave can be shown: +0.5 points (−1.0 to +2.0)."
    )
    assert second.detail == (
        "Scores make +0.2 of it, changed importance +0.3. Two such waves show a change with 80% "
        "probability when it is 2.7 points or more. No single question changed by more than chance "
        "explains."
    )


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (
            1.0,
            3.0,
            "The index has risen by 2.0 points since the last wave, from 64.0 to 66.0 (change "
            "+1.0 to +3.0).",
        ),
        (
            -3.0,
            -1.0,
            "The index has fallen by 2.0 points since the last wave, from 64.0 to 62.0 (change "
            "−3.0 to −1.0).",
        ),
    ],
)
def test_a_change_beyond_chance_is_told_with_its_items(low, high, text):
    second = findings(index(), priorities(PLACED), change(low, high, (True, True)))[1]
    assert second.text == text
    assert "Changed by more than chance explains, better: Speed; worse: Price." in second.detail


def test_a_change_without_an_interval_is_not_told():
    second = findings(index(), priorities(PLACED), change(np.nan, np.nan))[1]
    assert second.text == "Whether the index has changed since the last wave cannot be said."


def test_what_to_improve_is_told_with_scores_and_shares():
    improve = findings(index(), priorities(PLACED))[1]
    assert improve.text == "Improve first: Speed and Price."
    assert (
        "Speed 55.0 of 100 (52.0 to 58.0), with 30% of all importance (20% to 40%)"
        in improve.detail
    )
    assert improve.detail.endswith("Importance by Johnson's relative weights.")


def test_no_more_than_three_things_are_named():
    improve = findings(index(), priorities(["improve first"] * 5))[1]
    assert improve.text == "Improve first: Speed, Price and q3 (2 more in the table of priorities)."


def test_nothing_to_improve_says_what_comes_near_it():
    none = priorities(["undecided"] * 3, important=[1, 0, 0], weak=[0, 1, 0])
    improve = findings(index(), none)[1]
    assert improve.text == "No question can be named as the one to improve first."
    assert "More important than the average, beyond chance: Speed." in improve.detail
    assert "Weaker than the average, beyond chance: Price." in improve.detail


def test_what_cannot_be_ranked_is_told():
    support, last = findings(index(), priorities(PLACED))[2:]
    assert support.text.startswith("No question stands out: none weighs more")
    assert last.text == (
        "Which single question matters most is not settled: it may be Speed, Price or q3."
    )
    assert last.detail.startswith(
        "1 of 4 questions cannot be placed as important or not and strong or weak: do not rank "
        "them. In samples drawn again Speed comes first in 33% of them."
    )
    assert last.detail.endswith("All 2 methods put Speed first.")
    placed = findings(index(), priorities(["improve first", "keep up"]))[-1]
    assert placed.detail.startswith("All 2 questions can be placed")


def test_unknown_importance_ends_the_advice():
    unknown = priorities(["undecided"] * 2)
    unknown.table["importance"] = np.nan
    found = findings(index(), unknown)
    assert len(found) == 4
    assert found[1].text.startswith("What to improve first cannot be said")


def test_segments_beyond_chance_are_told_and_small_ones_too():
    segments = [("low", 60.0, 80), ("same", 66.5, 115), ("tiny", np.nan, 5)]
    last = findings(index(segments), priorities(PLACED))[-1]
    assert last.text == "Lower than the index of all by more than chance explains: low."
    assert last.detail == (
        "low 60.0 (58.0 to 62.0, n = 80); same 66.5 (64.5 to 68.5, n = 115). Too few to say: tiny."
    )


@pytest.mark.parametrize("segments", [[("same", 66.5, 200)], [("tiny", np.nan, 5)], []])
def test_segments_that_are_alike_or_unknown_are_not_on_page_one(segments):
    assert len(findings(index(segments), priorities(PLACED))) == 4


def test_small_changes_have_no_sign():
    assert [signed(value) for value in (0.04, -0.04, -0.06, 1.25)] == ["0.0", "0.0", "−0.1", "+1.2"]


def test_questions_that_run_against_their_block_are_named_before_anything_else():
    answers = pd.DataFrame(
        np.random.default_rng(1).integers(1, 11, (60, 1)) * [1, 1, 1] + [0, 0, 0]
    )
    answers.columns = ["q1", "q2", "q3"]
    plain = reliability(answers, {"all": list(answers)})
    turned = reliability(reverse(answers, ["q2"]), {"all": list(answers)})
    found = result(["q1", "q2", "q3"], johnson=OPEN)
    first = index_findings(index(), priorities(PLACED), found, trusted=turned, words=WORDS)[0]
    assert first.text == "Check first: Price may be worded the other way round."
    first = index_findings(index(), priorities(PLACED), found, trusted=plain, words=WORDS)[0]
    assert first.text.startswith("The satisfaction index of 2 questions is 66.0")


def test_questions_that_say_the_same_are_named_before_anything_else():
    found = replace(result(["q1", "q2", "q3"], johnson=OPEN), inseparable=("q1", "q3"))
    found = replace(found, items=pd.DataFrame({"item": ["q1", "q2", "q3"]}))
    first = index_findings(index(), priorities(PLACED), found, words=WORDS)[0]
    assert first.text == "Check first: Speed and q3 say the same."


def test_the_index_by_other_ways_is_told():
    found = result(["q1", "q2", "q3"], johnson=OPEN)
    ways = [64.2, np.nan, 69.1]
    first = index_findings(index(), priorities(PLACED), found, elsewhere=ways, words=WORDS)[0]
    assert first.detail.endswith(" By 2 other ways to weigh and to fill gaps: 64.2 to 69.1.")
