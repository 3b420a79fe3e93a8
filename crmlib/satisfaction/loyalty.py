"""Loyalty: how loyal customers are, what it hangs on, and how far experience meets expectation.

Loyalty is asked for as intentions: to buy again, to buy further products, to speak for the company,
to stay when prices rise. Its determinants are perceived value, satisfaction, switching costs and
trust.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pingouin
from numpy.typing import NDArray
from scipy import stats

from crmlib.columns import listed
from crmlib.errors import InputError
from crmlib.multiple_testing import holm
from crmlib.satisfaction.answers import (
    FEWEST,
    TOO_FEW,
    UNDECIDED,
    Answers,
    Array,
    answers_of,
    check_confidence,
    check_replicates,
    checked_columns,
    checked_scale,
    on_scale,
)
from crmlib.satisfaction.means import (
    covariance_of_sums,
    kish,
    linearised_mean,
    linearised_parts,
)
from crmlib.satisfaction.reliability import cronbach_alpha, feldt_interval, fisher_interval
from crmlib.satisfaction.scores import Respondents, counts_of, respondents_of, segments_of

LEVELS = ("very dissatisfied", "dissatisfied", "neither", "satisfied", "very satisfied")
"""The five levels, 很不满意, 不满意, 一般, 满意, 很满意: equal fifths of the scale."""

FEWEST_FOR_EFFECTS = 30
"""Respondents below which effects of several determinants are not told apart."""

LOW_ALPHA = 0.7
"""Cronbach's alpha below which answers hardly measure one thing (Nunnally 1978)."""

DETERMINANTS = ("value", "satisfaction", "switching_cost", "trust")
MODERATION = "satisfaction * switching_cost"

EMPTY_SLOPES = pd.DataFrame(
    columns=["switching_cost", "level", "coefficient", "standard_error", "low", "high", "p", "n"]
)
"""What there is to say of moderation where nobody was asked about switching costs."""


@dataclass(frozen=True, eq=False)
class LoyaltyIndex:
    """What `loyalty_index` found.

    Attributes
    ----------
    table : DataFrame
        One row a segment, "all" first: segment, n, n_effective (Kish), index (0 to 100),
        standard_error, low, high, note.
    items : DataFrame
        One row an intention: item, n, score (0 to 100), standard_error, low, high,
        item_total (correlation with the mean of the other intentions).
    differences : DataFrame
        One row a pair of segments that have an index, the clearest difference first: segment (the
        more loyal one), other, difference, standard_error, low, high, p, p_holm (allows for the
        number of pairs). Empty without segments.
    alpha, alpha_low, alpha_high : float
        Cronbach's alpha of the respondents who answered everything, with Feldt's interval; NaN
        with a single intention.
    respondents : DataFrame
        One row a row of the table given: loyalty (0 to 100), missing where it does not count.
    left_out : DataFrame
        reason, rows.
    notes : tuple of str
    """

    table: pd.DataFrame
    items: pd.DataFrame
    differences: pd.DataFrame
    alpha: float
    alpha_low: float
    alpha_high: float
    respondents: pd.DataFrame
    left_out: pd.DataFrame
    notes: tuple[str, ...]


