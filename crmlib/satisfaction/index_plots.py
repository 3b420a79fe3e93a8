"""Charts of the index, its drivers and priorities: a result table in, a matplotlib Axes out."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from crmlib.columns import Array
from crmlib.multiple_testing import stretch
from crmlib.satisfaction.labels import INK, write_beside

if TYPE_CHECKING:
    from matplotlib.axes import Axes

QUIET = "0.5"

QUADRANT_COLOURS = {
    "improve first": "C3",
    "keep up": "C0",
    "possible overkill": "C2",
    "low priority": "C1",
    "undecided": QUIET,
}
"""Colours of the placed items; the undecided are grey."""

METHOD_NAMES = {
    "pcr": "PCR",
    "pls": "PLS",
    "ols": "OLS",
    "ridge": "Ridge",
    "lmg": "LMG",
    "johnson": "Johnson",
    "correlation": "Correlation",
}

RULE_NAMES = {"kaiser": "Kaiser", "share": "share of variance", "cv": "cross-validation"}

FARTHEST_SHARE = 1.0
"""Shares of importance beyond this, either side of zero, run out of the driver chart."""


NAME_ROOM = 0.1
"""Share of the chart's height that is kept free for the names of the lower quadrants."""


def plot_quadrants(
    table: pd.DataFrame,
    lines: pd.DataFrame,
    *,
    labels: Mapping[str, str] | None = None,
    confidence: float = 0.95,
    ax: "Axes | None" = None,
) -> "Axes":
    """Importance against performance, each item with the box of its two intervals.

    Parameters
    ----------
    table : DataFrame
        `Priorities.table`: item, importance, performance, their ends and those of their differences
        to the lines, quadrant.
    lines : DataFrame
        `Priorities.lines`: line, value.
    labels : mapping of str to str, optional
        What to write for an item; its name where there is none.
    confidence : float
        Level of the intervals in the table.
    ax : Axes, optional
        About as high as wide for more than a dozen items.

    Returns
    -------
    Axes

    Notes
    -----
    The grey bands are the undecided zone: half the median width of the intervals of the differences
    to the line, stretched for the number of items, to both sides. An item whose dot lies in a band
    can usually not be placed. Which items are placed is read from the table, not from the bands.
    """
    ax = ax or plt.gca()
    at = dict(zip(lines["line"], lines["value"], strict=True))
    known = table.dropna(subset=["importance", "performance"])
    for quadrant, colour in QUADRANT_COLOURS.items():
        rows = known[known["quadrant"] == quadrant]
        ax.scatter(
            rows["performance"], rows["importance"], s=22, color=colour, zorder=3, linewidth=0
        )
        for _, row in rows.iterrows():
            ax.add_patch(interval_box(row, colour, faint=quadrant == "undecided"))
    ax.autoscale_view()
    ax.margins(0.06)
    bottom, top = ax.get_ylim()
    ax.set_ylim(bottom - NAME_ROOM * (top - bottom), top)
    draw_lines(ax, table, at, stretch(confidence, len(table)))
    name_zone(ax, at["importance"])
    name_corners(ax, at)
    ax.set_xlabel("Score (0 to 100)")
    ax.set_ylabel("Importance (share of all)")
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(7, steps=[1, 2, 5, 10]))
    ax.grid(visible=False)
    points = known[["performance", "importance"]].to_numpy(dtype=float)
    write_beside(ax, points, [named(item, labels) for item in known["item"]])
    return ax


def interval_box(row: pd.Series, colour: str, *, faint: bool) -> Rectangle:
    """The box of the intervals of an item's performance and importance."""
    left, bottom = row["performance_low"], row["importance_low"]
    return Rectangle(
        (left, bottom),
        row["performance_high"] - left,
        row["importance_high"] - bottom,
        facecolor="none" if faint else colour,
        edgecolor=colour,
        linewidth=0.5 if faint else 0.8,
        alpha=0.35 if faint else 0.28,
        zorder=1 if faint else 2,
    )


def draw_lines(ax: "Axes", table: pd.DataFrame, at: Mapping[str, float], longer: float) -> None:
    """The two lines, each with its band in which an item can usually not be placed."""
    # The band and the lines must not widen the chart.
    limits = ax.get_xlim(), ax.get_ylim()
    for line, across, band in (
        ("performance", ax.axvline, ax.axvspan),
        ("importance", ax.axhline, ax.axhspan),
    ):
        width = table[f"{line}_difference_high"] - table[f"{line}_difference_low"]
        half = float(width.median() / 2) * longer
        across(at[line], color=QUIET, linewidth=1.0, zorder=1)
        if np.isfinite(half):
            band(at[line] - half, at[line] + half, color="0.93", zorder=0, linewidth=0)
    ax.set_xlim(*limits[0])
    ax.set_ylim(*limits[1])


