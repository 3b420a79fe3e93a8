"""Charts of what customers are worth: a result in, a matplotlib Axes out."""

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import (
    FixedLocator,
    FuncFormatter,
    MaxNLocator,
    NullLocator,
    PercentFormatter,
)

from crmlib.columns import Array
from crmlib.findings import counted
from crmlib.segmentation.tiers import BELOW_ZERO
from crmlib.segmentation.value_check import ValueCheck
from crmlib.segmentation.value_matrix import CLASSES, NAMES, NO_CLASS, ValueMatrix

if TYPE_CHECKING:
    from matplotlib.axes import Axes

QUIET = "0.45"
COLOURS = {"I": "0.6", "II": "C2", "III": "C1", "IV": "C0", NO_CLASS: "0.6"}
MOST_POINTS = 2_000
"""Customers drawn as points; of more, so many evenly picked ones."""
ORDER = ("IV", "III", "II", "I", NO_CLASS, BELOW_ZERO)


def plot_outlook(
    outlook: pd.DataFrame,
    *,
    money: str = "money",
    past: str = "past",
    ahead: str = "ahead",
    ax: "Axes | None" = None,
) -> "Axes":
    """What each class brought and is to bring, the best first, with the range of what is to come.

    Parameters
    ----------
    outlook : DataFrame
        From `class_outlook`, with or without a row for those below zero. Where nobody has a class
        there is one bar for all.
    money : str
        Unit of the money axis.
    past, ahead : str
        What the two bars are called.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    there = set(outlook["value_class"])
    if NO_CLASS in there:
        there -= set(CLASSES)
    rows = outlook.set_index("value_class").reindex([name for name in ORDER if name in there])
    place = np.arange(len(rows))
    ax.barh(place - 0.19, rows["current"], height=0.34, color="C0", label=past)
    ax.barh(place + 0.19, rows["potential"], height=0.34, color="C1", label=ahead)
    arms = [rows["potential"] - rows["low"], rows["high"] - rows["potential"]]
    ax.errorbar(
        rows["potential"],
        place + 0.19,
        xerr=np.clip(arms, 0.0, None),
        fmt="none",
        ecolor="0.15",
        elinewidth=1.2,
        capsize=3,
    )
    ax.set_yticks(place, [row_label(str(name), row) for name, row in rows.iterrows()])
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.axvline(0.0, color="0.15", linewidth=0.8)
    ax.xaxis.set_major_formatter(FuncFormatter(short_money))
    ax.xaxis.set_major_locator(MaxNLocator(6))
    ax.set_xlabel(f"Profit ({money})")
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x", visible=True)
    ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2)
    return ax


def row_label(value_class: str, row: "pd.Series[float]") -> str:
    """Name of a class and its customers, as a label of two lines."""
    named = {BELOW_ZERO: "of all: below zero", NO_CLASS: "no class: " + NAMES[NO_CLASS]}
    name = named.get(value_class, f"{value_class} · {row['name']}")
    return f"{name}\n{counted(int(row['customers']), 'customer')}"


def short_money(money: float, _: object = None) -> str:
    """Write an amount on an axis: 2.5 million, 40,000, 0.3."""
    if abs(money) >= 1e6:
        return f"{money / 1e6:,.4g} million".replace("-", "−")
    return f"{money:,.6g}".replace("-", "−")


def plot_matrix(matrix: ValueMatrix, *, money: str = "money", ax: "Axes | None" = None) -> "Axes":
    """Every customer by current value and potential, with the cuts and the four classes.

    Parameters
    ----------
    matrix : ValueMatrix
    money : str
        Unit of the axes, which are logarithmic away from zero.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    table = matrix.customers
    step = max(1, int(np.ceil(len(table) / MOST_POINTS)))
    shown = table.sort_values(["potential", "current"], kind="stable").iloc[::step]
    counts = table["value_class"].value_counts()
    # Before the points: limits are found on the scale that is set.
    for axis, name in ((ax.xaxis, "current"), (ax.yaxis, "potential")):
        threshold = linear_part(table[name].to_numpy())
        scale = ax.set_xscale if axis is ax.xaxis else ax.set_yscale
        scale("symlog", linthresh=threshold)
        axis.set_major_locator(FixedLocator(decades(table[name].to_numpy(), threshold)))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(short_money))
    for name in (NO_CLASS,) if NO_CLASS in counts.index else reversed(CLASSES):
        part = shown[shown["value_class"] == name]
        word = "No class, " if name == NO_CLASS else f"{name} "
        label = f"{word}{NAMES[name]}: {int(counts.get(name, 0)):,}"
        ax.plot(
            part["current"],
            part["potential"],
            "o",
            color=COLOURS[name],
            markersize=3,
            alpha=0.6,
            markeredgewidth=0,
            label=label,
        )
    ax.axvline(matrix.current_cut, color=QUIET, linewidth=0.9, linestyle="--")
    ax.axhline(matrix.potential_cut, color=QUIET, linewidth=0.9, linestyle="--")
    ax.set_xlabel(f"Current value ({money})")
    ax.set_ylabel(f"Potential ({money})")
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return ax


def linear_part(values: Array) -> float:
    """Power of ten below which an axis is linear: about the lower quarter of the amounts."""
    sizes = np.abs(values[values != 0])
    if not len(sizes):
        return 1.0
    return float(10 ** np.floor(np.log10(np.quantile(sizes, 0.25))))


def decades(values: Array, threshold: float) -> list[float]:
    """Ticks of an axis that is logarithmic beyond a threshold: zero and every power of ten."""
    ticks = [0.0]
    for sign, most in ((1, values.max(initial=0.0)), (-1, -values.min(initial=0.0))):
        steps = int(np.ceil(np.log10(most / threshold))) if most > threshold else 0
        ticks += [sign * threshold * 10.0**k for k in range(1, steps + 1)]
    return sorted(ticks)


def plot_class_check(check: ValueCheck, *, ax: "Axes | None" = None) -> "Axes":
    """Of each class at days of the past: the share that came to bring more than the cut.

    Parameters
    ----------
    check : ValueCheck
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    origins = sorted(set(check.classes["origin"]))
    for i, origin in enumerate(origins):
        rows = check.classes[check.classes["origin"] == origin].set_index("value_class")
        place = np.arange(len(CLASSES)) + 0.22 * (i - (len(origins) - 1) / 2)
        share = rows["above_share"].reindex(list(CLASSES))
        ends = [share - rows["low_share"], rows["high_share"] - share]
        ax.errorbar(
            place, share, yerr=np.clip(ends, 0.0, None), fmt="o", capsize=3, label=str(origin)
        )
    names = [f"{name} · {NAMES[name]}" for name in CLASSES]
    ax.set_xticks(np.arange(len(CLASSES)), names)
    ax.set_ylim(-0.02, 1.02)
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    ax.set_ylabel("Came to bring more")
    ax.set_xlabel("Class on that day")
    ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=len(origins))
    return ax
