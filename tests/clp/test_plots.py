"""Charts: what is drawn is what the tables hold, axes are labelled with units."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from crmlib import clp
from crmlib.clp import plots
from crmlib.tables import example

mpl.use("Agg")


@pytest.fixture(scope="module")
def base():
    history = clp.profit_history(example.company().transactions, cost="cost")
    return history, clp.fit_life_cycle(history)


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


def test_stage_bars_have_the_lengths_and_intervals_of_the_table(base, ax):
    _, fit = base
    value = clp.lifetime_profit(fit, rate=0.01, periods=12)
    summary = clp.stage_summary(clp.life_cycle_stage(fit), value)
    assert plots.plot_stages(summary, money="yuan", ax=ax) is ax
    lengths = [bar.get_width() for bar in ax.patches]
    assert lengths == summary["lifetime_profit"].fillna(0)[::-1].tolist()
    whiskers = ax.collections[0].get_segments()
    spans = [segment[:, 0].tolist() for segment in whiskers]
    expected = summary[["low", "high"]].fillna(0)[::-1].to_numpy()
    assert np.array(spans) == pytest.approx(expected)
    assert "yuan" in ax.get_xlabel()
    assert [label.get_text() for label in ax.get_yticklabels()][-1] == "Exploration"


def test_a_customers_chart_shows_profits_curve_turns_and_interval(base, ax):
    history, fit = base
    customer = fit.customers.loc[fit.customers["curve"] == "decline", "customer_id"].iloc[0]
    plots.plot_life_cycle(history, fit, customer, money="yuan", ax=ax)
    past, future, points, *_ = ax.lines
    mine = history.table[history.table["customer_id"] == customer]
    assert points.get_ydata().tolist() == mine["profit"].tolist()
    assert len(past.get_xdata()) == fit.customers.set_index("customer_id").loc[customer, "life"]
    assert (np.asarray(future.get_ydata()) > 0).all()
    assert {text.get_text() for text in ax.texts} == {"g₁", "g₂"}
    assert (ax.get_xlabel(), ax.get_ylabel()) == (
        "Months since the first purchase",
        "Profit a month (yuan)",
    )


def test_typical_customers_differ_in_their_curves(base):
    _, fit = base
    chosen = fit.customers.set_index("customer_id").loc[plots.typical_customers(fit), "curve"]
    assert len(chosen) == 4
    assert chosen.is_unique


def test_holdout_bars_are_forecast_and_actual(base, ax):
    history, _ = base
    check = clp.holdout_check(history, 6)
    plots.plot_holdout(check, period="month", money="yuan", ax=ax)
    assert ax.get_ylabel() == "Profit of the last 6 months (yuan)"
    heights = [bar.get_height() for bar in ax.patches]
    assert heights == check.stages["forecast"].tolist() + check.stages["actual"].tolist()


def test_curves_are_drawn_by_name(ax):
    plots.plot_curves({"one": pd.Series([1.0, 2.0], [5, 6])}, ax=ax)
    assert ax.lines[0].get_xdata().tolist() == [5, 6]
    assert ax.get_legend().get_texts()[0].get_text() == "one"
