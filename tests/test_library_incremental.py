"""The second run over the same folders: changed, moved, removed and edited files."""

import errno
import os
import random
import shutil
import signal
import sys
import zipfile
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cir.audio.io import save_wav
from cir.errors import InputError
from cir.index.bundle import read_bundle
from cir.index.database import InstrumentDatabase
from cir.instruments.catalog import Catalog
from cir.library import find_files, planning, writer
from cir.library.digests import digest_of
from cir.library.sound_file import SoundFile
from cir.library.sounds import AddReport, Labels, add_sounds
from tests.engine_cases import write_note_bank
from tests.fakes import SpectrumEncoder, tone
from tests.test_library_sounds import CountingEncoder


@pytest.fixture
def kit(tmp_path: Path) -> Path:
    """Six one-shots, in two folders."""
    for number in range(6):
        folder = tmp_path / "kit" / ("Basses" if number % 2 else "Leads")
        save_wav(folder / f"shot {number} x.wav", tone(110.0 + 30 * number, 0.2), 16_000)
    return tmp_path / "kit"


def add(tmp_path: Path, kit: Path, *, remove_missing: bool = False) -> tuple[AddReport, int]:
    """Add the kit; return the report and how many sounds were embedded."""
    encoder = CountingEncoder()
    report = add_sounds(tmp_path / "db", encoder, [kit], remove_missing=remove_missing)
    return report, encoder.count


