"""Instruments, their reference embeddings and previews, searchable by sound."""

import logging
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cir.errors import DatabaseError, InputError
from cir.files import replacing, replacing_folder, writing
from cir.index.bundle import (
    HEADER_NAME,
    PHRASES_NAME,
    PREVIEWS_NAME,
    Bundle,
    is_bundle,
    is_unfinished,
    locked,
    read_bundle,
    write_bundle,
)
from cir.index.calibration import (
    CALIBRATION_NAME,
    Calibration,
    read_calibration,
    write_calibration,
)
from cir.index.chroma import ChromaStore
from cir.index.exact import cosine_similarities, rank, shortlist
from cir.index.hubs import HubCohort, read_hubs, write_hubs
from cir.index.likeness import Likeness
from cir.index.store import HOME_VARIABLE, discard_store, ensure_store
from cir.index.timbre_map import place, principal_plane
from cir.index.vectors import check_embeddings, check_query
from cir.instruments.catalog import Catalog
from cir.instruments.families import check_families
from cir.types import Encoder, FloatArray, Instrument, Match, Progress

BUNDLED_PATH = Path(__file__).parents[1] / "assets" / "database"
"""The database that comes with the package."""

EXHAUSTIVE_ROWS = 4_096
"""Up to this many rows Chroma is asked for all of them; above, one matrix product is faster."""

_logger = logging.getLogger(__name__)
_Fit = TypeVar("_Fit", Calibration, HubCohort)


@dataclass(frozen=True)
class DatabaseInfo:
    """What a database holds."""

    path: Path
    identity: str
    """Of the model that made the embeddings."""
    dimension: int
    n_instruments: int
    sources: dict[str, int]
    """Instruments per source; all counts are in falling order."""
    families: dict[str, int]
    """Instruments per family; those without are counted as `none`."""
    banks: dict[str, int]
    map_trustworthiness: float | None
    calibration: str | None
    """What the chances of matches were fitted on; None where there are none."""


