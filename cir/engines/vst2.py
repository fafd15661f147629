"""The programs that a VST2 plug-in carries, as presets. Runs in the plug-ins' process only.

dawdreamer plays VST2 plug-ins but cannot choose a program, so the plug-in itself is asked for the
state of each. Source: the interface that VST 2.4 hosts and plug-ins share (`AEffect`).
"""

import ctypes
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import CFUNCTYPE, POINTER, Structure, c_float, c_int32, c_ssize_t, c_void_p
from pathlib import Path
from typing import Any

from cir.engines.fxp import write_fxp, write_parameters

_OPEN, _CLOSE, _SET_PROGRAM, _PROGRAM_NAME = 0, 1, 2, 5
_SET_SAMPLE_RATE, _SET_BLOCK_SIZE, _GET_CHUNK, _INDEXED_NAME = 10, 11, 23, 29
_HAS_CHUNKS = 1 << 5
_ONE_PROGRAM = 1
_BLOCK_FRAMES = 128
_NAME_BYTES = 256
_HOST_VERSION = 1
_VST_2_4 = 2400


class _Effect(Structure):
    pass


_Dispatcher = CFUNCTYPE(c_ssize_t, POINTER(_Effect), c_int32, c_int32, c_ssize_t, c_void_p, c_float)
_SetParameter = CFUNCTYPE(None, POINTER(_Effect), c_int32, c_float)
_GetParameter = CFUNCTYPE(c_float, POINTER(_Effect), c_int32)
_Effect._fields_ = [
    ("magic", c_int32),
    ("dispatcher", _Dispatcher),
    ("process", c_void_p),
    ("set_parameter", _SetParameter),
    ("get_parameter", _GetParameter),
    *((name, c_int32) for name in ("programs", "parameters", "inputs", "outputs", "flags")),
    ("reserved", c_ssize_t * 2),
    ("delay", c_int32 * 3),
    ("ratio", c_float),
    ("object", c_void_p),
    ("user", c_void_p),
    ("plugin_id", c_int32),
    ("version", c_int32),
]


def _answer(
    _effect: Any, opcode: int, _index: int, _value: int, _pointer: Any, _option: float
) -> int:
    """Answer what a plug-in asks its host."""
    return _VST_2_4 if opcode == _HOST_VERSION else 0


_HOST = _Dispatcher(_answer)


def program_names(path: Path, sample_rate: int) -> list[str]:
    """List the names of a plug-in's programs."""
    with _opened(path, sample_rate) as effect:
        return [_program_name(effect, number) for number in range(effect.contents.programs)]


def read_program(path: Path, index: int, sample_rate: int) -> bytes:
    """Return a program, from 0, as an .fxp file."""
    with _opened(path, sample_rate) as effect:
        plugin = effect.contents
        if not 0 <= index < plugin.programs:
            raise ValueError(f"it has the programs 1 to {plugin.programs}")
        _call(effect, _SET_PROGRAM, value=index)
        plugin_id = struct.pack(">i", plugin.plugin_id)
        if not plugin.flags & _HAS_CHUNKS:
            values = [plugin.get_parameter(effect, one) for one in range(plugin.parameters)]
            return write_parameters(plugin_id, plugin.version, values)
        chunk = c_void_p()
        size = _call(effect, _GET_CHUNK, index=_ONE_PROGRAM, pointer=ctypes.byref(chunk))
        data = ctypes.string_at(chunk, size)
        return write_fxp(plugin_id, plugin.version, plugin.parameters, data)


@contextmanager
def _opened(path: Path, sample_rate: int) -> Iterator[Any]:
    binary = next((path / "Contents" / "MacOS").iterdir()) if path.is_dir() else path
    library = ctypes.CDLL(str(binary))
    try:
        entry = library["VSTPluginMain"]
    except AttributeError:
        entry = library["main"]
    entry.restype = POINTER(_Effect)
    effect = entry(_HOST)
    if not effect:
        raise ValueError("it is no VST2 plug-in")
    _call(effect, _OPEN)
    _call(effect, _SET_SAMPLE_RATE, option=float(sample_rate))
    _call(effect, _SET_BLOCK_SIZE, value=_BLOCK_FRAMES)
    try:
        yield effect
    finally:
        _call(effect, _CLOSE)


def _program_name(effect: Any, index: int) -> str:
    name = ctypes.create_string_buffer(_NAME_BYTES)
    if not _call(effect, _INDEXED_NAME, index=index, pointer=name):
        _call(effect, _SET_PROGRAM, value=index)
        _call(effect, _PROGRAM_NAME, pointer=name)
    return name.value.decode("utf-8", "replace")


def _call(
    effect: Any,
    opcode: int,
    *,
    index: int = 0,
    value: int = 0,
    pointer: Any = None,
    option: float = 0,
) -> int:
    where = None if pointer is None else ctypes.cast(pointer, c_void_p)
    return int(effect.contents.dispatcher(effect, opcode, index, value, where, option))
