"""Data of the timbre map as JSON values: points, stars of a search, and selections by id."""

from typing import Any

from cir.instruments.families import FAMILIES, family_label
from cir.ui.cards import selected_card
from cir.ui.palette import SHAPES, family_name, family_style
from cir.ui.service import Answer, PageService
from cir.ui.sound_address import sound_address


def map_points(service: PageService) -> dict[str, Any]:
    """Describe every instrument, column by column.

    Args:
        service: The database, which must have a map.
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
        "category": [one.category for one in rows],
        "bank": [one.bank for one in rows],
        "author": [one.author for one in rows],
        "licence": [one.licence for one in rows],
        "x": [round(x, 3) for x, _ in places],
        "y": [round(y, 3) for _, y in places],
        # Each instrument's sound is the file in this folder that is named by its id.
        "sounds": None if folder is None else f"{sound_address(folder)}/",
        "silent": [row for row, path in enumerate(previews) if path is None],
    }


def map_stars(service: PageService, answer: Answer | None) -> list[dict[str, Any]]:
    """Describe a search: for each family with matches, its star and the ids of the matches."""
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
    """Answer a click with a card and the ids of the nearest neighbours in the embedding space.

    Raises:
        InputError: The database has no such instrument.
    """
    match, neighbours = service.neighbours(instrument_id)
    return {
        "card": selected_card(match, neighbours),
        "neighbours": [one.instrument.instrument_id for one in neighbours],
    }


def present_families(service: PageService) -> list[str | None]:
    """List the families of the database in their usual order, None (no family) last."""
    present = {one.family for one in service.instruments}
    return [family for family in (*FAMILIES, None) if family in present]


def _family(slug: str | None) -> dict[str, Any]:
    style = family_style(slug)
    return {
        "slug": slug or "",
        "label": family_name(slug),
        "colour": style.colour,
        "path": SHAPES[style.symbol],
    }
