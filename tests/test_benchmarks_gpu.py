"""What travels to a GPU is what was there, and what runs there runs here, in miniature."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.gpu import fit as fitting
from benchmarks.gpu import pack as packing
from benchmarks.gpu.assemble import assemble
from benchmarks.gpu.codec import STEPS, decode, encode, last_frames
from benchmarks.gpu.hold import hold, restore, tree_bytes
from benchmarks.gpu.parts import Pack, read_pack
from benchmarks.gpu.replay import ReplayedOptimiser
from benchmarks.gpu.run import main, parse_sizes
from benchmarks.gpu.shards import LARGEST, load_weights, save_shards
from benchmarks.gpu.stages import (
    TINY,
    make_mixture_stage,
    make_network,
    make_note_stage,
    make_pool,
    stage_config,
)
from cir.audio.bands import LEVEL_FLOOR, BandConfig
from cir.errors import CheckpointError, CirError, DataError, InputError
from cir.model.conv_ast import ConvAst
from cir.model.encoder import TimbreEncoder
from cir.model.network_config import ConvAstConfig
from cir.training.feature_cache import KEPT_FRAMES, FeatureCache
from cir.training.stage import Stage
from tests.host_waits import HostWaits
from tests.tone_dataset import ToneDataset
from tests.voices_dataset import VoicesDataset

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
SIZES = parse_sizes(list(TINY))
CPU = torch.device("cpu")
FLOAT = torch.float32
ABSENT = ("soundfile", "soxr", "librosa", "mido", "platformdirs", "tensorboardX", "chromadb")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack of two datasets, in several parts."""
    place = tmp_path_factory.mktemp("gpu")
    packing.pack(
        [ToneDataset(), ToneDataset("other")],
        place / "cache",
        place / "pack",
        n_mixtures=3,
        part_bytes=200_000,
        call_bytes=500_000,
    )
    return place


@pytest.fixture(scope="module")
def packed(folder: Path) -> Pack:
    return read_pack(folder / "pack")


def test_coded_levels_come_back_within_half_a_step() -> None:
    generator = np.random.default_rng(0)
    levels = generator.uniform(LEVEL_FLOOR, 0.9, (5, 20, 8)).astype(np.float16)
    frames = np.array([20, 7, 0, 1, 13])
    for clip, n in zip(levels, frames, strict=True):
        clip[n:] = LEVEL_FLOOR
    assert last_frames(levels).tolist() == frames.tolist()
    for steps in (STEPS, 16):
        found = decode(encode(levels, frames, steps), frames, (20, 8), steps)
        worst = np.abs(found.astype(np.float32) - levels).max()
        assert worst <= 0.5 / steps + 2**-9
    assert (found[2] == np.float16(LEVEL_FLOOR)).all()


def test_a_pack_holds_every_note_of_every_dataset(folder: Path, packed: Pack) -> None:
    for name, found in packed.caches.items():
        cache = FeatureCache.open(folder / "cache", ToneDataset(name), BandConfig())
        order = _order(found), _order(cache)
        for column, values in vars(cache.table).items():
            own = getattr(found.table, column)
            if len(values) == len(cache.levels) and column != "instruments":
                np.testing.assert_array_equal(own[order[0]], values[order[1]])
        expected = cache.levels[order[1]].astype(np.float32)
        assert found.levels.shape == expected.shape == (len(expected), KEPT_FRAMES, 128)
        assert np.abs(found.levels[order[0]] - expected).max() <= 0.5 / STEPS + 2**-9
    assert list(packed.caches) == ["tones", "other"]


def _order(cache: FeatureCache) -> list[int]:
    """Rows of notes, by what tells them apart."""
    table, rows = cache.table, range(len(cache.levels))
    kinds = [(table.ids[one], bool(table.effects_on[one])) for one in table.instruments]
    return sorted(rows, key=lambda row: (kinds[row], table.pitches[row], table.lengths[row]))


def test_the_first_part_alone_can_be_tried_and_the_manifest_knows_all(folder: Path) -> None:
    text = (folder / "pack" / "call-1" / "manifest.json").read_text(encoding="utf-8")
    manifest = json.loads(text)
    parts = manifest["parts"]
    assert len(parts) > 2 and manifest["calls"] > 1
    assert sum(part["notes"] for part in parts) == sum(manifest["notes"].values())
    for part in parts:
        assert (folder / "pack" / part["file"]).stat().st_size == part["bytes"] < 600_000
    first = read_pack(folder / "pack" / "call-1")
    assert first.mixtures is not None
    assert "valid" in first.caches["tones"].table.splits


