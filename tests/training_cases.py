"""A training run small enough for tests: a bank of tones, a transformer of one layer."""

from pathlib import Path

from cir.datasets.note_bank_dataset import NoteBankDataset
from cir.mixtures.pool import NotePool
from cir.model.ast_config import EncoderConfig
from cir.training.run_config import TrainingConfig
from tests.tone_bank import FAMILIES

TINY = EncoderConfig(
    hidden_size=32, n_layers=1, n_heads=2, note_frames=32, mixture_frames=64, families=FAMILIES
)
MIXTURE_LOSSES = {"query_infonce": 1.0, "query_proxies": 1.0, "note_proxies": 1.0}
PAIR_LOSSES = {"pair_infonce": 1.0, "note_proxies": 1.0}


def tiny_config(data: Path, task: str = "mixtures", **changes: object) -> TrainingConfig:
    """Six steps on the tones in `data`."""
    values: dict[str, object] = {
        "task": task,
        "data": (f"bank:{data}",),
        "encoder": TINY,
        "losses": PAIR_LOSSES if task == "pairs" else MIXTURE_LOSSES,
        "learn_temperature": True,
        "batch_size": 3,
        "total_steps": 6,
        "warmup_steps": 1,
        "decay_steps": 2,
        "validate_every_steps": 6,
        "n_validation_mixtures": 4,
        "trackers": (),
    }
    return TrainingConfig(**{**values, **changes})  # type: ignore[arg-type]


def tone_pool(data: Path) -> NotePool:
    """The training split of the tones, twins too."""
    return NotePool.from_datasets([NoteBankDataset(data)], split="train", twins=True)
