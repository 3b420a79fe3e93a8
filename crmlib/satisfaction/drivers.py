"""What drives overall satisfaction: the importance of every item, by several methods side by side.

All methods see the same samples drawn again from the sample, and choose their components anew in
each, so that intervals and ranks carry the uncertainty of the whole calculation, and methods can
be compared sample by sample.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from crmlib.columns import listed as names_listed
from crmlib.errors import InputError
from crmlib.findings import listed
from crmlib.satisfaction.agreement import agreement_of, block_sentence, firsts
from crmlib.satisfaction.answer_notes import (
    few_clusters_notes,
    has_few_clusters,
    missing_notes,
)
from crmlib.satisfaction.answers import (
    Answers,
    Array,
    Missing,
    answers_of,
    check_confidence,
    check_missing,
    check_overall,
)
from crmlib.satisfaction.choice import (
    METHODS,
    Importances,
    Method,
    Rule,
    check_rule,
    importances,
    looks_at_items,
)
from crmlib.satisfaction.components import NEGLIGIBLE, eigen_components
from crmlib.satisfaction.draws import ENOUGH, first_probability, interval, ranks, shares
from crmlib.satisfaction.importance import MOST_ITEMS, variance_inflation
from crmlib.satisfaction.moments import FOLDS, Moments, resampled_moments

SUBSETS = 2**27
"""Subsets of items that the resamples of lmg may look at together: some ten seconds."""

FEWEST_RESAMPLES = 200
"""Resamples that lmg gets however many items there are."""


@dataclass(frozen=True, eq=False)
class Drivers:
    """Importance of the items for the overall score.

    Attributes
    ----------
    table : DataFrame
        One row a method and item: method, item, importance (standardised coefficient, part of R²
        or correlation), low, high, share (of the sum of the method's importances, signs kept),
        share_low, share_high, rank (1 is the most important), rank_low, rank_high,
        first_probability (share of the resamples in which the item comes first). Missing where
        the data cannot say; ``notes`` tell why.
    blocks : DataFrame or None
        The same for blocks of items, importances added up; block in place of item, and items (how
        many the block has: of items that matter alike a block has its share of all).
    methods : DataFrame
        method, choice (components or penalty chosen), chosen_share (of the resamples that chose
        the same), r_squared, first (the item it puts first).
    choices : DataFrame
        method, components, share: how often each number of components was chosen in resamples.
    items : DataFrame
        item, mean, n (answers), variance_inflation, correlation (with the overall score).
    agreement : str
        How far the methods agree, in plain sentences.
    inseparable : tuple of str
        Items that can be worked out from one another: what each adds cannot be said.
    foretells : bool
        Whether, by cross-validation of pcr or pls, the items foretell the overall score better than
        its mean does; true where neither was asked for.
    draws : dict of str to ndarray
        Importances in the resamples, shape (B, p), by method.
    n : int
        Respondents.
    n_effective : float
        Respondents of equal weight that would tell as much (Kish).
    left_out : DataFrame
        reason, rows: who is not among them.
    notes : tuple of str
        What a reader should know, each a sentence.
    """

    table: pd.DataFrame
    blocks: pd.DataFrame | None
    methods: pd.DataFrame
    choices: pd.DataFrame
    items: pd.DataFrame
    agreement: str
    inseparable: tuple[str, ...]
    foretells: bool
    draws: dict[str, Array]
    n: int
    n_effective: float
    left_out: pd.DataFrame
    notes: tuple[str, ...]


def drivers(
    responses: pd.DataFrame,
    items: Sequence[str],
    overall: str,
    *,
    weights: str | None = None,
    strata: str | None = None,
    clusters: str | None = None,
    respondent: str | None = None,
    scale: tuple[float, float] = (1, 10),
    methods: Sequence[Method] = METHODS,
    components: Rule = "cv",
    blocks: Mapping[str, Sequence[str]] | None = None,
    missing: Missing = "em",
    replicates: int = 2000,
    confidence: float = 0.95,
    seed: int,
) -> Drivers:
    """Importance of every item for the overall score, by several methods.

    Parameters
    ----------
    responses : DataFrame
        One row a respondent.
    items : sequence of str
        Columns with the answers to the items.
    overall : str
        Column with the overall score.
    weights, strata, clusters : str, optional
        Columns with the design weight, the stratum and the first-stage cluster. Resamples draw
        clusters within strata.
    respondent : str, optional
        Column that tells respondents apart.
    scale : (float, float)
        Lowest and highest answer there can be.
    methods : sequence of str
        Of pcr (principal component regression), pls (partial least squares), ols (least squares),
        ridge, lmg (average gain in R² over all orders of items), johnson (relative weights),
        correlation.
    components : "cv", "kaiser", int or float
        Number of components of pcr: the fewest within one standard error of the lowest error in
        10-fold cross-validation (ten times over in the sample, with splits that do not hang on the
        seed; once in each resample), those with an eigenvalue above 1, this number, or as many as
        hold this share of the items' variance. Of pls as well if it is "cv" or a number.
    blocks : mapping of str to sequence of str, optional
        Items of every block; each item in one.
    missing : {"em", "impute", "complete"}
        What is done about missing answers: "complete" sets respondents with any aside, the others
        are those of `resampled_moments`.
    replicates : int
        Resamples. Those of lmg are fewer from 17 items on.
    confidence : float
        Level of the intervals.
    seed : int
        The same seed gives the same numbers.

    Returns
    -------
    Drivers

    Raises
    ------
    InputError
        A column or answer cannot be used (`answers_of`), or an argument makes no sense. What the
        answers cannot tell, as with collinear items, is no error: it is missing, with a note.

    Notes
    -----
    Intervals are percentiles of the resamples (Rao and Wu's bootstrap of clusters within strata)
    of the whole calculation, choice of components and penalty included. That is so with "impute",
    too: every completed table has its share of the resamples (Schomaker and Heumann 2018), whose
    spread is that of Rubin's rules. Pooling by the rules themselves needs a variance in each table,
    which a rank or a chosen number of components has none of. Parts of R² are never
    negative, so that intervals of items without any influence lie above 0.

    Point estimates are checked against R pls, relaimpo and lm, intervals by simulation. With 6 and
    12 items in blocks and 100 to 500 people, 95 % intervals held the population's value of the
    method in 93 to 95 % of samples for correlations, least squares, lmg and Johnson weights
    (Monte Carlo error 0.6 %), in 85 to 92 % for ridge, 61 to 75 % for pcr and 51 to 58 % for pls:
    the last two, with few components, aim at something else than in the population, where all
    would be kept. Their intervals say how they vary, not how wrong they are.

    Which item comes first is another question. In 500 samples of 200 people with 12 items in three
    blocks, correlated 0.85 within and 0.3 between, true coefficients 0.4, 0.2, 0.1, 0.05 | 0.2,
    0.1, 0.05, 0 | 0.1, 0.05, 0, 0 and R² 0.6, Johnson weights named the item with the largest
    coefficient in 73 %, least squares in 66 %, and pcr in 27 to 28 % by any rule for its components
    (chance within the block is 25 %). With 0.6 within blocks and 0.3 for the largest coefficient it
    was 79 % for Johnson weights, 71 % for least squares, and for pcr 56 % with components for 85 %
    of the variance, 29 % by Kaiser's rule and 24 % by cross-validation, which keeps the fewest.
    `named_first` asks the same of a questionnaire at hand.
    """
    check_overall(overall)
    check_methods(methods)
    check_missing(missing)
    check_confidence(confidence)
    check_rule(components, len(items))
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
    names = tuple(blocks or ())
    members = block_members(blocks, answers.items) if blocks else np.empty((len(items), 0))
    moments = resampled_moments(answers, replicates, seed, folds=FOLDS, missing=missing)
    notes = [*answers.notes, *missing_notes(answers, missing)]
    notes += collinearity_notes(moments, answers)
    found: dict[str, Importances] = {}
    for method in methods:
        subset, note = moments_for(method, moments)
        notes += note
        if subset is not None:
            found[method] = importances(subset, method, components)
        else:
            found[method] = nothing_found(moments)
    notes += few_clusters_notes(answers)
    if has_few_clusters(answers):
        found = {method: without_draws(one) for method, one in found.items()}
    grouped = summed(found, members)
    validated = [found[method] for method in ("pcr", "pls") if method in found]
    return Drivers(
        table=importance_table(found, answers.items, "item", confidence),
        blocks=block_table(grouped, names, members, confidence) if blocks else None,
        methods=method_table(found, answers.items),
        choices=choice_table(found),
        items=item_table(answers, moments),
        agreement=agreement_of(found, answers.items, confidence) + block_sentence(grouped, names),
        inseparable=inseparable_items(moments, answers),
        foretells=any(one.useful[0] for one in validated) if validated else True,
        draws={method: one.values[1:] for method, one in found.items()},
        n=answers.n,
        n_effective=answers.n_effective,
        left_out=answers.left_out,
        notes=(*notes, *method_notes(found, answers.items, components)),
    )


def check_methods(methods: Sequence[str]) -> None:
    """Refuse what is no list of methods."""
    unknown = [method for method in methods if method not in METHODS]
    if isinstance(methods, str) or unknown or not len(methods):
        raise InputError(f"methods={methods!r}: give a list of {names_listed(METHODS, shown=7)}.")


def block_members(blocks: Mapping[str, Sequence[str]], items: tuple[str, ...]) -> Array:
    """One where an item, by row, is in a block, by column.

    Raises
    ------
    InputError
        When an item is in no block or in two, or a block names something else.
    """
    named = [item for block in blocks.values() for item in block]
    unknown = [item for item in named if item not in items]
    if unknown:
        raise InputError(f"blocks: {names_listed(unknown)} are not among the items. Take them out.")
    wrong = [item for item in items if named.count(item) != 1]
    if wrong:
        raise InputError(
            f"blocks: {names_listed(wrong)} must be in one block each, or shares would not add up."
        )
    return np.array([[float(item in block) for block in blocks.values()] for item in items])


def moments_for(method: str, moments: Moments) -> tuple[Moments | None, list[str]]:
    """Samples that a method looks at: all, but for lmg with many items."""
    p = moments.mean.shape[1] - 1
    if method != "lmg":
        return moments, []
    if p > MOST_ITEMS:
        return None, [
            f"lmg cannot say: it looks at every subset of the items, {2**p:,} with {p} items. "
            "Johnson weights are close to it."
        ]
    rows = 1 + max(FEWEST_RESAMPLES, SUBSETS // 2**p)
    if rows >= len(moments.mean):
        return moments, []
    note = f"Intervals of lmg are from {rows - 1:,} resamples only: {p} items have many subsets."
    part = replace(
        moments,
        mean=moments.mean[:rows],
        covariance=moments.covariance[:rows],
        weight=moments.weight[:rows],
    )
    return part, [note]


def without_draws(one: Importances) -> Importances:
    """Importances with nothing found in the resamples."""
    values = one.values.copy()
    values[1:] = np.nan
    return replace(one, values=values)


def nothing_found(moments: Moments) -> Importances:
    """Importances of a method that cannot be used."""
    size, m = moments.mean.shape
    gap = np.full(size, np.nan)
    return Importances(np.full((size, m - 1), np.nan), gap, gap, np.ones(size, dtype=bool))


def summed(found: dict[str, Importances], members: Array) -> dict[str, Importances]:
    """Importances of blocks."""
    return {name: replace(one, values=one.values @ members) for name, one in found.items()}


def importance_table(
    found: dict[str, Importances], labels: tuple[str, ...], what: str, confidence: float
) -> pd.DataFrame:
    """Importances with intervals, shares and ranks, one row a method and item or block."""
    parts = []
    for method, one in found.items():
        table = pd.DataFrame({"method": method, what: list(labels)})
        parts.append(table.assign(**importance_columns(one.values, confidence)))
    return pd.concat(parts, ignore_index=True)


def block_table(
    found: dict[str, Importances], names: tuple[str, ...], members: Array, confidence: float
) -> pd.DataFrame:
    """Importances of blocks, with the number of items of each."""
    table = importance_table(found, names, "block", confidence)
    table.insert(2, "items", np.tile(members.sum(axis=0).astype(int), len(found)))
    return table


def importance_columns(values: Array, confidence: float) -> dict[str, Any]:
    """Estimates from the first row of draws, intervals from the others."""
    low, high = interval(values, confidence)
    share = shares(values)
    share_low, share_high = interval(share, confidence)
    rank = ranks(values)
    rank_low, rank_high = interval(rank, confidence, whole=True)
    return {
        "importance": values[0],
        "low": low,
        "high": high,
        "share": share[0],
        "share_low": share_low,
        "share_high": share_high,
        "rank": whole_numbers(rank[0]),
        "rank_low": whole_numbers(rank_low),
        "rank_high": whole_numbers(rank_high),
        "first_probability": first_probability(values),
    }


def whole_numbers(values: Array) -> pd.Series:
    """Ranks as whole numbers, missing where NaN."""
    return pd.Series(values).astype("Int64")


def method_table(found: dict[str, Importances], items: tuple[str, ...]) -> pd.DataFrame:
    """What every method chose, how well it fits, and which item it puts first."""
    rows = []
    for method, one in found.items():
        chosen = one.choice[0]
        same = np.nan if np.isnan(chosen) else (one.choice[1:] == chosen).mean()
        first = firsts(one.values[0], items)
        rows.append(
            {
                "method": method,
                "choice": chosen,
                "chosen_share": same,
                "r_squared": one.r_squared[0],
                "first": listed(first) if first else None,
            }
        )
    return pd.DataFrame(rows)


def choice_table(found: dict[str, Importances]) -> pd.DataFrame:
    """How often resamples chose each number of components."""
    parts = [
        pd.DataFrame(
            {"method": method, "components": number.astype(int), "share": times / times.sum()}
        )
        for method in ("pcr", "pls")
        if method in found
        for number, times in [np.unique(found[method].choice[1:], return_counts=True)]
    ]
    empty = pd.DataFrame({"method": [], "components": [], "share": []})
    return pd.concat(parts, ignore_index=True) if parts else empty


def item_table(answers: Answers, moments: Moments) -> pd.DataFrame:
    """Mean, answers, variance inflation and correlation of every item."""
    correlation = moments.correlation[0]
    return pd.DataFrame(
        {
            "item": list(answers.items),
            "mean": moments.mean[0, :-1],
            "n": (~np.isnan(answers.values[:, :-1])).sum(axis=0),
            "variance_inflation": variance_inflation(correlation),
            "correlation": correlation[:-1, -1],
        }
    )


def collinearity_notes(moments: Moments, answers: Answers) -> list[str]:
    """Say which items can be worked out from the others."""
    if not (names := inseparable_items(moments, answers)):
        return []
    unsaid = (
        "Least squares, lmg, Johnson weights and variance inflation cannot say what each adds; "
        "pcr, pls, ridge and correlations go on."
    )
    if answers.n <= len(answers.items):
        few = f"{answers.n} people are too few to tell {len(answers.items)} items apart."
        return [f"{few} {unsaid}"]
    return [f"Items {listed(list(names))} can be worked out from one another. {unsaid}"]


def inseparable_items(moments: Moments, answers: Answers) -> tuple[str, ...]:
    """Items that can be worked out from one another."""
    eigenvalues, vectors = eigen_components(moments.correlation[0, :-1, :-1])
    none = eigenvalues <= NEGLIGIBLE * eigenvalues[0]
    involved = np.abs(vectors[:, none]).max(axis=1, initial=0.0) > 1e-6
    return tuple(item for item, one in zip(answers.items, involved, strict=True) if one)


def method_notes(
    found: dict[str, Importances], items: tuple[str, ...], components: Rule
) -> list[str]:
    """What a reader should know about how the methods went."""
    notes = []
    if "pls" in found and looks_at_items(components):
        notes.append(
            "pls chooses its components by cross-validation: the rule given looks at items alone."
        )
    for method in ("pcr", "pls"):
        if method in found and not found[method].useful[0]:
            notes.append(
                f"Cross-validation would keep no component of {method}: from these answers the "
                "overall score is not foretold better than by its mean. One was kept."
            )
    for method, one in found.items():
        notes += unstable_note(method, one)
    notes += gap_notes(found) + share_notes(found)
    negative = [
        f"{method} ({names_listed([items[j] for j in np.flatnonzero(one.values[0] < 0)])})"
        for method, one in found.items()
        if (one.values[0] < 0).any()
    ]
    if negative:
        notes.append(f"Negative importances are kept as they are: {listed(negative)}.")
    return notes


def unstable_note(method: str, one: Importances) -> list[str]:
    """Say that resamples often choose another number of components."""
    same = (one.choice[1:] == one.choice[0]).mean()
    if method not in ("pcr", "pls") or same >= 0.5:
        return []
    return [
        f"{method} keeps {one.choice[0]:.0f} components, but only {same:.0%} of the resamples "
        "choose as many: its importances hang on a choice that the data do not settle."
    ]


def gap_notes(found: dict[str, Importances]) -> list[str]:
    """Say in how many resamples methods found nothing."""
    methods: dict[float, list[str]] = {}
    for method, one in found.items():
        missing = float(np.isnan(one.values[1:]).any(axis=1).mean())
        # Without an estimate, or without any resample, there is a note that says why.
        if np.isfinite(one.values[0]).all() and 0 < missing < 1:
            methods.setdefault(missing, []).append(method)
    return [
        f"In {missing:.1%} of the resamples {listed(names)} cannot be computed, as items are "
        "collinear or do not vary among the people drawn"
        + (": no intervals." if missing > 1 - ENOUGH else "; these are left out.")
        for missing, names in methods.items()
    ]


def share_notes(found: dict[str, Importances]) -> list[str]:
    """Say which methods' importances do not add up to more than zero for certain."""
    names = []
    for method, one in found.items():
        gone = np.isnan(shares(one.values)[:, 0]) & ~np.isnan(one.values).any(axis=1)
        if gone[0] or gone[1:].mean() > 1 - ENOUGH:
            names.append(method)
    if not names:
        return []
    return [
        f"Shares of {listed(names)} cannot be given: importances do not add up to more than zero "
        "for certain."
    ]
