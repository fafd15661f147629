import threading
from pathlib import Path
from typing import Any

import pytest

from cir.audio.io import save_wav
from cir.errors import InputError
from cir.index.database import InstrumentDatabase
from cir.library import watching
from cir.library.sounds import AddReport, add_sounds
from cir.library.watching import watch_folders
from tests.fakes import SpectrumEncoder, tone


@pytest.mark.slow
def test_a_new_file_is_added_while_it_watches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "_SETTLE_MILLISECONDS", 100)
    kit, stop = tmp_path / "kit", threading.Event()
    save_wav(kit / "a.wav", tone(100.0, 0.1), 16_000)
    reports = watch_folders(tmp_path / "db", SpectrumEncoder(), [kit], stop=stop)
    assert [one.name for one in next(reports).added] == ["a"]

    def change() -> None:
        save_wav(kit / "b.wav", tone(200.0, 0.1), 16_000)

    timer = threading.Timer(1.0, change)
    timer.start()
    names = [one.name for one in next(reports).added]
    stop.set()
    assert list(reports) == []
    assert names == ["b"]
    assert len(InstrumentDatabase.open(tmp_path / "db")) == 2


@pytest.mark.slow
def test_a_file_that_arrives_during_the_first_addition_is_not_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "_SETTLE_MILLISECONDS", 100)
    kit, stop = tmp_path / "kit", threading.Event()
    save_wav(kit / "a.wav", tone(100.0, 0.1), 16_000)

    def add(*arguments: Any, **options: Any) -> AddReport:
        report = add_sounds(*arguments, **options)
        if not (kit / "b.wav").exists():
            save_wav(kit / "b.wav", tone(200.0, 0.1), 16_000)
        return report

    monkeypatch.setattr(watching, "add_sounds", add)
    reports = watch_folders(tmp_path / "db", SpectrumEncoder(), [kit], stop=stop)
    assert [one.name for one in next(reports).added] == ["a"]
    timer = threading.Timer(10.0, stop.set)
    timer.start()
    assert [one.name for one in next(reports, AddReport((), ())).added] == ["b"]
    timer.cancel()
    stop.set()
    assert list(reports) == []


def test_a_database_within_the_folder_is_refused(tmp_path: Path) -> None:
    for database, folder in ((tmp_path / "db", tmp_path), (tmp_path / "db", tmp_path / "none")):
        with pytest.raises(InputError, match="lies in|is no folder"):
            next(watch_folders(database, SpectrumEncoder(), [folder]))
