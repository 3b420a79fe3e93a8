"""What may be given as an answer, what counts as the same, and the kind word for all else."""

import math
from collections import defaultdict
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from crmlib.exercises.kinds import NOT_ANSWERED, Choice, NotOfThisKind, Number, Several, Share

YUAN = Number("yuan", within=0.005)
SHARE = Share("all customers")
THREE = Several(Number("customers", within=0.5), names=("first", "second", "third"))


def kind_word(kind, given) -> str:
    with pytest.raises(NotOfThisKind) as word:
        kind.read(given)
    return str(word.value)


@pytest.mark.parametrize(
    "given",
    [
        810.74,
        Decimal("810.74"),
        Fraction(81074, 100),
        np.float64(810.74),
        np.longdouble("810.74"),
        np.array(810.74),
        np.array([[810.74]]),
        pd.Series([810.74], index=["a"]),
        pd.Series([810.74], dtype="Float64"),
        pd.Series([810.74], dtype=object),
        pd.Index([810.74]),
        pd.DataFrame({"profit": [810.74]}),
    ],
    ids=repr,
)
def test_a_number_is_a_number_in_whatever_it_comes(given):
    assert YUAN.read(given) == pytest.approx(810.74, abs=1e-12)


@pytest.mark.parametrize("given", [7, np.int8(7), np.uint64(7), pd.Series([7])], ids=repr)
def test_whole_numbers_are_numbers(given):
    assert YUAN.read(given) == 7.0


class NumberThatRaises(float):
    def __float__(self) -> float:
        raise ZeroDivisionError


NO_NUMBERS = [
    [5],
    (5,),
    {},
    {5},
    object(),
    5j,
    b"5",
    True,
    np.True_,
    np.timedelta64(5, "ns"),
    np.datetime64("2025-01-01", "ns"),
    pd.Timestamp("2025-01-01"),
    pd.NaT,
    pd.NA,
    pd.Series([], dtype=float),
    pd.Series([pd.Timestamp("2025-01-01")]).astype("datetime64[ns]"),
    pd.Series([1.0, 2.0]),
    pd.DataFrame(),
    np.ma.masked,
    10**400,
    NumberThatRaises(5),
    Decimal("sNaN"),
    (number for number in [5]),
    lambda: 5,
]


@pytest.mark.parametrize("given", NO_NUMBERS, ids=lambda given: type(given).__name__)
def test_what_is_no_number_is_told_what_is_wanted(given):
    assert kind_word(YUAN, given) == "Wanted is a number of yuan."
    assert kind_word(SHARE, given) == "Wanted is a fraction of all customers, such as 0.25."


@pytest.mark.parametrize("given", ["810.74", np.str_("a"), pd.Series(["810.74"])], ids=repr)
def test_a_text_is_told_to_take_off_the_quotation_marks(given):
    assert "without quotation marks" in kind_word(YUAN, given)


@pytest.mark.parametrize("given", [math.nan, math.inf, -math.inf, np.nan, pd.Series([np.nan])])
def test_what_is_not_finite_is_said_as_it_came_out(given):
    assert kind_word(YUAN, given).startswith(f"That came out as {float(np.ravel(given)[0])}.")


@pytest.mark.parametrize("kind", [YUAN, SHARE, THREE, Choice(("yes", "no"))])
@pytest.mark.parametrize("given", [..., None])
def test_the_three_dots_are_no_answer_yet(kind, given):
    assert kind_word(kind, given) == NOT_ANSWERED


@pytest.mark.parametrize(
    "given",
    [
        [1, ..., 3],
        (..., ..., ...),
        [1, 2, None],
        {"first": ..., "second": 2, "third": 3},
        pd.Series([1, ..., 3]),
        np.array([1, None, 3], dtype=object),
    ],
    ids=repr,
)
def test_three_dots_within_a_list_are_no_answer_yet(given):
    assert kind_word(THREE, given) == NOT_ANSWERED


def test_numbers_are_the_same_within_the_tolerance_and_no_further():
    assert YUAN.same(810.74 + 0.005, 810.74)
    assert not YUAN.same(810.74 + 0.006, 810.74)
    assert Number("yuan").same(1001, 1000)
    assert Number("yuan").same(-1001, -1000)
    assert not Number("yuan").same(1002, 1000)
    assert Number("customers", within=0).same(0.1 + 0.2, 0.3)


