"""Questions on Kano's method: categories, coefficients and leads beyond chance."""

import functools
from collections import Counter

import numpy as np
import pandas as pd

from crmlib import satisfaction, tables
from crmlib.exercises.kinds import Choice, Number, Several, Share
from crmlib.exercises.questions import Mistake, Question
from crmlib.satisfaction.kano import evaluation_table

# Twelve customers on parcel lockers, a hundred on a loyalty card, and the example company.

LOCKERS = (
    ("like", "neutral"),
    ("like", "dislike"),
    ("must-be", "dislike"),
    ("like", "live-with"),
    ("neutral", "neutral"),
    ("like", "must-be"),
    ("like", "like"),
    ("neutral", "like"),
    ("like", "dislike"),
    ("live-with", "live-with"),
    ("like", "live-with"),
    ("neutral", "dislike"),
)
LETTERS = ("A", "O", "M", "I", "R", "Q")
CATEGORIES = ("must-be", "one-dimensional", "attractive", "indifferent", "reverse", "questionable")
HUNDRED = {"A": 20, "O": 30, "M": 35, "I": 10, "R": 3, "Q": 2}
FEATURES = ("tracking", "complete", "speed", "catalogue", "calls", "advice")
BEYOND_CHANCE = 1.96


def _category(functional: str, dysfunctional: str) -> str:
    letters = {name[0].upper(): name for name in CATEGORIES}
    return letters[str(evaluation_table().loc[functional, dysfunctional])]


def _counted(pairs: list[tuple[str, str]]) -> list[int]:
    table = evaluation_table()
    found = Counter(str(table.loc[pair]) for pair in pairs)
    return [found[letter] for letter in LETTERS]


def _liked_is_one_dimensional() -> list[int]:
    attractive, performance, *rest, questionable = _counted(list(LOCKERS))
    return [attractive, performance + questionable, *rest, 0]


def _by_first_answer() -> list[int]:
    """Count as if the answer with the feature decided: liked means attractive."""
    without_second = [
        (first, "neutral" if first == "like" else second) for first, second in LOCKERS
    ]
    return _counted(without_second)


def _part(above: str, below: str) -> float:
    """Share of some categories in others, among the hundred."""
    return sum(HUNDRED[letter] for letter in above) / sum(HUNDRED[letter] for letter in below)


def _lead() -> int:
    first, second = sorted(HUNDRED.values())[-1:-3:-1]
    return first - second


def _lead_variance() -> float:
    """Of the difference of two counts of one sample of a hundred."""
    first, second = sorted(HUNDRED.values())[-1:-3:-1]
    return first + second - (first - second) ** 2 / sum(HUNDRED.values())


def _separate_variance() -> float:
    """As if the two counts came from two samples."""
    n = sum(HUNDRED.values())
    return sum(count * (1 - count / n) for count in sorted(HUNDRED.values())[-2:])


@functools.cache
def _features() -> pd.DataFrame:
    answers = tables.read("data/study.csv", kind="responses").frame
    pairs = {name: (f"kano_{name}_with", f"kano_{name}_without") for name in FEATURES}
    return satisfaction.kano(answers, pairs).table.set_index("feature")


