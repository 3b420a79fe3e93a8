"""The Kano map: what there is to win with each feature, and what to lose without it."""

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.text import Text
from numpy.typing import NDArray

from crmlib.columns import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Annotation

QUIET = "0.45"

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

REACH = np.array([7.0, 12.0, 18.0, 26.0, 36.0, 48.0, 62.0])
"""Points there may be between a dot and its label."""

CLEAR = 9.0
"""Points between a dot and the labels of others: what is nearer would be taken for its own."""

NEAR = 12.0
"""Points up to which a label needs no line to its dot."""


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
    _label_features(ax, shown, names)
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


def _label_features(ax: "Axes", shown: pd.DataFrame, names: list["Annotation"]) -> None:
    """Write each feature near its dot, where it covers no dot, no other name and few lines."""
    figure = ax.figure.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()  # the layout settles, so that places can be measured
    point = figure.dpi / 72
    dots = ax.transData.transform(shown[["worse", "better"]].to_numpy(dtype=float))
    dot_boxes = np.column_stack([dots - CLEAR * point, dots + CLEAR * point])
    taken = np.vstack([dot_boxes, *(name.get_window_extent().extents for name in names)])
    lines = _line_boxes(ax, shown)
    for i, (_, row) in enumerate(shown.iterrows()):
        label = ax.annotate(
            str(row["feature"]),
            (row["worse"], row["better"]),
            xytext=(0, 0),
            textcoords="offset points",
            ha="center",
            va="center",
            arrowprops={"arrowstyle": "-", "color": QUIET, "linewidth": 0.5, "shrinkB": 4},
        )
        size = np.array(Text.get_window_extent(label).size) + 4 * point
        others = np.delete(taken, i, axis=0)
        box, leader = _best_place(dots[i], size, others, lines, np.array(ax.bbox.extents), point)
        label.xyann = tuple(((box[:2] + box[2:]) / 2 - dots[i]) / point)
        assert label.arrow_patch is not None
        label.arrow_patch.set_visible(len(leader) > 0)
        taken = np.vstack([taken, box, leader])


def _best_place(
    dot: Array, size: Array, taken: Array, lines: Array, inside: Array, point: float
) -> tuple[Array, Array]:
    """Box for a label, and the points on its line to the dot, none where it is near.

    Covering something is worst, then a line to the dot that crosses something, then lines under
    the label, then distance.
    """
    boxes, reach = _places_around(dot, size, point)
    leaders = _leaders(dot, boxes)
    far = reach > NEAR
    cost = reach / 3 + 8 * far + 8 * _overlaps(boxes, lines).sum(axis=1)
    cost += 300 * (far & _is_crossed(leaders, taken))
    cost += 1000 * (_overlaps(boxes, taken).sum(axis=1) + _leaves(boxes, inside))
    best = int(np.argmin(cost))
    return boxes[best], leaders[best] if far[best] else leaders[best, :0]


def _line_boxes(ax: "Axes", shown: pd.DataFrame) -> Array:
    """Lines of intervals and between the quarters as boxes without width, in pixels."""
    ends = [
        ax.transData.transform(shown[list(pair)].to_numpy(dtype=float))
        for pair in (
            ("worse_low", "better"),
            ("worse_high", "better"),
            ("worse", "better_low"),
            ("worse", "better_high"),
        )
    ]
    pairs = [np.stack(pair) for pair in (ends[:2], ends[2:])]
    left, bottom, right, top = ax.bbox.extents
    x, y = ax.transData.transform((-0.5, 0.5))
    quarters = [[left, y, right, y], [x, bottom, x, top]]
    return np.vstack(
        [*(np.column_stack([pair.min(axis=0), pair.max(axis=0)]) for pair in pairs), quarters]
    )


def _places_around(dot: Array, size: Array, point: float) -> tuple[Array, Array]:
    """Boxes where a label could be, in 16 directions, and how far away.

    No direction is that of an interval, in which a line to the dot could not be told from it.
    """
    angle = (np.arange(16) + 0.5) * np.pi / 8
    direction = np.tile(np.column_stack([np.cos(angle), np.sin(angle)]), (len(REACH), 1))
    reach = np.repeat(REACH, len(angle))
    middle = dot + direction * (reach[:, None] * point + size / 2)
    return np.column_stack([middle - size / 2, middle + size / 2]), reach


def _leaders(dot: Array, boxes: Array) -> Array:
    """Points on the line from a dot to each place, as boxes: shape (places, points, 4)."""
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    points = dot + np.linspace(0, 1, 15)[:, None] * (middle - dot)[:, None]
    return np.concatenate([points, points], axis=2)


def _is_crossed(leaders: Array, taken: Array) -> NDArray[np.bool_]:
    """Whether a line to a dot runs through something, shape (places,)."""
    crossed = _overlaps(leaders.reshape(-1, 4), taken).any(axis=1)
    return np.any(crossed.reshape(leaders.shape[:2]), axis=1)


def _leaves(boxes: Array, inside: Array) -> NDArray[np.bool_]:
    """Whether a box is not all within the map."""
    return np.any(np.hstack([boxes[:, :2] < inside[:2], boxes[:, 2:] > inside[2:]]), axis=1)


def _overlaps(boxes: Array, others: Array) -> NDArray[np.bool_]:
    """Whether boxes (left, bottom, right, top) overlap others, shape (boxes, others)."""
    below = boxes[:, None, :2] < others[None, :, 2:]
    above = boxes[:, None, 2:] > others[None, :, :2]
    return np.all(below & above, axis=2)
