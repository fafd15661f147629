import os
import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
import soundfile as sf

from cir.audio.io import load_audio, save_wav
from cir.engines.base import PresetInfo
from cir.errors import DatabaseError, EngineError, InputError
from cir.index.database import InstrumentDatabase
from cir.library.sandboxed_engines import Crashed, SandboxedEngines
from cir.library.sound_tasks import Sounds
from cir.library.sounds import AddReport, Labels, Limits, UploadedFile, add_sounds
from cir.types import FloatArray
from tests.fakes import SpectrumEncoder, tone


@pytest.fixture(autouse=True)
def cir_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIR_HOME", str(tmp_path / "home"))


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """A folder of sounds at several rates, sorted by family, with a text and a damaged file."""
    folder = tmp_path / "My Pack"
    for name, pitch, rate in (
        ("Basses/Deep One.wav", 55.0, 44_100),
        ("Basses/Deep Two.wav", 65.0, 22_050),
        ("Synth Leads/Sharp.wav", 880.0, 48_000),
        ("Loose.wav", 440.0, 16_000),
    ):
        save_wav(folder / name, tone(pitch, 0.6, rate), rate)
    (folder / "readme.txt").write_text("hello")
    (folder / "Basses" / "broken.wav").write_bytes(b"RIFF, but no more")
    return folder


def test_a_folder_becomes_instruments(tmp_path: Path, pack: Path) -> None:
    steps: list[float] = []
    report = add_sounds(
        tmp_path / "db",
        SpectrumEncoder(),
        [pack],
        Labels(author="Me", licence="CC0-1.0"),
        progress=lambda done, _: steps.append(done),
    )
    assert {row.instrument_id: row.family for row in report.added} == {
        "my-pack-basses-deep-one": "bass",
        "my-pack-basses-deep-two": "bass",
        "my-pack-synth-leads-sharp": "synth_lead",
        "my-pack-loose": None,
    }
    assert len(report.refused) == 1
    assert "broken.wav" in report.refused[0]
    assert steps[-1] == 1.0
    row = next(row for row in report.added if row.name == "Sharp")
    assert (row.bank, row.category, row.author, row.licence, row.source) == (
        "My Pack",
        "Synth Leads",
        "Me",
        "CC0-1.0",
        "samples",
    )
    assert row.engine == f"samples:{pack.resolve() / 'Synth Leads' / 'Sharp.wav'}"
    with InstrumentDatabase.open(tmp_path / "db", encoder=SpectrumEncoder()) as database:
        sound, rate = load_audio(pack / "Basses" / "Deep Two.wav", sample_rate=None)
        best = database.search(SpectrumEncoder().embed([sound], rate)[0], 1, "bass")[0]
        assert best.instrument.name == "Deep Two"
        assert best.similarity == pytest.approx(1.0, abs=1e-5)
        assert best.preview is not None
        preview, preview_rate = load_audio(best.preview, sample_rate=None)
        assert preview_rate == 48_000
        assert len(preview) / preview_rate == pytest.approx(0.6, abs=0.05)
        assert abs(preview).max() == pytest.approx(0.9, abs=0.15)


def test_the_same_sounds_again_replace_themselves(tmp_path: Path, pack: Path) -> None:
    for family in (None, "organ"):
        add_sounds(tmp_path / "db", SpectrumEncoder(), [pack], Labels(family=family))
    database = InstrumentDatabase.open(tmp_path / "db")
    assert len(database) == 4
    assert database.info().families == {"organ": 4}


def test_an_archive_and_a_file_are_added(tmp_path: Path, pack: Path) -> None:
    archive = Path(shutil.make_archive(str(tmp_path / "Zipped"), "zip", pack))
    report = add_sounds(tmp_path / "db", SpectrumEncoder(), [archive, pack / "Loose.wav"])
    assert [row.instrument_id for row in report.added] == [
        "zipped-basses-deep-one",
        "zipped-basses-deep-two",
        "zipped-loose",
        "zipped-synth-leads-sharp",
        "my-pack-loose",
    ]
    assert report.added[0].engine.endswith("Zipped.zip!Basses/Deep One.wav")


