"""Charts: what is drawn is what the tables hold, and labels do not cover one another."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from crmlib.satisfaction import index_plots as plots

mpl.use("Agg")


@pytest.fixture
def ax():
    figure, ax = plt.subplots(figsize=(6.7, 4.6))
    yield ax
    plt.close(figure)


def priorities(p, seed=1):
    random = np.random.default_rng(seed)
    importance, performance = random.dirichlet(np.full(p, 8.0)), random.normal(68, 5, p)
    table = pd.DataFrame({"item": [f"q{i:02d}" for i in range(p)]})
    for name, value, half in (
        ("importance", importance, 0.5 / p),
        ("performance", performance, 3.0),
    ):
        table[name] = value
        table[f"{name}_low"], table[f"{name}_high"] = value - half, value + half
        table[f"{name}_difference_low"] = value - value.mean() - half
        table[f"{name}_difference_high"] = value - value.mean() + half
    table["quadrant"] = [
        ["undecided", "improve first", "keep up", "low priority", "possible overkill"][i % 5]
        for i in range(p)
    ]
    lines = pd.DataFrame(
        {"line": ["importance", "performance"], "value": [1 / p, performance.mean()]}
    )
    return table, lines


def boxes(ax):
    """Interval boxes as left, bottom, right, top."""
    patches = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    found = [(p.get_x(), p.get_y(), p.get_width(), p.get_height(), p) for p in patches]
    return found


def test_quadrants_show_every_item_with_the_box_of_its_intervals(ax):
    table, lines = priorities(5)
    assert plots.plot_quadrants(table, lines, ax=ax) is ax
    drawn = {tuple(np.round([x, y, x + w, y + h], 9)): patch for x, y, w, h, patch in boxes(ax)}
    for _, row in table.iterrows():
        corners = row[["performance_low", "importance_low", "performance_high", "importance_high"]]
        patch = drawn[tuple(np.round(corners.to_numpy(dtype=float), 9))]
        colour = plots.QUADRANT_COLOURS[row["quadrant"]]
        assert patch.get_edgecolor()[:3] == to_rgba(colour)[:3]
        filled = patch.get_facecolor()[3] > 0
        assert filled == (row["quadrant"] != "undecided")
    dots = {
        tuple(np.round(place, 9)) for part in ax.collections for place in part.get_offsets().data
    }
    assert dots == {
        tuple(place) for place in table[["performance", "importance"]].to_numpy().round(9)
    }
    assert ax.get_xlabel() == "Score (0 to 100)"
    assert ax.get_ylabel() == "Importance (share of all)"


def test_quadrants_have_their_lines_bands_and_names(ax):
    table, lines = priorities(8)
    plots.plot_quadrants(table, lines, ax=ax)
    at = lines.set_index("line")["value"]
    drawn = [
        (line.get_xdata()[0], line.get_ydata()[0]) for line in ax.lines if len(line.get_xdata())
    ]
    assert (at["performance"], 0) in drawn
    assert (0, at["importance"]) in drawn
    # The band is half the width of the intervals of the difference, stretched for eight of them,
    # to both sides: z of 1 - 0.05 / 16 is 2.7344, of 0.975 it is 1.9600.
    longer = 2.7344 / 1.9600
    bands = [(x, w, y, h) for x, y, w, h, _ in boxes(ax)]
    assert any(
        np.allclose((x, w), (at["performance"] - 3 * longer, 6 * longer), rtol=1e-4)
        for x, w, _, _ in bands
    )
    assert any(
        np.allclose((y, h), (at["importance"] - 0.0625 * longer, 0.125 * longer), rtol=1e-3)
        for _, _, y, h in bands
    )
    texts = {text.get_text() for text in ax.texts}
    assert {"Improve first", "Keep up", "Low priority", "Possible overkill", "undecided"} <= texts


@pytest.mark.parametrize(("p", "seed"), [(12, 1), (12, 2), (24, 3), (24, 4), (24, 5)])
def test_labels_do_not_cover_one_another_or_leave_the_chart(ax, p, seed):
    table, lines = priorities(p, seed)
    labels = {f"q{i:02d}": f"Item {i}" for i in range(p)}
    plots.plot_quadrants(table, lines, labels=labels, ax=ax)
    ax.figure.draw_without_rendering()
    frames = [
        Text.get_window_extent(text) for text in ax.texts if text.get_text().startswith("Item ")
    ]
    assert len(frames) == p
    covered = [
        (i, j) for i in range(p) for j in range(i) if frames[i].padded(-1).overlaps(frames[j])
    ]
    assert covered == []
    around = ax.get_window_extent().padded(4)
    assert all(around.contains(f.x0, f.y0) and around.contains(f.x1, f.y1) for f in frames)


def test_points_in_one_place_still_have_labels_apart(ax):
    table, lines = priorities(6)
    table["performance"], table["importance"] = 70.0, 0.2
    plots.plot_quadrants(table, lines, ax=ax)
    ax.figure.draw_without_rendering()
    frames = [Text.get_window_extent(text) for text in ax.texts if text.get_text().startswith("q0")]
    assert not any(frames[i].padded(-1).overlaps(frames[j]) for i in range(6) for j in range(i))


def test_items_without_importance_are_not_drawn(ax):
    table, lines = priorities(4)
    for column in table.columns.difference(["item", "quadrant", "performance"]):
        table[column] = np.nan
    lines["value"] = [np.nan, 60.0]
    plots.plot_quadrants(table, lines, ax=ax)
    assert not any(text.get_text().startswith("q0") for text in ax.texts)
    ax.figure.draw_without_rendering()


def drivers(items=("a", "b", "c")):
    rows = [
        ("pcr", "a", 0.2, 0.1, 0.3),
        ("pcr", "b", 0.7, 0.5, 0.9),
        ("pcr", "c", 0.1, -0.1, 0.3),
        ("ols", "a", np.nan, np.nan, np.nan),
        ("ols", "b", np.nan, np.nan, np.nan),
        ("ols", "c", np.nan, np.nan, np.nan),
    ]
    return pd.DataFrame(rows, columns=["method", "item", "share", "share_low", "share_high"])


def test_drivers_have_a_panel_a_method_with_the_intervals(ax):
    assert plots.plot_drivers(drivers(), labels={"b": "delivery"}, ax=ax) is ax
    assert [label.get_text() for label in ax.get_yticklabels()] == ["delivery", "a", "c"]
    pcr, ols = ax.child_axes
    assert [panel.get_title() for panel in (pcr, ols)] == ["PCR", "OLS"]
    spans = [
        (line[0, 1], *line[:, 0].round(9))
        for part in pcr.collections
        for line in part.get_segments()
    ]
    assert sorted(spans) == [(0, 0.5, 0.9), (1, 0.1, 0.3), (2, -0.1, 0.3)]
    colours = {
        y: line.get_color()
        for line in pcr.lines
        if line.get_marker() == "o"
        for y in line.get_ydata()
    }
    assert colours[0] == colours[1] != colours[2]  # its interval holds zero
    assert [text.get_text() for text in ols.texts] == ["cannot\nsay"]
    assert pcr.get_xlim() == ols.get_xlim()
    assert ax.get_ylim() == pcr.get_ylim()


def test_driver_panels_keep_a_readable_scale(ax):
    wild = drivers()
    wild.loc[0, ["share_low", "share_high"]] = [-40.0, 90.0]
    plots.plot_drivers(wild, ax=ax)
    left, right = ax.child_axes[0].get_xlim()
    assert -1.2 < left < -0.99
    assert 0.99 < right < 1.2


def test_blocks_are_drawn_as_items_are(ax):
    plots.plot_drivers(drivers().rename(columns={"item": "block"}), ax=ax)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["b", "a", "c"]


def test_scree_marks_every_rule(ax):
    values = [3.0, 1.5, 0.8, 0.4, 0.3]
    plots.plot_scree(values, {"85% of variance": 4, "kaiser": 2, "cv": 1}, ax=ax)
    line = next(line for line in ax.lines if len(line.get_xdata()) == 5)
    assert list(line.get_ydata()) == values
    ends = {part[0, 0]: part[1, 1] for lines in ax.collections for part in lines.get_segments()}
    assert set(ends) == {1.5, 2.5, 4.5}
    assert ends[1.5] > ends[2.5] > ends[4.5] > 3.0
    texts = {text.get_text(): text for text in ax.texts}
    assert {"Kaiser: 2", "cross-validation: 1", "85% of variance: 4"} <= set(texts)
    ax.figure.draw_without_rendering()
    frames = [texts[name].get_window_extent() for name in texts if ":" in name]
    assert not any(frames[i].overlaps(frames[j]) for i in range(3) for j in range(i))
    around = ax.get_window_extent()
    assert all(frame.x0 >= around.x0 and frame.x1 <= around.x1 for frame in frames)


def test_index_has_both_intervals_and_the_counts(ax):
    table = pd.DataFrame(
        {
            "segment": ["all", "shop", "school"],
            "n": [1200, 80, 5],
            "index": [66.0, 68.0, np.nan],
            "low": [65.0, 66.0, np.nan],
            "high": [67.0, 70.0, np.nan],
            "whole_low": [64.0, 65.5, np.nan],
            "whole_high": [68.0, 70.5, np.nan],
        }
    )
    assert plots.plot_index(table, ax=ax) is ax
    spans = sorted(
        (line[0, 1], *line[:, 0])
        for part in ax.collections
        for line in part.get_segments()
        if line.size and not np.isnan(line).any()
    )
    assert spans == [(0, 64, 68), (0, 65, 67), (1, 65.5, 70.5), (1, 66, 70)]
    texts = [text.get_text() for text in ax.texts]
    assert texts == ["n = 1,200", "n = 80", "n = 5", "too few to say"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["all", "shop", "school"]
