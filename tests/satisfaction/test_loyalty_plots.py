"""Charts of loyalty: what is drawn is what the tables hold."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from crmlib.satisfaction import loyalty_plots as plots

mpl.use("Agg")


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


def spans(ax):
    """Ends of the intervals drawn, from the first row down."""
    return [
        tuple(line[:, 0])
        for part in ax.collections
        if hasattr(part, "get_segments")
        for line in part.get_segments()
        if len(line) and not np.isnan(line).any()
    ]


def dots(ax):
    """Place and colour of the dots."""
    return [
        (float(line.get_xdata()[0]), line.get_color())
        for line in ax.lines
        if line.get_marker() == "o" and not np.isnan(line.get_xdata()[0])
    ]


def texts(ax):
    return [text.get_text() for text in ax.texts]


def names(ax):
    return [label.get_text() for label in ax.get_yticklabels()]


def test_shares_have_intervals_counts_and_unclear_in_grey(ax):
    shares = pd.DataFrame(
        {
            "type": ["latent", "unclear"],
            "customers": [1200, 300],
            "n": 1500,
            "share": [0.8, 0.2],
            "low": [0.78, 0.18],
            "high": [0.82, 0.22],
        }
    )
    assert plots.plot_shares(shares, ax=ax) is ax
    assert np.ravel(spans(ax)) == pytest.approx([0.78, 0.82, 0.18, 0.22])
    assert [place for place, _ in dots(ax)] == [0.8, 0.2]
    assert len({colour for _, colour in dots(ax)}) == 2
    assert names(ax) == ["latent", "unclear"]
    assert texts(ax) == ["1,200 of 1,500", "300 of 1,500"]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]
    assert ax.xaxis.get_major_formatter()(0.5) == "50%"
    assert ax.get_xlabel() == "Share of customers"


def test_levels_are_drawn_the_same_way(ax):
    levels = pd.DataFrame(
        {"level": ["low", "high"], "answers": [0, 9], "n": 9, "share": [0.0, 1.0]}
    ).assign(low=[0.0, 0.7], high=[0.3, 1.0])
    plots.plot_shares(levels, "level", ax=ax)
    assert names(ax) == ["low", "high"]
    assert texts(ax) == ["0 of 9", "9 of 9"]


def test_effects_whose_interval_holds_zero_are_grey(ax):
    effects = pd.DataFrame(
        {
            "effect": ["switching_cost", "trust", "value"],
            "coefficient": [0.3, -0.2, 0.05],
            "low": [0.1, -0.3, -0.1],
            "high": [0.5, -0.1, 0.2],
        }
    )
    plots.plot_effects(effects, labels={"value": "perceived value"}, ax=ax)
    assert names(ax) == ["switching cost", "trust", "perceived value"]
    colours = [colour for _, colour in dots(ax)]
    assert colours[0] == colours[1] != colours[2]
    assert spans(ax)[1] == pytest.approx((-0.3, -0.1))
    assert texts(ax) == ["+0.30", "−0.20", "+0.05"]
    assert [0.0, 0.0] in [list(line.get_xdata()) for line in ax.lines]
    assert ax.get_xlabel() == "Points of loyalty for a point more"


def test_gaps_are_laid_off_from_what_was_expected(ax):
    gaps = pd.DataFrame(
        {
            "item": ["delivery", "service", "range", "price"],
            "n": [1200, 30, 30, 4],
            "expected": [8.0, 7.0, 6.0, np.nan],
            "perceived": [6.5, 7.1, 7.0, np.nan],
            "gap": [-1.5, 0.1, 1.0, np.nan],
            "low": [-1.8, -0.2, 0.5, np.nan],
            "high": [-1.2, 0.4, 1.5, np.nan],
            "verdict": ["falls short", "undecided", "exceeds", "too few"],
        }
    )
    plots.plot_gaps(gaps, label="Points", ax=ax)
    assert {(6.2, 6.8), (6.8, 7.4), (6.5, 7.5)} <= {tuple(np.round(span, 9)) for span in spans(ax)}
    assert [place for place, _ in dots(ax)] == [6.5, 7.1, 7.0]
    assert len({colour for _, colour in dots(ax)}) == 3
    rings = np.concatenate(
        [part.get_offsets() for part in ax.collections if len(part.get_offsets()) > 1]
    )
    assert rings[:3].tolist() == [[8.0, 0.0], [7.0, 1.0], [6.0, 2.0]]
    assert texts(ax) == ["−1.50, n = 1,200", "+0.10, n = 30", "+1.00, n = 30", "too few"]
    shown = [text.get_text() for text in ax.get_legend().get_texts()]
    assert shown == ["expected", "found", "falls short", "exceeds", "undecided"]
    assert ax.get_xlabel() == "Points"


def test_scores_are_drawn_with_a_line_at_all(ax):
    rows = pd.DataFrame(
        {
            "segment": ["all", "North", "few"],
            "index": [55.4, 60.0, np.nan],
            "low": [53.0, 55.0, np.nan],
            "high": [58.0, 65.0, np.nan],
            "n": [1240, 90, 4],
        }
    )
    plots.plot_scores(rows, "segment", "index", labels={"few": "very few"}, ax=ax)
    assert [place for place, _ in dots(ax)] == [55.4, 60.0]
    assert (53.0, 58.0) in spans(ax)
    assert names(ax) == ["all", "North", "very few"]
    assert texts(ax) == ["55, n = 1,240", "60, n = 90", "too few"]
    dashed = [line for line in ax.lines if line.get_linestyle() == "--"]
    assert [line.get_xdata()[0] for line in dashed] == [55.4]


def test_both_waves_are_drawn_and_clear_changes_starred(ax):
    levels = pd.DataFrame(
        {
            "level": ["satisfied", "neither", "dissatisfied"],
            "before": [0.5, 0.3, 0.2],
            "before_low": [0.45, 0.25, 0.15],
            "before_high": [0.55, 0.35, 0.25],
            "after": [0.4, 0.4, 0.202],
            "after_low": [0.35, 0.35, 0.15],
            "after_high": [0.45, 0.45, 0.25],
            "change": [-0.1, 0.1, -0.002],
            "low": [-0.15, -0.01, -0.1],
            "high": [-0.05, 0.2, 0.1],
        }
    )
    plots.plot_level_change(levels, ax=ax)
    assert texts(ax) == ["−10 *", "+10", "0"]
    assert (0.45, 0.55) in spans(ax)
    assert (0.35, 0.45) in spans(ax)
    assert names(ax) == ["satisfied", "neither", "dissatisfied"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["before", "after"]
