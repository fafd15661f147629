"""Measure the time to the first family and to all families, searched together or one by one.

`python benchmarks/by_family.py` on one thread; the app searches all together.
"""

import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch

from cir.audio.io import load_audio
from cir.retrieval.retriever import DEFAULT_FAMILIES, Retriever, default_retriever
from cir.retrieval.windows import embed_windows
from cir.types import SAMPLE_RATE, FamilyResult, FloatArray
from cir.ui.search.examples import load_examples

REPEATS = 5
MANY_FAMILIES = (*DEFAULT_FAMILIES, "synth_pad", "piano", "guitar", "strings", "organ")


def together(
    retriever: Retriever, audio: FloatArray, families: Sequence[str]
) -> Iterator[list[FamilyResult]]:
    """Embed for all families at once, then look them up one by one."""
    for family, query in embed_windows(audio, retriever.encoder, families).items():
        yield retriever.match({family: query})


def one_at_a_time(
    retriever: Retriever, audio: FloatArray, families: Sequence[str]
) -> Iterator[list[FamilyResult]]:
    """Embed for one family and look it up, then for the next."""
    for family in families:
        yield retriever.match(embed_windows(audio, retriever.encoder, [family]))


def measure(
    way: Callable[..., Iterator[object]],
    retriever: Retriever,
    audio: FloatArray,
    families: Sequence[str],
) -> tuple[float, float]:
    """Return the median seconds to the first family and to the last."""
    rows = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        times = [time.perf_counter() - start for _ in way(retriever, audio, families)]
        rows.append((times[0], times[-1]))
    first, last = np.median(rows, axis=0)
    return float(first), float(last)


def main() -> None:
    """Measure 10 s and 60 s of the example mixes, for three families and for eight."""
    torch.set_num_threads(1)
    retriever = default_retriever()
    mixes = [load_audio(one.path, sample_rate=SAMPLE_RATE)[0] for one in load_examples()[:6]]
    print(f"{'seconds':>8} {'families':>8}  {'way':14} {'first':>7} {'all':>7}")
    for audio in (mixes[0], np.concatenate(mixes)):
        for families in (DEFAULT_FAMILIES, MANY_FAMILIES):
            for way in (together, one_at_a_time):
                first, last = measure(way, retriever, audio, families)
                print(
                    f"{len(audio) / SAMPLE_RATE:8.0f} {len(families):8}  {way.__name__:14} "
                    f"{first:7.3f} {last:7.3f}"
                )


if __name__ == "__main__":
    main()
