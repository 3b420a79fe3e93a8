"""Kano's method: which features delight, which are taken for granted, which do not matter.

Every feature is asked about twice: how would you feel if it were there (functional), and how if it
were not (dysfunctional). The pair of answers falls into one of six categories.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from crmlib.columns import Array, Codes, column_of, listed, rows_named
from crmlib.errors import InputError
from crmlib.multiple_testing import holm
from crmlib.satisfaction.answers import TOO_FEW, UNDECIDED
from crmlib.satisfaction.scores import Estimate, Respondents, respondents_of

ANSWERS = ("like", "must-be", "neutral", "live-with", "dislike")

WORDS = {
    "like": "i like it; i like it that way; enjoy; 喜欢; 我喜欢; 很喜欢; 我很喜欢; 非常喜欢",
    "must-be": "it must be that way; expect; expect it; i expect it; i expect it that way; "
    "理应如此; 它理应如此; 理所当然; 应该如此; 必须如此; 必须这样",
    "neutral": "i am neutral; i'm neutral; indifferent; do not care; 无所谓; 我无所谓",
    "live-with": "i can live with it; i can live with it that way; tolerate; i can tolerate it; "
    "勉强接受; 可以忍受; 能忍受; 能够忍受; 可忍受; 可以接受",
    "dislike": "i dislike it; i dislike it that way; 不喜欢; 我不喜欢; 很不喜欢; 我很不喜欢; 讨厌",
}
"""Other ways to write the five answers, as questionnaires do; they are parted by semicolons."""

CATEGORIES = {
    "M": "must-be",
    "O": "one-dimensional",
    "A": "attractive",
    "I": "indifferent",
    "R": "reverse",
    "Q": "questionable",
}
"""The categories, the one that decides first where two are as frequent (Berger et al. 1993)."""

EVALUATION = ("QAAAO", "RIIIM", "RIIIM", "RIIIM", "RRRRQ")
"""Category by functional answer (one row each) and dysfunctional answer, both in `ANSWERS`."""

FONG = 1.65
"""Quantile in Fong's test, as published."""


@dataclass(frozen=True, eq=False)
class Kano:
    """What `kano` found.

    Attributes
    ----------
    table : DataFrame
        One row a feature:

        - feature, n (respondents with both answers), left_out (rows without, or of weight zero);
        - M, O, A, I, R, Q: respondents by category; with weights, weighted so that they add up to
          n;
        - category: the most frequent, by its letter;
        - better, better_low, better_high, worse, worse_low, worse_high: how much satisfaction
          there is to win with the feature (0 to 1) and to lose without it (0 to -1);
        - total_strength with low and high: share of respondents to whom the feature matters;
        - category_strength with low and high: share of the most frequent category less that of
          the second;
        - fong_difference, fong_threshold, fong: the two sides of Fong's test, in respondents, and
          "significant" where the difference reaches the threshold;
        - decision: the name of the category where the category strength is above zero beyond
          chance, allowing for the number of features; else "undecided", as where most pairs of
          answers are questionable; "too few" where fewer than ten answered both questions. Of
          several features one can be undecided although its interval is above zero.
    evaluation : DataFrame, shape (5, 5)
        Category by functional answer (rows) and dysfunctional answer (columns).
    notes : tuple of str
        What a reader should know, each a sentence.
    """

    table: pd.DataFrame
    evaluation: pd.DataFrame
    notes: tuple[str, ...]


