"""Questions of the exercises on sampling."""

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from crmlib import sampling, tables
from crmlib.exercises.kinds import Number, Several, Share
from crmlib.exercises.questions import Mistake, Question
from crmlib.sampling.allocation import Method
from crmlib.sampling.decision import stratum_summary
from crmlib.sampling.sizes import mean_size, wald_size

Array = NDArray[np.float64]

# Whole interviews are wanted: near enough to tell the answer from the one not rounded up.
ROUNDED_UP = 0.3


def _z(confidence: float = 0.95, sides: int = 2) -> float:
    return float(stats.norm.ppf(1 - (1 - confidence) / sides))


# 01_size: customers in the frame, interviews wanted, and what answers and arrives.
CUSTOMERS = 2400
COMPLETES, RESPONSE_RATE, REACHABLE = 350, 0.30, 0.95
PER_INTERVIEW = 45.0


def _share_size(margin: float = 0.04, p: float = 0.5, z: float | None = None) -> float:
    return float(wald_size(margin, p, _z() if z is None else z))


def _average_size(z: float | None = None) -> float:
    return float(mean_size(35, 600, _z(0.90) if z is None else z))


def _invited(rate: float) -> int:
    return sampling.invitations_needed(COMPLETES, rate)


def _cost(margin: float, p: float = 0.3) -> float:
    return PER_INTERVIEW * sampling.size_for_proportion(margin, p).n


def _margin(z: float | None = None, fixed: float = 6000, population: float = CUSTOMERS) -> float:
    n = (30000 - fixed) / 48
    return (_z() if z is None else z) * math.sqrt(0.25 / n * (1 - n / population))


