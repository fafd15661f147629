"""Instruments, their reference embeddings and previews, searchable by sound."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cir.errors import DatabaseError, InputError
from cir.files import writing
from cir.index.bundle import (
    PHRASES_NAME,
    PREVIEWS_NAME,
    Bundle,
    is_bundle,
    locked,
    read_bundle,
    write_bundle,
)
from cir.index.calibration import CALIBRATION_NAME, Calibration, write_calibration
from cir.index.changes import add_instruments, check_new_folder, copy_bundle, remove_instruments
from cir.index.exact import ExactIndex, cosine_similarities
from cir.index.fits import Fits
from cir.index.hubness import HubCohort, write_hubs
from cir.index.info import DatabaseInfo
from cir.index.likeness import Likeness
from cir.index.ranking import Ranking
from cir.index.vector_index import Filters
from cir.index.vectors import check_query
from cir.instruments.catalog import Catalog
from cir.instruments.families import check_families
from cir.types import Encoder, FloatArray, Instrument, Match, Progress

BUNDLED_PATH = Path(__file__).parents[1] / "assets" / "database"
"""The database that comes with the package."""


class InstrumentDatabase:
    """Search instruments by embedding.

    Made by `open` or `create`. Every search is a `Ranking` of all rows that pass the filters.
    """

    def __init__(self, bundle: Bundle) -> None:
        self._lock = threading.RLock()
        self._use(bundle)

    @classmethod
    def open(
        cls, path: Path | str | None = None, *, encoder: Encoder | None = None
    ) -> "InstrumentDatabase":
        """Open a database.

        Args:
            path: Its folder; None opens the one that comes with the package.
            encoder: The model that queries will be embedded with.

        Raises:
            DatabaseError: There is no database, it is damaged, or `encoder` did not make it.
        """
        folder = BUNDLED_PATH if path is None else Path(path).expanduser()
        if path is None and not is_bundle(folder):
            raise DatabaseError(
                "This installation comes without its database; make one with `cir database build`, "
                "or name one of your own (--database FOLDER)."
            )
        database = cls(read_bundle(folder))
        if encoder is not None:
            database.check_encoder(encoder)
        return database

    @classmethod
    def create(
        cls, path: Path | str, encoder: Encoder, *, may_exist: bool = False
    ) -> "InstrumentDatabase":
        """Make an empty database for the embeddings of one model.

        A call that was killed can be repeated.

        Args:
            path: Its folder, new or empty.
            encoder: The model.
            may_exist: Whether to open a database of this model that is there already, as another
                process may just have made it.

        Raises:
            DatabaseError: There is one already, or `path` is a file or a folder of something else.
            StorageError: The disk is full.
        """
        folder = Path(path).expanduser()
        if not (may_exist and is_bundle(folder)):
            check_new_folder(folder)
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            with locked(folder):
                if not (may_exist and is_bundle(folder)):
                    check_new_folder(folder)
                    write_bundle(
                        folder,
                        identity=encoder.identity,
                        catalog=Catalog([]),
                        embeddings=np.empty((0, encoder.embedding_size), dtype=np.float32),
                    )
        return cls.open(folder, encoder=encoder)

    @property
    def path(self) -> Path:
        """The folder of the bundle."""
        return self._bundle.folder

    @property
    def identity(self) -> str:
        """Of the model that made the embeddings."""
        return self._bundle.header.identity

    def __len__(self) -> int:
        return len(self._bundle.catalog)

    def check_encoder(self, encoder: Encoder) -> None:
        """Make sure that a model made this database.

        Raises:
            DatabaseError: Another model made it.
        """
        if encoder.identity != self.identity:
            raise DatabaseError(
                f"The database {self.path} was made by the model {self.identity}, not by "
                f"{encoder.identity}: open it with its own model, or build one with this model "
                "(`cir database build --model MODEL`)."
            )

    def info(self) -> DatabaseInfo:
        """Count what the database holds."""
        return DatabaseInfo.of(self._bundle, self.calibration)

    @property
    def calibration(self) -> Calibration | None:
        """What turns similarities into chances; None where nothing was fitted for this database.

        Raises:
            DatabaseError: It is damaged, or was made for another model.
        """
        with self._lock:
            return self._fits.calibration

    @property
    def likeness(self) -> Likeness:
        """The words for similarities of mixtures to instruments.

        Those of the bundled database serve every database of the same model.

        Raises:
            DatabaseError: The calibration is damaged, or was made for another model.
        """
        return self._fits.likeness(self.calibration)

    @property
    def hubs(self) -> HubCohort | None:
        """What corrects for hubs, see `cir.index.hubness`; None where nothing does.

        That of the bundled database serves every database of the same model without its own.

        Raises:
            DatabaseError: It is damaged, or was made with another model.
        """
        with self._lock:
            return self._fits.hubs

    def set_calibration(self, calibration: Calibration) -> None:
        """Store a calibration in place of an older one.

        Raises:
            DatabaseError: It was made for another model, or the folder cannot be written to.
        """
        calibration.check_identity(self.identity)
        with self._lock, locked(self.path):
            write_calibration(self.path, calibration)
            self._forget_fits()

    def set_hubs(self, hubs: HubCohort) -> None:
        """Store a hub cohort; a calibration, fitted on other similarities, is removed.

        Raises:
            DatabaseError: It was made with another model, or the folder cannot be written to.
        """
        hubs.check_identity(self.identity)
        with self._lock, locked(self.path):
            write_hubs(self.path, hubs)
            (self.path / CALIBRATION_NAME).unlink(missing_ok=True)
            self._forget_fits()

    def prepare(self, progress: Progress | None = None) -> Path:
        """Write the embeddings into a Chroma store, unless they are there already.

        Searches do not need it: it is for other programs, which can open the folder with
        `chromadb.PersistentClient`. It has one collection per family, `family-bass`, with bank and
        source as metadata.

        Returns:
            The folder; another one once the database has changed.

        Raises:
            DatabaseError: The store cannot be written.
        """
        from cir.index.store import ensure_store

        return ensure_store(self._bundle, progress)

    def ranking(
        self,
        embedding: ArrayLike,
        family: str | None = None,
        *,
        bank: str | None = None,
        source: str | None = None,
        of_mixture: bool = False,
        rows: NDArray[np.intp] | None = None,
        level_of: "InstrumentDatabase | None" = None,
    ) -> Ranking:
        """Compare an embedding with every instrument that passes the filters.

        Args:
            embedding: (D,), any scale.
            family: Only this family; None for all instruments, also those without a family.
            bank: Only this bank.
            source: Only this source.
            of_mixture: The embedding is what a mixture answered for `family`: instruments that are
                near to every mixture get a penalty, see `hubs`.
            rows: The candidates before `bank` and `source`, in rising order, in place of all
                instruments of the family.
            level_of: Another database, whose hub cohort and mean nearness the penalty is measured
                by, so that its similarities can be compared with these; None for this one.

        Raises:
            DatabaseError: The embedding has another dimension than the database.
            InputError: Any argument is out of range or unknown, or the embedding is no direction.
        """
        query = check_query(embedding, self._bundle.header.dimension)
        if family is not None:
            (family,) = check_families([family])
        with self._lock:
            self._check_value("bank", bank)
            self._check_value("source", source)
            found = self._index.search(query, family, Filters(bank, source), rows)
            scores = cosine_similarities(self._bundle.embeddings, query, found)
            if of_mixture and family is not None:
                scores -= self._penalties(family, rows, level_of or self)[found]
            return Ranking(self._bundle, found, scores)

    def search(
        self,
        embedding: ArrayLike,
        top_k: int = 5,
        family: str | None = None,
        *,
        bank: str | None = None,
        source: str | None = None,
        of_mixture: bool = False,
    ) -> list[Match]:
        """Return the `top_k` instruments most similar to an embedding, best first.

        Equals are in order of id; fewer come back if fewer pass the filters. Arguments and errors
        as in `ranking`.
        """
        ranking = self.ranking(embedding, family, bank=bank, source=source, of_mixture=of_mixture)
        return ranking.top(top_k)

    def similarities(
        self,
        embedding: ArrayLike,
        family: str | None = None,
        *,
        bank: str | None = None,
        source: str | None = None,
        of_mixture: bool = False,
    ) -> NDArray[np.float64]:
        """Return the scores of `ranking`, in the order of `instruments`, (N,)."""
        return self.ranking(
            embedding, family, bank=bank, source=source, of_mixture=of_mixture
        ).scores

    def add(
        self,
        instruments: Sequence[Instrument],
        embeddings: ArrayLike,
        previews: Mapping[str, Path] | None = None,
        phrases: Mapping[str, Path] | None = None,
    ) -> None:
        """Add instruments, or replace those whose id is here already; all of them or none.

        A database with a map gets places for the new instruments beside their nearest neighbours;
        one that had none, or that was empty, gets a map of principal components.

        Args:
            instruments: M rows.
            embeddings: (M, D), any scale, parallel to `instruments`.
            previews: Ogg Opus file of each instrument, by id; copied.
            phrases: The same of the phrase that each plays; an instrument that comes without one
                loses an older one.

        Raises:
            DatabaseError: The bundled database cannot be changed, or D is not the database's.
            InputError: An embedding is no direction, or the numbers of rows differ.
            DataError: A row of the catalogue is malformed.
        """
        if self.path == BUNDLED_PATH:
            raise DatabaseError(
                "The bundled database is not changed; add to one of your own (--database FOLDER), "
                "or start with a copy of it (`cir database export FOLDER`)."
            )
        with self._lock:
            self._use(
                add_instruments(self.path, instruments, embeddings, previews or {}, phrases or {})
            )

    def remove(self, instrument_ids: Iterable[str]) -> None:
        """Remove instruments with their sounds; all of them or none.

        Raises:
            DatabaseError: The bundled database cannot be changed.
            InputError: An instrument is not here.
        """
        if self.path == BUNDLED_PATH:
            raise DatabaseError("The bundled database is not changed; remove from one of your own.")
        with self._lock:
            self._use(remove_instruments(self.path, instrument_ids))

    def get(self, instrument_id: str) -> Instrument:
        """Return one instrument; raises InputError where there is none with this id."""
        return self._bundle.catalog.by_id(instrument_id)

    def instruments(self) -> Catalog:
        """Return all instruments, in the order of `embeddings` and `coordinates`."""
        return self._bundle.catalog

    def embeddings(self) -> tuple[tuple[str, ...], FloatArray]:
        """Return all ids and the embeddings, (N, D), unit norm, read-only."""
        return self._ids, self._bundle.embeddings

    def coordinates(self) -> FloatArray | None:
        """Return the places on the map, (N, 2), read-only; None where there is no map."""
        return self._bundle.coordinates

    def preview_path(self, instrument_id: str) -> Path | None:
        """Return the sound file of an instrument's reference note, where there is one.

        Raises:
            InputError: There is no instrument with this id.
        """
        return self._bundle.sound(PREVIEWS_NAME, self.get(instrument_id).instrument_id)

    def phrase_path(self, instrument_id: str) -> Path | None:
        """Return the sound file of a short phrase that an instrument plays, where there is one.

        Raises:
            InputError: There is no instrument with this id.
        """
        return self._bundle.sound(PHRASES_NAME, self.get(instrument_id).instrument_id)

    def export(self, folder: Path | str, progress: Progress | None = None) -> None:
        """Copy the database, with previews and phrases, as a plain bundle into a new folder.

        Raises:
            DatabaseError: The folder is there already and not empty.
        """
        calibration, hubs = self.calibration, self.hubs

        def write_fits(target: Path) -> None:
            if hubs is not None:
                write_hubs(target, hubs)
            if calibration is not None:
                write_calibration(target, calibration)

        copy_bundle(self._bundle, Path(folder).expanduser(), write_fits, progress)

    def close(self) -> None:
        """End the use of the database; it holds no file open, so this has no effect today."""

    def __enter__(self) -> "InstrumentDatabase":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _use(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._ids = bundle.catalog.ids
        self._index = ExactIndex(bundle.catalog, bundle.embeddings)
        self._forget_fits()

    def _forget_fits(self) -> None:
        self._fits = Fits(self.path, self.identity, BUNDLED_PATH)
        self._known_penalties: dict[tuple[str, bytes], FloatArray] = {}

    def _check_value(self, column: str, value: str | None) -> None:
        known = [] if value is None else self._index.values(column)
        if value is not None and value not in known:
            raise InputError(
                f"This database has no {column} {value!r}; it has {', '.join(known) or 'none'}."
            )

    def _penalties(
        self, family: str, rows: NDArray[np.intp] | None, level_of: "InstrumentDatabase"
    ) -> FloatArray:
        """Return the hub penalty of each row that is a candidate for a family, (N,)."""
        key = family, b"" if rows is None else rows.tobytes()
        if level_of is self and key in self._known_penalties:
            return self._known_penalties[key]
        penalties = np.zeros(len(self), np.float32)
        hubs = level_of.hubs
        if hubs is not None:
            chosen = self._of_family(family) if rows is None else rows
            # An instrument of another database may happen to have the id of one of ours.
            ids = [self._ids[row] if level_of is self else "" for row in chosen]
            level = None if level_of is self else level_of._hub_level(family)
            penalties[chosen] = hubs.bias(self._bundle.embeddings[chosen], ids, family, level)
        if level_of is self:
            self._known_penalties[key] = penalties
        return penalties

    def _hub_level(self, family: str) -> float | None:
        """Return the mean nearness of a family's instruments to mixtures, see `HubCohort.level`."""
        rows = self._of_family(family)
        ids = [self._ids[row] for row in rows]
        hubs = self.hubs
        return None if hubs is None else hubs.level(self._bundle.embeddings[rows], ids, family)

    def _of_family(self, family: str) -> NDArray[np.intp]:
        return np.flatnonzero([one.family == family for one in self._bundle.catalog])
