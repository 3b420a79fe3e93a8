"""What a manager should know of customers about to leave: page one of the warning report."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from crmlib.findings import Finding, amount, counted, listed
from crmlib.segmentation.churn_warning import UNUSUAL, ChurnWarning
from crmlib.segmentation.repairs import CAUSES, LOW, NOT_SEEN, UNKNOWN
from crmlib.segmentation.warning_check import ALL_SIGNS, LEAST_OF_EACH, METHODS, telling

SIGN_WORDS = {
    "silence": "silence against the customer's own rhythm",
    "days": "days since the last purchase",
    "purchases": "few purchases so far",
    "spending": "a fall of spending",
    "decline": "a life cycle that has turned down",
    "complaints": "complaints lately",
    "given up": "complaints that stopped while spending fell",
}

OFF, SLIGHT = 0.25, 0.05
"""Shares of those that left by which more or fewer were foretold: a lot, and next to nothing."""

CHANCE = 1.96
"""Standard deviations that chance may take those that left away from those foretold."""

LIST = "warning_list.csv"
"""The list attached to the report."""

LONG_LIST = 30
"""Names from which on it is told how much the first of them hold."""

NAMED = 3
"""Customers named on page one."""


@dataclass(frozen=True)
class WarningWords:
    """What the sentences are written with.

    Attributes
    ----------
    money : str
        Unit of money.
    complaints, survey : bool
        Whether there are tables of them.
    """

    money: str
    complaints: bool
    survey: bool


def warning_findings(
    warning: ChurnWarning, repaired: pd.DataFrame, names: "pd.Series[str]", words: WarningWords
) -> list[Finding]:
    """Findings of the warning report: who may leave, how right that is, why, and what to do.

    Parameters
    ----------
    warning : ChurnWarning
    repaired : DataFrame
        From `repairs`, of those warned of.
    names : Series
        Names by customer_id; customers without one are named by it.
    words : WarningWords

    Returns
    -------
    list of Finding
    """
    repaired = repaired[repaired["customer_id"].isin(warning.warned["customer_id"])]
    return [
        who_finding(warning, names, words),
        trust_finding(warning),
        signs_finding(warning, words),
        repair_finding(repaired, warning, words),
        unsaid_finding(warning),
    ]


def signs_in_words(signs: pd.DataFrame) -> pd.DataFrame:
    """Name the signs as reports do."""
    return signs.assign(sign=signs["sign"].map(SIGN_WORDS))


def who_finding(warning: ChurnWarning, names: "pd.Series[str]", words: WarningWords) -> Finding:
    """How many are likely to leave, with what profit, and who first."""
    means = (
        f"To leave: no purchase in the last {warning.left_after} of the next {warning.ahead} days."
    )
    here = len(warning.customers)
    if not here:
        return Finding(
            f"No customer is left to warn of: all {warning.gone:,} have been silent for "
            f"{counted(warning.left_after, 'day')} or more.",
            means,
        )
    if not warning.method:
        late = int((warning.customers["silence_probability"] < UNUSUAL).sum())
        return Finding(
            "Who is about to leave cannot be said from this table.",
            f"{warning.note} Silent for longer than all but {UNUSUAL:.0%} of their own gaps: "
            f"{late:,} of {counted(here, 'customer')}.",
        )
    warned, asked = warning.warned, warning.customers["probability"].notna()
    low, high = expected_range(warning)
    if warned.empty:
        return nobody_named(warning, means)
    detail = f"{means} Of all {asked.sum():,}, {range_words(low, high)} are expected to leave, if"
    detail += " days to come are like those past"
    more = ": more than can be named" if low > (1 + OFF) * len(warned) else ""
    profit = warned["profit_year"].sum()
    largest = [str(names.get(c, c)) for c in warned["customer_id"].head(NAMED)]
    verb = "is" if len(warned) == 1 else "are"
    return Finding(
        f"{len(warned):,} of {counted(here, 'customer')} {verb} likely to leave within "
        f"{warning.ahead} days (probability {warning.warn_from:.0%} or more); "
        f"{'it' if len(warned) == 1 else 'they'} brought {amount(profit, profit)} {words.money} of "
        f"profit in the last year.",
        f"Most at stake: {listed(largest)}. {detail}{more}.",
    )


def nobody_named(warning: ChurnWarning, means: str) -> Finding:
    """How many are expected to leave where no probability reaches the limit."""
    if not (n := int(warning.customers["probability"].notna().sum())):
        return Finding(
            "Who is about to leave cannot be said: every customer has bought once only.", means
        )
    low, high = expected_range(warning)
    said = "Hardly any" if round(high) == 0 else range_words(low, high).capitalize()
    verb = "is" if round(high) <= 1 else "are"
    return Finding(
        f"{said} of {counted(n, 'customer')} {verb} expected to leave within {warning.ahead} days, "
        f"but none can be named: no probability reaches {warning.warn_from:.0%}.",
        f"{means} That many if days to come are like those past. The attached {LIST} ranks "
        f"all {n:,} by what is at stake, marked as below the limit: talk to the first of them as "
        "time allows, and do not take it for a list of leavers.",
    )


def expected_range(warning: ChurnWarning) -> tuple[float, float]:
    """How many are expected to leave, by the model and as right as it was on past days.

    One number where these were as many as foretold but for chance, and not far from it.
    """
    probability = warning.customers["probability"]
    expected = float(probability.sum())
    foretold, left = foretold_and_left(warning)
    if not beyond_chance(warning) and abs(foretold - left) <= OFF * left:
        return expected, expected
    # Never more than there are.
    as_before = min(expected * left / foretold, float(probability.notna().sum()))
    low, high = sorted((expected, as_before))
    return low, high


def beyond_chance(warning: ChurnWarning) -> bool:
    """Whether more or fewer left on past days than chance makes of what was foretold.

    Had each customer left with its probability p, their number would vary by Σ p (1 - p), which
    is no more than with the mean p of each group of the calibration. A gap of next to nothing does
    not count, however many customers there are.
    """
    groups, (foretold, left) = warning.calibration, foretold_and_left(warning)
    spread = (groups["customers"] * groups["expected"] * (1 - groups["expected"])).sum()
    return bool(abs(foretold - left) > max(CHANCE * np.sqrt(spread), SLIGHT * left))


def range_words(low: float, high: float) -> str:
    """Write a number, or the range it lies in."""
    if round(low) == round(high):
        return f"about {high:,.0f}"
    return f"between {low:,.0f} and {high:,.0f}"


def foretold_and_left(warning: ChurnWarning) -> tuple[float, int]:
    """How many were foretold to leave on past days, and how many did."""
    groups = warning.calibration
    return float((groups["expected"] * groups["customers"]).sum()), int(groups["left"].sum())


def trust_finding(warning: ChurnWarning) -> Finding:
    """How right such lists were on past days, and against the simple rule."""
    if not warning.method:
        return Finding("Whether such a list would have been right is not known.", "")
    other = next(name for name in METHODS if name != warning.method)
    used = measures(warning, warning.method)
    rule = measures(warning, other)
    right, found = used["precision"], used["recall"]
    against = f" {warning.note} {foretold_words(warning)}"
    base = warning.tests["left"].sum() / warning.tests["customers"].sum()
    days = counted(len(warning.tests), "past day")
    if not right["n"]:
        return Finding(
            f"On {days} such a list would have named nobody, though {found['n']:,.0f} customers "
            "left.",
            against.strip(),
        )
    hits = round(right["estimate"] * right["n"])
    text = (
        f"Made on {days}, such lists named {counted(int(right['n']), 'customer')}: "
        f"{hits:,} left ({between(right)}). Of {found['n']:,.0f} that left they had named "
        f"{between(found)}."
    )
    naming = "those longest silent" if warning.method == ALL_SIGNS else "as many by all signs"
    return Finding(
        text,
        f"Naming {naming} would have been right in {between(rule['precision'])}, "
        f"naming anybody in {base:.0%}.{against}",
    )


def measures(warning: ChurnWarning, method: str) -> dict[str, pd.Series]:
    """Rows of the accuracy of a method by measure."""
    rows = warning.accuracy[warning.accuracy["method"] == method]
    return {str(row["measure"]): row for _, row in rows.iterrows()}


def between(row: pd.Series) -> str:
    """Write a share with its interval: 64% (47 to 78)."""
    return f"{row['estimate']:.0%}, likely {100 * row['low']:.0f} to {100 * row['high']:.0f}%"


def foretold_words(warning: ChurnWarning) -> str:
    """Hold how many were foretold to leave in all against how many left."""
    expected, left = foretold_and_left(warning)
    text = f"Foretold to leave were {expected:,.0f}, {left:,} did"
    if beyond_chance(warning):
        side = "high" if expected > left else "low"
        return f"{text}: trust the order of the list, its probabilities were too {side}."
    if abs(expected - left) > OFF * left:
        return f"{text}: few customers, so that chance can make as large a gap."
    return f"{text}."


def signs_finding(warning: ChurnWarning, words: WarningWords) -> Finding:
    """What told best who would leave, and whether silent complainers do."""
    stopped = stopped_words(warning) if words.complaints else ""
    told = telling(warning.signs)
    if not warning.method:
        return Finding(
            "Which signs tell who will leave is not known: no past day could be tested.", stopped
        )
    if not told:
        return Finding("On past days no single sign told better than chance who left.", stopped)
    best = warning.signs.set_index("sign").loc[told[0]]
    text = (
        f"The best single sign was {SIGN_WORDS[told[0]]}: of a customer that left and one "
        f"that stayed, it was worse for the one that left in {best['area']:.0%} of cases "
        f"({100 * best['low']:.0f} to {100 * best['high']:.0f})."
    )
    further = [SIGN_WORDS[name] for name in told[1:]]
    also = f"By itself better than chance: {listed(further)}." if further else ""
    return Finding(text, f"{also} {stopped}".strip())


def stopped_words(warning: ChurnWarning) -> str:
    """How many complained and gave up, and what that meant before."""
    if "given_up" not in warning.customers:
        return ""
    n = int(warning.customers["given_up"].sum())
    row = warning.signs[warning.signs["sign"] == "given up"].iloc[0]
    if not n:
        return "No customer complained, then stopped while buying less."
    text = f"{counted(n, 'customer')} complained, then stopped while buying less"
    if np.isnan(row["low"]):
        return f"{text}; what that means here is not known."
    if row["low"] > 0.5:
        return f"{text}: a sign that on past days went before leaving."
    side = "went with staying" if row["high"] < 0.5 else "told no better than chance who left"
    area = f"{row['area']:.2f}, likely {row['low']:.2f} to {row['high']:.2f}"
    return f"{text}; on past days this by itself {side} (area {area})."


def list_words(warning: ChurnWarning) -> str:
    """What the attached list holds, and what to do with it."""
    stake = warning.warned["at_stake"]
    n, whole = len(stake), stake.sum()
    text = (
        f"{'All are' if n > 1 else 'It is'} in the attached {LIST}, most at stake first: talk to "
        "them from the top down, as long as more is at stake than talking costs."
    )
    if n >= LONG_LIST and whole > 0:
        first = n // 10
        text += f" The first {first:,} hold {stake.head(first).sum() / whole:.0%} of the stake."
    return text


def repair_finding(repaired: pd.DataFrame, warning: ChurnWarning, words: WarningWords) -> Finding:
    """Why those warned of may leave, and what to do."""
    if warning.ranked.empty:
        return Finding("Nobody is named, so no list is attached.", "")
    if repaired.empty:
        return Finding(
            "Nobody is named, so no repair is urgent.",
            f"The attached {LIST} says for each customer what to ask, should you talk to it.",
        )
    called = list_words(warning)
    counts = repaired["cause"].value_counts().reindex(CAUSES).fillna(0).astype(int)
    total = len(repaired)
    if not words.survey:
        return Finding(
            "Why they leave cannot be said without a survey: whether value is really low or not "
            "seen, only customers can tell.",
            f"Until then ask. {called}",
        )
    if counts[UNKNOWN] == total:
        return Finding(
            f"Why they leave cannot be said of any of {counted(total, 'customer')} warned of.",
            f"They did not answer the survey, or the record does not decide. Ask them. {called}",
        )
    parts = [f"{cause} {counts[cause]:,}" for cause in CAUSES if counts[cause]]
    advice = {
        LOW: "Really low: repair the weakest part.",
        NOT_SEEN: "Not seen: show what is delivered, do not cut prices.",
        UNKNOWN: "Cannot say: ask.",
    }
    return Finding(
        f"Why, by survey and record, of {total:,} warned of: {listed(parts)}.",
        " ".join([*(text for cause, text in advice.items() if counts[cause]), called]),
    )


def unsaid_finding(warning: ChurnWarning) -> Finding:
    """Who is not on the list, and cannot be."""
    once = int((warning.customers["purchases"] == 1).sum())
    row = warning.single.iloc[-1]
    parts = []
    if warning.gone:
        parts.append(f"{counted(warning.gone, 'customer')} that left already")
    if once:
        verb = "has" if once == 1 else "have"
        parts.append(f"{once:,} that bought once only and so {verb} no rhythm")
    text = "None has left already, and all have bought more than once"
    if parts:
        text = f"Not looked at: {listed(parts)}"
    before = ""
    if row["customers"] >= LEAST_OF_EACH:
        before = (
            f"Of {row['customers']:,} with one purchase on past days, {row['share']:.0%} left "
            f"({100 * row['low']:.0f} to {100 * row['high']:.0f})."
        )
    silent = f"Left already: no purchase for {counted(warning.left_after, 'day')} or more."
    return Finding(f"{text}.", f"{silent} {before}".strip())
