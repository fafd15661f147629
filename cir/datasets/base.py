"""The contract of all sources of notes; `tests/test_datasets.py` checks it for each.

Their fingerprints and random draws depend on files, parameters and seeds alone.
"""

import hashlib
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from cir.errors import InputError
from cir.files import sha256_of
from cir.types import FloatArray, Instrument

VERSION = 2
"""Raise it when a change of the code gives other notes from the same files."""


@dataclass(frozen=True)
class DatasetInstrument:
    """One instrument of a dataset, or its effects-off twin."""

    instrument_id: str
    """Unique within the dataset, except that a twin has the id of its original."""
    family: str | None
    """A slug of `cir.instruments.families.FAMILIES`, or None."""
    split: str
    """`train`, `valid` or `test`."""
    effects_on: bool = True
    """False for the effects-off twin, which only the training split has."""
    about: Instrument | None = field(default=None, compare=False)
    """What its catalogue says of it, where there is one."""


@dataclass(frozen=True)
class RecordedNote:
    """One note at a common peak, and the gain that brought it there."""

    pitch: int
    """MIDI note number."""
    audio: FloatArray
    """Mono at 16 kHz, (T,), with a peak of about 0.9."""
    gain_db: float
    """Gain that brought the note to that peak."""
    velocity: int = 100
    held_seconds: float | None = None
    """How long the key was held; None if unknown."""


class NoteDataset(Protocol):
    """Instruments in three splits, and the notes of each."""

    @property
    def name(self) -> str:
        """A short slug: `surge`, `nsynth`, `fluidr3-gm`."""

    @property
    def fingerprint(self) -> str:
        """Equal fingerprints mean equal notes: a digest of files and parameters."""

    def instruments(self, split: str) -> Sequence[DatasetInstrument]:
        """Return the instruments of one split, always in the same order.

        Raises:
            InputError: `split` is not one of `train`, `valid` and `test`.
        """

    def notes(self, instrument: DatasetInstrument) -> list[RecordedNote]:
        """Return the instrument's notes, its reference note first; empty if it is silent.

        Thread-safe.

        Raises:
            CirError: A file is missing or damaged, or the engine cannot play.
        """

    def reference(self, instrument: DatasetInstrument) -> RecordedNote | None:
        """Return the first of `notes`, without rendering the others if possible; None if silent.

        Thread-safe.

        Raises:
            CirError: See `notes`.
        """


def generator_for(seed: int, instrument: DatasetInstrument) -> np.random.Generator:
    """Return the generator of an instrument; an effects-off twin draws what its original draws."""
    return np.random.default_rng([seed, zlib.crc32(instrument.instrument_id.encode())])


def fingerprint(name: str, files: Iterable[Path], **parameters: object) -> str:
    """Digest the names and contents of files, and parameters, into `name-0123456789abcdef`.

    Folders and dates of the files make no difference.

    Raises:
        InputError: A file is missing or cannot be read.
    """
    digest = hashlib.sha256(repr((VERSION, sorted(parameters.items()))).encode())
    for path in files:
        try:
            content = sha256_of(path)
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}.") from None
        digest.update(f"\n{path.name}\t{content}".encode())
    return f"{name}-{digest.hexdigest()[:16]}"
