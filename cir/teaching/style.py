"""The style of the notebooks' plots: that of the report and the page."""

from typing import TYPE_CHECKING

from cir.evaluation.report.charts.canvas import GRID, INK, LINES, PALE
from cir.evaluation.report.charts.family_looks import family_look, to_marker

if TYPE_CHECKING:
    from matplotlib.markers import MarkerStyle


def use_style() -> None:
    """Set Matplotlib's defaults for the rest of a notebook."""
    import matplotlib.pyplot as plt
    from matplotlib.rcsetup import cycler

    plt.rcParams.update(
        {
            "figure.figsize": (9.0, 3.6),
            "figure.dpi": 110,
            "figure.facecolor": "white",
            "figure.constrained_layout.use": True,
            "font.size": 10.0,
            "text.color": INK,
            "axes.titlesize": 11.0,
            "axes.titlelocation": "left",
            "axes.titlecolor": INK,
            "axes.labelcolor": INK,
            "axes.edgecolor": PALE,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.axisbelow": True,
            "axes.prop_cycle": cycler(color=LINES),
            "grid.color": GRID,
            "grid.linewidth": 0.8,
            "xtick.color": PALE,
            "ytick.color": PALE,
            "xtick.labelcolor": INK,
            "ytick.labelcolor": INK,
            "xtick.labelsize": 9.0,
            "ytick.labelsize": 9.0,
            "legend.frameon": False,
            "legend.fontsize": 9.0,
            "lines.linewidth": 1.8,
        }
    )


def colour_of(family: str | None) -> str:
    """Return the colour of a family on the page and in the report, in hex."""
    return family_look(family).colour


def marker_of(family: str | None) -> "MarkerStyle":
    """Return the marker of a family, for readers who cannot tell its colour from others."""
    return to_marker(family_look(family))
