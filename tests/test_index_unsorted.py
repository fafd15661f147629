"""Sounds without a family: read from their names, guessed from their sound, found either way."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import cir.index.database as database_module
import cir.retrieval.retriever as retrieval
from cir.audio.io import save_wav
from cir.cli.main import main
from cir.index.database import InstrumentDatabase
from cir.index.unsorted import LEAST_SHARE, LEAST_SIMILARITY, guess_families, rows_of_family
from cir.instruments.families import FAMILIES
from cir.library.sounds import Labels, add_sounds
from cir.retrieval.retriever import Retriever
from cir.types import FloatArray, Instrument
from cir.ui.service import PageService
from tests.fakes import SpectrumEncoder, instrument, tone, unit_vectors

D = 32
_AXES = dict(zip(("bass", "organ", None), np.eye(D, dtype=np.float32), strict=False))


@pytest.fixture(autouse=True)
def cir_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIR_HOME", str(tmp_path / "home"))


@pytest.fixture
def encoder() -> SpectrumEncoder:
    return SpectrumEncoder()


@pytest.fixture
def known(
    tmp_path: Path, encoder: SpectrumEncoder, monkeypatch: pytest.MonkeyPatch
) -> InstrumentDatabase:
    """Takes the place of the bundled database: families lie along axes, ten instruments each."""
    made = InstrumentDatabase.create(tmp_path / "known", encoder)
    rows = [instrument(f"{family or 'none'}-{n}", family) for family in _AXES for n in range(10)]
    noise = 0.1 * unit_vectors(np.random.default_rng(0), len(rows), D)
    made.add(rows, np.stack([_AXES[row.family] for row in rows]) + noise)
    for module in (database_module, retrieval):
        monkeypatch.setattr(module, "BUNDLED_PATH", made.path)
    return made


def own(
    folder: Path, encoder: SpectrumEncoder, sounds: dict[str, FloatArray]
) -> InstrumentDatabase:
    made = InstrumentDatabase.create(folder, encoder)
    made.add([instrument(name, None, bank="Mine") for name in sounds], list(sounds.values()))
    return made


def test_a_family_is_guessed_where_the_neighbours_agree(
    tmp_path: Path, encoder: SpectrumEncoder, known: InstrumentDatabase
) -> None:
    bass, organ = _AXES["bass"], _AXES["organ"]
    sounds = {"low": bass, "pipes": organ + 0.1 * bass, "between": bass + organ, "far": -bass}
    made = own(tmp_path / "own", encoder, sounds)
    guesses = guess_families(made, known)
    assert guesses == {"low": "bass", "pipes": "organ", "between": None, "far": None}
    ids = made.instruments().ids
    found = {ids[row] for row in rows_of_family(made, guesses, "organ")}
    assert found == {"pipes", "between", "far"}


def test_guesses_of_many_are_those_of_a_plain_loop(
    tmp_path: Path, encoder: SpectrumEncoder, known: InstrumentDatabase
) -> None:
    generator = np.random.default_rng(1)
    vectors = generator.random((700, 2)) @ np.stack([_AXES["bass"], _AXES["organ"]])
    made = own(tmp_path / "own", encoder, {f"s-{n}": row for n, row in enumerate(vectors)})
    families = [one.family for one in known.instruments()]
    guesses = guess_families(made, known)
    for name, vector in zip(*made.embeddings(), strict=True):
        near = sorted(
            (-float(other @ vector), str(family))
            for other, family in zip(known.embeddings()[1], families, strict=True)
            if family is not None
        )[:10]
        total = sum(-one for one, _ in near)
        shares = {f: sum(-one for one, family in near if family == f) / total for f in _AXES}
        best = max(shares, key=lambda one: shares[one])
        agreed = shares[best] >= LEAST_SHARE and total >= 10 * LEAST_SIMILARITY
        assert guesses[name] == (best if agreed else None)
    assert {"bass", "organ", None} == set(guesses.values())


def test_what_has_no_family_on_purpose_stays_where_it_is(
    tmp_path: Path, encoder: SpectrumEncoder, known: InstrumentDatabase
) -> None:
    assert Retriever(encoder, known).guesses == {}
    known.export(tmp_path / "copy")
    copy = InstrumentDatabase.open(tmp_path / "copy")
    assert Retriever(encoder, copy).guesses == {}
    copy.add([instrument("mine", None)], _AXES["bass"][None])
    assert Retriever(encoder, copy).guesses == {"mine": "bass"}


def test_nothing_is_guessed_with_another_model(tmp_path: Path, known: InstrumentDatabase) -> None:
    other = SpectrumEncoder(seed=1)
    made = own(tmp_path / "own", other, {"low": _AXES["bass"]})
    assert guess_families(made, known) == {"low": None}
    retriever = Retriever(other, made)
    assert retriever.families() == FAMILIES
    (result,) = retriever.match({"voice": _AXES["bass"]})
    assert [match.instrument.instrument_id for match in result.matches] == ["low"]


def test_unsorted_sounds_have_a_timeline(
    tmp_path: Path, encoder: SpectrumEncoder, known: InstrumentDatabase
) -> None:
    low, high = (encoder.embed([tone(hz, 3.0)], 16_000)[0] for hz in (60.0, 900.0))
    made = own(tmp_path / "own", encoder, {"low": low, "high": high})
    made.add([instrument("lead", "synth_lead")], [low])
    sound = np.concatenate([tone(900.0, 20.0), tone(60.0, 10.0)])
    save_wav(tmp_path / "mix.wav", sound, 16_000)
    service = PageService(encoder, made)
    answer = service.search(tmp_path / "mix.wav", ["bass", "synth_lead"], 1)
    assert [one.matches[0].instrument.instrument_id for one in answer.results] == ["high"] * 2
    timeline = service.timeline(answer)
    assert list(timeline) == ["bass", "synth_lead"]
    for column, (family, line) in enumerate(timeline.items()):
        for cell, embedding in zip(line, answer.windows.embeddings[:, column], strict=True):
            (result,) = Retriever(encoder, made).match({family: embedding}, 1)
            first = result.matches[0]
            assert (cell.best, cell.best_similarity) == (first.instrument, first.similarity)
    assert [cell.best.instrument_id for cell in timeline["bass"]] == ["high", "high", "low"]


def test_a_guess_is_found_in_its_family_and_said_to_be_one(
    tmp_path: Path, encoder: SpectrumEncoder, known: InstrumentDatabase
) -> None:
    bass, organ = _AXES["bass"], _AXES["organ"]
    made = own(tmp_path / "own", encoder, {"low": bass, "between": bass + organ})
    made.add([instrument("sorted", "bass")], (0.5 * bass + 0.1 * organ)[None])
    retriever = Retriever(encoder, made)
    assert retriever.families() == ("bass",)
    basses, organs = retriever.match({"bass": bass, "organ": organ}, 5)
    assert [
        (one.rank, one.instrument.instrument_id, one.guessed_family) for one in basses.matches
    ] == [(1, "low", "bass"), (2, "sorted", None), (3, "between", None)]
    assert [one.instrument.instrument_id for one in organs.matches] == ["between"]
    filtered = retriever.match({"bass": bass}, 5, bank="Mine")[0].matches
    assert [one.instrument.instrument_id for one in filtered] == ["low", "between"]
    assert (basses.judgement, organs.judgement) == (None, None)
    assert {one.chance for one in basses.matches} == {None}


def test_a_flat_folder_is_found_by_the_two_documented_commands(
    tmp_path: Path,
    encoder: SpectrumEncoder,
    known: InstrumentDatabase,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys.modules["cir.cli.search"], "load_encoder", lambda model: encoder)
    monkeypatch.setenv("COLUMNS", "120")
    folder = tmp_path / "one-shots"
    for number, name in enumerate(("kick 01", "bass_C2", "take 3")):
        save_wav(folder / f"{name}.wav", tone(60.0 * (number + 1)), 16_000)
    report = add_sounds(tmp_path / "own", encoder, [folder], Labels())
    assert {row.name: row.family for row in report.added} == {
        "kick 01": "percussion",
        "bass_C2": "bass",
        "take 3": None,
    }

    def run(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["cir", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        assert end.value.code == 0
        return capsys.readouterr().out

    for asked in ([], ["-f", "all"], ["-f", "bass", "-f", "percussion"]):
        arguments = ["search", str(folder / "take 3.wav"), "-d", str(tmp_path / "own"), *asked]
        out = run(*arguments)
        assert all(name in out for name in ("kick 01", "bass_C2", "take 3 (of no family)"))
        found = json.loads(run(*arguments, "--json"))["families"]
        families = ["percussion", "bass"]
        assert [one["family"] for one in found] == (families[::-1] if len(asked) > 2 else families)


def test_a_folder_says_more_than_a_file_and_a_file_more_than_a_bank(
    tmp_path: Path, encoder: SpectrumEncoder
) -> None:
    pack = tmp_path / "Bass kit"
    for place in ("Pads/kick", "Loose/kick 2", "kick 3", "untitled"):
        save_wav(pack / f"{place}.wav", tone(100.0), 16_000)
    report = add_sounds(tmp_path / "db", encoder, [pack])
    rows: dict[str, Instrument] = {row.name: row for row in report.added}
    assert {name: row.family for name, row in rows.items()} == {
        "kick": "synth_pad",
        "kick 2": "percussion",
        "kick 3": "percussion",
        "untitled": "bass",
    }
    assert replace(rows["kick"], family=None).category == "Pads"
