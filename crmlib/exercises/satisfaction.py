"""Questions of the exercises on satisfaction: components, priorities and Kano's method."""

import functools
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from crmlib import satisfaction, tables
from crmlib.columns import Array, Codes
from crmlib.exercises.kinds import Choice, Number, Several, Share
from crmlib.exercises.questions import Mistake, Question
from crmlib.satisfaction.components import (
    components_for_share,
    eigen_components,
    kaiser,
    leave_one_out_errors,
    mean_errors,
    pcr_coefficients,
    within_one_standard_error,
)
from crmlib.satisfaction.kano import evaluation_table

# 01: nine customers, two questions on delivery and two on service, and the overall score.

ON_TIME, COMPLETE, OVERALL = 0, 1, 4
NINE = np.array(
    [
        [5, 4, 5, 6, 6],
        [8, 9, 5, 8, 7],
        [6, 8, 7, 7, 6],
        [4, 5, 7, 8, 7],
        [4, 7, 2, 5, 6],
        [10, 10, 7, 7, 9],
        [5, 5, 5, 7, 7],
        [5, 8, 9, 8, 7],
        [7, 7, 7, 7, 8],
    ],
    dtype=float,
)
B, F = 1, 5
NEWCOMER = np.array([10.0, 6.0, 6.0, 8.0])

MEANS, DEVIATIONS = NINE.mean(axis=0), NINE.std(axis=0, ddof=1)
CENTRED = NINE - MEANS
STANDARDISED = CENTRED / DEVIATIONS
CORRELATIONS = np.corrcoef(NINE.T)
EIGENVALUES, VECTORS = eigen_components(CORRELATIONS[:-1, :-1])


def _score(answers: Array, component: int = 0) -> float:
    """What customer B has of a component."""
    return float(answers[B, :-1] @ VECTORS[:, component])


def _coefficients(components: int) -> Array:
    """Of the standardised items."""
    return pcr_coefficients(CORRELATIONS)[components - 1]


def _in_points(components: int) -> Array:
    """Coefficients in points of the overall score for a point of the item."""
    return _coefficients(components) * DEVIATIONS[OVERALL] / DEVIATIONS[:-1]


def _beyond_mean(components: int) -> float:
    """Expected overall score of the newcomer, less the mean."""
    return float((NEWCOMER - MEANS[:-1]) @ _in_points(components))


def _expected(components: int) -> float:
    return float(MEANS[OVERALL]) + _beyond_mean(components)


def _not_divided() -> float:
    """Coefficient of "complete" when gamma is not divided by the variance of the component."""
    kept = VECTORS[:, :2]
    return float((kept @ (kept.T @ CORRELATIONS[:-1, OVERALL]))[COMPLETE])


def _sign_lost() -> float:
    """Coefficient of "complete" when the second component is carried back with the wrong sign."""
    return float((2 * _coefficients(1) - _coefficients(2))[COMPLETE])


def _share_by_covariance() -> float:
    covariance = np.cov(NINE[:, :-1].T)
    return float(np.linalg.eigvalsh(covariance)[-1] / np.trace(covariance))


