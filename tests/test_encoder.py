"""The encoder's promises: unit norm, one embedding per sound, honest loading and saving."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.nn.functional import max_pool2d, normalize

from cir.audio.bands import BandConfig
from cir.audio.dsp import cut_windows
from cir.errors import CheckpointError, InputError
from cir.model.conv_ast import ConvAst
from cir.model.encoder import TimbreEncoder
from cir.model.network_config import CELL, AnyConfig, ConvAstConfig, EncoderConfig
from cir.types import FloatArray

FAMILIES = ("bass", "synth_lead")
TINY = EncoderConfig(
    hidden_size=32, n_layers=2, n_heads=2, note_frames=32, mixture_frames=64, families=FAMILIES
)
TINY_CONV = ConvAstConfig(
    bands=BandConfig(bands_per_octave=8, n_bands=64, n_long_bands=32),
    widths=(8, 16, 24),
    time_stride=4,
    n_heads=2,
    embedding_size=32,
    note_frames=32,
    mixture_frames=64,
    families=FAMILIES,
)
CONFIGS = {config.ARCHITECTURE: config for config in (TINY, TINY_CONV)}


@pytest.fixture(scope="module", params=CONFIGS)
def encoder(request: pytest.FixtureRequest) -> TimbreEncoder:
    return TimbreEncoder.from_config(CONFIGS[request.param], seed=1)


def _sounds(*lengths: int) -> list[FloatArray]:
    generator = np.random.default_rng(0)
    return [generator.standard_normal(length).astype(np.float32) * 0.1 for length in lengths]


def test_embeddings_are_unit_vectors(encoder: TimbreEncoder) -> None:
    embedded = encoder.embed(_sounds(4000, 16_000, 50_000), 16_000)
    assert embedded.shape == (3, 32) and embedded.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(embedded, axis=1), 1, atol=1e-5)
    mixtures = encoder.embed_mixtures(_sounds(4000, 50_000), 16_000, FAMILIES)
    assert mixtures.shape == (2, 2, 32)
    np.testing.assert_allclose(np.linalg.norm(mixtures, axis=2), 1, atol=1e-5)


def test_a_sound_has_one_embedding_whatever_its_batch(encoder: TimbreEncoder) -> None:
    sounds = _sounds(*range(3000, 40_000, 2000))
    together = encoder.embed(sounds, 16_000)
    alone = np.concatenate([encoder.embed([sound], 16_000) for sound in sounds])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    mixtures = encoder.embed_mixtures(sounds, 16_000, FAMILIES)
    one = np.concatenate([encoder.embed_mixtures([s], 16_000, FAMILIES) for s in sounds])
    np.testing.assert_allclose(mixtures, one, atol=1e-5)


def test_level_and_trailing_silence_do_not_matter(encoder: TimbreEncoder) -> None:
    (sound,) = _sounds(5000)
    same = [sound, sound * 0.001, sound * 100, np.pad(sound, (0, 1000))]
    embedded = encoder.embed(same, 16_000)
    np.testing.assert_allclose(embedded[1:], embedded[[0, 0, 0]], atol=1e-4)
    heard = encoder.embed_mixtures(same, 16_000, FAMILIES)
    np.testing.assert_allclose(heard[1:], heard[[0, 0, 0]], atol=1e-4)


def test_each_family_asks_its_own_question(encoder: TimbreEncoder) -> None:
    (answers,) = encoder.embed_mixtures(_sounds(30_000), 16_000, ("synth_lead", "bass"))
    (swapped,) = encoder.embed_mixtures(_sounds(30_000), 16_000, ("bass", "synth_lead"))
    np.testing.assert_allclose(answers, swapped[::-1], atol=1e-6)
    assert np.abs(answers[0] - answers[1]).max() > 1e-3


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_a_family_without_a_query_gets_the_whole_mixture(config: AnyConfig) -> None:
    (answers,) = TimbreEncoder.from_config(config).embed_mixtures(
        _sounds(30_000), 16_000, ("organ", "pipe")
    )
    np.testing.assert_array_equal(answers[0], answers[1])
    plain = TimbreEncoder.from_config(replace(config, families=()))
    (same,) = plain.embed_mixtures(_sounds(30_000), 16_000, ("bass", "organ"))
    np.testing.assert_array_equal(same[0], same[1])
    (window,) = _sounds(config.mixture_samples)
    network = plain.network
    embed = network.embed_once if isinstance(network, ConvAst) else network.embed_notes
    read = embed(network.features(torch.from_numpy(window)[None]))
    alone = normalize(read, dim=-1).detach().numpy()
    np.testing.assert_allclose(
        plain.embed_mixtures([window], 16_000, ["bass"])[0], alone, atol=1e-5
    )


@pytest.mark.parametrize(
    ("config", "tells"),
    [(TINY, False), (TINY_CONV, True), (replace(TINY_CONV, families=()), False)],
)
def test_presence_is_told_where_there_is_someone_to_tell(config: AnyConfig, tells: bool) -> None:
    encoder = TimbreEncoder.from_config(config)
    if not tells:
        with pytest.raises(InputError, match="neither presence nor masks"):
            encoder.presence(_sounds(30_000), 16_000)
        return
    found = encoder.presence(_sounds(4000, 30_000), 16_000)
    assert found.shape == (2, 2) and found.min() >= 0 and found.max() <= 1
    sounds, families = _sounds(4000, 30_000), list(encoder.families)
    embeddings, presence = encoder.hear_mixtures(sounds, 16_000, families)
    np.testing.assert_array_equal(presence, found)
    np.testing.assert_array_equal(embeddings, encoder.embed_mixtures(sounds, 16_000, families))


def test_masks_cover_the_sound_and_share_out_its_energy() -> None:
    encoder = TimbreEncoder.from_config(TINY_CONV)
    for length in (3000, 20_480, 50_001):
        (sound,) = _sounds(length)
        masks = encoder.family_masks(sound, 16_000, (*FAMILIES, "organ"))
        assert masks.shape == (3, -(-length // 320), 64) and masks.dtype == np.float32
        assert masks.min() >= 0
        np.testing.assert_allclose(masks.sum(0), 1, atol=1e-5)  # organ stands for all others
        softer = encoder.family_masks(0.01 * sound, 16_000, FAMILIES[::-1])
        np.testing.assert_allclose(softer[::-1], masks[:2], atol=1e-4)
    with pytest.raises(InputError, match="masks"):
        TimbreEncoder.from_config(TINY).family_masks(sound, 16_000, FAMILIES)


def test_masks_are_where_the_sound_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that hears a family wherever it is loud, and two tones, one after the other."""
    encoder = TimbreEncoder.from_config(TINY_CONV)
    cells: list[tuple[int, ...]] = []

    def share_out(levels: torch.Tensor) -> torch.Tensor:
        loud = (max_pool2d(levels, CELL) > 0.5).float()
        cells.append(tuple(loud.shape))
        return torch.stack([loud, 1 - loud, torch.zeros_like(loud)], 1)

    monkeypatch.setattr(encoder.network, "share_out", share_out)
    seconds = np.arange(4 * 16_000) / 16_000
    pitches = np.where(seconds < 2, 220, 1760)
    sound = np.sin(2 * np.pi * pitches * seconds).astype(np.float32)
    (mask,) = encoder.family_masks(sound, 16_000, ["bass"])
    assert cells == [(6, 16, 16)] and mask.shape == (200, 64)
    low, high = 24, 48  # octaves above 27.5 Hz, of eight bands
    for frame, band, loud in ((20, low, 1), (80, low, 1), (20, high, 0), (120, low, 0)):
        assert abs(mask[frame, band] - loud) < 0.2
    assert mask[120, high] > 0.7 and mask[180, high] > 0.7 and mask[80, high] < 0.2


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_identity_follows_the_weights(config: AnyConfig) -> None:
    first, same, other = (TimbreEncoder.from_config(config, seed=seed) for seed in (0, 0, 1))
    assert first.identity == same.identity != other.identity


