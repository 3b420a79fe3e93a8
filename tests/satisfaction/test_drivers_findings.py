"""The sentences of page one on drivers.

Oracle: the sentence a reader should get for small results written out here.
"""

import numpy as np
import pandas as pd
import pytest

from crmlib.satisfaction.drivers import Drivers, importance_columns
from crmlib.satisfaction.drivers_findings import drivers_findings, supported


def table(what, labels, **draws):
    """Importance table of methods from their draws, the first of which is the estimate."""
    return pd.concat(
        [
            pd.DataFrame({"method": method, what: labels}).assign(
                **importance_columns(np.array(values, dtype=float), 0.95)
            )
            for method, values in draws.items()
        ],
        ignore_index=True,
    )


def result(items, blocks=None, chosen_share=0.9, notes=(), foretells=True, **draws):
    first = [items[int(np.argmax(values[0]))] for values in draws.values()]
    if np.isnan(next(iter(draws.values()))[0]).any():
        first = [None] * len(draws)
    return Drivers(
        table=table("item", items, **draws),
        blocks=blocks,
        methods=pd.DataFrame(
            {"method": list(draws), "chosen_share": chosen_share, "r_squared": 0.6, "first": first}
        ),
        choices=pd.DataFrame(),
        items=pd.DataFrame(),
        agreement="",
        inseparable=(),
        foretells=foretells,
        draws={method: np.array(values[1:], dtype=float) for method, values in draws.items()},
        n=200,
        n_effective=200.0,
        left_out=pd.DataFrame(),
        notes=notes,
    )


CLEAR = [[6.0, 3, 1], *[[6, 3, 1]] * 300]
OPEN = [[4.0, 3, 3], *[[4, 3, 3], [3, 4, 3], [3, 3, 4]] * 100]


def test_a_clear_driver_is_named_with_its_share():
    support, order = drivers_findings(result(["a", "b", "c"], johnson=CLEAR))
    assert (
        support.text == "Overall satisfaction goes most with a (60% of the importance, 60% to 60%)."
    )
    assert support.detail == (
        "From 200 answers by Johnson's relative weights, 95% intervals. The questions explain 60% "
        "of the differences in it. If all mattered alike, each would have 33%."
    )
    assert order.text == (
        "A is the first question by Johnson's relative weights, beyond chance; the order below it "
        "is less certain."
    )
    assert order.detail == (
        "In samples drawn again a comes first in nearly all of them. No rank below it moves."
    )


def test_an_order_that_does_not_hold_is_said_not_to():
    support, order = drivers_findings(
        result(["a", "b", "c"], johnson=OPEN), labels={"b": "delivery on time"}
    )
    assert support.text == (
        "No question stands out: none weighs more in overall satisfaction than if all questions "
        "mattered alike, beyond chance."
    )
    assert order.text == (
        "Which single question matters most is not settled: it may be a, delivery on time or c."
    )
    assert order.detail == (
        "In samples drawn again a comes first in 33% of them. Ranks move: that of a lies anywhere "
        "from 1 to 2."
    )


def test_methods_that_disagree_are_counted():
    found = result(["a", "b", "c"], chosen_share=0.3, pcr=OPEN, johnson=CLEAR, lmg=CLEAR)
    found.table.loc[found.table["method"] == "pcr", "rank"] = pd.array([2, 1, 3], dtype="Int64")
    agreement = drivers_findings(found)[-1]
    assert agreement.text == (
        "The 3 methods do not agree on the first question: 2 say a and 1 say b."
    )
    assert agreement.detail == (
        "In samples drawn again all of them name the same first question in 33% of them. Principal "
        "component regression takes another number of components in 70% of the samples drawn "
        "again: its order is the least certain."
    )


def test_areas_come_first_where_there_are_any():
    blocks = table("block", ["x", "y"], johnson=[[7.0, 3], *[[7, 3]] * 200], ols=[[7.0, 3]] * 201)
    blocks["items"] = [1, 2, 1, 2]
    support, _, agreement = drivers_findings(
        result(["a", "b", "c"], blocks=blocks, johnson=CLEAR, ols=CLEAR)
    )
    assert (
        support.text == "Overall satisfaction goes most with x (70% of the importance, 70% to 70%)."
    )
    assert support.detail.endswith(
        "If all 3 questions mattered alike, the 1 of x would have 33%. Of single questions a "
        "stands out."
    )
    assert agreement.text == "All 2 methods put x first."
    assert agreement.detail.startswith("Of single questions: All 2 methods put a first.")


@pytest.mark.parametrize("method", ["johnson", "pcr"])
def test_where_nothing_can_be_said_the_reason_is(method):
    nothing = [[np.nan] * 3] * 200
    found = result(["a", "b", "c"], notes=("Too few people.",), **{method: nothing})
    (finding,) = drivers_findings(found)
    assert finding.text == "What drives overall satisfaction cannot be said from these answers."
    assert finding.detail == "Too few people."


def test_a_single_question_has_no_order():
    (support,) = drivers_findings(result(["a"], johnson=[[1.0], *[[1.0]] * 300]))
    assert support.text == "With one question there is nothing to rank."


def test_a_large_area_does_not_stand_out_by_its_size():
    """Seven of ten questions hold 70 % if all matter alike: 72 % with 66 % to 78 % is no more."""
    draws = [[72.0, 28], *[[66 + i % 13, 34 - i % 13] for i in range(300)]]
    blocks = table("block", ["large", "small"], johnson=draws).assign(items=[7, 3])
    support = drivers_findings(result(["a", "b"], blocks=blocks, johnson=[[1.0, 1]] * 301))[0]
    assert support.text.startswith("No area stands out")
    fewer = drivers_findings(
        result(["a", "b"], blocks=blocks.assign(items=[3, 7]), johnson=[[1.0, 1]] * 301)
    )[0]
    assert fewer.text.startswith("Overall satisfaction goes most with large (72% of the importance")


def test_questions_that_foretell_nothing_end_the_advice():
    (only,) = drivers_findings(result(["a", "b", "c"], foretells=False, johnson=CLEAR))
    assert only.text == "What satisfaction hangs on cannot be told from these answers."


def test_the_method_asked_for_is_spoken_of():
    found = result(["a", "b", "c"], johnson=CLEAR, ols=CLEAR)
    assert "by least squares" in drivers_findings(found, method="ols")[0].detail
    assert "by Johnson's" in drivers_findings(found, method="ridge")[0].detail


def test_one_of_many_alike_does_not_stand_out_by_chance():
    """Share 0.30 with 0.26 to 0.34 clears 0.25 alone, but not as one of four: arm 0.04 × 1.27."""
    rows = pd.DataFrame({"share": [0.30, 0.25, 0.24, 0.21]})
    assert len(supported(rows.assign(share_low=rows["share"] - 0.04), 0.95)) == 0
    assert len(supported(rows.assign(share_low=rows["share"] - 0.035), 0.95)) == 1
