"""Two-dimensional picture of embeddings: fixed notes, and mixes that move between them."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

from cir.types import FloatArray
from cir.ui.palette import family_style

ASPECT = 1.6
"""Width over height of the picture."""

_MARGIN = 0.16


class Plane:
    """The plane of the first two principal axes of some points; exact for three points.

    Args:
        points: (N, D), N >= 2.
        further: (M, D), points that must also fit into the frame.
    """

    def __init__(self, points: FloatArray, further: FloatArray) -> None:
        self._centre = points.astype(np.float64).mean(axis=0)
        axes = np.linalg.svd(points - self._centre, full_matrices=False)[2][:2]
        # The sign of an axis depends on rounding; make the largest component positive.
        signs = np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])
        self._axes = axes * signs[:, np.newaxis]
        inside = self._project(np.concatenate([points, further]))
        extent = np.maximum(np.ptp(inside, axis=0), 1e-6)
        wide = max(extent[0], extent[1] * ASPECT) / (1 - 2 * _MARGIN)
        self._size = np.array([wide, wide / ASPECT])
        self._low = inside.min(axis=0) - (self._size - extent) / 2

    def places(self, embeddings: FloatArray) -> NDArray[np.float64]:
        """Return the places of embeddings, (N, D), in the frame, (N, 2), from left and bottom."""
        shares = (self._project(embeddings) - self._low) / self._size
        return np.asarray(np.clip(shares, 0.02, 0.98), dtype=np.float64)

    def _project(self, embeddings: FloatArray) -> NDArray[np.float64]:
        flat = (embeddings - self._centre) @ self._axes.T
        return np.asarray(np.pad(flat, ((0, 0), (0, 2 - flat.shape[1]))), dtype=np.float64)


@dataclass(frozen=True)
class MixPoint:
    """A fixed note and the moving embedding of the mix, both of one family."""

    family: str
    label: str
    note: NDArray[np.float64]
    """Place of the note, (2,)."""
    before: NDArray[np.float64] | None
    """Previous place of the mix, (2,); None at first."""
    now: NDArray[np.float64]
    is_muted: bool


def plane_picture(points: Sequence[MixPoint], about: str) -> str:
    """Draw notes as rings, the mix as dots, and a trail from each dot's previous place.

    Args:
        points: One per instrument.
        about: Text alternative.
    """
    lines = "".join(_line(point) for point in points)
    markers = "".join(_markers(point) for point in points)
    return (
        f'<div class="cir-plane" role="img" aria-label="{escape(about)}">'
        f'<svg viewBox="0 0 100 100" preserveAspectRatio="none">{lines}</svg>{markers}</div>'
    )


def _line(point: MixPoint) -> str:
    colour = family_style(point.family).colour
    ends = [("cir-plane-aim", point.now, point.note)]
    if point.before is not None and not np.allclose(point.before, point.now):
        ends.append(("cir-plane-trail", point.before, point.now))
    return "".join(
        f'<line class="{name}" stroke="{colour}" x1="{100 * start[0]:.2f}" '
        f'y1="{100 * (1 - start[1]):.2f}" x2="{100 * end[0]:.2f}" y2="{100 * (1 - end[1]):.2f}"/>'
        for name, start, end in ends
    )


def _markers(point: MixPoint) -> str:
    before = point.now if point.before is None else point.before
    muted = " is-muted" if point.is_muted else ""
    style = f"--family:{family_style(point.family).colour}"
    here = "--x:{:.4f};--y:{:.4f}"
    return (
        f'<span class="cir-plane-note{muted}" style="{style};{here.format(*point.note)}">'
        f"<b>{escape(point.label)}</b></span>"
        f'<span class="cir-plane-mix{muted}" style="{style};{here.format(*point.now)};'
        f'--from-x:{before[0]:.4f};--from-y:{before[1]:.4f}"></span>'
    )