PCR = (
    Question(
        name="satisfaction.pcr.1",
        kind=Number("standard deviations", within=0.005),
        answer=lambda: float(STANDARDISED[F, ON_TIME]),
        mistakes=(
            Mistake(
                lambda: float(CENTRED[F, ON_TIME] / NINE[:, ON_TIME].std()),
                "That divides by the standard deviation of a whole population. These customers "
                "are a sample: divide the sum of squares by one less than their number.",
            ),
            Mistake(
                lambda: float(NINE[F, ON_TIME] / DEVIATIONS[ON_TIME]),
                "The mean was not taken off before dividing: centre first.",
            ),
            Mistake(
                lambda: float(CENTRED[F, ON_TIME]),
                "That is the distance from the mean in points. Divide it by the standard "
                "deviation.",
            ),
            Mistake(
                lambda: float(CENTRED[F, ON_TIME] / DEVIATIONS[ON_TIME] ** 2),
                "That divides by the variance. The standard deviation is its square root.",
            ),
        ),
        look_again="Mean first, then distances from it, then the standard deviation of the column.",
    ),
    Question(
        name="satisfaction.pcr.2",
        kind=Number("correlation, from −1 to 1", within=0.005),
        answer=lambda: float(CORRELATIONS[ON_TIME, COMPLETE]),
        mistakes=(
            Mistake(
                lambda: float(np.cov(NINE.T)[ON_TIME, COMPLETE]),
                "That is the covariance, in points times points. Divide it by both standard "
                "deviations.",
            ),
            Mistake(
                lambda: float((STANDARDISED[:, ON_TIME] * STANDARDISED[:, COMPLETE]).mean()),
                "The products were divided by the number of customers, the standard deviations "
                "by one less. Divide both by the same.",
            ),
            Mistake(
                lambda: float(CORRELATIONS[ON_TIME, COMPLETE] ** 2),
                "That is the square, the share of variance that the two have in common.",
            ),
        ),
        look_again="Multiply the standardised answers customer by customer, add up, and divide "
        "as the standard deviations were divided.",
    ),
    Question(
        name="satisfaction.pcr.3",
        kind=Share("the items' variance", within=0.003),
        answer=lambda: float(EIGENVALUES[0] / 4),
        mistakes=(
            Mistake(
                lambda: float(EIGENVALUES[0]),
                "That is the eigenvalue itself. Each standardised item brings a variance of one: "
                "what do all items bring together?",
            ),
            Mistake(
                lambda: float(EIGENVALUES[-1] / 4),
                "That is the last component. eigh gives the eigenvalues from the smallest up.",
            ),
            Mistake(
                lambda: float(EIGENVALUES[0] / len(NINE)),
                "That divides by the number of customers. It is the items whose variance is "
                "shared out.",
            ),
            Mistake(
                _share_by_covariance,
                "That comes from the covariances: the item with the largest spread counts most. "
                "Take the correlations.",
            ),
        ),
        look_again="The eigenvalues of the four items' correlations: the largest, and their sum.",
    ),
    Question(
        name="satisfaction.pcr.4",
        kind=Number("component score", within=0.005),
        answer=lambda: _score(STANDARDISED),
        mistakes=(
            Mistake(
                lambda: float(_score(STANDARDISED) * np.sqrt(EIGENVALUES[0])),
                "That takes the loadings (eigenvector times root of eigenvalue). A score is "
                "made with the weights, the eigenvector itself.",
            ),
            Mistake(
                lambda: _score(CENTRED),
                "The answers were centred but not divided by their standard deviations.",
            ),
            Mistake(
                lambda: _score(NINE),
                "That takes the answers as they were given. Standardise them first.",
            ),
            Mistake(
                lambda: _score(STANDARDISED, 1),
                "That is the second component. eigh gives the largest eigenvalue last.",
            ),
        ),
        look_again="Standardise the customer's four answers, multiply each by its entry in the "
        "first eigenvector, and add up.",
    ),
    Question(
        name="satisfaction.pcr.5",
        kind=Number("standard deviations of the overall score", within=0.004),
        answer=lambda: float(_coefficients(2)[COMPLETE]),
        mistakes=(
            Mistake(
                lambda: float(_coefficients(1)[COMPLETE]),
                "That is the first component alone. Add what comes back through the second.",
            ),
            Mistake(
                lambda: float(_coefficients(4)[COMPLETE]),
                "That keeps all components, which is ordinary regression. Only the first columns "
                "of V belong in the product.",
            ),
            Mistake(
                _not_divided,
                "A component's coefficient is its covariance with the overall score divided by "
                "its variance, the eigenvalue. The division is missing.",
            ),
            Mistake(
                _sign_lost,
                "The second component came back with the wrong sign. Use one eigenvector both "
                "for gamma and on the way back; then its sign does not matter.",
            ),
        ),
        look_again="gamma of each component kept first; then multiply by the entries of its "
        "eigenvector, and add up over the components.",
    ),
    Question(
        name="satisfaction.pcr.6",
        kind=Number("points of the overall score", within=0.002),
        answer=lambda: float(_in_points(2)[ON_TIME]),
        mistakes=(
            Mistake(
                lambda: float(_coefficients(2)[ON_TIME]),
                "That is still for one standard deviation of the item. Ask what one point is.",
            ),
            Mistake(
                lambda: float(_coefficients(2)[ON_TIME] * DEVIATIONS[ON_TIME]),
                "Multiplied where it should be divided: one point is less than one standard "
                "deviation here.",
            ),
            Mistake(
                lambda: float(_coefficients(2)[ON_TIME] / DEVIATIONS[ON_TIME] ** 2),
                "That divides by the variance of the item. Its standard deviation is wanted.",
            ),
        ),
        look_again="Times the standard deviation of the overall score, divided by that of the "
        "item.",
    ),
    Question(
        name="satisfaction.pcr.7",
        kind=Number("points of the overall score", within=0.02),
        answer=lambda: _expected(2),
        mistakes=(
            Mistake(
                lambda: float(NEWCOMER @ _in_points(2)),
                "The intercept is missing: coefficients times answers do not yet make a score.",
            ),
            Mistake(
                lambda: _beyond_mean(2),
                "That is how far the customer is above the mean. Add the mean overall score.",
            ),
            Mistake(
                lambda: _expected(1),
                "That keeps a single component. Set n_components.",
            ),
            Mistake(
                lambda: _expected(4),
                "That keeps every component: ordinary regression. Set n_components.",
            ),
        ),
        look_again="Fit with two components on the answers as given, and predict from the new "
        "customer's answers as given: the estimator standardises by itself.",
    ),
)

