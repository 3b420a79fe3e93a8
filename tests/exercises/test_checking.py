"""What `check` says and shows, that it never raises, and how progress is kept."""

import functools
import html
import re
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

from crmlib.exercises import check, checking, progress, solved
from crmlib.exercises.kinds import NOT_ANSWERED, Number, Several, Share
from crmlib.exercises.questions import SUBJECTS, Mistake, Question

AGAIN = "Draw the tree once more."


def question(name, kind, answer, *mistakes) -> Question:
    return Question(name, kind, lambda: answer, tuple(mistakes), look_again=AGAIN)


def fails():
    raise OSError("the table is gone")


QUESTIONS = [
    question(
        "clp.tree.1",
        Number("yuan"),
        812.5,
        Mistake(lambda: 625.0, "Discount it once."),
        Mistake(lambda: -812.5, "Revenue less cost, not cost less revenue."),
    ),
    question("clp.tree.2", Share("customers"), 0.36),
    question("clp.tree.3", Several(Number("people"), ("new", "old")), [30.0, 70.0]),
    question("clp.other.1", Number("<b>yuan</b>"), 1.0),
    Question("clp.gone.1", Number("yuan"), fails, (), AGAIN),
]


@pytest.fixture(autouse=True)
def course(monkeypatch):
    """A course of five questions, all of them on one subject."""
    known = {"clp": {question.name: question for question in QUESTIONS}}
    monkeypatch.setattr(checking, "of_subject", lambda subject: known.get(subject, {}))
    monkeypatch.setattr(checking, "questions", lambda: known["clp"])


def test_right_and_how_far_one_is():
    verdict = check("clp.tree.1", 812.5)
    assert verdict.right
    assert str(verdict) == ("✓ Right.\nclp.tree: 1 of 3 solved; in the whole course: 1")


def test_known_mistakes_come_first_then_usual_ones_then_where_to_look():
    assert check("clp.tree.1", 625).text == "Discount it once."
    assert check("clp.tree.1", -812.5).text == "Revenue less cost, not cost less revenue."
    assert check("clp.tree.2", 36).text.startswith("That is per cent.")
    assert check("clp.tree.1", 700).text == AGAIN


def test_a_wrong_answer_is_marked_with_a_sign_and_in_words():
    verdict = check("clp.tree.1", 700)
    assert not verdict.right
    assert str(verdict).startswith(f"✗ Not yet. {AGAIN}\nclp.tree: 0 of 3")


@pytest.mark.parametrize("name", ["clp.tree.1", "clp.tree.2", "clp.tree.3"])
def test_without_an_answer_it_says_so(name):
    verdict = check(name, ...)
    assert verdict.text == NOT_ANSWERED
    assert str(verdict).startswith("✗ Not answered yet")
    assert not solved.names()


def test_the_html_needs_no_colours_and_no_theme():
    for answer, words in [(812.5, "<b>✓</b> Right."), (7, f"<b>✗ Not yet.</b> {AGAIN}")]:
        shown = check("clp.tree.1", answer)._repr_html_()
        assert words in shown
        # The colour of text and ground are the theme's: readable on white and on black.
        assert not re.search(r"(?<!-left: 4px solid #)\b(color|background)\s*:", shown)


def test_the_html_is_no_way_in_for_markup():
    assert html.escape("<b>yuan</b>") in check("clp.other.1", "one")._repr_html_()
    assert "<script>" not in check("<script>", 1)._repr_html_()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("clp.tre.1", "Did you mean clp.tree.1?"),
        ("cpl.tree.1", "Did you mean clp.tree.1?"),
        ("clp.tree.7", "Did you mean clp.tree."),
        ("", "There is no question ."),
        ("nothing of the sort", "There is no question nothing of the sort."),
        (12, "The name of the question comes first"),
        (None, "The name of the question comes first"),
        ([], "The name of the question comes first"),
        (pd.DataFrame(), "The name of the question comes first"),
        ("x" * 10_000_000, "There is no question xxx"),
    ],
    ids=lambda given: repr(given)[:20],
)
def test_names_that_do_not_exist(name, said):
    verdict = check(name, 1)
    assert said in verdict.text
    assert len(verdict.text) < 150
    assert not verdict.right


class RaisesWhateverIsAsked:
    def __getattribute__(self, name):
        raise RuntimeError(name)

    __eq__ = __hash__ = __repr__ = __str__ = __float__ = __len__ = __bool__ = __iter__ = None


class Raises(float):
    def _raise(self, *_):
        raise RuntimeError("never look at me")

    __eq__ = __hash__ = __repr__ = __str__ = __float__ = __abs__ = __sub__ = __neg__ = _raise


class TextThatRaises(str):
    __slots__ = ()

    def strip(self, *_):
        raise RuntimeError

    casefold = partition = __hash__ = __eq__ = strip


class DictThatRaises(dict):
    def __getitem__(self, key):
        raise RuntimeError

    __contains__ = __iter__ = __len__ = __getitem__


def endless():
    while True:
        yield 1


def deep():
    return functools.reduce(lambda inner, _: [inner], range(100_000), [])