def test_names_that_collide_or_say_nothing_get_ids_of_their_own(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    for name in ("a b.wav", "a-b.wav", "音.wav", "声.wav", f"{'x' * 200}.wav"):
        save_wav(folder / name, tone(300.0, 0.2), 16_000)
    report = add_sounds(tmp_path / "db", SpectrumEncoder(), [folder])
    ids = {row.instrument_id for row in report.added}
    assert len(ids) == 5
    assert {"s-a-b", "s-a-b-2"} <= ids
    assert {row.name for row in report.added} >= {"音", "声"}


def test_a_name_that_is_not_utf8_costs_no_other(tmp_path: Path, pack: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(pack / "Basses") + b"/kick\xff.wav"))
    try:
        odd.write_bytes((pack / "Loose.wav").read_bytes())
    except OSError:
        pytest.skip("this file system forbids such names")
    folder = odd.with_suffix("")
    folder.mkdir()
    shutil.copy(pack / "Loose.wav", folder / "a.wav")
    with zipfile.ZipFile(odd.with_suffix(".zip"), "w") as archive:
        archive.write(pack / "Loose.wav", "b.wav")
    everything = [pack, odd, folder, odd.with_suffix(".zip")]
    report = add_sounds(tmp_path / "db", SpectrumEncoder(), everything)
    assert len(report.added) == 4
    refused = [one for one in report.refused if "not UTF-8" in one]
    assert refused[0] == "My Pack/Basses/kick/a.wav has a name that is not UTF-8; rename it."
    assert len(refused) == 6
    again = add_sounds(tmp_path / "db", SpectrumEncoder(), [pack], remove_missing=True)
    assert (again.unchanged, again.removed) == (4, 0)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("missing.wav", None, "does not exist"),
        ("empty.wav", b"", "is empty"),
        ("text.wav", b"not a sound at all", "cannot be read as sound"),
        ("climbs.zip", {"../x.wav": b"x"}, "climbs out"),
        ("none.zip", {"readme.txt": b"x"}, "holds no sounds"),
        ("folder", "empty folder", "None of the sounds"),
    ],
)
def test_what_cannot_be_added_leaves_no_database(
    tmp_path: Path, name: str, content: bytes | dict[str, bytes] | str | None, words: str
) -> None:
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif isinstance(content, dict):
        with zipfile.ZipFile(path, "w") as archive:
            for inside, body in content.items():
                archive.writestr(inside, body)
    elif isinstance(content, str):
        path.mkdir()
    with pytest.raises(InputError, match=words):
        add_sounds(tmp_path / "db", SpectrumEncoder(), [path])
    assert not (tmp_path / "db").exists()


def test_a_long_file_is_no_one_shot(tmp_path: Path) -> None:
    save_wav(tmp_path / "song.wav", tone(100.0, 61.0, 8_000), 8_000)
    with pytest.raises(InputError, match=r"song\.wav is 61\.0 seconds long"):
        add_sounds(tmp_path / "db", SpectrumEncoder(), [tmp_path / "song.wav"])


def test_another_model_or_folder_is_refused_before_any_work(tmp_path: Path, pack: Path) -> None:
    add_sounds(tmp_path / "db", SpectrumEncoder(), [pack])
    with pytest.raises(DatabaseError, match="made by the model"):
        add_sounds(tmp_path / "db", SpectrumEncoder(seed=1), [tmp_path / "missing.wav"])
    with pytest.raises(DatabaseError, match="holds other files"):
        add_sounds(pack, SpectrumEncoder(), [pack])
    with pytest.raises(InputError, match="Unknown family"):
        add_sounds(tmp_path / "db", SpectrumEncoder(), [pack], Labels(family="kazoo"))


