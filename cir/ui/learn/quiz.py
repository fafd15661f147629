"""Exhibit 5 of the Learn tab: the listening quiz, the visitor against the model."""

import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path

import numpy as np

from cir.errors import InputError
from cir.instruments.families import family_label
from cir.retrieval.windows import embed_windows
from cir.types import FloatArray
from cir.ui.cards import family_tag, instrument_lines, play_button
from cir.ui.learn.mixed_files import MixedFiles
from cir.ui.learn.quiz_mix import play_together
from cir.ui.learn.quiz_rounds import ROUNDS, Round, draw_round
from cir.ui.learn.similarity_scale import signed
from cir.ui.service import PageService

_KEPT_ROUNDS = 256


@dataclass(frozen=True)
class HeardRound:
    """A round with its mix, and what the model makes of it."""

    round: Round
    mix: Path
    previews: tuple[Path | None, ...]
    """Of each candidate."""
    similarities: tuple[float, ...]
    """Of each candidate, as a search of the mix for their family ranks them."""

    @property
    def model_guess(self) -> int:
        """The most similar candidate, from 0."""
        return int(np.argmax(self.similarities))


@dataclass(frozen=True)
class Quiz:
    """What one visitor has played so far."""

    seed: int
    number: int = 1
    """Of the round, from 1."""
    guess: int | None = None
    right: int = 0
    model_right: int = 0

    @property
    def played(self) -> int:
        """Rounds answered."""
        return self.number - (self.guess is None)

    @property
    def is_over(self) -> bool:
        """All rounds are answered."""
        return self.played >= ROUNDS


class QuizExhibit:
    """Draws rounds, mixes them and asks the model.

    Args:
        service: has the model and the database.
        files: takes the mixes.
    """

    def __init__(self, service: PageService, files: MixedFiles) -> None:
        self._service = service
        self._files = files
        self._rounds: OrderedDict[tuple[int, int], HeardRound] = OrderedDict()
        self._lock = threading.Lock()

    def hear(self, seed: int, number: int) -> HeardRound:
        """Prepare a round; the same round always for the same numbers.

        Raises:
            InputError: the database is too small for a quiz.
            CirError: the model cannot be loaded.
        """
        with self._lock:
            heard = self._rounds.pop((seed, number), None) or self._hear(seed, number)
            if not heard.mix.is_file():
                heard = replace(heard, mix=self._keep(heard.round, self._play(heard.round)))
            self._rounds[seed, number] = heard
            while len(self._rounds) > _KEPT_ROUNDS:
                self._rounds.popitem(last=False)
            return heard

    def answer(self, quiz: Quiz, guess: int) -> Quiz:
        """Count a guess; a second one in the same round changes nothing.

        Raises:
            InputError: there is no such candidate.
        """
        if quiz.guess is not None:
            return quiz
        heard = self.hear(quiz.seed, quiz.number)
        if guess not in range(len(heard.round.candidates)):
            raise InputError(f"There is no candidate {guess + 1}; choose one of those shown.")
        right = heard.round.answer
        return replace(
            quiz,
            guess=guess,
            right=quiz.right + (guess == right),
            model_right=quiz.model_right + (heard.model_guess == right),
        )

    def page(self, quiz: Quiz) -> str:
        """Render the round; who plays, and who was right, once there is a guess."""
        heard = self.hear(quiz.seed, quiz.number)
        items = "".join(
            _candidate(heard, number, quiz.guess) for number in range(len(heard.round.candidates))
        )
        link = f"?tab=learn&quiz={quiz.seed}"
        return (
            f'<div class="cir-quiz" data-quiz="{quiz.seed}"><div class="cir-bar">'
            f"<h2>Round {quiz.number} of {ROUNDS}</h2>"
            f'<span class="cir-muted">you {quiz.right}, the model {quiz.model_right} '
            f'of {quiz.played} &middot; <a href="{link}">quiz {quiz.seed}</a></span></div>'
            f'<p class="cir-listen"><span data-key="0">{play_button(heard.mix, "Play the mix")}'
            f"</span><span>The mix: {family_tag(heard.round.family)} plays in it. Which one "
            "is it?</span></p>"
            f'<ol class="cir-list">{items}</ol>{_verdict(heard, quiz)}{_KEYS}</div>'
        )

    def _hear(self, seed: int, number: int) -> HeardRound:
        drawn = draw_round(self._service, seed, number)
        encoder, database = self._service.encoder, self._service.database
        audio = self._play(drawn)
        query = embed_windows(audio, encoder, [drawn.family])[drawn.family]
        scores = database.similarities(query, drawn.family, of_mixture=True)
        ids = [one.instrument_id for one in database.instruments() if one.family == drawn.family]
        by_id = dict(zip(ids, scores, strict=True))
        similarities = tuple(float(by_id[one.instrument_id]) for one in drawn.candidates)
        previews = tuple(self._service.preview(one.instrument_id) for one in drawn.candidates)
        return HeardRound(drawn, self._keep(drawn, audio), previews, similarities)

    def _play(self, drawn: Round) -> FloatArray:
        return play_together(self._service, (drawn.candidates[drawn.answer], *drawn.others))

    def _keep(self, drawn: Round, audio: FloatArray) -> Path:
        return self._files.get(f"quiz {drawn.seed} {drawn.number}", lambda: audio)


