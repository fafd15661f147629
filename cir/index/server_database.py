"""A database on a Chroma server, which several people and programs share.

    chroma://host:port/name     chromas://host:port/name (TLS)

The collection `name` says which model made the embeddings; `name.family-bass` and others hold the
instruments (`cir.index.chroma_index`). Sounds are not stored there: a folder on this machine keeps
those of instruments that were added from it.

A small database is read as a whole and then searched as any other: every score and chance is the
same. Of a large one the server gives candidates, which are compared exactly. Chances depend on the
scores of all instruments of a family; a large database has words instead.
"""

import json
import os
import re
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from cir.errors import DatabaseError, InputError
from cir.files import replacing
from cir.index.bundle import FORMAT_VERSION, PREVIEWS_NAME, Bundle, Header, is_bundle
from cir.index.calibration import Calibration, calibration_of
from cir.index.changes import remove_sounds
from cir.index.chroma_index import ChromaIndex
from cir.index.database import InstrumentDatabase
from cir.index.home import home
from cir.index.ranking import check_embeddings
from cir.index.sounds import KINDS
from cir.index.vectors import VectorIndex
from cir.instruments.catalog import Catalog
from cir.schema import read_json
from cir.types import Encoder, FloatArray, Instrument, Progress

if TYPE_CHECKING:
    from chromadb.api import ClientAPI

TOKEN_VARIABLE = "CIR_CHROMA_TOKEN"
"""Environment variable: sent to servers as `Authorization: Bearer` and `X-Chroma-Token`."""

WHOLE_ROWS = 5_000
"""A database of so many instruments at most is read as a whole."""

PATIENCE_SECONDS = 60.0
"""How long a server that stopped is waited for."""

_LAYOUT = 1
_PORTS = {"chroma": 8000, "chromas": 443}
# The path of a file in Python has one slash where a URL has two.
_ADDRESS = re.compile(r"(chromas?):/{1,2}([^/:]+|\[[^]]+\])(?::(\d{1,5}))?/([^/]+)/?")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,98}[A-Za-z0-9]")
_CHECKED_SECONDS = 1.0


@dataclass(frozen=True)
class ServerAddress:
    """Where a database on a server is."""

    scheme: str
    host: str
    port: int
    name: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}/{self.name}"


def server_address(place: Path | str | None) -> ServerAddress | None:
    """Read `chroma://host:port/name` or `chromas://...`; None for anything else.

    Raises:
        InputError: It begins so, and is not complete.
    """
    text = "" if place is None else str(place)
    if not text.startswith(("chroma:/", "chromas:/")):
        return None
    found = _ADDRESS.fullmatch(text)
    if found is None or not _NAME.fullmatch(found[4]):
        written = re.sub(":/+", "://", text, count=1)  # a Path has lost a slash
        raise InputError(
            f"{written!r} is no database on a server; write chroma://HOST:PORT/NAME (chromas:// "
            "for TLS), with a name of 3 to 100 letters, digits, dots, hyphens and underscores."
        )
    return ServerAddress(found[1], found[2], int(found[3] or _PORTS[found[1]]), found[4])