def loyalty_index(
    responses: pd.DataFrame,
    items: Sequence[str] | Mapping[str, str],
    *,
    weights: str | None = None,
    strata: str | None = None,
    clusters: str | None = None,
    respondent: str | None = None,
    by: str | None = None,
    scale: tuple[float, float] = (1, 10),
    confidence: float = 0.95,
) -> LoyaltyIndex:
    """Loyalty from 0 to 100: the mean of a respondent's intentions, averaged over respondents.

    Parameters
    ----------
    responses : DataFrame
        One row a respondent.
    items : sequence of str, or mapping of str to str
        Columns with the intentions, or names for them and their columns.
    weights, strata, clusters : str, optional
        Columns with the design weight, the stratum and the cluster (first stage) of a respondent.
    respondent : str, optional
        Column that tells respondents apart; nobody may answer twice.
    by : str, optional
        Column whose values are segments.
    scale : (float, float)
        Lowest and highest answer there can be.
    confidence : float
        Level of the intervals.

    Returns
    -------
    LoyaltyIndex

    Raises
    ------
    InputError
        What `answers_of` refuses; a segment is missing; the level is no fraction.

    Notes
    -----
    A respondent counts who answered at least half of the intentions, with the mean of those
    answered; ``index = 100 (mean - low) / (high - low)``. Standard errors are linearised over
    clusters within strata (`linearised_mean`), intervals by t with the clusters less the strata.
    A segment with fewer than ten respondents has none. Segments are compared pair by pair by t,
    with the covariance that clusters in both give them; intervals are each of a single
    difference. Without weights and missing answers the
    standard error is ``s / sqrt(n)``. Alpha and the correlations between intentions count every
    respondent the same. Checked against `crmlib.sampling`, which is checked against R survey, and
    pingouin.
    """
    check_confidence(confidence)
    names = list(items)
    columns = list(items.values()) if isinstance(items, Mapping) else names
    answers = answers_of(
        responses,
        columns if not isinstance(items, str) else items,
        weights=weights,
        strata=strata,
        clusters=clusters,
        respondent=respondent,
        scale=scale,
    )
    factor = 100 / (answers.high - answers.low)
    score = factor * (mean_of_answered(answers.values) - answers.low)
    counts = ~np.isnan(score)
    if counts.sum() < FEWEST:
        raise InputError(
            f"{counts.sum():,} respondents answered at least half of {listed(columns)}; at least "
            f"{FEWEST} are needed."
        )
    everyone = np.full(len(responses), np.nan)
    everyone[answers.rows] = score
    alpha, low, high = alpha_of(answers.values, confidence)
    parts = [
        (name, inside & counts) for name, inside in segments_of(responses.iloc[answers.rows], by)
    ]
    table = [
        {"segment": name} | domain_mean(answers, score, inside, confidence)
        for name, inside in parts
    ]
    rows = intention_rows(answers, names, factor, confidence)
    return LoyaltyIndex(
        table=pd.DataFrame(table).rename(columns={"mean": "index"}),
        items=pd.DataFrame(rows).rename(columns={"mean": "score"}),
        differences=segment_differences(answers, score, parts[1:], confidence),
        alpha=alpha,
        alpha_low=low,
        alpha_high=high,
        respondents=pd.DataFrame({"loyalty": everyone}, index=responses.index),
        left_out=with_reason(answers.left_out, "answered less than half", int((~counts).sum())),
        notes=(*answers.notes, *index_notes(rows, alpha, confidence)),
    )


def mean_of_answered(values: Array) -> Array:
    """Mean of the answers of each row, NaN where fewer than half were given."""
    answered = ~np.isnan(values)
    number = answered.sum(axis=1)
    total = np.where(answered, values, 0.0).sum(axis=1)
    enough = (2 * number >= values.shape[1]) & (number > 0)
    return np.where(enough, total / np.maximum(number, 1), np.nan)


def domain_mean(
    answers: Answers, values: Array, domain: NDArray[np.bool_], confidence: float
) -> dict[str, Any]:
    """Mean of a domain, its linearised standard error and its interval."""
    n = int(domain.sum())
    row = {"n": n, "n_effective": kish(answers.weights[domain])}
    if n < FEWEST:
        unknown = dict.fromkeys(("mean", "standard_error", "low", "high"), np.nan)
        return row | unknown | {"note": TOO_FEW}
    mean = linearised_mean(values, answers.weights, answers.stratum, answers.cluster, domain)
    low, high = mean.interval(confidence)
    known = {"mean": mean.value, "standard_error": mean.standard_error, "low": low, "high": high}
    return row | known | {"note": ""}


