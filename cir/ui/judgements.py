"""What a calibrated answer says, in the words and JSON that page and command line share."""

from collections.abc import Sequence
from typing import Any

from cir.index.duplicates import MatchGroup
from cir.types import FamilyResult, Judgement

ABSENT = "Probably not in this database."


def percent(share: float) -> str:
    """Round a share in [0, 1] to whole percents; only what is certain becomes 0 or 100."""
    if 0.0 < share < 0.01:
        return "<1 %"
    if 0.99 < share < 1.0:
        return ">99 %"
    return f"{100.0 * share:.0f} %"


def among_five(result: FamilyResult) -> str:
    """Say what `top_5` is the chance of; empty where it cannot be said of the matches shown."""
    if result.judgement is None or len(result.matches) < 5:
        return ""
    which = "these five" if len(result.matches) == 5 else "the first five"
    if result.judgement.is_absent:
        return f"If it is here after all, chance that it is among {which}"
    return f"Chance that it is among {which}"


def among_shown(result: FamilyResult, groups: Sequence[MatchGroup]) -> tuple[str, float] | None:
    """Say what the chance of the matches shown is of, and that chance; None where unknown.

    Where near-duplicates stand beside them, it is the chance of all these together.
    """
    judgement = result.judgement
    if judgement is None or len(result.matches) < 5:
        return None
    if not any(group.duplicates for group in groups):
        return among_five(result), judgement.top_5
    start = "If it is here after all, chance" if judgement.is_absent else "Chance"
    share = min(1.0, sum(judgement.chances))
    return f"{start} that it is among these {len(result.matches)}", share


def false_alarms(judgement: Judgement) -> str:
    """Say how often `ABSENT` is wrong."""
    return (
        f"Said wrongly of {percent(judgement.false_alarm_rate)} of the instruments in calibration."
    )


def judgement_as_json(judgement: Judgement | None) -> dict[str, Any] | None:
    """Turn a judgement into plain values; the chances of single matches stand beside these."""
    if judgement is None:
        return None
    return {
        "top_1": round(judgement.top_1, 4),
        "top_5": round(judgement.top_5, 4),
        "novelty": round(judgement.novelty, 4),
        "is_absent": judgement.is_absent,
        "false_alarm_rate": round(judgement.false_alarm_rate, 4),
    }


def chance_as_json(chance: float | None) -> float | None:
    """Round a match's chance; None stays None."""
    return None if chance is None else round(chance, 4)
