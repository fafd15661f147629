"""Instruments known by several of their notes: in databases, and in evaluations."""

from pathlib import Path

import numpy as np
import pytest

from cir.audio.io import save_opus
from cir.datasets.note_bank_dataset import NoteBankDataset
from cir.errors import InputError
from cir.evaluation.gallery import Gallery
from cir.evaluation.mixture_stream import MixtureSet, embed_references, timed
from cir.evaluation.mixtures import evaluate_mixtures
from cir.evaluation.single import evaluate_single_source
from cir.index.build import build_database
from cir.index.references import NoteBankReferences, average_notes
from cir.instruments.note_bank import NoteBank
from tests.fakes import SpectrumEncoder, unit_vectors
from tests.tone_bank import NOTES, write_bank


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bank(tmp_path_factory.mktemp("banks") / "tones")


def test_the_mean_of_notes_is_that_of_a_plain_loop() -> None:
    notes = unit_vectors(np.random.default_rng(0), 9, 16)
    counts = [1, 4, 1, 3]
    expected, start = [], 0
    for count in counts:
        mean = notes[start : start + count].mean(0)
        expected.append(mean / np.linalg.norm(mean))
        start += count
    np.testing.assert_allclose(average_notes(notes, counts), expected, atol=1e-6)
    assert average_notes(notes, [1] * 9) is notes
    assert average_notes(notes[:0], []).shape == (0, 16)


@pytest.mark.slow
def test_a_database_knows_instruments_by_their_first_notes(
    bank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIR_HOME", str(tmp_path / "home"))
    (bank / "previews").mkdir(exist_ok=True)
    opened = NoteBank.open(bank)
    noise = np.random.default_rng(0).normal(0.0, 0.1, 4_800).astype(np.float32)
    for row in opened.instruments:
        save_opus(opened.preview_path(row.instrument_id), noise, 48_000)
    encoder = SpectrumEncoder()
    database = build_database(tmp_path / "db", encoder, [NoteBankReferences(bank, 3)])
    ids, embeddings = database.embeddings()
    for name, embedding in zip(ids, embeddings, strict=True):
        mean = encoder.embed(opened.audio(name)[:3], 16_000).mean(0)
        np.testing.assert_allclose(embedding, mean / np.linalg.norm(mean), atol=1e-6)
    (reference, *_) = NoteBankReferences(bank)
    assert reference.more == ()
    with pytest.raises(InputError, match="at least 1"):
        NoteBankReferences(bank, 0)


def test_what_an_instrument_is_known_by_does_not_play(bank: Path) -> None:
    gallery = Gallery([NoteBankDataset(bank)], n_references=3)
    every = Gallery([NoteBankDataset(bank)])
    assert len(every.pool("test", None).tables.pitches) == 12 * NOTES
    pool = gallery.pool("test", None)
    assert len(pool.tables.pitches) == 12 * (NOTES - 3)
    heard = {round(float(pool.pitches[row])) for one in pool.instruments for row in one.rows}
    known = {note.pitch for _, notes in gallery.known_by(range(24)) for note in notes}
    assert not heard & known
    scarce = Gallery([NoteBankDataset(bank)], n_references=NOTES + 5)
    assert len(scarce.pool("test", None).tables.pitches) == 12
    with pytest.raises(InputError, match="at least 1"):
        Gallery([NoteBankDataset(bank)], n_references=0)


@pytest.mark.slow
def test_evaluations_rank_the_means_and_ask_about_the_other_notes(bank: Path) -> None:
    gallery, encoder = Gallery([NoteBankDataset(bank)], n_references=2), SpectrumEncoder()
    rows = gallery.of_split("test")
    found = embed_references(timed({"one": encoder}), gallery, rows)
    for row, embedding in zip(found.rows, found.embeddings["one"], strict=True):
        mean = encoder.embed([note.audio for note in gallery.notes(int(row))[:2]], 16_000).mean(0)
        np.testing.assert_allclose(embedding, mean / np.linalg.norm(mean), atol=1e-6)
    (single,) = evaluate_single_source({"one": encoder}, gallery)
    assert single["scores"]["all"]["queries"] == 12 * (NOTES - 2)
    assert single["scores"]["all_with_references"]["queries"] == 12 * NOTES
    (mixed,) = evaluate_mixtures({"one": encoder}, gallery, MixtureSet(3))
    assert mixed["settings"]["references"] == 2
    plain = Gallery([NoteBankDataset(bank)])
    assert (
        "references" not in evaluate_mixtures({"one": encoder}, plain, MixtureSet(3))[0]["settings"]
    )
