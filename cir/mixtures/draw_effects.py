"""Random effects of realistic mixtures."""

import numpy as np

from cir.mixtures.codec import CODECS
from cir.mixtures.effects import EQUALISER_HZ, NOISE_TABLE_SAMPLES
from cir.mixtures.mixture_config import MixtureConfig
from cir.mixtures.plan import CodecPlan, EffectsPlan, NoisePlan, ReverbPlan

_EQUALISER_SPREAD_DB = 3.0
_EQUALISER_LIMIT_DB = 9.0
_DECAY_SECONDS = (0.2, 1.2)
_WET_DB = (-24.0, -6.0)
_NOISE_DB = (-60.0, -25.0)
_NOISE_TILT_DB = (-6.0, 0.0)


def draw_effects(generator: np.random.Generator, config: MixtureConfig) -> EffectsPlan:
    """Draw each effect independently, with the probabilities of the configuration."""
    equalised, reverberant, noisy = generator.random(3) < config.effects_probability
    return EffectsPlan(
        equaliser_db=_draw_equaliser(generator) if equalised else (),
        reverb=_draw_reverb(generator) if reverberant else None,
        noise=_draw_noise(generator) if noisy else None,
        codec=_draw_codec(generator) if generator.random() < config.codec_probability else None,
    )


def _draw_equaliser(generator: np.random.Generator) -> tuple[float, ...]:
    gains_db = generator.normal(0, _EQUALISER_SPREAD_DB, len(EQUALISER_HZ))
    return tuple(gains_db.clip(-_EQUALISER_LIMIT_DB, _EQUALISER_LIMIT_DB).tolist())


def _draw_reverb(generator: np.random.Generator) -> ReverbPlan:
    return ReverbPlan(
        decay_seconds=generator.uniform(*_DECAY_SECONDS),
        wet_db=generator.uniform(*_WET_DB),
        offset=int(generator.integers(NOISE_TABLE_SAMPLES)),
    )


def _draw_noise(generator: np.random.Generator) -> NoisePlan:
    return NoisePlan(
        level_db=generator.uniform(*_NOISE_DB),
        tilt_db=generator.uniform(*_NOISE_TILT_DB),
        offset=int(generator.integers(NOISE_TABLE_SAMPLES)),
    )


def _draw_codec(generator: np.random.Generator) -> CodecPlan:
    names = list(CODECS)
    name = names[generator.integers(len(names))]
    return CodecPlan(name, generator.uniform(*CODECS[name].compression))
