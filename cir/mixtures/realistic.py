"""Realistic mixtures: two to six instruments of any families, chords, tails, effects."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cir.mixtures.cast import draw_cast
from cir.mixtures.chords import MAX_VOICES, draw_voices
from cir.mixtures.draw_effects import draw_effects
from cir.mixtures.groove import Groove, draw_groove, draw_slots
from cir.mixtures.mixture_config import MixtureConfig
from cir.mixtures.paper import draw_scale
from cir.mixtures.plan import CUT_FADE_SAMPLES, MixturePlan, PlacedNote, StemPlan
from cir.mixtures.pool import NotePool
from cir.types import SAMPLE_RATE

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
