"""The paper's mixtures: one instrument per family, one voice each.

The stems share a scale and a tempo. Note lengths are drawn per family, one slot in four is silent
(never for percussion), and onsets are jittered.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cir.errors import InputError
from cir.mixtures.mixture_config import MixtureConfig
from cir.mixtures.plan import MixturePlan, PlacedNote, StemPlan
from cir.mixtures.pool import NotePool
from cir.mixtures.scales import NOTE_LENGTHS, OTHER_NOTE_LENGTHS, QUARTERS, SCALES
from cir.types import SAMPLE_RATE

_SILENCE_PROBABILITY = 0.25
_JITTER = 0.02
_MAX_DELAY = 0.1

_SCALE_STEPS = [np.array(SCALES[name]) for name in sorted(SCALES)]


def plan_paper(
    seed: int,
    pool: NotePool,
    config: MixtureConfig,
    instruments: Sequence[int] | None = None,
) -> MixturePlan:
    """Plan a mixture; see `plan_mixture`."""
    generator = np.random.default_rng([seed, 1])
    if instruments is None:
        groups = [pool.of_family(name) for name in config.families]
        instruments = [group[generator.integers(len(group))] for group in groups]
    elif len(instruments) != len(config.families):
        raise InputError(
            f"A mixture of the families {', '.join(config.families)} needs one instrument of each, "
            f"got {len(instruments)}."
        )
    in_scale = draw_scale(generator)
    quarter_seconds = 60 / generator.uniform(config.min_tempo_bpm, config.max_tempo_bpm)
    n_samples = round(config.duration_seconds * SAMPLE_RATE)
    stems = []
    for family, instrument in zip(config.families, instruments, strict=True):
        gain_db = config.percussion_gain_db if family == "percussion" else 0.0
        gain_db += generator.uniform(-1, 1) * config.level_range_db
        starts, lengths = _draw_slots(generator, family, quarter_seconds, n_samples)
        rows = draw_rows(generator, pool, instrument, in_scale, len(starts))
        notes = tuple(map(PlacedNote, rows.tolist(), starts.tolist(), lengths.tolist()))
        stems.append(StemPlan(int(instrument), float(gain_db), notes))
    return MixturePlan(
        seed=seed,
        n_samples=n_samples,
        families=config.families,
        instrument_ids=tuple(pool.instruments[number].instrument_id for number in instruments),
        stems=tuple(stems),
    )


def draw_scale(generator: np.random.Generator) -> NDArray[np.bool_]:
    """Draw a scale and a root; return which of the twelve pitch classes are in it, (12,)."""
    steps = _SCALE_STEPS[generator.integers(len(_SCALE_STEPS))]
    in_scale = np.zeros(12, bool)
    in_scale[(steps + generator.integers(12)) % 12] = True
    return in_scale


def draw_note_lengths(
    generator: np.random.Generator, family: str | None, n_notes: int
) -> NDArray[np.float64]:
    """Draw lengths of consecutive notes in quarters, (n_notes,)."""
    cumulated = _CUMULATED_LENGTHS.get(family, _CUMULATED_OTHER_LENGTHS)
    drawn: NDArray[np.float64] = QUARTERS[
        cumulated.searchsorted(generator.random(n_notes), side="right")
    ]
    return drawn


def draw_rows(
    generator: np.random.Generator,
    pool: NotePool,
    instrument: int,
    in_scale: NDArray[np.bool_],
    n_notes: int,
) -> NDArray[np.int64]:
    """Draw notes of the instrument in the scale, weighted by their pitch's share in the family."""
    rows = pool.instruments[instrument].rows
    # The draw of Generator.choice without its checks, ten times as fast.
    allowed = in_scale[pool.pitch_classes[rows]]
    cumulated = (pool.pitch_weights(instrument) * allowed).cumsum()
    if cumulated[-1] == 0:
        return rows[generator.integers(len(rows), size=n_notes)]
    drawn = cumulated.searchsorted(generator.random(n_notes) * cumulated[-1], side="right")
    chosen: NDArray[np.int64] = rows[drawn]
    return chosen


def _draw_slots(
    generator: np.random.Generator, family: str, quarter_seconds: float, n_samples: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw starts and lengths in samples of the slots that sound; at least one."""
    delay = generator.uniform(0, _MAX_DELAY) * quarter_seconds
    total_seconds = n_samples / SAMPLE_RATE - delay
    shortest = QUARTERS[-1] * quarter_seconds
    lengths = draw_note_lengths(generator, family, int(np.ceil(total_seconds / shortest)))
    edges = np.zeros(len(lengths) + 2)
    np.cumsum(lengths, out=edges[1:-1])
    edges *= quarter_seconds
    edges[-1] = total_seconds
    n_slots = int(edges[:-1].searchsorted(total_seconds))  # those that start before the end
    edges[n_slots] = total_seconds
    jitter = generator.uniform(-_JITTER, _JITTER, n_slots) * quarter_seconds
    sounding = generator.random(n_slots) >= _SILENCE_PROBABILITY
    if family == "percussion":
        sounding.fill(True)
    elif not sounding.any():
        sounding[0] = True
    starts = np.rint((np.maximum(edges[:n_slots] + jitter, 0) + delay) * SAMPLE_RATE)
    ends = np.minimum(np.rint((edges[1 : n_slots + 1] + delay) * SAMPLE_RATE), n_samples)
    sounding &= ends > starts
    first = starts[sounding].astype(np.int64)
    return first, ends[sounding].astype(np.int64) - first


def _cumulate(probabilities: Sequence[float]) -> NDArray[np.float64]:
    cumulated = np.cumsum(probabilities)
    normalised: NDArray[np.float64] = cumulated / cumulated[-1]
    return normalised


_CUMULATED_LENGTHS: dict[str | None, NDArray[np.float64]] = {
    family: _cumulate(probabilities) for family, probabilities in NOTE_LENGTHS.items()
}
_CUMULATED_OTHER_LENGTHS = _cumulate(OTHER_NOTE_LENGTHS)
