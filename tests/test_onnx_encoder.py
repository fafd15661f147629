"""The model in ONNX Runtime embeds as it does in torch, and refuses what is of another model."""

import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from cir.audio.bands import LOUDEST, NEPERS_PER_DB, NEPERS_PER_UNIT, BandConfig
from cir.audio.clip_levels import clip_levels
from cir.audio.log_frequency import bring_to_level, log_bands, normalise_peak
from cir.errors import CheckpointError
from cir.model.checkpoint import BUNDLED_MODEL, GRAPHS_NAME, WEIGHTS_NAME
from cir.model.encoder import TimbreEncoder
from cir.model.export_graphs import TOLERANCE, compare, export_graphs
from cir.model.loading import load_encoder
from cir.model.network_config import ConvAstConfig
from cir.model.onnx_encoder import OnnxEncoder
from cir.types import FloatArray
from tests.test_encoder import TINY, TINY_CONV

RATE = 16_000


def sounds() -> list[FloatArray]:
    generator = np.random.default_rng(3)
    seconds = np.arange(7 * RATE) / RATE
    chord = sum(np.sin(2 * np.pi * hertz * seconds) for hertz in (98.0, 311.1, 1480.0))
    noise = generator.standard_normal(len(seconds)) * np.exp(-3 * seconds)
    return [
        np.asarray(sound, np.float32)
        for sound in (0.2 * chord + 0.01 * noise, 0.5 * noise, 0.001 * noise[:9_000])
    ]


@pytest.fixture(scope="module")
def served() -> OnnxEncoder:
    return OnnxEncoder()


@pytest.mark.parametrize("index", range(3))
def test_levels_equal_those_in_torch(index: int) -> None:
    config = BandConfig()
    sound = sounds()[index]
    audio = normalise_peak(torch.from_numpy(sound)[None])
    expected = bring_to_level(log_bands(audio, config))[0].numpy()
    levels = clip_levels(sound, config)
    assert levels.dtype == np.float32
    # Single precision ends about 70 dB below the loudest cell: what is softer is rounding.
    heard = expected > LOUDEST - 60 * NEPERS_PER_DB / NEPERS_PER_UNIT
    np.testing.assert_allclose(levels[heard], expected[heard], atol=1e-5)
    np.testing.assert_allclose(levels, expected, atol=1e-4)
    np.testing.assert_allclose(clip_levels(100 * sound, config), levels, atol=1e-4)


def test_levels_of_silence_are_finite() -> None:
    assert np.isfinite(clip_levels(np.zeros(RATE, np.float32), BandConfig())).all()


@pytest.mark.slow
def test_embeds_as_torch_does_under_the_same_identity(served: OnnxEncoder) -> None:
    trained = TimbreEncoder.from_pretrained(device="cpu")
    assert served.identity == trained.identity
    assert (served.embedding_size, served.families) == (trained.embedding_size, trained.families)
    assert compare(trained, served) <= TOLERANCE
    for families in (served.families[:3], ("organ", "bass", "pipe")):
        np.testing.assert_allclose(
            served.embed_mixtures(sounds(), RATE, families),
            trained.embed_mixtures(sounds(), RATE, families),
            atol=TOLERANCE,
        )


def test_a_sound_has_one_embedding_whatever_its_batch_and_level(served: OnnxEncoder) -> None:
    batch = sounds()
    together = served.embed(batch, RATE)
    alone = np.concatenate([served.embed([sound], RATE) for sound in batch])
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_allclose(served.embed([50 * batch[0]], RATE)[0], alone[0], atol=1e-4)


def test_torch_serves_where_there_are_no_graphs(tmp_path: Path) -> None:
    assert isinstance(load_encoder(), OnnxEncoder)
    encoder = TimbreEncoder.from_config(TINY, seed=1)
    encoder.save_pretrained(tmp_path)
    loaded = load_encoder(tmp_path)
    assert isinstance(loaded, TimbreEncoder) and loaded.identity == encoder.identity
    with pytest.raises(CheckpointError, match="architecture ast"):
        export_graphs(tmp_path)


