from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from cir.audio.io import save_wav
from cir.errors import DatabaseError, InputError
from cir.index.database import InstrumentDatabase
from cir.library.database_archive import export_archive
from cir.library.plan import Plan
from cir.library.sounds import Labels, UploadedFile
from cir.ui.own.event_handlers import OwnHandlers, merge_uploads, read_uploads
from cir.ui.own.html import ROWS_PER_PAGE, adding_note, report_note, sounds_list, where_kept
from cir.ui.own.library import LIBRARY_VARIABLE, OwnReport
from cir.ui.own.plan import Review, review_table
from cir.ui.own.sessions import OwnLibraries, library_folder, new_shelf
from cir.ui.service import PageService
from tests.fakes import SpectrumEncoder, instrument, tone
from tests.page.database import HOSTILE_NAME

Uploads = tuple[UploadedFile, ...]


@pytest.fixture
def uploads_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    return tmp_path / "uploads"


@pytest.fixture
def libraries(service: PageService, uploads_folder: Path) -> OwnLibraries:
    return OwnLibraries(service)


def receive(folder: Path, number: int, name: str) -> Path:
    """Put a sound where Gradio puts uploads."""
    path = folder / f"{number:064x}" / name
    save_wav(path, tone(100.0 * number, 0.3), 16_000)
    return path


@pytest.fixture
def uploads(uploads_folder: Path) -> Uploads:
    first = {"path": str(receive(uploads_folder, 1, "a.wav")), "inside": "Kit/Basses/a.wav"}
    second = {"path": str(receive(uploads_folder, 2, "b.wav")), "inside": "b.wav"}
    return read_uploads([first, second])


@pytest.mark.slow
def test_sounds_are_added_changed_and_removed(libraries: OwnLibraries, uploads: Uploads) -> None:
    library = libraries.of(new_shelf())
    assert len(library) == 0
    steps: list[float] = []
    report = library.add(uploads, Labels(), lambda done, _: steps.append(done))
    assert (report.added, report.without_family, report.refused) == (2, 1, ())
    assert steps == sorted(steps)
    assert [(one.name, one.family) for one in library.instruments] == [("a", "bass"), ("b", None)]
    second = library.instruments[1].instrument_id
    for family in ("organ", None):
        library.set_family(second, family)
        assert library.instruments[1].family == family
    preview = library.preview(second)
    assert preview is not None and preview.exists()
    assert library.remove(second) == "b"
    assert not preview.exists()
    with pytest.raises(InputError, match="instruments has the id"):
        library.remove(second)
    with pytest.raises(InputError, match="Unknown family"):
        library.set_family(library.instruments[0].instrument_id, "kazoo")
    assert library.clear() == 1
    assert library.clear() == 0
    with pytest.raises(InputError, match="no sounds of yours yet"):
        library.export(library.folder.parent / "out.zip")
    # What was removed can come back.
    assert library.add(uploads, Labels()).added == 2
    assert all(library.preview(one.instrument_id) for one in library.instruments)


def test_what_comes_while_others_are_added_stays(libraries: OwnLibraries, uploads: Uploads) -> None:
    handlers, shelf, labels = OwnHandlers(libraries), new_shelf(), (None,) * 4
    early, late = uploads[:1], uploads[1:]
    *_, last = handlers.add(early, None, shelf, *labels)
    added = last[5]
    assert added == early and "1 sound added" in last[0]
    review, _, _ = handlers.review(uploads, shelf, Labels(), None)
    assert review is not None
    chosen = {one.instrument_id: "organ" for one in review.plan.instruments}
    review = replace(review, chosen=chosen)
    left, rest, table, _ = handlers.forget_added(uploads, review, added, shelf, *labels)
    assert left == late and rest is not None and "1 sound ready to add" in table
    assert [rest.family(one) for one in rest.plan.instruments] == ["organ"]
    assert handlers.forget_added(early, rest, added, shelf, *labels)[:3] == ((), None, "")


def test_an_exported_zip_among_the_files_is_imported(
    libraries: OwnLibraries, uploads: Uploads, uploads_folder: Path
) -> None:
    first, second = (libraries.of(new_shelf()) for _ in range(2))
    first.add(uploads, Labels())
    packed = uploads_folder / "out.zip"
    assert first.export(packed) == 2
    more = UploadedFile(receive(uploads_folder, 3, "c.wav"), PurePosixPath("c.wav"))
    report = second.add([UploadedFile(packed, PurePosixPath("out.zip")), more], Labels())
    assert report.added == len(second) == 3
    assert second.bring(packed).replaced == 2