# 02: eigenvalues of six questions from 100 people, those of chance, and the example company.

SIX = np.array([2.6, 1.3, 1.1, 0.5, 0.3, 0.2])
BY_CHANCE = np.array([1.49, 1.27, 1.12, 1.00, 0.90, 0.78])
TRAINING, LEFT_OUT = np.array([7.0, 8.0, 8.0, 9.0]), 2.0
FEW = 24


@functools.cache
def _responses() -> pd.DataFrame:
    """Answers of the example company's last wave."""
    answers = tables.read("data/responses.csv", kind="responses").frame
    return answers[answers["date"].dt.strftime("%Y-%m") == "2025-11"]


@functools.cache
def _items() -> list[str]:
    return [str(column) for column in _responses() if str(column).startswith("q")]


@functools.cache
def _errors() -> Array:
    """Cross-validated error and its standard error with 1, 2, … components."""
    asked: dict[str, Any] = {"respondent": "customer_id", "seed": 2026}
    table = satisfaction.component_choice(_responses(), _items(), "overall", **asked).table
    return table.loc[1:, ["mean_squared_error", "standard_error"]].to_numpy().T


def _within(standard_errors: float) -> Codes:
    """Numbers of components with errors within so many standard errors of the smallest."""
    error, standard_error = _errors()
    limit = error.min() + standard_errors * standard_error[error.argmin()]
    return 1 + np.flatnonzero(error <= limit)


def _by_one_standard_error() -> int:
    return 1 + int(within_one_standard_error(*_errors()))


@functools.cache
def _few() -> np.ndarray:
    return _responses()[[*_items(), "overall"]].dropna().head(FEW).to_numpy(dtype=float)


def _new_errors() -> np.ndarray:
    return mean_errors(leave_one_out_errors(_few(), np.ones(FEW)), np.ones(FEW))[0]


def _explained_in_new(components: int) -> float:
    return float(1 - _new_errors()[components] / _new_errors()[0])


def _explained_in_same() -> float:
    answers = _few() - _few().mean(axis=0)
    slopes = np.linalg.lstsq(answers[:, :-1], answers[:, -1])[0]
    rest = answers[:, -1] - answers[:, :-1] @ slopes
    return float(1 - rest @ rest / (answers[:, -1] @ answers[:, -1]))


def _z(training: np.ndarray, ddof: int = 1) -> float:
    return float((LEFT_OUT - training.mean()) / training.std(ddof=ddof))


