"""The child process of `sandboxed_engines`: decodes sounds, plays sound fonts and presets.

{"do": "describe", "target": ..., "stem": ...}                     its instruments
{"do": "play", "reference": ..., "family": ..., "category": ...}   a reference note
{"do": "phrase", ... the same ...}                                 its phrase
{"do": "make", "task": ...}                                        the sounds of a `SoundTask`
"""

import base64
from dataclasses import asdict
from functools import lru_cache
from typing import Any

import numpy as np

from cir.engines.child import Answer, serve
from cir.engines.preset_files import list_presets
from cir.engines.registry import open_engine
from cir.errors import CirError
from cir.index.phrases import play_phrase
from cir.index.references import play_reference
from cir.library.sound_tasks import SoundTask, make_sounds


def _answer(request: dict[str, Any]) -> Answer:
    try:
        if request["do"] == "describe":
            return {"instruments": _describe(request["target"], request["stem"])}, None
        if request["do"] == "make":
            return _make(SoundTask(**request["task"]))
        engine = _open(request["reference"])
        if request["do"] == "phrase":
            return {}, play_phrase(engine, request["family"], request["category"])
        return {}, play_reference(engine, request["family"])
    except CirError as error:
        return {"error": str(error)}, None
    except MemoryError:
        return {"error": "it needs more memory than it may have"}, None


def _make(task: SoundTask) -> Answer:
    made = make_sounds(task, _open)
    said = {
        "lengths": [len(note) for note in made.notes],
        "notice": made.notice,
        "preview": base64.b64encode(made.preview).decode(),
        "phrase": base64.b64encode(made.phrase).decode(),
    }
    return said, np.concatenate(made.notes)


def _describe(target: str, stem: str) -> list[dict[str, Any]]:
    presets = list_presets(target, stem)
    if not presets[0].reference:
        _open(target)  # refuses what its engine cannot read
    return list(map(asdict, presets))


_open = lru_cache(maxsize=1)(open_engine)  # a note and a phrase of each


if __name__ == "__main__":
    np.seterr(all="ignore")
    serve(_answer)
