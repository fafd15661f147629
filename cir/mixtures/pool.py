"""Notes of many instruments in one array, ready to be mixed."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cir.datasets.base import NoteDataset
from cir.datasets.note_bank_dataset import NoteBankDataset
from cir.errors import DataError
from cir.files import replacing_folder
from cir.instruments.note_bank import NoteBank
from cir.mixtures.pool_notes import INT16_SCALE, DecodedInstrument, decode_datasets
from cir.mixtures.pool_tables import PoolTables, TableBuilder, pitch_weights
from cir.mixtures.sample_file import SampleFile
from cir.types import FloatArray, Progress

_SAMPLES = "samples.npy"
_TABLES = "tables.npz"


class NotePool:
    """Decoded notes, (T,) int16, with tables of where each lies, its pitch and its own level.

    Attributes:
        samples: All notes one after the other; on disk until touched where the pool was loaded.
        tables: Instruments and notes. `instruments`, `starts`, `pitches`, `gains` and `onsets`
            are its columns.
        pitch_classes: Of every note, C is 0, (N,).
        families: Those with at least one instrument, most instruments first.
    """

    def __init__(self, samples: NDArray[np.int16], tables: PoolTables) -> None:
        self.samples = samples
        self.tables = tables
        self.instruments = tables.instruments
        self.starts = tables.starts
        self.pitches = tables.pitches
        self.gains = tables.gains
        self.onsets = tables.onsets
        self.pitch_classes = tables.pitches % 12
        self._pitch_weights = pitch_weights(tables)
        self._by_family: dict[str, list[int]] = {}
        for number, instrument in enumerate(self.instruments):
            if instrument.family is not None:
                self._by_family.setdefault(instrument.family, []).append(number)
        by_size = sorted(self._by_family, key=lambda name: -len(self._by_family[name]))
        self.families = tuple(by_size)

    @classmethod
    def from_datasets(
        cls,
        datasets: Sequence[NoteDataset],
        *,
        split: str,
        families: Sequence[str] | None = None,
        twins: bool = False,
        variants: int = 0,
        progress: Progress | None = None,
    ) -> "NotePool":
        """Decode the notes of one split into memory.

        Args:
            datasets: Where the notes are. An instrument's id that several of them use gets the
                dataset's name in front.
            split: `train`, `valid` or `test`.
            families: Only these; None takes every instrument, also those without a family.
            twins: Add the effects-off twins as further instruments.
            variants: Recast copies of every instrument and twin; see `cir.mixtures.recast_audio`.
            progress: Told how far it is.

        Raises:
            InputError: There is no such split.
            DataError: The split has no such instrument, or a dataset cannot be read.
        """
        builder = TableBuilder()
        sounds: list[NDArray[np.int16]] = []
        for decoded in decode_datasets(
            datasets,
            split=split,
            families=families,
            twins=twins,
            variants=variants,
            progress=progress,
        ):
            builder.append(decoded)
            sounds += decoded.sounds
        return cls(np.concatenate(sounds), builder.tables())

    @classmethod
    def from_note_bank(
        cls,
        bank: NoteBank,
        *,
        split: str,
        families: Sequence[str] | None = None,
        twins: bool = False,
        variants: int = 0,
        progress: Progress | None = None,
    ) -> "NotePool":
        """Decode the notes of one split of one note bank; see `from_datasets`."""
        return cls.from_datasets(
            [NoteBankDataset(bank.folder, twins=twins)],
            split=split,
            families=families,
            twins=twins,
            variants=variants,
            progress=progress,
        )

    @classmethod
    def build(
        cls,
        folder: Path,
        datasets: Sequence[NoteDataset],
        *,
        split: str,
        families: Sequence[str] | None = None,
        twins: bool = False,
        variants: int = 0,
        progress: Progress | None = None,
    ) -> "NotePool":
        """Decode like `from_datasets`, but straight into a folder, and open it.

        Memory holds a few instruments at a time, however large the pool; the folder appears when
        all is in it.
        """
        decoded = decode_datasets(
            datasets,
            split=split,
            families=families,
            twins=twins,
            variants=variants,
            progress=progress,
        )
        return cls._write(folder, decoded)

    @classmethod
    def join(cls, folder: Path, pools: Sequence["NotePool"]) -> "NotePool":
        """Write pools one after the other into a folder, and open it.

        An id that an earlier pool has, gets its source in front; a source that an earlier pool
        has, gets its number behind.
        """
        return cls._write(folder, _tell_apart(pools))

    @classmethod
    def _write(cls, folder: Path, instruments: Iterable[DecodedInstrument]) -> "NotePool":
        builder = TableBuilder()
        with replacing_folder(folder) as unfinished:
            with SampleFile(unfinished / _SAMPLES) as file:
                for instrument in instruments:
                    builder.append(instrument)
                    for sound in instrument.sounds:
                        file.append(sound)
            builder.tables().save(unfinished / _TABLES)
        return cls.load(folder)

    def _decoded(self) -> Iterator[DecodedInstrument]:
        for one in self.instruments:
            yield DecodedInstrument(
                instrument_id=one.instrument_id,
                family=one.family,
                effects_on=one.effects_on,
                source=one.source,
                variant=one.variant,
                sounds=[self.samples[self.starts[n] : self.starts[n + 1]] for n in one.rows],
                pitches=self.pitches[one.rows].tolist(),
                gains=self.gains[one.rows].tolist(),
            )

    def save(self, folder: Path) -> None:
        """Write the pool so that `load` can map it into memory at once."""
        with replacing_folder(folder) as unfinished:
            np.save(unfinished / _SAMPLES, self.samples)
            self.tables.save(unfinished / _TABLES)

    @classmethod
    def load(cls, folder: Path) -> "NotePool":
        """Open what `save` or `build` wrote; the samples stay on disk until they are touched.

        Raises:
            DataError: It is missing, or of another version.
        """
        tables = PoolTables.load(folder / _TABLES)
        samples = np.load(folder / _SAMPLES, mmap_mode="r")
        return cls(np.asarray(samples), tables)  # slices of a memmap proper are slow to make

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

    def pitch_weights(self, instrument: int) -> NDArray[np.int64]:
        """How often the pitch of each of the instrument's notes occurs in its family, (n,)."""
        return self._pitch_weights[self.instruments[instrument].rows]

    def length(self, row: int) -> int:
        """Return the length of a note in samples."""
        return int(self.starts[row + 1] - self.starts[row])

    def note(self, row: int, n_samples: int | None = None) -> FloatArray:
        """One note, or its first samples, at the instrument's own level, float32, (T,)."""
        sound: FloatArray = self.stored_note(row, n_samples) * self.gains[row]
        return sound

    def stored_note(self, row: int, n_samples: int | None = None) -> FloatArray:
        """One note at the level it is stored at (about the same peak for all), float32, (T,)."""
        sound = self.samples[self.starts[row] : self.starts[row + 1]][:n_samples]
        floats: FloatArray = sound.astype(np.float32) / np.float32(INT16_SCALE)
        return floats

    def clips(self, rows: Sequence[int], n_samples: int) -> FloatArray:
        """Return notes as `stored_note` does, cut or padded with zeros to (N, n_samples)."""
        clips = np.zeros((len(rows), n_samples), np.float32)
        for clip, row in zip(clips, rows, strict=True):
            clip[: self.length(row)] = self.stored_note(row, n_samples)
        return clips


def _tell_apart(pools: Sequence[NotePool]) -> Iterator[DecodedInstrument]:
    """All instruments of all pools, those named like one of an earlier pool renamed."""
    sources: set[str] = set()
    ids: set[str] = set()
    for number, pool in enumerate(pools, start=1):
        for one in pool._decoded():
            source = f"{one.source}-{number}" if one.source in sources else one.source
            taken = one.instrument_id in ids
            name = f"{source}-{one.instrument_id}" if taken else one.instrument_id
            yield replace(one, source=source, instrument_id=name)
        sources.update(one.source for one in pool.instruments)
        ids.update(one.instrument_id for one in pool.instruments)
