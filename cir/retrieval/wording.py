"""Calibrated answers in the words and the JSON that page and command line share."""

from typing import Any

from cir.types import FamilyResult, Judgement

ABSENT = "Probably not in this database."


def percent(share: float) -> str:
    """Format a share in [0, 1] in whole percents; only 0 and 1 become 0 and 100 %."""
    if 0.0 < share < 0.01:
        return "<1 %"
    if 0.99 < share < 1.0:
        return ">99 %"
    return f"{100.0 * share:.0f} %"


def among_five(result: FamilyResult) -> str:
    """Return a sentence with the chance that one of the first five is right, if it is known."""
    judgement = result.judgement
    if judgement is None or judgement.top_5 is None or len(result.matches) < 5:
        return ""
    which = "these five" if len(result.matches) == 5 else "the first five"
    return f"Chance that it is among {which}: {percent(judgement.top_5)}"


def false_alarms(judgement: Judgement) -> str:
    """Return a sentence that says how often `ABSENT` is wrong."""
    return (
        f"Said wrongly of {percent(judgement.false_alarm_rate)} of the instruments in calibration."
    )


def judgement_as_json(judgement: Judgement | None) -> dict[str, Any] | None:
    """Return a judgement as plain values, without the chances of single matches."""
    if judgement is None:
        return None
    return {
        "top_1": chance_as_json(judgement.top_1),
        "top_5": chance_as_json(judgement.top_5),
        "novelty": round(judgement.novelty, 4),
        "is_absent": judgement.is_absent,
        "false_alarm_rate": round(judgement.false_alarm_rate, 4),
    }


def chance_as_json(chance: float | None) -> float | None:
    """Return a match's chance, rounded; None stays None."""
    return None if chance is None else round(chance, 4)