@pytest.mark.parametrize("wanted", [1234567.885, 0.125, 1e9 + 0.005])
def test_an_answer_rounded_to_two_digits_is_right(wanted):
    assert YUAN.same(round(wanted, 2), wanted)


def test_the_sign_of_a_number():
    assert "sign" in YUAN.usual_hint(-810.74, 810.74)
    assert YUAN.usual_hint(800, 810.74) is None


def test_shares_are_fractions():
    assert SHARE.same(0.2505, 0.25)
    assert not SHARE.same(0.252, 0.25)
    assert "per cent" in SHARE.usual_hint(25, 0.25)
    assert "one minus" in SHARE.usual_hint(0.75, 0.25)
    assert "rounded" in SHARE.usual_hint(0.2522, 0.25)
    assert "sign" in SHARE.usual_hint(-0.25, 0.25)
    assert SHARE.usual_hint(0.3, 0.25) is None


def test_per_cent_has_the_tolerance_of_the_fraction():
    assert "per cent" in Share("all", within=0.01).usual_hint(25.9, 0.25)
    assert "per cent" in SHARE.usual_hint(100, 1.0)


def test_a_choice_is_one_of_its_texts_whatever_the_capital_letters():
    choice = Choice(("Basic", "performance"))
    assert choice.read(" basic ") == choice.read("BASIC") == "Basic"
    assert choice.same(choice.read("PERFORMANCE"), "performance")
    for given in ("excitement", "", 3, ["basic"], object()):
        assert '"Basic", "performance"' in kind_word(choice, given)


@pytest.mark.parametrize(
    "given",
    [
        [1, 2, 3],
        (1, 2, 3),
        np.array([1, 2, 3]),
        np.array([[1.0, 2.0, 3.0]]),
        pd.Series([1, 2, 3]),
        pd.Series([1, 2, 3], index=["a", "b", "c"]),
        pd.Series([3, 1, 2], index=["third", "first", "second"]),
        pd.Index([1, 2, 3]),
        {"third": 3, "first": 1, "second": 2},
        [Fraction(1), Decimal(2), np.int64(3)],
    ],
    ids=repr,
)
def test_several_numbers_in_order_or_by_name(given):
    assert THREE.read(given) == (1.0, 2.0, 3.0)


RECURSIVE: list[object] = []
RECURSIVE.append(RECURSIVE)


@pytest.mark.parametrize(
    "given",
    [
        5,
        "123",
        [],
        [1, 2],
        RECURSIVE,
        {1, 2, 3},
        {"first": 1, "second": 2, "fourth": 4},
        defaultdict(float, first=1.0),
        pd.DataFrame({"a": [1, 2, 3]}),
        pd.Series(dtype=float),
        np.zeros((3, 3)),
        range(3),
        object(),
    ],
    ids=lambda given: type(given).__name__,
)
def test_several_numbers_are_named_when_something_else_was_given(given):
    assert kind_word(THREE, given) == "3 numbers are wanted, in a list: first, second, third."


def test_what_is_in_the_list_must_be_numbers():
    assert kind_word(THREE, [RECURSIVE, 2, 3]) == "Wanted is a number of customers."
    assert "without quotation marks" in kind_word(THREE, ["1", 2, 3])
    assert "came out as nan" in kind_word(THREE, [math.nan, 2, 3])


def test_nothing_that_is_given_is_changed_or_used_up():
    table = pd.Series([3, 1, 2], index=["third", "first", "second"])
    before = table.copy()
    numbers = (number for number in [1, 2, 3])
    by_name = defaultdict(float, first=1.0, second=2.0, other=3.0)
    THREE.read(table)
    kind_word(THREE, numbers)
    kind_word(THREE, by_name)
    pd.testing.assert_series_equal(table, before)
    assert list(numbers) == [1, 2, 3]
    assert list(by_name) == ["first", "second", "other"]


def test_hints_on_several_numbers():
    wanted = (10.0, 20.0, 30.0)
    assert "order" in THREE.usual_hint((20.0, 10.0, 30.0), wanted)
    assert "sign" in THREE.usual_hint((-10.0, 20.0, -30.0), wanted)
    assert "Right so far: first, third." in THREE.usual_hint((10.0, 21.0, 30.0), wanted)
    assert THREE.usual_hint((-10.0, 25.0, 30.0), wanted).startswith("Right so far: third.")
    assert THREE.usual_hint((1.0, 2.0, 3.0), wanted) is None
