"""The small buttons of a match: phrase, more like this, take home; and the list of keys.

Each button has `data-act`, by which scripts of `static/search` find it, and most have a key.
"""

from html import escape

from cir.instruments.preset_path import how_to_load, preset_path
from cir.types import Match
from cir.ui.icons import COPY, DOWN, NOTES, PLUS, STAR
from cir.ui.server.take_home import file_name, preset_address, preset_file, wav_address
from cir.ui.sound_address import sound_address

KEYS = (
    ("\u2191 \u2193", "move"),
    ("Space", "play"),
    ("Enter", "open"),
    ("X", "compare with your mix and switch"),
    ("B", "hear the instrument alone"),
    ("P", "phrase"),
    ("M", "more like this"),
    ("L", "less like this"),
    ("C", "copy the path"),
    ("A", "add to the basket"),
    ("F", "favourite"),
    ("D", "download"),
)
"""Keys of the results, and what they do."""


def action_buttons(match: Match, *, in_results: bool) -> str:
    """Render the row of small buttons of a match.

    Args:
        match: What was found.
        in_results: Whether to offer "More like this", to which the Search tab listens.
    """
    name, path = escape(match.instrument.name), escape(preset_path(match.instrument))
    how = escape(f". {how_to_load(match.instrument)}".removesuffix(". "))
    buttons = []
    if match.phrase is not None:
        source = f' data-src="{escape(sound_address(match.phrase))}" aria-pressed="false"'
        label, title = f"Phrase on {name}", "Play a phrase (P)"
        buttons.append(_button("phrase", label, title, f"{NOTES} Phrase", source))
    if in_results:
        title = "More like this (M)"
        buttons.append(_button("like", f"More like this: {name}", title, "More like this"))
        title = "What is like your mix, or like those you chose, but less like this (L)"
        buttons.append(_button("unlike", f"Less like this: {name}", title, "Less like this"))
    label, title = f"Copy the path of {name}", f"Copy {path} (C){how}"
    buttons.append(_button("copy", label, title, f"{COPY} Copy", f' data-path="{path}"'))
    buttons += _collecting(match, name)
    buttons += _files(match, name)
    return f'<div class="cir-acts">{"".join(buttons)}</div>'


def _collecting(match: Match, name: str) -> list[str]:
    """Render the switches that `static/basket/basket.js` keeps."""
    kept = (
        f' data-id="{escape(match.instrument.instrument_id)}" '
        f'data-similarity="{match.similarity:.4f}" aria-pressed="false"'
    )
    basket = f"{PLUS} <span data-words>Add to basket</span>"
    star = f"{STAR} <span data-words>Favourite</span>"
    return [
        _button("basket", f"Basket: {name}", "Collect, to take home together (A)", basket, kept),
        _button("favourite", f"Favourite: {name}", "Keep in this browser (F)", star, kept),
    ]


def _files(match: Match, name: str) -> list[str]:
    """Render what leaves the page: the preview, and the preset if it is on this machine."""
    links = []
    if match.preview is not None:
        address = escape(wav_address(match.instrument, match.preview))
        title = "Download as WAV (D), or drag it to a folder or into your DAW"
        links.append(
            f'<a class="cir-act" data-act="download" draggable="true" href="{address}" '
            f'download="{escape(file_name(match.instrument))}.wav" '
            f'aria-label="Download {name}" title="{title}">{DOWN} WAV</a>'
        )
    preset = preset_file(match.instrument)
    if preset is not None:
        links.append(
            f'<a class="cir-act" data-act="preset" href="{escape(preset_address(preset))}" '
            f'download="{escape(preset.name)}" aria-label="Download the file of {name}" '
            f'title="{escape(str(preset))}">{DOWN} {escape(preset.suffix[1:])} file</a>'
        )
        where = f' data-path="{escape(str(preset))}"'
        label = f"Show the file of {name} in its folder"
        links.append(_button("reveal", label, "Show the file in its folder", "Show file", where))
    return links


def _button(act: str, label: str, title: str, content: str, attributes: str = "") -> str:
    return (
        f'<button type="button" class="cir-act" data-act="{act}"{attributes} '
        f'aria-label="{label}" title="{title}">{content}</button>'
    )
