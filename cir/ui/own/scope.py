"""Searches of one's own sounds, alone or together with the page's database.

An instrument has the same similarity wherever it is searched: the hub penalty of own sounds is
measured by the database's mixtures, from the mean of the database's instruments of that family. The
two lists can therefore be merged by similarity.

Chances and "probably not in this database" were fitted for the candidates of the database and would
be wrong for others, so own sounds have words for their similarity.

The family of own sounds without one is guessed from their neighbours in the database, and shown as
a guess. If the neighbours disagree, the sound is a candidate for every family.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

import gradio as gr

from cir.errors import InputError
from cir.index.ranking import ANY, Filters
from cir.index.unsorted import rows_of_family
from cir.retrieval.answers import MatchGroup
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
"""Whether an instrument passes the visitor's filters."""


def build_scope_choice(page: gr.Blocks, libraries: OwnLibraries, shelf: gr.State) -> gr.Radio:
    """Lay out "Search in", which is hidden while there are no own sounds.

    Args:
        page: The page; when it loads, the choice is updated.
        libraries: The libraries of all visitors.
        shelf: Holds the visitor's `Shelf`.
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
    keep: Keep = ANY.passes,
) -> list[FamilyResult]:
    """Look up a mix's embeddings in own sounds, alone or together with the database.

    Args:
        scope: `OWN` or `BOTH`; `Retriever.match` searches the database alone, with chances.
        service: The page's database and model.
        library: The visitor's sounds.
        queries: By family, (D,), unit norm, as `Answer.queries`.
        top_k: Matches per family.
        keep: Which instruments are candidates.

    Returns:
        One result per family, in the order of the queries; `is_own` tells own sounds apart.

    Raises:
        DatabaseError: The own sounds cannot be read.
    """
    results = []
    own, guesses = library.database, library.guesses()
    likeness = service.database.likeness
    for family, query in queries.items():
        found: list[Match] = []
        if scope == BOTH:
            ranking = service.database.ranking(query, family, of_mixture=True)
            found += ranking.only(keep).top(top_k)
        if own is not None:
            ranking = own.ranking(
                query,
                family,
                of_mixture=True,
                rows=rows_of_family(own, guesses, family),
                level_of=service.database,
            )
            found += [_shown(one, guesses) for one in ranking.only(keep).top(top_k)]
        best = sorted(found, key=lambda one: -one.similarity)[:top_k]  # the database's first
        matches = (
            replace(one, rank=rank, likeness=likeness.word(one.similarity))
            for rank, one in enumerate(best, start=1)
        )
        results.append(FamilyResult(family, tuple(matches)))
    return results


def answer_in(
    scope: str, service: PageService, library: OwnLibrary, answer: Answer, top_k: int
) -> Answer:
    """Answer the same search from `OWN` or `BOTH` instead of the database alone.

    Near-duplicates stay separate: they are compared within the database alone.

    Raises:
        DatabaseError: The own sounds cannot be read.
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
        InputError: The sound was removed since.
        DatabaseError: The own sounds cannot be read.
    """
    name = own_id(instrument)
    ids, embeddings = ((), None) if library.database is None else library.database.embeddings()
    if embeddings is None or name not in ids:
        raise InputError(f"{instrument.name} is not among your sounds any more; search again.")
    ranking = service.database.ranking(
        embeddings[ids.index(name)], bank=filters.bank, source=filters.source
    )
    match = Match(0, 1.0, instrument, library.preview(name), phrase=library.phrase(name))
    return match, ranking.top(count)


def is_own(instrument: Instrument) -> bool:
    """Return whether an instrument of a result is one of the visitor's own sounds."""
    return instrument.instrument_id.startswith(_OWN_PREFIX)


def own_id(instrument: Instrument) -> str:
    """Return the id that an own sound of a result has in its `OwnLibrary`."""
    return instrument.instrument_id.removeprefix(_OWN_PREFIX)


def _shown(match: Match, guesses: Mapping[str, str | None]) -> Match:
    """Return an own sound as results show it, with an id that the database does not have."""
    instrument = match.instrument
    guess = guesses.get(instrument.instrument_id)
    unsorted = "no family given" if guess is None else "family guessed"
    place = "Your sound" if instrument.family else f"Your sound, {unsorted}"
    shown = replace(
        instrument,
        instrument_id=f"{_OWN_PREFIX}{instrument.instrument_id}",
        category=" / ".join(filter(None, (place, instrument.category))),
    )
    return replace(match, instrument=shown, guessed_family=guess)
