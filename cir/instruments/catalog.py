"""The catalogue: a checked table of instruments, stored as CSV."""

import csv
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import overload

from cir.errors import DataError, InputError
from cir.files import replacing
from cir.instruments.families import FAMILIES, check_families
from cir.schema import read_rows
from cir.types import Instrument

COLUMNS = tuple(field.name for field in fields(Instrument))

_MAX_ID_LENGTH = 120
INSTRUMENT_ID = r"[a-z0-9]+(-[a-z0-9]+)*"
"""Pattern of ids, which are also the names of files."""

_INSTRUMENT_ID = re.compile(INSTRUMENT_ID)
_ENGINE = re.compile(r"[a-z0-9]+:.+")
_REQUIRED = ("name", "bank", "source")


class Catalog(Sequence[Instrument]):
    """An immutable sequence of instruments with unique ids.

    Args:
        instruments: Rows, in the order that embeddings and map coordinates share.

    Raises:
        DataError: A row is incomplete, its id malformed or repeated, or its family unknown.
    """

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        self._rows = tuple(instruments)
        for position, row in enumerate(self._rows, start=1):
            check_instrument(row, f"Row {position}")
        self._by_id = {row.instrument_id: row for row in self._rows}
        if len(self._by_id) != len(self._rows):
            counts = Counter(row.instrument_id for row in self._rows)
            repeated = next(name for name, count in counts.items() if count > 1)
            raise DataError(
                f"The id {repeated!r} occurs {counts[repeated]} times; ids must be unique."
            )

    @overload
    def __getitem__(self, index: int) -> Instrument: ...
    @overload
    def __getitem__(self, index: slice) -> "Catalog": ...
    def __getitem__(self, index: int | slice) -> "Instrument | Catalog":
        if isinstance(index, slice):
            return Catalog(self._rows[index])
        return self._rows[index]

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Instrument]:
        return iter(self._rows)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Catalog) and self._rows == other._rows

    def __hash__(self) -> int:
        return hash(self._rows)

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of all rows, in order."""
        return tuple(self._by_id)

    def column(self, name: str) -> list[str | None]:
        """Return one column of all rows, in order.

        Raises:
            InputError: There is no such column.
        """
        if name not in COLUMNS:
            raise InputError(f"The catalogue has no column {name!r}; it has {', '.join(COLUMNS)}.")
        return [getattr(row, name) for row in self._rows]

    def by_id(self, instrument_id: str) -> Instrument:
        """Return one instrument.

        Raises:
            InputError: No row has this id.
        """
        try:
            return self._by_id[instrument_id]
        except KeyError:
            raise InputError(
                f"None of the {len(self)} instruments has the id {instrument_id!r}."
            ) from None

    def filter(
        self, *, family: str | None = None, bank: str | None = None, source: str | None = None
    ) -> "Catalog":
        """Return the rows that meet every condition given, in the same order.

        Raises:
            InputError: `family` is unknown.
        """
        if family is not None:
            (family,) = check_families([family])
        return Catalog(
            row
            for row in self._rows
            if (family is None or row.family == family)
            and (bank is None or row.bank == bank)
            and (source is None or row.source == source)
        )

    @classmethod
    def from_csv(cls, path: str | Path) -> "Catalog":
        """Read a catalogue; further columns are ignored.

        Raises:
            DataError: The file is missing or not CSV, lacks a column, or has a faulty row.
        """
        file = Path(path)
        rows = [_instrument(row) for row in read_rows(file, COLUMNS)]
        try:
            return cls(rows)
        except DataError as error:
            raise DataError(f"{file}: {error}") from None

    def to_csv(self, path: str | Path) -> None:
        """Write the catalogue, atomically."""
        with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as out:
            writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
            writer.writeheader()
            for row in self:
                writer.writerow({**asdict(row), "family": row.family or ""})


def make_instrument_id(*parts: object) -> str:
    """Join names and numbers to an instrument id of lower-case ASCII letters, digits and hyphens.

    `make_instrument_id("TimGM6mb", "000", "Fingered Bass")` is `timgm6mb-000-fingered-bass`. The
    result is not unique by itself.

    Raises:
        InputError: No part holds a letter or a digit.
    """
    text = unicodedata.normalize("NFKD", "-".join(str(part) for part in parts))
    ascii_text = text.encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", ascii_text)[:_MAX_ID_LENGTH].strip("-")
    if not slug:
        raise InputError(f"No instrument id can be made of {parts!r}; give a name with a letter.")
    return slug


def _instrument(row: dict[str, str]) -> Instrument:
    texts = {name: row[name] for name in COLUMNS if name != "family"}
    return Instrument(family=row["family"] or None, **texts)


def check_instrument(row: Instrument, where: str = "The instrument") -> None:
    """Check that an instrument can be a row of a catalogue.

    Raises:
        DataError: It is incomplete, its id is malformed, or its family unknown.
    """
    where = f"{where} ({row.instrument_id!r:.140})"
    name = row.instrument_id
    if not _INSTRUMENT_ID.fullmatch(name) or len(name) > _MAX_ID_LENGTH:
        raise DataError(
            f"{where}: an instrument id is lower-case letters, digits and single hyphens, "
            f"at most {_MAX_ID_LENGTH}."
        )
    if row.family is not None and row.family not in FAMILIES:
        raise DataError(
            f"{where}: unknown family {row.family!r}; allowed are none and {', '.join(FAMILIES)}."
        )
    for column in _REQUIRED:
        if not getattr(row, column).strip():
            raise DataError(f"{where}: {column} must not be empty.")
    if not _ENGINE.fullmatch(row.engine):
        raise DataError(
            f"{where}: engine {row.engine!r} must be scheme:reference, e.g. samples:drums/snare."
        )
