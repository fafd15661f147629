"""The MFCC baseline, against librosa and against what an `Encoder` promises."""

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
from cir.errors import InputError
from cir.types import Encoder, FloatArray

RATE = 16_000


def pluck(seed: int, *, seconds: float = 0.5, rate: int = RATE) -> FloatArray:
    """A decaying chord of random partials, the same for each seed at every rate."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * rate)) / rate
    partials = rng.uniform(100, 5000, 6)[:, None]
    decays = rng.uniform(1, 20, 6)[:, None]
    sound = (np.sin(2 * np.pi * partials * time) * np.exp(-decays * time)).sum(axis=0)
    return np.asarray(0.9 * sound / np.abs(sound).max(), dtype=np.float32)


@pytest.fixture(scope="module")
def encoder() -> MfccEncoder:
    return MfccEncoder.fit((pluck(seed) for seed in range(30)), RATE)


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


def test_is_an_encoder(encoder: MfccEncoder) -> None:
    as_protocol: Encoder = encoder
    embeddings = as_protocol.embed([pluck(1), pluck(2)], RATE)
    assert embeddings.shape == (2, as_protocol.embedding_size) == (2, 40)
    assert embeddings.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1.0, rtol=1e-5)
    assert as_protocol.families == ()


def test_references_are_z_scored() -> None:
    sounds = [pluck(seed) for seed in range(30)]
    table = np.stack([mfcc_statistics(sound, RATE) for sound in sounds])
    scaled = (table - table.mean(axis=0)) / table.std(axis=0)
    expected = scaled / np.linalg.norm(scaled, axis=1, keepdims=True)
    embeddings = MfccEncoder.fit(sounds, RATE).embed(sounds, RATE)
    np.testing.assert_allclose(embeddings, expected, atol=1e-5)


def test_embedding_does_not_depend_on_the_batch_or_level(encoder: MfccEncoder) -> None:
    alone = encoder.embed([pluck(3)], RATE)[0]
    among = encoder.embed([pluck(4, seconds=2), pluck(3), pluck(5)], RATE)[1]
    quiet = encoder.embed([pluck(3) * np.float32(0.01)], RATE)[0]
    np.testing.assert_array_equal(alone, among)
    np.testing.assert_allclose(alone, quiet, atol=1e-4)


def test_other_sample_rates_are_resampled(encoder: MfccEncoder) -> None:
    native = encoder.embed([pluck(6)], RATE)[0]
    from_44100 = encoder.embed([pluck(6, rate=44_100)], 44_100)[0]
    misread = encoder.embed([pluck(6, rate=44_100)], RATE)[0]
    assert native @ from_44100 > 0.9
    assert native @ misread < native @ from_44100 - 0.1


def test_finds_the_same_sound_under_noise(encoder: MfccEncoder) -> None:
    noise = np.random.default_rng(0).standard_normal((30, RATE // 2)).astype(np.float32)
    references = encoder.embed([pluck(seed) for seed in range(30)], RATE)
    queries = encoder.embed([pluck(seed) + 3e-4 * noise[seed] for seed in range(30)], RATE)
    found = (queries @ references.T).argmax(axis=1)
    assert np.mean(found == np.arange(30)) > 0.9


def test_mixtures_have_one_vector_for_all_families(encoder: MfccEncoder) -> None:
    sounds = [pluck(7), pluck(8)]
    mixtures = encoder.embed_mixtures(sounds, RATE, ("bass", "percussion", "synth_lead"))
    assert mixtures.shape == (2, 3, 40)
    for family in range(3):
        np.testing.assert_array_equal(mixtures[:, family], encoder.embed(sounds, RATE))


def test_silence_and_constant_features_stay_finite() -> None:
    silence = np.zeros(RATE, dtype=np.float32)
    encoder = MfccEncoder.fit([silence, silence, pluck(0)], RATE)
    assert np.isfinite(encoder.embed([silence, pluck(1)], RATE)).all()
    assert np.isfinite(MfccEncoder.fit([silence, silence], RATE).embed([silence], RATE)).all()


def test_identity_follows_the_statistics(encoder: MfccEncoder) -> None:
    same = MfccEncoder.fit((pluck(seed) for seed in range(30)), RATE)
    other = MfccEncoder.fit((pluck(seed) for seed in range(29)), RATE)
    assert same.identity == encoder.identity != other.identity


def test_progress_reaches_one(encoder: MfccEncoder) -> None:
    fractions: list[float] = []
    encoder.embed([pluck(1), pluck(2)], RATE, progress=lambda done, _: fractions.append(done))
    assert fractions == [0.5, 1.0]


@pytest.mark.parametrize(
    "sound",
    [np.zeros(0), np.zeros((2, 10)), np.array([0.0, np.nan]), np.array([0.0, np.inf])],
    ids=["empty", "stereo", "nan", "infinite"],
)
def test_refuses_what_is_no_sound(encoder: MfccEncoder, sound: FloatArray) -> None:
    with pytest.raises(InputError, match="give finite mono samples"):
        encoder.embed([sound.astype(np.float32)], RATE)


def test_fit_needs_two_references() -> None:
    with pytest.raises(InputError, match="1 reference"):
        MfccEncoder.fit([pluck(0)], RATE)


def test_statistics_must_fit() -> None:
    with pytest.raises(InputError, match="40"):
        MfccEncoder(np.zeros(3, dtype=np.float32), np.ones(3, dtype=np.float32))