def name_zone(ax: "Axes", height: float) -> None:
    """Say beside the chart what the grey band is."""
    bottom, top = ax.get_ylim()
    ax.annotate(
        "undecided",
        (1.0, float(np.clip((height - bottom) / (top - bottom), 0.12, 0.88))),
        xycoords="axes fraction",
        xytext=(3, 0),
        textcoords="offset points",
        rotation=270,
        va="center",
        color=QUIET,
    )


def name_corners(ax: "Axes", at: Mapping[str, float]) -> None:
    """Name each quadrant at the outer edge of the chart, above and below it."""
    left, right = ax.get_xlim()
    middle = (np.clip(at["performance"], left, right) - left) / (right - left)
    corners = (
        ("Improve first", middle / 2, 1.0, "improve first"),
        ("Keep up", (1 + middle) / 2, 1.0, "keep up"),
        ("Low priority", middle / 2, 0.0, "low priority"),
        ("Possible overkill", (1 + middle) / 2, 0.0, "possible overkill"),
    )
    for name, x, y, quadrant in corners:
        ax.annotate(
            name,
            (x, y),
            xycoords="axes fraction",
            xytext=(0, 4 if y else 5),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontweight="semibold",
            color=QUADRANT_COLOURS[quadrant],
        )


def plot_drivers(
    table: pd.DataFrame, *, labels: Mapping[str, str] | None = None, ax: "Axes | None" = None
) -> "Axes":
    """Share of importance of every item with its interval, one panel a method.

    Parameters
    ----------
    table : DataFrame
        `Drivers.table`, or `Drivers.blocks`: method, item (or block), share, share_low, share_high.
    labels : mapping of str to str, optional
        What to write for an item; its name where there is none.
    ax : Axes, optional
        The panels are put inside it, side by side. About 0.22 inches an item and 0.8 more make a
        height that reads well.

    Returns
    -------
    Axes
        Its `child_axes` are the panels.

    Notes
    -----
    Items stand in the order of their median share over the methods. An interval that holds zero is
    grey. All panels have one scale; what lies beyond -100 % or 100 % runs out of it.
    """
    ax = ax or plt.gca()
    name = "item" if "item" in table else "block"
    middle = table.groupby(name, sort=False)["share"].median()
    order = middle.sort_values(ascending=False, na_position="last", kind="stable").index
    methods = list(dict.fromkeys(table["method"]))
    ends = table[["share", "share_low", "share_high"]].to_numpy(dtype=float)
    left, right = share_limits(ends)
    for i, method in enumerate(methods):
        panel = ax.inset_axes((i / len(methods) + 0.012, 0, 1 / len(methods) - 0.024, 1))
        rows = table[table["method"] == method].set_index(name).reindex(order)
        draw_method(panel, rows)
        panel.set_title(METHOD_NAMES.get(method, method), loc="center", fontsize="medium")
        panel.set_xlim(left, right)
        panel.set_ylim(len(order) - 0.5, -0.5)
    ax.set_ylim(len(order) - 0.5, -0.5)
    ax.set_yticks(range(len(order)), [named(item, labels) for item in order])
    ax.set_xticks([])
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    ax.set_xlabel("Share of importance (grey: the interval holds zero)", labelpad=18)
    return ax


def share_limits(ends: Array) -> tuple[float, float]:
    """Ends of the axis of shares: all that is drawn, zero, and nothing beyond the farthest."""
    known = ends[np.isfinite(ends)]
    if not len(known):
        return 0.0, FARTHEST_SHARE
    low, high = np.clip([known.min(), known.max()], -FARTHEST_SHARE, FARTHEST_SHARE)
    low, high = min(low, 0.0), max(high, 0.0)
    room = 0.08 * max(high - low, 0.01)
    return low - room, high + room


