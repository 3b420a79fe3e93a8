"""Charts of loyalty: a result table in, a matplotlib Axes out."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import PercentFormatter

from crmlib.satisfaction.loyalty import UNDECIDED
from crmlib.satisfaction.loyalty_types import UNCLEAR

if TYPE_CHECKING:
    from matplotlib.axes import Axes

QUIET = "0.55"
RING: dict[str, Any] = {"s": 34, "linewidths": 1.4, "zorder": 3}


def plot_shares(shares: pd.DataFrame, column: str = "type", *, ax: "Axes | None" = None) -> "Axes":
    """Share of customers by loyalty type or level of satisfaction, with intervals and counts.

    Parameters
    ----------
    shares : DataFrame
        One row a type or level: the column named, customers or answers, n, share, low, high. A
        type "unclear" is drawn in grey.
    column : str
        Column with the names, "type" or "level".
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    names = [str(name) for name in shares[column]]
    colours = [QUIET if name == UNCLEAR else "C0" for name in names]
    draw_intervals(ax, shares, "share", names, colours)
    counts = shares["customers"] if "customers" in shares else shares["answers"]
    write_beside(ax, [f"{k:,} of {n:,}" for k, n in zip(counts, shares["n"], strict=True)])
    ax.set_xlim(left=0.0)
    ax.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ax.set_xlabel("Share of customers")
    return ax


