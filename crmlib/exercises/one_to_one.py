"""Self-assessment of one-to-one marketing after the four IDIC steps.

A check-list for a talk in a team, in English and Chinese: statements answered 0 to 4, a score for
each step, a radar chart, and what to do next. It is no measured scale.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from crmlib.errors import InputError
from crmlib.exercises.one_to_one_chart import WIDTH, has_no_font, plot_radar, radar_picture
from crmlib.exercises.one_to_one_words import (
    ACTIONS,
    MOST,
    SCALE,
    STATEMENTS,
    STEPS,
    Texts,
    in_language,
)

__all__ = ["Assessment", "assess", "next_steps", "plot_radar", "scale", "scores", "statements"]


def statements(language: str = "English") -> pd.DataFrame:
    """Return what is to be answered.

    Parameters
    ----------
    language : str
        "English" or "中文".

    Returns
    -------
    pandas.DataFrame
        One row per statement: step, number (in the step, from 1) and statement.
    """
    rows = [
        (in_language(STEPS[step], language), number, in_language(statement, language))
        for step, of_step in STATEMENTS.items()
        for number, statement in enumerate(of_step, start=1)
    ]
    return pd.DataFrame(rows, columns=["step", "number", "statement"])


def scale(language: str = "English") -> str:
    """Return what the answers 0 to 4 mean, in one line."""
    meanings = [in_language(words, language) for words in SCALE]
    return " · ".join(f"{answer} {meaning}" for answer, meaning in enumerate(meanings))


def scores(answers: Mapping[str, Any], language: str = "English") -> pd.DataFrame:
    """Work out the score of each step.

    The score is the mean of what is answered, as a share of the most possible. What is not
    answered is left out of it, and not counted as zero.

    Parameters
    ----------
    answers : mapping
        For each step (identify, differentiate, interact, customise) a list of answers 0 to 4 in
        the order of the statements, None where there is none. A step may be left out.
    language : str
        "English" or "中文": of the words for what is wrong with the answers.

    Returns
    -------
    pandas.DataFrame
        One row per step, indexed by it: score (0 to 1, missing when nothing is answered),
        answered, statements, and not_answered, the numbers of the statements left out, as text.

    Raises
    ------
    InputError
        The answers are no such lists.
    """
    given = read(answers, language)
    rows = [
        {
            "score": float(np.mean(known)) / MOST if known else math.nan,
            "answered": len(known),
            "statements": len(of_step),
            "not_answered": ", ".join(str(n) for n, x in enumerate(of_step, 1) if x is None),
        }
        for of_step in given.values()
        for known in [[answer for answer in of_step if answer is not None]]
    ]
    return pd.DataFrame(rows, index=pd.Index(given, name="step"))


def weakest(found: pd.DataFrame) -> list[str]:
    """Return the steps of the lowest score, in the order of the steps; none without a score."""
    known = found["score"].dropna()
    return [step for step in known.index if math.isclose(known[step], known.min(), abs_tol=1e-9)]


def next_steps(found: pd.DataFrame, language: str = "English") -> str:
    """Say what the scores are and what to do about the weakest step.

    Parameters
    ----------
    found : DataFrame
        From `scores`.
    language : str
        "English" or "中文".

    Returns
    -------
    str
        Markdown: a table of the scores, what was not answered, three actions for the weakest step
        with links to the notebooks that help (they begin in notebooks/coursework), and how far to
        trust it. Of steps at the same score the first is begun with, and the others are named.
    """
    text = Texts(language)
    parts = [_table(found, text)]
    if not found["answered"].any():
        parts.append(text("nothing"))
    else:
        parts += [*_left_out(found, text), *_to_do(found, text)]
    parts.append(text("caution"))
    if has_no_font(language):
        parts.append(text("no font"))
    return "\n\n".join(parts)


@dataclass(frozen=True)
class Assessment:
    """What the answers come to; a notebook shows it as a chart with text below.

    Attributes
    ----------
    scores : DataFrame or None
        One row per step; None when the answers could not be read.
    text : str
        Markdown: what to do next, or what is wrong with the answers.
    language : str
        "English" or "中文".
    """

    scores: pd.DataFrame | None
    text: str
    language: str

    def __str__(self) -> str:
        """Return the text."""
        return self.text

    __repr__ = __str__

    def _ipython_display_(self) -> None:
        from IPython.display import Image, Markdown, display

        if self.scores is not None:
            picture = radar_picture(self.scores, self.language)
            display(Image(picture, width=WIDTH, alt=in_a_line(self.scores, self.language)))
        display(Markdown(self.text))


def assess(answers: Mapping[str, Any], language: str = "English") -> Assessment:
    """Say what the answers come to: scores, chart and what to do next.

    Parameters
    ----------
    answers : mapping
        As in `scores`. What cannot be read is said in plain words, and raises nothing.
    language : str
        "English" or "中文".

    Returns
    -------
    Assessment
    """
    try:
        found = scores(answers, language)
        return Assessment(found, next_steps(found, language), language)
    except InputError as fault:
        return Assessment(None, str(fault), language)


def in_a_line(found: pd.DataFrame, language: str = "English") -> str:
    """Say what the chart shows, for those who do not see it; parameters as in `next_steps`."""
    text = Texts(language)
    shares = [f"{text.step(step)} {text.share(score)}" for step, score in found["score"].items()]
    return text("comma").join(shares)


# ----------------------------------------------------------------- reading answers


def read(answers: object, language: str = "English") -> dict[str, list[int | None]]:
    """Return the answers of each step, None where there is none; see `scores`."""
    text = Texts(language)
    if not isinstance(answers, Mapping):
        raise InputError(text("not a table", ", ".join(STEPS)))
    for step in answers:
        if step not in STEPS:
            raise InputError(text("unknown step", _short(step), ", ".join(STEPS)))
    return {step: _read_step(step, answers.get(step), text) for step in STEPS}


def _read_step(step: str, given: object, text: Texts) -> list[int | None]:
    asked = len(STATEMENTS[step])
    if given is None:
        return [None] * asked
    if not isinstance(given, list | tuple | np.ndarray | pd.Series):
        raise InputError(text("not a list", step, asked))
    if len(given) != asked:
        raise InputError(text("wrong length", step, asked, len(given)))
    return [_read_answer(step, n, answer, text) for n, answer in enumerate(given, start=1)]


def _read_answer(step: str, number: int, answer: object, text: Texts) -> int | None:
    if answer is None or answer is ... or answer is pd.NA:
        return None
    # True is a number for Python, but not an answer.
    if isinstance(answer, Real) and not isinstance(answer, bool):
        value = float(answer)
        if math.isnan(value):
            return None
        if value in range(MOST + 1):
            return int(value)
    raise InputError(text("not a number", step, number, _short(answer)))


def _short(thing: object) -> str:
    try:
        shown = repr(thing)
    except Exception:  # whatever was given
        shown = type(thing).__name__
    return shown if len(shown) <= 40 else f"{shown[:39]}…"


# ----------------------------------------------------------------- the text


def _table(found: pd.DataFrame, text: Texts) -> str:
    rows = [
        f"| {text.step(step)} | {text.share(score)} | {text('answered', answered, asked)} |"
        for step, score, answered, asked in found.reset_index().iloc[:, :4].to_numpy()
    ]
    return "\n".join([f"| {text('table')} |", "|---|---:|---:|", *rows])


def _left_out(found: pd.DataFrame, text: Texts) -> list[str]:
    in_part = found[(found["answered"] > 0) & (found["not_answered"] != "")]
    numbers = in_part["not_answered"].str.replace(", ", text("comma"))
    named = [f"{text.step(step)} {left_out}" for step, left_out in numbers.items()]
    without = [text.step(step) for step in found.index[found["answered"] == 0]]
    parts = [text("left out", text("semicolon").join(named))] if named else []
    return parts + ([text("no step", text.listed(without))] if without else [])


def _to_do(found: pd.DataFrame, text: Texts) -> list[str]:
    steps = weakest(found)
    lowest = found["score"].min()
    if math.isclose(lowest, 1.0):
        return [text("all done")]
    share, names = text.share(lowest), [text.step(step) for step in steps]
    opening = (
        text("weakest", names[0], share)
        if len(steps) == 1
        else text("level", text.listed(names), share, names[0])
    )
    actions = [in_language(action, text.language) for action in ACTIONS[steps[0]]]
    return [opening, "\n".join(f"{n}. {action}" for n, action in enumerate(actions, start=1))]
