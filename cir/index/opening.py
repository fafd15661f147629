"""Databases by what `--database` names: a folder, or one on a Chroma server."""

from pathlib import Path

from cir.index.database import InstrumentDatabase
from cir.index.server_database import ServerDatabase, server_address
from cir.types import Encoder


def open_database(
    place: Path | str | None = None, *, encoder: Encoder | None = None
) -> InstrumentDatabase:
    """Open a database; arguments and errors as in `InstrumentDatabase.open`.

    Args:
        place: Its folder or `chroma://host:port/name`; None opens the one that comes with the
            package.
        encoder: The model that queries will be embedded with.

    Raises:
        InputError: An address is not complete.
    """
    address = server_address(place)
    if address is None:
        return InstrumentDatabase.open(place, encoder=encoder)
    return ServerDatabase.connect(address, encoder)
