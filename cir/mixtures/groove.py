"""What the stems of realistic mixtures play: tempo, swing, rests, silent bars, and chords."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cir.mixtures.paper import draw_note_lengths, draw_rows
from cir.mixtures.pool import NotePool
from cir.mixtures.scales import QUARTERS
from cir.types import SAMPLE_RATE

#: Probability that a stem of the family plays chords; other families play one voice.
CHORD_PROBABILITY = {
    "synth_pad": 0.6,
    "piano": 0.5,
    "organ": 0.5,
    "guitar": 0.4,
    "strings": 0.4,
    "voice": 0.3,
    "brass": 0.2,
    "synth_effects": 0.2,
    "synth_lead": 0.1,
}
MAX_VOICES = 4
_MIN_VOICES = 2
_WIDEST_SEMITONES = 24
_MAX_CHORDS = 4

QUARTERS_PER_BAR = 4
_SWING_PROBABILITY = 0.3
_HARDEST_SWING = 0.67
"""Position of the second eighth within its quarter: 0.5 is straight, 2/3 a triplet."""
_BREAK_PROBABILITY = 0.05
_SILENT_BAR_PROBABILITY = 0.15
_REST_PROBABILITY = 0.15
_JITTER_QUARTERS = 0.02
_SHORTEST_SECONDS = 0.06


def draw_voices(
    generator: np.random.Generator,
    pool: NotePool,
    instrument: int,
    in_scale: NDArray[np.bool_],
    n_slots: int,
) -> list[tuple[int, ...]]:
    """Draw the rows that sound together in each slot: one, or two to four of a chord."""
    family = pool.instruments[instrument].family
    if generator.random() >= CHORD_PROBABILITY.get(family or "", 0.0):
        return [
            (row,) for row in draw_rows(generator, pool, instrument, in_scale, n_slots).tolist()
        ]
    n_chords = int(generator.integers(1, _MAX_CHORDS + 1))
    roots = draw_rows(generator, pool, instrument, in_scale, n_chords)
    chords = [_draw_chord(generator, pool, instrument, in_scale, int(root)) for root in roots]
    return [chords[number] for number in generator.integers(n_chords, size=n_slots).tolist()]


def _draw_chord(
    generator: np.random.Generator,
    pool: NotePool,
    instrument: int,
    in_scale: NDArray[np.bool_],
    root: int,
) -> tuple[int, ...]:
    """Draw notes of different pitches in the scale, near the root."""
    rows = pool.instruments[instrument].rows
    pitches = pool.pitches[rows]
    near = np.abs(pitches - pool.pitches[root]) <= _WIDEST_SEMITONES
    n_voices = int(generator.integers(_MIN_VOICES, MAX_VOICES + 1))
    chord = {int(pool.pitches[root]): root}
    for row in generator.permutation(rows[near & in_scale[pitches % 12]]).tolist():
        if len(chord) == n_voices:
            break
        chord.setdefault(int(pool.pitches[row]), row)
    return tuple(chord.values())


@dataclass(frozen=True)
class Groove:
    """Timing that the stems of a mixture share."""

    quarter_seconds: float
    swing: float
    entry_quarters: float
    """Offset of the mixture's start within a bar."""
    breaks: NDArray[np.bool_]
    """Bars in which no stem starts a note, (bars,)."""
    n_samples: int


def draw_groove(
    generator: np.random.Generator, tempo_bpm: tuple[float, float], n_samples: int
) -> Groove:
    """Draw tempo, swing, entry and breaks."""
    quarter_seconds = 60 / generator.uniform(*tempo_bpm)
    swings, swing = generator.random() < _SWING_PROBABILITY, generator.uniform(0.5, _HARDEST_SWING)
    n_bars = int(n_samples / SAMPLE_RATE / quarter_seconds / QUARTERS_PER_BAR) + 2
    return Groove(
        quarter_seconds=quarter_seconds,
        swing=swing if swings else 0.5,
        entry_quarters=generator.uniform(0, QUARTERS_PER_BAR),
        breaks=generator.random(n_bars) < _BREAK_PROBABILITY,
        n_samples=n_samples,
    )


def draw_slots(
    generator: np.random.Generator, groove: Groove, family: str | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw starts and lengths in samples of a stem's slots; at least one."""
    n_bars = len(groove.breaks)
    n_slots = int(n_bars * QUARTERS_PER_BAR / QUARTERS[-1])
    edges = np.zeros(n_slots + 1)
    np.cumsum(draw_note_lengths(generator, family, n_slots), out=edges[1:])
    silent_bars = groove.breaks | (generator.random(n_bars) < _SILENT_BAR_PROBABILITY)
    bars = np.minimum(edges[:-1] / QUARTERS_PER_BAR, n_bars - 1).astype(np.int64)
    sounding = ~silent_bars[bars] & (generator.random(n_slots) >= _REST_PROBABILITY)
    seconds = (_swing(edges, groove.swing) - groove.entry_quarters) * groove.quarter_seconds
    jitter = generator.uniform(-_JITTER_QUARTERS, _JITTER_QUARTERS, n_slots)
    starts = np.rint((seconds[:-1] + jitter * groove.quarter_seconds) * SAMPLE_RATE)
    ends = np.rint(seconds[1:] * SAMPLE_RATE)
    shortest = min(_SHORTEST_SECONDS * SAMPLE_RATE, groove.n_samples)
    possible = (starts >= 0) & (starts <= groove.n_samples - shortest)
    if not possible.any():
        return np.zeros(1, np.int64), np.array([groove.n_samples])
    sounding &= possible
    if not sounding.any():
        sounding[possible.argmax()] = True
    first = starts[sounding].astype(np.int64)
    lengths = np.maximum(ends[sounding].astype(np.int64) - first, int(shortest))
    return first, lengths


def _swing(quarters: NDArray[np.float64], swing: float) -> NDArray[np.float64]:
    """Move the second half of every quarter from 0.5 to `swing`, stretching what lies between."""
    whole = np.floor(quarters)
    phase = quarters - whole
    late = swing + (phase - 0.5) * 2 * (1 - swing)
    warped: NDArray[np.float64] = whole + np.where(phase < 0.5, phase * 2 * swing, late)
    return warped