def test_a_bad_export_does_not_keep_the_other_files_out(
    libraries: OwnLibraries, uploads: Uploads, uploads_folder: Path
) -> None:
    good = uploads_folder / "good.zip"
    shelf = new_shelf()
    libraries.of(shelf).add(uploads[:1], Labels())
    libraries.of(shelf).export(good)
    stranger = InstrumentDatabase.create(uploads_folder / "other", SpectrumEncoder(seed=1))
    stranger.add([instrument("x")], SpectrumEncoder(seed=1).embed([tone(300.0, 0.3)], 16_000))
    export_archive(uploads_folder / "other", uploads_folder / "f00d.zip")
    bad = UploadedFile(uploads_folder / "f00d.zip", PurePosixPath("Mine/old.zip"))
    text = uploads_folder / "text.wav"
    text.write_text("no sound")
    no_sound = UploadedFile(text, PurePosixPath("text.wav"))

    report = libraries.of(new_shelf()).add([bad, uploads[1]], Labels())
    assert (report.added, len(report.refused)) == (1, 1)
    assert report.refused[0].startswith("Mine/old.zip was made with the model ")
    brought = UploadedFile(good, PurePosixPath("good.zip"))
    report = libraries.of(new_shelf()).add([bad, brought, no_sound], Labels())
    assert (report.added, len(report.refused)) == (1, 2)
    assert "text.wav cannot be read" in report.refused[1]
    for nothing in ([bad], [bad, no_sound]):
        with pytest.raises(InputError, match=r"Mine/old\.zip was made"):
            libraries.of(new_shelf()).add(nothing, Labels())


def test_a_session_has_its_own_sounds(libraries: OwnLibraries, uploads: Uploads) -> None:
    one, other = new_shelf(), new_shelf()
    libraries.of(one).add(uploads, Labels())
    assert [libraries.has_sounds(shelf) for shelf in (one, other)] == [True, False]
    assert one != one.changed()
    assert libraries.of(other) is not libraries.of(one.changed()) is libraries.of(one)
    assert len(one.token) >= 32
    folder = libraries.session_folder(one)
    assert folder.is_dir()
    libraries.forget(one)
    libraries.forget(None)
    assert not folder.exists()
    assert not libraries.has_sounds(one)


def test_a_kept_library_survives_restarts(
    service: PageService, uploads: Uploads, tmp_path: Path
) -> None:
    first = OwnLibraries(service, tmp_path / "mine")
    shelf = new_shelf()
    first.of(shelf).add(uploads, Labels())
    first.forget(shelf)
    second = OwnLibraries(service, tmp_path / "mine")
    assert second.has_sounds(new_shelf())
    first.of(shelf).clear()
    assert not second.has_sounds(new_shelf())


def test_a_folder_of_other_things_is_refused(
    service: PageService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "thesis.txt").write_text("do not lose")
    with pytest.raises(DatabaseError, match="holds other files"):
        OwnLibraries(service, tmp_path)
    InstrumentDatabase.create(tmp_path / "other", SpectrumEncoder(seed=1))
    with pytest.raises(DatabaseError, match="set CIR_LIBRARY to another folder"):
        OwnLibraries(service, tmp_path / "other")
    monkeypatch.setenv(LIBRARY_VARIABLE, str(tmp_path / "mine"))
    assert library_folder() == (tmp_path / "mine").resolve()
    monkeypatch.delenv(LIBRARY_VARIABLE)
    assert library_folder() is None


def test_two_changes_at_once_are_not_mixed(libraries: OwnLibraries, uploads: Uploads) -> None:
    library = libraries.of(new_shelf())
    refused: list[float] = []

    def meddle(done: float, words: str) -> None:
        with pytest.raises(InputError, match="being changed just now"):
            library.add(uploads, Labels())
        refused.append(done)

    library.add(uploads, Labels(), meddle)
    assert refused and len(library) == 2


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        *[(sent, "No files arrived") for sent in (None, "", "text")],
        ([], "No files arrived"),
        (["text"], "list of files is damaged"),
        ([{"inside": "a.wav"}], "was not uploaded"),
        ([{}] * 1_001, "1,001 files are more than the 1,000"),
        ("/etc/passwd", "was not uploaded"),
        ("UPLOADS/cir-sessions/library/a.wav", "was not uploaded"),
        (f"UPLOADS/{'a' * 64}/../../secret.wav", "was not uploaded"),
        (f"UPLOADS/{'a' * 64}/gone.wav", "no longer on the server"),
    ],
)
def test_what_was_not_uploaded_is_refused(uploads_folder: Path, sent: object, words: str) -> None:
    if isinstance(sent, str) and "/" in sent:
        sent = [{"path": sent.replace("UPLOADS", str(uploads_folder)), "inside": "a.wav"}]
    with pytest.raises(InputError, match=words):
        read_uploads(sent)


def test_places_are_plain_relative_names(uploads_folder: Path) -> None:
    path = receive(uploads_folder, 1, "a.wav")
    for inside, expected in {
        "Kit/Basses/a.wav": "Kit/Basses/a.wav",
        "../../etc/a.wav": "etc/a.wav",
        "/abs//./a.wav": "abs/a.wav",
        "C:\\Kit\\a.wav": "C:/Kit/a.wav",
        "": "a.wav",
        "bad\x00name/a.wav": "a.wav",
        "x" * 500: "x" * 120,
    }.items():
        (upload,) = read_uploads([{"path": str(path), "inside": inside}])
        assert upload == UploadedFile(path.resolve(), PurePosixPath(expected))
        assert merge_uploads([upload], [upload]) == (upload,)


