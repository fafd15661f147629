"""Compare the paper's recipe with ours, for equal size, instruments and number of sounds.

python benchmarks/compare_recipes.py [--data FOLDER] [--seeds 0 1] [--mixtures 1000] [-o JSON]

Trains each of benchmarks/recipes/*.yaml with each seed into runs/recipes/NAME-SEED, going on where
an interrupted call stopped, and measures the best checkpoint of each on the test split: mixtures of
three families, and single notes against all references. On two CPU cores a run takes half an hour.
"""

import argparse
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cir.config import load_config
from cir.datasets.note_bank_dataset import NoteBankDataset
from cir.evaluation.gallery import Gallery
from cir.evaluation.mixture_stream import MixtureSet
from cir.evaluation.mixtures import evaluate_mixtures
from cir.evaluation.single import evaluate_single_source
from cir.files import replacing
from cir.model.encoder import TimbreEncoder
from cir.training.loop import train
from cir.training.run_config import TrainingConfig

RECIPES = Path(__file__).parent / "recipes"


def main() -> None:
    """Train missing runs, measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("$CIR_DATA/surge"))
    parser.add_argument("--runs", type=Path, default=Path("runs/recipes"))
    parser.add_argument("--recipes", nargs="+", default=sorted(p.stem for p in RECIPES.iterdir()))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--mixtures", type=int, default=1000)
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    gallery = Gallery([NoteBankDataset(arguments.data)])
    rows = []
    for name in arguments.recipes:
        for seed in arguments.seeds:
            folder = arguments.runs / f"{name}-{seed}"
            if not is_finished(folder):
                config = load_config(RECIPES / f"{name}.yaml", TrainingConfig)
                train(replace(config, seed=seed, data=(f"bank:{arguments.data}",)), folder)
            rows.append(
                {"recipe": name, "seed": seed} | measure(folder, gallery, arguments.mixtures)
            )
            print(describe(rows[-1]), flush=True)
    if arguments.output is not None:
        with replacing(arguments.output) as path:
            path.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def is_finished(folder: Path) -> bool:
    """Return whether a run is finished."""
    state, config = folder / "checkpoint" / "state.json", folder / "config.json"
    if not state.exists() or not config.exists():
        return False
    reached: int = json.loads(state.read_text("utf-8"))["step"]
    wanted: int = json.loads(config.read_text("utf-8"))["total_steps"]
    return reached >= wanted


def measure(folder: Path, gallery: Gallery, n_mixtures: int) -> dict[str, Any]:
    """Evaluate the best checkpoint of a run by both protocols."""
    encoders = {"cir": TimbreEncoder.from_pretrained(folder / "best")}
    state = json.loads((folder / "checkpoint" / "state.json").read_text("utf-8"))
    return {
        "clips": state["clips"],
        "training_seconds": round(state["seconds"]),
        "mixtures": evaluate_mixtures(encoders, gallery, MixtureSet(n_mixtures))[0],
        "single": evaluate_single_source(encoders, gallery)[0],
    }


def describe(row: Mapping[str, Any]) -> str:
    """Return a line of Markdown: top-1 and top-5 with their intervals, in %."""
    cells = [f"{row['recipe']}, seed {row['seed']}", f"{row['clips']:,}"]
    for protocol, name in (("mixtures", "mean"), ("single", "all")):
        scores = row[protocol]["scores"][name]
        for metric in ("top_1", "top_5"):
            value, low, high = (100 * scores[metric][key] for key in ("value", "low", "high"))
            cells.append(f"{value:.1f} [{low:.1f}, {high:.1f}]")
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
