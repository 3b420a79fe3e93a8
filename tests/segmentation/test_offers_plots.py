"""Charts of offers: what is drawn is what is in the table."""

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from crmlib.segmentation import offers_plots
from crmlib.segmentation.offer_value import extra_purchases


@pytest.fixture
def ax():
    fig, axes = plt.subplots()
    yield axes
    plt.close(fig)


def test_plans_stand_at_their_net_gain(ax):
    values = pd.DataFrame(
        {
            "plan": ["p", "q", "p", "q"],
            "uplift": [0.1, 0.1, 0.2, 0.2],
            "net_gain": [5.0, 3.0, 12.0, 8.0],
            "low": [4.0, 2.0, 10.0, 7.0],
            "high": [6.0, 4.0, 14.0, 9.0],
        }
    )
    offers_plots.plot_plan_values(values, money="euros", ax=ax)
    drawn = [container.lines[0].get_xdata().tolist() for container in ax.containers]
    assert drawn == [[5, 3], [12, 8]]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["p", "q"]
    assert "euros" in ax.get_xlabel()


def test_the_budget_curve_marks_the_plan(ax):
    curve = pd.DataFrame({"budget": [0.0, 10.0, 20.0], "net_gain": [0.0, 30.0, 40.0]})
    offers_plots.plot_budget_curve(curve, 10.0, money="euros", ax=ax)
    assert ax.lines[0].get_ydata().tolist() == [0, 30, 40]
    assert list(ax.lines[1].get_xdata()) == [10, 10]


def test_a_plan_without_offers_is_drawn_on_an_axis_from_zero(ax):
    empty = pd.DataFrame({"plan": ["p"], "uplift": 0.1, "net_gain": 0.0, "low": 0.0, "high": 0.0})
    offers_plots.plot_plan_values(empty, ax=ax)
    assert ax.get_xlim() == (0, 1)
    ax.clear()
    offers_plots.plot_budget_curve(pd.DataFrame({"budget": [0.0], "net_gain": [0.0]}), 0.0, ax=ax)
    assert (ax.get_xlim(), ax.get_ylim()) == ((0, 1), (0, 1))


@pytest.mark.parametrize(
    ("value", "text"),
    [(-0.04, "−0.04"), (-8000.0, "−8,000"), (0.25, "0.25"), (0.0, "0"), (-1e-17, "0"), (-0.0, "0")],
)
def test_ticks_have_a_minus_and_no_hyphen(value, text):
    assert offers_plots._thousands(value) == text


def test_extra_purchases_are_drawn_for_every_uplift(ax):
    offers_plots.plot_extra_purchases((0.1, 0.5), ax=ax)
    chance, extra = ax.lines[1].get_data()
    assert extra == pytest.approx(extra_purchases(chance, 0.5))


def test_the_check_is_drawn_against_the_line(ax):
    check = pd.DataFrame({"chance": [0.2, 0.7], "came": [0.25, 0.6], "low": 0.1, "high": 0.8})
    offers_plots.plot_chance_check(check, ax=ax)
    assert ax.containers[0].lines[0].get_ydata().tolist() == [0.25, 0.6]