def segment_differences(
    answers: Answers,
    values: Array,
    segments: Sequence[tuple[Any, NDArray[np.bool_]]],
    confidence: float,
) -> pd.DataFrame:
    """Compare the means of all pairs of segments that are large enough, the clearest first."""
    known = [(name, inside) for name, inside in segments if inside.sum() >= FEWEST]
    columns = ["segment", "other", "difference", "standard_error", "low", "high", "p", "p_holm"]
    if len(known) < 2:
        return pd.DataFrame(columns=columns)
    means = [linearised_parts(values, answers.weights, inside) for _, inside in known]
    covariance = covariance_of_sums(
        np.array([parts for _, parts in means]), answers.stratum, answers.cluster
    )
    rows = []
    for pair in combinations(range(len(known)), 2):
        more, less = sorted(pair, key=lambda k: -means[k][0])
        inside = known[more][1] | known[less][1]
        degrees = len(np.unique(answers.cluster[inside])) - len(np.unique(answers.stratum[inside]))
        variance = covariance[more, more] + covariance[less, less] - 2 * covariance[more, less]
        difference, error = means[more][0] - means[less][0], float(np.sqrt(max(variance, 0.0)))
        row = {"segment": known[more][0], "other": known[less][0], "difference": difference}
        row |= {"standard_error": error, "low": np.nan, "high": np.nan, "p": np.nan}
        if degrees > 0 and error > 0:
            half = error * stats.t.ppf((1 + confidence) / 2, degrees)
            row |= {"low": difference - half, "high": difference + half}
            row["p"] = 2 * stats.t.sf(difference / error, degrees)
        rows.append(row)
    found = pd.DataFrame(rows)
    found["p_holm"] = holm(found["p"].to_numpy(float))
    return found.sort_values(["p_holm", "p"], kind="stable", ignore_index=True)[columns]


def alpha_of(values: Array, confidence: float) -> tuple[float, float, float]:
    """Cronbach's alpha of the complete rows, with Feldt's interval; NaN of a single question."""
    complete = values[~np.isnan(values).any(axis=1)]
    n, k = complete.shape
    if k < 2 or n < FEWEST:
        return np.nan, np.nan, np.nan
    alpha = cronbach_alpha(np.cov(complete.T))
    return alpha, *feldt_interval(alpha, n, k, confidence)


def intention_rows(
    answers: Answers, names: Sequence[str], factor: float, confidence: float
) -> list[dict[str, Any]]:
    """Score of each intention and its correlation with the mean of the others."""
    rows = []
    for j, name in enumerate(names):
        value = answers.values[:, j]
        others = mean_of_answered(np.delete(answers.values, j, axis=1))
        both = ~np.isnan(value) & ~np.isnan(others)
        varies = both.sum() > 2 and np.ptp(value[both]) > 0 and np.ptp(others[both]) > 0
        row = domain_mean(answers, factor * (value - answers.low), ~np.isnan(value), confidence)
        row["item_total"] = (
            float(np.corrcoef(value[both], others[both])[0, 1]) if varies else np.nan
        )
        del row["n_effective"], row["note"]
        rows.append({"item": name} | row)
    return rows


def index_notes(rows: list[dict[str, Any]], alpha: float, confidence: float) -> list[str]:
    """What speaks against taking the mean of the intentions."""
    against = [
        row["item"]
        for row in rows
        if fisher_interval(np.array(row["item_total"]), row["n"], confidence)[1] < 0
    ]
    notes = []
    if against:
        notes.append(
            f"{listed(against)}: the answers run against the other intentions. Was the question "
            "asked the other way round? Turn it before the mean is taken."
        )
    if alpha < LOW_ALPHA:
        notes.append(
            f"Cronbach's alpha is {alpha:.2f}: the intentions hardly measure one thing, so look at "
            "them one by one."
        )
    return notes


def with_reason(left_out: pd.DataFrame, reason: str, rows: int) -> pd.DataFrame:
    """Add a reason to the rows left out, where there are any."""
    if not rows:
        return left_out
    more = pd.DataFrame({"reason": pd.Series([reason], dtype="str"), "rows": [rows]})
    return pd.concat([left_out, more], ignore_index=True)


# --- what loyalty hangs on ----------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Determinants:
    """What `determinants` found.

    Attributes
    ----------
    constructs : DataFrame
        construct, items (columns, parted by blanks), mean, standard_deviation, alpha.
    effects : DataFrame
        Loyalty on all determinants and the product of satisfaction and switching costs: effect,
        coefficient, standard_error, low, high, p, variance_inflation, n.
    mediation : DataFrame
        effect ("value on satisfaction", "satisfaction on loyalty", "total", "direct",
        "indirect"), coefficient, standard_error, low, high, p, n.
    slopes : DataFrame
        What a point of satisfaction does to loyalty where switching costs are one standard
        deviation below their mean, at it and above it: switching_cost, level, coefficient,
        standard_error, low, high, p, n. No rows without switching costs.
    r_squared : float
        Of ``effects``.
    n : int
        Respondents behind all tables.
    left_out : DataFrame
        reason, rows.
    notes : tuple of str
    """

    constructs: pd.DataFrame
    effects: pd.DataFrame
    mediation: pd.DataFrame
    slopes: pd.DataFrame
    r_squared: float
    n: int
    left_out: pd.DataFrame
    notes: tuple[str, ...]


