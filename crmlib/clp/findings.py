"""What a manager should know, in sentences: page one of the life-cycle report."""

import pandas as pd

from crmlib.clp.early_warning import EarlyWarning, WarningCheck
from crmlib.clp.holdout import HoldoutCheck
from crmlib.clp.value import LifetimeProfit
from crmlib.findings import Finding, amount, counted, listed

STAGE_WORDS = {
    "exploration": "are in exploration",
    "formation": "in formation",
    "stability": "in stability",
    "decline": "in decline",
    "left": "have left",
    "undecided": "are undecided",
    "not enough history": "have too little history to say",
}


def life_cycle_findings(
    summary: pd.DataFrame,
    value: LifetimeProfit,
    by_curves: LifetimeProfit,
    check: HoldoutCheck,
    warning: EarlyWarning,
    past: WarningCheck,
    names: pd.Series,
    *,
    left_after: int,
    period: str,
    money: str,
) -> list[Finding]:
    """Findings of the life-cycle report: stages, worth of the base, who may go.

    Parameters
    ----------
    summary : DataFrame
        From `stage_summary`.
    value : LifetimeProfit
        From `allow_for_losses`.
    by_curves : LifetimeProfit
        From `lifetime_profit`, with retention 1.
    check : HoldoutCheck
        Of the same method on the same history.
    warning : EarlyWarning
    past : WarningCheck
        Of the same kind of list on the same history.
    names : Series
        Names of customers by customer_id; others are called by it.
    left_after : int
        Quiet periods after which a customer counts as having left.
    period, money : str
        Unit of time and of money, for the sentences.

    Returns
    -------
    list of Finding
    """
    return [
        stage_finding(summary, check, left_after, period),
        worth_finding(summary, value, by_curves, check, period, money),
        warning_finding(warning, past, names, money),
    ]


def stage_finding(
    summary: pd.DataFrame, check: HoldoutCheck, left_after: int, period: str
) -> Finding:
    """How many customers are in which stage; first of all when most cannot be placed."""
    counts = dict(zip(summary["stage"], summary["customers"], strict=True))
    everyone = sum(counts.values())
    parts = [f"{n:,} {stage_words(stage, n)}" for stage, n in counts.items()]
    stages = f"Of {counted(everyone, 'customer')}, {listed(parts)}."
    meaning = (
        "Exploration: new, profit still low. Formation: growing. Stability: near its limit. "
        f"Decline: past its best and falling. Left: no purchase for {left_after} {period}s"
        f"{returned_words(check, period)}."
    )
    unplaced = counts.get("not enough history", 0)
    active = everyone - counts.get("left", 0)
    if unplaced <= active / 2:
        return Finding(stages, meaning)
    return Finding(
        f"For most of these customers the history is too short, or they buy too seldom, for a life "
        f"cycle: {active - unplaced:,} of {active:,} active ones can be placed.",
        f"{stages} {meaning} A curve needs 8 {period}s, at least half of them with a purchase; "
        "what follows speaks only for customers that have them.",
    )


def stage_words(stage: str, n: int) -> str:
    """Words after the number of customers in a stage."""
    words = STAGE_WORDS[stage]
    return words.replace("are ", "is ").replace("have ", "has ") if n == 1 else words


def returned_words(check: HoldoutCheck, period: str) -> str:
    """How many of those that counted as having left before the periods held out came back."""
    left = check.returned.iloc[0]
    if not left["customers"]:
        return ""
    if not left["came_back"]:
        return f"; of those that had left {check.periods} {period}s ago, none has bought again"
    return (
        f"; of those that counted as left {check.periods} {period}s ago, "
        f"{left['came_back'] / left['customers']:.1%} have bought again since"
    )


