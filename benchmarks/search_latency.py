"""Measure a search of a 10 s mix with everything loaded, and the time of its parts.

python benchmarks/search_latency.py [--mix FILE] [--model FOLDER] [--repeats 20] [--threads 2]
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from timing import example_mixes, print_report
from torch import Tensor

import cir
from cir.retrieval.retriever import SearchTimings


class MelClock:
    """Wraps a network's `features` and adds up its time."""

    def __init__(self, features: Callable[[Tensor], Tensor]) -> None:
        self._features = features
        self.seconds = 0.0

    def __call__(self, audio: Tensor) -> Tensor:
        """Call the wrapped function."""
        started = time.perf_counter()
        features = self._features(audio)
        self.seconds += time.perf_counter() - started
        return features


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mix", type=Path, help="any sound file; default: the first example")
    parser.add_argument("--model", help="folder or Hub id; default: the bundled model")
    parser.add_argument("--database", type=Path, help="default: the bundled database")
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--threads", type=int, help="default: what torch chooses")
    arguments = parser.parse_args()
    if arguments.threads is not None:
        torch.set_num_threads(arguments.threads)
    mix = arguments.mix or example_mixes()[0]
    encoder = cir.TimbreEncoder.from_pretrained(arguments.model, device="cpu")
    clock = MelClock(encoder.network.features)
    encoder.network.features = clock  # type: ignore[method-assign]
    database = cir.InstrumentDatabase.open(arguments.database, encoder=encoder)
    retriever = cir.Retriever(encoder, database)
    parts: list[SearchTimings] = []
    mels: list[float] = []
    totals: list[float] = []
    for _ in range(arguments.repeats + 1):
        clock.seconds = 0.0
        retriever.search(mix, on_timings=parts.append)
        mels.append(clock.seconds)
        started = time.perf_counter()
        cir.search(mix, encoder=encoder, database=database)
        totals.append(time.perf_counter() - started)
    warm = slice(1, None)
    decode = [one.decode_seconds for one in parts[warm]]
    ast = [one.embed_seconds - mel for one, mel in zip(parts[warm], mels[warm], strict=True)]
    search = [one.search_seconds for one in parts[warm]]
    measured = {"decode": decode, "mel": mels[warm], "ast": ast, "search": search}
    medians_ms = {name: 1000 * statistics.median(values) for name, values in measured.items()}
    total_ms = 1000 * statistics.median(totals[warm])
    print_report(
        f"cir.search of {mix.name}, model warm, {torch.get_num_threads()} threads, "
        f"median of {arguments.repeats}",
        [
            ("end to end", f"{total_ms:.1f} ms"),
            *((f"  {name}", f"{value:.1f} ms") for name, value in medians_ms.items()),
            ("first call", f"{1000 * parts[0].total_seconds:.1f} ms"),
        ],
        {"total_ms": total_ms, **{f"{name}_ms": value for name, value in medians_ms.items()}},
    )


if __name__ == "__main__":
    main()
