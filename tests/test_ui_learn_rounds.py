from pathlib import Path

import numpy as np
import pytest

from cir.errors import InputError
from cir.index.database import InstrumentDatabase
from cir.retrieval.windows import embed_windows
from cir.types import SAMPLE_RATE
from cir.ui.learn.quiz import Quiz, QuizExhibit
from cir.ui.learn.quiz_mix import MIX_SECONDS, play_together
from cir.ui.learn.quiz_rounds import CANDIDATES, ROUNDS, TOO_ALIKE, check_seed, draw_round
from cir.ui.learn.sounds import MixedFiles, note_audio
from cir.ui.service import PageService
from tests.fakes import SpectrumEncoder, instrument

SEEDS = range(25)


@pytest.fixture(scope="module")
def exhibit(service: PageService) -> QuizExhibit:
    return QuizExhibit(service, MixedFiles())


def test_a_round_has_five_candidates_and_two_other_families(service: PageService) -> None:
    ids, embeddings = service.database.embeddings()
    for seed in SEEDS:
        drawn = draw_round(service, seed, 1)
        names = [one.instrument_id for one in drawn.candidates]
        assert len(set(names)) == CANDIDATES
        assert {one.family for one in drawn.candidates} == {drawn.family}
        families = {drawn.family, *(one.family for one in drawn.others)}
        assert (len(drawn.others), len(families)) == (2, 3)
        rows = embeddings[[ids.index(name) for name in names]]
        alike = rows @ rows.T - np.eye(CANDIDATES)
        assert alike.max() < TOO_ALIKE
    assert draw_round(service, 7, 3) == draw_round(service, 7, 3)
    others = [draw_round(service, 7, number) for number in range(1, ROUNDS + 1)]
    assert len({one.candidates for one in others}) > ROUNDS // 2
    assert len({draw_round(service, seed, 1).answer for seed in SEEDS}) == CANDIDATES


def test_the_right_answer_is_in_the_mix_and_no_other_candidate_is(service: PageService) -> None:
    drawn = draw_round(service, 3, 1)
    right = drawn.candidates[drawn.answer]
    whole = play_together(service, [right, *drawn.others])
    assert whole.shape == (round(MIX_SECONDS * SAMPLE_RATE),)
    assert float(np.abs(whole).max()) == pytest.approx(0.99, abs=1e-3)
    solos = {one: play_together(service, [one]) for one in (*drawn.candidates, *drawn.others)}
    for candidate in drawn.candidates:
        parts = np.stack([solos[one] for one in (candidate, *drawn.others)], axis=1, dtype=float)
        gains, *_ = np.linalg.lstsq(parts, whole.astype(float), rcond=None)
        residue = float(np.square(whole - parts @ gains).mean())
        assert residue < 1e-8 if candidate == right else residue > 1e-4


def test_a_phrase_replaces_a_note(service: PageService, monkeypatch: pytest.MonkeyPatch) -> None:
    one = service.instruments[0]
    note = play_together(service, [one])
    other = service.preview("bass-6")
    assert other is not None
    monkeypatch.setattr(service, "phrase", lambda instrument_id: other)
    phrase, length = play_together(service, [one]), len(note_audio(other))
    assert np.abs(phrase - note).max() > 0.1
    assert phrase[:2000] == pytest.approx(phrase[length : length + 2000], abs=1e-3)


def test_the_model_is_asked_as_a_search_asks_it(service: PageService, exhibit: QuizExhibit) -> None:
    heard = exhibit.prepare(5, 2)
    drawn = heard.round
    mix = play_together(service, (drawn.candidates[drawn.answer], *drawn.others))
    query = embed_windows(mix, service.encoder, [drawn.family])[drawn.family]
    found = service.database.search(query, 50, drawn.family)
    by_id = {match.instrument.instrument_id: match.similarity for match in found}
    expected = [by_id[one.instrument_id] for one in drawn.candidates]
    assert heard.similarities == pytest.approx(expected, abs=1e-6)
    assert heard.model_guess == int(np.argmax(expected))


def test_guesses_count_once_and_show_names_and_the_tenth_is_the_last(exhibit: QuizExhibit) -> None:
    quiz = Quiz(5)
    drawn = exhibit.prepare(5, 1).round
    before = exhibit.page(quiz)
    assert before.count('data-act="guess"') == CANDIDATES
    assert not any(one.name in before for one in drawn.candidates)
    assert "is-right" not in before
    after = exhibit.page(exhibit.answer(quiz, 0))
    assert all(one.name in after for one in drawn.candidates)
    assert after.count("is-right") == 1
    assert after.count("in the mix</span>") == 1
    assert 'data-act="guess"' not in after
    heard = exhibit.prepare(5, 1)  # a guess counts once
    right = heard.round.answer
    won = exhibit.answer(Quiz(5), right)
    assert (won.right, won.played, won.model_right) == (1, 1, heard.model_guess == right)
    assert exhibit.answer(won, (right + 1) % CANDIDATES) == won
    assert exhibit.answer(Quiz(5), (right + 1) % CANDIDATES).right == 0
    with pytest.raises(InputError, match="candidate 6"):
        exhibit.answer(Quiz(5), 5)
    last = exhibit.answer(Quiz(5, number=ROUNDS, right=9, model_right=2), 0)
    assert last.is_over
    page = exhibit.page(last)
    assert 'data-act="again"' in page
    assert "You won. You " in page


def test_a_number_out_of_range_and_a_small_database_are_refused(tmp_path: Path) -> None:
    for seed in (-1, 1_000_000, 2.5, None):
        with pytest.raises(InputError, match="999999"):
            check_seed(seed)
    encoder = SpectrumEncoder()
    with InstrumentDatabase.create(tmp_path / "small", encoder) as database:
        database.add([instrument("one")], np.ones((1, encoder.embedding_size), np.float32))
        with pytest.raises(InputError, match="at least 5"):
            draw_round(PageService(encoder, database), 0, 1)
