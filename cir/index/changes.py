"""Changes to a database: instruments added, removed and copied elsewhere."""

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from cir.errors import DatabaseError, InputError
from cir.files import is_temporary, replacing, replacing_folder, writing
from cir.index.bundle import (
    HEADER_NAME,
    PHRASES_NAME,
    PREVIEWS_NAME,
    Bundle,
    is_unfinished,
    locked,
    read_bundle,
    write_bundle,
)
from cir.index.descriptors import forget_descriptors, read_descriptors, write_descriptors
from cir.index.migration import open_to_write
from cir.index.ranking import check_embeddings
from cir.index.row_store import Row, RowStore
from cir.index.timbre_map import principal_plane
from cir.instruments.catalog import Catalog
from cir.types import FloatArray, Instrument, Progress

_ROUNDING = 1e-6
"""A stored vector that is normalised again may differ by this much."""


def check_new_folder(folder: Path) -> None:
    """Make sure that a folder is new or empty, but for what a killed `create` left there.

    Raises:
        DatabaseError: It is a file, or holds something already.
    """
    if folder.is_file():
        raise DatabaseError(f"{folder} is a file; name a new folder.")
    if folder.is_dir() and not is_unfinished(folder):
        what = "a database" if (folder / HEADER_NAME).exists() else "other files"
        raise DatabaseError(f"{folder} holds {what} already; name a new or empty folder.")


def whole_path(folder: Path) -> Path:
    """Return the whole path of a folder that is made anew, in place of an older or empty one.

    Raises:
        DatabaseError: It is the present folder: it would be replaced under the feet of whoever is
            in it, who would find nothing there.
    """
    whole = folder.expanduser().resolve()
    if whole == Path.cwd():
        raise DatabaseError(
            f"{whole} is the folder that you are in, which cannot be replaced; name a new folder."
        )
    return whole


def add_instruments(
    folder: Path,
    instruments: Sequence[Instrument],
    embeddings: ArrayLike,
    previews: Mapping[str, Path],
    phrases: Mapping[str, Path],
) -> Bundle:
    """Add instruments to the database in `folder`; see `InstrumentDatabase.add`."""
    from cir.index.measure_previews import describe_previews  # late: it imports scipy.signal

    with _alone(folder) as store:
        new = check_embeddings(embeddings, store.header.dimension)
        if len(new) != len(instruments):
            raise InputError(f"{len(instruments)} instruments came with {len(new)} embeddings.")
        ids = Catalog(instruments).ids
        rows = [_row(store, *one) for one in zip(instruments, new, strict=True)]
        _copy_sounds(previews, folder / PREVIEWS_NAME)
        _copy_sounds(phrases, folder / PHRASES_NAME)
        same = {row.instrument.instrument_id for row in rows if row.origin.is_edited}
        known = forget_descriptors(folder, set(ids) - same | set(previews))
        store.commit(with_places(store, rows))
        for silent in set(ids) - set(phrases) - same:
            (folder / PHRASES_NAME / f"{silent}.opus").unlink(missing_ok=True)
        tidy(store)
        bundle = read_bundle(folder)
        if previews:
            write_descriptors(folder, known | describe_previews(bundle, previews))
    return bundle


def remove_instruments(folder: Path, instrument_ids: Iterable[str]) -> Bundle:
    """Remove instruments, with their sounds, from the database in `folder`."""
    with _alone(folder) as store:
        gone = set(instrument_ids)
        for name in sorted(gone):
            if store.row(name) is None:
                raise InputError(f"None of the {len(store)} instruments has the id {name!r}.")
        files = {row.origin.file for name in gone if (row := store.row(name)) is not None}
        forget_descriptors(folder, gone)
        store.commit(removed=gone, forgotten=files)
        remove_sounds(folder, gone)
        tidy(store)
    return read_bundle(folder)


def with_places(store: RowStore, rows: Sequence[Row]) -> Sequence[Row]:
    """Lay out the first rows of a store on its map; later ones get their places when asked."""
    if store.state.n_slots or not rows:
        return rows
    plane = principal_plane(np.stack([row.vector for row in rows]))
    return [
        replace(row, place=(float(x), float(y))) for row, (x, y) in zip(rows, plane, strict=True)
    ]


def remove_sounds(folder: Path, instrument_ids: Iterable[str]) -> None:
    """Remove previews and phrases of instruments that have gone."""
    for name in instrument_ids:
        for kind in (PREVIEWS_NAME, PHRASES_NAME):
            (folder / kind / f"{name}.opus").unlink(missing_ok=True)


def tidy(store: RowStore) -> None:
    """Compact a store if that is due, and with that remove what killed writers left."""
    if store.compact():
        remove_leftovers(store)


def remove_leftovers(store: RowStore) -> None:
    """Remove sounds that belong to no row: what killed writers left."""
    known = {f"{name}.opus" for name in store.ids()}
    for kind in (PREVIEWS_NAME, PHRASES_NAME):
        sounds = (store.folder / kind).iterdir() if (store.folder / kind).is_dir() else ()
        for path in sounds:
            if is_temporary(path) or (path.suffix == ".opus" and path.name not in known):
                path.unlink(missing_ok=True)


def write_tables(bundle: Bundle, folder: Path) -> None:
    """Write the tables of a database as those of a bundle, in order of id, into an empty folder."""
    ids = bundle.catalog.ids
    order = sorted(range(len(ids)), key=ids.__getitem__)
    coordinates = bundle.coordinates
    write_bundle(
        folder,
        identity=bundle.header.identity,
        catalog=Catalog(tuple(bundle.catalog)[row] for row in order),
        embeddings=bundle.embeddings[order],
        coordinates=None if coordinates is None else coordinates[order],
        map_trustworthiness=bundle.header.map_trustworthiness,
    )


def copy_bundle(
    bundle: Bundle,
    folder: Path,
    write_fits: Callable[[Path], None],
    progress: Progress | None,
) -> None:
    """Copy a bundle and its sounds into a new folder; `write_fits` adds what was fitted for it."""
    check_new_folder(folder)
    folder = whole_path(folder)
    with replacing_folder(folder) as temporary:
        write_tables(bundle, temporary)
        write_fits(temporary)
        if measured := read_descriptors(bundle.folder):
            write_descriptors(temporary, measured)
        for done, name in enumerate(bundle.catalog.ids, start=1):
            for kind in (PREVIEWS_NAME, PHRASES_NAME):
                sound = bundle.read_sound(kind, name)
                if sound is not None:
                    (temporary / kind).mkdir(exist_ok=True)
                    (temporary / kind / f"{name}.opus").write_bytes(sound)
            if progress is not None:
                progress(done / len(bundle.catalog), "Copying sounds")


@contextmanager
def _alone(folder: Path) -> Iterator[RowStore]:
    """Open a database to change it, while nobody else writes to it."""
    with writing(folder), locked(folder), open_to_write(folder) as store:
        yield store


def _row(store: RowStore, instrument: Instrument, vector: FloatArray) -> Row:
    """Make a row; one that sounds as it did, and has other labels now, was edited by a person."""
    old = store.row(instrument.instrument_id)
    if old is None or not np.allclose(old.vector, vector, rtol=0.0, atol=_ROUNDING):
        return Row(instrument, vector)
    return Row(instrument, old.vector, replace(old.origin, is_edited=True), old.place)


def _copy_sounds(sounds: Mapping[str, Path], folder: Path) -> None:
    for instrument_id, sound in sounds.items():
        with replacing(folder / f"{instrument_id}.opus") as temporary:
            shutil.copyfile(sound, temporary)
