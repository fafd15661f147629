"""The benchmark of curves trains on nested instruments, and reads again what it has measured."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import curves
from cir.audio.bands import BandConfig
from cir.model.network_config import ConvAstConfig
from cir.training.feature_cache import FeatureCache
from cir.training.feature_pool import FeaturePool
from cir.training.recipe import NoteStageConfig, RecipeConfig
from tests.voices_dataset import VoicesDataset

RECIPE = RecipeConfig(
    data=("bank:nowhere",),
    encoder=ConvAstConfig(
        widths=(8, 16),
        time_stride=4,
        n_heads=2,
        embedding_size=16,
        note_frames=32,
        heard_frames=(32,),
        mixture_frames=64,
        families=("bass",),
    ),
    notes=NoteStageConfig(n_instruments=8),
)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> FeatureCache:
    return FeatureCache.open(tmp_path_factory.mktemp("cache"), VoicesDataset(), BandConfig())


def test_fewer_instruments_are_part_of_more_and_twins_go_along(cache: FeatureCache) -> None:
    pool = FeaturePool.join([cache], [1.0])
    names = cache.table.ids[cache.table.splits == "train"]
    assert len(names) == 15 and len(np.unique(names)) == 12  # three have twins
    before: set[int] = set()
    for count in (3, 8, 0):
        part, n_instruments = curves.choose_instruments(pool, names, count)
        assert n_instruments == (count or 12)
        chosen = set(part.rows[:, 0].tolist())  # the reference note of each
        assert before < chosen
        kept = names[np.isin(pool.rows[:, 0].numpy(), list(chosen))]
        assert len(np.unique(kept)) == n_instruments
        assert len(kept) == np.isin(names, kept).sum() == len(part.families)
        before = chosen


@pytest.mark.slow
def test_a_point_is_trained_once(cache: FeatureCache, tmp_path: Path) -> None:
    pool = FeaturePool.join([cache], [1.0])
    names = cache.table.ids[cache.table.splits == "train"]
    point = curves.Point("instruments", 8, 32)
    row = curves.train_point(point, RECIPE, pool, names, [cache], tmp_path)
    assert row is not None
    assert row["scores"]["voices"]["instruments"] == 3
    assert row["scores"]["voices"]["candidates"] == 15
    (log,) = tmp_path.glob("*/log.csv")
    trained = log.read_bytes()
    again = curves.train_point(
        replace(point, curve="notes"), RECIPE, pool, names, [cache], tmp_path
    )
    assert again == row | {"curve": "notes"} and log.read_bytes() == trained
