"""What more instruments, a longer training and a larger network bring: accuracy on single notes.

    python benchmarks/curves.py --cache ../cache [--data bank:$CIR_DATA/surge --data ...]

Trains the stem of `configs/cir-small.yaml` at half its width, once for each point, on nested random
subsets of all training instruments. All else is as in that file. Valid instruments are found by
their other notes, among the reference notes of their source.
A point takes half an hour of one core; an interrupted one goes on where it stopped.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from cir.config import load_config
from cir.datasets.registry import open_dataset
from cir.evaluation.scores import score
from cir.files import replacing
from cir.metrics import target_ranks
from cir.model.conv_ast import ConvAst
from cir.training.feature_cache import FeatureCache
from cir.training.feature_pool import FeaturePool
from cir.training.note_stage import NoteValidation
from cir.training.recipe import RecipeConfig, choose_precision, make_note_stage
from cir.training.stage_loop import run_stage

RECIPE = Path(__file__).parent.parent / "configs" / "cir-small.yaml"
RESULTS = Path(__file__).parent / "results" / "curves.json"
ROW = "row.json"


@dataclass(frozen=True)
class Point:
    """One training."""

    curve: str
    """What is varied."""
    instruments: int
    """Training instruments, their twins without effects not counted; 0: all."""
    notes: int
    """Notes that are heard in training."""
    width: float = 0.5
    """Channels of each stage, relative to the recipe."""

    @property
    def folder(self) -> str:
        """Name of the run."""
        return f"{self.instruments}-{self.notes}-{self.width:g}"


HALF_A_MILLION = 500_000
POINTS = [
    Point("instruments", 0, HALF_A_MILLION),
    Point("instruments", 500, HALF_A_MILLION),
    Point("instruments", 2000, HALF_A_MILLION),
    Point("notes", 0, HALF_A_MILLION // 4),
    Point("size", 0, HALF_A_MILLION, 0.25),
    Point("instruments", 4000, HALF_A_MILLION),
    Point("instruments", 1000, HALF_A_MILLION),
    Point("notes", 0, HALF_A_MILLION * 2),
    Point("size", 0, HALF_A_MILLION, 1.0),
]


def main() -> None:
    """Train missing points, and write all of them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cache", type=Path, required=True, help="where features are kept")
    parser.add_argument("--data", action="append", help="a source; without any, the recipe's")
    parser.add_argument("--runs", type=Path, default=Path("runs/curves"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path, default=RESULTS)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    recipe = load_config(RECIPE, RecipeConfig)
    caches = [
        FeatureCache.open(given.cache, open_dataset(spec), recipe.encoder.bands)
        for spec in given.data or recipe.data
    ]
    whole = FeaturePool.join(caches, [1.0] * len(caches))
    identities = np.concatenate(
        [
            np.char.add(f"{n}/", one.table.ids[one.table.splits == "train"])
            for n, one in enumerate(caches)
        ]
    )
    rows: list[dict[str, Any]] = []
    for point in POINTS:
        row = train_point(point, recipe, whole, identities, caches, given.runs)
        if row is None:
            print("Stopped; the same command goes on.")
            return
        rows.append(row)
        with replacing(given.output) as path:
            path.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def train_point(
    point: Point,
    recipe: RecipeConfig,
    whole: FeaturePool,
    identities: NDArray[np.str_],
    caches: list[FeatureCache],
    runs: Path,
) -> dict[str, Any] | None:
    """Train a point and measure it, or read what was measured; None if interrupted."""
    folder = runs / point.folder
    if (folder / ROW).is_file():
        row: dict[str, Any] = json.loads((folder / ROW).read_text("utf-8"))
        return row | asdict(point)
    encoder = recipe.encoder
    widths = tuple(round(point.width * width) for width in encoder.widths)
    encoder = replace(encoder, widths=widths, n_layers=0)
    config = replace(recipe, encoder=encoder, notes=replace(recipe.notes, examples=point.notes))
    pool, n_instruments = choose_instruments(whole, identities, point.instruments)
    print(f"{point.curve}: {n_instruments} instruments, {point.notes} notes, {widths}", flush=True)
    torch.manual_seed(config.seed)
    network = ConvAst(encoder)
    precision = choose_precision(network, torch.device("cpu"))
    stage = make_note_stage(config, network, pool, caches, precision)
    finished = run_stage(
        stage,
        config.notes,
        folder,
        seed=config.seed,
        device=torch.device("cpu"),
        validate_minutes=60,
    )
    if not finished:
        return None
    row = {
        "trained_instruments": n_instruments,
        "parameters": sum(one.numel() for one in network.notes.parameters())
        + sum(one.numel() for one in network.note_head.parameters()),
        "precision": str(precision).removeprefix("torch."),
        "scores": measure(network, caches),
    }
    with replacing(folder / ROW) as path:
        path.write_text(json.dumps(row), encoding="utf-8")
    return row | asdict(point)


def choose_instruments(
    pool: FeaturePool, identities: NDArray[np.str_], count: int
) -> tuple[FeaturePool, int]:
    """Keep a random subset, which is part of every larger one; twins go with their originals."""
    names = np.unique(identities)
    kept = np.random.default_rng(0).permutation(names)[: count or len(names)]
    chosen = np.flatnonzero(np.isin(identities, kept))
    rows = torch.from_numpy(chosen)
    part = replace(
        pool,
        rows=pool.rows[rows],
        n_notes=pool.n_notes[rows],
        weights=pool.weights[rows],
        plays=pool.plays[rows],
        families=tuple(pool.families[n] for n in chosen),
        sources=tuple(pool.sources[n] for n in chosen),
    )
    return part, len(kept)


def measure(network: ConvAst, caches: Sequence[FeatureCache]) -> dict[str, Any]:
    """Score the valid instruments of each source among its own references, by source."""
    scores = {}
    for cache in caches:
        if "valid" not in cache.table.splits:
            continue
        validation = NoteValidation.of([cache], max(network.config.heard_frames))
        targets = validation.targets.numpy()
        ranks = target_ranks(validation.similarities(network).numpy(), targets)
        found = score(ranks, [str(one) for one in targets], len(validation.references))
        scores[str(cache.table.sources[0])] = found.as_dict()
    return scores


if __name__ == "__main__":
    main()
