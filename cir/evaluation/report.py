"""Results of the protocols as a table to read and as JSON to keep."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

_HEAD = "| queries | encoder | n | candidates | top-1 % | top-5 % | MRR | median rank |"
_RULE = "|---|---|---:|---:|---|---|---|---|"

#: Factor and format of each figure.
_FIGURES = {
    "top_1": (100.0, ".1f"),
    "top_5": (100.0, ".1f"),
    "mrr": (1.0, ".3f"),
    "median_rank": (1.0, ".1f"),
}


def to_json(results: Sequence[Mapping[str, Any]]) -> str:
    """Write the results of one or more encoders, `{"results": [...]}`."""
    return json.dumps({"results": list(results)}, indent=2, ensure_ascii=False, allow_nan=False)


def to_markdown(results: Sequence[Mapping[str, Any]]) -> str:
    """Lay out what one or more encoders reached on the same queries, beside each other.

    Args:
        results: Of one protocol; an encoder is called by its result's `name`, where it has one.
    """
    lines = [_title(results[0]), "", _HEAD, _RULE]
    for row, scores in results[0]["scores"].items():
        for result in results:
            measured = [_with_interval(result["scores"][row][name], name) for name in _FIGURES]
            lines.append(_line(row, result.get("name", result["encoder"]), scores, measured))
        chance = [_format(scores[name]["chance"], name) for name in _FIGURES]
        lines.append(_line(row, "chance", scores, chance))
    lines += [
        "",
        "In brackets: 95 % intervals, for other test instruments than these; none for one alone.",
        "A tie counts against the encoder. Chance: the candidates in random order.",
    ]
    return "\n".join(lines) + "\n"


def _title(result: Mapping[str, Any]) -> str:
    settings = result["settings"]
    if result["protocol"] == "mixtures":
        return (
            f"{settings['mixtures']} mixtures of {settings['seconds']:g} s, instruments of the "
            f"{settings['split']} split against all references of their family, "
            f"seed {settings['seed']}"
        )
    return (
        f"Single notes of the {settings['split']} split against all references, "
        f"seed {settings['seed']}"
    )


def _line(row: str, encoder: str, scores: Mapping[str, Any], figures: Sequence[str]) -> str:
    cells = [row, encoder, str(scores["queries"]), f"{scores['candidates']:.0f}", *figures]
    return f"| {' | '.join(cells)} |"


def _with_interval(estimate: Mapping[str, Any], name: str) -> str:
    value, low, high = estimate["value"], estimate["low"], estimate["high"]
    if low is None:
        return _format(value, name)
    return f"{_format(value, name)} [{_format(low, name)}, {_format(high, name)}]"


def _format(value: float, name: str) -> str:
    factor, digits = _FIGURES[name]
    return format(factor * value, digits)