class InstrumentDatabase:
    """Search instruments by embedding.

    Made by `open` or `create`. Results equal those of `cir.index.exact.exact_search` on the rows
    that pass the filters, ties in order of instrument id.
    """

    def __init__(self, bundle: Bundle) -> None:
        self._lock = threading.RLock()
        self._store: ChromaStore | None = None
        self._store_failed = False
        self._calibration: Calibration | None = None
        self._calibration_read = False
        self._hubs: HubCohort | None = None
        self._hubs_read = False
        self._biases: dict[str | None, FloatArray] = {}
        self._use(bundle)

    @classmethod
    def open(
        cls, path: Path | str | None = None, *, encoder: Encoder | None = None
    ) -> "InstrumentDatabase":
        """Open a database.

        The index that answers searches is made at the first search, or by `prepare`.

        Args:
            path: its folder; None opens the one that comes with the package.
            encoder: the model that queries will be embedded with.

        Raises:
            DatabaseError: there is no database, it is damaged, or not `encoder` made it.
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

        Killed, it goes on where it is asked for the same again.

        Args:
            path: its folder, new or empty.
            encoder: of the model.
            may_exist: whether to open a database of this model that is there already, as another
                process may just have made it.

        Raises:
            DatabaseError: there is one already, or `path` is a file or a folder of something else.
            StorageError: the disk is full.
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
        """Make sure that a model embeds as the model did that made this database.

        Raises:
            DatabaseError: it does not.
        """
        if encoder.identity != self.identity:
            raise DatabaseError(
                f"The database {self.path} was made by the model {self.identity}, not by "
                f"{encoder.identity}: open it with its own model, or build one with this model "
                "(`cir database build --model MODEL`)."
            )

    def info(self) -> DatabaseInfo:
        """Count what is here."""
        bundle = self._bundle
        return DatabaseInfo(
            path=bundle.folder,
            identity=self.identity,
            dimension=bundle.header.dimension,
            n_instruments=len(bundle.catalog),
            sources=_count(row.source for row in bundle.catalog),
            families=_count(row.family or "none" for row in bundle.catalog),
            banks=_count(row.bank for row in bundle.catalog),
            map_trustworthiness=bundle.header.map_trustworthiness,
            calibration=None if self.calibration is None else self.calibration.about,
        )

    @property
    def calibration(self) -> Calibration | None:
        """What turns similarities into chances; None where nothing was fitted for this database.

        Raises:
            DatabaseError: it is damaged, or was made for another model.
        """
        with self._lock:
            if not self._calibration_read:
                own = read_calibration(self.path)
                if own is not None:
                    own.check_identity(self.identity)
                self._calibration, self._calibration_read = own, True
            return self._calibration

    @property
    def likeness(self) -> Likeness:
        """What is said in words of the similarities of mixtures to instruments.

        That of the bundled database serves every database of the same model.

        Raises:
            DatabaseError: the calibration is damaged, or was made for another model.
        """
        fitted = self.calibration or self._of_bundled(read_calibration)
        return Likeness() if fitted is None else fitted.likeness

    def set_calibration(self, calibration: Calibration) -> None:
        """Store what turns similarities into chances, in place of what was there.

        Raises:
            DatabaseError: it was made for another model, or the folder cannot be written to.
        """
        with self._lock:
            calibration.check_identity(self.identity)
            with locked(self.path):
                write_calibration(self.path, calibration)
            self._calibration, self._calibration_read = calibration, True

    @property
    def hubs(self) -> HubCohort | None:
        """What marks down instruments that are near to every mixture; None where nothing does.

        That of the bundled database serves every database of the same model without its own.

        Raises:
            DatabaseError: it is damaged, or was made with another model.
        """
        with self._lock:
            if not self._hubs_read:
                own = read_hubs(self.path)
                if own is not None:
                    own.check_identity(self.identity)
                self._hubs = own or self._of_bundled(read_hubs)
                self._hubs_read = True
            return self._hubs

    def set_hubs(self, hubs: HubCohort) -> None:
        """Store what marks down hubs; a calibration, fitted on other similarities, is dropped.

        Raises:
            DatabaseError: it was made with another model, or the folder cannot be written to.
        """
        with self._lock:
            hubs.check_identity(self.identity)
            with locked(self.path):
                write_hubs(self.path, hubs)
                (self.path / CALIBRATION_NAME).unlink(missing_ok=True)
            self._forget_fits()

    def prepare(self, progress: Progress | None = None) -> None:
        """Open the search index, and build it if this database has none yet (seconds).

        Raises:
            DatabaseError: it cannot be written.
        """
        with self._lock:
            if self._store is not None or self._store_failed or not len(self):
                return
            try:
                folder = ensure_store(self._bundle, progress)
            except Exception as error:  # of the file system, of SQLite or of Chroma
                raise DatabaseError(
                    f"The search index cannot be written: {error}; set {HOME_VARIABLE} to a folder "
                    "that can be written to."
                ) from error
            try:
                self._store = ChromaStore(folder)
            except Exception:  # whatever Chroma raises where its files are damaged
                _logger.warning("Damaged index %s: comparing all rows", folder, exc_info=True)
                self._store_failed = True
                discard_store(folder)

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
        """Return the instruments most similar to an embedding, best first.

        Args:
            embedding: (D,), any scale.
            top_k: how many, at least 1; fewer come back where fewer pass the filters.
            family: only this family; None for all instruments, also those without a family.
            bank: only this bank.
            source: only this source.
            of_mixture: the embedding is what a mixture answered for `family`: instruments that
                are near to every mixture are marked down, see `hubs`.

        Raises:
            DatabaseError: the embedding has another dimension than the database.
            InputError: any argument is out of range or unknown, or the embedding is no direction.
        """
        if not isinstance(top_k, Integral) or isinstance(top_k, bool) or top_k < 1:
            raise InputError(f"top_k must be a whole number of at least 1, not {top_k!r}.")
        query = check_query(embedding, self._bundle.header.dimension)
        family, filters = self._check_filters(family, bank, source)
        with self._lock:
            bias = self._bias(family if of_mixture else None)
            return self._search(query, int(top_k), family, filters, bias)

    def similarities(
        self,
        embedding: ArrayLike,
        family: str | None = None,
        *,
        bank: str | None = None,
        source: str | None = None,
        of_mixture: bool = False,
    ) -> NDArray[np.float64]:
        """Compare an embedding with every instrument that a search would rank.

        Takes the filters of `search`, and raises what it raises.

        Returns:
            What `search` ranks by, exact, in the order of `instruments`, (N,).
        """
        query = check_query(embedding, self._bundle.header.dimension)
        family, filters = self._check_filters(family, bank, source)
        with self._lock:
            rows = self._eligible_rows(family, filters)
            similarities = cosine_similarities(self._bundle.embeddings[rows], query)
            return similarities - self._bias(family if of_mixture else None)[rows]

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
            phrases: the same of what each plays; one who comes without loses that of before.

        Raises:
            DatabaseError: the bundled database is not to be changed, or D is not the database's.
            InputError: an embedding is no direction, or the numbers of rows differ.
            DataError: a row of the catalogue is malformed.
        """
        folder = self.path
        if folder == BUNDLED_PATH:
            raise DatabaseError(
                "The bundled database is not changed; add to one of your own (--database FOLDER), "
                "or start with a copy of it (`cir database export FOLDER`)."
            )
        with self._lock, writing(folder), locked(folder):
            current = read_bundle(folder)  # another process may have added since
            new = check_embeddings(embeddings, current.header.dimension)
            if len(new) != len(instruments):
                raise InputError(f"{len(instruments)} instruments came with {len(new)} embeddings.")
            catalog, merged, coordinates = _merge(current, Catalog(instruments), new)
            _copy_sounds(previews or {}, folder / PREVIEWS_NAME)
            _copy_sounds(phrases or {}, folder / PHRASES_NAME)
            for instrument in instruments:
                if instrument.instrument_id not in (phrases or {}):
                    old = folder / PHRASES_NAME / f"{instrument.instrument_id}.opus"
                    old.unlink(missing_ok=True)
            written = write_bundle(
                folder,
                identity=current.header.identity,
                catalog=catalog,
                embeddings=merged,
                coordinates=coordinates,
                map_trustworthiness=current.header.map_trustworthiness,
            )
            self.close()
            self._use(written)

    def remove(self, instrument_ids: Iterable[str]) -> None:
        """Take instruments out, with their sounds; all of them or none.

        Raises:
            DatabaseError: the bundled database is not to be changed.
            InputError: an instrument is not here.
        """
        folder = self.path
        if folder == BUNDLED_PATH:
            raise DatabaseError("The bundled database is not changed; remove from one of your own.")
        gone = set(instrument_ids)
        with self._lock, writing(folder), locked(folder):
            current = read_bundle(folder)
            for instrument_id in sorted(gone):
                current.catalog.by_id(instrument_id)  # says it where there is none
            kept = [row for row, one in enumerate(current.catalog) if one.instrument_id not in gone]
            places = current.coordinates
            written = write_bundle(
                folder,
                identity=current.header.identity,
                catalog=Catalog(current.catalog[row] for row in kept),
                embeddings=current.embeddings[kept],
                coordinates=None if places is None else places[kept],
                map_trustworthiness=current.header.map_trustworthiness,
            )  # sounds of no instrument go with it
            self.close()
            self._use(written)

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
            InputError: there is no instrument with this id.
        """
        return self._sound_path(PREVIEWS_NAME, instrument_id)

    def phrase_path(self, instrument_id: str) -> Path | None:
        """Return the sound file of a short phrase that an instrument plays, where there is one.

        Raises:
            InputError: there is no instrument with this id.
        """
        return self._sound_path(PHRASES_NAME, instrument_id)

    def export(self, folder: Path | str, progress: Progress | None = None) -> None:
        """Copy the database, with previews and phrases, as a plain bundle into a new folder.

        Raises:
            DatabaseError: the folder is there already and not empty.
        """
        target = Path(folder).expanduser()
        check_new_folder(target)
        bundle, calibration, hubs = self._bundle, self.calibration, self.hubs
        with replacing_folder(target) as temporary:
            write_bundle(
                temporary,
                identity=self.identity,
                catalog=bundle.catalog,
                embeddings=bundle.embeddings,
                coordinates=bundle.coordinates,
                map_trustworthiness=bundle.header.map_trustworthiness,
            )
            if hubs is not None:
                write_hubs(temporary, hubs)
            if calibration is not None:
                write_calibration(temporary, calibration)
            for done, instrument_id in enumerate(self._ids, start=1):
                for kind in (PREVIEWS_NAME, PHRASES_NAME):
                    sound = self._sound_path(kind, instrument_id)
                    if sound is not None:
                        (temporary / kind).mkdir(exist_ok=True)
                        shutil.copyfile(sound, temporary / kind / sound.name)
                if progress is not None:
                    progress(done / len(self._ids), "Copying sounds")

    def close(self) -> None:
        """Release the files of the search index; the next search opens it again."""
        with self._lock:
            if self._store is not None:
                self._store.close()
                self._store = None

    def __enter__(self) -> "InstrumentDatabase":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _sound_path(self, kind: str, instrument_id: str) -> Path | None:
        path = self.path / kind / f"{self.get(instrument_id).instrument_id}.opus"
        return path if path.is_file() else None

    def _use(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._store_failed = False
        self._ids = tuple(row.instrument_id for row in bundle.catalog)
        self._row_of_id = {name: row for row, name in enumerate(self._ids)}
        self._columns: dict[str, NDArray[np.object_]] = {
            column: np.array([getattr(row, column) for row in bundle.catalog], dtype=object)
            for column in ("family", "bank", "source")
        }
        self._forget_fits()

    def _forget_fits(self) -> None:
        """What was fitted for this database is read again, where it is asked for."""
        self._calibration, self._calibration_read = None, False
        self._hubs, self._hubs_read = None, False
        self._biases = {}

    def _of_bundled(self, read: Callable[[Path], _Fit | None]) -> _Fit | None:
        """What was fitted for the bundled database, where the model is the same.

        Raises:
            DatabaseError: it is damaged.
        """
        shipped = read(BUNDLED_PATH)
        return shipped if shipped is not None and shipped.identity == self.identity else None

    def _bias(self, family: str | None) -> FloatArray:
        """How much each instrument is marked down for a family, nobody for None, (N,)."""
        if family not in self._biases:
            bias = np.zeros(len(self), np.float32)
            if self.hubs is not None and family is not None:
                rows = np.flatnonzero(self._columns["family"] == family)
                ids = [self._ids[row] for row in rows]
                bias[rows] = self.hubs.bias(self._bundle.embeddings[rows], ids, family)
            self._biases[family] = bias
        return self._biases[family]

    def _check_filters(
        self, family: str | None, bank: str | None, source: str | None
    ) -> tuple[str | None, dict[str, str]]:
        if family is not None:
            (family,) = check_families([family])
        filters = {
            column: self._check_value(column, value)
            for column, value in (("bank", bank), ("source", source))
            if value is not None
        }
        return family, filters

    def _check_value(self, column: str, value: str) -> str:
        known = sorted(set(self._columns[column]))
        if value not in known:
            raise InputError(
                f"This database has no {column} {value!r}; it has {', '.join(known) or 'none'}."
            )
        return value

    def _search(
        self,
        query: FloatArray,
        top_k: int,
        family: str | None,
        filters: Mapping[str, str],
        bias: FloatArray,
    ) -> list[Match]:
        rows = self._eligible_rows(family, filters)
        if len(rows) == 0:
            return []
        candidates = self._candidates(query, rows, top_k, filters, bias)
        ids = [self._ids[row] for row in candidates]
        similarities = cosine_similarities(self._bundle.embeddings[candidates], query)
        similarities -= bias[candidates]
        return [
            Match(
                position,
                similarity,
                self.get(name),
                self.preview_path(name),
                phrase=self.phrase_path(name),
            )
            for position, (name, similarity) in enumerate(rank(ids, similarities, top_k), start=1)
        ]

    def _eligible_rows(self, family: str | None, filters: Mapping[str, str]) -> NDArray[np.intp]:
        eligible = np.ones(len(self), dtype=bool)
        for column, value in filters.items():
            eligible &= self._columns[column] == value
        if family is not None:
            eligible &= self._columns["family"] == family
        return np.flatnonzero(eligible)

    def _candidates(
        self,
        query: FloatArray,
        rows: NDArray[np.intp],
        top_k: int,
        filters: Mapping[str, str],
        bias: FloatArray,
    ) -> NDArray[np.intp]:
        """Return rows among which the `top_k` of `rows` certainly are, (N,) being their bias."""
        if len(rows) <= EXHAUSTIVE_ROWS:
            found, similarities = self._ask_chroma(query, rows, filters)
            if len(found) == len(rows):
                return found[shortlist(similarities - bias[found], top_k)]
            _logger.info("Chroma returned %d of %d rows; comparing all", len(found), len(rows))
        return rows[shortlist(self._bundle.embeddings[rows] @ query - bias[rows], top_k)]

    def _ask_chroma(
        self, query: FloatArray, rows: NDArray[np.intp], filters: Mapping[str, str]
    ) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """Compare a query with `rows`, family by family; the result may lack rows."""
        self.prepare()
        counts = Counter(self._columns["family"][rows])
        ids: list[str] = []
        parts: list[NDArray[np.float32]] = [np.empty(0, dtype=np.float32)]
        for family, count in counts.items():
            if self._store is None:
                break
            try:
                found, similarities = self._store.similarities(query, family, filters, count)
            except Exception:  # whatever Chroma raises once its files are gone: the rows are here
                _logger.warning("Chroma failed; comparing all rows instead", exc_info=True)
                break
            ids += found
            parts.append(similarities)
        found_rows = np.array([self._row_of_id[name] for name in ids], dtype=np.intp)
        return found_rows, np.concatenate(parts)


def check_new_folder(folder: Path) -> None:
    """Make sure that a folder can be written anew; what a killed `create` left is no matter.

    Raises:
        DatabaseError: it is a file, or holds something already.
    """
    if folder.is_file():
        raise DatabaseError(f"{folder} is a file; name a new folder.")
    if folder.is_dir() and not is_unfinished(folder):
        what = "a database" if (folder / HEADER_NAME).exists() else "other files"
        raise DatabaseError(f"{folder} holds {what} already; name a new or empty folder.")


def _copy_sounds(sounds: Mapping[str, Path], folder: Path) -> None:
    for instrument_id, sound in sounds.items():
        with replacing(folder / f"{instrument_id}.opus") as temporary:
            shutil.copyfile(sound, temporary)


def _count(values: Iterable[str]) -> dict[str, int]:
    counted = Counter(values)
    return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))


def _merge(
    current: Bundle, added: Catalog, embeddings: FloatArray
) -> tuple[Catalog, FloatArray, FloatArray | None]:
    """Return catalogue, embeddings and coordinates with new rows in place of old ones, by id."""
    new_ids = {row.instrument_id for row in added}
    kept = [row for row, old in enumerate(current.catalog) if old.instrument_id not in new_ids]
    everything = [*(current.catalog[row] for row in kept), *added]
    merged = np.concatenate([current.embeddings[kept], embeddings])
    if current.coordinates is not None and len(kept) > 0:
        known, places = current.embeddings[kept], current.coordinates[kept]
        placed = [place(embedding, known, places) for embedding in embeddings]
        coordinates = np.concatenate([places, np.array(placed, dtype=np.float32).reshape(-1, 2)])
    else:
        coordinates = principal_plane(merged)
    order = sorted(range(len(everything)), key=lambda row: everything[row].instrument_id)
    return Catalog(everything[row] for row in order), merged[order], coordinates[order]