def kano(
    responses: pd.DataFrame,
    pairs: Mapping[str, tuple[str, str]],
    *,
    weights: str | None = None,
    strata: str | None = None,
    clusters: str | None = None,
    confidence: float = 0.95,
    answers: Sequence[Hashable] = ANSWERS,
) -> Kano:
    """Put every feature into one of Kano's categories, and say how sure that is.

    The categories are must-be (必备), one-dimensional (期望), attractive (魅力), indifferent
    (无差异), reverse (反向: customers would rather do without) and questionable (可疑: the two
    answers contradict each other).

    Parameters
    ----------
    responses : DataFrame
        One row a respondent.
    pairs : mapping of str to (str, str)
        Name of a feature to its two columns: the answer if it were there, and if it were not.
    weights, strata, clusters : str, optional
        Columns with the design weight, the stratum and the cluster (first stage) of a respondent.
    confidence : float
        Level of the intervals, and of the decisions on all features together. Fong's test keeps
        its own.
    answers : sequence of five
        How the table writes like, must-be, neutral, live with and dislike, in this order. Unless
        given, 1 to 5 are understood, and the words of `WORDS` in English and Chinese.

    Returns
    -------
    Kano

    Raises
    ------
    InputError
        A pair is no pair, a column is missing, in two places, empty, or holds an answer that is
        none of the five; weights or design cannot be used; fewer than ten respondents count.

    Notes
    -----
    ``better = (A + O) / (A + O + M + I)`` and ``worse = -(O + M) / (A + O + M + I)``. With N the
    answers, total strength is ``(A + O + M) / N`` and category strength ``(a - b) / N``, a and b
    the largest and second largest count. Of two that are equal M goes before O, A, I, R and Q.

    The intervals of better, worse and total strength are Wilson's, that of category strength is
    the adjusted Wald interval of `scores.adjusted_wald_interval`. With weights, strata and
    clusters the shares are linearised ratios (`means.linearised_mean`), and n is the number of
    answers of a simple random sample that is as precise.

    Fong's test calls a category significant if ``a - b >= 1.65 sqrt((a + b)(2 N - a - b) / 2 N)``.
    It takes a and b for counts of two samples. They are of one, where the variance of a - b is
    ``a + b - (a - b)^2 / N``, up to twice as large. Where two categories of 40 % each are in truth
    equally frequent, the test finds one of them significant in 20 of 100 samples; the interval of
    category strength is above zero in 5 (both simulated, 50 to 500 answers). The decision
    therefore rests on the interval, and Fong's test is shown beside it. With weights, strata or
    clusters a, b and N in it are those of the simple random sample as precise as the difference.

    Five in 100 for every feature are many for all of them: of ten that have two categories equally
    frequent, at least one would be decided in 40 of 100 samples. The p-value of a feature is one
    less the level at which its interval of category strength begins at zero, and the p-values are
    adjusted by Holm (1979) for the number of features with ten answers or more. A feature is
    decided where that is below ``1 - confidence``. One feature is decided by its interval alone.

    The evaluation table and the formulas were checked against those of the R package stp25stat.

    References
    ----------
    Kano, N., Seraku, N., Takahashi, F. and Tsuji, S. (1984). Attractive quality and must-be
    quality. Journal of the Japanese Society for Quality Control 14(2), 39-48.
    Berger, C. et al. (1993). Kano's methods for understanding customer-defined quality. Center
    for Quality of Management Journal 2(4), 3-36.
    Fong, D. (1996). Using the self-stated importance questionnaire to interpret Kano questionnaire
    results. Center for Quality of Management Journal 5(3), 21-24.
    Lee, M. C. and Newcomb, J. F. (1997). Applying the Kano methodology to meet customer
    requirements. Quality Management Journal 4(3), 95-110.
    Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scandinavian Journal
    of Statistics 6(2), 65-70.
    """
    refuse_pairs(pairs)
    meaning = meanings(answers)
    coded = {
        column: answers_coded(responses, column, meaning)
        for pair in pairs.values()
        for column in pair
    }
    people = respondents_of(responses, weights, strata, clusters, confidence)
    table = pd.DataFrame(
        {"feature": feature}
        | feature_row(
            evaluated(coded[functional], coded[dysfunctional])[people.rows], people, len(responses)
        )
        for feature, (functional, dysfunctional) in pairs.items()
    )
    table["decision"] = decisions(table, table.pop("p"), confidence)
    if weights is None:
        table = table.astype(dict.fromkeys(CATEGORIES, np.int64))
    return Kano(table, evaluation_table(), tuple(notes_on(table)))


def evaluated(functional: Codes, dysfunctional: Codes) -> Codes:
    """Category of each pair of answers.

    Parameters
    ----------
    functional, dysfunctional : ndarray of int
        Positions in `ANSWERS`, -1 where missing.

    Returns
    -------
    ndarray of int
        Positions in `CATEGORIES`, -1 where an answer is missing.
    """
    letters = list(CATEGORIES)
    table = np.array([[letters.index(letter) for letter in row] for row in EVALUATION])
    known = (functional >= 0) & (dysfunctional >= 0)
    return np.where(known, table[functional, dysfunctional], -1)


