"""Configurations: old ones keep their text, wrong ones are refused."""

import json
from dataclasses import fields
from typing import Any

import pytest

from cir.errors import CheckpointError
from cir.model.config import EncoderConfig
from cir.model.encoder import BUNDLED_MODEL

CHANGED: dict[str, Any] = {
    "query_kind": "input_tokens",
    "n_slots": 4,
    "shared_encoder": False,
    "presence": True,
    "cells": True,
    "second_look": True,
    "dropout": 0.1,
}


def test_the_bundled_model_keeps_its_text() -> None:
    text = (BUNDLED_MODEL / "config.json").read_text(encoding="utf-8")
    assert EncoderConfig.from_json(text).to_json() == text


def test_defaults_leave_later_fields_out() -> None:
    written = json.loads(EncoderConfig().to_json())
    assert not CHANGED.keys() & written.keys()
    assert len(written) == 1 + len(fields(EncoderConfig)) - len(CHANGED)


@pytest.mark.parametrize("name", CHANGED)
def test_a_change_is_written_and_read(name: str) -> None:
    needed: dict[str, Any] = {"cells": True} if name == "second_look" else {}
    config = EncoderConfig(families=("bass",), **needed, **{name: CHANGED[name]})
    assert json.loads(config.to_json())[name] == CHANGED[name]
    assert EncoderConfig.from_json(config.to_json()) == config


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"query_kind": "guess"}, "cross_attention, input_tokens, linear, got 'guess'"),
        ({"n_slots": -1}, "n_slots must be 0 or more, got -1"),
        ({"dropout": 1.0}, "below 1, got 1.0"),
        ({"hidden_size": 100}, "multiple of n_heads 3"),
        ({"n_heads": 0}, "n_heads must be positive"),
        ({"hop_samples": -1}, "hop_samples must be positive"),
        ({"n_mels": 8}, "n_mels must be at least patch_size 16"),
        ({"note_frames": 8}, "patch_size 16 and mixture_frames 256, got 8"),
    ],
)
def test_wrong_values_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        EncoderConfig(**wrong)
