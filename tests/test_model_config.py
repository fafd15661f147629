"""Configurations: they are written and read as JSON, wrong ones are refused."""

import json
from dataclasses import fields
from typing import Any

import pytest

from cir.audio.bands import BandConfig
from cir.errors import CheckpointError
from cir.model.checkpoint import BUNDLED_MODEL
from cir.model.network_config import AnyConfig, ConvAstConfig, EncoderConfig, read_config


@pytest.mark.parametrize(
    "config",
    [
        EncoderConfig(),
        EncoderConfig(families=("bass",), query_kind="linear", shared_encoder=False, dropout=0.1),
        ConvAstConfig(),
        ConvAstConfig(bands=BandConfig(lowest_hz=30.0), families=("bass", "organ"), n_layers=0),
    ],
)
def test_what_is_written_is_read(config: AnyConfig) -> None:
    text = config.to_json()
    assert read_config(text) == config
    written = json.loads(text)
    assert written.pop("format_version") == 3
    assert written.pop("architecture") == config.ARCHITECTURE
    assert list(written) == [field.name for field in fields(config)]


def test_the_bundled_model_keeps_its_text() -> None:
    text = (BUNDLED_MODEL / "config.json").read_text(encoding="utf-8")
    assert read_config(text).to_json() == text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format_version": 2}, "format version 2, this library reads 3"),
        ({"architecture": "lstm"}, "'lstm', this library knows ast and conv-ast"),
        ({"n_lawyers": 3}, "n_lawyers"),
        ({"n_layers": "3"}, "n_layers must be a whole number, got '3'"),
        ({"widths": 16}, "widths must be a list, got 16"),
        ({"widths": ["a", "b"]}, "config.json"),
        ({"bands": {"n_hands": 2}}, "bands"),
        ({"bands": {"n_bands": 100}}, "n_bands 100 must be a multiple of 32"),
        ({"bands": {"n_bands": 160}}, "bands end at 28160 Hz"),
    ],
)
def test_what_was_tampered_with_is_refused(change: dict[str, Any], message: str) -> None:
    values = json.loads(ConvAstConfig().to_json())
    with pytest.raises(CheckpointError, match=message):
        read_config(json.dumps(values | change))


@pytest.mark.parametrize("text", ["[]", "{", "null", "{}"])
def test_what_is_no_configuration_is_refused(text: str) -> None:
    with pytest.raises(CheckpointError, match="format_version"):
        read_config(text)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"query_kind": "guess"}, "'cross_attention' or 'linear', got 'guess'"),
        ({"dropout": 1.0}, "dropout must be less than 1, got 1.0"),
        ({"hidden_size": 100}, "multiple of n_heads 3"),
        ({"n_heads": 0}, "n_heads must be at least 1, got 0"),
        ({"hop_samples": -1}, "hop_samples must be at least 1, got -1"),
        ({"n_mels": 8}, "n_mels must be at least patch_size 16"),
        ({"note_frames": 8}, "patch_size 16 and mixture_frames 256, got 8"),
    ],
)
def test_wrong_values_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        EncoderConfig(**wrong)


def test_values_without_a_name_are_named_in_errors() -> None:
    with pytest.raises(CheckpointError, match="^bands_per_octave must be at least 1, got 0.$"):
        BandConfig(30.0, 0)
