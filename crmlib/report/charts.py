"""How charts look and how they become SVG and PNG, the same bytes every time."""

import io
import logging
import warnings
from typing import TYPE_CHECKING, Any

from crmlib.report import fonts

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Told apart with any kind of colour vision, and in grey: they differ in lightness too.
PALETTE = ("#17456B", "#E08A1E", "#2A9D8F", "#B23A48", "#7C8896", "#8FBCE0")
INK = "#1F2933"
QUIET = "#5F6C7B"
RULE = "#C9D1D9"

TEXT_WIDTH = 6.7  # inches: the width of the text on a report page
SCREEN_DOTS_PER_INCH = 96


def use_style() -> None:
    """Give matplotlib and seaborn the look of the reports; call it in the first code cell.

    Charts get the typeface of the text, a palette of six colours that colour-blind
    readers can tell apart, and the width of a report page.
    """
    import matplotlib as mpl
    from cycler import cycler

    # The Chinese font has one weight, and a title in it is meant to fall back to that.
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    mpl.rcParams.update(
        {
            "font.family": fonts.use_in_charts(),
            "font.size": 8.5,
            "axes.titlesize": 9.5,
            "axes.titleweight": "semibold",
            "axes.titlelocation": "left",
            "axes.titlepad": 8,
            "axes.labelsize": 8.5,
            "axes.labelcolor": QUIET,
            "axes.edgecolor": RULE,
            "axes.linewidth": 0.8,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.grid.axis": "y",
            "axes.axisbelow": True,
            "axes.prop_cycle": cycler(color=PALETTE),
            "axes.unicode_minus": True,
            "grid.color": "#E6EAEE",
            "grid.linewidth": 0.6,
            "xtick.color": RULE,
            "ytick.color": RULE,
            "xtick.labelcolor": QUIET,
            "ytick.labelcolor": QUIET,
            "xtick.labelsize": 8,
            "ytick.labelsize": 8,
            "xtick.major.size": 3,
            "ytick.major.size": 0,
            "legend.frameon": False,
            "legend.fontsize": 8,
            "lines.linewidth": 1.8,
            "lines.markersize": 4,
            "patch.linewidth": 0,
            "text.color": INK,
            "mathtext.default": "regular",
            "figure.figsize": (TEXT_WIDTH, 3.2),
            "figure.dpi": SCREEN_DOTS_PER_INCH,
            "figure.constrained_layout.use": True,
        }
    )


def draw(figure: "Figure") -> tuple[str, bytes, list[str]]:
    """Draw a chart as SVG (for the PDF) and PNG (for the screen).

    Returns
    -------
    tuple
        The SVG text, the PNG bytes and every text in the chart.
    """
    import matplotlib as mpl

    print_dollars_as_dollars(figure)
    svg, png = io.StringIO(), io.BytesIO()
    # Text stays text: it can be searched and copied in the PDF. The salt makes ids repeat.
    settings: dict[Any, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": "crmlib",
        "savefig.bbox": "tight",
    }
    with mpl.rc_context(settings), warnings.catch_warnings():
        # The report names missing glyphs itself, with their code points.
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .*missing from")
        figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
        figure.savefig(png, format="png", dpi=2 * SCREEN_DOTS_PER_INCH, metadata={"Software": None})
    return svg.getvalue(), png.getvalue(), _texts(figure)


def print_dollars_as_dollars(figure: "Figure") -> None:
    """Switch formulas off in all text of a chart, but for powers of ten on logarithmic axes.

    A label with two dollar signs would else print as a formula, or stop the run.
    """
    from matplotlib.axis import Axis
    from matplotlib.text import Text

    for axis in figure.findobj(Axis):
        axis.get_ticklabels(which="both")  # brings the labels up to date before they are visited
    for text in figure.findobj(Text):
        text.set_parse_math(text.get_text().startswith(r"$\mathdefault{"))


def _texts(figure: "Figure") -> list[str]:
    from matplotlib.text import Text

    texts = (text.get_text() for text in figure.findobj(Text) if text.get_visible())
    return list(dict.fromkeys(text for text in texts if text))