def worth_finding(
    summary: pd.DataFrame,
    value: LifetimeProfit,
    by_curves: LifetimeProfit,
    check: HoldoutCheck,
    period: str,
    money: str,
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
    checked = check.retention["estimate"].notna().item()
    between = f"{amount(total['low'], worth)} to {amount(total['high'], worth)}"
    text = (
        f"{counted(valued, 'active customer')} with enough history will bring about "
        f"{amount(worth, worth)} {money} of profit in the next {value.periods} {period}s, in "
        f"today's money: {'likely' if checked else 'by the curves alone'} {between}."
    )
    return Finding(
        text,
        f"{losses_sentence(value, by_curves, check, period, money)} "
        f"{not_counted_sentence(total, check, money)}",
    )


def not_counted_sentence(total: pd.Series, check: HoldoutCheck, money: str) -> str:
    """Who the worth leaves out, and what those brought that had been given up."""
    parts = ["customers won later"]
    without = int(total["customers_without_value"])
    if without:
        parts.insert(0, f"{counted(without, 'customer')} too new or too quiet to value")
    sentence = f"Not counted: {listed(parts)}"
    profit = check.returned["profit"].item()
    if not profit:
        return f"{sentence}."
    return (
        f"{sentence}, and customers that have left and come back (in the {check.periods} periods "
        f"of the check these brought {amount(profit, profit)} {money})."
    )


def losses_sentence(
    value: LifetimeProfit, by_curves: LifetimeProfit, check: HoldoutCheck, period: str, money: str
) -> str:
    """How the same forecast, made from the past, would have done, and what follows from it."""
    total = check.total.iloc[0]
    curves = by_curves.total["lifetime_profit"].item()
    if not total["customers"]:
        return (
            f"Whether such a forecast would have been right {check.periods} {period}s ago cannot "
            "be checked: no active customer had enough history then. Customers who will be lost "
            "without a sign today are not allowed for, so the figure is likely too high."
        )
    past = (
        f"Made {check.periods} {period}s ago, the forecast from the curves alone would have been "
        f"{amount(total['forecast'], total['forecast'])} {money} for these {period}s; "
        f"{amount(total['actual'], total['forecast'])} came."
    )
    if check.retention["estimate"].isna().item():
        return f"{past} The method fails on these customers: do not plan with its figure."
    kept = check.retention.iloc[0]
    if kept["estimate"] >= 1:
        return f"{past} It was not too high, so nothing is taken off."
    return (
        f"The curves alone say {amount(curves, curves)} {money}, as if nobody were lost without a "
        f"sign today. {past} So profit is taken to shrink by {1 - kept['estimate']:.1%} a {period} "
        f"({1 - kept['high']:.1%} to {1 - kept['low']:.1%})."
    )


def warning_finding(
    warning: EarlyWarning, past: WarningCheck, names: pd.Series, money: str
) -> Finding:
    """Who shows signs of going, what is at stake, and how right such a list was before."""
    warned, period = warning.warned, warning.period
    n = len(warned)
    if n == 0:
        return Finding(
            "No customer shows stronger signs of going than chance would bring.",
            f"Looked at: {counted(len(warning.customers), 'active customer')}. "
            f"{past_sentence(past, period)}",
        )
    stake = warned["profit_at_stake"].sum()
    may_go = "customer shows signs that it" if n == 1 else "customers show signs that they"
    largest = warned["customer_id"].head(5)
    known = largest.map(names).fillna(largest).astype(str)
    return Finding(
        f"{n:,} {may_go} may go; the profit at stake is {amount(stake, stake)} {money} a year.",
        f"No more than {warning.false_alarms:.0%} of such a list should be false alarms. "
        f"{past_sentence(past, period)} The largest: {listed(list(known))}. The whole list, with "
        "reasons, is in the file early_warning.csv.",
    )


def past_sentence(past: WarningCheck, period: str) -> str:
    """What became of those warned of some periods ago, and whether chance would do as well."""
    warned, others, _ = past.groups.to_dict("records")
    ago = f"{counted(past.periods, period)} ago"
    if not warned["customers"]:
        return f"Made {ago}, the list would have been empty: how often it is right is not known."
    sentence = (
        f"Of {warned['customers']:,} warned of in the same way {ago}, {warned['share']:.0%} "
        f"({warned['low']:.0%} to {warned['high']:.0%}) have since lost {past.fall:.0%} of their "
        "profit or more"
    )
    if not others["customers"]:
        return f"{sentence}."
    sentence = f"{sentence}, of the {others['customers']:,} others {others['share']:.0%}."
    if past.lift["low"] > 1:
        return sentence
    return f"{sentence} Chance could have found as many: do not rely on the list."
