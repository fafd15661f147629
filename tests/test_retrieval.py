from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from cir.audio.io import save_wav
from cir.errors import DatabaseError, InputError
from cir.index.database import BUNDLED_PATH, InstrumentDatabase
from cir.retrieval import retriever as retrieval
from cir.retrieval.retriever import (
    Retriever,
    SearchTimings,
    embed_query,
    read_sound,
    search,
)
from cir.retrieval.windows import embed_windows, split_windows
from cir.types import FloatArray, Progress
from tests.calibrated import SCALE, CalibratedDatabase
from tests.fakes import SpectrumEncoder, exact_search, instrument, tone

FAMILIES = ("percussion", "bass", "synth_lead")


@pytest.fixture(autouse=True)
def cir_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIR_HOME", str(tmp_path / "home"))


@pytest.fixture
def encoder() -> SpectrumEncoder:
    return SpectrumEncoder()


@pytest.fixture
def database(tmp_path: Path, encoder: SpectrumEncoder) -> InstrumentDatabase:
    """Eight tones in each of three families."""
    made = InstrumentDatabase.create(tmp_path / "db", encoder)
    rows = [
        instrument(f"{family.replace('_', '-')}-{number}", family, bank=f"B{number % 2}")
        for family in FAMILIES
        for number in range(8)
    ]
    sounds = [tone(80.0 * 1.12**number, 1.0) for number in range(len(rows))]
    made.add(rows, encoder.embed(sounds, 16_000))
    return made


def test_results_are_those_of_exact_search(
    encoder: SpectrumEncoder, database: InstrumentDatabase
) -> None:
    sound = tone(200.0, 2.0)
    results = search(sound, sample_rate=16_000, encoder=encoder, database=database)
    assert [result.family for result in results] == list(FAMILIES)
    query = encoder.embed([sound], 16_000)[0]
    ids, embeddings = database.embeddings()
    for result in results:
        rows = [row for row, name in enumerate(ids) if database.get(name).family == result.family]
        expected = exact_search([ids[row] for row in rows], embeddings[rows], query, 5)
        assert [match.instrument.instrument_id for match in result.matches] == [
            name for name, _ in expected
        ]
        np.testing.assert_allclose(
            [match.similarity for match in result.matches],
            [value for _, value in expected],
            atol=1e-5,
        )


def test_families_and_top_k(encoder: SpectrumEncoder, database: InstrumentDatabase) -> None:
    results = search(
        tone(200.0),
        ["Synth lead", "voice"],
        3,
        sample_rate=16_000,
        encoder=encoder,
        database=database,
    )
    assert [(one.family, len(one.matches)) for one in results] == [("synth_lead", 3), ("voice", 0)]


def test_a_file_a_stereo_array_and_another_rate_give_the_same_matches(
    tmp_path: Path, encoder: SpectrumEncoder, database: InstrumentDatabase
) -> None:
    high = tone(300.0, 2.0, 48_000)
    save_wav(tmp_path / "mix.wav", np.stack([high, 0.5 * high], axis=1), 48_000)
    kinds = [
        search(tmp_path / "mix.wav", encoder=encoder, database=database),
        search(str(tmp_path / "mix.wav"), encoder=encoder, database=database),
        search(
            np.stack([high, 0.5 * high]), sample_rate=48_000, encoder=encoder, database=database
        ),
        search(
            (20_000 * high).astype(np.int16), sample_rate=48_000, encoder=encoder, database=database
        ),
        search(0.01 * tone(300.0, 2.0), sample_rate=16_000, encoder=encoder, database=database),
    ]
    tops = [[one.matches[0].instrument.instrument_id for one in results] for results in kinds]
    assert tops == [tops[0]] * len(kinds)


def test_the_same_sound_gives_the_same_bits(
    encoder: SpectrumEncoder, database: InstrumentDatabase
) -> None:
    sound = np.random.default_rng(0).standard_normal(16_000 * 25).astype(np.float32)
    first = search(sound, sample_rate=16_000, encoder=encoder, database=database)
    assert search(sound, sample_rate=16_000, encoder=encoder, database=database) == first


