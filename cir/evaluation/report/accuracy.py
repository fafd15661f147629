"""Tables and charts of the paper's two experiments."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cir.evaluation.report.blocks import Block, Chart, Fold, Text, table
from cir.evaluation.report.charts.confusion import draw_confusion
from cir.evaluation.report.charts.rank_curves import Curve, draw_rank_curves
from cir.evaluation.report.charts.standings import Standing, draw_standings
from cir.evaluation.report.documents import Result, name_of
from cir.evaluation.report.grouping import Group, is_measured
from cir.evaluation.report.words import (
    FIGURE_HEADS,
    NOTHING,
    chance_of,
    count,
    escape,
    headline_figure,
    listed,
    pair,
    row_name,
    slug,
    things,
    with_interval,
)

PAPERS_WAY = "all_with_references"

_TITLES = {"mixtures": "Instruments in a mixture", "single": "Single notes"}
_DESCRIBED = {"mixtures", "seconds", "families", "split", "seed", "data", "setting", "instruments"}


def title_of(group: Group) -> str:
    """Return the title of a table, with its data, as plain text."""
    data = " + ".join(group.settings.get("data", ()))
    return _TITLES[group.protocol] + (f" of {data}" if data else "")


def conditions_of(group: Group) -> str:
    """Describe the queries in one sentence of Markdown."""
    settings = group.settings
    if not settings:
        return "Nothing was measured."
    families = [row_name(family) for family in settings.get("families", ())]
    split = "all splits" if settings["split"] == "all" else f"the {settings['split']} split"
    data = " + ".join(settings.get("data", ()))
    where = f"{split} of {data}" if data else split
    if group.protocol == "mixtures":
        playing = settings.get("instruments")
        who = f"one of each: {listed(families)}"
        if playing is not None:
            who = f"{playing} of these in each: {listed(families)}"
        what = (
            f"{things(settings['mixtures'], 'mixture')} of {settings['seconds']:g} s with "
            f"instruments of {where} ({who}), each searched among all references of its family"
        )
        if settings.get("setting", "paper") != "paper":
            what += f"; mixed in the setting {settings['setting']}"
    else:
        what = f"Notes of the instruments of {where}, each searched among all references"
    more = [f"{name} {value}" for name, value in settings.items() if name not in _DESCRIBED]
    return escape("; ".join([what, *more, f"seed {settings['seed']}"])) + "."


def tables_of(group: Group) -> list[Block]:
    """Return the paper's table, notes on its rows, and a table for each family."""
    blocks: list[Block] = [Text(_headline_table(group))]
    if notes := list(_notes(group)):
        blocks.append(Text("\n".join(notes)))
    if group.measured and group.parts:
        parts = tuple(Text(_part_table(group, part)) for part in group.parts)
        blocks.append(Fold("The same, family by family", parts))
    return blocks


def standings_chart(group: Group, name: str) -> Chart:
    """Return a chart of all methods, with their intervals and the paper's figures."""

    def standing(row: Result) -> Standing:
        return Standing(
            name_of(row),
            row["scores"][group.headline] if is_measured(row) else None,
            (group.paper(row, "top_1"), group.paper(row, "top_5")),
        )

    rows = [standing(row) for row in group.rows]
    return Chart(
        name,
        f"{title_of(group)}: accuracy of every method",
        "Filled: measured here, with 95 % intervals. Hollow: the paper's figures on its own data.",
        lambda: draw_standings(rows, _chance(group, ("top_1", "top_5"))),
    )


def curves_chart(group: Group, name: str) -> Chart | None:
    """Return a chart of top-k accuracy against k; None if no result has it."""
    curves = [
        Curve(name_of(row), {int(k): accuracy for k, accuracy in curve.items()})
        for row in group.measured
        if (curve := row["scores"][group.headline].get("curve"))
    ]
    if not curves:
        return None
    lengths = sorted({k for curve in curves for k in curve.accuracies})
    chance = Curve("chance", {k: _chance_within(group, k) for k in lengths})
    return Chart(
        name,
        f"{title_of(group)}: accuracy within the first k",
        "How often the right instrument is among the first k, against k.",
        lambda: draw_rank_curves(curves, chance),
    )


def confusion_blocks(group: Group, name: str) -> list[Block]:
    """Return charts of the confusion between families, all but that of the best top-1 folded."""
    rows = [row for row in group.measured if row.get("confusion")]
    if not rows:
        return []
    best = max(rows, key=lambda row: float(row["primary"]["value"]))
    others = tuple(_confusion_chart(row, name) for row in rows if row is not best)
    blocks: list[Block] = [_confusion_chart(best, name)]
    return [*blocks, Fold("Confusion of the other methods", others)] if others else blocks


