"""Open slots that answer for families, so that a model without family queries can be compared."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from cir.errors import InputError
from cir.instruments.families import FAMILIES, check_families
from cir.types import Encoder, FloatArray, Progress

#: Reference notes embedded at a time.
_CHUNK = 64

#: A slot this unlikely to have heard anything is the last choice already.
_LEAST_PRESENCE = 1e-6


class SlotEncoder(Encoder, Protocol):
    """An encoder with open slots; `TimbreEncoder` is one where its `config.n_slots` is not 0."""

    def embed_slots(
        self,
        sounds: Sequence[FloatArray],
        sample_rate: int,
        *,
        progress: Progress | None = None,
    ) -> tuple[FloatArray, FloatArray]:
        """Unit embeddings of K slots, (N, K, D), and whether each heard something, (N, K)."""


class SlotFamilies:
    """An `Encoder` that shares out a mixture's open slots among the families asked for.

    A family is the mean direction of its reference notes. Of all ways to give each family a slot of
    its own, the one with the largest sum of cosine + ln(presence) is taken: like goes to like, and
    a slot that heard nothing goes to nobody.

    Args:
        encoder: has the slots.
        families: slugs.
        centroids: their directions, (families, D); they are normalised.

    Raises:
        InputError: the model has no open slots, a family is unknown or named twice, or the shapes
            do not fit.
    """

    def __init__(
        self, encoder: SlotEncoder, families: Sequence[str], centroids: FloatArray
    ) -> None:
        _check_slots(encoder)
        self._families = check_families(families)
        if centroids.shape != (len(families), encoder.embedding_size) or len(families) != len(
            self._families
        ):
            raise InputError(
                f"{len(families)} families with centroids of shape {centroids.shape}; give "
                f"different families and ({len(families)}, {encoder.embedding_size})."
            )
        self._encoder = encoder
        self._centroids = _normalise(centroids)

    @classmethod
    def fit(
        cls,
        encoder: SlotEncoder,
        references: Iterable[FloatArray],
        families: Sequence[str | None],
        sample_rate: int,
        progress: Progress | None = None,
    ) -> "SlotFamilies":
        """Learn where the families are from the reference notes of a database.

        Args:
            encoder: has the slots.
            references: read a few at a time, (T,) each.
            families: of each reference. Those without one are passed over.
            sample_rate: of the references, in Hz.
            progress: told how far it is.

        Raises:
            InputError: there are not as many references as families, none has a family, one is
                silent, or the model has no open slots.
        """
        _check_slots(encoder)
        totals: dict[str, NDArray[np.float64]] = {}
        pairs = _pairs(references, families)
        while chunk := list(islice(pairs, _CHUNK)):
            embeddings = encoder.embed([sound for _, sound, _ in chunk], sample_rate)
            for (_, _, family), embedding in zip(chunk, embeddings, strict=True):
                totals[family] = totals.get(family, 0.0) + embedding.astype(np.float64)
            if progress is not None:
                done = chunk[-1][0] + 1
                progress(done / len(families), f"Families, {done} of {len(families)} notes")
        if not totals:
            raise InputError("No reference has a family; give at least one that has.")
        known = [family for family in FAMILIES if family in totals]
        centroids = np.stack([totals[family] for family in known]).astype(np.float32)
        return cls(encoder, known, centroids)

    @property
    def identity(self) -> str:
        """Names the model and the centroids."""
        digest = hashlib.sha256(" ".join(self._families).encode() + self._centroids.tobytes())
        return f"{self._encoder.identity}-slots-{digest.hexdigest()[:12]}"

    @property
    def embedding_size(self) -> int:
        """Length D of an embedding."""
        return self._encoder.embedding_size

    @property
    def families(self) -> tuple[str, ...]:
        """Those that a slot can be given to."""
        return self._families

    def embed(
        self,
        sounds: Sequence[FloatArray],
        sample_rate: int,
        *,
        progress: Progress | None = None,
    ) -> FloatArray:
        """Embed single instruments, (N, D), unit norm, as the model does."""
        return self._encoder.embed(sounds, sample_rate, progress=progress)

    def embed_mixtures(
        self,
        sounds: Sequence[FloatArray],
        sample_rate: int,
        families: Sequence[str],
        *,
        progress: Progress | None = None,
    ) -> FloatArray:
        """Give every family asked for its slot, (N, F, D), unit norm.

        Of more families than slots, some go without a slot of their own and get the one that suits
        them best, whosever it is.

        Raises:
            InputError: a sound is empty, silent or not finite, or a family has no centroid.
        """
        names = check_families(families)
        if missing := [name for name in names if name not in self._families]:
            raise InputError(
                f"No reference of the family {missing[0]!r} was seen; choose among "
                f"{', '.join(self._families)}."
            )
        centroids = self._centroids[[self._families.index(name) for name in names]]  # (F, D)
        slots, presence = self._encoder.embed_slots(sounds, sample_rate, progress=progress)
        likely = np.log(np.maximum(presence, _LEAST_PRESENCE))  # (N, K)
        gains = np.einsum("fd,nkd->nfk", centroids, slots) + likely[:, None]
        chosen = np.array([assign_slots(one) for one in gains], dtype=np.int64)
        return np.take_along_axis(slots, chosen.reshape(-1, len(names), 1), axis=1)


def assign_slots(gains: FloatArray) -> NDArray[np.int64]:
    """Choose a slot for each family: one to one as far as the slots go, with the largest sum.

    Args:
        gains: how well each slot suits each family, (F, K).

    Returns:
        The slot of each family, (F,).
    """
    chosen = np.asarray(gains.argmax(axis=1), dtype=np.int64)
    families, slots = linear_sum_assignment(gains, maximize=True)
    chosen[families] = slots
    return chosen


def _check_slots(encoder: SlotEncoder) -> None:
    """A model without slots says so when it is asked about nothing."""
    encoder.embed_slots([], 16_000)


def _pairs(
    references: Iterable[FloatArray], families: Sequence[str | None]
) -> Iterator[tuple[int, FloatArray, str]]:
    """Number, sound and family of each reference that has one."""
    sounds = iter(references)
    for number, family in enumerate(families):
        sound = next(sounds, None)
        if sound is None:
            raise InputError(
                f"{number} reference sounds came with {len(families)} families; give one family "
                "for each."
            )
        if family is not None:
            yield number, sound, check_families([family])[0]
    if next(sounds, None) is not None:
        raise InputError(
            f"More than {len(families)} reference sounds came with {len(families)} families; give "
            "one family for each."
        )


def _normalise(vectors: FloatArray) -> FloatArray:
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, 1e-12), dtype=np.float32)
