"""Exhibit 5 of the Learn tab: a listening quiz, the visitor against the model."""

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
from cir.ui.learn.quiz_mix import play_together
from cir.ui.learn.quiz_rounds import CANDIDATES, ROUNDS, Round, draw_round
from cir.ui.learn.similarity_scale import signed
from cir.ui.learn.sounds import MixedFiles
from cir.ui.service import PageService

_KEPT_ROUNDS = 256


@dataclass(frozen=True)
class PreparedRound:
    """A round with its mix and the model's similarities."""

    round: Round
    mix: Path
    previews: tuple[Path | None, ...]
    """Preview of each candidate."""
    similarities: tuple[float, ...]
    """Similarity of each candidate in a search of the mix for their family."""

    @property
    def model_guess(self) -> int:
        """Index of the most similar candidate."""
        return int(np.argmax(self.similarities))


@dataclass(frozen=True)
class Quiz:
    """The state of one visitor's quiz."""

    seed: int
    number: int = 1
    """Number of the round, from 1."""
    guess: int | None = None
    right: int = 0
    model_right: int = 0

    @property
    def played(self) -> int:
        """Number of answered rounds."""
        return self.number - (self.guess is None)

    @property
    def is_over(self) -> bool:
        """Whether all rounds are answered."""
        return self.played >= ROUNDS


class QuizExhibit:
    """Draws rounds, mixes them and lets the model guess.

    Args:
        service: The model and the database.
        files: Stores the mixes.
    """

    def __init__(self, service: PageService, files: MixedFiles) -> None:
        self._service = service
        self._files = files
        self._rounds: OrderedDict[tuple[int, int], PreparedRound] = OrderedDict()
        self._lock = threading.Lock()

    def prepare(self, seed: int, number: int) -> PreparedRound:
        """Prepare a round; the same numbers always give the same round.

        Raises:
            InputError: The database is too small for a quiz.
            CirError: The model cannot be loaded.
        """
        with self._lock:
            prepared = self._rounds.pop((seed, number), None) or self._prepare(seed, number)
            if not prepared.mix.is_file():
                prepared = replace(
                    prepared, mix=self._keep(prepared.round, self._play(prepared.round))
                )
            self._rounds[seed, number] = prepared
            while len(self._rounds) > _KEPT_ROUNDS:
                self._rounds.popitem(last=False)
            return prepared

    def answer(self, quiz: Quiz, guess: int) -> Quiz:
        """Count a guess; a second guess in the same round is ignored.

        Raises:
            InputError: There is no such candidate.
        """
        if quiz.guess is not None:
            return quiz
        prepared = self.prepare(quiz.seed, quiz.number)
        if guess not in range(CANDIDATES):
            raise InputError(f"There is no candidate {guess + 1}; choose one of those shown.")
        right = prepared.round.answer
        return replace(
            quiz,
            guess=guess,
            right=quiz.right + (guess == right),
            model_right=quiz.model_right + (prepared.model_guess == right),
        )

    def page(self, quiz: Quiz) -> str:
        """Render the round; after a guess also the names and the verdict."""
        prepared = self.prepare(quiz.seed, quiz.number)
        items = "".join(_candidate(prepared, n, quiz.guess) for n in range(CANDIDATES))
        link = f"?tab=learn&quiz={quiz.seed}"
        return (
            f'<div class="cir-quiz" data-quiz="{quiz.seed}"><div class="cir-bar">'
            f"<h2>Round {quiz.number} of {ROUNDS}</h2>"
            f'<span class="cir-muted">you {quiz.right}, the model {quiz.model_right} '
            f'of {quiz.played} &middot; <a href="{link}">quiz {quiz.seed}</a></span></div>'
            f'<p class="cir-listen"><span data-key="0">{play_button(prepared.mix, "Play the mix")}'
            f"</span><span>{family_tag(prepared.round.family)} plays in this mix. Which one is "
            "it?</span></p>"
            f'<ol class="cir-list">{items}</ol>{_verdict(prepared, quiz)}{_KEYS}</div>'
        )

    def _prepare(self, seed: int, number: int) -> PreparedRound:
        drawn = draw_round(self._service, seed, number)
        encoder, database = self._service.encoder, self._service.database
        audio = self._play(drawn)
        query = embed_windows(audio, encoder, [drawn.family])[drawn.family]
        ranking = database.ranking(query, drawn.family)
        found = [ranking.match_of(one.instrument_id) for one in drawn.candidates]
        similarities = tuple(one.similarity for one in found)
        previews = tuple(self._service.preview(one.instrument_id) for one in drawn.candidates)
        return PreparedRound(drawn, self._keep(drawn, audio), previews, similarities)

    def _play(self, drawn: Round) -> FloatArray:
        return play_together(self._service, (drawn.candidates[drawn.answer], *drawn.others))

    def _keep(self, drawn: Round, audio: FloatArray) -> Path:
        return self._files.get(f"quiz {drawn.seed} {drawn.number}", lambda: audio)


