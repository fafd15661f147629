"""What a protocol hands on: plain values, ready for JSON."""

from collections.abc import Mapping
from typing import Any

from cir.evaluation.listeners import Timed
from cir.evaluation.scores import Scores


def make_result(
    protocol: str,
    name: str,
    method: Timed,
    rows: Mapping[str, Scores],
    *,
    primary: str,
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """Lay out the figures of one method.

    Args:
        protocol: `mixtures` or `single`.
        name: What the method is called.
        method: Its identity and how long it took.
        rows: Figures by name.
        primary: The row that sums them up.
        settings: The conditions.
    """
    return {
        "protocol": protocol,
        "name": name,
        "encoder": method.identity,
        "seconds": round(method.seconds, 2),
        "primary": {"name": f"{primary} top_1", "value": rows[primary].estimates["top_1"].value},
        "settings": dict(settings),
        "scores": {row: scores.as_dict() for row, scores in rows.items()},
    }
