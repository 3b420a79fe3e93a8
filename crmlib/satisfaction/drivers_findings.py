"""What a manager should know about drivers, in sentences: page one of the satisfaction report."""

from collections.abc import Mapping

import pandas as pd

from crmlib.findings import Finding, listed
from crmlib.multiple_testing import stretch
from crmlib.satisfaction.agreement import same_first_share
from crmlib.satisfaction.drivers import Drivers

PREFERRED = ("johnson", "lmg", "ridge", "pls", "ols", "correlation", "pcr")
"""Methods by how well they name the true first driver in simulations, the best first."""

METHOD_WORDS = {
    "johnson": "Johnson's relative weights",
    "lmg": "the LMG shares of R²",
    "ridge": "ridge regression",
    "pls": "partial least squares",
    "pcr": "principal component regression",
    "ols": "least squares",
    "correlation": "the correlation with the overall score",
}

MOST_NAMED = 3
"""Drivers named on page one."""

SETTLED = 0.95
"""Share of the resamples in which what comes first must do so to be called first."""


def drivers_findings(
    found: Drivers,
    *,
    labels: Mapping[str, str] | None = None,
    method: str | None = None,
    confidence: float = 0.95,
) -> list[Finding]:
    """Findings on drivers: which there are, which order is not supported, how far methods agree.

    Parameters
    ----------
    found : Drivers
        From `drivers`.
    labels : mapping of str to str, optional
        Words for items and blocks; their own names where there are none.
    method : str, optional
        The method to speak of, where it has intervals; else, and without, the one that names the
        true first driver most often in simulations.
    confidence : float
        Level of the intervals in ``found``.

    Returns
    -------
    list of Finding
        Two, or three with several methods; one where the items foretell nothing, or of a single
        item. They speak of blocks where there are any, and of items.
    """
    words = dict(labels or {})
    if not found.foretells:
        return [
            Finding(
                "What satisfaction hangs on cannot be told from these answers.",
                f"The questions foretell the overall score of {found.n:,} people no better than "
                "its mean does. Ask more people, or ask openly what matters to them.",
            )
        ]
    method = spoken_method(found.table, method)
    if method is None:
        return [
            Finding(
                "What drives overall satisfaction cannot be said from these answers.",
                " ".join(found.notes) or found.agreement,
            )
        ]
    items = of_method(found.table, method, "item", words)
    blocks = None if found.blocks is None else of_method(found.blocks, method, "block", words)
    basis = basis_sentence(found, method, confidence)
    if len(items) == 1:
        return [Finding("With one question there is nothing to rank.", basis)]
    findings = [support_finding(items, blocks, basis, confidence), order_finding(items, method)]
    return [*findings, *agreement_findings(found, words)]


def spoken_method(table: pd.DataFrame, wanted: str | None) -> str | None:
    """The method wanted, or else most trusted, that has shares with intervals for all items."""
    known = table.groupby("method")["share_low"].count()
    complete = known[known == table["item"].nunique()].index
    return next((method for method in (wanted, *PREFERRED) if method in complete), None)


def of_method(
    table: pd.DataFrame, method: str, what: str, words: Mapping[str, str]
) -> pd.DataFrame:
    """Rows of one method, the most important first, with names in words."""
    part = table[table["method"] == method].sort_values("share", ascending=False)
    return part.assign(name=[words.get(name, name) for name in part[what]])


def basis_sentence(found: Drivers, method: str, confidence: float) -> str:
    """What the shares are from, and how much there is to share."""
    sentence = f"From {found.n:,} answers by {METHOD_WORDS[method]}, {confidence:.0%} intervals."
    r_squared = found.methods.set_index("method")["r_squared"].get(method)
    if r_squared is None or r_squared != r_squared:
        return sentence
    return f"{sentence} The questions explain {r_squared:.0%} of the differences in it."


def support_finding(
    items: pd.DataFrame, blocks: pd.DataFrame | None, basis: str, confidence: float
) -> Finding:
    """Up to three drivers that weigh more than if all questions mattered alike, beyond chance."""
    table = items if blocks is None else blocks
    named = supported(table, confidence)
    if blocks is None:
        details = [basis, f"If all mattered alike, each would have {1 / len(items):.0%}."]
    else:
        details = [basis, alike_sentence(blocks, named), item_sentence(items, confidence)]
    if named.empty:
        noun = "question" if blocks is None else "area"
        text = (
            f"No {noun} stands out: none weighs more in overall satisfaction than if all questions "
            "mattered alike, beyond chance."
        )
        return Finding(text, " ".join(details))
    first, *others = [driver_words(row) for _, row in named.iterrows()]
    text = f"Overall satisfaction goes most with {first}"
    text += f", then {listed(others)}." if others else "."
    return Finding(text, " ".join(details))