def export(folder: Path, config: ConvAstConfig) -> TimbreEncoder:
    """Save a fresh model with graphs that embed as it does."""
    encoder = TimbreEncoder.from_config(config, seed=1)
    encoder.save_pretrained(folder)
    assert export_graphs(folder) <= TOLERANCE
    exported = load_encoder(folder)
    assert isinstance(exported, OnnxEncoder) and exported.identity == encoder.identity
    return encoder


@pytest.mark.slow
def test_graphs_go_when_other_weights_come(tmp_path: Path) -> None:
    encoder = export(tmp_path, TINY_CONV)
    encoder.save_pretrained(tmp_path)
    assert not (tmp_path / GRAPHS_NAME).exists()


@pytest.mark.slow
def test_a_model_without_families_gives_the_same_graphs_each_time(tmp_path: Path) -> None:
    export(tmp_path, replace(TINY_CONV, families=()))
    first = (tmp_path / GRAPHS_NAME).read_bytes()
    export_graphs(tmp_path)
    assert (tmp_path / GRAPHS_NAME).read_bytes() == first


def copy_of_bundled(folder: Path) -> Path:
    return Path(shutil.copytree(BUNDLED_MODEL, folder / "model"))


def edit_index(folder: Path, change: Callable[[dict[str, object]], None]) -> None:
    path = folder / GRAPHS_NAME
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    index = json.loads(contents["index.json"])
    change(index)
    contents["index.json"] = json.dumps(index).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)


def drop_a_weight(index: dict[str, object]) -> None:
    weights = index["weights"]
    assert isinstance(weights, dict)
    weights["notes"] = weights["notes"][1:] + ["notes.none.such"]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda f: (f / GRAPHS_NAME).write_bytes(b"PK no zip"), "cannot be read"),
        (lambda f: edit_index(f, lambda i: i.update(config="{}")), "another config"),
        (lambda f: edit_index(f, lambda i: i.update(format_version=9)), "another version"),
        (lambda f: edit_index(f, lambda i: i.update(extra=1)), "extra"),
        (lambda f: edit_index(f, drop_a_weight), "does not fit"),
        (lambda f: (f / WEIGHTS_NAME).write_bytes(b"no weights"), "damaged"),
    ],
)
def test_graphs_that_do_not_fit_are_refused_in_one_sentence(
    tmp_path: Path, damage: Callable[[Path], object], words: str
) -> None:
    folder = copy_of_bundled(tmp_path)
    damage(folder)
    with pytest.raises(CheckpointError, match=words) as caught:
        load_encoder(folder).embed(sounds(), RATE)
    assert "\n" not in str(caught.value)


def test_other_weights_of_the_same_sizes_are_read_and_have_another_identity(
    tmp_path: Path, served: OnnxEncoder
) -> None:
    from safetensors.numpy import load_file, save_file

    folder = copy_of_bundled(tmp_path)
    weights = load_file(folder / WEIGHTS_NAME)
    weights["note_head.linear.bias"] = weights["note_head.linear.bias"][::-1].copy()
    save_file(weights, folder / WEIGHTS_NAME)
    other = OnnxEncoder(folder)
    assert other.identity != served.identity
    assert np.abs(other.embed(sounds(), RATE) - served.embed(sounds(), RATE)).max() > 0.01


@pytest.mark.slow
@pytest.mark.parametrize(
    ("action", "heavy"),
    [
        (
            "from cir import search; search('cir/assets/examples/mix-1.flac')",
            "torch transformers scipy sklearn huggingface_hub chromadb gradio umap matplotlib "
            "pandas",
        ),
        (
            "from cir import TimbreEncoder; TimbreEncoder.from_pretrained(device='cpu')",
            "torch._dynamo transformers scipy sklearn onnxruntime umap matplotlib pandas",
        ),
    ],
)
def test_what_is_done_imports_what_it_needs_and_no_more(action: str, heavy: str) -> None:
    """Each of these costs half a second or more, some of them a gigabyte of installation."""
    script = f"import sys; {action}; print(sorted(set({heavy.split()}) & set(sys.modules)))"
    root = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=root, check=False
    )
    assert done.stdout.strip() == "[]", done.stderr
