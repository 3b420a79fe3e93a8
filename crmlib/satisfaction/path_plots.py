"""Path diagrams: an estimated path model in, a matplotlib Axes out."""

from collections.abc import Mapping
from itertools import combinations
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.offsetbox import AnnotationBbox, TextArea, VPacker
from numpy.typing import NDArray

from crmlib.columns import Array, Codes
from crmlib.satisfaction.path_model import PathModel

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Annotation

QUIET = "0.5"
DASHES = (0, (4, 2.5))

# Places of the constructs of the barometers, where their readers are used to find them.
BAROMETER = {
    "expectation": (0.1, 0.92),
    "performance": (0.1, 0.08),
    "quality": (0.1, 0.08),
    "value": (0.36, 0.5),
    "satisfaction": (0.65, 0.5),
    "complaints": (0.9, 0.08),
    "loyalty": (0.9, 0.92),
}
WITH_IMAGE = BAROMETER | {
    "image": (0.1, 0.92),
    "expectation": (0.1, 0.66),
    "value": (0.34, 0.44),
    "satisfaction": (0.66, 0.54),
}

LEVELS = np.linspace(0.08, 0.92, 7)
"""Heights that constructs of other models can have."""

PAGE = np.array([6.7, 4.6])
"""Inches of a diagram that fits a page: what distances are judged by."""

BOX = np.array([1.2, 0.6])
"""Inches around a construct, about."""

ARROW = 1.7
"""Distance, in boxes, of the constructs at the ends of an arrow that has room for its label."""

STARTS = 8
"""Orders of the constructs in a column that the search for heights starts from."""


def plot_paths(
    model: PathModel,
    *,
    labels: Mapping[str, str] | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Path diagram: constructs with index and R², arrows with coefficients, all with intervals.

    An arrow is as wide as its coefficient is large; grey and dashed where the interval holds zero
    or there is none.

    Parameters
    ----------
    model : PathModel
    labels : mapping of str to str, optional
        Names of constructs to print instead.
    ax : Axes, optional
        About 6.7 × 4.6 inches hold seven constructs.

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    ax.set_axis_off()
    ax.set(xlim=(0, 1), ylim=(0, 1))
    places = places_of(model)
    names = {construct: construct.replace("_", " ").capitalize() for construct in places}
    names |= dict(labels or {})
    boxes = {
        row["construct"]: draw_construct(ax, row, names, model.r_squared, places)
        for _, row in model.constructs.iterrows()
    }
    for _, path in model.paths.iterrows():
        draw_arrow(ax, path, places, boxes)
    add_legend(ax, model.paths)
    write_coefficients(ax, model.paths, places, boxes)
    return ax


def draw_construct(
    ax: "Axes",
    row: pd.Series,
    names: Mapping[str, str],
    r_squared: pd.DataFrame,
    places: Mapping[str, tuple[float, float]],
) -> AnnotationBbox:
    """A rounded box with name, index, its interval and R²."""
    lines = [f"{row['index']:.1f}{interval(row, 1)}"]
    explained = r_squared.loc[r_squared["construct"] == row["construct"], "r_squared"]
    lines += [f"R² {value:.2f}" for value in explained]
    small = {"fontsize": 7.5, "ha": "center", "multialignment": "center"}
    content = VPacker(
        children=[
            TextArea(names[row["construct"]], textprops={"fontweight": "semibold"}),
            TextArea("\n".join(lines), textprops=small),
        ],
        align="center",
        pad=0,
        sep=2,
    )
    box = AnnotationBbox(
        content,
        places[row["construct"]],
        annotation_clip=False,
        bboxprops={"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": "C0"},
    )
    box.patch.set_linewidth(1.2)
    ax.add_artist(box)
    return box


def draw_arrow(
    ax: "Axes",
    path: pd.Series,
    places: Mapping[str, tuple[float, float]],
    boxes: Mapping[str, AnnotationBbox],
) -> None:
    """An arrow from the edge of one box to the edge of another."""
    ax.annotate(
        "",
        xy=places[path["to"]],
        xytext=places[path["from"]],
        annotation_clip=False,
        arrowprops={
            "arrowstyle": "-|>",
            "mutation_scale": 10,
            "patchA": boxes[path["from"]].patch,
            "patchB": boxes[path["to"]].patch,
            "shrinkA": 1,
            "shrinkB": 1,
            "linewidth": 0.8 + 2.5 * abs(path["coefficient"]),
        }
        | arrow_style(path),
    )


def arrow_style(path: pd.Series) -> dict[str, object]:
    """Colour and dashes of an arrow."""
    if clears_zero(path):
        return {"color": "C0", "linestyle": "-"}
    return {"color": QUIET, "linestyle": DASHES, "linewidth": 1.0}


def clears_zero(path: pd.Series) -> bool:
    """Whether the interval is there and does not hold zero."""
    return bool(path["low"] > 0 or path["high"] < 0)


def interval(row: pd.Series, digits: int) -> str:
    """The ends of an interval in parentheses, nothing where there is none."""
    if pd.isna(row["low"]):
        return ""
    return f" ({row['low']:.{digits}f} to {row['high']:.{digits}f})".replace("-", "−")


def add_legend(ax: "Axes", paths: pd.DataFrame) -> None:
    """Say what dashes mean, where there are any."""
    clear = [clears_zero(path) for _, path in paths.iterrows()]
    if all(clear):
        return
    handles = [
        Line2D([], [], color="C0", linewidth=2, label="interval clears zero"),
        Line2D([], [], color=QUIET, linewidth=1, linestyle=DASHES, label="cannot say: may be zero"),
    ]
    ax.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=2)


