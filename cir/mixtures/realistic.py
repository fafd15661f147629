"""Realistic mixtures: two to six instruments of any families, chords, tails, effects."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cir.errors import DataError
from cir.mixtures.effects import CODECS, EQUALISER_HZ, NOISE_TABLE_SAMPLES
from cir.mixtures.groove import MAX_VOICES, Groove, draw_groove, draw_slots, draw_voices
from cir.mixtures.mixture_config import MixtureConfig
from cir.mixtures.paper import draw_scale
from cir.mixtures.plan import (
    CUT_FADE_SAMPLES,
    CodecPlan,
    EffectsPlan,
    MixturePlan,
    NoisePlan,
    PlacedNote,
    ReverbPlan,
    StemPlan,
)
from cir.mixtures.pool import NotePool
from cir.types import SAMPLE_RATE

_EQUALISER_SPREAD_DB = 3.0
_EQUALISER_LIMIT_DB = 9.0
_DECAY_SECONDS = (0.2, 1.2)
_WET_DB = (-24.0, -6.0)
_NOISE_DB = (-60.0, -25.0)
_NOISE_TILT_DB = (-6.0, 0.0)

_LEVEL_SPREAD_DB = 4.0
"""Standard deviation of the stems' levels, before `level_range_db`."""
_SOFTEST_NOTE_DB = -9.0
_SHORTEST_GATE = 0.4
"""Least share of its slot that a key is held."""
_TAIL_SECONDS = (0.03, 0.8)
_RINGING_SECONDS = 4.0
"""Percussion rings on after its slot; no note of a pool is longer."""
_MAX_SPREAD_SECONDS = 0.02
"""The voices of a chord start within this time."""


def draw_cast(
    generator: np.random.Generator, pool: NotePool, config: MixtureConfig
) -> tuple[int, ...]:
    """Draw numbers of the pool, never an instrument together with its twin or a recast copy.

    A family is drawn with the square root of its size, an instrument in it uniformly.

    Raises:
        DataError: The pool has too few instruments of the families.
    """
    names = [name for name in config.families if name in pool.families]
    n_stems = int(generator.integers(config.min_stems, config.max_stems + 1))
    cast: dict[str, int] = {}
    for family in _draw_families(generator, pool, names, n_stems):
        group = pool.of_family(family)
        number = group[generator.integers(len(group))]
        if pool.instruments[number].instrument_id in cast:
            free = [n for n in group if pool.instruments[n].instrument_id not in cast]
            if not free:
                continue
            number = free[generator.integers(len(free))]
        cast[pool.instruments[number].instrument_id] = number
    if len(cast) < config.min_stems:
        raise DataError(
            f"A mixture of {config.min_stems} instruments of {', '.join(config.families)} cannot "
            f"be made of this pool, whose families are {', '.join(pool.families)}."
        )
    return tuple(cast.values())


def _draw_families(
    generator: np.random.Generator, pool: NotePool, names: list[str], n_stems: int
) -> list[str]:
    """Draw a family for each stem, none twice before all occur."""
    if not names:
        return []
    weights = np.sqrt([len(pool.of_family(name)) for name in names])
    n_first = min(n_stems, len(names))
    # The order of weighted exponential draws is a weighted draw without replacement.
    first = (generator.exponential(size=len(names)) / weights).argsort()[:n_first]
    shares = weights.cumsum() / weights.sum()
    more = shares.searchsorted(generator.random(n_stems - n_first), side="right")
    return [names[number] for number in (*first.tolist(), *more.tolist())]


def draw_effects(generator: np.random.Generator, config: MixtureConfig) -> EffectsPlan:
    """Draw each effect independently, with the probabilities of the configuration."""
    equalised, reverberant, noisy = generator.random(3) < config.effects_probability
    equaliser_db: tuple[float, ...] = ()
    reverb = noise = codec = None
    if equalised:
        gains_db = generator.normal(0, _EQUALISER_SPREAD_DB, len(EQUALISER_HZ))
        equaliser_db = tuple(gains_db.clip(-_EQUALISER_LIMIT_DB, _EQUALISER_LIMIT_DB).tolist())
    if reverberant:
        seconds, wet_db = generator.uniform(*_DECAY_SECONDS), generator.uniform(*_WET_DB)
        reverb = ReverbPlan(seconds, wet_db, int(generator.integers(NOISE_TABLE_SAMPLES)))
    if noisy:
        level_db, tilt_db = generator.uniform(*_NOISE_DB), generator.uniform(*_NOISE_TILT_DB)
        noise = NoisePlan(level_db, tilt_db, int(generator.integers(NOISE_TABLE_SAMPLES)))
    if generator.random() < config.codec_probability:
        name = list(CODECS)[generator.integers(len(CODECS))]
        codec = CodecPlan(name, generator.uniform(*CODECS[name].compression))
    return EffectsPlan(equaliser_db, reverb, noise, codec)


def plan_realistic(
    seed: int,
    pool: NotePool,
    config: MixtureConfig,
    instruments: Sequence[int] | None = None,
) -> MixturePlan:
    """Plan a mixture; see `plan_mixture`."""
    generator = np.random.default_rng([seed, 2])
    if instruments is None:
        instruments = draw_cast(generator, pool, config)
    n_samples = round(config.duration_seconds * SAMPLE_RATE)
    in_scale = draw_scale(generator)
    groove = draw_groove(generator, (config.min_tempo_bpm, config.max_tempo_bpm), n_samples)
    stems = []
    for instrument in instruments:
        family = pool.instruments[instrument].family
        gain_db = generator.normal(0, _LEVEL_SPREAD_DB)
        gain_db += generator.uniform(-1, 1) * config.level_range_db
        tail = round(generator.uniform(*_TAIL_SECONDS) * SAMPLE_RATE)
        generator.random()  # unused: keeps the mixtures of published seeds
        slots = draw_slots(generator, groove, family)
        voices = draw_voices(generator, pool, instrument, in_scale, len(slots[0]))
        notes = _place(generator, groove, family, slots, voices, tail)
        stems.append(StemPlan(int(instrument), float(gain_db), notes))
    return MixturePlan(
        seed=seed,
        n_samples=n_samples,
        families=tuple(pool.instruments[number].family for number in instruments),
        instrument_ids=tuple(pool.instruments[number].instrument_id for number in instruments),
        stems=tuple(stems),
        effects=draw_effects(generator, config),
    )


def _place(
    generator: np.random.Generator,
    groove: Groove,
    family: str | None,
    slots: tuple[NDArray[np.int64], NDArray[np.int64]],
    voices: Sequence[tuple[int, ...]],
    tail: int,
) -> tuple[PlacedNote, ...]:
    """Fill slots with voices, with length, level and fade of each."""
    starts, lengths = slots
    fade = tail
    if family == "percussion":
        lengths, fade = (
            np.full_like(lengths, round(_RINGING_SECONDS * SAMPLE_RATE)),
            CUT_FADE_SAMPLES,
        )
    else:
        lengths = np.rint(lengths * generator.uniform(_SHORTEST_GATE, 1)).astype(np.int64) + tail
    gains = 10 ** (generator.uniform(_SOFTEST_NOTE_DB, 0, len(starts)) / 20)
    spread = int(generator.uniform(0, _MAX_SPREAD_SECONDS) * SAMPLE_RATE / MAX_VOICES)
    latest = groove.n_samples - 1
    return tuple(
        PlacedNote(row, min(start + voice * spread, latest), length, fade, gain)
        for start, length, gain, rows in zip(
            starts.tolist(), lengths.tolist(), gains.tolist(), voices, strict=True
        )
        for voice, row in enumerate(rows)
    )