def determinants(
    responses: pd.DataFrame,
    *,
    value: str | Sequence[str],
    satisfaction: str | Sequence[str],
    loyalty: str | Sequence[str],
    switching_cost: str | Sequence[str] | None = None,
    trust: str | Sequence[str] | None = None,
    respondent: str | None = None,
    scale: tuple[float, float] = (1, 10),
    replicates: int = 2000,
    confidence: float = 0.95,
    seed: int,
) -> Determinants:
    """What loyalty hangs on, by mediation and by moderation.

    Mediation asks whether value acts on loyalty through satisfaction; moderation, whether
    satisfaction matters less to those who cannot easily leave.

    Parameters
    ----------
    responses : DataFrame
        One row a respondent.
    value, satisfaction, loyalty : str or sequence of str
        Column or columns; of several the mean of those answered is taken, if at least half were.
    switching_cost, trust : str or sequence of str, optional
        The same, where they were asked for; without switching costs there is no moderation.
    respondent : str, optional
        Column that tells respondents apart; nobody may answer twice.
    scale : (float, float)
        Lowest and highest answer there can be.
    replicates : int
        Resamples for the interval of the indirect effect.
    confidence : float
        Level of the intervals.
    seed : int
        Of the resamples.

    Returns
    -------
    Determinants
        Coefficients are points of loyalty for a point of the determinant, at the mean of the
        others.

    Raises
    ------
    InputError
        What `answers_of` refuses; a column stands for two things; determinants cannot be told
        apart; satisfaction has two values; fewer than thirty respondents are left.

    Notes
    -----
    Effects are least squares of loyalty on the determinants and the product of satisfaction and
    switching costs, all centred (`pingouin.linear_regression`). Mediation is
    `pingouin.mediation_analysis`: value on satisfaction, total and direct effect of value, and
    the indirect effect with the bias-corrected bootstrap interval (its p-value is never below
    two over the replicates); satisfaction on loyalty is
    taken with value held, so that it times the first is the indirect effect. Checked against
    statsmodels.

    Every respondent counts the same: neither function knows design weights. Answers are noisy
    measures, which makes effects look smaller than they are, the product most of all; and a
    cause that is not asked for, such as the image of the company, is not taken out.
    """
    check_confidence(confidence)
    check_replicates(replicates)
    blocks = {
        name: [columns] if isinstance(columns, str) else list(columns)
        for name, columns in zip(
            (*DETERMINANTS, "loyalty"),
            (value, satisfaction, switching_cost, trust, loyalty),
            strict=True,
        )
        if columns is not None
    }
    refuse_shared_columns(blocks)
    answers = answers_of(
        responses, [c for part in blocks.values() for c in part], respondent=respondent, scale=scale
    )
    scores, alphas = construct_scores(answers, blocks, confidence)
    complete = scores.dropna(ignore_index=True)
    refuse_unusable(complete)
    effects, r_squared = moderated_regression(complete, confidence)
    return Determinants(
        constructs=pd.DataFrame(
            {
                "construct": list(blocks),
                "items": [" ".join(columns) for columns in blocks.values()],
                "mean": complete.mean().to_numpy(),
                "standard_deviation": complete.std().to_numpy(),
                "alpha": alphas,
            }
        ),
        effects=effects,
        mediation=mediation_of(complete, replicates, confidence, seed),
        slopes=(
            EMPTY_SLOPES if switching_cost is None else satisfaction_slopes(complete, confidence)
        ),
        r_squared=r_squared,
        n=len(complete),
        left_out=with_reason(
            answers.left_out,
            "answered less than half on one thing",
            len(scores) - len(complete),
        ),
        notes=(*answers.notes, *effect_notes(effects)),
    )


