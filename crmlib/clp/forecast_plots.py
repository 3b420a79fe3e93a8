"""Charts of forecasts: a result table in, a matplotlib Axes out."""

from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.ticker import FuncFormatter, PercentFormatter

from crmlib.clp.plots import QUIET, short_money

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_track_record(
    record: pd.DataFrame, *, money: str = "money", ax: "Axes | None" = None
) -> "Axes":
    """What a method would have said at earlier days, what came, and what it says now.

    Parameters
    ----------
    record : DataFrame
        One row per forecast, from `track_record`: span (words for the time it speaks of),
        forecast, low, high, actual (missing while it is still to come).
    money : str
        Unit of the money axis.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    place = np.arange(len(record))
    known = record["actual"].notna().to_numpy()
    left = np.where(known, place - 0.19, place)
    middle, half = (record["high"] + record["low"]) / 2, (record["high"] - record["low"]) / 2
    ax.bar(left, record["forecast"], width=0.36, color="C0", label="forecast")
    ax.bar(place[known] + 0.19, record["actual"][known], width=0.36, color="C1", label="what came")
    # The range from past errors need not lie around the forecast.
    ax.errorbar(left, middle, yerr=half, fmt="none", ecolor="0.15", elinewidth=1.2, capsize=3)
    ax.set_xticks(place, record["span"])
    ax.axhline(0.0, color=QUIET, linewidth=0.6)
    ax.yaxis.set_major_formatter(FuncFormatter(short_money))
    ax.set_ylabel(f"Profit ({money})")
    ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2)
    return ax


def plot_method_errors(
    table: pd.DataFrame, *, money: str = "money", ax: "Axes | None" = None
) -> "Axes":
    """How much larger each method's error for a customer is than the best one's.

    Parameters
    ----------
    table : DataFrame
        One row per method: method, difference (in root mean squared error, to the best method),
        low, high.
    money : str
        Unit of the money axis.
    ax : Axes, optional
        About 0.25 inches a row and 0.9 more make a height that reads well.

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    rows = table.dropna(subset="difference").sort_values("difference", kind="stable")
    place = np.arange(len(rows))
    clear = (rows["low"] > 0).to_numpy()
    for mask, colour, label in (
        (clear, "C0", "worse than the best, beyond chance"),
        (~clear, QUIET, "cannot be told from the best"),
    ):
        part = rows[mask]
        ax.hlines(place[mask], part["low"], part["high"], color=colour, linewidth=1.4)
        ax.plot(part["difference"], place[mask], "o", color=colour, markersize=4, label=label)
    ax.axvline(0.0, color=QUIET, linewidth=0.9, linestyle="--")
    ax.set_yticks(place, rows["method"])
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.xaxis.set_major_formatter(FuncFormatter(short_money))
    ax.set_xlabel(f"Error for a customer, more than the best method's ({money})")
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x", visible=True)
    ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2)
    return ax


def plot_concentration(
    curve: pd.DataFrame,
    *,
    marks: tuple[float, ...] = (0.1, 0.2),
    ax: "Axes | None" = None,
) -> "Axes":
    """Share of the profit with so many of the most valuable customers.

    Parameters
    ----------
    curve : DataFrame
        From `whale_curve`.
    marks : tuple of float
        Shares of the customers to mark.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    share = np.concatenate([[0.0], curve["customer_share"]])
    value = np.concatenate([[0.0], curve["profit_share"]])
    ax.plot(share, value)
    ax.plot([0.0, 1.0], [0.0, 1.0], color=QUIET, linewidth=0.9, linestyle="--")
    for mark in marks:
        reached = float(np.interp(mark, share, value))
        ax.plot([mark], [reached], "o", color="C1", markersize=5)
        ax.annotate(
            f"{mark:.0%} of the customers: {reached:.0%}".replace("-", "−"),
            (mark, reached),
            xytext=(8, -4),
            textcoords="offset points",
            va="top",
        )
    ax.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ax.set_xlabel("Customers, the most valuable first")
    ax.set_ylabel("Share of the profit")
    return ax


def plot_tenths(tenths: pd.DataFrame, *, money: str = "money", ax: "Axes | None" = None) -> "Axes":
    """Mean forecast and mean of what came, by tenths of the customers.

    Parameters
    ----------
    tenths : DataFrame
        From `forecast_tenths`.
    money : str
        Unit of the money axis.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    place = tenths["tenth"]
    arms = np.abs(tenths[["low", "high"]].to_numpy().T - tenths["actual"].to_numpy())
    ax.bar(place - 0.2, tenths["forecast"], width=0.38, label="forecast")
    ax.bar(place + 0.2, tenths["actual"], width=0.38, label="what came")
    ax.errorbar(
        place + 0.2, tenths["actual"], yerr=arms, fmt="none", ecolor="0.15", elinewidth=1, capsize=2
    )
    ax.set_xticks(place)
    ax.yaxis.set_major_formatter(FuncFormatter(short_money))
    ax.set_xlabel("Tenths of the customers, from the lowest forecast to the highest")
    ax.set_ylabel(f"Mean profit a customer ({money})")
    ax.legend()
    return ax


def plot_alive_map(chances: pd.DataFrame, *, ax: "Axes | None" = None) -> "Axes":
    """Probability to be still a customer, by number of repeat purchases and silence.

    Parameters
    ----------
    chances : DataFrame
        From `alive_map`.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    square = chances.pivot_table(
        index="frequency", columns="weeks_silent", values="probability_alive"
    )
    levels = np.linspace(0.0, 1.0, 11)
    if len(square) > 1:
        shades = ax.contourf(
            square.columns, square.index, square, levels, cmap="Blues", vmin=-0.1, vmax=1.2
        )
        lines = ax.contour(
            square.columns, square.index, square, [0.1, 0.5, 0.9], colors="0.2", linewidths=0.8
        )
        ax.clabel(lines, fmt=lambda level: f"{level:.0%}", fontsize=8)
        plt.colorbar(shades, ax=ax, format=PercentFormatter(1.0, decimals=0), label="P(alive)")
    else:  # nobody bought more than twice: a curve instead of a map
        ax.plot(square.columns, square.iloc[0])
        ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ax.set_xlabel("Weeks since the last purchase")
    ax.set_ylabel("Repeat purchases" if len(square) > 1 else "P(alive) after one repeat purchase")
    ax.grid(visible=False)
    return ax


def plot_tracking(
    tracked: pd.DataFrame, cut: Any, *, so_far: bool = False, ax: "Axes | None" = None
) -> "Axes":
    """Repeat purchases by week, as they came and as expected, with the cut marked.

    Parameters
    ----------
    tracked : DataFrame
        From `tracking`.
    cut : date
        Last day that the model was fitted on.
    so_far : bool
        Sums from the beginning instead of single weeks.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    suffix = "_so_far" if so_far else ""
    ax.plot(tracked["week_ending"], tracked[f"actual{suffix}"], color="C1", label="what came")
    ax.plot(tracked["week_ending"], tracked[f"expected{suffix}"], color="C0", label="expected")
    ax.axvline(float(date2num(pd.Timestamp(cut))), color=QUIET, linewidth=0.9, linestyle="--")
    dates = AutoDateLocator(minticks=3, maxticks=7)
    ax.xaxis.set_major_locator(dates)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(dates))
    ax.yaxis.set_major_formatter(FuncFormatter(short_money))
    ax.set_ylim(bottom=0.0)
    ax.set_ylabel("Repeat purchases so far" if so_far else "Repeat purchases a week")
    ax.legend()
    return ax
