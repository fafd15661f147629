"""Whose energy is where in a mixture, and the second look that it allows."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from cir.audio.features import AUDIOSET_STD, SAMPLE_RATE, log_mel, mel_power
from cir.errors import CheckpointError
from cir.model.cells import CELLS, audible_cells, family_energies, second_look
from cir.model.config import EncoderConfig
from cir.model.encoder import TimbreEncoder
from tests.training_cases import TINY

CONFIG = replace(TINY, families=("bass", "synth_lead"), cells=True, second_look=True)
N_BANDS, N_COLUMNS = 8, CONFIG.mixture_frames // 16


def tone(hz: float, start: float = 0.0, level: float = 0.3) -> torch.Tensor:
    seconds = torch.arange(CONFIG.mixture_samples) / SAMPLE_RATE
    return level * torch.sin(2 * torch.pi * hz * seconds) * (seconds >= start)


def test_energies_are_means_over_the_frames_and_bands_of_each_cell() -> None:
    stems = torch.stack([tone(300), tone(2_000, start=0.6), tone(5_000)])
    owners, families = torch.tensor([0, 0, 1]), torch.tensor([0, 1, -1])
    energies = family_energies(stems, owners, families, 2, CONFIG)
    assert energies.shape == (2, N_BANDS * N_COLUMNS, CELLS, 3)
    power = mel_power(stems, hop_samples=CONFIG.hop_samples)
    for stem, (owner, family) in enumerate([(0, 0), (0, 1), (1, 2)]):
        for band, column, high, late in [(0, 0, 1, 2), (3, 1, 0, 3), (7, N_COLUMNS - 1, 3, 0)]:
            frames = slice(column * 16 + late * 4, column * 16 + late * 4 + 4)
            mels = slice(band * 16 + high * 4, band * 16 + high * 4 + 4)
            expected = power[stem, frames, mels].mean()
            found = energies[owner, band * N_COLUMNS + column, high * 4 + late, family]
            torch.testing.assert_close(found, expected)
    assert energies[0, ..., 2].sum() == 0 and energies[1, ..., :2].sum() == 0


def test_cells_far_below_the_loudest_belong_to_nobody() -> None:
    stems = torch.stack([tone(300, start=0.6), 1e-3 * tone(3_000)])
    energies = family_energies(stems, torch.tensor([0, 1]), torch.tensor([0, 0]), 2, CONFIG)
    audible = audible_cells(energies)
    grid = audible.reshape(2, N_BANDS, N_COLUMNS, CELLS)
    assert not grid[0, :, 0].any() and grid[0, :, -1].any()
    louder = audible_cells(1e6 * energies)  # a soft mixture is not a silent one
    torch.testing.assert_close(louder, audible)


def test_what_is_left_is_the_family_alone() -> None:
    """Where the mask is right, the rest of the mixture is gone and the family is at full level."""
    stems = torch.stack([tone(300, level=0.1), tone(3_000, level=0.6)])
    energies = family_energies(stems, torch.tensor([0, 0]), torch.tensor([0, 1]), 1, CONFIG)
    shares = energies / energies.sum(-1, keepdim=True).clamp_min(1e-20)
    mix = log_mel(stems.sum(0, keepdim=True), hop_samples=CONFIG.hop_samples)
    left, kept = second_look(mix, shares[..., 0], CONFIG)
    assert left.shape == mix.shape and kept.shape == (1, N_BANDS * N_COLUMNS // 2)
    torch.testing.assert_close(left.amax(), mix.amax())
    assert left.mean(1).argmax() == log_mel(stems[:1], hop_samples=320).mean(1).argmax()
    loudest = mix.mean(1).argmax()
    assert loudest != left.mean(1).argmax() and left[0, :, loudest].max() < mix.amax() - 0.5
    bands = torch.unique(kept // N_COLUMNS)
    assert 0 in bands or 1 in bands or 2 in bands


def test_a_mask_of_ones_changes_nothing_and_half_is_half_the_power() -> None:
    mix = log_mel(tone(300)[None] + tone(3_000), hop_samples=CONFIG.hop_samples)
    ones = torch.ones(1, N_BANDS * N_COLUMNS, CELLS)
    torch.testing.assert_close(second_look(mix, ones, CONFIG)[0], mix)
    half = ones.clone()
    half[:, : N_BANDS * N_COLUMNS // 2] = 0.5  # the lower bands; the loudest stays at the top
    half_left = second_look(mix + 0.0, half, CONFIG)[0]
    upper = slice(CONFIG.n_mels // 2, None)
    difference = (half_left - mix)[0, :, upper].mean() - (half_left - mix)[0, :, :40].mean()
    assert abs(float(difference) - np.log(2) / (2 * AUDIOSET_STD)) < 0.02


def test_the_second_look_listens_only_for_who_is_asked_for() -> None:
    encoder = TimbreEncoder.from_config(CONFIG)
    audio = (tone(300) + tone(3_000)).numpy()
    both = encoder.embed_mixtures([audio], SAMPLE_RATE, ["bass", "synth_lead"])
    one = encoder.embed_mixtures([audio], SAMPLE_RATE, ["synth_lead"])
    np.testing.assert_allclose(one[0, 0], both[0, 1], atol=1e-5)
    plain = TimbreEncoder.from_config(replace(CONFIG, second_look=False))
    first = plain.embed_mixtures([audio], SAMPLE_RATE, ["synth_lead"])
    assert np.abs(first - one).max() > 1e-3


def test_families_without_a_query_alone_get_the_first_look() -> None:
    encoder = TimbreEncoder.from_config(CONFIG)
    audio = (tone(300) + tone(3_000)).numpy()
    alone = encoder.embed_mixtures([audio], SAMPLE_RATE, ["pipe"])
    beside = encoder.embed_mixtures([audio], SAMPLE_RATE, ["pipe", "bass"])
    np.testing.assert_allclose(alone[:, 0], beside[:, 0], atol=1e-5)


def test_nobody_depends_on_the_batch() -> None:
    encoder = TimbreEncoder.from_config(CONFIG)
    sounds = [(tone(hz) + tone(7 * hz)).numpy() for hz in (200.0, 300.0, 500.0)]
    together = encoder.embed_mixtures(sounds, SAMPLE_RATE, ["bass"])
    alone = encoder.embed_mixtures(sounds[1:2], SAMPLE_RATE, ["bass"])
    np.testing.assert_allclose(alone[0], together[1], atol=1e-5)


@pytest.mark.parametrize(
    "changes",
    [
        {"cells": True, "families": ()},
        {"cells": True, "patch_size": 10},
        {"second_look": True},
        {"cells": True, "second_look": True, "time_stride": 8},
        {"cells": True, "second_look": True, "mixture_frames": 65},
        {"cells": True, "second_look": True, "query_kind": "input_tokens"},
    ],
)
def test_what_cannot_be_divided_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(CheckpointError, match="cells"):
        EncoderConfig(**{"families": ("bass",), "mixture_frames": 64, "note_frames": 32, **changes})  # type: ignore[arg-type]
