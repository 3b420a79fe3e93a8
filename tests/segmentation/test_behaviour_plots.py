"""Charts of segments: what is drawn is what the tables hold, axes have units."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from crmlib.segmentation import behaviour_plots as plots

mpl.use("Agg")


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


def test_shares_of_customers_and_money_stand_side_by_side(ax):
    sizes = pd.DataFrame(
        {
            "segment": ["1", "2"],
            "customers_share": [0.8, 0.2],
            "profit_share": [0.4, 0.6],
            "profit_share_low": [0.3, 0.5],
            "profit_share_high": [0.5, 0.7],
        }
    )
    assert plots.plot_shares(sizes, money="profit", ax=ax) is ax
    assert [bar.get_width() for bar in ax.patches] == [0.8, 0.2, 0.4, 0.6]
    whiskers = ax.collections[0].get_segments()
    assert np.array(whiskers)[:, :, 0] == pytest.approx(np.array([[0.3, 0.5], [0.5, 0.7]]))
    assert [label.get_text() for label in ax.get_yticklabels()] == ["1", "2"]
    assert "profit" in ax.get_xlabel()


def test_shares_that_cannot_be_said_are_not_drawn(ax):
    unknown = dict.fromkeys(("profit_share", "profit_share_low", "profit_share_high"), np.nan)
    sizes = pd.DataFrame({"segment": ["1", "2"], "customers_share": [0.8, 0.2]})
    plots.plot_shares(sizes.assign(**unknown), ax=ax)
    assert [bar.get_width() for bar in ax.patches] == [0.8, 0.2, 0.0, 0.0]
    ax.clear()
    plots.plot_shares(sizes, ax=ax)
    assert len(ax.patches) == 2


@pytest.mark.parametrize(("view", "marks"), [("stability", 2), ("gap", 1), ("bic", 1)])
def test_views_of_the_number_mark_what_was_chosen(ax, view, marks):
    choice = pd.DataFrame(
        {
            "k": [1, 2, 3],
            "stability": [1.0, 0.9, 0.7],
            "stability_low": [1.0, 0.8, 0.5],
            "stability_high": [1.0, 1.0, 0.9],
            "gap": [0.1, 0.5, 0.4],
            "gap_error": 0.05,
            "silhouette": [np.nan, 0.5, 0.3],
            "bic": [30.0, 20.0, 25.0],
        }
    )
    plots.plot_choice(choice, view, 2, ax=ax)
    assert ax.lines[0].get_ydata().tolist() == choice[view].tolist()
    assert list(ax.lines[-1].get_xdata()) == [2, 2]
    assert len(ax.lines) == 1 + marks
    assert ax.get_xlabel() == "Number of segments"


def test_customers_are_drawn_by_segment_with_skewed_money_on_a_log_scale(ax):
    customers = pd.DataFrame(
        {
            "segment": ["a"] * 50 + ["b"] * 50,
            "order_value": np.geomspace(1, 1e5, 100),
            "discounted_share": np.linspace(0, 1, 100),
        }
    )
    plots.plot_segments(customers, "order_value", "discounted_share", ["a", "b"], ax=ax)
    assert [len(line.get_xdata()) for line in ax.lines] == [50, 50]
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "linear")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("order value", "discounted")


def test_differences_have_a_point_with_interval_for_each_segment_and_feature(ax):
    rows = [(s, f) for s in ("a", "b") for f in ("x", "y_share")]
    differences = pd.DataFrame(rows, columns=["segment", "feature"]).assign(
        above_share=[0.7, 0.4, 0.3, 0.6], low=[0.6, 0.3, 0.2, np.nan], high=[0.8, 0.5, 0.4, np.nan]
    )
    plots.plot_differences(differences, ["a", "b"], ["y_share", "x"], ax=ax)
    points = [line for line in ax.lines if line.get_marker() == "o"]
    assert [line.get_xdata().tolist() for line in points] == [[0.4, 0.7], [0.6, 0.3]]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["y", "x"]


def test_moves_are_told_in_per_cent_and_empty_segments_left_out(ax):
    moves = pd.DataFrame(
        {
            "from_segment": ["A", "A", "B", "B", "(new)", "(new)", "A", "B", "C", "C", "C"],
            "to_segment": ["A", "B", "A", "B", "A", "B", "(gone)", "(gone)", "A", "B", "C"],
            "customers": [6, 3, 0, 5, 2, 2, 1, 0, 0, 0, 0],
            "share": [0.6, 0.3, 0.0, 1.0, np.nan, np.nan, 0.1, 0.0, np.nan, np.nan, np.nan],
        }
    )
    plots.plot_moves(moves, ["A", "B", "C"], ax=ax)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["A", "B"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["A", "B", "(gone)"]
    assert [text.get_text() for text in ax.texts] == ["60%", "30%", "10%", "100%"]
