"""The MFCC baseline, against librosa; test_descriptors.py has what it shares with others."""

import hashlib

import librosa
import numpy as np
import pytest

from cir.baselines.mfcc import (
    COEFFICIENTS,
    FFT_SAMPLES,
    HOP_SAMPLES,
    MEL_BANDS,
    MfccEncoder,
    mfcc,
    mfcc_statistics,
)
from tests.plucks import RATE, pluck


@pytest.mark.slow  # librosa compiles what it needs first
@pytest.mark.parametrize("seconds", [0.07, 0.5, 3.1])
def test_mfcc_equals_librosa(seconds: float) -> None:
    sound = pluck(0, seconds=seconds)
    expected = librosa.feature.mfcc(
        y=sound,
        sr=RATE,
        n_mfcc=COEFFICIENTS,
        n_fft=FFT_SAMPLES,
        hop_length=HOP_SAMPLES,
        n_mels=MEL_BANDS,
    ).T
    np.testing.assert_allclose(mfcc(sound), expected, atol=2e-2)
    assert np.abs(expected).max() > 100  # so that the tolerance means something


def test_statistics_are_means_then_deviations() -> None:
    sound = np.float32(1.1) * pluck(2)  # peak 0.99, as the encoder makes it
    over_time = mfcc(sound)
    expected = np.concatenate([over_time.mean(axis=0), over_time.std(axis=0)])
    np.testing.assert_allclose(mfcc_statistics(sound, RATE), expected, atol=1e-3)


def test_identity_is_the_digest_of_the_statistics() -> None:
    sounds = [pluck(seed) for seed in range(3)]
    table = np.stack([mfcc_statistics(sound, RATE) for sound in sounds])
    digest = hashlib.sha256(table.mean(axis=0).tobytes() + table.std(axis=0).tobytes())
    assert MfccEncoder.fit(sounds, RATE).identity == f"mfcc-20-mean-std-{digest.hexdigest()[:12]}"


def test_silence_stays_finite() -> None:
    silence = np.zeros(RATE, dtype=np.float32)
    encoder = MfccEncoder.fit([silence, silence, pluck(0)], RATE)
    assert np.isfinite(encoder.embed([silence, pluck(1)], RATE)).all()
    assert np.isfinite(MfccEncoder.fit([silence, silence], RATE).embed([silence], RATE)).all()
