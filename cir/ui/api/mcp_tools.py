"""The tools of the MCP server.

Gradio lists every public endpoint as a tool, by the name and docstring of its function. Tools
answer JSON as text, which Gradio passes on unchanged.
"""

import json
from typing import Any

import gradio as gr

from cir.ui.api.answers import ApiAnswers
from cir.ui.api.endpoints import publish
from cir.ui.events import ON_MODEL
from cir.ui.service import PageService

MCP_TOOLS = ("find_instruments", "similar_instruments", "describe_sound")
"""Names of the tools; a Space puts its own name before them."""


def build_tools(service: PageService) -> None:
    """Add the tools to the current `gr.Blocks`; launch it with `mcp_server=True`."""
    tools = _Tools(ApiAnswers(service))
    with gr.Row(visible=False):
        publish(tools.find_instruments, gr.Textbox(label="answer"), is_tool=True, **ON_MODEL)
        publish(tools.similar_instruments, gr.Textbox(label="answer"), is_tool=True, **ON_MODEL)
        answer = gr.Textbox(label="answer")
        publish(tools.describe_sound, answer, is_tool=True, concurrency_limit=1)


class _Tools:
    """The functions that are published; clients read their docstrings."""

    def __init__(self, answers: ApiAnswers) -> None:
        self._answers = answers

    def find_instruments(
        self,
        mix: str | None,
        families: list[str],
        top_k: float = 5,
        start_seconds: float | None = 0,
        end_seconds: float | None = None,
    ) -> str:
        """Find which instruments (synthesizer presets, samples) of the database play in a mix.

        Takes a piece of music of up to ten minutes and lists, for each requested family, the
        instruments that sound most like the one in the mix: name, bank, category, author, licence,
        `similarity` (cosine), `likeness` (a word for it) and, where it is known, `chance` in [0, 1]
        that it is this very instrument, if the database has it. If `judgement.is_absent` is true,
        the database probably does not have it. Answers JSON.

        Args:
            mix: Sound file, as an address or the path of an upload.
            families: Families to look for, such as percussion, bass, synth_lead, synth_pad.
            top_k: Matches per family, 1 to 20.
            start_seconds: Start of the passage.
            end_seconds: End of the passage; empty for the end of the mix.
        """
        found = self._answers.search(
            mix, families, top_k, start_seconds=start_seconds, end_seconds=end_seconds
        )
        return _text(found)

    def similar_instruments(
        self,
        instrument_id: str | None = None,
        sound: str | None = None,
        top_k: float = 5,
        family: str | None = None,
    ) -> str:
        """Find the instruments that sound most like one instrument.

        Give either the `instrument_id` of an instrument of the database, as other tools return it,
        or a recording of a note of any instrument. Answers JSON: `matches`, best first, with name,
        bank, category, author, licence and `similarity` (cosine: 1 is the same sound, 0 is
        unrelated).

        Args:
            instrument_id: Id of an instrument of the database; or
            sound: Sound file with a note of one instrument, as an address or the path of an upload.
            top_k: Number of instruments, 1 to 20.
            family: Only this family, such as bass; empty for all.
        """
        return _text(self._answers.similar(instrument_id, sound, top_k, family=family))

    def describe_sound(self, sound: str | None) -> str:
        """Measure the timbre of a sound: its attack, brightness, noisiness and harmonicity.

        Best a single note; the first ten seconds are used. Answers JSON: `timbre` with times of the
        envelope in seconds (attack, release, effective duration, temporal centroid), tremolo,
        brightness (spectral centroid), spread and rolloff in hertz, flatness (0 a sine, 1 noise),
        change from frame to frame, shares of amplitude of the fundamental, of partials 2 to 4 and
        above, odd over even partials in bels, inharmonicity (0 to 1) and noisiness (0 to 1).

        Args:
            sound: Sound file, as an address or the path of an upload.
        """
        return _text(self._answers.describe(None, sound, 1))


def _text(answer: dict[str, Any]) -> str:
    return json.dumps(answer, ensure_ascii=False)
