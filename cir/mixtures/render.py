"""Render a plan as sound."""

from dataclasses import dataclass

import numpy as np

from cir.audio.dsp import fade_out
from cir.mixtures.effects import apply_effects
from cir.mixtures.mixture_config import MixtureConfig
from cir.mixtures.plan import MixturePlan, StemPlan
from cir.mixtures.planning import plan_sounding
from cir.mixtures.pool import NotePool
from cir.types import FloatArray

PEAK = 0.99


@dataclass(frozen=True)
class Mixture:
    """A mixture at 16 kHz, its stems and its plan."""

    plan: MixturePlan
    mix: FloatArray
    """(T,), peak 0.99."""
    stems: FloatArray
    """(S, T), scaled like the mix: without effects, they sum to it."""


def render_plan(plan: MixturePlan, pool: NotePool) -> Mixture:
    """Render a plan; a pure function of its arguments."""
    stems = np.stack([_render_stem(stem, plan.n_samples, pool) for stem in plan.stems])
    mix = stems.sum(0)
    scale = np.float32(PEAK / max(float(np.abs(mix).max()), 1e-9))
    return Mixture(plan, apply_effects(mix * scale, plan.effects), stems * scale)


def draw_mixture(
    seed: int,
    pool: NotePool,
    config: MixtureConfig,
    *,
    instruments: tuple[int, ...] | None = None,
) -> Mixture:
    """Plan and render a mixture in which every stem can be heard; see `plan_sounding`."""
    plan = plan_sounding(seed, pool, config, instruments=instruments)
    return render_plan(plan, pool)


def _render_stem(stem: StemPlan, n_samples: int, pool: NotePool) -> FloatArray:
    audio = np.zeros(n_samples, np.float32)
    for placed in stem.notes:
        sound = pool.note(placed.row, placed.length)
        if pool.length(placed.row) > placed.length:
            sound = fade_out(sound, placed.fade)
        heard = sound[: n_samples - placed.start]
        audio[placed.start : placed.start + len(heard)] += heard * np.float32(placed.gain)
    peak = float(np.abs(audio).max())
    if peak == 0.0:
        return audio
    return audio * np.float32(PEAK / peak * 10 ** (stem.gain_db / 20))
