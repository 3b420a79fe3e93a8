"""What a reader of the report on models writes down.

Oracle: models, blocks and pairs of columns written out here.
"""

import pandas as pd
import pytest

from crmlib.errors import InputError
from crmlib.satisfaction.models_inputs import OWN, blocks_for, chosen_model, kano_pairs
from crmlib.satisfaction.path_presets import ACSI, ECSI, SCSB

BOOK = pd.DataFrame(
    {
        "item": ["e1", "e2", "v1", "s1", "s2", "c1", "l1", "x1"],
        "block": ["expectation"] * 2
        + ["value"]
        + ["satisfaction"] * 2
        + ["complaints", "loyalty", None],
    }
)
INSTEAD = {"performance": "value"}


@pytest.mark.parametrize(("name", "preset"), [("scsb", SCSB), ("ACSI", ACSI), ("Ecsi", ECSI)])
def test_a_model_is_known_by_its_name(name, preset):
    assert chosen_model(name) is preset


def test_paths_of_ones_own_are_a_model():
    own = chosen_model("ecsi", ["quality to satisfaction", " satisfaction to word of mouth "])
    assert own.name == OWN
    assert own.paths == (("quality", "satisfaction"), ("satisfaction", "word of mouth"))
    assert list(own.constructs) == ["quality", "satisfaction", "word of mouth"]
    assert own.constructs["quality"] == ECSI.constructs["quality"]
    assert own.constructs["word of mouth"] == ""


@pytest.mark.parametrize("path", ["quality>satisfaction", "quality to ", "quality"])
def test_what_is_no_path_is_refused(path):
    with pytest.raises(InputError, match='"quality to satisfaction"'):
        chosen_model("ecsi", [path])


def test_an_unknown_model_is_refused():
    with pytest.raises(InputError, match="SCSB, ACSI, ECSI"):
        chosen_model("ccsi")


def test_blocks_come_by_name_and_by_what_is_taken_instead():
    assert blocks_for(SCSB, BOOK, INSTEAD, "book.csv") == {
        "expectation": ["e1", "e2"],
        "performance": ["v1"],
        "satisfaction": ["s1", "s2"],
        "complaints": ["c1"],
        "loyalty": ["l1"],
    }


def test_a_block_of_its_own_name_goes_first():
    book = pd.concat([BOOK, pd.DataFrame({"item": ["p1"], "block": ["performance"]})])
    assert blocks_for(SCSB, book, INSTEAD, "book.csv")["performance"] == ["p1"]


def test_constructs_without_items_are_named():
    with pytest.raises(
        InputError, match=r"book\.csv has no items for image, quality, which .*ECSI"
    ):
        blocks_for(ECSI, BOOK, INSTEAD, "book.csv")


@pytest.mark.parametrize("book", [BOOK[["item"]], BOOK.assign(block=None)])
def test_a_codebook_without_blocks_is_refused(book):
    with pytest.raises(InputError, match="the column block is missing or empty"):
        blocks_for(ECSI, book, INSTEAD, "book.csv")


COLUMNS = ["id", "k_fast_with", "k_fast_without", "k_cheap_without", "k_cheap_with"]


def test_features_are_found_by_the_names_of_their_columns():
    assert kano_pairs(COLUMNS, ["k_*_with", "k_*_without"]) == {
        "fast": ("k_fast_with", "k_fast_without"),
        "cheap": ("k_cheap_with", "k_cheap_without"),
    }
    assert kano_pairs(["1a", "1b"], ["*a", "*b"]) == {"1": ("1a", "1b")}
    assert kano_pairs(COLUMNS, []) == {}


def test_features_are_called_by_their_labels_unless_two_are_called_alike():
    patterns = ["k_*_with", "k_*_without"]
    named = kano_pairs(COLUMNS, patterns, {"k_fast_with": "Quick delivery"})
    assert named == {
        "Quick delivery": ("k_fast_with", "k_fast_without"),
        "cheap": ("k_cheap_with", "k_cheap_without"),
    }
    alike = {"k_fast_with": "delivery", "k_cheap_with": "delivery"}
    assert list(kano_pairs(COLUMNS, patterns, alike)) == ["fast", "cheap"]


@pytest.mark.parametrize(
    ("patterns", "words"),
    [
        (["k_*_with"], "two names with a star"),
        (["k_fast_with", "k_fast_without"], "two names with a star"),
        (["f_*_yes", "f_*_no"], "No column is called"),
        (["k_*_with", "k_*_no"], "no column k_fast_no, k_cheap_no"),
    ],
)
def test_columns_that_make_no_pairs_are_refused(patterns, words):
    with pytest.raises(InputError) as refused:
        kano_pairs(COLUMNS, patterns)
    assert words in str(refused.value)


def test_half_a_pair_is_refused():
    with pytest.raises(InputError, match="no column k_cheap_with"):
        kano_pairs(COLUMNS[:4], ["k_*_with", "k_*_without"])
