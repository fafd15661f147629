"""Changes to the bundle of a database: instruments added, removed and copied elsewhere."""

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from cir.errors import DatabaseError, InputError
from cir.files import replacing, replacing_folder, writing
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
from cir.index.ranking import check_embeddings
from cir.index.sounds import unpack_sounds
from cir.index.timbre_map import place, principal_plane
from cir.instruments.catalog import Catalog
from cir.types import FloatArray, Instrument, Progress


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


def add_instruments(
    folder: Path,
    instruments: Sequence[Instrument],
    embeddings: ArrayLike,
    previews: Mapping[str, Path],
    phrases: Mapping[str, Path],
) -> Bundle:
    """Add instruments to the bundle in `folder`; see `InstrumentDatabase.add`."""
    from cir.index.measure_previews import describe_previews  # late: it imports scipy.signal

    with _alone(folder) as current:
        new = check_embeddings(embeddings, current.header.dimension)
        if len(new) != len(instruments):
            raise InputError(f"{len(instruments)} instruments came with {len(new)} embeddings.")
        added = Catalog(instruments)
        ids = set(added.ids)
        kept = [row for row, name in enumerate(current.catalog.ids) if name not in ids]
        rows = [*(current.catalog[row] for row in kept), *added]
        order = sorted(range(len(rows)), key=lambda row: rows[row].instrument_id)
        catalog = Catalog(rows[row] for row in order)
        merged = np.concatenate([current.embeddings[kept], new])[order]
        coordinates = _lay_out(current, kept, catalog, merged)
        measured = forget_descriptors(folder, ids)
        _copy_sounds(previews, folder / PREVIEWS_NAME)
        _copy_sounds(phrases, folder / PHRASES_NAME)
        for silent in ids - set(phrases):
            (folder / PHRASES_NAME / f"{silent}.opus").unlink(missing_ok=True)
        bundle = _replace(current, catalog, merged, coordinates)
        write_descriptors(folder, measured | describe_previews(bundle, added.ids))
        return bundle


def remove_instruments(folder: Path, instrument_ids: Iterable[str]) -> Bundle:
    """Remove instruments, with their sounds, from the bundle in `folder`."""
    with _alone(folder) as current:
        gone = {current.catalog.by_id(name).instrument_id for name in sorted(set(instrument_ids))}
        kept = [row for row, name in enumerate(current.catalog.ids) if name not in gone]
        catalog = Catalog(current.catalog[row] for row in kept)
        places = None if current.coordinates is None else current.coordinates[kept]
        forget_descriptors(folder, gone)
        return _replace(current, catalog, current.embeddings[kept], places)


def copy_bundle(
    bundle: Bundle,
    folder: Path,
    write_fits: Callable[[Path], None],
    progress: Progress | None,
) -> None:
    """Copy a bundle and its sounds into a new folder; `write_fits` adds what was fitted for it."""
    check_new_folder(folder)
    with replacing_folder(folder) as temporary:
        write_bundle(
            temporary,
            identity=bundle.header.identity,
            catalog=bundle.catalog,
            embeddings=bundle.embeddings,
            coordinates=bundle.coordinates,
            map_trustworthiness=bundle.header.map_trustworthiness,
        )
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
def _alone(folder: Path) -> Iterator[Bundle]:
    """Give a bundle as it is on disk, with loose sounds, to which nobody else writes meanwhile."""
    with writing(folder), locked(folder):
        unpack_sounds(folder)
        yield read_bundle(folder)


def _replace(
    current: Bundle, catalog: Catalog, embeddings: FloatArray, coordinates: FloatArray | None
) -> Bundle:
    return write_bundle(
        current.folder,
        identity=current.header.identity,
        catalog=catalog,
        embeddings=embeddings,
        coordinates=coordinates,
        map_trustworthiness=current.header.map_trustworthiness,
    )


def _lay_out(
    current: Bundle, kept: Sequence[int], catalog: Catalog, embeddings: FloatArray
) -> FloatArray:
    """Place new instruments on the map beside their nearest neighbours, or make a new map.

    Args:
        current: The bundle before the change.
        kept: Its rows that stay, with their places.
        catalog: All instruments after the change, N.
        embeddings: (N, D), parallel to `catalog`.
    """
    if current.coordinates is None or not kept:
        return principal_plane(embeddings)
    known, places = current.embeddings[kept], current.coordinates[kept]
    by_id = dict(zip((current.catalog.ids[row] for row in kept), places, strict=True))
    return np.array(
        [
            by_id[name] if name in by_id else place(embedding, known, places)
            for name, embedding in zip(catalog.ids, embeddings, strict=True)
        ],
        dtype=np.float32,
    )


def _copy_sounds(sounds: Mapping[str, Path], folder: Path) -> None:
    for instrument_id, sound in sounds.items():
        with replacing(folder / f"{instrument_id}.opus") as temporary:
            shutil.copyfile(sound, temporary)
