"""Train on a GPU that nothing can be fetched from, on what `pack` wrote.

python -m benchmarks.gpu.run smoke --data FOLDER --out OUT
python -m benchmarks.gpu.run train --data FOLDER --out OUT --minutes 8 --from CHECKPOINT

smoke takes a few steps of each stage, prints their speed and their share of what the chip can do,
validates once, saves once. train ends by the clock, loading and validations included.
"""

import argparse
import sys
import time
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import get_type_hints

import torch

from benchmarks.gpu.parts import Pack, read_pack
from benchmarks.gpu.replay import ReplayedOptimiser, Steps, run_steps
from benchmarks.gpu.shards import load_weights, save_shards, save_weights
from benchmarks.gpu.speed import count_flops, host_waits, measure
from benchmarks.gpu.stages import (
    TINY,
    Sizes,
    compile_trained,
    make_mixture_stage,
    make_network,
    make_note_stage,
    make_pool,
    mixture_kinds,
    note_kinds,
    stage_config,
)
from cir.errors import CirError, InputError
from cir.model.conv_ast import ConvAst
from cir.training.feature_pool import FeaturePool
from cir.training.mixture_stage import MixtureStage
from cir.training.note_stage import NoteStage

PEAK_TFLOPS = 790.0
"""Of bf16 matrix products, measured on the H100 and the H200."""
STAGES = ("notes", "mixtures")
_SAVE_SECONDS = 3.0
"""Kept for what comes after the last validation."""
_LEAST_SECONDS = 0.5


class Watched:
    """A stage whose weights and log come back whenever it is validated."""

    def __init__(self, name: str, run: "Run") -> None:
        self._run = run
        self.name = name
        make = make_note_stage if name == "notes" else make_mixture_stage
        self.stage: NoteStage | MixtureStage = make(
            run.sizes, run.pack, run.pool, run.network, torch.bfloat16
        )
        self.config = stage_config(run.sizes, name)
        self.weights = run.work / f"{name}.safetensors"

    def steps(self) -> Steps:
        """Record its steps."""
        stage, seed = self.stage, self._run.seed
        kinds = note_kinds(stage) if isinstance(stage, NoteStage) else mixture_kinds(stage, seed)
        return Steps(kinds, ReplayedOptimiser(stage.optimiser, self.config), seed)

    def validate(self) -> dict[str, float]:
        """Validate without compiling for its shapes, and save what is to come back."""
        with torch.compiler.set_stance("force_eager"):
            scores = self.stage.validate()
        save_shards(self._run.out, self.stage.network, with_mixtures=self.name == "mixtures")
        save_weights(self.weights, self.stage.network)
        return scores

    def log(self, done: float, examples: int, values: Mapping[str, float]) -> None:
        """Print a line, and write it into the log that comes back."""
        words = " ".join(f"{name} {value:.4g}" for name, value in values.items())
        self._run.tell(f"{self.name} {done:6.1%} {examples}: {words}")
        with (self._run.out / f"{self.name}-log.csv").open("a", encoding="utf-8") as file:
            for name, value in values.items():
                file.write(
                    f"{examples},{time.monotonic() - self._run.began:.1f},{name},{value:.6g}\n"
                )


class Run:
    """What both commands begin with."""

    def __init__(self, given: argparse.Namespace) -> None:
        self.began = time.monotonic()
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        prepare(self.device)
        self.sizes = parse_sizes([*(TINY if given.tiny else ()), *given.size])
        self.pack: Pack = read_pack(given.data)
        self.tell(f"{', '.join(self.pack.caches)} read")
        self.pool: FeaturePool = make_pool(self.sizes, self.pack, self.device)
        torch.manual_seed(given.seed)
        self.network: ConvAst = make_network(self.sizes, self.pack).to(self.device)
        self.begun = given.start is not None and load_weights(given.start, self.network)
        self.compiled: bool = given.compile
        self.seed: int = given.seed
        self.out: Path = given.out
        self.work: Path = given.work
        self.out.mkdir(parents=True, exist_ok=True)
        self.work.mkdir(parents=True, exist_ok=True)
        n_parameters = sum(one.numel() for one in self.network.parameters())
        self.tell(
            f"{len(self.pool.families)} instruments and {len(self.pool.levels)} notes to train on, "
            f"{self.pool.levels.nbytes / 2**30:.1f} GiB; {n_parameters / 1e6:.1f} M parameters"
        )

    def tell(self, text: str) -> None:
        """Say something, with the seconds since the start."""
        print(f"[{time.monotonic() - self.began:6.1f} s] {text}", flush=True)

    def stage(self, name: str, *, compiled: bool) -> Watched:
        """Make a stage of the network as it is."""
        if name == "mixtures" and not self.begun:
            self.network.begin_mixtures()
            self.begun = True
        compile_trained(self.network, name if compiled else "")
        return Watched(name, self)


