"""What a reader of the loyalty report writes down. Oracle: the columns meant, written out."""

import pytest

from crmlib.errors import InputError
from crmlib.satisfaction.loyalty_inputs import columns_named, pairs_named, reasons_named

BLOCKS = {"trust": ["t1", "t2"], "value": ["v1"]}
COLUMNS = ["t1", "t2", "other", "e1", "e2", "e3", "q1", "q2", "q9"]


def test_a_block_stands_for_its_columns():
    assert columns_named(["trust"], BLOCKS, COLUMNS) == ["t1", "t2"]
    assert columns_named(["other", "trust", "t1"], BLOCKS, COLUMNS) == ["other", "t1", "t2"]
    assert columns_named([], BLOCKS, COLUMNS) == []


@pytest.mark.parametrize("given", ["trist", "value"])
def test_what_is_neither_block_nor_column_is_named(given):
    with pytest.raises(InputError, match="neither a column of the answers nor a block"):
        columns_named([given], BLOCKS, COLUMNS)


def test_reasons_are_called_by_their_own_name_unless_said():
    reasons = reasons_named({"price": "low_price"})
    assert reasons["price"] == "low_price"
    assert reasons["habit"] == "habit"
    assert len(reasons) == 7
    with pytest.raises(InputError, match=r'no question "prise".*price'):
        reasons_named({"prise": "low_price"})


def test_pairs_are_those_with_the_same_star_in_both():
    labels = {"e1": "service expected", "q1": "service found", "e2": "speed wanted", "q2": "pace"}
    assert pairs_named(COLUMNS, ["e*", "q*"], labels) == {
        "service found": ("e1", "q1"),
        "pace": ("e2", "q2"),
    }
    labels["q2"] = "speed of delivery"
    assert list(pairs_named(COLUMNS, ["e*", "q*"], labels)) == ["service", "speed"]
    assert pairs_named(COLUMNS, ["e*", "q*"], {}) == {"q1": ("e1", "q1"), "q2": ("e2", "q2")}
    assert pairs_named(COLUMNS, [], {}) == {}


def test_pairs_of_one_name_keep_apart():
    labels = {"e1": "our service", "q1": "our people", "e2": "our price", "q2": "our range"}
    assert pairs_named(COLUMNS, ["e*", "q*"], labels) == {
        "our people": ("e1", "q1"),
        "our range": ("e2", "q2"),
    }


@pytest.mark.parametrize(
    ("patterns", "words"),
    [
        (["e*"], "give two names with a star"),
        (["e1", "q1"], "give two names with a star"),
        (["x*", "q*"], "No two columns are called"),
        (["q9*", "q*"], "No two columns are called"),
    ],
)
def test_patterns_that_pair_nothing_are_refused(patterns, words):
    with pytest.raises(InputError, match=words):
        pairs_named(COLUMNS, patterns, {})