def refuse_shared_columns(blocks: Mapping[str, Sequence[str]]) -> None:
    """Stop where a column stands for two things: it would explain itself."""
    for name, columns in blocks.items():
        if not columns:
            raise InputError(f"{name} has no columns. Name at least one.")
        for other, others in blocks.items():
            shared = sorted(set(columns) & set(others))
            if other != name and shared:
                raise InputError(
                    f"{listed(shared)} stands for {name} and for {other}: it would explain itself. "
                    "Take it out of one of them."
                )


def construct_scores(
    answers: Answers, blocks: Mapping[str, Sequence[str]], confidence: float
) -> tuple[pd.DataFrame, list[float]]:
    """Mean answer of each respondent to the questions on a construct, and their alphas."""
    place = {item: j for j, item in enumerate(answers.items)}
    scores, alphas = {}, []
    for name, columns in blocks.items():
        values = answers.values[:, [place[column] for column in columns]]
        scores[name] = mean_of_answered(values)
        alphas.append(alpha_of(values, confidence)[0])
    return pd.DataFrame(scores), alphas


def refuse_unusable(scores: pd.DataFrame) -> None:
    """Stop where effects cannot be told apart."""
    if len(scores) < FEWEST_FOR_EFFECTS:
        raise InputError(
            f"{len(scores):,} respondents answered at least half of the questions on every "
            f"determinant; at least {FEWEST_FOR_EFFECTS} are needed to tell effects apart."
        )
    for name, values in scores.items():
        if values.nunique() < 2:
            raise InputError(
                f"{name} is the same for all {len(scores):,} respondents who can be used. What "
                "does not differ between people explains nothing."
            )
    if scores["satisfaction"].nunique() == 2:
        raise InputError(
            "satisfaction has two values only; the effects here are those of a scale. Give the "
            "answers as they were asked for."
        )
    predictors = scores.drop(columns="loyalty")
    standard = (predictors - predictors.mean()) / predictors.std()
    left, singular, right = np.linalg.svd(standard.to_numpy(), full_matrices=False)
    if singular[-1] < 1e-8 * singular[0]:
        together = [
            name for name, part in zip(predictors, right[-1], strict=True) if abs(part) > 1e-6
        ]
        raise InputError(
            f"{listed(together)} cannot be told apart: one follows from the others. Leave out "
            "one, or give it questions of its own."
        )
    loyalty = ((scores["loyalty"] - scores["loyalty"].mean()) / scores["loyalty"].std()).to_numpy()
    if np.ptp(loyalty - left @ (left.T @ loyalty)) < 1e-8:
        raise InputError(
            "loyalty follows from the determinants without any error: it is the same answers under "
            "another name. Give it questions of its own."
        )


def centred(scores: pd.DataFrame) -> pd.DataFrame:
    """Determinants less their means, and the product of satisfaction and switching costs."""
    table = scores.drop(columns="loyalty") - scores.drop(columns="loyalty").mean()
    if "switching_cost" not in table:
        return table
    return table.assign(**{MODERATION: table["satisfaction"] * table["switching_cost"]})


def regression_table(
    predictors: pd.DataFrame, outcome: pd.Series, confidence: float
) -> tuple[pd.DataFrame, float]:
    """Least squares by pingouin, without the intercept, and R squared."""
    found = pingouin.linear_regression(predictors, outcome, alpha=1 - confidence)
    r_squared = float(found["r2"].iloc[0])
    return in_our_names(found.iloc[1:], "names", len(outcome)), r_squared


def in_our_names(found: pd.DataFrame, effect: str, n: int) -> pd.DataFrame:
    """Bring a table of pingouin under the names used here."""
    low, high = (name for name in found.columns if str(name).startswith("CI"))
    ours = {effect: "effect", "coef": "coefficient", "se": "standard_error", low: "low"}
    ours |= {high: "high", "pval": "p"}
    return found[list(ours)].rename(columns=ours).assign(n=n).reset_index(drop=True)


def moderated_regression(scores: pd.DataFrame, confidence: float) -> tuple[pd.DataFrame, float]:
    """Loyalty on the determinants and the product."""
    predictors = centred(scores)
    table, r_squared = regression_table(predictors, scores["loyalty"], confidence)
    inflation = np.diag(np.linalg.pinv(np.corrcoef(predictors.to_numpy().T)))
    table.insert(len(table.columns) - 1, "variance_inflation", inflation)
    return table, r_squared


