"""Questions on the value matrix: classes, how sure they are, and what knowing is worth."""

import functools

import numpy as np
import pandas as pd
from scipy.stats import norm

from crmlib import clp, segmentation
from crmlib.columns import Array
from crmlib.exercises.kinds import Number, Several, Share
from crmlib.exercises.questions import Mistake, Question
from crmlib.exercises.segmentation.given import last_year, transactions

# What is given in the notebook.

SIX = pd.DataFrame(
    {
        "customer_id": ["A", "B", "C", "D", "E", "F"],
        "brought": [14.0, 12.0, 3.0, 15.0, 2.0, 10.0],
        "to_come": [16.0, 18.0, 13.0, 6.0, 4.0, 11.0],
        "low": [12.0, 11.0, 8.0, 3.0, 1.0, 10.5],
        "high": [21.0, 30.0, 19.0, 9.0, 12.0, 12.0],
    }
)
"""What six customers brought and are to bring, in thousand yuan."""

C, Z = 2, norm.ppf(0.975)  # place of the customer looked at; of an interval of 95 %
LINE = 10.0  # thousand yuan, for the six
EXAMPLE_LINE = 25_000.0  # yuan, for the example company
BRINGS, COSTS = 10.0, 4.0  # of attention: thousand yuan where the potential is high, and always
VISIT = 0.5  # thousand yuan


def _class_counts(current: "pd.Series[float]", potential: "pd.Series[float]") -> list[int]:
    """How many of the six are in class I, II, III and IV."""
    place = 2 * (current > LINE).astype(int) + (potential > LINE).astype(int)
    return np.bincount(place, minlength=4).tolist()


@functools.cache
def _six() -> pd.DataFrame:
    matrix = segmentation.value_matrix(
        SIX,
        current="brought",
        potential="to_come",
        low="low",
        high="high",
        cut="money",
        current_cut=LINE,
        potential_cut=LINE,
    )
    return matrix.customers.set_index("customer_id")


def _c_is_high() -> float:
    """Chance that C's potential is above the line."""
    return float(_six()["high_probability"].to_numpy()[C])


def _chance_of_c(arm: float) -> float:
    """The same with some other standard deviation."""
    return float(norm.cdf((_of_c("to_come") - LINE) / arm))


def _of_c(column: str) -> float:
    return float(SIX[column].to_numpy()[C])


def _worth_knowing(chance: "Array | pd.Series[float] | float") -> Array:
    """What it brings to know whether a potential is high, before attention is paid for."""
    at_once = np.maximum(chance * BRINGS - COSTS, 0.0)
    return np.asarray(chance * (BRINGS - COSTS) - at_once)


@functools.cache
def _example_matrix() -> pd.DataFrame:
    """Customers of the example company in the value matrix: 2025, and the year to come."""
    base = clp.customer_base(transactions(), cost="cost", period="month")
    to_come = clp.forecast(base, "life-cycle curves", periods=12, rate=0.0, when="end", seed=1)
    worth = to_come.customers.rename(columns={"profit": "potential"})
    worth = worth.merge(last_year()[["customer_id", "profit"]], how="left")
    matrix = segmentation.value_matrix(
        worth.fillna({"profit": 0.0}),
        current="profit",
        potential="potential",
        low="low",
        high="high",
        cut="money",
        current_cut=EXAMPLE_LINE,
        potential_cut=EXAMPLE_LINE,
    )
    return matrix.customers


def _unsure() -> int:
    return int((~_example_matrix()["certain"].dropna().astype(bool)).sum())


def _visits(chance: "pd.Series[float]") -> int:
    """How many customers a visit pays for, whose potential is high with this chance."""
    return int((_worth_knowing(chance) > VISIT).sum())


