"""The bundle, a database on disk: a folder of open formats from which any index can be made.

This is the form in which databases are built, exported and published. One that is added to has a
form that grows, see `cir.index.row_store`; `read_bundle` opens both.

    database.json            format version, model identity, sizes, names and checksums of the rest
    instruments.csv          the catalogue
    embeddings.safetensors   `embeddings`, (N, D) float32, unit norm, in the order of the catalogue
    map.csv                  instrument_id, x, y: the map of timbre (optional)
    previews/<id>.opus       the reference note of each instrument (optional)
    phrases/<id>.opus        a short phrase that each instrument plays (optional)
    previews.zip phrases.zip the same in one file each, see `cir.index.sounds`
    calibration.json         how similarities become chances (optional)
    descriptors.csv          brightness, attack and noisiness of each preview (optional)

`database.json` is written last and names the tables. A change to an existing bundle first writes
its tables under new names, reads them back and compares. Readers therefore find either the old
database or the new one, at any moment and after a crash. Writers hold `locked`, and remove the
leftovers of writers that were killed.
"""

import csv
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated

import numpy as np
from filelock import BaseFileLock, FileLock
from pydantic import Field
from safetensors.numpy import save

from cir.errors import DatabaseError, DataError
from cir.files import is_temporary, replacing, sha256_of
from cir.index.descriptors import as_table, read_descriptors
from cir.index.open_store import OpenStore
from cir.index.row_store import is_store, read_store_header, rows_path
from cir.index.sounds import KINDS, find_archive
from cir.instruments.catalog import Catalog
from cir.schema import as_floats, parse_json, read_arrays, read_table
from cir.types import FloatArray

FORMAT_VERSION = 1
HEADER_NAME = "database.json"
PREVIEWS_NAME, PHRASES_NAME = KINDS

_TABLES = {"instruments": ".csv", "embeddings": ".safetensors", "map": ".csv"}
_TABLE = re.compile(
    r"(instruments|map)(-[0-9a-f]{12})?\.csv|embeddings(-[0-9a-f]{12})?\.safetensors"
)
_STORE_FILE = re.compile(r"(rows-1\.sqlite(-journal)?|vectors-1\.f32)")
_LOCK_NAME = ".lock"
_MAP_TOLERANCE = 1e-4
_RESTORE = "restore the folder or build the database again"

_Coordinate = Annotated[float, Field(ge=-1e6, le=1e6)]


@dataclass(frozen=True)
class _Versioned:
    """The field that all versions of the header have."""

    format_version: int


@dataclass(frozen=True)
class _Place:
    """A row of the map."""

    instrument_id: str
    x: _Coordinate
    y: _Coordinate


@dataclass(frozen=True)
class Header:
    """The content of `database.json`."""

    format_version: int
    identity: str
    """Of the model that made the embeddings."""
    dimension: int
    n_instruments: int
    files: dict[str, str]
    """File name of each table: `instruments`, `embeddings` and, where there is a map, `map`; empty
    for a store."""
    sha256: dict[str, str]
    """Checksum of each of these files."""
    map_trustworthiness: float | None = None
    """How far neighbours on the map are true neighbours, in [0, 1]."""

    def __post_init__(self) -> None:
        if self.format_version != FORMAT_VERSION:
            return
        plain = all(Path(name).name == name for name in self.files.values())
        complete = {"instruments", "embeddings"} <= set(self.files) == set(self.sha256)
        if not (plain and complete and set(self.files) <= set(_TABLES)):
            raise DatabaseError("it must name each table, by a plain name, and its checksum.")


