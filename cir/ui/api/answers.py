"""Answers of endpoints and MCP tools: checked arguments in, plain values out, no Gradio."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cir.audio.formats import READABLE
from cir.audio.io import load_audio, resample
from cir.baselines.timbre_toolbox.description import NAMES, describe
from cir.errors import InputError
from cir.index.filters import Filters
from cir.retrieval.answers import chance_as_json, judgement_as_json
from cir.types import SAMPLE_RATE, FamilyResult, FloatArray, Instrument, Match, Progress
from cir.ui.search.mixes import MAX_SECONDS, Region
from cir.ui.service import MAX_TOP_K, PageService
from cir.ui.sound_address import sound_address

MEASURED_SECONDS = 10.0
"""Only this many seconds of a sound are measured, from its start."""
_LOGARITHMIC = True
_FACTS: dict[str, tuple[str, bool]] = {
    "attack_seconds": ("envelope attack_seconds", _LOGARITHMIC),
    "release_seconds": ("envelope release_seconds", _LOGARITHMIC),
    "effective_duration_seconds": ("envelope effective_duration", _LOGARITHMIC),
    "temporal_centroid_seconds": ("envelope temporal_centroid", _LOGARITHMIC),
    "modulation_hz": ("envelope modulation_hz", False),
    "brightness_hz": ("magnitude centroid, median", _LOGARITHMIC),
    "spread_hz": ("magnitude spread, median", _LOGARITHMIC),
    "rolloff_hz": ("power rolloff, median", _LOGARITHMIC),
    "flatness": ("power flatness, median", _LOGARITHMIC),
    "change": ("magnitude variation, median", _LOGARITHMIC),
    "fundamental_share": ("harmonic tristimulus_1, median", False),
    "low_partials_share": ("harmonic tristimulus_2, median", False),
    "high_partials_share": ("harmonic tristimulus_3, median", False),
    "odd_to_even_bels": ("harmonic odd_to_even, median", False),
    "inharmonicity": ("harmonic inharmonicity, median", _LOGARITHMIC),
    "noisiness": ("harmonic noisiness, median", False),
}

MAX_LISTED = 500
"""Most instruments of one page of `/instruments`."""


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


def timbre_facts(sound: FloatArray, sample_rate: int) -> dict[str, float]:
    """Measure a sound, independent of level, as medians over its audible frames.

    The docstring of the endpoint `/describe` explains each measure.

    Args:
        sound: Mono waveform, (T,); only its first `MEASURED_SECONDS` are used.
        sample_rate: Sample rate of the sound.

    Raises:
        InputError: It is empty or silent.
    """
    audio = resample(sound[: round(MEASURED_SECONDS * sample_rate)], sample_rate, SAMPLE_RATE)
    values = dict(zip(NAMES, describe(audio, SAMPLE_RATE).tolist(), strict=True))
    return {
        fact: float(f"{10.0 ** values[name] if logarithmic else values[name]:.4g}")
        for fact, (name, logarithmic) in _FACTS.items()
    }


class ApiAnswers:
    """Answers questions about mixes, sounds and instruments of one database.

    An empty or missing filter (family, bank, source) means all. Every method raises InputError if
    a question cannot be answered.
    """

    def __init__(self, service: PageService) -> None:
        self._service = service

    def search(
        self,
        mix: str | None,
        families: list[str],
        top_k: float,
        *,
        bank: str | None = None,
        source: str | None = None,
        start_seconds: float | None = None,
        end_seconds: float | None = None,
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """Find the instruments of each family that sound most like those in a mix."""
        answer = self._service.search(
            mix,
            families,
            _check_count(top_k, "matches"),
            progress,
            filters=Filters(bank or None, source or None),
            region=_region(start_seconds, end_seconds),
        )
        return results_as_json(answer.results, answer.seconds)

    def similar(
        self,
        instrument_id: str | None,
        sound: str | None,
        top_k: float,
        *,
        family: str | None = None,
        bank: str | None = None,
        source: str | None = None,
    ) -> dict[str, Any]:
        """Find the instruments most similar to one of the database, or to a sound of one."""
        count = _check_count(top_k, "instruments")
        _check_one_of(instrument_id, sound)
        if instrument_id:
            ids, embeddings = self._service.database.embeddings()
            query = embeddings[ids.index(self._find(instrument_id).instrument_id)]
        else:
            audio = _read(sound, "sound")
            query = self._service.encoder.embed([audio], SAMPLE_RATE)[0]
        ranking = self._service.database.ranking(
            query, family or None, bank=bank or None, source=source or None
        )
        others = ranking.only(lambda one: one.instrument_id != instrument_id)
        return {"matches": [match_as_json(one) for one in others.top(count)]}

    def describe(
        self, instrument_id: str | None, sound: str | None, neighbours: float
    ) -> dict[str, Any]:
        """Return the facts of an instrument, or measure a sound."""
        _check_one_of(instrument_id, sound)
        if not instrument_id:
            audio = _read(sound, "sound")
            return {
                "seconds": round(len(audio) / SAMPLE_RATE, 3),
                "measured_seconds": round(min(len(audio) / SAMPLE_RATE, MEASURED_SECONDS), 3),
                "timbre": timbre_facts(audio, SAMPLE_RATE),
            }
        instrument = self._find(instrument_id)
        count = _check_count(neighbours, "neighbours")
        near = self._service.neighbours(instrument_id, count)[1]
        return {
            "instrument": self._as_json(instrument),
            "place": self._place(instrument_id),
            "timbre": self._timbre_of(instrument_id),
            "neighbours": [match_as_json(one) for one in near],
        }

    def instruments(
        self,
        words: str | None,
        *,
        family: str | None = None,
        bank: str | None = None,
        source: str | None = None,
        limit: float = 100,
        offset: float = 0,
    ) -> dict[str, Any]:
        """List the instruments that have all words in their name, bank, category or author."""
        most = _check_count(limit, "instruments", MAX_LISTED)
        first = _check_offset(offset)
        catalog = self._service.database.instruments().filter(
            family=family or None, bank=bank or None, source=source or None
        )
        wanted = (words or "").casefold().split()
        found = [one for one in catalog if all(word in _text_of(one) for word in wanted)]
        return {
            "total": len(found),
            "instruments": [self._as_json(one) for one in found[first : first + most]],
        }

    def _find(self, instrument_id: str) -> Instrument:
        if not self._service.has([instrument_id]):
            raise InputError(
                f"The database has no instrument {instrument_id!r}; /instruments lists them all."
            )
        return self._service.database.get(instrument_id)

    def _as_json(self, instrument: Instrument) -> dict[str, Any]:
        name = instrument.instrument_id
        return instrument_as_json(
            instrument, self._service.preview(name), self._service.phrase(name)
        )

    def _place(self, instrument_id: str) -> dict[str, float] | None:
        if self._service.coordinates is None:
            return None
        x, y = self._service.position(instrument_id)
        return {"x": round(x, 4), "y": round(y, 4)}

    def _timbre_of(self, instrument_id: str) -> dict[str, float] | None:
        preview = self._service.preview(instrument_id)
        return None if preview is None else timbre_facts(*load_audio(preview))


def _region(start_seconds: float | None, end_seconds: float | None) -> Region | None:
    """Return the passage between two times; None stands for the mix's beginning or end."""
    if not start_seconds and end_seconds is None:
        return None
    end = math.inf if end_seconds is None else end_seconds
    return Region(float(start_seconds or 0.0), float(end))


