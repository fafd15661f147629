"""HTML of single instruments, as cards of the results and beside the map.

Every text from a database or a file name passes through `html.escape`. Play buttons carry the
address of their sound, which `static/player.js` plays.
"""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from cir.instruments.preset_path import how_to_load, preset_path
from cir.retrieval.answers import percent
from cir.types import Instrument, Match
from cir.ui.palette import family_name, family_style
from cir.ui.search.mixes import Region


def _icon(drawing: str, name: str = "cir-icon") -> str:
    return f'<svg class="{name}" viewBox="0 0 16 16" aria-hidden="true">{drawing}</svg>'


PLAY = _icon('<path d="M4 2v12l10-6z"/>', "cir-start")
PAUSE = _icon('<path d="M3 2h4v12H3zM9 2h4v12H9z"/>', "cir-pause")
NOTES = _icon('<path d="M6 2.2 14 1v9.6a2.2 2 0 1 1-1.4-1.9V4.6L7.4 5.4v7a2.2 2 0 1 1-1.4-1.9z"/>')
COPY = _icon(
    '<path d="M5 1h8a1 1 0 0 1 1 1v9h-1.6V2.6H5z"/>'
    '<path d="M2 4.5h7.5a1 1 0 0 1 1 1V14a1 1 0 0 1-1 1H2a1 1 0 0 1-1-1V5.500a1 1 0 0 1 1-1z"/>'
)
SPEAKER = _icon(
    '<path d="M1 5.500h3L8 2v12L4 10.500H1z"/>'
    '<path d="M10 5.200a4 4 0 0 1 0 5.600l-.9-1a2.700 2.700 0 0 0 0-3.600z"/>'
    '<path d="M12 3.200a7 7 0 0 1 0 9.600l-.9-1a5.500 5.500 0 0 0 0-7.600z"/>'
)


def sound_address(path: Path) -> str:
    """Return the address of a sound file, relative to the page, so that proxies work too."""
    return f"gradio_api/file={quote(str(path))}"


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


def match_card(match: Match, *, show_family: bool = False, in_results: bool = False) -> str:
    """Render a match as a list item.

    Args:
        match: What was found.
        show_family: Name its family; for lists with several.
        in_results: Whether the card takes the keyboard focus and offers "A/B" and "More like
            this", to which the Search tab listens.
    """
    instrument = match.instrument
    focus = f' tabindex="0" aria-label="{escape(_spoken(match))}"' if in_results else ""
    return (
        f'<li class="cir-card"{focus} data-instrument="{escape(instrument.instrument_id)}">'
        f"{instrument_facts(instrument, match.preview, rank=match.rank, family=show_family)}"
        f"{_score(match)}{_actions(match, in_results=in_results)}</li>"
    )


def single_card(match: Match, attributes: str = "") -> str:
    """Render an instrument that heads a list of similar ones: no rank, no score."""
    facts = instrument_facts(match.instrument, match.preview)
    return f'<div class="cir-card"{attributes}>{facts}{_actions(match, in_results=False)}</div>'


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


def _spoken(match: Match) -> str:
    """Return the label of a card for screen readers."""
    worth = match.likeness if match.chance is None else f"chance {percent(match.chance)}"
    return ", ".join(
        filter(None, (f"{match.rank}. {match.instrument.name}", match.instrument.bank, worth))
    )


def _actions(match: Match, *, in_results: bool) -> str:
    """Render the row of small buttons: phrase, A/B, more like this, copy."""
    name, path = escape(match.instrument.name), escape(preset_path(match.instrument))
    how = escape(f". {how_to_load(match.instrument)}".removesuffix(". "))
    buttons = []
    if match.phrase is not None:
        source = f' data-src="{escape(sound_address(match.phrase))}" aria-pressed="false"'
        label, title = f"Phrase on {name}", "Play a phrase (P)"
        buttons.append(_action("phrase", label, title, f"{NOTES} Phrase", source))
    if in_results and match.preview is not None:
        title = "Switch between this and your mix, at one loudness (X)"
        label = f"A/B: compare {name} with your mix at one loudness"
        buttons.append(_action("compare", label, title, "A/B"))
    if in_results:
        title = "More like this (M)"
        buttons.append(_action("like", f"More like this: {name}", title, "More like this"))
    label, title = f"Copy the path of {name}", f"Copy {path} (C){how}"
    buttons.append(_action("copy", label, title, COPY, f' data-path="{path}"'))
    return f'<div class="cir-acts">{"".join(buttons)}</div>'


def _action(act: str, label: str, title: str, content: str, attributes: str = "") -> str:
    return (
        f'<button type="button" class="cir-act" data-act="{act}"{attributes} '
        f'aria-label="{label}" title="{title}">{content}</button>'
    )


def _score(match: Match) -> str:
    """Render the chance or likeness above the similarity, or the similarity alone."""
    cosine = 'title="Cosine similarity: 1 is the same sound to the model, 0 is unrelated"'
    if match.chance is None and not match.likeness:
        return (
            f'<div class="cir-score" {cosine}><b>{match.similarity:.2f}</b>'
            f"{_meter(match.similarity)}</div>"
        )
    if match.chance is None:
        first = (
            f'<div><b class="cir-chance cir-word">{match.likeness}</b>{_meter(match.similarity)}'
        )
    else:
        first = (
            '<div title="Chance that it is this very instrument, if the database has it">'
            f'<b class="cir-chance">{escape(percent(match.chance))}</b> '
            f'<span class="cir-label">chance</span>{_meter(match.chance)}'
        )
    return (
        f'<div class="cir-score cir-odds">{first}</div>'
        f'<span class="cir-label" {cosine}>similarity {match.similarity:.2f}</span></div>'
    )


def _meter(share: float) -> str:
    """Render a bar, full at 1."""
    inside = min(max(share, 0.0), 1.0)
    return f'<span class="cir-meter"><span style="--share:{inside:.3f}"></span></span>'
