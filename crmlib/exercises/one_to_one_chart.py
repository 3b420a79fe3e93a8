"""The radar chart of the self-assessment of one-to-one marketing."""

import io
import math
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from crmlib.errors import InputError
from crmlib.exercises.one_to_one_words import LANGUAGES, STEPS, Texts

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INCHES = (4.0, 3.6)
DOTS_PER_INCH = 192  # twice that of a screen
WIDTH = 384  # of the picture, in points of a screen
RINGS = (0.25, 0.5, 0.75, 1.0)
QUIET, FAINT = "0.4", "0.85"

# Where the labels stand to their axes: above, to the right, below, to the left.
SIDES: tuple[Literal["left", "center", "right"], ...] = ("center", "left", "center", "right")


def plot_radar(
    found: pd.DataFrame, language: str = "English", *, ax: "Axes | None" = None
) -> "Axes":
    """Draw the scores of the four steps as a radar chart, 0 to 100 %.

    A step without a score has no point, and is named as not answered. Where matplotlib has no
    Chinese font (`crmlib.report.blocks.use_style` finds one), the labels are in English.

    Parameters
    ----------
    found : DataFrame
        From `scores`.
    language : str
        "English" or "中文".
    ax : Axes, optional
        With polar projection.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        The axes are not polar.
    """
    if ax is None:
        import matplotlib.pyplot as plt

        ax = plt.figure(figsize=INCHES).add_subplot(projection="polar")
    if ax.name != "polar":
        raise InputError('The axes of a radar chart are made with projection="polar".')
    text = Texts(LANGUAGES[0] if has_no_font(language) else language)
    values = found["score"].to_numpy(dtype=float)
    angles = np.linspace(0, 2 * math.pi, len(values), endpoint=False)
    _draw_scale(ax)
    labels = [f"{text.step(step)}\n{text.share(score)}" for step, score in found["score"].items()]
    for tick, side in zip(ax.set_xticks(angles, labels), SIDES, strict=True):
        tick.label1.set_horizontalalignment(side)
    _draw_scores(ax, np.append(angles, angles[0]), np.append(values, values[0]))
    ax.set_title(text("axis"), pad=14)
    return ax


def radar_picture(found: pd.DataFrame, language: str = "English") -> bytes:
    """Draw the radar chart as PNG; parameters as in `plot_radar`."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08)  # inches
    figure = Figure(figsize=INCHES, dpi=DOTS_PER_INCH, layout=layout)
    plot_radar(found, language, ax=figure.add_subplot(projection="polar"))
    picture = io.BytesIO()
    figure.savefig(picture, format="png", metadata={"Software": None})
    return picture.getvalue()


def has_no_font(language: str) -> bool:
    """Tell whether matplotlib, as it is set, would draw boxes instead of the language's characters.

    Parameters
    ----------
    language : str
        "English" or "中文".

    Returns
    -------
    bool
    """
    text = Texts(language)
    shown = "".join([text("axis"), text("no score"), *(text.step(step) for step in STEPS)])
    return language != LANGUAGES[0] and bool(_without_glyphs(set(shown)))


def _without_glyphs(characters: set[str]) -> set[str]:
    from matplotlib import font_manager, rcParams

    left = set(characters)
    for family in rcParams["font.family"]:
        try:
            path = font_manager.findfont(family, fallback_to_default=False)
        except ValueError:  # there is no such font here
            continue
        left -= {chr(code) for code in font_manager.get_font(path).get_charmap()}
    return left


def _draw_scale(ax: Any) -> None:
    ax.set_theta_zero_location("N")
    ax.set_theta_direction(-1)
    ax.set_ylim(0, 1)
    ax.set_rgrids(RINGS, [""] * len(RINGS))
    # The numbers stand half-way between two axes, above the line from score to score.
    paper = {"facecolor": "white", "alpha": 0.7, "pad": 0.5, "linewidth": 0}
    look = {"bbox": paper, "color": QUIET, "fontsize": 7.5, "ha": "center", "va": "center"}
    for ring in RINGS:
        ax.text(math.pi / 4, ring, f"{ring:.0%}".replace("%", " %"), zorder=4, **look)
    ax.grid(True, axis="both", color=FAINT, linewidth=0.8)
    ax.spines["polar"].set(visible=True, color=FAINT, linewidth=0.8)


def _draw_scores(ax: Any, angles: np.ndarray, values: np.ndarray) -> None:
    ax.plot(angles, values, marker="o", color="C0", clip_on=False, zorder=3)
    if not np.isnan(values).any():
        ax.fill(angles, values, color="C0", alpha=0.15)
