"""What a manager should know about loyalty, in sentences: page one of the loyalty report."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

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

MEANING = {
    "premium value": "attached and buying again",
    "latent": "attached, but not buying again",
    "monopoly": "held because there is nobody else",
    "incentive": "held by rewards",
    "convenience": "held by convenience",
    "inertia": "held by habit",
    "price": "looking for the lowest price",
    "not loyal": "neither attached nor buying again",
}


def loyalty_findings(
    index: LoyaltyIndex,
    *,
    types: LoyaltyTypes | None = None,
    by_limits: pd.DataFrame | None = None,
    found: Determinants | None = None,
    gaps: pd.DataFrame | None = None,
    change: LevelChange | None = None,
    followed: str = "satisfaction",
    columns: Sequence[str] = (),
    designed: bool = False,
    words: Words | None = None,
    confidence: float = 0.95,
) -> list[Finding]:
    """Findings of the loyalty report: how loyal, of what kind, why, what falls short, what moved.

    Parameters
    ----------
    index : LoyaltyIndex
    types : LoyaltyTypes, optional
    by_limits : DataFrame, optional
        Shares of the types (index) under several limits (columns).
    found : Determinants, optional
    gaps : DataFrame, optional
        From `expectation_gap`.
    change : LevelChange, optional
    followed : str
        What the score is called that ``change`` is of.
    columns : sequence of str
        The questions it is the mean of.
    designed : bool
        Whether there are design weights, strata or clusters: ``found`` knows none.
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
    findings = [index_finding(index, words, confidence)]
    if types is not None:
        findings.append(types_finding(types, by_limits, words))
    if found is not None:
        findings.append(determinants_finding(found, designed))
    if gaps is not None:
        findings.append(gaps_finding(gaps))
    if change is not None:
        findings.append(change_finding(change, followed, columns, words))
    return findings


def index_finding(index: LoyaltyIndex, words: Words, confidence: float) -> Finding:
    """How loyal customers are, which intention is weakest, and whether segments differ."""
    all_of_them = index.table.iloc[0]
    detail = [f"From the answers of {int(all_of_them['n']):,} {words.who}."]
    items = index.items.dropna(subset="score").sort_values("score")
    if len(items) > 1 and items.iloc[0]["high"] < items.iloc[-1]["low"]:
        weak, strong = items.iloc[0], items.iloc[-1]
        detail.append(
            f"Strongest is “{label(strong['item'], words)}” ({ranged(strong, 'score')}), "
            f"weakest “{label(weak['item'], words)}” ({ranged(weak, 'score')})."
        )
    detail.append(segments_sentence(index, confidence))
    text = f"Loyalty stands at {all_of_them['index']:.0f} of 100 points"
    text += (
        ", but how far that can be trusted cannot be said."
        if np.isnan(all_of_them["low"])
        else f": likely between {all_of_them['low']:.0f} and {all_of_them['high']:.0f} "
        f"({confidence:.0%} interval)."
    )
    return Finding(text, " ".join([part for part in detail if part] + list(index.notes)))


def segments_sentence(index: LoyaltyIndex, confidence: float) -> str:
    """Which segments differ beyond chance, allowing for the number of pairs (Holm)."""
    pairs = index.differences.dropna(subset="p_holm")
    if pairs.empty:
        return ""
    number = counted(len(pairs), "comparison")
    clear = pairs[pairs["p_holm"] < 1 - confidence]
    if clear.empty:
        return f"No difference between segments can be shown ({number})."
    segments = index.table.iloc[1:].set_index("segment")
    more, less = (clear.iloc[0][name] for name in ("segment", "other"))
    further = f"; likewise {counted(len(clear) - 1, 'other pair')}" if len(clear) > 1 else ""
    return (
        f"{more} ({ranged(segments.loc[more], 'index')}) and {less} "
        f"({ranged(segments.loc[less], 'index')}) differ beyond chance{further} ({number})."
    )


def levels_sentence(levels: pd.DataFrame, words: Words) -> str:
    """How many are in the two highest levels of satisfaction."""
    top, second = levels.iloc[-1], levels.iloc[-2]
    return (
        f"{str(top['level']).capitalize()} are {percent(top)}, {second['level']} "
        f"{percent(second)} of {int(top['n']):,} {words.who}."
    )


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
    tried = pd.DataFrame() if by_limits is None else by_limits.drop(UNCLEAR, errors="ignore")
    detail = [f"From {int(first['n']):,} {words.who}."]
    if not is_ahead:
        text = f"No kind is clearly ahead: {kind(first)}; {kind(second)}."
    elif len(tried) and (tried.loc[str(first.name)] < tried.max()).any():
        leaders = tried.index[(tried == tried.max()).any(axis=1) & tried.any(axis=1)]
        parts = [f"{name} {spread(tried, name)}" for name in leaders]
        text = f"Which kind is most frequent depends on what counts as “high”: {listed(parts)}."
        detail.append(f"With the limits chosen {kind(first)}, comes first.")
    else:
        text = f"Most frequent kind: {kind(first)}."
    rest = [
        f"{name} {row['share']:.0%}"
        for name, row in placed.iloc[1 if is_ahead else 2 :].iterrows()
        if row["customers"]
    ]
    if rest:
        detail.append(f"The others (intervals in the chart): {listed(rest)}.")
    detail.append(f"{percent(unclear)} are unclear: no rule fits them.")
    if tried.shape[1] > 1 and not text.startswith("Which"):
        detail.append(
            f"With other limits of what counts as high and low {first.name} comes to "
            f"{spread(tried, first.name)}."
        )
    return Finding(text, " ".join(detail))


