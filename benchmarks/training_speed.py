"""The speed of training: our two stages, our audio path, and the straightforward one, in one run.

python benchmarks/training_speed.py [--data FOLDER] [--frames 1024 512] [--threads 1]

The two stages of `configs/cir-small.yaml` are measured against the audio path as it trained the
model before them; `training_stages.py` says how sounds are counted. The audio path, which trains
the paper's rows, is measured against the straightforward one: same plans, sizes and starting
weights.

The data path goes from notes on disk to log-mels on the device, the whole step on through forward
pass, full triplet loss, backward pass and AdamW. Neither path has worker processes or prefetches:
with --threads 1 both have one core. What `straightforward.py` does is described there; ours reads
notes once into an int16 file that is mapped into memory, makes log-mels in torch, lets notes be as
short as they are and, on a GPU, trains in bf16. Where torchaudio is installed,
transformers' feature extractor uses it and is some five times as fast; the table says which it was.
"""

import argparse
import json
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import transformers
from straightforward import NoteFile, RenderedNotes
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
from timing import print_report
from training_paths import STAGES, OurPath, StraightforwardPath, compare
from training_stages import BEFORE, measure_stages
from transformers.utils import is_speech_available  # type: ignore[attr-defined]

from cir.config import load_config
from cir.errors import CirError
from cir.files import replacing
from cir.mixtures.mixture_config import PAPER_FAMILIES
from cir.mixtures.pool import NotePool
from cir.mixtures.pool_notes import decode_datasets
from cir.model.ast_config import EncoderConfig
from cir.training.recipe import RecipeConfig
from cir.training.run_config import TrainingConfig
from cir.training.sampler import BatchSampler

RECIPE = Path(__file__).parent.parent / "configs" / "cir-small.yaml"
#: With AST's frame shift of 10 ms: transformers' feature extractor knows no other.
MODELS = {
    "small": EncoderConfig(hop_samples=160, note_frames=256, mixture_frames=1024),
    "base": EncoderConfig(
        hidden_size=768,
        n_layers=12,
        n_heads=12,
        frequency_stride=12,
        time_stride=12,
        hop_samples=160,
        note_frames=256,
        mixture_frames=1024,
    ),
}


def prepare(bank: Path, work: Path, n_instruments: int) -> tuple[NotePool, list[NoteFile]]:
    """Render the notes of so many instruments of each family, and make a pool of what was rendered.

    Raises:
        CirError: The bank cannot be read.
    """
    dataset = RenderedNotes(bank, work, n_instruments)
    decoded = decode_datasets([dataset], split="train", families=PAPER_FAMILIES)
    pool = NotePool.build(work / "pool", decoded)
    files = [
        NoteFile(dataset.path(instrument.instrument_id, number), float(pool.gains[row]))
        for instrument in pool.instruments
        for number, row in enumerate(instrument.rows)
    ]
    return pool, files


def measure(
    pool: NotePool,
    files: Sequence[NoteFile],
    config: TrainingConfig,
    n_steps: int,
    device: torch.device,
) -> dict[str, Any]:
    """Clips per second of both paths at every stage: medians of steps, the paths taking turns.

    Raises:
        CirError: The pool is too small for the batches.
    """
    torch.manual_seed(config.seed)
    sampler = BatchSampler(pool, config)
    ours = OurPath(pool, sampler, config, device)
    theirs = StraightforwardPath(files, sampler, config.encoder, device)
    plans = [sampler.mixtures(number) for number in range(n_steps + 1)]
    differences = compare(ours, theirs, plans[0])
    pairs = [(ours.step(number), theirs.step(number)) for number in range(n_steps + 1)]
    n_clips = len(plans[0].mixtures) + sum(map(len, plans[0].note_rows))
    speeds, speed_ups = {}, {}
    for stage in STAGES:
        # The first step warms up.
        seconds = [(getattr(one, stage), getattr(other, stage)) for one, other in pairs[1:]]
        speeds[stage] = {
            "ours": n_clips / statistics.median(one for one, _ in seconds),
            "straightforward": n_clips / statistics.median(other for _, other in seconds),
        }
        # Of neighbouring steps, which a busy moment hits alike.
        speed_ups[stage] = statistics.median(other / one for one, other in seconds)
    stems = [stem for plan in plans for one in plan.mixtures for stem in one.stems]
    n_mixtures = sum(len(plan.mixtures) for plan in plans)
    return {
        "mixture_seconds": config.encoder.mixture_seconds,
        "note_seconds": config.encoder.note_seconds,
        "notes_per_mixture": round(sum(len(stem.notes) for stem in stems) / n_mixtures, 1),
        "clips_per_step": n_clips,
        "steps": n_steps,
        "clips_per_second": speeds,
        "speed_up": speed_ups,
        "differences": differences,
        "parameters": sum(one.numel() for one in theirs.training.model.parameters()),
        "attention": {
            "ours": ours.objective.network.ast.config._attn_implementation,
            "straightforward": theirs.training.model.config._attn_implementation,
        },
        "encoder": asdict(config.encoder),
    }


