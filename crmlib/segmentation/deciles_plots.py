"""Charts of who makes the money: a report in, a matplotlib Axes out."""

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import PercentFormatter

from crmlib.segmentation.deciles import Deciles, PurchaseDeciles

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GAIN, LOSS, QUIET = "C0", "C3", "0.45"


def plot_deciles(report: Deciles, *, ax: "Axes | None" = None) -> "Axes":
    """Share of the money by decile as bars, and added up from the best as a curve.

    Parameters
    ----------
    report : Deciles
    ax : Axes, optional

    Returns
    -------
    Axes
        Without bars when the total is not above zero and there are no shares of it.
    """
    ax = ax or plt.gca()
    table = report.table
    share = table[f"{report.by}_share"]
    colours = [LOSS if value < 0 else GAIN for value in share]
    bars = ax.bar(table["decile"], share.fillna(0.0), color=colours, width=0.8)
    ax.bar_label(bars, labels=[_percent(value) for value in share], padding=2, fontsize="small")
    # Up to the end of each decile, so that the curve leaves the bars' labels free.
    ends = np.concatenate([[table["decile"].iloc[0] - 0.4], table["decile"] + 0.4])
    added = np.concatenate([[0.0], table[f"{report.by}_cumulative_share"]])
    ax.plot(ends, added, marker=".", color=QUIET, label="added up from the best")
    ax.axhline(0.0, color="0.15", linewidth=0.8)
    ax.set_xticks(table["decile"])
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    ax.set_xlabel("Tenth of the customers, the best first")
    ax.set_ylabel(f"Share of all {_in_words(report.by)}")
    ax.legend(loc="center right")
    return ax


def plot_pareto(report: Deciles, *, ax: "Axes | None" = None) -> "Axes":
    """Share of the money that the best customers bring, with band, the best fifth marked.

    Parameters
    ----------
    report : Deciles
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    curve = report.lorenz
    mirrored = pd.DataFrame(
        {
            "customers": 1 - curve["customers"],
            "share": 1 - curve["share"],
            "low": 1 - curve["high"],
            "high": 1 - curve["low"],
        }
    )
    _draw_curve(ax, mirrored)
    fifth = report.best_fifth
    if pd.notna(fifth["estimate"]):
        ax.plot(0.2, fifth["estimate"], "o", color=GAIN)
        ax.annotate(
            f"best 20 %: {_percent(fifth['estimate'])}",
            (0.2, fifth["estimate"]),
            xytext=(10, -12),
            textcoords="offset points",
        )
    ax.set_xlabel("Share of the customers, the best first")
    ax.set_ylabel(f"Share of all {_in_words(report.by)}")
    return ax


def plot_lorenz(report: Deciles, *, ax: "Axes | None" = None) -> "Axes":
    """Lorenz curve with band, beside the line on which all customers bring the same.

    Parameters
    ----------
    report : Deciles
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    _draw_curve(ax, report.lorenz)
    ax.set_xlabel("Share of the customers, the poorest first")
    ax.set_ylabel(f"Share of all {_in_words(report.by)}")
    return ax


def plot_purchase_deciles(report: PurchaseDeciles, *, ax: "Axes | None" = None) -> "Axes":
    """Share of the customers that it takes to make each tenth of the money.

    Parameters
    ----------
    report : PurchaseDeciles
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    table = report.table
    bars = ax.bar(table["tenth"], table["customer_share"], color=GAIN, width=0.8)
    ax.bar_label(bars, labels=[f"{n:,}" for n in table["customers"]], padding=2, fontsize="small")
    ax.margins(y=0.1)
    ax.set_xticks(table["tenth"])
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    ax.set_xlabel(f"Tenth of the {_in_words(report.by)}, from the best customer on")
    ax.set_ylabel("Share of the customers who make it")
    return ax


def _draw_curve(ax: "Axes", curve: pd.DataFrame) -> None:
    ax.plot([0, 1], [0, 1], color=QUIET, linestyle="--", linewidth=0.8, label="all the same")
    (line,) = ax.plot(curve["customers"], curve["share"], label="customers")
    if curve["low"].notna().any():
        ax.fill_between(
            curve["customers"],
            curve["low"],
            curve["high"],
            color=line.get_color(),
            alpha=0.2,
            linewidth=0,
        )
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0))
    ax.legend()


def _percent(share: float) -> str:
    return "" if pd.isna(share) else f"{100 * share:.0f} %".replace("-", "−")


def _in_words(column: str) -> str:
    return column.replace("_", " ")
