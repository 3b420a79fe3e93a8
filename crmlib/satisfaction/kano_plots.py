"""The Kano map: what there is to win with each feature, and what to lose without it."""

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from crmlib.columns import Array
from crmlib.satisfaction.labels import QUIET, write_beside

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Annotation

QUADRANTS = {
    "Attractive": (0.0, 1.0, "left", "top"),
    "One-dimensional": (1.0, 1.0, "right", "top"),
    "Indifferent": (0.0, 0.0, "left", "bottom"),
    "Must-be": (1.0, 0.0, "right", "bottom"),
}
"""Name of each quarter of the map and the corner it is written in."""

KINDS = {
    "decided": ("C0", "category decided"),
    "undecided": ("C4", "category undecided"),
    "reverse": ("C3", "rather without it"),
}
"""Colour and legend of a feature by what was decided."""


def plot_kano(table: pd.DataFrame, *, ax: "Axes | None" = None) -> "Axes":
    """Kano map: better against worse of every feature, with their intervals.

    Hollow dots are features whose category is undecided. A feature that customers would rather do
    without has a colour of its own: its coefficients are of the few who think otherwise. One
    without coefficients is named above the map. Labels are placed for the size that the figure
    has now.

    Parameters
    ----------
    table : DataFrame
        `Kano.table`: feature, better, better_low, better_high, worse, worse_low, worse_high,
        decision.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    shown = table[table[["better", "worse"]].notna().all(axis=1)]
    kind = shown["decision"].where(shown["decision"].isin(["undecided", "reverse"]), "decided")
    for name, (colour, label) in KINDS.items():
        part = shown[kind == name]
        if len(part):
            _draw_features(ax, part, colour, label, filled=name != "undecided")
    _name_missing(ax, table.loc[table.index.difference(shown.index), "feature"])
    ax.set_xlim(0.02, -1.02)
    ax.set_ylim(-0.02, 1.02)
    ax.set_xlabel("Worse: satisfaction to lose without the feature (0 to −1)")
    ax.set_ylabel("Better: satisfaction to win with it (0 to 1)")
    ax.grid(visible=False)
    ax.axhline(0.5, color=QUIET, linewidth=0.8, linestyle="--", zorder=0)
    ax.axvline(-0.5, color=QUIET, linewidth=0.8, linestyle="--", zorder=0)
    names = _name_quadrants(ax)
    ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3, borderaxespad=0.2)
    write_beside(
        ax,
        shown[["worse", "better"]].to_numpy(dtype=float),
        [str(feature) for feature in shown["feature"]],
        fontsize="medium",
        names=names,
        lines=_lines_of(shown),
    )
    return ax


def _draw_features(
    ax: "Axes", part: pd.DataFrame, colour: str, label: str, *, filled: bool
) -> None:
    """Dots with the intervals of both coefficients; hollow where nothing is decided."""
    ends = {
        name: [part[name] - part[f"{name}_low"], part[f"{name}_high"] - part[name]]
        for name in ("worse", "better")
    }
    ax.errorbar(
        part["worse"],
        part["better"],
        xerr=ends["worse"],
        yerr=ends["better"],
        fmt="none",
        ecolor=colour,
        elinewidth=0.9,
        alpha=0.45,
        zorder=1,
    )
    ax.plot(
        part["worse"],
        part["better"],
        "o",
        color=colour,
        markerfacecolor=colour if filled else "white",
        markersize=5.5,
        label=label,
        zorder=4,
    )


def _name_missing(ax: "Axes", features: pd.Series) -> None:
    """Say in the legend which features have no place on the map."""
    if len(features):
        names = ", ".join(str(name) for name in features)
        ax.plot([], [], " ", label=f"too few answers: {names}")


def _name_quadrants(ax: "Axes") -> list["Annotation"]:
    """Write the names of the quarters into their corners."""
    return [
        ax.annotate(
            name,
            (x, y),
            xycoords="axes fraction",
            xytext=(5 - 10 * x, 4 - 8 * y),
            textcoords="offset points",
            ha=side,
            va=edge,
            color=QUIET,
            fontweight="semibold",
            zorder=0,
        )
        for name, (x, y, side, edge) in QUADRANTS.items()
    ]


def _lines_of(shown: pd.DataFrame) -> Array:
    """Lines of intervals and between the quarters: left, bottom, right, top."""
    middle = [(-1.0, 0.5, 0.0, 0.5), (-0.5, 0.0, -0.5, 1.0)]
    ends = [
        ["worse_low", "better", "worse_high", "better"],
        ["worse", "better_low", "worse", "better_high"],
    ]
    return np.vstack([*(shown[names].to_numpy(dtype=float) for names in ends), middle])
