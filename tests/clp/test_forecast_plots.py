"""Charts of forecasts: what is drawn is what the tables hold, axes are labelled with units."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from crmlib.clp import forecast_plots as plots
from crmlib.clp import forecast_views as views
from crmlib.clp.customer_profit import whale_curve
from tests.clp.made_forecasts import MODEL, RULE, backtest, forecast

mpl.use("Agg")


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


def heights(ax):
    return [bar.get_height() for bar in ax.patches]


def spans(ax, axis=1):
    return [sorted(segment[:, axis].tolist()) for segment in ax.collections[0].get_segments()]


def test_the_track_record_shows_forecasts_with_ranges_beside_what_came(ax):
    record = views.track_record(backtest(), forecast(100.0))
    assert plots.plot_track_record(record, money="yuan", ax=ax) is ax
    assert heights(ax) == [100.0, 110.0, 120.0, 100.0, 90.0, 100.0, 125.0]
    assert spans(ax)[:3] == [[95.0, 105.0], [105.0, 115.0], [115.0, 125.0]]
    assert spans(ax)[3] == pytest.approx([90.0, 125 / 1.2])  # 90 / 100 and 125 / 120 of 100
    assert ax.get_ylabel() == "Profit (yuan)"
    assert [label.get_text() for label in ax.get_xticklabels()] == record["span"].tolist()


def test_a_record_without_intervals_is_drawn_without(ax):
    rule = forecast(method=RULE, low=np.nan, high=np.nan)
    plots.plot_track_record(views.track_record(backtest(), rule), ax=ax)
    assert heights(ax)[:3] == [120.0, 120.0, 138.0]


@pytest.mark.parametrize(("alike", "colour"), [(True, plots.QUIET), (False, "C0")])
def test_methods_that_cannot_be_told_from_the_best_are_grey(ax, alike, colour):
    plots.plot_method_errors(backtest(alike=alike).comparison, money="yuan", ax=ax)
    drawn = {
        tuple(line.get_xdata()): line.get_color() for line in ax.lines if len(line.get_xdata())
    }
    assert drawn[(1.0,) if not alike else (0.0, 1.0)] == colour
    assert [label.get_text() for label in ax.get_yticklabels()] == [MODEL, RULE]
    assert "(yuan)" in ax.get_xlabel()


def test_concentration_starts_at_nothing_and_marks_a_tenth_and_a_fifth(ax):
    profit = [6.0] + [1.0] * 4 + [0.0] * 5
    table = whale_curve(pd.DataFrame({"customer_id": range(10), "profit": profit}))
    plots.plot_concentration(table, ax=ax)
    assert ax.lines[0].get_ydata().tolist()[:3] == pytest.approx([0.0, 0.6, 0.7])
    assert [text.get_text() for text in ax.texts] == [
        "10% of the customers: 60%",
        "20% of the customers: 70%",
    ]


def test_tenths_are_pairs_of_bars_with_the_interval_of_what_came(ax):
    values = np.arange(40.0)
    table = views.forecast_tenths(
        pd.DataFrame({"forecast": values, "actual": values + 1}), groups=4
    )
    plots.plot_tenths(table, money="yuan", ax=ax)
    assert heights(ax) == table["forecast"].tolist() + table["actual"].tolist()
    assert np.array(spans(ax)) == pytest.approx(table[["low", "high"]].to_numpy())
    assert "yuan" in ax.get_ylabel()


@pytest.mark.parametrize("most", [1, 3])
def test_the_map_has_purchases_up_and_silence_across(ax, most):
    frequency, silent = np.meshgrid(np.arange(1, most + 1), np.arange(0, 50, 10.0), indexing="ij")
    chances = pd.DataFrame(
        {
            "frequency": frequency.ravel(),
            "weeks_silent": silent.ravel(),
            "probability_alive": 0.5 ** (silent.ravel() / 10 * frequency.ravel()),
        }
    )
    plots.plot_alive_map(chances, ax=ax)
    assert ax.get_xlabel() == "Weeks since the last purchase"
    assert ax.get_xlim()[1] >= 40
    if most == 1:
        assert ax.lines[0].get_ydata().tolist() == pytest.approx([1, 0.5, 0.25, 0.125, 0.0625])
    else:
        assert ax.get_ylim() == (1, most)


@pytest.mark.parametrize(("so_far", "suffix"), [(False, ""), (True, "_so_far")])
def test_tracking_draws_weeks_or_sums_and_the_cut(ax, so_far, suffix):
    tracked = pd.DataFrame(
        {
            "week_ending": pd.date_range("2025-01-07", periods=4, freq="7D"),
            "actual": [1, 2, 3, 4],
            "expected": [1.5, 2.5, 2.5, 3.0],
            "actual_so_far": [1, 3, 6, 10],
            "expected_so_far": [1.5, 4.0, 6.5, 9.5],
        }
    )
    plots.plot_tracking(tracked, "2025-01-14", so_far=so_far, ax=ax)
    came, expected, cut = ax.lines
    assert came.get_ydata().tolist() == tracked[f"actual{suffix}"].tolist()
    assert expected.get_ydata().tolist() == tracked[f"expected{suffix}"].tolist()
    assert cut.get_xdata()[0] == mpl.dates.date2num(pd.Timestamp("2025-01-14"))
