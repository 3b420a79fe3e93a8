"""Who makes the money, who could, who costs it, what to do with each: page one of the report."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from crmlib.findings import Finding, amount, counted
from crmlib.segmentation.deciles import Deciles, PurchaseDeciles
from crmlib.segmentation.tiers import BELOW_ZERO, Tiers
from crmlib.segmentation.value_check import BY_FORECAST, BY_PAST, FROM_PAST, ValueCheck
from crmlib.segmentation.value_matrix import NO_CLASS, ValueMatrix

Row = Mapping[Hashable, Any]
Rows = Mapping[Hashable, Row]

SMALL = 5
"""Customers of the past below which it is not said what became of them."""


SIZES = ((1e9, " billion"), (1e6, " million"), (1.0, ""))

CLEAR = 0.05
"""Share of hits more from which a forecast is worth its trouble."""


@dataclass(frozen=True)
class ValueWords:
    """What the sentences are written with.

    Attributes
    ----------
    money : str
        Unit of money.
    past, ahead : str
        The time that current value and potential are of: "the last 12 months".
    serving_known : bool
        Whether the cost of serving is taken off the profits.
    """

    money: str
    past: str
    ahead: str
    serving_known: bool


def value_findings(
    matrix: ValueMatrix,
    found: Tiers,
    outlook: pd.DataFrame,
    ranked: Deciles,
    filled: PurchaseDeciles,
    *,
    check: ValueCheck | None,
    paid_later: pd.DataFrame | None,
    young: "pd.Series[bool]",
    words: ValueWords,
) -> list[Finding]:
    """Findings of the value report.

    Parameters
    ----------
    matrix : ValueMatrix
    found : Tiers
        Of the same customers.
    outlook : DataFrame
        From `class_outlook`.
    ranked, filled : Deciles, PurchaseDeciles
        By the current value.
    check : ValueCheck or None
        The matrix at days of the past, where that could be tried.
    paid_later : DataFrame or None
        From `below_zero_check` by a column young (False, True).
    young : Series of bool
        Who is too new a customer to be judged, in the order of the tiers' customers.
    words : ValueWords

    Returns
    -------
    list of Finding
    """
    rows = outlook.set_index("value_class").to_dict("index")
    return [
        earners_finding(rows, matrix, ranked, filled, words),
        could_finding(rows, check, words),
        fading_finding(rows, check, words),
        costs_finding(found, paid_later, young, words),
        certainty_finding(matrix, check, words),
    ]


def sum_of(money: float, words: ValueWords) -> str:
    """Write a sum of money with its unit."""
    return f"{amount(money, money)} {words.money}"


def about(money: float) -> str:
    """Write money that is only forecast: two digits, and no zeros that look like more."""
    rounded = float(f"{money:.2g}")
    size, word = next((s, w) for s, w in SIZES if abs(rounded) >= s or s == 1)
    return f"{rounded / size:,.10g}{word}".replace("-", "−")


def range_words(row: Row) -> str:
    """What a class is to bring if it is as far off as before, where that is known."""
    if np.isnan(row["low"]):
        return "How far off this may be is not known."
    if row["basis"] != FROM_PAST:
        return (
            f"If customers decide independently of each other, their intervals add up to "
            f"{about(row['low'])} to {about(row['high'])}."
        )
    return f"As far off as before, it would be {about(row['low'])} to {about(row['high'])}."


def them(number: int) -> str:
    """Write it for one customer, them for more."""
    return "it" if number == 1 else "them"


def earners_finding(
    rows: Rows,
    matrix: ValueMatrix,
    ranked: Deciles,
    filled: PurchaseDeciles,
    words: ValueWords,
) -> Finding:
    """Who makes the money, and what to do with them."""
    n_all, total = len(matrix.customers), float(matrix.customers["current"].sum())
    n, brought = (rows["III"][name] + rows["IV"][name] for name in ("customers", "current"))
    if not n:
        return Finding(
            f"Who makes the money: nobody stands out. {counted(n_all, 'customer')} brought "
            f"{sum_of(total, words)} in {words.past}.",
            " ".join(matrix.notes),
        )
    best = rows["IV"]
    text = (
        f"Who makes the money: {n:,} of {counted(n_all, 'customer')} brought "
        f"{sum_of(brought, words)} in {words.past}, all others together "
        f"{amount(total - brought, brought)}. Keep {them(n)}"
    )
    detail = f"{line_words(matrix, words)} {concentration_words(ranked, filled)}"
    if best["customers"]:
        first = f"{best['customers']:,} of class IV come"
        text += f"; the {'one of class IV comes' if best['customers'] == 1 else first} first"
        detail = (
            f"{detail} Class IV is to bring about {about(best['potential'])} in {words.ahead}. "
            f"{range_words(best)}"
        )
    return Finding(f"{text}.", detail)


def line_words(matrix: ValueMatrix, words: ValueWords) -> str:
    """Where the line between little and much lies."""
    same = matrix.current_cut == matrix.potential_cut
    to_come = "" if same else f", for what is to come {sum_of(matrix.potential_cut, words)}"
    return f"Each brought more than the line, {sum_of(matrix.current_cut, words)}{to_come}."


def concentration_words(ranked: Deciles, filled: PurchaseDeciles) -> str:
    """How few customers the money rests on."""
    fifth = ranked.best_fifth
    if np.isfinite(fifth["low"]):
        return (
            f"The best fifth of the active bring {100 * fifth['estimate']:.0f}% of the profit "
            f"({share_range(fifth['low'], fifth['high'])}%)."
        )
    if filled.table.empty:
        return ""
    half = int(filled.table["cumulative_customers"].iloc[4])
    return f"Half of what profitable customers bring comes from {counted(half, 'customer')}."


def could_finding(
    rows: Mapping[Hashable, Row], check: ValueCheck | None, words: ValueWords
) -> Finding:
    """Who could make money, and what to do with them."""
    row = rows["II"]
    n = int(row["customers"])
    if not n:
        return Finding(
            "Who could: nobody who brings little now is expected to bring much.",
            "Growth must come from the good customers of today, or from new ones.",
        )
    more = row["potential"] - row["current"]
    text = (
        f"Who could: {counted(n, 'customer')} of class II brought {sum_of(row['current'], words)} "
        f"and {'is' if n == 1 else 'are'} to bring about {about(row['potential'])} in "
        f"{words.ahead}."
    )
    if seldom(check, "II"):
        text += " Few such came that far before: try what helps on some first."
    elif not tried(check, "II"):
        text += " Whether such get there is not known: try what helps on some first."
    elif more > 0:
        text += f" Invest in {them(n)}, less than the {about(more)} more that this is worth."
    return Finding(text, f"{range_words(row)} {became_words(check, 'II')}")


def tried(check: ValueCheck | None, value_class: str) -> bool:
    """Whether enough of a class were there at the last day of the past to see what came of them."""
    row = class_then(check, value_class)
    return row is not None and row["customers"] >= SMALL


def seldom(check: ValueCheck | None, value_class: str) -> bool:
    """Whether fewer than half of a class came to lie above the line at the last day of the past."""
    row = class_then(check, value_class)
    return tried(check, value_class) and row is not None and row["high_share"] < 0.5


def class_then(check: ValueCheck | None, value_class: str) -> Row | None:
    """A class at the latest day of the past."""
    if check is None:
        return None
    last = check.classes[check.classes["origin"] == check.classes["origin"].max()]
    return last.set_index("value_class").to_dict("index")[value_class]


def fading_finding(
    rows: Mapping[Hashable, Row], check: ValueCheck | None, words: ValueWords
) -> Finding:
    """Who made money and may not go on, and what to do with them."""
    row = rows["III"]
    n = int(row["customers"])
    if not n:
        return Finding("Who may fade: none of those who bring much now is expected to fall.", "")
    text = (
        f"Who may fade: {counted(n, 'customer')} of class III brought "
        f"{sum_of(row['current'], words)} and {'is' if n == 1 else 'are'} to bring about "
        f"{about(row['potential'])}."
    )
    less = row["current"] - row["potential"]
    stake = f": up to {about(less)} is at stake." if less > 0 else "."
    if seldom(check, "III"):
        text += " Few such stayed before: try what helps on some first."
    elif not tried(check, "III"):
        text += f" Ask what would keep {them(n)} before spending much{stake}"
    else:
        text += f" Go all out to keep {them(n)}{stake}"
    return Finding(text, f"{range_words(row)} {became_words(check, 'III')}")


def became_words(check: ValueCheck | None, value_class: str) -> str:
    """What became of those in a class at the latest day of the past."""
    row = class_then(check, value_class)
    if row is None:
        return "Whether such a class was right before is not known."
    n = int(row["customers"])
    if n < SMALL:
        return f"Too few were in that class at {row['origin']} to say what became of them."
    return (
        f"Of {n:,} such at {row['origin']}, {int(row['above']):,} came to lie above the line "
        f"({share_range(row['low_share'], row['high_share'])}%)."
    )


def share_range(low: float, high: float) -> str:
    """Write an interval of a share as so many to so many."""
    return f"{100 * low:.0f} to {100 * high:.0f}"


def costs_finding(
    found: Tiers,
    paid_later: pd.DataFrame | None,
    young: "pd.Series[bool]",
    words: ValueWords,
) -> Finding:
    """Who costs money, and what to do with them."""
    row = found.tiers.set_index("tier").to_dict("index")[BELOW_ZERO]
    n = int(row["customers"])
    blind = "The cost of serving is not known: give activities and what they cost to see it."
    if not n:
        if not words.serving_known:
            return Finding("Who costs money cannot be seen from purchases alone.", blind)
        return Finding("Who costs money: nobody brought less than they cost and is to again.", "")
    is_below = found.customers["tier"].to_numpy() == BELOW_ZERO
    new = int((is_below & young.to_numpy()).sum())
    text = (
        f"Who costs money: {counted(n, 'customer')} cost {sum_of(-row['current'], words)} more "
        f"than {'it' if n == 1 else 'they'} brought, and "
        f"{'is' if n == 1 else 'are'} expected to again. {advice_words(n, new)}"
    )
    detail = paid_words(paid_later)
    return Finding(text, detail if words.serving_known else f"{detail} {blind}".strip())


def advice_words(n: int, new: int) -> str:
    """What to do with those below zero: new customers are given time."""
    old = n - new
    if not old:
        return "All of these came in that time: give them time, at low cost."
    who = "one who is no newcomer" if old == 1 else f"{old:,} who are no newcomers"
    text = f"Make the {who} pay more or cost less"
    come = "one newcomer" if new == 1 else f"{new:,} newcomers"
    return f"{text}; give the {come} time." if new else f"{text}."


def paid_words(paid_later: pd.DataFrame | None) -> str:
    """How many of those below zero before came to pay, older and newer customers apart."""
    if paid_later is None:
        return "How many of such customers come to pay later is not known."
    named = {False: "such", True: "such newcomers"}
    parts = [
        f"{int(row['paid']):,} of {int(row['customers']):,} {named[bool(row['young'])]} "
        f"({share_range(row['low_share'], row['high_share'])}%)"
        for _, row in paid_later[paid_later["customers"] >= SMALL].iterrows()
    ]
    if not parts:
        return "Too few were below zero before to say how many come to pay later."
    return f"Before, {' and '.join(parts)} came to pay later: look at each before letting it go."


def certainty_finding(matrix: ValueMatrix, check: ValueCheck | None, words: ValueWords) -> Finding:
    """How far to trust the classes."""
    today = uncertain_words(matrix)
    if check is None:
        return Finding("How sure this is: it could not be tried on the past.", today)
    rules = check.rules.set_index("rule").to_dict("index")
    days = f"tried at {counted(check.origins, 'day')} of the past"
    if not rules:
        return Finding(f"How sure this is: {days}, it put nobody above the line to come.", today)
    mine, simple = rules[BY_FORECAST], rules[BY_PAST]
    if np.isnan(mine["low_share"]):
        return Finding(
            f"How sure this is: {days}, it put too few customers above the line to say.", today
        )
    text = (
        f"How sure this is: tried at {counted(check.origins, 'day')} of the past, "
        f"{100 * mine['above_share']:.0f} of 100 customers it put above the line for the time to "
        f"come got there ({share_range(mine['low_share'], mine['high_share'])}); of as many "
        f"picked by what they had brought, {100 * simple['above_share']:.0f}."
    )
    return Finding(f"{text} {verdict(mine)}", today)


def uncertain_words(matrix: ValueMatrix) -> str:
    """Of how many customers to act on the class is uncertain today, and where they are listed."""
    classes = matrix.classes.set_index("value_class")
    if NO_CLASS in classes.index:
        return "Today nobody has a class; customers.csv lists them."
    known = classes["customers"] - classes["without_interval"]
    if not known.sum():
        return "How sure each class is cannot be said; customers.csv has no intervals."
    acted = ["II", "III", "IV"]
    text = (
        f"Today the class of {classes.loc[acted, 'uncertain'].sum():,} of {known[acted].sum():,} "
        "customers in II to IV is uncertain"
    )
    unknown = int(classes.loc[acted, "without_interval"].sum())
    if unknown:
        text += f", of {unknown:,} not known"
    return f"{text}; customers.csv tells which."


def verdict(mine: Row) -> str:
    """Whether the matrix is better than to go by what customers brought."""
    if np.isnan(mine["more_low_share"]):
        return "The two differ in too few customers to say which is better."
    if mine["more_low_share"] > 0:
        clear = mine["more_share"] >= CLEAR
        return "The forecast earns its keep." if clear else "The forecast is a little better."
    if mine["more_high_share"] < 0:
        return "Go by what they brought: the forecast did worse."
    return "The forecast is not better beyond chance."
