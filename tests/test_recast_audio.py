"""Instruments that nobody built."""

from dataclasses import replace

import numpy as np
import pytest

from cir.mixtures.recast_audio import Bell, Recast, apply_recast, draw_recast
from cir.types import FloatArray

PLAIN = Recast(
    semitones=0,
    drive=0.0,
    tilt_db_per_octave=0.0,
    bells=(),
    cutoff_hz=1e9,
    comb_seconds=0.0,
    comb_gain=0.0,
    attack_seconds=0.0,
    decay_per_second=0.0,
)


def tones(*hz: float) -> FloatArray:
    seconds = np.arange(8_000) / 16_000
    waves = np.array([np.sin(2 * np.pi * one * seconds) for one in hz], np.float32)
    sound: FloatArray = 0.3 * waves.sum(0)
    return sound


def level_db(sound: FloatArray, hz: float) -> float:
    spectrum = np.abs(np.fft.rfft(sound))
    return 20 * float(np.log10(spectrum[round(hz * len(sound) / 16_000)]))


def test_an_empty_chain_only_sets_the_peak() -> None:
    sound = tones(440)
    expected = sound * (0.9 / np.abs(sound).max())
    np.testing.assert_allclose(apply_recast(sound, PLAIN), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("chain", "change_db"),
    [
        (replace(PLAIN, tilt_db_per_octave=3.0), 9.0),
        (replace(PLAIN, bells=(Bell(4_000, -12.0, 0.5),)), -12.0),
        (replace(PLAIN, cutoff_hz=1_000.0), -24.1),
        (replace(PLAIN, comb_seconds=1 / 1_000, comb_gain=-0.5), 0.0),
    ],
)
def test_filters_do_what_they_say(chain: Recast, change_db: float) -> None:
    """500 and 4 000 Hz, three octaves apart, one against the other."""
    sound = tones(500, 4_000)
    heard = apply_recast(sound, chain)
    change = (level_db(heard, 4_000) - level_db(heard, 500)) - (
        level_db(sound, 4_000) - level_db(sound, 500)
    )
    if chain.comb_gain:  # in phase at 4 000 Hz, out of phase at 500 Hz
        change_db = 20 * np.log10(0.5 / 1.5)
    assert change == pytest.approx(change_db, abs=0.6)


def test_pitch_moves_with_the_tape() -> None:
    heard = apply_recast(tones(500), replace(PLAIN, semitones=12))
    assert len(heard) == pytest.approx(4_000, abs=2)
    assert np.argmax(np.abs(np.fft.rfft(heard))) * 16_000 / len(heard) == pytest.approx(
        1_000, abs=5
    )


def test_drive_adds_overtones_and_envelopes_shape() -> None:
    driven = apply_recast(tones(500), replace(PLAIN, drive=20.0))
    assert level_db(driven, 1_500) > level_db(driven, 500) - 20
    decaying = apply_recast(tones(500), replace(PLAIN, decay_per_second=5.0))
    rising = apply_recast(tones(500), replace(PLAIN, attack_seconds=0.4))
    for sound, first, last in ((decaying, 1.0, np.exp(-2.5)), (rising, 0.0, 1.0)):
        start, end = np.abs(sound[:100]).max() / 0.9, np.abs(sound[-200:]).max() / 0.9
        assert start == pytest.approx(first, abs=0.06)
        assert end == pytest.approx(last, abs=0.06)


def test_chains_are_drawn_by_name_and_number_and_keep_silence() -> None:
    assert draw_recast("a", 1) == draw_recast("a", 1)
    assert len({draw_recast(name, n) for name in "abc" for n in (1, 2, 3)}) == 9
    sounds = [apply_recast(tones(300, 900), draw_recast("a", n)) for n in range(1, 30)]
    assert all(np.isfinite(sound).all() and np.abs(sound).max() < 0.901 for sound in sounds)
    assert not apply_recast(np.zeros(100, np.float32), draw_recast("a", 1)).any()
