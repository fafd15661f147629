"""Compare the time of log-frequency features and our log-mel: same clips, same run, one thread.

python benchmarks/log_frequency.py [--repeats 15]
"""

import argparse
import os

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy and torch read them
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
import torch
from clips import example_clips
from timing import interleaved_medians, print_report

from cir.audio.bands import BandConfig
from cir.audio.features import log_mel
from cir.audio.log_frequency import bring_to_level, log_bands


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=15)
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    clips = example_clips()
    batch = torch.from_numpy(np.stack(clips))
    bands = BandConfig()

    def log_frequency() -> torch.Tensor:
        return bring_to_level(log_bands(batch, bands))

    def one_by_one() -> list[torch.Tensor]:
        return [bring_to_level(log_bands(clip, bands)) for clip in batch.split(1)]

    def mel_20_ms() -> torch.Tensor:
        return log_mel(batch, hop_samples=bands.hop_samples)

    def mel_10_ms() -> torch.Tensor:
        return log_mel(batch)

    calls = {
        "log_frequency": log_frequency,
        "one_by_one": one_by_one,
        "log_mel_20_ms": mel_20_ms,
        "log_mel_10_ms": mel_10_ms,
    }
    medians = interleaved_medians(calls, repeats=repeats)
    per_clip_ms = {name: 1000 * seconds / len(clips) for name, seconds in medians.items()}
    ratios = {name: medians[name] / medians["log_mel_20_ms"] for name in calls}
    names = {
        "log_frequency": "log-frequency, one batch",
        "one_by_one": "log-frequency, one by one",
        "log_mel_20_ms": "log-mel, frames of 20 ms as above",
        "log_mel_10_ms": "log-mel, frames of 10 ms",
    }
    print_report(
        f"Features of {len(clips)} clips of 10 s, one thread, median of {repeats}",
        [
            (words, f"{per_clip_ms[name]:.2f} ms a clip, {ratios[name]:.2f} x")
            for name, words in names.items()
        ],
        {"ms_per_clip": per_clip_ms, "time_by_log_mel_of_20_ms": ratios},
    )


if __name__ == "__main__":
    main()
