"""What a question is, and where the questions of each subject are."""

import functools
import importlib
from collections.abc import Callable
from dataclasses import dataclass

from crmlib.exercises.kinds import Kind

SUBJECTS = ("sampling", "satisfaction", "clp", "segmentation")


@dataclass(frozen=True)
class Mistake:
    """A wrong answer that students give, and what helps them on.

    Attributes
    ----------
    gives : callable
        Works out what the mistake leads to.
    hint : str
        Points at the mistake. It never says the answer.
    """

    gives: Callable[[], object]
    hint: str


@dataclass(frozen=True)
class Question:
    """One question of an exercise.

    The answer is worked out when it is asked for and stands nowhere, so nobody reads it by
    accident.

    Attributes
    ----------
    name : str
        Subject, topic and number, such as "clp.dwyer.2".
    kind : Kind
        What may be answered.
    answer : callable
        Works out the right answer.
    mistakes : tuple of Mistake
        In the order in which they are looked for.
    look_again : str
        What helps when the answer is wrong in no known way: where to look.
    """

    name: str
    kind: Kind
    answer: Callable[[], object]
    mistakes: tuple[Mistake, ...]
    look_again: str

    @property
    def topic(self) -> str:
        """Subject and topic, such as "clp.dwyer"."""
        return self.name.rpartition(".")[0]


def questions() -> dict[str, Question]:
    """Every question by name, in the order of the course."""
    return {name: question for part in SUBJECTS for name, question in of_subject(part).items()}


@functools.cache
def of_subject(subject: str) -> dict[str, Question]:
    """Questions of one subject by name; none where there is no such subject.

    The libraries of a subject are loaded here and not before: each takes a second or more.
    """
    if subject not in SUBJECTS:
        return {}
    module = importlib.import_module(f"crmlib.exercises.{subject}")
    return {question.name: question for question in module.QUESTIONS}
