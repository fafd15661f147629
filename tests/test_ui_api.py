import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from cir.audio.io import save_wav
from cir.errors import InputError
from cir.retrieval.answers import chance_as_json, judgement_as_json
from cir.ui import theme
from cir.ui.api.answers import results_as_json
from cir.ui.serve import check_port, serve
from cir.ui.service import PageService
from tests.calibrated import CalibratedDatabase
from tests.documents import fences
from tests.fakes import tone
from tests.page.database import FAMILIES, LOWEST_HZ, serve_page

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
WORDS = {"very similar", "similar", "not alike"}
PARAMETERS = {
    "/search": "mix families top_k bank source start_seconds end_seconds",
    "/similar": "instrument_id sound top_k family bank source",
    "/describe": "instrument_id sound neighbours",
    "/instruments": "words family bank source limit offset",
}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve_page(tmp_path_factory.mktemp("api")) as url:
        yield url


@pytest.fixture(scope="module")
def client(address: str) -> Client:
    return Client(address, verbose=False)


def search(client: Client, mix: Path, *arguments: Any, **named: Any) -> list[dict[str, Any]]:
    """Search by the API: what it found for each family."""
    found = client.predict(handle_file(str(mix)), *arguments, **named, api_name="/search")
    return list(found["families"])


def test_search_returns_matches_for_each_family(client: Client, address: str, mix: Path) -> None:
    found = search(client, mix, list(FAMILIES), 5)
    assert [result["family"] for result in found] == list(FAMILIES)
    for result in found:
        assert result["judgement"] is None
        matches = result["matches"]
        assert [match["rank"] for match in matches] == [1, 2, 3, 4, 5]
        similarities = [match["similarity"] for match in matches]
        assert similarities == sorted(similarities, reverse=True)
        for match in matches:
            assert (match["family"], match["chance"]) == (result["family"], None)
            assert match["likeness"] in WORDS
            assert {"name", "bank", "category", "author", "licence", "engine"} <= set(match)
    reply = httpx.get(address + found[0]["matches"][0]["preview"])
    assert reply.status_code == 200 and reply.content.startswith(b"OggS")
    for path in ("/etc/passwd", ROOT / "pyproject.toml"):  # previews alone are served
        assert httpx.get(f"{address}gradio_api/file={path}").status_code in (403, 404)
    assert [len(result["matches"]) for result in search(client, mix)] == [5, 5, 5]


def test_the_snippet_of_the_docs_works(
    address: str, mix: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "docs" / "serving.md").read_text("utf-8")
    (snippet,) = [one for one in fences(page) if one.language == "py"]
    monkeypatch.chdir(mix.parent)
    result: dict[str, Any] = {}
    exec(snippet.code.replace("http://127.0.0.1:7860", address), result)
    assert {family["family"] for family in result["found"]["families"]} == {"bass", "organ"}


def test_a_calibrated_answer_has_chances(service: PageService, mix: Path) -> None:
    with CalibratedDatabase.open(service.database.path) as database:
        answer = PageService(service.encoder, database).search(mix, FAMILIES, 5)
    found = json.loads(json.dumps(results_as_json(answer.results, answer.seconds)))["families"]
    for result, shown in zip(answer.results, found, strict=True):
        assert result.judgement is not None
        assert shown["judgement"] == judgement_as_json(result.judgement)
        assert shown["judgement"]["is_absent"] == (result.family == "bass")
        chances = [chance_as_json(match.chance) for match in result.matches]
        assert [match["chance"] for match in shown["matches"]] == chances
        assert (None in chances) == (result.family == "bass")
        assert {match["likeness"] for match in shown["matches"]} <= WORDS


def test_each_endpoint_is_documented_and_typed(client: Client) -> None:
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    assert set(endpoints) == set(PARAMETERS)
    for name, endpoint in endpoints.items():
        parameters, description = endpoint["parameters"], endpoint["description"]
        assert [one["parameter_name"] for one in parameters] == PARAMETERS[name].split()
        assert "Answers {" in description or "Of an instrument: {" in description
        assert all(one["type"] for one in parameters)


def test_a_search_hears_a_region_of_one_bank(client: Client, mix: Path) -> None:
    part = {"start_seconds": 1, "end_seconds": 2}  # the last half second of the mix is silent
    (found,) = search(client, mix, ["bass"], 3, bank="Bank 1", **part)
    assert {match["bank"] for match in found["matches"]} == {"Bank 1"}
    (whole,) = search(client, mix, ["bass"], 3, bank="Bank 1")
    assert found["matches"][0]["similarity"] != whole["matches"][0]["similarity"]
    rest, same = (
        search(client, mix, ["bass"], 3, start_seconds=1, end_seconds=end) for end in (None, 4)
    )
    assert rest == same


def test_an_instrument_or_sound_is_described_and_compared(client: Client, tmp_path: Path) -> None:
    of_id = client.predict(instrument_id="bass-3", top_k=4, api_name="/similar")["matches"]
    assert [match["rank"] for match in of_id] == [1, 2, 3, 4]
    assert "bass-3" not in {match["instrument_id"] for match in of_id}
    save_wav(tmp_path / "note.wav", tone(LOWEST_HZ["bass"] * 1.2**3, 3.0, 44_100), 44_100)
    note = handle_file(str(tmp_path / "note.wav"))
    (best,) = client.predict(sound=note, top_k=1, family="bass", api_name="/similar")["matches"]
    assert best["instrument_id"] == "bass-3"
    assert best["similarity"] > 0.95
    found = client.predict(instrument_id="bass-3", neighbours=4, api_name="/describe")
    assert (found["instrument"]["name"], found["place"].keys()) == ("Bass 3", {"x", "y"})
    assert found["neighbours"] == of_id
    assert found["timbre"]["brightness_hz"] < 400


