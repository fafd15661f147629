"""From a bundle to a store: the first change of a database that was exported or is older."""

import json
from dataclasses import replace
from pathlib import Path

from cir.errors import InputError
from cir.files import is_temporary
from cir.index.bundle import Bundle, is_table, read_bundle
from cir.index.row_store import (
    FORMAT_VERSION,
    Origin,
    Row,
    RowStore,
    StoreHeader,
    is_store,
    write_store_header,
)
from cir.index.sounds import unpack_sounds
from cir.schema import read_json

CONTENTS_NAME = "contents.json"
"""In bundles of one's own sounds: the digest of what each instrument was made of, by id."""


def open_to_write(folder: Path) -> RowStore:
    """Open a database to change it; a bundle becomes a store. Hold `locked`.

    Raises:
        DatabaseError: There is no database, or it is damaged.
    """
    if not is_store(folder):
        _migrate(folder)
    _remove_tables(folder)
    return RowStore(folder)


def digests_of(bundle: Bundle) -> dict[str, str]:
    """Return what each instrument was made of, by id, where that is known."""
    if bundle.store is not None:
        return bundle.store.catalog.digests()
    return read_contents(bundle.folder)


def read_contents(folder: Path) -> dict[str, str]:
    """Read the digests of a bundle; empty if there are none, or they are damaged."""
    try:
        return read_json(folder / CONTENTS_NAME, dict[str, str])
    except InputError:
        return {}


def write_contents(folder: Path, digests: dict[str, str]) -> None:
    """Write digests beside the tables of a bundle."""
    text = json.dumps(digests, indent=0, sort_keys=True)
    (folder / CONTENTS_NAME).write_text(text, encoding="utf-8")


def _migrate(folder: Path) -> None:
    unpack_sounds(folder)
    bundle = read_bundle(folder)
    digests = read_contents(folder)
    places = bundle.coordinates
    rows = [
        Row(row, vector, Origin(made_of=digests.get(row.instrument_id, "")))
        for row, vector in zip(bundle.catalog, bundle.embeddings, strict=True)
    ]
    if places is not None:
        rows = [
            replace(row, place=(float(x), float(y)))
            for row, (x, y) in zip(rows, places, strict=True)
        ]
    header = StoreHeader(
        format_version=FORMAT_VERSION,
        identity=bundle.header.identity,
        dimension=bundle.header.dimension,
        generation=1,
        map_trustworthiness=bundle.header.map_trustworthiness,
    )
    with RowStore.prepare(folder, header) as store:
        store.commit(rows)
    write_store_header(folder, header)


def _remove_tables(folder: Path) -> None:
    """Remove the tables of the bundle that a store was made of, and what killed writers left."""
    for path in folder.iterdir():
        if is_table(path) or is_temporary(path):
            path.unlink(missing_ok=True)
    (folder / CONTENTS_NAME).unlink(missing_ok=True)
