"""Compare the time of our log-mel and ASTFeatureExtractor: same clips, same run, one thread.

python benchmarks/log_mel.py [--repeats 15]
"""

import argparse
import os
from importlib.util import find_spec

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy and torch read them
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
import torch
from clips import example_clips
from timing import interleaved_medians, print_report
from transformers import ASTFeatureExtractor

from cir.audio.features import log_mel
from cir.types import SAMPLE_RATE, FloatArray


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=15)
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    clips = example_clips()
    batch = torch.from_numpy(np.stack(clips))
    extractor = ASTFeatureExtractor()  # type: ignore[no-untyped-call]

    def reference() -> FloatArray:
        features = extractor(clips, sampling_rate=SAMPLE_RATE, return_tensors="np")
        return np.asarray(features["input_values"], dtype=np.float32)

    def batched() -> torch.Tensor:
        return log_mel(batch)

    def one_by_one() -> list[torch.Tensor]:
        return [log_mel(batch[number : number + 1]) for number in range(len(batch))]

    ours = batched().numpy()
    difference = float(np.abs(ours - reference()[:, : ours.shape[1]]).max())
    calls = {"transformers": reference, "batched": batched, "one_by_one": one_by_one}
    medians = interleaved_medians(calls, repeats=repeats)
    per_clip_ms = {name: 1000 * seconds / len(clips) for name, seconds in medians.items()}
    ratios = {name: medians["transformers"] / medians[name] for name in ("batched", "one_by_one")}
    path = "torchaudio" if find_spec("torchaudio") else "numpy"
    print_report(
        f"Log-mel of {len(clips)} clips of 10 s, one thread, median of {repeats}",
        [
            (f"ASTFeatureExtractor ({path})", f"{per_clip_ms['transformers']:.2f} ms a clip"),
            ("cir, one batch", f"{per_clip_ms['batched']:.2f} ms, {ratios['batched']:.0f} x"),
            (
                "cir, one by one",
                f"{per_clip_ms['one_by_one']:.2f} ms, {ratios['one_by_one']:.0f} x",
            ),
            ("largest difference", f"{difference:.1e}"),
        ],
        {"ms_per_clip": per_clip_ms, "speed_up": ratios, "largest_difference": difference},
    )


if __name__ == "__main__":
    main()
