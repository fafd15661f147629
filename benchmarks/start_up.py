"""Measure what a first answer costs: processor seconds, memory, and megabytes of installation.

    python benchmarks/start_up.py [--repeats 5] [--output FILE.json]

Each search is a process of its own, with everything imported and loaded. The peer is the same
search with the model in torch, as every search was until graphs came. The two take turns. An
installation is this package and what it needs, in the environment that runs this, by extra.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from timing import example_mixes, print_report

ROOT = Path(__file__).parent.parent
EXTRAS = ("", "app", "train", "evaluate")
_SERVED = "from cir.cli.main import main; main()"
_IN_TORCH = """
import transformers  # which the network was imported with
import cir.cli.search
from cir.model.encoder import TimbreEncoder
cir.cli.search.load_encoder = TimbreEncoder.from_pretrained
from cir.cli.main import main
main()
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--output", type=Path, help="a JSON file to write")
    arguments = parser.parse_args()
    mix = str(example_mixes()[0])
    calls = {
        "cir search": (_SERVED, "search", mix),
        "cir search, in torch": (_IN_TORCH, "search", mix),
        "cir --help": (_SERVED, "--help"),
    }
    runs: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    for number in range(arguments.repeats + 1):
        for name, (script, *words) in calls.items():
            measured = measure([sys.executable, "-c", script, *words])
            if number:  # the first reads from the disk
                runs[name].append(measured)
    result = {
        "searches": {
            name: {
                "cpu_seconds": round(statistics.median(cpu for cpu, _ in found), 2),
                "peak_mib": round(statistics.median(mib for _, mib in found), 1),
            }
            for name, found in runs.items()
        },
        "megabytes_installed": {extra or "base": installed_megabytes(extra) for extra in EXTRAS},
    }
    rows = [
        (name, f"{one['cpu_seconds']:.2f} CPU seconds, {one['peak_mib']:.0f} MiB at most")
        for name, one in result["searches"].items()
    ]
    rows += [(f"installed: {k}", f"{v} MB") for k, v in result["megabytes_installed"].items()]
    print_report("What a first answer costs", rows, result)
    if arguments.output is not None:
        arguments.output.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def measure(command: Sequence[str]) -> tuple[float, float]:
    """Return the processor seconds of a process and its peak memory in MiB (Unix only)."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} ended with {process.returncode}")
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit


def installed_megabytes(extra: str) -> int:
    """Return the size of this package's files and of all packages that it needs with an extra."""
    waiting = [f"cir-instruments[{extra}]"]
    known: dict[tuple[str, str], None] = {}
    sizes = {"cir-instruments": _bytes_of([path for path in (ROOT / "cir").rglob("*")])}
    requirements = _own_requirements()
    while waiting:
        wanted = Requirement(waiting.pop())
        for one in wanted.extras or {""}:
            if (wanted.name, one) in known:
                continue
            known[wanted.name, one] = None
            if wanted.name == "cir-instruments":
                waiting += requirements[""] + requirements[one]
                continue
            try:
                found = distribution(wanted.name)
            except PackageNotFoundError:
                raise SystemExit(f"{wanted.name} is not installed: run `make install`") from None
            sizes[wanted.name.lower()] = _bytes_of(
                [Path(str(found.locate_file(path))) for path in found.files or ()]
            )
            for text in found.requires or ():
                needed = Requirement(text)
                if needed.marker is None or needed.marker.evaluate({"extra": one}):
                    needed.marker = None
                    waiting.append(str(needed))
    return round(sum(sizes.values()) / 1e6)


def _own_requirements() -> dict[str, list[str]]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {"": project["dependencies"], **project["optional-dependencies"]}


def _bytes_of(paths: Sequence[Path]) -> int:
    return sum(
        path.stat().st_size for path in paths if path.is_file() and "__pycache__" not in path.parts
    )


if __name__ == "__main__":
    main()