def supported(table: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Up to three rows with more than their share if all mattered alike, beyond chance.

    The lower arm of the interval is stretched to the level that Bonferroni asks of so many rows:
    with a dozen alike, one or the other would clear an interval of its own by chance.
    """
    arm = table["share"] - table["share_low"]
    low = table["share"] - stretch(confidence, len(table)) * arm
    return table[low > alike(table)].head(MOST_NAMED)


def alike(table: pd.DataFrame) -> pd.Series:
    """Share of each row if all items mattered alike."""
    size = table["items"] if "items" in table else pd.Series(1, index=table.index)
    return size / size.sum()


def alike_sentence(blocks: pd.DataFrame, named: pd.DataFrame) -> str:
    """What an area would have by the number of its questions alone."""
    row = (blocks if named.empty else named).iloc[0]
    total = int(blocks["items"].sum())
    return (
        f"If all {total:,} questions mattered alike, the {row['items']:,} of {row['name']} would "
        f"have {row['items'] / total:.0%}."
    )


def driver_words(row: pd.Series) -> str:
    """Name, share and interval of a driver."""
    return f"{row['name']} ({row['share']:.0%} of the importance, {between(row)})"


def between(row: pd.Series) -> str:
    """Interval of a share in words."""
    return f"{row['share_low']:.0%} to {row['share_high']:.0%}".replace("-", "−")


def item_sentence(items: pd.DataFrame, confidence: float) -> str:
    """Which single questions stand out, beside the areas."""
    named = supported(items, confidence)
    if named.empty:
        return "No single question stands out beyond chance."
    verb = "stands" if len(named) == 1 else "stand"
    return f"Of single questions {listed(list(named['name']))} {verb} out."


def order_finding(items: pd.DataFrame, method: str) -> Finding:
    """Whether the order of the first items holds in samples drawn again."""
    top = items.iloc[0]
    chance = top["first_probability"]
    rivals = items.iloc[1:][items.iloc[1:]["rank_low"] == 1]
    how = f"In samples drawn again {top['name']} comes first in {share_words(chance)}"
    if chance >= SETTLED:
        return Finding(
            f"{capital(top['name'])} is the first question by {METHOD_WORDS[method]}, beyond "
            "chance; the order below it is less certain.",
            f"{how}. {rank_sentence(items.iloc[1:])}",
        )
    if rivals.empty:
        names = list(items.nlargest(2, "first_probability", keep="first")["name"])
    else:
        names = [top["name"], *rivals["name"].head(MOST_NAMED)]
    if len(rivals) > MOST_NAMED:
        names.append("another")
    return Finding(
        f"Which single question matters most is not settled: it may be "
        f"{', '.join(names[:-1])} or {names[-1]}.",
        f"{how}. {rank_sentence(items)}",
    )


def share_words(share: float) -> str:
    """A share of the resamples, without false certainty."""
    return f"{share:.0%} of them" if share < 0.995 else "nearly all of them"


def rank_sentence(items: pd.DataFrame) -> str:
    """How far the rank moves that moves most."""
    width = (items["rank_high"] - items["rank_low"]).to_numpy(dtype=float)
    if width.max() == 0:
        return "No rank below it moves."
    widest = items.iloc[int(width.argmax())]
    return (
        f"Ranks move: that of {widest['name']} lies anywhere from {widest['rank_low']} to "
        f"{widest['rank_high']}."
    )


def agreement_findings(found: Drivers, words: Mapping[str, str]) -> list[Finding]:
    """How far the methods agree, where there are several that can speak."""
    methods = found.methods.dropna(subset="first")
    if len(methods) < 2:
        return []
    usable = {name: found.draws[name] for name in methods["method"]}
    same = same_first_share(list(usable.values()))
    again = (
        f"In samples drawn again all of them name the same first question in {share_words(same)}."
        if same == same
        else ""
    )
    questions = votes_sentence(found.table, "item", "question", words)
    if found.blocks is None:
        return [Finding(questions, f"{again} {unsettled_sentence(methods)}".strip())]
    areas = votes_sentence(found.blocks, "block", "area", words)
    detail = f"Of single questions: {questions} {again} {unsettled_sentence(methods)}"
    return [Finding(areas, detail.strip())]


def votes_sentence(table: pd.DataFrame, what: str, noun: str, words: Mapping[str, str]) -> str:
    """Which question or area how many methods put first."""
    firsts = table[table["rank"] == 1]
    methods = firsts["method"].nunique()
    votes = firsts[what].value_counts()
    names = [words.get(name, name) for name in votes.index]
    if votes.iloc[0] == methods:
        return f"All {methods} methods put {listed(names)} first."
    parts = [f"{count} say {name}" for name, count in zip(names, votes, strict=True)]
    return f"The {methods} methods do not agree on the first {noun}: {listed(parts)}."


def unsettled_sentence(methods: pd.DataFrame) -> str:
    """Say it where principal component regression hangs on an unsettled number of components."""
    same = methods.loc[methods["method"] == "pcr", "chosen_share"]
    if same.empty or same.item() >= 0.5:
        return ""
    return (
        "Principal component regression takes another number of components in "
        f"{1 - same.item():.0%} of the samples drawn again: its order is the least certain."
    )


def capital(text: str) -> str:
    """First letter in upper case, unless it is a name such as q05."""
    return text if any(letter.isdigit() for letter in text) else text[0].upper() + text[1:]
