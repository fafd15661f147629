"""Results under other conditions: a table and a chart for each group."""

from collections.abc import Mapping, Sequence
from typing import Any

from cir.evaluation.report.blocks import Block, Chart, Fold, Text, table
from cir.evaluation.report.charts.conditions import draw_conditions
from cir.evaluation.report.documents import Result, name_of
from cir.evaluation.report.words import (
    FIGURE_HEADS,
    NOTHING,
    count,
    escape,
    headline_figure,
    pair,
    percent,
    row_name,
    slug,
)

_SUMS = ("mean", "all")


def condition_blocks(result: Result, name: str) -> list[Block]:
    """Return the blocks of all groups of a result.

    Args:
        result: Result of the protocol `conditions`.
        name: Prefix of the names of its charts.
    """
    blocks: list[Block] = []
    for group in result["groups"]:
        about = f" {escape(group['about'])}" if group.get("about") else ""
        blocks.append(Text(f"### {escape(_title(group))}\n\n{escape(name_of(result))}.{about}"))
        blocks.append(_chart(result, group, name))
        blocks.append(Text(_summary(group)))
        if families := _families(group):
            blocks.append(Fold("The same, family by family", (Text(_by_family(group, families)),)))
    return blocks


def headline_of(scores: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the row of scores that summarises a condition."""
    chosen = next((row for row in _SUMS if row in scores), next(iter(scores)))
    row: Mapping[str, Any] = scores[chosen]
    return row


def _title(group: Mapping[str, Any]) -> str:
    name = str(group["name"])
    name = name[:1].upper() + name[1:]
    return f"{name}, {group['unit']}" if group.get("unit") else name


def _chart(result: Result, group: Mapping[str, Any], name: str) -> Chart:
    conditions: Sequence[Mapping[str, Any]] = group["conditions"]
    points = [
        (str(one["name"]), headline_of(one["scores"]), one.get("stability")) for one in conditions
    ]
    label = f"{group['name']} ({group['unit']})" if group.get("unit") else str(group["name"])
    caption = "Top-1 and top-5 accuracy with 95 % intervals"
    if any(stability is not None for *_, stability in points):
        caption += "; stability, as said above"
    return Chart(
        f"{name}-{slug(str(group['name']))}",
        f"Accuracy of {name_of(result)} by {group['name']}",
        f"{caption}.",
        lambda: draw_conditions(label, points),
    )


def _summary(group: Mapping[str, Any]) -> str:
    conditions: Sequence[Mapping[str, Any]] = group["conditions"]
    with_stability = any(one.get("stability") is not None for one in conditions)
    head = [escape(str(group.get("unit") or "condition")), "queries", "candidates"]
    head += [*FIGURE_HEADS.values(), "chance: top-1 / top-5 %"]
    head += ["stability %"] if with_stability else []
    lines = []
    for one in conditions:
        scores = headline_of(one["scores"])
        line = [escape(str(one["name"])), count(one["queries"]), count(scores["candidates"])]
        line += [headline_figure(scores[metric], metric) for metric in FIGURE_HEADS]
        line.append(pair(scores, "chance"))
        if with_stability:
            stability = one.get("stability")
            line.append(NOTHING if stability is None else percent(stability))
        lines.append(line)
    return table(head, lines)


def _families(group: Mapping[str, Any]) -> list[str]:
    rows = {row: None for one in group["conditions"] for row in one["scores"]}
    return [row for row in rows if row not in _SUMS] if len(rows) > 2 else []


def _by_family(group: Mapping[str, Any], families: Sequence[str]) -> str:
    head = [escape(str(group.get("unit") or "condition"))]
    head += [escape(row_name(family)) for family in families]
    lines = [
        [
            escape(str(one["name"])),
            *(pair(one["scores"].get(family)) for family in families),
        ]
        for one in group["conditions"]
    ]
    return f"Top-1 / top-5 in %:\n\n{table(head, lines)}"
