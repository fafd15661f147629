"""Export and import of a personal database as one zip archive.

Imported archives are untrusted. Only tables, previews, phrases and digests are taken from them, not
chances, which cannot be checked. No name inside decides where anything is written, and each sound
must be a short Ogg Opus file.
"""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import soundfile as sf

from cir.errors import DatabaseError, InputError
from cir.files import replacing, workspace, writing
from cir.index.bundle import (
    HEADER_NAME,
    PHRASES_NAME,
    PREVIEWS_NAME,
    Bundle,
    is_bundle,
    locked,
    read_bundle,
)
from cir.index.changes import check_new_folder, remove_leftovers, write_tables
from cir.index.database import InstrumentDatabase, check_may_change
from cir.index.descriptors import read_descriptors, write_descriptors
from cir.index.migration import digests_of, open_to_write, write_contents
from cir.index.row_store import is_store
from cir.instruments.safe_zip import files_of, holds, open_archive, unpack
from cir.library.find_files import Limits
from cir.types import Encoder, Progress

MAX_SOUND_SECONDS = 60.0

_MAX_HEADER_BYTES = 1 << 20
_SOUND_BYTES = 1 << 20
_SOUNDS = {PREVIEWS_NAME: "preview", PHRASES_NAME: "phrase"}


@dataclass(frozen=True)
class ImportReport:
    """Result of an import."""

    added: int
    """Instruments that are new."""
    replaced: int
    """Instruments that replace others of the same id."""


