"""Questions on strata: allocating interviews to them, weights and standard errors."""

import functools
import math
from typing import Any

import numpy as np
import pandas as pd

from crmlib import sampling, tables
from crmlib.columns import Array
from crmlib.exercises.kinds import Number, Several
from crmlib.exercises.questions import Mistake, Question
from crmlib.sampling.allocation import Method
from crmlib.sampling.decision import stratum_summary

# Three strata to allocate to, and three small samples with their strata.
CLASSES = ("large", "medium", "small")
POPULATION, SPREAD, INTERVIEWS = np.array([200, 600, 1200]), np.array([80, 40, 20]), 160
STRATUM_SIZES = (10, 30, 60)
ORDERS = ((24, 30, 36, 30), (12, 16, 14, 18, 10), (2, 4, 3, 7, 5, 3))


def _allocated(method: Method) -> list[int]:
    strata = {"stratum": CLASSES, "population": POPULATION, "sd": SPREAD}
    allocation = sampling.allocate(pd.DataFrame(strata), INTERVIEWS, method)
    return allocation.table["n"].tolist()


def _shared_out(aim: Array) -> list[float]:
    return (INTERVIEWS * aim / aim.sum()).tolist()


def _share_of_strata() -> Array:
    return np.array(STRATUM_SIZES) / sum(STRATUM_SIZES)


def _stratified_error(*, corrected: bool = True, ddof: int = 1, power: int = 2) -> float:
    n = np.array([len(answers) for answers in ORDERS])
    variance = np.array([np.var(answers, ddof=ddof) for answers in ORDERS]) / n
    if corrected:
        variance *= 1 - n / np.array(STRATUM_SIZES)
    return math.sqrt(_share_of_strata() ** power @ variance)


@functools.cache
def _classed_customers() -> pd.DataFrame:
    """The example company's customers with the revenue of two years, classed by the earlier."""
    frame = tables.read("data/customers.csv", kind="customers").frame
    lines = tables.read("data/transactions.csv", kind="transactions").frame
    for year in (2024, 2025):
        paid = lines[lines["date"].dt.year == year].groupby("customer_id")["amount"].sum()
        frame[f"revenue_{year}"] = frame["customer_id"].map(paid).fillna(0.0)
    classes = pd.cut(
        frame["revenue_2024"], [-math.inf, 10_000, 50_000, math.inf], labels=CLASSES[::-1]
    )
    return frame.assign(size_class=classes.astype(str))


@functools.cache
def _plan(minimum: int = 20, method: Method = "neyman") -> pd.DataFrame:
    strata = stratum_summary(_classed_customers(), "size_class", "revenue_2024")
    allocation = sampling.allocate(strata, 100, method, minimum=minimum)
    return allocation.table.set_index("stratum").loc[list(CLASSES)]


@functools.cache
def _drawn() -> pd.DataFrame:
    design = sampling.Stratified("size_class", _plan()["n"].to_dict())
    return sampling.draw(_classed_customers(), design, seed=8, id="customer_id").units


def _estimated(**design: Any) -> list[float]:
    sample = sampling.SurveySample(_drawn().assign(all=len(_classed_customers())), **design)
    row = sampling.estimate(sample, "revenue_2025").iloc[0]
    return [row["estimate"], row["standard_error"]]


STRATA: dict[str, Any] = {"weight": "base_weight", "strata": "stratum"}


def _estimated_right() -> list[float]:
    return _estimated(**STRATA, population=("population_1",))


def _estimated_plainly() -> list[float]:
    answers = _drawn()["revenue_2025"]
    return [answers.mean(), answers.std() / math.sqrt(len(answers))]


def _exchanged(out: str, into: str) -> float:
    """Sum of the weights after five of one class were replaced by five of another."""
    weight = _plan()["weight"]
    return float(len(_classed_customers()) + 5 * (weight[into] - weight[out]))


