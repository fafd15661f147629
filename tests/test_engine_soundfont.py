import struct
import sys
import threading
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from cir.engines.soundfont import SNARE_KEY, SoundFontBank, SoundFontEngine, find_default_bank
from cir.engines.soundfont_info import SoundFontInfo, read_info
from cir.errors import EngineError, InputError
from cir.instruments.catalog import Catalog
from cir.types import FloatArray, Note
from tests.engine_cases import HAS_TINYSOUNDFONT, dominant_pitch

pytestmark = pytest.mark.skipif(not HAS_TINYSOUNDFONT, reason="needs tinysoundfont")


@pytest.fixture(scope="module")
def bank() -> SoundFontBank:
    return SoundFontBank()


def test_the_default_bank_is_a_complete_general_midi_set(bank: SoundFontBank) -> None:
    catalog = Catalog(bank.instruments())  # checks ids and families
    assert len(catalog) == len(bank.presets) == 136
    families = Counter(row.family for row in catalog)
    assert families["bass"] == families["synth_lead"] == 8
    assert families["percussion"] == 8 + 2 + 8  # chromatic, timpani and kalimba, drum kits
    assert {row.bank for row in catalog} == {"TimGM6mb"}
    assert {(row.author, row.licence) for row in catalog} == {("Tim Brechbill", "GPL-2.0")}


def test_rows_say_what_they_are(bank: SoundFontBank) -> None:
    catalog = Catalog(bank.instruments())
    row = catalog.by_id("timgm6mb-000-033-fingered-bass")
    assert (row.name, row.family, row.category) == ("Fingered Bass", "bass", "Bass")
    assert (row.source, row.engine) == ("soundfont", "soundfont:TimGM6mb.sf2#0/33")
    kit = catalog.by_id("timgm6mb-128-025-tr-808")
    assert (kit.name, kit.family) == ("TR 808 kit, snare", "percussion")
    assert kit.engine == "soundfont:TimGM6mb.sf2#128/25/38"


def test_keys_sound_at_their_pitch(bank: SoundFontBank) -> None:
    ocarina = SoundFontEngine(bank, 0, 79)
    for pitch in (60, 67):
        audio = ocarina.render([Note(pitch, 100, 0.0, 1.0)], 1.0, 16_000)
        assert dominant_pitch(audio, 16_000) == pitch


def test_velocity_is_loudness_and_release_ends_the_note(bank: SoundFontBank) -> None:
    organ = SoundFontEngine(bank, 0, 16)
    loud = organ.render([Note(60, 120, 0.0, 0.5)], 1.5, 16_000)
    soft = organ.render([Note(60, 30, 0.0, 0.5)], 1.5, 16_000)
    assert np.max(np.abs(loud)) > 2 * np.max(np.abs(soft))
    assert np.max(np.abs(loud[:8_000])) > 100 * np.max(np.abs(loud[-1_600:]))


def test_notes_start_on_their_sample(bank: SoundFontBank) -> None:
    engine = SoundFontEngine(bank, 0, 33)
    at_once = engine.render([Note(40, 100, 0.0, 0.2)], 0.5, 16_000)
    later = engine.render([Note(40, 100, 1_234 / 16_000, 0.2)], 0.5, 16_000)
    # Envelopes run in blocks of 64 frames, so only the attack is alike to the last digit.
    np.testing.assert_allclose(later[1_234:1_298], at_once[:64], atol=1e-6)


def test_a_drum_kit_plays_its_snare_on_every_key(bank: SoundFontBank) -> None:
    kit = SoundFontEngine(bank, 128, 0)
    assert kit.key == SNARE_KEY
    snare = kit.render([Note(38)], 0.5, 16_000)
    assert np.array_equal(kit.render([Note(90)], 0.5, 16_000), snare)
    kick = SoundFontEngine(bank, 128, 0, key=36).render([Note(38)], 0.5, 16_000)
    assert not np.array_equal(kick, snare)


def test_threads_share_a_bank(bank: SoundFontBank) -> None:
    engines = [SoundFontEngine(bank, 0, program) for program in range(0, 128, 16)]
    expected = [engine.render([Note(50)], 0.5, 16_000) for engine in engines]
    got: dict[int, FloatArray] = {}

    def work(number: int) -> None:
        for _ in range(5):
            got[number] = engines[number].render([Note(50)], 0.5, 16_000)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(len(engines))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(got[n], expected[n]) for n in range(len(engines)))


