"""Methods that are told the stems: the true ones, and what ideal masks leave of the mix."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.signal import get_window

from cir.baselines.ideal_masks import FFT_SAMPLES, HOP_SAMPLES, IdealMasks, mask_mix, ratio_masks
from cir.baselines.known_stems import KnownStems, TrueStems
from cir.baselines.phrases import PhraseEncoder
from cir.errors import InputError
from cir.mixtures.plan import MixturePlan, StemPlan
from cir.mixtures.render import Mixture
from cir.types import FloatArray
from tests.fakes import SpectrumEncoder

RATE = 16_000
SECONDS = 3.0
METHODS: tuple[type[KnownStems], ...] = (TrueStems, IdealMasks)


def part(seed: int, seconds: float = SECONDS) -> FloatArray:
    """Notes of random pitch, two a second."""
    rng = np.random.default_rng(seed)
    time = np.arange(RATE // 2) / RATE
    notes = [
        np.sin(2 * np.pi * rng.uniform(100, 4000) * time) * np.exp(-6 * time)
        for _ in range(round(2 * seconds))
    ]
    return np.asarray(0.2 * np.concatenate(notes), dtype=np.float32)


def mixture(
    *families: str | None, seed: int = 0, mix: FloatArray | None = None, seconds: float = SECONDS
) -> Mixture:
    stems = np.stack([part(seed + number, seconds) for number in range(len(families))])
    plan = MixturePlan(
        seed=seed,
        n_samples=stems.shape[1],
        families=families,
        instrument_ids=tuple(f"instrument-{number}" for number in range(len(families))),
        stems=tuple(StemPlan(number, 0.0, ()) for number in range(len(families))),
    )
    return Mixture(plan, stems.sum(0) if mix is None else mix, stems)


def naive_spectrum(audio: FloatArray) -> NDArray[np.complex128]:
    """Frame by frame, (frames, bins)."""
    padded = np.pad(audio.astype(np.float64), FFT_SAMPLES // 2)
    window = get_window("hann", FFT_SAMPLES)
    starts = range(0, len(audio) + 1, HOP_SAMPLES)
    return np.stack([np.fft.rfft(window * padded[start : start + FFT_SAMPLES]) for start in starts])


def naive_mask_mix(mix: FloatArray, stems: FloatArray) -> NDArray[np.float64]:
    """Overlap and add, frame by frame."""
    window = get_window("hann", FFT_SAMPLES)
    powers = np.stack([np.abs(naive_spectrum(stem)) ** 2 for stem in stems])
    heard = np.zeros((len(stems), len(mix) + 2 * FFT_SAMPLES))
    weight = np.zeros(len(mix) + 2 * FFT_SAMPLES)
    for frame, spectrum in enumerate(naive_spectrum(mix)):
        place = slice(frame * HOP_SAMPLES, frame * HOP_SAMPLES + FFT_SAMPLES)
        weight[place] += window**2
        for stem in range(len(stems)):
            share = powers[stem, frame] / powers[:, frame].sum(0)
            heard[stem, place] += window * np.fft.irfft(share * spectrum)
    inside = slice(FFT_SAMPLES // 2, FFT_SAMPLES // 2 + len(mix))
    return heard[:, inside] / weight[inside]


def test_masks_equal_the_naive_oracle() -> None:
    rng = np.random.default_rng(0)
    noise = 0.01 * rng.standard_normal((3, round(SECONDS * RATE)))  # no bin is empty
    stems = (mixture("bass", "organ", "voice").stems + noise).astype(np.float32)
    wet = (stems.sum(0) + 0.05 * rng.standard_normal(stems.shape[1])).astype(np.float32)
    for mix in (stems.sum(0), wet):
        np.testing.assert_allclose(mask_mix(mix, stems), naive_mask_mix(mix, stems), atol=2e-5)


def test_masks_sum_to_one_and_silence_is_shared() -> None:
    powers = torch.rand(4, 5, 6) * 100
    powers[:, 0] = 0
    powers[1, 1:] = 0
    masks = ratio_masks(powers)
    torch.testing.assert_close(masks.sum(0), torch.ones(5, 6))
    torch.testing.assert_close(masks[:, 0], torch.full((4, 6), 0.25))
    assert masks[1, 1:].min() >= 0 and masks[1, 1:].max() < 1e-6


@pytest.mark.parametrize("samples", [100, 1000, 16_001])
def test_stems_sum_to_the_mix_and_one_stem_is_the_mix(samples: int) -> None:
    rng = np.random.default_rng(0)
    mix = rng.standard_normal(samples).astype(np.float32)
    stems = rng.standard_normal((3, samples)).astype(np.float32)
    np.testing.assert_allclose(mask_mix(mix, stems).sum(0), mix, atol=1e-5)
    np.testing.assert_allclose(mask_mix(mix, stems[:1])[0], mix, atol=1e-5)


def test_masks_take_stems_apart_that_do_not_overlap() -> None:
    time = np.arange(2 * RATE) / RATE
    tones = [0.3 * np.sin(2 * np.pi * hertz * time) for hertz in (200, 3000)]
    stems: FloatArray = np.array(tones, dtype=np.float32)
    found = mask_mix(stems.sum(0), stems)
    np.testing.assert_allclose(found[:, 2048:-2048], stems[:, 2048:-2048], atol=1e-3)
    # At any level of the stems, as long as it is one for all.
    np.testing.assert_allclose(mask_mix(stems.sum(0), stems * np.float32(0.25)), found, atol=1e-4)


def test_true_stems_are_embedded_as_phrases() -> None:
    encoder = SpectrumEncoder()
    mixtures = [mixture("bass", "organ"), mixture("organ", "bass", seed=7)]
    found = TrueStems(encoder).embed_known(mixtures, ["bass", "organ"])
    assert found.shape == (2, 2, 32)
    stems = [mixtures[0].stems[0], mixtures[0].stems[1], mixtures[1].stems[1], mixtures[1].stems[0]]
    expected = PhraseEncoder(encoder).embed(stems, RATE)
    np.testing.assert_allclose(found.reshape(4, 32), expected, atol=1e-6)


def test_masks_are_applied_to_the_wet_mix() -> None:
    encoder = SpectrumEncoder()
    dry = mixture("bass", "organ")
    wet = mixture("bass", "organ", mix=np.convolve(dry.mix, [1, 0, 0.5], "same").astype(np.float32))
    found = IdealMasks(encoder).embed_known([wet], ["bass", "organ"])
    masked = mask_mix(wet.mix, wet.stems)
    expected = PhraseEncoder(encoder).embed(list(masked), RATE)
    np.testing.assert_allclose(found[0], expected, atol=1e-6)
    assert np.abs(found - IdealMasks(encoder).embed_known([dry], ["bass", "organ"])).max() > 0.01


@pytest.mark.parametrize("method", METHODS)
def test_a_family_that_plays_twice_is_heard_as_one(method: type[KnownStems]) -> None:
    encoder = SpectrumEncoder()
    twice = mixture("organ", "bass", "organ", None)
    known = method(encoder)
    stems = known.stems(twice)
    expected = PhraseEncoder(encoder).embed([stems[0] + stems[2]], RATE)
    np.testing.assert_allclose(known.embed_known([twice], ["organ"])[0], expected, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_for_a_family_that_does_not_play_the_whole_mixture_is_read(
    method: type[KnownStems],
) -> None:
    encoder = SpectrumEncoder()
    one = mixture("organ", None)
    found = method(encoder).embed_known([one], ["bass", "organ", "voice"])[0]
    whole = PhraseEncoder(encoder).embed([one.mix], RATE)[0]
    np.testing.assert_array_equal(found[[0, 2]], [whole, whole])
    assert np.abs(found[1] - whole).max() > 1e-3


@pytest.mark.parametrize("method", METHODS)
def test_mixtures_are_read_alike_in_any_company(method: type[KnownStems]) -> None:
    mixtures = [mixture("bass", "organ", "voice", seed=seed) for seed in range(3)]
    mixtures.append(mixture("bass", "organ", seconds=1.5))
    known = method(SpectrumEncoder(), 1.0)
    among = known.embed_known(mixtures, ["voice", "bass"])
    np.testing.assert_allclose(np.linalg.norm(among, axis=2), 1, atol=1e-6)
    for number, one in enumerate(mixtures):
        alone = known.embed_known([one], ["voice", "bass"])[0]
        np.testing.assert_array_equal(among[number], alone)


@pytest.mark.parametrize("method", METHODS)
def test_single_instruments_are_the_encoders(method: type[KnownStems]) -> None:
    encoder = SpectrumEncoder()
    known = method(encoder)
    np.testing.assert_array_equal(known.embed([part(3)], RATE), encoder.embed([part(3)], RATE))
    assert known.embedding_size == 32
    assert known.embed_known([], ["bass"]).shape == (0, 1, 32)


def test_identities_differ() -> None:
    encoder = SpectrumEncoder()
    identities = {
        TrueStems(encoder).identity,
        IdealMasks(encoder).identity,
        IdealMasks(encoder, 1.0).identity,
        IdealMasks(SpectrumEncoder(seed=1)).identity,
        encoder.identity,
    }
    assert len(identities) == 5


def test_unknown_families_are_refused() -> None:
    with pytest.raises(InputError, match="Unknown family"):
        TrueStems(SpectrumEncoder()).embed_known([mixture("bass")], ["drums"])