_KEYS = (
    '<p class="cir-hint cir-keys">Keys: <kbd>1</kbd> to <kbd>5</kbd> play a candidate, '
    "<kbd>0</kbd> the mix, <kbd>g</kbd> chooses the one heard last, <kbd>n</kbd> goes on.</p>"
)


def _candidate(heard: HeardRound, number: int, guess: int | None) -> str:
    one = heard.round.candidates[number]
    key = number + 1
    play = play_button(heard.previews[number], f"Play candidate {key}")
    if guess is None:
        name = f"Candidate {key}"
        lines = ""
        end = (
            f'<button type="button" class="cir-choose" data-act="guess" data-value="{number}" '
            f'aria-label="This one, candidate {key}, is in the mix">This one</button>'
        )
        role = ""
    else:
        badges = [
            ("in the mix", " is-true", number == heard.round.answer),
            ("your guess", "", number == guess),
            ("the model\u2019s guess", "", number == heard.model_guess),
        ]
        tags = "".join(
            f' <span class="cir-badge{kind}">{text}</span>' for text, kind, shown in badges if shown
        )
        name = f"{escape(one.name)}{tags}"
        lines = instrument_lines(one)
        end = (
            f'<div class="cir-score"><b>{signed(heard.similarities[number])}</b>'
            '<span class="cir-label">similarity</span></div>'
        )
        role = " is-right" if number == heard.round.answer else ""
    return (
        f'<li class="cir-card{role}" data-choice="{number}"><span data-key="{key}">{play}</span>'
        f'<div><div class="cir-name"><span class="cir-rank">{key}.</span> {name}</div>{lines}</div>'
        f"{end}</li>"
    )


def _verdict(heard: HeardRound, quiz: Quiz) -> str:
    if quiz.guess is None:
        return '<p class="cir-learn-answer" role="status">Listen, then choose.</p>'
    right = heard.round.answer
    name = escape(heard.round.candidates[right].name)
    yours = "Right" if quiz.guess == right else "Not this one"
    model = (
        "the model found it too"
        if heard.model_guess == right
        else f"the model is wrong, it took {escape(heard.round.candidates[heard.model_guess].name)}"
    )
    others = " and ".join(
        f"{escape(one.name)} ({family_label(str(one.family)).lower()})"
        for one in heard.round.others
    )
    with_it = f" Beside it played {others}." if others else ""
    act, label = ("again", "Ten new rounds") if quiz.is_over else ("next", "Next round")
    end = f" <b>{_result(quiz)}</b>" if quiz.is_over else ""
    return (
        f'<p class="cir-learn-answer" role="status">{yours}: {name} is in the mix, and {model}.'
        f"{with_it}{end}</p>"
        f'<p><button type="button" class="cir-choose is-primary" data-act="{act}" data-key="n">'
        f"{label}</button></p>"
    )


def _result(quiz: Quiz) -> str:
    who = (
        "You hear better than the model."
        if quiz.right > quiz.model_right
        else "The model wins this time."
        if quiz.right < quiz.model_right
        else "A draw."
    )
    return f"{who} You {quiz.right}, the model {quiz.model_right}, chance 2 of {ROUNDS}."
