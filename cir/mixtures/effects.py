"""Effects on a batch of mixes, on any device: equaliser, reverb, noise, codec.

Equaliser and reverb are one multiplication of spectra. Their randomness, and that of the noise,
comes from one table, so that a plan sounds the same wherever it is rendered.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from scipy.fft import next_fast_len
from torch import Tensor

from cir.audio.features import normalise_peak
from cir.mixtures.codec import through_codec
from cir.mixtures.plan import EffectsPlan, NoisePlan, ReverbPlan
from cir.types import SAMPLE_RATE

EQUALISER_HZ = (60.0, 250.0, 1000.0, 3500.0, 8000.0)
"""Gains are interpolated over the logarithm of the frequency and constant below the first."""

NOISE_TABLE_SAMPLES = 2**20
_NOISE_SEED = 20_240_229
_PRE_DELAY_SAMPLES = 80
_RESPONSE_SAMPLES = SAMPLE_RATE * 3 // 2
_DECAY = float(np.log(1000))  # of the amplitude, by the end of a room's decay time: 60 dB
_LOWEST_TILT_HZ = 30.0
_OCTAVE_DB = 20 * float(np.log10(2))


def apply_effects(mixes: Tensor, plans: Sequence[EffectsPlan]) -> Tensor:
    """Send each mix, (B, T), through its own effects; peaks of 0.99 wherever something is done.

    Mixes of dry plans come back as they are, and no mix depends on another.
    """
    if mixes.device.type != "cpu":
        return _apply_to_all(mixes, plans)
    # In a batch, a Fourier transform rounds differently, and a codec makes much of that.
    each = zip(torch.split(mixes, 1), plans, strict=True)
    return torch.cat([_apply_to_all(mix, [plan]) for mix, plan in each])


def _apply_to_all(mixes: Tensor, plans: Sequence[EffectsPlan]) -> Tensor:
    wet = [number for number, plan in enumerate(plans) if not plan.is_dry]
    if not wet:
        return mixes
    chosen = [plans[number] for number in wet]
    sounds = _apply_linear(normalise_peak(mixes[wet]), chosen)
    sounds = _encode(normalise_peak(_add_noise(sounds, chosen)), chosen)
    result = mixes.clone()
    result[wet] = normalise_peak(sounds)
    return result


def _apply_linear(sounds: Tensor, plans: Sequence[EffectsPlan]) -> Tensor:
    """Equaliser and reverb: one product of spectra."""
    rows = [n for n, plan in enumerate(plans) if plan.equaliser_db or plan.reverb]
    if not rows:
        return sounds
    n_fft = next_fast_len(sounds.shape[1] + _RESPONSE_SAMPLES, real=True)
    reverbs = [plans[row].reverb for row in rows]
    flat = (0.0,) * len(EQUALISER_HZ)
    gains_db = [plans[row].equaliser_db or flat for row in rows]
    transfer = _equaliser(gains_db, n_fft, sounds.device)
    if any(reverbs):
        transfer = transfer * (1 + torch.fft.rfft(_responses(reverbs, sounds.device), n_fft))
    filtered = torch.fft.irfft(torch.fft.rfft(sounds[rows], n_fft) * transfer, n_fft)
    result = sounds.clone()
    result[rows] = filtered[:, : sounds.shape[1]]
    return result


def _responses(plans: Sequence[ReverbPlan | None], device: torch.device) -> Tensor:
    """What each room adds to the direct sound: decaying noise, (B, R); zeros without a room."""
    time = torch.arange(_RESPONSE_SAMPLES, device=device) / SAMPLE_RATE
    decays = _column([plan.decay_seconds if plan else 1.0 for plan in plans], device)
    energies = _column([10 ** (plan.wet_db / 10) if plan else 0.0 for plan in plans], device)
    noise = _noise([plan.offset if plan else 0 for plan in plans], _RESPONSE_SAMPLES, device)
    responses = noise * torch.exp(-_DECAY * time / decays)
    responses[:, :_PRE_DELAY_SAMPLES] = 0
    return responses * (energies / responses.square().sum(1, keepdim=True)).sqrt()


def _equaliser(gains_db: Sequence[Sequence[float]], n_fft: int, device: torch.device) -> Tensor:
    """Linear gain of every bin, (B, n_fft / 2 + 1)."""
    curves = torch.tensor(gains_db, dtype=torch.float32, device=device)
    return torch.pow(10, curves @ _interpolation(n_fft, device) / 20)


@lru_cache(maxsize=8)
def _interpolation(n_fft: int, device: torch.device) -> Tensor:
    """How much of each equaliser point every bin takes, (points, n_fft / 2 + 1)."""
    log_hz = np.log(np.maximum(np.fft.rfftfreq(n_fft, 1 / SAMPLE_RATE), 1.0))
    points = np.log(EQUALISER_HZ)
    weights = [np.interp(log_hz, points, one) for one in np.eye(len(points))]
    return torch.tensor(np.array(weights), dtype=torch.float32, device=device)


def _add_noise(sounds: Tensor, plans: Sequence[EffectsPlan]) -> Tensor:
    rows = [(n, plan.noise) for n, plan in enumerate(plans) if plan.noise is not None]
    if not rows:
        return sounds
    numbers = [number for number, _ in rows]
    noise = _tilted_noise([plan for _, plan in rows], sounds.shape[1], sounds.device)
    levels = _column([10 ** (plan.level_db / 20) for _, plan in rows], sounds.device)
    loudness = sounds[numbers].square().mean(1, keepdim=True).sqrt()
    noise_loudness = noise.square().mean(1, keepdim=True).sqrt()
    result = sounds.clone()
    result[numbers] = sounds[numbers] + noise * (levels * loudness / noise_loudness)
    return result


def _tilted_noise(plans: Sequence[NoisePlan], n_samples: int, device: torch.device) -> Tensor:
    """Noise whose spectrum falls by a constant number of dB per octave, (B, T)."""
    n_fft = next_fast_len(n_samples, real=True)
    hz = torch.fft.rfftfreq(n_fft, 1 / SAMPLE_RATE, device=device).clamp_min(_LOWEST_TILT_HZ)
    exponents = _column([plan.tilt_db / _OCTAVE_DB for plan in plans], device)
    white = _noise([plan.offset for plan in plans], n_fft, device)
    spectrum = torch.fft.rfft(white) * (hz / _LOWEST_TILT_HZ) ** exponents
    noise: Tensor = torch.fft.irfft(spectrum, n_fft)[:, :n_samples]
    return noise


def _encode(sounds: Tensor, plans: Sequence[EffectsPlan]) -> Tensor:
    rows = [(n, plan.codec) for n, plan in enumerate(plans) if plan.codec is not None]
    if not rows:
        return sounds
    numbers = [number for number, _ in rows]
    plain = sounds[numbers].cpu().numpy()
    coded = [
        through_codec(sound, codec.format, codec.compression)
        for sound, (_, codec) in zip(plain, rows, strict=True)
    ]
    result = sounds.clone()
    result[numbers] = torch.from_numpy(np.stack(coded)).to(sounds.device)
    return result


def _column(values: Sequence[float], device: torch.device) -> Tensor:
    return torch.tensor(values, dtype=torch.float32, device=device).unsqueeze(1)


def _noise(offsets: Sequence[int], n_samples: int, device: torch.device) -> Tensor:
    """Stretches of the table of noise, which is a circle, (B, n_samples)."""
    starts = torch.tensor(offsets, device=device).unsqueeze(1)
    places = (starts + torch.arange(n_samples, device=device)) % NOISE_TABLE_SAMPLES
    return _noise_table(device)[places]


@lru_cache(maxsize=8)
def _noise_table(device: torch.device) -> Tensor:
    """White noise, (NOISE_TABLE_SAMPLES,), the same on every machine."""
    generator = np.random.default_rng(_NOISE_SEED)
    table = generator.standard_normal(NOISE_TABLE_SAMPLES, dtype=np.float32)
    return torch.from_numpy(table).to(device)
