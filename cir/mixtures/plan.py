"""A plan: everything that decides how a mixture sounds, before anything does."""

from dataclasses import dataclass
from typing import NamedTuple

#: Samples of the fade where a note is cut: 10 ms.
CUT_FADE_SAMPLES = 160


class PlacedNote(NamedTuple):
    """A note of the pool and where it plays. Thousands are made a second: hence no dataclass."""

    row: int
    start: int
    """In samples at 16 kHz."""
    length: int
    """In samples; a longer note is cut there."""
    fade: int = CUT_FADE_SAMPLES
    """Samples of the linear fade that a cut ends with."""
    gain: float = 1.0
    """Linear, on top of the note's own level."""


@dataclass(frozen=True)
class StemPlan:
    """One instrument's part."""

    instrument: int
    """Number in the pool."""
    gain_db: float
    """Relative to the stem's peak of 0.99."""
    notes: tuple[PlacedNote, ...]


@dataclass(frozen=True)
class ReverbPlan:
    """A room: noise that decays."""

    decay_seconds: float
    """Until it is 60 dB down."""
    wet_db: float
    """Energy of the reverberation relative to the direct sound."""
    offset: int
    """Where in the table of noise its response starts."""


@dataclass(frozen=True)
class NoisePlan:
    """Steady noise under the mixture."""

    level_db: float
    """Relative to the mixture's own RMS."""
    tilt_db: float
    """Slope in dB per octave: 0 is white, -3 pink, -6 brown."""
    offset: int
    """Where in the table of noise it starts."""


@dataclass(frozen=True)
class CodecPlan:
    """A lossy codec that the mixture went through."""

    format: str
    """One of `cir.mixtures.codec.CODECS`."""
    compression: float
    """From 0, best, to 1, smallest."""


@dataclass(frozen=True)
class EffectsPlan:
    """What the mix, and only the mix, went through; in this order."""

    equaliser_db: tuple[float, ...] = ()
    """Gain at each of `cir.mixtures.effects.EQUALISER_HZ`; empty changes nothing."""
    reverb: ReverbPlan | None = None
    noise: NoisePlan | None = None
    codec: CodecPlan | None = None

    @property
    def is_dry(self) -> bool:
        """Nothing is done to the mix."""
        return self == DRY


DRY = EffectsPlan()


@dataclass(frozen=True)
class MixturePlan:
    """Who plays what when, how loud, and what happens to the mix."""

    seed: int
    n_samples: int
    families: tuple[str | None, ...]
    instrument_ids: tuple[str, ...]
    stems: tuple[StemPlan, ...]
    effects: EffectsPlan = DRY
