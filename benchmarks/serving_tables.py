"""Results of `serving` as rows of a printed table."""

from collections.abc import Mapping, Sequence
from typing import Any

from serving_accuracy import METRICS

Rows = list[tuple[str, str]]

_GAP = ("", "")


def latency_rows(part: Mapping[str, Any]) -> Rows:
    """Return rows of the model and its copies, for each number of threads."""
    return [_GAP, *(row for run in part["runs"] for row in _run_rows(run))]


def sizes_rows(part: Mapping[str, Any]) -> Rows:
    """Return rows of untrained models, then the largest that fit."""
    rows: Rows = []
    for size in part["sizes"]:
        weights = f"{size['parameters'] / 1e6:.1f} M, {size['float16_mb']:.1f} MB as float16"
        rows += [_GAP, (size["name"], f"{weights}, {size['tokens']} tokens")]
        rows += [row for run in size["runs"] for row in _run_rows(run)]
    rows += [_GAP, (f"largest under {part['limit_ms']:.0f} ms", "")]
    for one in part["largest"]:
        name = f"  {one['encoder']}, {_threads(one['threads'])}, {one['figure']}"
        rows.append((name, one["size"] or "none"))
    return rows


def accuracy_rows(part: Mapping[str, Any]) -> Rows:
    """Return rows of the accuracy of float32 and int8."""
    rows: Rows = []
    for protocol in ("mixtures", "single"):
        one = part[protocol]
        heading = "  ".join(f"{metric:>6}" for metric in METRICS)
        rows += [_GAP, (f"{protocol}, {one['queries']} questions", f"{heading}  %")]
        for name, scores in one["scores"].items():
            for row, metrics in scores.items():
                values = [f"{100 * metrics[metric]['value']:6.1f}" for metric in METRICS]
                rows.append((f"  {name}: {row}", "  ".join(values)))
    rows += [_GAP, ("cosine of int8 to float32", "   min  median")]
    for kind, one in part["cosine"].items():
        figures = f"{one['min']:6.4f}  {one['median']:6.4f}"
        rows.append((f"  {one['count']} embeddings of {kind}", figures))
    return rows


ROWS = {"latency": latency_rows, "sizes": sizes_rows, "accuracy": accuracy_rows}


def all_rows(figures: Mapping[str, Any], parts: Sequence[str]) -> Rows:
    """Join rows of some parts, without the gap above the first."""
    rows = [row for part in parts for row in ROWS[part](figures[part])]
    return rows[1:]


def _run_rows(run: Mapping[str, Any]) -> Rows:
    before, after = run["load_average"]
    title = f"{_threads(run['threads'])}, load {before} to {after}"
    columns = ("p50_ms", "p95_ms", "speed_up", "cpu_ms", "cpu_speed_up")
    rows = [(title, "".join(f"{column:>13}" for column in columns))]
    for name, one in run["encoders"].items():
        figures = [
            f"{one[column]:13.{2 if 'up' in column else 0}f}" for column in columns if column in one
        ]
        rows.append((f"  {name}", "".join(figures)))
    return rows


def _threads(count: int) -> str:
    return f"{count} thread{'s' * (count > 1)}"
