"""What a search of the page yields, step by step."""

from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from cir.ui.own.scope import BUNDLED
from cir.ui.own.sessions import OwnLibraries, Shelf, new_shelf
from cir.ui.search.actions import Searching
from cir.ui.search.mix_input import NO_RESULTS, UploadedMixes
from cir.ui.service import PageService
from tests.page.database import FAMILIES

NO_FILTERS = ("", "", "", "", 0.0, 0.0, 0.0)


@pytest.fixture
def uploads(service: PageService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> UploadedMixes:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    return UploadedMixes(OwnLibraries(service))


def steps_of(service: PageService, uploads: UploadedMixes, mix: Path, shelf: Shelf) -> Any:
    searching = Searching(service, [], uploads._libraries, uploads)
    return searching.take_upload(str(mix), shelf, list(FAMILIES), 5, *NO_FILTERS, BUNDLED)


def test_the_answer_is_kept_with_the_last_list(
    service: PageService, uploads: UploadedMixes, mix: Path
) -> None:
    _, *lists, _, _ = steps_of(service, uploads, mix, new_shelf())
    n_rows = [step[-7].count('class="cir-row"') for step in lists]
    assert n_rows[-1] >= 5 * len(FAMILIES) and n_rows == sorted(n_rows)
    *early, last = ((step[-5], step[-4]) for step in lists)
    assert set(early) == {(None, None)}  # a click on an incomplete list finds no older answer
    assert last[0] is last[1] and len(last[0].results) == len(FAMILIES)


def test_a_search_ends_when_its_mix_is_removed(
    service: PageService, uploads: UploadedMixes, mix: Path
) -> None:
    shelf = new_shelf()
    steps = steps_of(service, uploads, mix, shelf)
    next(steps), next(steps)
    uploads.remove(new_shelf())  # another visitor's
    assert next(steps)[-7] != NO_RESULTS[0]
    uploads.remove(shelf)
    *form, _, _, _, _, _, _, _ = last = next(steps)
    assert last[-7:] == NO_RESULTS
    assert form == [gr.skip()] * len(form)  # it may have a new mix
    assert list(steps) == []
