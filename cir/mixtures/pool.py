"""Notes of many instruments in one array, ready to be mixed."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cir.datasets.base import NoteDataset
from cir.errors import DataError
from cir.files import replacing_folder
from cir.mixtures.pool_notes import INT16_SCALE, DecodedInstrument, decode_datasets
from cir.mixtures.pool_tables import PoolTables, TableBuilder, pitch_weights
from cir.types import FloatArray, Progress

_SAMPLES = "samples.bin"
_SAMPLE_TYPE = np.dtype("<i2")
_TABLES = "tables.npz"


class NotePool:
    """Decoded notes of many instruments.

    Attributes:
        samples: All notes one after the other, int16, (T,); a loaded pool maps them from disk.
        tables: Instruments and notes. `instruments`, `starts`, `pitches`, `gains` and `onsets`
            are its columns.
        pitch_classes: Pitch class of every note, C is 0, (N,).
        families: Families with at least one instrument, the largest first.
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
        """Decode the notes of one split into memory; see `decode_datasets`."""
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
    def build(cls, folder: Path, instruments: Iterable[DecodedInstrument]) -> "NotePool":
        """Write decoded instruments into a folder, and open it.

        Memory holds one instrument at a time, however large the pool. The folder appears when it
        is complete.
        """
        builder = TableBuilder()
        with replacing_folder(folder) as unfinished:
            with (unfinished / _SAMPLES).open("wb") as file:
                for instrument in instruments:
                    builder.append(instrument)
                    for sound in instrument.sounds:
                        file.write(sound.astype(_SAMPLE_TYPE).tobytes())
            builder.tables().save(unfinished / _TABLES)
        return cls.load(folder)

    @classmethod
    def join(cls, folder: Path, pools: Sequence["NotePool"]) -> "NotePool":
        """Write pools one after the other into a folder, and open it.

        An id that an earlier pool has is prefixed with its source; a source that an earlier pool
        has is numbered.
        """
        return cls.build(folder, _tell_apart(pools))

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

    @classmethod
    def load(cls, folder: Path) -> "NotePool":
        """Open what `build` wrote; the samples stay on disk until they are used.

        Raises:
            DataError: The pool is missing or of another version.
        """
        tables = PoolTables.load(folder / _TABLES)
        path, shape = folder / _SAMPLES, (int(tables.starts[-1]),)
        try:
            samples = np.memmap(path, _SAMPLE_TYPE, "r", shape=shape)
        except (OSError, ValueError) as error:
            raise DataError(f"Cannot read {path} ({error}); delete its folder.") from None
        return cls(np.asarray(samples), tables)  # slicing a memmap itself is slow

    def of_family(self, family: str) -> list[int]:
        """Return the numbers of the family's instruments.

        Raises:
            DataError: The pool has none.
        """
        try:
            return self._by_family[family]
        except KeyError:
            raise DataError(
                f"No instrument of family {family!r} in this pool; "
                f"it has {sorted(self._by_family)}."
            ) from None

    def pitch_weights(self, instrument: int) -> NDArray[np.int64]:
        """Return how often each of the instrument's pitches occurs in its family, (n,)."""
        return self._pitch_weights[self.instruments[instrument].rows]

    def length(self, row: int) -> int:
        """Return the length of a note in samples."""
        return int(self.starts[row + 1] - self.starts[row])

    def note(self, row: int, n_samples: int | None = None) -> FloatArray:
        """Return a note, or its first samples, at the instrument's own level, (T,)."""
        sound: FloatArray = self.stored_note(row, n_samples) * self.gains[row]
        return sound

    def stored_note(self, row: int, n_samples: int | None = None) -> FloatArray:
        """Return a note as it is stored, with about the same peak as all others, (T,)."""
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
    """Give the instruments of all pools, ids and sources that occurred before changed."""
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
