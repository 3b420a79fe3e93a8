"""Every question: its answer, its mistakes and its texts; and where the notebooks ask it.

Whether an answer is the right one is held against oracles in the tests named after the subjects.
"""

import re
from collections import Counter

import pandas as pd
import pytest

from crmlib.exercises import check, kinds
from crmlib.exercises.checking import UNREADABLE
from crmlib.exercises.kinds import Choice, Several, Share
from crmlib.exercises.questions import SUBJECTS, of_subject, questions
from tests.exercises.coursework import EXERCISES, ROOT, SOLUTIONS, asked_in, name, read, topic

ALL = list(questions().values())
PACKAGE = ROOT / "crmlib" / "exercises"
MODULES = sorted(PACKAGE.rglob("*.py"))


@pytest.fixture(params=ALL, ids=lambda question: question.name)
def question(request):
    return request.param


def test_names_are_given_once():
    for subject in SUBJECTS:
        given = [one.name for one in _module(subject).QUESTIONS]
        assert [name for name, times in Counter(given).items() if times > 1] == []
        assert list(of_subject(subject)) == given


def _module(subject):
    return __import__(f"crmlib.exercises.{subject}", fromlist=["QUESTIONS"])


def test_its_name_says_where_it_belongs(question):
    subject, _, number = question.name.split(".")
    assert subject in SUBJECTS
    topic_of_it = [one.name for one in ALL if one.topic == question.topic]
    assert int(number) == topic_of_it.index(question.name) + 1


def test_the_right_answer_passes(question):
    verdict = check(question.name, question.answer())
    assert verdict.right, verdict.text


def test_each_known_mistake_gets_its_own_hint(question):
    for mistake in question.mistakes:
        verdict = check(question.name, mistake.gives())
        assert (verdict.right, verdict.text) == (False, mistake.hint)


def test_it_knows_the_mistakes_that_students_make(question):
    hints = [mistake.hint for mistake in question.mistakes]
    assert 1 <= len(hints) <= 4
    assert len({*hints, question.look_again}) == len(hints) + 1


def test_mistakes_differ_from_the_answer_and_from_each_other(question):
    found = [question.answer(), *(mistake.gives() for mistake in question.mistakes)]
    values = [question.kind.read(one) for one in found]
    for place, one in enumerate(values):
        for other in values[:place]:
            assert not question.kind.same(one, other)
            assert not question.kind.same(other, one)


GARBAGE = {
    "nothing": None,
    "three dots": ...,
    "a text": "forty-two",
    "no number": float("nan"),
    "a complex number": 1 + 2j,
    "an empty list": [],
    "an empty dict": {},
    "a table": pd.DataFrame({"a": [1, 2]}),
    "an object": object(),
    "a function": print,
}


def test_garbage_gets_a_kind_word(question):
    for garbage in GARBAGE.values():
        verdict = check(question.name, garbage)
        assert not verdict.right
        assert "anted" in verdict.text or verdict.text == kinds.NOT_ANSWERED
        assert verdict.text != UNREADABLE


# ----------------------------------------------------------------- the answer stands nowhere


def writings(question) -> list[set[str]]:
    """How each number of the answer may be written, with at least three significant digits."""
    if isinstance(question.kind, Choice):
        return []
    answer = question.kind.read(question.answer())
    numbers = answer if isinstance(question.kind, Several) else (answer,)
    is_share = isinstance(getattr(question.kind, "each", question.kind), Share)
    return [_writings(abs(number), (1, 100) if is_share else (1,)) for number in numbers]


def _writings(number: float, sizes: tuple[int, ...]) -> set[str]:
    written = {f"{number * size:.{digits}f}" for size in sizes for digits in range(5)}
    return {text for text in written if len(text.replace(".", "").strip("0")) >= 3}


def held(question, text: str) -> list[set[str]]:
    """The numbers of the answer that a text holds, as it writes them."""
    return [found for ways in writings(question) if (found := ways & numbers_in(text))]


def numbers_in(text: str) -> set[str]:
    return {
        re.sub(r"[,_]", "", found)
        for found in re.findall(r"(?<![\w.])\d{1,3}(?:[,_]\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?", text)
    }


def test_a_number_is_found_however_it_is_written():
    assert numbers_in("810.74 yuan, 43,560 or 43_560.5; 0.62%") == {
        *("810.74", "43560", "43560.5", "0.62")
    }


def test_no_text_of_it_holds_the_answer(question):
    said = [check(question.name, garbage).text for garbage in GARBAGE.values()]
    said += [mistake.hint for mistake in question.mistakes] + [question.look_again]
    said += [check(question.name, mistake.gives()).progress for mistake in question.mistakes]
    for text in said:
        assert held(question, text) == []


def test_no_hint_says_which_text_is_right():
    for question in ALL:
        if isinstance(question.kind, Choice):
            hints = [mistake.hint for mistake in question.mistakes] + [question.look_again]
            assert f'"{question.answer()}"' not in " ".join(hints)


def test_the_modules_and_its_exercise_do_not_hold_the_answer(question):
    # All together, lest an answer of several numbers is spread over them. Those of other subjects
    # are left out: what is given there may be the same number by chance.
    others = {*SUBJECTS} - {question.name.partition(".")[0]}
    modules = [path for path in MODULES if others.isdisjoint(path.relative_to(PACKAGE).parts)]
    texts = {"modules": "\n".join(path.read_text("utf-8") for path in modules)}
    for path in EXERCISES:
        if topic(path) == question.topic and path.exists():
            texts[path.name] = "\n".join(cell.source for cell in read(path).cells)
    # One of several numbers may be a given of another question.
    by_chance = 1 if isinstance(question.kind, Several) else 0
    for file, text in texts.items():
        assert len(held(question, text)) <= by_chance, file


# ----------------------------------------------------------------- where it is asked


def test_every_question_is_asked_once_under_the_name_of_its_topic():
    asked = Counter(name for path in EXERCISES if path.exists() for name in asked_in(path))
    assert {name: times for name, times in asked.items() if times > 1} == {}
    assert set(asked) == set(questions())


@pytest.mark.parametrize("path", SOLUTIONS, ids=name)
def test_a_notebook_asks_the_questions_of_its_topic_in_their_order(path):
    asked = asked_in(path)[::2]
    assert asked == asked_in(path)[1::2], "each question is asked, and then tested"
    topic_of_it = topic(path).removesuffix("_solution")
    assert asked == [one.name for one in ALL if one.topic == topic_of_it]
    if "_own_" not in path.name:
        assert len(asked) >= 4
