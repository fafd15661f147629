"""Compare training on Surge's presets, on as many generated presets, and on both.

python benchmarks/generated_instruments.py --generated runs/vital-notes [--data FOLDER]

Trains one small encoder on pairs of notes of each set of instruments, with the same number of
sounds seen, and measures single notes of Surge's test split against all references. The generated
ones are a note bank that `cir render-notes generated:COUNT` wrote; the patches of Surge are as many
of each family, drawn from its train split.
"""

import argparse
import csv
import json
import random
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from cir.datasets.note_bank_dataset import NoteBankDataset
from cir.evaluation.gallery import Gallery
from cir.evaluation.single import evaluate_single_source
from cir.files import replacing
from cir.instruments.note_bank import NoteBank
from cir.model.ast_config import EncoderConfig
from cir.model.encoder import TimbreEncoder
from cir.training.loop import train
from cir.training.run_config import TrainingConfig

ENCODER = EncoderConfig(hidden_size=128, n_layers=4, n_heads=4)
LOSSES = {"pair_infonce": 1.0, "pair_triplet": 1.0}


def main() -> None:
    """Train three times, measure, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--generated", type=Path, required=True, help="a note bank")
    parser.add_argument("--data", type=Path, default=Path("$CIR_DATA/surge"), help="a note bank")
    parser.add_argument("--steps", type=int, default=1000, help="of 16 pairs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    surge, generated = NoteBank.open(arguments.data), NoteBank.open(arguments.generated)
    wanted = Counter(row.family for row in generated.instruments)
    results = {}
    with TemporaryDirectory() as work:
        few = take(surge, Counter(dict.fromkeys(wanted, 1)), Path(work) / "few", arguments.seed)
        many = take(surge, wanted, Path(work) / "surge", arguments.seed)
        sets = {
            "Surge": ((f"bank:{many}",), ()),
            # Surge's valid split chooses the checkpoint; what comes with it is not drawn.
            "generated": ((f"bank:{few}", f"bank:{arguments.generated}"), (0.0, 1.0)),
            "both": ((f"bank:{many}", f"bank:{arguments.generated}"), ()),
        }
        for name, (data, weights) in sets.items():
            config = TrainingConfig(
                task="pairs",
                seed=arguments.seed,
                data=data,
                data_weights=weights,
                encoder=ENCODER,
                losses=LOSSES,
                batch_size=16,
                total_steps=arguments.steps,
                warmup_steps=arguments.steps // 10,
                decay_steps=arguments.steps // 2,
                validate_every_steps=arguments.steps // 2,
                trackers=(),
            )
            best = train(config, Path(work) / f"run-{name}")
            gallery = Gallery([NoteBankDataset(arguments.data)])
            encoders = {"cir": TimbreEncoder.from_pretrained(best)}
            (scores,) = evaluate_single_source(encoders, gallery)
            results[name] = scores["scores"]["all"]
            top_1, top_5 = (results[name][metric] for metric in ("top_1", "top_5"))
            for metric, figures in (("top-1", top_1), ("top-5", top_5)):
                low, value, high = (100 * figures[key] for key in ("low", "value", "high"))
                print(f"{name}: {metric} {value:.1f} % [{low:.1f}, {high:.1f}]", flush=True)
    if arguments.output is not None:
        found = {"instruments": sum(wanted.values()), "steps": arguments.steps, "scores": results}
        with replacing(arguments.output) as path:
            path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def take(bank: NoteBank, wanted: Counter[str | None], folder: Path, seed: int) -> Path:
    """Write a bank of some training instruments of each family and the whole valid split."""
    generator = random.Random(seed)
    chosen = {row.instrument_id for row in bank.instruments if row.split == "valid"}
    for family, count in wanted.items():
        members = [r.instrument_id for r in bank.instruments if r.family == family]
        train_split = [name for name in members if bank[name].split == "train"]
        chosen.update(generator.sample(train_split, min(count, len(train_split))))
    folder.mkdir()
    (folder / "notes").symlink_to((bank.folder / "notes").resolve())
    for name in ("instruments.csv", "notes.csv"):
        with (bank.folder / name).open(newline="", encoding="utf-8") as source:
            reader = csv.DictReader(source)
            rows = [row for row in reader if row["instrument_id"] in chosen]
        with (folder / name).open("w", newline="", encoding="utf-8") as target:
            writer = csv.DictWriter(target, list(reader.fieldnames or ()))
            writer.writeheader()
            writer.writerows(rows)
    return folder


if __name__ == "__main__":
    main()
