"""Charts of offers: a result table in, a matplotlib Axes out."""

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from crmlib.segmentation.offer_value import extra_purchases

if TYPE_CHECKING:
    from matplotlib.axes import Axes

QUIET = "0.45"


def plot_plan_values(
    values: pd.DataFrame, *, money: str = "money", ax: "Axes | None" = None
) -> "Axes":
    """What plans bring over no plan, by how far offers raise the odds of buying.

    Parameters
    ----------
    values : DataFrame
        Rows of `plan_values` with a column uplift.
    money : str
        Unit of the money axis.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    plans = list(values["plan"].unique())
    uplifts = list(values["uplift"].unique())
    for i, uplift in enumerate(uplifts):
        rows = values[values["uplift"] == uplift].set_index("plan").loc[plans]
        y = np.arange(len(plans)) + 0.22 * (i - (len(uplifts) - 1) / 2)
        ends = [rows["net_gain"] - rows["low"], rows["high"] - rows["net_gain"]]
        ax.errorbar(
            rows["net_gain"],
            y,
            xerr=np.clip(ends, 0.0, None),
            fmt="o",
            markersize=4,
            label=f"odds {uplift:.0%} higher",
        )
    ax.axvline(0.0, color="0.15", linewidth=1.0)
    ax.set_yticks(range(len(plans)), plans)
    ax.set_ylim(len(plans) - 0.5, -0.5)
    if not values[["net_gain", "low", "high"]].to_numpy().any():
        ax.set_xlim(0.0, 1.0)
    ax.xaxis.set_major_formatter(FuncFormatter(_thousands))
    ax.xaxis.set_major_locator(MaxNLocator(6))
    ax.set_xlabel(f"Gain over no offers, after their cost ({money})")
    ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=len(uplifts))
    return ax


def plot_budget_curve(
    curve: pd.DataFrame, budget: float, *, money: str = "money", ax: "Axes | None" = None
) -> "Axes":
    """What offers bring by the budget they are given.

    Parameters
    ----------
    curve : DataFrame
        From `budget_curve`.
    budget : float
        Of the plan, which is marked.
    money : str
        Unit of both axes.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    ax.plot(curve["budget"], curve["net_gain"], marker="o", markersize=3)
    ax.axvline(budget, color=QUIET, linestyle="--", linewidth=1.0, label="the plan's budget")
    ax.set_ylim(bottom=min(0.0, float(curve["net_gain"].min())))
    if not curve["net_gain"].any():
        ax.set_ylim(0.0, 1.0)
    if not curve["budget"].any():
        ax.set_xlim(0.0, 1.0)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(FuncFormatter(_thousands))
        axis.set_major_locator(MaxNLocator(6))
    ax.set_xlabel(f"Budget ({money})")
    ax.set_ylabel(f"Net gain ({money})")
    ax.legend(loc="lower right")
    return ax


def plot_extra_purchases(uplifts: tuple[float, ...], *, ax: "Axes | None" = None) -> "Axes":
    """Purchases because of an offer, by the chance of buying without one.

    Parameters
    ----------
    uplifts : tuple of float
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    chance = np.linspace(0, 1, 201)
    for uplift in uplifts:
        ax.plot(chance, extra_purchases(chance, uplift), label=f"odds {uplift:.0%} higher")
    ax.xaxis.set_major_formatter(PercentFormatter(1.0))
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ax.set_ylim(bottom=0.0)
    ax.set_xlabel("Buy without the offer")
    ax.set_ylabel("Buy because of it")
    ax.legend()
    return ax


def plot_chance_check(check: pd.DataFrame, *, ax: "Axes | None" = None) -> "Axes":
    """Chances as they were foretold, and the shares that came.

    Parameters
    ----------
    check : DataFrame
        From `chance_check`.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    ends = [check["came"] - check["low"], check["high"] - check["came"]]
    ax.plot([0, 1], [0, 1], color=QUIET, linestyle="--", linewidth=1.0, label="as foretold")
    ax.errorbar(
        check["chance"], check["came"], yerr=np.clip(ends, 0.0, None), fmt="o", label="came"
    )
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0))
    ax.set_xlabel("Foretold chance of buying")
    ax.set_ylabel("Bought")
    ax.legend(loc="upper left")
    return ax


def _thousands(value: float, _: int | None = None) -> str:
    # A tick at 0 may miss it by rounding.
    if abs(value) < 1e-12:
        return "0"
    text = f"{value:,.0f}" if abs(value) >= 10 else f"{value:.2g}"
    return text.replace("-", "−")
