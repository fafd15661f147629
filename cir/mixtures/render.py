"""A plan becomes sound."""

from dataclasses import dataclass

import numpy as np

from cir.errors import DataError
from cir.mixtures.pool import NotePool
from cir.mixtures.score import MixtureConfig, MixturePlan, StemPlan, plan_mixture
from cir.types import FloatArray

PEAK = 0.99
_FADE_SAMPLES = 160
_SILENT_PEAK = 1e-4
_MAX_REDRAWS = 50
_FADE = np.linspace(1, 0, _FADE_SAMPLES, dtype=np.float32)


@dataclass(frozen=True)
class Mixture:
    """A mixture at 16 kHz and what it is made of."""

    plan: MixturePlan
    mix: FloatArray
    """(T,), peak 0.99."""
    stems: FloatArray
    """(S, T), scaled like the mix: they sum to it."""


def render_plan(plan: MixturePlan, pool: NotePool) -> Mixture:
    """Play a plan; a pure function of its arguments."""
    stems = np.stack([_render_stem(stem, plan.n_samples, pool) for stem in plan.stems])
    mix = stems.sum(0)
    scale = PEAK / max(float(np.abs(mix).max()), 1e-9)
    return Mixture(plan, mix * np.float32(scale), stems * np.float32(scale))


def draw_mixture(
    seed: int,
    pool: NotePool,
    config: MixtureConfig,
    *,
    instruments: tuple[int, ...] | None = None,
) -> Mixture:
    """Plan and play, redrawing until no stem is silent; still a pure function of its arguments.

    Raises:
        DataError: Some instrument stays silent whatever it plays.
    """
    for redraw in range(_MAX_REDRAWS):
        plan = plan_mixture(seed + redraw * 2**32, pool, config, instruments=instruments)
        mixture = render_plan(plan, pool)
        if (np.abs(mixture.stems).max(1) > _SILENT_PEAK).all():
            return mixture
    raise DataError(
        f"The instruments {plan.instrument_ids} gave only silent stems in {_MAX_REDRAWS} draws."
    )


def _render_stem(stem: StemPlan, n_samples: int, pool: NotePool) -> FloatArray:
    audio = np.zeros(n_samples, np.float32)
    for placed in stem.notes:
        sound = pool.note(placed.row)
        if len(sound) > placed.length:
            sound = sound[: placed.length]
            fade = _FADE[-min(len(sound), _FADE_SAMPLES) :]
            sound[-len(fade) :] *= fade
        audio[placed.start : placed.start + len(sound)] += sound
    peak = float(np.abs(audio).max())
    if peak == 0.0:
        return audio
    return audio * np.float32(PEAK / peak * 10 ** (stem.gain_db / 20))
