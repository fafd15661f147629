"""The contract that every engine keeps."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cir.engines.bank_sampler import BankSamplerEngine
from cir.engines.base import Engine
from cir.engines.registry import open_engine
from cir.errors import InputError
from cir.instruments.note_bank import NoteBank
from cir.types import Note
from tests import fake_surgepy
from tests.engine_cases import (
    AMSYNTH_BANK,
    DX10,
    HAS_DEXED,
    HAS_TINYSOUNDFONT,
    HAS_VITA,
    LV2,
    VST2,
    ZYN_BANKS,
    needs_plugin,
    write_cartridge,
    write_note_bank,
    write_samples,
    write_sfz,
    write_surge_patch,
    write_vital_preset,
)

pytestmark = pytest.mark.slow

REFERENCES: dict[str, Callable[[Path], str]] = {
    "soundfont": lambda folder: "soundfont:TimGM6mb.sf2#0/33",
    "drum kit": lambda folder: "soundfont:TimGM6mb.sf2#128/0/38",
    "vital": lambda folder: f"vital:{write_vital_preset(folder)}",
    "surge": lambda folder: f"surge:{write_surge_patch(folder)}",
    "note bank": lambda folder: f"bank:{write_note_bank(folder)}#sine",
    "samples": lambda folder: f"samples:{write_samples(folder)}",
    "dx7": lambda folder: f"dx7:{write_cartridge(folder)}#1",
    "sfz": lambda folder: f"sfz:{write_sfz(folder)}",
    "zyn": lambda folder: f"zyn:{ZYN_BANKS / 'Bass' / '0001-Bass 1.xiz'}",
    "zyn padsynth": lambda folder: f"zyn:{ZYN_BANKS / 'Collection' / '0110-Home Piano.xiz'}",
    "amsynth": lambda folder: f"amsynth:{AMSYNTH_BANK}#2",
    "VST2 program": lambda folder: f"plugin:{VST2 / 'amsynth_vst.so'}#1",
    "LV2 preset": lambda folder: f"plugin:{DX10}#2",
}

no_tinysoundfont = pytest.mark.skipif(not HAS_TINYSOUNDFONT, reason="needs tinysoundfont")
no_vita = pytest.mark.skipif(not HAS_VITA, reason="needs vita (optional)")
no_dexed = pytest.mark.skipif(not HAS_DEXED, reason="needs dexed-py (optional)")
no_zyn = needs_plugin(ZYN_BANKS, VST2 / "ZynAddSubFX.so")
no_amsynth = needs_plugin(AMSYNTH_BANK, VST2 / "amsynth_vst.so")
SKIPS = {
    "soundfont": no_tinysoundfont,
    "drum kit": no_tinysoundfont,
    "vital": no_vita,
    "dx7": no_dexed,
    "zyn": no_zyn,
    "zyn padsynth": no_zyn,
    "amsynth": no_amsynth,
    "VST2 program": no_amsynth,
    "LV2 preset": needs_plugin(LV2 / "mda.lv2"),
}

NOTES = [Note(48, 100, 0.25, 0.3), Note(60, 70, 0.75, 0.2), Note(55, 100, 0.75, 5.0)]


@pytest.fixture(
    params=[pytest.param(name, marks=SKIPS.get(name, ())) for name in (*REFERENCES, "sampler")],
    scope="module",
)
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    patch = pytest.MonkeyPatch()
    patch.setitem(__import__("sys").modules, "surgepy", fake_surgepy)
    folder = tmp_path_factory.mktemp("instrument")
    if request.param == "sampler":
        yield BankSamplerEngine(NoteBank.open(write_note_bank(folder)), "sine")
    else:
        yield open_engine(REFERENCES[request.param](folder))
    patch.undo()


@pytest.mark.parametrize("sample_rate", [16_000, 44_100])
def test_length_type_and_sound(engine: Engine, sample_rate: int) -> None:
    audio = engine.render(NOTES, 1.2345, sample_rate)
    assert audio.shape == (round(1.2345 * sample_rate),)
    assert audio.dtype == np.float32
    assert np.isfinite(audio).all()
    assert np.max(np.abs(audio)) > 0.01


@pytest.mark.parametrize("sample_rate", [16_000, 44_100])
def test_exact_silence_before_the_first_note_and_sound_soon_after(
    engine: Engine, sample_rate: int
) -> None:
    audio = engine.render(NOTES, 1.0, sample_rate)
    onset = round(0.25 * sample_rate)
    assert not audio[:onset].any()
    assert np.max(np.abs(audio[onset : onset + sample_rate // 10])) > 0.005


def test_the_same_notes_give_the_same_sound_whatever_was_played_before(engine: Engine) -> None:
    first = engine.render(NOTES, 1.0, 16_000)
    engine.render([Note(70, 127, 0.0, 3.0)], 0.5, 16_000)
    engine.render(NOTES[:1], 0.3, 44_100)
    assert np.array_equal(engine.render(NOTES, 1.0, 16_000), first)
    assert np.array_equal(engine.render(NOTES[::-1], 1.0, 16_000), first)


def test_a_shorter_render_is_the_beginning_of_a_longer_one(engine: Engine) -> None:
    long = engine.render(NOTES[:1], 1.0, 16_000)
    short = engine.render(NOTES[:1], 0.5, 16_000)
    # Resampling sees the cut: the last milliseconds may differ.
    np.testing.assert_allclose(short[:-200], long[: short.size - 200], atol=1e-4)


def test_notes_past_the_end_change_nothing(engine: Engine) -> None:
    late = [Note(60, 100, 0.5, 1.0), Note(60, 100, 77.0, 1.0)]
    audio = engine.render([*NOTES[:1], *late], 0.5, 16_000)
    assert np.array_equal(audio, engine.render(NOTES[:1], 0.5, 16_000))


def test_no_notes_are_silence(engine: Engine) -> None:
    for notes in ([], [Note(60, 100, 3.0, 1.0)]):
        audio = engine.render(notes, 0.5, 16_000)
        assert audio.shape == (8_000,)
        assert audio.dtype == np.float32
        assert not audio.any()


@pytest.mark.parametrize("pitch", [0, 127])
def test_the_outermost_keys_can_be_pressed(engine: Engine, pitch: int) -> None:
    assert np.isfinite(engine.render([Note(pitch, 1)], 0.1, 16_000)).all()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"pitch": -1}, "0 to 127, not -1"),
        ({"pitch": 128}, "0 to 127, not 128"),
        ({"velocity": 0}, "1 to 127, not 0"),
        ({"velocity": 128}, "1 to 127, not 128"),
        ({"start_seconds": -0.1}, "0 seconds or later"),
        ({"start_seconds": float("nan")}, "0 seconds or later"),
        ({"duration_seconds": 0.0}, "longer than 0"),
        ({"duration_seconds": float("inf")}, "longer than 0"),
    ],
)
def test_impossible_notes_are_refused(
    engine: Engine, change: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(InputError, match=complaint):
        engine.render([replace(NOTES[0], **change)], 1.0, 16_000)


@pytest.mark.parametrize("seconds", [0.0, -1.0, 36_000.0, float("nan")])
def test_impossible_lengths_are_refused(engine: Engine, seconds: float) -> None:
    with pytest.raises(InputError, match="more than 0 and at most 1200 seconds"):
        engine.render(NOTES, seconds, 16_000)


def test_impossible_sample_rates_are_refused(engine: Engine) -> None:
    with pytest.raises(InputError, match="sample rate"):
        engine.render(NOTES, 1.0, 0)
