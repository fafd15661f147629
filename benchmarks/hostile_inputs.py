"""Pass hostile inputs to the library, and count tracebacks and excessive use of time and memory.

python benchmarks/hostile_inputs.py [--count 2100] [--seed 0] [-o benchmarks/results/hostile.json]

Damaged and malicious archives, exports, tables, configurations, tensors, sound fonts, presets, note
banks, models and sounds are made from a seed and passed to functions of the library. Errors other
than `CirError`, more than ten seconds of processor time and more than a gigabyte of memory are
counted; none is expected.
"""

import argparse
import json
import resource
import shutil
import sys
import tempfile
import traceback
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from hostile_kinds import Kind, kinds, model_kind

from cir.errors import CirError

MAX_SECONDS = 10.0
MAX_BYTES = 1 << 30


@dataclass
class Count:
    """Outcomes of the inputs of a kind."""

    inputs: int = 0
    refused: int = 0
    """Inputs refused with a `CirError`; the others were harmless."""
    tracebacks: int = 0
    slow: int = 0
    large: int = 0
    longest_seconds: float = 0.0


def measure(kind: Kind, name: str, seed: int, numbers: range, workspace: Path) -> Count:
    """Make some inputs, by number, and pass them to the library."""
    count = Count()
    for number in numbers:
        folder = workspace / "input"
        folder.mkdir(parents=True)
        generator = np.random.default_rng([seed, number, *name.encode()])
        path = kind.make(folder, generator)
        began = _cpu_seconds()
        try:
            kind.enter(path)
        except CirError as error:
            count.refused += 1
            if "\n" in str(error):
                print(f"{name} {number}: more than a line", file=sys.stderr)
                count.tracebacks += 1
        except Exception:
            print(f"{name} {number}:\n{traceback.format_exc()}", file=sys.stderr)
            count.tracebacks += 1
        seconds = _cpu_seconds() - began
        count.inputs += 1
        count.slow += seconds > MAX_SECONDS
        count.large += peak_bytes() > MAX_BYTES
        count.longest_seconds = max(count.longest_seconds, round(seconds, 2))
        shutil.rmtree(folder)
    return count


def peak_bytes() -> int:
    """Return the peak memory of this process and those that it started."""
    return max(1024 * resource.getrusage(who).ru_maxrss for who in _WHOSE)


_WHOSE = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)


def _cpu_seconds() -> float:
    usages = [resource.getrusage(who) for who in _WHOSE]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _all_kinds(base: Path) -> Iterator[tuple[str, Kind]]:
    yield from kinds(base).items()
    yield "model", model_kind(base)


def main() -> None:
    """Measure all kinds and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2_100, help="inputs of all kinds together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", help="only this one")
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        workspace = Path(name)
        chosen = [
            pair for pair in _all_kinds(workspace / "base") if arguments.kind in (None, pair[0])
        ]
        each = range(-(-arguments.count // len(chosen)))
        counts = {}
        for kind_name, kind in chosen:
            counts[kind_name] = asdict(measure(kind, kind_name, arguments.seed, each, workspace))
            print(f"{kind_name}: {counts[kind_name]}", flush=True)
    whole = {key: sum(one[key] for one in counts.values()) for key in ("inputs", "refused")}
    whole |= {
        key: sum(one[key] for one in counts.values()) for key in ("tracebacks", "slow", "large")
    }
    whole["peak_mb"] = peak_bytes() >> 20
    print(whole)
    if arguments.output is not None:
        document = {"seed": arguments.seed, "all": whole, "kinds": counts}
        arguments.output.write_text(json.dumps(document, indent=2) + "\n")
    sys.exit(bool(whole["tracebacks"] or whole["slow"] or whole["large"]))


if __name__ == "__main__":
    main()
