import csv
import errno
import json
import os
import re
import signal
import subprocess
import sys
import types
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
import soundfile as sf

from cir.audio.decode import decode
from cir.audio.io import save_opus, save_wav
from cir.cli import main as main_module
from cir.cli.main import main
from cir.errors import EngineError
from cir.index import database as database_module
from cir.index.database import InstrumentDatabase
from cir.index.sounds import find_archive, unpack_sounds
from cir.instruments.note_bank import NoteBank
from cir.version import __version__
from tests.calibrated import CalibratedDatabase
from tests.fakes import SpectrumEncoder, instrument, tone
from tests.tone_bank import write_bank

PACKAGE_ROOT = Path(main_module.__file__).parents[2]
HEAVY = ("torch", "transformers", "gradio", "chromadb", "plotly", "umap", "numba")


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home, a bundled database and a bundled model, all small."""
    monkeypatch.setenv("CIR_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(sys, "argv", sys.argv)  # `run` sets another
    monkeypatch.chdir(tmp_path)
    encoder = SpectrumEncoder()

    def load_encoder(model: str | None) -> SpectrumEncoder:
        return encoder if model is None else SpectrumEncoder(seed=int(model))

    for command in ("search", "similar", "embed", "database"):
        monkeypatch.setattr(sys.modules[f"cir.cli.{command}"], "load_encoder", load_encoder)
    monkeypatch.setattr(sys.modules["cir.cli.database"], "load_torch_encoder", load_encoder)
    with InstrumentDatabase.create(tmp_path / "bundled", encoder) as bundled:
        families = [family for family in ("percussion", "bass", "synth_lead") for _ in range(7)]
        rows = [
            instrument(f"i-{number:02d}", family, name=f"[b]{family}")
            for number, family in enumerate(families)
        ]
        sounds = [tone(70.0 * 1.15**number) for number in range(len(rows))]
        bundled.add(rows, encoder.embed(sounds, 16_000))
    monkeypatch.setattr(database_module, "BUNDLED_PATH", tmp_path / "bundled")
    save_wav(tmp_path / "mix.wav", tone(200.0, 2.0, 44_100), 44_100)


def run(*arguments: str) -> int:
    """Run a command as the shell does; return its exit code."""
    sys.argv = ["cir", *arguments]
    try:
        main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def build_options() -> list[str]:
    """Write a note bank of 24 tones with one sound for all previews; how it is built."""
    previews = write_bank(Path("bank")) / "previews"
    previews.mkdir(exist_ok=True)
    for row in NoteBank.open("bank").instruments:
        save_opus(previews / f"{row.instrument_id}.opus", tone(300.0, 0.2), 16_000)
    return ["--note-bank", "bank", "--without-soundfonts", "--output", "made"]


def answer_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """Run a command that prints JSON."""
    assert run(*arguments, "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_help_is_fast_and_light() -> None:
    script = (
        "import sys\n"
        "sys.argv = ['cir', '--help']\n"
        "from cir.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print('HEAVY', [name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    command = [sys.executable, "-c", script]
    root = Path(main_module.__file__).parents[2]
    resource = pytest.importorskip("resource")  # not on Windows
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert "HEAVY []" in done.stdout
    for name in ("search", "embed", "database", "app", "train", "evaluate"):
        assert name in done.stdout
    # Of the processor, not of the clock: other tests may run at the same time.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1.0


@pytest.mark.slow
def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    of_database = ("info", "build", "chroma", "index", "phrases", "add", "import", "export")
    commands = ["search", "similar", "embed", "app", "train", "evaluate", "database"]
    for command in (*commands, *(f"database {name}" for name in of_database)):
        assert run(*command.split(), "--help") == 0
        assert "Usage: cir" in capsys.readouterr().out
    assert run("search", "mix.wav", "--colour", "red") == 2
    assert "No such option" in capsys.readouterr().err


def test_search_decodes_the_mix_once(monkeypatch: pytest.MonkeyPatch) -> None:
    spy = Mock(wraps=decode)
    monkeypatch.setattr("cir.audio.io.decode", spy)
    for arguments in ((), ("--timings",), ("--database", "bundled")):
        spy.reset_mock()
        assert run("search", "mix.wav", *arguments) == 0
        assert [call.args[1] for call in spy.call_args_list] == [Path("mix.wav")]


def test_several_mixes_words_and_csv(capsys: pytest.CaptureFixture[str]) -> None:
    save_wav(Path("second.wav"), tone(90.0, 2.0, 44_100), 44_100)
    both = answer_of(capsys, "search", "mix.wav", "second.wav", "-f", "bass", "-k", "2")
    assert [one["query"] for one in both] == ["mix.wav", "second.wav"]
    assert both[0] == answer_of(capsys, "search", "mix.wav", "-f", "bass", "-k", "2")
    assert run("search", "mix.wav", "--words", "precussion", "--csv", "--save", "out") == 0
    table = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert {one["searched_family"] for one in table} == {"percussion"} and len(table) == 5
    assert Path("out/matches.csv").is_file()
    assert run("search", "mix.wav", "--save", "out") == 2
    assert "is there already" in capsys.readouterr().err


def test_similar_leaves_out_its_examples(capsys: pytest.CaptureFixture[str]) -> None:
    rows = answer_of(capsys, "similar", "i-03", "mix.wav", "--unlike", "i-20", "-k", "3")
    assert len(rows) == 3 and not {"i-03", "i-20"} & {one["instrument_id"] for one in rows}
    assert run("similar", "nothing") == 2
    assert "neither a sound file nor the id" in capsys.readouterr().err


def test_search_prints_json_with_chances_where_they_are_known(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("--family", "bass,voice", "-f", "Synth-Lead", "--json", "--timings")
    assert run("search", "mix.wav", *arguments) == 0
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert document["model"] == "spectrum-32-0"
    counts = [(one["family"], len(one["matches"])) for one in document["families"]]
    assert counts == [("bass", 5), ("voice", 0), ("synth_lead", 5)]
    first = document["families"][0]["matches"][0]
    assert first["rank"] == 1
    assert -1.0 <= first["similarity"] <= 1.0
    assert {"instrument_id", "name", "bank", "category", "author", "licence"} <= set(first)
    assert "decode: " in captured.err
    plain = document["families"][0]
    assert plain["judgement"] is None
    assert {match["chance"] for match in plain["matches"]} == {None}
    monkeypatch.setattr("cir.index.opening.InstrumentDatabase", CalibratedDatabase)
    families = ("-f", "bass,percussion,voice", "-k", "6")
    bass, percussion, voice = answer_of(capsys, "search", "mix.wav", *families)["families"]
    chances = [match["chance"] for match in percussion["matches"]]
    told = {"novelty": 0.5, "false_alarm_rate": 0.1}
    assert percussion["judgement"] == told | {
        "top_1": chances[0],
        "top_5": pytest.approx(sum(chances[:5]), abs=6e-3),
        "is_absent": False,
    }
    assert bass["judgement"] == told | {"top_1": None, "top_5": None, "is_absent": True}
    assert {match["chance"] for match in bass["matches"]} == {None}
    words = {match["likeness"] for one in (bass, percussion) for match in one["matches"]}
    assert words <= {"very similar", "similar", "not alike"}
    first, same = ([one["instrument_id"] for one in found["matches"]] for found in (bass, plain))
    assert first[:5] == same
    assert (voice["matches"], voice["judgement"]) == ([], None)


def test_search_prints_tables_with_chances_where_they_are_known(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("search", "mix.wav", "--top-k", "2") == 0
    plain = capsys.readouterr().out
    for heading in ("Percussion", "Bass", "Synth lead", "Nobody"):
        assert heading in plain
    # Names are text, not mark-up: two in each table, and the path of the first beneath it.
    assert plain.count("[b]") == 9
    assert len(re.findall(r"^1\. Third Party > One > .*\.$", plain, re.MULTILINE)) == 3
    assert "chance" not in plain.lower() and "database" not in plain
    monkeypatch.setattr("cir.index.opening.InstrumentDatabase", CalibratedDatabase)
    assert run("search", "mix.wav", "--family", "percussion,bass,voice") == 0
    percussion, bass = re.split(r"^Bass *\n", capsys.readouterr().out, flags=re.MULTILINE)
    in_words = (bass, "sounds", "very similar|similar|not alike")
    for table, heading, worth in ((percussion, "chance", r"\d %"), in_words):
        assert re.search(rf"[┃|] +{heading} +[┃|] +similarity", table)
        assert len(re.findall(rf"(?:{worth})\s+[│|]", table)) == 5
    assert re.search(r"^Chance that it is among these five: \d+ %$", percussion, re.MULTILINE)
    assert "Probably" not in percussion
    assert "Probably not in this database. In calibration, this was wrong for 10 % of" in bass
    assert "Chance that it is" not in bass
    assert "Voice: the database has no such instrument.\n" in bass
    assert "if one of that family plays and the database" in bass  # said once, at the end


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("search", "gone.wav"), "does not exist"),
        (("search", "bundled"), "is a folder"),
        (("search", "bundled/database.json"), "cannot be read as sound"),
        (("search", "mix.wav", "--family", "kazoo"), "Unknown family 'kazoo'"),
        (("search", "mix.wav", "--top-k", "0"), "top_k must be"),
        (("search", "mix.wav", "--bank", "Casio"), "has no bank 'Casio'"),
        (("search", "mix.wav", "--database", "nowhere"), "There is no database in nowhere"),
        (("search", "mix.wav", "--model", "1"), "was made by the model spectrum-32-0"),
        (("embed", "mix.wav", "-o", "out.txt"), "must end in .npz"),
        (("embed", "mix.wav", "-o", "out.npz", "-f", "bass"), "needs --mixture"),
        (("embed", "mix.wav", "gone.wav", "-o", "out.npz"), "gone.wav does not exist"),
        (("database", "add", "mix.wav"), "--database FOLDER"),
        (("database", "build", "-o", "new", "--note-bank", "gone"), "gone is not a note bank"),
        (("database", "phrases", "-d", "bundled", "--note-bank", "gone"), "not a note bank"),
        (("database", "phrases"), "--database FOLDER"),
        (("database", "calibrate"), "--database FOLDER"),
        (("train", "no-such-recipe"), "Cannot read no-such-recipe"),
        (("export", "bundled"), "is not a model"),
        (("database", "export", "bundled"), "holds a database already"),
    ],
)
def test_bad_requests_are_one_line_and_write_nothing(
    arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    before = {path.name for path in tmp_path.iterdir()}
    assert run(*arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = (line for line in captured.err.splitlines() if line.startswith("cir: "))
    assert words in line
    assert "Traceback" not in captured.err
    assert {path.name for path in tmp_path.iterdir()} - {"home"} == before - {"home"}


def test_errors_of_every_kind_become_exit_codes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["cir.cli.search"], "load_encoder", interrupt)
    assert run("search", "mix.wav") == 130
    capsys.readouterr()

    def fail_with(error: BaseException) -> int:
        def fail(**_: object) -> None:
            raise error

        monkeypatch.setattr(main_module, "app", fail)
        return run("search")

    assert fail_with(EngineError("Two\n  lines.")) == 2
    assert capsys.readouterr().err == "cir: Two lines.\n"
    assert fail_with(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "out.npz")) == 2
    assert capsys.readouterr().err == "cir: No space left on device: out.npz\n"
    with pytest.raises(ZeroDivisionError):  # a defect of ours is not hidden
        fail_with(ZeroDivisionError())


@pytest.mark.slow
def test_a_terminated_command_cleans_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def terminate(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr("cir.index.build.compute_map", terminate)
    handler = signal.getsignal(signal.SIGTERM)
    before = {path.name for path in tmp_path.iterdir()}
    try:
        assert run("database", "build", *build_options()) == 143
    finally:
        signal.signal(signal.SIGTERM, handler)
    assert {path.name for path in tmp_path.iterdir()} == before | {"bank"}


def test_embed_writes_arrays(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("embed", "mix.wav", "mix.wav", "-o", "out/vectors.npz") == 0
    assert "(2, 32)" in capsys.readouterr().out
    with np.load("out/vectors.npz") as arrays:
        assert arrays["embeddings"].dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(arrays["embeddings"], axis=1), 1.0, atol=1e-6)
        assert list(arrays["files"]) == ["mix.wav", "mix.wav"]
        assert str(arrays["model"]) == "spectrum-32-0"
    assert run("embed", "mix.wav", "--mixture", "-f", "bass,organ", "-o", "mixes.npz") == 0
    with np.load("mixes.npz") as arrays:
        assert arrays["embeddings"].shape == (1, 2, 32)
        assert list(arrays["families"]) == ["bass", "organ"]


def test_info_and_chroma(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    document = answer_of(capsys, "database", "info")
    assert document["n_instruments"] == 21
    assert document["sources"] == {"surge": 21}
    assert document["families"] == {"bass": 7, "percussion": 7, "synth_lead": 7}
    assert (document["identity"], document["dimension"]) == ("spectrum-32-0", 32)
    assert document["path"] == str(tmp_path / "bundled")
    assert run("database", "info") == 0
    out = capsys.readouterr().out
    assert "spectrum-32-0" in out and "bass 7" in out
    # Chroma is written for other programs, once.
    assert [run("database", "chroma") for _ in range(2)] == [0, 0]
    first, second = map(Path, capsys.readouterr().out.splitlines())
    assert first.parent.name == "stores" and (first / "chroma.sqlite3").is_file()
    assert first == second


def test_add_export_and_search_of_ones_own_sounds(capsys: pytest.CaptureFixture[str]) -> None:
    for pitch in (60, 90):
        save_wav(Path("sounds/Basses") / f"low {pitch}.wav", tone(float(pitch)), 16_000)
    save_wav(Path("sounds/odd.wav"), tone(500.0), 16_000)
    Path("sounds/broken.wav").write_bytes(b"no")
    assert run("database", "add", "sounds", "--database", "own", "--author", "Me") == 0
    captured = capsys.readouterr()
    assert "Added 3 instruments to own; 1 left out." in captured.out
    assert "1 of them have no family" in captured.err
    assert "left out: " in captured.err
    assert "(file 4 of 4" in captured.err and "100 %" in captured.err
    found = answer_of(capsys, "search", "sounds/Basses/low 90.wav", "-d", "own", "-f", "bass")
    best = found["families"][0]["matches"][0]
    assert (best["name"], best["author"]) == ("low 90", "Me")
    assert Path(best["preview"]).is_file()
    assert run("database", "export", "copy", "--database", "own") == 0
    assert "Wrote 3 instruments to copy." in capsys.readouterr().out
    assert len(InstrumentDatabase.open("copy")) == 3
    # A sound that is cut off is added, and said to be.
    sf.write("whole.flac", tone(200.0, 2.0), 16_000)
    content = Path("whole.flac").read_bytes()
    Path("cut.flac").write_bytes(content[: len(content) // 2])
    assert run("database", "add", "cut.flac", "--database", "own") == 0
    captured = capsys.readouterr()
    assert "Added 1 instruments to own." in captured.out
    assert "\ncut.flac: The file is cut off or damaged: " in captured.err


def test_a_personal_database_is_one_zip_out_and_in(capsys: pytest.CaptureFixture[str]) -> None:
    save_wav(Path("sounds") / "Basses" / "low.wav", tone(90.0), 16_000)
    for command in ("add sounds -d own", "export own.zip -d own", "import own.zip -d new"):
        for _ in range(1 if "export" in command else 2):
            assert run("database", *command.split()) == 0
    out = capsys.readouterr().out
    assert "Added 0 instruments to own; 1 were there already." in out
    assert "Wrote 1 instruments to own.zip." in out
    assert "Added 0 instruments to new, and replaced 1." in out
    for arguments, words in {
        "own.zip": "--database FOLDER",
        "own.zip --database new --model 1": "made by the model",
        "mix.wav --database other": "cannot be read as a zip",
    }.items():
        assert run("database", "import", *arguments.split()) == 2
        assert words in capsys.readouterr().err


@pytest.mark.slow
def test_build_and_rebuild_write_a_database(capsys: pytest.CaptureFixture[str]) -> None:
    options = build_options()
    assert run("database", "build", *options, "--without-phrases") == 0
    captured = capsys.readouterr()
    assert "Embedding instruments, 24 of 24" in captured.err
    assert "Wrote 24 instruments to made." in captured.out
    assert len(InstrumentDatabase.open("made")) == 24
    assert find_archive(Path("made"), "phrases") is None
    assert run("database", "phrases", "--database", "made", "--note-bank", "bank") == 0
    assert "Wrote 24 phrases to made." in capsys.readouterr().out
    assert run("database", "phrases", "--database", "made", "--without-note-bank") == 0
    captured = capsys.readouterr()
    assert "in no note bank at hand" in captured.err and "and 19 more" in captured.err
    assert len(list(Path("made/phrases").iterdir())) == 24
    # Again, with a second bank; sounds are kept.
    write_bank(Path("more"), 4)  # of the same ids, without previews; too few for UMAP to compile
    both = (*options, "--note-bank", "more", "--licence", "CC0-1.0")
    assert run("database", "build", *both) == 0
    assert "Wrote 36 instruments to made." in capsys.readouterr().out
    with InstrumentDatabase.open("made") as made:
        assert made.info().sources == {"bank": 24, "more": 12}
        assert {row.licence for row in made.instruments()} == {"CC0-1.0"}
        phrases = [made.phrase_path(row.instrument_id) for row in made.instruments()]
    assert all(phrases)
    unpack_sounds(Path("made"))
    Path("made/phrases", str(phrases[0]).rpartition("/")[2]).write_bytes(b"OggS")
    assert run("database", "build", *both) == 0
    kept = find_archive(Path("made"), "phrases")
    assert kept is not None and kept.read(Path(str(phrases[0])).stem) == b"OggS"


@pytest.mark.parametrize("port", ["0", "-1", "65536", "99999999"])
def test_app_refuses_a_port_that_is_none(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("app", f"--port={port}") == 2
    assert f"The port is '{port}'; choose a number from 1 to 65535" in capsys.readouterr().err


def test_app_serves_on_the_address_given(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[dict[str, object]] = []
    fake = types.ModuleType("cir.ui.serve")
    fake.__dict__["serve"] = lambda **options: calls.append(options)
    monkeypatch.setitem(sys.modules, "cir.ui.serve", fake)
    assert run("app", "--port", "8123", "--host", "0.0.0.0", "--allowed-host", "a.example.org") == 0
    assert calls == [{"host": "0.0.0.0", "port": 8123, "mcp": False, "hosts": ["a.example.org"]}]


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert capsys.readouterr().out.strip() == __version__


def test_a_missing_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "gradio", None)  # what Python does for a missing package
    monkeypatch.delitem(sys.modules, "cir.ui.serve", raising=False)
    assert run("app") == 2
    assert "pip install 'cir-instruments[app]'" in capsys.readouterr().err


@pytest.mark.slow
def test_a_console_without_unicode_gets_question_marks(tmp_path: Path) -> None:
    (tmp_path / "日本.wav").write_bytes(b"no sound")
    done = subprocess.run(
        [sys.executable, "-m", "cir", "search", "日本.wav"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONPATH": str(PACKAGE_ROOT)},
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(b"cir: ") and b"??.wav" in done.stderr
