"""Numbers and names as text for tables, sentences and charts."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

_FIGURES = {
    "top_1": (100.0, ".1f"),
    "top_5": (100.0, ".1f"),
    "mrr": (1.0, ".3f"),
    "median_rank": (1.0, ".1f"),
    "auroc": (1.0, ".3f"),
    "ece": (1.0, ".3f"),
}
"""Factor and format of each figure."""

_ACCURACIES = ("top_1", "top_5")

FIGURE_HEADS: Mapping[str, str] = {
    "top_1": "top-1 %",
    "top_5": "top-5 %",
    "mrr": "MRR",
    "median_rank": "median rank",
}
"""Column heads of the figures, in order."""

NOTHING = "–"

_ROW_NAMES = {
    "mean": "mean of the families",
    "all": "all notes",
    "none": "no family",
    "all_with_references": "reference notes among the queries (the paper's way)",
}

# Markdown's markup; an underscore within a word is not markup.
_MARKUP = re.compile(r"([\\`*|<\[\]~&])|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")


def count(number: float) -> str:
    """Write a count: `5 000`."""
    return f"{round(number):,}".replace(",", " ")


def things(number: float, singular: str, plural: str = "") -> str:
    """Write a count with its noun: `1 note`, `5 000 notes`."""
    return f"{count(number)} {singular if round(number) == 1 else plural or singular + 's'}"


def listed(words: Sequence[str]) -> str:
    """Join words as in a sentence: `a, b and c`."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def percent(share: float) -> str:
    """Write a share in [0, 1] as a percentage, without its sign."""
    return f"{100 * share:.1f}"


def with_interval(estimate: Mapping[str, Any], name: str) -> str:
    """Write a figure and its interval, if it has one: `16.7 [11.7, 21.6]`."""
    value, low, high = estimate["value"], estimate.get("low"), estimate.get("high")
    if low is None or high is None:
        return _format(value, name)
    return f"{_format(value, name)} [{_format(low, name)}, {_format(high, name)}]"


def headline_figure(estimate: Mapping[str, Any], name: str) -> str:
    """Write an accuracy with its interval, any other figure alone to keep tables narrow."""
    return (with_interval if name in _ACCURACIES else _value)(estimate, name)


def chance_of(estimate: Mapping[str, Any], name: str) -> str:
    """Write the figure of a random ranking."""
    return _format(estimate["chance"], name)


def pair(scores: Mapping[str, Any] | None, what: str = "value") -> str:
    """Write `top-1 / top-5` in percent, or a dash if there are no scores."""
    if scores is None:
        return NOTHING
    return " / ".join(percent(scores[metric][what]) for metric in _ACCURACIES)


def row_name(row: str) -> str:
    """Write the name of a row of scores or of a family: `synth_lead` as `synth lead`."""
    return _ROW_NAMES.get(row, row.replace("_", " "))


def escape(text: str) -> str:
    """Escape a name for a Markdown table, on one line."""
    return _MARKUP.sub(lambda found: "\\" + found[0], " ".join(text.split()))


def slug(text: str) -> str:
    """Turn a name into part of a file name."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "unnamed"


def _value(estimate: Mapping[str, Any], name: str) -> str:
    return _format(estimate["value"], name)


def _format(value: float, name: str) -> str:
    factor, digits = _FIGURES[name]
    return format(factor * value, digits)
