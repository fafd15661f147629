"""Matches, instruments and whole answers as the plain values that endpoints and tools return."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cir.retrieval.wording import chance_as_json, judgement_as_json
from cir.types import FamilyResult, Instrument, Match
from cir.ui.cards import sound_address


def results_as_json(results: Sequence[FamilyResult], seconds: float) -> dict[str, Any]:
    """Lay out a search: how long it took, and each family's matches and judgement."""
    return {
        "seconds": round(seconds, 3),
        "families": [
            {
                "family": result.family,
                "judgement": judgement_as_json(result.judgement),
                "matches": [match_as_json(one) for one in result.matches],
            }
            for result in results
        ],
    }


def match_as_json(match: Match) -> dict[str, Any]:
    """Lay out a match: how it ranks, and its instrument."""
    return {
        "rank": match.rank,
        "similarity": round(match.similarity, 4),
        "chance": chance_as_json(match.chance),
        "likeness": match.likeness or None,
        "guessed_family": match.guessed_family,
        **instrument_as_json(match.instrument, match.preview, match.phrase),
    }


def instrument_as_json(
    instrument: Instrument, preview: Path | None, phrase: Path | None
) -> dict[str, Any]:
    """Lay out an instrument; the addresses of its sounds are relative to the page."""
    return {
        **asdict(instrument),
        "preview": None if preview is None else sound_address(preview),
        "phrase": None if phrase is None else sound_address(phrase),
    }
