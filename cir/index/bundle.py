"""The plain form of a database: a folder of open formats, from which any index can be made.

    database.json            format version, model identity, sizes, names and checksums of the rest
    instruments.csv          the catalogue
    embeddings.safetensors   `embeddings`, (N, D) float32, unit norm, in the order of the catalogue
    map.csv                  instrument_id, x, y: the map of timbre (optional)
    previews/<id>.opus       the reference note of each instrument (optional)
    phrases/<id>.opus        a short phrase that each instrument plays (optional)
    hubs.safetensors         what marks down instruments that are near to every mixture (optional)
    calibration.json         what turns similarities into chances (optional)

`database.json` is written last and names the tables. A change to an existing bundle writes
its tables under new names first, so that whoever reads at any moment, or after a crash, finds
either the old database or the new one.
"""

import csv
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from cir.errors import DatabaseError, DataError
from cir.files import replacing
from cir.instruments.catalog import Catalog
from cir.types import FloatArray

FORMAT_VERSION = 1
HEADER_NAME = "database.json"
PREVIEWS_NAME = "previews"
PHRASES_NAME = "phrases"

_TABLES = {"instruments": ".csv", "embeddings": ".safetensors", "map": ".csv"}


@dataclass(frozen=True)
class Header:
    """What `database.json` says."""

    format_version: int
    identity: str
    """Of the model that made the embeddings."""
    dimension: int
    n_instruments: int
    files: dict[str, str]
    """File name of each table: `instruments`, `embeddings` and, where there is a map, `map`."""
    sha256: dict[str, str]
    """Checksum of each of these files."""
    map_trustworthiness: float | None = None
    """How well neighbours on the map are neighbours in truth, in [0, 1]."""


@dataclass(frozen=True)
class Bundle:
    """A bundle in memory; its previews stay on disk."""

    folder: Path
    header: Header
    catalog: Catalog
    embeddings: FloatArray
    """(N, D), unit norm, read-only."""
    coordinates: FloatArray | None
    """(N, 2), read-only."""

    @property
    def digest(self) -> str:
        """Names the model, the catalogue and the embeddings: what a search depends on."""
        parts = (
            str(FORMAT_VERSION),
            self.header.identity,
            self.header.sha256["instruments"],
            self.header.sha256["embeddings"],
        )
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def read_bundle(folder: Path) -> Bundle:
    """Read a bundle and check it against its checksums.

    Raises:
        DatabaseError: there is none, it is of a newer format, or its files do not belong together.
    """
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
) -> None:
    """Write the tables of a bundle, or replace those of an existing one; previews are left alone.

    Args:
        folder: made where it is missing.
        identity: of the model that made the embeddings.
        catalog: N instruments.
        embeddings: (N, D), unit norm.
        coordinates: (N, 2), for the map.
        map_trustworthiness: of the coordinates.
    """
    folder.mkdir(parents=True, exist_ok=True)
    old = _read_header(folder) if (folder / HEADER_NAME).exists() else None
    suffix = "" if old is None else f"-{_content_tag(identity, catalog, embeddings, coordinates)}"
    names = {
        table: f"{table}{suffix}{extension}"
        for table, extension in _TABLES.items()
        if table != "map" or coordinates is not None
    }
    catalog.to_csv(folder / names["instruments"])
    with replacing(folder / names["embeddings"]) as temporary:
        save_file({"embeddings": np.ascontiguousarray(embeddings)}, temporary)
    if coordinates is not None:
        ids = [row.instrument_id for row in catalog]
        _write_map(folder / names["map"], ids, coordinates)
    header = Header(
        format_version=FORMAT_VERSION,
        identity=identity,
        dimension=int(embeddings.shape[1]),
        n_instruments=len(catalog),
        files=names,
        sha256={table: _sha256(folder / name) for table, name in names.items()},
        map_trustworthiness=map_trustworthiness,
    )
    with replacing(folder / HEADER_NAME) as temporary:
        temporary.write_text(json.dumps(asdict(header), indent=2) + "\n", encoding="utf-8")
    if old is not None:
        for name in set(old.files.values()) - set(names.values()):
            (folder / name).unlink(missing_ok=True)


