"""Loss of accuracy by int8: the paper's protocols with float32 and int8 on the same queries."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from served_encoders import Int8Encoder

from cir.cli.terminal import progress_bar
from cir.evaluation.gallery import Gallery
from cir.evaluation.mixture_stream import MixtureSet
from cir.evaluation.mixtures import evaluate_mixtures
from cir.evaluation.single import evaluate_single_source
from cir.model.encoder import TimbreEncoder
from cir.types import Encoder, FloatArray, Progress

FLOAT = "float32"
INT8 = "int8"
MIXED = "int8 asks, float32 index"
METRICS = ("top_1", "top_5", "mrr")


def measure_accuracy(
    encoder: TimbreEncoder, gallery: Gallery, mixture_set: MixtureSet
) -> dict[str, Any]:
    """Evaluate float32, int8, and int8 queries on an index of float32, on the same queries.

    Args:
        encoder: Encoder in float32.
        gallery: Notes and references.
        mixture_set: Mixtures to draw; single notes take its split and seed.

    Returns:
        `mixtures` and `single`: `settings`, and `scores` by method and row (the `mean` of the
        families and each of them; of single notes `all`, without the reference notes). `cosine` of
        each float32 embedding to that of int8, of all `notes` and all `mixtures`, family by family:
        their `count`, `min` and `median`.

    Raises:
        InputError: Something about the mixtures makes no sense.
        DataError: The gallery lacks what is needed.
    """
    exact, rounded = Remembering(encoder), Remembering(Int8Encoder(encoder))
    references = (note.audio for _, note in gallery.references(np.arange(len(gallery))))
    methods = {FLOAT: exact, INT8: rounded, MIXED: MixedEncoder(exact, rounded, references)}
    with progress_bar("Mixtures", least_seconds=2.0) as progress:
        mixtures = evaluate_mixtures(methods, gallery, mixture_set, progress=progress)
    with progress_bar("Single notes", least_seconds=2.0) as progress:
        split, seed = mixture_set.split, mixture_set.seed
        single = evaluate_single_source(methods, gallery, split=split, seed=seed, progress=progress)
    return {
        "mixtures": _extract(mixtures, ("mean", *mixture_set.families)),
        "single": _extract(single, ("all",)),
        "cosine": {kind: _compare(exact.kept[kind], rounded.kept[kind]) for kind in exact.kept},
    }


def _extract(results: Sequence[dict[str, Any]], rows: Sequence[str]) -> dict[str, Any]:
    """Select the parts of a protocol's results that are reported."""
    return {
        "settings": results[0]["settings"],
        "queries": results[0]["scores"][rows[0]]["queries"],
        "candidates": results[0]["scores"][rows[0]]["candidates"],
        "scores": {
            one["name"]: {
                row: {metric: one["scores"][row][metric] for metric in METRICS} for row in rows
            }
            for one in results
        },
    }


def _compare(exact: Sequence[FloatArray], rounded: Sequence[FloatArray]) -> dict[str, float]:
    """Return cosines of unit vectors, batch by batch, (..., D)."""
    pairs = zip(exact, rounded, strict=True)
    cosines = np.concatenate([(one * other).sum(-1).ravel() for one, other in pairs])
    return {
        "count": len(cosines),
        "min": float(cosines.min()),
        "median": float(np.median(cosines)),
    }


class Remembering:
    """An encoder that keeps its embeddings, and does not repeat the last computation.

    Attributes:
        kept: `notes`, (N, D) a batch, and `mixtures`, (N, F, D) a batch, in the order of listening.
    """

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.kept: dict[str, list[FloatArray]] = defaultdict(list)
        self._asked: tuple[object, ...] = ()
        self._heard: list[FloatArray] = []
        self._answered = np.zeros(0, np.float32)

    @property
    def identity(self) -> str:
        """The encoder's own."""
        return self._encoder.identity

    @property
    def embedding_size(self) -> int:
        """The encoder's own."""
        return self._encoder.embedding_size

    @property
    def families(self) -> tuple[str, ...]:
        """The encoder's own."""
        return self._encoder.families

    def embed(
        self, sounds: Sequence[FloatArray], sample_rate: int, *, progress: Progress | None = None
    ) -> FloatArray:
        """See `Encoder`."""
        return self._answer(
            "notes",
            sounds,
            (sample_rate,),
            lambda: self._encoder.embed(sounds, sample_rate, progress=progress),
        )

    def embed_mixtures(
        self,
        sounds: Sequence[FloatArray],
        sample_rate: int,
        families: Sequence[str],
        *,
        progress: Progress | None = None,
    ) -> FloatArray:
        """See `Encoder`."""
        return self._answer(
            "mixtures",
            sounds,
            (sample_rate, *families),
            lambda: self._encoder.embed_mixtures(sounds, sample_rate, families, progress=progress),
        )

    def _answer(
        self,
        kind: str,
        sounds: Sequence[FloatArray],
        question: tuple[object, ...],
        listen: Callable[[], FloatArray],
    ) -> FloatArray:
        asked = (kind, *question, *map(id, sounds))
        if asked != self._asked:
            self._answered = listen()
            # Sounds that are held keep their ids to themselves.
            self._asked, self._heard = asked, list(sounds)
            self.kept[kind].append(self._answered)
        return self._answered


class MixedEncoder:
    """An encoder that embeds references by one encoder and queries by another."""

    def __init__(self, index: Encoder, queries: Encoder, references: Iterable[FloatArray]) -> None:
        """Recognise reference notes by their samples.

        Args:
            index: Embeds `references`.
            queries: Embeds everything else.
            references: Single notes, as they will be given to `embed`.
        """
        self._index = index
        self._queries = queries
        self._references = {_fingerprint(note) for note in references}

    @property
    def identity(self) -> str:
        """Of both."""
        return f"{self._index.identity}+{self._queries.identity}"

    @property
    def embedding_size(self) -> int:
        """Of both."""
        return self._index.embedding_size

    @property
    def families(self) -> tuple[str, ...]:
        """Of the queries."""
        return self._queries.families

    def embed(
        self, sounds: Sequence[FloatArray], sample_rate: int, *, progress: Progress | None = None
    ) -> FloatArray:
        """See `Encoder`."""
        in_index = np.array([_fingerprint(sound) in self._references for sound in sounds])
        return np.where(
            in_index[:, np.newaxis],
            self._index.embed(sounds, sample_rate),
            self._queries.embed(sounds, sample_rate),
        )

    def embed_mixtures(
        self,
        sounds: Sequence[FloatArray],
        sample_rate: int,
        families: Sequence[str],
        *,
        progress: Progress | None = None,
    ) -> FloatArray:
        """See `Encoder`."""
        return self._queries.embed_mixtures(sounds, sample_rate, families, progress=progress)


def _fingerprint(sound: FloatArray) -> bytes:
    return hashlib.blake2b(sound.tobytes()).digest()
