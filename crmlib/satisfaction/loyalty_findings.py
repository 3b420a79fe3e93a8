"""What a manager should know about loyalty, in sentences: page one of the loyalty report."""

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from crmlib.findings import Finding, counted, listed
from crmlib.satisfaction.index_findings import Words
from crmlib.satisfaction.level_change import UPPER, LevelChange
from crmlib.satisfaction.loyalty import (
    MODERATION,
    TOO_FEW,
    UNDECIDED,
    Determinants,
    LoyaltyIndex,
)
from crmlib.satisfaction.loyalty_types import UNCLEAR, LoyaltyTypes
from crmlib.satisfaction.scores import adjusted_wald_interval

MEANING = {
    "premium value": "attached and buying again",
    "latent": "attached, but not buying again",
    "monopoly": "held because there is nobody else",
    "inertia": "held by habit",
    "convenience": "held by convenience",
    "incentive": "held by rewards",
    "price": "looking for the lowest price",
    "not loyal": "neither attached nor buying again",
}


def loyalty_findings(
    index: LoyaltyIndex,
    *,
    levels: pd.DataFrame | None = None,
    types: LoyaltyTypes | None = None,
    by_limits: pd.DataFrame | None = None,
    found: Determinants | None = None,
    gaps: pd.DataFrame | None = None,
    change: LevelChange | None = None,
    followed: str = "satisfaction",
    weighted: bool = False,
    words: Words | None = None,
    confidence: float = 0.95,
) -> list[Finding]:
    """Findings of the loyalty report: how loyal, of what kind, why, what falls short, what moved.

    Parameters
    ----------
    index : LoyaltyIndex
    levels : DataFrame, optional
        From `satisfaction_levels`.
    types : LoyaltyTypes, optional
    by_limits : DataFrame, optional
        Shares of the types (index) under several limits (columns).
    found : Determinants, optional
    gaps : DataFrame, optional
        From `expectation_gap`.
    change : LevelChange, optional
    followed : str
        What the score is called that ``change`` is of.
    weighted : bool
        Whether there are design weights: ``found`` knows none.
    words : Words, optional
        Labels of the intentions, and who was asked.
    confidence : float
        Level of the intervals.

    Returns
    -------
    list of Finding
        One, and one more for each of types, found, gaps and change.
    """
    words = words or Words()
    findings = [index_finding(index, levels, words, confidence)]
    if types is not None:
        findings.append(types_finding(types, by_limits, words))
    if found is not None:
        findings.append(determinants_finding(found, weighted))
    if gaps is not None:
        findings.append(gaps_finding(gaps))
    if change is not None:
        findings.append(change_finding(change, followed, words, confidence))
    return findings


def index_finding(
    index: LoyaltyIndex, levels: pd.DataFrame | None, words: Words, confidence: float
) -> Finding:
    """How loyal customers are, which intention is weakest, and how satisfied they are."""
    all_of_them = index.table.iloc[0]
    detail = [f"From the answers of {int(all_of_them['n']):,} {words.who}."]
    items = index.items.dropna(subset="score").sort_values("score")
    if len(items) > 1 and items.iloc[0]["high"] < items.iloc[-1]["low"]:
        weak, strong = items.iloc[0], items.iloc[-1]
        detail.append(
            f"Strongest is “{label(strong['item'], words)}” ({ranged(strong, 'score')}), "
            f"weakest “{label(weak['item'], words)}” ({ranged(weak, 'score')})."
        )
    detail.append(segments_sentence(index.table.iloc[1:]))
    if levels is not None:
        top, second = levels.iloc[-1], levels.iloc[-2]
        detail.append(
            f"{str(top['level']).capitalize()} are {percent(top)}, {second['level']} "
            f"{percent(second)}."
        )
    text = f"Loyalty stands at {all_of_them['index']:.0f} of 100 points"
    text += (
        ", but how far that can be trusted cannot be said."
        if np.isnan(all_of_them["low"])
        else f": likely between {all_of_them['low']:.0f} and {all_of_them['high']:.0f} "
        f"({confidence:.0%} interval)."
    )
    return Finding(text, " ".join([part for part in detail if part] + list(index.notes)))


def segments_sentence(segments: pd.DataFrame) -> str:
    """Whether segments lie apart: only intervals that do not touch count."""
    told = segments.dropna(subset=["index", "low"]).sort_values("index")
    if len(told) < 2:
        return ""
    least, most = told.iloc[0], told.iloc[-1]
    if least["high"] < most["low"]:
        return (
            f"{most['segment']} ({ranged(most, 'index')}) is more loyal than {least['segment']} "
            f"({ranged(least, 'index')})."
        )
    return "Differences between segments can be chance."


