"""Charts of retention and of what it is worth: a result table in, a matplotlib Axes out."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from crmlib.clp.churn import ValueAtRisk
from crmlib.clp.discounting import Array
from crmlib.clp.plots import short_money

if TYPE_CHECKING:
    from matplotlib.axes import Axes

QUIET = "0.45"


def plot_value_by_retention(
    curve: pd.DataFrame, gain: pd.Series, *, money: str = "money", ax: "Axes | None" = None
) -> "Axes":
    """Value of the base by yearly retention, today's with its interval and the step above it.

    Parameters
    ----------
    curve : DataFrame
        Columns retention and value.
    gain : Series
        A row of `retention_gain`: retention with its interval, raised, value, gain.
    money : str
        Unit of the money axis.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    (line,) = ax.plot(curve["retention"], curve["value"])
    if np.isfinite(gain["gain"]):
        mark_step(ax, gain, line.get_color())
    ax.xaxis.set_major_formatter(PercentFormatter(1.0))
    ax.yaxis.set_major_formatter(FuncFormatter(short_money))
    ax.yaxis.set_major_locator(MaxNLocator(5))
    bottom, top = min(0.0, float(curve["value"].min())), max(0.0, float(curve["value"].max()))
    ax.set_ylim(1.08 * bottom, 1.08 * top if bottom < top else bottom + 1.0)
    ax.set_xlabel("Of the customers still here, those that stay another year")
    ax.set_ylabel(f"Profit still to come ({money})")
    return ax


def mark_step(ax: "Axes", gain: pd.Series, colour: Any) -> None:
    """Mark today's retention with its interval and the value a step above it."""
    ax.axvspan(gain["retention_low"], gain["retention_high"], color=QUIET, alpha=0.2, linewidth=0)
    more = 100 * (gain["raised"] - gain["retention"])
    raised = gain["value"] + gain["gain"]
    for name, retention, value, place, side in (
        ("today", gain["retention"], gain["value"], (8, -14), "left"),
        (f"{more:.3g} of 100 more", gain["raised"], raised, (-8, 6), "right"),
    ):
        ax.plot(retention, value, "o", color=colour)
        ax.annotate(
            f"{name}: {short_money(float(f'{value:.3g}'))}",
            (retention, value),
            xytext=place,
            textcoords="offset points",
            ha=side,
        )


def plot_retention(
    by_tenure: pd.DataFrame,
    models: Mapping[str, Array],
    *,
    period: str = "period",
    ax: "Axes | None" = None,
) -> "Axes":
    """Retention by tenure as observed, with intervals, and as models have it.

    Parameters
    ----------
    by_tenure : DataFrame
        `RetentionRates.table`: t, retention, low, high.
    models : mapping of str to ndarray
        Retention of tenure 1, 2, ... by the name of the model.
    period : str
        Unit of time.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    observed = by_tenure["retention"]
    ends = [observed - by_tenure["low"], by_tenure["high"] - observed]
    ax.errorbar(
        by_tenure["t"],
        observed,
        yerr=np.clip(ends, 0.0, None),
        fmt="o",
        color=QUIET,
        markersize=3,
        elinewidth=0.8,
        label="observed",
    )
    for name, retention in models.items():
        ax.plot(np.arange(1, len(retention) + 1), retention, label=name)
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel(f"{period.capitalize()}s since the first purchase")
    ax.set_ylabel(f"Buy again after this {period}")
    ax.legend(loc="lower right")
    return ax


def plot_value_at_risk(
    risk: ValueAtRisk, *, money: str = "money", ax: "Axes | None" = None
) -> "Axes":
    """Distribution of the value lost, with what is expected and what is seldom exceeded.

    Parameters
    ----------
    risk : ValueAtRisk
    money : str
        Unit of the money axis.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    share = np.full(len(risk.losses), 1 / len(risk.losses))
    ax.hist(risk.losses, bins=40, weights=share, alpha=0.55)
    row = risk.table.iloc[0]
    marks = {
        "expected": row["expected_loss"],
        f"exceeded with {risk.level:.0%}": row["exceeded_loss"],
    }
    for (name, loss), style in zip(marks.items(), ("-", "--"), strict=True):
        ax.axvline(loss, color="0.15", linestyle=style, linewidth=1.2, label=name)
    ax.xaxis.set_major_formatter(FuncFormatter(short_money))
    ax.xaxis.set_major_locator(MaxNLocator(6))
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    ax.set_xlabel(f"Value lost within a year ({money})")
    ax.set_ylabel("Share of the draws")
    ax.legend()
    return ax


def plot_gain_by_years(gains: pd.DataFrame, *, ax: "Axes | None" = None) -> "Axes":
    """Gain in per cent of the value by years looked ahead, with intervals.

    Parameters
    ----------
    gains : DataFrame
        Rows of `retention_gain` with a column years; one line for each kept_bring.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    for kept, rows in gains.groupby("kept_bring", sort=False):
        (line,) = ax.plot(rows["years"], rows["gain_percent"], marker="o", label=f"kept: {kept}")
        ax.fill_between(
            rows["years"],
            rows["gain_percent_low"],
            rows["gain_percent_high"],
            color=line.get_color(),
            alpha=0.15,
            linewidth=0,
        )
    ax.yaxis.set_major_formatter(PercentFormatter(100.0))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_ylim(bottom=min(0.0, float(gains["gain_percent_low"].fillna(0.0).min())))
    ax.set_xlabel("Years looked ahead")
    ax.set_ylabel("More profit")
    ax.legend()
    return ax
