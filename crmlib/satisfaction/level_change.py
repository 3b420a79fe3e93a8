"""From one wave to the next: how a score, and the five levels of it, changed.

Where people who answer both times answer alike, the change is known better than two surveys of
different people would tell. How much better follows from the covariance of the two waves.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from crmlib.columns import Array, Codes
from crmlib.errors import InputError
from crmlib.findings import counted
from crmlib.satisfaction.answers import FEWEST, Answers, check_confidence
from crmlib.satisfaction.loyalty import LEVELS, mean_of_answered
from crmlib.satisfaction.means import covariance_of_sums, linearised_mean, linearised_parts
from crmlib.satisfaction.scores import Respondents
from crmlib.satisfaction.waves import answers_in, joint_design

UPPER = "satisfied or better"
"""The two highest levels together."""

POWER = 0.8
"""Chance to see a change of the smallest detectable size."""


@dataclass(frozen=True, eq=False)
class LevelChange:
    """What `level_change` found.

    Attributes
    ----------
    score : DataFrame
        One row: before, after (0 to 100), change, standard_error, low, high, correlation (of the
        two means, through those in both waves), smallest_detectable_change, n_before, n_after.
    levels : DataFrame
        Five levels and `UPPER`: level, before, before_low, before_high, after, after_low,
        after_high (shares with Wilson's intervals), change, low, high.
    panel : DataFrame
        Those in both waves alone: n, before, after (with the weights of the wave after), change,
        standard_error, low, high. One row; none if they are fewer than ten.
    moves : DataFrame
        Customers in both waves: level before (index) by level after (columns), numbers.
    overlap : int
        Customers who answered in both waves.
    notes : tuple of str
    """

    score: pd.DataFrame
    levels: pd.DataFrame
    panel: pd.DataFrame
    moves: pd.DataFrame
    overlap: int
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Wave:
    """Answers of one wave and the level of each respondent."""

    answers: Answers
    people: Respondents
    score: Array
    counts: NDArray[np.bool_]
    place: Codes


def level_change(
    before: pd.DataFrame,
    after: pd.DataFrame,
    columns: Sequence[str],
    *,
    weights: str | None = None,
    strata: str | None = None,
    clusters: str | None = None,
    respondent: str | None = None,
    scale: tuple[float, float] = (1, 10),
    confidence: float = 0.95,
) -> LevelChange:
    """Change of a score and of its five levels between two waves, which may share people.

    Parameters
    ----------
    before, after : DataFrame
        Responses of the two waves, one row a respondent, with the same columns.
    columns : sequence of str
        One answer, such as overall satisfaction, or several of which the mean is followed, such
        as the intentions of the loyalty index.
    weights, strata, clusters : str, optional
        Columns with design weight, stratum and cluster, in both tables.
    respondent : str, optional
        Column that tells respondents apart and knows them again in the other wave. Without it the
        waves are taken for samples of different people.
    scale : (float, float)
        Lowest and highest answer.
    confidence : float
        Level of the intervals.

    Returns
    -------
    LevelChange

    Raises
    ------
    InputError
        The answers of a wave cannot be used (`answers_of`); the level is no fraction.

    Notes
    -----
    Means are linearised over the units drawn (clusters, or respondents) within strata, both waves
    at once; a unit of both waves brings its part to both (`joint_design`):

        var(change) = var(before) + var(after) - 2 cov(before, after)

    The interval of the score goes by t. That of a share combines Wilson's intervals of the two
    waves (l, u around p) with the correlation r of the shares (Newcombe 1998, Zou and Donner
    2008), so that it stays honest where nobody is in a level:

        lower = d - sqrt((p2 - l2)^2 - 2 r (p2 - l2) (u1 - p1) + (u1 - p1)^2)

    and likewise for the upper end. Checked against Newcombe's example and, for people who are all
    in both waves, the paired t test. Those in both waves may change where the whole does not, and
    the other way round: their row is the mean of each one's change.
    """
    check_confidence(confidence)
    waves = [
        wave_of(
            answers_in(
                name,
                table,
                columns,
                None,
                weights=weights,
                strata=strata,
                clusters=clusters,
                respondent=respondent,
                scale=scale,
            ),
            name,
            is_designed=strata is not None or clusters is not None,
            confidence=confidence,
        )
        for name, table in (("before", before), ("after", after))
    ]
    tables = [
        table.iloc[wave.answers.rows] for table, wave in zip((before, after), waves, strict=True)
    ]
    design = joint_design([wave.answers for wave in waves], tables, clusters or respondent, strata)
    pairs = pairs_of(waves, tables, respondent)
    overlap = len(pairs[0])
    return LevelChange(
        score=score_row(waves, design, confidence),
        levels=level_rows(waves, design),
        panel=panel_row(waves, pairs, confidence),
        moves=moves_of(waves, pairs),
        overlap=overlap,
        notes=(*notes_of(waves), overlap_note(overlap, respondent)),
    )


def wave_of(answers: Answers, name: str, *, is_designed: bool, confidence: float) -> Wave:
    """Score and level of everybody in a wave."""
    mean = mean_of_answered(answers.values)
    counts = ~np.isnan(mean)
    if counts.sum() < FEWEST:
        raise InputError(
            f"Wave {name}: {counts.sum():,} respondents answered at least half of the questions "
            f"followed; at least {FEWEST} are needed."
        )
    ends = np.linspace(answers.low, answers.high, len(LEVELS) + 1)
    people = Respondents(
        rows=answers.rows,
        is_idle=np.zeros(answers.n, dtype=bool),
        weights=answers.weights,
        stratum=answers.stratum,
        cluster=answers.cluster,
        is_designed=is_designed,
        confidence=confidence,
    )
    score = 100 * (mean - answers.low) / (answers.high - answers.low)
    return Wave(answers, people, score, counts, np.searchsorted(ends[1:-1], mean))


def score_row(
    waves: Sequence[Wave], design: tuple[Codes, Codes], confidence: float
) -> pd.DataFrame:
    """Mean score of both waves and its change."""
    means, covariance = joint_moments(waves, [wave.score for wave in waves], design)
    change = means[1] - means[0]
    error = float(np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]))
    degrees = len(np.unique(design[0])) - len(np.unique(design[1]))
    tail = (1 + confidence) / 2
    half = error * stats.t.ppf(tail, degrees)
    row = {"before": means[0], "after": means[1], "change": change, "standard_error": error}
    row |= {"low": change - half, "high": change + half, "correlation": correlation(covariance)}
    row["smallest_detectable_change"] = error * (stats.norm.ppf(tail) + stats.norm.ppf(POWER))
    row |= {"n_before": waves[0].counts.sum(), "n_after": waves[1].counts.sum()}
    return pd.DataFrame([row])


def level_rows(waves: Sequence[Wave], design: tuple[Codes, Codes]) -> pd.DataFrame:
    """Share of each level in both waves, and of the two highest together."""
    groups = {level: (k,) for k, level in enumerate(LEVELS)} | {UPPER: (3, 4)}
    rows = []
    for level, places in groups.items():
        inside = [wave.counts & np.isin(wave.place, places) for wave in waves]
        _, covariance = joint_moments(waves, [group.astype(float) for group in inside], design)
        shares = [
            wave.people.share(group, wave.counts) for wave, group in zip(waves, inside, strict=True)
        ]
        ends = [(share.value, share.low, share.high) for share in shares]
        low, high = difference_interval(ends[0], ends[1], correlation(covariance))
        row: dict[str, object] = {"level": level}
        for name, (value, lower, upper) in zip(("before", "after"), ends, strict=True):
            row |= {name: value, f"{name}_low": lower, f"{name}_high": upper}
        rows.append(row | {"change": ends[1][0] - ends[0][0], "low": low, "high": high})
    return pd.DataFrame(rows)


def joint_moments(
    waves: Sequence[Wave], values: Sequence[Array], design: tuple[Codes, Codes]
) -> tuple[Array, Array]:
    """Means of both waves and their covariance matrix, over units within strata."""
    unit, stratum = design
    n = waves[0].answers.n
    parts = np.zeros((2, len(unit)))
    means = np.empty(2)
    for k, (wave, value, rows) in enumerate(
        zip(waves, values, (slice(n), slice(n, None)), strict=True)
    ):
        means[k], parts[k, rows] = linearised_parts(value, wave.answers.weights, wave.counts)
    return means, covariance_of_sums(parts, stratum, unit)


def correlation(covariance: Array) -> float:
    """Correlation of two estimates; zero where one of them cannot vary."""
    scale = float(np.sqrt(covariance[0, 0] * covariance[1, 1]))
    return float(np.clip(covariance[0, 1] / scale, -1, 1)) if scale > 1e-15 else 0.0


def difference_interval(
    first: tuple[float, float, float], second: tuple[float, float, float], r: float
) -> tuple[float, float]:
    """Interval of the second less the first, from value, low and high of each (Zou and Donner)."""
    (p1, l1, u1), (p2, l2, u2) = first, second
    ends = []
    for a, b in ((p2 - l2, u1 - p1), (u2 - p2, p1 - l1)):
        ends.append(float(np.sqrt(max(a**2 - 2 * r * a * b + b**2, 0.0))))
    return p2 - p1 - ends[0], p2 - p1 + ends[1]


def pairs_of(
    waves: Sequence[Wave], tables: Sequence[pd.DataFrame], respondent: str | None
) -> tuple[Codes, Codes]:
    """Places of those who answered both times, in the one wave and in the other."""
    if respondent is None:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    first, second = (
        pd.Series(np.flatnonzero(wave.counts), index=table[respondent].to_numpy()[wave.counts])
        for wave, table in zip(waves, tables, strict=True)
    )
    first, second = (places[places.index.notna()] for places in (first, second))
    both = first.index.intersection(second.index)
    return first[both].to_numpy(np.int64), second[both].to_numpy(np.int64)


def panel_row(waves: Sequence[Wave], pairs: tuple[Codes, Codes], confidence: float) -> pd.DataFrame:
    """Mean change of those who answered both times, as part of the wave after."""
    columns = ["n", "before", "after", "change", "standard_error", "low", "high"]
    first, second = pairs
    if len(first) < FEWEST:
        return pd.DataFrame(columns=columns)
    now = waves[1].answers
    then = np.full(now.n, np.nan)
    then[second] = waves[0].score[first]
    inside = ~np.isnan(then)
    before, after, change = (
        linearised_mean(values, now.weights, now.stratum, now.cluster, inside)
        for values in (then, waves[1].score, waves[1].score - then)
    )
    low, high = change.interval(confidence)
    row = [len(first), before.value, after.value, change.value, change.standard_error, low, high]
    return pd.DataFrame([row], columns=columns)


def moves_of(waves: Sequence[Wave], pairs: tuple[Codes, Codes]) -> pd.DataFrame:
    """Level before by level after of those who answered both times."""
    numbers = np.zeros((len(LEVELS), len(LEVELS)), dtype=np.int64)
    np.add.at(numbers, (waves[0].place[pairs[0]], waves[1].place[pairs[1]]), 1)
    return pd.DataFrame(numbers, index=LEVELS, columns=LEVELS).rename_axis("before")


def notes_of(waves: Sequence[Wave]) -> list[str]:
    """What is odd in either wave."""
    return [
        f"Wave {name}: {note}"
        for name, wave in zip(("before", "after"), waves, strict=True)
        for note in wave.answers.notes
    ]


def overlap_note(overlap: int, respondent: str | None) -> str:
    """Whether people are known to be in both waves."""
    if respondent is None:
        return "The waves are taken for samples of different people."
    if not overlap:
        return "Nobody is known to have answered both times."
    return f"{counted(overlap, 'respondent')} answered both times."
