"""Values that cross the borders between modules."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cir.text import clean, one_line

SAMPLE_RATE = 16_000
"""In Hz: the rate that models read, and at which banks of notes are stored and mixed."""

FloatArray: TypeAlias = NDArray[np.float32]

#: Called with a fraction done in [0, 1] and a few words on what is being done.
Progress: TypeAlias = Callable[[float, str], None]


@dataclass(frozen=True)
class Note:
    """One key pressed: when, which, how hard and for how long."""

    pitch: int
    """MIDI note number, 0..127."""
    velocity: int = 100
    """Note-on velocity, 1..127."""
    start_seconds: float = 0.0
    duration_seconds: float = 2.0
    """How long the key is held; the sound may ring on."""


@dataclass(frozen=True)
class Instrument:
    """A row of the catalogue: one thing that can be found in a mix.

    Its texts are cleaned wherever they come from, see `cir.text`.
    """

    instrument_id: str
    """Unique, lower case letters, digits and hyphens."""
    name: str
    family: str | None
    """A slug of `cir.instruments.families.FAMILIES`, or None where it belongs to no family."""
    category: str
    bank: str
    author: str
    licence: str
    source: str
    """Where it comes from: `surge`, `soundfont`, `vital`, `samples`, ..."""
    engine: str
    """What plays it: `scheme:reference`, e.g. `soundfont:TimGM6mb.sf2#0/33`."""

    def __post_init__(self) -> None:
        for name in ("name", "category", "bank", "author", "licence", "source"):
            object.__setattr__(self, name, clean(getattr(self, name)))
        object.__setattr__(self, "engine", one_line(self.engine))


@dataclass(frozen=True)
class Match:
    """One instrument of a database, beside how much it sounds like the query."""

    rank: int
    """From 1."""
    similarity: float
    """Cosine similarity in [-1, 1]; of a mixture's answer, less how much nearer the
    instrument is to mixtures that it does not play in than others are."""
    instrument: Instrument
    preview: Path | None = None
    """A short sound file of its reference note, where the database keeps one."""
    chance: float | None = None
    """Calibrated chance in [0, 1] that this is the instrument, given that the database has it;
    None where it is not known."""
    phrase: Path | None = None
    """A short phrase that it plays, where the database keeps one."""
    likeness: str = ""
    """How alike it sounds to what a mixture answered: very similar, similar or not alike."""
    guessed_family: str | None = None
    """Of an instrument that says no family: what its sound is most like, where that is clear."""


@dataclass(frozen=True)
class Judgement:
    """What a calibrated database says about its whole answer for one family."""

    novelty: float
    """In [0, 1]: how much the query looks like one whose instrument is not here."""
    is_absent: bool
    """Novelty is above the threshold: probably not in this database."""
    false_alarm_rate: float
    """How often `is_absent` is said of instruments that are here, in [0, 1] (valid split)."""
    chances: tuple[float, ...] = ()
    """Of the matches, best first, in [0, 1]: each the chance that it is the instrument. Empty where
    nothing is known of them: few data of the family, other candidates, or `is_absent`."""
    top_1: float | None = None
    """Chance that the first match is the instrument, given that the database has it."""
    top_5: float | None = None
    """Chance that one of the first five is, given the same."""


@dataclass(frozen=True)
class FamilyResult:
    """The best matches of one family for one query."""

    family: str
    matches: tuple[Match, ...]
    judgement: Judgement | None = None
    """None where the database has no calibration for this model, or nothing of this family."""


class Encoder(Protocol):
    """What index, retrieval and page need of a model; `cir.model.TimbreEncoder` is one."""

    @property
    def identity(self) -> str:
        """Names configuration and weights: two encoders with the same identity embed alike."""

    @property
    def embedding_size(self) -> int:
        """Length D of an embedding."""

    @property
    def families(self) -> tuple[str, ...]:
        """Families with a query of their own; empty where a mixture has one embedding for all."""

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
