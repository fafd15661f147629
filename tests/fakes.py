"""A small deterministic stand-in for a trained model, and databases made with it."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from cir.audio.io import check_audio, resample
from cir.index.ranking import cosine_similarities
from cir.types import FloatArray, Instrument, Progress

SAMPLE_RATE = 16_000
N_BANDS = 64


class SpectrumEncoder:
    """Embeds a sound by its spectrum: band energies in decibels, then a fixed random projection.

    Similar spectra get similar vectors, and level does not matter. As in a model without family
    queries, a mixture has the same vector for every family.
    """

    def __init__(self, embedding_size: int = 32, seed: int = 0) -> None:
        self._size = embedding_size
        self._seed = seed
        generator = np.random.default_rng(seed)
        self._projection = generator.standard_normal((N_BANDS, embedding_size))

    @property
    def identity(self) -> str:
        return f"spectrum-{self._size}-{self._seed}"

    @property
    def embedding_size(self) -> int:
        return self._size

    @property
    def families(self) -> tuple[str, ...]:
        return ()

    def embed(
        self,
        sounds: Sequence[FloatArray],
        sample_rate: int,
        *,
        progress: Progress | None = None,
    ) -> FloatArray:
        if not sounds:
            return np.zeros((0, self._size), dtype=np.float32)
        return np.stack([self._embed(sound, sample_rate) for sound in sounds])

    def embed_mixtures(
        self,
        sounds: Sequence[FloatArray],
        sample_rate: int,
        families: Sequence[str],
        *,
        progress: Progress | None = None,
    ) -> FloatArray:
        rows = self.embed(sounds, sample_rate)
        return np.repeat(rows[:, np.newaxis], len(families), axis=1)

    def _embed(self, sound: FloatArray, sample_rate: int) -> FloatArray:
        audio = resample(check_audio(sound, sample_rate), sample_rate, SAMPLE_RATE)
        power = np.square(np.abs(np.fft.rfft(audio / np.abs(audio).max(), n=1 << 17)))
        edges = np.geomspace(1, len(power), N_BANDS + 1).astype(int)
        bands = np.array(
            [
                power[low : max(high, low + 1)].mean()
                for low, high in zip(edges[:-1], edges[1:], strict=True)
            ]
        )
        levels = 10.0 * np.log10(bands / bands.max() + 1e-6)
        vector = (levels - levels.mean()) @ self._projection
        return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)


def tone(pitch_hz: float, seconds: float = 1.0, sample_rate: int = SAMPLE_RATE) -> FloatArray:
    """A decaying tone with three partials, (T,)."""
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    partials = sum(np.sin(2 * np.pi * k * pitch_hz * time) / k for k in (1, 2, 3))
    return np.asarray(0.4 * partials * np.exp(-time / max(seconds, 0.5)), dtype=np.float32)


def instrument(
    instrument_id: str,
    family: str | None = "bass",
    *,
    bank: str = "One",
    source: str = "surge",
    name: str | None = None,
) -> Instrument:
    """A row of a catalogue."""
    return Instrument(
        instrument_id=instrument_id,
        name=name or instrument_id.replace("-", " ").title(),
        family=family,
        category="Test",
        bank=bank,
        author="Nobody",
        licence="CC0-1.0",
        source=source,
        engine=f"samples:{instrument_id}",
    )


def unit_vectors(generator: np.random.Generator, count: int, dimension: int) -> FloatArray:
    """Random directions, (count, dimension)."""
    vectors = generator.standard_normal((count, dimension))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def clustered_vectors(
    generator: np.random.Generator, count: int, dimension: int, n_clusters: int = 20
) -> FloatArray:
    """Directions in tight groups, as embeddings of instruments are, (count, dimension)."""
    centres = unit_vectors(generator, n_clusters, dimension)
    vectors = centres[generator.integers(n_clusters, size=count)]
    vectors = vectors + 0.1 * unit_vectors(generator, count, dimension)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def exact_search(
    ids: Sequence[str], embeddings: FloatArray, query: FloatArray, top_k: int
) -> list[tuple[str, float]]:
    """Compare a query with every row, and sort: what each search must equal, ties by id."""
    similarities = cosine_similarities(embeddings, query).tolist()
    return sorted(zip(ids, similarities, strict=True), key=lambda one: (-one[1], one[0]))[:top_k]


class ListeningEncoder(SpectrumEncoder):
    """A stand-in that also tells where families play: each has a range of frequencies."""

    RANGES_HZ: ClassVar = {
        "bass": (0.0, 150.0),
        "synth_lead": (150.0, 600.0),
        "percussion": (600.0, 8_000.0),
    }
    mask_centres_hz: ClassVar = tuple(float(hz) for hz in 50.0 * 2.0 ** np.arange(0.0, 7.0, 0.25))
    mask_hop_seconds = 0.02
    tells_families = True

    @property
    def families(self) -> tuple[str, ...]:
        return tuple(self.RANGES_HZ)

    def hear_mixtures(
        self,
        sounds: Sequence[FloatArray],
        sample_rate: int,
        families: Sequence[str],
        *,
        progress: Progress | None = None,
    ) -> tuple[FloatArray, FloatArray]:
        presence = np.tile(np.array([0.9, 0.7, 0.8], np.float32), (len(sounds), 1))
        return self.embed_mixtures(sounds, sample_rate, families), presence

    def family_masks(
        self, sound: FloatArray, sample_rate: int, families: Sequence[str]
    ) -> FloatArray:
        centres = np.array(self.mask_centres_hz)
        ranges = [self.RANGES_HZ.get(family, (0.0, 0.0)) for family in families]
        inside = [(centres >= low) & (centres < high) for low, high in ranges]
        n_frames = -(-len(sound) * 50 // sample_rate)
        return np.repeat(np.array(inside, np.float32)[:, np.newaxis], n_frames, axis=1)
