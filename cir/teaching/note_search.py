"""Search for instruments by single notes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from cir.datasets.base import NoteDataset, RecordedNote
from cir.errors import InputError
from cir.evaluation.scores import Scores, score
from cir.instruments.splits import SPLITS
from cir.metrics import IntArray, target_ranks
from cir.types import SAMPLE_RATE, Encoder, FloatArray

_FEWEST_PITCHES = 4
"""Instruments with fewer pitches are drums, whose notes differ by velocity only."""


@dataclass(frozen=True)
class PlayedInstrument:
    """One instrument and its notes, its reference note first."""

    instrument_id: str
    family: str | None
    notes: tuple[RecordedNote, ...]

    @property
    def reference(self) -> RecordedNote:
        """The first note."""
        return self.notes[0]


def read_instruments(
    dataset: NoteDataset, splits: Sequence[str] = SPLITS, *, limit: int | None = None
) -> list[PlayedInstrument]:
    """Read instruments that play at least four pitches, without effects-off twins.

    Args:
        dataset: Source of the notes.
        splits: Splits to read.
        limit: Most instruments, spread over the list.

    Raises:
        CirError: The dataset cannot give its notes.
    """
    rows = [row for split in splits for row in dataset.instruments(split) if row.effects_on]
    # Half of a sound font's rows may be drums, which are skipped.
    step = 1 if limit is None else max(1, len(rows) // (3 * limit))
    ordered = [row for start in range(step) for row in rows[start::step]]
    played = (
        PlayedInstrument(row.instrument_id, row.family, tuple(dataset.notes(row)))
        for row in ordered
    )
    melodic = (one for one in played if len({n.pitch for n in one.notes}) >= _FEWEST_PITCHES)
    return list(islice(melodic, limit))


@dataclass(frozen=True, eq=False)
class NoteSearch:
    """Results of queries with every note that is not a reference note."""

    instruments: Sequence[PlayedInstrument]
    """The candidates, each represented by its reference note."""
    queries: Sequence[RecordedNote]
    targets: IntArray
    """The candidate that plays each query, (Q,)."""
    similarities: FloatArray
    """Similarities of queries and candidates, (Q, N)."""

    @cached_property
    def ranks(self) -> IntArray:
        """Rank of the right instrument for each query, from 1, (Q,)."""
        return target_ranks(self.similarities, self.targets)

    @property
    def intervals(self) -> IntArray:
        """Semitones from the reference note of the right instrument to each query, (Q,)."""
        pairs = zip(self.queries, self.targets, strict=True)
        return np.array([n.pitch - self.instruments[t].reference.pitch for n, t in pairs])

    @property
    def best(self) -> NDArray[np.intp]:
        """The first match of each query, (Q,)."""
        return np.asarray(self.similarities.argmax(axis=1))

    def scores(self) -> Scores:
        """Return scores with confidence intervals over the instruments."""
        ids = [self.instruments[target].instrument_id for target in self.targets]
        return score(self.ranks, ids, len(self.instruments))


def search_notes(
    encoder: Encoder,
    instruments: Sequence[PlayedInstrument],
    asked: Iterable[PlayedInstrument] | None = None,
) -> NoteSearch:
    """Look for the instrument of each note among the reference notes of all instruments.

    Args:
        encoder: A model or a baseline.
        instruments: The candidates.
        asked: Instruments whose notes, except the reference note, are queries; None for all.

    Raises:
        InputError: None of `asked` has a second note, or one is not a candidate.
    """
    column = {one.instrument_id: number for number, one in enumerate(instruments)}
    pairs = [
        (note, column.get(one.instrument_id))
        for one in (instruments if asked is None else asked)
        for note in one.notes[1:]
    ]
    targets = [target for _, target in pairs if target is not None]
    if not pairs or len(targets) < len(pairs):
        raise InputError(
            "Ask for instruments that are among the candidates and have a second note."
        )
    queries = [note for note, _ in pairs]
    references = encoder.embed([one.reference.audio for one in instruments], SAMPLE_RATE)
    embeddings = encoder.embed([note.audio for note in queries], SAMPLE_RATE)
    return NoteSearch(instruments, queries, np.array(targets), embeddings @ references.T)
