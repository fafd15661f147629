"""The encoder's promises: unit norm, one embedding per sound, honest loading and saving."""

from pathlib import Path

import numpy as np
import pytest

from cir.errors import CheckpointError, InputError
from cir.model.config import EncoderConfig
from cir.model.encoder import TimbreEncoder
from cir.model.windows import cut_windows
from cir.types import FloatArray

FAMILIES = ("bass", "synth_lead")
TINY = EncoderConfig(
    hidden_size=32, n_layers=2, n_heads=2, note_frames=32, mixture_frames=64, families=FAMILIES
)


@pytest.fixture(scope="module")
def encoder() -> TimbreEncoder:
    return TimbreEncoder.from_config(TINY, seed=1)


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
    np.testing.assert_allclose(together, alone, atol=2e-6)
    mixtures = encoder.embed_mixtures(sounds, 16_000, FAMILIES)
    one = np.concatenate([encoder.embed_mixtures([s], 16_000, FAMILIES) for s in sounds])
    np.testing.assert_allclose(mixtures, one, atol=2e-6)


def test_level_and_trailing_silence_do_not_matter(encoder: TimbreEncoder) -> None:
    (sound,) = _sounds(5000)
    embedded = encoder.embed([sound, sound * 0.01, np.pad(sound, (0, 1000))], 16_000)
    np.testing.assert_allclose(embedded[1:], embedded[[0, 0]], atol=1e-4)


def test_each_family_asks_its_own_question(encoder: TimbreEncoder) -> None:
    (answers,) = encoder.embed_mixtures(_sounds(30_000), 16_000, ("synth_lead", "bass"))
    (swapped,) = encoder.embed_mixtures(_sounds(30_000), 16_000, ("bass", "synth_lead"))
    np.testing.assert_allclose(answers, swapped[::-1], atol=1e-6)
    assert np.abs(answers[0] - answers[1]).max() > 1e-3


def test_a_family_without_a_query_gets_the_whole_mixture(encoder: TimbreEncoder) -> None:
    plain = TimbreEncoder.from_config(EncoderConfig(hidden_size=32, n_layers=1, n_heads=2))
    (same,) = plain.embed_mixtures(_sounds(30_000), 16_000, ("bass", "organ"))
    np.testing.assert_array_equal(same[0], same[1])
    (answers,) = encoder.embed_mixtures(_sounds(30_000), 16_000, ("organ", "pipe"))
    np.testing.assert_array_equal(answers[0], answers[1])


def test_unknown_family_and_bad_sounds_are_refused(encoder: TimbreEncoder) -> None:
    with pytest.raises(InputError, match="kazoo"):
        encoder.embed_mixtures(_sounds(5000), 16_000, ["kazoo"])
    for bad in (np.zeros(0), np.zeros(4000), np.full(4000, np.nan)):
        with pytest.raises(InputError):
            encoder.embed([bad.astype(np.float32)], 16_000)


def test_other_sample_rates_are_resampled(encoder: TimbreEncoder) -> None:
    time = np.arange(8000) / 16_000
    tone = np.sin(2 * np.pi * 440 * time).astype(np.float32)
    fast = np.sin(2 * np.pi * 440 * np.arange(24_000) / 48_000).astype(np.float32)
    low, high = encoder.embed([tone], 16_000), encoder.embed([fast], 48_000)
    assert float((low @ high.T).item()) > 0.999


def test_saved_and_loaded_it_embeds_alike(encoder: TimbreEncoder, tmp_path: Path) -> None:
    encoder.save_pretrained(tmp_path)
    loaded = TimbreEncoder.from_pretrained(tmp_path)
    assert loaded.config == encoder.config and loaded.identity == encoder.identity
    assert "32 numbers" in loaded.card and loaded.card == encoder.card
    sounds = _sounds(8000)
    np.testing.assert_allclose(
        loaded.embed(sounds, 16_000), encoder.embed(sounds, 16_000), atol=2e-3
    )


def test_identity_follows_the_weights() -> None:
    first, same, other = (TimbreEncoder.from_config(TINY, seed=seed) for seed in (0, 0, 1))
    assert first.identity == same.identity != other.identity


@pytest.mark.parametrize("damage", ["no config", "bad config", "unknown key", "no weights", "cut"])
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
    elif damage == "no weights":
        weights.unlink()
    else:
        weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(CheckpointError):
        TimbreEncoder.from_pretrained(tmp_path)


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
