"""Charts of segments: a result table in, a matplotlib Axes out."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter, PercentFormatter

if TYPE_CHECKING:
    from matplotlib.axes import Axes

QUIET = "0.45"

MOST_POINTS = 4000
"""Customers drawn in a scatter plot."""

LIMITS = {"stability": 0.8}
"""Values that a view of the number of segments must reach."""


def plot_shares(sizes: pd.DataFrame, *, money: str = "profit", ax: "Axes | None" = None) -> "Axes":
    """Share of customers and share of money of every segment, side by side.

    Parameters
    ----------
    sizes : DataFrame
        segment, customers_share and, where it can be said, profit_share with profit_share_low and
        profit_share_high.
    money : str
        What the money is.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    place = np.arange(len(sizes))[::-1]
    ax.barh(place + 0.2, sizes["customers_share"], 0.38, color="0.75", label="of the customers")
    if "profit_share" in sizes:
        share = sizes["profit_share"].to_numpy(dtype=float)
        ax.barh(place - 0.2, np.nan_to_num(share), 0.38, label=f"of the {money}")
        if "profit_share_low" in sizes:
            ends = [share - sizes["profit_share_low"], sizes["profit_share_high"] - share]
            ends = np.clip(np.nan_to_num(np.array(ends, dtype=float)), 0, None)
            ax.errorbar(
                np.nan_to_num(share), place - 0.2, xerr=ends, fmt="none", ecolor="0.2", elinewidth=1
            )
        ax.axvline(0, color="0.3", linewidth=0.6)
    ax.set_yticks(place, [str(name) for name in sizes["segment"]])
    ax.xaxis.set_major_formatter(PercentFormatter(1.0))
    ax.set_xlabel(f"Share of all customers and of all {money}")
    ax.grid(visible=False, axis="y")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    return ax


def plot_choice(
    choice: pd.DataFrame, view: str, chosen: int, *, ax: "Axes | None" = None
) -> "Axes":
    """One view of the number of segments, with its uncertainty where it has one.

    Parameters
    ----------
    choice : DataFrame
        `Segmentation.choice`.
    view : str
        silhouette, bic, gap or stability.
    chosen : int
        The number that was chosen.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    low, high = choice[view], choice[view]
    if view == "gap":
        low, high = choice[view] - choice["gap_error"], choice[view] + choice["gap_error"]
    elif view == "stability":
        low, high = choice["stability_low"], choice["stability_high"]
    ax.fill_between(choice["k"], low, high, alpha=0.2, linewidth=0)
    ax.plot(choice["k"], choice[view], marker="o", markersize=3)
    if view in LIMITS:
        ax.axhline(LIMITS[view], color=QUIET, linestyle="--", linewidth=0.8)
    ax.axvline(chosen, color=QUIET, linewidth=0.8)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.yaxis.set_major_locator(MaxNLocator(4))
    ax.set_xlabel("Number of segments")
    ax.set_title({"bic": "BIC (lower is better)"}.get(view, f"{view.capitalize()} (higher)"))
    return ax


def plot_segments(
    customers: pd.DataFrame, x: str, y: str, names: Sequence[str], *, ax: "Axes | None" = None
) -> "Axes":
    """Customers by two features, coloured by segment; money and counts on a log scale.

    Parameters
    ----------
    customers : DataFrame
        segment and the two features; of more than 4,000 evenly spaced ones are drawn.
    x, y : str
        Features.
    names : sequence of str
        Segments in the order of the legend.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    drawn = customers.iloc[:: max(1, len(customers) // MOST_POINTS)]
    for name in names:
        rows = drawn[drawn["segment"] == name]
        ax.plot(rows[x], rows[y], "o", markersize=2.5, alpha=0.6, linewidth=0, label=name)
    for feature, axis in ((x, ax.xaxis), (y, ax.yaxis)):
        _scaled(axis, customers[feature], feature)
    ax.set_xlabel(_words(x))
    ax.set_ylabel(_words(y))
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2, markerscale=2)
    return ax


def _scaled(axis: Any, values: pd.Series, feature: str) -> None:
    """Per cent for shares; a log scale where the largest is many times the middle."""
    if feature.endswith("_share"):
        axis.set_major_formatter(PercentFormatter(1.0))
    elif values.min() > 0 and values.max() > 10 * values.median():
        getattr(axis.axes, f"set_{axis.axis_name}scale")("log")
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
        axis.set_minor_formatter(NullFormatter())
    else:
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))


def plot_differences(
    differences: pd.DataFrame,
    names: Sequence[str],
    features: Sequence[str],
    *,
    ax: "Axes | None" = None,
) -> "Axes":
    """Of 100 pairs, in how many the segment's customer is above one of the others, by feature.

    Parameters
    ----------
    differences : DataFrame
        `SegmentCriteria.differences`.
    names : sequence of str
        Segments, in the order of the legend.
    features : sequence of str
        From top to bottom.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    ax.axvspan(0.36, 0.64, color=QUIET, alpha=0.12, linewidth=0)
    ax.axvline(0.5, color=QUIET, linewidth=0.8)
    table = differences.set_index(["segment", "feature"])
    steps = np.linspace(0.28, -0.28, len(names)) if len(names) > 1 else np.zeros(1)
    for name, step in zip(names, steps, strict=True):
        rows = table.loc[name].reindex(index=list(features))
        ends = np.array([rows["above_share"] - rows["low"], rows["high"] - rows["above_share"]])
        ax.errorbar(
            rows["above_share"],
            np.arange(len(features))[::-1] + step,
            xerr=np.clip(np.nan_to_num(ends.astype(float)), 0, None),
            fmt="o",
            markersize=3,
            elinewidth=1,
            label=name,
        )
    ax.set_yticks(np.arange(len(features))[::-1], [_words(name) for name in features])
    ax.set_xlim(0, 1)
    ax.xaxis.set_major_formatter(PercentFormatter(1.0))
    ax.set_xlabel("Pairs in which the segment's customer is above one of the others")
    ax.grid(visible=False, axis="y")
    ax.legend(loc="upper center", bbox_to_anchor=(0.4, -0.16), ncols=2)
    return ax


def plot_moves(moves: pd.DataFrame, ranks: Sequence[str], *, ax: "Axes | None" = None) -> "Axes":
    """Heat map of who moved from which segment to which, in per cent of those before.

    Parameters
    ----------
    moves : DataFrame
        `SegmentMigration.table`.
    ranks : sequence of str
        Segments from the best to the worst; those with nobody before and after are left out.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    wide = moves.pivot_table(index="from_segment", columns="to_segment", values="share", sort=False)
    counts = moves.pivot_table(
        index="from_segment", columns="to_segment", values="customers", aggfunc="sum", sort=False
    )
    rows = [name for name in ranks if name in counts.index and counts.loc[name].sum() > 0]
    columns = [name for name in (*ranks, "(gone)") if name in counts and counts[name].sum() > 0]
    shown = wide.reindex(index=rows, columns=columns).to_numpy(dtype=float)
    ax.imshow(shown, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (i, j), share in np.ndenumerate(shown):
        if share >= 0.005:
            ax.text(
                j,
                i,
                f"{share:.0%}",
                ha="center",
                va="center",
                fontsize=7,
                color="white" if share > 0.55 else "0.2",
            )
    ax.set_xticks(range(len(columns)), columns, rotation=35, ha="right")
    ax.set_yticks(range(len(rows)), rows)
    ax.set_xlabel("Segment in the last stretch")
    ax.set_ylabel("Segment before")
    ax.grid(visible=False)
    return ax


def _words(name: str) -> str:
    return name.removesuffix("_share").replace("_", " ")
