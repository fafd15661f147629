"""What all tests share: the order in which they start, a small page service, a Hub."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.hub_server import HubServer

if TYPE_CHECKING:
    from cir.ui.service import Answer, PageService


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the longest tests, the notebooks, first: no worker waits for one at the end."""
    items.sort(key=lambda item: item.get_closest_marker("notebook") is None)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[PageService]":
    """A page service on a small database; Gradio is imported only where it is asked for."""
    from tests.page.database import small_service

    with small_service(tmp_path_factory.mktemp("page")) as found:
        yield found


@pytest.fixture(scope="module")
def mix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mix of three instruments of the small database."""
    from tests.page.database import write_mix

    return write_mix(tmp_path_factory.mktemp("mix") / "mix.wav")


@pytest.fixture(scope="module")
def answer(service: "PageService", mix: Path) -> "Answer":
    """Five matches for each family of the mix."""
    from tests.page.database import FAMILIES

    return service.search(mix, FAMILIES, 5)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A Hub on this machine, with nobody logged in."""
    monkeypatch.setenv("CIR_HOME", str(tmp_path / "home"))
    with HubServer() as server:
        server.be_the_hub(monkeypatch, tmp_path)
        yield server
