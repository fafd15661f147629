"""Embeddings for `query_time`: notes, and windows of mixtures."""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cir.audio.audible import SILENT_PEAK
from cir.datasets.base import DatasetInstrument, RecordedNote
from cir.datasets.note_bank_dataset import NoteBankDataset
from cir.evaluation.gallery import Gallery
from cir.evaluation.mixture_stream import MixtureSet, draw_mixtures
from cir.metrics import IntArray
from cir.model.encoder import TimbreEncoder
from cir.types import SAMPLE_RATE, FloatArray


class LaterNotes(NoteBankDataset):
    """A note bank without the first notes of each instrument, which may be references."""

    def __init__(self, bank: Path, skipped: int) -> None:
        super().__init__(bank, twins=False)
        self._skipped = skipped

    def notes(self, instrument: DatasetInstrument) -> list[RecordedNote]:
        """See `NoteDataset`."""
        return super().notes(instrument)[self._skipped :]

    def reference(self, instrument: DatasetInstrument) -> RecordedNote | None:
        """See `NoteDataset`."""
        return next(iter(self.notes(instrument)), None)


@dataclass(frozen=True, eq=False)
class Notes:
    """Embedded single notes of every instrument of a gallery."""

    references: FloatArray
    """The first notes of each instrument, zeros where there are fewer, (N, K, D)."""
    queries: FloatArray
    """Later notes, (Q, D)."""
    owners: IntArray
    """Whose the later notes are, rows of the gallery, (Q,)."""
    note_ms: float
    """Processor time of one embedding."""

    def of_split(self, gallery: Gallery, split: str) -> tuple[FloatArray, IntArray]:
        """Return later notes of a split as queries, (Q, 1, D), and their owners, (Q,)."""
        chosen = np.isin(self.owners, gallery.of_split(split))
        return self.queries[chosen][:, None], self.owners[chosen]


def embed_notes(
    encoder: TimbreEncoder, gallery: Gallery, n_references: int, splits: Collection[str]
) -> Notes:
    """Embed the first notes of all instruments, and later ones: all for `splits`, else one.

    Raises:
        DataError: The bank is damaged.
    """
    references = np.zeros((len(gallery), n_references, encoder.embedding_size), np.float32)
    queries, owners = [], []
    seconds, count = 0.0, 0
    for row, entry in enumerate(gallery.entries):
        n_notes = None if entry.split in splits else n_references + 1
        sounds = [note.audio for note in gallery.notes(row)[:n_notes]]
        started = time.process_time()
        embeddings = encoder.embed(sounds, SAMPLE_RATE)
        seconds += time.process_time() - started
        count += len(sounds)
        first, later = embeddings[:n_references], embeddings[n_references:]
        references[row, : len(first)] = first
        queries.append(later)
        owners += [row] * len(later)
    return Notes(references, np.concatenate(queries), np.array(owners), 1000 * seconds / count)


@dataclass(frozen=True, eq=False)
class Mixtures:
    """Mixtures embedded by window."""

    starts: tuple[int, ...]
    """Of the windows, in samples, W of them."""
    n_samples: int
    """Of a mixture."""
    n_window: int
    """Of a window."""
    windows: dict[str, FloatArray]
    """Embeddings by family, zeros where a window is silent, (Q, W, D) each."""
    owners: dict[str, IntArray]
    """Who plays, rows of the gallery by family, (Q,) each."""
    window_ms: float
    """Processor time of one window, all families at once."""

    def at(self, family: str, hop: float) -> FloatArray:
        """Return the windows that are `hop` windows apart, (Q, W', D)."""
        wanted = window_starts(self.n_samples, self.n_window, hop)
        return self.windows[family][:, [self.starts.index(start) for start in wanted]]

    def only(self, chosen: slice) -> "Mixtures":
        """Return some of the mixtures."""
        return replace(
            self,
            windows={family: windows[chosen] for family, windows in self.windows.items()},
            owners={family: owners[chosen] for family, owners in self.owners.items()},
        )

    def n_windows(self, hop: float) -> int:
        """Return the number of windows of a mixture."""
        return len(window_starts(self.n_samples, self.n_window, hop))


def listen(
    encoder: TimbreEncoder, players: Gallery, mixture_set: MixtureSet, hops: Sequence[float]
) -> Mixtures:
    """Render mixtures and embed the windows of all `hops` once.

    Raises:
        DataError: A family has no instrument in the split.
    """
    n_samples = round(mixture_set.config.duration_seconds * SAMPLE_RATE)
    n_window = encoder.config.mixture_samples
    starts = tuple(sorted({s for hop in hops for s in window_starts(n_samples, n_window, hop)}))
    families = mixture_set.families
    shape = (mixture_set.n_mixtures, len(starts), len(families), encoder.embedding_size)
    embeddings = np.zeros(shape, np.float32)
    owners = np.zeros((mixture_set.n_mixtures, len(families)), np.int64)
    seconds, count = 0.0, 0
    for chunk in draw_mixtures(players.pool(mixture_set.split, families), mixture_set):
        for number, mixture in chunk:
            owners[number] = [players.row(name) for name in mixture.plan.instrument_ids]
            limit = SILENT_PEAK * float(np.abs(mixture.mix).max())
            cut = [mixture.mix[start : start + n_window] for start in starts]
            sounding = [place for place, one in enumerate(cut) if np.abs(one).max() > limit]
            started = time.process_time()
            embeddings[number, sounding] = encoder.embed_mixtures(
                [cut[place] for place in sounding], SAMPLE_RATE, families
            )
            seconds += time.process_time() - started
            count += len(sounding)
    return Mixtures(
        starts,
        n_samples,
        n_window,
        {family: embeddings[:, :, column] for column, family in enumerate(families)},
        {family: owners[:, column] for column, family in enumerate(families)},
        1000 * seconds / count,
    )


def window_starts(n_samples: int, n_window: int, hop: float) -> list[int]:
    """Return the starts of windows `hop` windows apart; the last one ends with the sound."""
    if n_samples <= n_window:
        return [0]
    n_windows = 1 + int(np.ceil((n_samples - n_window) / (n_window * hop)))
    starts: list[int] = np.linspace(0, n_samples - n_window, n_windows).round().astype(int).tolist()
    return starts
