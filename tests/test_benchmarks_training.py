"""The benchmark of training compares like with like, or refuses."""

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile
import torch

from cir.audio.bands import BandConfig
from cir.model.network_config import ConvAstConfig, EncoderConfig
from cir.training.recipe import MixtureStageConfig, NoteStageConfig, RecipeConfig
from cir.training.run_config import TrainingConfig
from tests.tone_bank import FAMILIES, write_bank

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
CPU = torch.device("cpu")
CONFIG = TrainingConfig(
    encoder=EncoderConfig(
        hidden_size=32, n_layers=1, n_heads=2, hop_samples=160, note_frames=32, mixture_frames=64
    ),
    losses={"full_triplet": 1.0},
    batch_size=2,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:At least one mel filter has all zero values"),
]


@pytest.fixture
def training_speed(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The benchmark, imported as if it were run."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("training_speed")


def test_both_paths_are_measured_at_every_stage(tmp_path: Path, training_speed: ModuleType) -> None:
    pool, files = training_speed.prepare(write_bank(tmp_path / "bank"), tmp_path, 2)
    assert len(pool.instruments) == 2 * len(FAMILIES)
    assert len(files) == len(pool.pitches)
    run = training_speed.measure(pool, files, CONFIG, 1, CPU)
    assert run["clips_per_step"] == 2 * (1 + len(FAMILIES))
    assert set(run["speed_up"]) == set(training_speed.STAGES)
    for stage, speeds in run["clips_per_second"].items():
        ratio = speeds["ours"] / speeds["straightforward"]
        assert run["speed_up"][stage] == pytest.approx(ratio)
    data, whole = run["clips_per_second"]["data_path"], run["clips_per_second"]["whole_step"]
    assert all(0 < whole[name] < data[name] for name in ("ours", "straightforward"))


def test_stages_are_measured_beside_the_audio_path(
    tmp_path: Path, training_speed: ModuleType
) -> None:
    bank = write_bank(tmp_path / "bank")
    pool, _ = training_speed.prepare(bank, tmp_path, 2)
    recipe = RecipeConfig(
        data=(f"bank:{bank}",),
        encoder=ConvAstConfig(
            bands=BandConfig(bands_per_octave=4, n_bands=32, n_long_bands=16),
            widths=(4, 8),
            time_stride=4,
            n_layers=1,
            embedding_size=12,
            note_frames=32,
            mixture_frames=64,
            families=FAMILIES,
        ),
        notes=NoteStageConfig(n_instruments=4),
        mixtures=MixtureStageConfig(n_mixtures=3, queue_size=8),
    )
    found = training_speed.measure_stages(pool, CONFIG, recipe, tmp_path / "cache", 1, CPU)
    assert found["sounds_per_step"] == {"audio": 2 * 4, "notes": 4 * 2, "mixtures": 3 * 4}
    speeds = found["sounds_per_second"]
    for name, speed_up in found["speed_up"].items():
        assert speed_up == pytest.approx(speeds[name] / speeds["audio"])


def test_refuses_to_compare_different_sounds(tmp_path: Path, training_speed: ModuleType) -> None:
    pool, files = training_speed.prepare(write_bank(tmp_path / "bank"), tmp_path, 2)
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 48_000)
    for file in files:
        soundfile.write(file.path, noise, 48_000)
    with pytest.raises(SystemExit, match="audible"):
        training_speed.measure(pool, files, CONFIG, 1, CPU)
