"""What a manager should know about offers: page one of the report on them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from crmlib.findings import Finding, amount, counted, listed
from crmlib.segmentation.basket_rules import BasketRules
from crmlib.segmentation.offers import OfferPlan
from crmlib.segmentation.sequence_rules import SequenceRules

SHOWN = 3
"""Offers and rules that page one names."""

NO_BETTER = 0.01
"""Advantage, as a share of what the simple rule brings, that is none."""

WORTH_NAMING = 1e-6
"""Shadow price above which a limit costs anything."""

MANY = 2 / 3
"""Chance of buying anyway from which on an offer is mostly given away."""


@dataclass(frozen=True)
class OfferWords:
    """What the sentences are written with.

    Attributes
    ----------
    money : str
        Unit of money.
    unit : str
        Who gets an offer: customer or basket.
    uplift : float
        By how much an offer is taken to raise the odds of buying.
    contacts : int
        Offers that one of them gets at most.
    assumed : tuple of str
        What was not given and is taken, in words.
    foretold : tuple of float, optional
        Purchases that chances of the past foretold, and those that came.
    left_out : tuple of str
        Who and what was not looked at, in words.
    meaning : str
        A sentence on the unit of money, where it needs one.
    """

    money: str
    unit: str
    uplift: float
    contacts: int
    assumed: tuple[str, ...]
    foretold: tuple[float, float] | None = None
    left_out: tuple[str, ...] = ()
    meaning: str = ""


def offer_findings(
    plan: OfferPlan,
    values: pd.DataFrame,
    pays_from: float,
    rules: BasketRules,
    sequences: SequenceRules | None,
    due: pd.DataFrame | None,
    words: OfferWords,
) -> list[Finding]:
    """Findings of the report on offers.

    Parameters
    ----------
    plan : OfferPlan
    values : DataFrame
        Rows of `plan_values` with a column uplift; the first plan is ``plan``.
    pays_from : float
        Uplift from which on the plan pays, from `pays_from`.
    rules : BasketRules
    sequences : SequenceRules or None
        None where there are no dates.
    due : DataFrame or None
        From `next_items`.
    words : OfferWords

    Returns
    -------
    list of Finding
    """
    if plan.offers.empty:
        first = [empty_finding(plan, words)]
    else:
        first = [
            gain_finding(plan, values, words),
            assumption_finding(values, pays_from, words),
            simple_rule_finding(values, words),
            whom_finding(plan, words),
        ]
    return [*first, sequence_finding(sequences, due, words), basket_finding(rules)]


def empty_finding(plan: OfferPlan, words: OfferWords) -> Finding:
    """Nobody is contacted, and which limit makes it so, by what more of it would bring."""
    binding = plan.prices[plan.prices["shadow_price"] > WORTH_NAMING]
    budget = binding[binding["limit"] == "budget"]
    further = ""
    if len(budget):
        allowed = float(budget["allowed"].iloc[0])
        reason = "the budget is 0"
        if allowed > 0:
            reason = f"the budget of {figure(allowed)} {words.money} pays for none"
        further = f"{budget_words(float(budget['shadow_price'].iloc[0]), words)} "
    elif (binding["limit"] == "maximum").any():
        offers = binding.loc[binding["limit"] == "maximum", "offer"].tolist()
        reason = f"those that pay may go to nobody (maximum of {listed(offers)})"
    else:
        reason = "none is expected to bring more than it costs"
    return Finding(
        f"No offer is made: {reason}.",
        f"{further}Taken: an offer raises the odds of buying by {words.uplift:.0%}. "
        f"{told_words(words)}",
    )


def budget_words(price: float, words: OfferWords) -> str:
    """What more budget would bring."""
    one = words.money
    # One of what is named in the plural: euros, item profits.
    if len(one) > 3 and one.endswith("s") and not one.endswith("ss"):
        one = one[:-1]
    return f"Each further {one} of budget would bring {price:.2g} beyond itself."


def told_words(words: OfferWords) -> str:
    """What was taken as it was not given, what was left out, and what the money is."""
    parts = [words.meaning, assumed_words(words)]
    if words.left_out:
        parts.append(f"Left out: {listed(list(words.left_out))}.")
    return " ".join(part for part in parts if part)


def gain_finding(plan: OfferPlan, values: pd.DataFrame, words: OfferWords) -> Finding:
    """What the plan brings over no plan."""
    row = plan_row(values, words.uplift)
    n, money = len(plan.offers), words.money
    units = plan.offers.iloc[:, 0].nunique()
    per = f"at most {counted(words.contacts, 'offer')} each"
    near = "no plan within the limits brings more"
    if plan.gap > 5e-7:
        near = f"the best plan within the limits brings at most {100 * plan.gap:.1g} % more"
    return Finding(
        f"{counted(n, 'offer')} to {counted(units, words.unit)} should bring "
        f"{figure(row['net_gain'])} {money} more than no offers (likely "
        f"{figure(row['low'])} to {figure(row['high'])}), after {figure(plan.spent)} for making "
        f"them, if an offer raises the odds of buying by {words.uplift:.0%}.",
        f"Only what would not be bought anyway counts; {per}; {near}.{foretold_words(words)} "
        f"{told_words(words)}",
    )


def plan_row(values: pd.DataFrame, uplift: float) -> "pd.Series[float]":
    """The row of the plan itself at some uplift."""
    first = values["plan"].iloc[0]
    return values[(values["plan"] == first) & (values["uplift"] == uplift)].iloc[0]


def assumed_words(words: OfferWords) -> str:
    """What was taken because it was not given."""
    return f"Not given, so taken: {listed(list(words.assumed))}." if words.assumed else ""


def foretold_words(words: OfferWords) -> str:
    """How right the chances were before."""
    if words.foretold is None:
        return ""
    said, came = words.foretold
    return f" Such chances foretold {said:,.0f} purchases last time; {came:,.0f} came."


def figure(number: float) -> str:
    """Write money: whole above 100, else with three digits."""
    if abs(number) >= 100 or number == 0:
        return amount(number, number)
    return f"{number:.{1 if abs(number) >= 10 else 2}f}".replace("-", "−")


def assumption_finding(values: pd.DataFrame, pays_from: float, words: OfferWords) -> Finding:
    """On what the gain hangs: how much an offer does."""
    others = [u for u in values["uplift"].unique() if u != words.uplift]
    parts = [
        f"{figure(plan_row(values, u)['net_gain'])} {words.money} with {u:.0%}" for u in others
    ]
    text = "How much an offer does is an assumption: purchases cannot tell what it adds."
    if parts:
        text += f" The same offers bring {listed(parts)}."
    at = "They pay at no response." if np.isnan(pays_from) else ""
    if not at:
        at = f"They pay once offers raise the odds by {pays_from:.1%} or more."
    return Finding(
        text,
        f"{at} To know, give the offer to half of the list, drawn by lot, and compare purchases.",
    )


def simple_rule_finding(values: pd.DataFrame, words: OfferWords) -> Finding:
    """The plan against simple rules, the better of which counts."""
    rows = values[values["uplift"] == words.uplift].iloc[1:]
    if rows.empty:
        return Finding("There was no simple rule to compare the plan with.", "")
    best = rows.sort_values("net_gain", ascending=False, kind="stable").iloc[0]
    rest = [
        f"{row['plan']} {figure(row['net_gain'])}"
        for _, row in rows.iterrows()
        if row["plan"] != best["plan"]
    ]
    detail = f"By the other rule: {listed(rest)} {words.money}." if rest else ""
    if best["advantage"] <= NO_BETTER * abs(best["net_gain"]):
        return Finding(
            f"A simple rule does as well here: {best['plan']} brings "
            f"{figure(best['net_gain'])} {words.money} too.",
            f"The plan gets ahead where offers differ in cost or volumes are limited. {detail}",
        )
    low, high = best["advantage_low"], best["advantage_high"]
    return Finding(
        f"That is {figure(best['advantage'])} {words.money} more (likely {figure(low)} to "
        f"{figure(high)}) than the best simple rule: {best['plan']}.",
        detail,
    )


def whom_finding(plan: OfferPlan, words: OfferWords) -> Finding:
    """Which offers go out, and what more money would bring."""
    made = plan.by_offer[plan.by_offer["customers"] > 0]
    made = made.sort_values("customers", ascending=False, kind="stable")
    parts = [f"{row['offer']} to {row['customers']:,}" for _, row in made.head(SHOWN).iterrows()]
    if len(made) > SHOWN:
        rest = int(made["customers"].iloc[SHOWN:].sum())
        parts.append(f"{len(made) - SHOWN} others to {rest:,}")
    budget = plan.prices[plan.prices["limit"] == "budget"]
    detail = "There is no budget to raise."
    if len(budget):
        price = float(budget["shadow_price"].iloc[0])
        detail = (
            budget_words(price, words)
            if price > WORTH_NAMING
            else "More budget would bring nothing: every offer that pays is made."
        )
    return Finding(f"Offer {listed(parts)}; the list is attached.", detail)


def sequence_finding(
    sequences: SequenceRules | None, due: pd.DataFrame | None, words: OfferWords
) -> Finding:
    """What is bought after what, and for whom it is due."""
    if sequences is None or due is None:
        return Finding(
            "What is bought after what cannot be said: these baskets have no dates and no "
            "customers.",
            "",
        )
    held = sequences.held
    if sequences.table.empty:
        return Finding(
            "What is bought after what cannot be said: no pair of items has purchases enough to "
            "compare.",
            "",
        )
    if held.empty:
        return Finding(
            "No item is bought after another more often than chance explains.",
            f"Looked at: {counted(len(sequences.table), 'pair')}, "
            f"{counted(sequences.within_days, 'day')} ahead.",
        )
    row = held.iloc[0]
    text = (
        f"After {row['if_item']}, {row['then_item']} follows within "
        f"{counted(sequences.within_days, 'day')} for {100 * row['chance']:.0f} of 100 (likely "
        f"{100 * row['chance_low']:.0f} to {100 * row['chance_high']:.0f}), against "
        f"{100 * row['base']:.0f} after other purchases."
    )
    more = len(held) - 1
    rest = f" {counted(more, 'further rule')} of this kind." if more else ""
    detail = f"Due now for {counted(due['customer_id'].nunique(), words.unit)}.{rest}"
    if row["chance"] >= MANY:
        detail += " Most would buy it anyway: see that it is in stock and remind, no discount."
    return Finding(text, detail)


def basket_finding(rules: BasketRules) -> Finding:
    """What is bought together."""
    sound = rules.sound
    of = f"{counted(rules.n_baskets, 'basket')}, {counted(rules.n_items, 'item')}"
    if not rules.n_tests:
        return Finding(
            "What is bought together cannot be said: no basket holds two different items that "
            "are common enough.",
            f"{of}.",
        )
    if sound.empty:
        return Finding("Nothing is bought together more often than chance explains.", f"{of}.")
    row = sound.iloc[0]
    return Finding(
        f"Who has {listed(list(row['if_items']))} in the basket has {row['then_item']} too in "
        f"{100 * row['confidence']:.0f} of 100 cases (likely {100 * row['confidence_low']:.0f} to "
        f"{100 * row['confidence_high']:.0f}), {row['lift']:.1f} times as often as all.",
        f"The strongest of {counted(len(sound), 'rule')} that chance does not explain; {of}.",
    )
