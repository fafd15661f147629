"""Search results and single instruments as HTML.

Every text from a database or a file name passes `html.escape`: names of presets are other people's
words. Play buttons carry the address of their sound; `static/player.js` does the rest.
"""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from cir.instruments.families import family_label
from cir.types import FamilyResult, Instrument, Match
from cir.ui.judgements import ABSENT, among_five, false_alarms, percent
from cir.ui.palette import family_style

_PLAY_ICON = (
    '<svg class="cir-start" viewBox="0 0 16 16" aria-hidden="true"><path d="M4 2v12l10-6z"/></svg>'
)
_PAUSE_ICON = (
    '<svg class="cir-pause" viewBox="0 0 16 16" aria-hidden="true">'
    '<path d="M3 2h4v12H3zM9 2h4v12H9z"/></svg>'
)


def sound_address(path: Path) -> str:
    """Address of a sound file on the page, relative, so that it also holds behind a proxy."""
    return f"gradio_api/file={quote(str(path))}"


def play_button(path: Path | None, label: str) -> str:
    """Render a button that plays a file; a dash where there is none."""
    if path is None:
        return '<span class="cir-silent" title="No preview in this database">&ndash;</span>'
    return (
        f'<button type="button" class="cir-play" data-src="{escape(sound_address(path))}" '
        f'aria-pressed="false" aria-label="{escape(label)}" title="{escape(label)}">'
        f"{_PLAY_ICON}{_PAUSE_ICON}</button>"
    )


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


def match_card(match: Match, *, show_family: bool = False) -> str:
    """Render one match as a list item: player, rank, name, where it comes from, its score."""
    instrument = match.instrument
    family = f'<div class="cir-meta">{family_tag(instrument.family)}</div>' if show_family else ""
    return (
        f'<li class="cir-card" data-instrument="{escape(instrument.instrument_id)}">'
        f"{play_button(match.preview, f'Play {instrument.name}')}"
        f'<div><div class="cir-name"><span class="cir-rank">{match.rank}.</span> '
        f"{escape(instrument.name)}</div>{family}{instrument_lines(instrument)}</div>"
        f"{_score(match)}</li>"
    )


def _score(match: Match) -> str:
    """Render the chance, and the similarity small; the similarity alone without calibration."""
    cosine = 'title="Cosine similarity: 1 is the same sound to the model, 0 is unrelated"'
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
        f'<span class="cir-label" {cosine}>similarity {match.similarity:.2f}</span></div>'
    )


def _meter(share: float) -> str:
    """Render a bar, full at 1."""
    inside = min(max(share, 0.0), 1.0)
    return f'<span class="cir-meter"><span style="--share:{inside:.3f}"></span></span>'


def family_section(result: FamilyResult) -> str:
    """Render one family's matches."""
    style = family_style(result.family)
    if result.matches:
        cards = "".join(match_card(match) for match in result.matches)
        body = f'{_judgement_lines(result)}<ol class="cir-list">{cards}</ol>'
        count = f"{len(result.matches)} most similar"
    else:
        body = '<p class="cir-hint">The database has no instrument of this family.</p>'
        count = "none"
    label = escape(family_label(result.family))
    return (
        f'<section class="cir-family" data-family="{escape(result.family)}" '
        f'aria-label="{label}" style="--family:{style.colour}">'
        f'<h3><span class="cir-dot"></span>{label}<span class="cir-count">{count}</span></h3>'
        f"{body}</section>"
    )


def _judgement_lines(result: FamilyResult) -> str:
    """Render what is said of a family's whole answer; nothing where it is not calibrated."""
    judgement = result.judgement
    if judgement is None:
        return ""
    banner = ""
    if judgement.is_absent:
        banner = (
            f'<p class="cir-absent" role="note"><b>{ABSENT}</b> '
            f"{escape(false_alarms(judgement))}</p>"
        )
    words = among_five(result)
    if not words:
        return banner
    chance = escape(percent(judgement.top_5))
    return f'{banner}<p class="cir-among">{words}: <b>{chance}</b></p>'


def results_page(results: Sequence[FamilyResult], mix: Path, seconds: float) -> str:
    """Render all families, under a bar that plays the mix itself for comparison."""
    sections = "".join(family_section(result) for result in results)
    if any(result.judgement for result in results):
        key = "chance: how likely it is this very instrument, if the database has it"
    else:
        key = "similarity is a cosine: 1 is the same sound to the model, 0 is unrelated"
    return (
        '<div class="cir-bar"><h2>Most similar instruments</h2>'
        f'<span class="cir-listen">{play_button(mix, "Play your mix")} Your mix</span>'
        f'<span class="cir-muted">found in {seconds:.1f} s &middot; {key}</span></div>'
        f'<div class="cir-families">{sections}</div>'
    )


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
        f"{instrument_lines(instrument)}</div></div>"
        "<h4>Sounds most like it, in all dimensions of the model</h4>"
        f'<ol class="cir-list">{near}</ol></div>'
    )


def message(title: str, sentence: str) -> str:
    """Render an error that the visitor can mend."""
    return f'<div class="cir-message" role="alert"><b>{escape(title)}</b>{escape(sentence)}</div>'


def placeholder(sentence: str) -> str:
    """Render what stands where nothing is yet."""
    return f'<div class="cir-empty">{escape(sentence)}</div>'
