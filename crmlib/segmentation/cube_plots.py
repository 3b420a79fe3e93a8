"""Charts of a cube: a result in, a matplotlib Axes out."""

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.patches import Rectangle
from matplotlib.ticker import PercentFormatter

from crmlib.segmentation.cube_deviations import CubeDeviations

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_WRITTEN = 12
"""Columns up to which every one is named and the cells have their number written in them."""


def plot_cube_deviations(deviations: CubeDeviations, *, ax: "Axes | None" = None) -> "Axes":
    """Heat map of how far cells are above or below what their margins make expected.

    Cells that stand out by more than chance have a frame; what cannot be judged is grey.

    Parameters
    ----------
    deviations : CubeDeviations
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    table = deviations.table
    shown = table["ratio"].where(table["deviation"] != "cannot say") - 1
    columns = list(dict.fromkeys(table["column"]))
    rows = list(dict.fromkeys(table["row"]))
    cells = shown.to_numpy(dtype=float).reshape(len(rows), len(columns))
    ax.set_facecolor("0.85")
    image = ax.imshow(cells, cmap="RdBu_r", vmin=-1, vmax=1, aspect="auto")
    bar = ax.figure.colorbar(image, ax=ax, format=PercentFormatter(1.0), extend="max")
    bar.set_label(f"{deviations.by.capitalize()} above or below expected")
    every = -(-len(columns) // MOST_WRITTEN)
    ax.set_xticks(range(0, len(columns), every), columns[::every])
    ax.tick_params(axis="x", rotation=45)
    ax.set_yticks(range(len(rows)), rows)
    ax.set_xlabel(deviations.columns.replace("_", " ").capitalize())
    ax.set_ylabel(deviations.rows.replace("_", " ").capitalize())
    frame_flagged(ax, table, len(columns))
    if len(columns) <= MOST_WRITTEN:
        write_cells(ax, cells)
    return ax


def frame_flagged(ax: "Axes", table: pd.DataFrame, n_columns: int) -> None:
    """Draw a frame round every cell above or below what is expected."""
    for cell in np.flatnonzero(table["deviation"].isin(["above", "below"])):
        row, column = divmod(int(cell), n_columns)
        corner = (column - 0.46, row - 0.46)
        ax.add_patch(Rectangle(corner, 0.92, 0.92, fill=False, edgecolor="black", linewidth=1.6))


def write_cells(ax: "Axes", cells: np.ndarray) -> None:
    """Write into every cell by how much it is off, in per cent."""
    for (row, column), value in np.ndenumerate(cells):
        if np.isfinite(value):
            ax.text(
                column,
                row,
                f"{value:+.0%}".replace("-", "−"),
                ha="center",
                va="center",
                color="white" if abs(value) > 0.6 else "black",
                fontsize="small",
            )
