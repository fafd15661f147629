"""The basket as a zip: each preview as WAV, a table of what they are, and a playlist."""

import csv
import io
import json
import zipfile
from collections.abc import Iterable, Sequence
from itertools import chain, count
from pathlib import Path
from typing import Any

from cir.errors import CirError, InputError
from cir.files import replacing
from cir.instruments.preset_path import how_to_load, preset_path
from cir.types import Progress
from cir.ui.basket.picks import Pick
from cir.ui.server.take_home import as_wav, file_name, preset_file

TABLE_NAME, JSON_NAME, PLAYLIST_NAME = "sounds.csv", "sounds.json", "sounds.m3u"
README_NAME = "README.txt"
_README = """The sounds that you collected, as WAV files of one note each.

{table} and {json} name each one: instrument, bank, author and licence, where its synthesizer
lists it, and the search that found it. {playlist} plays them in order.

The sounds belong to their authors: see the licence of each before you publish one.
"""


def write_zip(picks: Sequence[Pick], target: Path, progress: Progress | None = None) -> int:
    """Pack sounds, and preset files that are on this machine, into a zip.

    Returns:
        The number of sounds that were packed.

    Raises:
        InputError: The basket is empty.
        StorageError: The disk is full.
    """
    if not picks:
        raise InputError("The basket is empty; put sounds into it first.")
    names = [f"{number:02d} {file_name(pick.instrument)}" for number, pick in enumerate(picks, 1)]
    rows, playlist = [], ["#EXTM3U"]
    packed: dict[Path, str] = {}
    with (
        replacing(target) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive,
    ):
        for done, (name, pick) in enumerate(zip(names, picks, strict=True), start=1):
            sound = _sound_of(pick)
            if sound is not None:
                archive.writestr(f"{name}.wav", sound)
                playlist += [f"#EXTINF:-1,{pick.instrument.name}", f"{name}.wav"]
            preset = preset_file(pick.instrument)
            if preset is not None and preset not in packed:
                packed[preset] = _free_name(preset, packed.values())
                archive.write(preset, packed[preset])
            inside = "" if preset is None else packed[preset]
            rows.append(_row(pick, f"{name}.wav" if sound else "", inside))
            if progress is not None:
                progress(done / len(picks), f"Packing {pick.instrument.name}")
        archive.writestr(TABLE_NAME, _as_csv(rows))
        archive.writestr(JSON_NAME, json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
        archive.writestr(PLAYLIST_NAME, "\n".join(playlist) + "\n")
        words = {"table": TABLE_NAME, "json": JSON_NAME, "playlist": PLAYLIST_NAME}
        archive.writestr(README_NAME, _README.format(**words))
    return len(playlist) // 2


def _free_name(preset: Path, taken: Iterable[str]) -> str:
    """Return a name for a preset in the zip; file systems may not tell cases apart."""
    known = {name.lower() for name in taken}
    others = (f"{preset.stem} ({number}){preset.suffix}" for number in count(2))
    names = (f"presets/{name}" for name in chain([preset.name], others))
    return next(name for name in names if name.lower() not in known)


def _sound_of(pick: Pick) -> bytes | None:
    try:
        return None if pick.preview is None else as_wav(pick.preview)
    except CirError:
        return None


def _row(pick: Pick, sound: str, preset: str) -> dict[str, Any]:
    instrument, sent = pick.instrument, pick.sent
    similarity = None if sent.similarity is None else round(sent.similarity, 4)
    return {
        "file": sound,
        "preset_file": preset,
        "name": instrument.name,
        "family": instrument.family or "",
        "category": instrument.category,
        "bank": instrument.bank,
        "author": instrument.author,
        "licence": instrument.licence,
        "path": preset_path(instrument),
        "how_to_load": how_to_load(instrument),
        "similarity": similarity,
        "query": sent.query,
        "passage": sent.passage,
        "searched_at": sent.at,
        "instrument_id": instrument.instrument_id,
    }


def _as_csv(rows: Sequence[dict[str, Any]]) -> str:
    table = io.StringIO()
    writer = csv.DictWriter(table, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return table.getvalue()
