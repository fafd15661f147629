"""What nobody hears gets no answer; what is short or quiet still does."""

import numpy as np
import pytest

from cir.audio.io import check_audio
from cir.audio.limits import is_audible
from cir.errors import InputError
from cir.types import FloatArray

RATE = 16_000
TIME = np.arange(3 * RATE) / RATE


def sixteen_bit(sound: FloatArray) -> FloatArray:
    return (np.round(sound * 32_767) / 32_768).astype(np.float32)


INAUDIBLE = {
    "nothing": 0 * TIME,
    "an offset": np.full(len(TIME), 0.5),
    "an offset with dither": 0.25 + np.random.default_rng(0).uniform(-1, 1, len(TIME)) / 32_768,
    "an offset that fades": 0.5 * np.exp(-2 * TIME),
    "a ramp": TIME / 3,
    "5 Hz": 0.5 * np.sin(2 * np.pi * 5 * TIME),
    "10 Hz, from its height": 0.9 * np.cos(2 * np.pi * 10 * TIME),
    "an offset of 10 ms": np.full(160, 0.5),
    "a tone of -90 dB": 3e-5 * np.sin(2 * np.pi * 440 * TIME),
}

AUDIBLE = {
    "the lowest key": 0.01 * np.sin(2 * np.pi * 27.5 * TIME),
    "a quiet tone": 3e-4 * np.sin(2 * np.pi * 440 * TIME),
    "a tone on an offset": 0.5 + 0.01 * np.sin(2 * np.pi * 440 * TIME),
    "a click before silence": np.where(TIME < 0.001, 0.5, 0.0),
    "a click after silence": np.where(TIME > 2.999, 0.5, 0.0),
    "a burst in silence": np.where((TIME > 1.7) & (TIME < 1.72), np.sin(3_000 * TIME), 0.0) * 0.01,
    "a tone of 10 ms": 0.1 * np.sin(2 * np.pi * 440 * TIME[:160]),
}


@pytest.mark.parametrize("name", INAUDIBLE)
def test_what_nobody_hears_is_refused(name: str) -> None:
    sound = sixteen_bit(INAUDIBLE[name].astype(np.float32))
    assert not is_audible(sound, RATE)
    with pytest.raises(InputError, match="silent"):
        check_audio(sound, RATE)


@pytest.mark.parametrize("name", AUDIBLE)
def test_what_can_be_heard_passes(name: str) -> None:
    sound = sixteen_bit(AUDIBLE[name].astype(np.float32))
    assert is_audible(sound, RATE)
    np.testing.assert_array_equal(check_audio(sound, RATE), sound)