@dataclass(frozen=True)
class Bundle:
    """A bundle in memory; its previews stay on disk."""

    folder: Path
    header: Header
    catalog: Catalog
    embeddings: FloatArray
    """(N, D), unit norm, read-only."""
    places: FloatArray | None = None
    """(N, 2), read-only; those of a store are computed when `coordinates` are asked for."""
    store: OpenStore | None = None
    """The store, if it is one."""

    @cached_property
    def coordinates(self) -> FloatArray | None:
        """Places on the map, (N, 2), read-only; None where there is no map."""
        if self.store is not None and len(self.catalog):
            return self.store.coordinates()
        return self.places

    @cached_property
    def descriptors(self) -> FloatArray | None:
        """Columns of `cir.index.descriptors.NAMES`, (N, 3), NaN where unknown; None without any.

        Raises:
            DatabaseError: They are damaged.
        """
        table = as_table(self.catalog.ids, read_descriptors(self.folder))
        return None if np.isnan(table).all() else table

    @property
    def digest(self) -> str:
        """Hash of everything that a search depends on: model, catalogue and embeddings."""
        if self.store is not None:
            return self.store.digest
        parts = (
            str(FORMAT_VERSION),
            self.header.identity,
            self.header.sha256["instruments"],
            self.header.sha256["embeddings"],
        )
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def sound(self, kind: str, instrument_id: str) -> Path | None:
        """Return an instrument's sound file, of `PREVIEWS_NAME` or `PHRASES_NAME`, if it exists.

        A sound of an archive is copied into the cache when it is first asked for.
        """
        kept = self.kept_sound(kind, instrument_id)
        if kept is not None or self.store is None or kind != PREVIEWS_NAME:
            return kept
        return self.store.preview(instrument_id, self.folder / kind / f"{instrument_id}.opus")

    def kept_sound(self, kind: str, instrument_id: str) -> Path | None:
        """Do as `sound`, but make no preview that nobody has asked for yet."""
        path = self.folder / kind / f"{instrument_id}.opus"
        if path.is_file():
            return path
        archive = find_archive(self.folder, kind) if self.store is None else None
        return None if archive is None else archive.path(instrument_id)

    def read_sound(self, kind: str, instrument_id: str) -> bytes | None:
        """Return the content of an instrument's sound file, if it exists."""
        archive = find_archive(self.folder, kind)
        if archive is not None and not (self.folder / kind / f"{instrument_id}.opus").is_file():
            return archive.read(instrument_id)
        path = self.sound(kind, instrument_id)
        return None if path is None else path.read_bytes()

    def sounds_of(self, instrument_id: str) -> tuple[Path | None, Path | None]:
        """Return an instrument's preview and phrase, each where there is one."""
        return self.sound(PREVIEWS_NAME, instrument_id), self.sound(PHRASES_NAME, instrument_id)

    @property
    def sound_folders(self) -> list[Path]:
        """Folders of the files that `sound` returns."""
        loose = [self.folder / kind for kind in KINDS]
        archives = (find_archive(self.folder, kind) for kind in KINDS)
        return [*loose, *(archive.folder for archive in archives if archive is not None)]


def read_bundle(folder: Path) -> Bundle:
    """Read a bundle and check it against its checksums.

    Raises:
        DatabaseError: There is no bundle, its format is newer, or its files do not match.
    """
    if is_store(folder):
        return _open_store(folder)
    header = _read_header(folder)
    while True:
        try:
            return _read_tables(folder, header)
        except DatabaseError:
            latest = _read_header(folder)
            if latest == header:
                raise
            header = latest  # replaced by a writer since it was read


