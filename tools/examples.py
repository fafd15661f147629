"""Make the example mixes of the page: `python -m tools.examples $CIR_DATA/surge`.

Seeds are taken in order and none is left out, so that examples are not selected by a model's
results; neither are the songs. Instruments of Surge are from the test split, which no model is
trained on.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile

from cir.datasets.note_bank_dataset import NoteBankDataset
from cir.errors import CirError
from cir.files import expand_data_folder, replacing
from cir.instruments.families import FAMILIES, family_label
from cir.instruments.note_bank import NoteBank
from cir.mixtures.mixture_config import PAPER_FAMILIES, MixtureConfig
from cir.mixtures.pool import NotePool
from cir.mixtures.render import draw_mixture
from cir.types import SAMPLE_RATE, FloatArray
from cir.ui.search.examples import EXAMPLES_FILE, ExamplePart, examples_folder
from tools.songs import Song, render_song

FIRST_SEED = 2026
DRAWN: tuple[MixtureConfig, ...] = (
    *[MixtureConfig(families=PAPER_FAMILIES)] * 4,
    MixtureConfig(families=("percussion", "bass", "piano")),
    MixtureConfig(families=("bass", "guitar", "synth_pad")),
    MixtureConfig(setting="realistic", min_stems=6, max_stems=6),
)
"""Random mixes, with seeds from `FIRST_SEED` on."""

SONGS: tuple[Song, ...] = (
    Song(
        "d_map12.mid",
        "Sewers",
        'Discoholic, a remix of "Wasteland Scavengers" by Samuel "Blastfrog" Oliver',
        start_seconds=35.9,
        seconds=16.0,
        recorded=False,
    ),
    Song("d_inter.mid", "YOU LIVE!!!!", "Stratos", start_seconds=13.8, seconds=14.0),
    Song("d_map22.mid", "Alien Waltz", "Korp", start_seconds=21.8, seconds=20.0),
)
"""Passages of songs of the Freedoom project, with the next seeds."""

_LICENCE = "the Freedoom project, BSD 3-clause"


@dataclass(frozen=True)
class _Made:
    """An example that is not written yet."""

    title: str
    mix: FloatArray
    seed: int
    parts: tuple[ExamplePart, ...]
    credit: str = ""


def make_examples(bank: NoteBank, songs: Path, folder: Path) -> list[Path]:
    """Write the mixes and `examples.json`; the same bytes whenever bank and songs are the same.

    Args:
        bank: Source of the notes.
        songs: Folder of the MIDI files.
        folder: Target folder, created if missing; other files in it stay.

    Returns:
        Paths of the mixes.

    Raises:
        DataError: The bank lacks a family or a sound file, or a song is missing.
        EngineError: The sound font is not installed.
    """
    rows, paths = [], []
    for number, made in enumerate(_all(bank, songs), start=1):
        path = folder / f"mix-{number}.flac"
        _save_flac(path, made.mix)
        paths.append(path)
        rows.append(
            {
                "title": f"Mix {number}: {made.title}",
                "file": path.name,
                "seed": made.seed,
                "credit": made.credit,
                "instruments": [asdict(part) for part in made.parts],
            }
        )
    with replacing(folder / EXAMPLES_FILE) as temporary:
        temporary.write_text(json.dumps({"examples": rows}, indent=2) + "\n", encoding="utf-8")
    return paths


def _all(bank: NoteBank, songs: Path) -> Iterator[_Made]:
    dataset = NoteBankDataset(bank.folder)
    pool = NotePool.from_datasets([dataset], split="test", families=FAMILIES)
    for seed, config in enumerate(DRAWN, start=FIRST_SEED):
        mixture = draw_mixture(seed, pool, config)
        plan = mixture.plan
        parts = tuple(
            ExamplePart(str(family), name)
            for family, name in zip(plan.families, plan.instrument_ids, strict=True)
        )
        yield _Made(_list_families(parts), mixture.mix, seed, parts)
    for seed, song in enumerate(SONGS, start=FIRST_SEED + len(DRAWN)):
        played = render_song(song, songs, bank, seed)
        credit = f'"{song.title}" by {song.author}; {_LICENCE}'
        yield _Made(song.title, played.mix, seed, played.parts, credit)


def _list_families(parts: Sequence[ExamplePart]) -> str:
    return ", ".join(family_label(part.family).lower() for part in parts)


def _save_flac(path: Path, mix: FloatArray) -> None:
    """Write FLAC of 16 bits, which every browser plays."""
    samples = np.round(np.clip(mix, -1.0, 1.0) * 32_767).astype(np.int16)
    with replacing(path) as temporary:
        soundfile.write(temporary, samples, SAMPLE_RATE, format="FLAC", subtype="PCM_16")


def main() -> None:
    """Parse the command line and write."""
    parser = argparse.ArgumentParser(description="Make the example mixes of the page.")
    parser.add_argument("bank", type=Path, help="a note bank")
    parser.add_argument(
        "--songs", type=Path, default=Path("$CIR_DATA/midi/freedoom"), help="folder of MIDI files"
    )
    parser.add_argument("--out", type=Path, default=examples_folder())
    arguments = parser.parse_args()
    try:
        songs = expand_data_folder(arguments.songs)
        made = make_examples(NoteBank.open(arguments.bank), songs, arguments.out)
        for path in made:
            print(path)
    except CirError as error:
        sys.exit(f"tools.examples: {error}")


if __name__ == "__main__":
    main()
