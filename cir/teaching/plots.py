"""Plots of more than one notebook, drawn into given axes."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cir.audio.dsp import MEL_WINDOW_SAMPLES, pad_or_trim, resample
from cir.audio.mel import clip_decibels, mel_place
from cir.evaluation.report.charts.canvas import (
    BESIDE,
    GRID,
    INK,
    LINES,
    PALE,
    TOP_1,
    TOP_5,
    family_look,
    to_marker,
)
from cir.types import SAMPLE_RATE, FloatArray

if TYPE_CHECKING:
    from matplotlib.markers import MarkerStyle

ACCENT, CONTRAST, QUIET = TOP_1, TOP_5, BESIDE
"""Colours of the subject of a plot, of what it is compared with, and of the rest."""
_HOP_SAMPLES = 160
_N_MELS = 128
_RANGE_DB = 80.0
_TICKS_HZ = (100, 500, 1_000, 2_000, 4_000, 8_000)
_SMOOTHED = 20


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


if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage


def show_log_mel(
    axes: "Axes", sound: FloatArray, sample_rate: int = SAMPLE_RATE, title: str = ""
) -> "AxesImage":
    """Draw the log-mel spectrogram of a sound, (T,), in decibels below its maximum."""
    audio = resample(sound, sample_rate, SAMPLE_RATE)
    audio = pad_or_trim(audio, max(len(audio), MEL_WINDOW_SAMPLES))
    decibels = clip_decibels(audio, hop_samples=_HOP_SAMPLES, n_mels=_N_MELS)
    image = axes.imshow(
        (decibels - decibels.max()).T,
        origin="lower",
        aspect="auto",
        cmap="magma",
        vmin=-_RANGE_DB,
        vmax=0.0,
        extent=(0.0, len(audio) / SAMPLE_RATE, -0.5, _N_MELS - 0.5),
        interpolation="nearest",
    )
    axes.set_yticks([_band(hertz) for hertz in _TICKS_HZ], [_name(hertz) for hertz in _TICKS_HZ])
    axes.set(xlabel="seconds", ylabel="Hz (mel scale)", title=title)
    return image


def show_similarity_matrix(
    axes: "Axes",
    similarities: ArrayLike,
    labels: Sequence[str] = (),
    *,
    title: str = "",
    group_size: int | None = None,
) -> "AxesImage":
    """Draw cosines of sounds against sounds, (N, M), from -1 to 1.

    Args:
        axes: Axes to draw into.
        similarities: One row for each query.
        labels: One for each row or, with `group_size`, for each group.
        title: Title of the plot.
        group_size: Number of neighbouring sounds of one instrument, which get a frame.
    """
    matrix = np.asarray(similarities, dtype=np.float64)
    image = axes.imshow(matrix, cmap="RdBu_r", vmin=-1.0, vmax=1.0, interpolation="nearest")
    step = group_size or 1
    if labels:
        axes.set_yticks((np.arange(len(labels)) + 0.5) * step - 0.5, labels)
    else:
        axes.set_yticks([])
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    if group_size is not None:
        for start in range(0, min(matrix.shape), group_size):
            corners = np.array([start, start + group_size]) - 0.5
            across, down = corners[[0, 1, 1, 0, 0]], corners[[0, 0, 1, 1, 0]]
            axes.plot(across, down, color="black", linewidth=0.8, clip_on=False)
    axes.set_title(title)
    return image


def show_losses(
    axes: "Axes", losses: Mapping[str, Sequence[float]], *, title: str = "", ylabel: str = "loss"
) -> None:
    """Draw losses by step, each with its running mean."""
    for name, values in losses.items():
        steps = np.arange(1, len(values) + 1)
        (line,) = axes.plot(steps, _running_mean(values), label=name)
        axes.plot(steps, values, color=line.get_color(), alpha=0.25, linewidth=0.8)
    axes.set(xlabel="step", ylabel=ylabel, title=title)
    if len(losses) > 1:
        axes.legend()


def show_plane(
    axes: "Axes", points: ArrayLike, families: Sequence[str | None], *, title: str = ""
) -> None:
    """Draw points, (N, 2), in the colours and shapes of their families, with a legend."""
    places = np.asarray(points)
    names = np.array([family or "" for family in families])
    for family in sorted(set(names)):
        chosen = places[names == family]
        axes.scatter(
            chosen[:, 0],
            chosen[:, 1],
            s=34,
            color=colour_of(family or None),
            marker=marker_of(family or None),
            label=(family or "other").replace("_", " "),
            linewidths=0.0,
        )
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_title(title)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


def _running_mean(values: Sequence[float]) -> NDArray[np.float64]:
    """Return the mean of each value and up to 19 before it."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    ends = np.arange(1, len(sums))
    starts = np.maximum(0, ends - _SMOOTHED)
    return np.asarray((sums[ends] - sums[starts]) / (ends - starts))


def _band(hertz: float) -> float:
    """Return the fractional number of the mel band centred at a frequency."""
    return mel_place(hertz) * (_N_MELS + 1) - 1


def _name(hertz: int) -> str:
    return f"{hertz // 1000}k" if hertz >= 1000 else str(hertz)