def test_variances_are_stored_in_full(tmp_path: Path) -> None:
    """float16 ends at 65 504, and loses what is below 6e-8."""
    encoder = TimbreEncoder.from_config(TINY_CONV)
    variances = encoder.network.get_buffer("notes.first.1.running_var")
    variances[:2] = torch.tensor([1e-9, 1e9])
    encoder.save_pretrained(tmp_path)
    stored = load_file(tmp_path / "model.safetensors")
    for name, value in encoder.network.state_dict().items():
        assert stored[name].dtype == (torch.float16 if value.ndim > 1 else value.dtype), name
        if value.ndim < 2:
            assert torch.equal(stored[name], value), name


@pytest.mark.parametrize(
    "damage",
    [
        "no config",
        "bad config",
        "unknown key",
        "wrong type",
        "old version",
        "unknown architecture",
        "no weights",
        "cut",
    ],
)
def test_damaged_folders_are_refused_in_one_sentence(
    encoder: TimbreEncoder, tmp_path: Path, damage: str
) -> None:
    encoder.save_pretrained(tmp_path)
    config, weights = tmp_path / "config.json", tmp_path / "model.safetensors"
    if damage == "no config":
        config.unlink()
    elif damage == "bad config":
        config.write_text("[]")
    elif damage == "unknown key":
        config.write_text(config.read_text().replace('"n_layers"', '"n_lawyers"'))
    elif damage == "wrong type":
        config.write_text(config.read_text().replace('"n_layers": 2', '"n_layers": "2"'))
    elif damage == "old version":
        config.write_text(config.read_text().replace('_version": 3', '_version": 2'))
    elif damage == "unknown architecture":
        config.write_text(config.read_text().replace('ast",', 'lstm",'))
    elif damage == "no weights":
        weights.unlink()
    else:
        weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(CheckpointError) as caught:
        TimbreEncoder.from_pretrained(tmp_path)
    assert "\n" not in str(caught.value)


def test_weights_of_another_size_are_refused(encoder: TimbreEncoder, tmp_path: Path) -> None:
    encoder.save_pretrained(tmp_path)
    config = tmp_path / "config.json"
    config.write_text(config.read_text().replace('"n_layers": 2', '"n_layers": 3'))
    with pytest.raises(CheckpointError, match="do not fit"):
        TimbreEncoder.from_pretrained(tmp_path)


def test_windows_cover_the_sound_and_leave_silence_out() -> None:
    sound = np.ones(1050, np.float32)
    windows = cut_windows(sound, 400)
    assert [len(window) for window in windows] == [400] * 5
    assert len(cut_windows(sound[:400], 400)) == 1
    silence = np.zeros(4000, np.float32)
    assert len(cut_windows(np.concatenate([sound, silence]), 400)) < 8
    soft = np.concatenate([sound, np.float32(0.01) * sound])
    softer = np.float32(1e-3) * soft  # the level does not matter
    assert len(cut_windows(softer, 400)) == len(cut_windows(soft, 400))
