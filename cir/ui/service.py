"""What the tabs need of the model and the database, without anything of Gradio.

The database is opened when the page is built, the encoder when the first search needs it (or when
`warm_up` is called), so that the page is there before the model is.
"""

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np

from cir.audio.io import check_audio, load_with_notice
from cir.errors import InputError
from cir.index.database import InstrumentDatabase
from cir.index.duplicates import MatchGroup
from cir.index.exact import cosine_similarities
from cir.index.timbre_map import place
from cir.instruments.families import check_families
from cir.progress import part
from cir.retrieval.lookup import ANY, Filters, look_up_gathered, look_up_singly
from cir.retrieval.retriever import Retriever, default_encoder
from cir.retrieval.timeline import TimelineCell, build_timeline
from cir.retrieval.windows import SAMPLE_RATE, WindowEmbeddings, embed_each_window
from cir.types import Encoder, FamilyResult, FloatArray, Instrument, Match, Progress
from cir.ui.search.mixes import MAX_SECONDS, Region, cut

MAX_TOP_K = 20
"""Most matches per family."""


@dataclass(frozen=True, eq=False)
class Answer:
    """A search of the page: what was found, and the vectors that it was found with.

    Two searches are never equal: Gradio asks whether a visitor's answer is a new one.
    """

    results: tuple[FamilyResult, ...]
    queries: dict[str, FloatArray]
    """By family: the mix's embedding, (D,), unit norm."""
    seconds: float
    """How long it took."""
    groups: tuple[tuple[MatchGroup, ...], ...]
    """The matches of each result, those that sound nearly the same together where that was asked
    for."""
    mix: Path
    """What can be played of it."""
    windows: WindowEmbeddings
    filters: Filters
    region: Region | None = None
    """The passage that was searched; None for the whole mix."""
    note: str = ""
    """What must be known of all of it."""


@dataclass(frozen=True)
class Truth:
    """An instrument that really is in a mix, and where the search ranked it."""

    match: Match
    """Its rank counts from 1 among all instruments of its family."""
    candidates: int
    """How many instruments the family has."""


