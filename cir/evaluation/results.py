"""Results of the protocols as plain values for JSON."""

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
    """Return the result of one method.

    Args:
        protocol: `mixtures` or `single`.
        name: Name of the method.
        method: Its identity and computing time.
        rows: Scores by name.
        primary: Name of the row that summarises them.
        settings: Settings of the experiment.
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
