"""Questions on importance and performance: what to improve first, and how sure that is."""

import functools
from typing import Any

import pandas as pd

from crmlib import satisfaction
from crmlib.exercises.kinds import Choice, Number, Share
from crmlib.exercises.questions import Mistake, Question
from crmlib.exercises.satisfaction.given import items, responses

# Six services of a courier, and the example company.

COURIER = pd.DataFrame(
    {
        "importance": [0.27, 0.21, 0.19, 0.15, 0.12, 0.06],
        "importance_difference_low": [0.05, -0.01, -0.02, -0.06, -0.09, -0.15],
        "importance_difference_high": [0.16, 0.10, 0.07, 0.03, -0.01, -0.06],
        "performance": [58.0, 61.0, 66.0, 72.0, 75.0, 70.0],
        "performance_difference_low": [-13.0, -10.0, -5.0, 1.0, 4.0, -1.0],
        "performance_difference_high": [-5.0, -2.0, 3.0, 9.0, 12.0, 7.0],
    },
    index=["speed", "care", "tracking", "helpline", "price", "invoices"],
)
MEAN_ANSWER, LOWEST, HIGHEST = 7.3, 1, 10
ITEMS, LEVEL = 12, 0.05


@functools.cache
def _placed() -> pd.DataFrame:
    """The example company's items with importance, score and quadrant."""
    # At 99 % the seed does not decide who is placed; at 95 % one item lies on the very edge.
    asked: dict[str, Any] = {"respondent": "customer_id", "confidence": 0.99}
    chances: dict[str, Any] = {"replicates": 1000, "seed": 2026}
    placed = satisfaction.importance_performance(
        responses(), items(), "overall", **asked, **chances
    )
    return placed.table.set_index("item")


def _settled(table: pd.DataFrame) -> pd.DataFrame:
    """Whether the interval of an item's difference to each line leaves out zero."""
    return pd.DataFrame(
        {
            name: table[f"{name}_difference_low"] * table[f"{name}_difference_high"] > 0
            for name in ("importance", "performance")
        }
    )


def _first_for_certain() -> int:
    """How many services are in the corner "improve first", each interval on its own."""
    important = COURIER["importance_difference_low"] > 0
    return int((important & (COURIER["performance_difference_high"] < 0)).sum())


def _corner(*, strong: bool = False) -> pd.DataFrame:
    """Items that seem important and weak (or strong) when dots are read without intervals."""
    table = _placed()
    above = table["performance"] > table["performance"].mean()
    important = table["importance"] > table["importance"].mean()
    return table[important & (above if strong else ~above)]


def _open_line(item: str) -> str:
    important, strong = _settled(_placed()).loc[item]
    if important == strong:
        return "neither" if important else "both"
    return "score" if important else "importance"


