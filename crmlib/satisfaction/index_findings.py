"""What a manager should know, in sentences: page one of the report on the satisfaction index."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from crmlib.findings import Finding, counted, listed
from crmlib.satisfaction.index import SatisfactionIndex
from crmlib.satisfaction.priorities import Priorities
from crmlib.satisfaction.waves import WaveChange

METHOD_WORDS = {
    "pcr": "principal component regression",
    "pls": "partial least squares",
    "ols": "least squares",
    "ridge": "ridge regression",
    "lmg": "the LMG shares of R²",
    "johnson": "Johnson's relative weights",
    "correlation": "the correlation with the overall score",
}

MOST = 3
"""Items named in a headline: more than three things are not done at once."""


@dataclass(frozen=True)
class Words:
    """How the report names things.

    Attributes
    ----------
    labels : mapping of str to str
        What to write for an item; its name where there is none.
    who : str
        Who was asked, such as "customers".
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    who: str = "customers"

    def items(self, names: pd.Series, most: int = 12) -> str:
        """Write a list of items, the rest of a long one as a number."""
        parts = [self.labels.get(str(name), str(name)) for name in names]
        if len(parts) > most:
            parts = [*parts[: most - 1], f"{len(parts) - most + 1:,} more"]
        return listed(parts)


def index_findings(
    index: SatisfactionIndex,
    priorities: Priorities,
    change: WaveChange | None = None,
    *,
    words: Words | None = None,
) -> list[Finding]:
    """Findings of the report: the index, its change, what to improve, what cannot be said.

    Parameters
    ----------
    index : SatisfactionIndex
    priorities : Priorities
    change : WaveChange, optional
        Since the wave before.
    words : Words, optional

    Returns
    -------
    list of Finding
        The index, its change if there is a wave before, what to improve, what cannot be placed,
        and how segments differ if there are any.
    """
    words = words or Words()
    findings = [index_finding(index, words)]
    if change is not None:
        findings.append(change_finding(change, words))
    findings.append(improve_finding(priorities, words))
    if priorities.table["importance"].notna().all():
        findings.append(undecided_finding(priorities, words))
    if len(index.table) > 1:
        findings.append(segments_finding(index))
    return findings


def index_finding(index: SatisfactionIndex, words: Words) -> Finding:
    """The index with the interval of the whole calculation, and what it stands on."""
    row = index.table.iloc[0]
    if pd.isna(row["index"]):
        return Finding(
            "The satisfaction index cannot be computed from these answers.", " ".join(index.notes)
        )
    if pd.isna(row["whole_low"]):
        text = (
            f"The satisfaction index of the {row['n']:,} {words.who} is {number(row['index'])} of "
            "100, but how far it can be trusted cannot be said."
        )
    else:
        text = (
            f"The satisfaction index of the {row['n']:,} {words.who} is {number(row['index'])} of "
            f"100: likely between {number(row['whole_low'])} and {number(row['whole_high'])} "
            f"({index.confidence:.0%} interval)."
        )
    return Finding(text, index_detail(index, row))


def index_detail(index: SatisfactionIndex, row: pd.Series) -> str:
    """How the index was made, and how much of its uncertainty is that of the weights."""
    parts = [
        f"It is the mean score of the items, weighted by their importance for the overall score, "
        f"by {METHOD_WORDS[index.method]}{choice_words(index)}."
    ]
    if pd.notna(row["low"]):
        parts.append(
            f"Taking that importance as known, the interval would be {number(row['low'])} to "
            f"{number(row['high'])}."
        )
    if not np.isclose(row["n_effective"], row["n"], rtol=1e-9):
        parts.append(
            f"Because their weights differ, the answers tell as much as "
            f"{row['n_effective']:,.0f} of equal weight."
        )
    negative = index.weights.loc[index.weights["is_negative"], "item"]
    if len(negative):
        parts.append(
            f"{counted(len(negative), 'item')} came out with negative importance: the weights of "
            "single items are not to be trusted."
        )
    return " ".join(parts)


def choice_words(index: SatisfactionIndex) -> str:
    """How many components the index stands on."""
    if index.components is None or index.method == "ridge":
        return ""
    return f" with {counted(int(index.components), 'component')}"


def change_finding(change: WaveChange, words: Words) -> Finding:
    """Whether the index changed beyond chance, and by what."""
    rows = change.table.set_index("quantity")
    whole = rows.loc["change"]
    if pd.isna(whole["low"]):
        return Finding(
            "Whether the index has changed since the last wave cannot be said.",
            "It cannot be computed for one of the waves, or in too many resamples.",
        )
    between = f"{signed(whole['low'])} to {signed(whole['high'])}"
    if whole["low"] <= 0 <= whole["high"]:
        text = (
            "No change of the index since the last wave can be shown: "
            f"{signed(whole['estimate'])} points ({between})."
        )
    else:
        word = "risen" if whole["estimate"] > 0 else "fallen"
        text = (
            f"The index has {word} by {number(abs(whole['estimate']))} points since the last wave, "
            f"from {number(rows.loc['index before', 'estimate'])} to "
            f"{number(rows.loc['index after', 'estimate'])} (change {between})."
        )
    detail = (
        f"Scores make {signed(rows.loc['score effect', 'estimate'])} of it, changed importance "
        f"{signed(rows.loc['weight effect', 'estimate'])}. Two such waves show a change with "
        f"{change.power:.0%} probability when it is {number(change.smallest_detectable_change)} "
        f"points or more. {item_sentence(change, words)}"
    )
    return Finding(text, detail)


