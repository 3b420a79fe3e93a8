"""What a manager should know about loyalty, in sentences: page one of the loyalty report."""

import numpy as np
import pandas as pd

from crmlib.findings import Finding, counted, listed
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
    "inertia": "held by habit",
    "convenience": "held by convenience",
    "incentive": "held by rewards",
    "price": "looking for the lowest price",
    "not loyal": "neither attached nor buying again",
}


def loyalty_findings(
    index: LoyaltyIndex,
    levels: pd.DataFrame,
    types: LoyaltyTypes,
    found: Determinants,
    gaps: pd.DataFrame,
    *,
    confidence: float = 0.95,
) -> list[Finding]:
    """Findings of the loyalty report: how loyal, of what kind, why, and what falls short.

    Parameters
    ----------
    index : LoyaltyIndex
    levels : DataFrame
        From `satisfaction_levels`.
    types : LoyaltyTypes
    found : Determinants
    gaps : DataFrame
        From `expectation_gap`.
    confidence : float
        Level of the intervals, for the sentences.

    Returns
    -------
    list of Finding
    """
    return [
        index_finding(index, levels, confidence),
        types_finding(types),
        determinants_finding(found),
        gaps_finding(gaps),
    ]


def index_finding(index: LoyaltyIndex, levels: pd.DataFrame, confidence: float) -> Finding:
    """How loyal customers are, which intention is weakest, and how satisfied they are."""
    all_of_them = index.table.iloc[0]
    items = index.items.dropna(subset="score").sort_values("score")
    weak, strong = items.iloc[0], items.iloc[-1]
    satisfied = levels["share"].tail(2).sum()
    detail = f"From {counted(int(all_of_them['n']), 'answer')}."
    if weak["high"] < strong["low"]:
        detail += (
            f" Strongest is {named(strong['item'])} ({ranged(strong, 'score')}), weakest "
            f"{named(weak['item'])} ({ranged(weak, 'score')})."
        )
    detail += (
        f" {satisfied:.0%} say they are satisfied or very satisfied, "
        f"{levels['share'].head(2).sum():.0%} dissatisfied."
    )
    return Finding(
        f"Loyalty stands at {all_of_them['index']:.0f} of 100 points: likely between "
        f"{all_of_them['low']:.0f} and {all_of_them['high']:.0f} ({confidence:.0%} interval).",
        " ".join([detail, *index.notes]),
    )


def types_finding(types: LoyaltyTypes) -> Finding:
    """Of what kind the loyalty is, as far as the answers tell."""
    shares = types.summary.set_index("type")
    unclear = shares.loc[UNCLEAR]
    placed = shares.drop(UNCLEAR).sort_values("share", ascending=False, kind="stable")
    if unclear["share"] > 0.5:
        return Finding(
            "Of what kind the loyalty is cannot be said for most customers: "
            f"{unclear['share']:.0%} of them fit no rule.",
            " ".join(["The rules are in the section on types.", *types.notes]),
        )
    first, second = placed.iloc[0], placed.iloc[1]
    is_ahead = first["low"] > second["high"]
    text = (
        f"The most frequent kind of loyalty is {kind(first)}."
        if is_ahead
        else f"No kind of loyalty is clearly ahead; {kind(first)} and {kind(second)} lead."
    )
    rest = [
        f"{name} {row['share']:.0%}"
        for name, row in placed.iloc[1 if is_ahead else 2 :].iterrows()
        if row["customers"]
    ]
    detail = [f"From {counted(int(first['n']), 'customer')}."]
    if rest:
        detail.append(f"The others: {listed(rest)}; each share can be some points off.")
    detail.append(f"{unclear['share']:.0%} are unclear.")
    return Finding(text, " ".join([*detail, *types.notes]))


def kind(row: pd.Series) -> str:
    """Name a type, what it means and its share."""
    return (
        f"{row.name} ({MEANING[str(row.name)]}) with {row['share']:.0%} "
        f"({row['low']:.0%} to {row['high']:.0%})"
    )


def determinants_finding(found: Determinants) -> Finding:
    """What loyalty goes with, where satisfaction counts for less, and how value acts."""
    effects = found.effects[found.effects["effect"] != MODERATION]
    clear = (effects["low"] > 0) | (effects["high"] < 0)
    silent = [named(name) for name in effects.loc[~clear, "effect"]]
    if clear.any():
        strong = effects[clear].sort_values("coefficient", key=abs, ascending=False)
        parts = [f"{named(row['effect'])} ({effect(row)})" for _, row in strong.iterrows()]
        text = f"Loyalty goes with {listed(parts)}, in points for a point more."
    else:
        text = "None of the things asked about can be told to go with loyalty."
    detail = [f"From {counted(found.n, 'answer')}."]
    if silent and clear.any():
        detail.append(f"No effect of its own can be seen of {listed(silent)}.")
    detail += [moderation_sentence(found), mediation_sentence(found)]
    detail.append("These are associations in one survey, which do not prove a cause.")
    return Finding(text, " ".join([*detail, *found.notes]))


def moderation_sentence(found: Determinants) -> str:
    """Whether satisfaction counts for less where leaving is hard."""
    product = found.effects.set_index("effect").loc[MODERATION]
    slopes = found.slopes.set_index("switching_cost")["coefficient"]
    if product["low"] <= 0 <= product["high"]:
        return "Whether switching costs change what satisfaction does cannot be said."
    word = "less" if product["high"] < 0 else "more"
    return (
        f"Satisfaction counts for {word} where switching is costly: {signed(slopes['high'])} there "
        f"against {signed(slopes['low'])} where it is cheap."
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
    close = [str(item) for item in gaps.loc[gaps["verdict"] == UNDECIDED, "item"]]
    detail = []
    if len(above):
        detail.append(f"Better than expected: {listed(gap_words(above))}.")
    if close:
        detail.append(f"Too close to tell: {listed(close)}.")
    if few:
        detail.append(f"Too few answers: {listed(few)}.")
    detail.append("What was expected is remembered afterwards, and coloured by what was found.")
    text = (
        f"Experience falls short of expectation in {listed(gap_words(short))}, in points."
        if len(short)
        else "Nothing asked about clearly falls short of what was expected."
    )
    return Finding(text, " ".join(detail))


def gap_words(gaps: pd.DataFrame) -> list[str]:
    """Item and gap with its interval."""
    return [f"{row['item']} ({effect(row, 'gap')})" for _, row in gaps.iterrows()]


def effect(row: pd.Series, column: str = "coefficient") -> str:
    """Write an effect and its interval."""
    return f"{signed(row[column])}, {signed(row['low'])} to {signed(row['high'])}"


def ranged(row: pd.Series, column: str) -> str:
    """Write a score and its interval."""
    return f"{row[column]:.0f}, {row['low']:.0f} to {row['high']:.0f}"


def signed(value: float) -> str:
    """Write a number with its sign."""
    return "unknown" if np.isnan(value) else f"{value:+.2f}".replace("-", "−")


def named(name: object) -> str:
    """Write the name of a column as words."""
    return str(name).replace("_", " ")
