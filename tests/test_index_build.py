import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from cir.audio.io import load_audio, save_opus
from cir.errors import DatabaseError, DataError
from cir.files import set_aside
from cir.index.build import build_database
from cir.index.database import InstrumentDatabase
from cir.index.references import (
    NoteBankReferences,
    Reference,
    ReferenceSource,
    SoundFontReferences,
)
from cir.index.sounds import find_archive, unpack_sounds
from cir.instruments.note_bank import NoteBank
from cir.types import Instrument
from tests.fakes import SpectrumEncoder, instrument, tone
from tests.tone_bank import write_bank


@pytest.fixture(autouse=True)
def cir_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIR_HOME", str(tmp_path / "home"))


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    """A note bank of 24 tones, with previews."""
    folder = write_bank(tmp_path / "bank")
    for row in NoteBank.open(folder).instruments:
        save_opus(folder / "previews" / f"{row.instrument_id}.opus", tone(300.0, 0.3), 16_000)
    return folder


class Tones:
    """A source of tones, one of them at another sample rate than the rest."""

    def __init__(self, count: int) -> None:
        self._rows = [
            instrument(f"tone-{count - number:03d}", source="soundfont") for number in range(count)
        ]

    def instruments(self) -> Sequence[Instrument]:
        return self._rows

    def __iter__(self) -> Iterator[Reference]:
        for number, row in enumerate(self._rows):
            rate = 22_050 if number == 1 else 16_000
            yield Reference(row, tone(100.0 * 1.05**number, 0.4, rate), rate)


@pytest.mark.slow
def test_a_bank_and_another_source_become_a_database(tmp_path: Path, bank: Path) -> None:
    encoder = SpectrumEncoder()
    sources: list[ReferenceSource] = [NoteBankReferences(bank), Tones(3)]
    steps: list[float] = []
    built = build_database(
        tmp_path / "db", encoder, sources, progress=lambda done, _: steps.append(done)
    )
    assert built.info().sources == {"bank": 24, "soundfont": 3}
    assert steps == sorted(steps)
    ids, embeddings = built.embeddings()
    assert list(ids) == sorted(ids)
    opened = NoteBank.open(bank)
    reference = opened.audio("bass-3")[0]
    np.testing.assert_allclose(
        embeddings[ids.index("bass-3")], encoder.embed([reference], 16_000)[0], atol=1e-6
    )
    assert built.get("bass-3").engine == "bank:bank#bass-3"
    copied = built.preview_path("bass-3")
    assert copied is not None
    heard, rate = load_audio(copied, sample_rate=None)
    original, original_rate = load_audio(opened.preview_path("bass-3"), sample_rate=None)
    assert (heard.size, rate) == (original.size, original_rate)
    assert np.corrcoef(heard, original)[0, 1] > 0.95
    rendered = built.preview_path("tone-002")
    assert rendered is not None
    assert len(load_audio(rendered, sample_rate=None)[0]) > 10_000
    coordinates = built.coordinates()
    assert coordinates is not None
    assert coordinates.shape == (27, 2)
    best = built.search(encoder.embed([tone(105.0, 0.4, 22_050)], 22_050)[0], 1)[0]
    assert best.instrument.instrument_id == "tone-002"


def test_a_bank_without_previews_is_heard_by_its_reference_notes(
    tmp_path: Path, bank: Path
) -> None:
    shutil.rmtree(bank / "previews")
    other = bank.rename(tmp_path / "My Notes")
    built = build_database(
        tmp_path / "db", SpectrumEncoder(), [NoteBankReferences(other, licence="CC0-1.0")]
    )
    row = built.get("bass-3")
    assert (row.source, row.engine) == ("my-notes", "bank:my-notes#bass-3")
    assert row.licence == "CC0-1.0"
    heard = built.preview_path("bass-3")
    assert heard is not None
    (reference, *_) = NoteBank.open(other).audio("bass-3")
    audio, rate = load_audio(heard, sample_rate=None)
    assert abs(len(audio) / rate - len(reference) / 16_000) < 0.05


@pytest.mark.slow
def test_batches_change_nothing(tmp_path: Path) -> None:
    encoder = SpectrumEncoder()
    built = build_database(tmp_path / "db", encoder, [Tones(40)])
    ids, embeddings = built.embeddings()
    assert len(ids) == 40
    for reference in list(Tones(40))[::13]:
        alone = encoder.embed([reference.audio], reference.sample_rate)[0]
        row = ids.index(reference.instrument.instrument_id)
        np.testing.assert_allclose(embeddings[row], alone, atol=1e-6)


def test_a_database_is_replaced_as_a_whole(tmp_path: Path) -> None:
    build_database(tmp_path / "db", SpectrumEncoder(), [Tones(5)])
    build_database(tmp_path / "db", SpectrumEncoder(seed=1), [Tones(2)])
    again = InstrumentDatabase.open(tmp_path / "db", encoder=SpectrumEncoder(seed=1))
    assert len(again) == 2
    previews = find_archive(tmp_path / "db", "previews")
    assert previews is not None and sorted(previews.ids) == ["tone-001", "tone-002"]
    assert [path.name for path in tmp_path.iterdir()] == ["db"]


def test_a_build_that_fails_leaves_the_old_database(tmp_path: Path, bank: Path) -> None:
    build_database(tmp_path / "db", SpectrumEncoder(), [Tones(2)])
    (bank / "notes" / "synth-lead-7.opus").write_bytes(b"damaged")
    with pytest.raises(DataError, match=r"synth-lead-7\.opus"):
        build_database(tmp_path / "db", SpectrumEncoder(), [NoteBankReferences(bank)])
    assert len(InstrumentDatabase.open(tmp_path / "db")) == 2
    assert {path.name for path in tmp_path.iterdir()} == {"db", "bank"}


