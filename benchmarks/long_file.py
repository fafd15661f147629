"""The longest file that the page takes, through `python app.py`: time, answer and memory.

    python benchmarks/long_file.py [--minutes 10] [--output FILE.json]

Once through the endpoint `/search`, then on the page, in Chromium, with its timeline.

The example mixes one after the other, in stereo at 48 kHz, as FLAC. What the search adds is the
peak of memory, above what the server held before, once it had searched for short mixes.
Linux only: see `app_memory.py`.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile as sf
from app_memory import FAMILIES, ask, memory_mib, running_app, wait_until_served
from gradio_client import Client, handle_file
from page_latency import new_page, wait_for_matches
from timing import example_mixes, print_report

from cir.audio.dsp import resample
from cir.audio.io import load_audio

SAMPLE_RATE = 48_000
PATIENCE_SECONDS = 600.0


def main() -> None:
    """Make the file, start, ask, print, stop."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--output", type=Path, help="a JSON file to write")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        long = Path(home) / "long.flac"
        write_long(long, round(60 * arguments.minutes * SAMPLE_RATE))
        with running_app(Path(home)) as (process, address):
            wait_until_served(address, process, time.perf_counter())
            client = Client(address, verbose=False, httpx_kwargs={"timeout": PATIENCE_SECONDS})
            for mix in example_mixes()[:3]:
                ask(client, mix)
            before = memory_mib(process.pid, "VmRSS")
            started = time.perf_counter()
            answer = client.predict(handle_file(str(long)), FAMILIES, 5, api_name="/search")
            seconds = time.perf_counter() - started
            peak = memory_mib(process.pid, "VmHWM")
            waits, n_cells = on_the_page(address, long)
            page_peak = memory_mib(process.pid, "VmHWM")
            after = memory_mib(process.pid, "VmRSS")
        figures = {
            "file_seconds": 60 * arguments.minutes,
            "file_megabytes": long.stat().st_size / 1e6,
            "search_seconds": seconds,
            "idle_mib": before,
            "peak_above_idle_mib": peak - before,
            "page_shown_seconds": (waits["shown"] - waits["chosen"]) / 1000,
            "page_search_seconds": (waits["all"] - waits["shown"]) / 1000,
            "page_timeline_cells": n_cells,
            "page_peak_above_idle_mib": page_peak - before,
            "after_above_idle_mib": after - before,
            "matches": {one["family"]: len(one["matches"]) for one in answer["families"]},
        }
    print_report(
        "The longest file through the page's endpoint",
        [(name.replace("_", " "), f"{value}") for name, value in figures.items()],
        figures,
    )
    if arguments.output is not None:
        arguments.output.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def on_the_page(address: str, mix: Path) -> tuple[dict[str, float], int]:
    """Upload and search in Chromium; when what happened, in ms, and how many cells are shown."""
    with new_page() as page:
        page.set_default_timeout(1000 * PATIENCE_SECONDS)
        waits = wait_for_matches(page, address, mix)
        page.locator(".cir-cell").first.wait_for()
        n_cells = page.locator(".cir-cell").count()
    return waits, n_cells


def write_long(path: Path, n_frames: int) -> None:
    """Write the example mixes one after the other, again and again, the right channel quieter."""
    sounds = [resample(*load_audio(mix), SAMPLE_RATE) for mix in example_mixes()]
    mono = np.resize(np.concatenate(sounds), n_frames)
    with sf.SoundFile(path, "w", SAMPLE_RATE, channels=2, format="FLAC", subtype="PCM_16") as file:
        for start in range(0, n_frames, SAMPLE_RATE):
            part = mono[start : start + SAMPLE_RATE]
            file.write(np.stack([part, 0.7 * part], axis=1))


if __name__ == "__main__":
    main()
