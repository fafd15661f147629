"""Measure the time of a query on a CPU, gain and loss by int8, and feasible model sizes.

python benchmarks/serving.py [--model FOLDER] [--only latency sizes accuracy] [--families bass ...]

The question is a mix of 10 s, the answer its embeddings for all families, or for --families:
log-mels are included, decoding and the index are not. `latency` times the model and its copies,
`sizes` untrained models of other sizes, `accuracy` compares what float32 and int8 find. Each part
is saved as soon as it is there and leaves the others in the file as they are. Without --only,
`latency` is measured once more in the end.

Beside wall time stands the processor time of one thread: what the call takes on a core that it has
for itself, even while other programs keep this one busy. Give two threads two idle cores, though:
on busy ones they wait for each other, many times as long.
"""

import argparse
import json
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from serving_accuracy import measure_accuracy
from serving_latency import (
    MIX_SECONDS,
    SIZES,
    Question,
    measure_latency,
    measure_sizes,
    ten_seconds,
)
from serving_tables import ROWS, all_rows
from timing import print_report

from cir.datasets.note_bank_dataset import NoteBankDataset
from cir.errors import CirError
from cir.evaluation.gallery import Gallery
from cir.evaluation.mixture_stream import MixtureSet
from cir.files import replacing
from cir.instruments.families import FAMILIES
from cir.model.encoder import TimbreEncoder

RESULTS = Path(__file__).parent / "results" / "serving.json"


def main() -> None:
    """Measure, save and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", help="folder or Hub id; default: the bundled model")
    parser.add_argument("--data", type=Path, default=Path("$CIR_DATA/surge"), help="a note bank")
    parser.add_argument(
        "--only", choices=ROWS, nargs="+", help="measure these parts, in this order"
    )
    parser.add_argument(
        "--families", choices=FAMILIES, nargs="+", default=FAMILIES, help="asked for"
    )
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=30, help="of a question to a model")
    parser.add_argument("--limit", type=float, default=30.0, help="of seconds for these repeats")
    parser.add_argument("--mixtures", type=int, default=1000, help="to search, for the accuracy")
    parser.add_argument("--seed", type=int, default=0, help="of the mixtures and the intervals")
    parser.add_argument("-o", "--output", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    try:
        figures = measure(arguments, arguments.only or [*ROWS, "latency"])
    except CirError as error:
        raise SystemExit(str(error)) from error
    rows = all_rows(figures, arguments.only or list(ROWS))
    print_report(f"Embedding a mix of {MIX_SECONDS} s on a CPU", rows, figures)


def measure(arguments: argparse.Namespace, parts: Sequence[str]) -> dict[str, Any]:
    """Measure and save each part.

    Raises:
        CirError: The model or the data cannot be read.
    """
    encoder = TimbreEncoder.from_pretrained(arguments.model, device="cpu")
    question = Question(
        ten_seconds(), arguments.families, arguments.repeats, limit_seconds=arguments.limit
    )
    runs: list[dict[str, Any]] = []
    figures: dict[str, Any] = {}
    for part in parts:
        found: dict[str, Any] = {"conditions": conditions()}
        if part == "latency":
            runs += measure_latency(encoder, arguments.threads, question)
            found |= {
                "encoder": encoder.identity,
                "families": list(question.families),
                "runs": runs,
            }
        elif part == "sizes":
            found["families"] = list(question.families)
            found |= measure_sizes(SIZES, arguments.threads, question)
        else:
            torch.set_num_threads(1)
            gallery = Gallery([NoteBankDataset(arguments.data)])
            mixture_set = MixtureSet(arguments.mixtures, arguments.seed)
            found |= {"encoder": encoder.identity}
            found |= measure_accuracy(encoder, gallery, mixture_set)
        figures = save(arguments.output, part, found)
    return figures


def conditions() -> dict[str, object]:
    """Return properties of the machine and versions of packages."""
    return {
        "cores": os.cpu_count(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "quantized_engine": torch.backends.quantized.engine,
        "niceness": os.nice(0),
        "load_average": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }


def save(path: Path, part: str, found: Mapping[str, object]) -> dict[str, Any]:
    """Write a part into the file of results, and return all its parts."""
    figures = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    figures = {**figures, part: dict(found)}
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return figures


if __name__ == "__main__":
    main()
