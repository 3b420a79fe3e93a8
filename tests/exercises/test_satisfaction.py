"""Answers of the exercises on satisfaction against values from elsewhere.

Oracles: arithmetic written out from the givens in fractions; scikit-learn's pipelines; a plain
bootstrap with the matrix root of scipy; counts of the tables by pandas; for Kano the table of
Berger et al. (1993) as the R package stp25stat codes it, and that package's example of a hundred
answers.
"""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from scipy import linalg, stats
from sklearn.decomposition import PCA
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import LeaveOneOut, RepeatedKFold, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from crmlib import satisfaction
from crmlib.exercises.satisfaction import QUESTIONS
from crmlib.exercises.satisfaction.pcr import NEWCOMER, NINE
from tests.conftest import ROOT

ASKED = {question.name.removeprefix("satisfaction."): question for question in QUESTIONS}
ITEMS = [f"q{number:02}" for number in range(1, 13)]


def answer(name):
    return ASKED[name].answer()


@pytest.fixture(scope="module")
def wave():
    answers = pd.read_csv(ROOT / "data" / "responses.csv")
    return answers[answers["date"].str.startswith("2025-11")]


# Standard deviations 2, 2, 2, 1 and 1; correlations 3/4 within and 1/4 between the pairs. So the
# eigenvectors are (1, 1, 1, 1) / 2 with 1 + 3/4 + 2/4 and (1, 1, -1, -1) / 2 with 1 + 3/4 - 2/4.
FIRST, SECOND = Fraction(9, 4), Fraction(5, 4)
WITH_OVERALL = [Fraction(12, 16), Fraction(8, 16), Fraction(7, 16), Fraction(6, 16)]
GAMMA = [
    sum(WITH_OVERALL) / 2 / FIRST,
    (sum(WITH_OVERALL[:2]) - sum(WITH_OVERALL[2:])) / 2 / SECOND,
]
DELIVERY, SERVICE = (GAMMA[0] + GAMMA[1]) / 2, (GAMMA[0] - GAMMA[1]) / 2


@pytest.mark.parametrize(
    ("number", "by_hand"),
    [
        (1, Fraction(10 - 6, 2)),
        (2, Fraction(3 + 4 + 0 + 4 + 0 + 12 + 2 - 1 + 0, 8 * 2 * 2)),
        (3, FIRST / 4),
        (4, (Fraction(2, 2) + Fraction(2, 2) - Fraction(1, 2) + Fraction(1, 1)) / 2),
        (5, DELIVERY),
        (6, DELIVERY / 2),
        (7, 7 + DELIVERY * (Fraction(4, 2) - Fraction(1, 2)) + SERVICE * (0 + 1)),
    ],
)
def test_pcr_is_what_fractions_give(number, by_hand):
    assert answer(f"pcr.{number}") == pytest.approx(float(by_hand), rel=1e-12)


def test_pcr_is_what_scikit_learn_gives():
    z = StandardScaler().fit_transform(NINE)
    model = make_pipeline(PCA(2), LinearRegression()).fit(z[:, :4], z[:, 4])
    assert (model[0].explained_variance_ratio_[0]) == pytest.approx(answer("pcr.3"))
    beta = model[1].coef_ @ model[0].components_
    assert beta[1] == pytest.approx(answer("pcr.5"))
    deviations = NINE.std(axis=0)
    assert beta[0] * deviations[4] / deviations[0] == pytest.approx(answer("pcr.6"))


def test_pcr_by_hand_is_what_the_estimator_gives():
    with pytest.warns(satisfaction.WeakGapWarning):
        model = satisfaction.PrincipalComponentRegression(2).fit(NINE[:, :4], NINE[:, 4])
    assert model.coef_[0] == pytest.approx(answer("pcr.6"))
    assert model.predict(NEWCOMER[None])[0] == pytest.approx(answer("pcr.7"))


