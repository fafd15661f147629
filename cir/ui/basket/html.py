"""HTML of the basket and the favourites."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from cir.types import Match
from cir.ui.basket.picks import Pick
from cir.ui.cards import match_card, play_button
from cir.ui.server.take_home import wav_address
from cir.ui.sound_address import sound_address


def basket_panel(
    basket: Sequence[Pick],
    favourites: Sequence[Pick],
    *,
    said: str = "",
    ready: Path | None = None,
    alike: Sequence[Match] = (),
) -> str:
    """Render the basket, closed; nothing while it and the favourites are empty.

    Args:
        basket: What was collected.
        favourites: What has a star.
        said: A message, as HTML.
        ready: A zip that the browser is to download.
        alike: Instruments that sound like those in the basket.
    """
    if not (basket or favourites or said):
        return ""
    download = (
        f'<a data-ready="{ready.stat().st_mtime_ns}" hidden href="{escape(sound_address(ready))}" '
        f'download="{escape(ready.name)}">{escape(ready.name)}</a>'
        if ready
        else ""
    )
    near = "".join(match_card(match, show_family=True) for match in alike)
    similar = f'<h3 data-alike>Most like these</h3><ol class="cir-list">{near}</ol>' if near else ""
    return (
        '<details class="cir-basket"><summary class="cir-button">Basket '
        f'<span class="cir-basket-count">{len(basket)}</span></summary>'
        '<div class="cir-basket-body" role="region" aria-label="Basket">'
        f"{said}{download}{_collected(basket)}{similar}{_starred(favourites)}</div></details>"
    )


def _collected(basket: Sequence[Pick]) -> str:
    if not basket:
        return '<h3>Basket</h3><p class="cir-hint">Empty: open a match and add it.</p>'
    items = "".join(_item(pick, "basket", "Take out") for pick in basket)
    return (
        '<h3>Basket</h3><p class="cir-basket-tools">'
        '<button type="button" class="cir-button" data-basket="zip">Download all (zip)</button>'
        '<button type="button" class="cir-button" data-basket="playlist">Playlist (m3u)</button>'
        '<button type="button" class="cir-button" data-basket="like">More like these</button>'
        '<button type="button" class="cir-button" data-basket="empty">Empty it</button></p>'
        f'<ol class="cir-list cir-basket-list">{items}</ol>'
    )


def _starred(favourites: Sequence[Pick]) -> str:
    if not favourites:
        return ""
    items = "".join(_item(pick, "favourite", "Remove the star") for pick in favourites)
    return (
        '<h3>Favourites</h3><p class="cir-basket-tools"><button type="button" class="cir-button" '
        'data-basket="collect">Put all into the basket</button></p>'
        f'<ol class="cir-list">{items}</ol>'
    )


def _item(pick: Pick, act: str, remove: str) -> str:
    instrument, name = pick.instrument, escape(pick.instrument.name)
    facts = (instrument.bank, instrument.author and f"by {instrument.author}", instrument.licence)
    wav = "" if pick.preview is None else escape(wav_address(instrument, pick.preview))
    found = f'<div class="cir-meta">in {escape(pick.sent.query)}</div>' if pick.sent.query else ""
    return (
        f'<li class="cir-card" data-instrument="{escape(pick.sent.id)}" data-wav="{wav}">'
        f"{play_button(pick.preview, f'Play {instrument.name}')}"
        f'<div><div class="cir-name">{name}</div><div class="cir-meta">'
        f"{' &middot; '.join(escape(one) for one in facts if one)}</div>{found}</div>"
        f'<button type="button" class="cir-button" data-act="{act}" '
        f'data-id="{escape(pick.sent.id)}" aria-label="{remove}: {name}">{remove}</button></li>'
    )
