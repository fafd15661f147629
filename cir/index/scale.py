"""The index of a large database, built in the background while the exact search answers."""

import contextlib
import logging
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from threading import Lock, Thread

from cir.errors import CirError, DatabaseError
from cir.index.bundle import Bundle
from cir.index.columns import Columns
from cir.index.exact_index import ExactIndex
from cir.index.faiss_index import FaissIndex
from cir.index.store import ensure_folder
from cir.index.vectors import VectorIndex
from cir.types import Progress

EXACT_LIMIT = 100_000
"""Up to as many instruments, all are compared with every query."""

_LAYOUT_VERSION = "2"
_logger = logging.getLogger(__name__)


class ScaleIndex:
    """The candidates of a large database: from all rows at first, from faiss once that is ready.

    Args:
        bundle: The database.
        columns: Its filters.
    """

    def __init__(self, bundle: Bundle, columns: Columns) -> None:
        self._bundle = bundle
        self._exact = ExactIndex(bundle.catalog, bundle.embeddings, columns)
        self._built: FaissIndex | None = None
        self._writing = Lock()
        """While `_built` is written or changed; shared with the index that goes on with it."""
        self._thread: Thread | None = None

    def start(self, known: "ScaleIndex | None" = None, changed: Iterable[str] = ()) -> None:
        """Open or build the index in the background.

        Args:
            known: The index of the same database before a change; it is of no use if another
                program has changed the database, too.
            changed: Ids of the instruments that were added, replaced or removed since.
        """
        if not is_installed() or self._thread is not None:
            return
        if known is not None and known._built is not None and self._comes_after(known):
            self._built, self._writing = known._built, known._writing
            with self._writing:
                self._built.follow(self._exact, changed)
        self._thread = Thread(target=self._prepare_quietly, daemon=True)
        self._thread.start()

    def current(self) -> VectorIndex:
        """Return the best index that is ready."""
        return self._built or self._exact

    def prepare(self, progress: Progress | None = None) -> Path:
        """Open the index, or build and store it, and return its folder.

        Raises:
            DatabaseError: faiss is not installed, the folder cannot be written, or the database
                has changed meanwhile.
        """

        def write(folder: Path) -> None:
            folder.mkdir()
            if self._built is None:
                FaissIndex.build(self._exact, progress).write(folder)
            else:
                self._write(self._built, folder)

        try:
            folder = ensure_folder("indexes", self._key(), write)
        except OSError as error:
            raise DatabaseError(f"The index cannot be written: {error}.") from None
        if self._built is None:
            self._built = FaissIndex.read(folder, self._exact)
        return folder

    def _prepare_quietly(self) -> None:
        try:
            self.prepare()
        except _OutdatedError:
            return  # the index of what came after is on its way
        except CirError as error:
            _logger.warning("%s Searches compare all instruments instead.", error)

    def _write(self, built: FaissIndex, folder: Path) -> None:
        with self._writing:
            if built.exact is not self._exact:
                raise _OutdatedError("The database has changed; ask for its index again.")
            built.write(folder)

    def _comes_after(self, known: "ScaleIndex") -> bool:
        """Return whether one change, which is known, is all that lies between two indexes."""
        old, new = known._bundle.store, self._bundle.store
        return old is not None and new is not None and new.is_next_after(old)

    def _key(self) -> str:
        faiss = version("faiss-cpu")
        return "\n".join((_LAYOUT_VERSION, faiss, self._bundle.digest))


class _OutdatedError(DatabaseError):
    """The index has gone on to a later version of its database."""


def is_installed() -> bool:
    """Return whether there is faiss."""
    with contextlib.suppress(PackageNotFoundError):
        return bool(version("faiss-cpu"))
    return False
