"""From one wave to the next: how the index changed, and whether scores or weights changed it.

An index of which the weights are estimated anew can move while nobody's scores do. The change is
therefore split into what the scores did and what the weights did, and all its intervals come from
resamples in which people who answered both times are drawn both times or not at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats

from crmlib.columns import column_of
from crmlib.errors import InputError
from crmlib.findings import counted
from crmlib.multiple_testing import holm
from crmlib.satisfaction.answer_notes import (
    free_clusters,
    missing_notes,
    wide_interval_notes,
)
from crmlib.satisfaction.answers import (
    Answers,
    Array,
    Codes,
    Missing,
    answers_of,
    check_confidence,
    check_fraction,
    check_missing,
)
from crmlib.satisfaction.choice import Method, Rule
from crmlib.satisfaction.draws import deviation_of, interval_by_units, shares
from crmlib.satisfaction.index import (
    Resampled,
    resampled,
    weight_notes,
)
from crmlib.satisfaction.means import degrees_of_freedom

QUANTITIES = ("index before", "index after", "change", "score effect", "weight effect")


@dataclass(frozen=True, eq=False)
class WaveChange:
    """Change of the satisfaction index between two waves.

    Attributes
    ----------
    table : DataFrame
        quantity ("index before", "index after", "change", "score effect", "weight effect"),
        estimate, standard_error, low, high. The two effects add up to the change.
    items : DataFrame
        One row an item: item, before, after (scores from 0 to 100), change, low, high, p, p_holm
        (over all items), changed (whether p_holm is below one less the confidence),
        weight_before, weight_after (shares of importance).
    smallest_detectable_change : float
        Change of the index that two such waves would show with the power asked for.
    overlap : int
        Respondents known to be in both waves.
    n_before, n_after : int
    method : str
        How importance was measured.
    notes : tuple of str
    left_out : DataFrame
        Why rows are not among the answers: wave, reason, rows.
    confidence, power : float
    """

    table: pd.DataFrame
    items: pd.DataFrame
    smallest_detectable_change: float
    overlap: int
    n_before: int
    n_after: int
    method: str
    notes: tuple[str, ...]
    left_out: pd.DataFrame
    confidence: float
    power: float


def wave_change(
    before: pd.DataFrame,
    after: pd.DataFrame,
    items: Sequence[str],
    overall: str,
    *,
    weights: str | None = None,
    strata: str | None = None,
    clusters: str | None = None,
    respondent: str | None = None,
    scale: tuple[float, float] = (1, 10),
    method: Method = "pcr",
    components: Rule = "cv",
    missing: Missing = "em",
    replicates: int = 2000,
    confidence: float = 0.95,
    power: float = 0.8,
    seed: int,
) -> WaveChange:
    """Split the change of the satisfaction index between two waves into scores and weights.

    Parameters
    ----------
    before, after : DataFrame
        Responses of the two waves, one row a respondent, with the same columns.
    items : sequence of str
        Columns with the answers to the items.
    overall : str
        Column with the overall score.
    weights, strata, clusters : str, optional
        Columns with design weight, stratum and cluster, in both tables.
    respondent : str, optional
        Column that tells respondents apart and knows them again in the other wave. Without it the
        waves are taken for samples of different people.
    scale : (float, float)
        Lowest and highest answer.
    method : str
        How importance is measured: any method of `drivers`.
    components : "cv", "kaiser", int or float
        Number of components with "pcr" and "pls", as in `drivers`.
    missing : {"em", "impute", "complete"}
        What is done about missing answers, as in `resampled_moments`.
    replicates : int
        Resamples.
    confidence : float
        Level of the intervals, and one less the level of the tests.
    power : float
        Of the smallest detectable change.
    seed : int
        The same seed gives the same numbers.

    Returns
    -------
    WaveChange

    Raises
    ------
    InputError
        The answers of a wave cannot be used (`answers_of`); a word or number means nothing.

    Notes
    -----
    With shares of importance w and scores s of the two waves,

        index after - index before
            = sum (w1 + w2) / 2 (s2 - s1)      score effect
            + sum (s1 + s2) / 2 (w2 - w1)      weight effect

    Units drawn are clusters, or respondents without clusters. A unit of both waves is drawn for
    both at once; it belongs to the stratum it had before, others to that of their own wave, and a
    stratum that so keeps a single unit joins the largest. Where no unit is in both, each wave is
    drawn on its own.

    Intervals of the index and its change are percentiles of the whole calculation; with fewer than
    30 units less strata, estimates plus and minus their standard error over resamples times
    Student's t, as in `satisfaction_index`. Those of the items are the
    change plus and minus its standard error over resamples times Student's t, from which also p
    comes (Holm 1979 over the items). The smallest detectable change is

        (z of the confidence + z of the power) * standard error of the change
    """
    check_confidence(confidence)
    check_missing(missing)
    check_fraction("power", power, 0.8)
    waves = [
        answers_in(
            wave,
            table,
            items,
            overall,
            weights=weights,
            strata=strata,
            clusters=clusters,
            respondent=respondent,
            scale=scale,
            complete=missing == "complete",
        )
        for wave, table in (("before", before), ("after", after))
    ]
    tables = [
        table.iloc[answers.rows] for table, answers in zip((before, after), waves, strict=True)
    ]
    cluster, stratum = joint_design(waves, tables, clusters or respondent, strata)
    found = [
        resampled(
            alone,
            method=method,
            components=components,
            missing=missing,
            replicates=replicates,
            seed=seed,
        )
        for alone in each_alone(waves, cluster, stratum)
    ]
    weight = [shares(wave.importance) for wave in found]
    scores = [wave.scores[:, 0] for wave in found]
    parts = split_change(*weight, *scores)
    degrees = degrees_of_freedom(stratum, cluster)
    of_waves = [free_clusters(answers) for answers in waves]
    table = table_of(parts, [*of_waves, degrees, degrees, degrees], confidence)
    overlap = people_in_both(tables, respondent)
    error = table.loc[table["quantity"] == "change", "standard_error"].item()
    return WaveChange(
        table=table,
        items=item_changes(waves[0].items, weight, scores, degrees, confidence),
        smallest_detectable_change=float(
            (stats.norm.ppf((1 + confidence) / 2) + stats.norm.ppf(power)) * error
        ),
        overlap=overlap,
        n_before=waves[0].n,
        n_after=waves[1].n,
        method=method,
        notes=(
            *wave_notes(waves, found, missing),
            *overlap_notes(overlap, waves, cluster, respondent, clusters),
        ),
        left_out=pd.concat(
            [
                answers.left_out.assign(wave=name)
                for name, answers in zip(("before", "after"), waves, strict=True)
            ],
            ignore_index=True,
        )[["wave", "reason", "rows"]],
        confidence=confidence,
        power=power,
    )


def answers_in(
    wave: str, table: pd.DataFrame, items: Sequence[str], overall: str | None, **arguments: object
) -> Answers:
    """Answers of one wave; a fault says in which."""
    try:
        return answers_of(table, items, overall, **arguments)  # type: ignore[arg-type]
    except InputError as error:
        raise InputError(f"Wave {wave}: {error}") from error


def joint_design(
    waves: Sequence[Answers],
    tables: Sequence[pd.DataFrame],
    unit: str | None,
    strata: str | None,
) -> tuple[Codes, Codes]:
    """Unit and stratum of every row of both waves, those before first.

    Parameters
    ----------
    waves : (Answers, Answers)
    tables : (DataFrame, DataFrame)
        The rows that count.
    unit : str or None
        Column of the units that are drawn.
    strata : str or None

    Returns
    -------
    unit, stratum : ndarray of int, shape (n_before + n_after,)
    """
    apart = np.concatenate([waves[0].cluster, waves[1].cluster + waves[0].cluster.max() + 1])
    of_wave = np.concatenate([waves[0].stratum, waves[1].stratum + waves[0].stratum.max() + 1])
    if unit is None:
        return apart, of_wave
    codes = codes_in_both(tables, unit)
    first = codes[: waves[0].n]
    if not np.isin(codes[waves[0].n :], first).any():
        return codes, of_wave
    labels = np.zeros(len(codes), dtype=np.int64)
    if strata is not None:
        labels = codes_in_both(tables, strata)
    # Written from the end, so that the wave before has the last word.
    of_unit = np.zeros(codes.max() + 1, dtype=np.int64)
    of_unit[codes[::-1]] = labels[::-1]
    size = np.bincount(of_unit)
    of_unit[(size == 1)[of_unit]] = size.argmax()
    return codes, np.unique(of_unit, return_inverse=True)[1][codes].astype(np.int64)


def codes_in_both(tables: Sequence[pd.DataFrame], column: str) -> Codes:
    """Numbers for the values of a column in both waves; every missing value has its own."""
    values = pd.concat([column_of(table, column) for table in tables], ignore_index=True)
    codes, names = pd.factorize(values)
    unknown = np.flatnonzero(codes < 0)
    codes = codes.astype(np.int64)
    codes[unknown] = len(names) + np.arange(len(unknown))
    return codes


def each_alone(waves: Sequence[Answers], cluster: Codes, stratum: Codes) -> list[Answers]:
    """Both waves as parts of one sample: the rows of the other have a weight of zero.

    Resamples of the two with one seed then draw the same units.
    """
    n = [answers.n for answers in waves]
    weights = np.concatenate([answers.weights for answers in waves])
    inside = np.repeat([0, 1], n)
    joint = replace(
        waves[0],
        values=np.vstack([answers.values for answers in waves]),
        rows=np.concatenate([answers.rows for answers in waves]),
        cluster=cluster,
        stratum=stratum,
    )
    return [replace(joint, weights=weights * (inside == wave)) for wave in (0, 1)]


def split_change(
    weight_before: Array, weight_after: Array, scores_before: Array, scores_after: Array
) -> Array:
    """Both indices, their difference, and what scores and weights have of it.

    Parameters
    ----------
    weight_before, weight_after, scores_before, scores_after : ndarray, shape (B, p)

    Returns
    -------
    ndarray, shape (B, 5)
        In the order of `QUANTITIES`.
    """
    before = (weight_before * scores_before).sum(axis=-1)
    after = (weight_after * scores_after).sum(axis=-1)
    by_scores = ((weight_before + weight_after) / 2 * (scores_after - scores_before)).sum(axis=-1)
    by_weights = ((scores_before + scores_after) / 2 * (weight_after - weight_before)).sum(axis=-1)
    return np.stack([before, after, after - before, by_scores, by_weights], axis=-1)


def table_of(parts: Array, units: Sequence[int], confidence: float) -> pd.DataFrame:
    """Quantities with standard errors and intervals, each from so many units less strata."""
    pairs = zip(parts.T, units, strict=True)
    ends = [interval_by_units(values, count, confidence) for values, count in pairs]
    low, high = np.array(ends).T
    cannot = np.isnan(parts[0])
    return pd.DataFrame(
        {
            "quantity": QUANTITIES,
            "estimate": parts[0],
            "standard_error": np.where(cannot, np.nan, deviation_of(parts[1:])),
            "low": np.where(cannot, np.nan, low),
            "high": np.where(cannot, np.nan, high),
        }
    )


def item_changes(
    items: Sequence[str],
    weight: Sequence[Array],
    scores: Sequence[Array],
    degrees: int,
    confidence: float,
) -> pd.DataFrame:
    """Change of the score of every item, tested with allowance for their number."""
    difference = scores[1] - scores[0]
    change, error = difference[0], deviation_of(difference[1:])
    half = error * stats.t.ppf((1 + confidence) / 2, degrees)
    # No spread and no change: nothing speaks against no change.
    distance = np.abs(change) / np.where(error > 0, error, np.nan)
    p = np.where(error > 0, 2 * stats.t.sf(distance, degrees), np.where(change == 0, 1.0, 0.0))
    p = np.where(np.isnan(error), np.nan, p)
    adjusted = holm(p)
    return pd.DataFrame(
        {
            "item": items,
            "before": scores[0][0],
            "after": scores[1][0],
            "change": change,
            "low": change - half,
            "high": change + half,
            "p": p,
            "p_holm": adjusted,
            "changed": adjusted < 1 - confidence,
            "weight_before": weight[0][0],
            "weight_after": weight[1][0],
        }
    )


def people_in_both(tables: Sequence[pd.DataFrame], respondent: str | None) -> int:
    """Number of respondents known to be in both waves."""
    if respondent is None:
        return 0
    before, after = (set(table[respondent].dropna()) for table in tables)
    return len(before & after)


def wave_notes(waves: Sequence[Answers], found: Sequence[Resampled], missing: Missing) -> list[str]:
    """What is odd in either wave."""
    notes = []
    for name, answers, wave in zip(("before", "after"), waves, found, strict=True):
        own = [*answers.notes, *missing_notes(answers, missing), *wave.notes]
        own += weight_notes(answers.items, wave.importance[0], clip_negative=False)
        own += wide_interval_notes(answers)
        notes += [f"Wave {name}: {note}" for note in own]
    return notes


def overlap_notes(
    overlap: int,
    waves: Sequence[Answers],
    cluster: Codes,
    respondent: str | None,
    clusters: str | None,
) -> list[str]:
    """How the interval of the change takes those who answered both times."""
    n = waves[0].n
    shared = len(np.intersect1d(cluster[:n], cluster[n:]))
    if respondent is None and clusters is None:
        return [
            "The waves are taken for samples of different people. If some answered both times, "
            "respondent= says who, and the interval of the change will be the right one."
        ]
    if clusters is not None and overlap and not shared:
        return [
            f"{counted(overlap, 'respondent')} answered both times, but no cluster is in both "
            "waves: the waves were drawn on their own, and intervals of changes are rather wide."
        ]
    if clusters is not None and shared:
        return [f"{counted(shared, 'cluster')} in both waves, drawn for both at once."]
    if clusters is not None:
        return ["No cluster is in both waves: each wave was drawn on its own."]
    if overlap:
        return [f"{counted(overlap, 'respondent')} answered both times, drawn for both at once."]
    return ["Nobody is known to have answered both times: each wave was drawn on its own."]