class PageService:
    """One model and one database, shared by all visitors."""

    def __init__(
        self, encoder: Encoder | None = None, database: InstrumentDatabase | None = None
    ) -> None:
        """Open the database; the bundled one, and the bundled model, where none is given.

        Raises:
            DatabaseError: the database cannot be opened, or was made by another model.
        """
        self.database = InstrumentDatabase.open() if database is None else database
        if encoder is not None:
            self.database.check_encoder(encoder)
        self._encoder = encoder
        self.has_bundled_model = encoder is None
        self._loading = threading.Lock()
        self.instruments: tuple[Instrument, ...] = tuple(self.database.instruments())
        ids, self._embeddings = self.database.embeddings()
        self._rows = {instrument_id: row for row, instrument_id in enumerate(ids)}
        self.coordinates = self.database.coordinates()
        """(N, 2), parallel to `instruments`; None where the database has no map."""

    @property
    def encoder(self) -> Encoder:
        """The model, loaded now if it was not yet.

        Raises:
            CheckpointError: the bundled model cannot be loaded.
            DatabaseError: another model made the database.
        """
        with self._loading:
            if self._encoder is None:
                encoder = default_encoder()
                self.database.check_encoder(encoder)
                self._encoder = encoder
            return self._encoder

    @cached_property
    def _retriever(self) -> Retriever:
        """Guesses families of sounds that say none, once."""
        return Retriever(self.encoder, self.database)

    def warm_up(self) -> None:
        """Load the model, run it once and open the index: the first visitor need not wait."""
        self.database.prepare()
        noise = np.random.default_rng(0).standard_normal(SAMPLE_RATE).astype(np.float32)
        self.encoder.embed([0.1 * noise], SAMPLE_RATE)

    def search(
        self,
        path: str | Path | None,
        families: Sequence[str],
        top_k: float,
        progress: Progress | None = None,
        *,
        filters: Filters = ANY,
        region: Region | None = None,
        gather: bool = False,
    ) -> Answer:
        """Find the instruments of a mix.

        Takes what `search_by_family` takes, and raises what it raises.
        """
        *_, answer = self.search_by_family(
            path, families, top_k, progress, filters=filters, region=region, gather=gather
        )
        return answer

    def search_by_family(
        self,
        path: str | Path | None,
        families: Sequence[str],
        top_k: float,
        progress: Progress | None = None,
        *,
        filters: Filters = ANY,
        region: Region | None = None,
        gather: bool = False,
    ) -> Iterator[Answer]:
        """Find the instruments of a mix, family by family.

        The model listens for all families at once. Asked for one at a time, the first would be
        there hardly sooner (a 10 s mix: not at all, 60 s: by a quarter), but all of them two to
        six times as late (`benchmarks/by_family.py`).

        Args:
            path: the mix, any sound file.
            families: slugs.
            top_k: matches per family, a whole number (sliders and JSON say 5.0).
            progress: told how far it is.
            filters: which instruments may be found.
            region: the passage to listen to; None for all of it.
            gather: put near-duplicates together, and go on until there are `top_k` different
                sounds; what is found then has more than `top_k` matches.

        Yields:
            The answer so far: after each family one more result.

        Raises:
            InputError: no file, no family, an unknown family, bank or source, a `top_k` out of
                range, a file that is not audio, silent or too long, or a passage outside it.
        """
        if not path:
            raise InputError("There is no mix yet; upload a file, record one or pick an example.")
        if not families:
            raise InputError("No family is chosen; tick at least one, for example Bass.")
        if top_k not in range(1, MAX_TOP_K + 1):
            raise InputError(
                f"{top_k:g} matches per family were asked for; choose a whole number from 1 to "
                f"{MAX_TOP_K}."
            )
        wanted = check_families(families)
        report = progress or _ignore
        start = time.perf_counter()
        report(0.0, "Reading the sound")
        mix = load_with_notice(path, sample_rate=SAMPLE_RATE, max_seconds=MAX_SECONDS)
        passage = cut(mix.audio, region)
        if region is not None:
            passage = check_audio(passage, SAMPLE_RATE)
        report(0.1, "Listening")
        windows = embed_each_window(passage, self.encoder, wanted, part(report, 0.1, 0.9))
        queries = windows.average()
        report(0.9, "Looking for similar instruments")
        answer = Answer((), queries, 0.0, (), Path(path), windows, filters, region, mix.notice)
        look_up = look_up_gathered if gather else look_up_singly
        for family in queries:
            result, groups = look_up(self._retriever, family, queries[family], int(top_k), filters)
            answer = replace(
                answer,
                results=(*answer.results, result),
                groups=(*answer.groups, groups),
                seconds=time.perf_counter() - start,
            )
            yield answer

    def timeline(self, answer: Answer) -> dict[str, list[TimelineCell]]:
        """Say which instrument is where in a mix; nothing where one window holds it all."""
        if len(answer.windows.spans) < 2:
            return {}
        found = {
            result.family: result.matches[0].instrument.instrument_id
            for result in answer.results
            if result.matches
        }
        return build_timeline(
            answer.windows,
            self.database,
            found,
            guesses=self._retriever.guesses,
            bank=answer.filters.bank,
            source=answer.filters.source,
        )

    def has(self, instrument_ids: Iterable[str]) -> bool:
        """Say whether the database holds all of these instruments."""
        return all(instrument_id in self._rows for instrument_id in instrument_ids)

    def truth(self, instrument_id: str, queries: dict[str, FloatArray]) -> Truth | None:
        """Rank an instrument known to be in the mix; None where its family was not searched."""
        instrument = self.instruments[self._rows[instrument_id]]
        if instrument.family is None or instrument.family not in queries:
            return None
        rivals = [
            row for row, other in enumerate(self.instruments) if other.family == instrument.family
        ]
        scores = self.database.similarities(
            queries[instrument.family], instrument.family, of_mixture=True
        )
        own = float(scores[rivals.index(self._rows[instrument_id])])
        rank = 1 + int(np.count_nonzero(scores > own))
        match = Match(
            rank,
            own,
            instrument,
            self.preview(instrument_id),
            phrase=self.phrase(instrument_id),
            likeness=self.database.likeness.word(own),
        )
        return Truth(match, len(rivals))

    def neighbours(
        self, instrument_id: str, count: int = 5, filters: Filters = ANY
    ) -> tuple[Match, list[Match]]:
        """Return an instrument and those most similar to it, of any family, without itself.

        Fewer than `count` come back where fewer pass the filters.

        Raises:
            InputError: the database has no such instrument.
        """
        row = self._rows.get(instrument_id)
        if row is None:
            raise InputError(f"The database has no instrument {instrument_id!r}; pick another one.")
        scores = cosine_similarities(self._embeddings, self._embeddings[row])
        order = (int(other) for other in np.argsort(-scores, kind="stable"))
        passing = (
            other for other in order if other != row and filters.passes(self.instruments[other])
        )
        return self._match(row, 0, 1.0), [
            self._match(other, rank, float(scores[other]))
            for rank, other in enumerate(islice(passing, count), start=1)
        ]

    def place(self, family: str, query: FloatArray) -> tuple[float, float]:
        """Place a query on the map, among the instruments of its family.

        Raises:
            InputError: the database has no map, or nothing of this family.
        """
        rows = [row for row, other in enumerate(self.instruments) if other.family == family]
        return place(query, self._embeddings[rows], self._map()[rows])

    def position(self, instrument_id: str) -> tuple[float, float]:
        """Return where an instrument lies on the map."""
        x, y = self._map()[self._rows[instrument_id]]
        return float(x), float(y)

    def preview(self, instrument_id: str) -> Path | None:
        """Return the sound file of an instrument's reference note, where there is one."""
        return self.database.preview_path(instrument_id)

    def phrase(self, instrument_id: str) -> Path | None:
        """Return the sound file of a phrase that an instrument plays, where there is one."""
        return self.database.phrase_path(instrument_id)

    def _map(self) -> FloatArray:
        if self.coordinates is None:
            raise InputError("This database has no map; build it anew with `cir database build`.")
        return self.coordinates

    def _match(self, row: int, rank: int, similarity: float) -> Match:
        instrument = self.instruments[row]
        name = instrument.instrument_id
        return Match(rank, similarity, instrument, self.preview(name), phrase=self.phrase(name))


def _ignore(done: float, words: str) -> None:
    """Report to nobody."""
