"""Sounds for the benchmarks of features."""

from timing import example_mixes

from cir.audio.dsp import pad_or_trim
from cir.audio.io import load_audio
from cir.types import SAMPLE_RATE, FloatArray


def example_clips() -> list[FloatArray]:
    """Return ten seconds of each example mix at 16 kHz, padded with silence."""
    clips = [load_audio(path, sample_rate=SAMPLE_RATE)[0] for path in example_mixes()]
    return [pad_or_trim(clip, 10 * SAMPLE_RATE) for clip in clips]
