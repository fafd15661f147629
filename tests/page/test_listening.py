"""From a dropped mix to an instrument alone and three matches beside it, by keys and by touch."""

import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect

from tests.page.accessibility import small_targets, violations
from tests.page.browser import BROWSER_MARKS, PHONE, WAIT_MS, OpenPage, check_fit, drop

pytestmark = BROWSER_MARKS

CARDS = "#cir-results .cir-family > .cir-list > .cir-match"
FAMILIES = ["Bass", "Percussion", "Synth lead"]
"""In the order of their probability."""


def _heard(page: Page, voice: str, instrument_id: str | None = None) -> dict[str, Any]:
    """Wait until a voice is the only one that is heard."""
    script = """([voice, id]) => {
        const { heard, gains, id: match } = window.cirCompare.state;
        const others = Object.keys(gains).filter((one) => one !== voice);
        return heard === voice && gains[voice] > 0.99 && others.every((one) => gains[one] < 0.01)
          && (id === null || match === id);
    }"""
    page.wait_for_function(script, arg=[voice, instrument_id])
    state: dict[str, Any] = page.evaluate("() => window.cirCompare.state")
    assert len(set(state["lengths"])) == 1  # one clock: all voices are equally long
    return state


def test_by_keys_alone(open_page: OpenPage, mix: Path) -> None:
    page = open_page()
    drop(page, "#cir-mix", mix)  # the only step that needs a mouse
    rows = page.locator("#cir-results .cir-row")
    expect(page.locator(CARDS)).to_have_count(15)
    expect(page.locator("#cir-results h3")).to_have_text(FAMILIES)
    expect(rows.first).to_be_focused()
    expect(rows.first).to_have_attribute("aria-label", re.compile(r"^1\. .+, Bank \d"))
    page.keyboard.press("b")
    assert len(_heard(page, "alone")["lengths"]) == 2
    for number in range(3):
        if number:
            page.keyboard.press("ArrowDown")
        card = page.locator(CARDS).nth(number)
        page.keyboard.press("x")
        instrument_id = card.get_attribute("data-instrument")
        assert len(_heard(page, "match", instrument_id)["lengths"]) == 3
        page.keyboard.press("x")
        _heard(page, "mix")
        page.keyboard.press("2")
        _heard(page, "alone")
    expect(page.get_by_role("status").filter(has_text="the mix through its mask")).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Escape")
    assert page.evaluate("() => window.cirCompare.state.heard") is None
    page.keyboard.press("Enter")
    expect(page.locator("#cir-results .cir-open:visible")).to_have_count(1)
    assert "common." not in page.locator("gradio-app").inner_html()


def test_by_touch_on_a_phone(browser: Browser, address: str, mix: Path) -> None:
    context = browser.new_context(
        viewport={"width": PHONE[0], "height": PHONE[1]},
        has_touch=True,
        is_mobile=True,
        color_scheme="dark",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    page.goto(address)
    page.locator("#cir-find").wait_for()
    drop(page, "#cir-mix", mix)
    cards = page.locator(CARDS)
    expect(cards).to_have_count(15)
    expect(page.locator("#cir-results .cir-family").first).to_be_in_viewport()
    page.get_by_role("button", name="Hear the bass of your mix alone").tap()
    _heard(page, "alone")
    bar = page.get_by_role("region", name="Compare")
    for number in range(3):
        cards.nth(number).get_by_role("button", name="A/B").tap()
        _heard(page, "match", cards.nth(number).get_attribute("data-instrument"))
        bar.get_by_role("button", name="Your mix").tap()
        _heard(page, "mix")
    check_fit(page)
    lists = "document.querySelector('#cir-results .cir-families')"
    page.wait_for_function(f"most => {lists}.offsetHeight < most", arg=3 * PHONE[1])
    assert small_targets(page) == []
    assert violations(page) == []
    context.close()