def mediation_of(
    scores: pd.DataFrame, replicates: int, confidence: float, seed: int
) -> pd.DataFrame:
    """Value on loyalty, through satisfaction and past it."""
    found = pingouin.mediation_analysis(
        data=scores,
        x="value",
        m="satisfaction",
        y="loyalty",
        alpha=1 - confidence,
        n_boot=replicates,
        seed=seed,
    )
    table = in_our_names(found, "path", len(scores))
    held, _ = regression_table(scores[["satisfaction", "value"]], scores["loyalty"], confidence)
    table.iloc[1] = held.iloc[0]
    # No resample on the other side of zero says less than a p-value of zero would.
    table["p"] = table["p"].where(table.index < 4, table["p"].clip(lower=2 / replicates))
    table["effect"] = [
        "value on satisfaction",
        "satisfaction on loyalty",
        "total",
        "direct",
        "indirect",
    ]
    return table


def satisfaction_slopes(scores: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Effect of satisfaction on loyalty at three levels of switching costs.

    The product is made with switching costs less the level, so that the coefficient of
    satisfaction is its effect there (Aiken and West 1991).
    """
    mean, spread = scores["switching_cost"].mean(), scores["switching_cost"].std()
    rows = []
    for name, level in (("low", mean - spread), ("average", mean), ("high", mean + spread)):
        table = centred(scores)
        table["switching_cost"] = scores["switching_cost"] - level
        table[MODERATION] = table["satisfaction"] * table["switching_cost"]
        found, _ = regression_table(table, scores["loyalty"], confidence)
        row = found[found["effect"] == "satisfaction"].drop(columns="effect")
        row.insert(0, "switching_cost", name)
        row.insert(1, "level", level)
        rows.append(row)
    return pd.concat(rows, ignore_index=True)


def effect_notes(effects: pd.DataFrame) -> list[str]:
    """What makes the effects hard to tell apart."""
    inflated = effects.loc[effects["variance_inflation"] > 5, "effect"]
    if inflated.empty:
        return []
    return [
        f"{listed(inflated)}: answered much like the other determinants (variance inflation above "
        "5), so the effects are hard to tell apart."
    ]


# --- expectation and experience -----------------------------------------------------------------


def expectation_gap(
    responses: pd.DataFrame,
    pairs: Mapping[str, tuple[str, str]],
    *,
    weights: str | None = None,
    strata: str | None = None,
    clusters: str | None = None,
    scale: tuple[float, float] = (1, 10),
    confidence: float = 0.95,
) -> pd.DataFrame:
    """How far what was found lies above or below what was expected, item by item.

    Parameters
    ----------
    responses : DataFrame
        One row a respondent.
    pairs : mapping of str to (str, str)
        Name of the item to the columns with what was expected and what was found.
    weights, strata, clusters : str, optional
        Columns with the design weight, the stratum and the cluster (first stage) of a respondent.
    scale : (float, float)
        Lowest and highest answer there can be.
    confidence : float
        Level of the intervals.

    Returns
    -------
    DataFrame
        One row an item: item, n (who answered both), n_effective, left_out (rows), expected,
        perceived, gap (perceived less expected), standard_error, low, high, p, p_holm, verdict
        ("falls short", "exceeds", "undecided", "too few").

    Raises
    ------
    InputError
        A column is missing, holds text, no answers or answers outside the scale; a pair names one
        column twice; weights or design cannot be used; fewer than ten respondents count.

    Notes
    -----
    Gaps are differences within a respondent; without weights and missing answers this is the
    paired t test (checked against scipy). The verdict goes by p-values adjusted by Holm (1979)
    over the items; intervals are those of single gaps. Expectations asked for after the purchase
    are coloured by it: read small gaps with care. Where everybody has the same gap there is no
    test.
    """
    if not pairs:
        raise InputError('pairs must name at least one item, such as {"delivery": ("e1", "q1")}.')
    low, high = checked_scale(scale)
    values = {}
    for item, columns in pairs.items():
        if isinstance(columns, str) or len(columns) != 2:
            raise InputError(f'pairs["{item}"]: give two columns, what was expected and found.')
        checked_columns(responses, columns, None)
        values[item] = [on_scale(responses, column, low, high) for column in columns]
    people = respondents_of(responses, weights, strata, clusters, confidence)
    rows = []
    for item, (expected, perceived) in values.items():
        expected, perceived = expected[people.rows], perceived[people.rows]
        both = ~np.isnan(expected) & ~np.isnan(perceived)
        row = {"item": item} | counts_of(people, both, len(responses))
        rows.append(row | paired_gap(people, expected, perceived, both, confidence))
    table = pd.DataFrame(rows)
    table["p_holm"] = holm(table["p"].to_numpy())
    clear = table["p_holm"] < 1 - confidence
    table["verdict"] = np.select(
        [table["n"] < FEWEST, clear & (table["gap"] < 0), clear & (table["gap"] > 0)],
        [TOO_FEW, "falls short", "exceeds"],
        UNDECIDED,
    )
    return table


def paired_gap(
    people: Respondents,
    expected: Array,
    perceived: Array,
    both: NDArray[np.bool_],
    confidence: float,
) -> dict[str, float]:
    """Means of those who answered both, their difference, its interval and p-value."""
    unknown = ("expected", "perceived", "gap", "standard_error", "low", "high", "p")
    if both.sum() < FEWEST:
        return dict.fromkeys(unknown, np.nan)
    means = [people.mean(values, both).value for values in (expected, perceived)]
    gap = people.mean(perceived - expected, both)
    error, degrees = gap.standard_error, gap.degrees_of_freedom
    is_known = error > 1e-12 and degrees > 0
    p = float(2 * stats.t.sf(abs(gap.value) / error, degrees)) if is_known else np.nan
    return dict(zip(unknown, (*means, gap.value, error, *gap.interval(confidence), p), strict=True))


# --- satisfaction in five levels ----------------------------------------------------------------


def satisfaction_levels(
    responses: pd.DataFrame,
    column: str,
    *,
    weights: str | None = None,
    strata: str | None = None,
    clusters: str | None = None,
    scale: tuple[float, float] = (1, 10),
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Share of respondents in each of five levels of satisfaction.

    Parameters
    ----------
    responses : DataFrame
        One row a respondent.
    column : str
        The overall score, or any other answer.
    weights, strata, clusters : str, optional
        Columns with the design weight, the stratum and the cluster (first stage) of a respondent.
    scale : (float, float)
        Lowest and highest answer there can be.
    confidence : float
        Level of the intervals.

    Returns
    -------
    DataFrame
        Five rows: level, above, up_to (the answers of the level lie above the one and up to the
        other; the lowest answer belongs to the first), answers (number in the level), n (in all),
        n_effective, left_out (rows), share, low, high.

    Raises
    ------
    InputError
        The column is missing, holds text, no answers or answers outside the scale; weights or
        design cannot be used; fewer than ten answers count.

    Notes
    -----
    The levels are equal fifths of the scale: on a scale from 1 to 10 the answers 1 and 2, 3 and 4,
    5 and 6, 7 and 8, 9 and 10. Intervals are Wilson's (`Respondents.share`), each of a single
    share.
    """
    checked_columns(responses, [column], None)
    low, high = checked_scale(scale)
    values = on_scale(responses, column, low, high)
    people = respondents_of(responses, weights, strata, clusters, confidence)
    answer = values[people.rows]
    answered = ~np.isnan(answer)
    if answered.sum() < FEWEST:
        raise InputError(
            f'Column "{column}": {answered.sum():,} answers count; at least {FEWEST} are needed.'
        )
    ends = np.linspace(low, high, len(LEVELS) + 1)
    place = np.searchsorted(ends[1:-1], answer)
    rows = []
    for k, level in enumerate(LEVELS):
        inside = answered & (place == k)
        share = people.share(inside, answered)
        row = {"level": level, "above": ends[k], "up_to": ends[k + 1], "answers": inside.sum()}
        row |= counts_of(people, answered, len(responses))
        rows.append(row | {"share": share.value, "low": share.low, "high": share.high})
    return pd.DataFrame(rows)
