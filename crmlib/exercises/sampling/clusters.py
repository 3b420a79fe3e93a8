"""Questions on clusters: design effects, standard errors and how alike neighbours are."""

import functools
import math
from collections.abc import Callable

import numpy as np
import pandas as pd

from crmlib import tables
from crmlib.columns import Array
from crmlib.exercises.kinds import Number, Several, Share
from crmlib.exercises.questions import Mistake, Question

# Four of forty areas with all five contacts of each; three plans; R's api data.
SCORES = np.array(
    [[54, 58, 60, 63, 65], [71, 72, 75, 78, 79], [64, 65, 68, 70, 73], [71, 76, 77, 79, 82]]
)
AREAS = 40
PLANS = np.array([[12, 22], [16, 12], [20, 6]])  # areas, interviews in each
PLAN_NAMES = ("12 areas of 22", "16 areas of 12", "20 areas of 6")
# Published for the sample apiclus1 of the R package survey: rows, schools, variance, SE of api00.
SCHOOLS, ALL_SCHOOLS, SCHOOL_VARIANCE, SCHOOL_ERROR = 183, 6194, 11182.82, 23.542


def _design_effect(size: float = 26, correlation: float = 0.06) -> float:
    return 1 + (size - 1) * correlation


def _naive_error(*, corrected: bool = True, ddof: int = 1) -> float:
    finite = 1 - len(SCORES) / AREAS if corrected else 1.0
    return math.sqrt(finite * np.var(SCORES, ddof=ddof) / SCORES.size)


def _cluster_error(*, corrected: bool = True, ddof: int = 1) -> float:
    finite = 1 - len(SCORES) / AREAS if corrected else 1.0
    return math.sqrt(finite * np.var(SCORES.mean(axis=1), ddof=ddof) / len(SCORES))


@functools.cache
def _contacts() -> pd.DataFrame:
    return tables.read("data/contacts.csv", kind="frame").frame


def _alike(group: str = "sales_area", *, adjusted: bool = True) -> float:
    people = _contacts().dropna(subset=[group])
    score = people["score_2025"]
    groups = people.groupby(group)["score_2025"]
    away = score - groups.transform("mean")
    share = float((away**2).sum() / ((score - score.mean()) ** 2).sum())
    return 1 - share * (len(score) - 1) / (len(score) - groups.ngroups) if adjusted else 1 - share


def _means_over_whole() -> float:
    score = _contacts().groupby("sales_area")["score_2025"]
    return float(score.mean().var() / _contacts()["score_2025"].var())


def _effective(effect: Callable[[Array], Array]) -> list[float]:
    areas, size = PLANS.T.astype(float)
    return (areas * size / effect(size)).tolist()


def _school_effect(population: float = ALL_SCHOOLS) -> float:
    simple = (1 - SCHOOLS / population) * SCHOOL_VARIANCE / SCHOOLS
    return SCHOOL_ERROR**2 / simple


