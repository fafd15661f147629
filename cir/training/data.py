"""The notes of a run, decoded once and kept beside the runs."""

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

from cir.datasets.base import NoteDataset
from cir.datasets.registry import open_dataset
from cir.mixtures.pool import NotePool
from cir.training.config import TrainingConfig
from cir.types import Progress

_POOL_VERSION = 2


def open_datasets(config: TrainingConfig) -> list[NoteDataset]:
    """Open every source of a run.

    Raises:
        CirError: A source is missing, or is of an unknown kind.
    """
    return [open_dataset(source, seed=0) for source in config.data]


def training_pool(
    datasets: Sequence[NoteDataset],
    config: TrainingConfig,
    cache: Path,
    progress: Progress | None = None,
) -> NotePool:
    """All training instruments with their variants, from the cache where it holds them.

    Decoding takes minutes and gigabytes: it is done once for all runs, and all processes of a run
    share the same pages of memory.
    """
    sources = " ".join(dataset.fingerprint for dataset in datasets)
    key = f"{_POOL_VERSION} {sources} {config.twins} {config.transpositions}"
    folder = cache / hashlib.sha256(key.encode()).hexdigest()[:12]
    if not folder.exists():
        unfinished = cache / f".{folder.name}"
        shutil.rmtree(unfinished, ignore_errors=True)
        cache.mkdir(parents=True, exist_ok=True)
        NotePool.build(
            unfinished,
            datasets,
            split="train",
            twins=config.twins,
            transpositions=config.transpositions,
            progress=progress,
        )
        unfinished.rename(folder)
    return NotePool.load(folder)
