"""Plans of mixtures from seeds: which instruments play which notes when."""

from collections.abc import Sequence

from cir.errors import DataError
from cir.mixtures.mixture_config import MixtureConfig
from cir.mixtures.paper import plan_paper
from cir.mixtures.plan import MixturePlan, StemPlan
from cir.mixtures.pool import NotePool
from cir.mixtures.realistic import plan_realistic

_MAX_REDRAWS = 50


def plan_mixture(
    seed: int,
    pool: NotePool,
    config: MixtureConfig,
    *,
    instruments: Sequence[int] | None = None,
) -> MixturePlan:
    """Plan a mixture; a pure function of its arguments.

    Args:
        seed: Decides every draw.
        pool: Instruments and their notes.
        config: Setting, families, length, tempo, levels.
        instruments: Numbers in the pool; `paper` takes one per family, `realistic` any
            number. None draws them.
    """
    if config.setting == "paper":
        return plan_paper(seed, pool, config, instruments)
    return plan_realistic(seed, pool, config, instruments)


def plan_sounding(
    seed: int,
    pool: NotePool,
    config: MixtureConfig,
    *,
    instruments: Sequence[int] | None = None,
) -> MixturePlan:
    """Plan a mixture, redrawn until every stem can be heard; a pure function of its arguments.

    The onsets of the pool tell which stems are heard; nothing is rendered.

    Raises:
        DataError: An instrument is silent in every draw.
    """
    for redraw in range(_MAX_REDRAWS):
        plan = plan_mixture(seed + redraw * 2**32, pool, config, instruments=instruments)
        if all(_is_heard(stem, plan.n_samples, pool) for stem in plan.stems):
            return plan
    raise DataError(
        f"The instruments {plan.instrument_ids} gave only silent stems in {_MAX_REDRAWS} draws."
    )


def _is_heard(stem: StemPlan, n_samples: int, pool: NotePool) -> bool:
    """Return whether some note lasts beyond its onset, before a cut fades it."""
    return any(
        pool.onsets[note.row] < min(note.length - note.fade, n_samples - note.start)
        for note in stem.notes
    )
