"""What all ways of running a model share: checking, cutting into clips, and averaging."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np

from cir.audio.dsp import cut_windows, pad_or_trim, window_starts
from cir.audio.io import check_audio, resample
from cir.errors import InputError
from cir.instruments.families import check_families
from cir.model.network_config import CELL, AnyConfig, ConvAstConfig
from cir.types import SAMPLE_RATE, FloatArray, Progress

_BATCH_SIZE = 16
_SMALLEST_NORM = 1e-12


class ClipEncoder(ABC):
    """Embeds single instruments and mixtures in one space.

    Every clip is brought to one peak and one length, whatever else is in its batch: the same sound
    always has the same embedding.
    """

    @property
    @abstractmethod
    def config(self) -> AnyConfig:
        """Sizes and families."""

    @property
    @abstractmethod
    def identity(self) -> str:
        """Names configuration and weights: encoders with the same identity embed alike."""

    @abstractmethod
    def _embed_clips(self, clips: FloatArray) -> FloatArray:
        """Embed clips of single instruments, (B, T), as unit vectors, (B, D)."""

    @abstractmethod
    def _answer(self, windows: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Listen to windows of mixtures, (B, T).

        Returns:
            Raw embeddings, of the whole window and of each family, (B, 1 + families, D), and
            logits of whether each family plays, (B, families), or (B, 0) of a model that does not
            tell.
        """

    @abstractmethod
    def _share_out(self, windows: FloatArray) -> FloatArray:
        """Return shares of families and others in the cells of windows of mixtures, (B, T).

        (B, families + 1, frames / CELL, bands / CELL); asked only where `tells_families`.
        """

    @property
    def embedding_size(self) -> int:
        """Length D of an embedding."""
        return self.config.embedding_size

    @property
    def families(self) -> tuple[str, ...]:
        """Families with a query of their own; empty where a mixture has one embedding for all."""
        return self.config.families

    def embed(
        self, sounds: Sequence[FloatArray], sample_rate: int, *, progress: Progress | None = None
    ) -> FloatArray:
        """Embed single instruments.

        Args:
            sounds: One-dimensional waveforms; each is padded or cut to `config.note_seconds`.
            sample_rate: In Hz.
            progress: Called after each batch.

        Returns:
            (N, D) float32, unit norm.

        Raises:
            InputError: A sound is empty, silent, not finite or not one-dimensional.
        """
        clips = (
            pad_or_trim(self._prepare(sound, sample_rate), self.config.note_samples)
            for sound in sounds
        )
        embeddings = np.zeros((len(sounds), self.embedding_size), np.float32)
        done = 0
        for batch in batches(clips):
            embeddings[done : done + len(batch)] = self._embed_clips(batch)
            done += len(batch)
            if progress is not None:
                progress(done / len(sounds), f"Embedding sounds, {done} of {len(sounds)}")
        return embeddings

    def embed_mixtures(
        self,
        sounds: Sequence[FloatArray],
        sample_rate: int,
        families: Sequence[str],
        *,
        progress: Progress | None = None,
    ) -> FloatArray:
        """Embed mixtures once per family.

        A mixture is read in windows of `config.mixture_seconds` that overlap by half; the windows'
        embeddings are averaged.

        Args:
            sounds: One-dimensional waveforms of any length.
            sample_rate: In Hz.
            families: Families to listen for. One without a query of its own, and every one of a
                model without queries, gets the embedding of the whole mixture.
            progress: Called after each mixture.

        Returns:
            (N, F, D) float32, unit norm.

        Raises:
            InputError: A sound is empty, silent or not finite, or there is no such family.
        """
        return self.hear_mixtures(sounds, sample_rate, families, progress=progress)[0]

    def hear_mixtures(
        self,
        sounds: Sequence[FloatArray],
        sample_rate: int,
        families: Sequence[str],
        *,
        progress: Progress | None = None,
    ) -> tuple[FloatArray, FloatArray]:
        """Do as `embed_mixtures` and `presence` do, in one pass.

        Returns:
            Embeddings, (N, F, D), and probabilities that each of `self.families` plays,
            (N, families), or (N, 0) of a model that does not tell.
        """
        columns = self._columns(families)
        n_present = len(self.families) if self.tells_families else 0
        embeddings = np.zeros((len(sounds), len(columns), self.embedding_size), np.float32)
        presence = np.zeros((len(sounds), n_present), np.float32)
        for index, windows in enumerate(self._windows(sounds, sample_rate, progress)):
            answers, logits = map(
                np.concatenate,
                zip(*(self._answer(batch) for batch in batches(windows)), strict=True),
            )
            embeddings[index] = unit(unit(answers[:, columns]).mean(0))
            presence[index] = 1 / (1 + np.exp(-logits.max(0)))
        return embeddings, presence

    def presence(
        self, sounds: Sequence[FloatArray], sample_rate: int, *, progress: Progress | None = None
    ) -> FloatArray:
        """Estimate which of `families` play in mixtures.

        Returns:
            Probabilities, (N, families), each of the window with the highest one.

        Raises:
            InputError: The model has no such output, or a sound is empty, silent or not finite.
        """
        self._check_that_it_tells()
        return self.hear_mixtures(sounds, sample_rate, self.families, progress=progress)[1]

    def family_masks(
        self, sound: FloatArray, sample_rate: int, families: Sequence[str]
    ) -> FloatArray:
        """Estimate each family's share in the energy of a mixture over time and frequency.

        Windows overlap by half; what they say of a cell is averaged.

        Args:
            sound: One-dimensional waveform of any length.
            sample_rate: In Hz.
            families: Families to return. A family without a query of its own gets the share of all
                families without one.

        Returns:
            Shares from 0 to 1, (F, frames, bands), in the frames and bands of `config.bands`; the
            frames cover the whole sound.

        Raises:
            InputError: The model has no masks, the sound is empty, silent or not finite, or there
                is no such family.
        """
        config = self._check_that_it_tells()
        columns = self._columns(families)
        audio = self._prepare(sound, sample_rate)
        cell_samples = CELL * config.bands.hop_samples
        n_window = config.mixture_frames // CELL
        n_cells = max(n_window, -(-len(audio) // cell_samples))
        padded = pad_or_trim(audio, n_cells * cell_samples)
        starts = window_starts(n_cells, n_window)
        windows = (padded[n * cell_samples :][: n_window * cell_samples] for n in starts)
        shares = np.concatenate([self._share_out(batch) for batch in batches(windows)])
        total = np.zeros((shares.shape[1], n_cells, shares.shape[3]), np.float32)
        counts = np.zeros((n_cells, 1), np.float32)
        for start, share in zip(starts, shares, strict=True):
            total[:, start : start + n_window] += share
            counts[start : start + n_window] += 1
        # Columns count the whole mixture as 0; here, what belongs to no family of ours comes last.
        cells = (total / counts)[[column - 1 for column in columns]]
        frames = _spread(n_cells) @ cells @ _spread(cells.shape[2]).T
        return np.ascontiguousarray(frames[:, : -(-len(audio) // config.bands.hop_samples)])

    @property
    def tells_families(self) -> bool:
        """Whether the model estimates presence and masks of families."""
        return isinstance(self.config, ConvAstConfig) and bool(self.families)

    @property
    def mask_centres_hz(self) -> tuple[float, ...]:
        """Centres of the bands of `family_masks`, ascending; empty if there are no masks."""
        config = self.config
        return tuple(config.bands.centres_hz) if isinstance(config, ConvAstConfig) else ()

    @property
    def mask_hop_seconds(self) -> float:
        """Frame shift of `family_masks`; frame t is centred on the middle of the t-th hop."""
        config = self.config
        hop = config.bands.hop_samples if isinstance(config, ConvAstConfig) else 0
        return hop / SAMPLE_RATE

    def _check_that_it_tells(self) -> ConvAstConfig:
        """Return the configuration of a model that estimates presence and masks."""
        if isinstance(self.config, ConvAstConfig) and self.families:
            return self.config
        raise InputError(
            "This model estimates neither presence nor masks of families (it is an AST, or it has "
            "no family queries): load a conv-ast with families."
        )

    def _columns(self, families: Sequence[str]) -> list[int]:
        """Return the column of each family in the embeddings of `_answer`."""
        return [
            1 + self.families.index(name) if name in self.families else 0
            for name in check_families(families)
        ]

    def _prepare(self, sound: FloatArray, sample_rate: int) -> FloatArray:
        return resample(check_audio(sound, sample_rate), sample_rate, SAMPLE_RATE)

    def _windows(
        self, sounds: Sequence[FloatArray], sample_rate: int, progress: Progress | None
    ) -> Iterator[list[FloatArray]]:
        """Yield the windows of each mixture."""
        for done, sound in enumerate(sounds, 1):
            yield cut_windows(self._prepare(sound, sample_rate), self.config.mixture_samples)
            if progress is not None:
                progress(done / len(sounds), f"Listening, {done} of {len(sounds)}")


def batches(clips: Iterable[FloatArray]) -> Iterator[FloatArray]:
    """Yield clips (T,) in stacks (B, T)."""
    waiting = iter(clips)
    while batch := list(islice(waiting, _BATCH_SIZE)):
        yield np.stack(batch)


def unit(vectors: FloatArray) -> FloatArray:
    """Scale vectors (..., D) to unit norm."""
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, _SMALLEST_NORM), np.float32)


def _spread(n_cells: int) -> FloatArray:
    """Return the matrix that interpolates linearly from cells to frames or bands, (CELL N, N)."""
    places = (np.arange(n_cells * CELL) + 0.5) / CELL - 0.5
    rows = np.eye(n_cells, dtype=np.float32)
    return np.stack([np.interp(places, np.arange(n_cells), row) for row in rows], 1).astype(
        np.float32
    )
