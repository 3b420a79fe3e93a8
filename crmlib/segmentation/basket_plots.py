"""Charts of rules: a result table in, a matplotlib Axes out."""

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import (
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    PercentFormatter,
)

from crmlib.segmentation.sequence_rules import SequenceRules

if TYPE_CHECKING:
    from matplotlib.axes import Axes

QUIET = "0.45"
LONGEST_LABEL = 60


def plot_rules(rules: pd.DataFrame, *, most: int = 12, ax: "Axes | None" = None) -> "Axes":
    """Lift of the first rules of a table, with intervals, beside the chance of the item.

    Parameters
    ----------
    rules : DataFrame
        Rows of `BasketRules.table` or `SequenceRules.table`; the first are drawn on top.
    most : int
        Rules to draw.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    shown = rules[rules["lift"].notna()].head(most)
    chance = shown["confidence" if "confidence" in shown else "chance"]
    place = np.arange(len(shown))[::-1]
    ends = [shown["lift"] - shown["lift_low"], shown["lift_high"] - shown["lift"]]
    ax.errorbar(shown["lift"], place, xerr=np.clip(ends, 0.0, None), fmt="o", capsize=2)
    ax.axvline(1.0, color=QUIET, linewidth=0.8, linestyle="--")
    ax.set_yticks(place, [rule_label(rule) for _, rule in shown.iterrows()])
    for height, high, share in zip(place, shown["lift_high"], chance, strict=True):
        ax.annotate(
            f"{share:.0%}",
            (high, height),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            color=QUIET,
        )
    ax.set_xscale("log")
    ax.margins(x=0.12)
    low, high = ax.get_xlim()
    wide = high > 5 * low
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)) if wide else MaxNLocator(6))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda lift, _: f"{lift:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_ylim(-0.6, max(len(shown), 1) - 0.4)
    ax.set_xlabel("Lift: times as likely as otherwise (1 = no difference); beside it, the chance")
    return ax


def rule_label(rule: "pd.Series") -> str:
    """A rule as a label: curd + yogurt › whole milk.

    No arrow: the typeface of charts has none, and a label with one is printed in another.
    """
    if_items = rule["if_items"] if "if_items" in rule else (rule["if_item"],)
    text = " + ".join(str(item).strip() for item in if_items)
    if len(text) > LONGEST_LABEL:
        text = text[: LONGEST_LABEL - 1] + "…"
    return f"{text} › {str(rule['then_item']).strip()}"


def plot_sequence(
    rules: SequenceRules, if_item: str, then_item: str, *, ax: "Axes | None" = None
) -> "Axes":
    """Who has bought an item by day after another, beside other purchases of the same customers.

    Parameters
    ----------
    rules : SequenceRules
    if_item, then_item : str
        A rule that holds.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    curve = rules.curves
    curve = curve[(curve["if_item"] == if_item) & (curve["then_item"] == then_item)]
    if_label, then_label = (str(name) for name in (if_item, then_item))
    (line,) = ax.plot(curve["day"], curve["bought"], drawstyle="steps-post", label=if_label)
    ax.fill_between(
        curve["day"],
        curve["bought_low"],
        curve["bought_high"],
        step="post",
        color=line.get_color(),
        alpha=0.2,
        linewidth=0,
    )
    ax.plot(
        curve["day"],
        curve["base_bought"],
        drawstyle="steps-post",
        color=QUIET,
        linestyle="--",
        label="another purchase of the same customers",
    )
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    ax.set_ylim(0.0, 1.0)
    ax.set_xlim(0, rules.within_days)
    ax.set_xlabel("Days after the purchase")
    ax.set_ylabel(f"Have bought {then_label}")
    ax.legend(title="After", loc="upper left")
    return ax
