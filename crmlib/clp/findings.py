"""What a manager should know, in sentences: page one of the life-cycle report."""

from dataclasses import dataclass

import pandas as pd

from crmlib.clp.holdout import HoldoutCheck
from crmlib.clp.value import LifetimeProfit

STAGE_WORDS = {
    "exploration": "in exploration",
    "formation": "in formation",
    "stability": "in stability",
    "decline": "in decline",
    "left": "have left",
    "undecided": "undecided",
    "not enough history": "with too little history to say",
}


@dataclass(frozen=True)
class Finding:
    """One finding: a plain sentence with its number, and what explains it."""

    text: str
    detail: str


def life_cycle_findings(
    summary: pd.DataFrame,
    value: LifetimeProfit,
    check: HoldoutCheck,
    declining: pd.DataFrame,
    *,
    left_after: int,
    period: str,
    money: str,
) -> list[Finding]:
    """Findings of the life-cycle report: stages, worth of the base, who is in decline.

    Parameters
    ----------
    summary : DataFrame
        From `stage_summary`.
    value : LifetimeProfit
    check : HoldoutCheck
        Of the same method on the same history.
    declining : DataFrame
        Customers in decline, the most important first: name, recent_profit.
    left_after : int
        Quiet periods after which a customer counts as having left.
    period, money : str
        Unit of time and of money, for the sentences.

    Returns
    -------
    list of Finding
    """
    return [
        stage_finding(summary, left_after, period),
        worth_finding(summary, value, check, period, money),
        decline_finding(summary, declining, period, money),
    ]


def stage_finding(summary: pd.DataFrame, left_after: int, period: str) -> Finding:
    """How many customers are in which stage; first of all when most cannot be placed."""
    counts = dict(zip(summary["stage"], summary["customers"], strict=True))
    everyone = sum(counts.values())
    parts = [f"{n:,} {STAGE_WORDS[stage]}" for stage, n in counts.items()]
    text = f"Of {everyone:,} customers, {listed(parts)}."
    detail = (
        f"A customer has left after {left_after} {period}s without a purchase. "
        "Exploration: new, profit still low. Formation: growing. Stability: near its limit. "
        "Decline: past its best and falling."
    )
    unplaced = counts.get("not enough history", 0)
    active = everyone - counts.get("left", 0)
    if unplaced > active / 2:
        detail = (
            f"{share(unplaced, active)} of the customers still buying have bought too seldom for "
            "a curve of their own: the figures below speak for the others only. "
        ) + detail
    return Finding(text, detail)


def worth_finding(
    summary: pd.DataFrame, value: LifetimeProfit, check: HoldoutCheck, period: str, money: str
) -> Finding:
    """What the base is worth, with the interval and how the method did on the last periods."""
    left = int(summary.loc[summary["stage"] == "left", "customers"].sum())
    total = value.total.iloc[0]
    valued = int(total["customers"]) - left
    if valued == 0:
        return Finding(
            "What the customers are worth cannot be said from these purchases.",
            "None that still buys has enough history for a life-cycle curve.",
        )
    worth = total["lifetime_profit"]
    text = (
        f"The {valued:,} active customers that can be valued will bring "
        f"{amount(worth, worth)} {money} of profit in the next {value.periods} {period}s, in "
        f"today's money ({value.confidence:.0%} interval {amount(total['low'], worth)} to "
        f"{amount(total['high'], worth)})."
    )
    detail = (
        f"{total['customers_without_value']:,} customers too new or too quiet to value are not "
        "counted, nor is any customer won later. "
        + holdout_sentence(check, period, money)
        + " The interval covers the noise and the fitted curves, not customers who will begin to "
        "decline without a sign today."
    )
    return Finding(text, detail)


def holdout_sentence(check: HoldoutCheck, period: str, money: str) -> str:
    """How the same forecast, made from the past, would have done."""
    total = check.total.iloc[0]
    active = check.stages.loc[check.stages["stage"] != "left", "customers"].sum()
    if not active or not total["actual"] > 0:
        return (
            f"Whether the method would have been right {check.periods} {period}s ago cannot be "
            "checked: too few customers had a history then."
        )
    error = total["error"]
    verdict = f"{abs(error):.0%} too {'high' if error > 0 else 'low'}"
    return (
        f"Made {check.periods} {period}s ago, the forecast for these {check.periods} {period}s "
        f"would have been {amount(total['forecast'], total['forecast'])} {money}; "
        f"{amount(total['actual'], total['forecast'])} came: "
        f"{'right to the per cent' if round(abs(error), 2) == 0 else verdict}."
    )


def decline_finding(
    summary: pd.DataFrame, declining: pd.DataFrame, period: str, money: str
) -> Finding:
    """Who is in decline and what it is about."""
    row = summary[summary["stage"] == "decline"]
    if row.empty:
        return Finding(
            "No customer's profits show a decline.",
            "A decline shows only some periods after it has begun, and only where the history is "
            "long enough to see it.",
        )
    n = int(row["customers"].item())
    recent = declining["recent_profit"].sum()
    who = f"{n:,} customers are" if n > 1 else "1 customer is"
    text = (
        f"{who} in decline: they brought {amount(recent, recent)} {money} in the last 12 {period}s."
    )
    names = listed(list(declining["name"].head(5).astype(str)))
    rest = row["lifetime_profit"].item()
    return Finding(
        text,
        f"If nothing is done, {amount(rest, recent)} {money} is still to come. The largest: "
        f"{names}. All of them are in the list of customers in decline.",
    )


def listed(parts: list[str]) -> str:
    """Join words to a list: a, b and c."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def share(part: float, whole: float) -> str:
    """Write a share in per cent."""
    return f"{part / whole:.0%}" if whole else "0%"


def amount(number: float, scale: float) -> str:
    """Write money in words a manager reads: three significant digits of the scale's unit."""
    for size, word in ((1e9, " billion"), (1e6, " million")):
        if abs(scale) >= size:
            return f"{number / size:,.{2 if abs(scale) < 10 * size else 1}f}{word}"
    if abs(scale) >= 10_000:
        return f"{round(number, -2):,.0f}"
    return f"{number:,.0f}"
