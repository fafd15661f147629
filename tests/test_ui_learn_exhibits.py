from collections import Counter
from math import comb

import numpy as np
import pytest
import torch

from cir.audio.features import mel_power
from cir.audio.log_frequency import normalise_peak
from cir.audio.mel import MEL_FLOOR, mel_place
from cir.errors import InputError
from cir.retrieval.windows import embed_windows
from cir.types import SAMPLE_RATE
from cir.ui.learn.embedding_plane import Plane
from cir.ui.learn.log_mel import Picture, decibels, describe, log_mel_pictures
from cir.ui.learn.loss_demo import CLASSES, toy_html, toy_pairs
from cir.ui.learn.mix import MixExhibit
from cir.ui.learn.pair import PairExhibit
from cir.ui.learn.similarity_scale import (
    PER_FAMILY,
    Spread,
    measure_typical,
    scale_place,
    similarity_scale,
    verdict,
)
from cir.ui.learn.sounds import LearnSounds, MixedFiles, NoteEmbedder, load_learn_sounds, note_audio
from cir.ui.learn.triplet import EASY, HARD, POSITIVE, TripletGame, draw_triplet, triplet_page
from cir.ui.learn.triplet import answer as guess
from cir.ui.learn.triplet import option_similarities as similarities_of
from cir.ui.service import PageService
from tests.fakes import tone, unit_vectors
from tests.page.database import HOSTILE_NAME

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sounds() -> LearnSounds:
    return load_learn_sounds()


@pytest.fixture(scope="module")
def embedder(service: PageService) -> NoteEmbedder:
    return NoteEmbedder(service)


@pytest.fixture(scope="module")
def pair_exhibit(service: PageService, embedder: NoteEmbedder, sounds: LearnSounds) -> PairExhibit:
    return PairExhibit(service, embedder, sounds.pairs)


@pytest.fixture(scope="module")
def mix_exhibit(service: PageService, embedder: NoteEmbedder, sounds: LearnSounds) -> MixExhibit:
    return MixExhibit(service, embedder, MixedFiles(), sounds.scenes[0])


def test_levels_are_those_of_the_features_in_decibels() -> None:
    sine = np.sin(2 * np.pi * 440.0 * np.arange(SAMPLE_RATE) / SAMPLE_RATE).astype(np.float32)
    power = mel_power(normalise_peak(torch.from_numpy(sine[np.newaxis])))[0].T.numpy()
    levels = decibels(sine[np.newaxis])[0]
    assert levels == pytest.approx(10 * np.log10(np.maximum(power, MEL_FLOOR)), abs=1e-2)
    loudest_band = int(power.sum(1).argmax())
    assert (loudest_band + 0.5) / 128 == pytest.approx(mel_place(440.0), abs=0.02)