@pytest.mark.parametrize(
    ("number", "counted"),
    # 2.6 + 1.3 + 1.1 = 5.0 of 6 is less than 0.85 * 6 = 5.1, with 0.5 more it is not; three are
    # above 1; 2.6 > 1.49 and 1.3 > 1.27, but 1.1 < 1.12.
    [(1, 4), (2, 3), (3, 2)],
)
def test_components_on_paper(number, counted):
    assert answer(f"components.{number}") == counted


def test_what_chance_gives_is_what_random_answers_give():
    random = np.random.default_rng(7)
    drawn = [np.corrcoef(random.normal(size=(6, 100))) for _ in range(4000)]
    reached = np.percentile(np.linalg.eigvalsh(drawn)[:, ::-1], 95, axis=0)
    assert reached == pytest.approx([1.49, 1.27, 1.12, 1.00, 0.90, 0.78], abs=0.012)


def pcr(components):
    return make_pipeline(StandardScaler(), PCA(components), LinearRegression())


def test_components_by_cross_validation_of_scikit_learn(wave):
    """On those who answered all: the rule chooses the same."""
    complete = wave.dropna(subset=[*ITEMS, "overall"])
    folds = RepeatedKFold(n_splits=10, n_repeats=5, random_state=0)
    error, standard_error = [], []
    for k in range(1, 13):
        values = -cross_val_score(
            pcr(k), complete[ITEMS], complete["overall"], cv=folds, scoring="neg_mean_squared_error"
        ).reshape(5, 10)
        error.append(values.mean())
        standard_error.append(values.std(axis=1, ddof=1).mean() / np.sqrt(10))
    best = int(np.argmin(error))
    simplest = np.flatnonzero(np.array(error) <= error[best] + standard_error[best])[0] + 1
    assert answer("components.4") == simplest == 3


def test_explained_in_new_people_is_what_scikit_learn_gives(wave):
    few = wave.dropna(subset=[*ITEMS, "overall"]).head(24)
    y = few["overall"].to_numpy(dtype=float)
    foretold = cross_val_predict(pcr(12), few[ITEMS], y, cv=LeaveOneOut())
    mean_of_others = (y.sum() - y) / 23
    share = 1 - ((y - foretold) ** 2).sum() / ((y - mean_of_others) ** 2).sum()
    assert answer("components.5") == pytest.approx(share)
    in_the_same = ASKED["components.5"].mistakes[0].gives()
    assert in_the_same == pytest.approx(pcr(12).fit(few[ITEMS], y).score(few[ITEMS], y))


def test_leaks():
    # 7, 8, 8, 9: mean 8, sum of squares 2, so the standard deviation is the root of 2/3.
    assert answer("components.6") == pytest.approx(-6 / (2 / 3) ** 0.5)
    assert answer("components.7") == "too small"


def test_priorities_on_paper():
    assert answer("priorities.1") == pytest.approx(100 * 6.3 / 9)
    assert answer("priorities.2") == pytest.approx((58 + 61 + 66 + 72 + 75 + 70) / 6)
    assert answer("priorities.3") == len(["speed", "price"])
    # The probability of anything but no hit in twelve draws.
    assert answer("priorities.4") == pytest.approx(stats.binom.sf(0, 12, 0.05))


def relative_weights(values):
    """Johnson's weights by way of the matrix root, as shares."""
    correlations = np.corrcoef(values.T)
    root = linalg.sqrtm(correlations[:-1, :-1]).real
    weights = root**2 @ np.linalg.solve(root, correlations[:-1, -1]) ** 2
    return weights / weights.sum()


@pytest.fixture(scope="module")
def placing(wave):
    """Distances to the lines, and in standard errors; missing answers foretold from the others."""
    imputer = IterativeImputer(LinearRegression(), max_iter=50, tol=1e-4)
    values = imputer.fit_transform(wave[[*ITEMS, "overall"]])
    random = np.random.default_rng(5)

    def distances(rows):
        score = values[rows, :-1].mean(axis=0)
        return np.array([relative_weights(values[rows]) - 1 / 12, score - score.mean()])

    n = len(values)
    drawn = np.array([distances(random.integers(0, n, n)) for _ in range(1500)])
    found = distances(np.arange(n))
    sides = pd.DataFrame(found.T, index=ITEMS, columns=["importance", "score"])
    return sides, sides / drawn.std(axis=0).T


