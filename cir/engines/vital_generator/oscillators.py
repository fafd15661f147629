"""The sources of a preset: up to three wavetable oscillators and the sample player."""

import numpy as np

from cir.engines.vital_generator.archetype import Archetype
from cir.engines.vital_generator.draws import chance, log_uniform, uniform, weighted
from cir.engines.vital_generator.patch import Patch
from cir.engines.vital_generator.samples import draw_sample, is_noise
from cir.engines.vital_generator.wavetables import LAST_POSITION, draw_table

_TRANSPOSE_SEMITONES = 96.0
"""The whole range of an oscillator's transposition, in the unit of modulations."""

_WARPS = {"sync": 1, "formant": 2, "quantize": 3, "bend": 4, "squeeze": 5, "pulse": 6}
_MODULATORS = {2: 7, 3: 8}
"""The kinds of warp by which another oscillator modulates the first one's frequency; three more
for a ring modulation."""
_RING = 3
_STRETCHES = (3, 4)
_SPECTRAL_WARPS = (1, 2, 3, 5, 6, 7, 8, 9, 10, 11)
"""All kinds of spectral warp except the inharmonic one."""


def add_sources(patch: Patch, kind: Archetype, generator: np.random.Generator) -> None:
    """Draw the oscillators and the sample player."""
    with_sample = chance(generator, kind.sample)
    only_sample = with_sample and chance(generator, kind.only_sample)
    shift = weighted(generator, kind.shift)
    if not kind.follows_keys:
        shift += round(uniform(generator, kind.fixed_pitch)) - 60
    count = weighted(generator, dict(enumerate(kind.oscillators, start=1)))
    patch.set(osc_1_on=not only_sample)
    if not only_sample:
        for number in range(1, count + 1):
            _add_oscillator(patch, kind, generator, number, shift)
        if chance(generator, kind.modulation):
            _modulate_one(patch, kind, generator, count, shift)
        if chance(generator, kind.pitch_drop):
            _drop_pitch(patch, kind, generator)
    if with_sample:
        _add_sample(patch, kind, generator, shift)


def _add_oscillator(
    patch: Patch, kind: Archetype, generator: np.random.Generator, number: int, shift: int
) -> None:
    prefix = f"osc_{number}_"
    interval = 0 if number == 1 else weighted(generator, kind.intervals)
    patch.wavetables.append(draw_table(generator, weighted(generator, kind.waves)))
    patch.set(
        prefix,
        on=1,
        level=uniform(generator, (0.5, 0.8)) if number == 1 else uniform(generator, (0.15, 0.7)),
        transpose=max(-48, min(48, shift + interval)),
        tune=0.0 if number == 1 else float(generator.normal(0.0, 0.06)),
        midi_track=kind.follows_keys,
        phase=generator.random(),
        random_phase=0,
        wave_frame=generator.random() * LAST_POSITION,
        pan=0,
    )
    if chance(generator, kind.unison):
        voices = int(generator.choice((2, 3, 4, 5, 7), p=(0.3, 0.25, 0.2, 0.15, 0.1)))
        patch.set(
            prefix,
            unison_voices=voices,
            unison_detune=uniform(generator, kind.detune),
            unison_blend=uniform(generator, (0.4, 1.0)),
            stereo_spread=generator.random(),
            frame_spread=generator.normal(0.0, 3.0) if chance(generator, 0.4) else 0.0,
        )
        if chance(generator, 0.08):
            patch.set(prefix, stack_style=int(generator.choice((1, 3, 9, 10))))
    if chance(generator, kind.phase_warp):
        patch.set(
            prefix,
            distortion_type=_WARPS[list(_WARPS)[int(generator.integers(len(_WARPS)))]],
            distortion_amount=generator.random(),
            distortion_phase=generator.random(),
        )
        _sweep(patch, generator, f"{prefix}distortion_amount", 0.4)
    if chance(generator, kind.inharmonic * 0.4):
        patch.set(
            prefix,
            spectral_morph_type=int(generator.choice(_STRETCHES)),
            spectral_morph_amount=uniform(generator, (0.2, 0.9)),
        )
    elif chance(generator, kind.spectral_warp):
        patch.set(
            prefix,
            spectral_morph_type=int(generator.choice(_SPECTRAL_WARPS)),
            spectral_morph_amount=generator.random(),
        )
        _sweep(patch, generator, f"{prefix}spectral_morph_amount", 0.4)
    _sweep(patch, generator, f"{prefix}wave_frame", 0.35)


