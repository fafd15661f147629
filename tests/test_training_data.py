"""Pools of a run: decoded once for each source, joined, kept."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cir.datasets.note_bank_dataset import NoteBankDataset
from cir.mixtures.pool import NotePool
from cir.training.data import open_datasets, training_pool
from tests.tone_bank import write_bank
from tests.training_cases import tiny_config

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def banks(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("banks")
    return f"bank:{write_bank(folder / 'one')}", f"bank:{write_bank(folder / 'two')}"


def test_sources_are_decoded_once_each_and_joined(banks: tuple[str, str], tmp_path: Path) -> None:
    config = replace(tiny_config(Path("x")), data=banks, variants=1)
    datasets = open_datasets(config)
    reports: list[float] = []
    pool = training_pool(datasets, config, tmp_path, lambda fraction, _: reports.append(fraction))
    assert reports
    reports.clear()
    again = training_pool(datasets, config, tmp_path, lambda fraction, _: reports.append(fraction))
    assert not reports
    for found in (pool, again):
        parts = [training_pool([dataset], config, tmp_path) for dataset in datasets]
        assert len(found.instruments) == sum(len(part.instruments) for part in parts)
        rows = [row for one in found.instruments for row in one.rows]
        expected = [part.stored_note(n) for part in parts for n in range(len(part.pitches))]
        for row, sound in zip(rows, expected, strict=True):
            np.testing.assert_array_equal(found.stored_note(row), sound)


def test_what_two_sources_call_alike_is_told_apart(banks: tuple[str, str], tmp_path: Path) -> None:
    same = NoteBankDataset(banks[0].removeprefix("bank:"))
    pool = NotePool.from_datasets([same], split="train")
    joined = NotePool.join(tmp_path / "joined", [pool, pool])
    originals = [one for one in joined.instruments if one.is_original]
    assert len({one.instrument_id for one in originals}) == len(originals)
    assert {one.source for one in originals} == {same.name, f"{same.name}-2"}