def export_archive(folder: Path | str, target: Path | str, progress: Progress | None = None) -> int:
    """Pack a database with its previews and phrases into a zip archive, replacing an older one.

    Returns:
        Number of instruments.

    Raises:
        DatabaseError: The database is missing or damaged.
    """
    bundle = read_bundle(Path(folder).expanduser())
    sounds = [(kind, name) for kind in _SOUNDS for name in bundle.catalog.ids]
    with (
        replacing(Path(target).expanduser()) as temporary,
        workspace("export") as tables,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        write_tables(bundle, tables)
        write_contents(tables, digests_of(bundle))
        if measured := read_descriptors(bundle.folder):
            write_descriptors(tables, measured)
        for table in sorted(tables.iterdir()):
            archive.write(table, table.name)
        for done, (kind, name) in enumerate(sounds, start=1):
            sound = bundle.read_sound(kind, name)
            if sound is not None:  # Opus is compressed already
                archive.writestr(f"{kind}/{name}.opus", sound, zipfile.ZIP_STORED)
            if progress is not None:
                progress(done / len(sounds), "Packing")
    return len(bundle.catalog)


def is_exported(archive: Path) -> bool:
    """Return whether a file is a zip archive that `export_archive` could have made."""
    return holds(archive, HEADER_NAME)


def is_database(source: str | Path) -> bool:
    """Return whether a path is an exported database, packed or not, or any other one."""
    path = Path(source).expanduser()
    return is_bundle(path) or (path.suffix.lower() == ".zip" and is_exported(path))


def import_archive(
    folder: Path | str,
    encoder: Encoder,
    archive: Path | str,
    *,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Add all instruments of an exported database to a personal one, which is created if missing.

    If anything is wrong, none is added.

    Args:
        folder: Folder of the database: new, empty, or made with `encoder`.
        encoder: The model, which must have made the archive's embeddings as well.
        archive: Archive of `export_archive`, the folder of an exported database packed as a zip,
            or the folder of a database.
        limits: Limits on what is added.
        progress: Called after every sound.

    Raises:
        InputError: It is not such an archive, is damaged, has unsafe paths, or is too large.
        DatabaseError: Another model made it, or one of its files is invalid.
    """
    target = Path(folder).expanduser()
    file = Path(archive).expanduser()
    limits = limits or Limits()
    if not (file.is_file() or is_bundle(file)):
        raise InputError(
            f"{file} does not exist or is no database; give a zip archive of an exported one, or "
            "its folder."
        )
    check_may_change(target)
    if is_bundle(target):
        InstrumentDatabase.open(target, encoder=encoder)
    else:
        check_new_folder(target)
    with _opened(file, encoder, limits, progress) as bundle:
        ids = set(bundle.catalog.ids)
        known = set(InstrumentDatabase.open(target).instruments().ids if is_bundle(target) else ())
        if len(known | ids) > limits.total:
            raise InputError(
                f"{file.name} adds {len(ids - known):,} sounds to {len(known):,}, and at most "
                f"{limits.total:,} are allowed: remove some first."
            )
        previews, phrases = (
            {name: path for name in bundle.catalog.ids if (path := bundle.sound(kind, name))}
            for kind in _SOUNDS
        )
        database = InstrumentDatabase.create(target, encoder, may_exist=True)
        database.add(tuple(bundle.catalog), bundle.embeddings, previews, phrases)
        with writing(target), locked(target), open_to_write(target) as store:
            store.set_digests(digests_of(bundle))
            store.compact(force=True)
            remove_leftovers(store)
    return ImportReport(len(ids - known), len(ids & known))


@contextmanager
def _opened(
    source: Path, encoder: Encoder, limits: Limits, progress: Progress | None
) -> Iterator[Bundle]:
    """Open the folder of a database, or unpack an archive, and check its contents."""
    if source.is_dir():
        bundle = read_bundle(source)
        _check(bundle, source, encoder, limits)
        yield bundle
        return
    with _unpacked(source, encoder, limits, progress) as bundle:
        yield bundle


@contextmanager
def _unpacked(
    archive: Path, encoder: Encoder, limits: Limits, progress: Progress | None
) -> Iterator[Bundle]:
    """Unpack an archive into a temporary folder and check its contents."""
    with (
        workspace("import") as folder,
        writing(folder),
        open_archive(archive) as content,
    ):
        entries = {PurePosixPath(entry.filename): entry for entry in files_of(content)}
        headers = [path for path in entries if path.name == HEADER_NAME]
        if len(headers) != 1 or entries[headers[0]].file_size > _MAX_HEADER_BYTES:
            raise InputError(
                f"{archive.name} is not an exported database (it has no single {HEADER_NAME}); to "
                "add a zip of sounds, use `cir database add`."
            )
        top = headers[0].parent
        tables = [
            (entry, folder / path.name)
            for path, entry in entries.items()
            if path.parent == top and path.suffix in (".json", ".csv", ".safetensors")
        ]
        unpack(content, tables, limits.n_bytes)
        if is_store(folder):
            raise DatabaseError(
                f"{archive.name} holds the working tables of a database, which are trusted only "
                "where they were written: pack it with `cir database export NAME.zip`."
            )
        try:
            bundle = read_bundle(folder)
        except DatabaseError as error:
            raise DatabaseError(str(error).replace(str(folder), archive.name)) from None
        _check(bundle, archive, encoder, limits)
        for kind in _SOUNDS:
            (folder / kind).mkdir()
        sounds = [
            (entries[path], folder / kind / path.name)
            for kind in _SOUNDS
            for one in bundle.catalog.ids
            if (path := top / kind / f"{one}.opus") in entries
        ]
        budget = limits.n_bytes - sum(entry.file_size for entry, _ in tables)
        for done, (entry, target) in enumerate(sounds, start=1):
            unpack(content, [(entry, target)], min(budget, _SOUND_BYTES))
            budget -= target.stat().st_size
            _check_sound(target, archive)
            if progress is not None:
                progress(done / len(sounds), f"Checking sounds, {done} of {len(sounds)}")
        yield bundle


def _check(bundle: Bundle, archive: Path, encoder: Encoder, limits: Limits) -> None:
    identity = bundle.header.identity
    if identity != encoder.identity:
        raise DatabaseError(
            f"{archive.name} was made with the model {identity}, not with "
            f"{encoder.identity}, which is used here: add the sounds themselves again."
        )
    if len(bundle.catalog) > limits.sounds:
        raise InputError(
            f"{archive.name} holds {len(bundle.catalog):,} sounds; at most {limits.sounds:,} can "
            "be added at once."
        )
    if not len(bundle.catalog):
        raise InputError(
            f"{archive.name} is a database without any sound; export one that has some."
        )
    norms = np.linalg.norm(bundle.embeddings, axis=1)
    if not np.isfinite(norms).all() or float(np.abs(norms - 1.0).max()) > 1e-3:
        raise DatabaseError(
            f"{archive.name} holds embeddings that no model makes (their length must be 1): "
            "export it anew, or add the sounds themselves again."
        )


def _check_sound(path: Path, archive: Path) -> None:
    try:
        info = sf.info(path)
        good = (info.format, info.subtype) == ("OGG", "OPUS")
        good = good and 0.0 < info.duration <= MAX_SOUND_SECONDS
    except (RuntimeError, OSError):
        good = False
    if not good:
        raise DatabaseError(
            f"{archive.name}: the {_SOUNDS[path.parent.name]} {path.name} is no Ogg Opus file of "
            f"at most {MAX_SOUND_SECONDS:.0f} seconds; export the database anew."
        )
