"""What the page's endpoints say of a sound's timbre: measures of the Timbre Toolbox, in units.

The full description is in `cir.baselines.timbre_toolbox`; what spans decades is logarithmic there
and turned back into seconds, hertz and shares here.
"""

from cir.audio.io import resample
from cir.baselines.timbre_toolbox.description import NAMES, describe
from cir.types import SAMPLE_RATE, FloatArray

MEASURED_SECONDS = 10.0
"""So much of a sound is measured: its first seconds."""

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
    """Measure a sound, the same at any level; medians over its audible frames.

    `attack_seconds` to `temporal_centroid_seconds` and `modulation_hz` (of tremolo) are of its
    envelope. `brightness_hz`, `spread_hz` and `rolloff_hz` (95 % of the energy lies below) are of
    its spectrum, `flatness` (0 a sine, 1 noise) and `change` (from frame to frame, 0 is none) too.
    Of its partials: the shares of amplitude of the fundamental, of partials 2 to 4 and of those
    above, the energy of odd over even ones in bels, `inharmonicity` (0 harmonic, 1 midway between)
    and `noisiness`, the share of energy outside of partials.

    Args:
        sound: mono waveform, (T,); only its first `MEASURED_SECONDS` count.
        sample_rate: its own.

    Raises:
        InputError: it is empty or silent.
    """
    audio = resample(sound[: round(MEASURED_SECONDS * sample_rate)], sample_rate, SAMPLE_RATE)
    values = dict(zip(NAMES, describe(audio, SAMPLE_RATE).tolist(), strict=True))
    return {
        fact: float(f"{10.0 ** values[name] if logarithmic else values[name]:.4g}")
        for fact, (name, logarithmic) in _FACTS.items()
    }
