import json
from pathlib import Path

import pytest
import soundfile

from cir.errors import DataError
from cir.instruments.note_bank import NoteBank
from cir.ui.examples import EXAMPLES_FILE, examples_folder, load_examples
from cir.ui.make_examples import RECIPES, make_examples

SURGE = Path(__file__).parents[2] / "shared" / "surge"


def test_the_bundled_examples_are_ten_seconds_each() -> None:
    examples = load_examples()
    assert len(examples) >= 4
    for example in examples:
        info = soundfile.info(example.path)
        assert info.frames == 10 * info.samplerate
        assert info.channels == 1
        assert example.path.stat().st_size < 400_000
        assert len(example.instruments) >= 2


def test_titles_give_the_families_away_and_nothing_else() -> None:
    for example, recipe in zip(load_examples(), RECIPES, strict=True):
        assert tuple(example.instruments) == recipe
        for instrument_id in example.instruments.values():
            assert instrument_id not in example.title


@pytest.mark.skipif(not SURGE.exists(), reason="needs the note bank ../shared/surge")
def test_the_bundled_examples_can_be_made_again(tmp_path: Path) -> None:
    bank = NoteBank.open(SURGE)
    paths = make_examples(bank, tmp_path)
    for path in paths:
        made, _ = soundfile.read(path, dtype="int16")
        bundled, _ = soundfile.read(examples_folder() / path.name, dtype="int16")
        # Not to the byte: another build of Opus or FLAC may round differently.
        assert abs(made.astype(int) - bundled).max() <= 4
    index = json.loads((tmp_path / EXAMPLES_FILE).read_text())
    assert index == json.loads((examples_folder() / EXAMPLES_FILE).read_text())
    splits = {row.instrument_id: row.split for row in bank.instruments}
    for row in index["examples"]:
        assert {splits[name] for name in row["instruments"].values()} == {"test"}


@pytest.mark.parametrize("text", ["", "[]", '{"examples": [{"title": "A"}]}', '{"examples": 3}'])
def test_a_damaged_list_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / EXAMPLES_FILE).write_text(text)
    with pytest.raises(DataError, match=EXAMPLES_FILE):
        load_examples(tmp_path)


def test_a_missing_mix_is_named(tmp_path: Path) -> None:
    row = {"title": "A", "file": "gone.flac", "instruments": {"bass": "one"}}
    (tmp_path / EXAMPLES_FILE).write_text(json.dumps({"examples": [row]}))
    with pytest.raises(DataError, match=r"gone\.flac"):
        load_examples(tmp_path)


def test_a_missing_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="install"):
        load_examples(tmp_path)
