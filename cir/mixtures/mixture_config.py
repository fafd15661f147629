"""The configuration of mixtures."""

from typing import Literal

from cir.config import Amount, Positive, Share, checked
from cir.errors import InputError
from cir.instruments.families import FAMILIES

PAPER_FAMILIES = ("percussion", "bass", "synth_lead")

_LARGEST_STEMS = 16


@checked()
class MixtureConfig:
    """Setting and parameters of a mixture."""

    setting: Literal["paper", "realistic"] = "paper"
    """`paper`: one voice for each family. `realistic`: chords, tails, levels, swing, effects."""
    duration_seconds: Positive = 10.0
    families: tuple[str, ...] = ()
    """`paper`: one instrument of each plays; `realistic`: those that may play.
    Empty stands for the paper's three or for all thirteen."""
    min_tempo_bpm: Positive = 60.0
    max_tempo_bpm: float = 140.0
    percussion_gain_db: float = 12.0
    """`paper` only: level of percussion above the others."""
    level_range_db: Amount = 0.0
    """Each stem's level is changed by up to this much, up or down."""
    min_stems: int = 2
    """`realistic` only, as all fields below."""
    max_stems: int = 6
    effects_probability: Share = 0.5
    """Probability of each of reverb, equaliser and noise on the mix."""
    codec_probability: Share = 0.1
    """Probability of a lossy codec on the mix; it takes 15 to 120 ms, ten times the rest."""

    def __post_init__(self) -> None:
        own = PAPER_FAMILIES if self.setting == "paper" else FAMILIES
        object.__setattr__(self, "families", tuple(self.families) or own)
        if unknown := set(self.families) - set(FAMILIES):
            raise InputError(
                f"Unknown family {min(unknown)!r} of mixtures; choose among {', '.join(FAMILIES)}."
            )
        if self.min_tempo_bpm > self.max_tempo_bpm:
            raise InputError(
                "A mixture needs min_tempo_bpm <= max_tempo_bpm, got "
                f"{self.min_tempo_bpm} and {self.max_tempo_bpm}."
            )
        if not 1 <= self.min_stems <= self.max_stems <= _LARGEST_STEMS:
            raise InputError(
                f"A mixture needs 1 <= min_stems <= max_stems <= {_LARGEST_STEMS}, got "
                f"{self.min_stems} and {self.max_stems}."
            )
