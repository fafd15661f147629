"""Wanted: family, bank and source of each row as numbers, and the rows that have given ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cir.errors import InputError
from cir.index.text_search import TextIndex, match_text
from cir.instruments.catalog import Catalog
from cir.types import Instrument

Rows = NDArray[np.intp]
"""Numbers of rows, rising, (M,)."""

_COLUMNS = ("family", "bank", "source")
_KEPT = 64
_NAMED = 20
_NONE = -1


@dataclass(frozen=True)
class Wanted:
    """Which instruments an index may find; the defaults let all pass."""

    bank: str | None = None
    source: str | None = None
    words: str | None = None
    """Words that it must have, see `cir.index.text_search.match_text`."""

    def passes(self, instrument: Instrument) -> bool:
        """Whether an instrument may be found."""
        return (
            self.bank in (None, instrument.bank)
            and self.source in (None, instrument.source)
            and (not self.words or bool(match_text(self.words, [instrument])[0]))
        )


ANY = Wanted()


def column_of(instruments: Sequence[Instrument], column: str) -> Sequence[str | None]:
    """Return one column of all rows, at once where the rows are stored on disk."""
    if isinstance(instruments, Catalog):
        return instruments.column(column)
    return [getattr(row, column) for row in instruments]


class Columns:
    """The columns that searches filter by.

    Args:
        instruments: N rows.
    """

    def __init__(self, instruments: Sequence[Instrument]) -> None:
        self._instruments = instruments
        self._count = len(instruments)
        self._numbers: dict[str, dict[str, int]] = {}
        self._codes: dict[str, NDArray[np.int32]] = {}
        self._kept: dict[tuple[str | None, Wanted], Rows] = {}
        for column in _COLUMNS:
            numbers: dict[str | None, int] = {None: _NONE}
            values = column_of(instruments, column)
            self._codes[column] = np.fromiter(
                (numbers.setdefault(value, len(numbers) - 1) for value in values),
                np.int32,
                self._count,
            )
            self._numbers[column] = {
                value: code for value, code in numbers.items() if value is not None
            }

    def rows(self, family: str | None = None, filters: Wanted = ANY) -> Rows:
        """Return the rows of a family that pass the filters; the same array each time, read-only.

        Raises:
            InputError: No row has this bank or source.
        """
        key = family, filters
        if key not in self._kept:
            if filters != ANY:
                found = self.among(self.rows(family), filters)
            elif family is None:
                found = np.arange(self._count)
            else:
                found = np.flatnonzero(self._has("family", family))
            found.flags.writeable = False
            while len(self._kept) >= _KEPT:
                self._kept.pop(next(iter(self._kept)), None)
            self._kept[key] = found
        return self._kept[key]

    def among(self, rows: Rows, filters: Wanted) -> Rows:
        """Return those of the rows that pass the filters.

        Raises:
            InputError: No row at all has this bank or source.
        """
        for column, value in (("bank", filters.bank), ("source", filters.source)):
            self._check(column, value)
            if value is not None:
                rows = rows[self._codes[column][rows] == self._numbers[column][value]]
        return rows[self.text.match(filters.words)[rows] > 0] if filters.words else rows

    @cached_property
    def text(self) -> TextIndex:
        """The words of all rows."""
        return TextIndex(self._instruments)

    def with_family(self) -> NDArray[np.bool_]:
        """Return which rows have a family, (N,)."""
        return np.asarray(self._codes["family"] != _NONE)

    def families(self) -> set[str]:
        """Return the families that occur."""
        return set(self._numbers["family"])

    def _has(self, column: str, value: str) -> NDArray[np.bool_]:
        return np.asarray(self._codes[column] == self._numbers[column].get(value, _NONE - 1))

    def _check(self, column: str, value: str | None) -> None:
        known = sorted(self._numbers[column])
        if value is not None and value not in self._numbers[column]:
            more = f" and {len(known) - _NAMED} more" if len(known) > _NAMED else ""
            raise InputError(
                f"This database has no {column} {value!r}; it has "
                f"{', '.join(known[:_NAMED]) or 'none'}{more}."
            )
