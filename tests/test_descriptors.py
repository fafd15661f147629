"""What every encoder of z-scored descriptors promises, whatever it describes."""

import numpy as np
import pytest

from cir.baselines.descriptors import DescriptorEncoder
from cir.baselines.mfcc import MfccEncoder
from cir.baselines.timbre_toolbox.description import TimbreToolboxEncoder
from cir.errors import InputError
from cir.types import Encoder, FloatArray
from tests.plucks import RATE, pluck

KINDS: list[type[DescriptorEncoder]] = [MfccEncoder, TimbreToolboxEncoder]


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: str(kind.name))
def kind(request: pytest.FixtureRequest) -> type[DescriptorEncoder]:
    chosen: type[DescriptorEncoder] = request.param
    return chosen


@pytest.fixture(scope="module")
def encoder(kind: type[DescriptorEncoder]) -> DescriptorEncoder:
    return kind.fit((pluck(seed) for seed in range(30)), RATE)


def test_is_an_encoder(encoder: DescriptorEncoder) -> None:
    as_protocol: Encoder = encoder
    embeddings = as_protocol.embed([pluck(1), pluck(2)], RATE)
    assert embeddings.shape == (2, as_protocol.embedding_size) == (2, encoder.descriptors)
    assert embeddings.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1.0, rtol=1e-5)
    assert as_protocol.families == ()


@pytest.mark.slow
def test_references_are_z_scored(kind: type[DescriptorEncoder]) -> None:
    sounds = [pluck(seed) for seed in range(30)]
    table = np.stack([kind.describe(sound, RATE) for sound in sounds])
    scaled = (table - table.mean(axis=0)) / np.maximum(table.std(axis=0), 1e-6)
    expected = scaled / np.linalg.norm(scaled, axis=1, keepdims=True)
    embeddings = kind.fit(sounds, RATE).embed(sounds, RATE)
    np.testing.assert_allclose(embeddings, expected, atol=1e-5)


def test_reads_references_one_at_a_time(kind: type[DescriptorEncoder]) -> None:
    from_list = kind.fit([pluck(seed) for seed in range(4)], RATE)
    from_stream = kind.fit((pluck(seed) for seed in range(4)), RATE)
    assert from_list.identity == from_stream.identity


def test_embedding_does_not_depend_on_the_batch(encoder: DescriptorEncoder) -> None:
    alone = encoder.embed([pluck(3)], RATE)[0]
    among = encoder.embed([pluck(4, seconds=2), pluck(3), pluck(5)], RATE)[1]
    np.testing.assert_array_equal(alone, among)


@pytest.mark.parametrize("gain", [1e-6, 0.01, 7.0])
def test_embedding_does_not_depend_on_the_level(encoder: DescriptorEncoder, gain: float) -> None:
    plain = encoder.embed([pluck(3)], RATE)[0]
    scaled = encoder.embed([pluck(3) * np.float32(gain)], RATE)[0]
    np.testing.assert_allclose(plain, scaled, atol=1e-3)


def test_other_sample_rates_are_resampled(encoder: DescriptorEncoder) -> None:
    native = encoder.embed([pluck(6)], RATE)[0]
    from_44100 = encoder.embed([pluck(6, rate=44_100)], 44_100)[0]
    misread = encoder.embed([pluck(6, rate=44_100)], RATE)[0]
    assert native @ from_44100 > 0.9
    assert native @ misread < native @ from_44100 - 0.1


def test_finds_the_same_sound_under_noise(encoder: DescriptorEncoder) -> None:
    noise = np.random.default_rng(0).standard_normal((30, RATE // 2)).astype(np.float32)
    references = encoder.embed([pluck(seed) for seed in range(30)], RATE)
    queries = encoder.embed([pluck(seed) + 3e-4 * noise[seed] for seed in range(30)], RATE)
    found = (queries @ references.T).argmax(axis=1)
    assert np.mean(found == np.arange(30)) > 0.8


def test_mixtures_have_one_vector_for_all_families(encoder: DescriptorEncoder) -> None:
    sounds = [pluck(7), pluck(8)]
    mixtures = encoder.embed_mixtures(sounds, RATE, ("bass", "percussion", "synth_lead"))
    assert mixtures.shape == (2, 3, encoder.embedding_size)
    for family in range(3):
        np.testing.assert_array_equal(mixtures[:, family], encoder.embed(sounds, RATE))


def test_descriptors_that_never_move_stay_finite(kind: type[DescriptorEncoder]) -> None:
    alike = kind.fit([pluck(0), pluck(0)], RATE)
    assert np.isfinite(alike.embed([pluck(0), pluck(1)], RATE)).all()


def test_identity_follows_the_statistics(
    kind: type[DescriptorEncoder], encoder: DescriptorEncoder
) -> None:
    same = kind.fit((pluck(seed) for seed in range(30)), RATE)
    other = kind.fit((pluck(seed) for seed in range(29)), RATE)
    assert same.identity == encoder.identity != other.identity
    assert encoder.identity.startswith(kind.version)


def test_progress_reaches_one(encoder: DescriptorEncoder) -> None:
    said: list[tuple[float, str]] = []
    encoder.embed(
        [pluck(1), pluck(2)], RATE, progress=lambda done, words: said.append((done, words))
    )
    assert said == [(0.5, encoder.name), (1.0, encoder.name)]


@pytest.mark.parametrize(
    "sound",
    [np.zeros(0), np.zeros((2, 10)), np.array([0.0, np.nan]), np.array([0.0, np.inf])],
    ids=["empty", "stereo", "nan", "infinite"],
)
def test_refuses_what_is_no_sound(encoder: DescriptorEncoder, sound: FloatArray) -> None:
    with pytest.raises(InputError, match="give finite mono samples"):
        encoder.embed([sound.astype(np.float32)], RATE)


def test_fit_needs_two_references(kind: type[DescriptorEncoder]) -> None:
    with pytest.raises(InputError, match="1 reference"):
        kind.fit([pluck(0)], RATE)


def test_statistics_must_fit(kind: type[DescriptorEncoder]) -> None:
    with pytest.raises(InputError, match=str(kind.descriptors)):
        kind(np.zeros(3, dtype=np.float32), np.ones(3, dtype=np.float32))


def test_names_differ() -> None:
    assert len({kind.version for kind in KINDS}) == len({kind.name for kind in KINDS}) == len(KINDS)
