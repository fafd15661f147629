"""Searches of one's own sounds, alone or together with the page's database.

An instrument has the same similarity wherever it is searched: the hub penalty of own sounds is
measured by the database's mixtures, from the mean of the database's instruments of that family. The
two lists can therefore be merged by similarity.

Chances and "probably not in this database" were fitted for the candidates of the database and would
be wrong for others, so own sounds have words for their similarity.

The family of own sounds without one is guessed from their neighbours in the database, and shown as
a guess. If the neighbours disagree, the sound is a candidate for every family.
"""

from collections.abc import Mapping
from dataclasses import replace

import gradio as gr

from cir.index.filters import ANY, Filters
from cir.index.unsorted import rows_of_family
from cir.retrieval.answers import group_near_duplicates, spare_matches
from cir.types import FamilyResult, FloatArray, Match
from cir.ui.own.library import OwnLibrary
from cir.ui.own.sessions import OwnLibraries, Shelf
from cir.ui.service import Answer, PageService

BUNDLED, OWN, BOTH = "database", "own", "both"
SCOPES = (("The database", BUNDLED), ("Your sounds", OWN), ("Both", BOTH))

NO_CHANCES = (
    "These matches are ranked by similarity, and a word says how alike each one sounds. They have "
    "no chances, because chances were fitted for the database alone."
)

OWN_PREFIX = "own-"
"""Beginning of the ids of own sounds in results; the database may have the same ids."""


def build_scope_choice(libraries: OwnLibraries, shelf: gr.State) -> gr.Radio:
    """Lay out "Search in", which is hidden while there are no own sounds.

    Args:
        libraries: The libraries of all visitors.
        shelf: Holds the visitor's `Shelf`; it changes when the page has loaded, too.
    """
    choice = gr.Radio(
        list(SCOPES), value=BUNDLED, label="Search in", visible=False, elem_id="cir-scope"
    )

    def show(shelf: Shelf, chosen: str) -> gr.Radio:
        if libraries.has_sounds(shelf):
            return gr.Radio(visible=True)
        return gr.Radio(value=BUNDLED, visible=False)

    shelf.change(
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
    filters: Filters = ANY,
) -> list[FamilyResult]:
    """Look up a mix's embeddings in own sounds, alone or together with the database.

    Args:
        scope: `OWN` or `BOTH`; `Retriever.match` searches the database alone, with chances.
        service: The page's database and model.
        library: The visitor's sounds.
        queries: By family, (D,), unit norm, as `Answer.queries`.
        top_k: Matches per family.
        filters: Which instruments are candidates.

    Returns:
        One result per family, in the order of the queries; the ids of own sounds begin with
        `OWN_PREFIX`.

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
            found += filters.narrow(ranking).top(top_k)
        if own is not None:
            ranking = own.ranking(
                query,
                family,
                of_mixture=True,
                rows=rows_of_family(own, guesses, family),
                level_of=service.database,
            )
            found += [_shown(one, guesses) for one in filters.narrow(ranking).top(top_k)]
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

    Near-duplicates are grouped, of the database and of own sounds alike.

    Raises:
        DatabaseError: The own sounds cannot be read.
    """
    known = embeddings_by_id(service, library)
    first = spare_matches(top_k)
    results, groups = [], []
    for result in search_in(scope, service, library, answer.queries, first, answer.filters):
        kept = tuple(group_near_duplicates(result.matches, known.__getitem__)[:top_k])
        members = (one for group in kept for one in group.members)
        matches = tuple(sorted(members, key=lambda one: one.rank))
        results.append(replace(result, matches=matches))
        groups.append(kept)
    note = f"{answer.note} {NO_CHANCES}".strip()
    return replace(answer, results=tuple(results), groups=tuple(groups), note=note)


def embeddings_by_id(service: PageService, library: OwnLibrary) -> dict[str, FloatArray]:
    """Return the embeddings of the database and of own sounds by the ids of results, (D,) each.

    Raises:
        DatabaseError: The own sounds cannot be read.
    """
    known = dict(zip(*service.database.embeddings(), strict=True))
    if library.database is not None:
        ids, embeddings = library.database.embeddings()
        known |= {f"{OWN_PREFIX}{name}": one for name, one in zip(ids, embeddings, strict=True)}
    return known


def _shown(match: Match, guesses: Mapping[str, str | None]) -> Match:
    """Return an own sound as results show it, with an id that the database does not have."""
    instrument = match.instrument
    guess = guesses.get(instrument.instrument_id)
    unsorted = "no family given" if guess is None else "family guessed"
    place = "Your sound" if instrument.family else f"Your sound, {unsorted}"
    shown = replace(
        instrument,
        instrument_id=f"{OWN_PREFIX}{instrument.instrument_id}",
        category=" / ".join(filter(None, (place, instrument.category))),
    )
    return replace(match, instrument=shown, guessed_family=guess)
