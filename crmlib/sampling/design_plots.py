"""Charts of a sampling decision: a result table in, a matplotlib Axes out."""

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import StrMethodFormatter

from crmlib.sampling.allocation import Allocation
from crmlib.sampling.decision import Decision
from crmlib.sampling.sizes import size_for_mean

if TYPE_CHECKING:
    from matplotlib.axes import Axes

QUIET = "0.45"


def plot_designs(
    decision: Decision, *, unit: str = "", money: str = "money", ax: "Axes | None" = None
) -> "Axes":
    """Cost of each design against the true half-width of its interval; the taken one is filled.

    Parameters
    ----------
    decision : Decision
    unit, money : str
        Units of the axes.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    table = decision.table.sort_values("half_width")
    place = np.arange(len(table))[::-1]
    taken = (table["design"] == decision.chosen).to_numpy()
    for mask, filled in ((taken, "full"), (~taken, "none")):
        ax.plot(
            table["half_width"][mask], place[mask], "o", markersize=8, fillstyle=filled, color="C0"
        )
    reported = table["reported_naive_width"] / 2
    ax.plot(reported, place, "|", markersize=14, color="C1", label="what the usual formula reports")
    ax.axvline(decision.margin, color=QUIET, linestyle=":", label="margin asked for")
    for (_, row), y in zip(table.iterrows(), place, strict=True):
        right = max(row["half_width"], row["reported_naive_width"] / 2)
        ax.annotate(
            f"{row['cost']:,.0f} {money}",
            (right, y),
            xytext=(9, 0),
            textcoords="offset points",
            va="center",
            color=QUIET,
        )
    ax.set_yticks(place, list(table["design"]))
    ax.set_ylim(-0.6, len(table) - 0.4)
    ax.set_xlim(0, max(table["half_width"].max(), reported.max()) * 1.25)
    ax.set_xlabel(f"Half-width of the interval of the mean ({unit})")
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x", visible=True)
    ax.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2)
    return ax


def plot_size_against_precision(
    sd: float,
    population: int,
    margin: float,
    *,
    confidence: float = 0.95,
    unit: str = "",
    ax: "Axes | None" = None,
) -> "Axes":
    """Interviews of a simple random sample against the margin; the margin asked for is marked.

    Parameters
    ----------
    sd : float
        Standard deviation of the answer, in the unit of the margin.
    population : int
    margin : float
    confidence : float
    unit : str
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    margins = margin * np.geomspace(0.4, 3, 60)

    def size(m: float) -> int:
        return size_for_mean(m, sd, confidence=confidence, population=population).n

    ax.plot(margins, [size(m) for m in margins])
    n = size(margin)
    ax.plot([margin], [n], "o", color="C1")
    ax.annotate(f"±{margin:g}: {n:,}", (margin, n), xytext=(8, 6), textcoords="offset points")
    ax.set_xlabel(f"Margin: half-width of the interval ({unit})")
    ax.set_ylabel("Interviews")
    ax.set_ylim(0)
    ax.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    return ax


def plot_allocations(allocations: dict[str, Allocation], *, ax: "Axes | None" = None) -> "Axes":
    """Interviews of each stratum under several allocations, as bars side by side.

    Parameters
    ----------
    allocations : dict of name to Allocation
        Of the same strata.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    sizes = pd.DataFrame(
        {name: a.table.set_index("stratum")["n"] for name, a in allocations.items()}
    )
    width = 0.8 / sizes.shape[1]
    place = np.arange(len(sizes))
    for i, name in enumerate(sizes):
        bars = ax.bar(
            place + (i - (sizes.shape[1] - 1) / 2) * width, sizes[name], width, label=name
        )
        ax.bar_label(bars, fontsize=7, color=QUIET)
    ax.set_xticks(place, [str(stratum) for stratum in sizes.index])
    ax.set_ylabel("Interviews")
    ax.legend()
    return ax
