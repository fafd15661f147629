"""Measure sounds per second of Timbre Toolbox and MFCC on one core, in the same run.

    python benchmarks/timbre_toolbox.py [--seconds 1 2 4] [--repeats 9] [-o FILE.json]

The notes are cut from the example mixes and faded out. Processor time is measured.
"""

import argparse
import json
import os
import statistics
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy reads them
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
from timing import example_mixes, print_report

from cir.audio.io import load_audio
from cir.baselines.descriptors import DescriptorEncoder
from cir.baselines.mfcc import MfccEncoder
from cir.baselines.timbre_toolbox.encoder import TimbreToolboxEncoder
from cir.files import replacing
from cir.types import SAMPLE_RATE, FloatArray

KINDS: tuple[type[DescriptorEncoder], ...] = (TimbreToolboxEncoder, MfccEncoder)


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, nargs="+", default=[1.0, 2.0, 4.0])
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--output", "-o", type=Path, help="also write the figures here, as JSON")
    arguments = parser.parse_args()
    mixes = [load_audio(path, sample_rate=SAMPLE_RATE)[0] for path in example_mixes()]
    figures: dict[str, dict[str, float]] = {kind.name: {} for kind in KINDS}
    rows = []
    for seconds in arguments.seconds:
        per_second = sounds_per_second(notes_of(mixes, seconds), arguments.repeats)
        for name, speed in per_second.items():
            figures[name][f"{seconds:g} s"] = round(speed, 1)
            rows.append((f"{name}, notes of {seconds:g} s", f"{speed:.0f} sounds a second"))
    print_report(f"Descriptors on one core, median of {arguments.repeats}", rows, figures)
    if arguments.output is not None:
        document = {"sounds_per_second": figures, "threads": 1, "repeats": arguments.repeats}
        with replacing(arguments.output) as temporary:
            temporary.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def sounds_per_second(notes: list[FloatArray], repeats: int) -> dict[str, float]:
    """Time each encoder on the same notes, in turns."""
    encoders = [kind.fit(notes, SAMPLE_RATE) for kind in KINDS]
    seconds: dict[str, list[float]] = {encoder.name: [] for encoder in encoders}
    for _ in range(repeats):
        for encoder in encoders:
            started = time.process_time()
            encoder.embed(notes, SAMPLE_RATE)
            seconds[encoder.name].append(time.process_time() - started)
    return {name: len(notes) / statistics.median(values) for name, values in seconds.items()}


def notes_of(mixes: list[FloatArray], seconds: float) -> list[FloatArray]:
    """Cut two faded excerpts of each mix."""
    samples = int(seconds * SAMPLE_RATE)
    fade = np.linspace(1.0, 0.0, samples, dtype=np.float32)
    return [mix[start : start + samples] * fade for mix in mixes for start in (0, len(mix) // 2)]


if __name__ == "__main__":
    main()