def test_parts_that_are_missing_damaged_or_strange_are_refused(
    folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="No part"):
        read_pack(tmp_path)
    (tmp_path / "part-00.npz").write_bytes(b"nothing")
    with pytest.raises(DataError, match="damaged"):
        read_pack(tmp_path)
    with pytest.raises(InputError, match="exists"):
        packing.pack([ToneDataset()], folder / "cache", tmp_path)
    with pytest.raises(InputError, match="steps between 1 and 64"):
        packing.pack([ToneDataset()], folder / "cache", tmp_path / "new", steps=128)


@pytest.mark.parametrize("make", [make_note_stage, make_mixture_stage])
def test_no_step_waits_for_the_device(make: Callable[..., Stage], packed: Pack) -> None:
    pool = make_pool(SIZES, packed, CPU)
    stage = make(SIZES, packed, pool, make_network(SIZES, packed), torch.float32)
    generator = torch.Generator()
    for seed in range(3):  # tables are sent once, for each choice of families
        stage.losses(generator.manual_seed(seed))
    for seed in range(3):
        with HostWaits() as waits:
            losses = stage.losses(generator.manual_seed(seed))
            torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
        assert waits.found == []


@pytest.mark.parametrize(
    "careless",
    [
        lambda values: float(values.sum()),
        lambda values: values[values > 0],
        lambda values: torch.multinomial(values.abs(), 2),
        lambda values: values + torch.tensor([1.0, 2.0, 3.0]),
    ],
)
def test_careless_steps_are_found_out(careless: Callable[[torch.Tensor], object]) -> None:
    values = torch.ones(3)
    with HostWaits() as waits:
        careless(values)
    assert waits.found


