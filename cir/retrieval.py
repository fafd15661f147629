"""Sound in, instruments out: the whole path from a mix to its matches."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from os import PathLike
from typing import TypeAlias

from numpy.typing import ArrayLike

from cir.audio.io import check_audio, load_audio, resample
from cir.errors import InputError
from cir.index.database import InstrumentDatabase
from cir.instruments.families import check_families
from cir.types import Encoder, FamilyResult, FloatArray, Progress
from cir.windows import SAMPLE_RATE, embed_windows

DEFAULT_FAMILIES = ("percussion", "bass", "synth_lead")
"""What the mixtures of the paper are made of."""

Sound: TypeAlias = str | PathLike[str] | ArrayLike
"""A file, or a waveform of any shape and type that `cir.audio.io.check_audio` takes."""


@dataclass(frozen=True)
class SearchTimings:
    """Where the time of one search went."""

    decode_seconds: float
    """Reading, checking and resampling."""
    embed_seconds: float
    """The model: features and network."""
    search_seconds: float
    """The database, all families together."""

    @property
    def total_seconds(self) -> float:
        """The sum."""
        return self.decode_seconds + self.embed_seconds + self.search_seconds


class Retriever:
    """A model beside a database that it made.

    Args:
        encoder: embeds the queries.
        database: made by the same model.

    Raises:
        DatabaseError: another model made the database.
    """

    def __init__(self, encoder: Encoder, database: InstrumentDatabase) -> None:
        database.check_encoder(encoder)
        self.encoder = encoder
        self.database = database

    def search(
        self,
        audio_or_path: Sound,
        families: Sequence[str] | None = None,
        top_k: int = 5,
        *,
        sample_rate: int | None = None,
        bank: str | None = None,
        source: str | None = None,
        progress: Progress | None = None,
        on_timings: Callable[[SearchTimings], None] | None = None,
    ) -> list[FamilyResult]:
        """Find the instruments of each family that sound most like those in a mix.

        Takes what `search` below takes, and further:

        Args:
            audio_or_path: a file or a waveform.
            families: which instruments to look for.
            top_k: matches per family.
            sample_rate: of a waveform.
            bank: only instruments of this bank.
            source: only instruments of this source.
            progress: called after every few windows.
            on_timings: called at the end with the time that each part took.
        """
        started = time.perf_counter()
        chosen = check_families(DEFAULT_FAMILIES if families is None else families)
        audio = read_sound(audio_or_path, sample_rate)
        decoded = time.perf_counter()
        embeddings = embed_windows(audio, self.encoder, chosen, progress)
        embedded = time.perf_counter()
        results = self.match(embeddings, top_k, bank=bank, source=source)
        if on_timings is not None:
            searched = time.perf_counter()
            on_timings(SearchTimings(decoded - started, embedded - decoded, searched - embedded))
        return results

    def match(
        self,
        embeddings: dict[str, FloatArray],
        top_k: int = 5,
        *,
        bank: str | None = None,
        source: str | None = None,
    ) -> list[FamilyResult]:
        """Look up embeddings by family, as `embed_query` gives them.

        Where the database is calibrated for its model, each match gets its chance and each family
        that has any match a judgement.
        """
        return [
            self._match_family(family, embedding, top_k, bank, source)
            for family, embedding in embeddings.items()
        ]

    def _match_family(
        self,
        family: str,
        embedding: FloatArray,
        top_k: int,
        bank: str | None,
        source: str | None,
    ) -> FamilyResult:
        found = self.database.search(
            embedding, top_k, family, bank=bank, source=source, of_mixture=True
        )
        calibration = self.database.calibration
        if calibration is None or not found:
            return FamilyResult(family, tuple(found))
        similarities = self.database.similarities(
            embedding, family, bank=bank, source=source, of_mixture=True
        )
        judgement = calibration.judge(similarities, family, top_k)
        matches = (
            replace(match, chance=chance)
            for match, chance in zip(found, judgement.chances, strict=True)
        )
        return FamilyResult(family, tuple(matches), judgement)


def search(
    audio_or_path: Sound,
    families: Sequence[str] | None = None,
    top_k: int = 5,
    *,
    sample_rate: int | None = None,
    encoder: Encoder | None = None,
    database: InstrumentDatabase | None = None,
    progress: Progress | None = None,
) -> list[FamilyResult]:
    """Find the instruments that sound most like those in a mix.

    Args:
        audio_or_path: a sound file, or a waveform (T,), (T, channels) or (channels, T), up to 20
            minutes; channels are mixed down so that nothing cancels.
        families: which instruments to look for; None for percussion, bass and synth lead.
        top_k: matches per family.
        sample_rate: of a waveform, in Hz; a file has its own.
        encoder: the model; None for the bundled one.
        database: made by the same model; None for the bundled one.
        progress: called after every few windows of a long sound.

    Returns:
        One result per family, in the order given. A family of which the database has no instrument
        has no matches. Where the database is calibrated for the model, matches have a chance and
        families a judgement.

    Raises:
        InputError: the sound cannot be read or heard, a family is unknown, or `top_k` is out of
            range.
        DatabaseError: another model made the database.
        CheckpointError: the bundled model is missing.
    """
    if encoder is None and database is None:
        retriever = default_retriever()
    else:
        chosen = default_encoder() if encoder is None else encoder
        retriever = Retriever(
            chosen, InstrumentDatabase.open(encoder=chosen) if database is None else database
        )
    return retriever.search(
        audio_or_path, families, top_k, sample_rate=sample_rate, progress=progress
    )


def embed_query(
    audio_or_path: Sound,
    families: Sequence[str] | None = None,
    *,
    sample_rate: int | None = None,
    encoder: Encoder | None = None,
    progress: Progress | None = None,
) -> dict[str, FloatArray]:
    """Embed a mix once per family.

    Takes what `search` takes.

    Returns:
        The embedding, (D,), unit norm, by family, in the order given.
    """
    chosen = check_families(DEFAULT_FAMILIES if families is None else families)
    audio = read_sound(audio_or_path, sample_rate)
    return embed_windows(audio, default_encoder() if encoder is None else encoder, chosen, progress)


def read_sound(audio_or_path: Sound, sample_rate: int | None = None) -> FloatArray:
    """Return a file or a waveform as mono at 16 kHz, (T,).

    Raises:
        InputError: it cannot be read, is empty, silent, too long or not finite, or a waveform came
            without its sample rate.
    """
    if isinstance(audio_or_path, str | PathLike):
        return load_audio(str(audio_or_path), sample_rate=SAMPLE_RATE)[0]
    if sample_rate is None:
        raise InputError(
            "A waveform needs its sample rate: search(audio, sample_rate=44100), or give a file."
        )
    audio = resample(check_audio(audio_or_path, sample_rate), int(sample_rate), SAMPLE_RATE)
    return check_audio(audio, SAMPLE_RATE)  # a sound above 8 kHz alone is silence from here on


@cache
def default_encoder() -> Encoder:
    """Load the bundled model, once."""
    from cir.model.encoder import TimbreEncoder

    return TimbreEncoder.from_pretrained()


@cache
def default_retriever() -> Retriever:
    """Load the bundled model and database, once, ready to search."""
    encoder = default_encoder()
    database = InstrumentDatabase.open(encoder=encoder)
    database.prepare()
    return Retriever(encoder, database)
