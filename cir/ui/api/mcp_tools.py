"""The tools of the MCP server: three questions that a program with ears of its own may ask.

Gradio lists every public endpoint as a tool by the name of its function, and the docstring is the
tool's description. Tools answer JSON as text, which Gradio passes on as it is.
"""

import json
from typing import Any

import gradio as gr

from cir.instruments.families import FAMILIES
from cir.retrieval.retriever import DEFAULT_FAMILIES
from cir.ui.api.answers import ApiAnswers
from cir.ui.api.endpoints import ON_MODEL, one_sentence
from cir.ui.service import PageService

MCP_TOOLS = ("find_instruments", "similar_instruments", "describe_sound")
"""Names of the tools; on a Space, its own name stands before them."""


def build_tools(service: PageService) -> None:
    """Add the tools to the current `gr.Blocks`; launch it with `mcp_server=True`."""
    answers = ApiAnswers(service)
    with gr.Row(visible=False):
        _add_find(answers)
        _add_similar(answers)
        _add_describe(answers)


def _add_find(answers: ApiAnswers) -> None:
    @one_sentence
    def find_instruments(
        mix: str | None,
        families: list[str],
        top_k: float,
        start_seconds: float | None = None,
        end_seconds: float | None = None,
    ) -> str:
        """Find which instruments (synthesizer presets, samples) of the database play in a mix.

        Listens to a piece of music of up to ten minutes and lists, for each family asked for, the
        instruments that sound most like the one in the mix: name, bank, category, author, licence,
        `similarity` (cosine), `likeness` (a word for it) and, where that is known, `chance` in
        [0, 1] that it is this very instrument, if the database has it. Where `judgement.is_absent`
        is true it probably has not. Answers JSON.

        Args:
            mix: the sound file, as an address or a path that was uploaded.
            families: families to look for, such as percussion, bass, synth_lead, synth_pad.
            top_k: how many matches of each family, 1 to 20.
            start_seconds: where to begin listening.
            end_seconds: where to stop; empty for the end.
        """
        return _text(
            answers.search(
                mix, families, top_k, start_seconds=start_seconds, end_seconds=end_seconds
            )
        )

    gr.Button().click(
        find_instruments,
        [
            gr.Audio(label="mix", type="filepath"),
            gr.CheckboxGroup(list(FAMILIES), value=list(DEFAULT_FAMILIES), label="families"),
            gr.Number(5, label="top_k"),
            gr.Number(0, label="start_seconds"),
            gr.Number(label="end_seconds"),
        ],
        gr.Textbox(label="answer"),
        api_name="find_instruments",
        **ON_MODEL,
    )


def _add_similar(answers: ApiAnswers) -> None:
    @one_sentence
    def similar_instruments(
        instrument_id: str | None = None,
        sound: str | None = None,
        top_k: float = 5,
        family: str | None = None,
    ) -> str:
        """Find the instruments that sound most like one instrument.

        Which one: either one of the database by its `instrument_id`, as other tools return it, or a
        recording of a note of any instrument. Answers JSON: `matches`, best first, with name, bank,
        category, author, licence and `similarity` (cosine: 1 is the same sound, 0 is unrelated).

        Args:
            instrument_id: id of an instrument of the database; or
            sound: a sound file with a note of one instrument, as an address or an uploaded path.
            top_k: how many, 1 to 20.
            family: only this family, such as bass; empty for all.
        """
        return _text(answers.similar(instrument_id, sound, top_k, family=family))

    gr.Button().click(
        similar_instruments,
        [
            gr.Textbox(label="instrument_id"),
            gr.Audio(label="sound", type="filepath"),
            gr.Number(5, label="top_k"),
            gr.Textbox(label="family"),
        ],
        gr.Textbox(label="answer"),
        api_name="similar_instruments",
        **ON_MODEL,
    )


def _add_describe(answers: ApiAnswers) -> None:
    @one_sentence
    def describe_sound(sound: str | None) -> str:
        """Measure the timbre of a sound: how it begins, how bright, how noisy, how harmonic it is.

        Best a single note; the first ten seconds count. Answers JSON: `timbre` with times of the
        envelope in seconds (attack, release, effective duration, temporal centroid), tremolo,
        brightness (spectral centroid), spread and rolloff in hertz, flatness (0 a sine, 1 noise),
        change from frame to frame, shares of amplitude of the fundamental, of partials 2 to 4 and
        above, odd over even partials in bels, inharmonicity (0 to 1) and noisiness (0 to 1).

        Args:
            sound: the sound file, as an address or a path that was uploaded.
        """
        return _text(answers.describe(None, sound, 1))

    gr.Button().click(
        describe_sound,
        [gr.Audio(label="sound", type="filepath")],
        gr.Textbox(label="answer"),
        api_name="describe_sound",
        concurrency_limit=1,
    )


def _text(answer: dict[str, Any]) -> str:
    return json.dumps(answer, ensure_ascii=False)
