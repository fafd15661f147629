"""Embeds notes and stores them, a few hundred at a time; skips what is stored already."""

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
from cir.library.find_files import Limits
from cir.library.own_notes import OwnNote
from cir.types import Encoder, FloatArray, Instrument

STORE_EVERY = 256
"""At most this many sounds are lost when the process is killed."""

_BATCH = 8
_PREVIEW_SECONDS = 6.0
_PREVIEW_PEAK = 0.9
_FADE_SECONDS = 0.05

_Waiting: TypeAlias = tuple[OwnNote, FloatArray, int, Path | None]
"""A note, its sound, (T,), the sample rate, and the path of its phrase."""


@dataclass(frozen=True, eq=False)
class _Ready:
    """An embedded note that is not stored yet."""

    note: OwnNote
    embedding: FloatArray
    preview: Path | None
    phrase: Path | None


class OwnWriter:
    """Writer of notes to a personal database.

    Args:
        folder: Folder of the database; created with the first note.
        encoder: Embeds the notes.
        workspace: Folder for previews and phrases that are not stored yet.
        limits: Limits on the size of the database.
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
        """Embed and keep a note, unless it is stored; reasons of refusal go to `refused`."""
        name = note.instrument.instrument_id
        if self._has(note):
            self.unchanged += 1
            return
        if name not in self._stored:
            if len(self._stored) + len(self._new) >= self._limits.total:
                refused.append(
                    f"{note.instrument.name}: there are {self._limits.total:,} sounds already, the "
                    "most that are allowed; remove some first."
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
            # While the engine has this file open: a large sound font takes a minute to load.
            self._waiting.append((note, sound.audio, sound.sample_rate, self._play(note)))
            self.notices += [sound.notice] if sound.notice else []
        if len(self._waiting) >= _BATCH:
            self._embed(refused)
        if len(self._ready) >= STORE_EVERY:
            self.store(refused)

    def _has(self, note: OwnNote) -> bool:
        """Return whether the same note is stored with the same labels."""
        name = note.instrument.instrument_id
        return (
            self._database is not None
            and self._digests.get(name) == note.digest
            and self._database.get(name) == note.instrument
        )

    def store(self, refused: list[str]) -> None:
        """Write all notes taken so far to the database."""
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
            digests = read_digests(self._folder)  # another process may have added some
            # If killed between these steps, digests are missing but never wrong.
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
        """Take over the digests of what the database holds."""
        stored = () if self._database is None else self._database.instruments().ids
        self._digests = {name: digests[name] for name in stored if name in digests}
        self._makers = {digest: name for name, digest in self._digests.items()}
        self._stored = frozenset(stored)
        self._new: set[str] = set()

    def _borrow(self, note: OwnNote, owner: str) -> None:
        """Copy embedding and sounds of an instrument that has the same digest."""
        assert self._database is not None  # noqa: S101 - it holds the owner
        ids, embeddings = self._database.embeddings()
        preview = _copy(self._database.preview_path(owner), self._preview_path(note))
        phrase = _copy(self._database.phrase_path(owner), self._phrase_path(note))
        ready = _Ready(note, embeddings[ids.index(owner)], preview, phrase)
        self._ready[note.instrument.instrument_id] = ready

    def _embed(self, refused: list[str]) -> None:
        waiting, self._waiting = self._waiting, []
        embedded: dict[int, FloatArray] = {}
        for rate in {rate for _, _, rate, _ in waiting}:
            batch = [row for row, (_, _, other, _) in enumerate(waiting) if other == rate]
            try:
                vectors = self._encoder.embed([waiting[row][1] for row in batch], rate)
                embedded.update(zip(batch, vectors, strict=True))
            except CirError:  # find out which one cannot be embedded
                embedded.update(self._embed_alone(waiting, batch, refused))
        for row, (note, audio, rate, phrase) in enumerate(waiting):
            if row in embedded and not np.isfinite(embedded[row]).all():
                self._refuse(note, InputError("its embedding is not finite"), refused)
            elif row in embedded:
                preview = self._preview_path(note)
                _write_preview(preview, audio, rate)
                ready = _Ready(note, embedded[row], preview, phrase)
                self._ready[note.instrument.instrument_id] = ready

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
        """Render the phrase of a note's instrument, if it has one."""
        played = None if note.play is None else note.play()
        if played is None:
            return None
        save_phrase(self._phrase_path(note), *played)
        return self._phrase_path(note)

    def _preview_path(self, note: OwnNote) -> Path:
        return self._workspace / f"{note.instrument.instrument_id}.opus"

    def _phrase_path(self, note: OwnNote) -> Path:
        return self._workspace / f"{note.instrument.instrument_id}.phrase.opus"

    def _refuse(self, note: OwnNote, error: CirError, refused: list[str]) -> None:
        name = note.instrument.name
        refused.append(str(error) if name in str(error) else f"{name}: {error}")
        self._new.discard(note.instrument.instrument_id)


def _copy(source: Path | None, target: Path) -> Path | None:
    """Copy a file, if there is one, and return its new path."""
    return None if source is None else Path(shutil.copyfile(source, target))


def _write_preview(path: Path, audio: FloatArray, rate: int) -> None:
    short = audio[: round(_PREVIEW_SECONDS * rate)]
    faded = fade_out(peak_normalise(short, _PREVIEW_PEAK), round(_FADE_SECONDS * rate))
    save_opus(path, faded, rate)
