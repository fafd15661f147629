"""The scores of phrases: two bars for each family, at 120 bpm.

Steps of a scale count from the tonic: 0 is the tonic, 2 the third, 4 the fifth, 7 the octave, -1
the step below. `cir.index.phrase_pitches` chooses the scale and the tonic.
"""

from dataclasses import dataclass

BEAT_SECONDS = 0.5
_RING_SECONDS = 1.0


@dataclass(frozen=True)
class Event:
    """A key or a chord pressed."""

    beat: float
    beats: float
    """How long it is held."""
    steps: tuple[int, ...]
    """The first step is the melody's; monophonic instruments play it alone."""
    velocity: int = 100

    @property
    def start_seconds(self) -> float:
        """When it begins."""
        return self.beat * BEAT_SECONDS

    @property
    def seconds(self) -> float:
        """How long it is held."""
        return self.beats * BEAT_SECONDS


@dataclass(frozen=True)
class Score:
    """A phrase without scale and tonic."""

    events: tuple[Event, ...]
    ring_seconds: float = 0.0
    """How much longer keys are held, as with a pedal; for struck and plucked notes."""


def _score(*rows: tuple[float, float, int | tuple[int, ...], int], rings: bool = False) -> Score:
    events = (
        Event(beat, beats, steps if isinstance(steps, tuple) else (steps,), velocity)
        for beat, beats, steps, velocity in rows
    )
    return Score(tuple(events), _RING_SECONDS if rings else 0.0)


BASS_LINE = _score(
    (0.0, 0.7, 0, 110),
    (1.0, 0.4, 0, 90),
    (1.5, 0.4, 2, 95),
    (2.0, 0.7, 3, 105),
    (3.0, 0.4, 4, 100),
    (3.5, 0.4, 3, 90),
    (4.0, 0.7, 0, 110),
    (5.0, 0.4, 0, 90),
    (5.5, 0.4, -1, 95),
    (6.0, 1.5, 0, 110),
)
MELODY = _score(
    (0.0, 0.5, 0, 100),
    (0.5, 0.5, 2, 90),
    (1.0, 1.0, 4, 110),
    (2.0, 0.5, 3, 95),
    (2.5, 0.5, 2, 90),
    (3.0, 1.0, 3, 100),
    (4.0, 0.5, 4, 100),
    (4.5, 0.5, 6, 100),
    (5.0, 1.0, 7, 115),
    (6.0, 1.5, 4, 105),
)
BROKEN_CHORDS = _score(
    (0.0, 1.0, 0, 105),
    (0.5, 1.0, 4, 90),
    (1.0, 1.0, 7, 100),
    (1.5, 1.0, 9, 95),
    (2.0, 1.0, 7, 90),
    (2.5, 1.0, 4, 90),
    (3.0, 1.0, -2, 105),
    (3.5, 1.0, 2, 90),
    (4.0, 1.0, 5, 100),
    (4.5, 1.0, 7, 95),
    (5.0, 1.0, 5, 90),
    (5.5, 1.0, 2, 90),
    (6.0, 1.5, (0, 4, 7), 105),
    rings=True,
)
CHORDS = _score(
    (0.0, 1.4, (4, 0, 2), 100),
    (1.5, 0.4, (4, 0, 2), 85),
    (2.0, 1.4, (5, 0, 3), 100),
    (3.5, 0.4, (5, 0, 3), 85),
    (4.0, 0.9, (6, 1, 4), 100),
    (5.0, 0.9, (6, 4, 1), 90),
    (6.0, 1.5, (7, 4, 2), 105),
)
SLOW_CHORDS = _score(
    (0.0, 2.0, (4, 0, 2), 95),
    (2.0, 2.0, (5, 0, 3), 95),
    (4.0, 3.2, (4, 0, 2), 100),
)
BELLS = _score(
    (0.0, 1.0, 0, 105),
    (1.0, 1.0, 4, 95),
    (2.0, 0.5, 7, 105),
    (2.5, 0.5, 6, 90),
    (3.0, 1.0, 4, 95),
    (4.0, 1.0, 2, 95),
    (5.0, 1.0, 3, 95),
    (6.0, 1.5, 0, 105),
    rings=True,
)
BEAT = _score(
    (0.0, 0.5, 0, 120),
    (0.75, 0.25, 0, 80),
    (1.5, 0.5, 2, 100),
    (2.0, 0.5, 0, 115),
    (3.0, 0.5, 0, 105),
    (3.5, 0.25, 2, 80),
    (4.0, 0.5, 0, 120),
    (4.75, 0.25, 0, 80),
    (5.5, 0.5, 2, 100),
    (6.0, 0.5, 0, 115),
    (6.5, 0.25, 0, 85),
    (6.75, 0.25, 0, 95),
    rings=True,
)
TWO_LONG_NOTES = _score((0.0, 3.8, 0, 100), (4.0, 3.4, 4, 100))

_OF_FAMILY = {
    "percussion": BELLS,
    "bass": BASS_LINE,
    "synth_lead": MELODY,
    "synth_pad": SLOW_CHORDS,
    "synth_effects": TWO_LONG_NOTES,
    "piano": CHORDS,
    "guitar": BROKEN_CHORDS,
    "strings": SLOW_CHORDS,
    "organ": CHORDS,
    "brass": MELODY,
    "reed": MELODY,
    "pipe": MELODY,
    "voice": SLOW_CHORDS,
}
_OF_CATEGORY = {
    "Drums": BEAT,
    "Drum kits": BEAT,
    "Percussion": BEAT,
    "Percussive": BEAT,
    "Polysynths": CHORDS,
}
"""Categories that decide before the family."""


def score_for(family: str | None, category: str) -> Score:
    """Return the phrase of an instrument; without a family it holds two notes."""
    if category in _OF_CATEGORY:
        return _OF_CATEGORY[category]
    return TWO_LONG_NOTES if family is None else _OF_FAMILY[family]
