import sys
from pathlib import Path

import numpy as np
import pytest

from cir.engines.fxp import SURGE_ID, list_surge_patch, write_fxp
from cir.engines.surge import SurgeEngine
from cir.errors import EngineError
from cir.types import Note
from tests import fake_surgepy
from tests.engine_cases import dominant_pitch, write_surge_patch


@pytest.fixture
def patch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(sys.modules, "surgepy", fake_surgepy)
    fake_surgepy.instances.clear()
    return write_surge_patch(tmp_path)


def test_every_render_has_a_fresh_instance_of_its_own(patch: Path) -> None:
    engine = SurgeEngine(patch)
    first = engine.render([Note(60)], 0.5, 16_000)
    assert np.array_equal(engine.render([Note(60)], 0.5, 16_000), first)
    assert len(fake_surgepy.instances) == 2
    assert all(synth.patches == [str(patch)] for synth in fake_surgepy.instances)
    assert {synth.sample_rate for synth in fake_surgepy.instances} == {48_000}


def test_keys_are_pressed_and_released_on_their_blocks(patch: Path) -> None:
    notes = [Note(60, 100, 1.0, 0.5), Note(64, 90, 1.1, 0.4), Note(60, 100, 1.5, 9.0)]
    SurgeEngine(patch).render(notes, 2.0, 16_000)
    assert fake_surgepy.instances[0].log == [
        ("on", 60, 0),
        ("on", 64, 150),
        ("off", 60, 750),
        ("off", 64, 750),
        ("on", 60, 750),
    ]
    assert fake_surgepy.instances[0].frame >= 48_000


def test_the_sound_is_resampled_at_its_pitch_and_keeps_its_level_above_one(patch: Path) -> None:
    audio = SurgeEngine(patch).render([Note(69, 127, 0.0, 1.0)], 1.0, 16_000)
    assert dominant_pitch(audio, 16_000) == 69
    assert np.max(np.abs(audio[500:-500])) == pytest.approx(2.0, abs=0.1)


def test_effects_are_switched_off_by_bypassing_all_of_them(patch: Path) -> None:
    with_effects = SurgeEngine(patch).render([Note(60)], 0.2, 48_000)
    without = SurgeEngine(patch, effects=False).render([Note(60)], 0.2, 48_000)
    assert fake_surgepy.instances[0].params["fx_bypass"] == 0
    assert fake_surgepy.instances[1].params["fx_bypass"] == 3
    assert not np.array_equal(with_effects, without)


def test_a_patch_that_surge_cannot_read_is_refused(patch: Path) -> None:
    patch.write_bytes(b"no patch")
    with pytest.raises(EngineError, match=r"patch\.fxp is no patch that Surge can read"):
        SurgeEngine(patch).render([Note(60)], 0.5, 16_000)
    with pytest.raises(EngineError, match="There is no Surge patch"):
        SurgeEngine(patch.with_name("none.fxp"))


def test_infinite_output_is_refused(patch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(self: object, buffer: np.ndarray, start: int, n_blocks: int) -> None:
        buffer[:] = np.inf

    monkeypatch.setattr(fake_surgepy.FakeSurge, "processMultiBlock", explode)
    with pytest.raises(EngineError, match="NaN or infinite"):
        SurgeEngine(patch).render([Note(60)], 0.5, 16_000)


def test_without_surgepy_the_error_says_how_to_get_it(
    patch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "surgepy", None)
    with pytest.raises(EngineError, match="build it from the sources of Surge XT"):
        SurgeEngine(patch)


def test_a_patch_says_what_it_is_without_surge(tmp_path: Path) -> None:
    meta = 'name="x" category="Basses/Sub" author="A. &amp; B." license="CC0-1.0"'
    (info,) = list_surge_patch(write_surge_patch(tmp_path, meta))
    assert (info.name, info.family, info.category) == ("patch", "bass", "Sub")
    assert (info.author, info.licence) == ("A. & B.", "CC0-1.0")


def test_presets_of_other_plugins_are_no_patches(tmp_path: Path) -> None:
    (tmp_path / "other.fxp").write_bytes(write_fxp(b"abcd", 1, 1, b"chunk"))
    with pytest.raises(EngineError, match=r"another plug-in than Surge; name that plug-in"):
        list_surge_patch(tmp_path / "other.fxp")
    (tmp_path / "damaged.fxp").write_bytes(write_fxp(SURGE_ID, 1, 1, b"chunk"))
    assert list_surge_patch(tmp_path / "damaged.fxp")[0].name == "damaged"
