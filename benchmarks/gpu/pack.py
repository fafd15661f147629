"""Write what travels to a GPU that nothing can be fetched from: levels of all notes, coded.

python -m benchmarks.gpu.pack OUT [--bank FOLDER ...]

Beside the notes of surge, surge_xt and banks go the mixtures that training validates on, as levels:
there, nothing reads sound. OUT has a folder for each call of the device tool.
"""

import argparse
import hashlib
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from benchmarks.gpu.codec import STEPS, encode, last_frames
from benchmarks.gpu.hold import HELD, MIB, tree_bytes
from benchmarks.gpu.parts import MIXTURES, NOTES, Block, Head, cut_table, write_part
from cir.datasets.base import NoteDataset
from cir.datasets.registry import open_dataset
from cir.errors import CirError, InputError
from cir.files import replacing_folder
from cir.mixtures.mixture_config import PAPER_FAMILIES
from cir.mixtures.pool import NotePool
from cir.model.conv_ast import ConvAst
from cir.model.network_config import ConvAstConfig
from cir.training.feature_cache import KEPT_FRAMES, SPLITS, FeatureCache
from cir.training.mixture_validation import PlayedMixtures

CALL_LIMIT = 64 * MIB
_NOTES_A_BLOCK = 512
_MIXTURES_A_BLOCK = 100
_SPARE = 2 * MIB
"""Of a call, left for what grows in the working tree meanwhile."""


def pack(
    datasets: Sequence[NoteDataset],
    cache: Path,
    folder: Path,
    *,
    n_mixtures: int = 300,
    frames: int = KEPT_FRAMES,
    steps: int = STEPS,
    part_bytes: int = 28 * MIB,
    call_bytes: int = 56 * MIB,
) -> dict[str, object]:
    """Write the parts and their manifest.

    Args:
        datasets: The first one's valid split plays the mixtures to validate on.
        cache: Where features are kept.
        folder: Takes `call-1`, `call-2` and so on, which hold the parts; it must not exist.
        n_mixtures: To validate on.
        frames: To keep of a note at most.
        steps: To a unit of level.
        part_bytes: A part is not larger, unless one block of notes is.
        call_bytes: Nor are the parts of one call.

    Returns:
        The manifest.

    Raises:
        InputError: `folder` exists, or a number is out of its range.
    """
    if folder.exists():
        raise InputError(f"{folder} exists; name a folder that does not.")
    if not 0 < frames <= KEPT_FRAMES or not 0 < steps <= STEPS:
        raise InputError(
            f"Frames must lie between 1 and {KEPT_FRAMES} and steps between 1 and {STEPS}, got "
            f"{frames} and {steps}."
        )
    config = ConvAstConfig()
    head = Head(config.bands, steps, config.mixture_frames)
    caches = [FeatureCache.open(cache, one, head.bands) for one in datasets]
    blocks = _blocks(datasets[0], caches, config, n_mixtures, frames, steps)
    parts: list[dict[str, object]] = []
    with replacing_folder(folder) as unfinished:
        call, filled = 1, 0
        for number, (own, size) in enumerate(_fill(blocks, part_bytes)):
            if filled and filled + size > call_bytes:
                call, filled = call + 1, 0
            filled += size
            path = unfinished / f"call-{call}" / f"part-{number:02}.npz"
            write_part(path, head, own)
            parts.append(_describe(path, unfinished, own))
        manifest = {
            "calls": call,
            "parts": parts,
            "notes": {one.name: len(its.levels) for one, its in zip(datasets, caches, strict=True)},
            "head": json.loads(head.to_json()),
        }
        text = json.dumps(manifest, indent=1)
        (unfinished / "call-1" / "manifest.json").write_text(text, encoding="utf-8")
    return manifest


def _blocks(
    dataset: NoteDataset,
    caches: Sequence[FeatureCache],
    config: ConvAstConfig,
    n_mixtures: int,
    frames: int,
    steps: int,
) -> Iterator[Block]:
    """What is validated on comes first, so that the first parts alone can be tried."""
    train, valid = SPLITS
    yield from _notes(caches[0], valid, frames, steps)
    families = tuple(family for family in PAPER_FAMILIES if _plays(caches[0], family, valid))
    if families and n_mixtures:
        pool = NotePool.from_datasets([dataset], split="valid", families=families)
        played = PlayedMixtures.play(pool, ConvAst(config), families, n_mixtures)
        yield from _windows(played, steps)
    yield from (block for cache in caches for block in _notes(cache, train, frames, steps))
    yield from (block for cache in caches[1:] for block in _notes(cache, valid, frames, steps))


def _plays(cache: FeatureCache, family: str, split: str) -> bool:
    return bool(((cache.table.families == family) & (cache.table.splits == split)).any())


