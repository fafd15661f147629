"""Timbre measures for the endpoints: a selection of the Timbre Toolbox, in units.

`cir.baselines.timbre_toolbox` holds some of them as logarithms; here they are seconds, hertz and
shares again.
"""

from cir.audio.io import resample
from cir.baselines.timbre_toolbox.description import NAMES, describe
from cir.types import SAMPLE_RATE, FloatArray

MEASURED_SECONDS = 10.0
"""Only this many seconds of a sound are measured, from its start."""

_LOGARITHMIC = True
_FACTS: dict[str, tuple[str, bool]] = {
    "attack_seconds": ("envelope attack_seconds", _LOGARITHMIC),
    "release_seconds": ("envelope release_seconds", _LOGARITHMIC),
    "effective_duration_seconds": ("envelope effective_duration", _LOGARITHMIC),
    "temporal_centroid_seconds": ("envelope temporal_centroid", _LOGARITHMIC),
    "modulation_hz": ("envelope modulation_hz", False),
    "brightness_hz": ("magnitude centroid, median", _LOGARITHMIC),
    "spread_hz": ("magnitude spread, median", _LOGARITHMIC),
    "rolloff_hz": ("power rolloff, median", _LOGARITHMIC),
    "flatness": ("power flatness, median", _LOGARITHMIC),
    "change": ("magnitude variation, median", _LOGARITHMIC),
    "fundamental_share": ("harmonic tristimulus_1, median", False),
    "low_partials_share": ("harmonic tristimulus_2, median", False),
    "high_partials_share": ("harmonic tristimulus_3, median", False),
    "odd_to_even_bels": ("harmonic odd_to_even, median", False),
    "inharmonicity": ("harmonic inharmonicity, median", _LOGARITHMIC),
    "noisiness": ("harmonic noisiness, median", False),
}


def timbre_facts(sound: FloatArray, sample_rate: int) -> dict[str, float]:
    """Measure a sound, independent of level, as medians over its audible frames.

    The docstring of the endpoint `/describe` explains each measure.

    Args:
        sound: Mono waveform, (T,); only its first `MEASURED_SECONDS` are used.
        sample_rate: Sample rate of the sound.

    Raises:
        InputError: It is empty or silent.
    """
    audio = resample(sound[: round(MEASURED_SECONDS * sample_rate)], sample_rate, SAMPLE_RATE)
    values = dict(zip(NAMES, describe(audio, SAMPLE_RATE).tolist(), strict=True))
    return {
        fact: float(f"{10.0 ** values[name] if logarithmic else values[name]:.4g}")
        for fact, (name, logarithmic) in _FACTS.items()
    }
