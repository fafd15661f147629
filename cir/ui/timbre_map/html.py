"""The fixed HTML of the timbre map, which the scripts of `static/timbre_map` fill.

It is a Gradio template, so it must not contain `${` or `{{`.
"""

from collections import Counter
from html import escape
from pathlib import Path

from cir.ui.cards import placeholder, play_button
from cir.ui.palette import family_name, family_style, marker_svg
from cir.ui.service import PageService
from cir.ui.timbre_map.map_json import present_families

PICK = "Click a point to play it, or type part of a name and press Enter."

_KEYS = (
    ("Arrows", "go to the nearest point in that direction"),
    ("Enter", "play it, show similar sounds"),
    ("P", "add it to the playlist"),
    ("+ \u2212 0", "zoom, whole map"),
    ("Shift + click", "add to the playlist"),
    ("Shift + drag", "lasso"),
    ("Esc", "deselect"),
)

_TOOLBAR = """
<h2 class="cir-hidden">Timbre map</h2>
<div class="cir-map-bar">
  <label class="cir-map-find">
    <span class="cir-map-label">Find on the map</span>
    <input type="search" class="cir-map-words" autocomplete="off" spellcheck="false"
      placeholder="Name, bank, author, category" aria-describedby="cir-map-count">
  </label>
  <div class="cir-map-found">
    <output id="cir-map-count" class="cir-map-count"></output>
    <button type="button" class="cir-map-button cir-map-add-found" hidden>Add to playlist</button>
  </div>
  <div class="cir-map-switch" role="group" aria-label="Show as">
    <button type="button" data-view="map" aria-pressed="true">Map</button>
    <button type="button" data-view="list" aria-pressed="false">List</button>
  </div>
</div>
<div class="cir-map-stars" role="group" aria-label="Your mix on the map" hidden></div>
"""

_MAP = """
<div class="cir-map-frame">
  <div class="cir-map-stage" tabindex="0" role="application" aria-roledescription="map"
    aria-label="Timbre map of {count} instruments" aria-describedby="cir-map-keys">
    <canvas class="cir-map-points"></canvas>
    <canvas class="cir-map-overlay"></canvas>
    <div class="cir-map-tip" hidden></div>
    <div class="cir-map-hint" hidden></div>
  </div>
  <div class="cir-map-tools" role="group" aria-label="Map tools">
    <button type="button" data-tool="in" aria-label="Zoom in" title="Zoom in">+</button>
    <button type="button" data-tool="out" aria-label="Zoom out" title="Zoom out">&minus;</button>
    <button type="button" data-tool="fit" aria-label="Whole map" title="Whole map">
      <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4"/>
      </svg></button>
    <button type="button" data-tool="lasso" aria-pressed="false" aria-label="Lasso"
      title="Lasso: draw around points to add them to the playlist">
      <svg viewBox="0 0 16 16" aria-hidden="true">
      <path d="M6 11C3 10.6 1.5 9 1.5 6.6 1.5 4 4.3 2.2 8 2.2s6.5 1.8 6.5 4.4S11.7 11 8 11"/>
      <circle cx="6.5" cy="11.3" r="1.5"/><path d="M6 12.8c.2 1-.3 1.8-1.5 2.2"/>
      </svg></button>
  </div>
</div>
"""

_LIST = """
<div class="cir-map-list" hidden>
  <table>
    <caption class="cir-hidden">Instruments shown on the map</caption>
    <thead><tr>
      <th scope="col"><span class="cir-hidden">Play</span></th>
      <th scope="col" data-sort="name" aria-sort="ascending">
        <button type="button">Name</button></th>
      <th scope="col" data-sort="family" aria-sort="none"><button type="button">Family</button></th>
      <th scope="col" class="cir-map-wide">Category, bank</th>
      <th scope="col" class="cir-map-wide">Author</th>
      <th scope="col"><span class="cir-hidden">Playlist</span></th>
    </tr></thead>
    <tbody></tbody>
  </table>
  <p class="cir-map-none" hidden>
    No instruments to show. Clear the search box or show more families.</p>
  <div class="cir-map-pages">
    <button type="button" class="cir-map-button" data-page="-1">Previous</button>
    <span class="cir-map-range" aria-live="polite"></span>
    <button type="button" class="cir-map-button" data-page="1">Next</button>
  </div>
</div>
"""

