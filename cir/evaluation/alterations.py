"""Alterations of a mixture before it is searched: pure functions.

Each returns a mix with a peak of 0.99, except `change_loudness`.
"""

from dataclasses import replace

import numpy as np
from scipy.signal import butter, sosfilt

from cir.audio.dsp import peak_normalise
from cir.metrics import Float64Array, IntArray
from cir.mixtures.effects import NOISE_TABLE_SAMPLES, apply_effects
from cir.mixtures.plan import DRY, CodecPlan, EffectsPlan, MixturePlan, NoisePlan, ReverbPlan
from cir.mixtures.render import PEAK, Mixture
from cir.types import SAMPLE_RATE, FloatArray

PINK_DB_PER_OCTAVE = -3.0

_FILTER_ORDER = 8
_EXCERPT_STEP_SECONDS = 0.1
_AUDIBLE_DB = -10.0
_SILENT_POWER = 1e-20


def keep_first(mixture: Mixture, n_stems: int) -> Mixture:
    """Keep only the first instruments; effects are removed."""
    plan = mixture.plan
    kept = replace(
        plan,
        families=plan.families[:n_stems],
        instrument_ids=plan.instrument_ids[:n_stems],
        stems=plan.stems[:n_stems],
    )
    return _sum_up(kept, mixture.stems[:n_stems])


def change_level(mixture: Mixture, stem: int, gain_db: float) -> Mixture:
    """Change the level of one instrument; effects are removed.

    Args:
        mixture: Mixture to alter.
        stem: Number of the instrument.
        gain_db: Gain on top of its present level.
    """
    stems = mixture.stems.copy()
    stems[stem] *= np.float32(10 ** (gain_db / 20))
    plans = list(mixture.plan.stems)
    plans[stem] = replace(plans[stem], gain_db=plans[stem].gain_db + gain_db)
    return _sum_up(replace(mixture.plan, stems=tuple(plans)), stems)


def cut_excerpt(mixture: Mixture, seconds: float) -> Mixture:
    """Cut the excerpt of `excerpt_start`; a mixture that is not longer is returned as it is."""
    n_samples = round(seconds * SAMPLE_RATE)
    if n_samples >= len(mixture.mix):
        return mixture
    start = excerpt_start(mixture.stems, n_samples)
    excerpt = slice(start, start + n_samples)
    plan = replace(mixture.plan, n_samples=n_samples)
    return _rescale(plan, mixture.mix[excerpt], mixture.stems[:, excerpt])


def excerpt_start(stems: FloatArray, n_samples: int) -> int:
    """Find the excerpt nearest to the middle in which every stem is heard.

    A stem is heard if its power in the excerpt is within 10 dB of its power in the whole. If no
    excerpt has all stems, the one whose weakest stem is heard best is taken.

    Args:
        stems: (S, T).
        n_samples: Length of the excerpt, at most T.

    Returns:
        Its first sample.
    """
    latest = stems.shape[1] - n_samples
    middle = latest // 2
    step = round(_EXCERPT_STEP_SECONDS * SAMPLE_RATE)
    starts: IntArray = np.arange(middle % step, latest + 1, step)
    starts = starts[np.argsort(np.abs(starts - middle), kind="stable")]
    energies = np.zeros((len(stems), stems.shape[1] + 1))
    np.cumsum(np.square(stems, dtype=np.float64), axis=1, out=energies[:, 1:])
    excerpts = (energies[:, starts + n_samples] - energies[:, starts]) / n_samples  # (S, starts)
    whole = energies[:, -1:] / stems.shape[1]
    ratios = np.maximum(excerpts, _SILENT_POWER) / np.maximum(whole, _SILENT_POWER)
    least_db: Float64Array = (10 * np.log10(ratios)).min(axis=0)
    heard = np.flatnonzero(least_db >= _AUDIBLE_DB)
    return int(starts[heard[0] if len(heard) else least_db.argmax()])


def change_loudness(mixture: Mixture, gain_db: float) -> Mixture:
    """Scale the whole mixture; its peak is no longer 0.99."""
    gain = np.float32(10 ** (gain_db / 20))
    return replace(mixture, mix=mixture.mix * gain, stems=mixture.stems * gain)


def low_pass(mixture: Mixture, cutoff_hz: float) -> Mixture:
    """Filter the mix by a Butterworth low-pass of 48 dB per octave."""
    sections = butter(_FILTER_ORDER, cutoff_hz, fs=SAMPLE_RATE, output="sos")
    filtered = np.asarray(sosfilt(sections, mixture.mix), np.float32)
    return replace(mixture, mix=peak_normalise(filtered, PEAK))


def add_noise(
    mixture: Mixture, snr_db: float, seed: int, *, tilt_db_per_octave: float = 0.0
) -> Mixture:
    """Add stationary noise to the mix.

    Args:
        mixture: Mixture to alter.
        snr_db: Power of the mix above that of the noise.
        seed: Seed of the noise.
        tilt_db_per_octave: 0 for white noise, -3 for pink noise.
    """
    noise = NoisePlan(-snr_db, tilt_db_per_octave, _noise_offset(seed))
    return _with_effects(mixture, EffectsPlan(noise=noise))


def add_reverb(mixture: Mixture, decay_seconds: float, wet_db: float, seed: int) -> Mixture:
    """Add reverberation to the mix.

    Args:
        mixture: Mixture to alter.
        decay_seconds: Reverberation time (RT60).
        wet_db: Energy of the reverberation relative to the direct sound.
        seed: Seed of the room.
    """
    room = ReverbPlan(decay_seconds, wet_db, _noise_offset(seed))
    return _with_effects(mixture, EffectsPlan(reverb=room))


def encode(mixture: Mixture, codec: str, compression: float) -> Mixture:
    """Encode and decode the mix with a lossy codec.

    Args:
        mixture: Mixture to alter.
        codec: One of `cir.mixtures.codec.CODECS`.
        compression: From 0 (best) to 0.99 (smallest).
    """
    return _with_effects(mixture, EffectsPlan(codec=CodecPlan(codec, compression)))


def _sum_up(plan: MixturePlan, stems: FloatArray) -> Mixture:
    return _rescale(replace(plan, effects=DRY), stems.sum(0), stems)


def _rescale(plan: MixturePlan, mix: FloatArray, stems: FloatArray) -> Mixture:
    """Scale a mix to a peak of 0.99, and its stems by the same factor, as `render_plan` does."""
    scale = np.float32(PEAK / max(float(np.abs(mix).max()), 1e-9))
    return Mixture(plan, mix * scale, stems * scale)


def _with_effects(mixture: Mixture, effects: EffectsPlan) -> Mixture:
    return replace(mixture, mix=apply_effects(mixture.mix, effects))


def _noise_offset(seed: int) -> int:
    return int(np.random.default_rng(seed).integers(NOISE_TABLE_SAMPLES))
