"""A sampler of a single recording: plays any pitch by resampling it."""

from collections.abc import Sequence

import numpy as np

from cir.audio.dsp import fade_out, resample
from cir.engines.base import FADE_SECONDS, check_request, mix_in
from cir.types import FloatArray, Note

_LOUDEST_VELOCITY = 127
_FARTHEST_SEMITONES = 14
"""Notes further away are played an octave, or several, nearer."""


class OneNoteEngine:
    """A recorded note, moved to each pitch by resampling; an `Engine`.

    A note is as loud as the square of its velocity.

    Args:
        audio: The recording, mono, (T,).
        sample_rate: Of the recording, in Hz.
        pitch: Its MIDI pitch, which may lie between keys; None plays it as it is for every note.
        release_seconds: For how long a recording that outlasts its note fades after the note's end.
    """

    def __init__(
        self,
        audio: FloatArray,
        sample_rate: int,
        pitch: float | None,
        *,
        release_seconds: float = 0.15,
    ) -> None:
        self.audio = audio
        self.sample_rate = sample_rate
        self.pitch = pitch
        self.release_seconds = release_seconds

    def render(
        self, notes: Sequence[Note], duration_seconds: float, sample_rate: int
    ) -> FloatArray:
        """See `Engine.render`."""
        playable, track = check_request(notes, duration_seconds, sample_rate)
        moved: dict[int, FloatArray] = {}
        for note in playable:
            if note.pitch not in moved:
                moved[note.pitch] = self._at(note.pitch, sample_rate)
            held = max(1, round(note.duration_seconds * sample_rate))
            sound = moved[note.pitch][: held + round(self.release_seconds * sample_rate)]
            fade = max(sound.size - held, round(FADE_SECONDS * sample_rate))
            gain = np.float32((note.velocity / _LOUDEST_VELOCITY) ** 2)
            mix_in(track, fade_out(sound * gain, fade), round(note.start_seconds * sample_rate))
        return track

    def _at(self, pitch: int, sample_rate: int) -> FloatArray:
        """Return the recording at a pitch."""
        semitones = 0.0 if self.pitch is None else pitch - self.pitch
        beyond = max(0.0, abs(semitones) - _FARTHEST_SEMITONES)
        semitones -= np.sign(semitones) * 12 * np.ceil(beyond / 12)
        rate = max(1, round(self.sample_rate * 2.0 ** (semitones / 12)))
        return resample(self.audio, rate, sample_rate)
