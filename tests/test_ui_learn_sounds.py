import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from cir.errors import DataError
from cir.index.database import InstrumentDatabase
from cir.instruments.note_bank import NoteBank
from cir.types import SAMPLE_RATE, FloatArray
from cir.ui.learn.sounds import LEARN_FILE, MixedFiles, load_learn_sounds, note_audio
from tests.fakes import tone
from tests.shared_data import SURGE, needs_shared
from tools.learn_sounds import FAMILIES, PER_FAMILY, SCENES, make_sounds


def test_the_bundled_sounds_are_pairs_of_notes_and_scenes_of_stems() -> None:
    sounds = load_learn_sounds()
    for family in FAMILIES:
        assert len(sounds.of_family(family)) >= PER_FAMILY
    for pair in sounds.pairs:
        first, second = pair.notes
        assert first.path != second.path and first.pitch != second.pitch
        assert soundfile.info(first.path).samplerate == SAMPLE_RATE
        assert pair.instrument.licence
    # Stems of a scene are as long as each other, and audible.
    assert [tuple(stem.pair.family for stem in one.stems) for one in sounds.scenes] == list(SCENES)
    for scene in sounds.scenes:
        stems = [note_audio(stem.path) for stem in scene.stems]
        assert {len(stem) for stem in stems} == {10 * SAMPLE_RATE}
        assert np.abs(np.sum(stems, axis=0)).max() <= 1.0
        assert min(float(np.abs(stem).max()) for stem in stems) > 0.05


def test_a_damaged_list_and_a_missing_sound_are_refused(tmp_path: Path) -> None:
    for text in ("", "[]", '{"instruments": [], "scenes": 3}', '{"scenes": []}'):
        (tmp_path / LEARN_FILE).write_text(text)
        with pytest.raises(DataError, match=LEARN_FILE):
            load_learn_sounds(tmp_path)
    bundled = load_learn_sounds().pairs[0].notes[0].path
    shutil.copy(bundled.with_name(LEARN_FILE), tmp_path)
    with pytest.raises(DataError, match=bundled.name):
        load_learn_sounds(tmp_path)


@pytest.mark.slow
@needs_shared
def test_the_bundled_sounds_can_be_drawn_again(tmp_path: Path) -> None:
    bank = NoteBank.open(SURGE)
    with InstrumentDatabase.open() as database:
        made = json.loads(make_sounds(bank, database, tmp_path).read_text())
    bundled = load_learn_sounds().pairs[0].notes[0].path.parent
    assert made == json.loads((bundled / LEARN_FILE).read_text())
    splits = {row.instrument_id: row.split for row in bank.instruments}
    assert {splits[row["instrument"]["instrument_id"]] for row in made["instruments"]} == {"test"}


def test_a_mixed_sound_is_made_once_and_the_oldest_goes() -> None:
    files = MixedFiles(max_files=2)
    made = []

    def mix(pitch: float) -> Path:
        def make() -> FloatArray:
            made.append(pitch)
            return tone(pitch)

        return files.get(f"secret answer {pitch}", make)

    first, second = mix(200.0), mix(300.0)
    assert mix(200.0) == first
    assert made == [200.0, 300.0]
    third = mix(400.0)
    assert [path.is_file() for path in (first, second, third)] == [True, False, True]
    assert "secret" not in first.name
    assert len(note_audio(first)) == len(tone(200.0))