def test_the_list_has_pages_and_names_of_others_are_text() -> None:
    hostile = instrument("x", None, name=HOSTILE_NAME, bank=HOSTILE_NAME)
    html = sounds_list([hostile], lambda _: None, 0)
    html += report_note(OwnReport(refused=(HOSTILE_NAME,), notices=(HOSTILE_NAME,)))
    html += adding_note(0.5, HOSTILE_NAME)
    named = Plan((instrument("bad", name=HOSTILE_NAME, bank=HOSTILE_NAME),), (HOSTILE_NAME,))
    html += review_table(Review(named))
    html += where_kept(Path(HOSTILE_NAME))
    assert "<img" not in html
    assert html.count("&lt;img") >= 6
    rows = [instrument(f"n-{number}") for number in range(2 * ROWS_PER_PAGE + 1)]
    for page, shown, words in ((0, ROWS_PER_PAGE, "Page 1 of 3"), (9, 1, "Page 3 of 3")):
        html = sounds_list(rows, lambda _: None, page)
        assert html.count("<li") == shown
        assert words in html
    assert "Page" not in sounds_list(rows[:ROWS_PER_PAGE], lambda _: None, 0)


@pytest.mark.slow
def test_what_will_be_added_is_told_before_and_holds_after(
    libraries: OwnLibraries, uploads: Uploads, uploads_folder: Path
) -> None:
    broken = uploads_folder / f"{9:064x}" / "x.fxp"
    broken.parent.mkdir()
    broken.write_bytes(b"CcnK, and no more")
    sent = [{"path": str(broken), "inside": "Kit/Leads/b\u00f6se.fxp"}]
    library = libraries.of(new_shelf())
    everything = merge_uploads(uploads, read_uploads(sent))
    review = Review(library.plan(everything, Labels()))
    assert len(library) == 0
    told = [(one.name, one.bank, one.category, one.family) for one in review.plan.instruments]
    assert told == [("a", "Kit", "Basses", "bass"), ("b", "My sounds", "", None)]
    assert "Kit/Leads/b\u00f6se.fxp" in review.plan.refused[0]

    ids = [one.instrument_id for one in review.plan.instruments]
    review = review.choose("group:0", "organ").choose(ids[1], "strings").choose(ids[1], None)
    assert review.changes() == {"samples:Kit/Basses/a.wav": "organ"}
    for wrong in ("group:2", "group:x", "nothing"):
        with pytest.raises(InputError, match="not in the list"):
            review.choose(wrong, None)
    with pytest.raises(InputError):
        review.choose(ids[0], "kazoo")
    library.add(everything, Labels(), families=review.changes())
    assert {one.instrument_id: one.family for one in library.instruments} == {
        ids[0]: "organ",
        ids[1]: None,
    }


def test_a_family_is_that_of_the_sound_it_was_chosen_for(
    libraries: OwnLibraries, uploads_folder: Path
) -> None:
    library = libraries.of(new_shelf())
    for number, name in ((1, "Kick.wav"), (2, "Kick.flac")):
        sent = [{"path": str(receive(uploads_folder, number, name)), "inside": name}]
        files = read_uploads(sent)
        review = Review(library.plan(files, Labels()))
        (planned,) = review.plan.instruments
        chosen = review.choose(planned.instrument_id, None if number == 1 else "bass")
        report = library.add(files, Labels(), families=chosen.changes())
        assert (report.added, report.without_family) == (1, 2 - number)
    assert {one.engine: one.family for one in library.instruments} == {
        "samples:Kick.wav": None,
        "samples:Kick.flac": "bass",
    }
    again = chosen.choose(planned.instrument_id, "organ")  # of a sound that is there already
    assert library.add(files, Labels(), families=again.changes()).unchanged == 1
    assert sorted(str(one.family) for one in library.instruments) == ["None", "organ"]


def test_a_reloaded_page_finds_its_sounds_again(libraries: OwnLibraries, uploads: Uploads) -> None:
    first = new_shelf()
    assert libraries.resume(first.token) is None  # nothing there yet
    libraries.of(first).add(uploads, Labels())
    again = libraries.resume(first.token)
    assert again is not None
    assert len(libraries.of(again)) == 2
    libraries.forget(first)  # the page before the reload ends
    assert len(libraries.of(again)) == 2
    libraries.forget(again)
    assert not libraries.session_folder(again).exists()
    for token in (first.token, new_shelf().token, "../../etc", ""):
        assert libraries.resume(token) is None


def test_reports_say_what_came_of_it() -> None:
    reasons = tuple(f"reason {number}" for number in range(150))
    said = report_note(OwnReport(3, 1, 2, 1, reasons, was_stopped=True))
    said += report_note(OwnReport(2, notices=("a.flac: cut off", "b.ogg: damaged")))
    for words in ("3 sounds added", "1 of them replace", "2 sounds unchanged", "Stopped"):
        assert words in said
    assert "150 sounds left out" in said and "and 50 more" in said
    for words in ("2 sounds read in part", "<li>a.flac: cut off</li>", "<li>b.ogg: damaged</li>"):
        assert words in said
    assert report_note(OwnReport(unchanged=2)).count("added") == 0
