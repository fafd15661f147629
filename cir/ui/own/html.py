"""HTML of the visitor's own sounds: drop zone, reports and list."""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path

from cir.audio.formats import READABLE
from cir.instruments.families import FAMILIES, family_label
from cir.instruments.safe_zip import INSTRUMENT_SUFFIXES, size_in_words
from cir.types import Instrument
from cir.ui.cards import play_button
from cir.ui.own.library import LIBRARY_VARIABLE, PAGE_LIMITS, OwnReport

ROWS_PER_PAGE = 50

KINDS = f"One-shots ({READABLE}), SoundFonts (sf2, sf3), presets (vital, syx, xiz, bank, fxp)"
SENT = INSTRUMENT_SUFFIXES - {".sfz"} | {".zip"}
"""Suffixes of the files of a folder that the page uploads."""
EMPTY = "No sounds yet. The sounds that you add are listed here."

_LIMITS = (
    f"Up to {PAGE_LIMITS.sounds:,} sounds and {size_in_words(PAGE_LIMITS.n_bytes)} at once, "
    f"{PAGE_LIMITS.total:,} in all; a one-shot lasts at most {PAGE_LIMITS.seconds:.0f} seconds."
)
_MAX_REASONS = 100


def where_kept(folder: Path | None) -> str:
    """Render where the sounds are stored, and how many may be added."""
    if folder is None:
        place = (
            "<b>For this visit only.</b> Your sounds stay on the server of this page; no other "
            "visitor sees or searches them. They are deleted an hour after you close the page. "
            "Export them to keep them."
        )
    else:
        place = (
            f"<b>Kept in {escape(str(folder))}</b> ({LIBRARY_VARIABLE}) for the next visit. "
            "Everybody who can open this page can see, search and change them."
        )
    return f'<p class="cir-own-where">{place} {_LIMITS}</p>'


def drop_zone() -> str:
    """Render the drop zone for files and folders, which `static/own/drop.js` handles."""
    return (
        '<div class="cir-drop" role="group" aria-labelledby="cir-drop-title" '
        f'data-suffixes="{" ".join(sorted(SENT))}">'
        '<p id="cir-drop-title"><b>Drop files, folders or zips here</b></p>'
        f'<p class="cir-hint">{KINDS}.</p>'
        '<p class="cir-drop-buttons">'
        '<button type="button" class="cir-button" data-pick="files">Choose files</button>'
        '<button type="button" class="cir-button" data-pick="folder">Choose a folder</button></p>'
        '<input type="file" multiple hidden aria-label="Your files" data-input="files">'
        '<input type="file" webkitdirectory hidden aria-label="Your folder" '
        'data-input="folder">'
        '<p class="cir-drop-state" role="status" aria-live="polite"></p></div>'
    )


def adding_note(share: float, words: str, *, added: int = 0) -> str:
    """Render how far adding is."""
    stored = f" {_sounds(added)} in the list already." if added else ""
    return (
        f'<div class="cir-own-report" role="status"><p><b>Adding.</b> {escape(words)}.{stored} You '
        "can search meanwhile.</p>"
        f'<progress max="1" value="{share:.3f}" aria-label="Adding"></progress></div>'
    )


def report_note(report: OwnReport) -> str:
    """Render how many sounds were added, unchanged and refused."""
    said = []
    if report.added or not report.unchanged:
        said.append(f"<b>{_sounds(report.added)} added</b>")
    if report.replaced:
        said.append(f"{report.replaced:,} of them replace older ones of the same name")
    if report.unchanged:
        said.append(f"{_sounds(report.unchanged)} unchanged")
    lines = [f"<p>{'; '.join(said)}.</p>"]
    if report.was_stopped:
        lines.append(
            "<p>Stopped. Finished sounds are kept; add the same files again to continue.</p>"
        )
    if report.without_family:
        lines.append(
            f"<p>{_sounds(report.without_family)} without a family: a search guesses it, or "
            "compares them with every family. Choose one in the list, or sort them into folders "
            "such as Bass.</p>"
        )
    for reasons, what in (
        (report.notices, "read in part"),
        (report.refused, "left out"),
    ):
        if reasons:
            lines.append(_reasons(f"{_sounds(len(reasons))} {what}", reasons))
    return f'<div class="cir-own-report" role="status">{"".join(lines)}</div>'


