import sys
from pathlib import Path

import numpy as np
import pytest

from cir.engines.vital import VitalEngine
from cir.errors import EngineError
from cir.types import Note
from tests.engine_cases import HAS_VITA, dominant_pitch, write_vital_preset

needs_vita = pytest.mark.skipif(not HAS_VITA, reason="needs vita (optional)")


@needs_vita
def test_keys_sound_at_their_pitch(tmp_path: Path) -> None:
    engine = VitalEngine(write_vital_preset(tmp_path))
    audio = engine.render([Note(69, 100, 0.0, 1.0)], 1.0, 16_000)
    assert dominant_pitch(audio, 16_000) == 69


@needs_vita
def test_two_engines_of_one_preset_sound_alike(tmp_path: Path) -> None:
    preset = write_vital_preset(tmp_path)
    notes = [Note(50, 100, 0.1, 0.2)]
    first, second = (VitalEngine(preset).render(notes, 0.5, 16_000) for _ in range(2))
    assert np.array_equal(first, second)


@needs_vita
def test_notes_add_up(tmp_path: Path) -> None:
    engine = VitalEngine(write_vital_preset(tmp_path))
    low, high = Note(45, 100, 0.0, 0.3), Note(57, 100, 0.1, 0.2)
    both = engine.render([low, high], 0.4, 48_000)
    parts = engine.render([low], 0.4, 48_000) + engine.render([high], 0.4, 48_000)
    np.testing.assert_allclose(both, parts, atol=1e-6)


@needs_vita
@pytest.mark.parametrize("content", [b"", b"{}", b"no preset", b"\xff\xfe\x00"])
def test_what_is_no_preset_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.vital"
    path.write_bytes(content)
    with pytest.raises(EngineError, match=r"bad\.vital is no preset"):
        VitalEngine(path)


@needs_vita
def test_a_missing_preset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="There is no Vital preset"):
        VitalEngine(tmp_path / "none.vital")


def test_without_vita_the_error_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "vita", None)
    with pytest.raises(EngineError, match="pip install vita"):
        VitalEngine(tmp_path / "any.vital")
