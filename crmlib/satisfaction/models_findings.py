"""What a manager should know, in sentences: page one of the report on path models and Kano."""

from collections.abc import Mapping

import pandas as pd

from crmlib.findings import Finding, counted, listed
from crmlib.satisfaction.index_findings import Words, number
from crmlib.satisfaction.kano import UNDECIDED, Kano
from crmlib.satisfaction.models_inputs import OWN
from crmlib.satisfaction.path_comparison import with_interval
from crmlib.satisfaction.path_model import PathModel
from crmlib.satisfaction.scores import TOO_FEW

RELIABLE = 0.7
"""Alpha from which answers may be summed up (Nunnally 1978)."""

DISTINCT = 0.9
"""HTMT below which constructs are taken for different ones (Henseler, Ringle, Sarstedt 2015)."""

MOST = 3
"""Pairs of constructs named on page one; more are counted."""

WANTED = {
    "must-be": "taken for granted",
    "one-dimensional": "more is better",
    "attractive": "delights",
}
"""Decisions of `kano` on features that matter, in words."""

OTHERS = {
    "indifferent": "Makes no difference to most",
    "reverse": "Rather without",
    UNDECIDED: "Cannot be placed",
    TOO_FEW: "Too few answers",
}
"""The other decisions, in words."""


def models_findings(
    model: PathModel,
    name: str,
    *,
    target: str = "loyalty",
    others: Mapping[str, PathModel] | None = None,
    kano: Kano | None = None,
    nps: pd.DataFrame | None = None,
    words: Words | None = None,
    confidence: float = 0.95,
) -> list[Finding]:
    """Findings of the report: index, what the target goes with, what is explained, Kano, NPS.

    Parameters
    ----------
    model : PathModel
    name : str
        Of the model.
    target : str
        Construct whose causes are told.
    others : mapping of str to PathModel, optional
        Other models of the same answers, to say how much the index depends on the choice.
    kano : Kano, optional
    nps : DataFrame, optional
        What `nps` returned.
    words : Words, optional
        Labels of Kano's features, and who was asked.
    confidence : float
        Level of the intervals in the model.

    Returns
    -------
    list of Finding
        Three, and one more for each of Kano and the net promoter score.
    """
    words = words or Words()
    findings = [
        index_finding(model, name, target, others or {}, words, confidence),
        effects_finding(model, target, words),
        paths_finding(model, target),
    ]
    if kano is not None:
        findings.append(kano_finding(kano, words))
    if nps is not None:
        findings.append(nps_finding(nps, words))
    return findings


def main_construct(model: PathModel, target: str) -> str:
    """Satisfaction where the model has it, else the target."""
    return "satisfaction" if (model.constructs["construct"] == "satisfaction").any() else target


def index_finding(
    model: PathModel,
    name: str,
    target: str,
    others: Mapping[str, PathModel],
    words: Words,
    confidence: float,
) -> Finding:
    """The index, how much it hangs on the model, and the subject that scores lowest."""
    main = main_construct(model, target)
    row = row_of(model.constructs, main)
    questions = counted(int(row["items"]), "question" if name == OWN else "general question")
    which = "own model" if name == OWN else name
    text = (
        f"{plain(main).capitalize()} of {model.n:,} {words.who} by {questions} ({which}) is "
        f"{number(row['index'])} of 100"
    )
    if pd.isna(row["low"]):
        text += ", but how far it can be trusted cannot be said."
    else:
        text += (
            f", likely between {number(row['low'])} and {number(row['high'])} "
            f"({confidence:.0%} interval)."
        )
    parts = [lowest(model.constructs)]
    found = [
        float(row_of(other.constructs, main)["index"])
        for other in others.values()
        if (other.constructs["construct"] == main).any()
    ]
    if found:
        ways = counted(len(found), "other way")
        ends = list(dict.fromkeys(number(end) for end in (min(found), max(found))))
        parts.insert(0, f"{' to '.join(ends)} by {ways} to compute it.")
    parts.append("Not comparable with the index of satisfaction/index: other questions.")
    gone = model.left_out
    if len(gone):
        why = listed([f"{row['rows']:,} with {row['reason']}" for _, row in gone.iterrows()])
        parts.append(f"Set aside, of {model.n + gone['rows'].sum():,}: {why}.")
    return Finding(text, " ".join(parts))


