"""One change at a time to the same short run, measured on the valid split.

python benchmarks/levers.py [NAME ...] -o benchmarks/results/levers.json

Each lever of `levers.yaml` is trained for the same number of sounds from the same start, and
measured on instruments of the valid split: what is chosen by it has not seen the test split. A
finished run is not trained again, an interrupted one goes on; results of other levers in the file
are kept.
"""

import argparse
import json
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock

from cir.config import parse_config
from cir.datasets.note_bank import NoteBankDataset
from cir.evaluation.gallery import Gallery
from cir.evaluation.mixture_stream import MixtureSet
from cir.evaluation.mixtures import evaluate_mixtures
from cir.evaluation.single import evaluate_single_source
from cir.files import replacing
from cir.model.encoder import TimbreEncoder
from cir.training.config import TrainingConfig
from cir.training.loop import train

HERE = Path(__file__).parent


def main() -> None:
    """Train, measure, print a row and write it, lever after lever."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="levers; all where none is named")
    parser.add_argument("--levers", type=Path, default=HERE / "levers.yaml")
    parser.add_argument("--data", type=Path, default=Path("../shared/surge"))
    parser.add_argument("--runs", type=Path, default=Path("runs/levers"))
    parser.add_argument("--mixtures", type=int, default=300)
    parser.add_argument("-o", "--output", type=Path, default=HERE / "results" / "levers.json")
    arguments = parser.parse_args()
    gallery = Gallery([NoteBankDataset(arguments.data)])
    configs = load_levers(arguments.levers)
    for name in arguments.names or configs:
        folder = arguments.runs / re.sub(r"\W+", "-", name)
        fresh, started = not folder.exists(), time.process_time()
        train(configs[name], folder, cpu=True)
        spent = round(time.process_time() - started) if fresh else None
        n_mixtures = 0 if configs[name].task == "pairs" else arguments.mixtures
        row = measure(folder, gallery, n_mixtures) | {"cpu_seconds": spent}
        print(describe(name, row), flush=True)
        keep(arguments.output, name, row)


def load_levers(path: Path) -> dict[str, TrainingConfig]:
    """The configuration of each lever, by name: the base with its changes."""
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {
        lever["name"]: parse_config(
            {**document["base"], **lever.get("changes", {})}, TrainingConfig, lever["name"]
        )
        for lever in document["levers"]
    }


def measure(folder: Path, gallery: Gallery, n_mixtures: int) -> dict[str, Any]:
    """Both protocols on the valid split, with the last model of a run; no mixtures where 0."""
    encoders = {"cir": TimbreEncoder.from_pretrained(folder / "last")}
    state = json.loads((folder / "checkpoint" / "state.json").read_text("utf-8"))
    row = {
        "clips": state["clips"],
        "single": evaluate_single_source(encoders, gallery, split="valid")[0]["scores"]["all"],
    }
    if n_mixtures:
        mixture_set = MixtureSet(n_mixtures, split="valid")
        row["mixtures"] = evaluate_mixtures(encoders, gallery, mixture_set)[0]["scores"]
    return row


def describe(name: str, row: Mapping[str, Any]) -> str:
    """A line of Markdown: top-1 / top-5 in % and MRR of mixtures, then of single notes."""
    cells = [name, f"{row['clips']:,}", f"{row['cpu_seconds'] or ''}"]
    for scores in (row.get("mixtures", {}).get("mean"), row["single"]):
        if scores is None:
            cells += ["", ""]
            continue
        top_1, top_5 = (100 * scores[metric]["value"] for metric in ("top_1", "top_5"))
        cells += [f"{top_1:.1f} / {top_5:.1f}", f"{scores['mrr']['value']:.3f}"]
    return "| " + " | ".join(cells) + " |"


def keep(path: Path, name: str, row: Mapping[str, Any]) -> None:
    """Put a lever's row into the file, in place of an earlier one; two may do it at once."""
    with FileLock(path.with_suffix(".lock")):
        rows = json.loads(path.read_text("utf-8")) if path.exists() else {}
        text = json.dumps({**rows, name: row}, indent=1) + "\n"
        with replacing(path) as unfinished:
            unfinished.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
