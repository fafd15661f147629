"""The thirteen families as weighted kinds of sounds."""

from collections.abc import Mapping
from dataclasses import replace

from cir.engines.vital_generator.archetype import SOFT_WAVES, Archetype

_STRUCK = Archetype(
    waves=SOFT_WAVES,
    attack=(0.0005, 0.004),
    decay=(0.08, 1.6),
    sustain=(0.0, 0.0),
    release=(0.05, 0.8),
    modulation=0.45,
    sample=0.3,
    samples={"burst": 2, "struck": 2, "coloured": 1, "band": 1},
    filter=0.5,
    sweep_seconds=(0.02, 0.4),
    movement=0.3,
    rhythm=0.0,
)
_MALLET = replace(_STRUCK, intervals={0: 2, 12: 3, 24: 3, 19: 2, 28: 1, 36: 1}, unison=0.1)
_BELL = replace(
    _STRUCK,
    waves={"bell": 4, "hollow": 2, "fm": 2, "additive": 1},
    decay=(0.4, 3.5),
    release=(0.3, 2.0),
    modulation=0.7,
    inharmonic=0.8,
    filter=0.25,
    space=0.7,
)
_MODAL = replace(
    _STRUCK, samples={"struck": 1}, sample=1.0, sample_level=(0.4, 1.0), only_sample=0.65
)
_DRUM = replace(
    _STRUCK,
    follows_keys=False,
    decay=(0.05, 0.7),
    release=(0.03, 0.3),
    oscillators=(0.6, 0.35, 0.05),
    pitch_drop=0.9,
    unison=0.05,
)
_KICK = replace(
    _DRUM,
    waves={"hollow": 4, "analog": 2, "folded": 1},
    fixed_pitch=(26.0, 42.0),
    drop_semitones=(12.0, 60.0),
    sample=0.5,
    sample_level=(0.05, 0.4),
    noise_seconds=(0.003, 0.03),
    pitch_drop=1.0,
)
_TOM = replace(_DRUM, fixed_pitch=(38.0, 66.0), drop_semitones=(3.0, 24.0), sample=0.4)
_SNARE = replace(
    _DRUM,
    fixed_pitch=(48.0, 66.0),
    sample=1.0,
    samples={"burst": 2, "coloured": 2, "band": 2},
    sample_level=(0.5, 1.0),
    only_sample=0.15,
    noise_seconds=(0.05, 0.4),
    noise_sustains=0.0,
    drop_semitones=(3.0, 24.0),
)
_CYMBAL = replace(
    _DRUM,
    waves={"digital": 1, "dense": 2, "pulse": 2, "bell": 1},
    decay=(0.02, 1.2),
    fixed_pitch=(72.0, 108.0),
    sample=1.0,
    samples={"metal": 3, "coloured": 2, "band": 2, "struck": 1},
    sample_level=(0.5, 1.0),
    only_sample=0.6,
    noise_seconds=(0.02, 0.9),
    noise_sustains=0.0,
    inharmonic=0.9,
    modulation=0.9,
    pitch_drop=0.05,
    high_pass=0.7,
    cutoff=(12.0, 60.0),
    filter=0.9,
    sweep=0.2,
)
_CLICK = replace(
    _DRUM,
    decay=(0.015, 0.12),
    fixed_pitch=(55.0, 96.0),
    sample=0.6,
    samples={"burst": 2, "struck": 3, "crackle": 1},
    only_sample=0.4,
    pitch_drop=0.4,
)

_PLUCK = Archetype(
    attack=(0.0005, 0.005),
    decay=(0.12, 1.8),
    sustain=(0.0, 0.25),
    release=(0.05, 0.6),
    sweep=0.8,
    sweep_seconds=(0.04, 0.6),
    movement=0.4,
)
_STRING = replace(
    _PLUCK,
    samples={"pluck": 1},
    sample=1.0,
    sample_level=(0.5, 1.0),
    only_sample=0.7,
    decay=(0.5, 4.0),
    rhythm=0.0,
    filter=0.5,
    cutoff=(24.0, 72.0),
)
_COMB = replace(
    _PLUCK,
    sample=1.0,
    samples={"burst": 2, "coloured": 2, "band": 1},
    only_sample=0.8,
    sample_level=(0.6, 1.0),
    noise_seconds=(0.004, 0.05),
    noise_sustains=0.0,
    filter=1.0,
    tuned_comb=1.0,
    decay=(0.8, 2.5),
)
_SUSTAINED = Archetype(attack=(0.002, 0.05), sustain=(0.5, 1.0), decay=(0.1, 1.0))
_BLOWN = replace(
    _SUSTAINED,
    attack=(0.01, 0.15),
    sustain=(0.6, 1.0),
    release=(0.04, 0.25),
    oscillators=(0.6, 0.35, 0.05),
    intervals={0: 5, 12: 1, -12: 0.5},
    unison=0.1,
    modulation=0.12,
    phase_warp=0.15,
    spectral_warp=0.15,
    vibrato=0.55,
    rhythm=0.0,
    drive=0.08,
    space=0.7,
)
_SLOW = Archetype(
    attack=(0.05, 1.3),
    decay=(0.3, 2.0),
    sustain=(0.6, 1.0),
    release=(0.3, 2.5),
    oscillators=(0.15, 0.45, 0.4),
    unison=0.6,
    movement=1.8,
    sweep_seconds=(0.3, 2.0),
    space=0.8,
)

