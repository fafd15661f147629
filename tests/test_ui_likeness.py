"""More like these, less like those: the lists against plain vectors."""

from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np
import pytest

from cir.audio.io import save_wav
from cir.errors import InputError
from cir.index.filters import ANY, Filters
from cir.library.sounds import Labels, UploadedFile
from cir.retrieval.windows import WindowEmbeddings
from cir.types import FloatArray
from cir.ui.own.sessions import OwnLibraries, new_shelf
from cir.ui.search.likeness import COUNT, UNLIKED_WEIGHT, Likeness, Likenesses, likeness_head
from cir.ui.search.results import results_page
from cir.ui.service import Answer, PageService
from tests.fakes import tone
from tests.page.html import ParsedPage

FAMILY = "bass"


@pytest.fixture
def libraries(
    service: PageService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> OwnLibraries:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    return OwnLibraries(service)


@pytest.fixture
def answer(service: PageService) -> Answer:
    ids, embeddings = service.database.embeddings()
    vector = embeddings[ids.index("bass-3")]
    windows = WindowEmbeddings((FAMILY,), ((0.0, 1.0),), np.ones(1), vector[None, None])
    return service.look_up(Answer((), {}, 0.0, (), None, windows, ANY, waiting=(FAMILY,)))


def vector(service: PageService, name: str) -> FloatArray:
    ids, embeddings = service.database.embeddings()
    return np.asarray(embeddings[ids.index(name)])


def near(likeness: Likeness) -> list[str]:
    return [group.match.instrument.instrument_id for group in likeness.groups]


def test_likes_and_dislikes_add_up(
    service: PageService, libraries: OwnLibraries, answer: Answer
) -> None:
    likenesses, shelf = Likenesses(service, libraries), new_shelf()

    def react(opened: dict[str, Likeness], act: str, name: str) -> dict[str, Likeness]:
        data = {"family": FAMILY, "act": act, "instrument_id": name}
        return likenesses.react(answer, opened, data, shelf)

    one = react({}, "like", "bass-1")
    two = react(one, "like", "bass-5")
    three = react(two, "unlike", "bass-4")
    liked = vector(service, "bass-1") + vector(service, "bass-5")
    query = liked / np.linalg.norm(liked) - UNLIKED_WEIGHT * vector(service, "bass-4")
    expected = [match.instrument.instrument_id for match in service.database.search(query, 40)]
    named = {"bass-1", "bass-5", "bass-4"}
    shown = [
        match.instrument.instrument_id for group in three[FAMILY].groups for match in group.members
    ]
    rest = [name for name in expected if name not in named]
    assert shown and sorted(shown, key=rest.index) == rest[: len(shown)]
    assert len(three[FAMILY].groups) <= COUNT
    words = ParsedPage(results_page(answer, likenesses=three)).text
    assert "Leave out" in words and "Less like" in words

    assert near(react(react(three, "drop", "bass-4"), "drop", "bass-5")[FAMILY]) == near(
        one[FAMILY]
    )
    assert react(three, "back", "") == {}
    disliked = react({}, "unlike", "bass-3")[FAMILY]
    assert "bass-3" not in near(disliked)
    assert all(group.match.instrument.family == FAMILY for group in disliked.groups)
    assert "less like that" in likeness_head(disliked)
    with pytest.raises(InputError):
        react({}, "like", "nothing")


def test_own_sounds_are_liked_and_filters_hold(
    service: PageService, libraries: OwnLibraries, answer: Answer, tmp_path: Path
) -> None:
    save_wav(tmp_path / "low.wav", tone(60.0, 0.5), 16_000)
    shelf = new_shelf()
    libraries.of(shelf).add(
        [UploadedFile(tmp_path / "low.wav", PurePosixPath("low.wav"))], Labels()
    )
    (own,) = libraries.of(shelf).instruments
    data = {"family": FAMILY, "act": "like", "instrument_id": f"own-{own.instrument_id}"}
    asked = replace(answer, filters=Filters(bank="Bank 1"))
    found = Likenesses(service, libraries).react(asked, {}, data, shelf)[FAMILY]
    assert found.liked[0].instrument.name == "low"
    assert found.groups
    assert {group.match.instrument.bank for group in found.groups} == {"Bank 1"}
