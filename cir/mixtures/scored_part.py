"""A part from a score, played on the notes that an instrument has."""

import numpy as np

from cir.mixtures.plan import PlacedNote
from cir.mixtures.pool import NotePool
from cir.types import SAMPLE_RATE, Note

_LOUDEST_VELOCITY = 127
_SEMITONES = 12


def play_score(
    generator: np.random.Generator,
    pool: NotePool,
    instrument: int,
    score: tuple[Note, ...],
    n_samples: int,
    tail: int,
) -> tuple[PlacedNote, ...]:
    """Place a window of a score; at least one note.

    The score is moved by octaves to where the instrument's notes are; then the nearest of them
    plays for each of its notes, as loud as the square of the velocity.

    Args:
        generator: Draws which of the score's notes the window starts with.
        pool: Where the notes are.
        instrument: Who plays.
        score: At least one note.
        n_samples: Of the window.
        tail: Samples that a note fades for after its key is released.
    """
    ordered = sorted(score, key=lambda note: note.start_seconds)
    latest = max(ordered[-1].start_seconds - n_samples / SAMPLE_RATE, 0.0)
    openings = [note.start_seconds for note in ordered if note.start_seconds <= latest]
    opening = openings[generator.integers(len(openings))] if openings else ordered[0].start_seconds
    end = opening + n_samples / SAMPLE_RATE
    heard = [note for note in ordered if opening <= note.start_seconds < end]
    rows = pool.instruments[instrument].rows
    available = pool.pitches[rows]
    wanted = np.array([note.pitch for note in heard])
    octaves = np.rint((np.median(available) - np.median(wanted)) / _SEMITONES)
    distances = np.abs(wanted[:, None] + _SEMITONES * octaves - available)  # (notes, rows)
    return tuple(
        PlacedNote(
            row=int(row),
            start=min(round((note.start_seconds - opening) * SAMPLE_RATE), n_samples - 1),
            length=round(note.duration_seconds * SAMPLE_RATE) + tail,
            fade=tail,
            gain=(note.velocity / _LOUDEST_VELOCITY) ** 2,
        )
        for note, row in zip(heard, rows[distances.argmin(1)], strict=True)
    )