QUESTIONS: tuple[Question, ...] = (
    Question(
        name="satisfaction.kano.1",
        kind=Choice(CATEGORIES),
        answer=lambda: _category("neutral", "dislike"),
        mistakes=(
            Mistake(
                lambda: _category("dislike", "neutral"),
                "The two questions were exchanged: rows are the answer with the feature, columns "
                "the answer without it.",
            ),
            Mistake(
                lambda: _category("like", "dislike"),
                "That would be so if the customer liked having it. Here it leaves the customer "
                "cold; only its absence is felt.",
            ),
            Mistake(
                lambda: _category("neutral", "neutral"),
                "That would be so if its absence did not matter either.",
            ),
        ),
        look_again="Find the row of the answer with the feature, then the column of that without.",
    ),
    Question(
        name="satisfaction.kano.2",
        kind=Several(Number("customers"), LETTERS),
        answer=lambda: _counted(list(LOCKERS)),
        mistakes=(
            Mistake(
                lambda: _counted([(second, first) for first, second in LOCKERS]),
                "The two questions were exchanged: rows are the answer with the feature, columns "
                "the answer without it.",
            ),
            Mistake(
                _liked_is_one_dimensional,
                "Whoever likes it with and without contradicts himself: that is questionable, "
                "and no category of the feature.",
            ),
            Mistake(
                _by_first_answer,
                "Liking to have it is not all: what if it is missing? Use both answers.",
            ),
        ),
        look_again="Take the customers one by one: row by the first answer, column by the second.",
    ),
    Question(
        name="satisfaction.kano.3",
        kind=Share("the customers whose answers count", within=0.005),
        answer=lambda: _part("AO", "AOMI"),
        mistakes=(
            Mistake(
                lambda: _part("AO", "AOMIRQ"),
                "Reverse and questionable answers were counted below the line. They do not "
                "belong there.",
            ),
            Mistake(
                lambda: _part("AO", "AOM"),
                "The indifferent were left out. They do belong below the line: nothing is to be "
                "won with them.",
            ),
            Mistake(
                lambda: _part("A", "AOMI"),
                "Those who find it one-dimensional are more satisfied with it, too.",
            ),
            Mistake(
                lambda: _part("OM", "AOMI"),
                "That is the other coefficient: what is lost without the feature.",
            ),
        ),
        look_again="Above the line those whom the feature makes more satisfied, below it all four "
        "categories of the formula.",
    ),
    Question(
        name="satisfaction.kano.4",
        kind=Share("the customers whose answers count", within=0.005),
        answer=lambda: -_part("OM", "AOMI"),
        mistakes=(
            Mistake(
                lambda: _part("OM", "AOMI"),
                "The size is right. Worse is written with a minus: satisfaction is lost.",
            ),
            Mistake(
                lambda: -_part("OM", "AOMIRQ"),
                "Reverse and questionable answers were counted below the line. They do not "
                "belong there.",
            ),
            Mistake(
                lambda: -_part("OM", "AOM"),
                "The indifferent were left out. They do belong below the line: nothing is to be "
                "lost with them.",
            ),
            Mistake(
                lambda: -_part("M", "AOMI"),
                "Those who find it one-dimensional are less satisfied without it, too.",
            ),
        ),
        look_again="Above the line those whom its absence makes less satisfied; then the sign.",
    ),
    Question(
        name="satisfaction.kano.5",
        kind=Number("customers", within=0.005),
        answer=lambda: float(np.sqrt(_lead_variance())),
        mistakes=(
            Mistake(
                lambda: float(np.sqrt(_separate_variance())),
                "That takes the two counts for those of two samples. They are of one: who is in "
                "the one category is not in the other, so the lead varies more.",
            ),
            Mistake(
                lambda: float(np.sqrt(_lead_variance()) / sum(HUNDRED.values())),
                "That is the standard error of the lead as a share. Here it is in customers.",
            ),
            Mistake(
                _lead_variance,
                "That is the variance. Take its root.",
            ),
        ),
        look_again="Sum of the two counts, less the square of the lead divided by all answers; "
        "then the root.",
    ),
    Question(
        name="satisfaction.kano.6",
        kind=Choice(("must-be", "one-dimensional", "undecided")),
        answer=lambda: (
            "undecided" if _lead() < BEYOND_CHANCE * np.sqrt(_lead_variance()) else "must-be"
        ),
        mistakes=(
            Mistake(
                lambda: "must-be",
                "It is the most frequent. How large is its lead beside the standard error?",
            ),
            Mistake(
                lambda: "one-dimensional",
                "It is not even the most frequent. Compare the lead with its standard error.",
            ),
        ),
        look_again="Set the lead against its standard error.",
    ),
    Question(
        name="satisfaction.kano.7",
        kind=Choice(FEATURES),
        answer=lambda: str(_features().index[_features()["decision"] == "undecided"][0]),
        mistakes=(
            Mistake(
                lambda: str(_features().index[_features()["category"] == "R"][0]),
                "Most would rather do without it, and that is clear enough: reverse is a "
                "category like others.",
            ),
            Mistake(
                lambda: str(_features().index[_features()["category"] == "I"][0]),
                "Most do not care about it. That they do not care is well established.",
            ),
            Mistake(
                lambda: str(
                    _features().query("decision != 'undecided'")["category_strength"].idxmin()
                ),
                "Its lead is the smallest of those that are beyond chance. One is smaller still.",
            ),
        ),
        look_again="Of which feature does the interval of the lead hold zero?",
    ),
)
