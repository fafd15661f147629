"""Answers of endpoints and MCP tools: checked arguments in, plain values out, no Gradio."""

import math
from pathlib import Path
from typing import Any

from cir.audio.formats import READABLE
from cir.audio.io import load_audio
from cir.errors import InputError
from cir.index.vector_index import Filters
from cir.types import SAMPLE_RATE, FloatArray, Instrument, Progress
from cir.ui.api.result_json import instrument_as_json, match_as_json, results_as_json
from cir.ui.api.timbre_facts import MEASURED_SECONDS, timbre_facts
from cir.ui.search.mixes import MAX_SECONDS, Region
from cir.ui.service import MAX_TOP_K, PageService

MAX_LISTED = 500
"""Most instruments of one page of `/instruments`."""


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
        self._one_of(instrument_id, sound)
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
        self._one_of(instrument_id, sound)
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

    @staticmethod
    def _one_of(instrument_id: str | None, sound: str | None) -> None:
        if bool(instrument_id) == bool(sound):
            given = "Both" if sound else "Neither"
            raise InputError(
                f"{given} of an instrument's id and a sound file came; give one of the two."
            )


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
