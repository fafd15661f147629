"""The levels of all notes of a dataset, computed once and kept on disk.

Training draws millions of notes; decoding and analysing each of them anew would take most of its
time. The name of a cache has a hash of the fingerprint of the notes and of the bands.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from cir.audio.bands import BandConfig
from cir.audio.log_frequency import log_bands, normalise_peak
from cir.datasets.base import DatasetInstrument, NoteDataset, RecordedNote
from cir.errors import DataError
from cir.files import replacing_folder
from cir.types import Progress

KEPT_FRAMES = 128
"""Frames kept of each note; training does not hear later ones."""
SPLITS = ("train", "valid")
"""Test instruments are never cached, so that nothing can train on them."""

_LEVELS = "levels.npy"
_TABLE = "table.npz"
_VERSION = 1


@dataclass(frozen=True)
class NoteTable:
    """Columns of the notes, and of the instruments, of a cache."""

    instruments: NDArray[np.int64]
    """Instrument of each note, (N,)."""
    pitches: NDArray[np.int64]
    """MIDI note numbers, (N,)."""
    gains: NDArray[np.float32]
    """Linear factors that restore the instrument's own levels of notes of one peak, (N,)."""
    lengths: NDArray[np.int64]
    """Lengths in frames, at most `KEPT_FRAMES`, (N,)."""
    ids: NDArray[np.str_]
    """Of the instruments, (I,), as all that follow; a twin has the id of its original."""
    families: NDArray[np.str_]
    """Empty for none."""
    splits: NDArray[np.str_]
    sources: NDArray[np.str_]
    effects_on: NDArray[np.bool_]

    @property
    def references(self) -> NDArray[np.int64]:
        """Rows of the reference notes: the first note of each instrument that has any."""
        return np.flatnonzero(np.diff(self.instruments, prepend=-1))


@dataclass(frozen=True)
class FeatureCache:
    """Levels (N, KEPT_FRAMES, bands) as float16 on disk, an instrument's reference note first."""

    levels: NDArray[np.float16]
    table: NoteTable

    @classmethod
    def open(
        cls,
        folder: Path,
        dataset: NoteDataset,
        bands: BandConfig,
        *,
        progress: Progress | None = None,
    ) -> "FeatureCache":
        """Open the cache of a dataset in `folder`; compute it if there is none.

        Raises:
            CirError: A note cannot be read.
            DataError: The dataset has no note that could be trained on.
        """
        place = folder / f"{dataset.name}-{_identify(dataset, bands)}"
        if not (place / _TABLE).is_file():
            with replacing_folder(place) as unfinished:
                _build(unfinished, dataset, bands, progress)
        with np.load(place / _TABLE) as columns:
            table = NoteTable(**columns)
        return cls(np.load(place / _LEVELS, mmap_mode="r"), table)


def _identify(dataset: NoteDataset, bands: BandConfig) -> str:
    made_of = [_VERSION, KEPT_FRAMES, dataset.fingerprint, asdict(bands)]
    return hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:16]


def _build(
    folder: Path, dataset: NoteDataset, bands: BandConfig, progress: Progress | None
) -> None:
    instruments = [one for split in SPLITS for one in dataset.instruments(split)]
    notes: list[list[RecordedNote]] = []
    levels: list[NDArray[np.float16]] = []
    for done, (own_notes, own_levels) in enumerate(_analyse(dataset, instruments, bands), 1):
        notes.append(own_notes)
        levels.append(own_levels)
        if progress is not None:
            progress(
                done / len(instruments),
                f"{dataset.name}: notes of {done} of {len(instruments)} instruments",
            )
    if not any(notes):
        raise DataError(f"{dataset.name} has no note to train on; choose another dataset.")
    np.save(folder / _LEVELS, np.concatenate(levels))
    heard = [number for number, own in enumerate(notes) if own]
    flat = [note for own in notes for note in own]
    kept_samples = bands.clip_samples(KEPT_FRAMES)
    table = NoteTable(
        instruments=np.repeat(np.arange(len(heard)), [len(notes[number]) for number in heard]),
        pitches=np.array([note.pitch for note in flat]),
        gains=np.array([10 ** (-note.gain_db / 20) for note in flat], np.float32),
        lengths=np.array(
            [-(-min(len(note.audio), kept_samples) // bands.hop_samples) for note in flat]
        ),
        ids=np.array([instruments[number].instrument_id for number in heard], dtype=str),
        families=np.array([instruments[number].family or "" for number in heard], dtype=str),
        splits=np.array([instruments[number].split for number in heard], dtype=str),
        sources=np.array([dataset.name] * len(heard), dtype=str),
        effects_on=np.array([instruments[number].effects_on for number in heard]),
    )
    np.savez(folder / _TABLE, **vars(table))


def _analyse(
    dataset: NoteDataset, instruments: list[DatasetInstrument], bands: BandConfig
) -> Iterator[tuple[list[RecordedNote], NDArray[np.float16]]]:
    n_samples = bands.clip_samples(KEPT_FRAMES)

    def analyse(one: DatasetInstrument) -> tuple[list[RecordedNote], NDArray[np.float16]]:
        notes = [note for note in dataset.notes(one) if np.abs(note.audio).max() > 0]
        clips = np.zeros((len(notes), n_samples), np.float32)
        for clip, note in zip(clips, notes, strict=True):
            clip[: len(note.audio)] = note.audio[:n_samples]
        audio = normalise_peak(torch.from_numpy(clips))
        levels = log_bands(audio, bands).numpy().astype(np.float16)
        short = [RecordedNote(note.pitch, note.audio[:n_samples], note.gain_db) for note in notes]
        return short, levels

    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        yield from threads.map(analyse, instruments)