def item_sentence(change: WaveChange, words: Words) -> str:
    """Which items changed, allowing for their number."""
    changed = change.items[change.items["changed"]]
    if changed.empty:
        return "No single item changed by more than chance explains."
    sides = [
        f"{word}: {words.items(part.sort_values('p')['item'])}"
        for part, word in (
            (changed[changed["change"] > 0], "better"),
            (changed[changed["change"] < 0], "worse"),
        )
        if len(part)
    ]
    return f"Changed by more than chance explains, {'; '.join(sides)}."


def improve_finding(priorities: Priorities, words: Words) -> Finding:
    """The two or three things to improve that the evidence supports."""
    table = priorities.table
    if table["importance"].isna().any():
        return Finding(
            "What to improve first cannot be said: the importance of the items is not known.",
            f"They cannot be told apart by {METHOD_WORDS[priorities.method]} from these answers.",
        )
    first = table[table["quadrant"] == "improve first"].sort_values("importance", ascending=False)
    if first.empty:
        return Finding(
            "No item can be named as the one to improve first.",
            f"None is both important and weak by more than chance explains. {nearly(table, words)}",
        )
    top = first.head(MOST)
    rest = len(first) - len(top)
    more = f" ({rest:,} more in the table of priorities)" if rest else ""
    each = "; ".join(placing(row, words) for _, row in top.iterrows())
    counts = "Each counts" if len(top) > 1 else "It counts"
    return Finding(
        f"Improve first: {words.items(top['item'])}{more}.",
        f"{counts} more for the overall score than items do on average and "
        f"{'scores' if len(top) > 1 else 'it scores'} lower, by more than chance explains: {each}. "
        f"Importance by {METHOD_WORDS[priorities.method]}.",
    )


def placing(row: pd.Series, words: Words) -> str:
    """An item's score and importance with intervals."""
    return (
        f"{words.labels.get(str(row['item']), row['item'])} {number(row['performance'])} of 100 "
        f"({number(row['performance_low'])} to {number(row['performance_high'])}), with "
        f"{row['importance']:.0%} of all importance ({row['importance_low']:.0%} to "
        f"{row['importance_high']:.0%})"
    )


def nearly(table: pd.DataFrame, words: Words) -> str:
    """Which items clear one of the two lines."""
    important = table.loc[table["importance_difference_low"] > 0, "item"]
    weak = table.loc[table["performance_difference_high"] < 0, "item"]
    parts = []
    if len(important):
        parts.append(f"More important than the average for certain: {words.items(important)}.")
    if len(weak):
        parts.append(f"Weaker than the average for certain: {words.items(weak)}.")
    return " ".join(parts) or "No item differs from the average in either for certain."


def undecided_finding(priorities: Priorities, words: Words) -> Finding:
    """What the answers do not support: items that cannot be placed."""
    table = priorities.table
    total = len(table)
    keep = table.loc[table["quadrant"] == "keep up", "item"]
    kept = f" To be kept up, important and strong: {words.items(keep)}." if len(keep) else ""
    if not priorities.undecided:
        return Finding(
            f"All {total:,} items can be placed as important or not and strong or weak.",
            f"Each on its own at {priorities.confidence:.0%}; among {total:,} items one may be on "
            f"the wrong side by chance.{kept}",
        )
    unplaced = table.loc[table["quadrant"] == "undecided", "item"]
    if priorities.undecided == total:
        text = "No item can be placed as important or not and strong or weak: do not rank them."
    else:
        text = (
            f"{priorities.undecided:,} of {total:,} items cannot be placed as important or not and "
            "strong or weak: do not rank them."
        )
    return Finding(
        text,
        f"With other {words.who} of the same kind they could lie on the other side: "
        f"{words.items(unplaced)}.{kept}",
    )


def segments_finding(index: SatisfactionIndex) -> Finding:
    """Which segments' index differs from that of all, allowing for their number."""
    told = index.table.iloc[1:].dropna(subset=["index", "whole_low"])
    few = index.table.loc[index.table["note"] == "too few", "segment"]
    silence = f" Too few to say: {listed(list(few))}." if len(few) else ""
    if told.empty:
        return Finding("Whether segments differ cannot be said from these answers.", silence[1:])
    tail = 100 * (1 - index.confidence) / len(told) / 2
    rows = []
    for _, row in told.iterrows():
        difference = index.draws[row["segment"]] - index.draws["all"]
        low, high = np.nanpercentile(difference, [tail, 100 - tail])
        rows.append((row, int(low > 0) - int(high < 0)))
    each = "; ".join(
        f"{row['segment']} {number(row['index'])} ({number(row['whole_low'])} to "
        f"{number(row['whole_high'])}, n = {row['n']:,})"
        for row, _ in rows
    )
    sides = [
        f"{word} than the index of all by more than chance explains: "
        f"{listed([str(row['segment']) for row, side in rows if side == wanted])}."
        for wanted, word in ((-1, "Lower"), (1, "Higher"))
        if any(side == wanted for _, side in rows)
    ]
    text = " ".join(sides) or "No segment's index differs from that of all by more than chance."
    return Finding(text, f"{each}.{silence}")


def number(value: float) -> str:
    """Write points of the index."""
    return f"{value:.1f}".replace("-", "−")


def signed(value: float) -> str:
    """Write a change in points with its sign."""
    return f"{value:+.1f}".replace("-", "−") if abs(value) >= 0.05 else "0.0"