SIZE = (
    Question(
        name="sampling.size.1",
        kind=Number("interviews", within=ROUNDED_UP),
        answer=lambda: sampling.size_for_proportion(0.04).n,
        mistakes=(
            Mistake(
                lambda: _share_size(),
                "Nobody gives a part of an interview, and a smaller sample misses the margin: "
                "which way must this be rounded?",
            ),
            Mistake(
                lambda: math.ceil(_share_size(z=_z(sides=1))),
                "That z leaves all of the risk on one side. The interval reaches to both sides, "
                "so each side gets half of the risk.",
            ),
            Mistake(
                lambda: math.ceil(_z() ** 2 * 0.5 / 0.04**2),
                "p (1 − p) is the variance of an answer yes or no. You have put its root, the "
                "standard deviation, or p alone in its place.",
            ),
            Mistake(
                lambda: math.ceil(_share_size(margin=4)),
                "A margin in per cent and a share as a fraction do not go together: write both "
                "as fractions.",
            ),
        ),
        look_again="z² p (1 − p) / e², two-sided z, the least favourable p; then round.",
    ),
    Question(
        name="sampling.size.2",
        kind=Number("interviews", within=0.35),
        answer=lambda: sampling.size_for_proportion(0.04, population=CUSTOMERS).n,
        mistakes=(
            Mistake(
                lambda: sampling.size_for_proportion(0.04).n,
                "That is the size for a population without end. Here a good part of all customers "
                "is asked: the finite population correction is missing.",
            ),
            Mistake(
                lambda: _share_size() / (1 + (_share_size() - 1) / CUSTOMERS),
                "The correction is right. Round up at the end: there are whole interviews only.",
            ),
            Mistake(
                lambda: math.ceil(_share_size() * (1 - _share_size() / CUSTOMERS)),
                "The factor 1 − n / N belongs to the variance of a sample whose n is known. Solve "
                "for n instead, by dividing n₀ by 1 + (n₀ − 1) / N.",
            ),
        ),
        look_again="Divide n₀ by 1 + (n₀ − 1) / N, with n₀ from the question before.",
    ),
    Question(
        name="sampling.size.3",
        kind=Number("interviews", within=ROUNDED_UP),
        answer=lambda: sampling.size_for_mean(35, 600, confidence=0.90).n,
        mistakes=(
            Mistake(
                lambda: math.ceil(_average_size(_z(0.90, sides=1))),
                "That z leaves all of the risk on one side. The interval reaches to both sides.",
            ),
            Mistake(
                lambda: math.ceil(_average_size(_z())),
                "Look at the confidence asked for: this z belongs to another one.",
            ),
            Mistake(
                lambda: math.ceil(_z(0.90) ** 2 * 600 / 35**2),
                "The standard deviation stands where the variance belongs: it is squared, as z "
                "and the margin are.",
            ),
            Mistake(
                lambda: _average_size(),
                "The formula is right. Nobody gives a part of an interview: which way must this "
                "be rounded?",
            ),
        ),
        look_again="(z S / e)², all three squared; the two-sided z of the confidence asked for.",
    ),
    Question(
        name="sampling.size.4",
        kind=Number("invitations", within=ROUNDED_UP),
        answer=lambda: _invited(RESPONSE_RATE * REACHABLE),
        mistakes=(
            Mistake(
                lambda: COMPLETES * RESPONSE_RATE * REACHABLE,
                "So many would answer if you invited only as many as you need. Turn it round: "
                "what number of invitations, times the rates, gives the interviews?",
            ),
            Mistake(
                lambda: _invited(RESPONSE_RATE),
                "Some invitations never arrive, and the response rate counts only those that do.",
            ),
            Mistake(
                lambda: math.ceil(COMPLETES * (2 - RESPONSE_RATE * REACHABLE)),
                "You have added the share that will not answer. Those added do not all answer "
                "either: divide by the rate.",
            ),
            Mistake(
                lambda: COMPLETES / (RESPONSE_RATE * REACHABLE),
                "The division is right. Round up: a part of an invitation cannot be sent.",
            ),
        ),
        look_again="Which share of the invitations ends in an interview? Divide by it.",
    ),
    Question(
        name="sampling.size.5",
        kind=Number("yuan", within=20),
        answer=lambda: _cost(0.025) - _cost(0.05),
        mistakes=(
            Mistake(
                lambda: _cost(0.05),
                "That is what twice the interviews would add. The margin is squared in the "
                "formula: work out the size for each margin.",
            ),
            Mistake(
                lambda: _cost(0.025),
                "That is the whole cost of the finer survey. Asked is what it costs more than "
                "the coarser one.",
            ),
            Mistake(
                lambda: _cost(0.025, p=0.5) - _cost(0.05, p=0.5),
                "That takes the least favourable share. Here last year's share is known: use it.",
            ),
            Mistake(
                lambda: _cost(0.05) - _cost(0.10),
                "You have doubled the margin in place of halving it: that is what a coarser "
                "survey would save.",
            ),
        ),
        look_again="Two sample sizes, rounded up, with p as given; then the difference in money.",
    ),
    Question(
        name="sampling.size.6",
        kind=Share("all customers", within=0.0003),
        answer=lambda: _margin(),
        mistakes=(
            Mistake(
                lambda: _margin(population=math.inf),
                "A good part of all customers is asked: the finite population correction is "
                "missing.",
            ),
            Mistake(
                lambda: _margin(z=1),
                "That is the standard error. The margin is z times as wide.",
            ),
            Mistake(
                lambda: _margin(fixed=0),
                "The whole budget went into interviews. Part of it is spent before the first one.",
            ),
            Mistake(
                lambda: _margin(z=_z(sides=1)),
                "That z leaves all of the risk on one side. A margin reaches to both sides.",
            ),
        ),
        look_again="First the interviews the money buys, then z √(p (1 − p) / n · (1 − n / N)).",
    ),
    Question(
        name="sampling.size.7",
        kind=Number("invitations", within=ROUNDED_UP),
        answer=lambda: sampling.invitations_needed(
            COMPLETES, RESPONSE_RATE, reachable=REACHABLE, assurance=0.9
        ),
        mistakes=(
            Mistake(
                lambda: _invited(RESPONSE_RATE * REACHABLE),
                "That brings enough on average, so too few about every second time. Say with "
                "which probability it shall be enough: assurance=.",
            ),
            Mistake(
                lambda: sampling.invitations_needed(COMPLETES, RESPONSE_RATE, assurance=0.9),
                "Some invitations never arrive: reachable=.",
            ),
            Mistake(
                lambda: _invited(RESPONSE_RATE * REACHABLE * 0.9),
                "The assurance is not one more share that is lost: dividing by it invites too "
                "many. It is the probability of getting enough: assurance=.",
            ),
        ),
        look_again="sampling.invitations_needed takes response_rate, reachable and assurance.",
    ),
)


# 02_stratified: three strata to allocate to, and three small samples with their strata.
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


STRATIFIED = (
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


# 03_clusters: four of forty areas with all five contacts of each; three plans; R's api data.
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


CLUSTERS = (
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

QUESTIONS: tuple[Question, ...] = (*SIZE, *STRATIFIED, *CLUSTERS)