def is_bundle(folder: Path) -> bool:
    """Whether a folder holds a database."""
    return (folder / HEADER_NAME).is_file()


def _read_header(folder: Path) -> Header:
    path = folder / HEADER_NAME
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise DatabaseError(
            f"There is no database in {folder} (no {HEADER_NAME}); make one of your own sounds "
            f"with `cir database add SOUNDS --database {folder}`."
        ) from None
    except ValueError:
        raise DatabaseError(f"{path} is no JSON; restore it or build the database again.") from None
    if isinstance(values, dict) and values.get("format_version") != FORMAT_VERSION:
        raise DatabaseError(
            f"{path} has format {values.get('format_version')!r}, this program reads "
            f"{FORMAT_VERSION}; update it or build the database again."
        )
    try:
        header = Header(**values)
        plain = all(Path(name).name == name for name in header.files.values())
        complete = {"instruments", "embeddings"} <= set(header.files) == set(header.sha256)
    except (TypeError, AttributeError):
        plain = complete = False
    if not (plain and complete and set(header.files) <= set(_TABLES)):
        allowed = ", ".join(field.name for field in fields(Header))
        raise DatabaseError(
            f"{path} is no database header (one has {allowed}); "
            "restore it or build the database again."
        )
    return header


def _read_tables(folder: Path, header: Header) -> Bundle:
    paths = {table: folder / name for table, name in header.files.items()}
    for table, path in paths.items():
        if not path.is_file():
            raise DatabaseError(
                f"The database {folder} lacks {path.name}; "
                "restore the folder or build the database again."
            )
        if _sha256(path) != header.sha256[table]:
            raise DatabaseError(
                f"{path} is damaged or was changed by hand: its checksum is not the one in "
                f"{HEADER_NAME}; restore the folder or build the database again."
            )
    try:
        catalog = Catalog.from_csv(paths["instruments"])
        embeddings = load_file(paths["embeddings"])["embeddings"]
        coordinates = _read_map(paths["map"], catalog) if "map" in paths else None
    except (DataError, SafetensorError, OSError, KeyError, ValueError) as error:
        raise DatabaseError(f"The database {folder} cannot be read: {error}.") from None
    if embeddings.shape != (len(catalog), header.dimension) or len(catalog) != header.n_instruments:
        raise DatabaseError(
            f"The database {folder} contradicts itself: {len(catalog)} instruments, embeddings of "
            f"shape {embeddings.shape}; build it again."
        )
    embeddings = embeddings.astype(np.float32, copy=False)
    embeddings.flags.writeable = False
    return Bundle(folder, header, catalog, embeddings, coordinates)


def _write_map(path: Path, ids: Sequence[str], coordinates: FloatArray) -> None:
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["instrument_id", "x", "y"])
        writer.writerows(
            (name, f"{x:.5f}", f"{y:.5f}") for name, (x, y) in zip(ids, coordinates, strict=True)
        )


def _read_map(path: Path, catalog: Catalog) -> FloatArray:
    with path.open(encoding="utf-8", newline="") as lines:
        points = {row["instrument_id"]: (row["x"], row["y"]) for row in csv.DictReader(lines)}
    coordinates = np.array([points[row.instrument_id] for row in catalog], dtype=np.float32)
    coordinates = coordinates.reshape(-1, 2)
    coordinates.flags.writeable = False
    return coordinates


def _content_tag(
    identity: str, catalog: Catalog, embeddings: FloatArray, coordinates: FloatArray | None
) -> str:
    content = hashlib.sha256(identity.encode())
    content.update(repr(tuple(catalog)).encode())
    content.update(np.ascontiguousarray(embeddings).tobytes())
    content.update(b"" if coordinates is None else np.ascontiguousarray(coordinates).tobytes())
    return content.hexdigest()[:12]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
