"""Charts of retention and its worth: what is drawn is what the tables hold, axes have units."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from crmlib.clp import churn_plots as plots
from crmlib.clp.churn import value_at_risk

mpl.use("Agg")


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


def test_value_by_retention_shows_curve_interval_and_step(ax):
    curve = pd.DataFrame({"retention": [0.5, 0.9, 1.0], "value": [1e6, 2e6, 2.4e6]})
    row = {"retention": 0.9, "retention_low": 0.87, "retention_high": 0.93, "raised": 0.95}
    gain = pd.Series(row | {"value": 2e6, "gain": 2e5})
    assert plots.plot_value_by_retention(curve, gain, money="yuan", ax=ax) is ax
    line, today, raised = ax.lines
    assert line.get_ydata().tolist() == curve["value"].tolist()
    assert (today.get_xdata()[0], today.get_ydata()[0]) == (0.9, 2e6)
    assert (raised.get_xdata()[0], raised.get_ydata()[0]) == (0.95, 2.2e6)
    band = ax.patches[0].get_extents().transformed(ax.transData.inverted())
    assert (band.x0, band.x1) == (pytest.approx(0.87), pytest.approx(0.93))
    assert [text.get_text() for text in ax.texts] == [
        "today: 2 million",
        "5 of 100 more: 2.2 million",
    ]
    assert ax.get_ylabel() == "Profit still to come (yuan)"


def test_value_by_retention_without_an_answer_is_the_curve_alone(ax):
    curve = pd.DataFrame({"retention": [0.5, 1.0], "value": [1e6, 2e6]})
    gain = pd.Series(dict.fromkeys(("retention", "raised", "value", "gain"), np.nan))
    plots.plot_value_by_retention(curve, gain, ax=ax)
    assert len(ax.lines) == 1
    assert not ax.texts


@pytest.mark.parametrize("values", [[-2e6, -1e6], [0.0, 0.0], [-1.0, 5.0]])
def test_value_by_retention_keeps_losses_in_the_picture(ax, values):
    curve = pd.DataFrame({"retention": [0.5, 1.0], "value": values})
    gain = pd.Series(dict.fromkeys(("retention", "raised", "value", "gain"), np.nan))
    plots.plot_value_by_retention(curve, gain, ax=ax)
    low, high = ax.get_ylim()
    assert low <= min(values) <= max(values) <= high
    assert low < high


def test_retention_shows_observed_intervals_and_models(ax):
    table = pd.DataFrame(
        {"t": [1, 2], "retention": [0.6, 0.8], "low": [0.5, 0.75], "high": [0.7, 0.85]}
    )
    plots.plot_retention(table, {"constant": np.full(4, 0.7)}, period="month", ax=ax)
    whiskers = ax.collections[0].get_segments()
    assert np.array(whiskers)[:, :, 1] == pytest.approx(table[["low", "high"]].to_numpy())
    model = next(line for line in ax.lines if line.get_label() == "constant")
    assert model.get_xdata().tolist() == [1, 2, 3, 4]
    assert ax.get_xlabel() == "Months since the first purchase"


def test_value_at_risk_marks_what_is_expected_and_seldom_exceeded(ax):
    risk = value_at_risk([5.0, 9.0, 2.0], [0.2, 0.5, 0.3], seed=1)
    plots.plot_value_at_risk(risk, money="yuan", ax=ax)
    row = risk.table.iloc[0]
    assert [line.get_xdata()[0] for line in ax.lines] == [
        row["expected_loss"],
        row["exceeded_loss"],
    ]
    assert sum(bar.get_height() for bar in ax.patches) == pytest.approx(1.0)
    assert "yuan" in ax.get_xlabel()


def test_gain_by_years_has_a_line_and_a_band_for_each_answer(ax):
    rows = pd.DataFrame(
        {
            "kept_bring": ["as the others"] * 2 + ["as those lost"] * 2,
            "years": [1, 10, 1, 10],
            "gain_percent": [3.0, 19.0, 2.0, 12.0],
            "gain_percent_low": [2.0, 15.0, 1.0, 9.0],
            "gain_percent_high": [4.0, 22.0, 3.0, 16.0],
        }
    )
    plots.plot_gain_by_years(rows, ax=ax)
    assert [line.get_ydata().tolist() for line in ax.lines] == [[3.0, 19.0], [2.0, 12.0]]
    corners = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert (corners.min(), corners.max()) == (2.0, 22.0)
    assert ax.get_ylim()[0] == 0.0
