"""The model and the database as the tabs use them, independent of Gradio.

The database is opened when the page is built, the encoder when the first search needs it (or when
`warm_up` is called), so that the page is there before the model is.
"""

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf
from pathlib import Path

import numpy as np

from cir.audio.decode import Decoded
from cir.audio.io import check_audio, load_with_notice
from cir.errors import InputError
from cir.index.database import InstrumentDatabase
from cir.index.filters import ANY, Filters
from cir.index.timbre_map import place
from cir.instruments.families import check_families
from cir.retrieval.answers import MatchGroup, look_up_gathered, look_up_singly
from cir.retrieval.retriever import DEFAULT_FAMILIES, Retriever, default_encoder
from cir.retrieval.timeline import TimelineCell, build_timeline
from cir.retrieval.windows import WindowEmbeddings, embed_each_window
from cir.types import (
    SAMPLE_RATE,
    Encoder,
    FamilyResult,
    FloatArray,
    Instrument,
    Match,
    Progress,
    part,
)
from cir.ui.search.mixes import MAX_SECONDS, Region, cut

MAX_TOP_K = 20
"""Most matches per family."""

LEAST_PRESENCE = 0.1
"""Least probability of a family that is looked for unasked.

With the bundled model, on 300 mixtures of 2 to 6 held-out instruments: four lists a mix, of which
46 % are of families that play, and which name 47 % of those. At 0.02 and 0.5 it is 39 % and 79 %,
and 49 % and 36 %.
"""


@dataclass(frozen=True, eq=False)
class Answer:
    """A search of the page: its results and the vectors that they were found with.

    No two searches are equal, because Gradio compares answers to see whether one is new.
    """

    results: tuple[FamilyResult, ...]
    queries: dict[str, FloatArray]
    """By family: the mix's embedding, (D,), unit norm."""
    seconds: float
    """How long it took."""
    groups: tuple[tuple[MatchGroup, ...], ...]
    """The matches of each result; near-duplicates are in one group if `gather` was set."""
    mix: Path | None
    """The file that the page plays; None for an answer that was opened from a link."""
    windows: WindowEmbeddings
    filters: Filters
    region: Region | None = None
    """The passage that was searched; None for the whole mix."""
    note: str = ""
    """A remark on the whole answer."""
    top_k: int = 5
    """How many matches, or groups of them, each family has."""
    waiting: tuple[str, ...] = ()
    """Families still to come."""
    loudness: float | None = None
    """Of the passage in LUFS, if it was measured."""
    title: str = ""
    """Name of the mix, where there is no file of it."""
    scope: str = "database"
    """Which sounds were searched, see `cir.ui.own.scope`."""

    @property
    def families(self) -> tuple[str, ...]:
        """Families that were looked for, in the order of the results."""
        return tuple(result.family for result in self.results) + self.waiting


@dataclass(frozen=True)
class Truth:
    """An instrument that is known to play in a mix, and its rank in the search."""

    match: Match
    """Its rank counts from 1 among all instruments of its family, ties against it."""
    candidates: int
    """How many instruments the family has."""


