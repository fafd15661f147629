"""Reference notes of instruments, from note banks and sound fonts."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Protocol

import numpy as np

from cir.audio.dsp import TAIL_FLOOR, peak_normalise, trim_tail
from cir.audio.limits import SILENT_NOTE_PEAK
from cir.datasets.work_ahead import work_ahead
from cir.engines.base import Engine
from cir.engines.soundfont import SoundFontBank, SoundFontEngine
from cir.errors import DataError, InputError
from cir.instruments.families import reference_pitch
from cir.instruments.note_bank import BankInstrument, NoteBank
from cir.types import SAMPLE_RATE as BANK_SAMPLE_RATE
from cir.types import FloatArray, Instrument, Note

REFERENCE_VELOCITY = 100
HELD_SECONDS = 2.0
RENDER_SECONDS = 3.0
"""A reference note is held for 2 s and decays for at most 1 s."""

RENDER_RATE = 48_000
"""Sample rate in Hz of notes that an engine plays."""

_PEAK = 0.9
_FADE_SAMPLES = RENDER_RATE * 20 // 1000
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reference:
    """The reference note of one instrument."""

    instrument: Instrument
    audio: FloatArray
    """Mono, (T,)."""
    sample_rate: int
    more: tuple[FloatArray, ...] = ()
    """Further notes that are averaged with the reference note, each (T,)."""
    preview: Path | None = None
    """An Ogg Opus file to listen to; None if it is to be made of `audio`."""


class ReferenceSource(Protocol):
    """Yields reference notes one by one."""

    def instruments(self) -> Sequence[Instrument]:
        """Return the instruments; silent ones are left out when notes are rendered."""

    def __iter__(self) -> Iterator[Reference]:
        """Yield the notes in the order of `instruments`, rendered or decoded one by one."""


class NoteBankReferences:
    """The notes of a note bank by which each instrument is known.

    Previews are those of the bank, or the reference notes if it has none.

    Args:
        folder: Of the bank; its name is the instruments' source.
        n_references: Notes per instrument, at least 1; the first is the reference note.
        licence: Licence of instruments for which the bank names none.

    Raises:
        DataError: There is no note bank.
        InputError: `n_references` is less than 1.
    """

    def __init__(self, folder: Path | str, n_references: int = 1, *, licence: str = "") -> None:
        if n_references < 1:
            raise InputError(f"An instrument is known by at least 1 note, not by {n_references}.")
        self._bank = NoteBank.open(folder)
        self._n_references = n_references
        self._licence = licence

    def instruments(self) -> Sequence[Instrument]:
        """See `ReferenceSource`."""
        return [self._describe(row) for row in self._bank.instruments]

    def __iter__(self) -> Iterator[Reference]:
        return work_ahead(self._read, self._bank.instruments)

    def _read(self, row: BankInstrument) -> Reference:
        previews = self._bank.folder / "previews"
        preview = self._bank.preview_path(row.instrument_id) if previews.is_dir() else None
        if preview is not None and not preview.is_file():
            raise DataError(f"The note bank lacks {preview}; fetch it again.")
        reference, *others = self._bank.first_notes(row.instrument_id, self._n_references)
        sounding = tuple(note for note in others if np.abs(note).max() >= SILENT_NOTE_PEAK)
        return Reference(self._describe(row), reference, BANK_SAMPLE_RATE, sounding, preview)

    def _describe(self, row: BankInstrument) -> Instrument:
        return Instrument(
            instrument_id=row.instrument_id,
            name=row.name,
            family=row.family,
            category=row.category,
            bank=row.bank,
            author=unescape(row.author),
            licence=row.licence or self._licence,
            source=self._bank.name,
            engine=f"bank:{self._bank.name}#{row.instrument_id}",
        )


class SoundFontReferences:
    """The presets of a sound font, each at its family's reference pitch.

    Args:
        path: A .sf2 or .sf3 file; None for TimGM6mb.

    Raises:
        EngineError: `tinysoundfont` or the file is missing, or the file is no sound font.
    """

    def __init__(self, path: Path | str | None = None) -> None:
        self._bank = SoundFontBank(path)
        self._instruments = self._bank.instruments()

    def instruments(self) -> Sequence[Instrument]:
        """See `ReferenceSource`."""
        return self._instruments

    def __iter__(self) -> Iterator[Reference]:
        for preset, instrument in zip(self._bank.presets, self._instruments, strict=True):
            engine = SoundFontEngine(self._bank, preset.bank, preset.program)
            audio = play_reference(engine, instrument.family)
            if audio is None:
                _logger.warning("%s is silent at its reference pitch: left out", instrument.name)
                continue
            yield Reference(instrument, audio, RENDER_RATE)


def play_reference(engine: Engine, family: str | None) -> FloatArray | None:
    """Play the reference note of a family, at `RENDER_RATE`, (T,); None where it is silent."""
    note = Note(reference_pitch(family), REFERENCE_VELOCITY, 0.0, HELD_SECONDS)
    audio = engine.render([note], RENDER_SECONDS, RENDER_RATE)
    if float(np.abs(audio).max()) < SILENT_NOTE_PEAK:
        return None
    return trim_tail(peak_normalise(audio, _PEAK), TAIL_FLOOR, _FADE_SAMPLES)


def average_notes(embeddings: FloatArray, counts: Sequence[int]) -> FloatArray:
    """Return one embedding per instrument, the direction of the mean of its notes', (N, D).

    Args:
        embeddings: Of the notes of one instrument after the other, unit norm, (M, D).
        counts: How many notes each instrument has, at least 1 each and M in all, N.
    """
    if max(counts, default=1) == 1:
        return embeddings
    starts = np.cumsum([0, *counts[:-1]])
    sums = np.add.reduceat(embeddings, starts, axis=0)
    average: FloatArray = sums / np.linalg.norm(sums, axis=1, keepdims=True).clip(min=1e-12)
    return average