COMPONENTS = (
    Question(
        name="satisfaction.components.1",
        kind=Number("components"),
        answer=lambda: int(components_for_share(SIX, 0.85)),
        mistakes=(
            Mistake(
                lambda: int((np.cumsum(SIX) < 0.85 * SIX.sum()).sum()),
                "Those hold a little less than the share asked for. Keep the fewest that reach it.",
            ),
            Mistake(
                lambda: int(components_for_share(SIX[::-1], 0.85)),
                "Added up from the smallest. The largest component comes first.",
            ),
            Mistake(
                lambda: round(0.85 * len(SIX)),
                "That is a share of the number of components. The share of variance is meant.",
            ),
        ),
        look_again="Add the eigenvalues up from the largest and divide by the sum of all.",
    ),
    Question(
        name="satisfaction.components.2",
        kind=Number("components"),
        answer=lambda: int(kaiser(SIX)),
        mistakes=(
            Mistake(
                lambda: int(components_for_share(SIX, 0.85)),
                "That is the number by share of variance. Kaiser looks at each eigenvalue alone.",
            ),
            Mistake(
                lambda: int((SIX > BY_CHANCE).sum()),
                "That compares with random answers, which comes next. Kaiser compares with what "
                "one item holds.",
            ),
        ),
        look_again="How much variance does one standardised item have? Count what is above.",
    ),
    Question(
        name="satisfaction.components.3",
        kind=Number("components"),
        answer=lambda: int((SIX > BY_CHANCE).sum()),
        mistakes=(
            Mistake(
                lambda: int(kaiser(SIX)),
                "That is Kaiser's rule. An eigenvalue that beats an average item can still be "
                "what chance gives at its place.",
            ),
            Mistake(
                lambda: int((BY_CHANCE[0] < SIX).sum()),
                "All were compared with the largest that chance gives. Compare place by place.",
            ),
            Mistake(
                lambda: int((SIX < BY_CHANCE).sum()),
                "Those are the components that do not beat chance.",
            ),
        ),
        look_again="Go down both rows together and stop where chance gives more.",
    ),
    Question(
        name="satisfaction.components.4",
        kind=Number("components"),
        answer=_by_one_standard_error,
        mistakes=(
            Mistake(
                lambda: 1 + int(_errors()[0].argmin()),
                "That has the smallest error. Is there a simpler model that chance cannot tell "
                "from it?",
            ),
            Mistake(
                lambda: int(_within(2)[0]),
                "That allows for more than the rule does: its name says how many standard errors.",
            ),
            Mistake(
                lambda: int(_within(1)[-1]),
                "That is the largest model within reach. The rule takes the simplest.",
            ),
        ),
        look_again="Smallest error plus its own standard error is the limit. Read from the top: "
        "which row is the first at or below it?",
    ),
    Question(
        name="satisfaction.components.5",
        kind=Share("the variance of the overall score", within=0.005),
        answer=lambda: _explained_in_new(12),
        mistakes=(
            Mistake(
                _explained_in_same,
                "That is for the people the model was fitted to. Take the errors of "
                "cross-validation.",
            ),
            Mistake(
                lambda: _explained_in_new(1),
                "That is for one component. Take the row with all of them.",
            ),
            Mistake(
                lambda: float(_new_errors()[12]),
                "That is the error in squared points. Set it against the error of the row "
                "without components.",
            ),
        ),
        look_again="The row without components foretells the mean for everybody. What part of "
        "its error is gone in the row with all components?",
    ),
    Question(
        name="satisfaction.components.6",
        kind=Number("standard deviations", within=0.01),
        answer=lambda: _z(TRAINING),
        mistakes=(
            Mistake(
                lambda: _z(np.append(TRAINING, LEFT_OUT)),
                "The answer left out helped to set its own scale: that is the leak. Take mean "
                "and standard deviation from the others.",
            ),
            Mistake(
                lambda: _z(TRAINING, ddof=0),
                "Right people, but the standard deviation of a population. Divide by one less "
                "than their number.",
            ),
            Mistake(
                lambda: float(LEFT_OUT - TRAINING.mean()),
                "That is the distance in points. Divide by the standard deviation of the others.",
            ),
        ),
        look_again="Mean and standard deviation without the one who is left out; then that one.",
    ),
    Question(
        name="satisfaction.components.7",
        kind=Choice(("too small", "about right", "too large")),
        answer=lambda: "too small" if _luck() < 0.9 else "about right",
        mistakes=(
            Mistake(
                lambda: "about right",
                "The people left out had a say in which questions were taken. Can they still "
                "stand for people never seen?",
            ),
            Mistake(
                lambda: "too large",
                "Choosing with the answers left out in view makes foretelling them easier, "
                "not harder.",
            ),
        ),
        look_again="Who knew the answers that were to be foretold?",
    ),
)


def _luck() -> float:
    """Error, beside that of the mean, of noise that was picked before it was cross-validated."""
    random = np.random.default_rng(2026)
    noise, overall = random.normal(size=(40, 100)), random.normal(size=40)
    with_overall = np.corrcoef(noise.T, overall)[-1, :-1]
    best = np.argsort(-np.abs(with_overall))[:5]
    values = np.column_stack([noise[:, best], overall])
    error = mean_errors(leave_one_out_errors(values, np.ones(40)), np.ones(40))[0]
    return float(error[1] / error[0])


# 03: six services of a courier, and the example company.

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
        _responses(), _items(), "overall", **asked, **chances
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


PRIORITIES = (
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

# 04: twelve customers on parcel lockers, a hundred on a loyalty card, and the example company.

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


KANO = (
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

QUESTIONS: tuple[Question, ...] = (*PCR, *COMPONENTS, *PRIORITIES, *KANO)
