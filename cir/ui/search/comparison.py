"""Three sounds to switch between: a passage of the mix, one instrument of it alone, and a match.

All last as long as the passage, to the sample, and are equally loud, so that a player may run them
on one clock. The match plays the notes that were estimated from the instrument alone.
"""

import json
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from pathlib import Path

import numpy as np
import soundfile

from cir.audio.downmix import downmix
from cir.audio.io import load_audio, resample, save_opus
from cir.audio.loudness import integrated_loudness
from cir.errors import InputError
from cir.instruments.families import family_label
from cir.retrieval.audition import find_passage, isolate, loudest_part
from cir.retrieval.melody import find_notes, find_strokes
from cir.retrieval.same_notes import play_notes
from cir.types import SAMPLE_RATE, FamilyListener, FloatArray, Match, Note
from cir.ui.search.mixes import MAX_SECONDS
from cir.ui.service import Answer, PageService
from cir.ui.sound_address import sound_address

RATE = 48_000
"""Of the three sounds, in Hz."""
LOUDNESS = -20.0
"""Of the three sounds, in LUFS."""

_SECONDS = 6.0
"""Longest passage."""
_COMPRESSION = 0.7
"""About 90 kbit/s."""
_KEPT = 64
_SHARPER = 2.0
"""Power of the shares for finding notes: less of the other instruments, and more artefacts."""


@dataclass(frozen=True)
class Audition:
    """A passage of the mix, and one family of it alone."""

    start_seconds: float
    seconds: float
    mix: Path
    alone: Path | None
    """None if the model has no masks."""
    notes: tuple[Note, ...]
    """Of the instrument; none if no line of notes is clear."""


class Comparisons:
    """Makes the three sounds on demand, and keeps what it made last.

    Args:
        service: The model.
    """

    def __init__(self, service: PageService) -> None:
        self._service = service
        self._kept: OrderedDict[str, Audition] = OrderedDict()

    def compare(self, answer: Answer, family: str, match: Match | None, folder: Path) -> str:
        """Return the sounds as HTML that carries JSON for `static/search/compare.js`.

        Args:
            answer: The search.
            family: Slug; it was listened to.
            match: What to compare with; None for the mix and the instrument alone.
            folder: Folder for the files, which the page serves.

        Raises:
            InputError: The mix is gone.
        """
        key = _key_of(answer, family, folder)
        audition = self._kept.get(key)
        if audition is None or not audition.mix.is_file():
            audition = self._audition(answer, family, folder, key)
            self._kept[key] = audition
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        shown = {
            "family": family,
            "label": family_label(family),
            "start": audition.start_seconds,
            "seconds": audition.seconds,
            "mix": sound_address(audition.mix),
            "alone": None if audition.alone is None else sound_address(audition.alone),
        }
        if match is not None:
            file = folder / f"{key}-{match.instrument.instrument_id}.opus"
            sound, how = play_notes(match, audition.notes, audition.seconds, RATE, family)
            _save(file, sound)
            shown |= {
                "id": match.instrument.instrument_id,
                "name": match.instrument.name,
                "match": sound_address(file),
                "how": how,
            }
        return f'<div data-sounds="{escape(json.dumps(shown))}"></div>'

    def _audition(self, answer: Answer, family: str, folder: Path, key: str) -> Audition:
        if answer.mix is None:
            raise InputError("The mix of this answer is not here; search your own.")
        offset = 0.0 if answer.region is None else answer.region.start_seconds
        start, end = (offset + one for one in find_passage(answer.windows, family))
        window = read_passage(answer.mix, start, end)
        mix, alone = folder / f"{key}-mix.opus", folder / f"{key}-alone.opus"
        listener = self._service.encoder
        if not (isinstance(listener, FamilyListener) and listener.tells_families):
            seconds = _save(mix, window[: round(_SECONDS * RATE)])
            return Audition(start, seconds, mix, None, ())
        heard = resample(window, RATE, SAMPLE_RATE)
        (shares,) = listener.family_masks(heard, SAMPLE_RATE, [family])
        sharp = isolate(heard, SAMPLE_RATE, shares**_SHARPER, listener)
        frame = listener.mask_hop_seconds
        first = int(loudest_part(sharp, round(_SECONDS * SAMPLE_RATE)) / SAMPLE_RATE / frame)
        part = slice(first, first + round(_SECONDS / frame))
        passage = _cut(window, RATE, part, frame)
        line = _cut(sharp, SAMPLE_RATE, part, frame)
        seconds = _save(mix, passage)
        _save(alone, isolate(passage, RATE, shares[part], listener))
        notes = find_strokes(line) if family == "percussion" else find_notes(line)
        return Audition(start + first * frame, seconds, mix, alone, notes)


def failed_comparison(family: str, instrument_id: str, reason: str) -> str:
    """Render why there is none; the browser tells by family and match which one was meant."""
    told = {"family": family, "id": instrument_id, "reason": reason}
    return f'<div data-sounds="{escape(json.dumps(told))}"></div>'


def _key_of(answer: Answer, family: str, folder: Path) -> str:
    """Name what a passage depends on, its mix as it is now, and the visitor who may hear it."""
    changed: tuple[int, ...] = ()
    if answer.mix is not None and answer.mix.is_file():
        status = answer.mix.stat()
        changed = (status.st_mtime_ns, status.st_size)
    content = (str(folder), str(answer.mix), changed, answer.region, family)
    return sha256(repr(content).encode()).hexdigest()[:16]


def read_passage(path: Path, start: float, end: float) -> FloatArray:
    """Read a passage of a sound file, mono at `RATE`, without the rest of it where possible.

    Raises:
        InputError: The file cannot be read.
    """
    try:
        with soundfile.SoundFile(path) as sound:
            rate = sound.samplerate
            sound.seek(min(round(start * rate), sound.frames))
            channels = sound.read(round((end - start) * rate), dtype="float32", always_2d=True)
        audio = downmix(channels, rate)
    except (RuntimeError, OSError):  # a format that only FFmpeg reads
        audio, rate = load_audio(path, sample_rate=None, max_seconds=MAX_SECONDS)
        audio = audio[round(start * rate) : round(end * rate)]
    if not len(audio):
        raise InputError(f"{path.name} ends before {start:.1f} s; search it again.")
    return resample(audio, rate, RATE)


def _cut(audio: FloatArray, sample_rate: int, frames: slice, hop_seconds: float) -> FloatArray:
    per_frame = hop_seconds * sample_rate
    return audio[round(frames.start * per_frame) : round(frames.stop * per_frame)]


def _save(path: Path, audio: FloatArray) -> float:
    """Write a sound at `LOUDNESS`; return its length in seconds."""
    loudness = integrated_loudness(audio, RATE)
    if np.isfinite(loudness):
        audio = audio * np.float32(10 ** ((LOUDNESS - loudness) / 20))
    path.parent.mkdir(parents=True, exist_ok=True)
    save_opus(path, audio, RATE, compression=_COMPRESSION)
    return len(audio) / RATE
