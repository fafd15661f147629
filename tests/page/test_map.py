"""The Timbre map in a headless Chromium: by mouse, by keyboard, with a search on it, as a list."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageColor
from playwright.sync_api import Page, expect

from cir.ui.palette import family_style
from tests.page.browser import BROWSER_MARKS, OpenPage, open_tab, search, sounding
from tests.page.database import HOSTILE_NAME, PER_FAMILY

pytestmark = BROWSER_MARKS


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """The page with its map shown."""
    return open_tab(open_page(), "Timbre map")


def place_of(page: Page, instrument_id: str) -> tuple[float, float]:
    """Where a point lies in the window."""
    x, y = page.evaluate("id => window.cirMap.placeOf(id)", instrument_id)
    return float(x), float(y)


def far_from_family(page: Page, instrument_id: str, family: str) -> int:
    """How far what the screen shows at a point is from a family's colour, in one channel."""
    x, y = place_of(page, instrument_id)
    picture = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB"), dtype=int)
    colour = ImageColor.getrgb(family_style(family).colour)
    return int(np.abs(picture[round(y), round(x)] - colour).max())


def test_points_have_the_colour_of_their_family_and_are_saved(page: Page) -> None:
    page.locator(".cir-map-words").fill("percussion")  # found, so drawn opaque
    expect(page.locator(".cir-map-count")).to_have_text(re.compile("found$"))
    page.evaluate("() => new Promise((done) => setTimeout(() => requestAnimationFrame(done), 300))")
    distances = [far_from_family(page, f"percussion-{number}", "percussion") for number in range(7)]
    assert sum(distance < 12 for distance in distances) >= 3  # some lie below others
    assert far_from_family(page, "bass-0", "bass") > 40
    with page.expect_download() as download:
        page.get_by_role("button", name="Save this map as a page").click()
    assert download.value.suggested_filename == "timbre-map.html"
    assert "bass-3" in Path(download.value.path()).read_text()


def test_a_point_is_heard_by_mouse_and_by_keyboard(page: Page) -> None:
    stage, card = page.locator(".cir-map-stage"), page.locator("#cir-map [data-selected]")
    page.mouse.move(*place_of(page, "bass-3"))
    expect(page.locator(".cir-map-tip")).to_contain_text("by Nobody")
    page.mouse.click(*place_of(page, "bass-3"))
    expect(card).to_have_attribute("data-selected", "bass-3")
    assert sounding(page).endswith("/bass-3.opus")
    expect(card.locator("li.cir-card")).to_have_count(5)
    page.wait_for_url(re.compile("instrument=bass-3"))

    page.locator(".cir-map-words").press_sequentially("onerror")
    expect(page.locator(".cir-map-count")).to_have_text(re.compile(r"^1 of \d+ found$"))
    page.keyboard.press("Enter")
    expect(card).to_have_attribute("data-selected", "nameless")
    expect(card).to_contain_text(HOSTILE_NAME)
    assert page.locator("#cir-map img").count() == 0
    assert sounding(page).endswith("/nameless.opus")

    page.locator(".cir-map-words").fill("")
    stage.focus()
    for key in ("ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"):
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    expect(card).not_to_have_attribute("data-selected", "nameless")
    assert sounding(page).endswith(f"/{card.get_attribute('data-selected')}.opus")
    page.keyboard.press("p")
    song = page.locator(".cir-map-songs li")
    expect(song).to_have_attribute("data-instrument", card.get_attribute("data-selected") or "")
    page.keyboard.press("Escape")
    expect(card).to_have_count(0)
    page.wait_for_url(lambda url: "instrument=" not in url)


def test_a_search_shows_on_map_and_list(page: Page, mix: Path) -> None:
    search(open_tab(page, "Search"), mix)  # the stars must come to a map that is there
    open_tab(page, "Timbre map")
    stars = page.locator(".cir-map-star")
    expect(stars).to_have_text(["\u2605 Bass", "\u2605 Percussion", "\u2605 Synth lead"])
    stars.first.click()
    page.get_by_role("button", name="List", exact=True).click()
    expect(page.get_by_text("match 1 for Bass")).to_have_count(1)
    page.locator(".cir-map-family[data-family=bass]").click()
    expect(stars).to_have_count(3)
    expect(page.get_by_text("match 1 for Bass")).to_have_count(0)


def test_what_is_found_is_listed_collected_and_taken_home(page: Page) -> None:
    songs = page.locator(".cir-map-songs li")
    box = page.locator(".cir-map-stage").bounding_box()
    assert box is not None
    left, top = box["x"] + 20, box["y"] + 20  # the points keep 36 px from the edges
    right, low = box["x"] + box["width"] - 60, box["y"] + box["height"] - 20
    page.get_by_role("button", name="Only Bass").press("Enter")
    page.get_by_role("button", name="Lasso").click()
    page.mouse.move(left, top)
    page.mouse.down()
    for corner in ((right, top), (right, low), (left, low)):
        page.mouse.move(*corner, steps=3)
    page.mouse.up()
    n_bass = int(page.locator("[data-family=bass] .cir-map-number").inner_text())
    assert n_bass >= PER_FAMILY
    expect(songs).to_have_count(n_bass)

    first, second = (songs.nth(number).get_attribute("data-instrument") for number in (0, 1))
    # A sound may be over between two looks at it.
    page.evaluate(
        "() => { window.played = []; document.querySelector('#cir-audio').addEventListener("
        "'playing', ({ target: { currentSrc } }) => window.played.push(currentSrc)); }"
    )
    page.get_by_role("button", name="Play all", exact=True).click()
    in_turn = "names => names.every((name, n) => window.played[n]?.endsWith(name))"
    page.wait_for_function(in_turn, arg=[f"/{first}.opus", f"/{second}.opus"])
    page.get_by_role("button", name="Stop", exact=True).click()
    assert page.evaluate("() => document.querySelector('#cir-audio').paused")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save .m3u").click()
    lines = Path(download.value.path()).read_text().splitlines()
    assert lines[0] == "#EXTM3U"
    assert lines[2].startswith("http") and lines[2].endswith(f"/{first}.opus")
    songs.first.get_by_role("button", name="Remove").click()
    expect(songs).to_have_count(n_bass - 1)

    page.get_by_role("button", name="List", exact=True).click()
    lines_of_list = page.locator(".cir-map-list tbody tr")
    expect(lines_of_list).to_have_count(n_bass)
    page.get_by_role("button", name="Show all").click()
    n_all = sum(map(int, page.locator(".cir-map-number").all_inner_texts()))
    expect(lines_of_list).to_have_count(n_all)
    page.locator(".cir-map-words").fill("bank 1 synth lead")
    expect(lines_of_list).to_have_count(PER_FAMILY // 2)
    line = lines_of_list.first
    line.locator(".cir-play").press("Enter")
    instrument_id = line.get_attribute("data-instrument")
    assert instrument_id is not None and instrument_id.startswith("synth-lead")
    assert sounding(page).endswith(f"/{instrument_id}.opus")
    line.get_by_role("button", name="Add").press("Enter")
    expect(songs).to_have_count(n_bass)
