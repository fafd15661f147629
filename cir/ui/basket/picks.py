"""What is in a visitor's basket: instruments, and the search that found each."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from cir.errors import InputError
from cir.schema import parse_values
from cir.text import clean
from cir.types import Instrument
from cir.ui.own.scope import OWN_PREFIX
from cir.ui.own.sessions import OwnLibraries, Shelf
from cir.ui.service import PageService

MAX_PICKS = 200
"""Most instruments in a basket."""

_Words = Annotated[str, Field(max_length=300)]
_Share = Annotated[float, Field(ge=-2.0, le=2.0)]


@dataclass(frozen=True)
class Sent:
    """An entry as the browser keeps and sends it, see `static/basket/basket.js`."""

    id: Annotated[str, Field(max_length=140)]
    similarity: _Share | None = None
    query: _Words = ""
    """Name of the mix."""
    passage: _Words = ""
    """The passage that was searched; empty for all of it."""
    at: _Words = ""
    """Time of the search, ISO 8601."""


@dataclass(frozen=True)
class Pick:
    """An instrument in the basket."""

    instrument: Instrument
    preview: Path | None
    sent: Sent


def read_entries(sent: Any) -> list[Sent]:
    """Check the entries of a basket.

    Raises:
        InputError: They are malformed, or there are more than `MAX_PICKS`.
    """
    entries = parse_values(sent, list[Sent], "The basket")
    if len(entries) > MAX_PICKS:
        raise InputError(
            f"The basket holds {len(entries):,} sounds, at most {MAX_PICKS} are allowed; take some "
            "out, or download these first."
        )
    return entries


def find_picks(
    entries: Iterable[Sent], service: PageService, libraries: OwnLibraries, shelf: Shelf
) -> list[Pick]:
    """Look up instruments; those that are not there any more are left out."""
    library = libraries.of(shelf)
    own = library.database
    picks = []
    for sent in entries:
        database, name = service.database, sent.id
        if name.startswith(OWN_PREFIX):
            if own is None:
                continue
            database, name = own, name.removeprefix(OWN_PREFIX)
        try:
            instrument = database.get(name)
        except InputError:
            continue
        cleaned = Sent(sent.id, sent.similarity, *map(clean, (sent.query, sent.passage, sent.at)))
        picks.append(Pick(instrument, database.preview_path(name), cleaned))
    return picks
