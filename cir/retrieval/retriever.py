"""Sound in, instruments out: the whole path from a mix to its matches."""

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
from cir.index.exact import rank
from cir.index.unsorted import compare_with_family, guess_families
from cir.instruments.families import FAMILIES, check_families
from cir.retrieval.windows import SAMPLE_RATE, embed_windows
from cir.types import Encoder, FamilyResult, FloatArray, Match, Progress

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

    @cached_property
    def guesses(self) -> dict[str, str | None]:
        """The family that each sound without one is like, by id; None where it may be any.

        Empty in the bundled database, where instruments are of no family on purpose, and in one
        that is calibrated: chances hold for those instruments of a family that they were fitted on.
        """
        database = self.database
        unsorted = any(one.family is None for one in database.instruments())
        if not unsorted or database.path == BUNDLED_PATH or database.calibration is not None:
            return {}
        if not is_bundle(BUNDLED_PATH):
            return {}
        return guess_families(self.database, _opened(BUNDLED_PATH))

    def families(self) -> tuple[str, ...]:
        """Families that the database has, guessed ones too; all where it only has unclear ones."""
        here = {one.family for one in self.database.instruments()} | set(self.guesses.values())
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

        Sounds that say no family are looked up with that which they sound like, or with every
        family where that is not clear; but for the bundled database's.

        Each match gets a word for how alike it sounds. Where the database is calibrated, each
        family that has any match gets a judgement, and the matches chances where these are known.
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
        if self.guesses:
            found = self._with_unsorted(family, embedding, top_k, bank, source)
        likeness = self.database.likeness
        found = [replace(one, likeness=likeness.word(one.similarity)) for one in found]
        calibration = self.database.calibration
        if calibration is None or not found:
            return FamilyResult(family, tuple(found))
        similarities = self.database.similarities(
            embedding, family, bank=bank, source=source, of_mixture=True
        )
        judgement = calibration.judge(similarities, family, top_k)
        if judgement.chances:
            found = [
                replace(match, chance=chance)
                for match, chance in zip(found, judgement.chances, strict=True)
            ]
        return FamilyResult(family, tuple(found), judgement)

    def _with_unsorted(
        self, family: str, embedding: FloatArray, top_k: int, bank: str | None, source: str | None
    ) -> list[Match]:
        """Rank the instruments of a family together with those that may be of it."""
        database = self.database
        rows, similarities = compare_with_family(
            database, self.guesses, family, embedding, bank=bank, source=source
        )
        ids = [database.instruments()[row].instrument_id for row in rows]
        return [
            Match(
                position,
                similarity,
                database.get(name),
                database.preview_path(name),
                phrase=database.phrase_path(name),
                guessed_family=self.guesses.get(name),
            )
            for position, (name, similarity) in enumerate(rank(ids, similarities, top_k), start=1)
        ]


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
        has no matches. Matches say in a word how alike they sound. Where the database is
        calibrated, families have a judgement, and matches a chance where it is known.

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
def _opened(path: Path) -> InstrumentDatabase:
    """Open a database that does not change, once."""
    return InstrumentDatabase.open(path)


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