QUESTIONS: tuple[Question, ...] = (
    Question(
        name="sampling.clusters.1",
        kind=Number("times", within=0.01),
        answer=lambda: _design_effect(),
        mistakes=(
            Mistake(
                lambda: _design_effect(size=27),
                "A contact adds nothing about itself: it has one neighbour fewer than the area "
                "has contacts.",
            ),
            Mistake(
                lambda: _design_effect() - 1,
                "That is only what the likeness adds. Without any the effect is one, not nothing.",
            ),
            Mistake(
                lambda: math.sqrt(_design_effect()),
                "That is how much wider the interval gets. The design effect is of the variance.",
            ),
        ),
        look_again="1 + (b − 1) ρ, with b the interviews of an area.",
    ),
    Question(
        name="sampling.clusters.2",
        kind=Number("interviews", within=0.5),
        answer=lambda: 520 / _design_effect(),
        mistakes=(
            Mistake(
                lambda: 520 * _design_effect(),
                "The cluster sample is worth less than its interviews, not more: divide.",
            ),
            Mistake(
                lambda: 520 / math.sqrt(_design_effect()),
                "You have divided by the root. Interviews go with the variance, not with the "
                "standard error.",
            ),
            Mistake(
                lambda: 520 / 26,
                "That is the number of areas. It would be the answer if all contacts of an area "
                "said the same.",
            ),
        ),
        look_again="Interviews over the design effect.",
    ),
    Question(
        name="sampling.clusters.3",
        kind=Number("points", within=0.005),
        answer=lambda: _naive_error(),
        mistakes=(
            Mistake(
                lambda: _naive_error(corrected=False),
                "The finite population correction is missing.",
            ),
            Mistake(
                lambda: _naive_error(ddof=0),
                "That is the variance of a whole population. Of a sample, divide by n − 1: "
                "NumPy needs to be told with ddof=.",
            ),
            Mistake(
                lambda: _naive_error() ** 2,
                "That is the variance. The standard error is its root.",
            ),
            Mistake(
                lambda: _cluster_error(),
                "That is the formula for whole areas. First comes what somebody would report who "
                "takes all contacts as drawn one by one.",
            ),
        ),
        look_again="√((1 − n / N) s² / n): n all contacts asked, s² the variance of all scores.",
    ),
    Question(
        name="sampling.clusters.4",
        kind=Number("points", within=0.005),
        answer=lambda: _cluster_error(),
        mistakes=(
            Mistake(
                lambda: _naive_error(),
                "That is still the formula of a simple random sample. What was drawn were areas: "
                "the means of the areas are the sample.",
            ),
            Mistake(
                lambda: _cluster_error(corrected=False),
                "The finite population correction is missing: areas drawn over all areas.",
            ),
            Mistake(
                lambda: _cluster_error(ddof=0),
                "That is the variance of a whole population. Of a sample of areas, divide by one "
                "less than the areas drawn.",
            ),
            Mistake(
                lambda: _cluster_error() ** 2,
                "That is the variance. The standard error is its root.",
            ),
        ),
        look_again="The mean of each area; the sample variance of these; √((1 − m / M) s² / m).",
    ),
    Question(
        name="sampling.clusters.5",
        kind=Share("the variance"),
        answer=lambda: _alike(),
        mistakes=(
            Mistake(
                lambda: _alike(adjusted=False),
                "Sums of squares were compared, not variances. Even by chance areas differ a "
                "little: divide the squares within by n less the number of areas, those of the "
                "whole by n − 1.",
            ),
            Mistake(
                lambda: _means_over_whole(),
                "The variance of the means holds some chance too, as each is a mean of few. "
                "Start from the variance within the areas.",
            ),
            Mistake(
                lambda: _alike("region"),
                "That is how alike contacts of a region are. Asked is the sales area.",
            ),
        ),
        look_again="Variance within the areas over that of the whole, each with its own divisor; "
        "then what is left to one.",
    ),
    Question(
        name="sampling.clusters.6",
        kind=Several(Number("interviews", within=0.5), PLAN_NAMES),
        answer=lambda: _effective(lambda size: 1 + (size - 1) * 0.1),
        mistakes=(
            Mistake(
                lambda: _effective(lambda size: 1 + size * 0.1),
                "In the design effect stands one less than the interviews of an area.",
            ),
            Mistake(
                lambda: _effective(np.ones_like),
                "Those are the interviews. What are they worth? Divide by the design effect.",
            ),
            Mistake(
                lambda: _effective(lambda size: size),
                "Those are the areas. Contacts of an area are alike, but not all the same.",
            ),
            Mistake(
                lambda: _effective(lambda size: np.sqrt(1 + (size - 1) * 0.1)),
                "You have divided by the root. Interviews go with the variance.",
            ),
        ),
        look_again="Each plan has its own design effect, as its areas have another size.",
    ),
    Question(
        name="sampling.clusters.7",
        kind=Number("times", within=0.05),
        answer=lambda: _school_effect(),
        mistakes=(
            Mistake(
                lambda: _school_effect(population=math.inf),
                "The simple random sample, too, would be drawn from a finite population: its "
                "variance lacks the correction 1 − n / N.",
            ),
            Mistake(
                lambda: math.sqrt(_school_effect()),
                "That compares the standard errors. The design effect compares the variances.",
            ),
            Mistake(
                lambda: 1 / _school_effect(),
                "Turned round: the variance of the design stands above the line.",
            ),
        ),
        look_again="SE² of the clusters over (1 − n / N) s² / n, as many schools drawn one by one.",
    ),
)