def _sweep(
    patch: Patch, generator: np.random.Generator, destination: str, probability: float
) -> None:
    """Let an envelope move a control, at random."""
    if not chance(generator, probability):
        return
    attack = log_uniform(generator, (0.001, 0.4)) if chance(generator, 0.3) else 0.0
    decay, sustain = log_uniform(generator, (0.03, 1.5)), uniform(generator, (0.0, 0.4))
    source = patch.add_envelope(attack, decay, sustain, decay)
    if source:
        patch.modulate(source, destination, uniform(generator, (-0.7, 0.7)) * _frames(destination))


def _frames(destination: str) -> float:
    """Return the share of a control's range in use: tables end long before the last frame."""
    return LAST_POSITION / 256.0 if destination.endswith("wave_frame") else 1.0


def _modulate_one(
    patch: Patch, kind: Archetype, generator: np.random.Generator, count: int, shift: int
) -> None:
    """Let the next oscillator, hardly audible itself, modulate the first one at another ratio."""
    modulator = min(count + 1, 3)
    if count < 3:
        _add_oscillator(patch, kind, generator, modulator, shift)
        if chance(generator, 0.8):
            patch.wavetables[modulator - 1] = draw_table(generator, "hollow")
            patch.set(f"osc_{modulator}_", unison_voices=1)
        patch.set(f"osc_{modulator}_", level=0.0)
    if chance(generator, kind.inharmonic):
        ratio = uniform(generator, (0.6, 7.5))
    else:
        ratio = float(generator.choice((0.5, 1, 1, 2, 3, 4, 5, 7, 9, 14)))
    semitones = 12.0 * float(np.log2(ratio))
    whole = round(semitones)
    patch.set(
        f"osc_{modulator}_",
        transpose=max(-48, min(48, shift + whole)),
        tune=max(-1.0, min(1.0, semitones - whole)),
    )
    ring = chance(generator, 0.2)
    amount = uniform(generator, (0.05, 0.6))
    patch.set(
        "osc_1_",
        distortion_type=_MODULATORS[modulator] + (_RING if ring else 0),
        distortion_amount=amount,
    )
    if chance(generator, 0.75):
        decay = log_uniform(generator, (0.02, 1.5))
        source = patch.add_envelope(0.0, decay, uniform(generator, (0.0, 0.4)), decay)
        if source:
            patch.modulate(source, "osc_1_distortion_amount", uniform(generator, (0.1, 0.6)))
            patch.set("osc_1_", distortion_amount=amount * 0.4)


def _drop_pitch(patch: Patch, kind: Archetype, generator: np.random.Generator) -> None:
    seconds = log_uniform(generator, kind.drop_seconds)
    source = patch.add_envelope(0.0, seconds, 0.0, seconds)
    if not source:
        return
    semitones = log_uniform(generator, kind.drop_semitones)
    sign = 1.0 if chance(generator, 0.9) else -0.3
    for number in range(1, len(patch.wavetables) + 1):
        patch.modulate(source, f"osc_{number}_transpose", sign * semitones / _TRANSPOSE_SEMITONES)


def _add_sample(patch: Patch, kind: Archetype, generator: np.random.Generator, shift: int) -> None:
    recipe = weighted(generator, kind.samples)
    noise = is_noise(recipe)
    patch.sample = draw_sample(generator, recipe)
    level = uniform(generator, kind.sample_level)
    patch.set(
        "sample_",
        on=1,
        loop=noise,
        keytrack=kind.follows_keys and not (noise and chance(generator, 0.6)),
        transpose=0 if noise or kind.follows_keys else max(-24, min(24, shift)),
        destination=0 if chance(generator, 0.7) else 3,
        level=level,
    )
    if noise and not chance(generator, kind.noise_sustains):
        seconds = log_uniform(generator, kind.noise_seconds)
        source = patch.add_envelope(0.0, seconds, 0.0, seconds)
        if source:
            patch.set(sample_level=0.0)
            patch.modulate(source, "sample_level", level)
