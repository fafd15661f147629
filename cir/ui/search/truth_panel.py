"""HTML of the instruments that an example really contains, to be opened after the search."""

from collections.abc import Sequence
from html import escape

from cir.ui.cards import instrument_facts
from cir.ui.service import Truth


def truth_panel(truths: Sequence[Truth | None]) -> str:
    """Render the instruments of an example, collapsed.

    Args:
        truths: None for each instrument whose family was not searched.
    """
    items = "".join(map(_item, truths))
    return (
        '<details class="cir-truth"><summary>Show what really is in this mix</summary>'
        "<p>The instruments of this mix, and how the search ranked each among all of its "
        f'family.</p><ul class="cir-list">{items}</ul></details>'
    )


def _item(truth: Truth | None) -> str:
    if truth is None:
        return (
            '<li class="cir-card"><div></div><div class="cir-meta">One more, of a family that was '
            "not searched.</div></li>"
        )
    match = truth.match
    return (
        f'<li class="cir-card" data-instrument="{escape(match.instrument.instrument_id)}">'
        f"{instrument_facts(match.instrument, match.preview)}"
        f'<div class="cir-score"><span class="cir-found">ranked {match.rank} '
        f"of {truth.candidates}</span></div></li>"
    )
