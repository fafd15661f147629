"""What really is in an example, to be revealed after the search."""

from collections.abc import Sequence
from html import escape

from cir.ui.cards import family_tag, instrument_lines, play_button
from cir.ui.service import Truth


def truth_panel(truths: Sequence[Truth | None]) -> str:
    """Render the instruments of an example, closed until asked for.

    Args:
        truths: None for each instrument whose family was not searched.
    """
    items = "".join(_item(truth) for truth in truths)
    return (
        '<details class="cir-truth"><summary>Show what really is in this mix</summary>'
        "<p>The instruments that played it, and where the search ranked each among all of its "
        f'family.</p><ul class="cir-list">{items}</ul></details>'
    )


def _item(truth: Truth | None) -> str:
    if truth is None:
        return (
            '<li class="cir-card"><div></div><div class="cir-meta">One more, of a family that was '
            "not searched.</div></li>"
        )
    one = truth.match.instrument
    return (
        f'<li class="cir-card" data-instrument="{escape(one.instrument_id)}">'
        f"{play_button(truth.match.preview, f'Play {one.name}')}"
        f'<div><div class="cir-name">{escape(one.name)}</div>'
        f'<div class="cir-meta">{family_tag(one.family)}</div>{instrument_lines(one)}</div>'
        f'<div class="cir-score"><span class="cir-found">ranked {truth.match.rank} '
        f"of {truth.candidates}</span></div></li>"
    )
