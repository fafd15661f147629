"""Log-mels against transformers' own, and clip by clip."""

import numpy as np
import pytest
import torch
from transformers import ASTFeatureExtractor

from cir.audio.dsp import clip_samples
from cir.audio.features import log_mel
from cir.audio.log_frequency import normalise_peak
from cir.audio.mel import AUDIOSET_MEAN, AUDIOSET_STD, clip_decibels
from cir.types import FloatArray
from tests.shared_data import SURGE, needs_shared


def _reference(sound: FloatArray) -> FloatArray:
    extractor = ASTFeatureExtractor()
    features = extractor(sound, sampling_rate=16_000, return_tensors="np")
    values: FloatArray = features["input_values"][0]
    return values


def _assert_same(sound: FloatArray) -> None:
    expected = _reference(sound)
    ours = log_mel(torch.from_numpy(sound)[None])[0].numpy()
    assert ours.shape == (1 + (len(sound) - 400) // 160, 128)
    np.testing.assert_allclose(ours, expected[: len(ours)], atol=1e-3)


def test_same_numbers_as_ast_feature_extractor_on_a_sweep() -> None:
    time = np.arange(48_000) / 16_000
    sweep = 0.5 * np.sin(2 * np.pi * (50 * time + 1000 * time**2)) * np.exp(-time) + 0.1
    _assert_same(sweep.astype(np.float32))


@pytest.mark.slow
@needs_shared
@pytest.mark.parametrize("number", [0, 500, 1500])
def test_same_numbers_as_ast_feature_extractor_on_real_notes(number: int) -> None:
    from cir.instruments.note_bank import NoteBank

    bank = NoteBank.open(SURGE)
    sounds = bank.audio(bank.instruments[number].instrument_id)
    _assert_same(np.concatenate(sounds[:4]))


@pytest.mark.parametrize("hop_samples", [160, 320])
def test_clip_samples_gives_exactly_that_many_frames(hop_samples: int) -> None:
    audio = torch.randn(2, clip_samples(64, hop_samples))
    assert log_mel(audio, hop_samples=hop_samples).shape == (2, 64, 128)


def test_a_clip_does_not_depend_on_its_batch() -> None:
    audio = torch.randn(5, 16_000, generator=torch.Generator().manual_seed(0))
    together = log_mel(normalise_peak(audio))
    alone = torch.cat([log_mel(normalise_peak(clip[None])) for clip in audio])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)


def test_level_does_not_matter_and_silence_stays_finite() -> None:
    audio = torch.randn(1, 16_000, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        log_mel(normalise_peak(audio * 1e-3)), log_mel(normalise_peak(audio)), atol=1e-4, rtol=0
    )
    assert log_mel(normalise_peak(torch.zeros(1, 16_000))).isfinite().all()


@pytest.mark.parametrize("hop_samples", [160, 320])
def test_decibels_of_a_clip_are_those_of_the_log_mel(hop_samples: int) -> None:
    clip = torch.randn(9_000, generator=torch.Generator().manual_seed(0)) * 0.1
    natural = log_mel(clip[None], hop_samples=hop_samples)[0] * 2 * AUDIOSET_STD + AUDIOSET_MEAN
    expected = natural.numpy() * 10 / np.log(10)
    decibels = clip_decibels(clip.numpy(), hop_samples=hop_samples)
    np.testing.assert_allclose(decibels, expected, atol=1e-2)
