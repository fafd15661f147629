import numpy as np
import pytest

from cir.engines.bank_sampler import BankSamplerEngine
from cir.errors import EngineError
from cir.instruments.note_bank import NoteBank
from cir.types import Note
from tests.engine_cases import dominant_pitch, write_note_bank


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> NoteBank:
    return NoteBank.open(write_note_bank(tmp_path_factory.mktemp("bank")))


@pytest.mark.parametrize("pitch", [50, 60, 65, 71, 77])
def test_every_pitch_is_played_as_written(bank: NoteBank, pitch: int) -> None:
    audio = BankSamplerEngine(bank, "sine").render([Note(pitch, 127, 0.0, 0.5)], 0.5, 16_000)
    assert dominant_pitch(audio, 16_000) == pitch


def test_a_note_is_as_loud_as_the_square_of_its_velocity(bank: NoteBank) -> None:
    engine = BankSamplerEngine(bank, "sine")
    loud, soft = (
        float(np.abs(engine.render([Note(62, velocity)], 0.5, 16_000)).max())
        for velocity in (120, 60)
    )
    assert soft == pytest.approx(loud / 4, rel=0.02)


def test_an_instrument_without_recordings_is_refused(bank: NoteBank) -> None:
    with pytest.raises(EngineError, match="no notes of mute"):
        BankSamplerEngine(bank, "mute")
