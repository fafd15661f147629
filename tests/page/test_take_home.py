"""Asking with words, taking sounds home, sharing: one visit in a headless Chromium."""

import csv
import io
import re
import zipfile
from pathlib import Path

import httpx
from playwright.sync_api import Page, expect

from cir.audio.io import save_wav
from tests.fakes import tone
from tests.page.browser import (
    BROWSER_MARKS,
    PHONE,
    OpenPage,
    check_fit,
    drop,
    open_tab,
    search,
    upload,
)

pytestmark = BROWSER_MARKS

_SMALL = """() => [...document.querySelectorAll(
    '.cir-acts .cir-act, .cir-share .cir-button, #cir-basket button, #cir-basket summary')]
    .filter((one) => one.checkVisibility() && one.getBoundingClientRect().height < 43.5)
    .map((one) => one.outerHTML)"""
_DRAGGED = """(card) => {
    const data = new DataTransfer();
    card.dispatchEvent(new DragEvent("dragstart", { bubbles: true, dataTransfer: data }));
    return data.getData("DownloadURL");
}"""


def found(page: Page) -> list[str]:
    """The ids of all rows, in order."""
    ids: list[str] = page.locator("#cir-results .cir-match").evaluate_all(
        "(rows) => rows.map((row) => row.dataset.instrument)"
    )
    return ids


def test_matches_are_narrowed_collected_and_shared(
    open_page: OpenPage, mix: Path, tmp_path: Path
) -> None:
    page = open_page()
    upload(page, mix)
    page.locator("#cir-share .cir-share").wait_for()
    unfiltered = page.locator(".cir-share").get_attribute("data-answer") or ""
    page.locator("#cir-text input, #cir-text textarea").first.fill("bank 1")
    expect(page.locator("#cir-results .cir-bar")).to_contain_text("only \u201cbank 1\u201d")
    ids = found(page)
    assert ids
    assert all(re.search("-[135]$", one) for one in ids)

    rows = page.locator("#cir-results .cir-match")
    for number in (0, 1):
        rows.nth(number).locator(".cir-row").click()
        rows.nth(number).locator("[data-act=basket]").click()
    rows.nth(1).locator("[data-act=favourite]").click()
    kept = found(page)[:2]
    page.wait_for_url(re.compile(re.escape(f"basket={kept[0]}.{kept[1]}")))
    basket = page.locator("#cir-basket")
    expect(basket.locator(".cir-basket-count")).to_have_text("2")
    basket.locator("summary").click()
    with page.expect_download() as download:
        basket.get_by_role("button", name="Download all").click()
    download.value.save_as(tmp_path / "sounds.zip")
    with zipfile.ZipFile(tmp_path / "sounds.zip") as archive:
        table = list(csv.DictReader(io.StringIO(archive.read("sounds.csv").decode())))
        assert [row["instrument_id"] for row in table] == kept
        assert all(archive.read(row["file"])[:4] == b"RIFF" for row in table)
    assert [row["query"] for row in table] == [mix.name, mix.name]
    basket.get_by_role("button", name="More like these").click()
    expect(basket.get_by_text("Most like these")).to_be_visible()
    page.keyboard.press("Escape")

    kind, name, address = rows.first.evaluate(_DRAGGED).split(":", 2)
    assert (kind, name[-4:]) == ("audio/wav", ".wav")
    assert httpx.get(address).content[:4] == b"RIFF"

    expect(page.locator(".cir-share")).not_to_have_attribute("data-answer", unfiltered)
    link = page.locator(".cir-share").get_attribute("data-answer")
    base = page.url.split("?", maxsplit=1)[0]
    other = open_page(*PHONE, at=f"{base}#answer={link}")
    expect(other.locator("#cir-results .cir-match")).to_have_count(len(found(page)))
    assert found(other) == found(page)
    expect(other.locator("#cir-results")).to_contain_text("opened from a link")
    expect(other.locator("#cir-basket details")).to_have_count(0)  # a basket of one's own
    rows = other.locator("#cir-results .cir-match")
    rows.first.locator(".cir-row").click()
    rows.first.locator("[data-act=basket]").click()
    other.locator("#cir-basket summary").click()
    expect(other.locator("#cir-basket .cir-basket-list")).to_be_visible()
    check_fit(other)
    assert other.evaluate(_SMALL) == []
    other.keyboard.press("Escape")
    first = found(other)[0]
    rows.first.locator("[data-act=unlike]").click()
    expect(other.get_by_role("button", name="Back to the matches")).to_be_focused()
    family = other.locator("#cir-results .cir-family").first
    expect(family.locator(f".cir-match[data-instrument={first}]")).to_have_count(0)


def test_own_sounds_are_named_before_and_are_there_after_a_reload(
    open_page: OpenPage, mix: Path, tmp_path: Path
) -> None:
    for name, pitch in (("Odd/low.wav", 60.0), ("Odd/high.wav", 700.0)):
        save_wav(tmp_path / "Kit" / name, tone(pitch, 1.0, 44_100), 44_100)
    page = open_tab(open_page(), "Your sounds")
    drop(page, ".cir-drop", tmp_path / "Kit")
    files = page.locator("#cir-own-files")
    files.get_by_text("2 sounds", exact=True).click()
    expect(files.get_by_label("Family for low")).to_be_visible()
    # Rendering closes an open folder, and its toggle event may come before the new value is seen.
    files.locator("details").evaluate("it => (it.open = false, new Promise(requestAnimationFrame))")
    files.get_by_label("Family for Kit / Odd").select_option("bass")
    expect(files.get_by_label("Family for low")).to_have_value("bass")
    files.get_by_label("Family for high").select_option("organ")
    expect(files.get_by_label("Family for Kit / Odd")).to_have_value("mixed")
    page.locator("#cir-own-add").click()
    expect(page.locator("#cir-own-report")).to_contain_text("2 sounds added")
    expect(page.get_by_label("Family of low")).to_have_value("bass")
    page.reload()
    open_tab(page, "Your sounds")
    expect(page.get_by_label("Family of high")).to_have_value("organ")
    open_tab(page, "Search")
    page.get_by_role("radio", name="Your sounds").check()
    page.locator("#cir-families").get_by_label("Bass").check()
    search(page, mix)
    expect(page.locator("[data-instrument=own-kit-odd-low]")).to_be_visible()
