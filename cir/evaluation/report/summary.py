"""Summary of a report."""

from collections.abc import Sequence

from cir.evaluation.report.accuracy import title_of
from cir.evaluation.report.documents import Result, name_of
from cir.evaluation.report.grouping import Group, group_results, is_measured
from cir.evaluation.report.words import chance_of, escape, percent, with_interval


def in_short(results: Sequence[Result]) -> str:
    """Return a Markdown list of the best method of each table and of open set results."""
    lines = [
        _leader(group)
        for protocol in ("mixtures", "single")
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
