from pathlib import Path

import numpy as np
import pytest

from cir.engines.note_bank import NoteBankEngine
from cir.engines.registry import open_engine, register_engine
from cir.engines.sample_folder import SampleFolderEngine
from cir.engines.soundfont import SoundFontBank, SoundFontEngine
from cir.errors import CirError, DataError, EngineError, InputError
from cir.types import Note
from tests.engine_cases import HAS_TINYSOUNDFONT, write_note_bank, write_samples

needs_tinysoundfont = pytest.mark.skipif(not HAS_TINYSOUNDFONT, reason="needs tinysoundfont")


@needs_tinysoundfont
def test_every_catalogue_row_of_the_default_bank_opens_and_can_be_heard() -> None:
    for row in SoundFontBank().instruments():
        audio = open_engine(row.engine).render([Note(60, 100, 0.0, 0.5)], 0.5, 16_000)
        assert np.max(np.abs(audio)) > 1e-3, row.name


@needs_tinysoundfont
def test_presets_of_one_bank_share_it() -> None:
    first, second = (open_engine(f"soundfont:TimGM6mb.sf2#0/{n}") for n in (1, 2))
    assert isinstance(first, SoundFontEngine)
    assert isinstance(second, SoundFontEngine)
    assert first.bank is second.bank


def test_relative_references_start_from_the_folder(tmp_path: Path) -> None:
    (tmp_path / "drums").mkdir()
    write_samples(tmp_path / "drums")
    (tmp_path / "surge").mkdir()
    write_note_bank(tmp_path / "surge")
    assert isinstance(open_engine("samples:drums", folder=tmp_path), SampleFolderEngine)
    assert isinstance(open_engine("bank:surge#sine", folder=tmp_path), NoteBankEngine)


@pytest.mark.parametrize(
    ("reference", "complaint"),
    [
        ("", "Unknown engine reference ''"),
        ("piano", "scheme:reference"),
        ("vst3:x", "soundfont, vital, surge, dx7, zyn, amsynth, sfz, plugin, bank, samples"),
        ("samples:", "Unknown engine reference"),
        ("soundfont:TimGM6mb.sf2", "no complete reference"),
        ("soundfont:TimGM6mb.sf2#", "no complete reference"),
        ("soundfont:TimGM6mb.sf2#1", "#BANK/PROGRAM"),
        ("soundfont:TimGM6mb.sf2#a/b", "#BANK/PROGRAM"),
        ("soundfont:TimGM6mb.sf2#1/2/3/4", "#BANK/PROGRAM"),
        ("bank:surge", "bank:FOLDER#INSTRUMENT_ID"),
    ],
)
def test_malformed_references_are_refused(reference: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        open_engine(reference)


@pytest.mark.parametrize(
    ("reference", "error"),
    [
        ("bank:nowhere#x", DataError),
        ("samples:nowhere", EngineError),
        pytest.param("soundfont:nowhere.sf2#0/0", EngineError, marks=needs_tinysoundfont),
    ],
)
def test_references_to_nothing_are_refused(
    tmp_path: Path, reference: str, error: type[CirError]
) -> None:
    with pytest.raises(error, match="nowhere"):
        open_engine(reference, folder=tmp_path)


def test_an_engine_of_ones_own_is_opened_by_its_scheme(tmp_path: Path) -> None:
    opened: list[tuple[str, Path]] = []

    def opener(reference: str, folder: Path) -> SampleFolderEngine:
        opened.append((reference, folder))
        return SampleFolderEngine(folder / reference)

    (tmp_path / "tones").mkdir()
    write_samples(tmp_path / "tones")
    register_engine("tones-of-mine", opener)
    engine = open_engine("tones-of-mine:tones", folder=tmp_path)
    assert isinstance(engine, SampleFolderEngine)
    assert opened == [("tones", tmp_path)]


@pytest.mark.parametrize(
    ("scheme", "complaint"),
    [("", "a word of a to z"), ("My synth", "not 'My synth'"), ("vital", "is built in")],
)
def test_schemes_that_cannot_be_registered(scheme: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        register_engine(scheme, lambda reference, folder: SampleFolderEngine(folder))
