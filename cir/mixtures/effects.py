"""Effects on a mix: equaliser, reverb, noise and lossy codecs.

Reverb and noise are cut from one table of noise, so that a plan sounds the same on every machine.
"""

import io
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import soundfile
import torch
from scipy.fft import next_fast_len
from torch import Tensor

from cir.audio.dsp import pad_or_trim
from cir.audio.log_frequency import normalise_peak
from cir.mixtures.plan import EffectsPlan, NoisePlan, ReverbPlan
from cir.types import SAMPLE_RATE, FloatArray

EQUALISER_HZ = (60.0, 250.0, 1000.0, 3500.0, 8000.0)
"""Gains are interpolated over the logarithm of the frequency and constant below the first."""
NOISE_TABLE_SAMPLES = 2**20
_NOISE_SEED = 20_240_229
_PRE_DELAY_SAMPLES = 80
_RESPONSE_SAMPLES = SAMPLE_RATE * 3 // 2
_DECAY = float(np.log(1000))  # of the amplitude, by the end of a room's decay time: 60 dB
_LOWEST_TILT_HZ = 30.0
_OCTAVE_DB = 20 * float(np.log10(2))


@dataclass(frozen=True)
class Codec:
    """The names that libsndfile gives a codec, and a usable range of its compression level."""

    container: str
    subtype: str
    compression: tuple[float, float]


#: 16 to 210 kbit/s at 16 kHz, mono.
CODECS = {
    "mp3": Codec("MP3", "MPEG_LAYER_III", (0.2, 0.99)),
    "vorbis": Codec("OGG", "VORBIS", (0.2, 0.99)),
    "opus": Codec("OGG", "OPUS", (0.4, 0.95)),
}


def through_codec(audio: FloatArray, name: str, compression: float) -> FloatArray:
    """Encode and decode a sound at 16 kHz, (T,); its length stays.

    Args:
        audio: In [-1, 1].
        name: One of `CODECS`.
        compression: From 0, best, to 1, smallest.
    """
    codec = CODECS[name]
    file = io.BytesIO()
    soundfile.write(
        file,
        audio,
        SAMPLE_RATE,
        format=codec.container,
        subtype=codec.subtype,
        compression_level=compression,
    )
    file.seek(0)
    decoded, _ = soundfile.read(file, dtype="float32")
    return pad_or_trim(np.asarray(decoded, np.float32), len(audio))


def apply_effects(mix: FloatArray, plan: EffectsPlan) -> FloatArray:
    """Return the mix, (T,), after its effects, with a peak of 0.99; a dry plan changes nothing."""
    if plan.is_dry:
        return mix
    sound = apply_linear(normalise_peak(torch.from_numpy(mix)), plan)
    if plan.noise is not None:
        sound = add_noise(sound, plan.noise)
    sound = normalise_peak(sound)
    if plan.codec is not None:
        coded = through_codec(sound.numpy(), plan.codec.format, plan.codec.compression)
        sound = torch.from_numpy(coded)
    wet: FloatArray = normalise_peak(sound).numpy()
    return wet


def apply_linear(sound: Tensor, plan: EffectsPlan) -> Tensor:
    """Return the sound, (T,), after equaliser and reverb, as one product of spectra."""
    if not plan.equaliser_db and plan.reverb is None:
        return sound
    n_fft = next_fast_len(len(sound) + _RESPONSE_SAMPLES, real=True)
    transfer = torch.ones(n_fft // 2 + 1)
    if plan.equaliser_db:
        curve = torch.tensor(plan.equaliser_db, dtype=torch.float32)
        transfer = torch.pow(10, curve @ _interpolation(n_fft) / 20)
    if plan.reverb is not None:
        transfer = transfer * (1 + torch.fft.rfft(_response(plan.reverb), n_fft))
    filtered: Tensor = torch.fft.irfft(torch.fft.rfft(sound, n_fft) * transfer, n_fft)
    return filtered[: len(sound)]


def add_noise(sound: Tensor, plan: NoisePlan) -> Tensor:
    """Return the sound, (T,), with noise whose spectrum falls by so many dB per octave."""
    n_fft = next_fast_len(len(sound), real=True)
    hz = torch.fft.rfftfreq(n_fft, 1 / SAMPLE_RATE).clamp_min(_LOWEST_TILT_HZ)
    spectrum = torch.fft.rfft(_noise(plan.offset, n_fft))
    spectrum *= (hz / _LOWEST_TILT_HZ) ** (plan.tilt_db / _OCTAVE_DB)
    noise = torch.fft.irfft(spectrum, n_fft)[: len(sound)]
    level = 10 ** (plan.level_db / 20) * sound.square().mean().sqrt()
    noisy: Tensor = sound + noise * (level / noise.square().mean().sqrt())
    return noisy


def _response(plan: ReverbPlan) -> Tensor:
    """What a room adds to the direct sound: decaying noise, (R,)."""
    time = torch.arange(_RESPONSE_SAMPLES) / SAMPLE_RATE
    response = _noise(plan.offset, _RESPONSE_SAMPLES) * torch.exp(
        -_DECAY * time / plan.decay_seconds
    )
    response[:_PRE_DELAY_SAMPLES] = 0
    scaled: Tensor = response * (10 ** (plan.wet_db / 10) / response.square().sum()).sqrt()
    return scaled


@lru_cache(maxsize=8)
def _interpolation(n_fft: int) -> Tensor:
    """Weights of the equaliser's points at every bin, (points, n_fft / 2 + 1)."""
    log_hz = np.log(np.maximum(np.fft.rfftfreq(n_fft, 1 / SAMPLE_RATE), 1.0))
    points = np.log(EQUALISER_HZ)
    weights = [np.interp(log_hz, points, one) for one in np.eye(len(points))]
    return torch.tensor(np.array(weights), dtype=torch.float32)


def _noise(offset: int, n_samples: int) -> Tensor:
    """A stretch of the table of noise, which is a circle, (n_samples,)."""
    places = np.arange(offset, offset + n_samples)
    return torch.from_numpy(_noise_table().take(places, mode="wrap"))


@lru_cache(maxsize=1)
def _noise_table() -> FloatArray:
    """White noise, (NOISE_TABLE_SAMPLES,), the same on every machine."""
    generator = np.random.default_rng(_NOISE_SEED)
    return generator.standard_normal(NOISE_TABLE_SAMPLES, dtype=np.float32)
