"""The process of `cir.engines.plugin`: hosts plug-ins, each request in a fresh copy of itself."""

import base64
import ctypes
import importlib
import importlib.util
import mmap
import os
import platform
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from cir.engines.child import Answer, serve
from cir.engines.plugin import PEDALBOARD_SUFFIXES
from cir.engines.vst2 import program_names, read_program
from cir.types import FloatArray

_BLOCK_FRAMES = 128
_RETURN_ONE = {
    "x86_64": bytes.fromhex("b801000000c3"),
    "aarch64": bytes.fromhex("20008052c0035fd6"),
}
"""Machine code of a function that returns 1."""

_MEMORY_DISK = "/dev/shm"  # noqa: S108 - dawdreamer writes dozens of files for each plug-in


_kept: dict[str, tuple[Any, Any]] = {}
"""Host and plug-in of each plug-in that requests share, still without a preset."""


def _prepare(request: dict[str, Any]) -> None:
    """Load a plug-in that requests share, before the process is copied for the first of them."""
    name = request["plugin"]
    if request.get("keep") and name not in _kept:
        _kept[name] = _load(name, request["rate"])


def _answer(request: dict[str, Any]) -> Answer:
    """Render `takes` (lists of pitch, velocity, start, duration) of `frames` samples at `rate`.

    A preset is `preset`, base64, with its `suffix`; `program`, from 0, is one of the plug-in's own;
    `parameters` are set by their names. A request without takes asks a VST2 plug-in for the names
    of its programs. The samples of all takes follow one another, NaN for one that crashes.
    """
    is_pedalboard = Path(request["plugin"]).suffix.lower() in PEDALBOARD_SUFFIXES
    try:
        if "takes" not in request:
            return {"programs": program_names(Path(request["plugin"]), request["rate"])}, None
        with tempfile.TemporaryDirectory(prefix="cir-plugin-") as folder:
            data = base64.b64decode(request["preset"])
            if request["program"] is not None:
                data = read_program(Path(request["plugin"]), request["program"], request["rate"])
            file = Path(folder) / f"preset{request['suffix']}"
            file.write_bytes(data)
            render = _render_pedalboard if is_pedalboard else _render_dawdreamer
            return {}, render(request, file if data else None)
    except Exception as error:  # whatever a host raises is about the plug-in
        said = " ".join(str(error).split()).rstrip(".")
        return {"error": said[:300] or type(error).__name__}, None


def _load(plugin: str, rate: int) -> tuple[Any, Any]:
    dawdreamer: Any = importlib.import_module("dawdreamer")
    engine = dawdreamer.RenderEngine(rate, _BLOCK_FRAMES)
    return engine, engine.make_plugin_processor("plugin", plugin)


def _render_dawdreamer(request: dict[str, Any], preset: Path | None) -> FloatArray:
    rate, frames = request["rate"], request["frames"]
    engine, plugin = _kept.get(request["plugin"]) or _load(request["plugin"], rate)
    if preset is not None and preset.suffix == ".vstpreset":
        is_loaded = plugin.load_vst3_preset(str(preset))
    else:
        is_loaded = preset is None or plugin.load_preset(str(preset))
    if not is_loaded:
        raise ValueError("it does not take the preset")
    engine.load_graph([(plugin, [])])  # forgets parameters that were set before
    parameters = request["parameters"]
    indices = {
        plugin.get_parameter_name(index): index
        for index in range(plugin.get_plugin_parameter_size() if parameters else 0)
    }
    for name, value in parameters.items():
        plugin.set_parameter(indices[name], value)

    def play(notes: list[tuple[int, int, float, float]]) -> FloatArray:
        for pitch, velocity, start, duration in notes:
            plugin.add_midi_note(pitch, velocity, start, duration)
        latency = max(0, plugin.get_latency_samples())
        # A block more than needed: the host rounds its length down.
        engine.render((latency + frames + _BLOCK_FRAMES) / rate)
        return _mono(engine.get_audio(), latency, frames)

    takes = request["takes"]
    if len(takes) == 1:
        return play(takes[0])
    sounds = np.frombuffer(mmap.mmap(-1, 4 * frames * len(takes)), np.float32)
    sounds = sounds.reshape(len(takes), frames)
    for sound, notes in zip(sounds, takes, strict=True):
        process = os.fork()
        if process == 0:  # each take begins with the plug-in as it is now
            signal.setitimer(signal.ITIMER_REAL, request["limit_seconds"])
            try:
                sound[:] = play(notes)
            finally:
                os._exit(1 if sys.exc_info()[0] else 0)
        if os.waitpid(process, 0)[1] != 0:
            sound[:] = np.nan
    return sounds.ravel()


def _render_pedalboard(request: dict[str, Any], preset: Path | None) -> FloatArray:
    pedalboard: Any = importlib.import_module("pedalboard")
    rate, frames = request["rate"], request["frames"]
    plugin = pedalboard.load_plugin(request["plugin"])
    if not plugin.is_instrument:
        raise ValueError("it is an effect; give an instrument")
    if preset is not None:
        plugin.load_preset(str(preset))
    messages = []
    for pitch, velocity, start, duration in request["takes"][0]:
        messages.append((bytes([0x90, pitch, velocity]), start))
        messages.append((bytes([0x80, pitch, 0]), start + duration))
    audio = plugin(
        sorted(messages, key=lambda message: (message[1], message[0][0])),
        duration=frames / rate,
        sample_rate=rate,
        buffer_size=_BLOCK_FRAMES,
    )
    return _mono(audio, 0, frames)


def _mono(audio: Any, latency: int, frames: int) -> FloatArray:
    """Average the channels of (C, T) and cut the latency and what lies past the end."""
    return np.asarray(np.asarray(audio)[:, latency : latency + frames].mean(axis=0), np.float32)


def _answer_one_core() -> None:
    """Let C++ plug-ins on Linux believe that there is one core, in this process.

    ZynAddSubFX splits PADsynth among as many threads as there are cores, and these race for the
    random phases: each render would differ. No setting and no affinity changes the number that
    libstdc++ gives, so the function that gives it is overwritten in memory.
    """
    code = _RETURN_ONE.get(platform.machine())
    if sys.platform != "linux" or code is None:
        return
    try:
        function = ctypes.CDLL("libstdc++.so.6")["_ZNSt6thread20hardware_concurrencyEv"]
        address = ctypes.cast(function, ctypes.c_void_p).value
        with open("/proc/self/mem", "r+b", buffering=0) as memory:
            memory.seek(address or 0)
            memory.write(code)
    except (OSError, AttributeError):
        return


if __name__ == "__main__":
    if Path(_MEMORY_DISK).is_dir():
        os.environ["TMPDIR"] = _MEMORY_DISK
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")  # Qt ends a process without a display
    _answer_one_core()
    for host in ("dawdreamer", "pedalboard"):  # loaded once, not by each copy
        try:
            importlib.import_module(host)
        except ImportError:
            continue
    serve(_answer, _prepare)
