"""Instruments, their reference embeddings and previews, searchable by sound."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cir.errors import DatabaseError
from cir.files import writing
from cir.index.bundle import (
    PHRASES_NAME,
    PREVIEWS_NAME,
    Bundle,
    is_bundle,
    locked,
    read_bundle,
)
from cir.index.calibration import Calibration, Fits, write_calibration
from cir.index.chances import Likeness
from cir.index.changes import add_instruments, check_new_folder, copy_bundle, remove_instruments
from cir.index.exact_search import ExactSearch
from cir.index.row_store import RowStore
from cir.index.scale import EXACT_LIMIT, ScaleIndex
from cir.index.vectors import VectorIndex
from cir.instruments.catalog import Catalog
from cir.types import Encoder, FloatArray, Instrument, Progress

BUNDLED_PATH = Path(__file__).parents[1] / "assets" / "database"
"""The database that comes with the package."""


@dataclass(frozen=True)
class DatabaseInfo:
    """What a database holds."""

    path: Path | str
    """Its folder, or its address on a server."""
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


class InstrumentDatabase(ExactSearch):
    """Search instruments by embedding.

    Made by `open` or `create`. Every search is a `Ranking` of all rows that pass the filters.
    """

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
                    RowStore.create(folder, encoder.identity, encoder.embedding_size)
        return cls.open(folder, encoder=encoder)

    @property
    def path(self) -> Path:
        """The folder of the bundle."""
        return self._bundle.folder

    @property
    def location(self) -> Path | str:
        """What `--database` names it by: its folder, or its address on a server."""
        return self.path

    @property
    def identity(self) -> str:
        """Of the model that made the embeddings."""
        return self._bundle.header.identity

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
        header, rows, calibration = self._bundle.header, self._bundle.catalog, self.calibration
        return DatabaseInfo(
            path=self.location,
            identity=header.identity,
            dimension=header.dimension,
            n_instruments=len(rows),
            sources=_count(row.source for row in rows),
            families=_count(row.family or "none" for row in rows),
            banks=_count(row.bank for row in rows),
            map_trustworthiness=header.map_trustworthiness,
            calibration=None if calibration is None else calibration.about,
        )

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

    def set_calibration(self, calibration: Calibration) -> None:
        """Store a calibration in place of an older one.

        Raises:
            DatabaseError: It was made for another model, or the folder cannot be written to.
        """
        calibration.check_identity(self.identity)
        with self._lock, locked(self.path):
            write_calibration(self.path, calibration)
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

    def add(
        self,
        instruments: Sequence[Instrument],
        embeddings: ArrayLike,
        previews: Mapping[str, Path] | None = None,
        phrases: Mapping[str, Path] | None = None,
    ) -> None:
        """Add instruments, or replace those whose id is here already; all of them or none.

        A database with a computed map places new instruments beside their nearest neighbours there;
        others have a map of principal components.

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
        check_may_change(self.path)
        with self._lock:
            self._follow(
                add_instruments(self.path, instruments, embeddings, previews or {}, phrases or {}),
                [one.instrument_id for one in instruments],
            )

    def remove(self, instrument_ids: Iterable[str]) -> None:
        """Remove instruments with their sounds; all of them or none.

        Raises:
            DatabaseError: The bundled database cannot be changed.
            InputError: An instrument is not here.
        """
        check_may_change(self.path)
        gone = list(instrument_ids)
        with self._lock:
            self._follow(remove_instruments(self.path, gone), gone)

    def index(self, progress: Progress | None = None) -> Path | None:
        """Build and store the index of a large database, unless it is there already.

        Searches start it in the background by themselves, and compare all instruments meanwhile.

        Returns:
            Its folder; None where there are so few instruments that none is used.

        Raises:
            DatabaseError: faiss is not installed, or the folder cannot be written.
        """
        if len(self) <= EXACT_LIMIT:
            return None
        return self._scaled().prepare(progress)

    def get(self, instrument_id: str) -> Instrument:
        """Return one instrument; raises InputError where there is none with this id."""
        return self._bundle.catalog.by_id(instrument_id)

    def families(self) -> set[str | None]:
        """Return the families that occur, None for none."""
        columns = self._columns
        return {*columns.families(), *([None] if not columns.with_family().all() else [])}

    def rows_of(self, family: str | None) -> NDArray[np.intp]:
        """Return the rows of a family, rising; None for those without one."""
        columns = self._columns
        return columns.rows(family) if family else np.flatnonzero(~columns.with_family())

    def instruments(self) -> Catalog:
        """Return all instruments, in the order of `embeddings` and `coordinates`."""
        return self._bundle.catalog

    def embeddings(self) -> tuple[tuple[str, ...], FloatArray]:
        """Return all ids and the embeddings, (N, D), unit norm, read-only."""
        return self._bundle.catalog.ids, self._bundle.embeddings

    def embedding_of(self, instrument_id: str) -> FloatArray:
        """Return an instrument's embedding, (D,); raises InputError where there is none."""
        self.get(instrument_id)
        return np.asarray(self._bundle.embeddings[self._bundle.catalog.ids.index(instrument_id)])

    def match_text(self, query: str) -> NDArray[np.float64]:
        """Return how well each instrument has words, (N,), see `text_search.match_text`."""
        return self._columns.text.match(query)

    def coordinates(self) -> FloatArray | None:
        """Return the places on the map, (N, 2), read-only; None where there is no map."""
        return self._bundle.coordinates

    def descriptors(self) -> FloatArray | None:
        """Return brightness, attack and noisiness, (N, 3), see `cir.index.descriptors.NAMES`.

        NaN where they are unknown; None where no instrument was measured.

        Raises:
            DatabaseError: They are damaged.
        """
        return self._bundle.descriptors

    def describe(self, progress: Progress | None = None) -> tuple[int, int]:
        """Measure the previews that were not measured yet, see `descriptors`.

        An interrupted call is continued by the next one.

        Returns:
            The number of instruments that were measured now, and of those without a usable preview.

        Raises:
            DatabaseError: The database is damaged.
            StorageError: The disk is full.
        """
        from cir.index.measure_previews import fill_descriptors

        counts = fill_descriptors(self.path, progress)
        with self._lock:
            self._use(read_bundle(self.path))
        return counts

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

    @property
    def sound_folders(self) -> list[Path]:
        """Folders of the files that `preview_path` and `phrase_path` return."""
        return self._bundle.sound_folders

    def export(self, folder: Path | str, progress: Progress | None = None) -> None:
        """Copy the database, with previews and phrases, as a plain bundle into a new folder.

        Raises:
            DatabaseError: The folder is there already and not empty.
        """
        calibration = self.calibration

        def write_fits(target: Path) -> None:
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
        super()._use(bundle)
        self._scale: ScaleIndex | None = None
        self._forget_fits()

    def _forget_fits(self) -> None:
        self._fits = Fits(self.path, self.identity, BUNDLED_PATH)

    def _index(self) -> VectorIndex | None:
        if len(self) <= EXACT_LIMIT:
            return None
        scale = self._scaled()
        scale.start()
        return scale.current()

    def _scaled(self) -> ScaleIndex:
        with self._lock:
            if self._scale is None:
                self._scale = ScaleIndex(self._bundle, self._columns)
            return self._scale

    def _follow(self, bundle: Bundle, changed: Sequence[str]) -> None:
        """Go over to the bundle as it is after a change."""
        known = self._scale
        self._use(bundle)
        if known is not None and len(self) > EXACT_LIMIT:
            self._scaled().start(known, changed)


def check_may_change(folder: Path) -> None:
    """Make sure that a database is not the one that comes with the package.

    Raises:
        DatabaseError: It is.
    """
    if folder.resolve() == BUNDLED_PATH.resolve():
        raise DatabaseError(
            "The bundled database is not changed; add to one of your own (--database FOLDER), or "
            "start with a copy of it (`cir database export FOLDER`)."
        )


def _count(values: Iterable[str]) -> dict[str, int]:
    counted = Counter(values)
    return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))
