"""Matches to take away: rows of a table, and a folder with their previews and presets."""

import csv
import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TextIO

from cir.errors import InputError
from cir.files import replacing_folder
from cir.instruments.preset_path import how_to_load, preset_path
from cir.retrieval.answers import chance_as_json
from cir.types import Instrument, Match

MATCHES_NAME = "matches"
_COLUMNS = (
    "query",
    "searched_family",
    "rank",
    "similarity",
    "chance",
    "likeness",
    "guessed_family",
    *(field.name for field in fields(Instrument)),
    "path",
    "how_to_load",
    "preview",
)


def match_as_row(match: Match) -> dict[str, Any]:
    """Return a match as plain values; `chance` is None if it is unknown."""
    return {
        "rank": match.rank,
        "similarity": round(match.similarity, 6),
        "chance": chance_as_json(match.chance),
        "likeness": match.likeness,
        "guessed_family": match.guessed_family,
        **asdict(match.instrument),
        "path": preset_path(match.instrument),
        "how_to_load": how_to_load(match.instrument),
        "preview": None if match.preview is None else str(match.preview),
    }


def rows_of_matches(found: Iterable[tuple[str, str, Sequence[Match]]]) -> list[dict[str, Any]]:
    """Return a row per match.

    Args:
        found: Query, family that was searched for, and matches.
    """
    return [
        {"query": query, "searched_family": family, **match_as_row(match)}
        for query, family, matches in found
        for match in matches
    ]


def write_csv(rows: Iterable[Mapping[str, Any]], out: TextIO) -> None:
    """Write rows of matches as CSV; what is unknown is empty."""
    writer = csv.DictWriter(out, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def save_matches(rows: Sequence[Mapping[str, Any]], folder: Path) -> int:
    """Write matches.csv, matches.json, the previews and the preset files into a new folder.

    Names of files begin with the rank. A preset file is copied where it is on this machine; `path`
    in the tables says where others are found in their synthesizer.

    Returns:
        How many files of sounds and presets were copied.

    Raises:
        InputError: The folder is there already.
        StorageError: The disk is full.
    """
    if folder.exists():
        raise InputError(f"{folder} is there already; name a new folder.")
    copied = 0
    with replacing_folder(folder) as temporary:
        for row in rows:
            sound = Path(row["preview"]) if row["preview"] else None
            for kind, file in (("previews", sound), ("presets", _preset_file(row["engine"]))):
                if file is None or not file.is_file():
                    continue
                target = temporary / kind / f"{row['rank']:02d}-{row['instrument_id']}{file.suffix}"
                target.parent.mkdir(exist_ok=True)
                if not target.exists():
                    shutil.copyfile(file, target)
                    copied += 1
        with (temporary / f"{MATCHES_NAME}.csv").open("w", encoding="utf-8", newline="") as out:
            write_csv(rows, out)
        text = json.dumps(list(rows), indent=2) + "\n"
        (temporary / f"{MATCHES_NAME}.json").write_text(text, encoding="utf-8")
    return copied


def _preset_file(engine: str) -> Path | None:
    """Return the file of an instrument's preset or sample, if its reference is a path."""
    reference = engine.partition(":")[2].partition("?")[0].rpartition("#")
    path = Path(reference[0] or reference[2]).expanduser()
    return path if path.is_absolute() else None
