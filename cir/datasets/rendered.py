"""Datasets whose notes are rendered on demand by engines."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from threading import RLock

import numpy as np

from cir.audio.dsp import resample
from cir.datasets.base import DatasetInstrument, RecordedNote, fingerprint, generator_for
from cir.datasets.midi_statistics import DEFAULT_PATH, NoteStatistics, load_statistics
from cir.datasets.recorded import MAX_SECONDS, record
from cir.engines.base import Engine
from cir.errors import DataError, EngineError, InputError
from cir.instruments.families import reference_pitch
from cir.instruments.splits import check_split
from cir.types import SAMPLE_RATE, FloatArray, Instrument, Note

RENDER_RATE = 48_000
"""In Hz. Samplers alias when they play at 16 kHz: notes are rendered at this and resampled."""

REFERENCE_VELOCITY = 100
REFERENCE_HELD_SECONDS = 2.0
_HELD_SECONDS = (0.1, MAX_SECONDS - 0.25)
"""Shorter keys would cut off attacks, longer ones would leave no room for the release."""

N_NOTES = 12
"""Most notes of an instrument, the reference note included."""

N_NOTES_OF_ONE_KEY = 6
"""The same for an instrument of one key, whose notes differ by velocity and duration only."""

_TRIES_PER_NOTE = 2
_INAUDIBLE = 1e-3
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Playable:
    """An instrument of the catalogue as part of a dataset."""

    instrument: Instrument
    split: str
    open: Callable[[], Engine]
    key: int | None = None
    """Its only key, if it is a piece of a drum kit."""
    open_twin: Callable[[], Engine] | None = None
    """Opens the effects-off twin, which has no notes if it sounds the same."""

    def rows(self) -> Iterator[DatasetInstrument]:
        """Give the instrument and, in training, its effects-off twin."""
        row = DatasetInstrument(self.instrument.instrument_id, self.instrument.family, self.split)
        yield row
        if self.open_twin is not None and self.split == "train":
            yield DatasetInstrument(row.instrument_id, row.family, row.split, effects_on=False)


@dataclass(frozen=True, eq=False)
class RenderedDataset:
    """A catalogue of instruments that engines can play; a `NoteDataset`.

    The reference note has the family's reference pitch and velocity 100 and is held for 2 s. The
    others are drawn from the family's MIDI statistics, at different pitches. Silent and broken
    notes, instruments that cannot be opened and twins that sound like their original are left out.

    Args:
        name: A short slug.
        files: Files that the sounds are made of.
        list_playables: Called once, when instruments are first listed.
        seed: Seed of the drawn notes.
    """

    name: str
    files: Sequence[Path]
    list_playables: Callable[[], Sequence[Playable]]
    seed: int = 0
    _lock: RLock = field(default_factory=RLock, init=False, repr=False)

    @property
    def fingerprint(self) -> str:
        """See `NoteDataset`."""
        return fingerprint(self.name, [*self.files, DEFAULT_PATH], seed=self.seed)

    def instruments(self, split: str) -> Sequence[DatasetInstrument]:
        """See `NoteDataset`."""
        check_split(split)
        return [row for p in self._by_id.values() if p.split == split for row in p.rows()]

    def notes(self, instrument: DatasetInstrument) -> list[RecordedNote]:
        """See `NoteDataset`."""
        return list(self._render(instrument))

    def reference(self, instrument: DatasetInstrument) -> RecordedNote | None:
        """See `NoteDataset`."""
        return next(self._render(instrument), None)

    def _render(self, instrument: DatasetInstrument) -> Iterator[RecordedNote]:
        playable, open_engine = self._find(instrument)
        try:
            engine = open_engine()
        except EngineError as error:  # one damaged preset among thousands
            _logger.warning("%s is left out: %s", instrument.instrument_id, error)
            return
        generator = generator_for(self.seed, instrument)
        statistics = self._statistics[instrument.family]
        wanted = plan_notes(instrument.family, playable.key, statistics, generator)
        reference_note = next(wanted)
        reference = _play(engine, reference_note)
        if reference is None:
            return
        if not instrument.effects_on and _alike(reference, _play(playable.open(), reference_note)):
            return
        yield reference
        limit = N_NOTES if playable.key is None else N_NOTES_OF_ONE_KEY
        others = (_play(engine, note) for note in wanted)
        yield from islice((note for note in others if note is not None), limit - 1)

    def _find(self, instrument: DatasetInstrument) -> tuple[Playable, Callable[[], Engine]]:
        playable = self._by_id.get(instrument.instrument_id)
        if playable is not None and instrument in playable.rows():
            opener = playable.open if instrument.effects_on else playable.open_twin
            if opener is not None:
                return playable, opener
        raise DataError(f"The dataset {self.name} has no instrument like {instrument}.")

    @cached_property
    def _playables(self) -> dict[str, Playable]:
        found: dict[str, Playable] = {}
        for playable in self.list_playables():
            name = playable.instrument.instrument_id
            if name in found:
                raise InputError(
                    f"Two instruments of {self.name} have the id {name!r}; rename one's file."
                )
            found[name] = playable
        return found

    @property
    def _by_id(self) -> dict[str, Playable]:
        with self._lock:  # cached_property alone lists them once per thread
            return self._playables

    @cached_property
    def _statistics(self) -> dict[str | None, NoteStatistics]:
        return load_statistics()


def plan_notes(
    family: str | None,
    key: int | None,
    statistics: NoteStatistics,
    generator: np.random.Generator,
) -> Iterator[Note]:
    """Give the reference note, then notes to try until enough of them sound."""
    reference = reference_pitch(family) if key is None else key
    yield Note(reference, REFERENCE_VELOCITY, 0.0, REFERENCE_HELD_SECONDS)
    if key is None:
        pitches = statistics.draw_pitches(_TRIES_PER_NOTE * N_NOTES, generator)
    else:
        pitches = [key] * (_TRIES_PER_NOTE * N_NOTES_OF_ONE_KEY)
    for pitch in pitches:
        if pitch != reference or key is not None:
            note = statistics.draw_at(pitch, generator)
            held = float(np.clip(note.duration_seconds, *_HELD_SECONDS))
            yield Note(pitch, note.velocity, 0.0, held)


def render_note(engine: Engine, note: Note, seconds: float = MAX_SECONDS) -> FloatArray:
    """Render one note at 16 kHz without aliasing, at the instrument's own level."""
    return resample(engine.render([note], seconds, RENDER_RATE), RENDER_RATE, SAMPLE_RATE)


def _play(engine: Engine, note: Note) -> RecordedNote | None:
    try:
        audio = render_note(engine, note)
    except EngineError as error:  # NaN or infinite samples, or a damaged file
        _logger.warning("A note is left out: %s", error)
        return None
    return record(note.pitch, audio)


def _alike(twin: RecordedNote, original: RecordedNote | None) -> bool:
    """Return whether a twin sounds like its original."""
    return (
        original is not None
        and original.audio.size == twin.audio.size
        and bool(np.max(np.abs(original.audio - twin.audio)) < _INAUDIBLE)
    )
