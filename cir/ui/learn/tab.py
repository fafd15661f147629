"""The Learn tab: five exhibits that explain by ear how the search works.

Each is an accordion; nothing is computed before it is opened.
"""

import secrets
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import gradio as gr
import numpy as np

from cir.errors import CirError
from cir.types import Progress
from cir.ui.cards import message, placeholder
from cir.ui.learn import texts
from cir.ui.learn.loss_demo import toy_html, toy_pairs
from cir.ui.learn.mix import MixExhibit, Playing
from cir.ui.learn.mixed_files import MixedFiles
from cir.ui.learn.note_embeddings import NoteListener
from cir.ui.learn.pair import PairExhibit
from cir.ui.learn.quiz import Quiz, QuizExhibit
from cir.ui.learn.quiz_rounds import MAX_SEED, check_seed
from cir.ui.learn.sounds import LearnSounds, learn_folder, load_learn_sounds
from cir.ui.learn.triplet import TripletGame, answer, draw_triplet, triplet_page
from cir.ui.search.tab import MODEL_QUEUE
from cir.ui.service import PageService
from cir.ui.theme import static_text

_T = TypeVar("_T")
_QUICK: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
_QUIZ_OF_THE_LINK = """(seed, quiz) => {
  const asked = new URLSearchParams(location.search).get("quiz");
  return [/^[0-9]{1,6}$/.test(asked ?? "") ? Number(asked) : seed, quiz];
}"""


def build_learn_tab(service: PageService) -> None:
    """Lay out the tab inside the current `gr.Blocks`.

    Raises:
        DataError: the bundled sounds are damaged.
    """
    sounds = load_learn_sounds()
    listener = NoteListener(service)
    files = MixedFiles()
    gr.set_static_paths([learn_folder(), files.folder])
    with gr.Column(elem_id="cir-learn"):
        gr.HTML(
            texts.INTRODUCTION, js_on_load=static_text("learn/link.js"), apply_default_css=False
        )
        _build_pair(PairExhibit(service, listener, sounds.pairs))
        _build_mix([MixExhibit(service, listener, files, scene) for scene in sounds.scenes])
        _build_triplet(sounds, listener)
        _build_toy(sounds)
        _build_quiz(QuizExhibit(service, files))


def _build_pair(exhibit: PairExhibit) -> None:
    with gr.Accordion(texts.PAIR_TITLE, open=False, elem_id="cir-learn-pair") as accordion:
        gr.HTML(texts.PAIR, apply_default_css=False)
        with gr.Row():
            first = gr.Dropdown([], label="First sound", info=texts.SEARCH_BOX)
            second = gr.Dropdown([], label="Second sound", info=texts.SEARCH_BOX)
        another = gr.Button("Surprise me", elem_id="cir-learn-surprise")
        shown = _picture_of("pair")

    def show(
        first: str | None,
        second: str | None,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - Gradio finds it by this default
    ) -> Iterator[str]:
        try:
            yield from exhibit.show(first, second, _report(progress))
        except CirError as error:
            yield message(texts.FAILED, str(error))

    def fill(first: str | None) -> tuple[Any, Any]:
        if first:
            return gr.skip(), gr.skip()
        choices = exhibit.choices()
        if len(choices) < 2:
            return gr.skip(), gr.skip()
        one, other = exhibit.first_pair()
        return gr.Dropdown(choices, value=one), gr.Dropdown(choices, value=other)

    def surprise() -> tuple[Any, Any]:
        try:
            return exhibit.surprise(np.random.default_rng())
        except CirError:
            return gr.skip(), gr.skip()  # what is shown next says why

    draw: dict[str, Any] = {
        "fn": show,
        "inputs": [first, second],
        "outputs": shown,
        **_heavy(shown),
    }
    accordion.expand(fill, first, [first, second], **_QUICK).then(**draw)
    another.click(surprise, outputs=[first, second], **_QUICK).then(**draw)
    first.input(**draw)
    second.input(**draw)