def draw_method(panel: "Axes", rows: pd.DataFrame) -> None:
    """Dots and intervals of one method, from the first item down."""
    place = np.arange(len(rows))
    holds_zero = ((rows["share_low"] <= 0) & (rows["share_high"] >= 0)).to_numpy()
    for chosen, colour in ((~holds_zero, "C0"), (holds_zero, "0.62")):
        part = rows[chosen]
        panel.hlines(
            place[chosen], part["share_low"], part["share_high"], color=colour, linewidth=1.4
        )
        panel.plot(part["share"], place[chosen], "o", color=colour, markersize=3.6)
    panel.axvline(0.0, color=QUIET, linewidth=0.8, zorder=0)
    if rows["share"].isna().all():
        panel.annotate(
            "cannot\nsay", (0.5, 0.5), xycoords="axes fraction", ha="center", va="center"
        )
    panel.set_yticks(place, [])
    panel.grid(axis="y", visible=True, color="0.93")
    panel.grid(axis="x", visible=False)
    panel.spines["left"].set_visible(False)
    panel.xaxis.set_major_locator(MaxNLocator(2, steps=[1, 2, 2.5, 5, 10]))
    panel.xaxis.set_major_formatter(
        FuncFormatter(lambda share, _: f"{share:.0%}".replace("-", "−") if share else "0")
    )


def plot_scree(
    eigenvalues: Sequence[float] | Array,
    rules: Mapping[str, int],
    *,
    ax: "Axes | None" = None,
) -> "Axes":
    """Eigenvalues of the items' correlations, and how many components each rule keeps.

    Parameters
    ----------
    eigenvalues : sequence of float
        From the largest down.
    rules : mapping of str to int
        Name of a rule to the number of components it keeps: "kaiser", "share" and "cv" are written
        out, other names as they are, such as "85% of variance".
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    values = np.asarray(eigenvalues, dtype=float)
    number = np.arange(1, len(values) + 1)
    ax.bar(number, values, width=0.62, color="C5")
    ax.plot(number, values, "o-", color="C0")
    ax.axhline(1.0, color=QUIET, linewidth=0.8, linestyle="--")
    right = len(values) + 0.6
    ax.annotate(
        "1", (right, 1.0), xytext=(3, 0), textcoords="offset points", va="center", color=QUIET
    )
    top = float(values.max()) * 1.05
    step = top * 0.11
    # Rules that keep more stand lower, so that no line runs through another's words.
    ranked = sorted(rules.items(), key=lambda rule: rule[1])
    height = top + step * (len(ranked) + 0.2)
    for i, (rule, kept) in enumerate(ranked):
        y = top + step * (len(ranked) - i - 0.4)
        ax.vlines(kept + 0.5, 0, y, color=INK, linewidth=1.0, linestyle=(0, (4, 2)))
        left_side = kept > 0.7 * len(values)
        ax.annotate(
            f"{RULE_NAMES.get(rule, rule)}: {kept}",
            (kept + 0.5, y),
            xytext=(-4 if left_side else 4, 0),
            textcoords="offset points",
            ha="right" if left_side else "left",
            va="center",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )
    ax.set_xlim(0.4, right)
    ax.set_ylim(0, height)
    ax.xaxis.set_major_locator(MaxNLocator(min(len(values), 12), integer=True))
    ax.set_xlabel("Component")
    ax.set_ylabel("Eigenvalue (items' worth of variance)")
    return ax


def plot_index(table: pd.DataFrame, *, ax: "Axes | None" = None) -> "Axes":
    """Index of each segment or wave: thick the interval of fixed weights, thin of everything.

    Parameters
    ----------
    table : DataFrame
        `SatisfactionIndex.table`: segment, n, index, low, high, whole_low, whole_high. The first
        row is drawn on, as a line, through all others.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    place = np.arange(len(table))
    ax.axvline(float(table["index"].iloc[0]), color=QUIET, linewidth=0.9, linestyle="--", zorder=0)
    ax.hlines(place, table["whole_low"], table["whole_high"], color="C0", linewidth=1.2)
    ax.hlines(place, table["low"], table["high"], color="C0", linewidth=4.5, alpha=0.45)
    ax.plot(table["index"], place, "o", color="C0", markersize=5)
    for y, (_, row) in zip(place, table.iterrows(), strict=True):
        ax.annotate(
            f"n = {int(row['n']):,}",
            (1.0, y),
            xycoords=("axes fraction", "data"),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            color=QUIET,
        )
        if pd.isna(row["index"]):
            ax.annotate(
                "too few to say" if row["n"] < 10 else "cannot say",
                (0.5, y),
                xycoords=("axes fraction", "data"),
                ha="center",
                va="center",
                color=QUIET,
            )
    ax.set_yticks(place, [str(segment) for segment in table["segment"]])
    ax.set_ylim(len(table) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x", visible=True)
    ax.set_xlabel(
        "Satisfaction index, 0 to 100 (thick: importance taken as known; thin: as estimated)"
    )
    return ax


def named(item: object, labels: Mapping[str, str] | None) -> str:
    """What to write for an item."""
    return str((labels or {}).get(str(item), item)).replace("_", " ")
