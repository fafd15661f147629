"""Make the example mixes of the page: `python -m cir.ui.make_examples ../shared/surge`.

Seeds are taken in order and none is left out, so the examples are not picked by how well a model
does on them. All instruments come from the test split, which no model is trained on.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from cir.errors import CirError
from cir.files import replacing
from cir.instruments.families import family_label
from cir.instruments.note_bank import SAMPLE_RATE, NoteBank
from cir.mixtures.config import PAPER_FAMILIES, MixtureConfig
from cir.mixtures.pool import NotePool
from cir.mixtures.render import Mixture, draw_mixture
from cir.types import FloatArray
from cir.ui.examples import EXAMPLES_FILE, examples_folder

FIRST_SEED = 2026
RECIPES: tuple[tuple[str, ...], ...] = (
    PAPER_FAMILIES,
    PAPER_FAMILIES,
    PAPER_FAMILIES,
    PAPER_FAMILIES,
    ("percussion", "bass", "piano"),
    ("bass", "guitar", "synth_pad"),
)
"""Families of each example; the seeds count up from `FIRST_SEED`."""


def make_examples(bank: NoteBank, folder: Path) -> list[Path]:
    """Write the mixes and `examples.json`; the same bytes whenever the bank is the same.

    Args:
        bank: where the notes are.
        folder: is made where it does not exist; other files in it are left alone.

    Returns:
        The mixes' files.

    Raises:
        DataError: the bank lacks a family or a sound file.
    """
    families = sorted({family for recipe in RECIPES for family in recipe})
    pool = NotePool.from_note_bank(bank, split="test", families=families)
    rows = []
    paths = []
    for number, recipe in enumerate(RECIPES, start=1):
        seed = FIRST_SEED + number - 1
        mixture = draw_mixture(seed, pool, MixtureConfig(families=recipe))
        path = folder / f"mix-{number}.flac"
        _save_flac(path, mixture.mix)
        paths.append(path)
        rows.append({"title": _title(number, recipe), "file": path.name, **_facts(mixture, seed)})
    with replacing(folder / EXAMPLES_FILE) as temporary:
        temporary.write_text(json.dumps({"examples": rows}, indent=2) + "\n", encoding="utf-8")
    return paths


def _title(number: int, recipe: Sequence[str]) -> str:
    names = [family_label(family).lower() for family in recipe]
    return f"Mix {number}: {', '.join(names)}"


def _facts(mixture: Mixture, seed: int) -> dict[str, object]:
    plan = mixture.plan
    return {
        "seed": seed,
        "split": "test",
        "instruments": dict(zip(plan.families, plan.instrument_ids, strict=True)),
    }


def _save_flac(path: Path, mix: FloatArray) -> None:
    """Write FLAC, which every browser plays and which changes no sample beyond 16 bits."""
    samples = np.round(np.clip(mix, -1.0, 1.0) * 32_767).astype(np.int16)
    with replacing(path) as temporary:
        soundfile.write(temporary, samples, SAMPLE_RATE, format="FLAC", subtype="PCM_16")


def main() -> None:
    """Parse the command line and write."""
    parser = argparse.ArgumentParser(description="Make the example mixes of the page.")
    parser.add_argument("bank", type=Path, help="note bank, for example ../shared/surge")
    parser.add_argument("--out", type=Path, default=examples_folder())
    arguments = parser.parse_args()
    try:
        for path in make_examples(NoteBank.open(arguments.bank), arguments.out):
            print(path)
    except CirError as error:
        sys.exit(f"make_examples: {error}")


if __name__ == "__main__":
    main()
