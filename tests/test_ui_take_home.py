"""What visitors take home: sounds as WAV, a basket as a zip, an answer as a link."""

import csv
import io
import json
import os
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import gradio as gr
import numpy as np
import pytest
import soundfile as sf
from starlette.applications import Starlette
from starlette.testclient import TestClient

from cir.audio.io import save_wav
from cir.errors import InputError
from cir.index.filters import Filters
from cir.ui.basket.archive import write_zip
from cir.ui.basket.html import basket_panel
from cir.ui.basket.picks import MAX_PICKS, Pick, Sent, find_picks, read_entries
from cir.ui.own.sessions import OwnLibraries, new_shelf
from cir.ui.server import take_home
from cir.ui.service import PageService
from cir.ui.share.link import MAX_TEXT, SharedAnswer, read_link, write_link
from tests.fakes import instrument, tone
from tests.page.database import HOSTILE_NAME
from tests.page.html import ParsedPage


@pytest.fixture
def client(service: PageService) -> TestClient:
    gr.set_static_paths(service.database.path / "previews")
    return TestClient(Starlette(routes=take_home.take_home_routes()), client=("127.0.0.1", 1))


@pytest.fixture
def local() -> Iterator[None]:
    take_home.offer_local_files(None)
    yield
    take_home.offer_local_files("0.0.0.0")


def test_a_preview_is_downloaded_as_wav_and_nothing_else_is(
    service: PageService, client: TestClient, tmp_path: Path
) -> None:
    row = service.database.get("nameless")
    preview = service.preview("nameless")
    assert preview is not None
    reply = client.get(take_home.wav_address(row, preview))
    assert reply.status_code == 200
    audio, rate = sf.read(io.BytesIO(reply.content))
    assert (rate, audio.ndim) == (48_000, 1)
    assert len(audio) == pytest.approx(3.0 * rate, rel=0.02)
    assert "attachment" in reply.headers["content-disposition"]
    outside = tmp_path / "previews" / "a.opus"
    outside.parent.mkdir()
    outside.write_bytes(preview.read_bytes())
    table = service.database.path / "instruments.csv"
    for path in (outside, table, preview.parent / "none.opus", preview.parent / "../../etc/passwd"):
        assert client.get(f"take/x.wav?of={quote(str(path))}").status_code == 404, path


@pytest.mark.usefixtures("local")
def test_files_of_this_machine_are_for_its_user_only(client: TestClient, tmp_path: Path) -> None:
    sound, secret = tmp_path / "Kick 1.wav", tmp_path / "secret.txt"
    save_wav(sound, tone(90.0, 0.2), 16_000)
    secret.write_text("secret")
    mine = replace(instrument("kick"), engine=f"samples:{sound}")
    assert take_home.preset_file(mine) == sound
    assert take_home.preset_file(replace(mine, engine=f"soundfont:{sound}#0/3")) == sound
    for engine in ("samples:Kick 1.wav", f"samples:{secret}", "bank:surge#kick"):
        assert take_home.preset_file(replace(mine, engine=engine)) is None
    address = take_home.preset_address(sound)
    assert client.get(address).content == sound.read_bytes()
    assert client.get(take_home.preset_address(secret)).status_code == 404
    assert client.get(address, headers={"X-Forwarded-For": "1.2.3.4"}).status_code == 404
    assert client.post("take/reveal", data={"of": str(sound)}).status_code == 404
    take_home.offer_local_files("0.0.0.0")
    assert take_home.preset_file(mine) is None
    assert client.get(address).status_code == 404


def test_names_fit_every_file_system() -> None:
    row = instrument("a", name='AC/DC: "lead" <1>?', bank="..")
    assert take_home.file_name(row) == "AC_DC_ _lead_ _1__ -"