def _notes(cache: FeatureCache, split: str, frames: int, steps: int) -> Iterator[Block]:
    """Blocks of whole instruments in random order: the first ones stand for all."""
    table = cache.table
    wanted = np.random.default_rng(0).permutation(np.flatnonzero(table.splits == split))
    sizes = np.bincount(table.instruments, minlength=len(table.ids))[wanted]
    numbers = sizes.cumsum() // _NOTES_A_BLOCK
    for number in np.unique(numbers):
        own, rows = cut_table(table, np.sort(wanted[numbers == number]))
        levels = cache.levels[rows]
        kept = np.minimum(last_frames(levels, steps), frames)
        columns = {**vars(own), "lengths": np.minimum(own.lengths, frames)}
        coded = encode(levels, kept, steps)
        yield {"kind": np.array(NOTES), "coded": coded, "frames": kept, **columns}


def _windows(played: PlayedMixtures, steps: int) -> Iterator[Block]:
    players, owners = np.array(played.players), played.owners.numpy()
    for start in range(0, len(players), _MIXTURES_A_BLOCK):
        stop = start + _MIXTURES_A_BLOCK
        own = (start <= owners) & (owners < stop)
        levels = played.windows.numpy()[own]
        kept = np.full(len(levels), levels.shape[1])
        yield {
            "kind": np.array(MIXTURES),
            "coded": encode(levels, kept, steps),
            "frames": kept,
            "owners": owners[own],
            "players": players[start:stop],
            "families": np.array(played.families),
        }


def _fill(blocks: Iterator[Block], limit: int) -> Iterator[tuple[list[Block], int]]:
    """Blocks for each part, and their bytes."""
    part: list[Block] = []
    filled = 0
    for block in blocks:
        size = sum(array.nbytes for array in block.values())
        if part and filled + size > limit:
            yield part, filled
            part, filled = [], 0
        part.append(block)
        filled += size
    yield part, filled


def _describe(path: Path, folder: Path, blocks: Sequence[Block]) -> dict[str, object]:
    return {
        "file": str(path.relative_to(folder)),
        "bytes": path.stat().st_size,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "notes": sum(len(block["frames"]) for block in blocks if str(block["kind"]) == NOTES),
    }


def main() -> None:
    """Pack, and say what it takes to carry it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("output", metavar="OUT", type=Path, help="a new folder, ignored by git")
    parser.add_argument("--cache", type=Path, default=Path("../cache"), help="of features")
    parser.add_argument("--bank", type=Path, action="append", default=[], help="one more note bank")
    parser.add_argument("--mixtures", type=int, default=300, help="to validate on")
    parser.add_argument("--frames", type=int, default=KEPT_FRAMES, help="of a note at most")
    parser.add_argument("--steps", type=int, default=STEPS, help="to a unit of level")
    parser.add_argument("--part-mib", type=float, default=28.0, help="of a part at most")
    parser.add_argument("--call-mib", type=float, default=56.0, help="of a call's parts at most")
    given = parser.parse_args()
    try:
        _run(given)
    except CirError as error:
        print(f"pack: {error}", file=sys.stderr)
        sys.exit(2)


def _banks_of(data: str | None) -> list[Path]:
    if not data:
        return []
    folder = Path(data)
    banks = (folder / "surge", folder / "surge_xt", *sorted((folder / "banks").glob("*")))
    return [bank for bank in banks if bank.is_dir()]


def _run(given: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    began = time.monotonic()
    folders = _banks_of(os.environ.get("CIR_DATA")) + given.bank
    if not folders:
        raise InputError("There is no note bank; set CIR_DATA to their folder or name one: --bank.")
    manifest = pack(
        [open_dataset(f"bank:{folder}") for folder in folders],
        given.cache,
        given.output,
        n_mixtures=given.mixtures,
        frames=given.frames,
        steps=given.steps,
        part_bytes=int(given.part_mib * MIB),
        call_bytes=int(given.call_mib * MIB),
    )
    paths = sorted(given.output.rglob("part-*.npz"))
    sizes = [path.stat().st_size for path in paths]
    notes = manifest["notes"]
    assert isinstance(notes, dict)
    n_notes = sum(notes.values())
    print(
        f"{n_notes} notes in {len(paths)} parts, {sum(sizes) / MIB:.1f} MiB, "
        f"{sum(sizes) / n_notes:.0f} bytes a note, {time.monotonic() - began:.0f} s."
    )
    for number in range(1, int(str(manifest["calls"])) + 1):
        own = given.output / f"call-{number}"
        size = sum(path.stat().st_size for path in own.iterdir())
        print(f"Call {number} carries {own}: {size / MIB:.1f} MiB.")
    held, rest = tree_bytes(Path())
    print(
        f"The working tree travels with each call: {(held + rest) / MIB:.1f} MiB, and "
        f"{rest / MIB:.1f} MiB while `python -m benchmarks.gpu.hold hold` keeps aside "
        f"{', '.join(HELD)}."
    )
    if rest + given.call_mib * MIB + _SPARE > CALL_LIMIT:
        raise InputError(
            f"Tree and parts are more than {CALL_LIMIT // MIB} MiB a call; pack again with a "
            f"smaller --call-mib than {given.call_mib:g}."
        )


if __name__ == "__main__":
    main()