def lowest(constructs: pd.DataFrame) -> str:
    """Which subject scores lowest, if that can be said."""
    table = constructs.sort_values("index", kind="stable")
    first, of_all = table.iloc[0], f"f the {len(table):,} subjects"
    rivals = table[~(table["low"] > first["high"])].iloc[1:]
    name, value = plain(first["construct"]), with_interval(first, "index", 1)
    if rivals.empty:
        return f"O{of_all} {name} scores lowest: {value}."
    return (
        f"Which o{of_all} scores lowest cannot be said: {name} {value}, then "
        f"{plain(rivals['construct'].iloc[0])}."
    )


def effects_finding(model: PathModel, target: str, words: Words) -> Finding:
    """What the target goes with most, straight and by way of others."""
    table = model.total_effects[model.total_effects["to"] == target]
    table = table.sort_values("effect", ascending=False)
    clear = table[table["low"] > 0]
    if clear.empty:
        return Finding(
            f"What {plain(target)} goes with cannot be said.",
            "With no subject does it rise by more than chance explains.",
        )
    first = clear.iloc[0]
    alike = clear[clear["high"] >= first["low"]]
    text = f"{plain(target).capitalize()} goes most with {named(alike['from'])}"
    text += "." if len(alike) == 1 else "; which comes first cannot be said."
    size, _, interval = with_interval(first, "effect", 2).partition(" ")
    parts = [
        f"Where {plain(first['from'])} is higher by a typical difference between {words.who}, "
        f"{plain(target)} is higher by {size} of one {interval}"
    ]
    parts += [
        f"{plain(row['from'])} {with_interval(row, 'effect', 2)}"
        for _, row in clear.iloc[1:].iterrows()
    ]
    parts = [f"{'; '.join(parts)}."]
    unclear = table.loc[~(table["low"] > 0) & ~(table["high"] < 0), "from"]
    if len(unclear):
        parts.append(f"It may have nothing to do with {named(unclear)}.")
    against = table.loc[table["high"] < 0, "from"]
    if len(against):
        parts.append(f"It is lower with more {named(against)}.")
    parts.append("This is what goes together: no promise of what a change would bring.")
    return Finding(text, " ".join(parts))


def paths_finding(model: PathModel, target: str) -> Finding:
    """How much is explained, which paths cannot be shown, and whether the blocks are sound."""
    asked = (main_construct(model, target), target)
    shown = model.r_squared[model.r_squared["construct"].isin(asked)]
    each = [f"{row['r_squared']:.0%}" for _, row in shown.iterrows()]
    each[0] += " of the differences"
    told = [f"{share} in {plain(c)}" for share, c in zip(each, shown["construct"], strict=True)]
    text = f"The model explains {listed(told)}."
    paths = model.paths
    unclear = paths[~((paths["low"] > 0) | (paths["high"] < 0))]
    parts = [f"{plain(row['from'])} to {plain(row['to'])}" for _, row in unclear.iterrows()]
    if paths["low"].isna().all():
        detail = "Which of its arrows stand for something cannot be said."
    elif parts:
        stand = "stands" if len(parts) == 1 else "stand"
        detail = (
            f"{len(unclear):,} of its {counted(len(paths), 'arrow')} perhaps {stand} for nothing "
            f"(dashed): {listed(parts)}."
        )
    else:
        detail = "Every arrow stands for more than chance explains."
    return Finding(text, f"{detail} {soundness(model)}")


