"""Whether an answer is right; if not, a hint that fits the mistake."""

import difflib
import functools
import html
from dataclasses import dataclass

from crmlib.exercises import solved
from crmlib.exercises.kinds import NotOfThisKind
from crmlib.exercises.questions import SUBJECTS, Question, questions

NOT_ANSWERED = "Not answered yet: put your result in place of the three dots."
COLOURS = {True: "#1a7f37", False: "#9a3412"}


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
        mark = "✓" if self.right else "✗"
        return f"{mark} {self.text}" + (f"\n{self.progress}" if self.progress else "")

    __repr__ = __str__

    def _repr_html_(self) -> str:
        mark = "✓" if self.right else "✗"
        return (
            f'<div style="color: {COLOURS[self.right]}"><b>{mark}</b> {html.escape(self.text)}</div>'
            f'<div style="color: #6b7280">{html.escape(self.progress)}</div>'
        )


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
        return _checked(name, answer)
    except Exception:  # a student at night is not to meet a traceback of ours
        return Verdict(False, "That could not be looked at. Give a plain number, or a text.", "")


def progress() -> str:
    """Say how many questions of each subject were solved so far."""
    done = solved.names()
    lines = []
    for subject in SUBJECTS:
        asked = [name for name in questions() if name.startswith(f"{subject}.")]
        lines.append(f"{subject}: {len(done.intersection(asked))} of {len(asked)} solved")
    return "\n".join(lines)


def _checked(name: str, answer: object) -> Verdict:
    question = questions().get(name) if isinstance(name, str) else None
    if question is None:
        return Verdict(False, _unknown(name), "")
    right, text = _judged(question, answer)
    if right:
        solved.add(name)
    return Verdict(right, text, _progress_of(question))


def _judged(question: Question, answer: object) -> tuple[bool, str]:
    if answer is ... or answer is None:
        return False, NOT_ANSWERED
    kind = question.kind
    try:
        given = kind.read(answer)
    except NotOfThisKind as word:
        return False, str(word)
    wanted = kind.read(_worked_out(question)[0])
    if kind.same(given, wanted):
        return True, "Right."
    for mistake, gives in zip(question.mistakes, _worked_out(question)[1:], strict=True):
        if kind.same(given, kind.read(gives)):
            return False, mistake.hint
    return False, kind.usual_hint(given, wanted) or question.look_again


@functools.cache
def _worked_out(question: Question) -> tuple[object, ...]:
    """The answer, then what each mistake leads to: worked out once, as some read whole tables."""
    return question.answer(), *(mistake.gives() for mistake in question.mistakes)


def _progress_of(question: Question) -> str:
    done = solved.names()
    here = [name for name, other in questions().items() if other.topic == question.topic]
    return (
        f"{question.topic}: {len(done.intersection(here))} of {len(here)} solved; "
        f"the whole course: {len(done.intersection(questions()))} of {len(questions())}"
    )


def _unknown(name: object) -> str:
    nearest = difflib.get_close_matches(str(name), questions(), n=1)
    hint = f" Did you mean {nearest[0]}?" if nearest else ""
    return f"There is no question {name}.{hint}"