def spread(tried: pd.DataFrame, name: Any) -> str:
    """Smallest and largest share of a kind under several limits."""
    shares = tried.loc[name].to_numpy(float)
    return f"{shares.min():.0%} to {shares.max():.0%}"


def kind(row: pd.Series) -> str:
    """Name a type, what it means and its share."""
    return f"{row.name} ({MEANING[str(row.name)]}), {percent(row)}"


def determinants_finding(found: Determinants, designed: bool) -> Finding:
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
    without = ", without weights, strata or clusters" if designed else ""
    detail = [f"From {counted(found.n, 'answer')}{without}."]
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
    detail.append("Expectations are remembered afterwards, coloured by what was found.")
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


def change_finding(
    change: LevelChange, followed: str, columns: Sequence[str], words: Words
) -> Finding:
    """Whether a score moved beyond chance: of all, and of those who answered both times."""
    row = change.score.iloc[0]
    panel = change.panel.iloc[0] if len(change.panel) else None
    differs = panel is not None and direction(panel) not in ("", direction(row))
    span = f"({row['before']:.1f} to {row['after']:.1f} of 100 points; {changed(row)})"
    name = f"{followed[:1].upper()}{followed[1:]}{' of all' if differs else ''}"
    if np.isnan(row["low"]):
        text = f"Whether {followed} changed cannot be said {span}"
    elif direction(row):
        text = f"{name} {direction(row)} {span}"
    else:
        text = f"{name}: no change can be shown {span}"
    if panel is not None and differs:
        text += (
            f"; but the {panel['n']:,.0f} who answered both times {direction(panel)} by "
            f"{abs(panel['change']):.1f} points ({signed(panel['low'], 1)} to "
            f"{signed(panel['high'], 1)})"
        )
    upper = change.levels[change.levels["level"] == UPPER].iloc[0]
    detail = [
        f"From {row['n_before']:,.0f} and {row['n_after']:,.0f} answers{to_what(columns, words)}; "
        f"a change of less than {row['smallest_detectable_change']:.1f} points would easily go "
        "unseen.",
        f"{UPPER.capitalize()}: {upper['before']:.0%} before, {upper['after']:.0%} after "
        f"(change in points {points(upper['change'])}, {points(upper['low'])} to "
        f"{points(upper['high'])}).",
    ]
    if change.overlap:
        detail.append(moves_sentence(change, None if differs else panel, words))
    if panel is not None and differs:
        detail.append(reasons_sentence(row, panel))
    return Finding(f"{text}.", " ".join(detail))


def direction(row: pd.Series) -> str:
    """Whether a mean rose or fell beyond chance; empty where that cannot be shown."""
    if row["low"] > 0:
        return "rose"
    return "fell" if row["high"] < 0 else ""


def changed(row: pd.Series) -> str:
    """Write a change in points and its interval."""
    return f"{signed(row['change'], 1)}, {signed(row['low'], 1)} to {signed(row['high'], 1)}"


def to_what(columns: Sequence[str], words: Words) -> str:
    """Name the questions followed, so that nobody takes them for an index of other ones."""
    named_ones = [f"“{label(column, words)}”" for column in columns]
    if len(named_ones) == 1:
        return f" to {named_ones[0]} alone, not the index of satisfaction/index"
    return f" (mean of {listed(named_ones)})" if named_ones else ""


def moves_sentence(change: LevelChange, panel: pd.Series | None, words: Words) -> str:
    """How many of those in both waves moved up and down, and how their mean changed."""
    numbers = change.moves.to_numpy()
    up, down = int(np.triu(numbers, 1).sum()), int(np.tril(numbers, -1).sum())
    mean = "" if panel is None else f"; their mean changed by {changed(panel)}"
    return (
        f"Of the {change.overlap:,} {words.who} who answered both times {up:,} moved up a level or "
        f"more and {down:,} down{mean}."
    )


def reasons_sentence(row: pd.Series, panel: pd.Series) -> str:
    """Why those who answered both times may have moved where all did not."""
    way = direction(panel)
    reasons = "others who came and went made up for it"
    if way == "fell" and panel["before"] > row["before"]:
        reasons += ", or high answers fell back by chance (regression to the mean)"
    if way == "rose" and panel["before"] < row["before"]:
        reasons += ", or low answers came back up by chance (regression to the mean)"
    if not (panel["change"] < row["low"] or panel["change"] > row["high"]):
        return f"All may have {'risen' if way == 'rose' else 'fallen'} as much; if not, {reasons}."
    return f"{reasons[:1].upper()}{reasons[1:]}."


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
