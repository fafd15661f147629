"""The named endpoint `/search`, for `gradio_client` and plain HTTP."""

from typing import Any

import gradio as gr

from cir.errors import CirError
from cir.instruments.families import FAMILIES
from cir.retrieval import DEFAULT_FAMILIES
from cir.types import Match
from cir.ui.cards import sound_address
from cir.ui.judgements import chance_as_json, judgement_as_json
from cir.ui.search_tab import MODEL_QUEUE
from cir.ui.service import MAX_TOP_K, Answer, PageService


def build_api(service: PageService) -> None:
    """Add the endpoint to the current `gr.Blocks`; it shows nothing on the page."""

    def search(mix: str, families: list[str], top_k: float) -> dict[str, Any]:
        """Find the instruments that sound most like those in a mix.

        Each family has its `matches`, best first, with `similarity` (cosine) and `chance`
        (calibrated, in [0, 1], that this is the instrument, if the database has it), and a
        `judgement` of them all: `top_1` and `top_5` (chance that the first, or one of the first
        five, is right), `novelty` in [0, 1], `is_absent` (probably not in this database) and
        `false_alarm_rate` (how often that is said of instruments that are here). Chances and
        judgement are null where the database is not calibrated for the model.

        Args:
            mix: the sound file.
            families: slugs of the families to look for.
            top_k: how many matches of each family.
        """
        try:
            return answer_as_json(service.search(mix, families, top_k))
        except CirError as error:
            raise gr.Error(str(error), print_exception=False) from error

    with gr.Row(visible=False):
        mix = gr.Audio(label="mix", type="filepath")
        families = gr.CheckboxGroup(list(FAMILIES), value=list(DEFAULT_FAMILIES), label="families")
        top_k = gr.Slider(1, MAX_TOP_K, value=5, step=1, label="top_k")
        answer = gr.JSON(label="matches")
        gr.Button().click(
            search,
            [mix, families, top_k],
            answer,
            api_name="search",
            concurrency_limit=1,
            concurrency_id=MODEL_QUEUE,
        )


def answer_as_json(answer: Answer) -> dict[str, Any]:
    """Turn an answer into plain values; `preview` is an address relative to the page."""
    return {
        "seconds": round(answer.seconds, 3),
        "families": [
            {
                "family": result.family,
                "judgement": judgement_as_json(result.judgement),
                "matches": [_match_as_json(one) for one in result.matches],
            }
            for result in answer.results
        ],
    }


def _match_as_json(match: Match) -> dict[str, Any]:
    instrument = match.instrument
    return {
        "rank": match.rank,
        "similarity": round(match.similarity, 4),
        "chance": chance_as_json(match.chance),
        "instrument_id": instrument.instrument_id,
        "name": instrument.name,
        "family": instrument.family,
        "category": instrument.category,
        "bank": instrument.bank,
        "author": instrument.author,
        "licence": instrument.licence,
        "source": instrument.source,
        "engine": instrument.engine,
        "preview": None if match.preview is None else sound_address(match.preview),
    }
