"""The tables of a pool: its instruments and notes without samples."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cir.errors import DataError
from cir.mixtures.pool_notes import DecodedInstrument
from cir.types import FloatArray

NEVER = 2**31 - 1
_AUDIBLE = 33
"""A note is heard from its first sample above this, 53 dB below the usual peak."""


@dataclass(frozen=True)
class PoolInstrument:
    """One instrument of a pool and the rows of its notes."""

    instrument_id: str
    family: str | None
    effects_on: bool
    """False for an effects-off twin, which is an instrument of its own."""
    variant: int
    """0 is the recorded instrument; recast copies have higher numbers."""
    source: str
    """The dataset's name."""
    rows: NDArray[np.int64]
    """Rows of the tables, consecutive; the first is the reference note."""

    @property
    def is_original(self) -> bool:
        """Whether it is neither an effects-off twin nor a recast copy."""
        return self.effects_on and self.variant == 0


@dataclass(frozen=True)
class PoolTables:
    """Instruments, and one row for each note."""

    instruments: tuple[PoolInstrument, ...]
    starts: NDArray[np.int64]
    """Start of each note among the samples, and the end of the last, (N + 1,)."""
    pitches: NDArray[np.int64]
    """MIDI, (N,)."""
    gains: FloatArray
    """Linear factors that restore the instrument's own level, (N,)."""
    onsets: NDArray[np.int64]
    """Samples before a note is heard, (N,); `NEVER` for a silent note."""

    @classmethod
    def load(cls, path: Path) -> "PoolTables":
        """Read what `save` wrote.

        Raises:
            DataError: The file is missing or of another version.
        """
        try:
            with np.load(path) as columns:
                ends = columns["ends"]
                rows = np.split(np.arange(ends[-1]), ends[:-1])
                names, variants = columns["instruments"], columns["variants"]
                instruments = tuple(
                    PoolInstrument(
                        instrument_id=str(instrument_id),
                        family=str(family) or None,
                        effects_on=bool(effects_on),
                        variant=int(variant),
                        source=str(source),
                        rows=own,
                    )
                    for (instrument_id, family, source), (effects_on, variant), own in zip(
                        names, variants, rows, strict=True
                    )
                )
                numbers = (columns[name] for name in ("starts", "pitches", "gains", "onsets"))
                return cls(instruments, *numbers)
        except (OSError, KeyError, ValueError) as error:
            raise DataError(
                f"{path.parent} has no pool of notes of this version ({error}); delete the folder, "
                "and it is built again."
            ) from error

    def save(self, path: Path) -> None:
        """Write the tables as .npz."""
        np.savez(
            path,
            starts=self.starts,
            pitches=self.pitches,
            gains=self.gains,
            onsets=self.onsets,
            instruments=np.array(
                [(i.instrument_id, i.family or "", i.source) for i in self.instruments], dtype=str
            ),
            variants=np.array([(i.effects_on, i.variant) for i in self.instruments]),
            ends=np.array([i.rows[-1] + 1 for i in self.instruments]),
        )


class TableBuilder:
    """Collects the tables of decoded instruments."""

    def __init__(self) -> None:
        self._instruments: list[PoolInstrument] = []
        self._lengths: list[int] = []
        self._pitches: list[int] = []
        self._gains: list[float] = []
        self._onsets: list[int] = []

    def append(self, decoded: DecodedInstrument) -> None:
        """Add an instrument's notes."""
        first = len(self._lengths)
        self._lengths += map(len, decoded.sounds)
        self._pitches += decoded.pitches
        self._gains += decoded.gains
        self._onsets += map(_onset, decoded.sounds)
        self._instruments.append(
            PoolInstrument(
                instrument_id=decoded.instrument_id,
                family=decoded.family,
                effects_on=decoded.effects_on,
                variant=decoded.variant,
                source=decoded.source,
                rows=np.arange(first, len(self._lengths)),
            )
        )

    def tables(self) -> PoolTables:
        """Return the tables of all instruments added."""
        return PoolTables(
            instruments=tuple(self._instruments),
            starts=np.cumsum([0, *self._lengths]),
            pitches=np.array(self._pitches),
            gains=np.array(self._gains, np.float32),
            onsets=np.array(self._onsets),
        )


def pitch_weights(tables: PoolTables) -> NDArray[np.int64]:
    """Count how often each note's pitch occurs in its instrument's family, (N,)."""
    families: dict[str | None, int] = {}
    numbers = [families.setdefault(i.family, len(families)) for i in tables.instruments]
    sizes = [len(instrument.rows) for instrument in tables.instruments]
    above_lowest = tables.pitches - tables.pitches.min()
    counts = np.zeros((len(families), above_lowest.max() + 1), np.int64)
    cells = (np.repeat(numbers, sizes), above_lowest)
    np.add.at(counts, cells, 1)
    weights: NDArray[np.int64] = counts[cells]
    return weights


def _onset(sound: NDArray[np.int16]) -> int:
    audible = np.abs(sound, dtype=np.int32) > _AUDIBLE
    return int(audible.argmax()) if audible.any() else NEVER