def test_a_basket_is_packed_with_its_names_and_licences(
    service: PageService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    libraries = OwnLibraries(service)
    sent = [
        {"id": "bass-2", "similarity": 0.8125, "query": "my mix.wav", "at": "2026-11-27T10:00Z"},
        {"id": "gone-1"},
        {"id": "own-nothing"},
        {"id": "nameless", "similarity": None},
    ]
    picks = find_picks(read_entries(sent), service, libraries, new_shelf())
    assert [pick.instrument.instrument_id for pick in picks] == ["bass-2", "nameless"]
    assert write_zip(picks, tmp_path / "sounds.zip") == 2
    with zipfile.ZipFile(tmp_path / "sounds.zip") as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read("sounds.csv").decode())))
        assert json.loads(archive.read("sounds.json"))[0]["similarity"] == 0.8125
        for row in rows:
            assert sf.info(io.BytesIO(archive.read(row["file"]))).samplerate == 48_000
        playlist = archive.read("sounds.m3u").decode()
    assert rows[0]["query"] == "my mix.wav"
    assert (rows[0]["similarity"], rows[1]["similarity"]) == ("0.8125", "")
    assert (rows[0]["author"], rows[0]["licence"]) == ("Nobody", "CC0-1.0")
    assert [line for line in playlist.splitlines() if line.endswith(".wav")] == [
        row["file"] for row in rows
    ]
    page = ParsedPage(basket_panel(picks, picks))
    assert "img" not in [tag for tag, _ in page.tags]
    assert HOSTILE_NAME in page.text

    with pytest.raises(InputError, match="empty"):
        write_zip([], tmp_path / "none.zip")
    with pytest.raises(InputError, match=f"at most {MAX_PICKS}"):
        read_entries([{"id": "a"}] * (MAX_PICKS + 1))
    for wrong in ([{"id": 3}], [{"name": "a"}], "text"):
        with pytest.raises(InputError):
            read_entries(wrong)


@pytest.mark.usefixtures("local")
def test_presets_of_one_name_are_all_packed_however_old_they_are(tmp_path: Path) -> None:
    picks = []
    for folder, name in (("a", "Kick.vital"), ("b", "kick.vital"), ("c", "Kick.vital")):
        preset = tmp_path / folder / name
        preset.parent.mkdir()
        preset.write_text(folder)
        os.utime(preset, (0, 0))
        row = replace(instrument(folder), engine=f"vital:{preset}")
        picks.append(Pick(row, None, Sent(folder)))
    assert write_zip([*picks, picks[0]], tmp_path / "sounds.zip") == 0
    with zipfile.ZipFile(tmp_path / "sounds.zip") as archive:
        rows = json.loads(archive.read("sounds.json"))
        contents = [archive.read(row["preset_file"]).decode() for row in rows]
        presets = [name for name in archive.namelist() if name.startswith("presets/")]
    assert contents == ["a", "b", "c", "a"]
    assert presets == ["presets/Kick.vital", "presets/kick (2).vital", "presets/Kick (3).vital"]


def test_a_link_opens_the_same_answer() -> None:
    vectors = np.random.default_rng(0).standard_normal((2, 192)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    queries = {"bass": vectors[0], "organ": vectors[1]}
    filters = Filters(bank="Luna", text="w\u00e4rm", brightness=-0.35)
    shared = SharedAnswer("model-1", "mix \u2603.wav", queries, 7, filters)
    text = write_link(shared)
    assert len(text) < 1_600
    opened = read_link(text)
    assert (opened.identity, opened.name, opened.top_k) == ("model-1", "mix \u2603.wav", 7)
    assert opened.filters == filters
    for family, vector in queries.items():
        assert float(opened.queries[family] @ vector) > 0.999_999

    damaged = [
        text[:-9],
        text[:40],
        "",
        "%%%",
        "A" * (MAX_TEXT + 1),
        text.replace(text[30:40], "-"),
    ]
    for wrong in damaged:
        with pytest.raises(InputError, match="link"):
            read_link(wrong)
