from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cir.audio.io import load_audio, save_opus
from cir.errors import DataError, EngineError
from cir.index.build import build_database
from cir.index.database import InstrumentDatabase
from cir.index.phrases import PHRASE_SECONDS, add_phrases, render_phrase, write_phrases
from cir.index.references import NoteBankReferences
from cir.index.sounds import find_archive
from cir.instruments.note_bank import NoteBank
from cir.types import Instrument
from tests.engine_cases import HAS_TINYSOUNDFONT
from tests.fakes import SpectrumEncoder, instrument, tone
from tests.tone_bank import TONES_HZ, write_bank

needs_tinysoundfont = pytest.mark.skipif(not HAS_TINYSOUNDFONT, reason="needs tinysoundfont")


@pytest.fixture(autouse=True)
def cir_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIR_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> NoteBank:
    folder = write_bank(tmp_path_factory.mktemp("banks") / "surge")
    for name in TONES_HZ:
        save_opus(folder / "previews" / f"{name}.opus", tone(300.0, 0.3), 16_000)
    return NoteBank.open(folder)


def recorded(name: str, family: str) -> Instrument:
    return replace(instrument(name, family), engine=f"bank:surge#{name}")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[InstrumentDatabase]:
    """Two recorded instruments, and a one-shot."""
    encoder = SpectrumEncoder()
    rows = [recorded("bass-0", "bass"), recorded("percussion-1", "percussion"), instrument("shot")]
    with InstrumentDatabase.create(tmp_path / "db", encoder) as made:
        made.add(rows, encoder.embed([tone(100.0 * n) for n in (1, 2, 3)], 16_000))
        yield made


def test_a_phrase_is_the_instruments_own_sound(bank: NoteBank) -> None:
    audio, rate = render_phrase(recorded("bass-3", "bass"), [bank])
    assert rate == 16_000
    assert 3.0 <= len(audio) / rate <= PHRASE_SECONDS
    assert np.abs(audio).max() == pytest.approx(0.9, abs=1e-3)
    spectrum = np.abs(np.fft.rfft(audio))
    assert np.argmax(spectrum) * rate / len(audio) == pytest.approx(TONES_HZ["bass-3"], abs=5)
    pieces = np.abs(audio[: len(audio) // 400 * 400]).reshape(-1, 400).max(1)
    struck = (pieces[1:] > 0.4) & (pieces[1:] > 1.5 * pieces[:-1])
    assert np.count_nonzero(struck) >= 4  # the notes of the bank die away within half a second


@needs_tinysoundfont
def test_a_program_plays_its_phrase_exactly() -> None:
    organ = replace(instrument("organ", "organ"), engine="soundfont:TimGM6mb.sf2#0/16")
    audio, rate = render_phrase(organ)
    assert rate == 48_000
    assert np.array_equal(audio, render_phrase(organ)[0])
    assert 3.0 <= len(audio) / rate <= PHRASE_SECONDS


@pytest.mark.parametrize(
    ("engine", "words"),
    [
        ("samples:/sounds/kick.wav", "one-shot"),
        ("bank:surge#nobody", "in no note bank"),
        pytest.param("soundfont:missing.sf2#0/1", "no sound font", marks=needs_tinysoundfont),
    ],
)
def test_who_cannot_play_is_told_why(bank: NoteBank, engine: str, words: str) -> None:
    with pytest.raises(EngineError, match=words):
        render_phrase(replace(instrument("a", "bass"), engine=engine), [bank])


def test_the_same_phrases_are_the_same_bytes(tmp_path: Path, bank: NoteBank) -> None:
    rows = [recorded("bass-0", "bass")]
    for folder in ("one", "two"):
        write_phrases(tmp_path / folder, rows, [bank])
    first, second = (tmp_path / folder / "bass-0.opus" for folder in ("one", "two"))
    assert first.read_bytes() == second.read_bytes()
    assert first.stat().st_size < 20_000


def test_phrases_are_added_and_nothing_else_changes(
    database: InstrumentDatabase, bank: NoteBank
) -> None:
    before = {path.name: path.read_bytes() for path in database.path.iterdir() if path.is_file()}
    steps: list[float] = []
    report = add_phrases(database, [bank], progress=lambda done, _: steps.append(done))
    assert report.n_written == 2
    assert [reason.partition(":")[0] for reason in report.left_out] == ["shot"]
    assert steps == sorted(steps) and steps[-1] == 1.0
    after = {path.name: path.read_bytes() for path in database.path.iterdir() if path.is_file()}
    assert before == after
    phrase = database.phrase_path("bass-0")
    assert phrase is not None and load_audio(phrase)[0].size > 40_000
    assert database.phrase_path("shot") is None


def test_who_cannot_play_keeps_an_older_phrase(
    database: InstrumentDatabase, bank: NoteBank
) -> None:
    add_phrases(database, [bank])
    report = add_phrases(database)
    assert report.n_written == 0
    assert database.phrase_path("bass-0") is not None


def test_a_failure_leaves_the_older_phrases(
    database: InstrumentDatabase, bank: NoteBank, tmp_path: Path
) -> None:
    add_phrases(database, [bank])
    old = database.phrase_path("percussion-1")
    assert old is not None
    kept = old.read_bytes()
    broken = write_bank(tmp_path / "broken" / "surge")
    (broken / "notes" / "percussion-1.opus").write_bytes(b"damaged")
    with pytest.raises(DataError, match=r"percussion-1\.opus"):
        add_phrases(database, [NoteBank.open(broken)])
    assert old.read_bytes() == kept
    assert not list(database.path.glob(".phrases*"))


def test_a_replaced_instrument_loses_its_phrase_and_an_export_keeps_the_others(
    database: InstrumentDatabase, bank: NoteBank, tmp_path: Path
) -> None:
    add_phrases(database, [bank])
    database.add([recorded("bass-0", "bass")], SpectrumEncoder().embed([tone(90.0)], 16_000))
    assert database.phrase_path("bass-0") is None
    database.export(tmp_path / "copy")
    copy = InstrumentDatabase.open(tmp_path / "copy")
    assert copy.phrase_path("percussion-1") is not None
    assert copy.phrase_path("bass-0") is None


def test_a_phrase_can_come_with_an_instrument(database: InstrumentDatabase, tmp_path: Path) -> None:
    phrase = tmp_path / "phrase.opus"
    phrase.write_bytes(b"OggS")
    embedding = SpectrumEncoder().embed([tone(90.0)], 16_000)
    database.add([instrument("new")], embedding, phrases={"new": phrase})
    found = database.phrase_path("new")
    assert found is not None and found.read_bytes() == b"OggS"


@pytest.mark.slow
def test_a_build_plays_phrases_where_it_is_asked_to(tmp_path: Path, bank: NoteBank) -> None:
    sources = [NoteBankReferences(bank.folder)]
    steps: list[float] = []
    built = build_database(
        tmp_path / "built",
        SpectrumEncoder(),
        sources,
        with_phrases=True,
        note_banks=[bank],
        progress=lambda done, _: steps.append(done),
    )
    assert steps == sorted(steps) and steps[-1] == pytest.approx(1.0)
    phrases = find_archive(built.path, "phrases")
    assert phrases is not None and len(phrases.ids) == len(TONES_HZ)
