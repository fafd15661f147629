"""Parts of a pack: files of coded levels, each of which can be read without the others.

A part is an .npz without pickles. It holds blocks: notes of some instruments of one dataset with
their table, or windows of the mixtures that are validated on.
"""

import json
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.gpu.codec import decode
from cir.audio.bands import BandConfig
from cir.errors import CheckpointError, DataError
from cir.files import replacing
from cir.training.feature_cache import KEPT_FRAMES, FeatureCache, NoteTable
from cir.training.mixture_validation import PlayedMixtures

PART = "part-*.npz"
NOTES, MIXTURES = "notes", "mixtures"
_ROOMS = ("instruments", "pitches", "gains", "lengths")
"""Columns of a table that have a row a note; the others have one an instrument."""
Block = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Head:
    """What all parts of a pack agree on."""

    bands: BandConfig
    steps: int
    """Of the codes, to a unit of level."""
    mixture_frames: int

    def to_json(self) -> str:
        """As text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Head":
        """What `to_json` gave."""
        values = json.loads(text)
        return cls(BandConfig(**values.pop("bands")), **values)


@dataclass(frozen=True)
class Pack:
    """What the parts of a folder hold together."""

    head: Head
    caches: Mapping[str, FeatureCache]
    """By dataset, in the order of the parts."""
    mixtures: PlayedMixtures | None


def cut_table(table: NoteTable, instruments: NDArray[np.int64]) -> tuple[NoteTable, Any]:
    """The table of some instruments alone, and the rows of their notes."""
    rows = np.concatenate([np.flatnonzero(table.instruments == one) for one in instruments])
    columns = {
        name: values[rows if name in _ROOMS else instruments]
        for name, values in vars(table).items()
    }
    columns["instruments"] = np.searchsorted(instruments, table.instruments[rows])
    return NoteTable(**columns), rows


def join_tables(tables: Iterable[NoteTable]) -> NoteTable:
    """Tables one after the other."""
    columns: dict[str, list[NDArray[Any]]] = {one.name: [] for one in fields(NoteTable)}
    n_before = 0
    for table in tables:
        for name, values in vars(table).items():
            columns[name].append(values + n_before if name == "instruments" else values)
        n_before += len(table.ids)
    return NoteTable(**{name: np.concatenate(values) for name, values in columns.items()})


def write_part(path: Path, head: Head, blocks: Iterable[Block]) -> None:
    """Write blocks into a file, atomically."""
    named: dict[str, Any] = {
        f"{n}/{key}": array for n, block in enumerate(blocks) for key, array in block.items()
    }
    with replacing(path) as temporary:
        np.savez(temporary, head=np.array(head.to_json()), **named)


def read_pack(folder: Path) -> Pack:
    """Read all parts below a folder, and decode them.

    Raises:
        DataError: There is no part, one is damaged, or they are of different packs.
    """
    paths = sorted(folder.rglob(PART))
    if not paths:
        raise DataError(f"No {PART} lies in {folder}; name the folder that the pack was copied to.")
    heads, blocks = set(), []
    for path in paths:
        try:
            head, own = _read_part(path)
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise DataError(f"{path} is damaged ({error}); copy it again.") from error
        heads.add(head)
        blocks += own
    if len(heads) > 1:
        raise DataError(f"The parts in {folder} are of different packs; delete those of the old.")
    head = heads.pop()
    try:
        with ThreadPoolExecutor() as threads:
            levels = list(threads.map(lambda block: _levels(block, head), blocks))
    except (zlib.error, ValueError, KeyError) as error:
        raise DataError(f"A part in {folder} is damaged ({error}); copy it again.") from error
    return Pack(head, *_sort(blocks, levels))


def _read_part(path: Path) -> tuple[Head, list[Block]]:
    blocks: dict[int, Block] = {}
    with np.load(path) as arrays:
        try:
            head = Head.from_json(str(arrays["head"]))
        except CheckpointError as error:
            raise ValueError(str(error)) from error
        for name in arrays.files:
            number, _, key = name.partition("/")
            if key:
                blocks.setdefault(int(number), {})[key] = arrays[name]
    return head, [blocks[number] for number in sorted(blocks)]


def _levels(block: Block, head: Head) -> NDArray[np.float16]:
    n_frames = KEPT_FRAMES if str(block["kind"]) == NOTES else head.mixture_frames
    return decode(block["coded"], block["frames"], (n_frames, head.bands.n_bands), head.steps)


def _sort(
    blocks: list[Block], levels: list[NDArray[np.float16]]
) -> tuple[dict[str, FeatureCache], PlayedMixtures | None]:
    """Blocks of notes by dataset, and those of windows."""
    tables: dict[str, list[NoteTable]] = {}
    notes: dict[str, list[NDArray[np.float16]]] = {}
    windows: list[tuple[Block, NDArray[np.float16]]] = []
    for block, own in zip(blocks, levels, strict=True):
        if str(block["kind"]) == MIXTURES:
            windows.append((block, own))
            continue
        table = NoteTable(**{one.name: block[one.name] for one in fields(NoteTable)})
        name = str(table.sources[0])
        tables.setdefault(name, []).append(table)
        notes.setdefault(name, []).append(own)
    caches = {
        name: FeatureCache(np.concatenate(notes[name]), join_tables(own))
        for name, own in tables.items()
    }
    return caches, _join_windows(windows)


def _join_windows(
    windows: list[tuple[Block, NDArray[np.float16]]],
) -> PlayedMixtures | None:
    if not windows:
        return None
    return PlayedMixtures(
        families=tuple(windows[0][0]["families"].tolist()),
        windows=torch.from_numpy(np.concatenate([levels for _, levels in windows])),
        owners=torch.from_numpy(np.concatenate([block["owners"] for block, _ in windows])),
        players=tuple(tuple(row) for block, _ in windows for row in block["players"].tolist()),
    )
