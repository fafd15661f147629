"""Time of a model, its copies and models of other sizes to embed a mix of 10 s."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from served_encoders import Int8Encoder, can_compile, compiled_copy
from timing import example_mixes

from cir.audio.dsp import cut_windows, pad_or_trim
from cir.audio.io import load_audio
from cir.instruments.families import FAMILIES
from cir.model.encoder import TimbreEncoder
from cir.model.network_config import AnyConfig, ConvAstConfig, EncoderConfig
from cir.model.pretrained import PatchGrid
from cir.types import SAMPLE_RATE, FloatArray

PEER = "float32"
"""As shipped: float16 on disk, float32 at work, SDPA."""
INT8 = "int8"
COMPILED = "torch.compile"
MIX_SECONDS = 10
LIMIT_MS = 500.0
LEAST_ROUNDS = 3
STORED_BYTES = 2
"""Of a parameter on disk, where matrices are float16."""

_SHIPPED = ConvAstConfig(families=FAMILIES)
_WIDTHS = ((16, 32, 64, 128, 256), (24, 48, 96, 192, 320), (32, 64, 128, 256, 512))
_LAYERS = (2, 6)
_TIME_STRIDES = (16, 32)
_PAPER = EncoderConfig(
    hidden_size=768,
    n_layers=12,
    n_heads=12,
    frequency_stride=12,
    time_stride=12,
    hop_samples=160,
    note_frames=256,
    mixture_frames=1024,
    families=FAMILIES,
)
#: Convolutions and layers over them, coarse and fine, and the paper's AST-base with family queries.
SIZES = (
    *(
        replace(_SHIPPED, widths=widths, n_layers=n_layers, time_stride=stride)
        for widths in _WIDTHS
        for n_layers in _LAYERS
        for stride in _TIME_STRIDES
    ),
    _PAPER,
)


@dataclass(frozen=True, eq=False)
class Question:
    """The query and the number of repetitions."""

    mix: FloatArray
    """At 16 kHz, (T,)."""
    families: Sequence[str]
    repeats: int
    """Rounds, after one that warms up."""
    limit_seconds: float
    """No further round is begun after that, but three are made at least."""


def ask_in_turns(
    encoders: Mapping[str, TimbreEncoder], question: Question
) -> dict[str, dict[str, float]]:
    """Time a query to each encoder, round by round.

    Args:
        encoders: By name; `PEER` is what the others are measured against.
        question: Put to all of them.

    Returns:
        By name: `p50_ms` and `p95_ms` of wall time, the median `speed_up` against the peer within a
        round, `rounds`, and with one thread, of processor time, the median `cpu_ms` and
        `cpu_speed_up`. (Several threads burn processor time while they wait for each other.)
    """
    wall: dict[str, list[float]] = {name: [] for name in encoders}
    cpu: dict[str, list[float]] = {name: [] for name in encoders}
    mixes, families = [question.mix], question.families
    for encoder in encoders.values():
        encoder.embed_mixtures(mixes, SAMPLE_RATE, families)
    begun = time.perf_counter()
    for number in range(question.repeats):
        if number >= LEAST_ROUNDS and time.perf_counter() - begun > question.limit_seconds:
            break
        for name, encoder in encoders.items():
            started, worked = time.perf_counter(), time.process_time()
            encoder.embed_mixtures(mixes, SAMPLE_RATE, families)
            cpu[name].append(1000 * (time.process_time() - worked))
            wall[name].append(1000 * (time.perf_counter() - started))
    figures = {}
    for name, times in wall.items():
        figures[name] = {
            "p50_ms": float(np.percentile(times, 50)),
            "p95_ms": float(np.percentile(times, 95)),
            "speed_up": float(np.median(np.divide(wall[PEER], times))),
            "rounds": len(times),
        }
        if torch.get_num_threads() == 1:
            figures[name]["cpu_ms"] = float(np.median(cpu[name]))
            figures[name]["cpu_speed_up"] = float(np.median(np.divide(cpu[PEER], cpu[name])))
    return figures


def measure_latency(
    encoder: TimbreEncoder, threads: Sequence[int], question: Question
) -> list[dict[str, Any]]:
    """Time a model and its copies, with each number of threads.

    Returns:
        For each: `threads`, `load_average` before and after, `encoders` as `ask_in_turns`.
    """
    encoders = {PEER: encoder, INT8: Int8Encoder(encoder)}
    if can_compile():
        encoders[COMPILED] = compiled_copy(encoder)
    return [_ask_on(count, encoders, question) for count in threads]


def measure_sizes(
    configs: Sequence[AnyConfig], threads: Sequence[int], question: Question
) -> dict[str, Any]:
    """Time untrained models, as they are and in int8, with each number of threads.

    Returns:
        `limit_ms`; `sizes`: for each its `name`, `parameters`, `float16_mb` on disk, `tokens` of
        the mix in all its windows, and `runs` as `measure_latency`; `largest`: the size with most
        parameters, then most tokens, that stays below the limit, for each encoder, number of
        threads and figure, or None.
    """
    sizes = []
    for config in configs:
        encoder = TimbreEncoder.from_config(config)
        encoders = {PEER: encoder, INT8: Int8Encoder(encoder)}
        parameters = sum(one.numel() for one in encoder.network.parameters())
        n_windows = len(cut_windows(question.mix, config.mixture_samples))
        sizes.append(
            {
                "name": _name(config),
                "parameters": parameters,
                "float16_mb": parameters * STORED_BYTES / 1e6,
                "tokens": n_windows * _tokens_of_window(config),
                "runs": [_ask_on(count, encoders, question) for count in threads],
            }
        )
    largest = [
        {
            "encoder": name,
            "threads": count,
            "figure": figure,
            "size": _largest(sizes, name, count, figure),
        }
        for name in (PEER, INT8)
        for count in threads
        for figure in ("p50_ms", "p95_ms", *(("cpu_ms",) if count == 1 else ()))
    ]
    return {"limit_ms": LIMIT_MS, "sizes": sizes, "largest": largest}


def _largest(
    sizes: Sequence[Mapping[str, Any]], encoder: str, threads: int, figure: str
) -> str | None:
    fitting = [
        size
        for size in sizes
        for run in size["runs"]
        if run["threads"] == threads and run["encoders"][encoder][figure] < LIMIT_MS
    ]
    by_size = sorted(fitting, key=lambda size: (size["parameters"], size["tokens"]))
    return str(by_size[-1]["name"]) if by_size else None


def ten_seconds() -> FloatArray:
    """Return the first example mix, (T,) at 16 kHz."""
    audio, _ = load_audio(example_mixes()[0], sample_rate=SAMPLE_RATE)
    return pad_or_trim(audio, MIX_SECONDS * SAMPLE_RATE)


def _ask_on(
    threads: int, encoders: Mapping[str, TimbreEncoder], question: Question
) -> dict[str, Any]:
    torch.set_num_threads(threads)
    before = os.getloadavg()[0]
    figures = ask_in_turns(encoders, question)
    load = [round(before, 1), round(os.getloadavg()[0], 1)]
    return {"threads": threads, "load_average": load, "encoders": figures}


def _tokens_of_window(config: AnyConfig) -> int:
    if isinstance(config, ConvAstConfig):
        return config.n_rows * config.mixture_frames // config.time_stride
    n_rows, n_columns = PatchGrid.of(config).shape
    return 2 + n_rows * n_columns


def _name(config: AnyConfig) -> str:
    """Describe a size, e.g. `conv 256 x 2, hop 20 ms, stride 16`."""
    if isinstance(config, ConvAstConfig):
        kind, hop_samples = "conv", config.bands.hop_samples
    else:
        kind, hop_samples = "AST", config.hop_samples
    hop_ms = 1000 * hop_samples / SAMPLE_RATE
    size = f"{kind} {config.hidden_size} x {config.n_layers}"
    return f"{size}, hop {hop_ms:.0f} ms, stride {config.time_stride}"
