"""Exhibit 1 of the Learn tab: two sounds, their log-mels and their similarity."""

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

import numpy as np

from cir.errors import InputError
from cir.types import Instrument, Progress
from cir.ui.cards import instrument_facts
from cir.ui.learn.log_mel import Picture, log_mel_pictures
from cir.ui.learn.similarity_scale import Spread, measure_typical, signed, similarity_scale, verdict
from cir.ui.learn.sounds import NoteEmbedder, NotePair, note_audio
from cir.ui.service import PageService

DEFAULT_PAIR = ("timgm6mb-000-000-piano-1", "timgm6mb-000-006-harpsichord")
_NEIGHBOURS = 12


class PairExhibit:
    """Compares any two instruments of the database.

    Args:
        service: The database.
        embedder: Embeds previews.
        recorded: Instruments with two notes, to measure typical similarities.
    """

    def __init__(
        self, service: PageService, embedder: NoteEmbedder, recorded: Sequence[NotePair]
    ) -> None:
        self._service = service
        self._embedder = embedder
        self._recorded = recorded
        self._typical: tuple[Spread, ...] | None = None

    def choices(self) -> list[tuple[str, str]]:
        """List all instruments that have a preview, by name, as (label, id)."""
        service = self._service
        audible = [one for one in service.instruments if service.preview(one.instrument_id)]
        audible.sort(key=lambda one: (one.name.casefold(), one.instrument_id))
        return [
            (f"{one.name} ({one.category}, {one.bank}, {one.author})", one.instrument_id)
            for one in audible
        ]

    def first_pair(self) -> tuple[str, str]:
        """Return a piano and a harpsichord, or any two if the database does not have these."""
        if self._service.has(DEFAULT_PAIR):
            return DEFAULT_PAIR
        return self.surprise(np.random.default_rng(0))

    def surprise(self, generator: np.random.Generator) -> tuple[str, str]:
        """Draw two instruments; half of the time, the second is a near neighbour of the first.

        Raises:
            InputError: Fewer than two instruments have previews.
        """
        ids = [name for _, name in self.choices()]
        if len(ids) < 2:
            raise InputError("This database has fewer than two instruments with previews.")
        first, other = (ids[row] for row in generator.choice(len(ids), 2, replace=False))
        if generator.random() < 0.5:
            _, near = self._service.neighbours(first, _NEIGHBOURS)
            audible = [one.instrument.instrument_id for one in near if one.preview is not None]
            other = audible[generator.integers(len(audible))] if audible else other
        return first, other

    def show(
        self, first: str | None, second: str | None, progress: Progress | None = None
    ) -> Iterator[str]:
        """Render two instruments side by side.

        Yields:
            The exhibit; the first time without the typical similarities, then with them.

        Raises:
            InputError: One is not chosen, is unknown, or has no preview.
            CirError: The model cannot be loaded.
        """
        sides = [self._side(first), self._side(second)]
        similarity = self._embedder.similarity(sides[0][1], sides[1][1])
        pictures = log_mel_pictures([Picture(one.name, note_audio(path)) for one, path in sides])
        columns = "".join(
            f'<div class="cir-learn-side"><div class="cir-card" '
            f'data-instrument="{escape(one.instrument_id)}">{instrument_facts(one, path)}</div>'
            f"{picture}</div>"
            for (one, path), picture in zip(sides, pictures, strict=True)
        )
        head = (
            f'<div class="cir-learn-pair">{columns}</div>'
            '<p class="cir-learn-answer" role="status">Similarity '
            f"<b>{signed(similarity)}</b>. "
        )
        if self._typical is None:
            yield f"{head}Is that high? Comparing other pairs \u2026</p>"
            self._typical = measure_typical(self._service, self._embedder, self._recorded, progress)
        yield (
            f"{head}{escape(verdict(similarity, self._typical))}</p>"
            f"{similarity_scale(similarity, self._typical)}{_explain(self._typical)}"
        )

    def _side(self, instrument_id: str | None) -> tuple[Instrument, Path]:
        if not instrument_id:
            raise InputError("Choose two instruments, or press Surprise me.")
        instrument = self._service.database.get(instrument_id)
        preview = self._service.preview(instrument_id)
        if preview is None:
            raise InputError(f"{instrument.name} has no preview; choose another instrument.")
        return instrument, preview


def _explain(typical: Sequence[Spread]) -> str:
    pairs = ", ".join(f"{one.pairs:,}" for one in typical)
    return (
        '<p class="cir-hint">Similarity is the cosine of the angle between two embeddings, here '
        "those of the two notes that you hear: 1 is the same direction, 0 is unrelated. Each bar "
        "spans 80 % of the pairs, its mark is the median; measured on this server with this "
        f"model ({pairs} pairs), on notes of the database and of recorded instruments that the "
        "model was not trained on. In the spectrograms bright is loud, black is 80 dB below the "
        "loudest point of both.</p>"
    )
