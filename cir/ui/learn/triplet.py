"""Exhibit 3 of the Learn tab: an anchor, a positive and two negatives, to be told apart by ear."""

from dataclasses import dataclass, replace
from html import escape

import numpy as np

from cir.errors import InputError
from cir.ui.cards import family_tag, play_button
from cir.ui.learn.log_mel import Picture, log_mel_pictures
from cir.ui.learn.note_embeddings import NoteListener, note_audio
from cir.ui.learn.similarity_scale import scale_place, signed
from cir.ui.learn.sounds import LearnSounds, NotePair

POSITIVE, HARD, EASY = "positive", "hard negative", "easy negative"
_ABOUT = {
    POSITIVE: "the same instrument, another note: training pulls it to the anchor",
    HARD: "another instrument of the family, mostly harder to tell; such ones teach most",
    EASY: "of another family, mostly far away soon; then it teaches nothing more",
}


@dataclass(frozen=True)
class Option:
    """One of the sounds among which the visitor picks the positive."""

    pair: NotePair
    role: str


@dataclass(frozen=True)
class Triplet:
    """An anchor's reference note, and other notes to be compared with it."""

    anchor: NotePair
    options: tuple[Option, ...]
    """One of each role, shuffled; each sounds by its second note."""

    @property
    def right(self) -> int:
        """Which option is the positive, from 0."""
        return [option.role for option in self.options].index(POSITIVE)


@dataclass(frozen=True)
class TripletGame:
    """What one visitor has played so far."""

    triplet: Triplet
    guess: int | None = None
    played: int = 0
    right: int = 0
    model_right: int = 0


def draw_triplet(sounds: LearnSounds, generator: np.random.Generator) -> Triplet:
    """Draw an anchor, and shuffle what it is compared with.

    Raises:
        InputError: there are no two families, or no two instruments of one.
    """
    families = sorted({pair.family for pair in sounds.pairs})
    rich = [family for family in families if len(sounds.of_family(family)) > 1]
    if not rich or len(families) < 2:
        raise InputError("These sounds are too few to compare; install the package again.")
    family = rich[generator.integers(len(rich))]
    members = sounds.of_family(family)
    anchor, hard = (members[row] for row in generator.choice(len(members), 2, replace=False))
    strangers = [pair for pair in sounds.pairs if pair.family != family]
    easy = strangers[generator.integers(len(strangers))]
    options = (Option(anchor, POSITIVE), Option(hard, HARD), Option(easy, EASY))
    return Triplet(anchor, tuple(options[row] for row in generator.permutation(len(options))))


def option_similarities(listener: NoteListener, triplet: Triplet) -> list[float]:
    """Compare each option's note with the anchor's."""
    anchor = triplet.anchor.notes[0].path
    return [listener.similarity(anchor, option.pair.notes[1].path) for option in triplet.options]


def answer(game: TripletGame, guess: int, listener: NoteListener) -> TripletGame:
    """Count a guess; a second one on the same sounds changes nothing.

    Raises:
        InputError: there is no such option.
    """
    if game.guess is not None:
        return game
    if guess not in range(len(game.triplet.options)):
        raise InputError(f"There is no sound {guess + 1}; choose one of those shown.")
    right = game.triplet.right
    heard = int(np.argmax(option_similarities(listener, game.triplet)))
    return replace(
        game,
        guess=guess,
        played=game.played + 1,
        right=game.right + (guess == right),
        model_right=game.model_right + (heard == right),
    )


def triplet_page(game: TripletGame, listener: NoteListener) -> str:
    """Render the anchor and the options; names, roles and similarities once there is a guess."""
    triplet = game.triplet
    paths = [triplet.anchor.notes[0].path, *(one.pair.notes[1].path for one in triplet.options)]
    titles = ["the anchor", *(f"sound {n}" for n in range(1, len(paths)))]
    pictures = log_mel_pictures(
        [Picture(title, note_audio(path)) for title, path in zip(titles, paths, strict=True)]
    )
    anchor = (
        '<div class="cir-learn-side"><div class="cir-card"><span data-key="0">'
        f"{play_button(paths[0], 'Play the anchor')}</span><div><div class='cir-name'>Anchor</div>"
        f'<div class="cir-meta">{escape(_pitched(triplet.anchor, 0))}</div>'
        f'<div class="cir-meta">{family_tag(triplet.anchor.family)}</div>'
        f"</div></div>{pictures[0]}</div>"
    )
    near = None if game.guess is None else option_similarities(listener, triplet)
    options = "".join(
        _option(game, number, pictures[number + 1], None if near is None else near[number])
        for number in range(len(triplet.options))
    )
    return f'<div class="cir-learn-triplet">{anchor}{options}</div>{_verdict(game, near)}'


def _option(game: TripletGame, number: int, picture: str, similarity: float | None) -> str:
    option = game.triplet.options[number]
    key = number + 1
    play = play_button(option.pair.notes[1].path, f"Play sound {key}")
    if similarity is None:
        name = f"Sound {key}"
        foot = (
            f'<button type="button" class="cir-choose" data-act="guess" data-value="{number}" '
            f'aria-label="Sound {key} is the same instrument">Same instrument</button>'
        )
        role = ""
    else:
        name = escape(_pitched(option.pair, 1))
        chosen = ' <span class="cir-badge">your guess</span>' if number == game.guess else ""
        role = " is-right" if option.role == POSITIVE else ""
        foot = (
            f'<p class="cir-meta"><b>{option.role.capitalize()}</b>{chosen}: {_ABOUT[option.role]}.'
            f'</p><div class="cir-scale-track"><span style="--low:{scale_place(0.0):.4f};--high:'
            f'{max(scale_place(0.0), scale_place(similarity)):.4f}"></span></div>'
            f'<p class="cir-meta">similarity <b>{signed(similarity)}</b></p>'
        )
    return (
        f'<div class="cir-learn-side{role}" data-choice="{number}"><div class="cir-card">'
        f'<span data-key="{key}">{play}</span><div><div class="cir-name">{name}</div></div></div>'
        f"{picture}{foot}</div>"
    )


def _pitched(pair: NotePair, note: int) -> str:
    name = pair.instrument.name
    return f"{name}, MIDI note {pair.notes[note].pitch}"


def _verdict(game: TripletGame, near: list[float] | None) -> str:
    if near is None:
        words = "Which one is the same instrument as the anchor, playing another note?"
        return f'<p class="cir-learn-answer" role="status">{words}</p>'
    right = game.triplet.right
    model = int(np.argmax(near))
    yours = "You were right." if game.guess == right else f"It was sound {right + 1}."
    theirs = (
        "So was the model: the positive is the most similar."
        if model == right and game.guess == right
        else "The model knew: the positive is the most similar."
        if model == right
        else f"The model is wrong here: sound {model + 1} is more similar to it than the positive."
    )
    return (
        f'<p class="cir-learn-answer" role="status">{yours} {theirs} '
        f"Score: you {game.right}, the model {game.model_right} of {game.played}.</p>"
        '<p><button type="button" class="cir-choose" data-act="next" data-key="n">'
        "Next sounds</button></p>"
    )
