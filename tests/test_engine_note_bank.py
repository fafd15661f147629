import numpy as np
import pytest

from cir.engines.note_bank import NoteBankEngine
from cir.errors import DataError, EngineError
from cir.instruments.note_bank import NoteBank
from cir.types import Note
from tests.engine_cases import dominant_pitch, write_note_bank


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> NoteBank:
    return NoteBank.open(write_note_bank(tmp_path_factory.mktemp("bank")))


@pytest.mark.parametrize(
    ("asked", "heard"), [(0, 60), (58, 60), (65, 60), (66, 60), (67, 72), (127, 72)]
)
def test_the_nearest_pitch_is_played_as_it_is(bank: NoteBank, asked: int, heard: int) -> None:
    audio = NoteBankEngine(bank, "sine").render([Note(asked, 100, 0.0, 1.0)], 1.0, 16_000)
    assert dominant_pitch(audio, 16_000) == heard


def test_then_the_nearest_velocity_at_its_own_level(bank: NoteBank) -> None:
    engine = NoteBankEngine(bank, "sine")
    loud = engine.render([Note(60, 90, 0.0, 0.5)], 0.5, 16_000)
    soft = engine.render([Note(60, 60, 0.0, 0.5)], 0.5, 16_000)
    assert np.max(np.abs(loud)) == pytest.approx(0.9, abs=0.05)
    assert np.max(np.abs(soft)) == pytest.approx(0.09, abs=0.005)  # was recorded 20 dB softer


@pytest.mark.parametrize("sample_rate", [16_000, 48_000])
def test_a_note_ends_on_time_with_a_fade(bank: NoteBank, sample_rate: int) -> None:
    engine = NoteBankEngine(bank, "sine")
    audio = engine.render([Note(60, 100, 0.1, 0.3)], 1.0, sample_rate)
    end, fade = round(0.4 * sample_rate), round(0.01 * sample_rate)
    assert not audio[end - 1 :].any()
    assert np.max(np.abs(audio[end - 3 * fade : end - fade])) > 0.8
    assert np.max(np.abs(audio[end - fade // 4 : end])) < 0.3


def test_a_note_longer_than_its_recording_ends_with_it(bank: NoteBank) -> None:
    audio = NoteBankEngine(bank, "sine").render([Note(60, 100, 0.0, 5.0)], 2.0, 16_000)
    assert np.max(np.abs(audio[15_000:15_800])) > 0.8
    assert not audio[16_000:].any()


def test_the_twin_without_effects_has_its_own_recordings(bank: NoteBank) -> None:
    engine = NoteBankEngine(bank, "sine", effects=False)
    audio = engine.render([Note(60, 100, 0.0, 1.0)], 1.0, 16_000)
    assert dominant_pitch(audio, 16_000) == 48


def test_instruments_without_recordings_are_refused(bank: NoteBank) -> None:
    with pytest.raises(EngineError, match="no notes of mute with its effects on"):
        NoteBankEngine(bank, "mute")
    with pytest.raises(DataError, match="unknown"):
        NoteBankEngine(bank, "unknown")


def test_a_release_fades_what_outlasts_its_note(bank: NoteBank) -> None:
    engine = NoteBankEngine(bank, "sine", release_seconds=0.2)
    audio = engine.render([Note(60, 100, 0.0, 0.3)], 1.0, 16_000)
    assert np.max(np.abs(audio[4_500:4_800])) > 0.8
    assert 0.3 < np.max(np.abs(audio[6_300:6_500])) < 0.6
    assert not audio[8_000:].any()