def write_coefficients(
    ax: "Axes",
    paths: pd.DataFrame,
    places: Mapping[str, tuple[float, float]],
    boxes: Mapping[str, AnnotationBbox],
) -> None:
    """Write each coefficient on its arrow, where it covers nothing else."""
    notes = [write_coefficient(ax, path) for _, path in paths.iterrows()]
    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()
    rectangles = {
        name: np.array(box.patch.get_window_extent().extents) for name, box in boxes.items()
    }
    centres = {name: ax.transData.transform(place) for name, place in places.items()}
    ends = [(row["from"], row["to"]) for _, row in paths.iterrows()]
    arrows = [
        visible_part(*(centres[e] for e in pair), *(rectangles[e] for e in pair)) for pair in ends
    ]
    taken = list(rectangles.values())
    # Short arrows leave least choice.
    for i in np.argsort([np.ptp(arrow, axis=0).sum() for arrow in arrows]):
        size = np.array(notes[i].get_window_extent().size) + 3.0
        others = [arrow for k, arrow in enumerate(arrows) if k != i]
        middle, rectangle = best_place(arrows[i], size, taken, others)
        notes[i].set_position(ax.transData.inverted().transform(middle))
        taken.append(rectangle)


def write_coefficient(ax: "Axes", path: pd.Series) -> "Annotation":
    """The coefficient over its interval, at any place for now."""
    text = f"{path['coefficient']:.2f}".replace("-", "−")
    ends = interval(path, 2).strip(" ()")
    strong = clears_zero(path)
    return ax.annotate(
        f"{text}\n{ends}" if ends else text,
        xy=(0.5, 0.5),
        ha="center",
        va="center",
        fontsize=7,
        linespacing=1.05,
        color="C0" if strong else QUIET,
        annotation_clip=False,
        bbox={"boxstyle": "square,pad=0.08", "facecolor": "white", "edgecolor": "none"},
    )


def visible_part(start: Array, end: Array, start_box: Array, end_box: Array) -> Array:
    """Points along the line between two boxes, shape (points, 2), in pixels."""
    share = np.linspace(0, 1, 201)[:, None]
    points = start + share * (end - start)
    return points[~(inside(points, start_box) | inside(points, end_box))]


def inside(points: Array, rectangle: Array) -> NDArray[np.bool_]:
    """Which points lie in a rectangle (left, bottom, right, top)."""
    return np.asarray(((points >= rectangle[:2]) & (points <= rectangle[2:])).all(axis=-1))


def best_place(
    arrow: Array, size: Array, taken: list[Array], others: list[Array]
) -> tuple[Array, Array]:
    """Point of an arrow, near its middle, where a label covers the least."""
    least, best = np.inf, (arrow[0], arrow[0])
    for share in np.linspace(0.2, 0.8, 25):
        middle = arrow[int(share * (len(arrow) - 1))]
        rectangle = np.concatenate([middle - size / 2, middle + size / 2])
        covered = sum(overlap(rectangle, other) for other in taken) / size.prod()
        crossed = sum(inside(points, rectangle).sum() for points in others) / 10
        cost = 10 * covered + crossed + abs(share - 0.5)
        if cost < least:
            least, best = cost, (middle, rectangle)
    return best


