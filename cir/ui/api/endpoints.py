"""The named endpoints `/search`, `/similar`, `/describe` and `/instruments`.

For `gradio_client` and plain HTTP; `view_api` shows their docstrings. They add nothing visible to
the page.
"""

from collections.abc import Callable, Collection
from functools import wraps
from inspect import Parameter, signature
from typing import Any, ParamSpec, TypeVar, get_args

import gradio as gr
from gradio.components import Component

from cir.errors import CirError
from cir.instruments.families import FAMILIES
from cir.retrieval.retriever import DEFAULT_FAMILIES
from cir.ui.api.answers import ApiAnswers
from cir.ui.events import ON_MODEL, report_to
from cir.ui.service import PageService

API_NAMES = ("search", "similar", "describe", "instruments")

P = ParamSpec("P")
T = TypeVar("T")


def build_api(service: PageService) -> None:
    """Add the endpoints to the current `gr.Blocks`."""
    endpoints = _Endpoints(ApiAnswers(service))
    with gr.Row(visible=False):
        publish(endpoints.search, gr.JSON(label="matches"), **ON_MODEL)
        publish(endpoints.similar, gr.JSON(label="matches"), **ON_MODEL)
        publish(endpoints.describe, gr.JSON(label="description"), concurrency_limit=1)
        publish(endpoints.instruments, gr.JSON(label="instruments"), concurrency_limit=4)


def publish(
    function: Callable[..., Any], output: Component, *, is_tool: bool = False, **queue: Any
) -> None:
    """Add a function to the current `gr.Blocks` as an endpoint of its name.

    Each parameter gets the component that its name or type asks for.

    Args:
        function: Called with what a request gives.
        output: Takes its result.
        is_tool: Whether the MCP server lists it.
        queue: Options of its queue.
    """
    answer = _one_sentence(function)
    answer._mcp_type = "tool" if is_tool else "endpoint"  # type: ignore[attr-defined]
    parameters = [one for one in signature(function).parameters.values() if one.name != "progress"]
    gr.Button().click(
        answer,
        [_component(parameter) for parameter in parameters],
        output,
        api_name=function.__name__,
        **queue,
    )


def hide_other_events(page: gr.Blocks, named: Collection[str]) -> None:
    """Make all other events private, those included that Gradio itself adds."""
    for event in page.fns.values():
        if event.api_name not in named:
            event.api_visibility = "private"
    page.config = page.get_config_file()


def _component(parameter: Parameter) -> Component:
    name, default = parameter.name, parameter.default
    value = None if default is Parameter.empty else default
    if name in ("mix", "sound"):
        return gr.Audio(label=name, type="filepath")
    if name == "families":
        return gr.CheckboxGroup(list(FAMILIES), value=list(DEFAULT_FAMILIES), label=name)
    if float in (parameter.annotation, *get_args(parameter.annotation)):
        return gr.Number(value, label=name)
    return gr.Textbox(label=name)


