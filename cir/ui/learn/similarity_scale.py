"""HTML of a similarity on a scale, beside typical ones."""

from collections.abc import Sequence
from html import escape

from cir.ui.learn.typical_similarities import Spread

_LOWEST, _HIGHEST = -0.4, 1.0
_TICKS = (-0.4, 0.0, 0.5, 1.0)


def scale_place(similarity: float) -> float:
    """Return the position of a similarity on the scale, from 0 (left end) to 1, clipped."""
    inside = min(max(similarity, _LOWEST), _HIGHEST)
    return (inside - _LOWEST) / (_HIGHEST - _LOWEST)


def signed(value: float) -> str:
    """Format a similarity, with a true minus sign."""
    return f"{value:.2f}".replace("-", "\u2212")


def track(low: float, high: float, mark: float | None = None, title: str = "") -> str:
    """Draw a bar between two similarities, with a mark at a third."""
    named = f' title="{title}"' if title else ""
    line = "" if mark is None else f'<i style="--at:{scale_place(mark):.4f}"{named}></i>'
    return (
        f'<div class="cir-scale-track"><span style="--low:{scale_place(low):.4f};'
        f'--high:{max(scale_place(low), scale_place(high)):.4f}"></span>{line}</div>'
    )


def similarity_scale(similarity: float, typical: Sequence[Spread]) -> str:
    """Draw a line at the similarity through bars that span 80 % of the pairs of each kind."""
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
    numbers = f"{signed(spread.low)} to {signed(spread.high)}, median {signed(spread.middle)}"
    about = f"80 % of {spread.pairs:,} pairs"
    return (
        f'<div class="cir-scale-row"><div class="cir-meta"><b>{escape(spread.label)}</b> '
        f'<span title="{about}">{numbers}</span></div>'
        f"{track(spread.low, spread.high, spread.middle)}</div>"
    )


def verdict(similarity: float, typical: Sequence[Spread]) -> str:
    """Name the kinds of pair for which this similarity is typical."""
    fitting = [one.label.lower() for one in typical if one.low <= similarity <= one.high]
    if fitting:
        return f"Typical for {' or '.join(fitting)}."
    if typical and similarity > max(one.high for one in typical):
        return "Higher than for almost any two notes: the same sound, or nearly."
    if typical and similarity < min(one.low for one in typical):
        return "Lower than for most unrelated sounds."
    return "Between the typical ranges of these kinds of pair."