def overlap(one: Array, other: Array) -> float:
    """Area that two rectangles share."""
    sides = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    return float(np.maximum(sides, 0).prod())


def places_of(model: PathModel) -> dict[str, tuple[float, float]]:
    """Place of every construct, as shares of width and height."""
    constructs = list(model.constructs["construct"])
    if set(constructs) <= set(WITH_IMAGE):
        known = WITH_IMAGE if "image" in constructs else BAROMETER
        return {construct: known[construct] for construct in constructs}
    pairs = np.array(
        [
            (constructs.index(row["from"]), constructs.index(row["to"]))
            for _, row in model.paths.iterrows()
        ]
    )
    spots = layered(len(constructs), pairs)
    return {name: (float(x), float(y)) for name, (x, y) in zip(constructs, spots, strict=True)}


def layered(n: int, pairs: Codes) -> Array:
    """Places of n constructs: causes left of effects, heights such that lines miss boxes.

    Parameters
    ----------
    n : int
    pairs : ndarray of int, shape (paths, 2)
        Numbers of the constructs a path joins.

    Returns
    -------
    ndarray, shape (n, 2)
    """
    layer = np.zeros(n, dtype=np.int64)
    for _ in range(n):
        for start, end in pairs:
            layer[end] = max(layer[end], layer[start] + 1)
    random = np.random.default_rng(0)  # the same model is drawn the same way
    found = [settled(started(layer, random.permutation(n)), pairs) for _ in range(STARTS)]
    return min(found, key=lambda places: clutter(places, pairs))


def started(layer: Codes, order: Codes) -> Array:
    """Places in columns by layer, each filled evenly from below in a given order."""
    places = np.column_stack([0.1 + 0.8 * layer / layer.max(), np.full(len(layer), 0.5)])
    for column in range(layer.max() + 1):
        mine = order[layer[order] == column]
        share = (np.arange(len(mine)) + 0.5) / len(mine)
        places[mine, 1] = LEVELS[(share * len(LEVELS)).astype(np.int64)]
    return places


def settled(places: Array, pairs: Codes) -> Array:
    """Move every construct in turn to its best height, until none gains."""
    least = clutter(places, pairs)
    while True:
        before = least
        for i in range(len(places)):
            for height in LEVELS:
                tried = moved(places, i, height)
                cost = clutter(tried, pairs)
                if cost < least - 1e-9:
                    least, places = cost, tried
        if least == before:
            return places


def moved(places: Array, i: int, height: float) -> Array:
    """Places with construct i at another height."""
    changed = places.copy()
    changed[i, 1] = height
    return changed


def clutter(places: Array, pairs: Codes) -> float:
    """How hard a diagram is to read: boxes too close, lines through boxes, crossings."""
    spots = places * PAGE
    apart = (abs(spots[:, None] - spots) / BOX).max(axis=-1)
    close = np.maximum(1.2 - apart, 0)[np.triu_indices(len(spots), k=1)].sum()
    short = np.maximum(ARROW - apart[pairs[:, 0], pairs[:, 1]], 0).sum()
    start, way = spots[pairs[:, 0]], spots[pairs[:, 1]] - spots[pairs[:, 0]]
    along = ((spots - start[:, None]) * way[:, None]).sum(axis=-1) / (way**2).sum(axis=-1)[:, None]
    nearest = start[:, None] + np.clip(along, 0, 1)[..., None] * way[:, None]
    gap = (abs(spots - nearest) / BOX).max(axis=-1)
    number = np.arange(len(spots))
    other = (number != pairs[:, :1]) & (number != pairs[:, 1:])
    through = (np.maximum(1 - gap, 0) * other).sum()
    crossings = sum(cross(spots, one, two) for one, two in combinations(pairs, 2))
    return float(20 * close + 10 * through + 5 * short + crossings)


def cross(spots: Array, one: Codes, two: Codes) -> bool:
    """Whether two lines that share no end cross."""
    if set(one) & set(two):
        return False
    a, b, c, d = spots[[*one, *two]]

    def side(p: Array, q: Array, r: Array) -> float:
        return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])

    return side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0