def fong_threshold(first: Any, second: Any, n: Any) -> Any:
    """``1.65 sqrt((a + b)(2 N - a - b) / 2 N)``: what a - b must reach (Fong 1996).

    Parameters
    ----------
    first, second, n : float or ndarray
        Count of the most frequent category, of the second, and of all answers.

    Returns
    -------
    float or ndarray
    """
    both = first + second
    return FONG * np.sqrt(both * (2 * n - both) / (2 * n))


def evaluation_table() -> pd.DataFrame:
    """Category by functional answer (rows) and dysfunctional answer (columns)."""
    return pd.DataFrame(
        [list(row) for row in EVALUATION],
        index=pd.Index(ANSWERS, name="functional"),
        columns=pd.Index(ANSWERS, name="dysfunctional"),
    )


def feature_row(category: Codes, people: Respondents, n_rows: int) -> dict[str, Any]:
    """Counts, coefficients, strengths and tests of one feature."""
    answered = category >= 0
    n = int(answered.sum())
    counts = np.bincount(category[answered], people.weights[answered], len(CATEGORIES))
    if n:
        counts *= n / counts.sum()
    row: dict[str, Any] = {"n": n, "left_out": n_rows - n}
    row |= dict(zip(CATEGORIES, counts, strict=True))
    # The stable sort leaves equals in the order of the categories.
    first, second = (int(place) for place in np.argsort(-counts.round(9), kind="stable")[:2])
    letter = list(CATEGORIES)[first] if n else ""
    row["category"] = letter

    def among(letters: str) -> NDArray[np.bool_]:
        return np.isin(category, [list(CATEGORIES).index(letter) for letter in letters])

    worse = people.share(among("OM"), among("AOMI"))
    row |= interval_of("better", people.share(among("AO"), among("AOMI")))
    row |= {"worse": -worse.value, "worse_low": -worse.high, "worse_high": -worse.low}
    row |= interval_of("total_strength", people.share(among("AOM"), answered))
    is_first, is_second = category == first, category == second
    lead = people.difference(is_first, is_second, answered)
    row |= interval_of("category_strength", lead)
    shares = counts[[first, second]] / max(n, 1)
    row |= fong_of(shares, lead)
    degrees = np.inf
    if people.is_designed and n:
        contrast = is_first.astype(float) - is_second
        degrees = people.mean(contrast, answered).degrees_of_freedom
    return row | {"p": p_value(shares, lead.simple_n, degrees)}


def fong_of(shares: Array, lead: Estimate) -> dict[str, Any]:
    """Fong's test of the two most frequent categories."""
    first, second = shares * lead.simple_n
    threshold = fong_threshold(first, second, lead.simple_n)
    row: dict[str, Any] = {"fong_difference": first - second, "fong_threshold": threshold}
    if np.isnan(lead.value):
        return row | {"fong": TOO_FEW}
    significant = first - second >= threshold
    return row | {"fong": "significant" if significant else "not significant"}


def p_value(shares: Array, n: float, degrees: float) -> float:
    """Two-sided p-value of the difference between two shares of one sample.

    One less the level at which `scores.adjusted_wald_interval` has an end at zero.

    Parameters
    ----------
    shares : ndarray, shape (2,)
        The larger first.
    n : float
        Answers of the simple random sample.
    degrees : float
        Degrees of freedom of t; infinite for the normal distribution.

    Returns
    -------
    float
        NaN where n is missing or no degree of freedom is left.
    """
    first, second = (n * shares + 0.75) / (n + 3)
    error = np.sqrt((first + second - (first - second) ** 2) / (n + 3))
    return float(2 * stats.t.sf((first - second) / error, degrees))


def decisions(table: pd.DataFrame, p_values: pd.Series, confidence: float) -> list[str]:
    """Which category the answers decide for, allowing for the number of features."""
    clear = holm(p_values.to_numpy(dtype=float)) < 1 - confidence
    rows = zip(table["category"], table["fong"], clear, strict=True)
    return [
        TOO_FEW if fong == TOO_FEW else CATEGORIES[letter] if sure and letter != "Q" else UNDECIDED
        for letter, fong, sure in rows
    ]


