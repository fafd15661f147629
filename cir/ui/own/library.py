"""One personal database of the page: added to, changed, exported and imported."""

import shutil
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from cir.errors import CirError, DatabaseError, InputError, StorageError
from cir.index.bundle import is_bundle, stamp
from cir.index.database import InstrumentDatabase
from cir.index.unsorted import guess_families
from cir.instruments.families import check_families
from cir.library.database_archive import export_archive, import_archive, is_exported
from cir.library.plan import Plan, plan_sounds
from cir.library.sounds import AddReport, Labels, Limits, UploadedFile, add_sounds
from cir.text import clean
from cir.types import Instrument, Progress, part
from cir.ui.service import PageService

LIBRARY_VARIABLE = "CIR_LIBRARY"
"""Environment variable: the folder of a personal database that is kept."""

PAGE_LIMITS = Limits(sounds=1_000, total=3_000, n_bytes=300 << 20)


@dataclass(frozen=True)
class OwnReport:
    """The outcome of adding files."""

    added: int = 0
    replaced: int = 0
    """How many of the added sounds replaced others."""
    unchanged: int = 0
    without_family: int = 0
    """How many of the added sounds have no family."""
    refused: tuple[str, ...] = field(default=())
    was_stopped: bool = False
    notices: tuple[str, ...] = ()
    """What is missing of sounds that were read in part."""


