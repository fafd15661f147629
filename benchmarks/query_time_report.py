"""Report of `query_time`: figures, gains and costs of each setting."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from query_time_ranking import Setting

from cir.evaluation import bootstrap
from cir.evaluation.scores import Scores
from cir.mixtures.mixture_config import PAPER_FAMILIES

METRICS = ("top_1", "top_5", "mrr")
SINGLE = "single"
UNHEARD = "unheard"


@dataclass(frozen=True)
class Measured:
    """Figures and costs of a setting."""

    setting: Setting
    scores: Mapping[str, Scores]
    """Of each family, of their mean, the same mean among candidates of valid and test alone, and of
    single notes."""
    costs_ms: Mapping[str, float]

    def as_dict(self, base: "Measured") -> dict[str, Any]:
        """Return it for JSON, with gains over `base`."""
        return {
            **asdict(self.setting),
            **{name: round(value, 3) for name, value in self.costs_ms.items()},
            "scores": {
                name: {metric: describe(own, base.scores[name], metric) for metric in METRICS}
                for name, own in self.scores.items()
            },
        }


def describe(own: Scores, base: Scores, metric: str) -> dict[str, float | None]:
    """Return a figure and its gain over another setting, each with its 95 % interval."""
    mine, other = own.estimates[metric], base.estimates[metric]
    figures = {"value": mine.value, "low": None, "high": None, "gain": mine.value - other.value}
    figures |= {"gain_low": None, "gain_high": None}
    if mine.interval is not None:
        figures["low"], figures["high"] = mine.interval
    if mine.replicates is not None and other.replicates is not None:
        difference = bootstrap.percentile_interval(mine.replicates - other.replicates)
        figures["gain_low"], figures["gain_high"] = difference
    return {name: None if value is None else round(value, 4) for name, value in figures.items()}


def table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return lines of Markdown, accuracies in %, times in ms."""
    lines = [
        "| references | windows | correction | top-1 / top-5 / MRR | gain of top-1 | gain of top-5 "
        "| percussion | bass | lead | unheard | single notes | gain of top-1 "
        "| embed | search | index |",
        "|---" * 15 + "|",
    ]
    for row in rows:
        scores = row["scores"]
        cells = [
            f"{row['references']} {row['pooling']}",
            f"{row['hop']:g} {row['merging']}",
            row["correction"],
            " / ".join(f"{100 * scores['mean'][metric]['value']:.1f}" for metric in METRICS),
            *(_gain(scores["mean"][metric]) for metric in ("top_1", "top_5")),
            *(_both(scores[name]) for name in (*PAPER_FAMILIES, UNHEARD, SINGLE)),
            _gain(scores[SINGLE]["top_1"]),
            *(f"{row[name]:.1f}" for name in ("embed_ms", "search_ms", "index_ms")),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def short_table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return lines of Markdown of a set of figures, accuracies in %."""
    lines = [
        "| references | windows | correction | top-1 / top-5 | gain of top-1 | gain of top-5 |",
        "|---" * 6 + "|",
    ]
    for row in rows:
        cells = [
            f"{row['references']} {row['pooling']}",
            f"{row['hop']:g} {row['merging']}",
            row["correction"],
            _both(row),
            _gain(row["top_1"]),
            _gain(row["top_5"]),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _both(scores: Mapping[str, Any]) -> str:
    return f"{100 * scores['top_1']['value']:.1f} / {100 * scores['top_5']['value']:.1f}"


def _gain(figures: Mapping[str, float | None]) -> str:
    value, low, high = (figures[name] for name in ("gain", "gain_low", "gain_high"))
    text = f"{100 * (value or 0.0):+.1f}"
    return text if low is None or high is None else f"{text} [{100 * low:+.1f}, {100 * high:+.1f}]"