def test_what_cannot_be_built_is_said(tmp_path: Path, bank: Path) -> None:
    with pytest.raises(DatabaseError, match="holds other files already"):
        build_database(bank, SpectrumEncoder(), [Tones(2)])
    with pytest.raises(DatabaseError, match="no instrument"):
        build_database(tmp_path / "db", SpectrumEncoder(), [Tones(0)])
    with pytest.raises(DataError, match="occurs 2 times"):
        build_database(tmp_path / "db", SpectrumEncoder(), [Tones(2), Tones(2)])
    (bank / "previews" / "synth-lead-7.opus").unlink()
    with pytest.raises(DataError, match=r"lacks .*previews"):
        build_database(tmp_path / "db", SpectrumEncoder(), [NoteBankReferences(bank)])
    assert not (tmp_path / "db").exists()


@pytest.mark.slow
def test_instruments_of_two_banks_with_one_id_are_told_apart(tmp_path: Path, bank: Path) -> None:
    other = write_bank(tmp_path / "Other Bank", 4)  # too few in all for UMAP to compile
    banks: list[ReferenceSource] = [NoteBankReferences(bank), NoteBankReferences(other)]
    built = build_database(
        tmp_path / "db",
        SpectrumEncoder(),
        [*banks, Tones(2)],
        with_phrases=True,
        note_banks=[NoteBank.open(bank), NoteBank.open(other)],
    )
    assert built.info().sources == {"bank": 24, "other-bank": 12, "soundfont": 2}
    assert built.get("tone-001").source == "soundfont"
    for name in ("bank", "other-bank"):
        row = built.get(f"{name}-bass-3")
        assert (row.source, row.engine) == (name, f"bank:{name}#bass-3")
        assert built.preview_path(row.instrument_id) is not None
        assert built.phrase_path(row.instrument_id) is not None


@pytest.mark.slow
def test_a_rebuild_keeps_the_sounds_of_who_stays(tmp_path: Path, bank: Path) -> None:
    def build(*folders: Path, keep_sounds: bool = True) -> InstrumentDatabase:
        return build_database(
            tmp_path / "db",
            SpectrumEncoder(),
            [NoteBankReferences(folder) for folder in folders],
            with_phrases=True,
            note_banks=[NoteBank.open(folder) for folder in folders],
            keep_sounds=keep_sounds,
        )

    first = build(bank)
    unpack_sounds(first.path)
    sounds = [first.preview_path("bass-3"), first.phrase_path("bass-3")]
    for number, sound in enumerate(sounds):
        assert sound is not None
        sound.write_bytes(b"OggS %d" % number)
    phrase = first.phrase_path("bass-2")
    assert phrase is not None
    phrase.unlink()
    shutil.rmtree(bank / "previews")
    again = build(bank)
    kept = [again.preview_path("bass-3"), again.phrase_path("bass-3")]
    assert [sound.read_bytes() for sound in kept if sound is not None] == [b"OggS 0", b"OggS 1"]
    assert again.phrase_path("bass-2") is not None  # who had none plays
    renewed = build(bank, keep_sounds=False).preview_path("bass-3")
    assert renewed is not None and renewed.read_bytes() != b"OggS 0"
    unpack_sounds(tmp_path / "db")
    (tmp_path / "db" / "previews" / "bass-3.opus").write_bytes(b"OggS 2")
    namesake = build(bank.rename(tmp_path / "namesake")).preview_path("bass-3")
    assert namesake is not None and namesake.read_bytes() != b"OggS 2"


def test_sounds_of_a_damaged_database_are_given_up_only_when_told(
    tmp_path: Path, bank: Path
) -> None:
    build_database(tmp_path / "db", SpectrumEncoder(), [Tones(2)])
    (tmp_path / "db" / "instruments.csv").write_text("damaged")
    with pytest.raises(DatabaseError, match=r"--new-sounds.*instruments\.csv"):
        build_database(tmp_path / "db", SpectrumEncoder(), [Tones(2)])
    rebuilt = build_database(tmp_path / "db", SpectrumEncoder(), [Tones(2)], keep_sounds=False)
    assert len(rebuilt) == 2


def test_a_rebuild_finds_what_a_killed_one_set_aside(tmp_path: Path) -> None:
    build_database(tmp_path / "db", SpectrumEncoder(), [Tones(2)])
    unpack_sounds(tmp_path / "db")
    (tmp_path / "db" / "previews" / "tone-001.opus").write_bytes(b"OggS")
    (tmp_path / "db").rename(set_aside(tmp_path / "db"))
    build_database(tmp_path / "db", SpectrumEncoder(), [Tones(2)])
    previews = find_archive(tmp_path / "db", "previews")
    assert previews is not None and previews.read("tone-001") == b"OggS"
    assert [path.name for path in tmp_path.iterdir()] == ["db"]


@pytest.mark.slow
def test_presets_of_the_default_sound_font() -> None:
    pytest.importorskip("tinysoundfont", reason="tinysoundfont is not installed")
    source = SoundFontReferences()
    references = list(source)
    assert len(references) >= 130
    assert len(references) <= len(source.instruments())
    assert len({one.instrument.instrument_id for one in references}) == len(references)
    for one in references:
        assert 0 < len(one.audio) <= 3 * one.sample_rate
        assert np.abs(one.audio).max() == pytest.approx(0.9, abs=0.01)
    families = {one.instrument.family for one in references}
    assert {"piano", "bass", "percussion", "pipe"} <= families
