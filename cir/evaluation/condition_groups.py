"""Groups of conditions: one factor varies within a group, the mixtures stay the same."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from cir.evaluation.alterations import (
    PINK_DB_PER_OCTAVE,
    add_noise,
    add_reverb,
    change_level,
    change_loudness,
    cut_excerpt,
    encode,
    keep_first,
    low_pass,
)
from cir.evaluation.answers import FamilyAnswers
from cir.evaluation.gallery import Gallery
from cir.evaluation.mixture_stream import Alteration, MixtureSet, Question
from cir.mixtures.mixture_config import MixtureConfig
from cir.mixtures.pool import NotePool
from cir.mixtures.render import Mixture

Selection: TypeAlias = Callable[[FamilyAnswers], NDArray[np.bool_]]
"""Returns for each query whether it counts, (Q,)."""

N_INSTRUMENTS = (2, 3, 4, 5, 6)
LEVELS_DB = (-12, -6, 0, 6, 12)
EXCERPTS_SECONDS = (2.0, 3.0, 5.0, 7.5)
LOUDNESS_DB = -30.0
CUTOFF_HZ = 4000.0
WET_DB = 0.0
_N_PLAYERS = 3
_FEWEST_PLAYERS = 2
"""Least instruments of a family: figures of a single one have no interval."""


@dataclass(frozen=True)
class Condition:
    """Mixtures, their alteration, and the queries that count."""

    name: str
    mixture_set: MixtureSet
    alter: Alteration | None = None
    counts: Selection | None = None


@dataclass(frozen=True)
class ConditionGroup:
    """Conditions that differ in one factor."""

    name: str
    unit: str
    """Unit of the conditions' names; empty if they are words or plain numbers."""
    about: str
    conditions: tuple[Condition, ...]
    clean: str | None = None
    """Name of the condition that stability is measured against; None if it is not measured."""


def build_groups(
    base: MixtureSet, mixed_families: Sequence[str], gallery: Gallery, pool: NotePool
) -> list[ConditionGroup]:
    """Build all groups that the data allow, in the order of the report.

    Args:
        base: Mixtures of one instrument of each of a few families, in the paper's setting.
        mixed_families: Families of mixtures of any families.
        gallery: Data whose references are ranked.
        pool: Notes of the instruments that play.
    """
    present = tuple(name for name in mixed_families if name in pool.families)
    groups = [
        _number_of_instruments(base, present, pool),
        _all_families(base, present),
        _level(base),
        _setting(base),
        _excerpts(base),
        _robustness(base),
        _sources(base, gallery, pool),
    ]
    return [group for group in groups if group.conditions]


def _number_of_instruments(
    base: MixtureSet, present: Sequence[str], pool: NotePool
) -> ConditionGroup:
    """Mute all but the first instruments of large mixtures, so that the targets stay the same."""
    families = tuple(name for name in present if len(pool.of_family(name)) >= _FEWEST_PLAYERS)
    counts = [number for number in N_INSTRUMENTS if number <= len(families)]
    largest = max(counts, default=0)
    searched = tuple(range(N_INSTRUMENTS[0]))

    def hear_first(n_stems: int, _: int, mixture: Mixture) -> Question:
        return Question(keep_first(mixture, n_stems), searched)

    mixture_set = replace(base, families=families, n_stems=largest) if counts else base
    return ConditionGroup(
        "number of instruments",
        "",
        f"The same {len(searched)} instruments are searched for while more and more play along, "
        f"each of another family that has {_FEWEST_PLAYERS} or more in the split.",
        tuple(
            Condition(str(number), mixture_set, partial(hear_first, number)) for number in counts
        ),
    )


def _all_families(base: MixtureSet, present: tuple[str, ...]) -> ConditionGroup:
    n_stems = min(_N_PLAYERS, len(present))
    conditions = (
        (Condition(f"{n_stems} of any", replace(base, families=present, n_stems=n_stems)),)
        if n_stems > 1
        else ()
    )
    return ConditionGroup(
        "all families",
        "",
        f"{n_stems} instruments of different families, all families equally likely, each searched "
        "for among the references of its family. A family of few references is easy to guess in: "
        "see what chance gives.",
        conditions,
    )


def _level(base: MixtureSet) -> ConditionGroup:
    families = base.families

    def change_target(gain_db: float, number: int, mixture: Mixture) -> Question:
        target = number % len(families)
        return Question(change_level(mixture, target, gain_db), (target,))

    def is_target(answers: FamilyAnswers) -> NDArray[np.bool_]:
        wanted = families.index(answers.family)
        return np.asarray(answers.mixtures % len(families) == wanted)

    return ConditionGroup(
        "level of the target",
        "dB",
        "The one instrument that is searched for is made softer or louder than it is in the mix, "
        "the others stay; each family is the target in turn. Percussion starts out "
        f"{MixtureConfig().percussion_gain_db:g} dB above the others.",
        tuple(
            Condition(
                f"{gain_db:+d}" if gain_db else "0",
                base,
                partial(change_target, float(gain_db)) if gain_db else None,
                is_target,
            )
            for gain_db in LEVELS_DB
        ),
    )


