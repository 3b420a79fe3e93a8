"""Charts of the value report. Oracle: what is drawn against the tables."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from crmlib.segmentation.tiers import tiers
from crmlib.segmentation.value_check import class_outlook, value_check, with_below_zero
from crmlib.segmentation.value_matrix import value_matrix
from crmlib.segmentation.value_plots import (
    decades,
    linear_part,
    plot_class_check,
    plot_matrix,
    plot_outlook,
)

COLUMNS = {"current": "profit", "potential": "clp"}


@pytest.fixture
def ax():
    _, ax = plt.subplots()
    yield ax
    plt.close("all")


@pytest.fixture
def worth():
    random = np.random.default_rng(1)
    level = random.normal(50, 100, 5_000)
    table = pd.DataFrame({"customer_id": range(5_000), "profit": level})
    table["clp"] = level + random.normal(0, 20, 5_000)
    return table.assign(low=table["clp"] - 40, high=table["clp"] + 40)


def test_bars_are_the_sums_of_the_classes(ax, worth):
    matrix = value_matrix(worth, **COLUMNS, low="low", high="high")
    outlook = with_below_zero(class_outlook(matrix), tiers(worth, **COLUMNS).tiers)
    plot_outlook(outlook, money="yuan", past="before", ahead="after", ax=ax)
    widths = [bar.get_width() for bar in ax.patches]
    sums = outlook.set_index("value_class").loc[["IV", "III", "II", "I", "below zero"]]
    assert widths == pytest.approx([*sums["current"], *sums["potential"]])
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels[0].startswith("IV · keep and grow\n")
    assert "customers" in labels[4]
    assert ax.get_xlabel() == "Profit (yuan)"


def test_every_class_is_drawn_and_no_more_points_than_can_be_seen(ax, worth):
    matrix = value_matrix(worth, **COLUMNS, cut="money", current_cut=50, potential_cut=50)
    plot_matrix(matrix, money="yuan", ax=ax)
    points = [line for line in ax.lines if line.get_marker() == "o"]
    assert sum(len(line.get_xdata()) for line in points) <= 2_000
    assert len(ax.get_legend().get_texts()) == 4
    counts = matrix.classes.set_index("value_class")["customers"]
    assert ax.get_legend().get_texts()[0].get_text() == f"IV keep and grow: {counts['IV']:,}"


def test_where_nobody_has_a_class_none_is_drawn(ax):
    equal = pd.DataFrame({"customer_id": range(60), "profit": 7.0, "clp": 7.0})
    matrix = value_matrix(equal, **COLUMNS, cut="quantile")
    plot_matrix(matrix, ax=ax)
    assert [t.get_text() for t in ax.get_legend().get_texts()] == [
        "No class, nobody stands out: 60"
    ]
    ax.clear()
    plot_outlook(class_outlook(matrix), ax=ax)
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == ["no class: nobody stands out\n60 customers"]


def test_scales_hold_for_customers_without_money(ax):
    nothing = pd.DataFrame({"customer_id": range(3), "profit": 0.0, "clp": 0.0})
    plot_matrix(value_matrix(nothing, **COLUMNS), ax=ax)
    ax.figure.canvas.draw()
    assert linear_part(np.zeros(3)) == 1
    assert linear_part(np.array([0.0, 30.0, -500.0, 7_000.0])) == 100
    assert decades(np.array([-500.0, 7_000.0]), 100.0) == [-1_000, 0, 1_000, 10_000]
    assert decades(np.zeros(3), 1.0) == [0]


def test_shares_of_the_past_with_their_intervals(ax, worth):
    past = pd.concat([worth.assign(origin=day) for day in ("2024-06-30", "2024-12-31")])
    past = past.assign(came=past["clp"] + 3)
    check = value_check(past, **COLUMNS, came="came", origin="origin")
    plot_class_check(check, ax=ax)
    assert len(ax.get_legend().get_texts()) == 2
    assert ax.get_ylim()[1] > 1
