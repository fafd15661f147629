"""A seed becomes a plan: which instruments play which notes when."""

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
    """Write a mixture; a pure function of its arguments.

    Args:
        seed: Decides every draw.
        pool: Where instruments and notes come from.
        config: Setting, families, length, tempo, levels.
        instruments: Numbers in the pool; `paper` takes one per family, `realistic` as many as
            shall play. None draws them uniformly.
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
    """Write a mixture, again until every stem can be heard; still a pure function.

    Nothing is played for it: the pool knows after how many samples each note is heard.

    Raises:
        DataError: Some instrument stays silent whatever it plays.
    """
    for redraw in range(_MAX_REDRAWS):
        plan = plan_mixture(seed + redraw * 2**32, pool, config, instruments=instruments)
        if all(_is_heard(stem, plan.n_samples, pool) for stem in plan.stems):
            return plan
    raise DataError(
        f"The instruments {plan.instrument_ids} gave only silent stems in {_MAX_REDRAWS} draws."
    )


def _is_heard(stem: StemPlan, n_samples: int, pool: NotePool) -> bool:
    """Some note lasts beyond its onset, before a cut fades it."""
    return any(
        pool.onsets[note.row] < min(note.length - note.fade, n_samples - note.start)
        for note in stem.notes
    )
