"""Charts of the decile reports: what is drawn is what the tables hold."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from crmlib.segmentation import deciles_plots as plots
from crmlib.segmentation.deciles import deciles, purchase_deciles

mpl.use("Agg")


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    figure.canvas.draw()
    plt.close(figure)


def customers(profit):
    return pd.DataFrame({"customer_id": np.arange(len(profit)), "profit": profit})


PROFIT = np.random.default_rng(1).lognormal(3, 1, 200)
CASES = {
    "gains": PROFIT,
    "losses": PROFIT - 12,
    "below zero": -PROFIT,
    "equal": np.full(30, 2.0),
    "one": [5.0],
}


def test_deciles_are_bars_and_the_sum_a_curve(ax):
    report = deciles(customers(PROFIT - 12))
    assert plots.plot_deciles(report, ax=ax) is ax
    heights = [bar.get_height() for bar in ax.patches]
    assert heights == pytest.approx(report.table["profit_share"].tolist())
    assert ax.lines[0].get_ydata()[1:].tolist() == pytest.approx(
        report.table["profit_cumulative_share"].tolist()
    )
    assert ax.get_ylabel() == "Share of all profit"


def test_pareto_is_lorenz_from_the_other_end_and_marks_the_best_fifth(ax):
    report = deciles(customers(PROFIT))
    plots.plot_pareto(report, ax=ax)
    curve, mark = ax.lines[1], ax.lines[2]
    assert np.asarray(curve.get_ydata())[::-1] == pytest.approx(1 - report.lorenz["share"][::-1])
    assert mark.get_xydata().tolist() == [[0.2, report.best_fifth["estimate"]]]
    assert ax.texts[0].get_text().startswith("best 20 %: ")
    assert len(ax.collections) == 1


def test_lorenz_shows_its_band(ax):
    report = deciles(customers(PROFIT))
    plots.plot_lorenz(report, ax=ax)
    points = ax.collections[0].get_paths()[0].vertices
    assert points[:, 1].min() == pytest.approx(min(0.0, report.lorenz["low"].min()))
    assert ax.lines[1].get_ydata().tolist() == report.lorenz["share"].tolist()


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("plot", [plots.plot_deciles, plots.plot_pareto, plots.plot_lorenz])
def test_every_case_can_be_drawn(ax, plot, case):
    assert plot(deciles(customers(CASES[case])), ax=ax).get_xlabel()


@pytest.mark.parametrize("case", CASES)
def test_purchase_deciles_are_bars_with_their_customers(ax, case):
    found = purchase_deciles(customers(CASES[case]))
    plots.plot_purchase_deciles(found, ax=ax)
    assert [bar.get_height() for bar in ax.patches] == found.table["customer_share"].tolist()
    assert [text.get_text() for text in ax.texts] == [f"{n:,}" for n in found.table["customers"]]
