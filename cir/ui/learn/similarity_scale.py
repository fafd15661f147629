"""A similarity on a scale, beside what is usual."""

from collections.abc import Sequence
from html import escape

from cir.ui.learn.typical_similarities import Spread

_LOWEST, _HIGHEST = -0.4, 1.0
_TICKS = (-0.4, 0.0, 0.5, 1.0)


def scale_place(similarity: float) -> float:
    """Where a similarity lies on the scale, from 0 (its left end) to 1; beyond it, at the end."""
    inside = min(max(similarity, _LOWEST), _HIGHEST)
    return (inside - _LOWEST) / (_HIGHEST - _LOWEST)


def signed(value: float) -> str:
    """Write a similarity with a true minus sign."""
    return f"{value:.2f}".replace("-", "\u2212")


def similarity_scale(similarity: float, typical: Sequence[Spread]) -> str:
    """Draw a line at the similarity through bars that hold eight of ten pairs of each kind."""
    rows = "".join(_row(spread) for spread in typical)
    ticks = "".join(
        f'<span style="--at:{scale_place(tick):.4f}">{signed(tick) if tick else "0"}</span>'
        for tick in _TICKS
    )
    return (
        f'<div class="cir-scale" style="--here:{scale_place(similarity):.4f}">'
        f'<div class="cir-scale-rows">{rows}<div class="cir-scale-here" aria-hidden="true">'
        f'<b>{signed(similarity)}</b></div></div><div class="cir-scale-ticks" aria-hidden="true">'
        f"{ticks}</div></div>"
    )


def _row(spread: Spread) -> str:
    numbers = f"{signed(spread.low)} to {signed(spread.high)}, middle {signed(spread.middle)}"
    about = f"eight of ten of {spread.pairs:,} pairs"
    return (
        f'<div class="cir-scale-row"><div class="cir-meta"><b>{escape(spread.label)}</b> '
        f'<span title="{about}">{numbers}</span></div>'
        f'<div class="cir-scale-track"><span style="--low:{scale_place(spread.low):.4f};'
        f'--high:{scale_place(spread.high):.4f}"></span>'
        f'<i style="--at:{scale_place(spread.middle):.4f}"></i></div></div>'
    )


def verdict(similarity: float, typical: Sequence[Spread]) -> str:
    """Say in words which kinds of pair are usually as similar as this."""
    fitting = [one.label.lower() for one in typical if one.low <= similarity <= one.high]
    if fitting:
        return f"As similar as is usual for {' or '.join(fitting)}."
    if typical and similarity > max(one.high for one in typical):
        return "More similar than almost any two notes: the same sound, or nearly."
    if typical and similarity < min(one.low for one in typical):
        return "Less similar than most sounds that have nothing to do with each other."
    return "Between what is usual for these kinds of pair."
