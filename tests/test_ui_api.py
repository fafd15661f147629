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
from cir.index.database import InstrumentDatabase
from cir.ui import theme
from cir.ui.api.result_json import results_as_json
from cir.ui.serve import port_from_environment, serve
from cir.ui.service import PageService
from tests.calibrated import CalibratedDatabase
from tests.documents import fences
from tests.fakes import SpectrumEncoder, tone
from tests.page.database import FAMILIES, LOWEST_HZ, make_database, serve_page, write_mix

pytestmark = pytest.mark.slow


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


def test_the_snippet_of_the_docs_asks_for_two_families(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = Path(__file__).parents[1] / "docs" / "serving.md"
    (snippet,) = [one for one in fences(page.read_text("utf-8")) if one.language == "py"]
    write_mix(tmp_path / "mix.wav")
    monkeypatch.chdir(tmp_path)
    result: dict[str, Any] = {}
    exec(snippet.code.replace("http://127.0.0.1:7860", address), result)
    assert {family["family"] for family in result["found"]["families"]} == {"bass", "organ"}


WORDS = {"very similar", "similar", "not alike"}


def test_chances_are_null_without_a_calibration(client: Client, tmp_path: Path) -> None:
    mix = handle_file(str(write_mix(tmp_path / "mix.wav")))
    found = client.predict(mix, ["bass"], 2, api_name="/search")["families"][0]
    assert found["judgement"] is None
    assert [match["chance"] for match in found["matches"]] == [None, None]
    assert {match["likeness"] for match in found["matches"]} <= WORDS


def test_a_calibrated_answer_has_chances(tmp_path: Path) -> None:
    encoder = SpectrumEncoder()
    with make_database(tmp_path / "database", encoder, CalibratedDatabase) as database:
        answer = PageService(encoder, database).search(write_mix(tmp_path / "mix.wav"), FAMILIES, 5)
    found = json.loads(json.dumps(results_as_json(answer.results, answer.seconds)))["families"]
    for result, shown in zip(answer.results, found, strict=True):
        assert result.judgement is not None
        assert shown["judgement"] == {
            "top_1": pytest.approx(result.judgement.top_1, abs=1e-4),
            "top_5": pytest.approx(result.judgement.top_5, abs=1e-4),
            "novelty": result.judgement.novelty,
            "is_absent": result.family == "bass",
            "false_alarm_rate": 0.1,
        }
        chances = [match["chance"] for match in shown["matches"]]
        if result.family == "bass":
            assert chances == [None] * 5
        else:
            assert chances == pytest.approx(list(result.judgement.chances), abs=1e-4)
        assert {match["likeness"] for match in shown["matches"]} <= WORDS


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


PARAMETERS = {
    "/search": "mix families top_k bank source start_seconds end_seconds",
    "/similar": "instrument_id sound top_k family bank source",
    "/describe": "instrument_id sound neighbours",
    "/instruments": "words family bank source limit offset",
}


def test_each_endpoint_is_documented_and_typed(client: Client) -> None:
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    assert set(endpoints) == set(PARAMETERS)
    for name, endpoint in endpoints.items():
        names = [parameter["parameter_name"] for parameter in endpoint["parameters"]]
        assert names == PARAMETERS[name].split()
        assert (
            "Answers {" in endpoint["description"]
            or "Of an instrument: {" in endpoint["description"]
        )
        assert all(parameter["type"] for parameter in endpoint["parameters"])


def test_a_search_hears_a_region_of_one_bank(client: Client, tmp_path: Path) -> None:
    mix = handle_file(str(write_mix(tmp_path / "mix.wav")))  # its last half second is silent
    found = client.predict(
        mix, ["bass"], 3, bank="Bank 1", start_seconds=1, end_seconds=2, api_name="/search"
    )["families"][0]["matches"]
    assert {match["bank"] for match in found} == {"Bank 1"}
    whole = client.predict(mix, ["bass"], 3, bank="Bank 1", api_name="/search")
    assert found[0]["similarity"] != whole["families"][0]["matches"][0]["similarity"]
    rest, same = (
        client.predict(mix, ["bass"], 3, start_seconds=1, end_seconds=end, api_name="/search")
        for end in (None, 4)
    )
    assert rest["families"] == same["families"]


def test_similar_instruments_of_an_instrument_and_of_its_sound(
    client: Client, tmp_path: Path
) -> None:
    of_id = client.predict(instrument_id="bass-3", top_k=4, api_name="/similar")["matches"]
    assert [match["rank"] for match in of_id] == [1, 2, 3, 4]
    assert "bass-3" not in {match["instrument_id"] for match in of_id}
    note = tmp_path / "note.wav"
    save_wav(note, tone(LOWEST_HZ["bass"] * 1.2**3, 3.0, 44_100), 44_100)
    of_sound = client.predict(
        sound=handle_file(str(note)), top_k=1, family="bass", api_name="/similar"
    )["matches"]
    assert of_sound[0]["instrument_id"] == "bass-3"
    assert of_sound[0]["similarity"] > 0.95


def test_an_instrument_is_described(client: Client) -> None:
    found = client.predict(instrument_id="bass-3", neighbours=2, api_name="/describe")
    assert found["instrument"]["name"] == "Bass 3"
    assert found["place"].keys() == {"x", "y"}
    similar = client.predict(instrument_id="bass-3", top_k=2, api_name="/similar")["matches"]
    assert found["neighbours"] == similar
    assert found["timbre"]["brightness_hz"] < 400


def test_a_sound_is_measured_in_units(client: Client, tmp_path: Path) -> None:
    note = tmp_path / "note.wav"
    save_wav(note, tone(440.0, 2.0), 16_000)
    found = client.predict(sound=handle_file(str(note)), api_name="/describe")
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
    ("api_name", "question", "sentence"),
    [
        ("/search", {"top_k": 21}, "21 matches were asked for; choose a whole number from 1 to 20"),
        ("/search", {"bank": "Nowhere"}, "no bank 'Nowhere'; it has Bank 0, Bank 1"),
        (
            "/search",
            {"start_seconds": 9},
            "from 9 to 4 s does not lie within this mix of 4.0 s",
        ),
        ("/search", {"start_seconds": 3.6}, "from 3.6 to 4 s is too short"),
        ("/similar", {"sound": None}, "Neither of an instrument's id and a sound file came"),
        ("/similar", {"instrument_id": "bass-1"}, "Both of an instrument's id and a sound file"),
        ("/similar", {"family": "noise"}, "Unknown family 'noise'"),
        (
            "/describe",
            {"sound": None, "instrument_id": "me"},
            "The database has no instrument 'me'",
        ),
        ("/instruments", {"limit": 501}, "501 instruments were asked for.*from 1 to 500"),
        ("/instruments", {"offset": -1}, "The offset is -1; choose a whole number from 0"),
    ],
)
def test_what_cannot_be_answered_says_why(
    client: Client, tmp_path: Path, api_name: str, question: dict[str, Any], sentence: str
) -> None:
    mix = handle_file(str(write_mix(tmp_path / "mix.wav")))
    given = {"/search": {"mix": mix}, "/similar": {"sound": mix}, "/describe": {"sound": mix}}
    with pytest.raises(AppError, match=sentence):
        client.predict(**{**given.get(api_name, {}), **question}, api_name=api_name)


