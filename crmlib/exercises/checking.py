"""Whether an answer is right; if not, a hint that fits the mistake."""

import difflib
import functools
import html
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from crmlib.exercises import solved
from crmlib.exercises.kinds import NOT_ANSWERED, NotOfThisKind
from crmlib.exercises.questions import Question, of_subject, questions

RIGHT = "Right."
UNREADABLE = "That could not be read. Wanted is a plain number, a text, or a list of numbers."
NOT_HERE = (
    "This question cannot be checked just now. Are the tables of the example company in data/ as "
    "they were? Then restart the kernel and run all cells."
)


@dataclass(frozen=True)
class Verdict:
    """What is said of an answer.

    Attributes
    ----------
    right : bool
        Whether it is the answer.
    text : str
        "Right.", a hint, or what kind of answer is wanted.
    progress : str
        How many questions were solved so far.
    """

    right: bool
    text: str
    progress: str

    def __str__(self) -> str:
        """Return the mark, the text and the progress, a line each."""
        return "\n".join(line for line in (f"{self._mark} {self.text}", self.progress) if line)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        # The colour is in the edge only: the text keeps the theme's own, and the mark and the
        # words say the same to whoever does not see colours.
        edge = "#1a7f37" if self.right else "#d97706"
        return (
            f'<div style="border-left: 4px solid {edge}; padding-left: 0.7em">'
            f"<b>{self._mark}</b> {html.escape(self.text)}"
            f'<div style="opacity: 0.8">{html.escape(self.progress)}</div></div>'
        )

    @property
    def _mark(self) -> str:
        if self.right:
            return "✓"
        return "✗" if self.text == NOT_ANSWERED else "✗ Not yet."


def check(name: str, answer: object) -> Verdict:
    """Say whether an answer is right, or what may have gone wrong.

    Parameters
    ----------
    name : str
        The question: subject, topic and number, such as "clp.dwyer.2".
    answer : object
        Whatever you have. Nothing that is given here raises.

    Returns
    -------
    Verdict
        Right, a hint that fits the mistake, or what kind of answer is wanted; and the progress so
        far. The answer itself is never in it.
    """
    try:
        question = _question(name)
        return question if isinstance(question, Verdict) else _checked(question, answer)
    except Exception:  # a student at night is not to meet a traceback of ours
        return Verdict(False, NOT_HERE, "")


def progress() -> pd.DataFrame:
    """Return how much was solved so far.

    Returns
    -------
    pandas.DataFrame
        One row for each topic of the course, in its order: `topic`, `solved` and `questions`.
    """
    done = solved.names()
    topics = list(dict.fromkeys(question.topic for question in questions().values()))
    counts = [_solved_of(topic, done) for topic in topics]
    return pd.DataFrame(counts, columns=["solved", "questions"]).assign(topic=topics)[
        ["topic", "solved", "questions"]
    ]


def _question(name: object) -> Question | Verdict:
    """Return the question of a name, or what is wrong with the name."""
    if not isinstance(name, str):
        text = 'The name of the question comes first, in quotation marks: check("…", answer).'
        return Verdict(False, text, "")
    known = of_subject(name.partition(".")[0]) or questions()
    if name in known:
        return known[name]
    short = name[:40]  # whatever was given, looking for the nearest takes no time
    nearest = difflib.get_close_matches(short, known, n=1)
    hint = f" Did you mean {nearest[0]}?" if nearest else ""
    return Verdict(False, f"There is no question {short}.{hint}", "")


def _checked(question: Question, answer: object) -> Verdict:
    try:
        given = question.kind.read(answer)
    except NotOfThisKind as word:
        return Verdict(False, str(word), _progress_in(question))
    except Exception:  # an object that raises when it is looked at
        return Verdict(False, UNREADABLE, _progress_in(question))
    right, text = _judged(question, given)
    if right:
        solved.add(question.name)
    return Verdict(right, text, _progress_in(question))


def _judged(question: Question, given: object) -> tuple[bool, str]:
    kind = question.kind
    wanted = _worked_out(question, question.answer)
    if kind.same(given, wanted):
        return True, RIGHT
    for mistake in question.mistakes:
        if kind.same(given, _worked_out(question, mistake.gives)):
            return False, mistake.hint
    return False, kind.usual_hint(given, wanted) or question.look_again


@functools.cache
def _worked_out(question: Question, gives: Callable[[], object]) -> Any:
    """What the answer is, or a mistake leads to: worked out once, as some read whole tables."""
    return question.kind.read(gives())


def _solved_of(topic: str, done: set[str]) -> tuple[int, int]:
    asked = [
        name
        for name, question in of_subject(topic.partition(".")[0]).items()
        if question.topic == topic
    ]
    return len(done.intersection(asked)), len(asked)


def _progress_in(question: Question) -> str:
    # How many there are in the whole course is left to progress(): to know it, the libraries of
    # every subject would have to be loaded, which takes seconds.
    done = solved.names()
    here, asked = _solved_of(question.topic, done)
    return f"{question.topic}: {here} of {asked} solved; in the whole course: {len(done)}"
