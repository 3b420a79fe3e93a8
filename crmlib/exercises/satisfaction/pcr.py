"""Questions on principal component regression, worked by hand."""

import numpy as np

from crmlib.columns import Array
from crmlib.exercises.kinds import Number, Share
from crmlib.exercises.questions import Mistake, Question
from crmlib.satisfaction.components import eigen_components, pcr_coefficients

# Nine customers, two questions on delivery and two on service, and the overall score.

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


QUESTIONS: tuple[Question, ...] = (
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
