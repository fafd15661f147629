"""A seed becomes a plan: which instruments play which notes when.

Section 3 of the protocol: a scale and a tempo shared by the stems, note lengths drawn per family,
slots left silent one time in four (never for percussion), onsets jittered, one voice per stem.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cir.errors import InputError
from cir.instruments.note_bank import SAMPLE_RATE
from cir.mixtures.pool import NotePool
from cir.mixtures.scales import SCALES

PAPER_FAMILIES = ("percussion", "bass", "synth_lead")

#: Probabilities of half, quarter, eighth and sixteenth notes.
NOTE_LENGTHS: dict[str, tuple[float, float, float, float]] = {
    "percussion": (0.0, 0.8, 0.2, 0.0),
    "bass": (0.45, 0.4, 0.1, 0.05),
}
OTHER_NOTE_LENGTHS = (0.1, 0.3, 0.3, 0.3)
_QUARTERS = np.array([2.0, 1.0, 0.5, 0.25])
_SILENCE_PROBABILITY = 0.25
_JITTER = 0.02
_MAX_DELAY = 0.1


@dataclass(frozen=True)
class MixtureConfig:
    """What kind of mixture to write."""

    duration_seconds: float = 10.0
    families: tuple[str, ...] = PAPER_FAMILIES
    """One instrument of each plays."""
    min_tempo_bpm: float = 60.0
    max_tempo_bpm: float = 140.0
    percussion_gain_db: float = 12.0
    level_range_db: float = 0.0
    """Each stem's level is moved by up to this much, up or down."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "families", tuple(self.families))
        if not self.families:
            raise InputError("A mixture needs at least one family, got none.")
        if self.duration_seconds <= 0 or not 0 < self.min_tempo_bpm <= self.max_tempo_bpm:
            raise InputError(
                "A mixture needs a positive duration and 0 < min_tempo_bpm <= max_tempo_bpm, got "
                f"{self.duration_seconds} s and {self.min_tempo_bpm}..{self.max_tempo_bpm} bpm."
            )


@dataclass(frozen=True)
class PlacedNote:
    """A note of the pool and the slot it plays in."""

    row: int
    start: int
    """In samples at 16 kHz."""
    length: int
    """Slot length in samples; a longer note is cut with a fade."""


@dataclass(frozen=True)
class StemPlan:
    """One instrument's part."""

    instrument: int
    """Number in the pool."""
    gain_db: float
    """Relative to the stem's peak of 0.99."""
    notes: tuple[PlacedNote, ...]


@dataclass(frozen=True)
class MixturePlan:
    """Everything that decides how a mixture sounds."""

    seed: int
    n_samples: int
    families: tuple[str, ...]
    instrument_ids: tuple[str, ...]
    stems: tuple[StemPlan, ...]


def plan_mixture(
    seed: int,
    pool: NotePool,
    config: MixtureConfig,
    *,
    instruments: Sequence[int] | None = None,
) -> MixturePlan:
    """Write a mixture; a pure function of its arguments.

    Args:
        seed: Decides every draw.
        pool: Where instruments and notes come from.
        config: Families, length, tempo, levels.
        instruments: Numbers in the pool, one per family; None draws them uniformly.
    """
    generator = np.random.default_rng([seed, 1])
    if instruments is None:
        instruments = [int(generator.choice(pool.of_family(name))) for name in config.families]
    scale = np.array(SCALES[str(generator.choice(sorted(SCALES)))])
    in_scale = np.isin(np.arange(12), (scale + generator.integers(12)) % 12)
    quarter_seconds = 60 / generator.uniform(config.min_tempo_bpm, config.max_tempo_bpm)
    n_samples = round(config.duration_seconds * SAMPLE_RATE)
    stems = []
    for family, instrument in zip(config.families, instruments, strict=True):
        gain_db = config.percussion_gain_db if family == "percussion" else 0.0
        gain_db += generator.uniform(-1, 1) * config.level_range_db
        slots = _draw_slots(generator, family, quarter_seconds, n_samples)
        rows = _draw_rows(generator, pool, instrument, in_scale, len(slots))
        notes = tuple(
            PlacedNote(row, start, length) for row, (start, length) in zip(rows, slots, strict=True)
        )
        stems.append(StemPlan(int(instrument), float(gain_db), notes))
    return MixturePlan(
        seed=seed,
        n_samples=n_samples,
        families=config.families,
        instrument_ids=tuple(pool.instruments[number].instrument_id for number in instruments),
        stems=tuple(stems),
    )


def _draw_slots(
    generator: np.random.Generator, family: str, quarter_seconds: float, n_samples: int
) -> list[tuple[int, int]]:
    """(start, length) in samples of the slots that sound; at least one."""
    delay = generator.uniform(0, _MAX_DELAY) * quarter_seconds
    total_seconds = n_samples / SAMPLE_RATE - delay
    shortest = _QUARTERS[3] * quarter_seconds
    lengths = generator.choice(
        _QUARTERS,
        size=int(np.ceil(total_seconds / shortest)),
        p=NOTE_LENGTHS.get(family, OTHER_NOTE_LENGTHS),
    )
    onsets = np.concatenate([[0.0], np.cumsum(lengths)]) * quarter_seconds
    onsets = onsets[onsets < total_seconds]
    ends = np.append(onsets[1:], total_seconds)
    jitter = generator.uniform(-_JITTER, _JITTER, len(onsets)) * quarter_seconds
    starts = np.clip(onsets + jitter, 0, None)
    sounding = generator.uniform(size=len(onsets)) >= _SILENCE_PROBABILITY
    if family == "percussion":
        sounding[:] = True
    if not sounding.any():
        sounding[0] = True
    slots = []
    for start, end in zip(starts[sounding], ends[sounding], strict=True):
        first = round((delay + start) * SAMPLE_RATE)
        length = min(round((delay + end) * SAMPLE_RATE), n_samples) - first
        if length > 0:
            slots.append((first, length))
    return slots


def _draw_rows(
    generator: np.random.Generator,
    pool: NotePool,
    instrument: int,
    in_scale: np.ndarray[tuple[int], np.dtype[np.bool_]],
    n_notes: int,
) -> list[int]:
    """Notes of the instrument that are in the scale, as likely as their pitch in the family."""
    rows = pool.instruments[instrument].rows
    allowed = in_scale[pool.pitches[rows] % 12]
    if not allowed.any():
        return [int(row) for row in generator.choice(rows, n_notes)]
    weights = np.where(allowed, pool.pitch_weights(instrument), 0.0)
    return [int(row) for row in generator.choice(rows, n_notes, p=weights / weights.sum())]
