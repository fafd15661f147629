"""Exhibit 3 of the Learn tab: which of three sounds is the positive of the anchor?"""

from dataclasses import dataclass, replace
from html import escape

import numpy as np

from cir.errors import InputError
from cir.ui.cards import family_tag, play_button
from cir.ui.learn.log_mel import Picture, log_mel_pictures
from cir.ui.learn.similarity_scale import signed, track
from cir.ui.learn.sounds import LearnSounds, NoteEmbedder, NotePair, note_audio

POSITIVE, HARD, EASY = "positive", "hard negative", "easy negative"
_ABOUT = {
    POSITIVE: "another note of the same instrument; training pulls it towards the anchor",
    HARD: "another instrument of the same family; training learns most from these",
    EASY: "an instrument of another family; mostly far away early in training",
}


@dataclass(frozen=True)
class Option:
    """One of the sounds to choose from."""

    pair: NotePair
    role: str


@dataclass(frozen=True)
class Triplet:
    """The reference note of an anchor, and notes to compare with it."""

    anchor: NotePair
    options: tuple[Option, ...]
    """One of each role, shuffled; the second note of each is played."""

    @property
    def right(self) -> int:
        """Index of the positive among the options."""
        return [option.role for option in self.options].index(POSITIVE)


@dataclass(frozen=True)
class TripletGame:
    """The state of one visitor's game."""

    triplet: Triplet
    guess: int | None = None
    played: int = 0
    right: int = 0
    model_right: int = 0


def draw_triplet(sounds: LearnSounds, generator: np.random.Generator) -> Triplet:
    """Draw an anchor and shuffle the options.

    Raises:
        InputError: There are no two families, or no two instruments of one.
    """
    families = sorted({pair.family for pair in sounds.pairs})
    rich = [family for family in families if len(sounds.of_family(family)) > 1]
    if not rich or len(families) < 2:
        raise InputError("There are too few sounds to compare; install the package again.")
    family = rich[generator.integers(len(rich))]
    members = sounds.of_family(family)
    anchor, hard = (members[row] for row in generator.choice(len(members), 2, replace=False))
    strangers = [pair for pair in sounds.pairs if pair.family != family]
    easy = strangers[generator.integers(len(strangers))]
    options = (Option(anchor, POSITIVE), Option(hard, HARD), Option(easy, EASY))
    return Triplet(anchor, tuple(options[row] for row in generator.permutation(len(options))))


def option_similarities(embedder: NoteEmbedder, triplet: Triplet) -> list[float]:
    """Return the similarity of each option's note to the anchor's."""
    anchor = triplet.anchor.notes[0].path
    return [embedder.similarity(anchor, option.pair.notes[1].path) for option in triplet.options]


def answer(game: TripletGame, guess: int, embedder: NoteEmbedder) -> TripletGame:
    """Count a guess; a second guess on the same sounds is ignored.

    Raises:
        InputError: There is no such option.
    """
    if game.guess is not None:
        return game
    if guess not in range(len(game.triplet.options)):
        raise InputError(f"There is no sound {guess + 1}; choose one of those shown.")
    right = game.triplet.right
    model_guess = int(np.argmax(option_similarities(embedder, game.triplet)))
    return replace(
        game,
        guess=guess,
        played=game.played + 1,
        right=game.right + (guess == right),
        model_right=game.model_right + (model_guess == right),
    )


def triplet_page(game: TripletGame, embedder: NoteEmbedder) -> str:
    """Render the anchor and the options; after a guess also names, roles and similarities."""
    triplet = game.triplet
    paths = [triplet.anchor.notes[0].path, *(one.pair.notes[1].path for one in triplet.options)]
    titles = ["the anchor", *(f"sound {n}" for n in range(1, len(paths)))]
    pictures = log_mel_pictures(
        [Picture(title, note_audio(path)) for title, path in zip(titles, paths, strict=True)]
    )
    anchor = (
        '<div class="cir-learn-side"><div class="cir-card"><span data-key="0">'
        f"{play_button(paths[0], 'Play the anchor')}</span><div><div class='cir-name'>Anchor</div>"
        f'<div class="cir-meta">{_pitched(triplet.anchor, 0)}</div>'
        f'<div class="cir-meta">{family_tag(triplet.anchor.family)}</div>'
        f"</div></div>{pictures[0]}</div>"
    )
    near = None if game.guess is None else option_similarities(embedder, triplet)
    options = "".join(
        _option(game, number, picture, None if near is None else near[number])
        for number, picture in enumerate(pictures[1:])
    )
    return f'<div class="cir-learn-triplet">{anchor}{options}</div>{_verdict(game, near)}'


def _option(game: TripletGame, number: int, picture: str, similarity: float | None) -> str:
    option, key, role = game.triplet.options[number], number + 1, ""
    play = play_button(option.pair.notes[1].path, f"Play sound {key}")
    if similarity is None:
        name = f"Sound {key}"
        foot = (
            f'<button type="button" class="cir-choose" data-act="guess" data-value="{number}" '
            f'aria-label="Sound {key} is the same instrument">Same instrument</button>'
        )
    else:
        name = _pitched(option.pair, 1)
        chosen = ' <span class="cir-badge">your guess</span>' if number == game.guess else ""
        role = " is-right" if option.role == POSITIVE else ""
        foot = (
            f'<p class="cir-meta"><b>{option.role.capitalize()}</b>{chosen}: {_ABOUT[option.role]}.'
            f"</p>{track(0.0, similarity)}"
            f'<p class="cir-meta">similarity <b>{signed(similarity)}</b></p>'
        )
    return (
        f'<div class="cir-learn-side{role}" data-choice="{number}"><div class="cir-card">'
        f'<span data-key="{key}">{play}</span><div><div class="cir-name">{name}</div></div></div>'
        f"{picture}{foot}</div>"
    )


def _pitched(pair: NotePair, note: int) -> str:
    return escape(f"{pair.instrument.name}, MIDI note {pair.notes[note].pitch}")


def _verdict(game: TripletGame, near: list[float] | None) -> str:
    if near is None:
        words = "Which one is another note of the anchor's instrument?"
        return f'<p class="cir-learn-answer" role="status">{words}</p>'
    right, model = game.triplet.right, int(np.argmax(near))
    yours = "You were right." if game.guess == right else f"It was sound {right + 1}."
    theirs = (
        "The model was right: it finds the positive most similar."
        if model == right
        else f"The model was wrong: it finds sound {model + 1} more similar than the positive."
    )
    return (
        f'<p class="cir-learn-answer" role="status">{yours} {theirs} '
        f"Score: you {game.right}, the model {game.model_right} of {game.played}.</p>"
        '<p><button type="button" class="cir-choose" data-act="next" data-key="n">'
        "Next sounds</button></p>"
    )
