"""The notes of a run, decoded once and kept beside the runs."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from cir.datasets.base import NoteDataset
from cir.datasets.registry import open_dataset
from cir.mixtures.pool import NotePool
from cir.mixtures.pool_notes import decode_datasets
from cir.training.run_config import TrainingConfig
from cir.types import Progress

_POOL_VERSION = 4


def open_datasets(config: TrainingConfig) -> list[NoteDataset]:
    """Open every source of a run.

    Raises:
        CirError: A source is missing, or is of an unknown kind.
    """
    return [open_dataset(source) for source in config.data]


def training_pool(
    datasets: Sequence[NoteDataset],
    config: TrainingConfig,
    cache: Path,
    progress: Progress | None = None,
) -> NotePool:
    """Load all training instruments with their variants, decoding what the cache lacks.

    Decoding takes minutes and gigabytes: it is done once for all runs, source by source, and all
    processes of a run share the same pages of memory.
    """
    folders = [_decode(dataset, config, cache, progress) for dataset in datasets]
    if len(folders) == 1:
        return NotePool.load(folders[0])
    joined = cache / _key("joined", *(folder.name for folder in folders))
    if not joined.exists():
        NotePool.join(joined, [NotePool.load(folder) for folder in folders])
    return NotePool.load(joined)


def _decode(
    dataset: NoteDataset, config: TrainingConfig, cache: Path, progress: Progress | None
) -> Path:
    folder = cache / _key(
        dataset.fingerprint, str(_POOL_VERSION), str(config.twins), str(config.variants)
    )
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        NotePool.build(
            folder,
            decode_datasets(
                [dataset],
                split="train",
                twins=config.twins,
                variants=config.variants,
                progress=progress,
            ),
        )
    return folder


def _key(*parts: str) -> str:
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:12]
