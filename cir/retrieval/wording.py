"""What a calibrated answer says, in the words and JSON that page and command line share."""

from typing import Any

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
    """Say how likely it is that one of the first five is right; empty where that is not known."""
    judgement = result.judgement
    if judgement is None or judgement.top_5 is None or len(result.matches) < 5:
        return ""
    which = "these five" if len(result.matches) == 5 else "the first five"
    return f"Chance that it is among {which}: {percent(judgement.top_5)}"


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
        "top_1": chance_as_json(judgement.top_1),
        "top_5": chance_as_json(judgement.top_5),
        "novelty": round(judgement.novelty, 4),
        "is_absent": judgement.is_absent,
        "false_alarm_rate": round(judgement.false_alarm_rate, 4),
    }


def chance_as_json(chance: float | None) -> float | None:
    """Round a match's chance; None stays None."""
    return None if chance is None else round(chance, 4)
