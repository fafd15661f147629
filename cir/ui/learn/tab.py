"""The Learn tab: five exhibits that explain by ear how the search works.

Each is an accordion; nothing is computed before it is opened.
"""

import secrets
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr
import numpy as np

from cir.errors import CirError
from cir.ui.cards import message, placeholder
from cir.ui.events import ON_MODEL, report_to
from cir.ui.learn import texts
from cir.ui.learn.loss_demo import toy_html, toy_pairs
from cir.ui.learn.mix import MixExhibit, Playing
from cir.ui.learn.pair import PairExhibit
from cir.ui.learn.quiz import Quiz, QuizExhibit
from cir.ui.learn.quiz_rounds import MAX_SEED, check_seed
from cir.ui.learn.sounds import (
    LearnSounds,
    MixedFiles,
    NoteEmbedder,
    learn_folder,
    load_learn_sounds,
)
from cir.ui.learn.triplet import TripletGame, answer, draw_triplet, triplet_page
from cir.ui.service import PageService
from cir.ui.theme import static_text

_QUICK: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
_SEED_OF_ADDRESS = """(seed, quiz) => {
  const asked = new URLSearchParams(location.search).get("quiz");
  return [/^[0-9]{1,6}$/.test(asked ?? "") ? Number(asked) : seed, quiz];
}"""


def build_learn_tab(service: PageService) -> None:
    """Lay out the tab inside the current `gr.Blocks`.

    Raises:
        DataError: The bundled sounds are damaged.
    """
    sounds = load_learn_sounds()
    embedder = NoteEmbedder(service)
    files = MixedFiles()
    gr.set_static_paths([learn_folder(), files.folder])
    with gr.Column(elem_id="cir-learn"):
        _html(texts.INTRODUCTION, "learn/link.js")
        _build_pair(PairExhibit(service, embedder, sounds.pairs))
        _build_mix([MixExhibit(service, embedder, files, scene) for scene in sounds.scenes])
        _build_triplet(sounds, embedder)
        with _exhibit("toy", texts.TOY_TITLE, texts.TOY):
            _html(toy_html(toy_pairs(sounds.pairs)), "learn/losses.js", "learn/loss_demo.js")
        _build_quiz(QuizExhibit(service, files))


def _build_pair(exhibit: PairExhibit) -> None:
    with _exhibit("pair", texts.PAIR_TITLE, texts.PAIR) as accordion:
        with gr.Row():
            first = gr.Dropdown([], label="First sound", info=texts.SEARCH_BOX)
            second = gr.Dropdown([], label="Second sound", info=texts.SEARCH_BOX)
        another = gr.Button("Surprise me", elem_id="cir-learn-surprise")
        shown = _output_of("pair")

    def show(
        first: str | None,
        second: str | None,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - Gradio finds it by this default
    ) -> Iterator[str]:
        try:
            yield from exhibit.show(first, second, report_to(progress))
        except CirError as error:
            yield message(texts.FAILED, str(error))

    def fill(first: str | None) -> tuple[Any, Any]:
        choices = [] if first else exhibit.choices()
        if len(choices) < 2:
            return gr.skip(), gr.skip()
        one, other = exhibit.first_pair()
        return gr.Dropdown(choices, value=one), gr.Dropdown(choices, value=other)

    def surprise() -> tuple[Any, Any]:
        try:
            return exhibit.surprise(np.random.default_rng())
        except CirError:
            return gr.skip(), gr.skip()  # `show` runs next and reports the reason

    draw = _on_model(shown) | {"fn": show, "inputs": [first, second], "outputs": shown}
    accordion.expand(fill, first, [first, second], **_QUICK).then(**draw)
    another.click(surprise, outputs=[first, second], **_QUICK).then(**draw)
    first.input(**draw)
    second.input(**draw)


def _build_mix(exhibits: list[MixExhibit]) -> None:
    with _exhibit("mix", texts.MIX_TITLE, texts.MIX) as accordion:
        with gr.Row():
            titles = [(one.scene.title, number) for number, one in enumerate(exhibits)]
            scene = gr.Radio(titles, value=0, label="Mix")
            stems = gr.CheckboxGroup(
                exhibits[0].choices(),
                value=list(exhibits[0].everything),
                label="Instruments",
                info="Untick an instrument to mute it.",
            )
        shown = _output_of("mix")
        before = gr.State(None)

    def show(
        scene: int,
        stems: list[int],
        before: Playing | None,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - Gradio finds it by this default
    ) -> tuple[str, Playing]:
        page = _or_message(lambda: exhibits[scene].show(stems, before, report_to(progress)))
        return page, tuple(sorted(stems))

    def change(scene: int) -> tuple[Any, None]:
        exhibit = exhibits[scene]
        return gr.CheckboxGroup(exhibit.choices(), value=list(exhibit.everything)), None

    draw = _on_model(shown) | {
        "fn": show,
        "inputs": [scene, stems, before],
        "outputs": [shown, before],
    }
    accordion.expand(**draw)
    stems.input(**draw)
    scene.input(change, scene, [stems, before], **_QUICK).then(**draw)


