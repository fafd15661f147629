"""A flat picture of embeddings: a few fixed points, and others that move among them."""

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
    """The plane that lies best among a few points, with a frame that holds further ones.

    Three points lie in it exactly; of more, it shows as much as a plane can.

    Args:
        points: (N, D), N >= 2.
        further: (M, D), also to be inside the frame.
    """

    def __init__(self, points: FloatArray, further: FloatArray) -> None:
        self._centre = points.astype(np.float64).mean(axis=0)
        axes = np.linalg.svd(points - self._centre, full_matrices=False)[2][:2]
        # A direction and its opposite are the same axis: which one is a matter of rounding.
        signs = np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])
        self._axes = axes * signs[:, np.newaxis]
        inside = self._project(np.concatenate([points, further]))
        self._low = inside.min(axis=0)
        extent = np.maximum(np.ptp(inside, axis=0), 1e-6)
        wide = max(extent[0], extent[1] * ASPECT) / (1 - 2 * _MARGIN)
        self._size = np.array([wide, wide / ASPECT])
        self._low = inside.min(axis=0) - (self._size - extent) / 2

    def places(self, embeddings: FloatArray) -> NDArray[np.float64]:
        """Where embeddings, (N, D), lie in the frame: (N, 2), from the left and from the bottom."""
        shares = (self._project(embeddings) - self._low) / self._size
        return np.asarray(np.clip(shares, 0.02, 0.98), dtype=np.float64)

    def _project(self, embeddings: FloatArray) -> NDArray[np.float64]:
        flat = (embeddings - self._centre) @ self._axes.T
        return np.asarray(np.pad(flat, ((0, 0), (0, 2 - flat.shape[1]))), dtype=np.float64)


@dataclass(frozen=True)
class Mover:
    """A note that stays, and the mix's embedding that moves, both of one family."""

    family: str
    label: str
    note: NDArray[np.float64]
    """Place of the note, (2,)."""
    before: NDArray[np.float64] | None
    """Where the mix was heard before, (2,); None where it did not play before."""
    now: NDArray[np.float64]
    is_muted: bool


def plane_picture(movers: Sequence[Mover], about: str) -> str:
    """Draw notes as rings, the mix as dots, and where each dot came from.

    Args:
        movers: one for each instrument.
        about: the picture in words.
    """
    lines = "".join(_line(mover) for mover in movers)
    points = "".join(_points(mover) for mover in movers)
    return (
        f'<div class="cir-plane" role="img" aria-label="{escape(about)}">'
        f'<svg viewBox="0 0 100 100" preserveAspectRatio="none">{lines}</svg>{points}</div>'
    )


def _line(mover: Mover) -> str:
    colour = family_style(mover.family).colour
    ends = [("cir-plane-aim", mover.now, mover.note)]
    if mover.before is not None and not np.allclose(mover.before, mover.now):
        ends.append(("cir-plane-trail", mover.before, mover.now))
    return "".join(
        f'<line class="{name}" stroke="{colour}" x1="{100 * start[0]:.2f}" '
        f'y1="{100 * (1 - start[1]):.2f}" x2="{100 * end[0]:.2f}" y2="{100 * (1 - end[1]):.2f}"/>'
        for name, start, end in ends
    )


def _points(mover: Mover) -> str:
    before = mover.now if mover.before is None else mover.before
    muted = " is-muted" if mover.is_muted else ""
    style = f"--family:{family_style(mover.family).colour}"
    here = "--x:{:.4f};--y:{:.4f}"
    return (
        f'<span class="cir-plane-note{muted}" style="{style};{here.format(*mover.note)}">'
        f"<b>{escape(mover.label)}</b></span>"
        f'<span class="cir-plane-mix{muted}" style="{style};{here.format(*mover.now)};'
        f'--from-x:{before[0]:.4f};--from-y:{before[1]:.4f}"></span>'
    )
