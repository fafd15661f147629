"""What tests that drive the page in a headless Chromium share."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias
from urllib.parse import unquote

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

OpenPage: TypeAlias = Callable[..., Page]
"""The fixture `open_page`: opens the page in a window of a width and height."""

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
WAIT_MS = 60_000
"""Patience, for a machine that does other things too."""
expect.set_options(timeout=WAIT_MS)
PHONE = (375, 740)
READY = {"Timbre map": "#cir-map .is-ready", "Your sounds": ".cir-drop", "Learn": "#cir-learn"}

NO_CHROMIUM = CHROMIUM is None and not os.environ.get("CI")
NEEDED = "needs Chromium (apt-get install chromium)"
# On a loaded machine an event may come in an order that nobody has met: continuous integration
# tries such a test once more, and lists it as RERUN.
BROWSER_MARKS = [
    pytest.mark.browser,
    pytest.mark.skipif(NO_CHROMIUM, reason=NEEDED),
    pytest.mark.flaky(reruns=1 if os.environ.get("CI") else 0),
]
"""The `pytestmark` of a file of such tests."""


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """Start Chromium; it closes at the end of the block."""
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-background-networking"]
        executable = CHROMIUM or "/usr/bin/chromium"
        with playwright.chromium.launch(executable_path=executable, args=options) as chromium:
            yield chromium


def open_tab(page: Page, name: str) -> Page:
    """Show a tab, and wait until what is in it is there."""
    page.get_by_role("tab", name=name).click()
    if name in READY:
        page.locator(READY[name]).wait_for()
    return page


def check_fit(page: Page) -> None:
    """Nothing is wider than a phone."""
    page.wait_for_function("most => document.documentElement.scrollWidth <= most", arg=PHONE[0])


def upload(page: Page, path: Path) -> None:
    """Put a file into the Search tab's form."""
    page.locator("#cir-mix input[type=file]").set_input_files(path)
    page.locator("#cir-panel .cir-mix").filter(has_text=path.name).wait_for()


def search(page: Page, path: Path) -> None:
    """Upload a file, which is searched at once, and wait for the first match."""
    upload(page, path)
    page.locator("#cir-results .cir-match").first.wait_for()


def find(page: Page) -> None:
    page.locator("#cir-find").click()
    page.locator("#cir-results .cir-card").first.wait_for()


def drop(page: Page, selector: str, path: Path) -> None:
    """Drag a file or a folder from the desktop onto an element."""
    page.locator(selector).scroll_into_view_if_needed()
    box = page.locator(selector).bounding_box()
    assert box is not None
    where = {"x": box["x"] + box["width"] / 2, "y": box["y"] + 8}
    data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
    session = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, **where, "data": data})
    session.detach()


def sounding(page: Page) -> str:
    """Wait until something of a sound was heard, and say which it is; it may be over by then."""
    heard = page.wait_for_function(
        "() => { const { played, currentSrc } = document.querySelector('#cir-audio');"
        " return played.length && played.end(0) - played.start(0) > 0.05 && currentSrc; }"
    )
    return unquote(heard.json_value())
