"""The other process of `cir.library.engines`: plays sound fonts and presets.

It reads a request a line, JSON, and answers with a line of JSON and, after that, the samples of a
note where it plays one (`samples` of float32).

    {"do": "describe", "file": ..., "name": ...}                          its instruments
    {"do": "play", "file": ..., "reference": ..., "family": ..., "category": ...}   a reference note
    {"do": "phrase", ... the same ...}                                    its phrase
"""

import json
import os
import resource
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from cir.engines.base import Engine
from cir.engines.soundfont import SoundFontBank, SoundFontEngine
from cir.engines.vital import VitalEngine, read_preset
from cir.errors import CirError
from cir.index.phrases import play_phrase
from cir.index.references import play_reference
from cir.instruments.families import family_of_folder
from cir.library.zips import SOUNDFONT_SUFFIXES
from cir.types import FloatArray

_MAX_MEMORY_BYTES = 6 << 30


def main() -> None:
    """Answer requests until the input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (_MAX_MEMORY_BYTES, _MAX_MEMORY_BYTES))
    # Engines written in C print what they like; answers have a channel of their own.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    for line in sys.stdin.buffer:
        answer, audio = _answer(json.loads(line))
        answers.write(json.dumps(answer).encode() + b"\n")
        if audio is not None:
            answers.write(audio.astype("<f4").tobytes())
        answers.flush()


def _answer(request: dict[str, Any]) -> tuple[dict[str, Any], FloatArray | None]:
    file = Path(request["file"])
    audio: FloatArray | None
    try:
        if request["do"] == "describe":
            return {"instruments": _describe(file, request["name"])}, None
        engine = _open(file, request["reference"])
        if request["do"] == "phrase":
            audio = play_phrase(engine, request["family"], request["category"])
        else:
            audio = play_reference(engine, request["family"])
    except CirError as error:
        return {"error": str(error).replace(str(file), request["name"])}, None
    except MemoryError:
        return {"error": f"{request['name']} needs more memory than it may have."}, None
    return {"samples": 0 if audio is None else int(audio.size)}, audio


def _describe(file: Path, name: str) -> list[dict[str, Any]]:
    """List the instruments of a file: what it says of them itself."""
    if file.suffix.lower() in SOUNDFONT_SUFFIXES:
        return [
            {
                "reference": one.engine.rpartition("#")[2],
                "name": one.name,
                "family": one.family,
                "category": one.category,
                "author": one.author,
                "licence": one.licence,
            }
            for one in _open_bank(file).instruments()
        ]
    _open_preset(file)  # says it where this is no preset
    preset = read_preset(file.read_bytes(), name)
    return [
        {
            "reference": "",
            "name": Path(name).stem,
            "family": family_of_folder(preset.preset_style),
            "category": "",
            "author": preset.author,
            "licence": "",
        }
    ]


def _open(file: Path, reference: str) -> Engine:
    if not reference:
        return _open_preset(file)
    bank, program, *_ = map(int, reference.split("/"))
    return SoundFontEngine(_open_bank(file), bank, program)


@lru_cache(maxsize=1)
def _open_bank(file: Path) -> SoundFontBank:
    return SoundFontBank(file)


@lru_cache(maxsize=1)
def _open_preset(file: Path) -> VitalEngine:
    return VitalEngine(file)


if __name__ == "__main__":
    np.seterr(all="ignore")
    main()
