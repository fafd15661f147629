"""Chords of the recorded notes of an instrument."""

import numpy as np
from numpy.typing import NDArray

from cir.mixtures.paper import draw_rows
from cir.mixtures.pool import NotePool

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
