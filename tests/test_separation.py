"""A single-instrument encoder behind a separator, and the phrases that it reads."""

from collections.abc import Sequence

import numpy as np
import pytest

from cir.baselines.phrases import PhraseEncoder
from cir.baselines.separation import SeparatedEncoder, Separator
from cir.errors import InputError
from cir.instruments.families import FAMILIES
from cir.types import Encoder, FloatArray, Progress
from tests.fakes import SpectrumEncoder, tone

RATE = 16_000
FLOOR = 1e-4


class CountingEncoder(SpectrumEncoder):
    """Remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[list[FloatArray]] = []

    def embed(
        self,
        sounds: Sequence[FloatArray],
        sample_rate: int,
        *,
        progress: Progress | None = None,
    ) -> FloatArray:
        self.calls.append(list(sounds))
        return super().embed(sounds, sample_rate, progress=progress)


class BandSeparator:
    """Bass is what lies below 500 Hz, percussion what lies above; voice is never there."""

    identity = "bands"

    def separate(self, sound: FloatArray, sample_rate: int, families: Sequence[str]) -> FloatArray:
        spectrum = np.fft.rfft(sound)
        low = np.fft.rfftfreq(len(sound), 1 / sample_rate) < 500
        masks = {"bass": low, "percussion": ~low, "voice": np.zeros_like(low)}
        bands = [np.fft.irfft(spectrum * masks.get(name, ~low), len(sound)) for name in families]
        return np.asarray(bands, dtype=np.float32)


def sine(hertz: float, seconds: float = 6.0) -> FloatArray:
    time = np.arange(round(seconds * RATE)) / RATE
    return np.asarray(0.2 * np.sin(2 * np.pi * hertz * time), dtype=np.float32)


def naive_phrase(encoder: Encoder, phrase: FloatArray, seconds: float) -> FloatArray:
    """One window after the other, for lengths that are a multiple of half a window."""
    length = round(seconds * RATE)
    starts = range(0, max(1, len(phrase) - length + 1), length // 2)
    windows = [phrase[start : start + length] for start in starts]
    loudest = max(float(np.mean(window**2)) for window in windows)
    kept = [window for window in windows if float(np.mean(window**2)) >= FLOOR * loudest]
    total = sum(encoder.embed([window], RATE)[0] for window in kept)
    return np.asarray(total / np.linalg.norm(total), dtype=np.float32)


def melody(seconds: float = 6.0) -> FloatArray:
    notes = [tone(hertz, 1.0) for hertz in (220, 330, 440, 550, 660, 880)]
    return np.concatenate(notes)[: round(seconds * RATE)]


@pytest.mark.parametrize("seconds", [1.0, 2.0, 3.0])
def test_phrases_equal_the_naive_oracle(seconds: float) -> None:
    encoder = SpectrumEncoder()
    quiet = melody()
    quiet[: 3 * RATE] *= np.float32(1e-3)  # 60 dB down: some windows are skipped
    found = PhraseEncoder(encoder, seconds).embed([melody(), quiet], RATE)
    for row, phrase in zip(found, (melody(), quiet), strict=True):
        np.testing.assert_allclose(row, naive_phrase(encoder, phrase, seconds), atol=2e-4)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)


def test_windows_far_below_the_loudest_are_skipped_whatever_the_level() -> None:
    for level in (1.0, 1e-3):
        encoder = CountingEncoder()
        phrase = np.concatenate([sine(220, 2.0), sine(330, 2.0) * 5e-3, np.zeros(2 * RATE)])
        PhraseEncoder(encoder, 1.0).embed([(phrase * level).astype(np.float32)], RATE)
        assert [len(call) for call in encoder.calls] == [4]  # from 0, 0.5, 1 and 1.5 s


def test_one_click_is_still_heard() -> None:
    encoder = CountingEncoder()
    click = np.zeros(4 * RATE, np.float32)
    click[100] = 1e-5
    PhraseEncoder(encoder, 1.0).embed([click], RATE)
    assert len(encoder.calls[0]) == 1


def test_a_short_phrase_is_one_window() -> None:
    encoder = CountingEncoder()
    PhraseEncoder(encoder).embed([tone(220, 0.3)], RATE)
    assert [len(window) for window in encoder.calls[0]] == [40_000]


def test_a_phrase_is_embedded_alike_in_any_company() -> None:
    encoder = PhraseEncoder(SpectrumEncoder(), 1.0)
    among = encoder.embed([sine(500, 3.3), melody(), tone(90, 0.2)], RATE)[1]
    np.testing.assert_array_equal(among, encoder.embed([melody()], RATE)[0])


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan")])
def test_windows_must_have_a_length(seconds: float) -> None:
    with pytest.raises(InputError, match="give a positive length"):
        PhraseEncoder(SpectrumEncoder(), seconds)


def test_it_is_an_encoder() -> None:
    single = SpectrumEncoder()
    separator: Separator = BandSeparator()
    encoder: Encoder = SeparatedEncoder(single, separator)
    assert encoder.families == FAMILIES and encoder.embedding_size == 32
    np.testing.assert_array_equal(encoder.embed([tone(99)], RATE), single.embed([tone(99)], RATE))
    assert encoder.embed_mixtures([], RATE, ["bass"]).shape == (0, 1, 32)


def test_each_family_is_found_in_its_stem() -> None:
    single = SpectrumEncoder()
    mix = sine(100) + sine(3000)
    encoder = SeparatedEncoder(single, BandSeparator())
    (found,) = encoder.embed_mixtures([mix], RATE, ["bass", "percussion", "voice"])
    phrases = PhraseEncoder(single)
    separate = BandSeparator().separate(mix, RATE, ["bass", "percussion"])
    np.testing.assert_array_equal(found[:2], phrases.embed(list(separate), RATE))
    references = single.embed([sine(100), sine(3000)], RATE)
    assert (found[:2] @ references.T).argmax(1).tolist() == [0, 1]
    # Nothing was separated for the voice: the whole mixture stands in.
    np.testing.assert_array_equal(found[2:], phrases.embed([mix], RATE))


def test_mixtures_are_read_alike_in_any_company() -> None:
    mixes = [sine(100 + 50 * number) + sine(3000) for number in range(10)]
    mixes[3] = mixes[3][: 3 * RATE]
    encoder = SeparatedEncoder(SpectrumEncoder(), BandSeparator())
    among = encoder.embed_mixtures(mixes, RATE, ["percussion", "bass"])
    assert among.shape == (10, 2, 32)
    for number in (0, 3, 9):
        alone = encoder.embed_mixtures([mixes[number]], RATE, ["percussion", "bass"])[0]
        np.testing.assert_array_equal(among[number], alone)


def test_windows_of_many_mixtures_are_embedded_together_and_shared_stems_once() -> None:
    encoder = CountingEncoder()
    mixes = [sine(100) + sine(3000 + number) for number in range(10)]
    separated = SeparatedEncoder(encoder, BandSeparator(), window_seconds=3.0)
    fractions: list[float] = []
    found = separated.embed_mixtures(
        mixes, RATE, ["bass", "organ", "piano"], progress=lambda done, _: fractions.append(done)
    )
    assert [len(call) for call in encoder.calls] == [8 * 2 * 3, 2 * 2 * 3]
    np.testing.assert_array_equal(found[:, 1], found[:, 2])
    assert fractions == [0.8, 1.0]


def test_identity_follows_all_its_parts() -> None:
    class Other(BandSeparator):
        identity = "other"

    single = SpectrumEncoder()
    identities = {
        SeparatedEncoder(single, BandSeparator()).identity,
        SeparatedEncoder(SpectrumEncoder(seed=1), BandSeparator()).identity,
        SeparatedEncoder(single, Other()).identity,
        SeparatedEncoder(single, BandSeparator(), 1.0).identity,
    }
    assert len(identities) == 4
    assert SeparatedEncoder(single, BandSeparator(), 2.5).identity in identities


@pytest.mark.parametrize("stems", [np.zeros((2, 10)), np.zeros(10), np.full((1, RATE), np.nan)])
def test_a_separator_must_return_what_was_asked_for(stems: FloatArray) -> None:
    class Wrong(BandSeparator):
        def separate(
            self, sound: FloatArray, sample_rate: int, families: Sequence[str]
        ) -> FloatArray:
            return stems.astype(np.float32)

    with pytest.raises(InputError, match=r"separator bands returned .* shape \(1, 16000\)"):
        SeparatedEncoder(SpectrumEncoder(), Wrong()).embed_mixtures([tone(200)], RATE, ["bass"])


def test_silence_and_unknown_families_are_refused() -> None:
    encoder = SeparatedEncoder(SpectrumEncoder(), BandSeparator())
    with pytest.raises(InputError, match="silent"):
        encoder.embed_mixtures([np.zeros(RATE, np.float32)], RATE, ["bass"])
    with pytest.raises(InputError, match="Unknown family 'drums'"):
        encoder.embed_mixtures([tone(200)], RATE, ["drums"])