_KEYS = (
    '<p class="cir-hint cir-keys">Keys: <kbd>1</kbd> to <kbd>5</kbd> play a candidate, '
    "<kbd>0</kbd> the mix, <kbd>g</kbd> chooses the last one played, <kbd>n</kbd> goes on.</p>"
)


def _candidate(prepared: PreparedRound, number: int, guess: int | None) -> str:
    one, key = prepared.round.candidates[number], number + 1
    name, lines, role = f"Candidate {key}", "", ""
    end = (
        f'<button type="button" class="cir-choose" data-act="guess" data-value="{number}" '
        f'aria-label="This one, candidate {key}, is in the mix">This one</button>'
    )
    if guess is not None:
        is_right = number == prepared.round.answer
        badges = (
            ("in the mix", " is-true", is_right),
            ("your guess", "", number == guess),
            ("the model\u2019s guess", "", number == prepared.model_guess),
        )
        name = escape(one.name) + "".join(
            f' <span class="cir-badge{kind}">{text}</span>' for text, kind, shown in badges if shown
        )
        lines, role = instrument_lines(one), " is-right" if is_right else ""
        end = (
            f'<div class="cir-score"><b>{signed(prepared.similarities[number])}</b>'
            '<span class="cir-label">similarity</span></div>'
        )
    play = play_button(prepared.previews[number], f"Play candidate {key}")
    return (
        f'<li class="cir-card{role}" data-choice="{number}"><span data-key="{key}">{play}</span>'
        f'<div><div class="cir-name"><span class="cir-rank">{key}.</span> {name}</div>{lines}</div>'
        f"{end}</li>"
    )


def _verdict(prepared: PreparedRound, quiz: Quiz) -> str:
    if quiz.guess is None:
        return '<p class="cir-learn-answer" role="status">Listen, then choose.</p>'
    drawn, guess = prepared.round, prepared.model_guess
    yours = "Right" if quiz.guess == drawn.answer else "Wrong"
    name = escape(drawn.candidates[drawn.answer].name)
    model = "right" if guess == drawn.answer else f"wrong: {escape(drawn.candidates[guess].name)}"
    others = " and ".join(
        f"{escape(one.name)} ({family_label(str(one.family)).lower()})" for one in drawn.others
    )
    rest = f" Also in the mix: {others}." if others else ""
    act, label = ("again", "Ten new rounds") if quiz.is_over else ("next", "Next round")
    end = f" <b>{_result(quiz)}</b>" if quiz.is_over else ""
    return (
        f'<p class="cir-learn-answer" role="status">{yours}: {name} is in the mix. The model was '
        f"{model}.{rest}{end}</p>"
        f'<p><button type="button" class="cir-choose is-primary" data-act="{act}" data-key="n">'
        f"{label}</button></p>"
    )


def _result(quiz: Quiz) -> str:
    lead = quiz.right - quiz.model_right
    who = "You won." if lead > 0 else "The model won." if lead < 0 else "A draw."
    return f"{who} You {quiz.right}, the model {quiz.model_right}, by chance 2 of {ROUNDS}."