def types_finding(types: LoyaltyTypes, by_limits: pd.DataFrame | None, words: Words) -> Finding:
    """Of what kind the loyalty is, as far as the answers tell."""
    shares = types.summary.set_index("type")
    unclear = shares.loc[UNCLEAR]
    placed = shares.drop(UNCLEAR).sort_values("share", ascending=False, kind="stable")
    if unclear["share"] > 0.5:
        return Finding(
            f"Of what kind the loyalty is cannot be said for most {words.who}: {percent(unclear)} "
            "of them fit no rule.",
            " ".join(["The rules are in the section on types.", *types.notes]),
        )
    first, second = placed.iloc[0], placed.iloc[1]
    is_ahead = first["low"] > second["high"]
    text = (
        f"Most frequent kind: {kind(first)}."
        if is_ahead
        else f"No kind is clearly ahead: {kind(first)}; {kind(second)}."
    )
    rest = [
        f"{name} {row['share']:.0%}"
        for name, row in placed.iloc[1 if is_ahead else 2 :].iterrows()
        if row["customers"]
    ]
    detail = [f"From {int(first['n']):,} {words.who}."]
    if rest:
        detail.append(f"The others (intervals in the chart): {listed(rest)}.")
    detail.append(f"{percent(unclear)} are unclear: no rule fits them.")
    if by_limits is not None and by_limits.shape[1] > 1:
        moved = by_limits.loc[str(first.name)]
        detail.append(
            f"With other limits of what counts as high and low {first.name} comes to "
            f"{moved.min():.0%} to {moved.max():.0%}."
        )
    return Finding(text, " ".join(detail))


def kind(row: pd.Series) -> str:
    """Name a type, what it means and its share."""
    return f"{row.name} ({MEANING[str(row.name)]}), {percent(row)}"


def determinants_finding(found: Determinants, weighted: bool) -> Finding:
    """What loyalty goes with, where satisfaction counts for less, and how value acts."""
    effects = found.effects[found.effects["effect"] != MODERATION]
    clear = (effects["low"] > 0) | (effects["high"] < 0)
    silent = [named(name) for name in effects.loc[~clear, "effect"]]
    if clear.any():
        strong = effects[clear].sort_values("coefficient", key=abs, ascending=False)
        parts = [f"{named(row['effect'])} ({effect(row)})" for _, row in strong.iterrows()]
        text = f"Loyalty goes with {listed(parts)}: points of loyalty for a point more."
    else:
        text = "None of the things asked about can be told to go with loyalty."
    detail = [f"From {counted(found.n, 'answer')}{', unweighted' if weighted else ''}."]
    if silent and clear.any():
        detail.append(f"No effect of its own can be seen of {listed(silent)}.")
    if len(found.slopes):
        detail.append(moderation_sentence(found))
    detail.append(mediation_sentence(found))
    detail.append("These are associations in one survey, which do not prove a cause.")
    return Finding(text, " ".join([*detail, *found.notes]))


def moderation_sentence(found: Determinants) -> str:
    """Whether satisfaction counts for less where leaving is hard."""
    product = found.effects.set_index("effect").loc[MODERATION]
    slopes = {row["switching_cost"]: effect(row) for _, row in found.slopes.iterrows()}
    if product["low"] <= 0 <= product["high"]:
        return "Whether switching costs change what satisfaction does cannot be said."
    word = "less" if product["high"] < 0 else "more"
    return (
        f"Satisfaction counts for {word} where switching is costly ({slopes['high']}) than where "
        f"it is cheap ({slopes['low']})."
    )


def mediation_sentence(found: Determinants) -> str:
    """Whether value acts through satisfaction."""
    paths = found.mediation
    through, past = (paths[paths["effect"] == name].iloc[0] for name in ("indirect", "direct"))
    if through["low"] <= 0 <= through["high"]:
        return "Whether value acts through satisfaction cannot be said."
    beside = (
        "; beside that no effect of value can be seen"
        if past["low"] <= 0 <= past["high"]
        else f"; beside that value has an effect of {effect(past)}"
    )
    return f"Value acts through satisfaction ({effect(through)}){beside}."


