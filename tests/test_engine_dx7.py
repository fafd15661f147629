import sys
from pathlib import Path

import numpy as np
import pytest

from cir.engines.dx7 import Dx7Engine, list_dx7_voices
from cir.errors import EngineError
from cir.types import Note
from tests.engine_cases import HAS_DEXED, dominant_pitch, packed_voice, write_cartridge

needs_dexed = pytest.mark.skipif(not HAS_DEXED, reason="needs dexed-py (optional)")
NOTE = Note(69, 100, 0.0, 0.5)


def test_the_voices_of_a_cartridge_have_names_and_numbers(tmp_path: Path) -> None:
    voices = [packed_voice("INIT VOICE"), packed_voice("E.PIANO 1"), packed_voice("BASS    1")]
    found = list_dx7_voices(write_cartridge(tmp_path, voices))
    assert [(one.name, one.reference) for one in found] == [("E.PIANO 1", "2"), ("BASS    1", "3")]


def test_banks_come_with_and_without_framing_and_one_after_the_other(tmp_path: Path) -> None:
    framed = write_cartridge(tmp_path).read_bytes()
    (tmp_path / "raw.syx").write_bytes(framed[6:-2] * 2)
    (tmp_path / "two.syx").write_bytes(b"\xf0\x7e\x00\xf7" + framed * 2)
    for name in ("raw.syx", "two.syx"):
        assert [one.reference for one in list_dx7_voices(tmp_path / name)] == ["1", "33"]


@needs_dexed
def test_a_single_voice_sounds_as_in_its_cartridge(tmp_path: Path) -> None:
    import dexed

    cartridge = write_cartridge(tmp_path)
    unpacked = dexed.Patch.from_packed(packed_voice("SINE")).to_sysex()[:155]
    single = tmp_path / "single.syx"
    single.write_bytes(b"\xf0\x43\x00\x00\x01\x1b" + unpacked + b"\x00\xf7")
    assert [one.name for one in list_dx7_voices(single)] == ["SINE"]
    alone, packed = (Dx7Engine(path).render([NOTE], 0.5, 16_000) for path in (single, cartridge))
    assert np.array_equal(alone, packed)
    assert dominant_pitch(packed, 16_000) == 69


@needs_dexed
def test_damaged_and_missing_voices_are_refused(tmp_path: Path) -> None:
    cartridge = write_cartridge(tmp_path, [packed_voice("SINE"), b"\xff" * 128])
    with pytest.raises(EngineError, match=r"voice 2 of .*cartridge\.syx is damaged"):
        Dx7Engine(cartridge, 2)
    with pytest.raises(EngineError, match="voices 1 to 32, no 33"):
        Dx7Engine(cartridge, 33)


@pytest.mark.parametrize("content", [b"", b"\xf0\x43\x00\x09\x20\x00short\xf7", b"no voices"])
def test_what_holds_no_voices_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.syx").write_bytes(content)
    with pytest.raises(EngineError, match=r"bad\.syx holds no voices of a DX7"):
        list_dx7_voices(tmp_path / "bad.syx")
    with pytest.raises(EngineError, match="There is no preset"):
        list_dx7_voices(tmp_path / "none.syx")


def test_without_dexed_the_error_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "dexed", None)
    with pytest.raises(EngineError, match="pip install dexed-py"):
        Dx7Engine(write_cartridge(tmp_path))
