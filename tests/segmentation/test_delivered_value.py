"""Delivered value from a survey.

Oracles: means worked by hand, Student's interval by scipy, and simulated answers whose error is
known.
"""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from crmlib.errors import InputError
from crmlib.segmentation.delivered_value import delivered_value, rated

VALUE, COST = {"product": ["p1", "p2"], "image": ["i1"]}, {"money": ["m1"]}


def answers(**changes):
    table = {
        "customer_id": ["A", "A", "B", "C"],
        "date": pd.to_datetime(["2024-01-01", "2025-01-01", "2025-01-01", "2025-02-01"]),
        "p1": [1, 8, 6, 5.0],
        "p2": [1, 6, np.nan, 5],
        "i1": [1, 5, 8, np.nan],
        "m1": [1, 9, 7, 4],
    }
    return pd.DataFrame(table | changes)


def test_value_less_cost_by_hand():
    found = delivered_value(answers(), VALUE, COST, reverse=["m1"])
    table = found.customers.set_index("customer_id")
    # A: product 7, image 5, so value 6; the price rated 9 costs 11 - 9 = 2.
    assert table.loc["A", ["product", "image", "money"]].tolist() == [7, 5, 2]
    assert table["delivered"].tolist()[:2] == [4.0, 7.0 - 4.0]
    assert np.isnan(table.loc["C", "delivered"])
    assert found.left_out == 1
    totals = found.totals.set_index("measure")
    assert totals["mean"].tolist() == [6.5, 3.0, 3.5]
    assert totals["n"].tolist() == [2, 2, 2]
    low, high = stats.t.interval(0.95, 1, 3.5, stats.sem([4.0, 3.0]))
    assert totals.loc["delivered value", ["low", "high"]].tolist() == pytest.approx([low, high])
    assert found.parts.set_index("part")["n"].to_dict() == {"product": 3, "image": 2, "money": 3}


def test_last_answers_in_time_count():
    assert len(delivered_value(answers(), VALUE, COST, since="2025-01-15").customers) == 1
    early = delivered_value(answers(), VALUE, COST, as_of="2024-06-01").customers
    assert early["delivered"].tolist() == [0.0]


def test_error_of_one_customer_is_that_of_its_answers():
    random = np.random.default_rng(1)
    n, noise = 4000, 0.7
    level = {part: random.normal(5, 1, n) for part in ("p", "i", "m")}
    table = pd.DataFrame({"customer_id": np.arange(n).astype(str)})
    for part, items in (("p", 3), ("i", 3), ("m", 3)):
        for k in range(items):
            table[f"{part}{k}"] = level[part] + random.normal(0, noise, n)
    items = {part: [f"{part}{k}" for k in range(3)] for part in level}
    found = delivered_value(
        table, {"product": items["p"], "image": items["i"]}, {"time": items["m"]}, scale=(-50, 50)
    )
    truth = (level["p"] + level["i"]) / 2 - level["m"]
    error = found.customers.sort_values("customer_id", key=lambda c: c.astype(int))
    spread = (error["delivered"].to_numpy() - truth).std()
    assert error["error"].mean() == pytest.approx(spread, rel=0.03)
    verdict = rated(found).set_index("customer_id")["rating"]
    low = truth[verdict.loc[table["customer_id"]].to_numpy() == "low"]
    assert (low < truth.mean()).mean() > 0.9


def test_the_weakest_part_is_on_the_bad_side_of_its_own_mean():
    table = answers(
        customer_id=list("ABCD"), p1=[5, 5, 5, 1], p2=[5, 5, 5, 1], i1=[9, 9, 9, 8], m1=[2, 9, 2, 2]
    )
    found = rated(delivered_value(table, VALUE, COST)).set_index("customer_id")["weakest"]
    assert found["B"] == "money"
    assert found["D"] == "product"


def test_with_one_question_a_part_a_single_rating_cannot_be_told_apart():
    found = delivered_value(answers(), {"product": ["p1"]}, COST)
    assert found.customers["error"].isna().all()
    assert set(rated(found)["rating"]) == {"cannot say"}


@pytest.mark.parametrize(
    ("value", "cost", "options", "words"),
    [
        ({"price": ["p1"]}, COST, {}, 'no part "price" of customer value'),
        ({"product": []}, COST, {}, "No item of customer value"),
        (VALUE, {}, {}, "No item of customer cost"),
        (VALUE, {"money": ["zz"]}, {}, 'no column "zz"'),
        (VALUE, COST, {"scale": (1, 5)}, "off the scale of 1 to 5"),
        (VALUE, COST, {"scale": (10, 1)}, "lowest=10 to highest=1"),
        (VALUE, COST, {"reverse": ["zz"]}, "reverse names zz"),
        (VALUE, COST, {"since": "2030-01-01"}, "No customer answered"),
    ],
)
def test_what_cannot_be_used_is_told(value, cost, options, words):
    with pytest.raises(InputError, match=words):
        delivered_value(answers(), value, cost, **options)
