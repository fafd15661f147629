"""What a training configuration may say, and runs that are refused before they start."""

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cir.config import load_config
from cir.datasets.note_bank_dataset import NoteBankDataset
from cir.errors import DataError, InputError
from cir.mixtures.mixture_config import PAPER_FAMILIES
from cir.mixtures.pool import NotePool
from cir.schema import parse_values
from cir.training import loop
from cir.training.run_config import TrainingConfig
from cir.training.sampler import BatchSampler
from cir.training.validation import Validation, check_validation
from cir.types import FloatArray
from tests.fakes import SpectrumEncoder
from tests.tone_bank import write_bank
from tests.training_cases import TINY, tiny_config, tone_pool

CONFIGS = Path(__file__).parent.parent / "configs"
RECIPES = sorted({*CONFIGS.glob("*.yaml")} - {*CONFIGS.glob("cir-*.yaml")})
FROZEN = replace(TINY, shared_encoder=False)
REFUSED: list[dict[str, object]] = [
    {"seed": -1},
    {"seed": 2**32},
    {"level_range_db": float("nan")},
    {"paper_probability": 1.5},
    {"reference_probability": -0.1},
    {"batch_size": 0},
    {"ema_decay": 1.0},
    {"total_steps": 5, "warmup_steps": 6},
    {"decay_steps": 0},
    {"learning_rate": float("inf")},
    {"final_learning_rate": 1.0},
    {"max_gradient_norm": -1.0},
    {"n_validation_mixtures": 0},
    {"encoder": replace(TINY, families=("kazoo",))},
    {"encoder": replace(TINY, families=("bass", "bass"))},
    {"data": ()},
    {"data_weights": (1.0, 1.0)},
    {"data_weights": (0.0,)},
    {"data_weights": (-1.0,)},
    {"losses": {"query_infonce": -1.0}},
    {"losses": {"tripelt": 1.0}},
    {"task": "juggle"},
]


@pytest.mark.parametrize("changes", REFUSED, ids=str)
def test_what_makes_no_sense_is_refused_in_one_sentence(changes: dict[str, object]) -> None:
    with pytest.raises(InputError) as caught:
        replace(tiny_config(Path("x")), **changes)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    words = {"encoder": "families"}
    assert any(re.search(words.get(name, name), str(caught.value)) for name in changes)


def test_notes_can_only_be_frozen_where_something_else_learns() -> None:
    with pytest.raises(InputError, match="task: mixtures"):
        tiny_config(
            Path("x"), "pairs", encoder=FROZEN, freeze_notes=True, losses={"pair_infonce": 1.0}
        )


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"data": "bank:x", "losses": {"mix_triplet": 1.0}}, "list"),
        ({"learning_rat": 1}, "learning_rat"),
        ({"losses": {"mix_triplet": "much"}}, "losses: mix_triplet is no number, got 'much'"),
        ({"batch_size": "many"}, "batch_size"),
        ([], "mapping"),
    ],
)
def test_what_a_file_says_wrong_is_refused(values: object, words: str) -> None:
    with pytest.raises(InputError, match=words):
        parse_values(values, TrainingConfig, "test")
    with pytest.raises(InputError, match="Cannot read"):
        load_config("missing.yaml", TrainingConfig)


def test_a_run_that_cannot_be_validated_is_refused_before_decoding(tmp_path: Path) -> None:
    bank = write_bank(tmp_path)
    table = bank / "instruments.csv"
    text = table.read_text("utf-8")
    assert ",valid," in text
    check_validation(NoteBankDataset(bank), tiny_config(bank))
    table.write_text(text.replace(",valid,", ",test,"), encoding="utf-8")
    for task in ("pairs", "mixtures"):
        with pytest.raises(DataError, match="valid split"):
            check_validation(NoteBankDataset(bank), tiny_config(bank, task))


def test_instruments_of_one_note_are_no_queries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = NoteBankDataset(write_bank(tmp_path))
    config, pool = tiny_config(tmp_path, "pairs"), tone_pool(tmp_path)
    Validation(dataset, pool, config)
    notes = NoteBankDataset.notes
    monkeypatch.setattr(NoteBankDataset, "notes", lambda *args: notes(*args)[:1])
    with pytest.raises(DataError, match="reference note"):
        Validation(dataset, pool, config)


class OnePoint(SpectrumEncoder):
    """Collapsed: every sound is the same, but for rounding."""

    def __init__(self, value: float, noise: float) -> None:
        super().__init__()
        self._value, self._noise = value, noise

    def embed(self, sounds: Sequence[FloatArray], sample_rate: int, **_: object) -> FloatArray:
        noise = np.random.default_rng(len(sounds)).normal(0, self._noise, (len(sounds), 32))
        return np.asarray(self._value + noise, dtype=np.float32)


@pytest.mark.slow
@pytest.mark.parametrize("task", ["pairs", "mixtures"])
@pytest.mark.parametrize(("value", "noise"), [(32**-0.5, 1e-8), (0.5, 0.0), (math.nan, 0.0)])
def test_a_collapsed_encoder_validates_at_the_worst_rank(
    tmp_path: Path, task: str, value: float, noise: float
) -> None:
    dataset = NoteBankDataset(write_bank(tmp_path))
    pool, config = tone_pool(tmp_path), tiny_config(tmp_path, task, n_validation_mixtures=2)
    validation = Validation(dataset, pool, config)
    found = validation.run(OnePoint(value, noise))
    heard = [one for split in ("train", "valid") for one in dataset.instruments(split)]
    candidates = [one.family for one in heard if one.effects_on]
    counts = [candidates.count(family) for family in PAPER_FAMILIES]
    if task == "pairs":
        counts = [len(candidates)]
    assert found["mrr"] == pytest.approx(np.mean([1 / count for count in counts]))
    assert found["top_1"] == 0
    assert validation.run(SpectrumEncoder())["mrr"] > found["mrr"]


def test_batches_that_do_not_go_into_the_processes_are_refused() -> None:
    config = tiny_config(Path("x"), batch_size=4)
    loop._check_shares(config, 2)
    with pytest.raises(InputError, match="batch_size must be a multiple"):
        loop._check_shares(config, 3)


def test_pairs_need_no_families(tmp_path: Path) -> None:
    write_bank(tmp_path)
    pool = tone_pool(tmp_path)
    tables = replace(
        pool.tables, instruments=tuple(replace(one, family=None) for one in pool.instruments)
    )
    plan = BatchSampler(NotePool(pool.samples, tables), tiny_config(tmp_path, "pairs")).pairs(0)
    assert len(set(plan.instruments)) == 3


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_can_be_read_and_made_small(path: Path) -> None:
    whole = load_config(path, TrainingConfig)
    budget = CONFIGS / "budgets" / "small.yaml"
    small = load_config(path, TrainingConfig, [budget])
    assert small.total_steps == 2084 and small.task == whole.task