def interval_of(name: str, estimate: Estimate) -> dict[str, float]:
    """Columns of an estimate and its interval."""
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def notes_on(table: pd.DataFrame) -> list[str]:
    """What looks odd without being wrong for certain."""
    notes = []
    for letter, meaning in (
        (
            "R",
            "most customers would rather do without it, or its two columns are in the wrong order",
        ),
        ("Q", "most pairs of answers contradict each other, so the questions were misunderstood"),
    ):
        features = table.loc[(table["category"] == letter) & (table["decision"] != TOO_FEW)]
        if len(features):
            notes.append(f"{listed(features['feature'])}: {meaning}.")
    few = table.loc[table["decision"] == TOO_FEW, "feature"]
    if len(few):
        notes.append(f"{listed(few)}: fewer than ten people answered both questions.")
    empty = table.loc[table["better"].isna() & (table["decision"] != TOO_FEW), "feature"]
    if len(empty):
        notes.append(
            f"{listed(empty)}: fewer than ten answers are must-be, one-dimensional, attractive or "
            "indifferent, so better and worse cannot be said."
        )
    return notes


def refuse_pairs(pairs: Mapping[str, tuple[str, str]]) -> None:
    """Stop at what is no pair of columns, and at a column that has two places."""
    example = 'pairs={"delivery in a day": ("q1_with", "q1_without")}'
    if not isinstance(pairs, Mapping) or not pairs:
        raise InputError(f"pairs must give each feature its two columns, such as {example}.")
    columns: list[str] = []
    for feature, pair in pairs.items():
        if isinstance(pair, str) or not isinstance(pair, Sequence) or len(pair) != 2:
            raise InputError(
                f'pairs["{feature}"] must be two columns, with the feature and without it, such as '
                f"{example}."
            )
        columns += pair
    twice = sorted({str(column) for column in columns if columns.count(column) > 1})
    if twice:
        raise InputError(
            f"pairs names {listed(twice)} more than once. A column holds the answers to one "
            "question."
        )


def meanings(answers: Sequence[Hashable]) -> dict[str, int]:
    """Position in `ANSWERS` of every way to write an answer."""
    if isinstance(answers, str) or len(answers) != 5:
        raise InputError(
            "answers must be five: how the table writes like, must-be, neutral, live with and "
            "dislike, in this order, such as (1, 2, 3, 4, 5)."
        )
    written = {as_written(answer): place for place, answer in enumerate(answers)}
    if len(written) < 5:
        raise InputError(f"answers={tuple(answers)}: two of them are the same.")
    if tuple(answers) == ANSWERS:
        for place, (answer, others) in enumerate(WORDS.items()):
            words = [answer, str(place + 1), *others.split("; ")]
            written |= {as_written(word): place for word in words}
    return written


def as_written(answer: object) -> str:
    """Write an answer in one way: small letters, no hyphens or dots, whole numbers without .0."""
    if isinstance(answer, float | np.floating) and float(answer).is_integer():
        answer = int(answer)
    text = str(answer).casefold().replace("-", " ").replace("_", " ").replace("’", "'")
    return " ".join(text.rstrip(".。 ").split())


def answers_coded(responses: pd.DataFrame, column: str, meaning: Mapping[str, int]) -> Codes:
    """Positions in `ANSWERS` of the answers of a column, -1 where missing.

    Raises
    ------
    InputError
        The column is missing or empty, or holds an answer that is none of the five.
    """
    codes, given = pd.factorize(column_of(responses, column))
    if not len(given):
        raise InputError(f'Column "{column}" has no answers at all. Leave its feature out.')
    places = np.array([meaning.get(as_written(answer), -2) for answer in given] + [-1])
    coded = places[codes]  # a missing answer has the code -1: the last place
    wrong = np.flatnonzero(coded == -2)
    if len(wrong):
        example = given[codes[wrong[0]]]
        raise InputError(
            f'Column "{column}": {len(wrong):,} of {len(coded):,} answers are none of the five, '
            f'such as "{example}"; {rows_named(responses, wrong)}. Write 1 to 5 or '
            f"{listed(ANSWERS)}; or say with answers= how the table writes these five."
        )
    return coded.astype(np.int64)
