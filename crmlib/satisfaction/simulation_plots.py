"""Chart of how often methods name the true first driver: a table in, a matplotlib Axes out."""

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import PercentFormatter

if TYPE_CHECKING:
    from matplotlib.axes import Axes

QUIET = "0.5"


def plot_named_first(table: pd.DataFrame, *, ax: "Axes | None" = None) -> "Axes":
    """Share of the samples in which each method names the true first driver, one dot a truth.

    Parameters
    ----------
    table : DataFrame
        From `named_first`. What is missing is not drawn.
    ax : Axes, optional
        About 0.25 inches a row and 0.9 more make a height that reads well.

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    truths = list(dict.fromkeys(table["truth"]))
    for i, truth in enumerate(truths):
        rows = table[table["truth"] == truth]
        place = np.arange(len(rows)) + 0.26 * (i - (len(truths) - 1) / 2)
        ax.hlines(place, rows["low"], rows["high"], color=f"C{i}", linewidth=1.4)
        ax.plot(rows["named_first_share"], place, "o", color=f"C{i}", markersize=4, label=truth)
    rows = table[table["truth"] == truths[0]]
    names = [
        f"{method}, {rule}" if rule else method
        for method, rule in zip(rows["method"], rows["rule"], strict=True)
    ]
    ax.axvline(table["chance"].iloc[0], color=QUIET, linewidth=0.9, linestyle="--", label="chance")
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_xlim(0.0, 1.02)
    ax.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ax.set_xlabel("Samples in which the true first driver is named")
    ax.grid(axis="y", visible=False)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, frameon=False)
    return ax