# Made when they are wanted: pytest would look at them too.
STRANGE = {
    "object": RaisesWhateverIsAsked,
    "float": lambda: Raises(3),
    "text": lambda: TextThatRaises("3"),
    "dict": lambda: DictThatRaises(new=1, old=2),
    "list": lambda: [Raises(3), Raises(4)],
    "endless": endless,
    "deep": deep,
    "huge": lambda: 10**5000,
    "huge and negative": lambda: -(10**400),
    "many zeros": lambda: np.zeros(10_000_000),
    "no rows": lambda: np.zeros((0, 3)),
    "texts": lambda: np.array(["a", "b"]),
    "objects": lambda: np.array([object(), object()]),
    "records": lambda: np.zeros(2, dtype=[("a", float), ("b", int)]),
    "long": lambda: pd.Series(range(5_000_000)),
    "dates": lambda: pd.Series([1, 2], index=pd.to_datetime(["2025-01-01", "2025-01-02"])),
    "twice": lambda: pd.Series([1, 2], index=["new", "new"]),
    "pairs": lambda: pd.Series([1, 2], index=[("a", 1), ("b", 2)]),
    "table": lambda: pd.DataFrame({"new": [1], "old": [2]}),
    "categories": lambda: pd.Categorical(["a", "b"]),
    "long text": lambda: "x" * 10_000_000,
    "long list": lambda: list(range(3_000_000)),
    "class": lambda: type,
    "function": lambda: check,
    "not implemented": lambda: NotImplemented,
    "bytes": lambda: b"\xff",
    "half a character": lambda: "\ud800",
}


@pytest.mark.parametrize("name", ["clp.tree.1", "clp.tree.2", "clp.tree.3"])
@pytest.mark.parametrize("strange", STRANGE)
def test_nothing_raises_and_nothing_takes_long(name, strange):
    answer = STRANGE[strange]()
    began = time.perf_counter()
    verdict = check(name, answer)
    assert time.perf_counter() - began < 0.5
    assert not verdict.right
    assert "anted" in verdict.text or verdict.text == AGAIN
    assert str(verdict)
    assert verdict._repr_html_()


def test_a_name_that_raises_is_answered_too():
    assert not check(TextThatRaises("clp.tree.1"), 812.5).right
    assert not check(RaisesWhateverIsAsked(), 812.5).right


def test_a_question_whose_table_is_gone_does_not_blame_the_answer():
    verdict = check("clp.gone.1", 5)
    assert not verdict.right
    assert "cannot be checked just now" in verdict.text


def test_every_subject_of_the_course_is_known():
    assert SUBJECTS == ("sampling", "satisfaction", "clp", "segmentation")


# ----------------------------------------------------------------- progress


def test_progress_is_a_table_of_the_topics():
    check("clp.tree.1", 812.5)
    check("clp.tree.3", [30, 70])
    check("clp.tree.3", [30, 70])
    check("clp.other.1", 2)
    assert progress().to_dict("list") == {
        "topic": ["clp.tree", "clp.other", "clp.gone"],
        "solved": [2, 0, 0],
        "questions": [3, 1, 1],
    }


def test_a_new_session_remembers(monkeypatch):
    check("clp.tree.1", 812.5)
    monkeypatch.setattr(solved, "_in_this_session", set())
    assert "2 of 3 solved" in check("clp.tree.2", 0.36).progress


def test_the_file_holds_names_and_no_answers(progress_file):
    check("clp.tree.1", 812.5)
    check("clp.tree.1", 812.5)
    check("clp.tree.2", 0.36)
    assert progress_file.read_text(encoding="utf-8").split() == ["clp.tree.1", "clp.tree.2"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00 no text",
        b"[]",
        b'{"a": 1}',
        b"\n\n..\nclp..1\n" * 1000,
        b"clp.tree.2\nclp.tr",
    ],
)
def test_a_broken_file_is_no_trouble(progress_file, content):
    progress_file.parent.mkdir()
    progress_file.write_bytes(content)
    assert check("clp.tree.1", 812.5).right
    solved._in_this_session.clear()
    assert {"clp.tree.1"} <= solved.names() <= {"clp.tree.1", "clp.tree.2"}


def test_a_folder_in_the_files_place_is_no_trouble(progress_file):
    progress_file.mkdir(parents=True)
    assert "1 of 3 solved" in check("clp.tree.1", 812.5).progress


def test_where_no_file_can_be_written_the_session_remembers(progress_file):
    progress_file.parent.write_text("a file where the folder would be")
    check("clp.tree.1", 812.5)
    assert "2 of 3 solved" in check("clp.tree.2", 0.36).progress


WRITES = """
import sys
from crmlib.exercises import solved
for number in range(200):
    solved.add(f"clp.{sys.argv[1]}.{number}")
"""


def test_two_processes_that_write_at_once_lose_nothing():
    writers = [subprocess.Popen([sys.executable, "-c", WRITES, word]) for word in ("one", "two")]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0]
    assert solved.names() == {
        f"clp.{word}.{number}" for word in ("one", "two") for number in range(200)
    }


def test_without_a_setting_the_file_is_in_the_users_own_folder(monkeypatch):
    monkeypatch.delenv("CRMLIB_PROGRESS")
    assert solved.progress_file().parts[-2:] == ("crmlib", "solved.txt")
