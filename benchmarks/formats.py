"""Measure how answers depend on the format: the example mixes in eight encodings.

`python -m benchmarks.formats [--model FOLDER --database FOLDER]`: cosine of each family's embedding
to that of the original file, and how often the first match is the same.

It is the same in 28 of 30 searches for Opus at 96 kbit/s and for Vorbis, and in all for the others.
The two that differ are due to the codecs' loss (20 to 25 dB below the sound) where no match is
clearly first: the basses of mix-8 (0.371, 0.367 and 0.363 in the original; 0.354, 0.353 and 0.351
as Opus, in another order) and of mix-10 (0.299, then four from 0.290 to 0.289). For Opus at 256
kbit/s (cosine 0.9999) and Vorbis at its best the first match is the same; no sound is shifted,
longer or shorter.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch

from benchmarks.timing import example_mixes
from cir.audio.io import load_audio
from cir.index.database import InstrumentDatabase
from cir.model.encoder import TimbreEncoder
from cir.retrieval.retriever import DEFAULT_FAMILIES, Retriever
from cir.retrieval.windows import embed_windows
from cir.types import FloatArray
from tests.sound_files import ENCODINGS


def main() -> None:
    """Encode, decode, embed and search."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, help="another one than the bundled")
    parser.add_argument("--database", type=Path, help="made by that model")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    encoder = TimbreEncoder.from_pretrained(arguments.model)
    retriever = Retriever(encoder, InstrumentDatabase.open(arguments.database, encoder=encoder))

    def answer(path: Path) -> tuple[dict[str, FloatArray], list[str]]:
        queries = embed_windows(load_audio(path)[0], encoder, DEFAULT_FAMILIES)
        firsts = [
            found.matches[0].instrument.instrument_id for found in retriever.match(queries, 1)
        ]
        return queries, firsts

    mixes = example_mixes()
    expected = {mix: answer(mix) for mix in mixes}
    print(f"{'encoding':28} {'least cosine':>12} {'median':>7}  same first match")
    for name, write in ENCODINGS.items():
        cosines, same = [], 0
        for mix in mixes:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "mix"
                write(path, *load_audio(mix, sample_rate=None))
                queries, firsts = answer(path)
            wanted, wanted_firsts = expected[mix]
            cosines += [float(queries[family] @ wanted[family]) for family in queries]
            same += sum(a == b for a, b in zip(firsts, wanted_firsts, strict=True))
        print(
            f"{name:28} {min(cosines):12.3f} {np.median(cosines):7.3f}  {same} of {len(cosines)}",
            flush=True,
        )


if __name__ == "__main__":
    main()