def test_fifty_searches_at_once_all_get_their_answer(client: Client, tmp_path: Path) -> None:
    mix = handle_file(str(write_mix(tmp_path / "mix.wav")))
    jobs = [client.submit(mix, ["bass"], 2, api_name="/search") for _ in range(50)]
    answers = [job.result()["families"][0]["matches"] for job in jobs]
    assert all(answer == answers[0] and len(answer) == 2 for answer in answers)


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
    static = Path(theme.__file__).with_name("static")
    names = [str(path.relative_to(static)) for path in static.rglob("*.*s*")]
    assert {"page.css", "player.js", "timbre_map/map.js"} <= set(names)
    for text in map(theme.static_text, names):
        assert "http" not in text.replace("http://www.w3.org/2000/svg", "")  # a name, not asked
        assert "@import" not in text
    assert "https://" not in "".join(theme.page_theme()._stylesheets)


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


@pytest.fixture
def empty_page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """`serve` serves a page on a database without instruments."""
    monkeypatch.setenv("CIR_HOME", str(tmp_path / "home"))
    encoder = SpectrumEncoder()
    with InstrumentDatabase.create(tmp_path / "database", encoder) as database:
        monkeypatch.setattr(
            "cir.ui.serve.service_from_environment", lambda: PageService(encoder, database)
        )
        yield


@pytest.mark.usefixtures("empty_page")
def test_a_page_that_does_not_answer_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gradio.networking.url_ok", lambda url: False)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(InputError, match="did not answer"):
        serve(port=port)


@pytest.mark.usefixtures("empty_page")
def test_a_port_in_use_is_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InputError, match="cannot be opened"):
            serve(port=taken.getsockname()[1])
