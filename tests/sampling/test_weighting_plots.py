"""Charts: what is drawn is what the tables hold, axes are labelled with units."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from crmlib.sampling import weighting_plots as plots

mpl.use("Agg")

SEGMENTS = pd.DataFrame(
    {
        "variable": ["region", "region", "customer_type"],
        "segment": ["East", "West", "shop"],
        "n": [80, 12, 1200],
        "estimate": [7.0, np.nan, 6.5],
        "low": [6.8, np.nan, 6.2],
        "high": [7.2, np.nan, 6.9],
        "adjusted_p_value": [0.01, np.nan, 0.5],
    }
)


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


def texts(ax):
    return [text.get_text() for text in ax.texts]


def spans(ax):
    """Ends of all intervals drawn, from left to right."""
    lines = [line for part in ax.collections for line in part.get_segments() if len(line)]
    return sorted(tuple(line[:, 0]) for line in lines if not np.isnan(line).any())


def test_segments_have_their_intervals_counts_and_names(ax):
    assert plots.plot_segments(SEGMENTS, 6.9, label="Score (points)", ax=ax) is ax
    assert np.ravel(spans(ax)) == pytest.approx([6.2, 6.9, 6.8, 7.2])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["East", "West", "shop"]
    assert {"n = 80", "n = 12", "n = 1,200", "Region", "Customer type"} <= set(texts(ax))
    assert texts(ax).count("too few to say") == 1
    assert ax.get_xlabel() == "Score (points)"
    assert [6.9, 6.9] in [list(line.get_xdata()) for line in ax.lines]


def test_segments_beyond_noise_have_another_colour(ax):
    plots.plot_segments(SEGMENTS, 6.9, ax=ax)
    dots = {
        float(x): line.get_color()
        for line in ax.lines
        if line.get_marker() == "o"
        for x in np.asarray(line.get_xdata(), dtype=float)
        if not np.isnan(x)
    }
    assert set(dots) == {7.0, 6.5}
    assert dots[7.0] != dots[6.5]


def test_variables_are_set_apart(ax):
    plots.plot_segments(SEGMENTS, 6.9, ax=ax)
    east, west, shop = ax.get_yticks()
    assert east - west < west - shop


def test_response_shows_rates_counts_and_everybody(ax):
    response = pd.DataFrame(
        {
            "variable": ["all", "region", "region"],
            "segment": ["all", "East", "West"],
            "asked": [1100, 1000, 100],
            "answered": [520, 450, 70],
            "response_share": [0.47, 0.45, 0.7],
            "low_share": [0.44, 0.42, 0.6],
            "high_share": [0.50, 0.48, 0.78],
        }
    )
    plots.plot_response(response, ax=ax)
    assert np.ravel(spans(ax)) == pytest.approx([0.42, 0.48, 0.6, 0.78])
    assert {"450 of 1,000", "70 of 100"} <= set(texts(ax))
    assert [0.47, 0.47] in [list(line.get_xdata()) for line in ax.lines]
    assert ax.xaxis.get_major_formatter()(0.5) == "50%"


def test_weights_are_drawn_over_their_mean_with_their_counts(ax):
    plots.plot_weights({"equal": np.ones(4), "raked": np.array([1.0, 1.0, 2.0, 4.0])}, ax=ax)
    equal, raked = ax.collections
    assert equal.get_offsets().tolist() == [[1.0, 0.0]]
    assert raked.get_offsets().tolist() == [[0.5, 1.0], [1.0, 1.0], [2.0, 1.0]]
    sizes = raked.get_sizes()
    assert sizes[0] > sizes[1] == sizes[2]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["equal", "raked"]


def test_estimates_are_drawn_from_the_first_down(ax):
    rows = pd.DataFrame(
        {"weights": ["equal", "raked"], "estimate": [7, 6.8], "low": [6.8, 6.5], "high": [7.3, 7]}
    )
    plots.plot_estimates(rows, label="Score (points)", ax=ax)
    assert np.ravel(spans(ax)) == pytest.approx([6.5, 7.0, 6.8, 7.3])
    assert ax.get_ylim()[0] > ax.get_ylim()[1]
    assert ax.get_xlabel() == "Score (points)"
