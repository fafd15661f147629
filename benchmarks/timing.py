"""Medians of repeated calls, and tables with JSON, for the benchmarks."""

import json
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

EXAMPLES = Path(__file__).parent.parent / "cir" / "assets" / "examples"


def example_mixes() -> list[Path]:
    """Return the example mixes of 10 s."""
    mixes = sorted(EXAMPLES.glob("*.flac"))
    if not mixes:
        raise SystemExit(
            f"No example mixes in {EXAMPLES}: run this from a clone of the repository."
        )
    return mixes


def interleaved_medians(
    calls: Mapping[str, Callable[[], object]],
    *,
    repeats: int,
    warm_up: int = 1,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Return median seconds of each call; calls take turns, so that load affects all equally."""
    for call in calls.values():
        for _ in range(warm_up):
            call()
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            started = clock()
            call()
            seconds[name].append(clock() - started)
    return {name: statistics.median(values) for name, values in seconds.items()}


def print_report(
    title: str, rows: Sequence[tuple[str, str]], figures: Mapping[str, object]
) -> None:
    """Print a table, then a line of JSON."""
    width = max(len(name) for name, _ in rows)
    print(f"{title} ({platform.machine()}, Python {platform.python_version()})")
    for name, value in rows:
        print(f"  {name:<{width}}  {value}")
    print(json.dumps(dict(figures)))
