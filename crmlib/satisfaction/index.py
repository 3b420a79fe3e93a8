"""The satisfaction index: mean scores of the items, weighted by how important they are.

The importance of an item is its share of the coefficients that the overall score has on the items
(the course's method is principal component regression). Two intervals are given: one that takes
the importance as known, as textbooks do, and one of the whole calculation, in which importance is
estimated anew in every resample.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from crmlib.columns import codes_of
from crmlib.errors import InputError
from crmlib.findings import counted, listed
from crmlib.satisfaction.answers import (
    FEWEST,
    Answers,
    Array,
    Codes,
    Missing,
    answers_of,
    bootstrap_weights,
)
from crmlib.satisfaction.choice import METHODS, Method, Rule, importances
from crmlib.satisfaction.drivers import (
    collinearity_notes,
    moments_for,
    nothing_found,
    shares,
)
from crmlib.satisfaction.missing import expected_cross_products
from crmlib.satisfaction.moments import FOLDS, Moments, resampled_moments

LARGEST_GAP = 0.05
"""Share of resamples without a result above which no interval is given."""

MISSING_WORDS = {
    "em": "means and correlations allow for them by the EM algorithm",
    "impute": "they were imputed 20 times from the answers given",
    "complete": (
        "{n:,} respondents who left out an answer are not counted: the result speaks only for "
        "those who answered everything."
    ),
}

ESTIMATES = (
    "index",
    "standard_error",
    "low",
    "high",
    "whole_standard_error",
    "whole_low",
    "whole_high",
)
"""Columns of the table of segments that are missing where nothing can be said."""

NOT_USEFUL = (
    "By cross-validation the items do not foretell the overall score better than its mean does: "
    "their importance, and what is said from it, is little more than chance."
)


@dataclass(frozen=True, eq=False)
class SatisfactionIndex:
    """A satisfaction index and what it is made of.

    Attributes
    ----------
    table : DataFrame
        One row a segment, "all" first: segment, n, n_effective, index (0 to 100), standard_error,
        low, high (importance taken as known), whole_standard_error, whole_low, whole_high
        (importance estimated anew in every resample), note.
    weights : DataFrame
        One row an item: item, mean (on the scale of the answers), score (0 to 100), weight (share
        of importance), weight_low, weight_high, contribution (weight times score; together they
        are the index), is_negative (whether the importance came out negative).
    method : str
        How importance was measured.
    components : float or None
        Number of components chosen, or penalty with ridge; None for methods that choose nothing.
    notes : tuple of str
    left_out : DataFrame
        Why rows are not among the answers: reason, rows.
    draws : DataFrame
        Index of every segment (columns) in every resample (rows).
    confidence : float
        Level of the intervals.
    """

    table: pd.DataFrame
    weights: pd.DataFrame
    method: str
    components: float | None
    notes: tuple[str, ...]
    left_out: pd.DataFrame
    draws: pd.DataFrame
    confidence: float


@dataclass(frozen=True, eq=False)
class Resampled:
    """Importance and scores of the items in the sample (row 0) and in its resamples.

    Attributes
    ----------
    importance : ndarray, shape (B, p)
    scores : ndarray, shape (B, S, p)
        Mean scores from 0 to 100 by segment.
    components : float or None
        What was chosen in the sample.
    notes : tuple of str
    """

    importance: Array
    scores: Array
    components: float | None
    notes: tuple[str, ...]


def satisfaction_index(
    responses: pd.DataFrame,
    items: Sequence[str],
    overall: str,
    *,
    weights: str | None = None,
    strata: str | None = None,
    clusters: str | None = None,
    respondent: str | None = None,
    scale: tuple[float, float] = (1, 10),
    by: str | None = None,
    method: Method = "pcr",
    components: Rule = "cv",
    clip_negative: bool = False,
    missing: Missing = "em",
    replicates: int = 2000,
    confidence: float = 0.95,
    seed: int,
) -> SatisfactionIndex:
    """Compute the satisfaction index with its intervals, for everybody and by segment.

    Parameters
    ----------
    responses : DataFrame
        One row a respondent.
    items : sequence of str
        Columns with the answers to the items.
    overall : str
        Column with the overall score.
    weights, strata, clusters : str, optional
        Columns with design weight, stratum and cluster.
    respondent : str, optional
        Column that tells respondents apart.
    scale : (float, float)
        Lowest and highest answer.
    by : str, optional
        Column whose values are the segments. The weights of the items are those of everybody.
    method : str
        How importance is measured: any method of `drivers`.
    components : "cv", "kaiser", int or float
        Number of components with "pcr" and "pls", as in `drivers`.
    clip_negative : bool
        Set negative weights to zero, in the sample and in every resample.
    missing : {"em", "impute", "complete"}
        What is done about missing answers, as in `resampled_moments`.
    replicates : int
        Resamples.
    confidence : float
        Level of the intervals.
    seed : int
        The same seed gives the same numbers.

    Returns
    -------
    SatisfactionIndex

    Raises
    ------
    InputError
        The answers cannot be used (`answers_of`); a segment is missing; a word or number means
        nothing.

    Notes
    -----
    With ``m_j`` the weighted mean of item j and ``b_j`` its importance,

        index = sum over j of b_j / (sum of b) * (m_j - lowest) / (highest - lowest) * 100

    The interval of fixed weights is that of a mean of one score for each respondent, linearised
    over strata and clusters, with Student's t (units less strata degrees of freedom). With
    missing answers its standard error is that of the resamples, importance held.

    The interval of the whole calculation are percentiles over resamples of clusters within
    strata, in which the components are chosen and the weights computed anew. It is the honest
    one where the same respondents give weights and scores.

    A missing answer stands in a segment's mean with its expectation, given what the respondent
    answered, by the moments of everybody.

    Where importances add up to zero or less there is no index, and none in a resample where they
    do; with more than 5 % of such resamples there is no interval.

    Checked against R: index and standard error with three components on equal weights (pls), and
    the standard error with strata and weights (survey, svymean).
    """
    check_confidence(confidence)
    check_missing(missing)
    answers = answers_of(
        responses,
        items,
        overall,
        weights=weights,
        strata=strata,
        clusters=clusters,
        respondent=respondent,
        scale=scale,
        complete=missing == "complete",
    )
    segments, segment = segments_of(responses, answers, by)
    found = resampled(
        answers,
        method=method,
        components=components,
        missing=missing,
        replicates=replicates,
        seed=seed,
        segment=segment,
    )
    counting = np.maximum(found.importance, 0.0) if clip_negative else found.importance
    weight = shares(counting)
    names = ["all", *segments]
    parts = [None, *(segment == code for code in range(len(segments)))]
    table = pd.DataFrame(
        [
            segment_row(answers, name, inside, weight, found.scores[:, i], confidence)
            for i, (name, inside) in enumerate(zip(names, parts, strict=True))
        ]
    )
    whole = (found.scores * weight[:, None, :]).sum(axis=-1)
    notes = [*answers.notes, *missing_notes(answers, missing), *found.notes]
    notes += weight_notes(answers.items, found.importance[0], clip_negative)
    notes += interval_notes(weight, table)
    return SatisfactionIndex(
        table=table,
        weights=weight_table(answers, found, weight, confidence),
        method=method,
        components=found.components,
        notes=tuple(notes),
        left_out=answers.left_out,
        draws=pd.DataFrame(whole[1:], columns=names),
        confidence=confidence,
    )


def check_confidence(confidence: float) -> None:
    """Refuse a level that is none."""
    if not 0 < confidence < 1:
        raise InputError(f"confidence={confidence}: write a fraction such as 0.95.")


def check_missing(missing: str) -> None:
    """Refuse a word that does not say what to do about missing answers."""
    if missing not in MISSING_WORDS:
        raise InputError(f'missing="{missing}": write one of "em", "impute", "complete".')


def segments_of(
    responses: pd.DataFrame, answers: Answers, by: str | None
) -> tuple[list[str], Codes]:
    """Names of the segments, sorted, and the number of everybody's; -1 where there are none."""
    if by is None:
        return [], np.full(answers.n, -1, dtype=np.int64)
    codes, values = codes_of(responses.iloc[answers.rows], by)
    names = [str(value) for value in values]
    if "all" in names:
        raise InputError(f'Column "{by}" has a segment called "all", as is everybody. Rename it.')
    try:
        order = pd.Index(values).argsort()
    except TypeError:  # numbers among text
        order = np.argsort(names)
    place = np.argsort(order)
    return [names[i] for i in order], place[codes].astype(np.int64)