def _one_sentence(endpoint: Callable[P, T]) -> Callable[P, T]:
    """Turn an expected error into one that Gradio shows without a traceback."""

    @wraps(endpoint)
    def answer(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return endpoint(*args, **kwargs)
        except CirError as error:
            raise gr.Error(str(error), print_exception=False) from error

    return answer


class _Endpoints:
    """The functions that are published; callers read their docstrings."""

    def __init__(self, answers: ApiAnswers) -> None:
        self._answers = answers

    def search(
        self,
        mix: str | None,
        families: list[str],
        top_k: float = 5,
        bank: str | None = None,
        source: str | None = None,
        start_seconds: float | None = 0,
        end_seconds: float | None = None,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - Gradio finds it by this default
    ) -> dict[str, Any]:
        """Find the instruments that sound most like those in a mix.

        Answers {"seconds", "families"}. Each family has its `matches`, best first, and a
        `judgement` of them. A match has `similarity` (cosine), `likeness` (very similar, similar
        or not alike), `chance` (calibrated, in [0, 1], that this is the instrument, if the database
        has it), all facts of its instrument, and the addresses of its `preview` and `phrase`,
        relative to the page. A judgement has `top_1` and `top_5` (chance that the first, or one of
        the first five, is right), `novelty` in [0, 1], `is_absent` (probably not in this database)
        and `false_alarm_rate` (how often that is wrong). The judgement is null if the database is
        not calibrated; chances are also null with a filter, for families with few data, and if the
        instrument is probably absent.

        Files may last ten minutes and have 120 MB. Searches run one after another, visitors take
        turns, and at most 64 requests of a visitor may wait.

        Args:
            mix: Sound file.
            families: Families to look for, such as bass.
            top_k: Matches per family, 1 to 20.
            bank: Only instruments of this bank; empty for all.
            source: Only instruments of this source, such as surge or soundfont; empty for all.
            start_seconds: Start of the passage.
            end_seconds: End of the passage; empty for the end of the mix.
            progress: Set by Gradio.
        """
        return self._answers.search(
            mix,
            families,
            top_k,
            bank=bank,
            source=source,
            start_seconds=start_seconds,
            end_seconds=end_seconds,
            progress=report_to(progress),
        )

    def similar(
        self,
        instrument_id: str | None = None,
        sound: str | None = None,
        top_k: float = 5,
        family: str | None = None,
        bank: str | None = None,
        source: str | None = None,
    ) -> dict[str, Any]:
        """Find the instruments most similar to an instrument of the database or to a sound.

        Answers {"matches"}, best first, each as in /search, by plain cosine `similarity`; `chance`
        and `likeness` are null. A sound should be one note or a short passage of one instrument;
        only the first seconds of a longer one are used.

        Args:
            instrument_id: Instrument of the database; or
            sound: Sound file.
            top_k: Number of instruments, 1 to 20.
            family: Only this family; empty for all.
            bank: Only this bank; empty for all.
            source: Only this source; empty for all.
        """
        return self._answers.similar(
            instrument_id, sound, top_k, family=family, bank=bank, source=source
        )

    def describe(
        self, instrument_id: str | None = None, sound: str | None = None, neighbours: float = 5
    ) -> dict[str, Any]:
        """Describe an instrument of the database, or measure the timbre of a sound.

        Of an instrument: {"instrument", "place", "timbre", "neighbours"}: its facts with `preview`
        and `phrase`, its place x, y on the map (null without a map), the timbre of its preview, and
        the most similar instruments of any family. Of a sound: {"seconds", "measured_seconds",
        "timbre"}.

        `timbre` holds measures of the Timbre Toolbox (Peeters 2011) over the first ten seconds,
        independent of level, as medians over the audible frames. Envelope: `attack_seconds`,
        `release_seconds`, `effective_duration_seconds`, `temporal_centroid_seconds`,
        `modulation_hz` (tremolo). Spectrum: `brightness_hz` (its centroid), `spread_hz`,
        `rolloff_hz` (95 % of the energy is below), `flatness` (0 a sine, 1 noise), `change` (from
        frame to frame). Partials: `fundamental_share`, `low_partials_share` (2 to 4),
        `high_partials_share` (of amplitude), `odd_to_even_bels` (of energy, 0 is equal),
        `inharmonicity` (0 harmonic, 1 midway between harmonics), `noisiness` (share of energy
        outside of partials).

        Args:
            instrument_id: Instrument of the database; or
            sound: Sound file, best a single note.
            neighbours: Number of similar instruments, 1 to 20.
        """
        return self._answers.describe(instrument_id, sound, neighbours)

    def instruments(
        self,
        words: str | None = None,
        family: str | None = None,
        bank: str | None = None,
        source: str | None = None,
        limit: float = 100,
        offset: float = 0,
    ) -> dict[str, Any]:
        """List the instruments of the database.

        Answers {"total", "instruments"}: the number of instruments, and the facts of up to `limit`
        of them, in order of id, with the addresses of `preview` and `phrase`.

        Args:
            words: Words that must all occur in name, bank, category or author; empty for any.
            family: Only this family; empty for all.
            bank: Only this bank; empty for all.
            source: Only this source; empty for all.
            limit: Maximum number, 1 to 500.
            offset: Number of instruments to skip.
        """
        return self._answers.instruments(
            words, family=family, bank=bank, source=source, limit=limit, offset=offset
        )
