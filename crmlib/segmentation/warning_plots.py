"""Charts of the warning report."""

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator, PercentFormatter

if TYPE_CHECKING:
    from matplotlib.axes import Axes

QUIET = "0.45"
PALE = "0.85"
LONGEST_NAME = 34


def plot_at_stake(
    customers: pd.DataFrame, *, money: str = "money", ax: "Axes | None" = None
) -> "Axes":
    """Profit of the last year of each customer, and the part of it that is likely to be lost.

    Parameters
    ----------
    customers : DataFrame
        name, profit_year, probability, low, high; the first row on top.
    money : str
        Unit of the money axis.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    place = np.arange(len(customers))[::-1]
    profit = customers["profit_year"].clip(lower=0.0).to_numpy()
    stake, low, high = (profit * customers[name] for name in ("probability", "low", "high"))
    ax.barh(place, profit, color=PALE, label="profit of the last year")
    ax.barh(place, stake, height=0.5, label="times the probability of leaving")
    # What reaches over the end of its bar by rounding is nothing.
    reach = np.clip([stake - low, high - stake], 0.0, None)
    ax.errorbar(stake, place, xerr=reach, fmt="none", ecolor="0.15", elinewidth=1.0)
    ax.set_yticks(place, [shortened(str(name)) for name in customers["name"]])
    ax.xaxis.set_major_locator(MaxNLocator(5))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}".replace("-", "−")))
    ax.set_xlabel(f"Profit a year ({money})")
    ax.legend(loc="lower right")
    return ax


def shortened(name: str) -> str:
    """Cut a name that would leave no room for the bars."""
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def plot_signs(signs: pd.DataFrame, *, ax: "Axes | None" = None) -> "Axes":
    """How well each sign alone told who would leave, with intervals; half is chance.

    Parameters
    ----------
    signs : DataFrame
        sign, area, low, high.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    place = np.arange(len(signs))[::-1]
    area = signs["area"]
    reach = np.clip([area - signs["low"], signs["high"] - area], 0.0, None)
    ax.errorbar(area, place, xerr=reach, fmt="o", elinewidth=1.2)
    ax.axvline(0.5, color=QUIET, linewidth=0.8, linestyle="--")
    ax.set_yticks(place, list(signs["sign"]))
    ax.set_ylim(-0.6, len(signs) - 0.4)
    ax.set_xlabel("Area under the curve (dashed: chance)")
    return ax


def plot_calibration(calibration: pd.DataFrame, *, ax: "Axes | None" = None) -> "Axes":
    """Share that left by the probability foretold, with intervals.

    Parameters
    ----------
    calibration : DataFrame
        `ChurnWarning.calibration`: expected, share, low, high.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    share = calibration["share"]
    reach = np.clip([share - calibration["low"], calibration["high"] - share], 0.0, None)
    ax.errorbar(calibration["expected"], share, yerr=reach, fmt="o", elinewidth=1.2)
    top = 1.05 * float(max(calibration["expected"].max(), calibration["high"].max(), 0.01))
    ax.plot([0, top], [0, top], color=QUIET, linewidth=0.8, linestyle="--", label="as foretold")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=None))
    ax.set_xlabel("Mean probability of leaving, foretold")
    ax.set_ylabel("Share that left")
    ax.legend(loc="upper left")
    return ax


def plot_rhythm(customers: pd.DataFrame, *, ax: "Axes | None" = None) -> "Axes":
    """Silence of each customer by the gap usual for it; those warned of stand out.

    Parameters
    ----------
    customers : DataFrame
        usual_gap and silence in days, warned.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    known = customers[customers["usual_gap"].notna()]
    for marked, name, style in (
        (False, "others", {"color": QUIET, "alpha": 0.4, "s": 8}),
        (True, "warned of", {"s": 18}),
    ):
        rows = known[known["warned"] == marked]
        if len(rows):
            # A silence of no day has no place on an axis of logarithms.
            ax.scatter(rows["usual_gap"], rows["silence"].clip(lower=1), label=name, **style)
    if len(known):
        ends = [known["usual_gap"].min(), known["usual_gap"].max()]
        ax.plot(ends, ends, color="0.15", linewidth=0.8, label="as long as usual")
        ax.legend(loc="upper left")
    ax.set_xscale("log")
    ax.set_yscale("log")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.4g}"))
        axis.set_minor_locator(NullLocator())
    ax.set_xlabel("Usual days between two purchases")
    ax.set_ylabel("Days since the last purchase")
    return ax