def resampled(
    answers: Answers,
    *,
    method: Method,
    components: Rule,
    missing: Missing,
    replicates: int,
    seed: int,
    segment: Codes | None = None,
) -> Resampled:
    """Importance and mean scores of the items, in the sample and in resamples.

    Parameters
    ----------
    answers : Answers
    method, components, missing, replicates, seed
        As in `satisfaction_index`.
    segment : ndarray of int, shape (n,), optional
        Number of the segment of every respondent, -1 for none.

    Returns
    -------
    Resampled
        ``replicates + 1`` rows, fewer for lmg with many items; scores of everybody first, then
        of the segments.
    """
    check_method(method)
    folds = FOLDS if method in ("pcr", "pls", "ridge") else None
    moments = resampled_moments(answers, replicates, seed, folds=folds, missing=missing)
    usable, notes = moments_for(method, moments)
    found = nothing_found(moments) if usable is None else importances(usable, method, components)
    if np.isnan(found.values[0]).any():
        notes += collinearity_notes(moments, answers)
    if not found.useful[0]:
        notes.append(NOT_USEFUL)
    drawn = len(found.values)
    means = moments.mean[:drawn, None, :-1]
    if segment is not None and segment.max() >= 0:
        by_segment = segment_means(answers, moments, segment, replicates, seed)
        means = np.concatenate([means, by_segment[:drawn]], axis=1)
    return Resampled(
        importance=found.values,
        scores=on_hundred(means, answers),
        components=None if np.isnan(found.choice[0]) else float(found.choice[0]),
        notes=tuple(notes),
    )