def test_a_picture_says_in_words_what_it_shows() -> None:
    (high, low) = log_mel_pictures([Picture("A <b>", tone(2000.0)), Picture("B", tone(100.0, 0.5))])
    assert "A &lt;b&gt;" in high and "<b>" not in high
    assert 'alt="Log-mel spectrogram of B: energy around' in low
    levels = decibels(np.stack([np.pad(tone(100.0, 0.5), (0, SAMPLE_RATE // 2))]))[0]
    assert "sounds for 0.5 s" in describe(levels, float(levels.max()), 1.0)
    # The scale of similarities goes from left to right.
    assert scale_place(-1.0) == 0.0
    assert scale_place(1.0) == 1.0
    assert scale_place(0.2) < scale_place(0.3)
    spread = Spread("Two <notes>", 0.5, 0.7, 0.9, 30)
    assert "Two &lt;notes&gt;" in similarity_scale(0.6, [spread])
    assert verdict(0.6, [spread]) == "Typical for two <notes>."
    assert "Higher than for almost any" in verdict(0.95, [spread])
    assert "Lower than for most" in verdict(0.1, [spread])


def test_usual_pairs(service: PageService, embedder: NoteEmbedder, sounds: LearnSounds) -> None:
    same, within, across = measure_typical(service, embedder, sounds.pairs)
    assert same.pairs == len(sounds.pairs)
    families = Counter(one.family for one in service.instruments if one.family is not None)
    sizes = [min(PER_FAMILY, size) for size in families.values()]
    assert within.pairs == sum(comb(size, 2) for size in sizes)
    assert within.pairs + across.pairs == comb(sum(sizes), 2)
    assert all(one.low <= one.middle <= one.high for one in (same, within, across))
    cosines = [embedder.similarity(pair.notes[0].path, pair.notes[1].path) for pair in sounds.pairs]
    assert same.middle == pytest.approx(float(np.median(cosines)), abs=1e-6)


def test_two_instruments_are_compared_as_heard(
    service: PageService, pair_exhibit: PairExhibit
) -> None:
    *_, page = pair_exhibit.show("bass-0", "nameless")
    previews = [service.preview(name) for name in ("bass-0", "nameless")]
    audio = [note_audio(path) for path in previews if path is not None]
    one, other = service.encoder.embed(audio, SAMPLE_RATE)
    expected = f"{float(one @ other):.2f}".replace("-", "\u2212")
    assert f"Similarity <b>{expected}</b>" in page
    assert page.count("<img ") == 2
    assert HOSTILE_NAME not in page
    (same,) = pair_exhibit.show("bass-0", "bass-0")  # what is usual is known by now
    assert "Similarity <b>1.00</b>" in same
    # A surprise is two instruments that can be heard.
    known = {name for _, name in pair_exhibit.choices()}
    for seed in range(10):
        first, second = pair_exhibit.surprise(np.random.default_rng(seed))
        assert first != second
        assert {first, second} <= known
    assert set(pair_exhibit.first_pair()) <= known
    for name, words in ((None, "Choose two"), ("nobody", "nobody")):
        with pytest.raises(InputError, match=words):
            list(pair_exhibit.show("bass-0", name))


def test_a_mix_is_summed_and_embedded_anew(service: PageService, mix_exhibit: MixExhibit) -> None:
    stems = [note_audio(stem.path) for stem in mix_exhibit.scene.stems]
    pair = stems[0] + stems[2]
    assert mix_exhibit.mix((0, 2)) == pytest.approx(pair * (0.99 / np.abs(pair).max()), abs=1e-5)
    families = [stem.pair.family for stem in mix_exhibit.scene.stems]
    for playing in ((0, 1, 2), (1,)):
        found = embed_windows(mix_exhibit.mix(playing), service.encoder, families)
        expected = np.stack([found[family] for family in families])
        assert mix_exhibit.embed(playing) == pytest.approx(expected, abs=1e-6)


def test_a_toggle_shows_how_the_similarities_moved(mix_exhibit: MixExhibit) -> None:
    first = mix_exhibit.show([0, 1, 2], None)
    assert ">muted<" not in first and 'title="before"' not in first
    then = mix_exhibit.show([0, 2], (0, 1, 2))
    assert then.count('<span class="cir-badge">muted</span>') == 1
    assert then.count('title="before"') == 3
    assert "What is left of the mix" in then
    assert "nothing is left" in mix_exhibit.show([], (0, 2))
    with pytest.raises(InputError, match="number 7"):
        mix_exhibit.show([7], None)


def test_a_plane_through_three_points_keeps_their_distances() -> None:
    points, further = np.split(unit_vectors(np.random.default_rng(0), 7, 20), [3])
    plane = Plane(points, further)
    places = plane.places(points) * [1.6, 1.0]
    flat = np.linalg.norm(places[:, np.newaxis] - places, axis=2)
    true = np.linalg.norm(points[:, np.newaxis] - points, axis=2)
    ratio = flat[np.triu_indices(3, 1)] / true[np.triu_indices(3, 1)]
    assert ratio == pytest.approx(np.full(3, ratio[0]), rel=1e-5)
    inside = plane.places(further)
    assert (inside > 0.05).all() and (inside < 0.95).all()


def test_triplets_and_the_toy_are_drawn_from_the_sounds(sounds: LearnSounds) -> None:
    places = set()
    for seed in range(20):
        triplet = draw_triplet(sounds, np.random.default_rng(seed))
        roles = {option.role: option.pair for option in triplet.options}
        assert roles[POSITIVE] == triplet.anchor
        assert roles[HARD] != triplet.anchor
        assert roles[HARD].family == triplet.anchor.family
        assert roles[EASY].family != triplet.anchor.family
        places.add(triplet.right)
    assert places == {0, 1, 2}
    pairs = toy_pairs(sounds.pairs)  # the toy has five instruments of five families
    assert len({pair.family for pair in pairs}) == CLASSES
    assert toy_html(pairs).count('class="cir-play"') == 2 * CLASSES


def test_a_guess_shows_roles_and_similarities(sounds: LearnSounds, embedder: NoteEmbedder) -> None:
    game = TripletGame(draw_triplet(sounds, np.random.default_rng(1)))
    before = triplet_page(game, embedder)
    assert before.count('data-act="guess"') == 3
    assert POSITIVE.capitalize() not in before
    right = game.triplet.right
    won = guess(game, right, embedder)
    model = int(np.argmax(similarities_of(embedder, game.triplet)))
    assert (won.right, won.model_right, won.played) == (1, int(model == right), 1)
    assert guess(won, (right + 1) % 3, embedder) == won
    after = triplet_page(won, embedder)
    assert all(role.capitalize() in after for role in (POSITIVE, HARD, EASY))
    assert "You were right." in after
    with pytest.raises(InputError, match="sound 4"):
        guess(game, 3, embedder)


def test_options_against_anchor(
    sounds: LearnSounds, service: PageService, embedder: NoteEmbedder
) -> None:
    triplet = draw_triplet(sounds, np.random.default_rng(2))
    paths = [triplet.anchor.notes[0].path, *(one.pair.notes[1].path for one in triplet.options)]
    anchor, *others = service.encoder.embed(list(map(note_audio, paths)), SAMPLE_RATE)
    expected = [float(other @ anchor) for other in others]
    assert similarities_of(embedder, triplet) == pytest.approx(expected, abs=1e-6)
