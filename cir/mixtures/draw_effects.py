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
    equaliser_db: tuple[float, ...] = ()
    reverb = noise = codec = None
    if equalised:
        gains_db = generator.normal(0, _EQUALISER_SPREAD_DB, len(EQUALISER_HZ))
        equaliser_db = tuple(gains_db.clip(-_EQUALISER_LIMIT_DB, _EQUALISER_LIMIT_DB).tolist())
    if reverberant:
        seconds, wet_db = generator.uniform(*_DECAY_SECONDS), generator.uniform(*_WET_DB)
        reverb = ReverbPlan(seconds, wet_db, int(generator.integers(NOISE_TABLE_SAMPLES)))
    if noisy:
        level_db, tilt_db = generator.uniform(*_NOISE_DB), generator.uniform(*_NOISE_TILT_DB)
        noise = NoisePlan(level_db, tilt_db, int(generator.integers(NOISE_TABLE_SAMPLES)))
    if generator.random() < config.codec_probability:
        name = list(CODECS)[generator.integers(len(CODECS))]
        codec = CodecPlan(name, generator.uniform(*CODECS[name].compression))
    return EffectsPlan(equaliser_db, reverb, noise, codec)
