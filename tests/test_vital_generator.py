import importlib
import json
from typing import Any

import numpy as np
import pytest

from cir.engines import vital
from cir.engines.vital import VitalEngine
from cir.engines.vital_generator import generate_preset
from cir.engines.vital_generator.effects import EFFECTS
from cir.engines.vital_generator.patch import Patch
from cir.engines.vital_generator.samples import RECIPES as SAMPLES
from cir.engines.vital_generator.samples import SAMPLE_HZ, SAMPLE_RATE, is_noise
from cir.engines.vital_generator.styles import STYLES
from cir.engines.vital_generator.wavetables import FRAME_SAMPLES
from cir.engines.vital_generator.wavetables import RECIPES as WAVES
from cir.errors import InputError
from cir.instruments.families import FAMILIES, reference_pitch
from cir.types import Note
from tests.engine_cases import HAS_VITA

pytestmark = pytest.mark.slow

needs_vita = pytest.mark.skipif(not HAS_VITA, reason="needs vita (optional)")
TABLES = {"lfos", "modulations", "sample", "wavetables"}


def settings_of(preset: str) -> dict[str, Any]:
    settings: dict[str, Any] = json.loads(preset)["settings"]
    return settings


def test_every_family_has_a_style() -> None:
    assert tuple(STYLES) == FAMILIES


@pytest.mark.parametrize("family", FAMILIES)
def test_a_seed_gives_one_preset_and_another_seed_another(family: str) -> None:
    assert generate_preset(family, 5) == generate_preset(family, 5)
    assert len({generate_preset(family, seed) for seed in range(5)}) == 5


@needs_vita
@pytest.mark.parametrize("family", FAMILIES)
def test_presets_are_what_vital_understands(family: str) -> None:
    module = importlib.import_module("vita")
    synth = module.Synth()
    details = {name: synth.get_control_details(name) for name in synth.get_controls()}
    sources = {"", *module.get_modulation_sources()}
    destinations = {"", *module.get_modulation_destinations()}
    for seed in range(25):
        settings = settings_of(generate_preset(family, seed))
        for name in settings.keys() - TABLES:
            low, high = details[name].min, details[name].max
            assert low - 1e-5 <= settings[name] <= high + 1e-5, (name, settings[name], seed)
        assert {row["source"] for row in settings["modulations"]} <= sources
        assert {row["destination"] for row in settings["modulations"]} <= destinations


@needs_vita
@pytest.mark.parametrize("family", FAMILIES)
def test_most_presets_sound(family: str) -> None:
    note = Note(reference_pitch(family), 100, 0.0, 0.4)
    peaks = [
        np.abs(VitalEngine.from_text(generate_preset(family, seed), "").render([note], 0.5, 16_000))
        for seed in (1, 2, 3)
    ]
    assert sum(peak.max() > 1e-3 for peak in peaks) >= 2


def test_effects_may_be_asked_for_or_not() -> None:
    for seed in range(8):
        wet, dry = (settings_of(generate_preset("bass", seed, effects=on)) for on in (True, False))
        assert any(wet.get(f"{name}_on") for name in EFFECTS)
        assert not any(dry.get(f"{name}_on") for name in EFFECTS)
        assert dry.items() <= wet.items()  # the voices are the same


def test_the_drawn_effects_are_all_of_vital() -> None:
    assert set(EFFECTS) == set(vital.EFFECTS)


def test_an_unknown_family_is_refused() -> None:
    with pytest.raises(InputError, match="Unknown family 'kazoo'"):
        generate_preset("kazoo", 0)


@pytest.mark.parametrize("recipe", WAVES)
@pytest.mark.parametrize("n_frames", [1, 3])
def test_waveforms_are_full_and_centred(recipe: str, n_frames: int) -> None:
    frames = WAVES[recipe](np.random.default_rng(1), n_frames)
    assert len(frames) == n_frames
    for frame in frames:
        assert frame.shape == (FRAME_SAMPLES,)
        assert np.abs(frame).max() == pytest.approx(1.0, abs=1e-5)
        assert abs(float(frame.mean())) < 1e-3


@pytest.mark.parametrize("recipe", SAMPLES)
def test_samples_sound(recipe: str) -> None:
    sound = SAMPLES[recipe](np.random.default_rng(2))
    assert np.isfinite(sound).all() and np.abs(sound).max() > 0.0
    third = sound.size // 3
    early, late = np.square(sound[:third]).mean(), np.square(sound[-third:]).mean()
    assert late > 0.2 * early if is_noise(recipe) else late < 0.5 * early


@pytest.mark.parametrize("recipe", ["pluck", "hammered"])
@pytest.mark.parametrize("seed", range(3))
def test_strings_are_in_tune(recipe: str, seed: int) -> None:
    sound = SAMPLES[recipe](np.random.default_rng(seed))
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(sound.size)))
    hertz = np.fft.rfftfreq(sound.size, 1 / SAMPLE_RATE)
    near = np.abs(hertz - SAMPLE_HZ) < 0.3 * SAMPLE_HZ
    assert hertz[near][spectrum[near].argmax()] == pytest.approx(SAMPLE_HZ, rel=0.01)


def test_envelopes_are_counted_and_in_fourth_roots_of_seconds() -> None:
    patch = Patch()
    names = [patch.add_envelope(0.0016, 1.0, 0.5, 0.0) for _ in range(6)]
    assert names == ["env_2", "env_3", "env_4", "env_5", "env_6", None]
    assert patch.controls["env_2_attack"] == pytest.approx(0.2)
    assert patch.controls["env_2_decay"] == 1.0


def test_oscillators_for_movement_run_out() -> None:
    patch = Patch()
    line = ((0.0, 1.0), (1.0, 0.0))
    names = [patch.add_lfo(line, 1.0, smooth=False, once=False) for _ in range(9)]
    assert names[0] == "lfo_1" and names[7] == "lfo_8" and names[8] is None
    assert settings_of(patch.to_text("", ""))["lfos"][0]["points"] == [0.0, 1.0, 1.0, 0.0]