QUESTIONS: tuple[Question, ...] = (
    Question(
        name="satisfaction.priorities.1",
        kind=Number("points from 0 to 100", within=0.05),
        answer=lambda: 100 * (MEAN_ANSWER - LOWEST) / (HIGHEST - LOWEST),
        mistakes=(
            Mistake(
                lambda: 100 * MEAN_ANSWER / HIGHEST,
                "The lowest answer is not nothing: it must come out as a score of zero.",
            ),
            Mistake(
                lambda: 100 * (MEAN_ANSWER - LOWEST) / HIGHEST,
                "The highest answer must come out as a hundred. How many steps has the scale?",
            ),
            Mistake(
                lambda: 100 * MEAN_ANSWER / (HIGHEST - LOWEST),
                "Take the lowest answer off above the line as well, not only below.",
            ),
        ),
        look_again="How far is the mean above the lowest answer, as a part of the whole scale?",
    ),
    Question(
        name="satisfaction.priorities.2",
        kind=Number("points", within=0.05),
        answer=lambda: float(COURIER["performance"].mean()),
        mistakes=(
            Mistake(
                lambda: 50.0,
                "That is the middle of the scale. The line lies among the items: an item is "
                "strong or weak beside the others.",
            ),
            Mistake(
                lambda: float(COURIER["performance"].median()),
                'That is the median, which line="median" would give. Here it is the mean.',
            ),
            Mistake(
                lambda: float((COURIER["performance"] * COURIER["importance"]).sum()),
                "That weighs the items by importance, as an index does. For the line all items "
                "count the same.",
            ),
        ),
        look_again="The plain mean over the six items.",
    ),
    Question(
        name="satisfaction.priorities.3",
        kind=Number("items"),
        answer=lambda: int(_settled(COURIER).all(axis=1).sum()),
        mistakes=(
            Mistake(
                lambda: len(COURIER),
                "Every dot lies in some corner. Whether it would lie there with other customers "
                "is told by the intervals.",
            ),
            Mistake(
                lambda: int(_settled(COURIER).any(axis=1).sum()),
                "One line is not enough: a quadrant is a side of both.",
            ),
            Mistake(
                _first_for_certain,
                "Only one quadrant was counted. Items that are certain in another count too.",
            ),
        ),
        look_again="Go through the items: does the interval leave out zero for importance, and "
        "for the score as well?",
    ),
    Question(
        name="satisfaction.priorities.4",
        kind=Share("all such surveys"),
        answer=lambda: 1 - (1 - LEVEL) ** ITEMS,
        mistakes=(
            Mistake(
                lambda: ITEMS * LEVEL,
                "That is how many items are misplaced on average. Asked is how often there is at "
                "least one: sometimes there are several.",
            ),
            Mistake(
                lambda: LEVEL,
                "That is for one item. Each further item is a further chance to go wrong.",
            ),
            Mistake(
                lambda: LEVEL**ITEMS,
                "That is the probability that all of them are misplaced at once.",
            ),
        ),
        look_again="Find the probability that none is misplaced first.",
    ),
    Question(
        name="satisfaction.priorities.5",
        kind=Choice(tuple(f"q{number:02}" for number in range(1, ITEMS + 1))),
        answer=lambda: str(_corner()["importance"].idxmax()),
        mistakes=(
            Mistake(
                lambda: str(_corner()["performance"].idxmin()),
                "That is the weakest in the corner. Asked is the most important there.",
            ),
            Mistake(
                lambda: str(_corner(strong=True)["importance"].idxmax()),
                "That lies on the right of the score line: important, and already strong.",
            ),
            Mistake(
                lambda: str(_placed()["performance"].idxmax()),
                "That has the highest score. The corner in question is the other one.",
            ),
        ),
        look_again="Keep the items above the mean importance and below the mean score; then the "
        "largest importance.",
    ),
    Question(
        name="satisfaction.priorities.6",
        kind=Number("items"),
        answer=lambda: int((_placed()["quadrant"] != "undecided").sum()),
        mistakes=(
            Mistake(
                lambda: len(_placed()),
                "That is a reading of dots: every item lies in some corner.",
            ),
            Mistake(
                lambda: int(_settled(_placed()).all(axis=1).sum()),
                "That takes every interval on its own. Look at the column that allows for the "
                "number of items.",
            ),
            Mistake(
                lambda: int((_placed()["quadrant"] == "undecided").sum()),
                "Those are the items that cannot be placed.",
            ),
        ),
        look_again='Count in the column "quadrant".',
    ),
    Question(
        name="satisfaction.priorities.7",
        kind=Choice(("importance", "score", "both", "neither")),
        answer=lambda: _open_line("q10"),
        mistakes=(
            Mistake(
                lambda: "importance",
                "That interval lies on one side of zero from end to end. Look at the other line.",
            ),
            Mistake(
                lambda: "both",
                "One of the two intervals leaves out zero. Which?",
            ),
            Mistake(
                lambda: "neither",
                "One of the two intervals holds zero. Which?",
            ),
        ),
        look_again="Look whether zero lies between the two ends, once for each line.",
    ),
)
