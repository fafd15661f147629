"""Search: the whole path from a sound to its matches."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from os import PathLike
from pathlib import Path
from typing import TypeAlias

from numpy.typing import ArrayLike

from cir.audio.io import check_audio, load_audio, resample
from cir.errors import InputError
from cir.index.bundle import is_bundle
from cir.index.database import BUNDLED_PATH, InstrumentDatabase
from cir.index.filters import ANY, Filters
from cir.index.ranking import Ranking
from cir.index.scale import EXACT_LIMIT
from cir.index.unsorted import guess_families, rows_of_family
from cir.instruments.families import FAMILIES, check_families
from cir.retrieval.windows import embed_windows
from cir.types import SAMPLE_RATE, Encoder, FamilyResult, FloatArray, Progress, part

DEFAULT_FAMILIES = ("percussion", "bass", "synth_lead")
"""The families of the paper's mixtures."""

SHORTLIST = 200
"""How many of the best matches of a large database are compared exactly."""

Sound: TypeAlias = str | PathLike[str] | ArrayLike
"""A file, or a waveform of any shape and type that `cir.audio.io.check_audio` takes."""


@dataclass(frozen=True)
class SearchTimings:
    """The time that each part of one search took."""

    decode_seconds: float
    """Reading, checking and resampling."""
    embed_seconds: float
    """Features and network."""
    search_seconds: float
    """Ranking, all families together."""

    @property
    def total_seconds(self) -> float:
        """The sum."""
        return self.decode_seconds + self.embed_seconds + self.search_seconds


