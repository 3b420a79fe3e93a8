"""What a manager should know, in sentences: page one of the report on the satisfaction index."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from crmlib.findings import Finding, counted, listed
from crmlib.multiple_testing import stretch
from crmlib.satisfaction.draws import interval_by_units
from crmlib.satisfaction.drivers import Drivers
from crmlib.satisfaction.drivers_findings import METHOD_WORDS, drivers_findings
from crmlib.satisfaction.index import SatisfactionIndex
from crmlib.satisfaction.priorities import Priorities
from crmlib.satisfaction.reliability import Reliability
from crmlib.satisfaction.waves import WaveChange

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
    found: Drivers,
    change: WaveChange | None = None,
    *,
    trusted: Reliability | None = None,
    elsewhere: Sequence[float] = (),
    words: Words | None = None,
) -> list[Finding]:
    """Findings of page one: the index, its change, what to improve, what cannot be said.

    Parameters
    ----------
    index : SatisfactionIndex
    priorities : Priorities
    found : Drivers
        Of the same answers.
    change : WaveChange, optional
        Since the wave before.
    trusted : Reliability, optional
        Of the same answers.
    elsewhere : sequence of float
        The index by other methods and other treatments of what is missing.
    words : Words, optional

    Returns
    -------
    list of Finding
        Four, one more with a wave before, one more where a segment differs from all, and a warning
        before all of them where questions seem to be worded the other way round or say the same.
    """
    words = words or Words()
    findings = [] if trusted is None else reversed_findings(trusted, words)
    findings += inseparable_findings(found, words)
    findings.append(index_finding(index, words, elsewhere))
    if change is not None:
        findings.append(change_finding(change, words))
    if found.foretells:
        findings.append(improve_finding(priorities, words))
    support, *others = drivers_findings(
        found, labels=words.labels, method=priorities.method, confidence=index.confidence
    )
    findings.append(support)
    if others:
        findings.append(unsupported_finding(undecided_finding(priorities, words), others))
    if len(index.table) > 1 and (segments := segments_finding(index)) is not None:
        findings.append(segments)
    return findings


def unsupported_finding(undecided: Finding, others: list[Finding]) -> Finding:
    """What the answers do not support: one order of the questions, and their quadrants."""
    order, *agreement = others
    parts = [undecided.text, order.detail, *(finding.text for finding in agreement)]
    return Finding(order.text, " ".join(parts))


def reversed_findings(trusted: Reliability, words: Words) -> list[Finding]:
    """A warning where questions run against the others of their block."""
    against = trusted.items.loc[trusted.items["reversed"], "item"]
    if against.empty:
        return []
    return [
        Finding(
            f"Check first: {words.items(against)} may be worded the other way round.",
            "The answers run against those to the other questions of the block. If a high answer "
            "means dissatisfied there, turn the column round and run the report again: all that "
            "follows changes.",
        )
    ]


def inseparable_findings(found: Drivers, words: Words) -> list[Finding]:
    """A warning where questions can be worked out from one another."""
    if not found.inseparable or found.n <= len(found.items):
        return []
    return [
        Finding(
            f"Check first: {words.items(pd.Series(found.inseparable))} say the same.",
            "Each can be worked out from the others, so what each of them adds cannot be said, and "
            "a question asked twice shares its importance with its copy. Leave one out and run the "
            "report again.",
        )
    ]


def index_finding(
    index: SatisfactionIndex, words: Words, elsewhere: Sequence[float] = ()
) -> Finding:
    """The index with the interval of the whole calculation, and what it stands on."""
    row = index.table.iloc[0]
    if pd.isna(row["index"]):
        return Finding(
            "The satisfaction index cannot be computed from these answers.", " ".join(index.notes)
        )
    if pd.isna(row["whole_low"]):
        text = (
            f"The satisfaction index is {number(row['index'])} of 100, but how far it can be "
            "trusted cannot be said."
        )
    else:
        text = (
            f"The satisfaction index of {counted(len(index.weights), 'question')} is "
            f"{number(row['index'])} of 100, likely between {number(row['whole_low'])} and "
            f"{number(row['whole_high'])}."
        )
    return Finding(text, f"{index_detail(index, row, words)}{elsewhere_sentence(elsewhere)}")


def elsewhere_sentence(elsewhere: Sequence[float]) -> str:
    """How far the index moves with choices that somebody else might make."""
    known = [value for value in elsewhere if pd.notna(value)]
    if not known:
        return ""
    ends = f"{number(min(known))} to {number(max(known))}"
    return f" By {len(known)} other ways to weigh and to fill gaps: {ends}."


def index_detail(index: SatisfactionIndex, row: pd.Series, words: Words) -> str:
    """How the index was made, and how much of its uncertainty is that of the weights."""
    parts = [
        f"From the answers of {row['n']:,} {words.who}, with a {index.confidence:.0%} interval: "
        f"the mean score of the questions, weighted by their importance for the overall score, "
        f"by {METHOD_WORDS[index.method]}{choice_words(index)}."
    ]
    if not np.isclose(row["n_effective"], row["n"], rtol=1e-9):
        parts.append(
            f"Because weights differ between people, the answers tell as much as "
            f"{row['n_effective']:,.0f} of equal weight."
        )
    negative = index.weights.loc[index.weights["is_negative"], "item"]
    if len(negative):
        parts.append(
            f"{counted(len(negative), 'question')} came out with negative importance: the weights "
            "of single questions are not to be trusted."
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
        return "No single question changed by more than chance explains."
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
            "What to improve first cannot be said: the importance of the questions is not known.",
            f"They cannot be told apart by {METHOD_WORDS[priorities.method]} from these answers.",
        )
    if table["importance_low"].isna().all():
        return Finding(
            "What to improve first cannot be said: how far the importance of the questions may be "
            "off is not known.",
            " ".join(note for note in priorities.notes if note.startswith("Intervals cannot")),
        )
    first = table[table["quadrant"] == "improve first"].sort_values("importance", ascending=False)
    if first.empty:
        return Finding(
            "No question can be named as the one to improve first.",
            "None is both important and weak by more than chance explains. "
            f"{nearly(priorities, words)}",
        )
    top = first.head(MOST)
    rest = len(first) - len(top)
    more = f" ({rest:,} more in the table of priorities)" if rest else ""
    each = "; ".join(placing(row, words) for _, row in top.iterrows())
    counts = "Each counts" if len(top) > 1 else "It counts"
    return Finding(
        f"Improve first: {words.items(top['item'])}{more}.",
        f"{counts} more for the overall score than questions do on average and "
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


def nearly(priorities: Priorities, words: Words) -> str:
    """Which items clear one of the two lines, their number allowed for."""
    table, longer = priorities.table, stretch(priorities.confidence, len(priorities.table))
    above, below = table["importance_difference"], table["performance_difference"]
    low = above - longer * (above - table["importance_difference_low"])
    high = below + longer * (table["performance_difference_high"] - below)
    important, weak = table.loc[low > 0, "item"], table.loc[high < 0, "item"]
    parts = []
    if len(important):
        parts.append(f"More important than the average, beyond chance: {words.items(important)}.")
    if len(weak):
        parts.append(f"Weaker than the average, beyond chance: {words.items(weak)}.")
    return " ".join(parts) or "No question differs from the average in either beyond chance."


def undecided_finding(priorities: Priorities, words: Words) -> Finding:
    """What the answers do not support: items that cannot be placed."""
    table = priorities.table
    total = len(table)
    keep = table.loc[table["quadrant"] == "keep up", "item"]
    kept = f" To be kept up, important and strong: {words.items(keep)}." if len(keep) else ""
    if not priorities.undecided:
        return Finding(
            f"All {total:,} questions can be placed as important or not and strong or weak.",
            f"All at once at {priorities.confidence:.0%}.{kept}",
        )
    unplaced = table.loc[table["quadrant"] == "undecided", "item"]
    if priorities.undecided == total:
        text = "No question can be placed as important or not and strong or weak: do not rank them."
    else:
        text = (
            f"{priorities.undecided:,} of {total:,} questions cannot be placed as important or "
            "not and strong or weak: do not rank them."
        )
    return Finding(
        text,
        f"With other {words.who} of the same kind they could lie on the other side: "
        f"{words.items(unplaced)}.{kept}",
    )


def segments_finding(index: SatisfactionIndex) -> Finding | None:
    """Which segments' index differs from that of all, allowing for their number; None if none."""
    told = index.table.iloc[1:].dropna(subset=["index", "whole_low"])
    few = index.table["segment"].iloc[1:][index.table["whole_low"].iloc[1:].isna()]
    silence = f" Too few to say: {listed(list(few))}." if len(few) else ""
    if told.empty:
        return None
    each_sure = 1 - (1 - index.confidence) / len(told)
    rows = []
    for _, row in told.iterrows():
        difference = index.draws[row["segment"]] - index.draws["all"]
        found = [row["index"] - index.table["index"].iloc[0], *difference]
        low, high = interval_by_units(np.array(found), row["degrees_of_freedom"], each_sure)
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
    return Finding(" ".join(sides), f"{each}.{silence}") if sides else None


def number(value: float) -> str:
    """Write points of the index."""
    return f"{value:.1f}".replace("-", "−")


def signed(value: float) -> str:
    """Write a change in points with its sign."""
    return f"{value:+.1f}".replace("-", "−") if abs(value) >= 0.05 else "0.0"
