"""Ranges and probabilities that describe a kind of sound."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cir.engines.vital_generator.draws import Range

SYNTH_WAVES: Mapping[str, float] = {
    "analog": 5,
    "pulse": 3,
    "additive": 2,
    "fm": 1.5,
    "folded": 1.5,
    "formant": 1,
    "digital": 1,
    "dense": 0.7,
    "brass": 0.7,
    "reed": 0.5,
    "bell": 0.4,
    "hollow": 0.8,
    "drawbars": 0.4,
}
SOFT_WAVES: Mapping[str, float] = {"hollow": 4, "analog": 2, "fm": 2, "bell": 1.5, "additive": 1}


@dataclass(frozen=True, eq=False)  # so that it may be a key
class Archetype:
    """Ranges and probabilities from which one kind of sound is drawn.

    Times are in seconds and drawn logarithmically, pitches in semitones, the rest are
    probabilities or shares in [0, 1].
    """

    waves: Mapping[str, float] = field(default_factory=lambda: SYNTH_WAVES)
    """Weights of the recipes for wavetables."""

    attack: Range = (0.001, 0.02)
    decay: Range = (0.1, 1.5)
    sustain: Range = (0.3, 1.0)
    release: Range = (0.03, 0.5)

    oscillators: tuple[float, float, float] = (0.35, 0.45, 0.2)
    """Weights of one, two and three oscillators."""
    intervals: Mapping[int, float] = field(
        default_factory=lambda: {0: 4, 12: 2, -12: 1.5, 7: 0.7, 19: 0.3, 24: 0.5, -24: 0.2, 5: 0.2}
    )
    """Weights of the transpositions of the other oscillators."""
    shift: Mapping[int, float] = field(default_factory=lambda: {0: 1.0})
    """Weights of the transpositions of the whole sound."""
    follows_keys: bool = True
    """False: all keys sound (nearly) alike, as with drums."""
    fixed_pitch: Range = (36.0, 72.0)
    """MIDI pitch of a sound that does not follow keys."""
    unison: float = 0.3
    detune: Range = (0.5, 4.0)
    modulation: float = 0.2
    """Frequency or ring modulation of one oscillator by another."""
    inharmonic: float = 0.0
    """Modulation at a ratio that is no whole number, or stretched harmonics."""
    phase_warp: float = 0.3
    """Sync, bend, squeeze, formant, pulse width, quantize."""
    spectral_warp: float = 0.25

    pitch_drop: float = 0.03
    """Probability that the pitch falls at the start."""
    drop_semitones: Range = (5.0, 48.0)
    drop_seconds: Range = (0.01, 0.12)

    samples: Mapping[str, float] = field(default_factory=lambda: {"coloured": 2, "band": 1})
    """Weights of the recipes for the sample player."""
    sample: float = 0.12
    """Probability that there is a sample."""
    sample_level: Range = (0.1, 0.5)
    only_sample: float = 0.0
    """Probability that it plays without the oscillators, where there is one."""
    noise_sustains: float = 0.3
    """Probability that a noise lasts as long as the tone instead of being a burst."""
    noise_seconds: Range = (0.01, 0.25)

    filter: float = 0.7
    models: Mapping[str, float] = field(
        default_factory=lambda: {
            "analog": 4,
            "dirty": 2,
            "ladder": 3,
            "digital": 2,
            "diode": 1.5,
            "formant": 0.7,
            "comb": 0.5,
            "phaser": 0.5,
        }
    )
    cutoff: Range = (0.0, 60.0)
    """Semitones above the key."""
    resonance: Range = (0.0, 0.75)
    sweep: float = 0.55
    """Probability that an envelope moves the cutoff."""
    sweep_semitones: Range = (6.0, 60.0)
    sweep_seconds: Range = (0.03, 1.0)
    high_pass: float = 0.08
    tuned_comb: float = 0.0
    """Probability that the filter is a comb tuned to the key: a string model."""

    vibrato: float = 0.1
    movement: float = 0.8
    """Mean number of slow modulations."""
    rhythm: float = 0.05
    """Probability that a step sequence opens and closes something."""
    drive: float = 0.2
    """Probability of a distortion, where there are effects."""
    space: float = 0.5
    """Probability of a reverb, where there are effects."""
