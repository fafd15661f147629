"""Brightness, attack and noisiness of each instrument: what is stored with a database.

They are optional: `descriptors.csv` beside the tables of a bundle has a row for each instrument
whose preview was measured (`cir.index.measure_previews`). A change to a database removes the rows
of what it replaces before it writes the tables, and adds rows afterwards, so that a row may be
missing after a crash but is never wrong.
"""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from cir.errors import DatabaseError, DataError
from cir.files import replacing
from cir.schema import read_table
from cir.types import FloatArray

DESCRIPTORS_NAME = "descriptors.csv"

_Positive = Annotated[float, Field(gt=0.0, lt=1e6)]


@dataclass(frozen=True)
class Descriptors:
    """Three numbers on the sound of an instrument."""

    brightness_hz: _Positive
    """Spectral centroid."""
    attack_seconds: _Positive
    """Time that the note takes to come up."""
    flatness_db: Annotated[float, Field(ge=-200.0, le=0.0)]
    """Spectral flatness: about -60 dB for a sine, 0 dB for white noise."""


@dataclass(frozen=True)
class _Row(Descriptors):
    instrument_id: str


NAMES = tuple(field.name for field in fields(Descriptors))
"""The columns, in the order of `as_table`."""


def as_table(ids: Iterable[str], measured: Mapping[str, Descriptors]) -> FloatArray:
    """Return the descriptors of instruments, (N, 3), NaN where they are unknown."""
    unknown = (np.nan,) * len(NAMES)
    rows = [astuple(measured[one]) if one in measured else unknown for one in ids]
    return np.array(rows, dtype=np.float32).reshape(-1, len(NAMES))


def read_descriptors(folder: Path) -> dict[str, Descriptors]:
    """Read the descriptors of the database in `folder`, by id; empty where it has none.

    Raises:
        DatabaseError: They are damaged.
    """
    path = folder / DESCRIPTORS_NAME
    if not path.is_file():
        return {}
    try:
        rows = read_table(path, _Row, ("instrument_id", *NAMES))
    except DataError as error:
        reason = str(error).rstrip(".")
        raise DatabaseError(f"{reason}; remove the file and run `cir database describe`.") from None
    return {
        row.instrument_id: Descriptors(row.brightness_hz, row.attack_seconds, row.flatness_db)
        for row in rows
    }


def write_descriptors(folder: Path, measured: Mapping[str, Descriptors]) -> None:
    """Store descriptors with the database in `folder`, in place of older ones."""
    path = folder / DESCRIPTORS_NAME
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["instrument_id", *NAMES])
        for instrument_id in sorted(measured):
            values = (f"{value:.4g}" for value in astuple(measured[instrument_id]))
            writer.writerow([instrument_id, *values])


def forget_descriptors(folder: Path, instrument_ids: Iterable[str]) -> dict[str, Descriptors]:
    """Remove the rows of instruments that change or leave; return the others.

    What is damaged is left for a person to remove.
    """
    try:
        known = read_descriptors(folder)
    except DatabaseError:
        return {}
    gone = known.keys() & set(instrument_ids)
    kept = {name: one for name, one in known.items() if name not in gone}
    if gone:
        write_descriptors(folder, kept)
    return kept
