"""Instruments in Chroma, in the process or on a server: a collection per family.

Chroma filters slowly, so the family is not a filter but a collection (`family-bass`). The metadata
of an instrument are its row of the catalogue: a collection is complete without any other file.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

from cir.errors import DatabaseError
from cir.index.columns import ANY, Wanted
from cir.index.vectors import Vectors
from cir.types import FloatArray, Instrument, Progress

if TYPE_CHECKING:
    from chromadb.api import ClientAPI
    from chromadb.api.models.Collection import Collection

_ROWS = 2_000
"""Rows a request."""

_LEAST_WANTED = 200
"""Chroma looks more widely where more is asked of it, and misses less."""

_SPARE_FOR_WORDS = 2_000
"""The nearest instruments of a family among which words are looked for."""

_CONFIGURATION: dict[str, Any] = {
    # Of unit vectors it is the cosine; for "cosine" Chroma would store rounded vectors.
    # Each chunk is persisted at once, or the next client would have to replay the log.
    "hnsw": {"space": "ip", "ef_construction": 200, "max_neighbors": 32, "sync_threshold": 100}
}

_PAUSE_SECONDS = 0.5
_NO_FAMILY = "none"

_T = TypeVar("_T")


class ChromaIndex:
    """The collections of one database.

    Args:
        client: Of a folder or a server.
        prefix: What the names of the collections start with.
        patience_seconds: How long a server that does not answer is waited for.
        waiting: Called while it is waited for.

    Raises:
        DatabaseError: From any method, if the server does not answer.
    """

    def __init__(
        self,
        client: "ClientAPI",
        prefix: str = "",
        *,
        patience_seconds: float = 0.0,
        waiting: Callable[[], None] | None = None,
    ) -> None:
        self._client, self._prefix = client, f"{prefix}family-"
        self._patience, self._waiting = patience_seconds, waiting
        self._known: dict[str, Collection] = {}

    def upsert(
        self,
        instruments: Sequence[Instrument],
        embeddings: FloatArray,
        progress: Progress | None = None,
    ) -> None:
        """See `VectorIndex`; a call that was interrupted can be repeated."""
        rows_by_family: dict[str, list[int]] = {}
        for row, instrument in enumerate(instruments):
            rows_by_family.setdefault(instrument.family or _NO_FAMILY, []).append(row)
        done = 0
        for family, rows in rows_by_family.items():
            collection = self.patiently(self._made, family)
            for chunk in _pieces(rows):
                some = [instruments[row] for row in chunk]
                ids = [one.instrument_id for one in some]
                self.patiently(
                    collection.upsert,
                    ids=ids,
                    embeddings=embeddings[chunk],
                    metadatas=_metadata(some),
                )
                self._delete(ids, but_of=family)
                done += len(chunk)
                if progress is not None:
                    progress(done / len(instruments), "Writing to Chroma")

    def add_missing(
        self,
        instruments: Sequence[Instrument],
        embeddings: FloatArray,
        progress: Progress | None = None,
    ) -> None:
        """Do as `upsert`, without sending again what is here already."""
        for start in range(0, len(instruments), _ROWS):
            some, rows = instruments[start : start + _ROWS], embeddings[start : start + _ROWS]
            here = self.get([one.instrument_id for one in some])
            known = {
                (one, row.tobytes())
                for one, row in zip(here.instruments, here.embeddings, strict=True)
            }
            new = [
                place
                for place, (one, row) in enumerate(zip(some, rows, strict=True))
                if (one, row.tobytes()) not in known
            ]
            if new:
                self.upsert([some[place] for place in new], rows[new])
            if progress is not None:
                progress((start + len(some)) / len(instruments), "Writing to Chroma")

    def delete(self, instrument_ids: Iterable[str]) -> None:
        """See `VectorIndex`."""
        for chunk in _pieces(sorted(set(instrument_ids))):
            self._delete(chunk)

    def search(
        self,
        query: FloatArray,
        count: int,
        family: str | None = None,
        filters: Wanted = ANY,
    ) -> Vectors:
        """See `VectorIndex`."""
        # Chroma knows no typing errors.
        wanted = max(count, _LEAST_WANTED) + (_SPARE_FOR_WORDS if filters.words else 0)
        found: list[tuple[Instrument, FloatArray]] = []
        for collection in self._collections(family):
            answer: Any = self.patiently(
                collection.query,
                query_embeddings=[query],
                n_results=wanted,
                where=_where(filters),
                include=["embeddings", "metadatas"],
            )
            found += _rows(answer["ids"][0], answer["metadatas"][0], answer["embeddings"][0])
        if filters.words:
            found = [one for one in found if filters.passes(one[0])]
        return _vectors(found, len(query))

    def count(self, family: str | None = None, filters: Wanted = ANY) -> int:
        """See `VectorIndex`."""
        if filters == ANY:
            return sum(self.patiently(one.count) for one in self._collections(family))
        return sum(
            len(self.patiently(one.get, where=_where(filters), include=[])["ids"])
            for one in self._collections(family)
        )

    def snapshot(self, progress: Progress | None = None) -> Vectors:
        """See `VectorIndex`."""
        found: list[tuple[Instrument, FloatArray]] = []
        total, dimension = max(1, self.count()), 0
        for page in self._pages(["embeddings", "metadatas"]):
            found += _rows(page["ids"], page["metadatas"], page["embeddings"])
            if progress is not None:
                progress(min(1.0, len(found) / total), "Reading from Chroma")
        dimension = len(found[0][1]) if found else 0
        return _vectors(sorted(found, key=lambda one: one[0].instrument_id), dimension)

    def instruments(self) -> list[Instrument]:
        """Return all instruments, without their embeddings, in order of id."""
        rows = [
            _instrument(name, told)
            for page in self._pages(["metadatas"])
            for name, told in zip(page["ids"], page["metadatas"], strict=True)
        ]
        return sorted(rows, key=lambda one: one.instrument_id)

    def get(self, instrument_ids: Sequence[str]) -> Vectors:
        """Return those of the instruments that are here, in any order."""
        found: list[tuple[Instrument, FloatArray]] = []
        for collection in self._collections():
            for chunk in _pieces(instrument_ids):
                page: Any = self.patiently(
                    collection.get, ids=chunk, include=["embeddings", "metadatas"]
                )
                found += _rows(page["ids"], page["metadatas"], page["embeddings"])
        return _vectors(found, 0)

    def families(self) -> set[str | None]:
        """Return the families that have an instrument here, None for none."""
        names = (one.name.removeprefix(self._prefix) for one in self._collections() if one.count())
        return {None if name == _NO_FAMILY else name for name in names}

    def patiently(self, call: Callable[..., _T], *arguments: Any, **named: Any) -> _T:
        """Call the server, and again while it does not answer; every call here can be repeated.

        Raises:
            DatabaseError: It does not answer for too long, or refuses the call.
        """
        import httpx
        from chromadb.errors import ChromaError

        end = time.monotonic() + self._patience
        while True:
            try:
                return call(*arguments, **named)
            except (httpx.TransportError, ConnectionError) as error:
                if time.monotonic() >= end:
                    raise DatabaseError(
                        f"The Chroma server does not answer ({error}); what it has stored stays: "
                        "start it and repeat the command, which goes on from there."
                    ) from None
            except (ChromaError, httpx.HTTPStatusError) as error:
                raise DatabaseError(f"Chroma refuses the call: {error}.") from None
            if self._waiting is not None:
                self._waiting()
            time.sleep(_PAUSE_SECONDS)

    def _collections(self, family: str | None = None) -> "list[Collection]":
        """Return the collections that exist, of one family or all, in order of name."""
        if family is None or family not in self._known:
            there = self.patiently(self._client.list_collections)
            mine = [one for one in there if one.name.startswith(self._prefix)]
            mine.sort(key=lambda one: one.name)
            self._known = {one.name.removeprefix(self._prefix): one for one in mine}
        if family is None:
            return list(self._known.values())
        return [self._known[family]] if family in self._known else []

    def _made(self, family: str) -> "Collection":
        return self._client.get_or_create_collection(
            self._prefix + family,
            embedding_function=None,
            configuration=cast(Any, _CONFIGURATION),
        )

    def _delete(self, ids: Sequence[str], but_of: str | None = None) -> None:
        for collection in self._collections():
            if but_of is None or collection.name != self._prefix + but_of:
                page = self.patiently(collection.get, ids=list(ids), include=[])
                if page["ids"]:
                    self.patiently(collection.delete, ids=page["ids"])

    def _pages(self, include: list[str]) -> Iterator[Any]:
        for collection in self._collections():
            for start in range(0, self.patiently(collection.count), _ROWS):
                yield self.patiently(collection.get, limit=_ROWS, offset=start, include=include)


def _pieces(rows: Sequence[_T]) -> Iterator[list[_T]]:
    for start in range(0, len(rows), _ROWS):
        yield list(rows[start : start + _ROWS])


def _metadata(instruments: Sequence[Instrument]) -> list[Any]:
    rows = [{**asdict(one), "family": one.family or _NO_FAMILY} for one in instruments]
    for row in rows:
        del row["instrument_id"]
    return rows


def _instrument(instrument_id: str, told: Any) -> Instrument:
    try:
        family = None if told["family"] == _NO_FAMILY else told["family"]
        return Instrument(instrument_id=instrument_id, **{**told, "family": family})
    except (KeyError, TypeError, AttributeError):
        raise DatabaseError(
            f"The record {instrument_id!r} in Chroma is no instrument of `cir`; name another "
            "collection."
        ) from None


def _rows(
    ids: Sequence[str], told: Sequence[Any], embeddings: Any
) -> Iterator[tuple[Instrument, FloatArray]]:
    rows = np.asarray(embeddings, np.float32)
    return zip(map(_instrument, ids, told), rows, strict=True)


def _vectors(found: Sequence[tuple[Instrument, FloatArray]], dimension: int) -> Vectors:
    rows = [row for _, row in found]
    embeddings = np.stack(rows) if rows else np.empty((0, dimension), np.float32)
    return Vectors(tuple(one for one, _ in found), embeddings)


def _where(filters: Wanted) -> Any:
    named = {"bank": filters.bank, "source": filters.source}
    terms = [{name: value} for name, value in named.items() if value is not None]
    if len(terms) > 1:
        return {"$and": terms}
    return terms[0] if terms else None
