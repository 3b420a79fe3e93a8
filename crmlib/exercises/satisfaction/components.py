"""Questions on how many components to keep, and how well they foretell."""

import functools
from typing import Any

import numpy as np

from crmlib import satisfaction
from crmlib.columns import Array, Codes
from crmlib.exercises.kinds import Choice, Number, Share
from crmlib.exercises.questions import Mistake, Question
from crmlib.exercises.satisfaction.given import items, responses
from crmlib.satisfaction.components import (
    components_for_share,
    kaiser,
    leave_one_out_errors,
    mean_errors,
    within_one_standard_error,
)

# Eigenvalues of six questions from 100 people, those of chance, and the example company.

SIX = np.array([2.6, 1.3, 1.1, 0.5, 0.3, 0.2])
BY_CHANCE = np.array([1.49, 1.27, 1.12, 1.00, 0.90, 0.78])
TRAINING, LEFT_OUT = np.array([7.0, 8.0, 8.0, 9.0]), 2.0
FEW = 24


@functools.cache
def _errors() -> Array:
    """Cross-validated error and its standard error with 1, 2, … components."""
    asked: dict[str, Any] = {"respondent": "customer_id", "seed": 2026}
    table = satisfaction.component_choice(responses(), items(), "overall", **asked).table
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
    return responses()[[*items(), "overall"]].dropna().head(FEW).to_numpy(dtype=float)


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


def _luck() -> float:
    """Error, beside that of the mean, of noise that was picked before it was cross-validated."""
    random = np.random.default_rng(2026)
    noise, overall = random.normal(size=(40, 100)), random.normal(size=40)
    with_overall = np.corrcoef(noise.T, overall)[-1, :-1]
    best = np.argsort(-np.abs(with_overall))[:5]
    values = np.column_stack([noise[:, best], overall])
    error = mean_errors(leave_one_out_errors(values, np.ones(40)), np.ones(40))[0]
    return float(error[1] / error[0])


QUESTIONS: tuple[Question, ...] = (
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
