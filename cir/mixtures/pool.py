"""Notes of many instruments in one array, ready to be mixed."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from cir.errors import DataError
from cir.instruments.note_bank import SAMPLE_RATE, NoteBank
from cir.types import FloatArray, Progress

_INT16_SCALE = 32_767.0
_HEADROOM = 0.5
"""Decoded Opus overshoots the peak of 0.9 it was encoded at; half scale leaves room."""


@dataclass(frozen=True)
class PoolInstrument:
    """One instrument of a pool and the rows of its notes."""

    instrument_id: str
    family: str | None
    effects_on: bool
    """False for a twin: the same patch with its effects off, an instrument of its own."""
    transposition: int
    """Semitones by which all its notes were resampled; not 0: an instrument of its own."""
    rows: NDArray[np.int64]
    """Rows of `NotePool`'s tables; the first is the reference note."""

    @property
    def is_original(self) -> bool:
        """Neither a twin nor a resampled copy."""
        return self.effects_on and self.transposition == 0


class NotePool:
    """Decoded notes, (T,) int16, with tables of where each lies, its pitch and its own level.

    Attributes:
        instruments: What can be drawn.
        pitches: MIDI pitch of every note, (N,).
        gains: Linear factor that brings a stored note back to the instrument's own level, (N,).
    """

    def __init__(
        self,
        instruments: Sequence[PoolInstrument],
        samples: NDArray[np.int16],
        starts: NDArray[np.int64],
        pitches: NDArray[np.int64],
        gains: FloatArray,
    ) -> None:
        self.instruments = tuple(instruments)
        self.pitches = pitches
        self.gains = gains
        self._samples = samples
        self._starts = starts  # (N + 1,)
        self._by_family: dict[str, list[int]] = {}
        for number, instrument in enumerate(self.instruments):
            if instrument.family is not None:
                self._by_family.setdefault(instrument.family, []).append(number)
        self._pitch_counts = self._count_pitches()

    @classmethod
    def from_note_bank(
        cls,
        bank: NoteBank,
        *,
        split: str,
        families: Sequence[str] | None = None,
        twins: bool = False,
        transpositions: Sequence[int] = (0,),
        progress: Progress | None = None,
    ) -> "NotePool":
        """Decode the notes of one split.

        Args:
            bank: Where the notes are.
            split: `train`, `valid` or `test`.
            families: Only these; None takes every instrument, also those without a family.
            twins: Add the effects-off twins as further instruments.
            transpositions: In semitones; each but 0 adds a resampled copy of every instrument,
                whose spectrum and envelope move together: an instrument that nobody built.
            progress: Told how far it is.

        Raises:
            DataError: The split has no such instrument.
        """
        chosen = [
            row
            for row in bank.instruments
            if row.split == split and (families is None or row.family in families)
        ]
        if not chosen:
            raise DataError(
                f"The note bank {bank.folder} has no {split!r} instruments of {families or 'any'} "
                "family; splits are train, valid and test."
            )
        instruments: list[PoolInstrument] = []
        sounds: list[NDArray[np.int16]] = []
        pitches: list[int] = []
        gains: list[float] = []
        for done, row in enumerate(chosen):
            if progress is not None and done % 20 == 0:
                progress(done / len(chosen), f"Decoding notes, {done} of {len(chosen)} instruments")
            for effects_on in (True, False) if twins else (True,):
                notes = bank.notes(row.instrument_id, effects_on=effects_on)
                if not notes:
                    continue
                decoded = bank.audio(row.instrument_id, effects_on=effects_on)
                for transposition in transpositions:
                    first = len(sounds)
                    for note, sound in zip(notes, decoded, strict=True):
                        sounds.append(_pack(_transpose(sound, transposition)))
                        pitches.append(note.pitch + transposition)
                        gains.append(10 ** (-note.gain_db / 20) / _HEADROOM)
                    rows = np.arange(first, len(sounds))
                    instruments.append(
                        PoolInstrument(
                            row.instrument_id, row.family, effects_on, transposition, rows
                        )
                    )
        return cls(
            instruments,
            np.concatenate(sounds),
            np.cumsum([0, *map(len, sounds)]),
            np.asarray(pitches),
            np.asarray(gains, np.float32),
        )

    def save(self, folder: Path) -> None:
        """Write the pool so that `load` can map it into memory at once."""
        temporary = folder.with_name(f".{folder.name}.{os.getpid()}")
        temporary.mkdir(parents=True)
        np.save(temporary / "samples.npy", self._samples)
        np.savez(
            temporary / "tables.npz",
            starts=self._starts,
            pitches=self.pitches,
            gains=self.gains,
            instruments=np.array(
                [(i.instrument_id, i.family or "") for i in self.instruments], dtype=str
            ),
            variants=np.array([(i.effects_on, i.transposition) for i in self.instruments]),
            ends=np.array([i.rows[-1] + 1 for i in self.instruments]),
        )
        os.replace(temporary, folder)

    @classmethod
    def load(cls, folder: Path) -> "NotePool":
        """Open what `save` wrote; the samples stay on disk until they are touched."""
        with np.load(folder / "tables.npz") as tables:
            ends = tables["ends"]
            instruments = [
                PoolInstrument(str(instrument_id), str(family) or None, bool(on), int(shift), rows)
                for (instrument_id, family), (on, shift), rows in zip(
                    tables["instruments"],
                    tables["variants"],
                    np.split(np.arange(ends[-1]), ends[:-1]),
                    strict=True,
                )
            ]
            return cls(
                instruments,
                np.load(folder / "samples.npy", mmap_mode="r"),
                tables["starts"],
                tables["pitches"],
                tables["gains"],
            )

    def of_family(self, family: str) -> list[int]:
        """Numbers of the family's instruments.

        Raises:
            DataError: There is none.
        """
        try:
            return self._by_family[family]
        except KeyError:
            raise DataError(
                f"No instrument of family {family!r} in this pool; "
                f"it has {sorted(self._by_family)}."
            ) from None

    @property
    def families(self) -> tuple[str, ...]:
        """Families with at least one instrument, most instruments first."""
        return tuple(sorted(self._by_family, key=lambda name: -len(self._by_family[name])))

    def pitch_weights(self, instrument: int) -> NDArray[np.int64]:
        """How often the pitch of each of the instrument's notes occurs in its family, (n,)."""
        chosen = self.instruments[instrument]
        return self._pitch_counts[chosen.family][self.pitches[chosen.rows]]

    def note(self, row: int) -> FloatArray:
        """One note at the instrument's own level, float32, (T,)."""
        sound: FloatArray = self.stored_note(row) * self.gains[row]
        return sound

    def stored_note(self, row: int) -> FloatArray:
        """One note at the level it is stored at (about the same peak for all), float32, (T,)."""
        sound = self._samples[self._starts[row] : self._starts[row + 1]]
        floats: FloatArray = sound.astype(np.float32) / np.float32(_INT16_SCALE)
        return floats

    def _count_pitches(self) -> dict[str | None, NDArray[np.int64]]:
        """Histogram of pitches per family, (128,) each."""
        counts: dict[str | None, NDArray[np.int64]] = {}
        for instrument in self.instruments:
            histogram = counts.setdefault(instrument.family, np.zeros(128, np.int64))
            np.add.at(histogram, self.pitches[instrument.rows], 1)
        return counts


def _pack(sound: FloatArray) -> NDArray[np.int16]:
    scaled = np.round(np.clip(sound * _HEADROOM, -1, 1) * _INT16_SCALE)
    packed: NDArray[np.int16] = scaled.astype(np.int16)
    return packed


def _transpose(sound: FloatArray, semitones: int) -> FloatArray:
    """Play a sound faster (up) or slower (down), as a tape machine would."""
    if semitones == 0:
        return sound
    resampled: FloatArray = soxr.resample(sound, SAMPLE_RATE * 2 ** (semitones / 12), SAMPLE_RATE)
    return resampled
