import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from cir.datasets import soundfonts
from cir.datasets.base import DatasetInstrument
from cir.datasets.rendered import RenderedDataset
from cir.datasets.soundfonts import open_soundfonts
from cir.engines import soundfont
from cir.engines.soundfont import DEFAULT_BANK
from cir.errors import InputError
from cir.instruments.splits import SPLITS
from tests.dataset_cases import write_font
from tests.engine_cases import HAS_TINYSOUNDFONT

pytestmark = pytest.mark.skipif(not HAS_TINYSOUNDFONT, reason="needs tinysoundfont")


def rows_of(dataset: RenderedDataset) -> list[DatasetInstrument]:
    return [row for split in SPLITS for row in dataset.instruments(split)]


@pytest.fixture(scope="module")
def timgm() -> RenderedDataset:
    return open_soundfonts([DEFAULT_BANK])


def test_presets_and_drum_pieces_are_instruments(timgm: RenderedDataset) -> None:
    rows = rows_of(timgm)
    families = Counter(row.family for row in rows)
    assert families["bass"] == families["synth_lead"] == 8
    pieces = [row for row in rows if "-128-" in row.instrument_id]
    assert {row.family for row in pieces} == {"percussion"}
    # Eight kits of up to 47 keys, most of which are the standard kit's own.
    assert 47 <= len(pieces) < 150
    assert {row.split for row in pieces} == set(SPLITS)


def test_a_piece_plays_its_own_key(timgm: RenderedDataset) -> None:
    piece = next(r for r in rows_of(timgm) if r.instrument_id.endswith("-128-000-standard-38"))
    notes = timgm.notes(piece)
    assert {note.pitch for note in notes} == {38}
    assert 4 <= len(notes) <= 6


def test_kept_instruments_sound_different(timgm: RenderedDataset) -> None:
    pieces = [r for r in rows_of(timgm) if r.instrument_id.endswith(("-40", "-42"))]
    assert len(pieces) >= 3
    heads = np.stack([np.resize(timgm.notes(row)[0].audio, 8_000) for row in pieces])
    heads /= np.linalg.norm(heads, axis=1, keepdims=True)
    off_diagonal = (heads @ heads.T)[~np.eye(len(heads), dtype=bool)]
    assert off_diagonal.max() < 0.99


def test_programs_and_pieces_are_in_one_split_in_every_font(
    timgm: RenderedDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(soundfont, "_MIN_GM_PROGRAMS", 4)
    small = open_soundfonts([write_font(tmp_path / "Small.sf2")])
    split_of = {row.instrument_id: (row.split, row.family) for row in rows_of(timgm)}
    rows = rows_of(small)
    assert len(rows) > 4 + 40
    for row in rows:
        assert split_of[row.instrument_id.replace("small", "timgm6mb")] == (row.split, row.family)


def test_presets_without_general_midi_have_no_family_and_are_divided_one_by_one(
    tmp_path: Path,
) -> None:
    rows = rows_of(open_soundfonts([write_font(tmp_path / "Small.sf2")]))
    presets = [row for row in rows if "-128-" not in row.instrument_id]
    assert [row.family for row in presets] == [None] * 4


def test_a_font_given_twice_adds_nothing(tmp_path: Path) -> None:
    font = write_font(tmp_path / "Small.sf2")
    copy = tmp_path / "Copy.sf2"
    shutil.copy(font, copy)
    one, both = open_soundfonts([font]), open_soundfonts([font, copy])
    assert both.name == "small-copy"
    assert both.fingerprint != one.fingerprint
    assert rows_of(both) == rows_of(one)


def test_a_list_of_no_fonts_is_refused() -> None:
    with pytest.raises(InputError, match="at least one sound font"):
        open_soundfonts([])


def test_a_silent_font_has_no_instruments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soundfonts, "SILENT_NOTE_PEAK", 1e9)
    assert rows_of(open_soundfonts([write_font(tmp_path / "Small.sf2")])) == []
