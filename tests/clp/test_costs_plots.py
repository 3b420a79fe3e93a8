"""Charts of costs: what is drawn is what the tables hold, axes are labelled with units."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from crmlib.clp import costs_plots
from crmlib.clp.below_zero import below_zero, reason_summary
from crmlib.clp.costs import activity_costs
from crmlib.clp.customer_profit import customer_profit, profit_steps, whale_curve
from tests.clp.test_customer_profit import DONE, LEDGER, SALES

mpl.use("Agg")


@pytest.fixture(scope="module")
def company():
    costs = activity_costs(DONE, LEDGER)
    return customer_profit(SALES, costs, cost="cost"), costs


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_whale_curve_turns_where_losses_begin(company, ax):
    curve = whale_curve(company[0].table)
    assert costs_plots.plot_whale_curve(curve, money="yuan", ax=ax) is ax
    rising, falling = ax.lines[0].get_ydata(), ax.lines[1].get_ydata()
    assert rising.tolist() == [0.0, 520.0, 590.0]
    assert falling.tolist() == [590.0, 570.0, 530.0, 477.0, 317.0]
    assert ax.lines[0].get_xdata().tolist() == pytest.approx([0, 1 / 6, 2 / 6])
    assert texts(ax) == ["4 customers below zero\ntake away 273 yuan"]
    assert inside(ax)
    assert "yuan" in ax.get_ylabel()


def inside(ax):
    """Whether every label lies within the axes, and none on the curve."""
    ax.figure.canvas.draw()
    frame = ax.get_window_extent()
    boxes = [text.get_window_extent() for text in ax.texts]
    points = [ax.transData.transform(line.get_xydata()) for line in ax.lines[:-1]]
    return all(
        frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1
        for box in boxes
    ) and not any(box.contains(*point) for box in boxes for line in points for point in line)


@pytest.mark.parametrize(
    "profits",
    [
        [-3.0],
        [-1.0] * 40,
        [1.0] * 30 + [-1.0] * 30,
        [1.0] * 10 + [-1.0] * 30,
        [9.0, -1.0],
        [5.0] * 99 + [-300.0],
        [3.0] * 90 + [-40.0] * 10,
    ],
)
def test_label_of_the_whale_curve_lies_within_the_axes(profits, ax):
    ax.figure.set_size_inches(6.7, 2.7)
    ids = [str(i) for i in range(len(profits))]
    curve = whale_curve(pd.DataFrame({"customer_id": ids, "profit": profits}))
    costs_plots.plot_whale_curve(curve, money="yuan", ax=ax)
    assert len(texts(ax)) == 1
    assert inside(ax)


def test_whale_curve_without_losses_only_rises(ax):
    curve = whale_curve(pd.DataFrame({"customer_id": ["a", "b"], "profit": [1.0, 2.0]}))
    costs_plots.plot_whale_curve(curve, ax=ax)
    assert ax.lines[0].get_ydata().tolist() == [0.0, 2.0, 3.0]
    assert texts(ax) == []


def test_steps_hang_from_one_another(company, ax):
    steps = profit_steps(*company)
    costs_plots.plot_profit_steps(steps, money="yuan", ax=ax)
    spans = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in ax.patches]
    assert spans == [
        (0.0, 877.0),
        (877.0, 597.0),
        (597.0, 317.0),
        (0.0, 317.0),
        (317.0, 317.0),
        (317.0, 217.0),
        (0.0, 217.0),
    ]
    assert texts(ax)[:2] == ["877", "−280"]
    assert ax.get_yticklabels()[0].get_text() == "Gross profit"


def test_customers_stand_where_profit_and_cost_are(company, ax):
    table = company[0].table.set_index("customer_id")
    costs_plots.plot_cost_to_serve(company[0].table, money="yuan", ax=ax)
    earning, below, _ = ax.lines
    assert set(earning.get_xdata()) == {600.0, 150.0}
    # Courted bought nothing and given cost nothing: no place on axes of logarithms.
    assert below.get_xdata().tolist() == table.loc[["small", "sender"], "gross_profit"].tolist()
    assert below.get_ydata().tolist() == [80.0, 280.0]
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["earns (2)", "below zero (2)"]


def test_nobody_to_show_is_an_empty_chart(company, ax):
    costs_plots.plot_cost_to_serve(company[0].table.assign(gross_profit=0.0), ax=ax)
    assert ax.lines[0].get_xdata().tolist() == []


def test_reasons_are_bars_with_their_counts(company, ax):
    summary = reason_summary(below_zero(*company))
    costs_plots.plot_reasons(summary, money="yuan", ax=ax)
    assert [bar.get_width() for bar in ax.patches] == [20.0, 40.0, 53.0, 160.0]
    assert texts(ax) == ["1 customer"] * 4
    assert ax.get_xlabel() == "Loss (yuan)"
    costs_plots.plot_reasons(summary.iloc[:0], ax=ax)
    assert np.isfinite(ax.get_xlim()).all()