QUESTIONS: tuple[Question, ...] = (
    Question(
        name="segmentation.value_matrix.1",
        kind=Several(Number("customers", within=0.01), ("I", "II", "III", "IV")),
        answer=lambda: _class_counts(SIX["brought"], SIX["to_come"]),
        mistakes=(
            Mistake(
                lambda: _class_counts(SIX["to_come"], SIX["brought"]),
                "The two axes are changed round: class II has the potential, class III the "
                "current value.",
            ),
            Mistake(
                lambda: _class_counts(SIX["brought"] + 1e-9, SIX["to_come"]),
                "High is what lies above the line. One customer lies on it.",
            ),
            Mistake(
                lambda: _class_counts(SIX["brought"], SIX["high"]),
                "You took the upper ends. The class comes from the forecast itself.",
            ),
            Mistake(
                lambda: _class_counts(SIX["brought"], SIX["low"]),
                "You took the lower ends. The class comes from the forecast itself.",
            ),
        ),
        look_again="Two questions a customer: did it bring more than the line, will it?",
    ),
    Question(
        name="segmentation.value_matrix.2",
        kind=Number("customers", within=0.01),
        answer=lambda: int(_six()["certain"].sum()),
        mistakes=(
            Mistake(
                lambda: int((~_six()["certain"]).sum()),
                "Those are the unsure ones: their intervals hold the line.",
            ),
            Mistake(
                lambda: int((_six()["high"] - _six()["low"] < LINE).sum()),
                "You counted short intervals. A long one that stays on one side of the line "
                "leaves no doubt either.",
            ),
        ),
        look_again="Draw each interval and the line: does the line cut it?",
    ),
    Question(
        name="segmentation.value_matrix.3",
        kind=Share("certainty"),
        answer=_c_is_high,
        mistakes=(
            Mistake(
                lambda: _chance_of_c((_of_c("high") - _of_c("to_come")) / Z),
                "That is the other arm of the interval. Take the one that reaches to the line.",
            ),
            Mistake(
                lambda: _chance_of_c((_of_c("high") - _of_c("low")) / (2 * Z)),
                "You took half of the interval. Its arms differ: take the one towards the line.",
            ),
            Mistake(
                lambda: _chance_of_c(_of_c("to_come") - _of_c("low")),
                "The arm is 1.96 standard deviations long: divide it by 1.96.",
            ),
            Mistake(
                lambda: _chance_of_c((_of_c("to_come") - _of_c("low")) / norm.ppf(0.95)),
                "You divided by the z of a one-sided 95 %. The interval leaves 2.5 % on each side.",
            ),
        ),
        look_again="How many s does the forecast lie above the line? Then look up Φ.",
    ),
    Question(
        name="segmentation.value_matrix.4",
        kind=Number("customers", within=0.005),
        answer=lambda: float((1 - _six()["class_probability"]).sum()),
        mistakes=(
            Mistake(
                lambda: int((~_six()["certain"]).sum()),
                "Those are the unsure ones. Most of them are in the right class all the same: add "
                "up chances.",
            ),
            Mistake(
                lambda: float((1 - _six()["class_probability"])[~_six()["certain"]].sum()),
                "Those sure at 95 % are not sure for good: their small chances count as well.",
            ),
            Mistake(
                lambda: float(_six()["class_probability"].sum()),
                "That is how many are expected to be in the right class.",
            ),
            Mistake(
                lambda: float((1 - _six()["high_probability"]).sum()),
                "That adds up the chances to lie below the line. In classes I and III that is "
                "where a customer belongs.",
            ),
        ),
        look_again="For each of the six: the chance that its class is wrong. Then add up.",
    ),
    Question(
        name="segmentation.value_matrix.5",
        kind=Number("thousand yuan", within=0.005),
        answer=lambda: float(_worth_knowing(_c_is_high())),
        mistakes=(
            Mistake(
                lambda: _c_is_high() * (BRINGS - COSTS),
                "That is what you gain once you know. Take off what you would gain without it.",
            ),
            Mistake(
                lambda: _c_is_high() * BRINGS - COSTS,
                "That is what attention gains without knowing. What more would you gain if you "
                "knew?",
            ),
            Mistake(
                lambda: (1 - _c_is_high()) * BRINGS,
                "Where the potential is low, attention brings nothing. To know saves its cost.",
            ),
        ),
        look_again="Compare two averages: deciding at once, and deciding when the truth is known.",
    ),
    Question(
        name="segmentation.value_matrix.6",
        kind=Number("customers", within=0.5),
        answer=_unsure,
        mistakes=(
            Mistake(
                lambda: int(_example_matrix()["certain"].sum()),
                "Those are the sure ones.",
            ),
            Mistake(
                lambda: len(_example_matrix()) - int(_example_matrix()["certain"].sum()),
                "One of them has no interval at all: of it nothing is known, not that it is "
                "unsure. Count where certain is False.",
            ),
            Mistake(
                lambda: int((_example_matrix()["class_probability"] < 0.95).sum()),
                "An interval of 95 % leaves 2.5 % on each side: the column certain says whether "
                "it holds the line.",
            ),
        ),
        look_again="Count the rows of matrix.customers in which certain is False.",
    ),
    Question(
        name="segmentation.value_matrix.7",
        kind=Number("customers", within=0.5),
        answer=lambda: _visits(_example_matrix()["high_probability"]),
        mistakes=(
            Mistake(
                _unsure,
                "Those are all the unsure ones. For some the visit costs more than it can change.",
            ),
            Mistake(
                lambda: int(
                    (_example_matrix()["high_probability"] * (BRINGS - COSTS) > VISIT).sum()
                ),
                "That counts those whose potential is high without a doubt as well. They get "
                "attention anyway: a visit changes nothing.",
            ),
            Mistake(
                lambda: _visits(_example_matrix()["class_probability"]),
                "You took the chance that the class is right. What attention brings hangs on the "
                "chance that the potential is high.",
            ),
        ),
        look_again="Work out for every customer what knowing is worth, then compare with a visit.",
    ),
)
