"""Sound fonts and presets among one's own sounds; TimGM6mb comes with pretty_midi."""

import importlib
import importlib.util
import json
import shutil
import zipfile
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
import soundfile as sf

from cir.engines.soundfont import SoundFontBank, SoundFontEngine, find_default_bank
from cir.errors import InputError
from cir.index.database import InstrumentDatabase
from cir.index.phrases import PHRASE_RATE, play_phrase
from cir.index.references import SoundFontReferences
from cir.library import sandboxed_engines
from cir.library.database_archive import export_archive, import_archive
from cir.library.sandboxed_engines import SandboxedEngines
from cir.library.sounds import Labels, UploadedFile, add_sounds
from tests.engine_cases import HAS_DEXED, packed_voice, write_cartridge
from tests.fakes import SpectrumEncoder

pytestmark = pytest.mark.slow

HAS_FONTS = importlib.util.find_spec("tinysoundfont") is not None
HAS_VITA = importlib.util.find_spec("vita") is not None

needs_fonts = pytest.mark.skipif(not HAS_FONTS, reason="needs tinysoundfont")
needs_vita = pytest.mark.skipif(not HAS_VITA, reason="needs vita")


@needs_fonts
def test_a_font_is_described_and_played_as_the_bundled_one_is() -> None:
    path = find_default_bank()
    references = iter(SoundFontReferences(path))
    with SandboxedEngines() as engines:
        described = engines.describe(f"soundfont:{path}", "Mine.sf2")
        assert len(described) == len(SoundFontReferences(path).instruments())
        for one in described[:2]:
            expected = next(references)
            assert (one.name, one.family) == (
                expected.instrument.name,
                expected.instrument.family,
            )
            audio, rate = engines.play(f"soundfont:{path}", "Mine.sf2", one.reference, one.family)
            assert rate == expected.sample_rate
            np.testing.assert_array_equal(audio, expected.audio)


@needs_fonts
def test_each_preset_of_a_font_is_an_instrument_until_it_is_stopped(tmp_path: Path) -> None:
    shutil.copy(find_default_bank(), tmp_path / "Band.sf2")
    seen: list[float] = []
    report = add_sounds(
        tmp_path / "db",
        SpectrumEncoder(),
        [tmp_path / "Band.sf2"],
        progress=lambda done, _: seen.append(done),
        stop=lambda: len(seen) >= 3,
    )
    assert report.was_stopped
    first = report.added[0]
    assert first.instrument_id == "band-0-0-piano-1"
    assert (first.family, first.bank, first.source) == ("piano", "Band", "soundfont")
    assert first.engine == f"soundfont:{(tmp_path / 'Band.sf2').resolve()}#0/0"
    assert 3 <= len(report.added) <= 5
    database = InstrumentDatabase.open(tmp_path / "db")
    phrase = database.phrase_path("band-0-0-piano-1")
    assert phrase is not None
    expected = play_phrase(SoundFontEngine(SoundFontBank(tmp_path / "Band.sf2"), 0, 0), "piano")
    played, rate = sf.read(phrase, dtype="float32")
    assert rate == PHRASE_RATE
    assert abs(len(played) - len(expected)) < 0.1 * rate
    export_archive(tmp_path / "db", tmp_path / "out.zip")
    import_archive(tmp_path / "new", SpectrumEncoder(), tmp_path / "out.zip")
    brought = InstrumentDatabase.open(tmp_path / "new").phrase_path("band-0-0-piano-1")
    assert brought is not None
    assert brought.read_bytes() == phrase.read_bytes()
    again = add_sounds(
        tmp_path / "db",
        SpectrumEncoder(),
        [tmp_path / "Band.sf2"],
        stop=lambda: True,
    )
    assert (again.unchanged, len(again.added)) == (1, 0)


@needs_vita
def test_a_preset_in_a_zip_says_its_family_and_author(tmp_path: Path) -> None:
    preset = json.loads(importlib.import_module("vita").Synth().to_json())
    preset |= {"preset_style": "Bass", "author": "Ada"}
    with zipfile.ZipFile(tmp_path / "Pack.zip", "w") as archive:
        archive.writestr("Pads/Growl.vital", json.dumps(preset))
    report = add_sounds(
        tmp_path / "db",
        SpectrumEncoder(),
        [UploadedFile(tmp_path / "Pack.zip", PurePosixPath("Pack.zip"))],
        Labels(licence="CC0-1.0"),
    )
    (row,) = report.added
    assert (row.name, row.family, row.author, row.licence, row.source) == (
        "Growl",
        "bass",
        "Ada",
        "CC0-1.0",
        "vital",
    )
    assert row.engine == "vital:Pack.zip!Pads/Growl.vital"


@pytest.mark.skipif(not HAS_DEXED, reason="needs dexed-py")
def test_a_cartridge_in_a_zip_gives_its_voices(tmp_path: Path) -> None:
    voices = [packed_voice("E.PIANO 1"), packed_voice("MUTE", level=0), packed_voice("TAKE OFF")]
    with zipfile.ZipFile(tmp_path / "Pack.zip", "w") as archive:
        archive.write(write_cartridge(tmp_path, voices), "Yamaha/rom1a.syx")
        archive.writestr("Yamaha/lead.sfz", "<region> sample=x.wav")
    report = add_sounds(tmp_path / "db", SpectrumEncoder(), [tmp_path / "Pack.zip"])
    assert [(row.name, row.family, row.bank, row.source) for row in report.added] == [
        ("E.PIANO 1", "piano", "rom1a", "dx7"),
        ("TAKE OFF", None, "rom1a", "dx7"),
    ]
    assert report.added[0].engine.endswith("Pack.zip!Yamaha/rom1a.syx#1")
    refused = "\n".join(report.refused)
    assert "rom1a.syx 2 is silent" in refused
    assert "lead.sfz names samples that lie beside it" in refused


@pytest.mark.parametrize("name", [pytest.param("broken.sf2", marks=needs_fonts), "broken.vital"])
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"RIFF\x10\x00\x00\x00sfbk" + b"\xff" * 500)
    with pytest.raises(InputError, match=r"None of the sounds .*(broken|Vital presets need)"):
        add_sounds(tmp_path / "db", SpectrumEncoder(), [tmp_path / name])
    assert not (tmp_path / "db").exists()


def test_an_engine_that_dies_costs_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandboxed_engines, "ANSWER_SECONDS", 0.0)  # killed before it can answer
    with SandboxedEngines() as engines:
        with pytest.raises(InputError, match=r"Hang\.sf2 makes the program that plays it fail"):
            engines.describe(f"soundfont:{tmp_path / 'x.sf2'}", "Hang.sf2")
        monkeypatch.setattr(sandboxed_engines, "ANSWER_SECONDS", 60.0)
        with pytest.raises(InputError, match="no sound font|tinysoundfont"):
            engines.describe(f"soundfont:{tmp_path / 'x.sf2'}", "Next.sf2")
