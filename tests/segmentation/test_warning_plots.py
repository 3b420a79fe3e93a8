"""Charts of the warning report: what is drawn is what the tables hold, axes have units."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from crmlib.segmentation import warning_plots as plots

mpl.use("Agg")


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    figure.canvas.draw()
    plt.close(figure)


def test_money_at_stake_is_a_part_of_the_profit(ax):
    table = pd.DataFrame({"name": ["A" * 50, "$B_1"], "profit_year": [100.0, -5.0]})
    table[["probability", "low", "high"]] = [[0.6, 0.4, 0.7], [0.5, 0.2, 0.9]]
    assert plots.plot_at_stake(table, money="yuan", ax=ax) is ax
    widths = [bar.get_width() for bar in ax.patches]
    assert widths == pytest.approx([100, 0, 60, 0])
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == ["A" * 33 + "…", "$B_1"]
    assert ax.get_xlabel() == "Profit a year (yuan)"
    (lines,) = ax.collections
    assert lines.get_segments()[0][:, 0].tolist() == pytest.approx([40, 70])


def test_signs_are_drawn_with_their_intervals(ax):
    table = pd.DataFrame({"sign": ["a", "b"], "area": [0.7, np.nan], "low": [0.6, np.nan],
                          "high": [0.8, np.nan]})  # fmt: skip
    plots.plot_signs(table, ax=ax)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b"]
    assert ax.collections[0].get_segments()[0][:, 0].tolist() == pytest.approx([0.6, 0.8])


def test_calibration_shows_foretold_and_come(ax):
    table = pd.DataFrame(
        {"expected": [0.1, 0.4], "share": [0.2, 0.3], "low": [0.1, 0.2], "high": [0.4, 0.5]}
    )
    plots.plot_calibration(table, ax=ax)
    assert ax.lines[0].get_xydata().tolist() == [[0.1, 0.2], [0.4, 0.3]]
    diagonal = next(line for line in ax.lines if line.get_label() == "as foretold")
    assert diagonal.get_xdata()[1] == diagonal.get_ydata()[1] >= 0.5


@pytest.mark.parametrize("warned", [[True, False], [False, False], [True, True]])
def test_rhythm_shows_who_is_warned_of(ax, warned):
    table = pd.DataFrame({"usual_gap": [10.0, 80.0], "silence": [40, 0], "warned": warned})
    plots.plot_rhythm(table, ax=ax)
    drawn = np.concatenate([points.get_offsets() for points in ax.collections])
    assert sorted(drawn.tolist()) == [[10.0, 40.0], [80.0, 1.0]]
    assert len(ax.collections) == len(set(warned))


def test_rhythm_without_customers_is_empty(ax):
    table = pd.DataFrame({"usual_gap": [np.nan], "silence": [4], "warned": [False]})
    plots.plot_rhythm(table, ax=ax)
    assert not ax.collections
