import gzip
import json
from importlib import resources
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from cir.errors import InputError
from cir.index.database import InstrumentDatabase
from cir.ui.palette import SHAPES, family_style
from cir.ui.service import Answer, PageService
from cir.ui.sound_address import sound_address
from cir.ui.timbre_map.html import map_skeleton
from cir.ui.timbre_map.map_json import map_points, map_selection, map_stars
from cir.ui.timbre_map.saved_page import timbre_figure, timbre_page
from cir.ui.timbre_map.tab import SCRIPTS, build_map_tab
from tests.fakes import SpectrumEncoder
from tests.page.database import FAMILIES, small_service


@pytest.fixture(scope="module")
def points(service: PageService) -> dict[str, Any]:
    return dict(json.loads(json.dumps(map_points(service))))


def test_every_instrument_is_sent_once(service: PageService, points: dict[str, Any]) -> None:
    for row, one in enumerate(service.instruments):
        family = points["families"][points["family"][row]]
        assert (points["id"][row], family["slug"]) == (one.instrument_id, one.family or "")
        assert family["colour"] == family_style(one.family).colour
        for column in ("name", "category", "bank", "author", "licence"):
            assert points[column][row] == getattr(one, column)
        place = service.position(one.instrument_id)
        assert (points["x"][row], points["y"][row]) == pytest.approx(place, abs=6e-4)
        preview = service.preview(one.instrument_id)
        assert preview is not None
        assert f"{points['sounds']}{one.instrument_id}.opus" == sound_address(preview)
    assert (len(points["id"]), points["silent"]) == (len(service.instruments), [])
    looks = [(family["path"], family["colour"]) for family in points["families"]]
    assert len({path for path, _ in looks}) == len({colour for _, colour in looks}) == len(looks)
    assert len(set(SHAPES.values())) == len(SHAPES)


def test_an_instrument_without_a_preview_is_silent(tmp_path: Path) -> None:
    with small_service(tmp_path) as service:
        (tmp_path / "database" / "previews" / "bass-3.opus").unlink()
        sent = map_points(PageService(service.encoder, service.database))
    assert [sent["id"][row] for row in sent["silent"]] == ["bass-3"]


def test_stars_lie_where_the_service_places_them(service: PageService, answer: Answer) -> None:
    stars = map_stars(service, answer)
    assert [star["family"] for star in stars] == list(FAMILIES)
    for star, result in zip(stars, answer.results, strict=True):
        place = service.place(result.family, answer.queries[result.family])
        assert (star["x"], star["y"]) == place
        assert star["matches"] == [one.instrument.instrument_id for one in result.matches]
    assert json.loads(json.dumps(stars)) == stars
    assert map_stars(service, None) == []
    page = timbre_page(service, answer)  # saved, the map needs no network
    assert "Your mix: Bass" in page
    assert 'src="http' not in page and "<img src=x" not in page


def test_a_selection_and_the_skeleton_tell_the_truth(service: PageService) -> None:
    selection = map_selection(service, "bass-3")
    match, neighbours = service.neighbours("bass-3")
    assert selection["neighbours"] == [one.instrument.instrument_id for one in neighbours]
    assert f'data-selected="{match.instrument.instrument_id}"' in selection["card"]
    with pytest.raises(InputError, match="nobody"):
        map_selection(service, "nobody")
    # The skeleton is no template, and counts families.
    skeleton = map_skeleton(service)
    assert not [sign for sign in ("${", "{{", "`", "\\", "<script") if sign in skeleton]
    n_bass = sum(one.family == "bass" for one in service.instruments)
    assert f'Bass <span class="cir-map-number">{n_bass}</span>' in skeleton


def test_the_tab_sends_points_and_answers_clicks(
    service: PageService, points: dict[str, Any]
) -> None:
    with gr.Blocks() as page:
        build_map_tab(service, gr.State(None))
    the_map: Any = next(one for one in page.blocks.values() if one.elem_id == "cir-map")
    response = the_map.points(None)
    assert response.headers["content-encoding"] == "gzip"
    assert json.loads(gzip.decompress(response.body)) == points
    assert the_map.select("bass-3") == map_selection(service, "bass-3")
    refused = the_map.select({"no": "id"})
    assert refused["neighbours"] == []
    assert "Nothing to play" in refused["card"]
    folder = resources.files("cir.ui") / "static" / "timbre_map"
    names = {f"timbre_map/{item.name}" for item in folder.iterdir()}
    assert names == {*SCRIPTS, "timbre_map/map.css"}


@pytest.mark.slow
def test_a_database_without_instruments_or_without_a_map(tmp_path: Path, mix: Path) -> None:
    encoder = SpectrumEncoder()
    with InstrumentDatabase.create(tmp_path / "empty", encoder) as database:
        service = PageService(encoder, database)
        sent = map_points(service)
        assert (sent["id"], sent["families"], sent["sounds"]) == ([], [], None)
        found = service.search(mix, ["bass"], 5)
        assert found.results[0].matches == ()
        assert len(timbre_figure(service, found).data) == 0
        service.coordinates = None
        with gr.Blocks() as page:
            build_map_tab(service, gr.State(None))
    texts = [str(block.value) for block in page.blocks.values() if isinstance(block, gr.HTML)]
    assert any("without a map" in text for text in texts)
