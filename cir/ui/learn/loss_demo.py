"""Exhibit 4 of the Learn tab: what the two losses do to ten points on a circle.

`static/learn/losses.js` and `static/learn/loss_demo.js` compute and draw it in the browser.
"""

import json
from collections.abc import Sequence
from html import escape

from cir.losses.temperature import PAPER_TEMPERATURE
from cir.ui.cards import play_button
from cir.ui.learn.sounds import NotePair
from cir.ui.palette import family_style

CLASSES = 5
_LETTERS = "ABCDE"
_MARGIN = 0.5

_FORMULAS = {
    "triplet": "mean of max(0, d(anchor, positive) \u2212 d(anchor, negative) + margin)",
    "infonce": "mean of \u2212log softmax(cosines / temperature) at the positive",
}


def toy_pairs(pairs: Sequence[NotePair]) -> tuple[NotePair, ...]:
    """Return the first instrument of each family, at most five."""
    first: dict[str, NotePair] = {}
    for pair in pairs:
        first.setdefault(pair.family, pair)
    return tuple(first.values())[:CLASSES]


def toy_html(pairs: Sequence[NotePair]) -> str:
    """Render the circle, its controls, and the instruments of its points.

    Args:
        pairs: One instrument per class, at most five.
    """
    classes = [
        {"letter": letter, "name": pair.instrument.name, "colour": family_style(pair.family).colour}
        for letter, pair in zip(_LETTERS, pairs, strict=False)
    ]
    legend = "".join(
        _legend_item(letter, pair) for letter, pair in zip(_LETTERS, pairs, strict=False)
    )
    formulas = "".join(
        f'<p class="cir-meta" data-formula="{name}">{text}</p>' for name, text in _FORMULAS.items()
    )
    return (
        f'<div class="cir-toy" data-classes="{escape(json.dumps(classes))}">'
        '<svg class="cir-toy-circle" viewBox="-1.42 -1.42 2.84 2.84" role="group" '
        'aria-label="Points on a circle, two for each of five instruments; arrow keys move one">'
        '<defs><marker id="cir-toy-head" viewBox="0 0 6 6" refX="3" refY="3" markerWidth="4" '
        'markerHeight="4" orient="auto"><path d="M0 0L6 3L0 6z"/></marker></defs></svg>'
        '<div class="cir-toy-side"><fieldset><legend>Loss</legend>'
        '<label><input type="radio" name="cir-toy-loss" value="triplet" checked> Triplet</label>'
        '<label><input type="radio" name="cir-toy-loss" value="infonce"> InfoNCE</label>'
        f"</fieldset>{formulas}"
        f"{_slider('margin', 'Margin', 0.0, 1.0, 0.05, _MARGIN)}"
        f"{_slider('temperature', 'Temperature', 0.05, 1.0, 0.05, PAPER_TEMPERATURE)}"
        f"{_slider('speed', 'Step size', 0.05, 2.0, 0.05, 0.5)}"
        '<div class="cir-toy-buttons">'
        '<button type="button" class="cir-choose is-primary" data-part="play">Play</button>'
        '<button type="button" class="cir-choose" data-part="step">Step</button>'
        '<button type="button" class="cir-choose" data-part="shuffle">Shuffle</button>'
        '<button type="button" class="cir-choose" data-part="collapse">Collapse</button></div>'
        '<p class="cir-learn-answer">Loss <b data-part="loss">0</b> after '
        '<b data-part="steps">0</b> steps. <span data-part="verdict"></span></p>'
        '<svg class="cir-toy-curve" viewBox="0 0 100 40" preserveAspectRatio="none" role="img" '
        'aria-label="The loss, step by step"><polyline/></svg>'
        f'<ul class="cir-toy-legend">{legend}</ul></div></div>'
    )


def _slider(name: str, label: str, low: float, high: float, step: float, value: float) -> str:
    return (
        f'<label class="cir-toy-slider">{label} <b data-part="{name}-value" aria-hidden="true"></b>'
        f'<input type="range" data-part="{name}" min="{low}" max="{high}" step="{step}" '
        f'value="{value}"></label>'
    )


def _legend_item(letter: str, pair: NotePair) -> str:
    name = pair.instrument.name
    return (
        f'<li class="cir-listen" style="--family:{family_style(pair.family).colour}">'
        f"<b>{letter}</b>"
        f"{play_button(pair.notes[0].path, f'Play {letter}, {name}, first note')}"
        f"{play_button(pair.notes[1].path, f'Play {letter}, {name}, second note')}"
        f"<span>{escape(name)}</span></li>"
    )
