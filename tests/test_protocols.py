"""Both protocols on a small bank of tones, with encoders whose figures are known beforehand."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cir.baselines.mfcc import MfccEncoder
from cir.datasets.note_bank_dataset import NoteBankDataset
from cir.errors import CirError, DataError, InputError
from cir.evaluation import mixtures, single
from cir.evaluation.casts import draw_casts
from cir.evaluation.gallery import Gallery
from cir.evaluation.mixture_stream import MixtureSet
from cir.evaluation.report.documents import to_json
from cir.evaluation.report.sections import to_markdown
from cir.mixtures.mixture_config import PAPER_FAMILIES
from cir.types import SAMPLE_RATE, Encoder, FloatArray, Progress
from tests.shared_data import SURGE, needs_shared
from tests.tone_bank import FAMILIES, INSTRUMENTS_PER_FAMILY, NOTES, TONES_HZ, write_bank


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    return open_bank(write_bank(tmp_path_factory.mktemp("banks") / "tones"))


def open_bank(folder: Path) -> Gallery:
    return Gallery([NoteBankDataset(folder)])


def evaluate_mixtures(
    encoder: Encoder,
    gallery: Gallery,
    *,
    n_mixtures: int = 500,
    seed: int = 0,
    split: str = "test",
    families: Sequence[str] = PAPER_FAMILIES,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """One encoder."""
    chosen = MixtureSet(n_mixtures, seed, split, tuple(families))
    (result,) = mixtures.evaluate_mixtures(
        {encoder.identity: encoder}, gallery, chosen, progress=progress
    )
    return result


def evaluate_single_source(encoder: Encoder, gallery: Gallery, **options: Any) -> dict[str, Any]:
    """One encoder."""
    (result,) = single.evaluate_single_source({encoder.identity: encoder}, gallery, **options)
    return result


def fit_mfcc(gallery: Gallery, families: Sequence[str]) -> Encoder:
    rows = [row for row, entry in enumerate(gallery.entries) if entry.family in families]
    return MfccEncoder.fit((note.audio for _, note in gallery.references(rows)), SAMPLE_RATE)


class ToneEncoder:
    """Hears which tone is loudest, in a mixture within the band of each family: always right."""

    identity = "tones"
    embedding_size = len(TONES_HZ)
    families: tuple[str, ...] = FAMILIES

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.heard: list[bytes] = []

    def embed(
        self, sounds: Sequence[FloatArray], sample_rate: int, *, progress: Progress | None = None
    ) -> FloatArray:
        self._note(sounds)
        return np.stack([self._loudest(sound, list(TONES_HZ)) for sound in sounds])

    def embed_mixtures(
        self,
        sounds: Sequence[FloatArray],
        sample_rate: int,
        families: Sequence[str],
        *,
        progress: Progress | None = None,
    ) -> FloatArray:
        self._note(sounds)
        prefixes = [family.replace("_", "-") for family in families]
        return np.stack(
            [
                [
                    self._loudest(sound, [name for name in TONES_HZ if name.startswith(prefix)])
                    for prefix in prefixes
                ]
                for sound in sounds
            ]
        )

    def _note(self, sounds: Sequence[FloatArray]) -> None:
        self.batches.append(len(sounds))
        self.heard += [hashlib.sha256(sound.tobytes()).digest() for sound in sounds]

    def _loudest(self, sound: FloatArray, among: list[str]) -> FloatArray:
        power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
        bins_hz = np.fft.rfftfreq(len(sound), 1 / SAMPLE_RATE)
        energies = [power[np.abs(bins_hz - TONES_HZ[name]) < 20].sum() for name in among]
        vector = np.zeros(len(TONES_HZ), dtype=np.float32)
        vector[list(TONES_HZ).index(among[int(np.argmax(energies))])] = 1.0
        return vector


class RandomEncoder:
    """Does not listen."""

    identity = "random"
    embedding_size = 16
    families: tuple[str, ...] = ()

    def __init__(self, seed: int = 0) -> None:
        self._generator = np.random.default_rng(seed)

    def embed(
        self, sounds: Sequence[FloatArray], sample_rate: int, *, progress: Progress | None = None
    ) -> FloatArray:
        drawn = self._generator.standard_normal((len(sounds), self.embedding_size))
        unit = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
        return np.asarray(unit, dtype=np.float32)

    def embed_mixtures(
        self,
        sounds: Sequence[FloatArray],
        sample_rate: int,
        families: Sequence[str],
        *,
        progress: Progress | None = None,
    ) -> FloatArray:
        each = [self.embed(sounds, sample_rate) for _ in families]
        return np.stack(each, axis=1)


class ConstantEncoder(RandomEncoder):
    """Maps everything to one point."""

    identity = "constant"

    def embed(
        self, sounds: Sequence[FloatArray], sample_rate: int, *, progress: Progress | None = None
    ) -> FloatArray:
        embeddings = np.zeros((len(sounds), self.embedding_size), dtype=np.float32)
        embeddings[:, 0] = 1.0
        return embeddings


def test_oracle_finds_everything_in_mixtures(bank: Gallery) -> None:
    result = evaluate_mixtures(ToneEncoder(), bank, n_mixtures=12, seed=0)
    assert list(result["scores"]) == [*FAMILIES, "mean"]
    for row in result["scores"].values():
        assert row["top_1"]["value"] == row["top_1"]["low"] == row["top_1"]["high"] == 1.0
        assert row["mrr"]["value"] == row["median_rank"]["value"] == 1.0
        assert row["candidates"] == INSTRUMENTS_PER_FAMILY
    assert result["primary"] == {"name": "mean top_1", "value": 1.0}
    assert result["encoder"] == "tones"


def test_oracle_finds_every_single_note(bank: Gallery) -> None:
    result = evaluate_single_source(ToneEncoder(), bank)
    for row in result["scores"].values():
        assert row["top_1"]["value"] == 1.0
        assert row["candidates"] == len(TONES_HZ)
    assert result["primary"] == {"name": "all top_1", "value": 1.0}


def test_random_encoder_is_at_chance(bank: Gallery) -> None:
    rows = evaluate_mixtures(RandomEncoder(), bank, n_mixtures=60)["scores"]
    assert rows["mean"]["top_1"]["chance"] == pytest.approx(1 / INSTRUMENTS_PER_FAMILY)
    assert rows["mean"]["top_1"]["value"] == pytest.approx(1 / INSTRUMENTS_PER_FAMILY, abs=0.1)
    assert rows["mean"]["top_5"]["value"] == pytest.approx(5 / INSTRUMENTS_PER_FAMILY, abs=0.15)
    single = [
        evaluate_single_source(RandomEncoder(seed), bank)["scores"]["all"]["top_5"]["value"]
        for seed in range(5)
    ]
    assert np.mean(single) == pytest.approx(5 / len(TONES_HZ), abs=0.12)


def test_constant_encoder_finds_nothing(bank: Gallery) -> None:
    mixtures = evaluate_mixtures(ConstantEncoder(), bank, n_mixtures=4)["scores"]["mean"]
    assert mixtures["top_5"]["value"] == 0.0
    assert mixtures["median_rank"]["value"] == INSTRUMENTS_PER_FAMILY
    assert evaluate_single_source(ConstantEncoder(), bank)["primary"]["value"] == 0.0


def test_every_encoder_hears_the_same_mixtures_and_another_seed_others(bank: Gallery) -> None:
    first, second, other = ToneEncoder(), ToneEncoder(), ToneEncoder()
    for encoder, seed in ((first, 3), (second, 3), (other, 4)):
        evaluate_mixtures(encoder, bank, n_mixtures=5, seed=seed)
    n_references = len(TONES_HZ)
    assert first.heard == second.heard
    assert first.heard[:n_references] == other.heard[:n_references]
    assert not set(first.heard[n_references:]) & set(other.heard[n_references:])


def test_more_mixtures_begin_with_the_same_ones(bank: Gallery) -> None:
    few, more = ToneEncoder(), ToneEncoder()
    evaluate_mixtures(few, bank, n_mixtures=4)
    evaluate_mixtures(more, bank, n_mixtures=6)
    assert more.heard[: len(few.heard)] == few.heard


@pytest.mark.slow
def test_sounds_are_streamed(bank: Gallery) -> None:
    encoder = ToneEncoder()
    evaluate_mixtures(encoder, bank, n_mixtures=40)
    assert sum(encoder.batches) == len(TONES_HZ) + 40
    assert max(encoder.batches) <= 32


def test_references_are_no_queries_and_twins_are_nothing(bank: Gallery) -> None:
    rows = evaluate_single_source(RandomEncoder(), bank)["scores"]
    n_test = 4 * len(FAMILIES)
    assert rows["all"]["queries"] == n_test * (NOTES - 1)
    assert rows["all_with_references"]["queries"] == n_test * NOTES
    assert rows["all"]["instruments"] == n_test
    assert {name: rows[name]["queries"] for name in FAMILIES} == dict.fromkeys(FAMILIES, 12)
    train = evaluate_single_source(RandomEncoder(), bank, split="train")["scores"]
    assert train["all_with_references"]["queries"] == 3 * len(FAMILIES) * NOTES


def test_the_paper_counts_references_that_find_themselves(bank: Gallery) -> None:
    class Parrot(RandomEncoder):
        """Knows a sound only when it hears exactly that sound again."""

        def embed(
            self,
            sounds: Sequence[FloatArray],
            sample_rate: int,
            *,
            progress: Progress | None = None,
        ) -> FloatArray:
            seeds = [int.from_bytes(hashlib.sha256(one.tobytes()).digest()[:4]) for one in sounds]
            return np.concatenate(
                [
                    RandomEncoder(seed).embed([one], 1)
                    for seed, one in zip(seeds, sounds, strict=True)
                ]
            )

    rows = evaluate_single_source(Parrot(), bank)["scores"]
    assert rows["all_with_references"]["top_1"]["value"] >= 1 / NOTES
    assert rows["all"]["top_1"]["value"] < 0.2


def test_families_can_be_chosen(bank: Gallery) -> None:
    rows = evaluate_mixtures(ToneEncoder(), bank, n_mixtures=3, families=["bass", "synth-lead"])
    assert list(rows["scores"]) == ["bass", "synth_lead", "mean"]
    assert rows["settings"]["families"] == ["bass", "synth_lead"]


@pytest.mark.parametrize("protocol", [evaluate_mixtures, evaluate_single_source])
def test_progress_rises_to_one(bank: Gallery, protocol: object) -> None:
    fractions: list[float] = []
    words: set[str] = set()

    def progress(done: float, text: str) -> None:
        fractions.append(done)
        words.add(text)

    assert callable(protocol)
    more = {"n_mixtures": 3} if protocol is evaluate_mixtures else {}
    protocol(RandomEncoder(), bank, progress=progress, **more)
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1.0)
    assert len(words) > 3


def test_casts_let_everybody_play_before_anybody_plays_twice() -> None:
    casts = draw_casts([[5, 6, 7], list(range(20))], 20, np.random.default_rng(0))
    assert sorted(one for one, _ in casts[:3]) == [5, 6, 7]
    assert sorted(other for _, other in casts) == list(range(20))
    assert {one for one, _ in casts[3:]} == {5, 6, 7}
    assert casts != draw_casts([[5, 6, 7], list(range(20))], 20, np.random.default_rng(1))


def test_mfcc_takes_part(bank: Gallery) -> None:
    rows = evaluate_single_source(fit_mfcc(bank, FAMILIES), bank)["scores"]
    assert rows["all"]["top_5"]["value"] > 2 * rows["all"]["top_5"]["chance"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_mixtures": 0}, "at least 1"),
        ({"families": ["kazoo"]}, "kazoo.*percussion"),
        ({"split": "exam"}, "exam.*train, valid, test"),
        ({"families": ["organ"]}, "organ"),
        ({"families": ["bass", "organ"]}, "organ.*percussion"),
    ],
)
def test_bad_arguments_are_one_clear_error(
    bank: Gallery, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(CirError, match=message):
        evaluate_mixtures(RandomEncoder(), bank, **arguments)  # type: ignore[arg-type]


def test_single_source_refuses_an_unknown_split(bank: Gallery) -> None:
    with pytest.raises(InputError, match="exam"):
        evaluate_single_source(RandomEncoder(), bank, split="exam")


def test_an_instrument_without_notes_is_left_out(tmp_path: Path) -> None:
    folder = write_bank(tmp_path / "bank")
    kept = [
        line
        for line in (folder / "notes.csv").read_text(encoding="utf-8").splitlines()
        if not line.startswith("bass-7,")
    ]
    (folder / "notes.csv").write_text("\n".join(kept) + "\n", encoding="utf-8")
    gallery = open_bank(folder)
    assert len(gallery) == len(TONES_HZ) - 1
    with pytest.raises(DataError, match="bass-7"):
        gallery.row("bass-7")
    rows = evaluate_single_source(RandomEncoder(), gallery)["scores"]
    assert rows["all"]["candidates"] == len(TONES_HZ) - 1


@pytest.mark.slow
def test_two_banks_meet_in_one_gallery(bank: Gallery, tmp_path: Path) -> None:
    """Queries are the test instruments of both, candidates everybody of both; one alone stays."""
    tones, others = tmp_path / "tones", write_bank(tmp_path / "others")
    write_bank(tones)
    both = Gallery([NoteBankDataset(tones), NoteBankDataset(others)])
    alone = evaluate_single_source(RandomEncoder(), open_bank(tones))["scores"]
    scores = evaluate_single_source(RandomEncoder(), both)["scores"]
    n_test, n_all = len(bank.of_split("test")), len(bank)
    assert (alone["all"]["instruments"], alone["all"]["candidates"]) == (n_test, n_all)
    assert (scores["all"]["instruments"], scores["all"]["candidates"]) == (2 * n_test, 2 * n_all)
    for source in ("tones", "others"):
        row = scores[f"source: {source}"]
        assert (row["instruments"], row["candidates"]) == (n_test, 2 * n_all)
        assert row["queries"] == alone["all"]["queries"]
    mixed = evaluate_mixtures(RandomEncoder(), both, n_mixtures=40)
    for family in FAMILIES:
        row = mixed["scores"][family]
        assert row["candidates"] == 2 * INSTRUMENTS_PER_FAMILY
        assert row["instruments"] == 8  # four of each bank are in the test split
    assert mixed["settings"]["data"] == ["tones", "others"]


def test_report_shows_both_encoders_row_by_row(bank: Gallery) -> None:
    results = [
        evaluate_mixtures(encoder, bank, n_mixtures=6)
        for encoder in (ToneEncoder(), ConstantEncoder())
    ]
    text = to_markdown(results)
    (percussion,) = [part for part in text.split("**") if part.startswith(": 6 queries")][:1]
    rows = [line.split("|")[1].strip() for line in percussion.splitlines() if line.startswith("|")]
    assert rows[2:] == ["tones", "constant", "chance"]
    assert percussion.count("100.0 [100.0, 100.0]") == 2 and "0.0 [0.0, 0.0]" in percussion
    assert "12.5" in percussion
    assert "6 mixtures" in text and "seed 0" in text


def test_json_is_strict_and_loses_nothing(bank: Gallery) -> None:
    results = [evaluate_single_source(RandomEncoder(), bank)]
    read = json.loads(to_json(results))
    assert read == {"results": results}


@pytest.mark.slow
@needs_shared
def test_surge_references_of_all_splits_are_candidates() -> None:
    surge = open_bank(SURGE)
    families = ("organ", "voice")
    encoder = fit_mfcc(surge, families)
    rows = evaluate_mixtures(encoder, surge, n_mixtures=2, families=families)["scores"]
    assert {name: rows[name]["candidates"] for name in families} == {"organ": 11, "voice": 9}
    assert rows["organ"]["instruments"] == 1
