"""Types that several parts of the package share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from cir.text import clean, one_line

SAMPLE_RATE = 16_000
"""In Hz: the rate that models read, and at which banks of notes are stored and mixed."""

FloatArray: TypeAlias = NDArray[np.float32]

Progress: TypeAlias = Callable[[float, str], None]
"""Called with the fraction done, in [0, 1], and a few words on the present step."""


@dataclass(frozen=True)
class Note:
    """A key that is pressed and released."""

    pitch: int
    """MIDI note number, 0..127."""
    velocity: int = 100
    """Note-on velocity, 1..127."""
    start_seconds: float = 0.0
    duration_seconds: float = 2.0
    """Time until the key is released; the sound may last longer."""


@dataclass(frozen=True)
class Instrument:
    """A row of the catalogue: an instrument that can be found in a mix.

    Its texts are cleaned, see `cir.text`.
    """

    instrument_id: str
    """Unique; lower case letters, digits and hyphens."""
    name: str
    family: str | None
    """A slug of `cir.instruments.families.FAMILIES`, or None if it belongs to none."""
    category: str
    bank: str
    author: str
    licence: str
    source: str
    """Origin: `surge`, `soundfont`, `vital`, `samples`, ..."""
    engine: str
    """Player: `scheme:reference`, e.g. `soundfont:TimGM6mb.sf2#0/33`."""

    def __post_init__(self) -> None:
        for name in ("name", "category", "bank", "author", "licence", "source"):
            object.__setattr__(self, name, clean(getattr(self, name)))
        object.__setattr__(self, "engine", one_line(self.engine))


@dataclass(frozen=True)
class Match:
    """An instrument of a database and its similarity to the query."""

    rank: int
    """From 1."""
    similarity: float
    """Cosine similarity in [-1, 1]."""
    instrument: Instrument
    preview: Path | None = None
    """Sound file of its reference note, if the database has one."""
    chance: float | None = None
    """Calibrated chance in [0, 1] that this is the instrument, given that the database has it;
    None if it is unknown."""
    phrase: Path | None = None
    """Sound file of a short phrase, if the database has one."""
    likeness: str = ""
    """Similarity in words, for mixtures: very similar, similar or not alike."""
    guessed_family: str | None = None
    """The family that an instrument without one sounds like, if that is clear."""


@dataclass(frozen=True)
class Judgement:
    """Open set judgement of a calibrated database on its matches of one family."""

    novelty: float
    """Score in [0, 1] that is high if the instrument is probably not in the database."""
    is_absent: bool
    """Whether the novelty is above the threshold."""
    false_alarm_rate: float
    """Share of present instruments that are called absent, in [0, 1] (valid split)."""
    chances: tuple[float, ...] = ()
    """Chances in [0, 1] that each match is the instrument, best match first. Empty if they are
    unknown: too few data of the family, other candidates, or `is_absent`."""
    top_1: float | None = None
    """Chance that the first match is the instrument, given that the database has it."""
    top_5: float | None = None
    """Chance that one of the first five matches is the instrument, given the same."""


@dataclass(frozen=True)
class FamilyResult:
    """The best matches of one family for one query."""

    family: str
    matches: tuple[Match, ...]
    judgement: Judgement | None = None
    """None if the database has no calibration for this model, or no instrument of this family."""


class Encoder(Protocol):
    """Interface of models for index, retrieval and app, such as `cir.model.TimbreEncoder`."""

    @property
    def identity(self) -> str:
        """Identifies configuration and weights: encoders of equal identity embed equally."""

    @property
    def embedding_size(self) -> int:
        """Length D of an embedding."""

    @property
    def families(self) -> tuple[str, ...]:
        """Families with their own query; empty if a mixture has one embedding for all families."""

    def embed(
        self,
        sounds: Sequence[FloatArray],
        sample_rate: int,
        *,
        progress: Progress | None = None,
    ) -> FloatArray:
        """Embed single instruments, (N, D), unit norm."""

    def embed_mixtures(
        self,
        sounds: Sequence[FloatArray],
        sample_rate: int,
        families: Sequence[str],
        *,
        progress: Progress | None = None,
    ) -> FloatArray:
        """Embed mixtures once per family, (N, F, D), unit norm."""


@runtime_checkable
class FamilyListener(Encoder, Protocol):
    """An encoder that may also tell which families play in a mixture, and where."""

    @property
    def tells_families(self) -> bool:
        """Whether it estimates presence and masks."""

    @property
    def mask_centres_hz(self) -> tuple[float, ...]:
        """Centres of the bands of `family_masks`, ascending; empty if there are no masks."""

    @property
    def mask_hop_seconds(self) -> float:
        """Frame shift of `family_masks`; frame t is centred on the middle of the t-th hop."""

    def hear_mixtures(
        self,
        sounds: Sequence[FloatArray],
        sample_rate: int,
        families: Sequence[str],
        *,
        progress: Progress | None = None,
    ) -> tuple[FloatArray, FloatArray]:
        """Embed mixtures, (N, F, D); estimate the presence of each own family, (N, families)."""

    def family_masks(
        self, sound: FloatArray, sample_rate: int, families: Sequence[str]
    ) -> FloatArray:
        """Estimate each family's share in the energy, (F, frames, bands)."""


def part(progress: Progress | None, start: float, end: float) -> Progress:
    """Return a callback that maps a part's fraction to the whole.

    Args:
        progress: Callback of the whole; None to ignore the progress.
        start: Fraction of the whole at the start of the part.
        end: Fraction of the whole at the end of the part.
    """

    def report(fraction: float, words: str) -> None:
        if progress is not None:
            progress(start + fraction * (end - start), words)

    return report
