"""Untrusted sound fonts and presets, played in a process of their own.

The engines are C and C++ and trust their files. If a file makes one crash, hang or use too much
memory, only that process dies; the file is refused, and the next one gets a new process.
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
"""Time limit of one answer; a compressed font of 80 MB took 75 s on a busy machine."""


@dataclass(frozen=True)
class Described:
    """Metadata of one instrument of a file."""

    reference: str
    """`BANK/PROGRAM` of a sound font; empty for a preset."""
    name: str
    family: str | None
    category: str
    author: str
    licence: str


class SandboxedEngines:
    """Describes and plays files in a child process; a context manager."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def describe(self, file: Path, name: str) -> list[Described]:
        """List the instruments of a sound font or preset.

        Args:
            file: Path that ends in .sf2, .sf3 or .vital.
            name: Name of the file in errors.

        Raises:
            InputError: The engine is not installed or cannot read the file.
        """
        answer, _ = self._ask("describe", file, name)
        return [Described(**one) for one in answer["instruments"]]

    def play(
        self, file: Path, name: str, reference: str, family: str | None
    ) -> tuple[FloatArray, int]:
        """Play the reference note of an instrument, as one of a family.

        Returns:
            The note, (T,), and its sample rate.

        Raises:
            InputError: The engine cannot play it, or it is silent.
        """
        _, audio = self._ask("play", file, name, reference=reference, family=family)
        if not audio.size:
            raise InputError(f"{name} {reference} is silent at the pitch of its reference note.")
        return audio, RENDER_RATE

    def phrase(
        self, file: Path, name: str, reference: str, family: str | None, category: str
    ) -> tuple[FloatArray, int] | None:
        """Play the phrase of an instrument, (T,), with its sample rate; None if it cannot."""
        try:
            _, audio = self._ask(
                "phrase", file, name, reference=reference, family=family, category=category
            )
            return audio, PHRASE_RATE
        except InputError:
            return None

    def __enter__(self) -> "SandboxedEngines":
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _ask(
        self, do: str, file: Path, name: str, **which: str | None
    ) -> tuple[dict[str, Any], FloatArray]:
        process = self._process or _start()
        self._process = process
        watchdog = threading.Timer(ANSWER_SECONDS, process.kill)
        watchdog.start()
        try:
            answer, audio = _exchange(process, {"do": do, "file": str(file), "name": name, **which})
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
    """Send a request and read its answer; OSError or ValueError if the process died."""
    assert process.stdin is not None  # noqa: S101 - both are pipes, see `_start`
    assert process.stdout is not None  # noqa: S101
    process.stdin.write(json.dumps(request).encode() + b"\n")
    process.stdin.flush()
    answer: dict[str, Any] = json.loads(process.stdout.readline())  # invalid if it is empty
    size = 4 * int(answer.get("samples", 0))
    samples = process.stdout.read(size)
    if len(samples) != size:
        raise ValueError(f"{len(samples)} of {size} bytes")
    return answer, np.frombuffer(samples, dtype="<f4").astype(np.float32)
