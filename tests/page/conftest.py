"""Fixtures of the tests that drive the page in a headless Chromium."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page

from tests.page.browser import WAIT_MS, OpenPage, running_chromium
from tests.page.database import serve_page


@pytest.fixture(scope="package")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the page on a small database, once in each worker; its address."""
    with serve_page(tmp_path_factory.mktemp("page"), max_file_size="2mb") as url:
        yield url


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Start Chromium once in each worker.

    It closes with the last test of this folder: as long as it is open, Playwright's loop runs in
    this thread, and no other test could run one.
    """
    with running_chromium() as chromium:
        yield chromium


@pytest.fixture
def open_page(browser: Browser, address: str) -> Iterator[OpenPage]:
    """Open the page; in the end, check that it asked no other host and raised no error."""
    hosts: set[str] = set()
    own = {""}
    errors: list[str] = []
    pages: list[Page] = []

    def opener(width: int = 1280, height: int = 900, at: str = address) -> Page:
        page = browser.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(WAIT_MS)
        page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
        page.on("pageerror", lambda error: errors.append(str(error)))
        # Choosers are caught from the start: asked for one just before a key is pressed, a loaded
        # machine opens it before Chromium has heard that it should be caught, and it is lost.
        page.on("filechooser", lambda _: None)
        page.goto(at)
        own.add(urlsplit(at).netloc)
        page.locator("#cir-find").wait_for()
        pages.append(page)
        return page

    yield opener
    for page in pages:
        page.close()
    assert hosts <= own
    assert errors == []
