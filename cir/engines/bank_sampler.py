"""A sampler of recorded notes: plays any pitch by resampling a recording near it."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from cir.audio.dsp import fade_out, resample
from cir.engines.base import FADE_SECONDS, check_request, mix_in
from cir.errors import EngineError
from cir.instruments.note_bank import BankNote, NoteBank
from cir.types import SAMPLE_RATE, FloatArray, Note

_SEMITONES_PER_MISSING_SECOND = 12.0
_LOUDEST_VELOCITY = 127


class BankSamplerEngine:
    """One instrument of a note bank, played at any pitch; an `Engine`.

    Each note is a recording of about its pitch and length, moved to the exact pitch by resampling.
    All recordings have the same peak; a note is as loud as the square of its velocity.
    `NoteBankEngine` changes no recording, but knows only the pitches that were recorded.

    Args:
        bank: The note bank.
        instrument_id: One of its instruments.
        release_seconds: For how long a recording that outlasts its note fades after the note's end.

    Raises:
        DataError: The bank has no such instrument, or its file is missing or damaged (when
            rendering).
        EngineError: The instrument has no recordings.
    """

    def __init__(
        self, bank: NoteBank, instrument_id: str, *, release_seconds: float = 0.15
    ) -> None:
        self.bank = bank
        self.instrument_id = instrument_id
        self.release_seconds = release_seconds
        self._notes = bank.notes(instrument_id)
        if not self._notes:
            raise EngineError(f"The note bank has no notes of {instrument_id}.")

    def render(
        self, notes: Sequence[Note], duration_seconds: float, sample_rate: int
    ) -> FloatArray:
        """See `Engine.render`."""
        playable, track = check_request(notes, duration_seconds, sample_rate)
        for note in playable:
            position = _most_suitable(self._notes, note)
            faster = 2.0 ** ((note.pitch - self._notes[position].pitch) / 12.0)
            sound = resample(self._recordings[position], round(SAMPLE_RATE * faster), sample_rate)
            held = max(1, round(note.duration_seconds * sample_rate))
            sound = sound[: held + round(self.release_seconds * sample_rate)]
            fade = max(sound.size - held, round(FADE_SECONDS * sample_rate))
            gain = np.float32((note.velocity / _LOUDEST_VELOCITY) ** 2)
            mix_in(track, fade_out(sound * gain, fade), round(note.start_seconds * sample_rate))
        return track

    @cached_property
    def _recordings(self) -> list[FloatArray]:
        return self.bank.audio(self.instrument_id)


def _most_suitable(recorded: Sequence[BankNote], note: Note) -> int:
    """Return the position of the recording near in pitch and held long enough."""

    def cost(position: int) -> float:
        one = recorded[position]
        missing = max(0.0, note.duration_seconds - one.duration_seconds)
        return abs(one.pitch - note.pitch) + _SEMITONES_PER_MISSING_SECOND * missing

    return min(range(len(recorded)), key=cost)
