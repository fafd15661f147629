"""Which results share a table: those of one protocol on the same queries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cir.evaluation.report.documents import Result


@dataclass(frozen=True)
class Group:
    """Methods measured on the same queries, and those that could not be."""

    protocol: str
    settings: Mapping[str, Any]
    rows: tuple[Result, ...]
    """In the order in which they came."""

    @property
    def measured(self) -> tuple[Result, ...]:
        """Rows with figures."""
        return tuple(row for row in self.rows if is_measured(row))

    @property
    def headline(self) -> str:
        """The row of scores that sums a method up: `mean` or `all`."""
        return str(self.measured[0]["primary"]["name"]).split()[0]

    @property
    def parts(self) -> tuple[str, ...]:
        """The other rows of scores, of all methods, in order."""
        names = {name: None for row in self.measured for name in row["scores"]}
        return tuple(name for name in names if name != self.headline)

    def paper(self, row: Result, metric: str) -> float | None:
        """The paper's figure beside a row, in percent, where it gives one."""
        figures = row.get("paper") or {}
        return figures.get(metric)


def is_measured(row: Result) -> bool:
    """Whether a row has figures; if not, its `missing` says why."""
    return "missing" not in row


def group_results(results: Sequence[Result], protocol: str) -> list[Group]:
    """Put results of one protocol with equal settings together, in the order of the first of each.

    A row that could not be measured and has no settings joins the table of the row before it, or
    the first one.
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