def _build_triplet(sounds: LearnSounds, embedder: NoteEmbedder) -> None:
    with _exhibit("triplet", texts.TRIPLET_TITLE, texts.TRIPLET) as accordion:
        shown = _output_of("triplet", "learn/choices.js")
        state = gr.State(None)

    def start(game: TripletGame | None) -> tuple[str, TripletGame]:
        found = game or TripletGame(draw_triplet(sounds, np.random.default_rng()))
        return _or_message(lambda: triplet_page(found, embedder)), found

    def act(event: gr.EventData, game: TripletGame | None) -> tuple[str, TripletGame | None]:
        what, value = _pressed(event)
        if game is None:
            return start(None)
        try:
            if what == "guess":
                game = answer(game, value, embedder)
            else:
                triplet = draw_triplet(sounds, np.random.default_rng())
                game = TripletGame(triplet, None, game.played, game.right, game.model_right)
            return triplet_page(game, embedder), game
        except CirError as error:
            return message(texts.FAILED, str(error)), game

    accordion.expand(start, state, [shown, state], **_on_model(shown))
    shown.click(act, state, [shown, state], **_on_model(shown))


def _build_quiz(exhibit: QuizExhibit) -> None:
    with _exhibit("quiz", texts.QUIZ_TITLE, texts.QUIZ) as accordion:
        with gr.Row(elem_id="cir-learn-quiz-number"):
            seed = gr.Number(
                None,
                label="Quiz number",
                info=f"The same number gives the same ten rounds; 0 to {MAX_SEED:,}.",
                precision=0,
                minimum=0,
                maximum=MAX_SEED,
            )
            begin = gr.Button("Start this quiz")
        shown = _output_of("quiz", "learn/choices.js")
        state = gr.State(None)

    def start(
        seed: float | None,
        quiz: Quiz | None,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - Gradio finds it by this default
    ) -> tuple[str, Quiz | None, float | None]:
        progress(0.1, desc="Mixing")
        try:
            number = secrets.randbelow(MAX_SEED + 1) if seed is None else check_seed(seed)
            found = quiz or Quiz(number)
            return exhibit.page(found), found, found.seed
        except CirError as error:
            return message(texts.FAILED, str(error)), None, seed

    def begin_again(seed: float | None) -> tuple[str, Quiz | None, float | None]:
        return start(seed, None)

    def act(
        event: gr.EventData, quiz: Quiz | None, seed: float | None
    ) -> tuple[str, Quiz | None, float | None]:
        what, value = _pressed(event)
        if quiz is None or what == "again":
            return start(None, None)
        try:
            if what == "guess":
                quiz = exhibit.answer(quiz, value)
            elif quiz.guess is not None:
                quiz = Quiz(quiz.seed, quiz.number + 1, None, quiz.right, quiz.model_right)
            return exhibit.page(quiz), quiz, quiz.seed
        except CirError as error:
            return message(texts.FAILED, str(error)), quiz, seed

    outputs = [shown, state, seed]
    accordion.expand(start, [seed, state], outputs, js=_SEED_OF_ADDRESS, **_on_model(shown))
    begin.click(begin_again, seed, outputs, **_on_model(shown))
    shown.click(act, [state, seed], outputs, **_on_model(shown))


def _exhibit(name: str, title: str, text: str) -> gr.Accordion:
    """Lay out the accordion of an exhibit with its text; more is added in a `with` block."""
    accordion = gr.Accordion(title, open=False, elem_id=f"cir-learn-{name}")
    with accordion:
        _html(text)
    return accordion


def _html(text: str, *scripts: str, **options: Any) -> gr.HTML:
    script = static_text(*scripts) if scripts else None
    return gr.HTML(text, js_on_load=script, apply_default_css=False, **options)


def _output_of(name: str, *scripts: str) -> gr.HTML:
    """Lay out the part of an exhibit that its handlers render."""
    return _html(
        placeholder(texts.WAITING), *scripts, elem_id=f"cir-learn-{name}-shown", min_height=120
    )


def _on_model(shown: gr.HTML) -> dict[str, Any]:
    """Return the options of events that run the model."""
    return {"show_progress_on": shown, "api_visibility": "private", **ON_MODEL}


def _or_message(render: Callable[[], str]) -> str:
    """Render, or return the reason for the failure as a message."""
    try:
        return render()
    except CirError as error:
        return message(texts.FAILED, str(error))


def _pressed(event: gr.EventData) -> tuple[str, int]:
    """Return the action and the number of the button that was pressed."""
    data: dict[str, Any] = event._data or {}
    return str(data.get("act", "")), int(data.get("value", -1))