def test_priorities_of_the_example_company(placing):
    sides, in_errors = placing
    corner = sides[(sides["importance"] > 0) & (sides["score"] < 0)]
    assert sorted(corner.index) == ["q04", "q05", "q06"]
    assert answer("priorities.5") == corner["importance"].idxmax()
    own, of_all = stats.norm.ppf(1 - 0.01 / 2), stats.norm.ppf(1 - 0.01 / 24)
    placed = (in_errors.abs() > of_all).all(axis=1)
    assert answer("priorities.6") == placed.sum() == 1
    each_alone = ASKED["priorities.6"].mistakes[1].gives()
    assert each_alone == (in_errors.abs() > own).all(axis=1).sum() == 3
    # Nothing here is a matter of luck in drawing.
    for limit in (own, of_all):
        assert (in_errors.loc[["q04", "q05", "q06"]].abs() - limit).abs().min(axis=None) > 0.15
    assert abs(in_errors.loc["q10", "importance"]) > own > abs(in_errors.loc["q10", "score"])
    assert answer("priorities.7") == "score"


# Rows like, must-be, neutral, live-with, dislike; columns the same without the feature.
BERGER = ["QAAAO", "RIIIM", "RIIIM", "RIIIM", "RRRRQ"]
LEVELS = ["like", "must-be", "neutral", "live-with", "dislike"]


def test_kano_on_paper():
    # Neutral with, dislike without: third row, last column.
    assert BERGER[2][4] == "M"
    assert answer("kano.1") == "must-be"
    with_it = "like like must-be like neutral like like neutral like live-with like neutral"
    without = "neutral dislike dislike live-with neutral must-be like like dislike live-with"
    pairs = zip(with_it.split(), [*without.split(), "live-with", "dislike"], strict=True)
    letters = "".join(BERGER[LEVELS.index(a)][LEVELS.index(b)] for a, b in pairs)
    assert answer("kano.2") == [letters.count(letter) for letter in "AOMIRQ"] == [4, 2, 2, 2, 1, 1]


def test_coefficients_are_those_of_stp25stat():
    """R package stp25stat, R/kano.R, on A 20, O 30, M 35, I 10, R 3, Q 2."""
    assert answer("kano.3") == pytest.approx(0.5263157894736842)
    assert answer("kano.4") == pytest.approx(-0.6842105263157895)


def test_the_lead_is_that_of_a_multinomial():
    drawn = np.random.default_rng(3).multinomial(100, [0.35, 0.30, 0.35], size=200_000)
    assert answer("kano.5") == pytest.approx((drawn[:, 0] - drawn[:, 1]).std(), rel=0.01)
    assert answer("kano.5") == pytest.approx((100 * (0.35 + 0.30 - 0.05**2)) ** 0.5)
    # 5 of 100 is less than one standard error.
    assert answer("kano.6") == "undecided"


def test_the_undecided_feature_is_the_one_with_two_alike():
    study = pd.read_csv(ROOT / "data" / "study.csv")
    leads = {}
    for feature in ("tracking", "complete", "speed", "catalogue", "calls", "advice"):
        pairs = study[[f"kano_{feature}_with", f"kano_{feature}_without"]].to_numpy(dtype=int) - 1
        letters = pd.Series([BERGER[a][b] for a, b in pairs])
        first, second = letters.value_counts().iloc[:2]
        leads[feature] = (first - second) / np.sqrt(first + second - (first - second) ** 2 / 240)
    assert [feature for feature, lead in leads.items() if lead < 1.96] == [answer("kano.7")]
    assert min(lead for feature, lead in leads.items() if feature != "advice") > 6


def test_every_question_is_asked_here():
    assert len(ASKED) == 28
    assert {name.partition(".")[0] for name in ASKED} == {"pcr", "components", "priorities", "kano"}
