"""HTML of single instruments, as cards of the results and beside the map.

Every text from a database or a file name passes through `html.escape`. Play buttons carry the
address of their sound, which `static/player.js` plays.
"""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from cir.retrieval.answers import percent
from cir.types import Instrument, Match
from cir.ui.card_actions import action_buttons
from cir.ui.icons import PAUSE, PLAY
from cir.ui.palette import family_name, family_style
from cir.ui.search.mixes import Region
from cir.ui.sound_address import sound_address


def play_button(path: Path | None, label: str, region: Region | None = None) -> str:
    """Render a button that plays a file or a passage of it; a dash without a file."""
    if path is None:
        return '<span class="cir-silent" title="No preview in this database">&ndash;</span>'
    words = escape(label)
    passage = (
        f' data-start="{region.start_seconds:g}" data-end="{region.end_seconds:g}"'
        if region
        else ""
    )
    return (
        f'<button type="button" class="cir-play" data-src="{escape(sound_address(path))}"'
        f'{passage} aria-pressed="false" aria-label="{words}" title="{words}">'
        f"{PLAY}{PAUSE}</button>"
    )


def family_tag(family: str | None) -> str:
    """Render the dot and name of a family."""
    return (
        f'<span class="cir-tag" style="--family:{family_style(family).colour}">'
        f'<span class="cir-dot"></span>{escape(family_name(family))}</span>'
    )


def instrument_lines(instrument: Instrument) -> str:
    """Render category, bank, author and licence: the two small lines under a name."""
    place = " &middot; ".join(
        escape(part) for part in (instrument.category, instrument.bank) if part
    )
    author = escape(instrument.author or "author unknown")
    licence = f"<span>{escape(instrument.licence)}</span>" if instrument.licence else ""
    return (
        f'<div class="cir-meta" title="Category and bank">{place}</div>'
        f'<div class="cir-meta cir-credit" title="Author and licence"><span>by {author}</span>'
        f"{licence}</div>"
    )


def instrument_facts(
    instrument: Instrument, preview: Path | None, *, rank: int | None = None, family: bool = True
) -> str:
    """Render the left part of a card: play button, rank, name, family, origin."""
    number = "" if rank is None else f'<span class="cir-rank">{rank}.</span> '
    tag = f'<div class="cir-meta">{family_tag(instrument.family)}</div>' if family else ""
    return (
        f"{play_button(preview, f'Play {instrument.name}')}"
        f'<div><div class="cir-name">{number}{escape(instrument.name)}</div>{tag}'
        f"{instrument_lines(instrument)}</div>"
    )


def match_card(match: Match, *, show_family: bool = False) -> str:
    """Render a match as a list item; name its family in lists with several."""
    instrument = match.instrument
    return (
        f'<li class="cir-card" data-instrument="{escape(instrument.instrument_id)}">'
        f"{instrument_facts(instrument, match.preview, rank=match.rank, family=show_family)}"
        f"{score(match)}{action_buttons(match, in_results=False)}</li>"
    )


def single_card(match: Match, attributes: str = "") -> str:
    """Render an instrument that heads a list of similar ones: no rank, no score."""
    facts = instrument_facts(match.instrument, match.preview)
    return (
        f'<div class="cir-card"{attributes}>{facts}{action_buttons(match, in_results=False)}</div>'
    )


def selected_card(match: Match, neighbours: Sequence[Match]) -> str:
    """Render the instrument chosen on the map and its nearest neighbours of any family."""
    near = "".join(match_card(neighbour, show_family=True) for neighbour in neighbours)
    return (
        f'<div class="cir-selected" data-selected="{escape(match.instrument.instrument_id)}">'
        f"{single_card(match)}<h4>Most similar, in all dimensions of the model</h4>"
        f'<ol class="cir-list">{near}</ol></div>'
    )


def message(title: str, sentence: str) -> str:
    """Render an error that the visitor can correct."""
    return f'<div class="cir-message" role="alert"><b>{escape(title)}</b>{escape(sentence)}</div>'


def placeholder(sentence: str) -> str:
    """Render a text in place of content that is still missing."""
    return f'<div class="cir-empty">{escape(sentence)}</div>'


def score(match: Match) -> str:
    """Render the chance or likeness above the similarity, or the similarity alone."""
    cosine = 'title="Cosine similarity: 1 is the same sound to the model, 0 is unrelated"'
    if match.chance is None and not match.likeness:
        return (
            f'<div class="cir-score" {cosine}><b>{match.similarity:.2f}</b>'
            f"{meter(match.similarity)}</div>"
        )
    if match.chance is None:
        first = f'<div><b class="cir-chance cir-word">{match.likeness}</b>{meter(match.similarity)}'
    else:
        first = (
            '<div title="Chance that it is this very instrument, if the database has it">'
            f'<b class="cir-chance">{escape(percent(match.chance))}</b> '
            f'<span class="cir-label">chance</span>{meter(match.chance)}'
        )
    return (
        f'<div class="cir-score cir-odds">{first}</div>'
        f'<span class="cir-label" {cosine}>similarity {match.similarity:.2f}</span></div>'
    )


def meter(share: float) -> str:
    """Render a bar, full at 1."""
    inside = min(max(share, 0.0), 1.0)
    return f'<span class="cir-meter"><span style="--share:{inside:.3f}"></span></span>'
