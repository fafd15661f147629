"""The small buttons of a match: phrase, more like this, copy; and the line that lists the keys.

Each button has `data-act`, by which scripts of `static/search` find it, and most have a key.
"""

from html import escape

from cir.instruments.preset_path import how_to_load, preset_path
from cir.types import Match
from cir.ui.icons import COPY, NOTES
from cir.ui.sound_address import sound_address

KEYS = (
    ("\u2191 \u2193", "move"),
    ("Space", "play"),
    ("Enter", "open"),
    ("X", "compare with your mix and switch"),
    ("B", "hear the instrument alone"),
    ("P", "phrase"),
    ("M", "more like this"),
    ("C", "copy the path"),
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
    label, title = f"Copy the path of {name}", f"Copy {path} (C){how}"
    buttons.append(_button("copy", label, title, f"{COPY} Copy", f' data-path="{path}"'))
    return f'<div class="cir-acts">{"".join(buttons)}</div>'


def _button(act: str, label: str, title: str, content: str, attributes: str = "") -> str:
    return (
        f'<button type="button" class="cir-act" data-act="{act}"{attributes} '
        f'aria-label="{label}" title="{title}">{content}</button>'
    )