QUESTIONS: tuple[Question, ...] = (
    Question(
        name="sampling.stratified.1",
        kind=Several(Number("interviews", within=0.5), CLASSES),
        answer=lambda: _allocated("proportional"),
        mistakes=(
            Mistake(
                lambda: _shared_out(np.ones(3)),
                "Every stratum got the same. In proportion means: the share of the interviews is "
                "the share of the customers.",
            ),
            Mistake(
                lambda: _allocated("neyman"),
                "That looks at the spread too. In proportion to the customers alone is asked here.",
            ),
            Mistake(
                lambda: _shared_out(SPREAD.astype(float)),
                "That is in proportion to the standard deviations. Take the numbers of customers.",
            ),
        ),
        look_again="A stratum gets the share of the interviews that it has of all customers.",
    ),
    Question(
        name="sampling.stratified.2",
        kind=Several(Number("interviews", within=0.5), CLASSES),
        answer=lambda: _allocated("neyman"),
        mistakes=(
            Mistake(
                lambda: _allocated("proportional"),
                "That is in proportion to the customers alone. Neyman multiplies them by the "
                "standard deviation first.",
            ),
            Mistake(
                lambda: _shared_out((POPULATION * SPREAD**2).astype(float)),
                "You have multiplied by the variance. It is the standard deviation that counts.",
            ),
            Mistake(
                lambda: _shared_out(SPREAD.astype(float)),
                "That goes by the spread alone: the number of customers has to be in it too.",
            ),
            Mistake(
                lambda: _shared_out(np.ones(3)),
                "Every stratum got the same. Work out N times S for each, and share out by that.",
            ),
        ),
        look_again="N times S for each stratum; each gets its share of the sum of these.",
    ),
    Question(
        name="sampling.stratified.3",
        kind=Number("orders a customer", within=0.01),
        answer=lambda: float(_share_of_strata() @ [np.mean(answers) for answers in ORDERS]),
        mistakes=(
            Mistake(
                lambda: np.mean(np.concatenate(ORDERS)),
                "That is the plain mean of all answers. The key customers were asked far more "
                "often than their number; weight every stratum by its customers.",
            ),
            Mistake(
                lambda: np.mean([np.mean(answers) for answers in ORDERS]),
                "That counts the three strata alike. They are not alike in customers.",
            ),
            Mistake(
                lambda: float(np.dot(STRATUM_SIZES, [np.mean(answers) for answers in ORDERS])),
                "That is the total of all customers together. Asked is the mean of a customer.",
            ),
        ),
        look_again="The mean of each stratum, times its share of the customers, added up.",
    ),
    Question(
        name="sampling.stratified.4",
        kind=Number("orders a customer", within=0.005),
        answer=lambda: _stratified_error(),
        mistakes=(
            Mistake(
                lambda: _stratified_error(corrected=False),
                "The finite population correction is missing: each stratum has its own, 1 − n / N.",
            ),
            Mistake(
                lambda: _stratified_error(ddof=0),
                "That is the variance of a whole population. Of a sample, divide the squares by "
                "n − 1.",
            ),
            Mistake(
                lambda: _stratified_error() ** 2,
                "That is the variance. The standard error is its root.",
            ),
            Mistake(
                lambda: _stratified_error(power=1),
                "The shares of the strata have to be squared: a constant comes out of a variance "
                "as its square.",
            ),
        ),
        look_again="For each stratum W² (1 − n / N) s² / n; the sum of the three; then the root.",
    ),
    Question(
        name="sampling.stratified.5",
        kind=Several(Number("customers", within=0.02), CLASSES),
        answer=lambda: _plan()["weight"].tolist(),
        mistakes=(
            Mistake(
                lambda: _plan()["sampling_fraction"].tolist(),
                "That is the chance of being drawn. The weight is its inverse: for how many "
                "customers does one interview stand?",
            ),
            Mistake(
                lambda: _plan(minimum=2)["weight"].tolist(),
                "That is Neyman's allocation without the minimum of each stratum that the plan "
                "asks for.",
            ),
            Mistake(
                lambda: _plan(method="proportional")["weight"].tolist(),
                "That is the proportional allocation. The plan takes Neyman's.",
            ),
            Mistake(
                lambda: [len(_classed_customers()) / 100] * 3,
                "That is one weight for all. Each class has its own chance of being drawn.",
            ),
        ),
        look_again="Customers of the class in the frame over the interviews allocated to it.",
    ),
    Question(
        name="sampling.stratified.6",
        kind=Number("customers", within=0.3),
        answer=lambda: _exchanged("large", "small"),
        mistakes=(
            Mistake(
                lambda: len(_classed_customers()),
                "So many there are. But the sample is no longer the one that was drawn: what do "
                "the weights that left and the weights that came add up to?",
            ),
            Mistake(
                lambda: _exchanged("small", "large"),
                "The other way round: the large ones left and the small ones came.",
            ),
            Mistake(
                lambda: len(_drawn()),
                "That counts rows. Asked is how many customers they stand for: add up the weights.",
            ),
        ),
        look_again="From the sum as designed take five weights of one class, add five of another.",
    ),
    Question(
        name="sampling.stratified.7",
        kind=Several(Number("yuan", within=40), ("mean", "standard error")),
        answer=lambda: _estimated_right(),
        mistakes=(
            Mistake(
                lambda: _estimated_plainly(),
                "That treats the rows as one simple random sample without weights. Large "
                "customers are far too many in it.",
            ),
            Mistake(
                lambda: _estimated(**STRATA),
                "The mean is right. The standard error lacks the finite population correction: "
                "the sample has to know its population.",
            ),
            Mistake(
                lambda: _estimated(weight="base_weight", population=("all",)),
                "The mean is right. The standard error does not know of the strata.",
            ),
            Mistake(
                lambda: [_estimated_right()[0], _estimated_right()[1] ** 2],
                "The mean is right. The other is the variance; the standard error is its root.",
            ),
        ),
        look_again="sampling.estimate of drawn.survey(): it knows weights, strata and population.",
    ),
)