_BASS = replace(
    _SUSTAINED,
    attack=(0.0008, 0.01),
    decay=(0.1, 1.2),
    release=(0.03, 0.25),
    shift={0: 2.0, -12: 1.0},
    intervals={0: 4, -12: 2.5, 12: 2.5, 7: 0.4, 24: 0.4},
    unison=0.2,
    cutoff=(-8.0, 44.0),
    sweep=0.65,
    pitch_drop=0.06,
    space=0.15,
    drive=0.4,
)
_LEAD = replace(
    _SUSTAINED,
    release=(0.04, 1.2),
    attack=(0.001, 0.12),
    intervals={0: 4, 12: 3, -12: 2, 7: 1, 19: 0.5, 24: 0.7},
    vibrato=0.3,
)

STYLES: Mapping[str, Mapping[Archetype, float]] = {
    "percussion": {
        _MALLET: 2.2,
        _BELL: 2.0,
        _MODAL: 2.0,
        _KICK: 1.0,
        _TOM: 0.8,
        _SNARE: 1.0,
        _CYMBAL: 1.2,
        _CLICK: 0.7,
        replace(_COMB, decay=(0.2, 1.2), inharmonic=0.6): 0.5,
    },
    "bass": {
        _BASS: 3.0,
        replace(_BASS, sustain=(0.0, 0.3), decay=(0.1, 0.9), sweep=0.85): 2.0,
        replace(
            _BASS, waves={"hollow": 3, "analog": 2, "folded": 1}, filter=0.4, cutoff=(12, 40)
        ): 1,
        replace(_BASS, modulation=0.9, waves=SOFT_WAVES, inharmonic=0.1): 1.5,
        replace(_BASS, models={"ladder": 2, "diode": 2, "dirty": 1}, resonance=(0.5, 0.95)): 1.2,
        replace(_BASS, unison=0.9, detune=(2.0, 6.0), oscillators=(0.1, 0.4, 0.5)): 1.0,
        replace(_BASS, movement=2.5, rhythm=0.35, spectral_warp=0.5, phase_warp=0.5): 1.2,
        replace(_STRING, cutoff=(12.0, 48.0)): 1.0,
        replace(_COMB, decay=(0.5, 2.0)): 0.4,
    },
    "synth_lead": {
        _LEAD: 3.0,
        replace(_LEAD, unison=1.0, detune=(1.5, 5.5), oscillators=(0.2, 0.4, 0.4)): 1.5,
        replace(_LEAD, phase_warp=0.9, sweep=0.8): 1.5,
        replace(_LEAD, modulation=0.9, waves=SOFT_WAVES): 1.2,
        replace(
            _LEAD,
            oscillators=(1, 0, 0),
            unison=0.0,
            vibrato=0.6,
            waves={"pulse": 2, "analog": 2, "digital": 1},
        ): 1.2,
        replace(_LEAD, spectral_warp=0.9, movement=1.5): 1.2,
        replace(_PLUCK, intervals=_LEAD.intervals): 1.6,
        replace(_LEAD, rhythm=0.6, movement=1.5): 0.5,
        replace(_LEAD, attack=(0.02, 0.2), models={"formant": 2, "phaser": 1, "comb": 1}): 0.8,
    },
    "synth_pad": {
        _SLOW: 3.0,
        replace(_SLOW, spectral_warp=0.8, waves={"dense": 3, "additive": 2, "formant": 2}): 1.5,
        replace(_SLOW, sample=0.8, noise_sustains=1.0, sample_level=(0.1, 0.6)): 1.0,
        replace(_SLOW, attack=(0.01, 0.1), rhythm=0.4): 0.8,
    },
    "synth_effects": {
        replace(_SLOW, movement=4.0, rhythm=0.4, modulation=0.6, inharmonic=0.6): 2.0,
        replace(_SUSTAINED, movement=4.0, rhythm=0.5, phase_warp=0.8, pitch_drop=0.5): 2.0,
        replace(_SLOW, sample=1.0, only_sample=0.5, noise_sustains=1.0, sample_level=(0.6, 1)): 1.5,
        replace(_BELL, movement=2.0, space=1.0): 1.0,
    },
    "piano": {
        replace(_STRING, samples={"hammered": 1}, unison=0.2, decay=(1.0, 5.0)): 3.0,
        replace(
            _MALLET, intervals={0: 3, 12: 2, 24: 1, 36: 0.5}, modulation=0.8, decay=(0.8, 4.0)
        ): 2.0,
        replace(_PLUCK, decay=(0.8, 4.0), release=(0.05, 0.6)): 1.5,
    },
    "guitar": {
        _STRING: 4.0,
        replace(_STRING, drive=0.9, only_sample=0.9): 1.5,
        _COMB: 1.0,
        replace(_PLUCK, decay=(0.3, 2.0)): 1.0,
    },
    "strings": {
        replace(
            _SLOW,
            waves={"analog": 4, "additive": 2, "reed": 1, "formant": 1},
            attack=(0.05, 1.0),
            release=(0.15, 1.5),
            movement=0.6,
            vibrato=0.6,
            modulation=0.05,
        ): 3.0,
        replace(_BLOWN, waves={"analog": 3, "additive": 2, "formant": 1}, attack=(0.02, 0.2)): 1.5,
        replace(_STRING, release=(0.1, 0.8)): 0.5,
    },
    "organ": {
        replace(
            _SUSTAINED,
            waves={"drawbars": 6, "hollow": 1, "reed": 1},
            attack=(0.001, 0.01),
            sustain=(0.9, 1.0),
            release=(0.02, 0.12),
            filter=0.4,
            cutoff=(18.0, 66.0),
            modulation=0.05,
            phase_warp=0.05,
            spectral_warp=0.05,
            vibrato=0.4,
            sample=0.25,
            noise_seconds=(0.003, 0.02),
            sample_level=(0.05, 0.2),
            drive=0.4,
        ): 3.0,
        replace(
            _BLOWN,
            waves={"drawbars": 2, "hollow": 2, "additive": 1, "reed": 1},
            oscillators=(0.1, 0.4, 0.5),
            intervals={0: 2, 12: 3, -12: 2, 19: 1.5, 24: 1.5, 31: 0.4},
            vibrato=0.1,
            filter=0.2,
            cutoff=(30.0, 70.0),
            space=0.9,
        ): 1.5,
    },
    "brass": {
        replace(_BLOWN, waves={"brass": 4, "analog": 1.5}, sweep=0.9, sweep_seconds=(0.05, 0.4)): 3,
        replace(
            _SUSTAINED,
            waves={"analog": 3, "brass": 2},
            attack=(0.01, 0.08),
            unison=0.6,
            sweep=0.9,
            cutoff=(0.0, 30.0),
            modulation=0.05,
        ): 2.0,
    },
    "reed": {
        replace(
            _BLOWN, waves={"reed": 4, "pulse": 1, "formant": 0.7, "additive": 0.7}, sample=0.3
        ): 3,
        replace(_BLOWN, waves={"reed": 2, "digital": 1, "folded": 1}, unison=0.5): 1.0,
    },
    "pipe": {
        replace(
            _BLOWN,
            waves={"hollow": 4, "reed": 0.7, "fm": 0.7, "analog": 0.7},
            sample=0.8,
            samples={"band": 3, "coloured": 2},
            noise_sustains=0.7,
            sample_level=(0.05, 0.45),
            cutoff=(12.0, 60.0),
        ): 3.0,
        replace(_BLOWN, waves={"hollow": 1}, oscillators=(0.3, 0.6, 0.1), pitch_drop=0.1): 1.0,
    },
    "voice": {
        replace(
            _SLOW,
            waves={"formant": 4, "dense": 1, "analog": 1, "pulse": 0.5},
            attack=(0.02, 0.4),
            models={"formant": 5, "analog": 1, "digital": 1},
            filter=0.9,
            vibrato=0.6,
            modulation=0.03,
            sample=0.3,
            noise_sustains=0.8,
            sample_level=(0.03, 0.25),
        ): 3.0,
        replace(_LEAD, waves={"formant": 1}, models={"formant": 1}, vibrato=0.5): 1.0,
    },
}
