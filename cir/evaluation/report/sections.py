"""The sections of a report, or of a listing in a terminal."""

import json
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from cir.evaluation.report.accuracy import (
    PAPERS_WAY,
    candidates_of,
    conditions_of,
    confusion_blocks,
    curves_chart,
    not_measured,
    standings_chart,
    tables_of,
    title_of,
)
from cir.evaluation.report.blocks import Block, Fold, Section, Text, table, to_plain_markdown
from cir.evaluation.report.condition_tables import condition_blocks
from cir.evaluation.report.documents import Result, check_results, name_of
from cir.evaluation.report.grouping import Group, group_results, is_measured
from cir.evaluation.report.maps import MapFigure, map_blocks
from cir.evaluation.report.open_set_tables import open_set_blocks
from cir.evaluation.report.words import (
    NOTHING,
    chance_of,
    count,
    escape,
    percent,
    things,
    with_interval,
)

_PAPERS_MODEL = (
    "its models start from an Audio Spectrogram Transformer of base size that was pretrained on "
    "AudioSet"
)

_PAPER = {
    "mixtures": (
        "The paper searches 5 000 mixtures for 1 463 instruments of NSynth and of the Surge "
        "synthesizer (615 basses, 480 synth leads, 368 percussions); notes follow statistics of "
        f"the Slakh data set, and {_PAPERS_MODEL}."
    ),
    "single": (
        "The paper searches 3 864 references of NSynth and of the Surge synthesizer with 13 000 "
        "sounds of 336 test instruments, single notes and scores of the Slakh data set; "
        f"{_PAPERS_MODEL}."
    ),
}

_HOW_TO_READ = """\
- **top-1, top-5**: how often the right instrument comes first, or among the first five, in %.
  **MRR**: mean of 1 / rank. **Median rank**: half of the queries find it there or earlier.
- **[low, high]**: 95 % interval, by drawing the test instruments anew (bootstrap): what to expect
  of *other instruments* of the same kind. There is none for one instrument alone.
- A tie counts against the method: one that finds everything equally similar comes last.
- **Chance**: the candidates in random order.
- **Candidates** are the reference notes of all splits, one for each instrument. Instruments of the
  test split were never heard in training.
- The mean over families gives each family the same weight, however many instruments it has."""

_HOW_TO_READ_SHORT = """\
In brackets: 95 % intervals, for other test instruments than these; none for one alone.
A tie counts against the method. Chance: the candidates in random order."""
"""The explanation for a terminal."""

_PACKAGES = ("cir", "torch", "transformers", "numpy", "librosa", "scikit-learn")

_PROTOCOLS = ("mixtures", "single")


def _why_not_the_same(group: Group) -> str:
    """Return a Markdown paragraph on the differences from the paper's experiment."""
    scores = group.measured[0]["scores"]
    row = scores[group.headline]
    data = escape(" + ".join(group.settings.get("data", ()))) or "other data"
    if group.protocol == "mixtures":
        ours = (
            f"Here it is {things(group.settings['mixtures'], 'mixture')} of {data}, "
            f"{candidates_of(group)} and "
            f"{things(row['instruments'], 'test instrument')}."
        )
    else:
        ours = (
            f"Here it is {things(row['queries'], 'note')} of "
            f"{things(row['instruments'], 'test instrument')} of {data} and "
            f"{candidates_of(group)}; the reference notes are no queries, for they "
            "would find themselves"
        )
        papers_way = " (the last column has them, as the paper does)"
        ours += f"{papers_way if PAPERS_WAY in scores else ''}."
    return (
        f"**These are not the paper's data.** {_PAPER[group.protocol]} {ours} "
        "What a method was trained on stands in the notes above. Other instruments, another number "
        "of candidates, other models and less training all move the figures: compare methods "
        "within a column, not a figure of one column with that of another."
    )


def _origin_blocks(results: Sequence[Result], commands: Sequence[str]) -> list[Block]:
    """Return commands, versions, computing time of each method and settings.

    Args:
        results: All results of the page.
        commands: Command lines that made them.
    """
    blocks: list[Block] = []
    if commands:
        lines = [f"    {' '.join(command.split())}" for command in commands]
        blocks.append(Text("Made by:\n\n" + "\n".join(lines)))
    blocks += [Text(_versions()), Text(_times(results))]
    settings = {
        json.dumps(one["settings"], ensure_ascii=False): None
        for one in results
        if one.get("settings")
    }
    if settings:
        listing = "\n".join(f"    {line}" for line in settings)
        blocks.append(Fold("All settings", (Text(listing),)))
    return blocks


