"""HTML of the visitor's mix: its waveform with the chosen passage, and the timeline below."""

import json
from collections.abc import Mapping, Sequence
from html import escape

from cir.instruments.families import family_label
from cir.retrieval.timeline import TimelineCell
from cir.types import Match
from cir.ui.cards import play_button
from cir.ui.icons import SPEAKER
from cir.ui.palette import family_style
from cir.ui.search.mixes import LoadedMix
from cir.ui.sound_address import sound_address


def clock(seconds: float) -> str:
    """Format a time as minutes and seconds."""
    whole = int(seconds)
    return f"{whole // 60}:{whole % 60:02d}"


def mix_panel(mix: LoadedMix) -> str:
    """Render a mix: name, length, waveform with two handles, player and volume."""
    peaks = escape(json.dumps(mix.peaks, separators=(",", ":")))
    example = "" if mix.example is None else f' data-example="{mix.example + 1}"'
    return (
        f'<section class="cir-mix" aria-label="Your mix" data-seconds="{mix.seconds:.3f}" '
        f'data-peaks="{peaks}"{example}>'
        f'<div class="cir-mix-head"><span class="cir-name">{escape(mix.name)}</span>'
        f'<span class="cir-muted">{clock(mix.seconds)}</span>'
        '<button type="button" class="cir-act" data-act="clear" aria-label="Choose another mix">'
        "Choose another</button></div>"
        '<div class="cir-wave"><canvas aria-hidden="true"></canvas>'
        f"{_handle('start', 'Start of the passage', 0.0, mix.seconds)}"
        f"{_handle('end', 'End of the passage', mix.seconds, mix.seconds)}</div>"
        f'<div class="cir-transport">{play_button(mix.heard, "Play")}'
        '<span class="cir-clock" data-clock></span>'
        '<span class="cir-passage" data-passage aria-live="polite"></span>'
        '<button type="button" class="cir-act" data-act="whole" hidden>Whole mix</button>'
        f'<label class="cir-volume">{SPEAKER}<span class="cir-hidden">Volume</span>'
        '<input type="range" min="0" max="1" step="0.01" data-volume></label></div></section>'
    )


def _handle(edge: str, label: str, at: float, seconds: float) -> str:
    return (
        f'<div class="cir-handle" data-edge="{edge}" role="slider" tabindex="0" '
        f'aria-label="{label}" aria-valuemin="0" aria-valuemax="{seconds:.1f}" '
        f'aria-valuenow="{at:.1f}" aria-valuetext="{at:.1f} s"></div>'
    )


def timeline_strip(
    timeline: Mapping[str, Sequence[TimelineCell]],
    found: Mapping[str, Match],
    mix: LoadedMix,
    offset_seconds: float,
) -> str:
    """Render a line of cells per family, on the scale of the waveform.

    Args:
        timeline: Cells of the passage that was searched, by family; may be empty.
        found: First match of each family.
        mix: The whole mix.
        offset_seconds: Start of the passage.
    """
    if not timeline:
        return ""
    everything = [cell.similarity for cells in timeline.values() for cell in cells]
    low, span = min(everything), max(max(everything) - min(everything), 1e-9)
    lines = []
    for family, cells in timeline.items():
        label, match = escape(family_label(family)), found[family]
        buttons = "".join(
            _cell(cell, match, mix, offset_seconds, (cell.similarity - low) / span)
            for cell in cells
        ).replace('tabindex="-1"', 'tabindex="0"', 1)  # one tab stop per line
        lines.append(
            f'<div class="cir-line" data-line="{family}" '
            f'style="--family:{family_style(family).colour}">'
            f'<div class="cir-line-name"><span class="cir-dot"></span>{label}: '
            f"<b>{escape(match.instrument.name)}</b></div>"
            f'<div class="cir-cells" role="group" aria-label="{label}, window by window">{buttons}'
            "</div></div>"
        )
    return (
        '<section class="cir-timeline" aria-label="Which instrument is where">'
        f"<h2>Which instrument is where</h2>{''.join(lines)}"
        '<p class="cir-hint">Each cell is a window of ten seconds: the stronger its colour, the '
        "more similar it is to the first match of the whole passage. A dot means that this window "
        "alone gives the same first match. Click a cell to listen from there.</p></section>"
    )


def _cell(cell: TimelineCell, match: Match, mix: LoadedMix, offset: float, heat: float) -> str:
    start, end = offset + cell.start_seconds, offset + cell.end_seconds
    same = cell.best.instrument_id == match.instrument.instrument_id
    best = (
        "also the first match of this window alone"
        if same
        else f"first match of this window alone: {cell.best.name} ({cell.best_similarity:.2f})"
    )
    words = escape(
        f"{clock(start)} to {clock(end)}: similarity {cell.similarity:.2f} to "
        f"{match.instrument.name}; {best}"
    )
    left, width = 100 * start / mix.seconds, 100 * (end - start) / mix.seconds
    return (
        f'<button type="button" class="cir-cell{" is-best" if same else ""}" '
        f'style="left:{left:.3f}%;width:{width:.3f}%;--heat:{heat:.3f}" '
        f'data-src="{escape(sound_address(mix.heard))}" data-start="{start:g}" '
        f'tabindex="-1" aria-pressed="false" aria-label="{words}" title="{words}"></button>'
    )