class Retriever:
    """A model together with a database that it made.

    Args:
        encoder: Embeds the queries.
        database: Made by the same model.

    Raises:
        DatabaseError: Another model made the database.
    """

    def __init__(self, encoder: Encoder, database: InstrumentDatabase) -> None:
        database.check_encoder(encoder)
        self.encoder = encoder
        self.database = database

    @cached_property
    def guesses(self) -> dict[str, str | None]:
        """The guessed family of each sound without one, by id; None where it is unclear.

        Nothing is guessed in the bundled database, whose instruments without a family have none on
        purpose, or in a calibrated one, whose chances hold for the candidates they were fitted on;
        nor in a database of more than 100 000 instruments, where it would take minutes.
        """
        database = self.database
        if None not in database.families() or len(database) > EXACT_LIMIT:
            return {}
        if database.path == BUNDLED_PATH or database.calibration is not None:
            return {}
        if not is_bundle(BUNDLED_PATH):
            return {}
        return guess_families(self.database, _opened(BUNDLED_PATH))

    def families(self) -> tuple[str, ...]:
        """Return the families of the database, stated or guessed; all families if it has none."""
        here = self.database.families() | set(self.guesses.values())
        return tuple(family for family in FAMILIES if family in here) or FAMILIES

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
        """Do as `cir.search`, for instruments of one `bank` or one `source` if these are given.

        `on_timings` is called at the end with the time that each part took.
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

    def search_many(
        self,
        sounds: Sequence[Sound],
        families: Sequence[str] | None = None,
        top_k: int = 5,
        *,
        sample_rate: int | None = None,
        filters: Filters = ANY,
        progress: Progress | None = None,
    ) -> list[list[FamilyResult]]:
        """Search for the instruments of many mixes; all are read before the first is embedded.

        Every mix gets the answer that it gets alone; arguments and errors as in `search`.
        """
        chosen = check_families(DEFAULT_FAMILIES if families is None else families)
        audio = [read_sound(sound, sample_rate) for sound in sounds]
        count = len(audio)
        queries = [
            embed_windows(one, self.encoder, chosen, part(progress, at / count, (at + 1) / count))
            for at, one in enumerate(audio)
        ]
        return [
            [
                self.result(family, self.ranking(family, query, filters), top_k)
                for family, query in one.items()
            ]
            for one in queries
        ]

    def match(
        self,
        embeddings: dict[str, FloatArray],
        top_k: int = 5,
        *,
        bank: str | None = None,
        source: str | None = None,
    ) -> list[FamilyResult]:
        """Look up the embeddings of `embed_query`.

        Sounds without a family are candidates for the family that they sound like, or for every
        family if that is unclear; not so in the bundled database.

        Each match gets a word for how alike it sounds. If the database is calibrated, each family
        with any match gets a judgement, and its matches get chances if these are known.
        """
        filters = Filters(bank, source)
        return [
            self.result(family, self.ranking(family, embedding, filters), top_k)
            for family, embedding in embeddings.items()
        ]

    def ranking(self, family: str, embedding: FloatArray, filters: Filters = ANY) -> Ranking:
        """Rank the instruments of a family, and those that may be of it, see `match`.

        Of a large database without a calibration, which needs all scores, these are the best
        matches only, unless filters are set that no index knows.
        """
        is_known = replace(filters, bank=None, source=None, text="") == ANY
        ranking = self.database.ranking(
            embedding,
            family,
            bank=filters.bank,
            source=filters.source,
            words=filters.text,
            rows=rows_of_family(self.database, self.guesses, family) if self.guesses else None,
            best=SHORTLIST if self.database.calibration is None and is_known else None,
        )
        return filters.narrow(ranking)

    def result(self, family: str, ranking: Ranking, top_k: int) -> FamilyResult:
        """Return the best matches of a ranking, with words and chances, see `match`."""
        likeness = self.database.likeness
        found = [
            replace(
                match,
                likeness=likeness.word(match.similarity),
                guessed_family=self.guesses.get(match.instrument.instrument_id),
            )
            for match in ranking.top(top_k)
        ]
        calibration = self.database.calibration
        if calibration is None or not found or not ranking.is_complete:
            return FamilyResult(family, tuple(found))
        judgement = calibration.judge(ranking.scores, family, top_k)
        if judgement.chances:
            found = [
                replace(match, chance=chance)
                for match, chance in zip(found, judgement.chances, strict=True)
            ]
        return FamilyResult(family, tuple(found), judgement)


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
        audio_or_path: A sound file, or a waveform (T,), (T, channels) or (channels, T), up to 20
            minutes; channels are mixed down so that nothing cancels.
        families: Which instruments to look for; None for percussion, bass and synth lead.
        top_k: Matches per family.
        sample_rate: Of a waveform, in Hz; a file has its own.
        encoder: The model; None for the bundled one.
        database: Made by the same model; None for the bundled one.
        progress: Called after every few windows of a long sound.

    Returns:
        One result per family, in the order given. A family of which the database has no instrument
        has no matches. Matches have a word for how alike they sound. If the database is calibrated,
        families have a judgement, and matches have a chance if it is known.

    Raises:
        InputError: The sound cannot be read or heard, a family is unknown, or `top_k` is out of
            range.
        DatabaseError: Another model made the database.
        CheckpointError: The bundled model is missing.
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

    Arguments as in `search`.

    Returns:
        The embedding, (D,), unit norm, by family, in the order given.
    """
    chosen = check_families(DEFAULT_FAMILIES if families is None else families)
    audio = read_sound(audio_or_path, sample_rate)
    return embed_windows(audio, default_encoder() if encoder is None else encoder, chosen, progress)


def read_sound(audio_or_path: Sound, sample_rate: int | None = None) -> FloatArray:
    """Return a file or a waveform as mono at 16 kHz, (T,).

    Raises:
        InputError: It cannot be read, is empty, silent, too long or not finite, or the sample rate
            of a waveform is missing.
    """
    if isinstance(audio_or_path, str | PathLike):
        return load_audio(str(audio_or_path), sample_rate=SAMPLE_RATE)[0]
    if sample_rate is None:
        raise InputError(
            "A waveform needs its sample rate: search(audio, sample_rate=44100), or give a file."
        )
    audio = check_audio(audio_or_path, sample_rate)
    if sample_rate == SAMPLE_RATE:
        return audio
    # A sound above 8 kHz alone is silence once it is resampled.
    return check_audio(resample(audio, int(sample_rate), SAMPLE_RATE), SAMPLE_RATE)


@cache
def _opened(path: Path) -> InstrumentDatabase:
    """Open a database that does not change, once per process."""
    return InstrumentDatabase.open(path)


@cache
def default_encoder() -> Encoder:
    """Load the bundled model, once per process."""
    from cir.model.loading import load_encoder

    return load_encoder()


@cache
def default_retriever() -> Retriever:
    """Load the bundled model and database, once per process."""
    encoder = default_encoder()
    return Retriever(encoder, InstrumentDatabase.open(encoder=encoder))
