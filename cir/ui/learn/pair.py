"""Exhibit 1 of the Learn tab: two sounds, their log-mels and how similar they are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np

from cir.errors import InputError
from cir.types import Instrument, Progress
from cir.ui.cards import family_tag, instrument_lines, play_button
from cir.ui.learn.log_mel import Picture, log_mel_pictures
from cir.ui.learn.note_embeddings import NoteListener, note_audio
from cir.ui.learn.similarity_scale import signed, similarity_scale, verdict
from cir.ui.learn.sounds import NotePair
from cir.ui.learn.typical_similarities import Spread, measure_typical
from cir.ui.service import PageService

DEFAULT_PAIR = ("timgm6mb-000-000-piano-1", "timgm6mb-000-006-harpsichord")
_NEIGHBOURS = 12


@dataclass(frozen=True)
class _Side:
    instrument: Instrument
    preview: Path


class PairExhibit:
    """Compares any two instruments of the database.

    Args:
        service: has the database.
        listener: embeds their previews.
        recorded: instruments with two notes, for what is usual.
    """

    def __init__(
        self, service: PageService, listener: NoteListener, recorded: Sequence[NotePair]
    ) -> None:
        self._service = service
        self._listener = listener
        self._recorded = recorded
        self._typical: tuple[Spread, ...] | None = None
        self._by_id = {one.instrument_id: one for one in service.instruments}

    def choices(self) -> list[tuple[str, str]]:
        """List all instruments that can be heard, by name, as (label, id)."""
        audible = [one for one in self._service.instruments if self._preview(one) is not None]
        audible.sort(key=lambda one: (one.name.casefold(), one.instrument_id))
        return [
            (f"{one.name} ({one.category}, {one.bank}, {one.author})", one.instrument_id)
            for one in audible
        ]

    def first_pair(self) -> tuple[str, str]:
        """The pair shown first: a piano and a harpsichord where the database has them."""
        if all(name in self._by_id for name in DEFAULT_PAIR):
            return DEFAULT_PAIR
        return self.surprise(np.random.default_rng(0))

    def surprise(self, generator: np.random.Generator) -> tuple[str, str]:
        """Draw two instruments: every other time, the second is among the first one's neighbours.

        Raises:
            InputError: fewer than two instruments can be heard.
        """
        ids = [name for _, name in self.choices()]
        if len(ids) < 2:
            raise InputError("This database has fewer than two instruments with previews.")
        first, other = (ids[row] for row in generator.choice(len(ids), 2, replace=False))
        if generator.random() < 0.5:
            _, near = self._service.neighbours(first, _NEIGHBOURS)
            heard = [one.instrument.instrument_id for one in near if one.preview is not None]
            other = heard[generator.integers(len(heard))] if heard else other
        return first, other

    def show(
        self, first: str | None, second: str | None, progress: Progress | None = None
    ) -> Iterator[str]:
        """Render two instruments side by side.

        Yields:
            The page; where it must be measured yet what is usual, first without it.

        Raises:
            InputError: one is not chosen, unknown, or cannot be heard.
            CirError: the model cannot be loaded.
        """
        sides = [self._side(first), self._side(second)]
        similarity = self._listener.similarity(sides[0].preview, sides[1].preview)
        pictures = log_mel_pictures(
            [Picture(side.instrument.name, note_audio(side.preview)) for side in sides]
        )
        columns = "".join(
            f'<div class="cir-learn-side">{_card(side)}{picture}</div>'
            for side, picture in zip(sides, pictures, strict=True)
        )
        head = (
            f'<div class="cir-learn-pair">{columns}</div>'
            '<p class="cir-learn-answer" role="status">Similarity '
            f"<b>{signed(similarity)}</b>. "
        )
        if self._typical is None:
            yield f"{head}Is that much? Listening to other pairs \u2026</p>"
            self._typical = measure_typical(self._service, self._listener, self._recorded, progress)
        yield (
            f"{head}{escape(verdict(similarity, self._typical))}</p>"
            f"{similarity_scale(similarity, self._typical)}{_explain(self._typical)}"
        )

    def _side(self, instrument_id: str | None) -> _Side:
        if not instrument_id:
            raise InputError("Choose two instruments, or press Surprise me.")
        instrument = self._by_id.get(instrument_id)
        if instrument is None:
            raise InputError(f"The database has no instrument {instrument_id!r}; choose another.")
        preview = self._preview(instrument)
        if preview is None:
            raise InputError(f"{instrument.name} has no preview; choose another instrument.")
        return _Side(instrument, preview)

    def _preview(self, instrument: Instrument) -> Path | None:
        return self._service.preview(instrument.instrument_id)


def _card(side: _Side) -> str:
    one = side.instrument
    return (
        f'<div class="cir-card" data-instrument="{escape(one.instrument_id)}">'
        f"{play_button(side.preview, f'Play {one.name}')}"
        f'<div><div class="cir-name">{escape(one.name)}</div>'
        f'<div class="cir-meta">{family_tag(one.family)}</div>{instrument_lines(one)}</div></div>'
    )


def _explain(typical: Sequence[Spread]) -> str:
    pairs = ", ".join(f"{one.pairs:,}" for one in typical)
    return (
        '<p class="cir-hint">Similarity is the cosine of the angle between two embeddings, here '
        "those of the very notes that you hear: 1 is the same direction, 0 is unrelated. Each bar "
        "holds eight of ten pairs, its mark is the middle one; measured on this server with this "
        f"model ({pairs} pairs), on notes of the database and of recorded instruments that the "
        "model was not trained on. In the pictures bright is loud, black is 80 dB below the "
        "loudest spot of both.</p>"
    )
