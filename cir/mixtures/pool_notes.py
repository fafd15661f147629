"""Instruments of datasets become packed notes, several at a time, always in the same order."""

import os
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from cir.datasets.base import DatasetInstrument, NoteDataset, RecordedNote
from cir.errors import DataError
from cir.mixtures.recast_audio import apply_recast, draw_recast
from cir.types import FloatArray, Progress

INT16_SCALE = 32_767.0
HEADROOM = 0.5
"""Decoded Opus overshoots the peak of 0.9 it was encoded at; half scale leaves room."""

_THREADS_PER_CORE = 2  # some wait for the disk
_REPORT_EVERY = 20


@dataclass(frozen=True)
class DecodedInstrument:
    """One instrument, twin or recast copy, its notes packed into int16."""

    instrument_id: str
    family: str | None
    effects_on: bool
    source: str
    variant: int
    """0: as it is; further ones are recast."""
    sounds: list[NDArray[np.int16]]
    pitches: list[int]
    gains: list[float]
    """Linear factors that bring packed notes back to the instrument's own level."""


def decode_datasets(
    datasets: Sequence[NoteDataset],
    *,
    split: str,
    families: Sequence[str] | None,
    twins: bool,
    variants: int,
    progress: Progress | None,
) -> Iterator[DecodedInstrument]:
    """Decode, recast and pack, never holding more than a few instruments.

    Raises:
        DataError: There is no such instrument, or none of them sounds.
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

    n_threads = _THREADS_PER_CORE * (os.cpu_count() or 1)
    any_sounds = False
    with ThreadPoolExecutor(n_threads) as threads:
        waiting = iter(jobs)
        running: deque[Future[list[DecodedInstrument]]] = deque(
            threads.submit(decode, job) for job in islice(waiting, 2 * n_threads)
        )
        try:
            for done in range(len(jobs)):
                if progress is not None and done % _REPORT_EVERY == 0:
                    progress(done / len(jobs), f"Decoding notes, {done} of {len(jobs)} instruments")
                for decoded in running.popleft().result():
                    if decoded.sounds:
                        any_sounds = True
                        yield decoded
                running.extend(threads.submit(decode, job) for job in islice(waiting, 1))
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
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
    """Every instrument wanted; an id that several datasets use gets its source in front."""
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
    """The second `surge` is `surge-2`."""
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
