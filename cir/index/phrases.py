"""Phrases: two bars that each instrument of a database plays, to be heard beside its one note."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from cir.audio.dsp import TAIL_FLOOR, fade_out, peak_normalise, trim_tail
from cir.audio.io import save_opus
from cir.audio.limits import SILENT_NOTE_PEAK
from cir.datasets.work_ahead import work_ahead
from cir.engines.base import Engine
from cir.engines.note_bank import NoteBankEngine
from cir.engines.registry import open_engine
from cir.errors import EngineError
from cir.files import replacing_folder
from cir.index.bundle import PHRASES_NAME
from cir.index.database import InstrumentDatabase
from cir.index.phrase_pitches import exact_notes, recorded_notes
from cir.index.phrase_scores import score_for
from cir.index.sounds import archive_path, pack_sounds
from cir.instruments.families import reference_pitch
from cir.instruments.note_bank import NoteBank
from cir.types import SAMPLE_RATE as BANK_RATE
from cir.types import FloatArray, Instrument, Progress

PHRASE_SECONDS = 4.2
"""Two bars and their decay."""

PHRASE_RATE = 48_000
"""Sample rate at which engines play."""

_RELEASE_SECONDS = 0.15
_FADE_SECONDS = 0.2
_PEAK = 0.9
_COMPRESSION = 0.94
"""About 21 kbit/s."""

_COMPRESSION_OF_MANY = 0.975
"""About 12 kbit/s, for a whole database."""

_RECORDED = "bank"
"""Scheme of the engines of recorded instruments."""


@dataclass(frozen=True)
class PhraseReport:
    """The phrases that were written, and why others were not."""

    n_written: int
    left_out: tuple[str, ...]
    """The reason for each instrument without a new phrase."""


def add_phrases(
    database: InstrumentDatabase,
    note_banks: Sequence[NoteBank] = (),
    *,
    progress: Progress | None = None,
) -> PhraseReport:
    """Write the phrases of a database's instruments, all at once, in place of older ones.

    Nothing else of the database changes. An instrument that cannot play keeps its older phrase.

    Args:
        database: The database.
        note_banks: Note banks of recorded instruments; those of other banks are left out.
        progress: Called after every instrument.

    Raises:
        DataError: A note bank is damaged.
    """
    folder = database.path / PHRASES_NAME
    with replacing_folder(folder) as temporary:
        report = write_phrases(temporary, database.instruments(), note_banks, progress=progress)
        for instrument in database.instruments():
            old = database.phrase_path(instrument.instrument_id)
            if old is not None and not (temporary / old.name).exists():
                shutil.copyfile(old, temporary / old.name)
    if archive_path(database.path, PHRASES_NAME).is_file():
        pack_sounds(database.path, PHRASES_NAME, database.instruments().ids)
    return report


def write_phrases(
    folder: Path,
    instruments: Sequence[Instrument],
    note_banks: Sequence[NoteBank] = (),
    *,
    progress: Progress | None = None,
) -> PhraseReport:
    """Write a phrase of each instrument that can play into a folder, as `<id>.opus`.

    The same instruments give the same bytes. Recorded instruments are rendered on all cores.

    Raises:
        DataError: A note bank is damaged.
    """

    def play(instrument: Instrument) -> str | None:
        """Write a phrase, or return why there is none."""
        try:
            audio, rate = render_phrase(instrument, note_banks)
        except EngineError as error:
            return f"{instrument.instrument_id}: {error}"
        path = folder / f"{instrument.instrument_id}.opus"
        save_opus(path, audio, rate, compression=_COMPRESSION_OF_MANY, frame_ms=60)
        return None

    recorded = [one for one in instruments if _scheme(one) == _RECORDED]
    others = [one for one in instruments if _scheme(one) != _RECORDED]
    left_out: list[str] = []
    for done, reason in enumerate(chain(work_ahead(play, recorded), map(play, others)), start=1):
        if reason is not None:
            left_out.append(reason)
        if progress is not None:
            progress(done / len(instruments), f"Playing phrases, {done} of {len(instruments)}")
    return PhraseReport(len(instruments) - len(left_out), tuple(left_out))


def render_phrase(
    instrument: Instrument, note_banks: Sequence[NoteBank] = ()
) -> tuple[FloatArray, int]:
    """Render the phrase of an instrument.

    A recorded instrument plays its recorded notes at their own pitches; an instrument with an
    engine plays the phrase of its family as it is written.

    Args:
        instrument: The instrument.
        note_banks: Where recorded notes are; an instrument's bank is known by its folder's name.

    Returns:
        The phrase, (T,), with a peak of 0.9, and its sample rate.

    Raises:
        EngineError: Its engine is missing, there is only a one-shot of it, or it stays silent.
        DataError: The note bank is damaged.
    """
    scheme = _scheme(instrument)
    if scheme == "samples":
        raise EngineError("a one-shot is one note, no phrase can be played on it.")
    if scheme != _RECORDED:
        engine = open_engine(instrument.engine)
        return play_phrase(engine, instrument.family, instrument.category), PHRASE_RATE
    score = score_for(instrument.family, instrument.category)
    recorder = _open_recorded(instrument, note_banks)
    bank, name = recorder.bank, recorder.instrument_id
    notes = recorded_notes(
        score,
        reference_pitch(instrument.family),
        bank.notes(name),
        one_voice=bank[name].is_monophonic,
    )
    return _finish(recorder.render(notes, PHRASE_SECONDS, BANK_RATE), BANK_RATE), BANK_RATE


def play_phrase(engine: Engine, family: str | None, category: str = "") -> FloatArray:
    """Render the phrase of a family with an engine, as it is written.

    Args:
        engine: Plays the notes.
        family: Slug; None for a phrase that suits most instruments.
        category: Of the instrument, such as Polysynths; some have a phrase of their own.

    Returns:
        The phrase, (T,), with a peak of 0.9, at `PHRASE_RATE`.

    Raises:
        EngineError: The engine cannot play, or stays silent.
    """
    notes = exact_notes(score_for(family, category), reference_pitch(family))
    return _finish(engine.render(notes, PHRASE_SECONDS, PHRASE_RATE), PHRASE_RATE)


def save_phrase(path: Path, audio: FloatArray, sample_rate: int) -> None:
    """Write a phrase, (T,), as Ogg Opus."""
    save_opus(path, audio, sample_rate, compression=_COMPRESSION)


def _finish(audio: FloatArray, rate: int) -> FloatArray:
    if float(np.abs(audio).max()) < SILENT_NOTE_PEAK:
        raise EngineError("it stays silent at the pitches of its phrase.")
    fade = round(_FADE_SECONDS * rate)
    return trim_tail(fade_out(peak_normalise(audio, _PEAK), fade), TAIL_FLOOR, fade // 4)


def _scheme(instrument: Instrument) -> str:
    return instrument.engine.partition(":")[0]


def _open_recorded(instrument: Instrument, note_banks: Sequence[NoteBank]) -> NoteBankEngine:
    """Open the engine of a recorded instrument on the bank that its reference names."""
    source, _, name = instrument.engine.partition(":")[2].rpartition("#")
    for bank in note_banks:
        if bank.name == source and name in bank:
            return NoteBankEngine(bank, name, release_seconds=_RELEASE_SECONDS)
    raise EngineError("its recorded notes are in no note bank at hand.")