def test_progress_begins_while_files_are_looked_for(
    tmp_path: Path, kit: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(find_files, "_REPORTED_FILES", 2)
    with zipfile.ZipFile(kit / "More.zip", "w") as archive:
        archive.write(kit / "Leads" / "shot 0 x.wav", "one more.wav")
    said: list[tuple[float, str]] = []
    add_sounds(
        tmp_path / "db",
        CountingEncoder(),
        [kit],
        progress=lambda share, words: said.append((share, words)),
    )
    assert said[:4] == [
        (0.0, "Looking through kit, 2 files"),
        (0.0, "Looking through kit, 4 files"),
        (0.0, "Looking through kit, 6 files"),
        (0.0, "Unpacking More.zip"),
    ]
    assert said[-1][0] == 1.0


def test_only_what_changed_is_read_again(
    tmp_path: Path, kit: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert add(tmp_path, kit)[1] == 6
    one = kit / "Basses" / "shot 1 x.wav"
    save_wav(one, tone(700.0, 0.2), 16_000)
    os.utime(kit / "Leads" / "shot 0 x.wav")  # another time, the same content
    hashed: list[Path] = []

    def digest(file: SoundFile) -> str:
        hashed.append(file.path)
        return digest_of(file)

    monkeypatch.setattr(planning, "digest_of", digest)
    report, n_embedded = add(tmp_path, kit)
    assert (report.replaced, report.unchanged, n_embedded) == (1, 5, 1)
    assert hashed == [one, kit / "Leads" / "shot 0 x.wav"]
    hashed.clear()
    assert add(tmp_path, kit)[0].unchanged == 6
    assert hashed == []


@pytest.mark.slow
def test_a_moved_file_keeps_its_row_and_what_was_edited(tmp_path: Path, kit: Path) -> None:
    add(tmp_path, kit)
    database = InstrumentDatabase.open(tmp_path / "db")
    name = "kit-basses-shot-3-x"
    ids, embeddings = database.embeddings()
    edited = replace(database.get(name), family="organ")
    database.add([edited], embeddings[[ids.index(name)]])
    target = kit / "Else" / "renamed.wav"
    target.parent.mkdir()
    (kit / "Basses" / "shot 3 x.wav").rename(target)
    report, n_embedded = add(tmp_path, kit)
    assert (report.moved, report.unchanged, report.missing, n_embedded) == (1, 5, 0, 0)
    found = InstrumentDatabase.open(tmp_path / "db").get(name)
    assert found == replace(edited, engine=f"samples:{target}")
    save_wav(target, tone(900.0, 0.2), 16_000)  # the family outlasts another sound
    report, n_embedded = add(tmp_path, kit)
    assert (report.replaced, n_embedded) == (1, 1)
    assert InstrumentDatabase.open(tmp_path / "db").get(name).family == "organ"


def test_a_moved_folder_gets_new_labels_at_once(tmp_path: Path, kit: Path) -> None:
    add(tmp_path, kit)
    before = InstrumentDatabase.open(tmp_path / "db")
    moved = kit.rename(tmp_path / "Else")
    for _ in range(2):
        report = add_sounds(
            tmp_path / "db", CountingEncoder(), [moved], Labels(family="bass", bank="Mine")
        )
        assert report.missing == 0
        database = InstrumentDatabase.open(tmp_path / "db")
        assert database.embeddings()[0] == before.embeddings()[0]
        assert {(one.family, one.bank) for one in database.instruments()} == {("bass", "Mine")}
        assert all(str(moved) in one.engine for one in database.instruments())
    assert (report.unchanged, report.replaced) == (6, 0)


def test_what_has_gone_stays_until_it_is_to_go(tmp_path: Path, kit: Path) -> None:
    add(tmp_path, kit)
    (kit / "Basses" / "shot 1 x.wav").unlink()
    report, _ = add(tmp_path, kit)
    assert (report.missing, report.removed, report.unchanged) == (1, 0, 5)
    assert len(InstrumentDatabase.open(tmp_path / "db")) == 6
    report, _ = add(tmp_path, kit, remove_missing=True)
    assert (report.missing, report.removed, report.unchanged) == (0, 1, 5)
    assert len(InstrumentDatabase.open(tmp_path / "db")) == 5


def blocked(
    monkeypatch: pytest.MonkeyPatch, unreadable: Sequence[Path] = (), vanishing: Sequence[Path] = ()
) -> None:
    """Make folders unreadable, and remove files between the listing and the look at them."""
    scandir = os.scandir

    def scan(folder: Path | int) -> Any:
        if folder in unreadable:
            raise PermissionError(errno.EACCES, "Permission denied", str(folder))
        found = scandir(folder)
        here = [path for path in vanishing if path.parent == folder]
        if not here:
            return found
        entries = list(found)
        for path in here:
            path.unlink()
        return nullcontext(entries)

    monkeypatch.setattr(os, "scandir", scan)


def test_a_folder_that_cannot_be_read_keeps_its_instruments(
    tmp_path: Path, kit: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for pitch, name in ((130.0, "Pad C3"), (196.0, "Pad G3")):
        save_wav(kit / "Basses" / f"{name}.wav", tone(pitch, 0.3), 16_000)
    add(tmp_path, kit)
    before = InstrumentDatabase.open(tmp_path / "db").instruments()
    with monkeypatch.context() as patch:
        blocked(patch, unreadable=[kit / "Basses"])
        for remove_missing in (False, True):
            report, _ = add(tmp_path, kit, remove_missing=remove_missing)
            assert (report.removed, report.missing, report.unchanged) == (0, 0, 3)
            assert report.refused == ("kit/Basses cannot be read (Permission denied).",)
            assert InstrumentDatabase.open(tmp_path / "db").instruments() == before
        blocked(patch, unreadable=[kit])
        with pytest.raises(InputError, match="kit cannot be read"):
            add(tmp_path, kit, remove_missing=True)
    assert InstrumentDatabase.open(tmp_path / "db").instruments() == before
    assert add(tmp_path, kit)[0].unchanged == 7


def test_a_file_behind_a_folder_that_cannot_be_read_has_not_moved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stat(path: str, **_: object) -> os.stat_result:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr(os, "stat", stat)
    assert not planning.is_gone("/kit/Basses/a.wav")


def test_a_file_that_vanishes_while_it_is_looked_for_costs_no_other(
    tmp_path: Path, kit: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(tmp_path, kit)
    blocked(monkeypatch, vanishing=[kit / "Basses" / "shot 1 x.wav"])
    report, _ = add(tmp_path, kit, remove_missing=True)
    assert (report.removed, report.unchanged, report.refused) == (1, 5, ())


@pytest.mark.slow
def test_a_damaged_note_bank_keeps_its_instruments(tmp_path: Path) -> None:
    bank = tmp_path / "bank"
    bank.mkdir()
    write_note_bank(bank)
    add_sounds(tmp_path / "db", CountingEncoder(), [bank])
    before = InstrumentDatabase.open(tmp_path / "db").instruments()
    (bank / "notes.csv").write_text("no table")
    with pytest.raises(InputError, match=r"notes\.csv"):
        add_sounds(tmp_path / "db", CountingEncoder(), [bank], remove_missing=True)
    assert InstrumentDatabase.open(tmp_path / "db").instruments() == before


def test_a_damaged_archive_keeps_its_instruments_and_is_read_again(
    tmp_path: Path, kit: Path
) -> None:
    pack = kit / "Pack.zip"
    with zipfile.ZipFile(pack, "w") as archive:
        archive.write(kit / "Leads" / "shot 0 x.wav", "Keys/one more.wav")
    add(tmp_path, kit)
    whole = pack.read_bytes()
    pack.write_bytes(whole[:100])
    for _ in range(2):
        report, _ = add(tmp_path, kit, remove_missing=True)
        assert (report.removed, report.missing, report.unchanged) == (0, 0, 6)
        assert "Pack.zip cannot be read as a zip archive" in report.refused[0]
    pack.write_bytes(whole)
    assert add(tmp_path, kit)[0].unchanged == 7


def test_a_damaged_file_of_an_archive_keeps_its_instrument(tmp_path: Path, kit: Path) -> None:
    pack = kit / "Pack.zip"
    with zipfile.ZipFile(pack, "w") as archive:
        archive.write(kit / "Leads" / "shot 0 x.wav", "Keys/first.wav")
        archive.write(kit / "Basses" / "shot 1 x.wav", "Keys/second.wav")
    add(tmp_path, kit)
    before = InstrumentDatabase.open(tmp_path / "db").instruments()
    content = bytearray(pack.read_bytes())
    content[200] ^= 0xFF
    pack.write_bytes(content)
    report, _ = add(tmp_path, kit, remove_missing=True)
    assert (report.removed, report.missing) == (0, 0)
    assert "Keys/first.wav is damaged" in report.refused[0]
    assert InstrumentDatabase.open(tmp_path / "db").instruments() == before


def test_files_named_twice_are_added_once(
    tmp_path: Path, kit: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(kit / "Leads" / "Pack.zip", "w") as archive:
        archive.write(kit / "Leads" / "shot 0 x.wav", "one more.wav")
    monkeypatch.chdir(tmp_path)
    named = [
        kit,
        kit / "Leads",
        Path("kit", "Leads", "shot 0 x.wav"),
        kit / "Basses" / ".." / "Leads" / "Pack.zip",
    ]
    first = add_sounds(tmp_path / "db", CountingEncoder(), named)
    assert (len(first.added), first.refused) == (7, ())
    again = add_sounds(tmp_path / "db", CountingEncoder(), named)
    assert (again.unchanged, again.removed, again.refused) == (7, 0, ())
    for one in ("shot 0 x.wav", "Pack.zip"):
        (kit / "Leads" / one).unlink()
    assert add_sounds(tmp_path / "db", CountingEncoder(), named[:2]).missing == 2
    (kit / "x.fxp").touch()
    twice = [f"plugin:urn:{name}?presets={kit}" for name in ("one", "two", "one")]
    assert len(find_files.find_files(twice, tmp_path, find_files.Limits()).files) == 2


def test_two_folders_of_one_name_do_not_take_each_others_place(tmp_path: Path) -> None:
    for number in (1, 2):
        folder = tmp_path / str(number) / "Kicks"
        save_wav(folder / "a.wav", tone(50.0 * number, 0.2), 16_000)
        add_sounds(tmp_path / "db", SpectrumEncoder(), [folder])
    assert InstrumentDatabase.open(tmp_path / "db").instruments().ids == ("kicks-a", "kicks-a-2")


def test_a_multisample_is_one_instrument(tmp_path: Path) -> None:
    for name, pitch in (("Pad C3", 130.0), ("Pad G3", 196.0), ("Pad C4", 261.0), ("Hit", 90.0)):
        save_wav(tmp_path / "kit" / f"{name}.wav", tone(pitch, 0.3), 16_000)
    report = add_sounds(tmp_path / "db", SpectrumEncoder(), [tmp_path / "kit"])
    assert [(one.name, one.family) for one in report.added] == [("Hit", None), ("Pad", "synth_pad")]
    assert report.added[1].engine == f"samples:{tmp_path / 'kit'}#pad"
    database = InstrumentDatabase.open(tmp_path / "db")
    notes = [tone(pitch, 0.3) for pitch in (261.0, 130.0, 196.0)]
    mean = SpectrumEncoder().embed(notes, 16_000).sum(0)
    assert database.search(mean, 1)[0].similarity == pytest.approx(1.0, abs=1e-4)
    assert database.preview_path(report.added[1].instrument_id) is not None
    again = add_sounds(tmp_path / "db", CountingEncoder(), [tmp_path / "kit"])
    assert again.unchanged == 2


def test_a_multisample_goes_with_its_notes_and_no_neighbour_does(tmp_path: Path) -> None:
    kit, folder = tmp_path / "kit", tmp_path / "kit#2"
    for number, (place, name) in enumerate(
        (place, name) for place in (kit, folder) for name in ("Pad C3", "Pad G3", "Hit")
    ):
        save_wav(place / f"{name}.wav", tone(100.0 + 40 * number, 0.3), 16_000)
    file, pack = tmp_path / "kit#3.wav", tmp_path / "kit#4.zip"
    save_wav(file, tone(700.0, 0.3), 16_000)
    with zipfile.ZipFile(pack, "w") as archive:
        for name in ("Pad C3.wav", "Pad G3.wav", "Hit.wav"):
            archive.write(folder / name, name)
    add_sounds(tmp_path / "db", SpectrumEncoder(), [kit, folder, file, pack])
    before = InstrumentDatabase.open(tmp_path / "db").instruments()
    assert len(before) == 7
    for name in ("Pad C3", "Pad G3"):
        (kit / f"{name}.wav").unlink()
    assert add(tmp_path, kit)[0].missing == 1
    for one in (*folder.iterdir(), file, pack):
        one.unlink()
    report, _ = add(tmp_path, kit, remove_missing=True)
    assert (report.removed, report.missing, report.unchanged) == (1, 0, 1)
    left = {one.engine for one in InstrumentDatabase.open(tmp_path / "db").instruments()}
    assert left == {one.engine for one in before} - {f"samples:{kit}#pad"}


def test_an_older_database_goes_on_as_a_store(tmp_path: Path, kit: Path) -> None:
    add(tmp_path, kit)
    InstrumentDatabase.open(tmp_path / "db").export(tmp_path / "old")
    assert (tmp_path / "old" / "instruments.csv").is_file()
    before = read_bundle(tmp_path / "old")
    save_wav(kit / "more.wav", tone(80.0, 0.2), 16_000)
    report = add_sounds(tmp_path / "old", SpectrumEncoder(), [kit])
    assert (len(report.added), report.replaced) == (7, 6)  # an export has no digests
    assert not (tmp_path / "old" / "instruments.csv").exists()
    assert set(before.catalog) < set(read_bundle(tmp_path / "old").catalog)


@pytest.mark.slow
def test_killed_ten_times_it_ends_with_the_same_content(
    tmp_path: Path, kit: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_COMMIT_ROWS", 2)
    generator = random.Random(5)
    add_sounds(tmp_path / "whole", SpectrumEncoder(), [kit])
    kills = 0
    for _ in range(10):
        pid = os.fork()
        if pid == 0:
            left = generator.randrange(40)

            def count(event: str, arguments: tuple[Any, ...]) -> None:
                nonlocal left
                if str(arguments[:1]).find(str(tmp_path / "db")) >= 0:
                    left -= 1
                    if left < 0:
                        os.kill(os.getpid(), signal.SIGKILL)

            try:
                sys.addaudithook(count)
                add_sounds(tmp_path / "db", SpectrumEncoder(), [kit])
            finally:
                os._exit(0)
        generator.randrange(40)
        kills += os.WIFSIGNALED(os.waitpid(pid, 0)[1])
    assert kills >= 3
    add_sounds(tmp_path / "db", SpectrumEncoder(), [kit])
    one, other = read_bundle(tmp_path / "db"), read_bundle(tmp_path / "whole")
    assert one.catalog == other.catalog
    np.testing.assert_array_equal(one.embeddings, other.embeddings)


@pytest.mark.parametrize("moment", ["kit, 2 files", "shot 5 x"])
def test_another_process_may_compact_the_database_meanwhile(
    tmp_path: Path, kit: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    monkeypatch.setattr(find_files, "_REPORTED_FILES", 2)
    save_wav(tmp_path / "Else" / "one.wav", tone(90.0, 0.2), 16_000)
    add(tmp_path, tmp_path / "Else")
    add(tmp_path, kit)
    (kit / "Leads" / "shot 4 x.wav").unlink()
    expected = []
    if moment != "shot 5 x":  # otherwise no vector is read before the end
        shutil.copy(kit / "Leads" / "shot 0 x.wav", kit / "Leads" / "More.wav")
        save_wav(kit / "Leads" / "shot 2 x.wav", tone(700.0, 0.2), 16_000)
        expected = ["More", "shot 2 x"]
    left = ["else-one"]

    def change(_: float, words: str) -> None:
        if moment in words and left:
            with InstrumentDatabase.open(tmp_path / "db") as database:
                database.remove([left.pop()])

    report = add_sounds(
        tmp_path / "db", CountingEncoder(), [kit], progress=change, remove_missing=True
    )
    assert not left
    assert report.refused == ()
    assert sorted(one.name for one in report.added) == expected
    assert report.removed == 1
    assert len(InstrumentDatabase.open(tmp_path / "db")) == 5 + expected.count("More")


def test_a_reader_keeps_the_version_that_it_opened(tmp_path: Path, kit: Path) -> None:
    add(tmp_path, kit)
    opened = InstrumentDatabase.open(tmp_path / "db")
    before = Catalog(tuple(opened.instruments()))
    vectors = opened.embeddings()[1].copy()
    InstrumentDatabase.open(tmp_path / "db").remove(["kit-leads-shot-0-x"])
    save_wav(kit / "more.wav", tone(80.0, 0.2), 16_000)
    add(tmp_path, kit)
    assert opened.instruments() == before
    assert opened.get("kit-leads-shot-0-x").name == "shot 0 x"
    np.testing.assert_array_equal(opened.embeddings()[1], vectors)