def segment_means(
    answers: Answers, moments: Moments, segment: Codes, replicates: int, seed: int
) -> Array:
    """Mean answers of the segments in the same resamples, shape (B, S, p).

    Missing answers stand with their expectation by the moments of everybody; NaN where nobody of
    a segment was drawn.
    """
    drawn = np.vstack([answers.weights, bootstrap_weights(answers, replicates, seed)])
    products = expected_cross_products(
        answers.values, drawn, moments.mean, moments.covariance, fold=segment
    )
    weight = products[:, :, 0, :1]
    return products[:, :, 0, 1:-1] / np.where(weight > 0, weight, np.nan)


def check_method(method: str) -> None:
    """Refuse a word that is no method."""
    if method not in METHODS:
        words = ", ".join(f'"{word}"' for word in METHODS)
        raise InputError(f'method="{method}": write one of {words}.')


def on_hundred(means: Array, answers: Answers) -> Array:
    """Means on the scale of the answers as scores from 0 to 100."""
    return (means - answers.low) / (answers.high - answers.low) * 100


def linearised_mean(
    values: Array,
    weights: Array,
    stratum: Codes,
    cluster: Codes,
    inside: NDArray[np.bool_] | None = None,
) -> tuple[float, float, int]:
    """Weighted mean of a part of the sample, with the standard error that its design gives it.

    Parameters
    ----------
    values, weights : ndarray, shape (n,)
    stratum, cluster : ndarray of int, shape (n,)
    inside : ndarray of bool, shape (n,), optional
        The part; everybody without.

    Returns
    -------
    mean, standard_error : float
    degrees_of_freedom : int
        Clusters less strata, of those with anybody inside.

    Notes
    -----
    ``z_i = w_i (y_i - mean) / sum of w`` inside and 0 outside; with ``z_hc`` the sum over cluster
    c of stratum h, ``variance = sum over h of n_h / (n_h - 1) sum over c of (z_hc - mean of z_h)²``
    (Särndal, Swensson and Wretman 1992, ch. 5), clusters drawn with replacement. Checked against
    R survey 4.1-1 (svymean).
    """
    counts = weights if inside is None else weights * inside
    mean = float(counts @ values / counts.sum())
    totals = np.bincount(cluster, counts * (values - mean) / counts.sum())
    of_cluster = stratum_of_clusters(stratum, cluster)
    size = np.bincount(of_cluster)
    middle = np.bincount(of_cluster, totals) / size
    variance = (size / (size - 1))[of_cluster] @ (totals - middle[of_cluster]) ** 2
    reached = np.unique(cluster if inside is None else cluster[inside])
    degrees = len(reached) - len(np.unique(of_cluster[reached]))
    return mean, float(np.sqrt(variance)), degrees


def stratum_of_clusters(stratum: Codes, cluster: Codes) -> Codes:
    """Stratum of every cluster."""
    of_cluster = np.zeros(cluster.max() + 1, dtype=np.int64)
    of_cluster[cluster] = stratum
    return of_cluster


def segment_row(
    answers: Answers,
    name: str,
    inside: NDArray[np.bool_] | None,
    weight: Array,
    scores: Array,
    confidence: float,
) -> dict[str, object]:
    """Index of one segment with both intervals; weight and scores have shape (B, p)."""
    design = answers.weights if inside is None else answers.weights[inside]
    row: dict[str, object] = {
        "segment": name,
        "n": len(design),
        "n_effective": design.sum() ** 2 / (design**2).sum(),
    }
    whole = (weight * scores).sum(axis=-1)
    if len(design) < FEWEST or np.isnan(whole[0]):
        note = "too few" if len(design) < FEWEST else "cannot say"
        return row | dict.fromkeys(ESTIMATES, np.nan) | {"note": note}
    error, degrees = fixed_error(answers, inside, weight[0], scores)
    half = error * stats.t.ppf((1 + confidence) / 2, degrees) if degrees > 0 else np.nan
    whole_low, whole_high = percentiles(whole[1:], confidence)
    return row | {
        "index": whole[0],
        "standard_error": error,
        "low": whole[0] - half,
        "high": whole[0] + half,
        "whole_standard_error": float(deviation_of(whole[1:])),
        "whole_low": float(whole_low),
        "whole_high": float(whole_high),
        "note": "",
    }