def test_presets_and_keys_that_do_not_exist_are_refused(bank: SoundFontBank) -> None:
    with pytest.raises(EngineError, match="no preset 7/0; it has 136"):
        SoundFontEngine(bank, 7, 0)
    with pytest.raises(InputError, match="0 to 127, not 200"):
        SoundFontEngine(bank, 128, 0, key=200)


def test_what_is_no_sound_font_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="There is no sound font"):
        SoundFontBank(tmp_path / "none.sf2")
    path = tmp_path / "text.sf2"
    path.write_bytes(b"RIFF" + bytes(100))
    with pytest.raises(EngineError, match=r"text\.sf2 is no sound font"):
        SoundFontBank(path)


def test_without_tinysoundfont_the_error_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "tinysoundfont", None)
    with pytest.raises(EngineError, match="pip install --no-deps tinysoundfont"):
        SoundFontBank()


def test_without_pretty_midi_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(EngineError, match="pip install pretty_midi"):
        find_default_bank()


def info_chunk(name: bytes, text: bytes) -> bytes:
    padded = text + b"\0" * (1 + (len(text) + 1) % 2)
    return struct.pack("<4sI", name, len(padded)) + padded


def test_another_bank_brings_its_own_credits_and_few_presets_no_families(tmp_path: Path) -> None:
    """A copy of the default bank with other credits, and with all but 40 presets taken out."""
    original = find_default_bank().read_bytes()
    info_size = struct.unpack_from("<I", original, 16)[0]
    info = b"INFO" + info_chunk(b"ifil", b"\2\0\1") + info_chunk(b"IENG", "Zoë".encode())
    info += info_chunk(b"ICOP", b"CC0")
    rest = bytearray(original[20 + info_size :])
    presets_at = rest.index(b"phdr")
    size = struct.unpack_from("<I", rest, presets_at + 4)[0]
    for n in range(size // 38 - 1):
        program, bank_number = struct.unpack_from("<HH", rest, presets_at + 8 + 38 * n + 20)
        if bank_number == 0 and program >= 40:
            struct.pack_into("<H", rest, presets_at + 8 + 38 * n + 22, 9_999)
    body = b"sfbkLIST" + struct.pack("<I", len(info)) + info + bytes(rest)
    path = tmp_path / "My Bank.sf2"
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)

    assert read_info(path).author == "Zoë"
    rows = SoundFontBank(path).instruments()
    assert len(rows) == 40 + 8
    piano = rows[0]
    assert piano.instrument_id == "my-bank-000-000-piano-1"
    assert (piano.author, piano.licence, piano.bank) == ("Zoë", "CC0", "My Bank")
    assert piano.family is None
    assert piano.engine == f"soundfont:{path}#0/0"
    assert rows[-1].family == "percussion"


def test_credits_of_a_damaged_header_are_empty(tmp_path: Path) -> None:
    path = tmp_path / "x.sf2"
    for content in (b"", b"RIFF", b"RIFF\0\0\0\0sfbkLIST\xff\xff\xff\xffINFO\1"):
        path.write_bytes(content)
        assert read_info(path) == SoundFontInfo({}, "", "")


@pytest.mark.parametrize("encoding", ["cp1252", "cp932", "utf-8"])
def test_names_are_read_in_the_encoding_that_they_were_written_in(
    tmp_path: Path, encoding: str
) -> None:
    names = ["Flûte élégante", "Clé Sol"] if encoding == "cp1252" else ["ベース深い", "ソロ"]
    rows = [
        struct.pack("<20sHH14x", name.encode(encoding), number, 0)
        for number, name in enumerate([*names, "EOP"])
    ]
    table = b"phdr" + struct.pack("<I", 38 * len(rows)) + b"".join(rows)
    body = b"sfbk" + b"LIST" + struct.pack("<I", 4 + len(table)) + b"pdta" + table
    (tmp_path / "x.sf2").write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    assert list(read_info(tmp_path / "x.sf2").names.items())[::-1] == [
        ((0, number), name) for number, name in enumerate(names)
    ]
