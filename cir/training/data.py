"""The note pools of a run, decoded once and kept beside the runs."""

import hashlib
from pathlib import Path

from cir.instruments.note_bank import NoteBank
from cir.mixtures.pool import NotePool
from cir.training.config import TrainingConfig
from cir.types import Progress

_POOL_VERSION = 1


def training_pool(
    bank: NoteBank, config: TrainingConfig, cache: Path, progress: Progress | None = None
) -> NotePool:
    """All training instruments with their variants, from the cache where it holds them.

    Decoding takes minutes and gigabytes: it is done once for all runs, and all processes of a run
    share the same pages of memory.
    """
    key = f"{_POOL_VERSION} {bank.folder.resolve()} {config.twins} {config.transpositions}"
    folder = cache / hashlib.sha256(key.encode()).hexdigest()[:12]
    if not folder.exists():
        pool = NotePool.from_note_bank(
            bank,
            split="train",
            twins=config.twins,
            transpositions=config.transpositions,
            progress=progress,
        )
        cache.mkdir(parents=True, exist_ok=True)
        pool.save(folder)
    return NotePool.load(folder)
