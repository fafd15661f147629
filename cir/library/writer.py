"""Embeds notes and stores them, a few hundred at a time; skips what is there already."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from cir.audio.dsp import fade_out, peak_normalise
from cir.audio.io import save_opus
from cir.errors import CirError, InputError, StorageError
from cir.files import writing
from cir.index.bundle import is_bundle, locked
from cir.index.database import InstrumentDatabase
from cir.index.phrases import save_phrase
from cir.instruments.catalog import check_instrument
from cir.library.digests import read_digests, write_digests
from cir.library.files import Limits
from cir.library.notes import OwnNote
from cir.types import Encoder, FloatArray, Instrument

STORE_EVERY = 256
"""So many are lost at most where the program is killed."""

_BATCH = 8
_PREVIEW_SECONDS = 6.0
_PREVIEW_PEAK = 0.9
_FADE_SECONDS = 0.05

_Waiting: TypeAlias = tuple[OwnNote, FloatArray, int, Path | None]
"""A note, its sound, (T,), the sample rate, and its phrase in the workspace."""


@dataclass(frozen=True, eq=False)
class _Ready:
    """A note that only needs to be stored."""

    note: OwnNote
    embedding: FloatArray
    preview: Path | None
    """In the workspace."""
    phrase: Path | None
    """The same."""


class OwnWriter:
    """Takes notes one by one.

    Args:
        folder: of the database; made once there is something to store.
        encoder: embeds the notes.
        workspace: for previews that are not stored yet.
        limits: of the database's size.
    """

    def __init__(self, folder: Path, encoder: Encoder, workspace: Path, limits: Limits) -> None:
        self.added: list[Instrument] = []
        self.notices: list[str] = []
        self.unchanged = 0
        self.replaced = 0
        self._folder = folder
        self._encoder = encoder
        self._workspace = workspace
        self._limits = limits
        self._database = InstrumentDatabase.open(folder) if is_bundle(folder) else None
        self._waiting: list[_Waiting] = []
        self._ready: dict[str, _Ready] = {}
        self._use(read_digests(folder))

    def take(self, note: OwnNote, refused: list[str]) -> None:
        """Embed and keep a note, unless it is there; why it cannot be goes to `refused`."""
        name = note.instrument.instrument_id
        if self._has(note):
            self.unchanged += 1
            return
        if name not in self._stored:
            if len(self._stored) + len(self._new) >= self._limits.total:
                refused.append(
                    f"{note.instrument.name}: there are {self._limits.total:,} sounds already, and "
                    "more are not allowed; remove some first."
                )
                return
            self._new.add(name)
        if note.digest in self._makers:
            self._borrow(note, self._makers[note.digest])
        else:
            try:
                check_instrument(note.instrument)
                sound = note.load()
            except StorageError:
                raise
            except CirError as error:
                self._refuse(note, error, refused)
                return
            # Now, while the engine has this file open: a large sound font takes a minute to load.
            self._waiting.append((note, sound.audio, sound.sample_rate, self._play(note)))
            self.notices += [sound.notice] if sound.notice else []
        if len(self._waiting) >= _BATCH:
            self._embed(refused)
        if len(self._ready) >= STORE_EVERY:
            self.store(refused)

    def _has(self, note: OwnNote) -> bool:
        """Whether the very same is stored, labels and all."""
        name = note.instrument.instrument_id
        return (
            self._database is not None
            and self._digests.get(name) == note.digest
            and self._database.get(name) == note.instrument
        )

    def store(self, refused: list[str]) -> None:
        """Write all that was taken to the database."""
        self._embed(refused)
        if not self._ready:
            return
        if self._database is None:
            self._database = InstrumentDatabase.create(self._folder, self._encoder, may_exist=True)
        ready, self._ready = self._ready, {}
        rows = [one.note.instrument for one in ready.values()]
        previews = {name: one.preview for name, one in ready.items() if one.preview is not None}
        phrases = {name: one.phrase for name, one in ready.items() if one.phrase is not None}
        with writing(self._folder), locked(self._folder):
            digests = read_digests(self._folder)  # another process may have added since
            # Killed between two of these steps, it knows too little, never anything false.
            kept = {name: digest for name, digest in digests.items() if name not in ready}
            write_digests(self._folder, kept)
            known = set(self._database.instruments().ids)
            embeddings = np.stack([one.embedding for one in ready.values()])
            self._database.add(rows, embeddings, previews, phrases)
            digests = {**kept, **{name: one.note.digest for name, one in ready.items()}}
            write_digests(self._folder, digests)
        self._use(digests)
        self.added += rows
        self.replaced += len(known & ready.keys())
        for sound in (*previews.values(), *phrases.values()):
            sound.unlink()

    def _use(self, digests: dict[str, str]) -> None:
        """Look at what the database holds now."""
        stored = () if self._database is None else self._database.instruments().ids
        self._digests = {name: digests[name] for name in stored if name in digests}
        self._makers = {digest: name for name, digest in self._digests.items()}
        self._stored = frozenset(stored)
        self._new: set[str] = set()

    def _borrow(self, note: OwnNote, owner: str) -> None:
        """Take embedding and sounds from an instrument that was made of the very same."""
        assert self._database is not None  # noqa: S101 - it knows the owner
        ids, embeddings = self._database.embeddings()
        preview = _copy(self._database.preview_path(owner), self._preview_path(note))
        phrase = _copy(self._database.phrase_path(owner), self._phrase_path(note))
        self._keep(note, embeddings[ids.index(owner)], preview, phrase)

    def _embed(self, refused: list[str]) -> None:
        waiting, self._waiting = self._waiting, []
        embedded: dict[int, FloatArray] = {}
        for rate in {rate for _, _, rate, _ in waiting}:
            batch = [row for row, (_, _, other, _) in enumerate(waiting) if other == rate]
            try:
                vectors = self._encoder.embed([waiting[row][1] for row in batch], rate)
                embedded.update(zip(batch, vectors, strict=True))
            except CirError:  # one of them cannot be embedded: each by itself, to find out which
                embedded.update(self._embed_alone(waiting, batch, refused))
        for row, (note, audio, rate, phrase) in enumerate(waiting):
            if row in embedded and not np.isfinite(embedded[row]).all():
                self._refuse(note, InputError("no embedding comes of it"), refused)
            elif row in embedded:
                preview = self._preview_path(note)
                _write_preview(preview, audio, rate)
                self._keep(note, embedded[row], preview, phrase)

    def _embed_alone(
        self, waiting: Sequence[_Waiting], batch: Sequence[int], refused: list[str]
    ) -> dict[int, FloatArray]:
        embedded: dict[int, FloatArray] = {}
        for row in batch:
            note, audio, rate, _ = waiting[row]
            try:
                embedded[row] = self._encoder.embed([audio], rate)[0]
            except CirError as error:
                self._refuse(note, error, refused)
        return embedded

    def _play(self, note: OwnNote) -> Path | None:
        """Let a note's instrument play its phrase, if it can."""
        played = None if note.play is None else note.play()
        if played is None:
            return None
        save_phrase(self._phrase_path(note), *played)
        return self._phrase_path(note)

    def _keep(
        self, note: OwnNote, embedding: FloatArray, preview: Path | None, phrase: Path | None
    ) -> None:
        self._ready[note.instrument.instrument_id] = _Ready(note, embedding, preview, phrase)

    def _preview_path(self, note: OwnNote) -> Path:
        return self._workspace / f"{note.instrument.instrument_id}.opus"

    def _phrase_path(self, note: OwnNote) -> Path:
        return self._workspace / f"{note.instrument.instrument_id}.phrase.opus"

    def _refuse(self, note: OwnNote, error: CirError, refused: list[str]) -> None:
        name = note.instrument.name
        refused.append(str(error) if name in str(error) else f"{name}: {error}")
        self._new.discard(note.instrument.instrument_id)


def _copy(source: Path | None, target: Path) -> Path | None:
    """Copy a file where there is one, and return where it went."""
    return None if source is None else Path(shutil.copyfile(source, target))


def _write_preview(path: Path, audio: FloatArray, rate: int) -> None:
    short = audio[: round(_PREVIEW_SECONDS * rate)]
    faded = fade_out(peak_normalise(short, _PREVIEW_PEAK), round(_FADE_SECONDS * rate))
    save_opus(path, faded, rate)
