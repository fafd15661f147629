"""Searching one's own sounds, alone or together with the page's database, in one ranking.

An instrument has the same similarity wherever it is searched: own sounds are marked down as hubs by
the same mixtures as those of the database, against the mean of the database's instruments of that
family. So the two lists can be merged by it.

Chances and "probably not in this database" were fitted for the database alone. With other
candidates, recorded by others, they would be made up: words say how alike own sounds are.

The family of own sounds that say none is guessed from their neighbours in the database, and shown
as a guess; where these do not agree, they are compared with every family's query, where a sound
that is none of that family ranks low.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import gradio as gr
import numpy as np

from cir.errors import InputError
from cir.index.database import InstrumentDatabase
from cir.index.duplicates import MatchGroup
from cir.index.exact import cosine_similarities
from cir.index.unsorted import rows_of_family
from cir.retrieval.lookup import ANY, Filters
from cir.types import FamilyResult, FloatArray, Instrument, Match
from cir.ui.own.library import OwnLibrary
from cir.ui.own.sessions import OwnLibraries, Shelf
from cir.ui.service import Answer, PageService

BUNDLED, OWN, BOTH = "database", "own", "both"
SCOPES = (("The database", BUNDLED), ("My sounds", OWN), ("Both", BOTH))

NO_CHANCES = (
    "Ranked by similarity, which words tell: chances were fitted for the database, and nothing is "
    "known of how they would hold for other sounds."
)

_OWN_PREFIX = "own-"

Keep = Callable[[Instrument], bool]
"""Says of an instrument whether it passes the visitor's filters."""


def build_scope_choice(page: gr.Blocks, libraries: OwnLibraries, shelf: gr.State) -> gr.Radio:
    """Lay out "Search in", which is hidden while there are no own sounds.

    Args:
        page: whose loading counts, for sounds that were there before.
        libraries: of all visitors.
        shelf: holds the visitor's `Shelf`.
    """
    choice = gr.Radio(
        list(SCOPES), value=BUNDLED, label="Search in", visible=False, elem_id="cir-scope"
    )

    def show(shelf: Shelf, chosen: str) -> gr.Radio:
        if libraries.has_sounds(shelf):
            return gr.Radio(visible=True)
        return gr.Radio(value=BUNDLED, visible=False)

    gr.on(
        [page.load, shelf.change],
        show,
        [shelf, choice],
        choice,
        show_progress="hidden",
        api_visibility="private",
    )
    return choice


def search_in(
    scope: str,
    service: PageService,
    library: OwnLibrary,
    queries: dict[str, FloatArray],
    top_k: int,
    keep: Keep | None = None,
) -> list[FamilyResult]:
    """Look up a mix's embeddings in own sounds, alone or together with the database.

    Args:
        scope: `OWN` or `BOTH`; the database alone is a matter of `Retriever.match`, with chances.
        service: the page's database and model.
        library: the visitor's sounds.
        queries: by family, (D,), unit norm, as `Answer.queries`.
        top_k: matches of each family.
        keep: which instruments count; all of them without.

    Returns:
        One result per family, in the order of the queries. Own sounds are known by `is_own`.

    Raises:
        DatabaseError: the own sounds cannot be read.
    """
    results = []
    database, guesses = library.database, library.guesses()
    for family, query in queries.items():
        candidates = (
            [] if database is None else _own_candidates(service, database, guesses, family, query)
        )
        if scope == BOTH:
            candidates += _bundled_candidates(service, family, query)
        kept = [one for one in candidates if keep is None or keep(one.instrument)]
        best = sorted(kept, key=_Candidate.order)[:top_k]
        likeness = service.database.likeness
        matches = (
            replace(_match(one, rank, service, library), likeness=likeness.word(one.similarity))
            for rank, one in enumerate(best, start=1)
        )
        results.append(FamilyResult(family, tuple(matches)))
    return results


def answer_in(
    scope: str, service: PageService, library: OwnLibrary, answer: Answer, top_k: int
) -> Answer:
    """Answer the same search from another place: `OWN` or `BOTH` instead of the database.

    Near-duplicates are not put together: they are compared within the database alone.

    Raises:
        DatabaseError: the own sounds cannot be read.
    """
    results = search_in(scope, service, library, answer.queries, top_k, answer.filters.passes)
    groups = tuple(tuple(MatchGroup(match) for match in one.matches) for one in results)
    return replace(
        answer, results=tuple(results), groups=groups, note=f"{answer.note} {NO_CHANCES}".strip()
    )


