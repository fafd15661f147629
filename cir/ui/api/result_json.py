"""Results of a search, matches and instruments as JSON values, for endpoints and MCP tools."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cir.retrieval.wording import chance_as_json, judgement_as_json
from cir.types import FamilyResult, Instrument, Match
from cir.ui.cards import sound_address


def results_as_json(results: Sequence[FamilyResult], seconds: float) -> dict[str, Any]:
    """Convert a search: its duration, and the matches and judgement of each family."""
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
    """Convert a match and its instrument."""
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
    """Convert an instrument; the addresses of its sounds are relative to the page."""
    return {
        **asdict(instrument),
        "preview": None if preview is None else sound_address(preview),
        "phrase": None if phrase is None else sound_address(phrase),
    }
