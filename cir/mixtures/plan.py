"""Plans of mixtures: all that rendering needs beside the pool."""

from dataclasses import dataclass
from typing import NamedTuple

#: Samples of the fade where a note is cut: 10 ms.
CUT_FADE_SAMPLES = 160


class PlacedNote(NamedTuple):
    """A note of the pool and its place in a stem; a tuple, since thousands are made per second."""

    row: int
    start: int
    """In samples at 16 kHz."""
    length: int
    """In samples; a longer note is cut."""
    fade: int = CUT_FADE_SAMPLES
    """Samples of the linear fade before a cut."""
    gain: float = 1.0
    """Linear, relative to the note's own level."""


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
    """Reverb: decaying noise."""

    decay_seconds: float
    """Time until it has fallen by 60 dB."""
    wet_db: float
    """Energy of the reverberation relative to the direct sound."""
    offset: int
    """Start of its response in the table of noise."""


@dataclass(frozen=True)
class NoisePlan:
    """Steady noise under the mixture."""

    level_db: float
    """Relative to the mixture's own RMS."""
    tilt_db: float
    """Slope in dB per octave: 0 is white, -3 pink, -6 brown."""
    offset: int
    """Its start in the table of noise."""


@dataclass(frozen=True)
class CodecPlan:
    """A lossy codec."""

    format: str
    """One of `cir.mixtures.codec.CODECS`."""
    compression: float
    """From 0, best, to 1, smallest."""


@dataclass(frozen=True)
class EffectsPlan:
    """Effects on the mix, not on the stems, in this order."""

    equaliser_db: tuple[float, ...] = ()
    """Gain at each of `cir.mixtures.effects.EQUALISER_HZ`; empty for none."""
    reverb: ReverbPlan | None = None
    noise: NoisePlan | None = None
    codec: CodecPlan | None = None

    @property
    def is_dry(self) -> bool:
        """Whether the mix has no effects."""
        return self == DRY


DRY = EffectsPlan()


@dataclass(frozen=True)
class MixturePlan:
    """Stems and effects of a mixture."""

    seed: int
    n_samples: int
    families: tuple[str | None, ...]
    instrument_ids: tuple[str, ...]
    stems: tuple[StemPlan, ...]
    effects: EffectsPlan = DRY
