import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cir.engines import plugin
from cir.engines.fxp import read_fxp, write_fxp, write_parameters
from cir.engines.plugin import PluginEngine, list_programs, open_plugin
from cir.engines.preset_files import list_presets, plugin_targets
from cir.engines.registry import open_engine
from cir.engines.takes import render_takes
from cir.errors import EngineError, InputError
from cir.index.references import play_reference
from cir.library.find_files import Limits, find_files
from cir.library.sounds import add_sounds
from cir.types import Note
from tests.engine_cases import (
    AMSYNTH_BANK,
    DX10,
    HAS_DAWDREAMER,
    LV2,
    VST2,
    ZYN_BANKS,
    dominant_pitch,
    needs_plugin,
)
from tests.fakes import SpectrumEncoder

pytestmark = pytest.mark.slow

COMPILER = shutil.which("cc")
needs_doubles = pytest.mark.skipif(
    not (HAS_DAWDREAMER and COMPILER), reason="needs dawdreamer and a C compiler"
)
MODES = {"crash": 0, "hang": 1, "silent": 2, "nan": 3, "sine": 4}
NOTE = Note(60, 100, 0.0, 0.5)


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Compile a plug-in that does what its name says."""
    folder = tmp_path_factory.mktemp("plug-ins")

    def compile_double(name: str) -> Path:
        target = folder / f"{name}.so"
        if not target.exists():
            source = Path(__file__).with_name("broken_plugin.c")
            mode = f"-DMODE={MODES[name]}"
            command = [
                str(COMPILER),
                "-shared",
                "-fPIC",
                mode,
                "-o",
                str(target),
                str(source),
                "-lm",
            ]
            subprocess.run(command, check=True, capture_output=True)
        return target

    return compile_double


@needs_doubles
@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("crash", "plug-in crash crashes with"),
        ("hang", r"plug-in hang does not answer within 3 seconds with"),
        ("nan", "plug-in nan produced NaN or infinite samples with"),
    ],
)
def test_a_plugin_that_misbehaves_costs_one_render(
    build: Callable[[str], Path], name: str, complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugin, "LIMIT_SECONDS", 3.0)
    with pytest.raises(EngineError, match=complaint):
        PluginEngine(build(name)).render([NOTE], 0.5, 16_000)
    monkeypatch.setattr(plugin, "LIMIT_SECONDS", 60.0)
    sine = PluginEngine(build("sine")).render([NOTE], 0.5, 16_000)
    assert float(np.abs(sine).max()) == pytest.approx(0.5, abs=0.02)


@needs_doubles
def test_a_silent_plugin_has_no_reference_note(build: Callable[[str], Path]) -> None:
    assert play_reference(PluginEngine(build("silent")), None) is None


@needs_doubles
def test_a_library_leaves_out_what_fails_and_takes_the_rest(
    build: Callable[[str], Path], tmp_path: Path
) -> None:
    report = add_sounds(
        tmp_path / "db",
        SpectrumEncoder(),
        [f"plugin:{build(name)}" for name in ("crash", "silent", "nan", "sine")],
    )
    assert [(row.name, row.source, row.bank) for row in report.added] == [
        ("First", "plugin", "sine"),
        ("Second", "plugin", "sine"),
    ]
    refused = "\n".join(report.refused)
    assert "crash.so" in refused and "crashes" in refused
    assert "silent.so" in refused and "is silent" in refused
    assert "nan.so" in refused and "NaN" in refused


@needs_doubles
def test_programs_are_named_and_differ(build: Callable[[str], Path]) -> None:
    path = build("sine")
    assert [(one.name, one.reference) for one in list_programs(str(path))] == [
        ("First", "1"),
        ("Second", "2"),
    ]
    first, second = (
        open_plugin(f"{path}#{number}").render([NOTE], 0.5, 16_000) for number in (1, 2)
    )
    assert (dominant_pitch(first, 16_000), dominant_pitch(second, 16_000)) == (57, 60)
    with pytest.raises(EngineError, match="programs 1 to 2"):
        open_plugin(f"{path}#3").render([NOTE], 0.5, 16_000)


@needs_doubles
def test_a_preset_file_is_loaded(build: Callable[[str], Path], tmp_path: Path) -> None:
    (tmp_path / "Leads").mkdir()
    (tmp_path / "Leads" / "High.fxp").write_bytes(write_parameters(b"test", 1, [1.0]))
    ((target, file, folder),) = plugin_targets(f"plugin:{build('sine')}?presets={tmp_path}")
    assert (file.name, folder) == ("High.fxp", tmp_path)
    assert [one.name for one in list_presets(target)] == ["High"]
    assert dominant_pitch(open_engine(target).render([NOTE], 0.5, 16_000), 16_000) == 69


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="There is no plug-in .*none.so"):
        PluginEngine(tmp_path / "none.so")
    with pytest.raises(InputError, match="There is no plug-in"):
        plugin_targets(f"plugin:{tmp_path / 'none.so'}")
    (tmp_path / "x.so").touch()
    with pytest.raises(InputError, match="holds no presets of a plug-in"):
        plugin_targets(f"plugin:{tmp_path / 'x.so'}?presets={tmp_path / 'empty'}")
    with pytest.raises(EngineError, match=r"no preset of a plug-in; give a file of \.fxp"):
        PluginEngine.from_file(tmp_path / "x.so", tmp_path / "x.txt")


def test_an_fxp_file_gives_what_was_written(tmp_path: Path) -> None:
    (tmp_path / "a.fxp").write_bytes(write_fxp(b"abcd", 3, 7, b"chunk"))
    preset = read_fxp(tmp_path / "a.fxp")
    assert (preset.plugin_id, preset.chunk) == (b"abcd", b"chunk")
    (tmp_path / "b.fxp").write_bytes(b"no preset")
    with pytest.raises(EngineError, match=r"b\.fxp is no preset of a plug-in"):
        read_fxp(tmp_path / "b.fxp")


def test_without_the_host_the_error_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    for name, package in (("x.so", "dawdreamer"), ("x.vst3", "pedalboard")):
        (tmp_path / name).touch()
        with pytest.raises(EngineError, match=f"pip install {package}"):
            PluginEngine(tmp_path / name).render([NOTE], 0.5, 16_000)


@needs_plugin(LV2 / "mda.lv2")
def test_presets_of_lv2_plugins_differ() -> None:
    presets = list_presets(f"plugin:{DX10}")
    assert len(presets) == 32
    assert presets[0].name == "Bright E.Piano"
    first, third = (
        open_plugin(f"{DX10}#{number}").render([NOTE], 0.5, 16_000) for number in (1, 3)
    )
    assert not np.array_equal(first, third)


def test_a_library_names_lv2_plugins_by_their_uri(tmp_path: Path) -> None:
    found = find_files([f"plugin:{DX10}"], tmp_path, Limits())
    assert not found.refused
    (file,) = found.files
    assert (file.target, file.bank) == (f"plugin:{DX10}", "DX10")


@needs_plugin(AMSYNTH_BANK, VST2 / "amsynth_vst.so")
def test_amsynth_lists_and_plays_its_bank(tmp_path: Path) -> None:
    presets = list_presets(f"amsynth:{AMSYNTH_BANK}")
    assert len(presets) == 26
    assert (presets[2].name, presets[2].reference) == ("Violin 1", "3")
    with pytest.raises(EngineError, match="presets 1 to 26, no 27"):
        open_engine(f"amsynth:{AMSYNTH_BANK}#27")
    (tmp_path / "a.bank").write_text("something else")
    with pytest.raises(EngineError, match=r"a\.bank is no bank of amsynth"):
        list_presets(f"amsynth:{tmp_path / 'a.bank'}")


@needs_plugin(ZYN_BANKS, VST2 / "ZynAddSubFX.so")
def test_zyn_reads_what_an_instrument_says(tmp_path: Path) -> None:
    (bass,) = list_presets(f"zyn:{ZYN_BANKS / 'Bass' / '0001-Bass 1.xiz'}")
    assert bass.name == "Bass 1"
    xml = (
        '\n<?xml version="1.0f"?><ZynAddSubFX-data><INSTRUMENT><INFO><string name="author">Ada'
        '</string><par name="type" value="12"/></INFO><INSTRUMENT_KIT><par_bool name="drum_mode" '
        'value="yes"/></INSTRUMENT_KIT></INSTRUMENT></ZynAddSubFX-data>'
    )
    (tmp_path / "0007-Kit.xiz").write_text(xml)
    (kit,) = list_presets(f"zyn:{tmp_path / '0007-Kit.xiz'}")
    assert (kit.name, kit.family, kit.author) == ("Kit", "synth_pad", "Ada")
    with pytest.raises(EngineError, match="is a drum kit"):
        open_engine(f"zyn:{tmp_path / '0007-Kit.xiz'}")
    (tmp_path / "bad.xiz").write_bytes(b"\x1f\x8bno gzip")
    with pytest.raises(EngineError, match=r"bad\.xiz is no instrument of ZynAddSubFX"):
        list_presets(f"zyn:{tmp_path / 'bad.xiz'}")


@pytest.mark.parametrize(
    "engine",
    [
        pytest.param(
            f"amsynth:{AMSYNTH_BANK}#3", marks=needs_plugin(AMSYNTH_BANK, VST2 / "amsynth_vst.so")
        ),
        pytest.param(
            f"zyn:{ZYN_BANKS / 'Bass' / '0001-Bass 1.xiz'}",
            marks=needs_plugin(ZYN_BANKS, VST2 / "ZynAddSubFX.so"),
        ),
    ],
)
def test_takes_at_once_equal_renders_one_by_one(engine: str) -> None:
    opened = open_engine(engine)
    takes = [[NOTE], [], [Note(67, 40, 0.1, 0.2), Note(60, 100, 0.3, 0.2)]]
    together = render_takes(opened, takes, 0.8, 16_000)
    for notes, sound in zip(takes, together, strict=True):
        assert sound is not None
        np.testing.assert_array_equal(sound, opened.render(notes, 0.8, 16_000))


@needs_doubles
def test_a_take_that_fails_leaves_the_others(build: Callable[[str], Path]) -> None:
    class Forked(PluginEngine):
        sharing = "preset"

    assert render_takes(Forked(build("nan")), [[NOTE], []], 0.5, 16_000)[0] is None
    first, second = render_takes(Forked(build("sine")), [[NOTE], [NOTE]], 0.5, 16_000)
    assert first is not None and second is not None
    np.testing.assert_array_equal(first, second)
