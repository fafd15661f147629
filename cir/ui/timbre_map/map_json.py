"""What the timbre map in the browser is told: all points once, then stars and selections.

Everything here is plain values that become JSON. Instruments are named by their ids.
"""

from collections.abc import Iterable
from typing import Any

from cir.instruments.families import FAMILIES, family_label
from cir.ui.cards import selected_card, sound_address
from cir.ui.palette import family_style
from cir.ui.service import Answer, PageService
from cir.ui.timbre_map.shapes import SHAPES

PLACES = 1000
"""Coordinates travel as whole numbers, in thousandths: a tenth of a pixel on a large map."""


def map_points(service: PageService) -> dict[str, Any]:
    """Describe every instrument, column by column; repeated words travel once.

    Args:
        service: the database, which must have a map.
    """
    rows = service.instruments
    slugs = present_families(service)
    places = [service.position(one.instrument_id) for one in rows]
    previews = [service.preview(one.instrument_id) for one in rows]
    folder = next((path.parent for path in previews if path is not None), None)
    return {
        "families": [_family(slug) for slug in slugs],
        "id": [one.instrument_id for one in rows],
        "name": [one.name for one in rows],
        "family": [slugs.index(one.family) for one in rows],
        "category": _numbered(one.category for one in rows),
        "bank": _numbered(one.bank for one in rows),
        "author": _numbered(one.author for one in rows),
        "licence": _numbered(one.licence for one in rows),
        "x": [round(PLACES * x) for x, _ in places],
        "y": [round(PLACES * y) for _, y in places],
        "places": PLACES,
        # The sound of an instrument is the file of its id in this folder.
        "sounds": None if folder is None else f"{sound_address(folder)}/",
        "silent": [row for row, path in enumerate(previews) if path is None],
    }


def map_stars(service: PageService, answer: Answer | None) -> list[dict[str, Any]]:
    """Place a search on the map: for each family with matches, its star and the ids of these."""
    if answer is None:
        return []
    stars = []
    for result in answer.results:
        if not result.matches:
            continue
        x, y = service.place(result.family, answer.queries[result.family])
        stars.append(
            {
                "family": result.family,
                "label": family_label(result.family),
                "colour": family_style(result.family).colour,
                "x": x,
                "y": y,
                "matches": [match.instrument.instrument_id for match in result.matches],
            }
        )
    return stars


def map_selection(service: PageService, instrument_id: str) -> dict[str, Any]:
    """Answer a click: the card to show, and the ids of the true neighbours, nearest first.

    Raises:
        InputError: the database has no such instrument.
    """
    match, neighbours = service.neighbours(instrument_id)
    return {
        "card": selected_card(match, neighbours),
        "neighbours": [one.instrument.instrument_id for one in neighbours],
    }


def present_families(service: PageService) -> list[str | None]:
    """List the families that the database has, in their usual order, None (no family) last."""
    present = {one.family for one in service.instruments}
    return [family for family in (*FAMILIES, None) if family in present]


def _family(slug: str | None) -> dict[str, Any]:
    style = family_style(slug)
    return {
        "slug": slug or "",
        "label": "No family" if slug is None else family_label(slug),
        "colour": style.colour,
        "path": SHAPES[style.symbol],
    }


def _numbered(words: Iterable[str]) -> dict[str, list[Any]]:
    """Write a column of repeated words as the words, once each, and a number for each row."""
    column = list(words)
    numbers = {word: number for number, word in enumerate(sorted(set(column)))}
    return {"words": list(numbers), "rows": [numbers[word] for word in column]}
