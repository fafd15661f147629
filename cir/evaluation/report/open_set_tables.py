"""Open set results: detection of absent instruments, and reliability of chances."""

from collections.abc import Mapping, Sequence
from typing import Any

from cir.evaluation.report.blocks import Block, Chart, Fold, Text, table
from cir.evaluation.report.charts.reliability import Reliability, draw_reliability
from cir.evaluation.report.documents import Result, name_of
from cir.evaluation.report.words import count, escape, percent, with_interval

_NAMES = {"matches": "matches shown", "top_1": "top-1", "top_5": "top-5"}


def open_set_blocks(result: Result, name: str) -> list[Block]:
    """Return the blocks of a result.

    Args:
        result: Result of the protocol `open-set`.
        name: Name of its chart.
    """
    curves = [
        Reliability(f"chance of the {_NAMES.get(key, key)}", bins, _ece(result, key))
        for key, bins in result["reliability"].items()
        if bins
    ]
    said: list[Block] = [
        Text(f"**{escape(name_of(result))}**\n\n{_summary(result)}"),
        Text(_threshold(result["threshold"])),
    ]
    if not curves:
        return said
    return [
        *said,
        Chart(
            name,
            f"Reliability of the chances of {name_of(result)}",
            "Answers sorted by the chance that was given for them. On the line, a chance of 30 % "
            "is right in 30 % of all cases; the bars below count the answers.",
            lambda: draw_reliability(curves),
        ),
        Fold(
            "The same in numbers",
            tuple(
                Text(_bins(_NAMES.get(key, key), bins))
                for key, bins in result["reliability"].items()
                if bins
            ),
        ),
    ]


def _summary(result: Result) -> str:
    lines = []
    for key, what in (("instrument", "the instrument"), ("family", "the whole family")):
        if (auroc := result["auroc"].get(key)) is not None:
            value = with_interval(auroc, "auroc")
            lines.append([f"AUROC, {what} is absent", "1 is best, 0.5 is chance", value])
    for key, ece in result["ece"].items():
        what = f"expected calibration error, chance of the {_NAMES.get(key, key)}"
        if ece is not None:
            lines.append([what, "0 is best", with_interval(ece, "ece")])
    shown = result.get("shown", {})
    if (worst := shown.get("worst")) is not None:
        what = f"the worst bin of 50 matches shown or more, {worst['count']} of them"
        said = f"{percent(worst['chance'])} % said, {percent(worst['accuracy'])} % right"
        lines.append([what, "alike is best", said])
    if shown:
        what = "queries for which chances are shown"
        lines.append([what, "the others get words", f"{percent(shown['share'])} %"])
    return table(["figure", "scale", "value"], lines, words=2)


def _threshold(threshold: Mapping[str, Any]) -> str:
    caught = [
        f"{percent(threshold[key])} % of those where {what} is absent"
        for key, what in (
            ("detection_instrument", "the instrument"),
            ("detection_family", "the whole family"),
        )
        if threshold.get(key) is not None
    ]
    return (
        f"Above a novelty of {threshold['novelty']:.2f} the answer is *probably not in this "
        f"database*. That is said of {percent(threshold['false_alarm'])} % of the queries whose "
        f"instrument is there (false alarms){''.join(f', of {one}' for one in caught)}."
    )


def _bins(name: str, bins: Sequence[Mapping[str, Any]]) -> str:
    lines = [
        [
            f"{percent(one['low'])} to {percent(one['high'])}",
            count(one["count"]),
            percent(one["chance"]),
            percent(one["accuracy"]),
        ]
        for one in bins
        if one["count"]
    ]
    head = [f"chance of the {escape(name)}, %", "answers", "mean chance %", "right %"]
    return table(head, lines)


def _ece(result: Result, key: str) -> float | None:
    estimate = result["ece"].get(key)
    return None if estimate is None else float(estimate["value"])