class ServerDatabase(InstrumentDatabase):
    """A database on a server; made by `connect`.

    Another program may change it at any time: what was read is read again after a change.
    """

    def __init__(
        self,
        address: ServerAddress,
        header: Mapping[str, Any],
        client: "ClientAPI",
        index: ChromaIndex,
    ) -> None:
        self.address = address
        self._told = dict(header)
        self._client, self._server = client, index
        self._seen = time.monotonic()
        self._place = home() / "servers" / sha256(str(address).encode()).hexdigest()[:20]
        super().__init__(self._bundle_of(Catalog([]), np.empty((0, self.dimension), np.float32)))
        self._held = None

    @classmethod
    def connect(
        cls,
        address: ServerAddress,
        encoder: Encoder | None = None,
        *,
        create: tuple[str, int] | None = None,
        waiting: Callable[[], None] | None = None,
    ) -> "ServerDatabase":
        """Open a database on a server.

        Args:
            address: Where.
            encoder: The model that queries will be embedded with.
            create: Makes it if it is missing, for embeddings of the model of this identity and of
                this length.
            waiting: Called again and again while a server that stopped is waited for.

        Raises:
            DatabaseError: The server does not answer or refuses, there is no such database, or
                another model made it.
        """
        client = _client(address)
        index = ChromaIndex(
            client, f"{address.name}.", patience_seconds=PATIENCE_SECONDS, waiting=waiting
        )
        header = index.patiently(lambda: _header(client, address))
        if header is None and create is None:
            raise DatabaseError(
                f"There is no database {address}; make one with `cir database add SOUNDS "
                f"--database {address}`."
            )
        if header is None and create is not None:
            made = {"identity": create[0], "dimension": create[1], **_stamp()}
            index.patiently(lambda: _write_header(client, address, made))
            header = made
        database = cls(address, header or {}, client, index)
        if encoder is not None:
            database.check_encoder(encoder)
        return database

    def __len__(self) -> int:
        return self._server.count()

    @property
    def path(self) -> Path:
        """The folder of those sounds that were added from this machine."""
        return self._place

    @property
    def location(self) -> str:
        """The address."""
        return str(self.address)

    @property
    def identity(self) -> str:
        """Of the model that made the embeddings."""
        return str(self._told["identity"])

    @property
    def dimension(self) -> int:
        """Length D of the embeddings."""
        return int(self._told["dimension"])

    @property
    def calibration(self) -> Calibration | None:
        """What turns similarities into chances, see `InstrumentDatabase.calibration`."""
        own = super().calibration
        if own is None and self._told.get("calibration"):
            own = calibration_of(json.loads(self._told["calibration"]), self.location)
            if own is not None:
                own.check_identity(self.identity)
        return own

    def families(self) -> set[str | None]:
        """Return the families that occur, None for none."""
        return self._server.families()

    def add_all(self, source: InstrumentDatabase, progress: Progress | None = None) -> None:
        """Add everything of another database of the same model, with its calibration.

        A call that was interrupted can be repeated: what is there already is not sent again.

        Raises:
            DatabaseError: Another model made it, or something is missing on the server afterwards.
        """
        self._check_made_alike(source)
        ids, embeddings = source.embeddings()
        bundle = source._bundle
        previews, phrases = (
            {name: path for name in ids if (path := bundle.kept_sound(kind, name)) is not None}
            for kind in KINDS
        )
        self._keep(source.instruments(), embeddings, previews, phrases, progress)
        if source.calibration is not None and len(self) == len(source):
            self.take_calibration(source.calibration)

    def note_sent(self) -> None:
        """Note what `path` holds as sent, unless that is noted already; call it before a change.

        The sounds of older versions of this program were sent without a note.
        """
        if not self._sent_path.is_file() and is_bundle(self.path):
            self._write_sent(InstrumentDatabase.open(self.path).instruments().ids)

    def send(self, progress: Progress | None = None) -> None:
        """Send the database at `path`, and remove what was sent from there before and has gone.

        What other machines added stays. A call that was interrupted can be repeated.

        Raises:
            DatabaseError: See `add_all`.
        """
        source = InstrumentDatabase.open(self.path)
        self._check_made_alike(source)
        ids = source.instruments().ids
        self._server.delete(self._sent() - set(ids))
        self.add_all(source, progress)
        self._write_sent(ids)

    def add(
        self,
        instruments: Sequence[Instrument],
        embeddings: ArrayLike,
        previews: Mapping[str, Path] | None = None,
        phrases: Mapping[str, Path] | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Add instruments, or replace those of the same id; see `InstrumentDatabase.add`.

        A call that was interrupted can be repeated: what is there already is not sent again.
        """
        rows = check_embeddings(embeddings, self.dimension)
        if len(rows) != len(instruments):
            raise InputError(f"{len(instruments)} instruments came with {len(rows)} embeddings.")
        self._keep(Catalog(instruments), rows, previews or {}, phrases or {}, progress)

    def remove(self, instrument_ids: Iterable[str]) -> None:
        """Remove instruments, here and on the server; all of them or none.

        Raises:
            InputError: An instrument is not here.
        """
        gone = sorted(set(instrument_ids))
        known = {one.instrument_id for one in self._server.get(gone).instruments}
        if missing := [name for name in gone if name not in known]:
            raise InputError(f"{self.location} has no instrument {missing[0]!r}.")
        self._forget(gone)
        self._server.delete(gone)
        self._changed()

    def _forget(self, instrument_ids: Sequence[str]) -> None:
        """Remove what this machine keeps of instruments; `send` would bring them back.

        Another machine may add them again, and then they are not this one's to remove.
        """
        remove_sounds(_sent_sounds(self._place), instrument_ids)
        if is_bundle(self.path):
            mine = InstrumentDatabase.open(self.path)
            mine.remove(set(instrument_ids) & set(mine.instruments().ids))
        if self._sent_path.is_file():
            self._write_sent(sorted(self._sent().difference(instrument_ids)))

    def get(self, instrument_id: str) -> Instrument:
        """Return one instrument; raises InputError where there is none with this id."""
        for one in self._server.get([instrument_id]).instruments:
            return one
        raise InputError(f"{self.location} has no instrument {instrument_id!r}.")

    def embedding_of(self, instrument_id: str) -> FloatArray:
        """Return an instrument's embedding, see `InstrumentDatabase.embedding_of`."""
        self.get(instrument_id)
        return np.asarray(self._server.get([instrument_id]).embeddings[0])

    def take_calibration(self, calibration: Calibration) -> None:
        """Store a calibration on the server."""
        calibration.check_identity(self.identity)
        self._told["calibration"] = json.dumps(calibration.as_dict(), allow_nan=False)
        self._changed()

    def prepare(self, progress: Progress | None = None) -> Path:
        """Refuse: the embeddings are in Chroma already."""
        raise DatabaseError(f"{self.location} is in Chroma already.")

    def _keep(
        self,
        instruments: Sequence[Instrument],
        rows: FloatArray,
        previews: Mapping[str, Path],
        phrases: Mapping[str, Path],
        progress: Progress | None,
    ) -> None:
        for kind, sounds in zip(KINDS, (previews, phrases), strict=True):
            for instrument_id, sound in sounds.items():
                if self._place in sound.parents:
                    continue
                target = _sent_sounds(self._place) / kind / f"{instrument_id}.opus"
                with replacing(target) as temporary:
                    temporary.write_bytes(sound.read_bytes())
        self._server.add_missing(instruments, rows, progress)
        self._changed()

    def _check_made_alike(self, source: InstrumentDatabase) -> None:
        if source.identity != self.identity:
            raise DatabaseError(
                f"{self.location} holds embeddings of the model {self.identity}, not of "
                f"{source.identity}; name another collection."
            )

    @property
    def _sent_path(self) -> Path:
        """Beside the folder, which has to be empty before a database is made there."""
        return self._place.with_name(f"{self._place.name}-sent.json")

    def _sent(self) -> set[str]:
        try:
            return set(read_json(self._sent_path, list[str]))
        except InputError:
            return set()

    def _write_sent(self, instrument_ids: Sequence[str]) -> None:
        with replacing(self._sent_path) as temporary:
            temporary.write_text(json.dumps(instrument_ids), encoding="utf-8")

    @property
    def _bundle(self) -> Bundle:
        """Everything, read when it is first needed and again after a change."""
        with self._lock:
            if self._held is not None and time.monotonic() - self._seen > _CHECKED_SECONDS:
                told = self._server.patiently(lambda: _header(self._client, self.address))
                if told is None or told["revision"] != self._told["revision"]:
                    self._told, self._held = dict(told or self._told), None
                self._seen = time.monotonic()
            if self._held is None:
                found = self._server.snapshot()
                rows = found.embeddings.reshape(-1, self.dimension)
                self._use(self._bundle_of(Catalog(found.instruments), rows))
            assert self._held is not None  # noqa: S101 - just read
            return self._held

    def _sounds_of(self, instrument_id: str) -> tuple[Path | None, Path | None]:
        preview, phrase = (_sound_of(self._place, kind, instrument_id) for kind in KINDS)
        return preview, phrase

    def _index(self) -> VectorIndex | None:
        return self._server if len(self) > WHOLE_ROWS else None

    def _bundle_of(self, catalog: Catalog, embeddings: Any) -> Bundle:
        names = {"instruments": "instruments.csv", "embeddings": "embeddings.safetensors"}
        revision = str(self._told.get("revision"))
        header = Header(
            FORMAT_VERSION,
            self.identity,
            self.dimension,
            len(catalog),
            files=names,
            sha256=dict.fromkeys(names, revision),
        )
        embeddings.flags.writeable = False
        return _ServedBundle(self._place, header, catalog, embeddings, None)

    def _changed(self) -> None:
        """Tell other programs, and read everything anew when it is needed."""
        self._told |= _stamp()
        told = dict(self._told)
        self._server.patiently(lambda: _write_header(self._client, self.address, told))
        self._held = None


def _stamp() -> dict[str, str]:
    return {"revision": uuid.uuid4().hex}


def _client(address: ServerAddress) -> "ClientAPI":
    import chromadb
    from chromadb.config import Settings

    token = os.environ.get(TOKEN_VARIABLE)
    headers = {"Authorization": f"Bearer {token}", "X-Chroma-Token": token} if token else {}
    try:
        return chromadb.HttpClient(
            address.host,
            address.port,
            ssl=address.scheme == "chromas",
            headers=headers,
            settings=Settings(anonymized_telemetry=False),
        )
    except Exception as error:  # chromadb raises ValueError for whatever is wrong
        reason = str(error).splitlines()[0].rstrip(".")
        raise DatabaseError(
            f"No Chroma server answers at {address.host}:{address.port} ({reason}); start it with "
            f"`chroma run`, or check the address and the token in {TOKEN_VARIABLE}."
        ) from None


def _header(client: "ClientAPI", address: ServerAddress) -> dict[str, Any] | None:
    """Return what the collection of the database's name says; None where there is none."""
    from chromadb.errors import NotFoundError

    with suppress(NotFoundError):
        told = dict(client.get_collection(address.name, embedding_function=None).metadata or {})
        if told.get("cir_layout") != _LAYOUT:
            raise DatabaseError(
                f"The collection {address.name!r} was not made by this version of `cir`; name "
                "another one."
            )
        return told
    return None


def _write_header(client: "ClientAPI", address: ServerAddress, told: Mapping[str, Any]) -> None:
    metadata = {**told, "cir_layout": _LAYOUT}
    collection = client.get_or_create_collection(
        address.name, embedding_function=None, metadata=metadata
    )
    collection.modify(metadata=metadata)


class _ServedBundle(Bundle):
    """Rows of a server; sounds that were added on this machine are here."""

    def sound(self, kind: str, instrument_id: str) -> Path | None:
        """See `Bundle`."""
        return _sound_of(self.folder, kind, instrument_id)

    def kept_sound(self, kind: str, instrument_id: str) -> Path | None:
        """See `Bundle`."""
        return _kept_sound_of(self.folder, kind, instrument_id)

    @property
    def sound_folders(self) -> list[Path]:
        """See `Bundle`."""
        sent = _sent_sounds(self.folder)
        return [*(sent / kind for kind in KINDS), *super().sound_folders]


def _sent_sounds(place: Path) -> Path:
    """Sounds of databases that were sent from elsewhere; a database is made in `place` itself."""
    return place.with_name(f"{place.name}-sounds")


def _sound_of(place: Path, kind: str, instrument_id: str) -> Path | None:
    """Return a sound that was sent from here, or the preview of what was added here."""
    kept = _kept_sound_of(place, kind, instrument_id)
    if kept is None and kind == PREVIEWS_NAME and is_bundle(place):
        with suppress(InputError):
            return InstrumentDatabase.open(place).preview_path(instrument_id)
    return kept


def _kept_sound_of(place: Path, kind: str, instrument_id: str) -> Path | None:
    for folder in (_sent_sounds(place), place):
        path = folder / kind / f"{instrument_id}.opus"
        if path.is_file():
            return path
    return None
