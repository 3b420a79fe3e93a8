"""The answers of a questionnaire as numbers, checked once, with the design they came from.

Everything that is computed from items and an overall score starts here, so that all of it uses
the same respondents and refuses the same faults.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crmlib.columns import codes_of, column_of, listed, numbers_of, rows_named
from crmlib.errors import InputError
from crmlib.resampling import drawn_counts
from crmlib.satisfaction.means import kish, stratum_of_clusters
from crmlib.tables.faults import did_you_mean

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

Missing = Literal["em", "impute", "complete"]

FEWEST = 10
"""Respondents below which nothing is estimated: no interval from fewer deserves the name."""

TOO_FEW = "too few"
"""What a table says where fewer than `FEWEST` people answered."""

CANNOT_SAY = "cannot say"
"""What a table says where there are answers, but they do not tell how far they may be off."""

UNDECIDED = "undecided"
"""What a table says where the answers cannot decide."""

LONG_SHEET = 8
"""Answers that two sheets must share, all of them, before a copy is more likely than chance."""


@dataclass(frozen=True, eq=False)
class Answers:
    """The answers that count.

    Attributes
    ----------
    items : tuple of str
        Names of the items, p of them.
    overall : str or None
        Name of the overall score.
    values : ndarray, shape (n, p + 1) or (n, p)
        Answers to the items and, last, the overall score if there is one; NaN where missing.
    weights : ndarray, shape (n,)
        Design weights, all above zero; ones where there are none.
    stratum, cluster : ndarray of int, shape (n,)
        Numbers of the stratum and of the cluster; every respondent is a cluster of its own where
        no clusters are given.
    rows : ndarray of int, shape (n,)
        Position of each respondent in the table given.
    low, high : float
        Ends of the answer scale.
    left_out : DataFrame
        Why rows are not among the answers: reason, rows.
    notes : tuple of str
        What a reader should know about the answers, each a sentence.
    """

    items: tuple[str, ...]
    overall: str | None
    values: Array
    weights: Array
    stratum: Codes
    cluster: Codes
    rows: Codes
    low: float
    high: float
    left_out: pd.DataFrame
    notes: tuple[str, ...]

    @property
    def n(self) -> int:
        """Number of respondents."""
        return len(self.values)

    @property
    def n_effective(self) -> float:
        """Effective sample size by Kish: n over the design effect of unequal weights."""
        return kish(self.weights)

    @property
    def is_complete(self) -> bool:
        """Whether every respondent answered everything."""
        return not np.isnan(self.values).any()


def answers_of(
    responses: pd.DataFrame,
    items: Sequence[str],
    overall: str | None = None,
    *,
    weights: str | None = None,
    strata: str | None = None,
    clusters: str | None = None,
    respondent: str | None = None,
    scale: tuple[float, float] = (1, 10),
    complete: bool = False,
) -> Answers:
    """Check the answers of a questionnaire and turn them into numbers.

    Parameters
    ----------
    responses : DataFrame
        One row a respondent.
    items : sequence of str
        Columns with the answers to the items, numbers on one scale.
    overall : str, optional
        Column with the overall score, on the same scale.
    weights, strata, clusters : str, optional
        Columns with the design weight, the stratum and the cluster (first stage) of a respondent.
    respondent : str, optional
        Column that tells respondents apart; nobody may answer twice.
    scale : (float, float)
        Lowest and highest answer there can be.
    complete : bool
        Whether respondents who left out an answer are set aside.

    Returns
    -------
    Answers

    Raises
    ------
    InputError
        A column is missing, doubled, not of numbers or outside the scale; the overall score is
        among the items; a column has no answers or one and the same everywhere; somebody answered
        twice; weights are missing, negative or all zero; a stratum has a single cluster, or a
        cluster lies in two strata; fewer than ten respondents are left.
    """
    columns = checked_columns(responses, items, overall)
    low, high = checked_scale(scale)
    values = np.column_stack([on_scale(responses, column, low, high) for column in columns])
    if respondent is not None:
        refuse_repeated(responses, respondent)
    weight = weights_of(responses, weights)
    reasons = np.select(
        [weight == 0, np.isnan(values).all(axis=1), np.isnan(values).any(axis=1) & complete],
        ["weight of zero", "no answer at all", "an answer missing"],
        "",
    )
    rows = np.flatnonzero(reasons == "")
    if len(rows) < FEWEST:
        raise InputError(too_few(reasons, len(rows)))
    refuse_constant(values[rows], columns)
    kept = responses.iloc[rows]
    stratum, cluster = design_of(kept, strata, clusters)
    return Answers(
        items=tuple(items),
        overall=overall,
        values=values[rows],
        weights=weight[rows],
        stratum=stratum,
        cluster=cluster,
        rows=rows,
        low=low,
        high=high,
        left_out=counted_reasons(reasons),
        notes=tuple(notes_on(values[rows], columns, low, high)),
    )


def check_confidence(confidence: float) -> None:
    """Refuse a level that is no fraction."""
    check_fraction("confidence", confidence, 0.95)


def check_fraction(name: str, given: object, example: float) -> None:
    """Refuse what is no number between 0 and 1."""
    if not (isinstance(given, Real) and 0 < float(given) < 1):
        raise InputError(f"{name}={given!r}: write a fraction such as {example}.")


def check_overall(overall: object) -> None:
    """Refuse to explain an overall score that is not named."""
    if overall is None:
        raise InputError("overall=None: name the column with the overall score.")


def check_seed(seed: object) -> None:
    """Refuse what random numbers cannot start from."""
    if not (isinstance(seed, Integral) and int(seed) >= 0):
        raise InputError(f"seed={seed!r}: write a whole number that is not negative, such as 1.")


def check_replicates(replicates: int) -> None:
    """Refuse so few resamples that their percentiles would be chance."""
    if not isinstance(replicates, Integral):
        raise InputError(f"replicates={replicates!r}: write a whole number, such as 2000.")
    if replicates < 100:
        raise InputError(f"replicates={replicates}: take at least 100, better 2000.")


def check_missing(missing: str) -> None:
    """Refuse a word that does not say what to do about missing answers."""
    check_word("missing", missing, get_args(Missing))


def check_word(name: str, given: str, allowed: Sequence[str]) -> None:
    """Refuse a word that is none of those allowed."""
    if given not in allowed:
        words = ", ".join(f'"{word}"' for word in allowed)
        raise InputError(f'{name}="{given}": write one of {words}.')


def checked_columns(
    responses: pd.DataFrame, items: Sequence[str], overall: str | None
) -> list[str]:
    """Items and overall score, each there and each named once."""
    if isinstance(items, str) or not len(items):
        raise InputError('items must be a list of columns, such as ["q01", "q02"].')
    doubled = sorted({item for item in items if list(items).count(item) > 1})
    if doubled:
        raise InputError(f"items names {listed(doubled)} more than once. Keep one of each.")
    if overall in items:
        raise InputError(
            f'The overall score "{overall}" is among the items: it would explain itself. Take it '
            "out of items."
        )
    columns = [*items] if overall is None else [*items, overall]
    for column in columns:
        if column not in responses.columns:
            guess = did_you_mean(str(column), [str(c) for c in responses.columns])
            raise InputError(
                f'The table has no column "{column}"{guess}. It has '
                f"{listed(responses.columns, shown=40)}."
            )
    return columns


def checked_scale(scale: tuple[float, float]) -> tuple[float, float]:
    """Lowest and highest answer."""
    try:
        # Text would come apart into digits.
        low, high = () if isinstance(scale, str) else (float(end) for end in scale)
    except (TypeError, ValueError):
        low = high = np.nan
    if not (np.isfinite([low, high]).all() and low < high):
        raise InputError(
            f"scale={scale!r}: give the lowest and the highest answer there can be: (1, 10)."
        )
    return low, high


def on_scale(responses: pd.DataFrame, column: str, low: float, high: float) -> Array:
    """Answers of a column, NaN where missing, none of them outside the scale."""
    values = numbers_of(responses, column, "answers")
    if np.isnan(values).all():
        raise InputError(f'Column "{column}" has no answers at all. Leave it out.')
    wrong = np.flatnonzero((values < low) | (values > high))
    if len(wrong):
        example = f"{values[wrong[0]]:g}"
        raise InputError(
            f'Column "{column}": {len(wrong):,} of {len(values):,} answers are outside the scale '
            f"from {low:g} to {high:g}, such as {example}; {rows_named(responses, wrong)}. Give "
            "the scale that was used, mark answers such as 99 for do not know as missing, or take "
            "the column out of the items if it is none."
        )
    return values


def refuse_repeated(responses: pd.DataFrame, respondent: str) -> None:
    """Stop where somebody answered twice."""
    who = column_of(responses, respondent)
    repeated = who[who.notna() & who.duplicated(keep=False)]
    if len(repeated):
        raise InputError(
            f'Column "{respondent}": {repeated.nunique():,} respondents have more than one row, '
            f"such as {listed(repeated.unique()[:3], repeated.nunique())}. Keep one row each, or "
            "take one wave at a time."
        )


def weights_of(responses: pd.DataFrame, column: str | None) -> Array:
    """Weights of all rows, none of them missing or negative, not all zero."""
    if column is None:
        return np.ones(len(responses))
    weight = numbers_of(responses, column, "weights")
    wrong = np.flatnonzero(~np.isfinite(weight) | (weight < 0))
    if len(wrong):
        raise InputError(
            f'Column "{column}": {len(wrong):,} weights are missing, endless or negative; '
            f"{rows_named(responses, wrong)}. A weight is how many people a respondent stands for."
        )
    if not weight.any():
        raise InputError(f'Column "{column}": all weights are zero, so nobody counts.')
    return weight


def refuse_constant(values: Array, columns: Sequence[str]) -> None:
    """Stop where everybody gave one and the same answer."""
    for column, answers in zip(columns, values.T, strict=True):
        given = answers[~np.isnan(answers)]
        if not len(given) or (given == given[0]).all():
            found = f"are {given[0]:g}" if len(given) else "are missing among those who count"
            raise InputError(
                f'Column "{column}": all {len(given):,} answers {found}. What does not differ '
                "between people explains nothing: leave the column out."
            )


def design_of(kept: pd.DataFrame, strata: str | None, clusters: str | None) -> tuple[Codes, Codes]:
    """Numbers of stratum and cluster of every respondent."""
    n = len(kept)
    stratum, names = (np.zeros(n, dtype=np.int64), ()) if strata is None else codes_of(kept, strata)
    cluster, labels = (np.arange(n), ()) if clusters is None else codes_of(kept, clusters)
    pairs = np.unique(np.column_stack([cluster, stratum]), axis=0)
    if len(pairs) > cluster.max() + 1:
        torn = pairs[:-1, 0][pairs[1:, 0] == pairs[:-1, 0]]
        raise InputError(
            f'Column "{clusters}": cluster {listed([labels[c] for c in np.unique(torn)])} lies in '
            f'more than one stratum of "{strata}". Name clusters apart.'
        )
    single = np.flatnonzero(np.bincount(pairs[:, 1]) == 1)
    if len(single):
        unit = "respondent" if clusters is None else f'cluster of "{clusters}"'
        where = "" if strata is None else f' in stratum {listed(names[single])} of "{strata}"'
        raise InputError(
            f"There is only one {unit}{where}: one unit shows no variance. Join it to others that "
            "are alike."
        )
    return stratum, cluster


def counted_reasons(reasons: NDArray[Any]) -> pd.DataFrame:
    """Number of rows set aside, by reason."""
    found = pd.Series(reasons[reasons != ""], dtype="str").value_counts(sort=False)
    return found.rename_axis("reason").rename("rows").reset_index()


def too_few(reasons: NDArray[Any], n: int) -> str:
    """Say that there are too few respondents, and where they went."""
    gone = counted_reasons(reasons)
    why = (
        "; ".join(
            f"{rows:,} with {reason}" for reason, rows in zip(*gone.to_numpy().T, strict=True)
        )
        if len(gone)
        else ""
    )
    return (
        f"{n:,} of {len(reasons):,} respondents can be used{f' ({why})' if why else ''}; at least "
        f"{FEWEST} are needed, and 100 or more before intervals are narrow enough to act on."
    )


def notes_on(values: Array, columns: Sequence[str], low: float, high: float) -> list[str]:
    """What looks odd without being wrong for certain."""
    notes = []
    top, bottom = np.nanmax(values), np.nanmin(values)
    if top <= low + (high - low) / 2:
        notes.append(
            f"No answer is above {top:g} on a scale said to go from {low:g} to {high:g}: is the "
            "scale right?"
        )
    if bottom >= low + (high - low) / 2:
        notes.append(
            f"No answer is below {bottom:g} on a scale said to go from {low:g} to {high:g}: is "
            "the scale right?"
        )
    copies = (
        pd.DataFrame(values).dropna().duplicated().sum() if values.shape[1] >= LONG_SHEET else 0
    )
    if copies:
        notes.append(
            f"{copies:,} respondents gave answer by answer the same {values.shape[1]} answers as "
            "somebody before them: look whether rows were entered twice."
        )
    return notes


def bootstrap_weights(answers: Answers, replicates: int, seed: int) -> Array:
    """Weights of the respondents in samples drawn again from the sample.

    Clusters are drawn with replacement within strata, one less than there are, and the weights of
    those drawn multiplied by n / (n - 1) (Rao and Wu 1988).

    Parameters
    ----------
    answers : Answers
    replicates : int
        How many samples to draw, B.
    seed : int
        The same seed draws the same samples.

    Returns
    -------
    ndarray, shape (B, n)
        Zero for a respondent who was not drawn.

    Raises
    ------
    InputError
        Fewer than 100 replicates: their percentiles would be chance; a seed that is none.
    """
    check_replicates(replicates)
    check_seed(seed)
    of_cluster = stratum_of_clusters(answers.stratum, answers.cluster)
    size = np.bincount(of_cluster)
    factor = (size / (size - 1))[answers.stratum] * answers.weights
    drawn = drawn_counts(of_cluster, replicates, np.random.default_rng(seed))
    weights = np.empty((replicates, answers.n))
    for row, counts in zip(weights, drawn, strict=True):
        np.multiply(counts[answers.cluster], factor, out=row)
    return weights
