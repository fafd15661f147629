"""Presets that are no file, and notes played by one synthesizer."""

import numpy as np
import pytest

from cir.engines.vital import VitalEngine
from cir.engines.vital_generator import generate_preset
from cir.errors import EngineError
from cir.types import FloatArray, Note
from tests.engine_cases import HAS_VITA

pytestmark = pytest.mark.skipif(not HAS_VITA, reason="needs vita (optional)")
NOTES = [Note(pitch, 100, 0.0, 0.3) for pitch in (60, 67, 60)]


@pytest.fixture(scope="module")
def preset() -> str:
    return generate_preset("synth_pad", 4, effects=True)


def play(preset: str, one_synth: bool) -> list[FloatArray]:
    engine = VitalEngine.from_text(preset, "drawn", one_synth=one_synth)
    return [engine.render([note], 0.4, 16_000) for note in NOTES]


def test_a_file_and_its_text_sound_alike(
    preset: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("vital") / "drawn.vital"
    path.write_text(preset, encoding="utf-8")
    from_file = VitalEngine(path).render(NOTES[:1], 0.4, 16_000)
    assert np.array_equal(from_file, play(preset, one_synth=False)[0])


def test_with_fresh_synthesizers_a_note_always_sounds_alike(preset: str) -> None:
    first, _, third = play(preset, one_synth=False)
    assert np.array_equal(first, third)


def test_with_one_synthesizer_a_sequence_always_sounds_alike(preset: str) -> None:
    for one, other in zip(play(preset, True), play(preset, True), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.slow
def test_with_one_synthesizer_the_first_note_is_as_if_fresh(preset: str) -> None:
    assert np.array_equal(play(preset, True)[0], play(preset, False)[0])


def test_one_synthesizer_leaves_no_tail_of_the_note_before(preset: str) -> None:
    long_echo = preset.replace(
        '"settings":{', '"settings":{"delay_on":1.0,"delay_feedback":0.9,', 1
    )
    engine = VitalEngine.from_text(long_echo, "drawn", one_synth=True)
    loud = engine.render([Note(60, 127, 0.0, 0.3)], 0.4, 16_000)
    late = engine.render([Note(60, 1, 0.39, 0.01)], 0.4, 16_000)
    assert np.abs(late[:6000]).max() == 0.0 and np.abs(loud).max() > 0.01


def test_effects_are_switched_off(preset: str) -> None:
    wet = VitalEngine.from_text(preset, "drawn")
    dry = wet.without_effects()
    assert wet.has_effects and not dry.has_effects
    note = NOTES[:1]
    assert not np.allclose(wet.render(note, 0.4, 16_000), dry.render(note, 0.4, 16_000), atol=1e-3)


def test_text_that_is_no_preset_is_refused() -> None:
    with pytest.raises(EngineError, match="drawn is no preset that this version of Vital can read"):
        VitalEngine.from_text("{}", "drawn")
