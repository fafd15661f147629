"""Voices of the Yamaha DX7 (.syx), played by the package dexed-py.

dexed-py is GPL 3 and therefore optional; names are read without it.
"""

import importlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cir.audio.dsp import resample
from cir.engines.base import PresetInfo, check_request, mix_in, read_limited
from cir.errors import EngineError
from cir.text import clean
from cir.types import FloatArray, Note

RENDER_RATE = 48_000
"""Hz. Envelopes and feedback depend on the rate: all sounds are made at this one and resampled."""

PACKED_BYTES = 128
"""Of a voice in a cartridge."""

_SINGLE_BYTES = 155
_VOICES = 32
_BANK = re.compile(rb"\xf0\x43[\x00-\x0f]\x09\x20\x00")
_SINGLE = re.compile(rb"\xf0\x43[\x00-\x0f]\x00\x01\x1b")
_NAME_BYTES = 10
_MAX_BYTES = 4 << 20
UNMADE = "INIT VOICE"
"""What the DX7 calls a voice that nobody has made yet."""


class Dx7Engine:
    """One voice; an `Engine`. Notes are rendered one by one, as voices of a DX7 do not interact.

    Args:
        path: A cartridge, a bank or a single voice (.syx).
        number: Of the voice, from 1.

    Raises:
        EngineError: Dexed-py or the file is missing, there is no such voice, or it is damaged.
    """

    def __init__(self, path: str | Path, number: int = 1) -> None:
        file = Path(path)
        voices = _read_voices(file)
        if not 1 <= number <= len(voices):
            raise EngineError(f"{file} has the voices 1 to {len(voices)}, no {number}.")
        self._open(voices[number - 1], f"voice {number} of {file}")

    @classmethod
    def from_packed(cls, voice: bytes, name: str) -> "Dx7Engine":
        """Open a voice as a cartridge stores it, 128 bytes.

        Raises:
            EngineError: Dexed-py is missing, or the voice is damaged.
        """
        engine = cls.__new__(cls)
        engine._open(voice, name)
        return engine

    def render(
        self, notes: Sequence[Note], duration_seconds: float, sample_rate: int
    ) -> FloatArray:
        """See `Engine.render`."""
        playable, track = check_request(notes, duration_seconds, sample_rate)
        for note in playable:
            start = round(note.start_seconds * sample_rate)
            seconds = (track.size - start) / sample_rate
            held = min(note.duration_seconds, seconds)
            sound = self._synth.render(note.pitch, note.velocity, held, seconds + 2.0 / RENDER_RATE)
            mix_in(track, resample(np.asarray(sound), RENDER_RATE, sample_rate), start)
        if not np.isfinite(track).all():
            raise EngineError(f"Dexed produced NaN or infinite samples with {self.name}.")
        return track

    def _open(self, voice: bytes, name: str) -> None:
        self.name = name
        dexed = import_dexed()
        if max(voice) > 127:  # voices are sent as MIDI data, seven bits a byte
            raise EngineError(f"{name} is damaged: it has bytes above 127.")
        is_packed = len(voice) == PACKED_BYTES
        parse = dexed.Patch.from_packed if is_packed else dexed.Patch.from_sysex
        self._synth = dexed.DexedSynth(sample_rate=RENDER_RATE)
        # A single voice lacks the byte of the operators that are on.
        self._synth.load_patch(parse(voice if is_packed else voice + b"\x3f"))


def list_dx7_voices(path: Path) -> list[PresetInfo]:
    """List the voices of a file; its reference is a voice's number, from 1.

    Raises:
        EngineError: It holds no voices of a DX7.
    """
    voices = [(number, voice_name(voice)) for number, voice in enumerate(_read_voices(path), 1)]
    return [PresetInfo(name, str(number)) for number, name in voices if name != UNMADE]


def voice_name(voice: bytes) -> str:
    """Read the name of a voice, with spaces for what does not print."""
    end = PACKED_BYTES if len(voice) == PACKED_BYTES else _SINGLE_BYTES
    name = bytes(byte & 127 for byte in voice[end - _NAME_BYTES : end]).decode("ascii")
    return clean(name)


def import_dexed() -> Any:
    """Import the synthesizer.

    Raises:
        EngineError: It is not installed.
    """
    try:
        return importlib.import_module("dexed")
    except ImportError:
        raise EngineError(
            "DX7 voices need the package dexed-py (GPL 3); run `pip install dexed-py`."
        ) from None


def _read_voices(path: Path) -> list[bytes]:
    data = read_limited(path, _MAX_BYTES)
    voices = list(_voices(data))
    if not voices:
        raise EngineError(f"{path} holds no voices of a DX7; give a cartridge or a voice (.syx).")
    return voices


def _voices(data: bytes) -> Iterator[bytes]:
    bank_bytes = _VOICES * PACKED_BYTES
    if data[:1] != b"\xf0" and data and len(data) % PACKED_BYTES == 0:  # without any framing
        for start in range(0, len(data), PACKED_BYTES):
            yield data[start : start + PACKED_BYTES]
        return
    for found in sorted(
        [*_BANK.finditer(data), *_SINGLE.finditer(data)], key=lambda one: one.end()
    ):
        is_bank = found.re is _BANK
        size = bank_bytes if is_bank else _SINGLE_BYTES
        body = data[found.end() : found.end() + size]
        if len(body) == size:
            step = PACKED_BYTES if is_bank else size
            yield from (body[start : start + step] for start in range(0, size, step))
