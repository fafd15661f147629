"""The fields that narrow a search: words, bank, source, licence, and three sliders."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from cir.index.filters import Filters
from cir.types import Instrument
from cir.ui.service import PageService

EVERYTHING = ""
"""Value of a filter that is off."""
FILTER_NAMES = ("text", "bank", "source", "licence", "brightness", "attack", "noisiness")
"""Names of the fields in their order, and in the address of the page."""
CHOICES, SLIDERS = FILTER_NAMES[1:4], FILTER_NAMES[4:]
_STORAGE_KEY = "cir-filters"
_MOST = 95
"""Per cent: the end of a slider keeps the last 5 %."""
_MAX_TEXT = 80


@dataclass(frozen=True)
class FilterFields:
    """The components, in the order of `FILTER_NAMES`."""

    text: gr.Textbox
    bank: gr.Dropdown
    source: gr.Dropdown
    licence: gr.Dropdown
    sliders: tuple[gr.Slider, ...]

    @property
    def all(self) -> list[gr.components.Component]:
        """All components."""
        return [self.text, self.bank, self.source, self.licence, *self.sliders]


def build_filters(service: PageService) -> FilterFields:
    """Lay out the fields inside the current `gr.Blocks`.

    The sliders are hidden where the database was not measured (`cir database describe`).
    """
    info, rows = service.database.info(), service.instruments
    licences = Counter(one.licence for one in rows if one.licence)
    is_measured = service.database.descriptors() is not None
    text = gr.Textbox(
        label="Only sounds with these words",
        placeholder="In name, category, bank or author: warm, kick, Luna \u2026",
        max_length=_MAX_TEXT,
        elem_id="cir-text",
    )
    with gr.Accordion("More filters", open=False, elem_id="cir-filters"):
        with gr.Row():
            bank = _choice("Bank", "All banks", info.banks)
            source = _choice("Source", "All sources", info.sources)
        licence = _choice("Licence", "All licences", dict(licences.most_common()))
        sliders = tuple(
            gr.Slider(
                -_MOST,
                _MOST,
                value=0,
                step=5,
                label=label,
                buttons=["reset"],
                visible=is_measured,
                elem_id=f"cir-{name}",
            )
            for name, label in zip(
                SLIDERS,
                (
                    "Dark \u2190 brightness \u2192 bright",
                    "Fast \u2190 attack \u2192 slow",
                    "Tonal \u2190 noisiness \u2192 noisy",
                ),
                strict=True,
            )
        )
        if is_measured:
            gr.HTML(
                '<p class="cir-hint">0 is any; 70 keeps the brightest 30 % of the list, -70 the '
                "darkest.</p>",
                apply_default_css=False,
            )
    return FilterFields(text, bank, source, licence, sliders)


def read_filters(values: Sequence[Any]) -> Filters:
    """Make filters of the values of the fields.

    Raises:
        InputError: A slider is out of range.
    """
    text, bank, source, licence, *sliders = values
    brightness, attack, noisiness = (float(value or 0) / 100 for value in sliders)
    return Filters(
        bank=bank or None,
        source=source or None,
        licence=licence or None,
        text=(text or "")[:_MAX_TEXT],
        brightness=brightness,
        attack=attack,
        noisiness=noisiness,
    )


def known_values(rows: Iterable[Instrument]) -> dict[str, frozenset[str]]:
    """Return the values of bank, source and licence that can be chosen."""
    rows = tuple(rows)
    return {name: frozenset(getattr(one, name) for one in rows) for name in CHOICES}


def remember_choices(page: gr.Blocks, fields: FilterFields, service: PageService) -> None:
    """Keep bank, source and licence in the browser; its next visit starts with them."""
    known = known_values(service.instruments)
    kept = gr.BrowserState(
        [EVERYTHING] * len(CHOICES), storage_key=_STORAGE_KEY, secret=_STORAGE_KEY
    )
    chosen = [fields.bank, fields.source, fields.licence]

    def restore(values: Any, request: gr.Request) -> list[Any]:
        if "example" in request.query_params or not isinstance(values, list):
            return [gr.skip()] * len(CHOICES)  # a shared address says what it asks for
        pairs = zip(CHOICES, values, strict=False)
        found = [value if value in known[name] else EVERYTHING for name, value in pairs]
        return found if len(found) == len(CHOICES) else [gr.skip()] * len(CHOICES)

    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    page.load(restore, kept, chosen, **quiet)
    gr.on([one.input for one in chosen], lambda *values: list(values), chosen, kept, **quiet)


def shared_filters(
    query: Mapping[str, str], known: Mapping[str, frozenset[str]]
) -> list[str | float]:
    """Return the values of the fields that the parameters of an address ask for.

    Args:
        query: Parameters by name; what is missing or invalid means any.
        known: Values of bank, source and licence.
    """
    values: list[str | float] = []
    for name in FILTER_NAMES:
        text = query.get(name, "")
        if name == "text":
            values.append(text[:_MAX_TEXT])
        elif name in SLIDERS:
            digits = text.removeprefix("-")
            is_whole = digits.isascii() and digits.isdigit() and int(digits) <= _MOST
            values.append(float(text) if is_whole else 0.0)
        else:
            values.append(text if text in known[name] else EVERYTHING)
    return values


def _choice(label: str, everything: str, counts: Mapping[str, int]) -> gr.Dropdown:
    """Lay out a choice of values, each shown with its number of instruments."""
    choices = [(f"{value} ({count:,})", value) for value, count in counts.items()]
    return gr.Dropdown(
        [(everything, EVERYTHING), *choices],
        value=EVERYTHING,
        label=label,
        min_width=130,
        elem_id=f"cir-{label.lower()}",
    )