def main() -> None:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("$CIR_DATA/surge"), help="a note bank")
    parser.add_argument(
        "--cache", type=Path, default=Path("runs/cache"), help="of features, of training runs too"
    )
    parser.add_argument("--instruments", type=int, default=20, help="of each of three families")
    parser.add_argument("--mixtures", type=int, default=6, help="in a batch, with 3 notes each")
    parser.add_argument("--steps", type=int, default=9, help="that medians are of")
    parser.add_argument("--model", choices=MODELS, default="small", help="base: AST's own size")
    parser.add_argument(
        "--frames", type=int, nargs="+", default=[1024, 512], help="of 10 ms, in a mixture"
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("-o", "--output", type=Path, help="save the figures as JSON")
    arguments = parser.parse_args()
    has_gpu = arguments.device != "cpu" and torch.cuda.is_available()
    if arguments.device == "cuda" and not has_gpu:
        raise SystemExit("There is no GPU here that torch can use; try --device cpu.")
    device = torch.device("cuda" if has_gpu else "cpu")
    torch.set_num_threads(arguments.threads)
    with TemporaryDirectory() as work, threadpool_limits(arguments.threads):
        try:
            pool, files = prepare(arguments.data, Path(work), arguments.instruments)
            runs = []
            for frames in arguments.frames:
                config = TrainingConfig(
                    encoder=replace(MODELS[arguments.model], mixture_frames=frames),
                    losses={"full_triplet": 1.0},
                    batch_size=arguments.mixtures,
                )
                runs.append(measure(pool, files, config, arguments.steps, device))
            recipe = replace(
                load_config(RECIPE, RecipeConfig), data=(f"bank:{arguments.data}",), data_weights=()
            )
            stages = measure_stages(pool, BEFORE, recipe, arguments.cache, arguments.steps, device)
        except CirError as error:
            raise SystemExit(str(error)) from error
    figures = {
        "conditions": {
            **_conditions(device),
            "instruments": len(pool.instruments),
            "files": len(files),
        },
        "runs": runs,
        "stages": stages,
    }
    _print(figures)
    if arguments.output is not None:
        with replacing(arguments.output) as path:
            path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def _conditions(device: torch.device) -> dict[str, object]:
    on_gpu = device.type == "cuda"
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "device": torch.cuda.get_device_name(device) if on_gpu else "cpu",
        "precision": {"ours": "bf16" if on_gpu else "float32", "straightforward": "float32"},
        "feature_extractor": "torchaudio" if is_speech_available() else "numpy",
        "threads": torch.get_num_threads(),
        "load_average": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }


def _processor() -> str:
    """Its name where the system tells it."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _print(figures: Mapping[str, Any]) -> None:
    conditions, runs = figures["conditions"], figures["runs"]
    encoder, parameters = runs[0]["encoder"], runs[0]["parameters"] / 1e6
    rows = [
        ("processor", f"{conditions['processor']}, load {conditions['load_average']}"),
        ("model", f"AST {encoder['hidden_size']} x {encoder['n_layers']}, {parameters:.1f} M"),
        ("torch", conditions["torch"]),
        ("transformers", f"{conditions['transformers']}, {conditions['feature_extractor']} mels"),
    ]
    for run in runs:
        rows += [
            ("", ""),
            (
                f"{run['clips_per_step']} clips a step",
                f"mixtures {run['mixture_seconds']:.1f} s, of {run['notes_per_mixture']} notes; "
                f"notes {run['note_seconds']:.1f} s",
            ),
            ("attention", ", ".join(f"{name}: {kind}" for name, kind in run["attention"].items())),
            ("apart", ", ".join(f"{name} {one:.0e}" for name, one in run["differences"].items())),
            ("clips/s", f"{'ours':>9} {'straightforward':>16}"),
        ]
        for stage, one in run["clips_per_second"].items():
            speeds = f"{one['ours']:9.1f} {one['straightforward']:16.1f}"
            rows.append((stage.replace("_", " "), f"{speeds} {run['speed_up'][stage]:7.1f} x"))
    stages = figures["stages"]
    rows += [
        ("", ""),
        ("stages", f"{stages['parameters']['stages'] / 1e6:.1f} M, {stages['precision']}"),
        ("audio path", f"{stages['parameters']['audio'] / 1e6:.1f} M"),
        ("sounds/s", f"{'stage':>9} {'audio path':>16}"),
    ]
    for name, speed_up in stages["speed_up"].items():
        speed, audio = (stages["sounds_per_second"][one] for one in (name, "audio"))
        rows.append((name, f"{speed:9.1f} {audio:16.1f} {speed_up:7.1f} x"))
    print_report(
        f"Training on {conditions['device']}, {conditions['threads']} threads, "
        f"median of {runs[0]['steps']} steps",
        rows,
        figures,
    )


if __name__ == "__main__":
    main()
