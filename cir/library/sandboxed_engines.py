"""Untrusted sounds, sound fonts and presets, decoded and played in a process of their own.

Decoders and engines are C and C++ and trust their files. If a file makes one crash, hang or use too
much memory, only that process dies; the file is refused, and the next one gets a new process.
"""

import base64
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from cir.engines.base import PresetInfo
from cir.engines.child import Child, ChildFailed
from cir.errors import InputError
from cir.index.phrases import PHRASE_RATE
from cir.index.references import RENDER_RATE
from cir.library.sound_tasks import Sounds, SoundTask
from cir.types import FloatArray

ANSWER_SECONDS = 240.0
"""Time limit of one answer; a compressed font of 80 MB took 75 s on a busy machine."""


class Crashed(InputError):
    """A file ends the process that reads it, or takes too long."""


class SandboxedEngines:
    """Describes and plays files in a child process; a context manager.

    A file is named by its target, `scheme:path`; see `cir.engines.preset_files`.
    """

    def __init__(self) -> None:
        self._child = Child("cir.library.engine_process")

    def describe(self, target: str, name: str) -> list[PresetInfo]:
        """List the instruments of a file.

        Args:
            target: Engine reference without its preset.
            name: Name of the file in errors.

        Raises:
            InputError: The engine is not installed or cannot read the file.
        """
        request = {"do": "describe", "target": target, "stem": PurePosixPath(name).stem}
        answer, _ = self._ask(request, target, name)
        return [PresetInfo(**one) for one in answer["instruments"]]

    def play(
        self, target: str, name: str, reference: str, family: str | None
    ) -> tuple[FloatArray, int]:
        """Play the reference note of an instrument, as one of a family.

        Returns:
            The note, (T,), and its sample rate.

        Raises:
            InputError: The engine cannot play it, or it is silent.
        """
        audio = self._render("play", target, name, reference, family)
        if not audio.size:
            raise InputError(f"{name} {reference} is silent at the pitch of its reference note.")
        return audio, RENDER_RATE

    def phrase(
        self, target: str, name: str, reference: str, family: str | None, category: str
    ) -> tuple[FloatArray, int] | None:
        """Play the phrase of an instrument, (T,), with its sample rate; None if it cannot."""
        try:
            return self._render("phrase", target, name, reference, family, category), PHRASE_RATE
        except InputError:
            return None

    def make(self, task: SoundTask) -> Sounds:
        """Do a task; see `make_sounds`.

        Raises:
            InputError: It cannot be done.
            Crashed: It ends the process.
        """
        target = task.engine.rpartition("#")[0] if "#" in task.engine else task.engine
        answer, audio = self._ask({"do": "make", "task": asdict(task)}, target, task.shown)
        ends = np.cumsum(answer["lengths"])
        return Sounds(
            tuple(np.split(audio, ends[:-1])),
            str(answer["notice"]),
            base64.b64decode(answer["preview"]),
            base64.b64decode(answer["phrase"]),
        )

    def close(self) -> None:
        """End the process."""
        self._child.close()

    def __enter__(self) -> "SandboxedEngines":
        return self

    def __exit__(self, *_: object) -> None:
        self._child.close()

    def _render(
        self,
        do: str,
        target: str,
        name: str,
        reference: str,
        family: str | None,
        category: str = "",
    ) -> FloatArray:
        request = {
            "do": do,
            "reference": f"{target}#{reference}" if reference else target,
            "family": family,
            "category": category,
        }
        return self._ask(request, target, name)[1]

    def _ask(
        self, request: dict[str, Any], target: str, name: str
    ) -> tuple[dict[str, Any], FloatArray]:
        try:
            answer, audio = self._child.ask(request, ANSWER_SECONDS)
        except ChildFailed:
            raise Crashed(
                f"{name} makes the program that plays it fail; give an undamaged file."
            ) from None
        if "error" in answer:
            said = str(answer["error"]).replace(str(Path(target.partition(":")[2])), name)
            raise InputError(said if name in said else f"{name}: {said}")
        return answer, audio
