"""Words beside the dots of a chart, placed so that they cover neither dots nor one another."""

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.text import Text
from numpy.typing import NDArray

from crmlib.columns import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Annotation

QUIET = "0.45"
INK = "0.15"

REACH = np.array([4.0, 7.0, 12.0, 18.0, 26.0, 36.0, 48.0, 62.0])
"""Points there may be between a dot and its label."""

CLEAR = 7.0
"""Points between a dot and the labels of others: what is nearer would be taken for its own."""

NEAR = 12.0
"""Points up to which a label needs no line to its dot."""

ROUND = np.array([0, 8, 4, 12, 1, 7, 15, 9, 2, 6, 14, 10, 3, 5, 13, 11])
"""Directions in sixteenths of a turn: right, left, above and below first, then near these."""

MARGIN = 3.0
"""Points by which the place kept for a label is wider and higher than the label."""

NO_BOXES = np.empty((0, 4))


def write_beside(
    ax: "Axes",
    points: Array,
    texts: Sequence[str],
    *,
    fontsize: str = "small",
    names: "Sequence[Annotation]" = (),
    lines: Array = NO_BOXES,
) -> None:
    """Write a text beside each point; one that had to go farther has a thin line to it.

    Places are tried around each point, for those in the thick of it first. They are chosen for
    the size that the figure has now.

    Parameters
    ----------
    ax : Axes
    points : ndarray, shape (n, 2)
        In the units of the axes.
    texts : sequence of str
    fontsize : str
    names : sequence of Annotation
        What is written already and must not be covered.
    lines : ndarray, shape (lines, 4)
        Left, bottom, right and top of upright and level lines in the units of the axes, which
        are covered only where there is no better place.
    """
    if not len(points):
        return
    notes = [
        ax.annotate(
            text,
            (float(x), float(y)),
            xytext=(0, 0),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=fontsize,
            color=INK,
            zorder=4,
            arrowprops={"arrowstyle": "-", "color": QUIET, "linewidth": 0.5, "shrinkB": 4},
        )
        for text, (x, y) in zip(texts, points, strict=True)
    ]
    sizes, taken_by_names = measured(ax, notes), extents(names)
    point = ax.figure.dpi / 72
    dots = ax.transData.transform(points)
    taken = np.vstack([dots_as_boxes(dots, CLEAR * point), taken_by_names])
    ends = ax.transData.transform(lines.reshape(-1, 2)).reshape(-1, 2, 2)
    under = np.column_stack([ends.min(axis=1), ends.max(axis=1)])
    frame = np.array(ax.bbox.extents)
    crowd = np.sort(np.linalg.norm(dots[:, None] - dots, axis=-1), axis=1)
    for i in np.argsort(crowd[:, : min(4, len(dots))].sum(axis=1), kind="stable"):
        others = np.delete(taken, i, axis=0)
        box, leader = best_place(dots[i], sizes[i] + MARGIN * point, others, under, frame, point)
        put(notes[i], box, dots[i], point, is_tied=len(leader) > 0)
        taken = np.vstack([taken, box, leader])


def measured(ax: "Axes", notes: "Sequence[Annotation]") -> Array:
    """Widths and heights of texts in pixels, shape (n, 2), after the figure was laid out."""
    figure = ax.figure.get_figure(root=True)
    assert figure is not None
    with warnings.catch_warnings():
        # The report names missing glyphs itself.
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .*missing from")
        figure.draw_without_rendering()  # lays the axes out: only then pixels mean anything
        # Of the text alone: an annotation's own box takes in its line.
        return np.array([Text.get_window_extent(note).size for note in notes])


def extents(names: "Sequence[Annotation]") -> Array:
    """Boxes of texts that are in their place, shape (n, 4)."""
    return np.array([name.get_window_extent().extents for name in names]).reshape(-1, 4)


def dots_as_boxes(dots: Array, reach: float) -> Array:
    """Boxes around dots."""
    return np.column_stack([dots - reach, dots + reach])


def best_place(
    dot: Array, size: Array, taken: Array, lines: Array, frame: Array, point: float
) -> tuple[Array, Array]:
    """Box for a label, and the points on its line to the dot, none where it is near.

    Covering something is worst, then a line to the dot that crosses something, then lines under
    the label, then distance.
    """
    boxes, reach = places_around(dot, size, point, has_lines=len(lines) > 0)
    leaders = leaders_to(dot, boxes)
    far = reach > NEAR
    cost = reach / 3 + 8 * far + 8 * overlaps(boxes, lines).sum(axis=1)
    cost += 300 * (far & is_crossed(leaders, taken))
    cost += 1000 * (overlaps(boxes, taken).sum(axis=1) + leaves(boxes, frame))
    best = int(np.argmin(cost))
    return boxes[best], leaders[best] if far[best] else leaders[best, :0]


def places_around(dot: Array, size: Array, point: float, *, has_lines: bool) -> tuple[Array, Array]:
    """Boxes where a label could be, and how far away; of equally good ones the first is taken.

    Beside intervals, and where a line to the dot is needed, no place is level with the dot or
    straight above or below: text or line would run into the intervals.
    """
    oblique = (np.arange(16) + 0.5) * np.pi / 8
    near = oblique if has_lines else ROUND * np.pi / 8
    angle = np.concatenate([near if gap <= NEAR else oblique for gap in REACH])
    reach = np.repeat(REACH, 16)
    direction = np.column_stack([np.cos(angle), np.sin(angle)])
    middle = dot + direction * (reach[:, None] * point + size / 2)
    return np.column_stack([middle - size / 2, middle + size / 2]), reach


def leaders_to(dot: Array, boxes: Array) -> Array:
    """Points on the line from a dot to each place, as boxes: shape (places, points, 4)."""
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    points = dot + np.linspace(0, 1, 15)[:, None] * (middle - dot)[:, None]
    return np.concatenate([points, points], axis=2)


def is_crossed(leaders: Array, taken: Array) -> NDArray[np.bool_]:
    """Whether a line to a dot runs through something, shape (places,)."""
    crossed = overlaps(leaders.reshape(-1, 4), taken).any(axis=1)
    return np.any(crossed.reshape(leaders.shape[:2]), axis=1)


def leaves(boxes: Array, frame: Array) -> NDArray[np.bool_]:
    """Whether a box is not all within the chart."""
    return np.any(np.hstack([boxes[:, :2] < frame[:2], boxes[:, 2:] > frame[2:]]), axis=1)


def overlaps(boxes: Array, others: Array) -> NDArray[np.bool_]:
    """Whether boxes (left, bottom, right, top) overlap others, shape (boxes, others)."""
    below = boxes[:, None, :2] < others[None, :, 2:]
    above = boxes[:, None, 2:] > others[None, :, :2]
    return np.all(below & above, axis=2)


def put(note: "Annotation", box: Array, dot: Array, point: float, *, is_tied: bool) -> None:
    """Move a text to its box, and show the line to its dot if it is tied to it."""
    middle = (box[:2] + box[2:]) / 2
    x, y = (middle - dot) / point
    # Held by the end that is near the dot: text that prints wider does not run over it.
    if box[0] >= dot[0]:
        note.set_horizontalalignment("left")
        x = (box[0] - dot[0]) / point + MARGIN / 2
    elif box[2] <= dot[0]:
        note.set_horizontalalignment("right")
        x = (box[2] - dot[0]) / point - MARGIN / 2
    note.set_position((float(x), float(y)))
    assert note.arrow_patch is not None
    note.arrow_patch.set_visible(is_tied)
