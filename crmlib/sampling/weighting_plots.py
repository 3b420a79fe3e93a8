"""Charts of weighted surveys: a result table in, a matplotlib Axes out."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import PercentFormatter

from crmlib.sampling.samples import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

QUIET = "0.55"


def plot_segments(
    segments: pd.DataFrame,
    everybody: float,
    *,
    label: str = "Score",
    noise: float = 0.05,
    ax: "Axes | None" = None,
) -> "Axes":
    """Estimate of each segment with its interval, the answers behind it, and the mean of all.

    Parameters
    ----------
    segments : DataFrame
        One row a segment: variable, segment, n, estimate, low, high and, if there,
        adjusted_p_value. A missing estimate reads "too few to say".
    everybody : float
        Estimate of all, drawn as a line.
    label : str
        What is estimated, with its unit, for the axis.
    noise : float
        Segments with an adjusted p-value below it are drawn in the strong colour.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    adjusted = segments.get("adjusted_p_value", pd.Series(0.0, segments.index))
    _draw_intervals(ax, segments, "estimate", "low", "high", strong=adjusted < noise)
    ax.axvline(everybody, color=QUIET, linewidth=1.0, linestyle="--", zorder=0)
    ax.annotate(
        "all",
        (everybody, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(3, 1),
        textcoords="offset points",
        color=QUIET,
    )
    _write_counts(ax, [f"n = {n:,}" for n in segments["n"]])
    for y, (_, row) in zip(_places(segments), segments.iterrows(), strict=True):
        if pd.isna(row["estimate"]):
            ax.annotate("too few to say", (everybody, y), ha="center", va="center", color=QUIET)
    ax.set_xlabel(label)
    return ax


def plot_response(response: pd.DataFrame, *, ax: "Axes | None" = None) -> "Axes":
    """Response rate of each segment with its interval; the first row, everybody, as a line.

    Parameters
    ----------
    response : DataFrame
        One row a segment: variable, segment, asked, answered, response_share, low_share,
        high_share; the first row is of everybody.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    rows = response.iloc[1:]
    strong = pd.Series(True, rows.index)
    _draw_intervals(ax, rows, "response_share", "low_share", "high_share", strong=strong)
    ax.axvline(
        response["response_share"].iloc[0], color=QUIET, linewidth=1.0, linestyle="--", zorder=0
    )
    counts = zip(rows["answered"], rows["asked"], strict=True)
    _write_counts(ax, [f"{int(answered):,} of {int(asked):,}" for answered, asked in counts])
    ax.set_xlabel("Share of those asked that answered")
    ax.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    return ax


def plot_weights(weights: Mapping[str, Array], *, ax: "Axes | None" = None) -> "Axes":
    """Spread of the weights after each step: one dot an answer, the weight over the mean weight.

    Parameters
    ----------
    weights : mapping of str to ndarray
        Name of the step to its weights, the first step on top.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    for y, values in enumerate(weights.values()):
        # Equal weights lie on one another: the size of a dot says how many.
        relative, counts = np.unique(np.round(values / values.mean(), 6), return_counts=True)
        ax.scatter(
            relative, np.full(len(relative), y), s=10 + 160 * counts / len(values), alpha=0.5
        )
    ax.axvline(1.0, color=QUIET, linewidth=0.8, linestyle="--", zorder=0)
    ax.set_yticks(range(len(weights)), list(weights))
    ax.set_ylim(len(weights) - 0.5, -0.5)
    ax.set_xlim(left=0.0)
    ax.set_xlabel("Weight, as a multiple of the mean weight")
    return ax


def plot_estimates(
    estimates: pd.DataFrame, *, label: str = "Score", ax: "Axes | None" = None
) -> "Axes":
    """One estimate made with several sets of weights, each with its interval.

    Parameters
    ----------
    estimates : DataFrame
        One row a set: weights (its name), estimate, low, high.
    label : str
        What is estimated, with its unit, for the axis.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    place = np.arange(len(estimates))
    middle = estimates["estimate"]
    ends = [middle - estimates["low"], estimates["high"] - middle]
    ax.errorbar(middle, place, xerr=ends, fmt="o", capsize=3, elinewidth=1.4, markersize=5)
    ax.set_yticks(place, list(estimates["weights"]))
    ax.set_ylim(len(estimates) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x", visible=True)
    ax.set_xlabel(label)
    return ax


def _places(rows: pd.DataFrame) -> Array:
    """Height of each row, from 0 down, with a gap where another variable begins."""
    begins = (rows["variable"] != rows["variable"].shift()).to_numpy()
    return -(np.arange(len(rows)) + 0.9 * (np.cumsum(begins) - 1)).astype(float)


def _draw_intervals(
    ax: "Axes", rows: pd.DataFrame, middle: str, low: str, high: str, strong: pd.Series
) -> None:
    place = _places(rows)
    for is_strong, colour in ((True, "C0"), (False, "C4")):
        chosen = (strong == is_strong).to_numpy()
        part = rows[chosen]
        ends = [part[middle] - part[low], part[high] - part[middle]]
        ax.errorbar(
            part[middle],
            place[chosen],
            xerr=ends,
            fmt="o",
            color=colour,
            capsize=3,
            elinewidth=1.6,
            markersize=5,
        )
    ax.set_yticks(place, [str(segment) for segment in rows["segment"]])
    ax.set_ylim(place.min() - 0.6, 1.1)
    for variable, at in zip(rows["variable"], place, strict=True):
        if at == place[rows["variable"] == variable].max():
            ax.annotate(
                str(variable).replace("_", " ").capitalize(),
                (0.0, at + 0.75),
                xycoords=("axes fraction", "data"),
                xytext=(-4, 0),
                textcoords="offset points",
                ha="right",
                va="center",
                fontweight="semibold",
            )
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x", visible=True)


def _write_counts(ax: "Axes", counts: list[str]) -> None:
    for text, y in zip(counts, ax.get_yticks(), strict=True):
        ax.annotate(
            text,
            (1.0, y),
            xycoords=("axes fraction", "data"),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            color=QUIET,
        )