def test_a_sound_is_measured_in_units(client: Client, tmp_path: Path) -> None:
    save_wav(tmp_path / "note.wav", tone(440.0, 2.0), 16_000)
    found = client.predict(sound=handle_file(str(tmp_path / "note.wav")), api_name="/describe")
    assert (found["seconds"], found["measured_seconds"]) == (2.0, 2.0)
    timbre = found["timbre"]
    # Partials at 440, 880 and 1320 Hz with amplitudes 1, 1/2 and 1/3.
    assert timbre["brightness_hz"] == pytest.approx(3 * 440 / (1 + 1 / 2 + 1 / 3), rel=0.2)
    assert timbre["fundamental_share"] == pytest.approx(6 / 11, abs=0.05)
    assert timbre["low_partials_share"] == pytest.approx(5 / 11, abs=0.05)
    assert timbre["inharmonicity"] < 0.01 and timbre["noisiness"] < 0.05
    assert timbre["attack_seconds"] < 0.1 < timbre["effective_duration_seconds"] < 2.0


def test_instruments_are_listed_page_by_page(client: Client) -> None:
    first, rest = (
        client.predict("bass", family="bass", limit=5, offset=offset, api_name="/instruments")
        for offset in (0, 5)
    )
    assert first["total"] == rest["total"] > 5
    ids = [one["instrument_id"] for page in (first, rest) for one in page["instruments"]]
    assert len(set(ids)) == len(ids) == min(10, first["total"])
    assert client.predict("no such words", api_name="/instruments")["total"] == 0


@pytest.mark.parametrize(
    ("api_name", "question", "words"),
    [
        ("/search", {"top_k": 21}, "21 matches were asked for.* from 1 to 20"),
        ("/search", {"bank": "Nowhere"}, "no bank 'Nowhere'; it has Bank 0, Bank 1"),
        ("/search", {"start_seconds": 9}, "from 9 to 4 s does not lie within this mix of 4.0 s"),
        ("/search", {"start_seconds": 3.6}, "from 3.6 to 4 s is too short"),
        ("/search", {"families": []}, "No family"),
        ("/similar", {"sound": None}, "Neither of an instrument's id and a sound file"),
        ("/similar", {"instrument_id": "bass-1"}, "Both of an instrument's id and a sound file"),
        ("/similar", {"family": "noise"}, "Unknown family 'noise'"),
        ("/describe", {"sound": None, "instrument_id": "me"}, "no instrument 'me'"),
        ("/instruments", {"limit": 501}, "501 instruments were asked for.*from 1 to 500"),
        ("/instruments", {"offset": -1}, "offset is -1; choose a whole number from 0"),
    ],
)
def test_what_cannot_be_answered_says_why(
    client: Client, mix: Path, api_name: str, question: dict[str, Any], words: str
) -> None:
    file = handle_file(str(mix))
    given = {"/search": {"mix": file}, "/similar": {"sound": file}, "/describe": {"sound": file}}
    with pytest.raises(AppError, match=words):
        client.predict(**{**given.get(api_name, {}), **question}, api_name=api_name)


def test_fifty_searches_at_once_all_get_their_answer(client: Client, mix: Path) -> None:
    file = handle_file(str(mix))
    jobs = [client.submit(file, ["bass"], 2, api_name="/search") for _ in range(50)]
    answers = [job.result()["families"][0]["matches"] for job in jobs]
    assert all(answer == answers[0] and len(answer) == 2 for answer in answers)


def test_the_page_names_no_other_host() -> None:
    static = Path(theme.__file__).with_name("static")
    names = [str(path.relative_to(static)) for path in static.rglob("*.*s*")]
    assert {"page.css", "player.js", "timbre_map/map.js"} <= set(names)
    for text in map(theme.static_text, names):
        assert "http" not in text.replace("http://www.w3.org/2000/svg", "")  # a name, not asked
        assert "@import" not in text
    assert "https://" not in "".join(theme.page_theme()._stylesheets)


def test_the_port_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PORT", "GRADIO_SERVER_PORT"):
        monkeypatch.delenv(name, raising=False)
    assert check_port() == 7860
    monkeypatch.setenv("GRADIO_SERVER_PORT", "8002")
    assert check_port() == 8002
    monkeypatch.setenv("PORT", "8001")
    assert check_port() == 8001
    for text in ("http", "0", "65536", "-1", "7.5"):
        monkeypatch.setenv("PORT", text)
        with pytest.raises(InputError, match="PORT"):
            check_port()


@pytest.mark.parametrize(
    ("is_taken", "words"), [(False, "did not answer"), (True, "cannot be opened")]
)
def test_a_page_that_cannot_be_served_says_why(
    service: PageService, monkeypatch: pytest.MonkeyPatch, is_taken: bool, words: str
) -> None:
    monkeypatch.setattr("cir.ui.serve.service_from_environment", lambda: service)
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))
        number = port.getsockname()[1]
        if is_taken:
            port.listen()
        else:
            port.close()
            monkeypatch.setattr("gradio.networking.url_ok", lambda url: False)
        with pytest.raises(InputError, match=words):
            serve(port=number)
