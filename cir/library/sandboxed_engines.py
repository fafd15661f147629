"""Sound fonts and presets of strangers, played in a process of their own.

The engines are C and C++ and trust their files. A file that makes one crash, hang or eat all memory
costs that process, is refused, and the next file gets a new one.
"""

import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cir.errors import InputError
from cir.index.phrases import PHRASE_RATE
from cir.index.references import RENDER_RATE
from cir.types import FloatArray

ANSWER_SECONDS = 240.0
"""Longest that one answer may take; a compressed font of 80 MB took 75 s on a busy machine."""


@dataclass(frozen=True)
class Described:
    """What a file says of one of its instruments."""

    reference: str
    """Which one of the file: `BANK/PROGRAM` of a sound font, nothing for a preset."""
    name: str
    family: str | None
    category: str
    author: str
    licence: str


class OwnEngines:
    """Describes and plays files, one after the other; a context manager."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def describe(self, file: Path, name: str) -> list[Described]:
        """List the instruments of a sound font or preset.

        Args:
            file: ends in .sf2, .sf3 or .vital.
            name: what people know it by.

        Raises:
            InputError: its engine is not installed, or cannot read it.
        """
        answer, _ = self._ask({"do": "describe", "file": str(file), "name": name}, name)
        return [Described(**one) for one in answer["instruments"]]

    def play(
        self, file: Path, name: str, reference: str, family: str | None
    ) -> tuple[FloatArray, int]:
        """Play the reference note of an instrument, as one of a family.

        Returns:
            The note, (T,), and its sample rate.

        Raises:
            InputError: its engine cannot play it, or it is silent.
        """
        audio = self._render("play", file, name, reference, family)
        if not audio.size:
            raise InputError(f"{name} {reference} is silent at the pitch that it is compared at.")
        return audio, RENDER_RATE

    def phrase(
        self, file: Path, name: str, reference: str, family: str | None, category: str
    ) -> tuple[FloatArray, int] | None:
        """Play the phrase of an instrument, as one of a family; None where it cannot play it.

        Returns:
            The phrase, (T,), and its sample rate.
        """
        try:
            return self._render("phrase", file, name, reference, family, category), PHRASE_RATE
        except InputError:
            return None

    def __enter__(self) -> "OwnEngines":
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _render(
        self,
        do: str,
        file: Path,
        name: str,
        reference: str,
        family: str | None,
        category: str = "",
    ) -> FloatArray:
        request = {
            "do": do,
            "file": str(file),
            "name": name,
            "reference": reference,
            "family": family,
            "category": category,
        }
        return self._ask(request, name)[1]

    def _ask(self, request: dict[str, Any], name: str) -> tuple[dict[str, Any], FloatArray]:
        process = self._process or _start()
        self._process = process
        watchdog = threading.Timer(ANSWER_SECONDS, process.kill)
        watchdog.start()
        try:
            answer, audio = _exchange(process, request)
        except (OSError, ValueError):
            self._stop()
            raise InputError(
                f"{name} makes the program that plays it fail; give an undamaged file."
            ) from None
        finally:
            watchdog.cancel()
        if "error" in answer:
            raise InputError(answer["error"])
        return answer, audio

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()


def _start() -> "subprocess.Popen[bytes]":
    package = str(Path(__file__).parents[2])
    path = os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))
    return subprocess.Popen(
        [sys.executable, "-m", "cir.library.engine_process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": path},
    )


def _exchange(
    process: "subprocess.Popen[bytes]", request: dict[str, Any]
) -> tuple[dict[str, Any], FloatArray]:
    """Send a request and read its answer; OSError or ValueError where the process died over it."""
    assert process.stdin is not None  # noqa: S101 - both are pipes, see `_start`
    assert process.stdout is not None  # noqa: S101
    process.stdin.write(json.dumps(request).encode() + b"\n")
    process.stdin.flush()
    answer: dict[str, Any] = json.loads(process.stdout.readline())  # nothing is no JSON
    size = 4 * int(answer.get("samples", 0))
    samples = process.stdout.read(size)
    if len(samples) != size:
        raise EOFError(f"{len(samples)} of {size} bytes")
    return answer, np.frombuffer(samples, dtype="<f4").astype(np.float32)