def _versions() -> str:
    found = [f"Python {platform.python_version()}"]
    for package in _PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    machine = f"{platform.system()} on {platform.machine()}"
    return escape(f"This page was written with {', '.join(found)}; {machine}") + "."


def _times(results: Sequence[Result]) -> str:
    lines = [
        [
            escape(str(result["protocol"])),
            escape(name_of(result)),
            f"`{result['encoder']}`" if result.get("encoder") else NOTHING,
            NOTHING if result.get("seconds") is None else count(result["seconds"]),
        ]
        for result in results
    ]
    return table(["protocol", "method", "identity of the model", "seconds"], lines, words=3)


def _in_short(results: Sequence[Result]) -> str:
    """Return a Markdown list of the best method of each table and of open set results."""
    lines = [
        _leader(group)
        for protocol in _PROTOCOLS
        for group in group_results(results, protocol)
        if group.measured
    ]
    lines += [_open_set(result) for result in results if _is_open_set(result)]
    return "\n".join(f"- {line}" for line in lines)


def _leader(group: Group) -> str:
    row = max(group.measured, key=lambda row: float(row["primary"]["value"]))
    scores = row["scores"][group.headline]
    first, five = (with_interval(scores[metric], metric) for metric in ("top_1", "top_5"))
    chance = [chance_of(scores[metric], metric) for metric in ("top_1", "top_5")]
    about = f" ({escape(row['about'].split('. ')[0])})" if row.get("about") else ""
    among = f" of {len(group.measured)} methods" if len(group.measured) > 1 else ""
    return (
        f"{escape(title_of(group))}: the highest top-1{among} is "
        f"that of **{escape(name_of(row))}**{about}, {first} %; top-5 {five} %. "
        f"Chance: {' and '.join(chance)} %."
    )


def _is_open_set(result: Result) -> bool:
    return bool(result["protocol"] == "open-set" and is_measured(result))


def _open_set(result: Result) -> str:
    words = []
    if (auroc := result["auroc"].get("instrument")) is not None:
        words.append(
            f"absent instruments are told from present ones with AUROC {auroc['value']:.2f}"
        )
    if (ece := result["ece"].get("matches")) is not None:
        words.append(
            f"the chances shown are off by {percent(ece['value'])} points on average (ECE)"
        )
    words.append(f"{percent(result['threshold']['false_alarm'])} % false alarms")
    return f"When the instrument is not there, {escape(name_of(result))}: {'; '.join(words)}."


def _table_sections(results: Sequence[Result]) -> list[Section]:
    """Return the sections that a terminal can show."""
    sections = [
        Section(title_of(group), (Text(conditions_of(group)), *tables_of(group)))
        for protocol in _PROTOCOLS
        for group in group_results(results, protocol)
    ]
    if sections:
        last = sections.pop()
        sections.append(Section(last.title, (*last.blocks, Text(_HOW_TO_READ_SHORT))))
    return sections + _further_sections(results)


def page_sections(
    results: Sequence[Result], maps: Sequence[MapFigure], commands: Sequence[str]
) -> list[Section]:
    """Return the sections of a report: tables, charts, explanations and origin."""
    sections = [Section("In short", (Text(summary),))] if (summary := _in_short(results)) else []
    sections += [
        _accuracy_section(group, f"{protocol}-{number}")
        for protocol in _PROTOCOLS
        for number, group in enumerate(group_results(results, protocol), start=1)
    ]
    sections += _further_sections(results)
    sections.append(Section("How to read the tables", (Text(_HOW_TO_READ),)))
    if maps:
        blocks = [
            block
            for number, one in enumerate(maps, start=1)
            for block in map_blocks(one, f"map-{number}")
        ]
        sections.append(Section("Map of timbre", tuple(blocks)))
    sections.append(Section("How it was made", tuple(_origin_blocks(results, commands))))
    return sections


def _accuracy_section(group: Group, name: str) -> Section:
    blocks: list[Block] = [Text(conditions_of(group))]
    tables = tables_of(group)
    if not group.measured:
        return Section(title_of(group), (*blocks, *tables))
    headline, *rest = tables
    blocks += [headline, standings_chart(group, f"{name}-accuracy"), *rest]
    if any(row.get("paper") for row in group.rows):
        blocks.append(Text(_why_not_the_same(group)))
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


def to_markdown(results: Sequence[Result]) -> str:
    """Lay out results of any protocols, one table for each set of queries.

    Raises:
        InputError: As `check_results`.
    """
    check_results(results)
    return to_plain_markdown(_table_sections(results))
