"""What a manager should know, in sentences: page one of the life-cycle report."""

import pandas as pd

from crmlib.clp.early_warning import EarlyWarning, WarningCheck
from crmlib.clp.holdout import HoldoutCheck
from crmlib.clp.repeated_findings import repeated_finding, worth_of_copies
from crmlib.clp.value import LifetimeProfit
from crmlib.findings import Finding, amount, counted, listed

STAGE_WORDS = {
    "exploration": "in exploration",
    "formation": "in formation",
    "stability": "in stability",
    "decline": "in decline",
    "left": "have left",
    "undecided": "undecided",
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
    margin_rate: float | None = None,
    repeated: pd.DataFrame | None = None,
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
    margin_rate : float, optional
        What profit is of the amount, where it is not the amount less the cost.
    repeated : DataFrame, optional
        From `repeated_rows`, of the purchases.

    Returns
    -------
    list of Finding
    """
    worth = worth_finding(summary, value, by_curves, check, period, money)
    found = [
        stage_finding(summary, check, left_after, period),
        Finding(worth.text, f"{profit_words(margin_rate)} {worth.detail}"),
        warning_finding(warning, past, names, money),
    ]
    if repeated is not None and len(repeated):
        found.append(repeated_finding(len(repeated), worth_of_copies(repeated), money))
    return found


def profit_words(margin_rate: float | None) -> str:
    """Which profit is meant."""
    if margin_rate is None:
        return (
            "Profit is the amount less the cost of goods; serving the customers is not taken off."
        )
    return (
        f"Profit is {100 * margin_rate:.3g}% of the amount; serving the customers is not taken off."
    )


def stage_finding(
    summary: pd.DataFrame, check: HoldoutCheck, left_after: int, period: str
) -> Finding:
    """How many customers are in which stage; first of all when most cannot be placed."""
    counts = dict(zip(summary["stage"], summary["customers"], strict=True))
    everyone = sum(counts.values())
    parts = [
        f"{n:,} {words}" for n, words in zip(counts.values(), stage_words(counts), strict=True)
    ]
    stages = f"Of {everyone:,} customers, {listed(parts)}."
    if everyone == 1:
        stages = f"The one customer {parts[0].removeprefix('1 ')}."
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


def stage_words(counts: dict[str, int]) -> list[str]:
    """Words after the numbers of customers in the stages, with the verb where it is needed."""
    words = []
    spoken = False  # "2 are in formation, 7 in stability": one verb serves those that follow
    for stage, n in counts.items():
        told = STAGE_WORDS[stage]
        if told.startswith("have"):
            words.append(told.replace("have", "has", 1) if n == 1 else told)
            spoken = False
        else:
            verb = "is " if n == 1 else "are "
            words.append(told if spoken else verb + told)
            spoken = True
    return words


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
    brings, ends = f"bring about {amount(worth, worth)} {money} of profit", ["low", "high"]
    if worth < 0:
        brings, ends = (
            f"cost about {amount(-worth, worth)} {money} more than they bring",
            ends[::-1],
        )
    low, high = (amount(total[end] if worth >= 0 else -total[end], worth) for end in ends)
    text = (
        f"{counted(valued, 'active customer')} with enough history will {brings} in the next "
        f"{counted(value.periods, period)}, in today's money: "
        f"{'likely' if checked else 'by the curves alone'} {low} to {high}."
    )
    return Finding(
        text,
        f"{losses_sentence(value, by_curves, check, period, money)} "
        f"{not_counted_sentence(total, check, period, money)}",
    )


def not_counted_sentence(total: pd.Series, check: HoldoutCheck, period: str, money: str) -> str:
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
        f"{sentence}, and customers that have left and come back (in the last "
        f"{counted(check.periods, period)} these brought {amount(profit, profit)} {money})."
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
    if total["forecast"] <= 0:
        return f"{past} Where no profit was expected none can be lost, so nothing is taken off."
    if check.retention["estimate"].isna().item():
        return f"{past} The method fails on these customers: do not plan with its figure."
    kept = check.retention.iloc[0]
    if kept["estimate"] >= 1:
        return f"{past} It was not too high, so nothing is taken off."
    sure = f"{1 - kept['high']:.1%} to {1 - kept['low']:.1%}"
    if total["customers"] == 1:
        sure = "how sure that is, one customer cannot say"
    return (
        f"The curves alone say {amount(curves, curves)} {money}, as if nobody were lost without a "
        f"sign today. {past} So profit is taken to shrink by {1 - kept['estimate']:.1%} a {period} "
        f"({sure})."
    )


def warning_finding(
    warning: EarlyWarning, past: WarningCheck, names: pd.Series, money: str
) -> Finding:
    """Who shows signs of going, what is at stake, and how right such a list was before."""
    warned, period = warning.warned, warning.period
    looked_at, before = len(warning.customers), past_sentence(past, period)
    if not looked_at:
        return Finding("All customers have left: there is nobody to warn of.", before)
    if warned.empty:
        return Finding(
            "No customer shows stronger signs of going than chance would bring.",
            f"Looked at: {counted(looked_at, 'active customer')}. {before}",
        )
    if past.groups["customers"].iloc[0] and not better_than_chance(past):
        return Finding(
            "Who will go cannot be told here: the list of warnings did not clearly beat chance.",
            f"{before} On it today: {counted(len(warned), 'customer')} (file early_warning.csv). "
            "Do not rely on it.",
        )
    listed_by = (
        f"The list is cut so that about {warning.false_alarms:.0%} of it would be false alarms."
    )
    return Finding(
        f"{signs_words(len(warned))}{stake_words(warned['profit_at_stake'], money)}",
        f"{listed_by} {before}{largest_words(warned, names)} The whole list, with reasons, is in "
        "the file early_warning.csv.",
    )


def signs_words(n: int) -> str:
    """How many show signs."""
    return f"{n:,} {'customer shows signs that it' if n == 1 else 'customers show signs that they'}"


def stake_words(profits: pd.Series, money: str) -> str:
    """What may be lost: who brought no profit has none to lose."""
    with_profit = profits[profits > 0]
    if with_profit.empty:
        who = "it" if len(profits) == 1 else "they"
        return f" may go; no profit is at stake: {who} brought none in the last year."
    words = (
        f" may go; the profit at stake is {amount(with_profit.sum(), with_profit.sum())} {money}"
    )
    without = len(profits) - len(with_profit)
    return f"{words} a year." if not without else f"{words} a year ({without:,} brought none)."


def largest_words(warned: pd.DataFrame, names: pd.Series) -> str:
    """Names of those with most to lose."""
    largest = warned.loc[warned["profit_at_stake"] > 0, "customer_id"].head(5)
    known = largest.map(names).fillna(largest).astype(str)
    return f" The largest: {listed(list(known))}." if len(known) else ""


def better_than_chance(past: WarningCheck) -> bool:
    """Whether those warned of fell more often than the others, beyond chance."""
    least = past.lift["low"]
    if pd.notna(least):
        return bool(least > 1)
    # None of the others fell, or all warned of did: the lift has no interval, the shares have.
    warned, others, _ = past.groups.to_dict("records")
    return bool(others["customers"] and warned["low"] > others["high"])


def past_sentence(past: WarningCheck, period: str) -> str:
    """What became of those warned of some periods ago, and how many others went unseen."""
    warned, others, everybody = past.groups.to_dict("records")
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
    return (
        f"{sentence}, of the {others['customers']:,} others {others['share']:.0%}: it named "
        f"{warned['fell']:,} of the {everybody['fell']:,} that did."
    )