class CountingEncoder(SpectrumEncoder):
    """Keeps the lengths of the mixtures that it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.lengths: list[list[int]] = []

    def embed_mixtures(
        self,
        sounds: Sequence[FloatArray],
        sample_rate: int,
        families: Sequence[str],
        *,
        progress: Progress | None = None,
    ) -> FloatArray:
        self.lengths.append([len(sound) for sound in sounds])
        return super().embed_mixtures(sounds, sample_rate, families)


def test_long_sounds_are_averaged_by_the_energy_of_their_windows() -> None:
    encoder = CountingEncoder()
    loud, quiet = tone(110.0, 10.0), 0.25 * tone(1_500.0, 10.0)
    sound = np.concatenate([loud, quiet, loud[:40_000]])
    steps: list[float] = []
    found = embed_windows(sound, encoder, ["bass"], lambda done, _: steps.append(done))["bass"]
    assert encoder.lengths == [[160_000, 160_000, 40_000]]
    assert steps == [1.0]
    parts = [loud, quiet, loud[:40_000]]
    weights = [float(np.sum(part.astype(np.float64) ** 2)) for part in parts]
    vectors = encoder.embed(parts, 16_000).astype(np.float64)
    mean = np.average(vectors, axis=0, weights=weights)
    np.testing.assert_allclose(found, mean / np.linalg.norm(mean), atol=1e-5)
    assert float(found @ vectors[0]) > float(found @ vectors[1])


def test_windows_that_nobody_hears_are_skipped() -> None:
    encoder = CountingEncoder()
    sound = np.concatenate(
        [np.zeros(160_000, np.float32), tone(110.0, 10.0), np.full(160_000, 1e-5, np.float32)]
    )
    found = embed_windows(sound, encoder, ["bass"])["bass"]
    assert encoder.lengths == [[160_000]]
    np.testing.assert_allclose(found, encoder.embed([tone(110.0, 10.0)], 16_000)[0], atol=1e-5)


def test_windows_cover_a_sound_once() -> None:
    sound = np.arange(16_000 * 31, dtype=np.float32)
    windows = split_windows(sound)
    assert [len(window) for window in windows] == [160_000, 160_000, 160_000, 16_000]
    np.testing.assert_array_equal(np.concatenate(windows), sound)


def test_many_windows_go_in_small_batches() -> None:
    encoder = CountingEncoder()
    steps: list[float] = []
    embed_windows(np.tile(tone(90.0), 95), encoder, ["bass"], lambda done, _: steps.append(done))
    assert [len(batch) for batch in encoder.lengths] == [4, 4, 2]
    assert steps == [0.4, 0.8, 1.0]


def test_embed_query_names_families(encoder: SpectrumEncoder) -> None:
    vectors = embed_query(tone(200.0), ["organ", "bass"], sample_rate=16_000, encoder=encoder)
    assert list(vectors) == ["organ", "bass"]
    for vector in vectors.values():
        assert vector.shape == (32,)
        assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-6)


def test_filters_and_timings(encoder: SpectrumEncoder, database: InstrumentDatabase) -> None:
    timings: list[SearchTimings] = []
    results = Retriever(encoder, database).search(
        tone(200.0), sample_rate=16_000, bank="B1", on_timings=timings.append
    )
    assert {m.instrument.bank for one in results for m in one.matches} == {"B1"}
    assert all(len(one.matches) == 4 for one in results)
    (spent,) = timings
    assert min(spent.decode_seconds, spent.embed_seconds, spent.search_seconds) > 0.0
    assert spent.total_seconds < 60.0


def test_without_a_calibration_nothing_is_judged(
    encoder: SpectrumEncoder, database: InstrumentDatabase
) -> None:
    results = search(tone(200.0), sample_rate=16_000, encoder=encoder, database=database)
    assert [one.judgement for one in results] == [None] * 3
    assert {match.chance for one in results for match in one.matches} == {None}
    word = database.likeness.word
    assert all(match.likeness == word(match.similarity) for one in results for match in one.matches)


@pytest.mark.parametrize(("bank", "top_k"), [(None, 5), (None, 20), ("B1", 3)])
def test_a_calibration_judges_all_candidates(
    encoder: SpectrumEncoder, database: InstrumentDatabase, bank: str | None, top_k: int
) -> None:
    calibrated = CalibratedDatabase.open(database.path)
    sound = tone(200.0)
    results = Retriever(encoder, calibrated).search(
        sound, [*FAMILIES, "voice"], top_k, sample_rate=16_000, bank=bank
    )
    plain = Retriever(encoder, database).search(
        sound, [*FAMILIES, "voice"], top_k, sample_rate=16_000, bank=bank
    )
    assert [[replace(match, chance=None) for match in one.matches] for one in results] == [
        list(one.matches) for one in plain
    ]
    query = encoder.embed([sound], 16_000)[0]
    ids, embeddings = database.embeddings()
    for result in results[:3]:
        rows = [
            row
            for row, name in enumerate(ids)
            if database.get(name).family == result.family
            and bank in (None, database.get(name).bank)
        ]
        weights = np.exp(SCALE * (embeddings[rows] @ query))
        chances = np.sort(weights / weights.sum())[::-1]
        assert result.judgement is not None
        assert result.judgement.is_absent == (result.family == "bass")
        if bank is not None or result.family == "bass":  # fewer than it holds for, or absent
            assert result.judgement.chances == ()
            assert {match.chance for match in result.matches} == {None}
            continue
        assert [match.chance for match in result.matches] == list(result.judgement.chances)
        np.testing.assert_allclose(result.judgement.chances, chances[:top_k], atol=2e-3)
        assert result.judgement.top_5 == pytest.approx(chances[:5].sum(), abs=2e-3)
    assert (results[3].matches, results[3].judgement) == ((), None)


@pytest.mark.parametrize(
    ("sound", "rate", "options", "words"),
    [
        (np.zeros(0), 16_000, {}, "empty"),
        (np.zeros(16_000), 16_000, {}, "silent"),
        (np.full(16_000, np.nan), 16_000, {}, "NaN"),
        (np.ones((3, 4, 5)), 16_000, {}, "3 dimensions"),
        (np.ones(16_000), None, {}, "needs its sample rate"),
        (np.ones(16_000), 0, {}, "sample rate must be"),
        (np.ones(16_000), ["bass"], {}, "sample rate must be"),
        (np.ones(1_000 * 1_300), 1_000, {}, "21.7 minutes long"),
        ("nowhere.wav", None, {}, "does not exist"),
        (np.ones(16_000), 16_000, {"families": ["kazoo"]}, "Unknown family 'kazoo'"),
        (np.ones(16_000), 16_000, {"families": []}, "No family was given"),
        (np.resize([0.5, -0.5], 16_000), 16_000, {"top_k": 0}, "top_k must be"),
    ],
)
def test_bad_input_is_one_clear_sentence(
    encoder: SpectrumEncoder,
    database: InstrumentDatabase,
    sound: object,
    rate: object,
    options: dict[str, object],
    words: str,
) -> None:
    with pytest.raises(InputError, match=words) as caught:
        search(
            sound,  # type: ignore[arg-type]
            sample_rate=rate,  # type: ignore[arg-type]
            encoder=encoder,
            database=database,
            **options,  # type: ignore[arg-type]
        )
    assert "\n" not in str(caught.value)


def test_a_sound_above_what_the_model_hears_is_silent() -> None:
    time = np.arange(48_000) / 48_000
    with pytest.raises(InputError, match="silent"):
        read_sound(np.hanning(48_000) * np.sin(2 * np.pi * 15_000 * time), 48_000)


def test_a_database_of_another_model_is_refused(database: InstrumentDatabase) -> None:
    with pytest.raises(DatabaseError, match="made by the model"):
        search(tone(100.0), sample_rate=16_000, encoder=SpectrumEncoder(seed=9), database=database)


@pytest.mark.slow
def test_the_bundled_model_and_database_are_loaded_once(
    monkeypatch: pytest.MonkeyPatch, encoder: SpectrumEncoder, database: InstrumentDatabase
) -> None:
    loads: list[str] = []

    def load() -> Retriever:
        loads.append("loaded")
        return Retriever(encoder, database)

    monkeypatch.setattr(retrieval, "default_retriever", cache(load))
    for _ in range(2):
        assert len(search(tone(100.0), sample_rate=16_000)) == 3
    assert loads == ["loaded"]


@pytest.mark.slow
@pytest.mark.skipif(
    not (BUNDLED_PATH / "database.json").exists(), reason="the bundled database is not built yet"
)
def test_the_bundled_model_answers_with_the_bundled_database() -> None:
    preview = InstrumentDatabase.open().preview_path("factory-basses-attacky")
    assert preview is not None
    results = search(preview)
    assert [len(result.matches) for result in results] == [5, 5, 5]
    for result in results:
        assert {match.instrument.family for match in result.matches} == {result.family}
        assert all(match.preview is not None for match in result.matches)
        assert result.judgement is not None
        assert {match.likeness for match in result.matches} <= {
            "very similar",
            "similar",
            "not alike",
        }
    info = InstrumentDatabase.open().info()
    assert info.sources["surge"] >= 1_900
    assert info.sources["soundfont"] >= 130
