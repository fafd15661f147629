"""Single instruments as HTML: one card each, here and on the map.

Every text from a database or a file name passes `html.escape`: names of presets are other people's
words. Play buttons carry the address of their sound; `static/player.js` does the rest.
"""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from cir.instruments.families import family_label
from cir.instruments.preset_path import how_to_load, preset_path
from cir.retrieval.wording import percent
from cir.types import Instrument, Match
from cir.ui.icons import COPY, NOTES, PAUSE, PLAY
from cir.ui.palette import family_style
from cir.ui.search.mixes import Region


def sound_address(path: Path) -> str:
    """Address of a sound file on the page, relative, so that it also holds behind a proxy."""
    return f"gradio_api/file={quote(str(path))}"


def play_button(path: Path | None, label: str, region: Region | None = None) -> str:
    """Render a button that plays a file, or a passage of it; a dash where there is none."""
    if path is None:
        return '<span class="cir-silent" title="No preview in this database">&ndash;</span>'
    words = escape(label)
    return (
        f'<button type="button" class="cir-play" data-src="{escape(sound_address(path))}"'
        f'{passage(region)} aria-pressed="false" aria-label="{words}" title="{words}">'
        f"{PLAY}{PAUSE}</button>"
    )


def passage(region: Region | None) -> str:
    """Say to the player which part of a file is meant, as attributes of a button."""
    if region is None:
        return ""
    return f' data-start="{region.start_seconds:g}" data-end="{region.end_seconds:g}"'


def family_tag(family: str | None) -> str:
    """Render a family's dot and name."""
    label = "No family" if family is None else family_label(family)
    return (
        f'<span class="cir-tag" style="--family:{family_style(family).colour}">'
        f'<span class="cir-dot"></span>{escape(label)}</span>'
    )


def instrument_lines(instrument: Instrument) -> str:
    """Render category, bank, author and licence, the two small lines under a name."""
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


def match_card(match: Match, *, show_family: bool = False, in_results: bool = False) -> str:
    """Render one match as a list item: player, rank, name, where it comes from, its score.

    Args:
        match: what was found.
        show_family: name its family; for lists of more than one.
        in_results: the card takes the keyboard, and can be compared with the mix and asked for
            more like it; the Search tab listens to that.
    """
    instrument = match.instrument
    family = f'<div class="cir-meta">{family_tag(instrument.family)}</div>' if show_family else ""
    focus = f' tabindex="0" aria-label="{escape(_said(match))}"' if in_results else ""
    return (
        f'<li class="cir-card"{focus} data-instrument="{escape(instrument.instrument_id)}">'
        f"{play_button(match.preview, f'Play {instrument.name}')}"
        f'<div><div class="cir-name"><span class="cir-rank">{match.rank}.</span> '
        f"{escape(instrument.name)}</div>{family}{instrument_lines(instrument)}</div>"
        f"{_score(match)}{actions(match, in_results=in_results)}</li>"
    )


def _said(match: Match) -> str:
    """Say in short what a screen reader says of a card."""
    worth = match.likeness if match.chance is None else f"chance {percent(match.chance)}"
    return ", ".join(
        filter(None, (f"{match.rank}. {match.instrument.name}", match.instrument.bank, worth))
    )


def actions(match: Match, *, in_results: bool) -> str:
    """Render what else can be done with an instrument, as a row of small buttons."""
    instrument = match.instrument
    name, path = escape(instrument.name), escape(preset_path(instrument))
    how = escape(f". {how_to_load(instrument)}".removesuffix(". "))
    buttons = []
    if match.phrase is not None:
        buttons.append(
            f'<button type="button" class="cir-act" data-act="phrase" '
            f'data-src="{escape(sound_address(match.phrase))}" aria-pressed="false" '
            f'aria-label="Phrase on {name}" title="Play a phrase (P)">{NOTES} Phrase'
            "</button>"
        )
    if in_results and match.preview is not None:
        buttons.append(
            '<button type="button" class="cir-act" data-act="compare" '
            f'aria-label="A/B: compare {name} with your mix at one loudness" '
            'title="Switch between this and your mix, at one loudness (X)">A/B</button>'
        )
    if in_results:
        buttons.append(
            '<button type="button" class="cir-act" data-act="like" '
            f'aria-label="More like this: {name}" '
            'title="More like this (M)">More like this</button>'
        )
    buttons.append(
        f'<button type="button" class="cir-act" data-act="copy" data-path="{path}" '
        f'aria-label="Copy the path of {name}" title="Copy {path} (C){how}">{COPY}</button>'
    )
    return f'<div class="cir-acts">{"".join(buttons)}</div>'


def _score(match: Match) -> str:
    """Render the chance or a word, and the similarity small; the similarity alone without them."""
    cosine = 'title="Cosine similarity: 1 is the same sound to the model, 0 is unrelated"'
    small = f'<span class="cir-label" {cosine}>similarity {match.similarity:.2f}</span>'
    if match.chance is None and match.likeness:
        return (
            '<div class="cir-score cir-odds"><div>'
            f'<b class="cir-chance cir-word">{match.likeness}</b>'
            f"{_meter(match.similarity)}</div>{small}</div>"
        )
    if match.chance is None:
        return (
            f'<div class="cir-score" {cosine}><b>{match.similarity:.2f}</b>'
            f"{_meter(match.similarity)}</div>"
        )
    return (
        '<div class="cir-score cir-odds"><div title="Chance that it is this very instrument, '
        'if the database has it">'
        f'<b class="cir-chance">{escape(percent(match.chance))}</b> '
        f'<span class="cir-label">chance</span>{_meter(match.chance)}</div>'
        f"{small}</div>"
    )


def _meter(share: float) -> str:
    """Render a bar, full at 1."""
    inside = min(max(share, 0.0), 1.0)
    return f'<span class="cir-meter"><span style="--share:{inside:.3f}"></span></span>'


def selected_card(match: Match, neighbours: Sequence[Match]) -> str:
    """Render the instrument picked on the map and its nearest neighbours of any family."""
    instrument = match.instrument
    near = "".join(match_card(neighbour, show_family=True) for neighbour in neighbours)
    return (
        f'<div class="cir-selected" data-selected="{escape(instrument.instrument_id)}">'
        '<div class="cir-card">'
        f"{play_button(match.preview, f'Play {instrument.name}')}"
        f'<div><div class="cir-name">{escape(instrument.name)}</div>'
        f'<div class="cir-meta">{family_tag(instrument.family)}</div>'
        f"{instrument_lines(instrument)}</div>{actions(match, in_results=False)}</div>"
        "<h4>Sounds most like it, in all dimensions of the model</h4>"
        f'<ol class="cir-list">{near}</ol></div>'
    )


def message(title: str, sentence: str) -> str:
    """Render an error that the visitor can mend."""
    return f'<div class="cir-message" role="alert"><b>{escape(title)}</b>{escape(sentence)}</div>'


def placeholder(sentence: str) -> str:
    """Render what stands where nothing is yet."""
    return f'<div class="cir-empty">{escape(sentence)}</div>'
