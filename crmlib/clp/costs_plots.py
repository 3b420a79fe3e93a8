"""Charts of what serving customers costs: a result table in, a matplotlib Axes out."""

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from crmlib.clp.plots import short_money
from crmlib.findings import amount

if TYPE_CHECKING:
    from matplotlib.axes import Axes

QUIET = "0.45"
LOSS = "#B03A2E"
LABEL_FITS = 0.35
"""Part of the height of the whale curve that its label needs."""


def plot_whale_curve(
    curve: pd.DataFrame, *, money: str = "money", ax: "Axes | None" = None
) -> "Axes":
    """Cumulative profit over the customers, the most profitable first.

    Parameters
    ----------
    curve : DataFrame
        From `whale_curve`.
    money : str
        Unit of the money axis.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    share = np.concatenate([[0.0], curve["customer_share"]])
    cumulative = np.concatenate([[0.0], curve["cumulative_profit"]])
    earning = int((curve["profit"] >= 0).sum())
    (line,) = ax.plot(share[: earning + 1], cumulative[: earning + 1])
    ax.fill_between(
        share[: earning + 1], cumulative[: earning + 1], alpha=0.12, color=line.get_color()
    )
    if earning < len(curve):
        ax.plot(share[earning:], cumulative[earning:], color=LOSS)
        ax.fill_between(share[earning:], cumulative[earning:], alpha=0.12, color=LOSS)
        lost = cumulative[earning] - cumulative[-1]
        verb = (
            "customer below zero\ntakes"
            if len(curve) - earning == 1
            else ("customers below zero\ntake")
        )
        lowest, peak = cumulative.min(), cumulative.max()
        if cumulative[-1] < LABEL_FITS * peak:  # no room between the curve and the axis: make it
            ax.set_ylim(lowest - LABEL_FITS * (peak - lowest), peak + 0.05 * (peak - lowest))
        ax.annotate(
            f"{len(curve) - earning:,} {verb} away {amount(lost, lost)} {money}",
            (1.0, cumulative[-1]),
            xytext=(-6, -8),
            textcoords="offset points",
            ha="right",
            va="top",
            color=LOSS,
        )
    ax.axhline(0.0, color=QUIET, linewidth=0.6)
    ax.set_xlim(0, 1)
    ax.xaxis.set_major_formatter(PercentFormatter(1.0))
    ax.yaxis.set_major_formatter(FuncFormatter(short_money))
    ax.set_xlabel(f"Share of the {len(curve):,} customers, the most profitable first")
    ax.set_ylabel(f"Profit so far ({money})")
    return ax


def plot_profit_steps(
    steps: pd.DataFrame, *, money: str = "money", ax: "Axes | None" = None
) -> "Axes":
    """From gross profit to what is left, one bar a step.

    Parameters
    ----------
    steps : DataFrame
        From `profit_steps`.
    money : str
        Unit of the money axis.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    place = np.arange(len(steps))[::-1]
    added, level = steps["amount"].to_numpy(), steps["left"].to_numpy()
    is_level = steps["is_level"].to_numpy()
    start = np.where(is_level, 0.0, level - added)
    width = np.where(is_level, level, added)
    color = np.where(is_level, "C0", np.where(width < 0, LOSS, "C2"))
    ax.barh(place, width, left=start, height=0.62, color=color)
    ends = np.maximum(start, start + width)
    for y, end, number in zip(place, ends, width, strict=True):
        ax.annotate(
            short_money(round(number)),
            (max(end, 0.0), y),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
        )
    ax.set_yticks(place, [str(step).capitalize() for step in steps["step"]])
    ax.axvline(0.0, color=QUIET, linewidth=0.6)
    ax.set_xlim(min(0.0, float(start.min()), float(level.min())) * 1.1, float(ends.max()) * 1.18)
    ax.xaxis.set_major_formatter(FuncFormatter(short_money))
    ax.xaxis.set_major_locator(MaxNLocator(5))
    ax.set_xlabel(f"Profit ({money})")
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x", visible=True)
    return ax


def plot_cost_to_serve(
    profits: pd.DataFrame, *, money: str = "money", ax: "Axes | None" = None
) -> "Axes":
    """Gross profit of each customer against what serving it cost; on the line both are equal.

    Customers without gross profit or without cost have no place on these axes and are left out.

    Parameters
    ----------
    profits : DataFrame
        `CustomerProfit.table`.
    money : str
        Unit of both axes.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    shown = profits[(profits["gross_profit"] > 0) & (profits["cost_to_serve"] > 0)]
    below = shown["profit"] < 0
    for rows, color, label in ((shown[~below], "C0", "earns"), (shown[below], LOSS, "below zero")):
        ax.plot(
            rows["gross_profit"],
            rows["cost_to_serve"],
            "o",
            markersize=3,
            alpha=0.6,
            color=color,
            label=f"{label} ({len(rows):,})",
        )
    if len(shown):
        ends = shown[["gross_profit", "cost_to_serve"]].to_numpy()
        line = [float(ends.min()) / 1.3, float(ends.max()) * 1.3]
        ax.plot(line, line, color=QUIET, linewidth=1.0, linestyle="--")
        ax.set_xscale("log")
        ax.set_yscale("log")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(FuncFormatter(short_money))
    ax.set_xlabel(f"Gross profit ({money})")
    ax.set_ylabel(f"Cost to serve ({money})")
    ax.legend()
    return ax


def plot_reasons(
    reasons: pd.DataFrame, *, money: str = "money", ax: "Axes | None" = None
) -> "Axes":
    """What customers below zero lose, by reason, with how many they are.

    Parameters
    ----------
    reasons : DataFrame
        From `reason_summary`.
    money : str
        Unit of the money axis.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    rows = reasons.iloc[::-1]
    place = np.arange(len(rows))
    ax.barh(place, rows["loss"], height=0.62, color=LOSS)
    for y, loss, customers in zip(place, rows["loss"], rows["customers"], strict=True):
        noun = "customer" if customers == 1 else "customers"
        ax.annotate(
            f"{customers:,} {noun}",
            (loss, y),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
        )
    ax.set_yticks(place, [str(reason).capitalize() for reason in rows["reason"]])
    ax.set_xlim(0, max(float(rows["loss"].max()) if len(rows) else 0.0, 1.0) * 1.25)
    ax.xaxis.set_major_formatter(FuncFormatter(short_money))
    ax.xaxis.set_major_locator(MaxNLocator(5))
    ax.set_xlabel(f"Loss ({money})")
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x", visible=True)
    return ax