def test_smoke_and_training_run_in_miniature(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ["--data", str(folder / "pack"), "--tiny", "--work", str(tmp_path / "work")]
    out = tmp_path / "smoke"
    assert main(["smoke", *common, "--out", str(out), "--steps", "2"]) == 0
    printed = capsys.readouterr().out
    assert "a second" in printed and "% of 790 TFLOP/s" in printed and "top_1" in printed
    assert _largest(out) <= LARGEST + 2**20
    for stage, start in (("notes", out), ("mixtures", tmp_path / "work" / "notes.safetensors")):
        words = ["train", *common, "--stage", stage, "--from", str(start), "--minutes", "0.01"]
        assert main([*words, "--out", str(tmp_path / stage)]) == 0
        log = (tmp_path / stage / f"{stage}-log.csv").read_text(encoding="utf-8")
        assert "top_1" in log
        assert len(list((tmp_path / stage).iterdir())) <= 8
        assert (tmp_path / "work" / f"{stage}.safetensors").is_file()


def test_rates_from_the_device_give_the_same_updates(packed: Pack) -> None:
    config, pool = stage_config(SIZES, "notes"), make_pool(SIZES, packed, CPU)
    stages = []
    for _ in range(2):
        torch.manual_seed(0)
        stages.append(make_note_stage(SIZES, packed, pool, make_network(SIZES, packed), FLOAT))
    plain, other = stages
    replayed = ReplayedOptimiser(other.optimiser, config)
    ours, theirs = ([*one.network.parameters(), one.log_scale] for one in stages)
    generator = torch.Generator()
    for number, share in enumerate((0.1, 1.0, 0.5)):
        losses = plain.losses(generator.manual_seed(number))
        torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
        # Both get the same gradients: those that are rounding alone could differ in sign.
        for one, its in zip(ours, theirs, strict=True):
            its.grad = None if one.grad is None else one.grad.clone()
        plain.optimiser.step(share, clip=config.clip)
        replayed.share.fill_(share)
        replayed.step_recorded()
    for one, its in zip(ours, theirs, strict=True):
        torch.testing.assert_close(its, one, atol=2e-4, rtol=1e-3)


def _largest(folder: Path) -> int:
    return max(path.stat().st_size for path in folder.iterdir())


def test_what_runs_there_imports_nothing_that_is_not_there() -> None:
    program = (
        f"import sys\nsys.modules.update(dict.fromkeys({ABSENT!r}))\nimport benchmarks.gpu.run\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


def test_weights_come_back_in_halves_and_without_what_was_not_trained(tmp_path: Path) -> None:
    config = ConvAstConfig(widths=(8, 8, 16, 16, 32), n_layers=1, n_heads=2, families=("bass",))
    network, other = ConvAst(config), ConvAst(config)
    save_shards(tmp_path, network, with_mixtures=False)
    assert load_weights(tmp_path, other) is False
    for name, value in network.notes.state_dict().items():
        torch.testing.assert_close(other.notes.state_dict()[name], value, atol=1e-3, rtol=1e-3)
    network.begin_mixtures()
    assert network.mixtures is not None
    network.mixtures(torch.zeros(2, 64, 128))
    save_shards(tmp_path, network, with_mixtures=True)
    assert load_weights(tmp_path, other) is True


def test_shards_become_a_model(tmp_path: Path) -> None:
    config = ConvAstConfig(widths=(8, 8, 16, 16, 32), n_layers=1, n_heads=2, families=("bass",))
    network = ConvAst(config)
    save_shards(tmp_path, network, with_mixtures=False)
    with pytest.raises(InputError, match="notes alone"):
        assemble(tmp_path, tmp_path / "model")
    network.begin_mixtures()
    assert network.mixtures is not None
    network.mixtures(torch.zeros(2, 64, 128))
    save_shards(tmp_path, network, with_mixtures=True)
    assemble(tmp_path, tmp_path / "model")
    found = TimbreEncoder.from_pretrained(tmp_path / "model", device="cpu").network
    assert isinstance(found, ConvAst) and found.config == config
    for name, value in network.state_dict().items():
        torch.testing.assert_close(found.state_dict()[name], value, atol=1e-3, rtol=1e-3)
    with pytest.raises(CheckpointError, match="No weights"):
        assemble(ROOT / "benchmarks", tmp_path / "model")


def test_a_model_is_fitted_to_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "N_MIXTURES", 12)
    monkeypatch.setattr(fitting, "open_dataset", lambda spec, seed: VoicesDataset(spec))
    config = ConvAstConfig(
        widths=(8, 8, 16, 16, 32),
        n_layers=1,
        n_heads=2,
        embedding_size=16,
        families=("bass", "percussion", "synth_lead"),
    )
    before = TimbreEncoder.from_config(config)
    before.save_pretrained(tmp_path / "model")
    fitting.fit(str(tmp_path / "model"), tmp_path / "out", ["a", "b"], tmp_path / "cache")
    after = TimbreEncoder.from_pretrained(tmp_path / "out", device="cpu")
    assert after.config == config
    changed = {
        name
        for name, value in after.network.state_dict().items()
        if not torch.allclose(value, before.network.state_dict()[name], atol=2e-3)
    }
    assert changed >= {"mixtures.first.1.running_mean", "note_head.linear.weight"}
    assert not any(name.startswith("notes.") for name in changed)
    with pytest.raises(CheckpointError, match="fitted to sound already"):
        fitting.fit(str(tmp_path / "out"), tmp_path / "again", ["a"], tmp_path / "cache")
    TimbreEncoder.from_config(replace(config, families=("organ",))).save_pretrained(
        tmp_path / "organ"
    )
    with pytest.raises(CheckpointError, match="does not answer for percussion, bass, synth_lead"):
        fitting.fit(str(tmp_path / "organ"), tmp_path / "out", ["a"], tmp_path / "cache")


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    config = ConvAstConfig(widths=(8, 8, 16, 16, 32), n_layers=1, n_heads=2)
    save_shards(tmp_path, ConvAst(config), with_mixtures=False)
    wider = ConvAst(ConvAstConfig(widths=(8, 8, 16, 16, 64), n_layers=1, n_heads=2))
    with pytest.raises(CheckpointError, match="give the sizes"):
        load_weights(tmp_path, wider)
    with pytest.raises(CheckpointError, match="No weights"):
        load_weights(ROOT / "benchmarks", wider)


@pytest.mark.parametrize("pair", ["depth=3", "layers=many", "layers", "widths=8,x"])
def test_sizes_that_are_none_are_refused(pair: str) -> None:
    with pytest.raises(InputError, match="is no size"):
        parse_sizes([pair])


def test_wrong_folders_end_with_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", "--data", str(tmp_path), "--out", str(tmp_path / "o"), "--minutes", "1"]
    assert main(words) == 2
    assert capsys.readouterr().err.startswith("run: No part-*.npz lies in")


def test_folders_are_held_aside_and_come_back(tmp_path: Path) -> None:
    _git(tmp_path, "init", "-q")
    (tmp_path / ".gitignore").write_text("runs/\n")
    large = tmp_path / "docs" / "deep" / "page.html"
    large.parent.mkdir(parents=True)
    large.write_bytes(b"x" * 1000)
    (tmp_path / "code.py").write_text("")
    _git(tmp_path, "add", ".")
    (large.parent / "untracked").write_text("y")
    before = tree_bytes(tmp_path)
    assert before == (1001, len("runs/\n"))
    with pytest.raises(CirError, match="Nothing is held"):
        restore(tmp_path)
    hold(tmp_path)
    assert not large.exists() and tree_bytes(tmp_path) == (0, before[1])
    with pytest.raises(InputError, match="restore them first"):
        hold(tmp_path)
    restore(tmp_path)
    assert tree_bytes(tmp_path) == before and not (tmp_path / "runs" / "held").exists()
    hold(tmp_path)
    (tmp_path / "docs").mkdir()
    with pytest.raises(DataError, match="beside the held one"):
        restore(tmp_path)
    (tmp_path / "docs").rmdir()
    (tmp_path / "runs/held/docs/deep/page.html").unlink()
    with pytest.raises(DataError, match="git status"):
        restore(tmp_path)


def _git(tree: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=tree, check=True, capture_output=True)
