"""The pitches of a phrase: as written, or chosen among the recorded notes of an instrument."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from cir.index.phrase_scores import Event, Score
from cir.instruments.note_bank import BankNote
from cir.mixtures.scales import SCALES
from cir.types import SAMPLE_RATE, Note

_Pitches: TypeAlias = NDArray[np.int_]
_Costs: TypeAlias = NDArray[np.float64]

_EXACT_SCALE = "natural_minor"
_SCALES = ("natural_minor", "major", "dorian", "mixolydian")
_OCTAVE = 12

# Costs, all in semitones of distance from the pitch in the score.
_OUT_OF_SCALE = 6.0
_PER_MISSING_SECOND = 8.0
_PER_UNUSUAL_DB = 0.3
_FORGIVEN_DB = 6.0
_PER_WRONG_INTERVAL = 0.5
_WRONG_DIRECTION = 2.0
_RESTLESS_END = 3.0
_CLASH = 8.0
_TOO_FAR = 9.0
"""A voice of a chord that costs more is left out."""

_CLASHING = (1, 2, 6, 10, 11)
"""Intervals within the octave that sound rough in a chord."""


@dataclass(frozen=True)
class _Key:
    """A tonic, a MIDI pitch, and the seven steps above it in semitones."""

    tonic: int
    scale: tuple[int, ...]

    def pitch(self, step: int) -> int:
        octave, degree = divmod(step, len(self.scale))
        return self.tonic + _OCTAVE * octave + self.scale[degree]

    def has(self, pitches: _Pitches) -> NDArray[np.bool_]:
        return np.isin((pitches - self.tonic) % _OCTAVE, self.scale)


def exact_notes(score: Score, centre: int) -> tuple[Note, ...]:
    """Return the notes of a score as it is written, in minor.

    Args:
        score: The score.
        centre: MIDI pitch at the middle of the melody.
    """
    key = _key_around(score, centre, _EXACT_SCALE)
    return tuple(
        Note(
            key.pitch(step), event.velocity, event.start_seconds, event.seconds + score.ring_seconds
        )
        for event in score.events
        for step in event.steps
    )


def recorded_notes(
    score: Score, centre: int, recorded: Sequence[BankNote], *, one_voice: bool
) -> tuple[Note, ...]:
    """Return the notes of a score at recorded pitches alone, in the key that fits them best.

    Rhythm and contour are the score's. Each pitch was recorded; recordings in the key, near the
    written pitch, and held long and loud enough are preferred.

    Args:
        score: The score.
        centre: MIDI pitch at the middle of the melody.
        recorded: Notes of one instrument, at least one.
        one_voice: The instrument plays one note at a time.
    """
    pitches = np.array([note.pitch for note in recorded])
    faults = np.array([_faults(event, recorded) for event in score.events])  # (events, notes)
    keys = [
        _key_around(score, centre + shift, scale)
        for scale in _SCALES
        for shift in range(-_OCTAVE // 2, _OCTAVE // 2)
    ]
    key, melody = _fit(score, keys, pitches, faults)
    notes: list[Note] = []
    for number, (event, first) in enumerate(zip(score.events, melody, strict=True)):
        seconds, voices = event.seconds + score.ring_seconds, [first]
        if not one_voice:
            voices += _chord(event, key, first, pitches, faults[number])
        elif number + 1 < len(score.events):
            seconds = min(seconds, score.events[number + 1].start_seconds - event.start_seconds)
        for one in voices:
            note = recorded[one]
            notes.append(Note(note.pitch, note.velocity, event.start_seconds, seconds))
    return tuple(notes)


def _key_around(score: Score, centre: int, scale: str) -> _Key:
    """Return the key in which the melody's middle is at `centre`."""
    key = _Key(0, SCALES[scale])
    melody = [key.pitch(event.steps[0]) for event in score.events]
    return _Key(centre - round((min(melody) + max(melody)) / 2), SCALES[scale])


def _faults(event: Event, recorded: Sequence[BankNote]) -> list[float]:
    """Return the cost of each recording at any pitch: released too soon, too soft or too loud."""
    usual_db = float(np.median([note.gain_db for note in recorded]))
    costs = []
    for note in recorded:
        sounding = note.duration_seconds
        if sounding < event.seconds:  # the release counts by half
            sounding = (sounding + note.length / SAMPLE_RATE) / 2
        missing = _PER_MISSING_SECOND * max(0.0, event.seconds - sounding)
        unusual_db = max(0.0, abs(note.gain_db - usual_db) - _FORGIVEN_DB)
        costs.append(missing + _PER_UNUSUAL_DB * unusual_db)
    return costs


def _fit(
    score: Score, keys: Sequence[_Key], pitches: _Pitches, faults: _Costs
) -> tuple[_Key, list[int]]:
    """Find the cheapest melody in any key (Viterbi): the key, and the recording of each note.

    Args:
        score: The score.
        keys: The keys to try, K.
        pitches: Of the recordings, (N,).
        faults: See `_faults`, (events, N).
    """
    steps = [event.steps[0] for event in score.events]
    wanted = np.array([[key.pitch(step) for key in keys] for step in steps])  # (events, K)
    in_key = np.array([key.has(pitches) for key in keys])  # (K, N)
    costs = np.abs(pitches - wanted[..., np.newaxis]) + faults[:, np.newaxis]  # (events, K, N)
    costs += _OUT_OF_SCALE * ~in_key
    leaps = pitches - pitches[:, np.newaxis]  # (from, to)
    total = costs[0]
    came_from: list[NDArray[np.intp]] = []
    wanted_leaps = np.diff(wanted, axis=0)[..., np.newaxis, np.newaxis]
    for leap, own in zip(wanted_leaps, costs[1:], strict=True):
        moves = _PER_WRONG_INTERVAL * np.abs(leaps - leap)  # (K, from, to)
        moves += _WRONG_DIRECTION * (np.sign(leaps) != np.sign(leap))
        sums = total[..., np.newaxis] + moves
        came_from.append(sums.argmin(axis=1))
        total = sums.min(axis=1) + own
    tonics = np.array([[key.tonic] for key in keys])
    total = total + _RESTLESS_END * ~np.isin((pitches - tonics) % _OCTAVE, (0, 7))
    best, last = divmod(int(total.argmin()), len(pitches))
    melody = [last]
    for choices in reversed(came_from):
        melody.append(int(choices[best, melody[-1]]))
    return keys[best], melody[::-1]


def _chord(event: Event, key: _Key, first: int, pitches: _Pitches, faults: _Costs) -> list[int]:
    """Return the recordings that complete the chord of a melody note, where there are any."""
    voices = [first]
    for step in event.steps[1:]:
        costs = np.where(key.has(pitches), np.abs(pitches - key.pitch(step)) + faults, np.inf)
        for one in voices:
            apart = np.abs(pitches - pitches[one])
            costs += _CLASH * np.isin(apart % _OCTAVE, _CLASHING)
            costs[apart == 0] = np.inf
        if costs.min() <= _TOO_FAR:
            voices.append(int(costs.argmin()))
    return voices[1:]