def _confusion_chart(row: Result, name: str) -> Chart:
    families: Sequence[str] = row["confusion"]["families"]
    counts: Sequence[Sequence[int]] = row["confusion"]["counts"]
    total = sum(map(sum, counts))
    right = sum(counts[number][number] for number in range(len(families)))
    share = f"{100 * right / total:.1f} %" if total else "none"
    return Chart(
        f"{name}-{slug(name_of(row))}",
        f"Confusion between families, {name_of(row)}",
        f"{name_of(row)}: family of the best match, in % of the notes of each family. "
        f"The best match is of the right family for {share} of {things(total, 'note')}.",
        lambda: draw_confusion([row_name(family) for family in families], counts),
    )


def _headline_table(group: Group) -> str:
    with_paper = any(row.get("paper") for row in group.rows)
    papers_way = any(PAPERS_WAY in row["scores"] for row in group.measured)
    head = ["method"]
    head += ["paper: top-1 / top-5 %"] if with_paper else []
    head += FIGURE_HEADS.values()
    head += ["the paper's way: top-1 / top-5 %"] if papers_way else []

    def line(name: str, paper: str, figures: Sequence[str], last: str) -> list[str]:
        return [name, *([paper] * with_paper), *figures, *([last] * papers_way)]

    lines = []
    for row in group.rows:
        figures = ["not measured"] + [NOTHING] * (len(FIGURE_HEADS) - 1)
        last = NOTHING
        if is_measured(row):
            scores = row["scores"][group.headline]
            figures = [headline_figure(scores[metric], metric) for metric in FIGURE_HEADS]
            last = pair(row["scores"].get(PAPERS_WAY))
        lines.append(line(escape(name_of(row)), _paper_pair(group, row), figures, last))
    if group.measured:
        scores = group.measured[0]["scores"]
        figures = [chance_of(scores[group.headline][metric], metric) for metric in FIGURE_HEADS]
        lines.append(line("chance", "", figures, pair(scores.get(PAPERS_WAY), "chance")))
    return table(head, lines)


def _paper_pair(group: Group, row: Result) -> str:
    figures = [group.paper(row, metric) for metric in ("top_1", "top_5")]
    if figures == [None, None]:
        return NOTHING
    return " / ".join(NOTHING if one is None else f"{one:.1f}" for one in figures)


def not_measured(row: Result) -> str:
    """Return the reason why a result has no figures, in Markdown."""
    return f"**{escape(name_of(row))}**: {_reason(row)}"


def _reason(row: Result) -> str:
    return f"not measured: {escape(str(row['missing']))}"


def _notes(group: Group) -> Iterator[str]:
    """Yield what each row is, and why it has no figures."""
    for row in group.rows:
        about = f"- **{escape(name_of(row))}**: {escape(str(row.get('about') or ''))}"
        if not is_measured(row):
            yield f"{about}{'; ' if row.get('about') else ''}{_reason(row)}"
        elif row.get("about"):
            yield about


def _part_table(group: Group, part: str) -> str:
    """Return the table of all methods on one family's queries, or on another part."""
    first: Mapping[str, Any] = next(
        row["scores"][part] for row in group.measured if part in row["scores"]
    )
    title = (
        f"**{escape(row_name(part))}**: {things(first['queries'], 'query', 'queries')} for "
        f"{things(first['instruments'], 'instrument')}, "
        f"{things(first['candidates'], 'candidate')}"
    )
    lines = []
    for row in group.measured:
        scores = row["scores"].get(part)
        lines.append(
            [
                escape(name_of(row)),
                *(
                    with_interval(scores[metric], metric) if scores else NOTHING
                    for metric in FIGURE_HEADS
                ),
            ]
        )
    lines.append(["chance", *(chance_of(first[metric], metric) for metric in FIGURE_HEADS)])
    return f"{title}\n\n{table(['method', *FIGURE_HEADS.values()], lines)}"


def _chance(group: Group, metrics: Sequence[str]) -> tuple[float, ...] | None:
    if not group.measured:
        return None
    scores = group.measured[0]["scores"][group.headline]
    return tuple(float(scores[metric]["chance"]) for metric in metrics)


def _chance_within(group: Group, k: int) -> float:
    """Return the chance of being among the first k, averaged over families."""
    scores = group.measured[0]["scores"]
    families = [family for family in group.settings.get("families", ()) if family in scores]
    sizes = [float(scores[part]["candidates"]) for part in families or [group.headline]]
    return sum(min(1.0, k / size) for size in sizes) / len(sizes)


def candidates_of(group: Group) -> str:
    """Describe the references that are searched: `760 candidates (109 percussion, ...)`."""
    scores = group.measured[0]["scores"]
    families = [family for family in group.settings.get("families", ()) if family in scores]
    if not families:
        return things(scores[group.headline]["candidates"], "candidate")
    sizes = {family: scores[family]["candidates"] for family in families}
    each = [f"{count(size)} {row_name(family)}" for family, size in sizes.items()]
    return f"{things(sum(sizes.values()), 'candidate')} ({listed(each)})"
