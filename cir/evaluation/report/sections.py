"""The sections of a report, or of a listing in a terminal."""

from collections.abc import Sequence

from cir.evaluation.report.accuracy import (
    conditions_of,
    confusion_blocks,
    curves_chart,
    not_measured,
    standings_chart,
    tables_of,
    title_of,
)
from cir.evaluation.report.blocks import Block, Section, Text
from cir.evaluation.report.comparison import HOW_TO_READ, HOW_TO_READ_SHORT, why_not_the_same
from cir.evaluation.report.condition_tables import condition_blocks
from cir.evaluation.report.documents import Result
from cir.evaluation.report.grouping import Group, group_results, is_measured
from cir.evaluation.report.maps import MapFigure, map_blocks
from cir.evaluation.report.open_set_tables import open_set_blocks
from cir.evaluation.report.origin import origin_blocks
from cir.evaluation.report.summary import in_short

_PROTOCOLS = ("mixtures", "single")


def table_sections(results: Sequence[Result]) -> list[Section]:
    """Return the sections that a terminal can show."""
    sections = [
        Section(title_of(group), (Text(conditions_of(group)), *tables_of(group)))
        for protocol in _PROTOCOLS
        for group in group_results(results, protocol)
    ]
    if sections:
        last = sections.pop()
        sections.append(Section(last.title, (*last.blocks, Text(HOW_TO_READ_SHORT))))
    return sections + _further_sections(results)


def page_sections(
    results: Sequence[Result], maps: Sequence[MapFigure], commands: Sequence[str]
) -> list[Section]:
    """Return the sections of a report: tables, charts, explanations and origin."""
    sections = [Section("In short", (Text(summary),))] if (summary := in_short(results)) else []
    sections += [
        _accuracy_section(group, f"{protocol}-{number}")
        for protocol in _PROTOCOLS
        for number, group in enumerate(group_results(results, protocol), start=1)
    ]
    sections += _further_sections(results)
    sections.append(Section("How to read the tables", (Text(HOW_TO_READ),)))
    if maps:
        blocks = [
            block
            for number, one in enumerate(maps, start=1)
            for block in map_blocks(one, f"map-{number}")
        ]
        sections.append(Section("Map of timbre", tuple(blocks)))
    sections.append(Section("How it was made", tuple(origin_blocks(results, commands))))
    return sections


def _accuracy_section(group: Group, name: str) -> Section:
    blocks: list[Block] = [Text(conditions_of(group))]
    tables = tables_of(group)
    if not group.measured:
        return Section(title_of(group), (*blocks, *tables))
    headline, *rest = tables
    blocks += [headline, standings_chart(group, f"{name}-accuracy"), *rest]
    if any(row.get("paper") for row in group.rows):
        blocks.append(Text(why_not_the_same(group)))
    if (curves := curves_chart(group, f"{name}-curves")) is not None:
        blocks.append(curves)
    return Section(title_of(group), (*blocks, *confusion_blocks(group, f"{name}-confusion")))


def _further_sections(results: Sequence[Result]) -> list[Section]:
    """Return the sections on conditions and on the open set."""
    sections = []
    for protocol, title, lay_out in (
        ("conditions", "Other conditions", condition_blocks),
        ("open-set", "When the instrument is not there", open_set_blocks),
    ):
        chosen = [result for result in results if result["protocol"] == protocol]
        blocks: list[Block] = []
        for number, result in enumerate(chosen, start=1):
            if is_measured(result):
                blocks += lay_out(result, f"{protocol}-{number}")
            else:
                blocks.append(Text(not_measured(result)))
        if blocks:
            sections.append(Section(title, tuple(blocks)))
    return sections
