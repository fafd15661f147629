"""A store that is open for reading: what of a `Bundle` is computed only when it is asked for."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cir.audio.dsp import fade_out, peak_normalise
from cir.audio.io import load_audio, save_opus
from cir.errors import CirError
from cir.index.row_store import StoreHeader, map_vectors
from cir.index.stored_catalog import StoredCatalog
from cir.index.timbre_map import place, principal_plane
from cir.types import FloatArray

PREVIEW_SECONDS = 6.0
"""Longest preview."""

_PREVIEW_PEAK = 0.9
_FADE_SECONDS = 0.05
_MAX_SECONDS = 60.0


@dataclass(frozen=True, eq=False)
class OpenStore:
    """One version of a store."""

    folder: Path
    header: StoreHeader
    catalog: StoredCatalog
    embeddings: FloatArray
    """(N, D), unit norm, read-only: the file itself, or a copy of its living rows."""

    @classmethod
    def open(cls, folder: Path, header: StoreHeader) -> "OpenStore":
        """Open the last commit of a generation.

        Raises:
            DatabaseError: There is no store, or it is damaged.
        """
        catalog = StoredCatalog(folder, header)
        vectors = map_vectors(folder, header, catalog.state.n_slots)
        if catalog.slots is not None:
            vectors = vectors[catalog.slots]
            vectors.flags.writeable = False
        return cls(folder, header, catalog, vectors)

    @property
    def digest(self) -> str:
        """A hash that changes with every commit."""
        content = f"{self.header}\n{self.catalog.state}"
        return hashlib.sha256(content.encode()).hexdigest()

    def is_next_after(self, older: "OpenStore") -> bool:
        """Return whether exactly one change was committed since; compactions count as versions."""
        old, new = older.catalog.state, self.catalog.state
        compactions = self.header.generation - older.header.generation
        return new.store == old.store and new.version == old.version + 1 + compactions

    def coordinates(self) -> FloatArray:
        """Return places on the map, (N, 2), read-only.

        Rows without a stored place lie beside their nearest neighbours among those that have one;
        if none has, the map is the principal plane.
        """
        places = np.array(self.catalog.places(), np.float64).reshape(-1, 2).astype(np.float32)
        known = np.isfinite(places).all(axis=1)
        if not known.any():
            places = principal_plane(self.embeddings)
        else:
            anchors, theirs = self.embeddings[known], places[known]
            for row in np.flatnonzero(~known):
                places[row] = place(self.embeddings[row], anchors, theirs)
        places.flags.writeable = False
        return places

    def preview(self, instrument_id: str, target: Path) -> Path | None:
        """Make the preview of a one-shot from its own file.

        Args:
            instrument_id: Its id.
            target: Where the preview belongs.

        Returns:
            The preview; None if the row is not of a sound file, the file has gone, or the folder
            cannot be written to.
        """
        original = self.catalog.original_of(instrument_id)
        if original is None:
            return None
        try:
            audio, rate = load_audio(original, sample_rate=None, max_seconds=_MAX_SECONDS)
            write_preview(target, audio, rate)
        except (CirError, OSError):
            return None
        return target


def write_preview(path: Path, audio: FloatArray, sample_rate: int) -> None:
    """Write the preview of a sound, (T,): its first seconds at a common peak, as Ogg Opus."""
    short = audio[: round(PREVIEW_SECONDS * sample_rate)]
    faded = fade_out(peak_normalise(short, _PREVIEW_PEAK), round(_FADE_SECONDS * sample_rate))
    save_opus(path, faded, sample_rate)