class CountingEncoder(SpectrumEncoder):
    """Counts what it embeds."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def embed(self, sounds: Sequence[FloatArray], sample_rate: int, **_: object) -> FloatArray:
        self.count += len(sounds)
        return super().embed(sounds, sample_rate)


def test_the_same_again_costs_nothing(tmp_path: Path, pack: Path) -> None:
    encoder = CountingEncoder()
    add_sounds(tmp_path / "db", encoder, [pack])
    embedded = encoder.count
    before = InstrumentDatabase.open(tmp_path / "db").embeddings()[1]
    report = add_sounds(tmp_path / "db", encoder, [pack])
    assert (report.unchanged, report.added, report.replaced) == (4, (), 0)
    assert encoder.count == embedded
    labelled = add_sounds(tmp_path / "db", encoder, [pack], Labels(author="Ada"))
    assert encoder.count == embedded  # another author sounds the same
    assert (len(labelled.added), labelled.replaced) == (4, 4)
    database = InstrumentDatabase.open(tmp_path / "db")
    assert {row.author for row in database.instruments()} == {"Ada"}
    np.testing.assert_array_equal(database.embeddings()[1], before)


def test_an_archive_is_opened_again_until_its_presets_can_be_played(
    tmp_path: Path, pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(tmp_path / "Pack!.zip", "w") as archive:
        archive.write(pack / "Loose.wav", "k.wav")
        archive.writestr("x.vital", "{}")

    def describe(self: SandboxedEngines, target: str, name: str) -> list[PresetInfo]:
        raise EngineError(f"{name}: Vital presets need vita.")

    def add() -> AddReport:
        return add_sounds(tmp_path / "db", SpectrumEncoder(), [tmp_path / "Pack!.zip"])

    with monkeypatch.context() as patch:
        patch.setattr(SandboxedEngines, "describe", describe)
        assert len(add().added) == 1
        again = add()
        assert (again.unchanged, len(again.refused)) == (1, 1)  # it is told again
    monkeypatch.setattr(SandboxedEngines, "describe", lambda *_: [PresetInfo("Growl")])
    for failing in (InputError("cannot be played"), Crashed("makes the program fail")):

        def make(*_: object, error: InputError = failing) -> Sounds:
            raise error

        monkeypatch.setattr(SandboxedEngines, "make", make)
        assert add().refused == (f"Growl: {failing}",)
    note = tone(100.0, 0.3)
    monkeypatch.setattr(SandboxedEngines, "make", lambda *_: Sounds((note,)))
    assert [one.name for one in add().added] == ["Growl"]
    monkeypatch.setattr(SandboxedEngines, "describe", describe)
    assert (add().unchanged, add().refused) == (2, ())


def test_a_changed_file_replaces_itself_alone(tmp_path: Path, pack: Path) -> None:
    encoder = CountingEncoder()
    add_sounds(tmp_path / "db", encoder, [pack])
    embedded = encoder.count
    old = (pack / "Loose.wav").read_bytes()
    save_wav(pack / "Loose.wav", tone(1_000.0, 0.6), 16_000)
    report = add_sounds(tmp_path / "db", encoder, [pack])
    assert [row.instrument_id for row in report.added] == ["my-pack-loose"]
    assert (report.unchanged, report.replaced, encoder.count) == (3, 1, embedded + 1)
    (pack / "Loose.wav").write_bytes(old)
    assert add_sounds(tmp_path / "db", encoder, [pack]).replaced == 1


def test_the_same_sound_elsewhere_borrows_sound_and_preview(tmp_path: Path, pack: Path) -> None:
    encoder = CountingEncoder()
    add_sounds(tmp_path / "db", encoder, [pack])
    embedded = encoder.count
    # Its maker changes in the same addition, and must not pass the change on.
    copy = tmp_path / "Organs" / "Twin.wav"
    copy.parent.mkdir()
    shutil.copy(pack / "Loose.wav", copy)
    save_wav(pack / "Loose.wav", tone(1_000.0, 0.6), 16_000)
    report = add_sounds(tmp_path / "db", encoder, [pack, copy.parent])
    assert encoder.count == embedded + 1
    assert ("organs-twin", "organ") in [(row.instrument_id, row.family) for row in report.added]
    database = InstrumentDatabase.open(tmp_path / "db")
    sound, rate = load_audio(copy, sample_rate=None)
    match = database.search(encoder.embed([sound], rate)[0], 1)[0]
    assert match.instrument.instrument_id == "organs-twin"
    assert match.preview is not None
    preview, preview_rate = load_audio(match.preview, sample_rate=None)
    heard = database.search(encoder.embed([preview], preview_rate)[0], 1)[0]
    assert heard.instrument.instrument_id == "organs-twin"


def test_stopped_or_interrupted_what_is_ready_stays(tmp_path: Path, pack: Path) -> None:
    report = add_sounds(tmp_path / "db", SpectrumEncoder(), [pack], stop=lambda: True)
    assert report.was_stopped
    assert len(report.added) == 1

    def interrupt(done: float, words: str) -> None:
        if done > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        add_sounds(tmp_path / "db", SpectrumEncoder(), [pack], progress=interrupt)
    assert 2 <= len(InstrumentDatabase.open(tmp_path / "db")) < 4
    rest = add_sounds(tmp_path / "db", SpectrumEncoder(), [pack])
    assert rest.unchanged + len(rest.added) == len(InstrumentDatabase.open(tmp_path / "db")) == 4


def test_uploads_are_known_by_the_place_they_came_from(tmp_path: Path, pack: Path) -> None:
    uploads = [
        UploadedFile(pack / "Loose.wav", PurePosixPath("kick.wav")),
        UploadedFile(pack / "Basses" / "Deep One.wav", PurePosixPath("Kit", "Basses", "low.wav")),
    ]
    report = add_sounds(tmp_path / "db", SpectrumEncoder(), uploads)
    facts = [(row.bank, row.category, row.family, row.engine) for row in report.added]
    assert sorted(facts) == [
        ("Kit", "Basses", "bass", "samples:Kit/Basses/low.wav"),
        ("My sounds", "", "percussion", "samples:kick.wav"),
    ]


def test_one_bad_file_does_not_keep_the_others_out(tmp_path: Path, pack: Path) -> None:
    (tmp_path / "text.wav").write_text("no sound")
    report = add_sounds(
        tmp_path / "db", SpectrumEncoder(), [tmp_path / "text.wav", pack / "Loose.wav"]
    )
    assert [row.name for row in report.added] == ["Loose"]
    assert len(report.refused) == 1
    assert report.refused[0].startswith("text.wav cannot be read as sound")


def test_what_was_read_in_part_is_said_by_the_name_of_its_file(tmp_path: Path, pack: Path) -> None:
    whole = tmp_path / "long.flac"
    sf.write(whole, tone(200.0, 2.0), 16_000)
    cut = tmp_path / "00001.flac"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    uploads = [
        UploadedFile(cut, PurePosixPath("Kit/mine.flac")),
        UploadedFile(whole, PurePosixPath("w.flac")),
    ]
    report = add_sounds(tmp_path / "db", SpectrumEncoder(), uploads)
    assert len(report.added) == 2
    (notice,) = report.notices
    assert notice.startswith("Kit/mine.flac: The file is cut off or damaged: ")


def test_limits_are_said(tmp_path: Path, pack: Path) -> None:
    def add(limits: Limits) -> AddReport:
        return add_sounds(tmp_path / "db", SpectrumEncoder(), [pack], limits=limits)

    with pytest.raises(InputError, match="At most 2 sounds and 8 GB can be added at once"):
        add(Limits(sounds=2))
    with pytest.raises(InputError, match=r"At most 50,000 sounds and 0\.00954 MB"):
        add(Limits(n_bytes=10_000))
    with pytest.raises(InputError, match=r"0\.6 seconds long; at most 0\.5"):
        add(Limits(seconds=0.5))
    assert not (tmp_path / "db").exists()
    report = add(Limits(total=2))
    assert len(report.added) == 2
    assert "there are 2 sounds already" in report.refused[-1]
    assert len(add(Limits(total=2)).refused) == 3


def test_names_that_no_table_can_keep_are_cleaned(tmp_path: Path, pack: Path) -> None:
    (pack / "Loose.wav").rename(pack / "Lo\rrose\u2028 .wav")
    with zipfile.ZipFile(tmp_path / "a\rb.zip", "w") as archive:
        archive.write(pack / "Basses" / "Deep One.wav", "Kit\r1/\u0085.wav")
    labels = Labels(author="Me\r\nand you", licence="\ud800")
    report = add_sounds(tmp_path / "db", SpectrumEncoder(), [pack, tmp_path / "a\rb.zip"], labels)
    assert len(report.added) == 5
    assert {"Lo rose", "unnamed"} <= {row.name for row in report.added}
    assert {(row.author, row.licence) for row in report.added} == {("Me  and you", "")}
    database = InstrumentDatabase.open(tmp_path / "db")
    assert {row.name for row in database.instruments()} == {row.name for row in report.added}
    again = add_sounds(tmp_path / "db", SpectrumEncoder(), [pack, tmp_path / "a\rb.zip"], labels)
    assert (again.unchanged, again.added) == (5, ())
    assert add_sounds(tmp_path / "db", SpectrumEncoder(), [pack], Labels(bank=" \n")).added


def test_one_odd_file_is_skipped_by_the_name_that_its_owner_gave_it(
    tmp_path: Path, pack: Path
) -> None:
    archive = Path(shutil.make_archive(str(tmp_path / "Zipped"), "zip", pack))
    shutil.copy(archive, pack / "Basses" / "More.zip")
    (pack / "Drums.rar").write_bytes(b"Rar!")
    paths = [archive, tmp_path / "gone.wav", pack, tmp_path / ("x" * 300)]
    report = add_sounds(tmp_path / "db", SpectrumEncoder(), paths)
    assert len(report.added) == 12
    named = [reason.partition(" ")[0] for reason in report.refused]
    assert [reason for reason in report.refused if "00001" in reason or "cir-add" in reason] == []
    assert any(reason.startswith("Zipped.zip/Basses/broken.wav ") for reason in report.refused)
    assert any(reason.startswith("My Pack/Basses/broken.wav ") for reason in report.refused)
    assert any("My Pack/Basses/More.zip/Basses/broken.wav " in one for one in report.refused)
    assert any("My Pack/Drums.rar is an archive" in one for one in report.refused)
    assert any("gone.wav does not exist" in one for one in report.refused)
    assert len(named) == 6


class DeafEncoder(SpectrumEncoder):
    """Cannot make anything of sounds of one length."""

    def embed(self, sounds: Sequence[FloatArray], sample_rate: int, **_: object) -> FloatArray:
        heard = [np.nan if len(sound) == sample_rate // 2 else 1.0 for sound in sounds]
        return super().embed(sounds, sample_rate) * np.array(heard, np.float32)[:, None]


def test_a_sound_without_an_embedding_does_not_cost_the_others(tmp_path: Path, pack: Path) -> None:
    save_wav(pack / "Basses" / "Deep Two.wav", tone(65.0, 0.5), 16_000)
    report = add_sounds(tmp_path / "db", DeafEncoder(), [pack])
    assert len(report.added) == 3
    assert "Deep Two: its embedding is not finite" in report.refused
    assert len(InstrumentDatabase.open(tmp_path / "db")) == 3