def _build_mix(exhibits: list[MixExhibit]) -> None:
    with gr.Accordion(texts.MIX_TITLE, open=False, elem_id="cir-learn-mix") as accordion:
        gr.HTML(texts.MIX, apply_default_css=False)
        titles = [(one.scene.title, number) for number, one in enumerate(exhibits)]
        with gr.Row():
            scene = gr.Radio(titles, value=0, label="Mix")
            everything = exhibits[0].everything
            stems = gr.CheckboxGroup(
                exhibits[0].choices(),
                value=list(everything),
                label="Who plays",
                info="Untick an instrument to mute it.",
                elem_id="cir-learn-stems",
            )
        shown = _picture_of("mix")
        before = gr.State(None)

    def show(
        scene: int,
        stems: list[int],
        before: Playing | None,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - Gradio finds it by this default
    ) -> tuple[str, Playing]:
        exhibit = exhibits[scene]
        page = _told(lambda: exhibit.show(stems, before, _report(progress)))
        return page, tuple(sorted(stems))

    def change(scene: int) -> tuple[Any, None]:
        exhibit = exhibits[scene]
        return gr.CheckboxGroup(exhibit.choices(), value=list(exhibit.everything)), None

    draw: dict[str, Any] = {
        "fn": show,
        "inputs": [scene, stems, before],
        "outputs": [shown, before],
        **_heavy(shown),
    }
    accordion.expand(**draw)
    stems.input(**draw)
    scene.input(change, scene, [stems, before], **_QUICK).then(**draw)


def _build_triplet(sounds: LearnSounds, listener: NoteListener) -> None:
    with gr.Accordion(texts.TRIPLET_TITLE, open=False, elem_id="cir-learn-triplet") as accordion:
        gr.HTML(texts.TRIPLET, apply_default_css=False)
        shown = _picture_of("triplet", "learn/choices.js")
        state = gr.State(None)

    def start(game: TripletGame | None) -> tuple[str, TripletGame]:
        found = game or TripletGame(draw_triplet(sounds, np.random.default_rng()))
        return _told(lambda: triplet_page(found, listener)), found

    def act(event: gr.EventData, game: TripletGame | None) -> tuple[str, TripletGame | None]:
        what, value = _asked(event)
        if game is None:
            return start(None)
        try:
            if what == "guess":
                game = answer(game, value, listener)
            else:
                triplet = draw_triplet(sounds, np.random.default_rng())
                game = TripletGame(triplet, None, game.played, game.right, game.model_right)
            return triplet_page(game, listener), game
        except CirError as error:
            return message(texts.FAILED, str(error)), game

    accordion.expand(start, state, [shown, state], **_heavy(shown))
    shown.click(act, state, [shown, state], **_heavy(shown))


def _build_toy(sounds: LearnSounds) -> None:
    with gr.Accordion(texts.TOY_TITLE, open=False, elem_id="cir-learn-toy"):
        gr.HTML(texts.TOY, apply_default_css=False)
        gr.HTML(
            toy_html(toy_pairs(sounds.pairs)),
            js_on_load=static_text("learn/losses.js") + static_text("learn/loss_demo.js"),
            apply_default_css=False,
        )


def _build_quiz(exhibit: QuizExhibit) -> None:
    with gr.Accordion(texts.QUIZ_TITLE, open=False, elem_id="cir-learn-quiz") as accordion:
        gr.HTML(texts.QUIZ, apply_default_css=False)
        with gr.Row(elem_id="cir-learn-quiz-number"):
            seed = gr.Number(
                None,
                label="Quiz number",
                info=f"The same number is the same ten rounds; 0 to {MAX_SEED:,}.",
                precision=0,
                minimum=0,
                maximum=MAX_SEED,
            )
            begin = gr.Button("Start this quiz")
        shown = _picture_of("quiz", "learn/choices.js")
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
        what, value = _asked(event)
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
    accordion.expand(start, [seed, state], outputs, js=_QUIZ_OF_THE_LINK, **_heavy(shown))
    begin.click(begin_again, seed, outputs, **_heavy(shown))
    shown.click(act, [state, seed], outputs, **_heavy(shown))


def _picture_of(name: str, script: str | None = None) -> gr.HTML:
    """The part of an exhibit that Python renders."""
    return gr.HTML(
        placeholder(texts.WAITING),
        js_on_load=None if script is None else static_text(script),
        apply_default_css=False,
        elem_id=f"cir-learn-{name}-shown",
        min_height=120,
    )


def _heavy(shown: gr.HTML) -> dict[str, Any]:
    """How events are run that need the model."""
    return {
        "show_progress_on": shown,
        "concurrency_limit": 1,
        "concurrency_id": MODEL_QUEUE,
        "api_visibility": "private",
    }


def _told(render: Callable[[], str]) -> str:
    """Render, or say in a sentence why that cannot be."""
    try:
        return render()
    except CirError as error:
        return message(texts.FAILED, str(error))


def _report(progress: gr.Progress) -> Progress:
    return lambda done, words: progress(done, desc=words)


def _asked(event: gr.EventData) -> tuple[str, int]:
    """What a button of an exhibit asks for, and its number."""
    data: dict[str, Any] = event._data or {}
    return str(data.get("act", "")), int(data.get("value", -1))
