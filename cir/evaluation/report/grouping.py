"""Grouping results of one protocol on the same queries into tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cir.evaluation.report.documents import Result


@dataclass(frozen=True)
class Group:
    """Results of methods on the same queries, and methods that could not be measured."""

    protocol: str
    settings: Mapping[str, Any]
    rows: tuple[Result, ...]
    """Results in their original order."""

    @property
    def measured(self) -> tuple[Result, ...]:
        """Rows with figures."""
        return tuple(row for row in self.rows if is_measured(row))

    @property
    def headline(self) -> str:
        """The row of scores that summarises a method: `mean` or `all`."""
        return str(self.measured[0]["primary"]["name"]).split()[0]

    @property
    def parts(self) -> tuple[str, ...]:
        """The other rows of scores, of all methods, in order."""
        names = {name: None for row in self.measured for name in row["scores"]}
        return tuple(name for name in names if name != self.headline)

    def paper(self, row: Result, metric: str) -> float | None:
        """Return the paper's figure for a row, in percent; None if it reports none."""
        figures = row.get("paper") or {}
        return figures.get(metric)


def is_measured(row: Result) -> bool:
    """Return whether a row has figures; otherwise its `missing` says why."""
    return "missing" not in row


def group_results(results: Sequence[Result], protocol: str) -> list[Group]:
    """Group results of one protocol by their settings, in the order of the first of each.

    A row without figures has no settings: it joins the group of the row before it, or the first.
    """
    chosen = [result for result in results if result["protocol"] == protocol]
    known = [result["settings"] for result in chosen if "settings" in result]
    current: Mapping[str, Any] = known[0] if known else {}
    tables: list[tuple[Mapping[str, Any], list[Result]]] = []
    for result in chosen:
        current = result.get("settings", current)
        rows = next((rows for settings, rows in tables if settings == current), None)
        if rows is None:
            tables.append((current, rows := []))
        rows.append(result)
    return [Group(protocol, settings, tuple(rows)) for settings, rows in tables]
