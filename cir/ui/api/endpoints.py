"""The named endpoints `/search`, `/similar`, `/describe` and `/instruments`.

For `gradio_client` and plain HTTP; their docstrings are what `view_api` shows. They stand beside
the page and show nothing on it.
"""

from collections.abc import Callable, Collection
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import gradio as gr

from cir.errors import CirError
from cir.instruments.families import FAMILIES
from cir.retrieval.retriever import DEFAULT_FAMILIES
from cir.ui.api.answers import ApiAnswers
from cir.ui.search.tab import MODEL_QUEUE
from cir.ui.service import PageService

API_NAMES = ("search", "similar", "describe", "instruments")

P = ParamSpec("P")
T = TypeVar("T")

ON_MODEL: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": MODEL_QUEUE}
"""Of events that run the model: one at a time, in the queue of the page's own searches."""


def one_sentence(endpoint: Callable[P, T]) -> Callable[P, T]:
    """Let an endpoint answer what it cannot do with its sentence, without a traceback."""

    @wraps(endpoint)
    def answer(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return endpoint(*args, **kwargs)
        except CirError as error:
            raise gr.Error(str(error), print_exception=False) from error

    return answer


def not_a_tool(endpoint: Callable[P, T]) -> Callable[P, T]:
    """Keep an endpoint out of the MCP server, which otherwise lists every public one as a tool."""
    endpoint._mcp_type = "endpoint"  # type: ignore[attr-defined]
    return endpoint


def build_api(service: PageService) -> None:
    """Add the endpoints to the current `gr.Blocks`."""
    answers = ApiAnswers(service)
    with gr.Row(visible=False):
        _add_search(answers)
        _add_similar(answers)
        _add_describe(answers)
        _add_instruments(answers)


def hide_other_events(page: gr.Blocks, named: Collection[str]) -> None:
    """Make private what Gradio publishes by itself, such as the making of a visitor's state."""
    for event in page.fns.values():
        if event.api_name not in named:
            event.api_visibility = "private"
    page.config = page.get_config_file()


def _add_search(answers: ApiAnswers) -> None:
    @not_a_tool
    @one_sentence
    def search(
        mix: str | None,
        families: list[str],
        top_k: float,
        bank: str | None = None,
        source: str | None = None,
        start_seconds: float | None = None,
        end_seconds: float | None = None,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - Gradio finds it by this default
    ) -> dict[str, Any]:
        """Find the instruments that sound most like those in a mix.

        Answers {"seconds", "families"}. Each family has its `matches`, best first, with
        `similarity` (cosine), `likeness` (a word for it: very similar, similar, not alike) and
        `chance` (calibrated, in [0, 1], that this is the instrument, if the database has it), and a
        `judgement` of them all: `top_1` and `top_5` (chance that the first, or one of the first
        five, is right), `novelty` in [0, 1], `is_absent` (probably not in this database) and
        `false_alarm_rate` (how often that is said of instruments that are here). The judgement is
        null where the database is not calibrated, chances also where few data of the family stand
        behind them, with a filter, and where the instrument is probably absent.
        A match has all facts of its instrument, and the addresses of its `preview` and `phrase`,
        relative to the page. Files may last ten minutes and have 120 MB; searches run one after
        another, by turns of the visitors, and up to 64 of each may wait.

        Args:
            mix: the sound file.
            families: slugs of the families to look for.
            top_k: how many matches of each family, 1 to 20.
            bank: only instruments of this bank; empty for all.
            source: only instruments of this source, such as surge or soundfont; empty for all.
            start_seconds: where to begin listening.
            end_seconds: where to stop; empty for the end.
            progress: Gradio's own.
        """
        return answers.search(
            mix,
            families,
            top_k,
            bank=bank,
            source=source,
            start_seconds=start_seconds,
            end_seconds=end_seconds,
            progress=lambda done, words: progress(done, desc=words),
        )

    gr.Button().click(
        search,
        [
            gr.Audio(label="mix", type="filepath"),
            gr.CheckboxGroup(list(FAMILIES), value=list(DEFAULT_FAMILIES), label="families"),
            gr.Number(5, label="top_k"),
            gr.Textbox(label="bank"),
            gr.Textbox(label="source"),
            gr.Number(0, label="start_seconds"),
            gr.Number(label="end_seconds"),
        ],
        gr.JSON(label="matches"),
        api_name="search",
        **ON_MODEL,
    )


def _add_similar(answers: ApiAnswers) -> None:
    @not_a_tool
    @one_sentence
    def similar(
        instrument_id: str | None = None,
        sound: str | None = None,
        top_k: float = 5,
        family: str | None = None,
        bank: str | None = None,
        source: str | None = None,
    ) -> dict[str, Any]:
        """Find the instruments most similar to one of the database, or to a sound of one.

        Answers {"matches"}, best first, each as in /search, by plain cosine `similarity`; `chance`
        and `likeness` are null. A sound should be one note or a short passage of one instrument; of
        a longer one the first seconds count.

        Args:
            instrument_id: of the database; or
            sound: a sound file.
            top_k: how many, 1 to 20.
            family: only this family; empty for all.
            bank: only this bank; empty for all.
            source: only this source; empty for all.
        """
        return answers.similar(instrument_id, sound, top_k, family=family, bank=bank, source=source)

    gr.Button().click(
        similar,
        [
            gr.Textbox(label="instrument_id"),
            gr.Audio(label="sound", type="filepath"),
            gr.Number(5, label="top_k"),
            gr.Textbox(label="family"),
            gr.Textbox(label="bank"),
            gr.Textbox(label="source"),
        ],
        gr.JSON(label="matches"),
        api_name="similar",
        **ON_MODEL,
    )


def _add_describe(answers: ApiAnswers) -> None:
    @not_a_tool
    @one_sentence
    def describe(
        instrument_id: str | None = None, sound: str | None = None, neighbours: float = 5
    ) -> dict[str, Any]:
        """Say what is known of an instrument, or measure the timbre of a sound.

        Of an instrument: {"instrument", "place", "timbre", "neighbours"}: its facts, `preview` and
        `phrase`, its place x, y on the map (null without a map), the timbre of its preview, and the
        instruments most similar to it, of any family. Of a sound: {"seconds", "measured_seconds",
        "timbre"}.

        `timbre` holds measures of the Timbre Toolbox (Peeters 2011) over the first ten seconds, the
        same at any level, medians over the audible frames. Envelope: `attack_seconds`,
        `release_seconds`, `effective_duration_seconds`, `temporal_centroid_seconds`,
        `modulation_hz` (tremolo). Spectrum: `brightness_hz` (its centroid), `spread_hz`,
        `rolloff_hz` (95 % of the energy is below), `flatness` (0 a sine, 1 noise), `change` (from
        frame to frame). Partials: `fundamental_share`, `low_partials_share` (2 to 4),
        `high_partials_share` (of amplitude), `odd_to_even_bels` (of energy, 0 is equal),
        `inharmonicity` (0 harmonic, 1 midway between harmonics), `noisiness` (share of energy that
        is in no partial).

        Args:
            instrument_id: of the database; or
            sound: a sound file, best a single note.
            neighbours: how many similar instruments, 1 to 20.
        """
        return answers.describe(instrument_id, sound, neighbours)

    gr.Button().click(
        describe,
        [
            gr.Textbox(label="instrument_id"),
            gr.Audio(label="sound", type="filepath"),
            gr.Number(5, label="neighbours"),
        ],
        gr.JSON(label="description"),
        api_name="describe",
        concurrency_limit=1,
    )


def _add_instruments(answers: ApiAnswers) -> None:
    @not_a_tool
    @one_sentence
    def instruments(
        words: str | None = None,
        family: str | None = None,
        bank: str | None = None,
        source: str | None = None,
        limit: float = 100,
        offset: float = 0,
    ) -> dict[str, Any]:
        """List the instruments of the database.

        Answers {"total", "instruments"}: how many there are, and the facts of up to `limit` of
        them, in order of id, with the addresses of `preview` and `phrase`.

        Args:
            words: all of which occur in name, bank, category or author; empty for any.
            family: only this family; empty for all.
            bank: only this bank; empty for all.
            source: only this source; empty for all.
            limit: how many at most, 1 to 500.
            offset: how many to skip.
        """
        return answers.instruments(
            words, family=family, bank=bank, source=source, limit=limit, offset=offset
        )

    gr.Button().click(
        instruments,
        [
            gr.Textbox(label="words"),
            gr.Textbox(label="family"),
            gr.Textbox(label="bank"),
            gr.Textbox(label="source"),
            gr.Number(100, label="limit"),
            gr.Number(0, label="offset"),
        ],
        gr.JSON(label="instruments"),
        api_name="instruments",
        concurrency_limit=4,
    )