class PageService:
    """One model and one database, shared by all visitors."""

    def __init__(
        self, encoder: Encoder | None = None, database: InstrumentDatabase | None = None
    ) -> None:
        """Open the database; the bundled one, and the bundled model, where none is given.

        Raises:
            DatabaseError: The database cannot be opened, or was made by another model.
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
        """The model; it is loaded at the first use.

        Raises:
            CheckpointError: The bundled model cannot be loaded.
            DatabaseError: Another model made the database.
        """
        with self._loading:
            if self._encoder is None:
                encoder = default_encoder()
                self.database.check_encoder(encoder)
                self._encoder = encoder
            return self._encoder

    @cached_property
    def _retriever(self) -> Retriever:
        """Guesses the families of sounds without one only once."""
        return Retriever(self.encoder, self.database)

    @cached_property
    def families(self) -> tuple[str, ...]:
        """The families of which the database has instruments."""
        return self._retriever.families()

    def warm_up(self) -> None:
        """Load the model and run it once, so that the first visitor need not wait."""
        noise = np.random.default_rng(0).standard_normal(SAMPLE_RATE).astype(np.float32)
        self.encoder.embed([0.1 * noise], SAMPLE_RATE)

    def search(
        self,
        path: str | Path | None,
        families: Sequence[str] | None,
        top_k: float,
        progress: Progress | None = None,
        *,
        filters: Filters = ANY,
        region: Region | None = None,
        gather: bool = False,
    ) -> Answer:
        """Find the instruments of a mix; arguments and errors as in `search_by_family`."""
        *_, answer = self.search_by_family(
            path, families, top_k, progress, filters=filters, region=region, gather=gather
        )
        return answer

    def search_by_family(
        self,
        path: str | Path | None,
        families: Sequence[str] | None,
        top_k: float,
        progress: Progress | None = None,
        *,
        filters: Filters = ANY,
        region: Region | None = None,
        gather: bool = False,
        decoded: Decoded | None = None,
    ) -> Iterator[Answer]:
        """Find the instruments of a mix, family by family.

        The model embeds the mix for all families at once. One family at a time, the first result
        would hardly come sooner (for a mix of 10 s not at all, of 60 s by a quarter), but all of
        them would take two to six times as long (`benchmarks/by_family.py`).

        Args:
            path: The mix, any sound file.
            families: Slugs; None looks for those that the model hears, most probable first, or
                for the default ones if it does not tell.
            top_k: Matches per family, a whole number; sliders and JSON give 5.0.
            progress: Called at each step.
            filters: Which instruments may be found.
            region: The passage to listen to, which may end at infinity; None for all of it.
            gather: Group near-duplicates and return `top_k` groups, which hold more matches.
            decoded: The mix at 16 kHz, if it is already read.

        Yields:
            The answer so far: first the families alone, then one more result each time.

        Raises:
            InputError: There is no file or no family; a family, bank or source is unknown; `top_k`
                is out of range; the file is not audio, silent or too long; or the passage is not
                within it.
        """
        if not path:
            raise InputError("There is no mix yet; upload a file, record one or pick an example.")
        if families is not None and not families:
            raise InputError("No family is chosen; tick at least one, for example Bass.")
        if top_k not in range(1, MAX_TOP_K + 1):
            raise InputError(
                f"{top_k:g} matches per family were asked for; choose a whole number from 1 to "
                f"{MAX_TOP_K}."
            )
        wanted = None if families is None else check_families(families)
        report = progress or _ignore
        start = time.perf_counter()
        report(0.0, "Reading the sound")
        mix = decoded or load_with_notice(path, sample_rate=SAMPLE_RATE, max_seconds=MAX_SECONDS)
        if region is not None and region.end_seconds == inf:
            region = replace(region, end_seconds=len(mix.audio) / SAMPLE_RATE)
        passage = cut(mix.audio, region)
        if region is not None:
            passage = check_audio(passage, SAMPLE_RATE)
        report(0.1, "Listening")
        every = dict.fromkeys((*(wanted or ()), *self.families))
        windows = embed_each_window(passage, self.encoder, tuple(every), part(report, 0.1, 0.9))
        chosen = wanted or self._heard(windows)
        report(0.9, "Looking for similar instruments")
        answer = Answer((), {}, 0.0, (), Path(path), windows, filters, region, mix.notice)
        answer = replace(answer, top_k=int(top_k), waiting=chosen)
        yield answer
        for family in chosen:
            answer = self._look_up(answer, family, gather=gather)
            yield replace(answer, seconds=time.perf_counter() - start)

    def look_up(self, answer: Answer) -> Answer:
        """Return an answer with the matches of all families that wait.

        Raises:
            InputError: The database has no such bank or source.
        """
        for family in answer.waiting:
            answer = self._look_up(answer, family, gather=True)
        return answer

    def filtered(self, answer: Answer, filters: Filters, top_k: int) -> Answer:
        """Answer again from the same embeddings, with other filters.

        Raises:
            InputError: The database has no such bank or source.
        """
        again = replace(answer, results=(), queries={}, groups=(), waiting=answer.families)
        return self.look_up(replace(again, filters=filters, top_k=top_k))

    def add_family(self, answer: Answer, family: str) -> Answer:
        """Return an answer with the matches of one more family.

        Raises:
            InputError: The mix was not listened to for this family.
        """
        if family not in answer.windows.families:
            raise InputError(f"There are no instruments of {family!r} in this search.")
        if family in answer.queries:
            return answer
        return self._look_up(answer, family, gather=True)

    def _look_up(self, answer: Answer, family: str, *, gather: bool) -> Answer:
        query = answer.windows.average()[family]
        look_up = look_up_gathered if gather else look_up_singly
        result, groups = look_up(self._retriever, family, query, answer.top_k, answer.filters)
        return replace(
            answer,
            results=(*answer.results, result),
            queries={**answer.queries, family: query},
            groups=(*answer.groups, groups),
            waiting=tuple(one for one in answer.waiting if one != family),
        )

    def _heard(self, windows: WindowEmbeddings) -> tuple[str, ...]:
        """Return the families of the database that the model hears, or else the default ones."""
        heard = windows.heard(LEAST_PRESENCE)
        usual = tuple(one for one in DEFAULT_FAMILIES if one in self.families)
        return tuple(heard) if heard is not None else usual or self.families

    def timeline(self, answer: Answer) -> dict[str, list[TimelineCell]]:
        """Return the timeline of a mix by family, empty for a mix of one window."""
        if len(answer.windows.spans) < 2:
            return {}
        found = {
            result.family: result.matches[0].instrument.instrument_id
            for result in answer.results
            if result.matches
        }
        return build_timeline(answer.windows, self._retriever, found, answer.filters)

    def has(self, instrument_ids: Iterable[str]) -> bool:
        """Return whether the database holds all of these instruments."""
        return all(instrument_id in self._rows for instrument_id in instrument_ids)

    def truth(self, instrument_id: str, queries: dict[str, FloatArray]) -> Truth | None:
        """Rank an instrument that plays in the mix; None if its family was not searched."""
        instrument = self.instruments[self._rows[instrument_id]]
        if instrument.family is None or instrument.family not in queries:
            return None
        ranking = self.database.ranking(queries[instrument.family], instrument.family)
        match = ranking.match_of(instrument_id)
        word = self.database.likeness.word(match.similarity)
        return Truth(replace(match, likeness=word), len(ranking))

    def neighbours(self, instrument_id: str, count: int = 5) -> tuple[Match, list[Match]]:
        """Return an instrument and those most similar to it, of any family, without itself.

        Raises:
            InputError: The database has no such instrument.
        """
        instrument = self.database.get(instrument_id)
        ranking = self.database.ranking(self._embeddings[self._rows[instrument_id]])
        preview, phrase = self.preview(instrument_id), self.phrase(instrument_id)
        others = ranking.only(lambda one: one.instrument_id != instrument_id)
        return Match(0, 1.0, instrument, preview, phrase=phrase), others.top(count)

    def place(self, family: str, query: FloatArray) -> tuple[float, float]:
        """Place a query on the map, among the instruments of its family.

        Raises:
            InputError: The database has no map, or nothing of this family.
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


def _ignore(done: float, words: str) -> None:
    """Ignore a report of progress."""