def plot_effects(
    effects: pd.DataFrame,
    column: str = "effect",
    *,
    label: str = "Points of loyalty for a point more",
    labels: Mapping[str, str] | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Coefficients with their intervals; grey where the interval holds zero.

    Parameters
    ----------
    effects : DataFrame
        One row an effect: the column named, coefficient, low, high.
    column : str
        Column with the names: "effect", or "switching_cost" for `Determinants.slopes`.
    label : str
        What a coefficient is, with its unit, for the axis.
    labels : mapping of str to str, optional
        Words for the names; those not given are written as they are.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    words = labels or {}
    names = [words.get(str(name), str(name).replace("_", " ")) for name in effects[column]]
    holds_zero = (effects["low"] <= 0) & (effects["high"] >= 0)
    colours = [QUIET if zero else "C0" for zero in holds_zero]
    draw_intervals(ax, effects, "coefficient", names, colours)
    ax.axvline(0.0, color=QUIET, linewidth=1.0, linestyle="--", zorder=0)
    write_beside(ax, [signed(value) for value in effects["coefficient"]])
    ax.set_xlabel(label)
    return ax


def plot_gaps(
    gaps: pd.DataFrame, *, label: str = "Mean answer (points)", ax: "Axes | None" = None
) -> "Axes":
    """What was expected (ring) and what was found (dot), item by item.

    The bar at the dot is the interval of the gap, laid off from what was expected. Grey: the gap
    is undecided.

    Parameters
    ----------
    gaps : DataFrame
        From `expectation_gap`. An item with too few answers has its name and no marks.
    label : str
        Unit of the answers, for the axis.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    colour = {"falls short": "C3", "exceeds": "C2"}
    colours = [colour.get(verdict, QUIET) for verdict in gaps["verdict"]]
    ends = gaps[["low", "high"]].add(gaps["expected"], axis=0).assign(perceived=gaps["perceived"])
    draw_intervals(ax, ends, "perceived", [str(item) for item in gaps["item"]], colours)
    places = ax.get_yticks()
    ax.hlines(places, gaps["expected"], gaps["perceived"], colors=colours, linewidth=0.8)
    ax.scatter(gaps["expected"], places, facecolors="white", edgecolors=colours, **RING)
    write_beside(
        ax,
        [
            "too few" if np.isnan(gap) else f"{signed(gap)}, n = {n:,}"
            for gap, n in zip(gaps["gap"].to_numpy(float), gaps["n"], strict=True)
        ],
    )
    for name, at in (("expected", "white"), ("found", QUIET)):
        ax.scatter([], [], facecolors=at, edgecolors=QUIET, **RING, label=name)
    for verdict, shown in (*colour.items(), (UNDECIDED, QUIET)):
        if (gaps["verdict"] == verdict).any():
            ax.plot([], [], color=shown, linewidth=1.6, label=verdict)
    ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=5, frameon=False)
    ax.set_xlabel(label)
    return ax


def plot_scores(
    rows: pd.DataFrame,
    names: str,
    score: str,
    *,
    labels: Mapping[str, str] | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Scores from 0 to 100 with their intervals and numbers of answers.

    Parameters
    ----------
    rows : DataFrame
        `LoyaltyIndex.table` or `LoyaltyIndex.items`: the two columns named, n, low, high.
    names, score : str
        Columns with the names and the scores. A row called "all" is drawn as a line, too.
    labels : mapping of str to str, optional
        Words for the names; those not given are written as they are.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    words = [str((labels or {}).get(str(name), name)) for name in rows[names]]
    draw_intervals(ax, rows, score, words, ["C0"] * len(rows))
    for value in rows.loc[rows[names] == "all", score]:
        ax.axvline(value, color=QUIET, linewidth=1.0, linestyle="--", zorder=0)
    write_beside(
        ax,
        [
            "too few" if np.isnan(value) else f"{value:.0f}, n = {n:,}"
            for value, n in zip(rows[score].to_numpy(float), rows["n"], strict=True)
        ],
    )
    ax.set_xlabel("Points (0 to 100)")
    return ax


def plot_level_change(levels: pd.DataFrame, *, ax: "Axes | None" = None) -> "Axes":
    """Share of each level before (grey) and after (blue), with both intervals.

    Beside: the change in percentage points; a star where its interval does not hold zero.

    Parameters
    ----------
    levels : DataFrame
        `LevelChange.levels`.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    for name, shift, colour in (("before", -0.16, QUIET), ("after", 0.16, "C0")):
        places = np.arange(len(levels)) + shift
        ax.hlines(places, levels[f"{name}_low"], levels[f"{name}_high"], color=colour, lw=1.6)
        ax.scatter(levels[name], places, color=colour, s=26, zorder=3, label=name)
    ax.set_yticks(range(len(levels)), [str(level) for level in levels["level"]])
    ax.set_ylim(len(levels) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x", visible=True)
    moved = (levels["low"] > 0) | (levels["high"] < 0)
    texts = [
        f"{value:+d}".replace("-", "−") if value else "0"
        for value in (100 * levels["change"]).round().astype(int)
    ]
    write_beside(
        ax, [f"{text} *" if is_clear else text for text, is_clear in zip(texts, moved, strict=True)]
    )
    ax.set_xlim(left=0.0)
    ax.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ax.set_xlabel("Share of answers")
    ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, frameon=False)
    return ax


def draw_intervals(
    ax: "Axes", rows: pd.DataFrame, middle: str, names: Sequence[str], colours: Sequence[str]
) -> None:
    """One row a name from the top down: a dot and its interval."""
    for place, (colour, (_, row)) in enumerate(zip(colours, rows.iterrows(), strict=True)):
        ends = [[row[middle] - row["low"]], [row["high"] - row[middle]]]
        ax.errorbar(
            row[middle],
            place,
            xerr=ends,
            fmt="o",
            color=colour,
            capsize=3,
            elinewidth=1.6,
            markersize=5,
            clip_on=False,
        )
    ax.set_yticks(range(len(names)), list(names))
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x", visible=True)


def write_beside(ax: "Axes", texts: Sequence[str]) -> None:
    """Write a text to the right of each row."""
    for text, place in zip(texts, ax.get_yticks(), strict=True):
        ax.annotate(
            text,
            (1.0, place),
            xycoords=("axes fraction", "data"),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            color=QUIET,
        )


def signed(value: float) -> str:
    """Write a number with its sign."""
    return f"{value:+.2f}".replace("-", "−")
