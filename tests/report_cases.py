"""Hand-made results of every protocol."""

from collections.abc import Mapping
from typing import Any

FAMILIES = {"percussion": 109, "bass": 275, "synth_lead": 376}
CURVE = (1, 2, 3, 5, 10, 20, 50, 100)
SEPARATION = "Demucs + single encoder"


def estimate(value: float, chance: float, *, interval: bool = True) -> dict[str, Any]:
    low, high = (0.8 * value, min(1.0, 1.2 * value)) if interval else (None, None)
    return {"value": value, "low": low, "high": high, "chance": chance}


def scores(top_1: float, candidates: float, *, interval: bool = True) -> dict[str, Any]:
    top_5 = min(1.0, 2 * top_1)
    return {
        "queries": 1000,
        "instruments": 12 if interval else 1,
        "candidates": float(candidates),
        "top_1": estimate(top_1, 1 / candidates, interval=interval),
        "top_5": estimate(top_5, 5 / candidates, interval=interval),
        "mrr": estimate(1.4 * top_1, 0.03, interval=interval),
        "median_rank": {"value": 15.7, "low": None, "high": None, "chance": candidates / 2},
        "curve": {str(k): min(1.0, top_1 * k**0.4) for k in CURVE},
    }


def mixtures(
    name: str,
    top_1: float,
    *,
    families: Mapping[str, int] = FAMILIES,
    interval: bool = True,
    **more: Any,
) -> dict[str, Any]:
    rows = {family: scores(top_1, n, interval=interval) for family, n in families.items()}
    mean = scores(top_1, sum(families.values()) / len(families), interval=interval)
    settings = {
        "mixtures": 1000,
        "seconds": 10.0,
        "families": list(families),
        "split": "test",
        "seed": 0,
        "data": ["surge"],
        "setting": "paper",
    }
    return {
        "protocol": "mixtures",
        "name": name,
        "encoder": f"id-{name}",
        "seconds": 12.3,
        "primary": {"name": "mean top_1", "value": top_1},
        "settings": settings,
        "scores": rows | {"mean": mean},
        **more,
    }


def single(name: str, top_1: float, **more: Any) -> dict[str, Any]:
    return {
        "protocol": "single",
        "name": name,
        "encoder": f"id-{name}",
        "seconds": 4.5,
        "primary": {"name": "all top_1", "value": top_1},
        "settings": {"split": "test", "seed": 0, "data": ["surge", "soundfonts"]},
        "scores": {
            "all": scores(top_1, 1924),
            "bass": scores(top_1, 1924),
            "none": scores(top_1, 1924),
            "source: surge": scores(top_1, 1924),
            "all_with_references": scores(1.1 * top_1, 1924),
        },
        "confusion": {"families": ["bass", "none"], "counts": [[90, 10], [30, 0]]},
        **more,
    }


def conditions() -> dict[str, Any]:
    def one(name: str, top_1: float, stability: float | None = None) -> dict[str, Any]:
        rows = {family: scores(top_1, n) for family, n in FAMILIES.items()}
        return {
            "name": name,
            "queries": 1500,
            "scores": rows | {"mean": scores(top_1, 253.3)},
            "stability": stability,
        }

    return {
        "protocol": "conditions",
        "name": "cir",
        "encoder": "id-cir",
        "seconds": 81.0,
        "settings": {"split": "test", "seed": 0, "data": ["surge"]},
        "groups": [
            {
                "name": "level of the target",
                "unit": "dB",
                "about": "One instrument is louder or softer.",
                "conditions": [one("-12", 0.05), one("0", 0.2), one("12", 0.4)],
            },
            {
                "name": "robustness",
                "unit": "",
                "about": "",
                "conditions": [one("clean", 0.2), one("mp3, 64 kbit/s", 0.15, 0.71)],
            },
        ],
    }


def open_set() -> dict[str, Any]:
    bins: list[dict[str, Any]] = [
        {"low": 0.0, "high": 0.5, "chance": 0.2, "accuracy": 0.25, "count": 812},
        {"low": 0.5, "high": 1.0, "chance": None, "accuracy": None, "count": 0},
    ]
    return {
        "protocol": "open-set",
        "name": "cir",
        "encoder": "id-cir",
        "seconds": 15.0,
        "settings": {"split": "test", "seed": 0, "data": ["surge"]},
        "auroc": {
            "instrument": {"value": 0.612, "low": 0.57, "high": 0.66},
            "family": {"value": 0.83, "low": None, "high": None},
        },
        "ece": {
            "matches": {"value": 0.012, "low": 0.01, "high": 0.02},
            "top_1": {"value": 0.031, "low": 0.02, "high": 0.05},
            "top_5": {"value": 0.04, "low": 0.03, "high": 0.06},
        },
        "reliability": {"matches": bins, "top_1": bins, "top_5": bins},
        "shown": {"share": 0.84, "matches": 812, "worst": bins[0] | {"gap": -0.05}},
        "threshold": {
            "novelty": 0.83,
            "false_alarm": 0.1,
            "detection_instrument": 0.21,
            "detection_family": 0.43,
        },
    }


def everything() -> list[dict[str, Any]]:
    paper = {"top_1": 64.8, "top_5": 85.0}
    return [
        mixtures("MFCC mean+std", 0.014),
        {
            "protocol": "mixtures",
            "name": SEPARATION,
            "missing": "its weights are not here; fetch them first",
            "paper": {"top_1": 14.5, "top_5": 25.8},
            "about": "",
        },
        mixtures("contrastive: triplet", 0.1, paper=paper, about="trained: small.yaml"),
        mixtures("cir", 0.167, paper=None),
        single("MFCC mean+std", 0.132),
        single("cir", 0.396, paper={"top_1": 83.2, "top_5": 95.0}),
        conditions(),
        open_set(),
    ]
