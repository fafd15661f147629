"""Filters by words and by how instruments sound, against a naive loop."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cir.audio.io import save_opus
from cir.errors import InputError
from cir.index.database import InstrumentDatabase
from cir.index.filters import ANY, Filters
from tests.fakes import SpectrumEncoder, instrument, tone

COUNT = 10


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> InstrumentDatabase:
    """Ten tones of rising pitch; the last one has no preview."""
    folder = tmp_path_factory.mktemp("filters")
    rows = [
        replace(
            instrument(f"tone-{n}", name=f"{'Warm' if n % 2 else 'Cold'} Tone {n}"),
            bank=f"Bank {n % 3}",
            licence="CC0-1.0" if n < 5 else "GPL-3.0",
        )
        for n in range(COUNT)
    ]
    previews = {row.instrument_id: folder / f"{row.instrument_id}.opus" for row in rows[:-1]}
    for number, path in enumerate(previews.values()):
        save_opus(path, tone(200.0 * (number + 1), 0.4), 16_000)
    database = InstrumentDatabase.create(folder / "db", SpectrumEncoder())
    embeddings = np.random.default_rng(0).standard_normal((COUNT, 32))
    database.add(rows, embeddings, previews)
    return database


def found(database: InstrumentDatabase, filters: Filters) -> set[int]:
    ranking = database.ranking(np.ones(32), words=filters.text)
    narrowed = filters.narrow(ranking)
    scores = dict(zip(ranking.rows.tolist(), ranking.scores.tolist(), strict=True))
    assert all(scores[row] == narrowed.scores[n] for n, row in enumerate(narrowed.rows.tolist()))
    return (
        {int(one.instrument.name.split()[-1]) for one in narrowed.top(COUNT)}
        if len(narrowed)
        else set()
    )


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (ANY, set(range(10))),
        (Filters(bank="Bank 1"), {1, 4, 7}),
        (Filters(licence="GPL-3.0"), {5, 6, 7, 8, 9}),
        (Filters(text="  "), set(range(10))),
        (Filters(text="wram"), {1, 3, 5, 7, 9}),  # misspelt
        (Filters(text="warm", licence="CC0-1.0"), {1, 3}),
        (Filters(brightness=0.5), {4, 5, 6, 7, 8}),
        (Filters(brightness=-0.5), {0, 1, 2, 3, 4}),
        (Filters(brightness=1.0), {8}),
        (Filters(brightness=-1.0, text="warm"), {1}),  # of those with the word
        (Filters(bank="none"), set()),
    ],
)
def test_what_passes(database: InstrumentDatabase, filters: Filters, expected: set[int]) -> None:
    assert found(database, filters) == expected


def test_what_is_asked_is_said_and_checked() -> None:
    assert Filters(bank="Luna", text="warm", brightness=-0.3, attack=1.0).in_words() == (
        "Luna",
        "\u201cwarm\u201d",
        "dark",
        "slow attack",
    )
    assert ANY.in_words() == ()
    for wrong in (1.01, float("nan")):
        with pytest.raises(InputError, match="from -1 to 1"):
            Filters(noisiness=wrong)


def test_a_database_without_descriptors_has_nothing_at_the_end_of_a_slider(tmp_path: Path) -> None:
    database = InstrumentDatabase.create(tmp_path / "db", SpectrumEncoder())
    database.add([instrument("a"), instrument("b")], np.eye(2, 32))
    assert len(Filters(attack=0.5).narrow(database.ranking(np.ones(32)))) == 0
