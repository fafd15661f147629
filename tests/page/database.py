"""A small database for tests of the page: tones as instruments, each with a preview."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import numpy as np
import pytest

from app import build_app
from cir.audio.io import save_opus, save_wav
from cir.index.database import InstrumentDatabase
from cir.types import Encoder
from cir.ui.search.examples import load_examples
from cir.ui.service import PageService
from cir.ui.theme import launch_options
from tests.fakes import ListeningEncoder, SpectrumEncoder, instrument, tone

PER_FAMILY = 7
LOWEST_HZ = {"percussion": 700.0, "bass": 45.0, "synth_lead": 250.0}
FAMILIES = tuple(LOWEST_HZ)
PREVIEW_RATE = 48_000
HOSTILE_NAME = '<img src=x onerror="alert(1)"> & Sons'


def make_database(
    folder: Path, encoder: Encoder, kind: type[InstrumentDatabase] = InstrumentDatabase
) -> InstrumentDatabase:
    """Seven instruments in each of three families, one of no family, and those of the examples.

    Its previews take seconds to write and to describe, so that each process makes it once for an
    encoder, and copies it afterwards.
    """
    if encoder.identity not in _MADE:
        made = _MADE[encoder.identity] = TemporaryDirectory(prefix="cir-small-database-")
        _fill(Path(made.name), encoder)
    shutil.copytree(Path(_MADE[encoder.identity].name) / "database", folder)
    return kind.open(folder)


_MADE: dict[str, TemporaryDirectory[str]] = {}
"""By identity of the encoder; removed when the process ends."""


def _fill(scratch: Path, encoder: Encoder) -> None:
    """Make the database in `scratch`."""
    pitches = {
        instrument(f"{family.replace('_', '-')}-{n}", family, bank=f"Bank {n % 2}"): low * 1.2**n
        for family, low in LOWEST_HZ.items()
        for n in range(PER_FAMILY)
    }
    pitches[instrument("nameless", None, name=HOSTILE_NAME)] = 1_900.0
    parts = {part for example in load_examples() for part in example.instruments}
    for part in sorted(parts, key=lambda part: part.instrument_id):
        pitch = 190.0 + 40.0 * len(pitches)
        pitches[instrument(part.instrument_id, part.family)] = pitch
    previews = {row.instrument_id: scratch / f"{row.instrument_id}.opus" for row in pitches}
    for path, pitch in zip(previews.values(), pitches.values(), strict=True):
        save_opus(path, tone(pitch, 3.0, PREVIEW_RATE), PREVIEW_RATE)
    sounds = [tone(pitch, 3.0) for pitch in pitches.values()]
    with InstrumentDatabase.create(scratch / "database", encoder) as database:
        database.add(list(pitches), encoder.embed(sounds, 16_000), previews)


@contextmanager
def small_service(folder: Path) -> Iterator[PageService]:
    """Open a service on a small database made in `folder`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CIR_HOME", str(folder / "home"))
        encoder = SpectrumEncoder()
        with make_database(folder / "database", encoder) as database:
            yield PageService(encoder, database)


@contextmanager
def serve_page(
    folder: Path,
    kind: type[InstrumentDatabase] = InstrumentDatabase,
    *,
    with_tools: bool = False,
    **options: Any,
) -> Iterator[str]:
    """Serve the page on a small database made in `folder`; gives its address.

    With tools it is an MCP server too.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CIR_HOME", str(folder / "home"))
        patch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
        patch.setenv("GRADIO_TEMP_DIR", str(folder / "uploads"))
        encoder = ListeningEncoder()
        with make_database(folder / "database", encoder, kind) as database:
            page = build_app(encoder, database, with_tools=with_tools)
            launch = launch_options() | {"mcp_server": with_tools} | options
            _, url, _ = page.launch(prevent_thread_lock=True, quiet=True, **launch)
            yield url
            page.close()


@contextmanager
def running(
    arguments: list[str], folder: Path, settings: dict[str, str], log: Path
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run Python on a page in a process of its own, as the Hub does; gives its address too."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    environment = {**inherited, "PORT": str(port), **settings}
    command, address = [sys.executable, *arguments], f"http://127.0.0.1:{port}/"
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=out)
    try:
        ends = time.monotonic() + 240.0  # patience, for a machine that does other things too
        with httpx.Client(timeout=10) as client:  # one for all: to make one takes as long as to ask
            while True:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < ends, log.read_text()
                try:
                    client.get(address)
                    break
                except httpx.HTTPError:
                    time.sleep(0.2)
        yield process, address
    finally:
        process.terminate()
        process.wait(timeout=30)


def write_mix(path: Path) -> Path:
    """Write a mix of three of the database's instruments, 4 s at 44.1 kHz."""
    parts = [tone(low * 1.2**2, 3.5, 44_100) for low in LOWEST_HZ.values()]
    mix = np.pad(np.sum(parts, axis=0, dtype=np.float32), (0, 22_050))
    save_wav(path, np.float32(0.3) * mix, 44_100)
    return path
