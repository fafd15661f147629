"""Searches of one's own sounds, alone or together with the page's database.

An instrument has the same similarity wherever it is searched, so the two lists are merged by it.

Chances and "probably not in this database" were fitted for the candidates of the database and would
be wrong for others, so own sounds have words for their similarity.

The family of own sounds without one is guessed from their neighbours in the database, and shown as
a guess. If the neighbours disagree, the sound is a candidate for every family.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

import gradio as gr

from cir.index.database import InstrumentDatabase
from cir.index.filters import ANY, Filters
from cir.index.unsorted import rows_of_family
from cir.retrieval.answers import gather
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


def finder_in(
    scope: str,
    service: PageService,
    own: InstrumentDatabase | None,
    guesses: Mapping[str, str | None],
    family: str,
    query: FloatArray,
    filters: Filters = ANY,
) -> Callable[[int], FamilyResult]:
    """Rank own sounds by a mix's embedding, alone or together with the database.

    Args:
        scope: `OWN` or `BOTH`; `Retriever.match` searches the database alone, with chances.
        service: The page's database and model.
        own: The visitor's sounds.
        guesses: Families of those without one, see `OwnLibrary.guesses`.
        family: Only candidates of this family.
        query: (D,), unit norm, one of `Answer.queries`.
        filters: Which instruments are candidates.

    Returns:
        A function that returns that many of the best; the ids of own sounds begin with
        `OWN_PREFIX`.
    """
    theirs, mine = None, None
    if scope == BOTH:
        ranking = service.database.ranking(query, family, words=filters.text)
        theirs = filters.narrow(ranking)
    if own is not None:
        ranking = own.ranking(
            query,
            family,
            words=filters.text,
            rows=rows_of_family(own, guesses, family),
        )
        mine = filters.narrow(ranking)
    word = service.database.likeness.word

    def find(top_k: int) -> FamilyResult:
        found = [] if theirs is None else theirs.top(top_k)
        if mine is not None:
            found += [_shown(one, guesses) for one in mine.top(top_k)]
        best = sorted(found, key=lambda one: -one.similarity)[:top_k]  # the database's first
        matches = (
            replace(one, rank=rank, likeness=word(one.similarity))
            for rank, one in enumerate(best, start=1)
        )
        return FamilyResult(family, tuple(matches))

    return find


def answer_in(
    scope: str, service: PageService, library: OwnLibrary, answer: Answer, top_k: int
) -> Answer:
    """Answer the same search from `OWN` or `BOTH` instead of the database alone.

    Near-duplicates are grouped, of the database and of own sounds alike.

    Raises:
        DatabaseError: The own sounds cannot be read.
    """
    # Read once: sounds are added in the background meanwhile.
    own, guesses = library.database, library.guesses()
    known = embeddings_by_id(service, own)
    results, groups = [], []
    for family, query in answer.queries.items():
        find = finder_in(scope, service, own, guesses, family, query, answer.filters)
        result, kept = gather(top_k, find, lambda _: known)
        results.append(result)
        groups.append(kept)
    note = f"{answer.note} {NO_CHANCES}".strip()
    return replace(answer, results=tuple(results), groups=tuple(groups), note=note)


def embeddings_by_id(service: PageService, own: InstrumentDatabase | None) -> dict[str, FloatArray]:
    """Return the embeddings of the database and of own sounds by the ids of results, (D,) each."""
    known = dict(zip(*service.database.embeddings(), strict=True))
    if own is not None:
        ids, embeddings = own.embeddings()
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
