import json
import socket
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from cir.errors import InputError
from cir.index.database import InstrumentDatabase
from cir.ui.api import answer_as_json
from cir.ui.serve import port_from_environment, serve
from cir.ui.service import PageService
from cir.ui.theme import page_theme, static_text
from tests.calibrated import CalibratedDatabase
from tests.fakes import SpectrumEncoder
from tests.page.database import FAMILIES, make_database, serve_page, write_mix


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("api")
    with serve_page(folder) as url:
        yield url


@pytest.fixture(scope="module")
def client(address: str) -> Client:
    return Client(address, verbose=False)


def test_search_returns_matches_for_each_family(client: Client, tmp_path: Path) -> None:
    mix = handle_file(str(write_mix(tmp_path / "mix.wav")))
    found = client.predict(mix, list(FAMILIES), 5, api_name="/search")
    assert [result["family"] for result in found["families"]] == list(FAMILIES)
    for result in found["families"]:
        assert [match["rank"] for match in result["matches"]] == [1, 2, 3, 4, 5]
        similarities = [match["similarity"] for match in result["matches"]]
        assert similarities == sorted(similarities, reverse=True)
        for match in result["matches"]:
            assert match["family"] == result["family"]
            assert {"name", "bank", "category", "author", "licence", "engine"} <= set(match)


def test_chances_are_null_without_a_calibration(client: Client, tmp_path: Path) -> None:
    mix = handle_file(str(write_mix(tmp_path / "mix.wav")))
    found = client.predict(mix, ["bass"], 2, api_name="/search")["families"][0]
    assert found["judgement"] is None
    assert [match["chance"] for match in found["matches"]] == [None, None]


def test_a_calibrated_answer_has_chances(tmp_path: Path) -> None:
    encoder = SpectrumEncoder()
    with make_database(tmp_path / "database", encoder, CalibratedDatabase) as database:
        answer = PageService(encoder, database).search(write_mix(tmp_path / "mix.wav"), FAMILIES, 5)
    found = json.loads(json.dumps(answer_as_json(answer)))["families"]
    for result, shown in zip(answer.results, found, strict=True):
        assert result.judgement is not None
        assert shown["judgement"] == {
            "top_1": pytest.approx(result.judgement.top_1, abs=1e-4),
            "top_5": pytest.approx(result.judgement.top_5, abs=1e-4),
            "novelty": result.judgement.novelty,
            "is_absent": result.family == "bass",
            "false_alarm_rate": 0.1,
        }
        assert [match["chance"] for match in shown["matches"]] == pytest.approx(
            list(result.judgement.chances), abs=1e-4
        )


def test_families_and_top_k_have_defaults(client: Client, tmp_path: Path) -> None:
    mix = handle_file(str(write_mix(tmp_path / "mix.wav")))
    found = client.predict(mix, api_name="/search")
    assert [len(result["matches"]) for result in found["families"]] == [5, 5, 5]


def test_previews_of_matches_can_be_fetched(client: Client, address: str, tmp_path: Path) -> None:
    mix = handle_file(str(write_mix(tmp_path / "mix.wav")))
    found = client.predict(mix, ["bass"], 1, api_name="/search")
    reply = httpx.get(address + found["families"][0]["matches"][0]["preview"])
    assert reply.status_code == 200
    assert reply.content.startswith(b"OggS")


def test_only_search_is_public(client: Client) -> None:
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    assert set(endpoints) == {"/search"}
    names = [parameter["parameter_name"] for parameter in endpoints["/search"]["parameters"]]
    assert names == ["mix", "families", "top_k"]


def test_bad_input_answers_with_one_sentence(client: Client, tmp_path: Path) -> None:
    text = tmp_path / "notes.wav"
    text.write_text("This is no sound.")
    with pytest.raises(AppError) as caught:
        client.predict(handle_file(str(text)), ["bass"], 5, api_name="/search")
    assert "notes.wav" in str(caught.value)
    assert "Traceback" not in str(caught.value)
    good = handle_file(str(write_mix(tmp_path / "mix.wav")))
    with pytest.raises(AppError, match="No family"):
        client.predict(good, [], 5, api_name="/search")


def test_files_outside_the_previews_are_not_served(address: str) -> None:
    for path in ("/etc/passwd", str(Path(__file__).parents[1] / "pyproject.toml")):
        assert httpx.get(f"{address}gradio_api/file={path}").status_code in (403, 404)


def test_the_page_names_no_other_host() -> None:
    files = [item.name for item in (resources.files("cir.ui") / "static").iterdir()]
    assert {"page.css", "player.js", "map.js"} <= set(files)
    for text in map(static_text, files):
        assert "http" not in text
        assert "@import" not in text
    assert "https://" not in "".join(page_theme()._stylesheets)


@pytest.mark.parametrize(
    ("variables", "port"),
    [
        ({}, 7860),
        ({"PORT": "8001"}, 8001),
        ({"GRADIO_SERVER_PORT": "8002"}, 8002),
        ({"PORT": "8001", "GRADIO_SERVER_PORT": "8002"}, 8001),
    ],
)
def test_the_port_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], port: int
) -> None:
    for name in ("PORT", "GRADIO_SERVER_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert port_from_environment() == port


@pytest.mark.parametrize("text", ["http", "0", "65536", "-1", "7.5"])
def test_a_bad_port_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("PORT", text)
    with pytest.raises(InputError, match="PORT"):
        port_from_environment()


def test_a_port_in_use_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CIR_HOME", str(tmp_path / "home"))
    encoder = SpectrumEncoder()
    with InstrumentDatabase.create(tmp_path / "database", encoder) as database:
        monkeypatch.setattr("cir.ui.serve.PageService", lambda: PageService(encoder, database))
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            with pytest.raises(InputError, match="cannot be opened"):
                serve(port=taken.getsockname()[1])