def _reasons(title: str, reasons: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(one)}</li>" for one in reasons[:_MAX_REASONS])
    rest = len(reasons) - _MAX_REASONS
    more = f"<li>and {rest:,} more</li>" if rest > 0 else ""
    return f"<details open><summary>{title}</summary><ul>{items}{more}</ul></details>"


def note(sentence: str) -> str:
    """Render a short report."""
    return f'<div class="cir-own-report" role="status"><p>{escape(sentence)}</p></div>'


def sounds_list(
    sounds: Sequence[Instrument],
    preview: Callable[[str], Path | None],
    page: int,
    guesses: Mapping[str, str | None] | None = None,
) -> str:
    """Render one page of the sounds, each with play button, family and remove button.

    Args:
        sounds: All sounds.
        preview: Returns the sound file of an id.
        page: Page from 0, clipped to the last one.
        guesses: By id, the guessed family of a sound without one.
    """
    if not sounds:
        return f'<div class="cir-empty">{EMPTY}</div>'
    pages = -(-len(sounds) // ROWS_PER_PAGE)
    page = min(max(page, 0), pages - 1)
    first = page * ROWS_PER_PAGE
    rows = "".join(
        _row(one, preview(one.instrument_id), (guesses or {}).get(one.instrument_id))
        for one in sounds[first : first + ROWS_PER_PAGE]
    )
    turn = _turn_pages(page, pages) if pages > 1 else ""
    return (
        '<div class="cir-bar"><h2 tabindex="-1">Your sounds</h2>'
        f'<span class="cir-muted">{_sounds(len(sounds))}</span>{_clear(len(sounds))}</div>'
        f'<ul class="cir-list cir-own-list">{rows}</ul>{turn}'
    )


def _row(one: Instrument, preview: Path | None, guess: str | None) -> str:
    name, instrument_id = escape(one.name), escape(one.instrument_id)
    facts = (one.bank, one.category if one.category != one.bank else "", one.author, one.licence)
    place = " &middot; ".join(escape(fact) for fact in facts if fact)
    return (
        f'<li class="cir-card" data-instrument="{instrument_id}">'
        f"{play_button(preview, f'Play {one.name}')}"
        f'<div><div class="cir-name">{name}</div><div class="cir-meta">{place}</div></div>'
        f'<div class="cir-own-tools"><select data-family="{one.family or ""}" '
        f'aria-label="Family of {name}">{_options(one.family, guess)}</select>'
        f'<button type="button" class="cir-button" data-do="remove" '
        f'aria-label="Remove {name}">Remove</button></div></li>'
    )


def _options(chosen: str | None, guess: str | None) -> str:
    none = f"No family; sounds like {family_label(guess).lower()}" if guess else "No family"
    choices = [("", none), *((slug, family_label(slug)) for slug in FAMILIES)]
    return "".join(
        f'<option value="{slug}"{" selected" if slug == (chosen or "") else ""}>{label}</option>'
        for slug, label in choices
    )


def _clear(count: int) -> str:
    """Render the button that removes everything, with a confirmation."""
    return (
        '<details class="cir-own-clear"><summary class="cir-button">Remove all</summary>'
        f"<p>Remove {_sounds(count)}? This cannot be undone. "
        '<button type="button" class="cir-button" data-do="clear">Yes, remove all</button></p>'
        "</details>"
    )


def _turn_pages(page: int, pages: int) -> str:
    def button(label: str, to: int) -> str:
        off = "" if 0 <= to < pages else " disabled"
        return (
            f'<button type="button" class="cir-button" data-do="page" data-page="{to}"{off}>'
            f"{label}</button>"
        )

    return (
        f'<nav class="cir-own-pages" aria-label="Pages of your sounds">'
        f"{button('Previous', page - 1)}<span>Page {page + 1} of {pages}</span>"
        f"{button('Next', page + 1)}</nav>"
    )


def _sounds(count: int) -> str:
    return "1 sound" if count == 1 else f"{count:,} sounds"