def gaps_finding(gaps: pd.DataFrame) -> Finding:
    """Where experience falls short of expectation, and where that cannot be said."""
    short = gaps[gaps["verdict"] == "falls short"].sort_values("gap")
    above = gaps[gaps["verdict"] == "exceeds"].sort_values("gap", ascending=False)
    few = [str(item) for item in gaps.loc[gaps["verdict"] == TOO_FEW, "item"]]
    close = gap_words(gaps[gaps["verdict"] == UNDECIDED])
    detail = [f"From {answers_between(gaps['n'])}."]
    if len(above):
        detail.append(f"Better than expected: {listed(gap_words(above))}.")
    if close:
        detail.append(f"Too close to tell: {listed(close)}.")
    if few:
        detail.append(f"Too few answers: {listed(few)}.")
    detail.append("What was expected is remembered afterwards, and coloured by what was found.")
    text = (
        f"Experience falls short in {listed(gap_words(short))}."
        if len(short)
        else "Nothing asked about clearly falls short of what was expected."
    )
    return Finding(text, " ".join(detail))


def answers_between(n: pd.Series) -> str:
    """How many answered, if not all items the same number."""
    if n.min() == n.max():
        return counted(int(n.max()), "answer")
    return f"{n.min():,} to {n.max():,} answers"


def change_finding(change: LevelChange, followed: str, words: Words, confidence: float) -> Finding:
    """Whether a score moved beyond chance, and who of those in both waves moved."""
    row = change.score.iloc[0]
    span = (
        f"{row['before']:.0f} to {row['after']:.0f} of 100 points ({signed(row['change'], 1)}, "
        f"{signed(row['low'], 1)} to {signed(row['high'], 1)})"
    )
    name = f"{followed[:1].upper()}{followed[1:]}"
    if np.isnan(row["low"]):
        text = f"Whether {followed} changed cannot be said: {span}."
    elif row["low"] <= 0 <= row["high"]:
        text = f"{name}: no change beyond chance, {span}."
    else:
        text = f"{name} {'rose' if row['change'] > 0 else 'fell'}, {span}."
    upper = change.levels[change.levels["level"] == UPPER].iloc[0]
    detail = [
        f"From {row['n_before']:,.0f} and {row['n_after']:,.0f} answers; a change of less than "
        f"{row['smallest_detectable_change']:.1f} points would easily go unseen.",
        f"{UPPER.capitalize()}: {upper['before']:.0%} before, {upper['after']:.0%} after "
        f"(change in points {points(upper['change'])}, {points(upper['low'])} to "
        f"{points(upper['high'])}).",
    ]
    if change.overlap:
        detail.append(moves_sentence(change, words, confidence))
    return Finding(text, " ".join(detail))


def moves_sentence(change: LevelChange, words: Words, confidence: float) -> str:
    """How many of those in both waves moved up and down, and whether that is chance."""
    numbers = change.moves.to_numpy()
    up, down = int(np.triu(numbers, 1).sum()), int(np.tril(numbers, -1).sum())
    n = int(numbers.sum())
    sentence = f"Of the {n:,} {words.who} who answered both times {up:,} moved up a level or more"
    sentence += f" and {down:,} down"
    low, high = adjusted_wald_interval(up / n, down / n, n, stats.norm.ppf((1 + confidence) / 2))
    verdict = ", more than chance explains" if low > 0 or high < 0 else ", no more than by chance"
    return f"{sentence}{verdict}."


def gap_words(gaps: pd.DataFrame) -> list[str]:
    """Item and gap with its interval."""
    return [
        f"{row['item']} ({signed(row['gap'])} points, {signed(row['low'])} to "
        f"{signed(row['high'])})"
        for _, row in gaps.iterrows()
    ]


def effect(row: pd.Series) -> str:
    """Write an effect and its interval."""
    return f"{signed(row['coefficient'])}, {signed(row['low'])} to {signed(row['high'])}"


def ranged(row: pd.Series, column: str) -> str:
    """Write a score and its interval."""
    return f"{row[column]:.0f}, {row['low']:.0f} to {row['high']:.0f}"


def percent(row: Any) -> str:
    """Write a share and its interval."""
    return f"{row['share']:.0%} ({row['low']:.0%} to {row['high']:.0%})"


def signed(value: float, decimals: int = 2) -> str:
    """Write a number with its sign."""
    return "unknown" if np.isnan(value) else f"{value:+.{decimals}f}".replace("-", "−")


def points(share: float) -> str:
    """Write a change of a share in percentage points."""
    return signed(100 * share, 0)


def label(item: object, words: Words) -> str:
    """Write a question in words."""
    return words.labels.get(str(item), named(item))


def named(name: object) -> str:
    """Write the name of a column as words."""
    return str(name).replace("_", " ")