_PLAYLIST = """
<section class="cir-map-playlist" aria-labelledby="cir-map-playlist-title">
  <h3 id="cir-map-playlist-title">Playlist <span class="cir-map-total"></span></h3>
  <p class="cir-map-none">Empty. Shift-click points, draw around them with the lasso, or press
    Add to playlist.</p>
  <ol class="cir-map-songs"></ol>
  <div class="cir-map-actions" hidden>
    <button type="button" class="cir-map-button" data-do="play" aria-pressed="false">Play all
    </button>
    <button type="button" class="cir-map-button" data-do="copy">Copy as text</button>
    <button type="button" class="cir-map-button" data-do="m3u">Save .m3u</button>
    <button type="button" class="cir-map-button" data-do="csv">Save .csv</button>
    <button type="button" class="cir-map-button" data-do="clear">Clear</button>
  </div>
</section>
"""

_CAPTION = (
    "<b>How to read it.</b> Each point is an instrument; near points sound alike to the model. "
    "Only neighbourhoods count: the axes have no meaning, and twice the distance is not twice the "
    "difference, since UMAP reduces {dimension} dimensions to two. Numbered lines connect the "
    "chosen instrument with its five most similar instruments in all dimensions, wherever they "
    "lie on the map. A star is your last mix, for one family: it lies at the weighted mean of its "
    "ten most similar instruments of that family, and lines lead to its matches (rings).{trust}"
)
_TRUST = (
    " <b>Trustworthiness: {measured:.3f}.</b> At 1, all neighbours on the map are neighbours in "
    "all dimensions; 0.5 is a shuffled map."
)


def map_skeleton(service: PageService) -> str:
    """Render tools, map, list, legend, caption, card and playlist, all still empty."""
    count = f"{len(service.instruments):,}"
    return (
        f'<div class="cir-map">{_TOOLBAR}<div class="cir-map-body"><div class="cir-map-main">'
        f"{_MAP.format(count=count)}{_LIST}{_legend(service)}{_keys()}</div>"
        '<div class="cir-map-side"><h3 class="cir-hidden">Chosen instrument</h3>'
        f'<div class="cir-map-card" tabindex="-1">{placeholder(PICK)}'
        f"</div>{_PLAYLIST}</div>"
        f'<div class="cir-map-caption"><p>{_caption(service)}</p>'
        '<button type="button" class="cir-map-button cir-map-save">Save this map as a page'
        "</button></div></div>"
        '<div class="cir-hidden cir-map-says" role="status" aria-live="polite"></div>'
        f'<template class="cir-map-play">{play_button(Path("sound"), "Play")}</template></div>'
    )


def _legend(service: PageService) -> str:
    counts = Counter(one.family for one in service.instruments)
    items = "".join(_legend_item(family, counts[family]) for family in present_families(service))
    return (
        '<div class="cir-map-legend" role="group" aria-label="Families on the map">'
        f'{items}<button type="button" class="cir-map-button" data-all="yes">Show all</button>'
        '<button type="button" class="cir-map-button" data-all="no">Hide all</button></div>'
    )


def _legend_item(family: str | None, count: int) -> str:
    """Render the buttons that show or hide a family, or show it alone."""
    style = family_style(family)
    label = escape(family_name(family))
    slug = escape(family or "")
    return (
        f'<span class="cir-map-key" style="--family:{style.colour}">'
        f'<button type="button" class="cir-map-family" data-family="{slug}" aria-pressed="true" '
        f'title="Show or hide; double-click for this family alone">{marker_svg(style.symbol)}'
        f'{label} <span class="cir-map-number">{count:,}</span></button>'
        f'<button type="button" class="cir-map-only" data-family="{slug}" '
        f'aria-label="Only {label}" title="Only {label}">only</button></span>'
    )


def _keys() -> str:
    items = "".join(f"<li><kbd>{keys}</kbd> {words}</li>" for keys, words in _KEYS)
    return f'<ul class="cir-map-keys" id="cir-map-keys">{items}</ul>'


def _caption(service: PageService) -> str:
    info = service.database.info()
    measured = info.map_trustworthiness
    trust = "" if measured is None else _TRUST.format(measured=measured)
    return _CAPTION.format(dimension=info.dimension, trust=trust)