def soundness(model: PathModel) -> str:
    """Whether the answers of each construct go together, and constructs are told apart."""
    alpha = model.constructs["alpha"]
    loose = model.constructs.loc[alpha < RELIABLE, "construct"]
    told = model.htmt[model.htmt["ratio"].notna()]
    mixed = told[~(told["high"] < DISTINCT)]
    parts = []
    if len(loose):
        parts.append(f"Questions that hardly go together (alpha below {RELIABLE}): {named(loose)}.")
    pairs = [f"{plain(row['construct'])} and {plain(row['other'])}" for _, row in mixed.iterrows()]
    if len(pairs) > MOST:
        parts.append(
            f"{len(pairs):,} of {len(told):,} pairs of subjects may be one and the same (HTMT)."
        )
    elif pairs:
        parts.append(f"May be one and the same subject (HTMT): {'; '.join(pairs)}.")
    if parts:
        return " ".join(parts)
    if alpha.isna().all() or told.empty:
        return "Too few questions a subject to say whether they go together and subjects differ."
    return "Questions on a subject go together, and subjects differ."


def kano_finding(kano: Kano, words: Words) -> Finding:
    """Which features are needed, wanted or not, and what cannot be said."""
    groups = kano.table.groupby("decision", sort=False)["feature"]
    found = {str(decision): words.items(features) for decision, features in groups}
    needed = [f"{meaning}: {found[word]}" for word, meaning in WANTED.items() if word in found]
    text = "; ".join(needed) or "no feature can be said to matter to most"
    lose = sizes(kano, "worse", ("must-be", "one-dimensional"), words)
    win = sizes(kano, "better", ("attractive", "one-dimensional"), words)
    parts = [f"Dissatisfied without it: {lose}."] if lose else []
    parts += [f"Pleased with it: {win}."] if win else []
    parts += [f"{meaning}: {found[word]}." for word, meaning in OTHERS.items() if word in found]
    return Finding(f"{text[0].upper()}{text[1:]}.", " ".join(parts))


def sizes(kano: Kano, value: str, decisions: tuple[str, ...], words: Words) -> str:
    """A coefficient of Kano of the features decided so, as a share, with intervals.

    Without its sign, worse is the share who would be dissatisfied without the feature; better, of
    those who would be pleased with it.
    """
    table = kano.table[kano.table["decision"].isin(decisions)]
    parts = []
    for _, row in table.iterrows():
        label = words.labels.get(row["feature"], row["feature"])
        low, high = sorted(abs(row[f"{value}_{end}"]) for end in ("low", "high"))
        parts.append(f"{label} {abs(row[value]):.0%} ({low:.0%} to {high:.0%})")
    return "; ".join(parts)


def nps_finding(nps: pd.DataFrame, words: Words) -> Finding:
    """The net promoter score, and whether promoters outnumber detractors."""
    row = nps.iloc[0]
    if pd.isna(row["nps"]):
        return Finding("The net promoter score cannot be said from these answers.", row["note"])
    score, low, high = (f"{row[name]:.0f}".replace("-", "−") for name in ("nps", "low", "high"))
    if pd.isna(row["low"]):
        text = f"The net promoter score is {score}; how far it can be trusted cannot be said."
    elif row["low"] <= 0 <= row["high"]:
        text = (
            f"The net promoter score is {score} ({low} to {high}): which of promoters and "
            "detractors are more cannot be said."
        )
    else:
        sides = ("promoters", "detractors") if row["low"] > 0 else ("detractors", "promoters")
        text = f"The net promoter score is {score} ({low} to {high}): {' outnumber '.join(sides)}."
    return Finding(
        text,
        f"Of {row['n']:,} {words.who} who answered, {row['promoters']:.0%} are promoters (9 or 10) "
        f"and {row['detractors']:.0%} detractors (0 to 6).",
    )


def row_of(table: pd.DataFrame, construct: str) -> pd.Series:
    """The row of one construct."""
    return table[table["construct"] == construct].iloc[0]


def plain(construct: str) -> str:
    """Write a construct without underscores."""
    return str(construct).replace("_", " ")


def named(constructs: pd.Series) -> str:
    """Write a list of constructs."""
    return listed([plain(construct) for construct in constructs])