def _setting(base: MixtureSet) -> ConditionGroup:
    wet = replace(base.config, setting="realistic")
    dry = replace(wet, effects_probability=0.0, codec_probability=0.0)
    return ConditionGroup(
        "setting",
        "",
        "The same instruments play the paper's single voices, or chords with tails, swing and "
        "levels of their own (realistic); with effects, each of equaliser, reverb and noise is on "
        f"{wet.effects_probability:.0%} of the mixes and a lossy codec on "
        f"{wet.codec_probability:.0%}.",
        (
            Condition("paper", base),
            Condition("realistic, dry", replace(base, config=dry)),
            Condition("realistic, with effects", replace(base, config=wet)),
        ),
    )


def _excerpts(base: MixtureSet) -> ConditionGroup:
    whole = base.config.duration_seconds
    lengths = [seconds for seconds in EXCERPTS_SECONDS if seconds < whole]
    return ConditionGroup(
        "length of the excerpt",
        "s",
        f"Of the same mixtures of {whole:g} s, the excerpt nearest to the middle in which every "
        "instrument is heard (within 10 dB of its power in the whole). Stability: how much of the "
        "best five for the whole mixture is among the best five for the excerpt.",
        (
            *(
                Condition(f"{seconds:g}", base, _altered(partial(cut_excerpt, seconds=seconds)))
                for seconds in lengths
            ),
            Condition(f"{whole:g}", base),
        ),
        clean=f"{whole:g}",
    )


def _robustness(base: MixtureSet) -> ConditionGroup:
    def noise(snr_db: float, tilt_db_per_octave: float = 0.0) -> Alteration:
        return _altered_with_seed(
            base.seed, partial(add_noise, snr_db=snr_db, tilt_db_per_octave=tilt_db_per_octave)
        )

    def reverb(decay_seconds: float) -> Alteration:
        return _altered_with_seed(
            base.seed, partial(add_reverb, decay_seconds=decay_seconds, wet_db=WET_DB)
        )

    def coded(codec: str, compression: float) -> Alteration:
        return _altered(partial(encode, codec=codec, compression=compression))

    alterations: dict[str, Alteration | None] = {
        "clean": None,
        "mp3, 48 kbit/s": coded("mp3", 0.3),
        "mp3, 21 kbit/s": coded("mp3", 0.99),
        "Vorbis, 25 kbit/s": coded("vorbis", 0.95),
        "Opus, 20 kbit/s": coded("opus", 0.95),
        "white noise, SNR 20 dB": noise(20.0),
        "white noise, SNR 10 dB": noise(10.0),
        "pink noise, SNR 20 dB": noise(20.0, PINK_DB_PER_OCTAVE),
        "pink noise, SNR 10 dB": noise(10.0, PINK_DB_PER_OCTAVE),
        "reverb, RT60 0.5 s": reverb(0.5),
        "reverb, RT60 1.5 s": reverb(1.5),
        f"low-pass at {CUTOFF_HZ / 1000:g} kHz": _altered(partial(low_pass, cutoff_hz=CUTOFF_HZ)),
        f"loudness {LOUDNESS_DB:g} dB": _altered(partial(change_loudness, gain_db=LOUDNESS_DB)),
    }
    return ConditionGroup(
        "robustness",
        "",
        "The same mixtures after something happened to them. Bit rates are means at 16 kHz mono; "
        "mp3 also cuts off what is above 7.5 and 5 kHz; AAC is not here, for nothing that this "
        "package needs can encode it. The reverberation has "
        "as much energy as the direct sound. Loudness alone must change nothing. Stability: how "
        "much of the best five for the clean mixture is still among the best five.",
        tuple(Condition(name, base, alter) for name, alter in alterations.items()),
        clean="clean",
    )


def _sources(base: MixtureSet, gallery: Gallery, pool: NotePool) -> ConditionGroup:
    """One condition for each source of the instruments that play, if there are several."""
    playing = {
        gallery.entries[gallery.row(one.instrument_id)].source
        for one in pool.instruments
        if one.family in base.families
    }

    def is_from(source: str, answers: FamilyAnswers) -> NDArray[np.bool_]:
        rows = [gallery.row(name) for name in answers.instruments]
        return np.array([gallery.entries[row].source == source for row in rows])

    several = len(playing) > 1
    return ConditionGroup(
        "source of the target",
        "",
        "Instruments of all sources meet in the same mixtures and are ranked among the references "
        "of all sources; the queries are told apart by where the target comes from.",
        tuple(
            Condition(source, base, counts=partial(is_from, source))
            for source in gallery.sources
            if several and source in playing
        ),
    )


def _altered(change: Callable[[Mixture], Mixture]) -> Alteration:
    """Apply a change, and search for every instrument that is left."""

    def alter(_: int, mixture: Mixture) -> Question:
        return Question(change(mixture), tuple(range(len(mixture.stems))))

    return alter


def _altered_with_seed(seed: int, change: Callable[..., Mixture]) -> Alteration:
    """Apply a change with a seed of its own for each mixture; see `_altered`."""

    def alter(number: int, mixture: Mixture) -> Question:
        own = int(np.random.SeedSequence([seed, number, 2]).generate_state(1)[0])
        return Question(change(mixture, seed=own), tuple(range(len(mixture.stems))))

    return alter