def _read(path: str | None, what: str) -> FloatArray:
    if not path:
        raise InputError(f"There is no {what}; give a sound file ({READABLE}).")
    return load_audio(Path(path), sample_rate=SAMPLE_RATE, max_seconds=MAX_SECONDS)[0]


def _check_one_of(instrument_id: str | None, sound: str | None) -> None:
    if bool(instrument_id) == bool(sound):
        given = "Both" if sound else "Neither"
        raise InputError(
            f"{given} of an instrument's id and a sound file came; give one of the two."
        )


def _check_count(count: float | None, what: str, most: int = MAX_TOP_K) -> int:
    """Return a count as int; JSON gives 5.0."""
    if count is None or count not in range(1, most + 1):
        raise InputError(
            f"{_shown(count)} {what} were asked for; choose a whole number from 1 to {most}."
        )
    return int(count)


def _check_offset(offset: float | None) -> int:
    if offset is None or not 0 <= offset < math.inf or offset != int(offset):
        raise InputError(f"The offset is {_shown(offset)}; choose a whole number from 0.")
    return int(offset)


def _shown(number: float | None) -> str:
    return "No number" if number is None else f"{number:g}"


def _text_of(instrument: Instrument) -> str:
    parts = (instrument.name, instrument.bank, instrument.category, instrument.author)
    return " ".join(parts).casefold()
