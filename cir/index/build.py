"""Build a database: embed reference notes, write their sounds, compute the map."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np

from cir.audio.io import load_audio, save_opus
from cir.errors import DatabaseError
from cir.files import bring_back, replacing_folder
from cir.index.bundle import (
    PHRASES_NAME,
    PREVIEWS_NAME,
    Bundle,
    is_bundle,
    read_bundle,
    write_bundle,
)
from cir.index.changes import check_new_folder, whole_path
from cir.index.database import InstrumentDatabase
from cir.index.measure_previews import fill_descriptors
from cir.index.phrases import write_phrases
from cir.index.references import Reference, ReferenceSource, average_notes
from cir.index.sounds import pack_sounds
from cir.index.timbre_map import N_NEIGHBORS, compute_map, trustworthiness
from cir.instruments.catalog import Catalog
from cir.instruments.note_bank import NoteBank
from cir.types import Encoder, FloatArray, Instrument, Progress, part

_BATCH = 32
_COMPRESSION = 0.96
"""Of previews: about 16 kbit/s."""
_SHARE_OF_EMBEDDING = 0.9
"""Share of the progress bar without phrases; the map takes the rest."""
_SHARE_OF_PHRASES = 0.3
_SHARE_OF_MEASURING = 0.1


def build_database(
    folder: Path | str,
    encoder: Encoder,
    sources: Sequence[ReferenceSource],
    *,
    seed: int = 0,
    with_phrases: bool = False,
    note_banks: Sequence[NoteBank] = (),
    keep_sounds: bool = True,
    progress: Progress | None = None,
) -> InstrumentDatabase:
    """Build a database from reference notes, in place of an older one in the same folder.

    The folder is written under a temporary name and then renamed, so nothing changes before
    everything is done. An id that several sources use is prefixed with its source.

    Args:
        folder: New, empty, or a database.
        encoder: Embeds the notes; only this model can query the result.
        sources: Where the notes come from.
        seed: Of the map.
        with_phrases: Whether to render a phrase of each instrument that can play one.
        note_banks: Note banks on which recorded instruments play their phrases.
        keep_sounds: Whether instruments with the same id and engine in the older database keep
            their preview and phrase.
        progress: Called after every batch of instruments.

    Raises:
        DatabaseError: `folder` holds something else, the database whose sounds are kept is damaged,
            or no source has an instrument.
        InputError: A note is silent or not finite.
        DataError: A source is damaged, or two instruments share an id.
    """
    target = whole_path(Path(folder))
    bring_back(target)
    if not is_bundle(target):
        check_new_folder(target)
    kept = _KeptSounds(target if keep_sounds and is_bundle(target) else None)
    with replacing_folder(target) as temporary:
        tables_end = 1.0 - _SHARE_OF_PHRASES if with_phrases else 1.0
        embedded = tables_end * (1.0 - _SHARE_OF_MEASURING)
        catalog = _write(temporary, encoder, sources, seed, kept, part(progress, 0.0, embedded))
        fill_descriptors(temporary, part(progress, embedded, tables_end))
        silent = [one for one in catalog if not kept.copy(PHRASES_NAME, one, temporary)]
        if with_phrases and silent:
            write_phrases(
                temporary / PHRASES_NAME,
                silent,
                note_banks,
                progress=part(progress, tables_end, 1.0),
            )
        for kind in (PREVIEWS_NAME, PHRASES_NAME):
            pack_sounds(temporary, kind, catalog.ids)
    return InstrumentDatabase.open(folder, encoder=encoder)


class _KeptSounds:
    """Previews and phrases of the database that is being replaced.

    Args:
        folder: Of that database; None to keep nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self._bundle: Bundle | None = None
        self._engines: dict[str, str] = {}
        if folder is not None:
            try:
                self._bundle = read_bundle(folder)
            except DatabaseError as error:
                raise DatabaseError(
                    f"Its sounds cannot be kept (--new-sounds makes new ones): {error}"
                ) from None
            self._engines = {row.instrument_id: row.engine for row in self._bundle.catalog}

    def copy(self, kind: str, instrument: Instrument, folder: Path) -> bool:
        """Copy an instrument's sound into a new database; return whether there was one."""
        name = instrument.instrument_id
        if self._bundle is None or self._engines.get(name) != instrument.engine:
            return False
        sound = self._bundle.read_sound(kind, name)
        if sound is None:
            return False
        (folder / kind).mkdir(exist_ok=True)
        (folder / kind / f"{name}.opus").write_bytes(sound)
        return True


def _write(
    folder: Path,
    encoder: Encoder,
    sources: Sequence[ReferenceSource],
    seed: int,
    kept: _KeptSounds,
    progress: Progress,
) -> Catalog:
    instruments: list[Instrument] = []
    parts: list[FloatArray] = []
    total = sum(len(source.instruments()) for source in sources)
    for batch in _batches(sources):
        instruments += [reference.instrument for reference in batch]
        parts.append(_embed(batch, encoder))
        for reference in batch:
            if not kept.copy(PREVIEWS_NAME, reference.instrument, folder):
                _write_preview(folder / PREVIEWS_NAME, reference)
        words = f"Embedding instruments, {len(instruments)} of {total}"
        progress(_SHARE_OF_EMBEDDING * len(instruments) / total, words)
    if not instruments:
        raise DatabaseError("There is no instrument to build a database of; name a source of some.")
    order = sorted(range(len(instruments)), key=lambda row: instruments[row].instrument_id)
    embeddings = np.concatenate(parts)[order]
    coordinates = compute_map(
        embeddings, seed=seed, progress=part(progress, _SHARE_OF_EMBEDDING, 1.0)
    )
    enough = len(embeddings) > 2 * N_NEIGHBORS
    catalog = Catalog(instruments[row] for row in order)
    write_bundle(
        folder,
        identity=encoder.identity,
        catalog=catalog,
        embeddings=embeddings,
        coordinates=coordinates,
        map_trustworthiness=trustworthiness(embeddings, coordinates) if enough else None,
    )
    return catalog


def _batches(sources: Sequence[ReferenceSource]) -> Iterator[list[Reference]]:
    """Yield the references of all sources in batches of one sample rate, at most 32."""
    owners = Counter(row.instrument_id for source in sources for row in source.instruments())
    for source in sources:
        references = (_tell_apart(reference, owners) for reference in source)
        while batch := list(islice(references, _BATCH)):
            for rate in sorted({reference.sample_rate for reference in batch}):
                yield [reference for reference in batch if reference.sample_rate == rate]


def _tell_apart(reference: Reference, owners: Mapping[str, int]) -> Reference:
    """Prefix an id that several instruments have with its source."""
    row = reference.instrument
    if owners[row.instrument_id] == 1:
        return reference
    unique = replace(row, instrument_id=f"{row.source}-{row.instrument_id}")
    return replace(reference, instrument=unique)


def _embed(batch: Sequence[Reference], encoder: Encoder) -> FloatArray:
    notes = [note for reference in batch for note in (reference.audio, *reference.more)]
    counts = [1 + len(reference.more) for reference in batch]
    return average_notes(encoder.embed(notes, batch[0].sample_rate), counts)


def _write_preview(folder: Path, reference: Reference) -> None:
    path = folder / f"{reference.instrument.instrument_id}.opus"
    audio, rate = reference.audio, reference.sample_rate
    if reference.preview is not None:
        audio, rate = load_audio(reference.preview, sample_rate=None)
    save_opus(path, audio, rate, compression=_COMPRESSION, frame_ms=60)
