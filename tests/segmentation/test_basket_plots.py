"""Charts of rules draw what the tables say, also labels that would be formulas."""

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from crmlib.segmentation.basket_plots import plot_rules, plot_sequence
from crmlib.segmentation.basket_rules import basket_rules
from crmlib.segmentation.sequence_rules import sequence_rules


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    figure.canvas.draw()
    plt.close(figure)


@pytest.fixture(scope="module")
def sequences():
    """Everybody buys b ten days after a, and not after c."""
    rows = [
        (f"C{customer:02d}", day, item)
        for customer in range(40)
        for day, item in ((0, "a"), (10 + customer % 7, "b"), (60, "c"), (90, "d"))
    ]
    data = pd.DataFrame(rows, columns=["customer_id", "day", "product_line"])
    date = pd.Timestamp("2023-01-01") + pd.to_timedelta(data["day"], unit="D")
    return sequence_rules(data.assign(date=date, amount=1.0), within_days=20)


def test_basket_rules_are_drawn_from_the_top(ax):
    baskets = [["tea $5", "milk$"], ["tea $5", "milk$"], ["jam"], ["jam", "tea $5"]] * 20
    rows = [(number, item) for number, items in enumerate(baskets) for item in items]
    table = basket_rules(pd.DataFrame(rows, columns=["basket_id", "item"])).table
    plot_rules(table, most=2, ax=ax)
    places = ax.get_yticks()
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels[int(np.argmax(places))] == "tea $5 › milk$"
    assert len(labels) == 2
    assert [text.get_text() for text in ax.texts] == [f"{c:.0%}" for c in table["confidence"][:2]]


def test_sequences_are_drawn_with_and_without_rules(ax, sequences):
    assert plot_rules(sequences.table, ax=ax) is ax
    assert plot_rules(sequences.table.head(0), ax=ax) is ax


def test_curves_of_a_sequence(ax, sequences):
    # The base of a then b is never above 0, so that the lift cannot be said; the curve can.
    rule = sequences.held.iloc[0]
    plot_sequence(sequences, rule["if_item"], rule["then_item"], ax=ax)
    bought = ax.lines[0].get_ydata()
    assert bought[-1] == pytest.approx(rule["chance"])
    assert ax.get_xlim() == (0, 20)
    assert "Have bought b" in ax.get_ylabel()