class OwnLibrary:
    """One personal database; it need not exist yet.

    Args:
        folder: Folder of the database.
        service: The page, whose model makes the embeddings.
    """

    def __init__(self, folder: Path, service: PageService) -> None:
        self.folder = folder
        self._service = service
        self._writing = threading.Lock()
        self._opening = threading.Lock()
        self._stop = threading.Event()
        self._closed = threading.Event()
        self._database: InstrumentDatabase | None = None
        self._stamp: tuple[int, ...] | None = None
        self._guesses: tuple[InstrumentDatabase, dict[str, str | None]] | None = None
        """The guesses and the database they were made for; a changed one is opened again."""

    @property
    def database(self) -> InstrumentDatabase | None:
        """The database as it is on disk now; None if there is none yet.

        Raises:
            DatabaseError: It is damaged, or another model than the page's made it.
        """
        with self._opening:
            if not is_bundle(self.folder):
                self._database = self._stamp = None
                return None
            now = stamp(self.folder)
            if now != self._stamp:
                database = InstrumentDatabase.open(self.folder)
                check_model(database, self._service)
                self._database, self._stamp = database, now
            return self._database

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """All sounds, by bank and name."""
        database = self.database
        rows = () if database is None else tuple(database.instruments())
        return tuple(sorted(rows, key=lambda one: (one.bank.casefold(), one.name.casefold())))

    def __len__(self) -> int:
        database = self.database
        return 0 if database is None else len(database)

    def guesses(self) -> dict[str, str | None]:
        """Return the guessed family of each sound without one, by id, None if unclear."""
        database = self.database
        if database is None:
            return {}
        if self._guesses is None or self._guesses[0] is not database:
            self._guesses = database, guess_families(database, self._service.database)
        return self._guesses[1]

    def preview(self, instrument_id: str) -> Path | None:
        """Return the sound file of one of the sounds, where there is one."""
        database = self.database
        return None if database is None else database.preview_path(instrument_id)

    def phrase(self, instrument_id: str) -> Path | None:
        """Return the sound file of a phrase that one of the sounds plays, where there is one."""
        database = self.database
        return None if database is None else database.phrase_path(instrument_id)

    def plan(
        self, uploads: Sequence[UploadedFile], labels: Labels, progress: Progress | None = None
    ) -> Plan:
        """List what uploaded files would become, without embedding them.

        Raises:
            InputError: There is too much.
            StorageError: The disk is full.
        """
        sounds = [one for one in uploads if not is_exported(one.path)]
        if not sounds:
            return Plan((), ())
        return plan_sounds(sounds, labels, limits=PAGE_LIMITS, progress=progress)

    def add(
        self,
        uploads: Sequence[UploadedFile],
        labels: Labels,
        progress: Progress | None = None,
        families: Mapping[str, str | None] | None = None,
    ) -> OwnReport:
        """Add uploaded files; archives of exported databases are imported.

        What cannot be added is left out and reported. `families` are those to set in place of what
        the names say, by engine reference.

        Raises:
            InputError: There is nothing to add, too much, or none of it can be added.
            DatabaseError: The database is damaged.
            StorageError: The disk is full.
        """
        archives = [one for one in uploads if is_exported(one.path)]
        sounds = [one for one in uploads if one not in archives]
        self._stop.clear()
        with self._alone():
            report = self._bring_all(archives, part(progress, 0.0, 0.3))
            if archives and not sounds:
                if not report.added:
                    raise InputError(" ".join(report.refused[:1]))
                return report
            try:
                made = add_sounds(
                    self.folder,
                    self._service.encoder,
                    sounds,
                    labels,
                    limits=PAGE_LIMITS,
                    progress=part(progress, 0.3 if archives else 0.0, 1.0),
                    stop=lambda: self._stop.is_set() or self._closed.is_set(),
                )
            except InputError as error:
                if not report.added:
                    raise InputError(" ".join((*report.refused[:1], str(error)))) from None
                made = AddReport((), (str(error),))
            if families and (database := self.database) is not None:
                _set_families(database, _by_id(families, database.instruments(), made.added))
        return replace(
            report,
            added=report.added + len(made.added),
            replaced=report.replaced + made.replaced,
            unchanged=made.unchanged,
            without_family=sum(
                (families or {}).get(one.engine, one.family) is None for one in made.added
            ),
            refused=report.refused + made.refused,
            was_stopped=made.was_stopped,
            notices=made.notices,
        )

    def bring(self, archive: Path, progress: Progress | None = None) -> OwnReport:
        """Add all sounds of an exported database.

        Raises:
            InputError: It is no such archive, or too large.
            DatabaseError: It is of another model, or damaged.
        """
        with self._alone():
            return self._bring(archive, progress)

    def _bring(self, archive: Path, progress: Progress | None) -> OwnReport:
        brought = import_archive(
            self.folder,
            self._service.encoder,
            archive,
            limits=PAGE_LIMITS,
            progress=progress,
        )
        return OwnReport(added=brought.added + brought.replaced, replaced=brought.replaced)

    def _bring_all(self, archives: Sequence[UploadedFile], progress: Progress | None) -> OwnReport:
        report = OwnReport()
        for number, one in enumerate(archives):
            share = part(progress, number / len(archives), (number + 1) / len(archives))
            try:
                brought = self._bring(one.path, share)
            except StorageError:
                raise
            except CirError as error:
                report = replace(report, refused=(*report.refused, _said_of(one, error)))
            else:
                report = replace(
                    report,
                    added=report.added + brought.added,
                    replaced=report.replaced + brought.replaced,
                )
        return report

    def stop(self) -> None:
        """Stop adding after the current sound; sounds added so far are kept."""
        self._stop.set()

    def close(self) -> None:
        """Stop adding, and delete the folder."""
        self._closed.set()
        if not self._writing.locked():
            shutil.rmtree(self.folder, ignore_errors=True)

    def set_family(self, instrument_id: str, family: str | None) -> None:
        """Change the family of a sound.

        Raises:
            InputError: There is no such sound or family.
        """
        database = self._filled()
        if family is not None:
            (family,) = check_families([family])
        with self._alone():
            _set_families(database, {database.get(instrument_id).instrument_id: family})

    def remove(self, instrument_id: str) -> str:
        """Remove one sound, and return its name.

        Raises:
            InputError: There is no such sound.
        """
        database = self._filled()
        with self._alone():
            name = database.get(instrument_id).name
            database.remove([instrument_id])
        return name

    def clear(self) -> int:
        """Remove all sounds, and return how many there were."""
        database = self.database
        if database is None:
            return 0
        with self._alone():
            ids = database.instruments().ids
            database.remove(ids)
        return len(ids)

    def export(self, target: Path, progress: Progress | None = None) -> int:
        """Pack everything into a zip archive, and return the number of sounds.

        Raises:
            InputError: There is nothing to pack.
        """
        self._filled()
        with self._alone():
            return export_archive(self.folder, target, progress)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the database while it changes; other changes raise InputError meanwhile."""
        if not self._writing.acquire(blocking=False):
            raise InputError("These sounds are being changed just now; wait until that is done.")
        try:
            yield
        finally:
            self._writing.release()
            if self._closed.is_set():
                shutil.rmtree(self.folder, ignore_errors=True)

    def _filled(self) -> InstrumentDatabase:
        database = self.database
        if database is None or not len(database):
            raise InputError("There are no sounds of yours yet; add some first.")
        return database


def _by_id(
    families: Mapping[str, str | None], stored: Iterable[Instrument], added: Iterable[Instrument]
) -> dict[str, str | None]:
    """Return families by the ids of their sounds; those just added go before others."""
    ids = {one.engine: one.instrument_id for one in (*stored, *added)}
    return {ids[engine]: family for engine, family in families.items() if engine in ids}


def _set_families(database: InstrumentDatabase, families: Mapping[str, str | None]) -> None:
    """Change the families of sounds, by id; their previews and phrases stay."""
    ids, embeddings = database.embeddings()
    place = {name: row for row, name in enumerate(ids)}
    changed = [
        replace(database.get(name), family=family)
        for name, family in sorted(families.items())
        if database.get(name).family != family
    ]
    if changed:
        names = [one.instrument_id for one in changed]
        found = {name: database.phrase_path(name) for name in names}
        phrases = {name: path for name, path in found.items() if path is not None}
        database.add(changed, embeddings[[place[name] for name in names]], phrases=phrases)


def _said_of(upload: UploadedFile, error: CirError) -> str:
    """Return the error of an archive with the name under which it was uploaded."""
    shown, said = clean(str(upload.inside)), str(error)
    if shown not in said:
        said = said.replace(str(upload.path), shown).replace(upload.path.name, shown)
    return said if shown in said else f"{shown}: {said}"


def check_model(database: InstrumentDatabase, service: PageService) -> None:
    """Make sure that the page's model made a database.

    Raises:
        DatabaseError: Another model made it.
    """
    if database.identity != service.database.identity:
        raise DatabaseError(
            f"Your sounds in {database.path} were embedded by the model {database.identity}, this "
            f"page listens with {service.database.identity}: set {LIBRARY_VARIABLE} to another "
            "folder, and add the sounds there again."
        )
