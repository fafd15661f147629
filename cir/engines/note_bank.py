"""Recorded notes instead of a synthesizer: the nearest recording plays each note."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from cir.audio.dsp import fade_out, resample
from cir.engines.base import FADE_SECONDS, check_request, mix_in
from cir.errors import EngineError
from cir.instruments.note_bank import BankNote, NoteBank
from cir.types import SAMPLE_RATE, FloatArray, Note


class NoteBankEngine:
    """One instrument of a note bank; an `Engine`.

    A note is played by the recording nearest in pitch, then in velocity, at its recorded pitch; it
    is cut at the note's end with a short fade. Notes keep their recorded levels relative to the
    instrument's first note, which has a peak of 0.9.

    Args:
        bank: The note bank.
        instrument_id: One of its instruments.
        effects: False takes the recordings with the patch's effects off.
        release_seconds: For how long a recording that outlasts its note fades after the note's end;
            0 fades it at the end itself.

    Raises:
        DataError: The bank has no such instrument, or its file is missing or damaged (when
            rendering).
        EngineError: The instrument has no such recordings.
    """

    def __init__(
        self,
        bank: NoteBank,
        instrument_id: str,
        *,
        effects: bool = True,
        release_seconds: float = 0.0,
    ) -> None:
        self.bank = bank
        self.instrument_id = instrument_id
        self.effects = effects
        self.release_seconds = release_seconds
        self._notes = bank.notes(instrument_id, effects_on=effects)
        if not self._notes:
            state = "on" if effects else "off"
            raise EngineError(
                f"The note bank has no notes of {instrument_id} with its effects {state}."
            )

    def render(
        self, notes: Sequence[Note], duration_seconds: float, sample_rate: int
    ) -> FloatArray:
        """See `Engine.render`."""
        playable, track = check_request(notes, duration_seconds, sample_rate)
        for note in playable:
            position = _nearest(self._notes, note)
            louder_db = self._notes[0].gain_db - self._notes[position].gain_db
            sound = resample(self._recordings[position], SAMPLE_RATE, sample_rate)
            held = max(1, round(note.duration_seconds * sample_rate))
            sound = sound[: held + round(self.release_seconds * sample_rate)]
            fade = max(sound.size - held, round(FADE_SECONDS * sample_rate))
            sound = fade_out(sound * np.float32(10.0 ** (louder_db / 20.0)), fade)
            mix_in(track, sound, round(note.start_seconds * sample_rate))
        return track

    @cached_property
    def _recordings(self) -> list[FloatArray]:
        return self.bank.audio(self.instrument_id, effects_on=self.effects)


def _nearest(recorded: Sequence[BankNote], note: Note) -> int:
    """Return the position of the recording nearest in pitch, then velocity, then table order."""
    return min(
        range(len(recorded)),
        key=lambda i: (
            abs(recorded[i].pitch - note.pitch),
            abs(recorded[i].velocity - note.velocity),
            i,
        ),
    )
