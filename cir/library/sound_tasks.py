"""Tasks, each the sounds of one instrument: doing them needs nothing but their plain values."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cir.audio.decode import Decoded
from cir.audio.io import load_with_notice, resample
from cir.audio.limits import SILENT_NOTE_PEAK
from cir.engines.base import Engine
from cir.engines.note_bank import NoteBankEngine
from cir.errors import CirError, InputError
from cir.index.open_store import write_preview
from cir.index.phrases import PHRASE_RATE, play_phrase, save_phrase
from cir.index.references import RENDER_RATE, play_reference
from cir.types import SAMPLE_RATE, FloatArray

KNOWN_BY = 6
"""Most notes that an instrument of several recordings is embedded by."""


@dataclass(frozen=True)
class SoundTask:
    """The sounds to make of one instrument; plain values, for other processes."""

    shown: str
    """Name of its file for the user."""
    paths: tuple[str, ...] = ()
    """Recordings, the reference note first."""
    engine: str = ""
    """Engine reference, if it is to be played instead."""
    family: str | None = None
    category: str = ""
    max_seconds: float = 60.0
    """Longest recording."""
    wants_preview: bool = True
    """Whether its preview is made now; that of a sound file can be made when it is asked for."""
    remark: str = ""


@dataclass(frozen=True, eq=False)
class Sounds:
    """What came of a task."""

    notes: tuple[FloatArray, ...]
    """Waveforms at 16 kHz, (T,) each, of which the mean embedding is stored."""
    notice: str = ""
    """What is missing of them."""
    preview: bytes = b""
    """Ogg Opus."""
    phrase: bytes = b""
    """Ogg Opus."""
    vector: FloatArray | None = None
    """The embedding, (D,), if another machine has made it; there are no notes then."""


def make_sounds(task: SoundTask, open_engine: Callable[[str], Engine]) -> Sounds:
    """Do a task.

    Raises:
        InputError: A recording cannot be read, or the engine cannot play or stays silent.
    """
    if task.engine:
        return _play(task, open_engine(task.engine))
    decoded = [_load(Path(path), task) for path in task.paths]
    notes = tuple(resample(one.audio, one.sample_rate, SAMPLE_RATE) for one in decoded)
    notice = " ".join(one.notice for one in decoded if one.notice)
    preview = b""
    if task.wants_preview:
        first = decoded[0]
        preview = _encoded(lambda path: write_preview(path, first.audio, first.sample_rate))
    return Sounds(notes, notice, preview)


def _play(task: SoundTask, engine: Engine) -> Sounds:
    remark = task.remark and f"{task.shown} {task.remark}."
    if isinstance(engine, NoteBankEngine):
        reference, *others = engine.bank.first_notes(engine.instrument_id, KNOWN_BY)
        sounding = (note for note in others if np.abs(note).max() >= SILENT_NOTE_PEAK)
        preview = _encoded(lambda path: write_preview(path, reference, SAMPLE_RATE))
        return Sounds((reference, *sounding), remark, preview)
    audio = play_reference(engine, task.family)
    if audio is None:
        number = task.engine.rpartition("#")[2] if "#" in task.engine else ""
        raise InputError(
            f"{task.shown} {number}".rstrip() + " is silent at the pitch of its reference note."
        )
    preview = _encoded(lambda path: write_preview(path, audio, RENDER_RATE))
    try:
        played = play_phrase(engine, task.family, task.category)
        phrase = _encoded(lambda path: save_phrase(path, played, PHRASE_RATE))
    except CirError:
        phrase = b""
    return Sounds((resample(audio, RENDER_RATE, SAMPLE_RATE),), remark, preview, phrase)


def _load(path: Path, task: SoundTask) -> Decoded:
    """Decode a recording; errors name the file as the user knows it."""
    try:
        decoded = load_with_notice(path, sample_rate=None, max_seconds=task.max_seconds)
    except CirError as error:
        raise InputError(in_their_words(error, path, task.shown)) from None
    return replace(decoded, notice=decoded.notice and f"{task.shown}: {decoded.notice}")


def in_their_words(error: Exception, path: Path, shown: str) -> str:
    """Return the words of an error, with a file named as the user knows it."""
    said = str(error).replace(str(path), shown)
    if shown not in said:
        said = said.replace(path.name, shown)
    return said if shown in said else f"{shown}: {said}"


def _encoded(write: Callable[[Path], None]) -> bytes:
    with tempfile.TemporaryDirectory(prefix="cir-opus-") as folder:
        path = Path(folder) / "sound.opus"
        write(path)
        return path.read_bytes()