def write_bundle(
    folder: Path,
    *,
    identity: str,
    catalog: Catalog,
    embeddings: FloatArray,
    coordinates: FloatArray | None = None,
    map_trustworthiness: float | None = None,
) -> Bundle:
    """Write the tables of a bundle, or replace those of an existing one, and read them again.

    Previews and phrases stay, except those that belong to no instrument.

    Args:
        folder: Made if it is missing; hold `locked` if others may write to it.
        identity: Of the model that made the embeddings.
        catalog: N instruments.
        embeddings: (N, D), unit norm.
        coordinates: (N, 2), for the map.
        map_trustworthiness: Of the coordinates.

    Raises:
        DatabaseError: The tables read back differ from those written; the older tables stay.
        StorageError: The disk is full; the older tables stay.
    """
    folder.mkdir(parents=True, exist_ok=True)
    old = _read_header(folder) if is_bundle(folder) else None
    suffix = "" if old is None else f"-{_content_tag(identity, catalog, embeddings, coordinates)}"
    names = {
        table: f"{table}{suffix}{extension}"
        for table, extension in _TABLES.items()
        if table != "map" or coordinates is not None
    }
    catalog.to_csv(folder / names["instruments"])
    with replacing(folder / names["embeddings"]) as temporary:
        temporary.write_bytes(save({"embeddings": np.ascontiguousarray(embeddings)}))
    if coordinates is not None:
        ids = [row.instrument_id for row in catalog]
        _write_map(folder / names["map"], ids, coordinates)
    header = Header(
        format_version=FORMAT_VERSION,
        identity=identity,
        dimension=int(embeddings.shape[1]),
        n_instruments=len(catalog),
        files=names,
        sha256={table: sha256_of(folder / name) for table, name in names.items()},
        map_trustworthiness=map_trustworthiness,
    )
    written = _read_tables(folder, header)
    if not _is_same(written, catalog, embeddings, coordinates):
        raise DatabaseError(f"The tables written to {folder} are not what is read from there.")
    with replacing(folder / HEADER_NAME) as temporary:
        temporary.write_text(json.dumps(asdict(header), indent=2) + "\n", encoding="utf-8")
    _remove_left_over(folder, written)
    return written


def locked(folder: Path) -> BaseFileLock:
    """Return the lock that a writer of a database's folder holds; the folder exists."""
    return FileLock(folder.resolve() / _LOCK_NAME, is_singleton=True)


def is_unfinished(folder: Path) -> bool:
    """Return whether a folder holds only leftovers of a killed `write_bundle`."""
    names = {path.name for path in folder.iterdir() if not is_temporary(path)}
    tables = names - {_LOCK_NAME}
    known = [_TABLE.fullmatch(name) or _STORE_FILE.fullmatch(name) for name in tables]
    return not tables or (_LOCK_NAME in names and all(known))


def is_table(path: Path) -> bool:
    """Return whether a file has the name of a table of a bundle."""
    return _TABLE.fullmatch(path.name) is not None


def is_bundle(folder: Path) -> bool:
    """Return whether a folder holds a database."""
    return (folder / HEADER_NAME).is_file()


def stamp(folder: Path) -> tuple[int, ...]:
    """Return numbers that change with every change of a database."""
    paths = [folder / HEADER_NAME]
    if is_store(folder):
        paths.append(rows_path(folder, read_store_header(folder)))
    return tuple(number for path in paths for number in _numbers_of(path))


