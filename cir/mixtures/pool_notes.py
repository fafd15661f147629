"""Decode the notes of datasets and pack them into int16."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cir.datasets.base import DatasetInstrument, NoteDataset, RecordedNote
from cir.datasets.work_ahead import work_ahead
from cir.errors import DataError
from cir.mixtures.recast_audio import apply_recast, draw_recast
from cir.types import FloatArray, Progress

INT16_SCALE = 32_767.0
HEADROOM = 0.5
"""Stored notes are scaled by this: decoded Opus overshoots the peak of 0.9 it was encoded at."""

_THREADS_PER_CORE = 2  # a thread may wait for the disk
_REPORT_EVERY = 20


@dataclass(frozen=True)
class DecodedInstrument:
    """The packed notes of an instrument, an effects-off twin or a recast copy."""

    instrument_id: str
    family: str | None
    effects_on: bool
    source: str
    variant: int
    """0 is the instrument itself; higher numbers are recast copies."""
    sounds: list[NDArray[np.int16]]
    pitches: list[int]
    gains: list[float]
    """Linear factors that restore the instrument's own level."""


def decode_datasets(
    datasets: Sequence[NoteDataset],
    *,
    split: str,
    families: Sequence[str] | None = None,
    twins: bool = False,
    variants: int = 0,
    progress: Progress | None = None,
) -> Iterator[DecodedInstrument]:
    """Decode, recast and pack the notes of one split, a few instruments at a time.

    The order is that of the datasets and their instruments.

    Args:
        datasets: Sources of notes. An instrument id that several of them use is prefixed with the
            dataset's name.
        split: `train`, `valid` or `test`.
        families: Only these; None takes every instrument, also those without a family.
        twins: Add the effects-off twins as further instruments.
        variants: Recast copies of every instrument and twin; see `cir.mixtures.recast_audio`.
        progress: Called every few instruments.

    Raises:
        InputError: The split does not exist.
        DataError: The split has no such instrument, or a dataset cannot be read.
    """
    jobs = _list_jobs(datasets, split, families, twins)
    if not jobs:
        names = ", ".join(dataset.name for dataset in datasets) or "no dataset"
        raise DataError(
            f"No {split!r} instrument of {families or 'any'} family in {names}; add a dataset or "
            "choose other families."
        )

    def decode(job: _Job) -> list[DecodedInstrument]:
        notes = job.dataset.notes(job.instrument)
        return [_pack_instrument(job, notes, variant) for variant in range(variants + 1)]

    any_sounds = False
    n_threads = _THREADS_PER_CORE * (os.cpu_count() or 1)
    for done, copies in enumerate(work_ahead(decode, jobs, n_threads)):
        if progress is not None and done % _REPORT_EVERY == 0:
            progress(done / len(jobs), f"Decoding notes, {done} of {len(jobs)} instruments")
        for decoded in copies:
            if decoded.sounds:
                any_sounds = True
                yield decoded
    if not any_sounds:
        raise DataError(f"None of the {len(jobs)} {split!r} instruments has a note.")


@dataclass(frozen=True)
class _Job:
    dataset: NoteDataset
    instrument: DatasetInstrument
    source: str
    instrument_id: str


def _list_jobs(
    datasets: Sequence[NoteDataset], split: str, families: Sequence[str] | None, twins: bool
) -> list[_Job]:
    """List the instruments wanted; an id that several datasets use is prefixed with its source."""
    sources = unique_names([dataset.name for dataset in datasets])
    wanted = [
        [
            instrument
            for instrument in dataset.instruments(split)
            if (families is None or instrument.family in families)
            and (twins or instrument.effects_on)
        ]
        for dataset in datasets
    ]
    owners = Counter(
        instrument_id for group in wanted for instrument_id in {i.instrument_id for i in group}
    )
    return [
        _Job(
            dataset,
            instrument,
            source,
            f"{source}-{instrument.instrument_id}"
            if owners[instrument.instrument_id] > 1
            else instrument.instrument_id,
        )
        for dataset, source, group in zip(datasets, sources, wanted, strict=True)
        for instrument in group
    ]


def unique_names(names: Iterable[str]) -> list[str]:
    """Number repeated names: the second `surge` becomes `surge-2`."""
    seen: Counter[str] = Counter()
    unique = []
    for name in names:
        seen[name] += 1
        unique.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return unique


def _pack_instrument(job: _Job, notes: Sequence[RecordedNote], variant: int) -> DecodedInstrument:
    recast = draw_recast(job.instrument_id, variant) if variant else None
    sounds = [note.audio if recast is None else apply_recast(note.audio, recast) for note in notes]
    semitones = 0 if recast is None else recast.semitones
    return DecodedInstrument(
        instrument_id=job.instrument_id,
        family=job.instrument.family,
        effects_on=job.instrument.effects_on,
        source=job.source,
        variant=variant,
        sounds=[_pack(sound) for sound in sounds],
        pitches=[min(127, max(0, note.pitch + semitones)) for note in notes],
        gains=[10 ** (-note.gain_db / 20) / HEADROOM for note in notes],
    )


def _pack(sound: FloatArray) -> NDArray[np.int16]:
    scaled = np.round(np.clip(sound * HEADROOM, -1, 1) * INT16_SCALE)
    packed: NDArray[np.int16] = scaled.astype(np.int16)
    return packed