def smoke(run: Run, given: argparse.Namespace) -> None:
    """A few steps of each stage, replayed: as it is and, if asked for, compiled."""
    for name in STAGES if given.stage is None else (given.stage,):
        flops = None
        for compiled in (False, True) if run.compiled else (False,):
            watched = run.stage(name, compiled=compiled)
            began = time.monotonic()
            if flops is None:
                flops = count_flops(watched.stage, run.device)
                waits = host_waits(watched.stage, run.device)
                run.tell(f"{name}: the host waits {len(waits)} times {sorted(set(waits))[:8]}")
            steps = watched.steps()
            run.tell(f"{name}: recorded in {time.monotonic() - began:.1f} s")
            seconds = measure(steps, run.device, given.steps)
            run.tell(
                f"{name}{', compiled' if compiled else ''}: "
                f"{watched.stage.batch_size / seconds:.0f} a second in batches of "
                f"{watched.stage.batch_size}, {1000 * seconds:.1f} ms and {flops / 1e12:.3f} TFLOP "
                f"a step, {flops / seconds / (given.peak * 1e12):.2%} of {given.peak:g} TFLOP/s"
            )
        began = time.monotonic()
        scores = watched.validate()
        run.tell(f"{name}: validated and saved in {time.monotonic() - began:.1f} s: {scores}")
    if run.device.type == "cuda":
        run.tell(f"{torch.cuda.max_memory_allocated() / 2**30:.1f} GiB of the GPU at most")


def train(run: Run, given: argparse.Namespace) -> None:
    """One stage, or both in turn, until the minutes are over."""
    names = STAGES if given.stage is None else (given.stage,)
    for number, name in enumerate(names):
        last = number == len(names) - 1
        end = 60 * given.minutes * (1.0 if last else given.notes_share)
        if name == "notes":
            run.begun = False  # what mixtures had learned was of other notes
        watched = run.stage(name, compiled=run.compiled)
        steps = watched.steps()
        run.tell(f"{name}: steps recorded")
        began = time.monotonic()
        run.tell(f"{name} before: {watched.validate()}")
        validation = time.monotonic() - began
        left = end - (time.monotonic() - run.began) - validation - _SAVE_SECONDS
        n_validations = max(0, int(left / (given.validate_seconds + validation)))
        run_steps(
            steps,
            watched.config,
            watched.stage.batch_size,
            max(_LEAST_SECONDS, left - n_validations * validation),
            validate=watched.validate,
            validate_seconds=given.validate_seconds,
            log=watched.log,
        )
        run.tell(f"{name} done; its weights to go on from are {watched.weights} on this machine")


def parse_sizes(pairs: list[str]) -> Sizes:
    """Sizes from name=value.

    Raises:
        InputError: A name is unknown, or a value of the wrong kind.
    """
    kinds = get_type_hints(Sizes)
    values: dict[str, object] = {}
    for pair in pairs:
        name, _, text = pair.partition("=")
        try:
            kind = kinds[name]
            is_list = kind not in (int, float)
            values[name] = tuple(map(int, text.split(","))) if is_list else kind(text)
        except (KeyError, ValueError) as error:
            allowed = ", ".join(one.name for one in fields(Sizes))
            raise InputError(f"{pair!r} is no size; give name=number, of {allowed}.") from error
    return Sizes(**values)  # type: ignore[arg-type]


def prepare(device: torch.device) -> None:
    """Let what stays in float32 be multiplied in TF32."""
    torch.set_float32_matmul_precision("high")
    if device.type == "cuda":
        torch.backends.cudnn.allow_tf32 = True


def read_arguments(words: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("smoke", "train"):
        command = commands.add_parser(name)
        command.add_argument("--data", type=Path, required=True, help="folder of the parts")
        command.add_argument("--out", type=Path, required=True, help="weights and log to come back")
        command.add_argument("--work", type=Path, default=Path("/tmp/cir-gpu"), help="checkpoints")
        command.add_argument("--stage", choices=STAGES, help="one alone")
        command.add_argument("--from", dest="start", type=Path, help="weights to start from")
        command.add_argument("--size", action="append", default=[], metavar="NAME=VALUE")
        command.add_argument("--compile", action="store_true", help="what is trained")
        command.add_argument("--seed", type=int, default=0)
        command.add_argument("--tiny", action="store_true", help="for a processor")
    commands.choices["smoke"].add_argument("--steps", type=int, default=20)
    commands.choices["smoke"].add_argument("--peak", type=float, default=PEAK_TFLOPS)
    commands.choices["train"].add_argument("--minutes", type=float, required=True)
    commands.choices["train"].add_argument("--notes-share", type=float, default=0.41)
    commands.choices["train"].add_argument("--validate-seconds", type=float, default=60.0)
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    """Run a command; give its exit code."""
    given = read_arguments(words)
    try:
        if given.command == "train":
            train(Run(given), given)
        else:
            smoke(Run(given), given)
    except CirError as error:
        print(f"run: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