def _numbers_of(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_ino, status.st_size


def _open_store(folder: Path) -> Bundle:
    latest = read_store_header(folder)
    while True:
        try:
            store = OpenStore.open(folder, latest)
            break
        except DatabaseError:
            found = read_store_header(folder)
            if found == latest:
                raise
            latest = found  # compacted since it was read
    header = Header(
        format_version=store.header.format_version,
        identity=store.header.identity,
        dimension=store.header.dimension,
        n_instruments=len(store.catalog),
        files={},
        sha256={},
        map_trustworthiness=store.header.map_trustworthiness,
    )
    return Bundle(folder, header, store.catalog, store.embeddings, store=store)


def _read_header(folder: Path) -> Header:
    path = folder / HEADER_NAME
    try:
        text = path.read_bytes()
    except OSError:
        raise DatabaseError(
            f"There is no database in {folder} (no {HEADER_NAME}); make one of your own sounds "
            f"with `cir database add SOUNDS --database {folder}`."
        ) from None
    try:
        told = parse_json(text, _Versioned, str(path), error=DatabaseError, extra="ignore")
        if told.format_version == FORMAT_VERSION:
            return parse_json(text, Header, str(path), error=DatabaseError)
    except DatabaseError as error:
        reason = str(error).rstrip(".")
        raise DatabaseError(f"{path} is no database header: {reason}; {_RESTORE}.") from None
    raise DatabaseError(
        f"{path} has format {told.format_version}, this program reads {FORMAT_VERSION}; "
        "update it or build the database again."
    )


def _read_tables(folder: Path, header: Header) -> Bundle:
    paths = {table: folder / name for table, name in header.files.items()}
    for table, path in paths.items():
        if not path.is_file():
            raise DatabaseError(f"The database {folder} lacks {path.name}; {_RESTORE}.")
        if sha256_of(path) != header.sha256[table]:
            raise DatabaseError(
                f"{path} is damaged or was changed by hand: its checksum is not the one in "
                f"{HEADER_NAME}; {_RESTORE}."
            )
    try:
        catalog = Catalog.from_csv(paths["instruments"])
        embeddings = _read_embeddings(paths["embeddings"])
        coordinates = _read_map(paths["map"], catalog) if "map" in paths else None
    except DataError as error:
        raise DatabaseError(f"The database {folder} cannot be read: {error}") from None
    if embeddings.shape != (len(catalog), header.dimension) or len(catalog) != header.n_instruments:
        raise DatabaseError(
            f"The database {folder} contradicts itself: {len(catalog)} instruments, embeddings of "
            f"shape {embeddings.shape}; build it again."
        )
    embeddings.flags.writeable = False
    return Bundle(folder, header, catalog, embeddings, coordinates)


def _write_map(path: Path, ids: Sequence[str], coordinates: FloatArray) -> None:
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["instrument_id", "x", "y"])
        writer.writerows(
            (name, f"{x:.5f}", f"{y:.5f}") for name, (x, y) in zip(ids, coordinates, strict=True)
        )


def _read_embeddings(path: Path) -> FloatArray:
    arrays = read_arrays(path)
    if "embeddings" not in arrays:
        raise DataError(f"{path} holds no embeddings.")
    return as_floats(arrays["embeddings"], str(path))


def _read_map(path: Path, catalog: Catalog) -> FloatArray:
    rows = read_table(path, _Place, ("instrument_id", "x", "y"))
    places = {row.instrument_id: (row.x, row.y) for row in rows}
    if missing := set(catalog.ids) - set(places):
        raise DataError(f"{path} has no place for {min(missing)}.")
    coordinates = np.array([places[name] for name in catalog.ids], dtype=np.float32)
    coordinates = coordinates.reshape(-1, 2)
    coordinates.flags.writeable = False
    return coordinates


def _is_same(
    written: Bundle, catalog: Catalog, embeddings: FloatArray, coordinates: FloatArray | None
) -> bool:
    same = written.catalog == catalog and np.array_equal(written.embeddings, embeddings)
    if written.coordinates is None or coordinates is None:
        return same
    return same and np.allclose(written.coordinates, coordinates, atol=_MAP_TOLERANCE)


def _remove_left_over(folder: Path, written: Bundle) -> None:
    """Remove older tables, sounds of no instrument, and leftovers of killed writers."""
    named = set(written.header.files.values())
    for path in folder.iterdir():
        if is_temporary(path) or (is_table(path) and path.name not in named):
            path.unlink(missing_ok=True)
    known = {f"{name}.opus" for name in written.catalog.ids}
    for kind in (PREVIEWS_NAME, PHRASES_NAME):
        sounds = (folder / kind).iterdir() if (folder / kind).is_dir() else ()
        for path in sounds:
            if path.suffix == ".opus" and path.name not in known:
                path.unlink(missing_ok=True)


def _content_tag(
    identity: str, catalog: Catalog, embeddings: FloatArray, coordinates: FloatArray | None
) -> str:
    content = hashlib.sha256(identity.encode())
    content.update(repr(tuple(catalog)).encode())
    content.update(np.ascontiguousarray(embeddings).tobytes())
    content.update(b"" if coordinates is None else np.ascontiguousarray(coordinates).tobytes())
    return content.hexdigest()[:12]