def fixed_error(
    answers: Answers, inside: NDArray[np.bool_] | None, weight: Array, scores: Array
) -> tuple[float, int]:
    """Standard error of an index with fixed weights, and its degrees of freedom."""
    values = on_hundred(answers.values[:, :-1], answers) @ weight
    _, error, degrees = linearised_mean(
        np.nan_to_num(values), answers.weights, answers.stratum, answers.cluster, inside
    )
    if np.isnan(values).any():  # only the resamples know what the missing answers cost
        error = float(deviation_of(scores[1:] @ weight))
    return error, degrees


def percentiles(draws: Array, confidence: float) -> tuple[Array, Array]:
    """Percentile interval over the first axis; NaN where too many draws are."""
    tail = (1 - confidence) / 2
    unknown = np.isnan(draws)
    usable = np.where(unknown.mean(axis=0) > LARGEST_GAP, 0.0, draws)
    low, high = np.nanquantile(usable, [tail, 1 - tail], axis=0)
    gone = unknown.mean(axis=0) > LARGEST_GAP
    return np.where(gone, np.nan, low), np.where(gone, np.nan, high)


def deviation_of(draws: Array) -> Array:
    """Standard deviation over the first axis; NaN where too many draws are."""
    unknown = np.isnan(draws).mean(axis=0) > LARGEST_GAP
    return np.where(unknown, np.nan, np.nanstd(np.where(unknown, 0.0, draws), axis=0, ddof=1))


def weight_table(
    answers: Answers, found: Resampled, weight: Array, confidence: float
) -> pd.DataFrame:
    """Mean, score, weight and contribution of every item."""
    score = found.scores[0, 0]
    low, high = percentiles(weight[1:], confidence)
    return pd.DataFrame(
        {
            "item": answers.items,
            "mean": answers.low + score / 100 * (answers.high - answers.low),
            "score": score,
            "weight": weight[0],
            "weight_low": low,
            "weight_high": high,
            "contribution": weight[0] * score,
            "is_negative": found.importance[0] < 0,
        }
    )


def missing_notes(answers: Answers, missing: Missing) -> list[str]:
    """How many answers are missing and what was done about them."""
    gaps = np.isnan(answers.values)
    if missing == "complete":
        gone = answers.left_out.set_index("reason")["rows"].get("an answer missing", 0)
        return [MISSING_WORDS["complete"].format(n=gone)] if gone else []
    if not gaps.any():
        return []
    people = f"{gaps.any(axis=1).sum():,} of {counted(answers.n, 'respondent')}"
    return [f"{people} left out {counted(int(gaps.sum()), 'answer')}; {MISSING_WORDS[missing]}."]


def weight_notes(items: Sequence[str], importance: Array, clip_negative: bool) -> list[str]:
    """What is odd about the importances of the sample."""
    if np.isnan(importance).any():
        return ["Cannot say: the importance of the items cannot be computed by this method."]
    if (np.maximum(importance, 0.0) if clip_negative else importance).sum() <= 0:
        return [
            "Cannot say: the importances do not add up to more than zero, as if better scores made "
            "the overall score worse. Look whether the overall score or items are turned round."
        ]
    negative = [item for item, b in zip(items, importance, strict=True) if b < 0]
    if not negative:
        return []
    whose = f"{counted(len(negative), 'item')} ({listed(negative)})"
    if clip_negative:
        return [f"Negative importance of {whose} was set to zero, as asked, also in resamples."]
    return [
        f"The importance of {whose} came out negative and is kept: a better score there lowers "
        "the index. Few answers, collinear items or a reversed question do that."
    ]


def interval_notes(weight: Array, table: pd.DataFrame) -> list[str]:
    """What is odd about resamples and segments."""
    notes = []
    without = int(np.isnan(weight[1:]).any(axis=1).sum())
    if without and not np.isnan(weight[0]).any():
        few_enough = without <= LARGEST_GAP * (len(weight) - 1)
        held = "are passed over" if few_enough else "are too many for an interval"
        notes.append(
            f"In {without:,} of {len(weight) - 1:,} resamples the items had no importance to "
            f"share out; these {held}."
        )
    few = table.loc[table["note"] == "too few", "segment"]
    if len(few):
        notes.append(f"Too few to say, with fewer than {FEWEST} answers: {listed(list(few))}.")
    return notes