def own_neighbours(
    service: PageService,
    library: OwnLibrary,
    instrument: Instrument,
    count: int = 5,
    filters: Filters = ANY,
) -> tuple[Match, list[Match]]:
    """Return an own sound of a result and the database's instruments that are most similar to it.

    Raises:
        InputError: it was removed since.
        DatabaseError: the own sounds cannot be read.
    """
    name = own_id(instrument)
    ids, embeddings = ((), None) if library.database is None else library.database.embeddings()
    if embeddings is None or name not in ids:
        raise InputError(f"{instrument.name} is not among your sounds any more; search again.")
    found = service.database.search(
        embeddings[ids.index(name)], count, bank=filters.bank, source=filters.source
    )
    return Match(0, 1.0, instrument, library.preview(name), phrase=library.phrase(name)), found


def is_own(instrument: Instrument) -> bool:
    """Whether an instrument of a result is one of the visitor's own sounds."""
    return instrument.instrument_id.startswith(_OWN_PREFIX)


def own_id(instrument: Instrument) -> str:
    """By what id `OwnLibrary` knows an own sound of a result."""
    return instrument.instrument_id.removeprefix(_OWN_PREFIX)


@dataclass(frozen=True)
class _Candidate:
    similarity: float
    instrument: Instrument
    is_own: bool
    guess: str | None = None

    def order(self) -> tuple[float, bool, str]:
        """Best first; of equals those of the database first, then by id."""
        return (-self.similarity, self.is_own, self.instrument.instrument_id)


def _bundled_candidates(service: PageService, family: str, query: FloatArray) -> list[_Candidate]:
    rows = [one for one in service.instruments if one.family == family]
    similarities = service.database.similarities(query, family, of_mixture=True)
    return [
        _Candidate(float(similarity), one, False)
        for one, similarity in zip(rows, similarities, strict=True)
    ]


def _own_candidates(
    service: PageService,
    database: InstrumentDatabase,
    guesses: Mapping[str, str | None],
    family: str,
    query: FloatArray,
) -> list[_Candidate]:
    rows = rows_of_family(database, guesses, family)
    embeddings = database.embeddings()[1][rows]
    similarities = cosine_similarities(embeddings, query) - _bias(service, family, embeddings)
    instruments = [database.instruments()[row] for row in rows]
    return [
        _Candidate(float(similarity), one, True, guesses.get(one.instrument_id))
        for one, similarity in zip(instruments, similarities, strict=True)
    ]


def _bias(service: PageService, family: str, embeddings: FloatArray) -> FloatArray:
    """How much own sounds are marked down, against the database's of that family, (N,)."""
    hubs = service.database.hubs
    if hubs is None:
        return np.zeros(len(embeddings), np.float32)
    ids, everything = service.database.embeddings()
    rows = [row for row, one in enumerate(service.instruments) if one.family == family]
    together = np.concatenate([everything[rows], embeddings])
    # An own sound is nobody of the cohort, whatever its id.
    names = [*(ids[row] for row in rows), *(_OWN_PREFIX for _ in embeddings)]
    bias = hubs.bias(together, names, family)  # 0 on average over both
    level = bias[: len(rows)].mean() if rows else np.float32(0.0)
    return np.asarray(bias[len(rows) :] - level, dtype=np.float32)


def _match(candidate: _Candidate, rank: int, service: PageService, library: OwnLibrary) -> Match:
    one, name = candidate.instrument, candidate.instrument.instrument_id
    if candidate.is_own:
        return Match(
            rank,
            candidate.similarity,
            _shown(one, candidate.guess),
            library.preview(name),
            phrase=library.phrase(name),
            guessed_family=candidate.guess,
        )
    return Match(
        rank, candidate.similarity, one, service.preview(name), phrase=service.phrase(name)
    )


def _shown(instrument: Instrument, guess: str | None) -> Instrument:
    """An own sound as results show it, with an id that the database does not have."""
    unsorted = "no family given" if guess is None else "family guessed"
    place = "Your sound" if instrument.family else f"Your sound, {unsorted}"
    return replace(
        instrument,
        instrument_id=f"{_OWN_PREFIX}{instrument.instrument_id}",
        category=" / ".join(filter(None, (place, instrument.category))),
    )
