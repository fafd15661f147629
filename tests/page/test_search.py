"""What the Search tab does beyond a search: by keyboard, on a passage, from a shared address."""

import base64
import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from cir.audio.io import save_wav
from cir.audio.loudness import integrated_loudness
from tests.fakes import tone
from tests.page.browser import BROWSER_MARKS, OpenPage, find, search, sounding, upload

pytestmark = BROWSER_MARKS


def test_a_search_by_keyboard_alone(open_page: OpenPage) -> None:
    page = open_page()
    page.locator("#cir-examples button").first.focus()
    page.keyboard.press("Enter")
    page.locator("#cir-truth details").wait_for()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    cards = page.locator("#cir-results .cir-match")
    expect(cards.first.locator(".cir-row")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(cards.nth(1).locator(".cir-row")).to_be_focused()
    instrument_id = cards.nth(1).get_attribute("data-instrument")
    page.keyboard.press("Space")
    assert sounding(page).endswith(f"/{instrument_id}.opus")
    page.keyboard.press("c")
    note = page.locator("#cir-note")
    path = cards.nth(1).locator("[data-act=copy]").get_attribute("data-path")
    expect(note).to_have_text(f"Copied: {path}")
    assert page.evaluate("() => navigator.clipboard.readText()") == path
    page.keyboard.press("m")
    back = page.get_by_role("button", name="Back to the matches")
    expect(back).to_be_focused()
    assert page.locator(f".cir-list [data-instrument={instrument_id}]").count() == 0
    page.keyboard.press("Enter")
    expect(cards.nth(1).locator(".cir-row")).to_be_focused()
    page.keyboard.press("Enter")
    expect(cards.nth(1).locator(".cir-open")).to_be_visible()


def test_matches_are_as_loud_as_the_mix(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page()
    soft = 0.02 * tone(220.0, 4.0)
    save_wav(tmp_path / "soft.wav", soft, 16_000)
    search(page, tmp_path / "soft.wav")
    page.locator("#cir-levels data").first.wait_for(state="attached")
    card = page.locator("#cir-results .cir-match").nth(2)
    card.locator(".cir-play").click()
    assert sounding(page).endswith(f"/{card.get_attribute('data-instrument')}.opus")
    data = page.locator("#cir-levels data").nth(2)
    assert data.get_attribute("data-of") == card.locator(".cir-play").get_attribute("data-src")
    level = float(data.get_attribute("value") or "nan")
    expected = 10 ** ((integrated_loudness(soft, 16_000) - level) / 20)
    volume = "() => document.querySelector('#cir-audio').volume"
    assert page.evaluate(volume) == pytest.approx(expected, rel=0.02)
    page.locator("#cir-panel .cir-play").click()
    assert sounding(page).endswith("/soft.wav")
    assert page.evaluate(volume) == 1.0
    page.get_by_label("Volume").fill("0.5")
    assert page.evaluate(volume) == 0.5
    page.reload()
    upload(page, tmp_path / "soft.wav")
    expect(page.get_by_label("Volume")).to_have_value("0.5")


def test_a_passage_is_chosen_and_only_it_is_searched(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page()
    parts = [tone(60.0, 10.0), tone(300.0, 10.0), tone(900.0, 10.0)]
    save_wav(tmp_path / "long.wav", np.concatenate(parts), 16_000)
    upload(page, tmp_path / "long.wav")
    expect(page.get_by_label("To (seconds)")).to_have_value(re.compile(r"^30(\.0)?$"))
    page.get_by_role("slider", name="Start of the passage").focus()
    page.keyboard.press("PageUp")
    page.keyboard.press("PageUp")
    # Gradio writes a number that it was given back in its own way, now and then.
    expect(page.get_by_label("From (seconds)")).to_have_value(re.compile(r"^10(\.0)?$"))
    page.get_by_label("To (seconds)").fill("28")
    end = page.get_by_role("slider", name="End of the passage")
    expect(end).to_have_attribute("aria-valuenow", "28.0")
    find(page)
    line = page.locator("#cir-where [data-line=bass] .cir-cell")
    expect(line).to_have_count(2)
    line.first.focus()
    page.keyboard.press("ArrowRight")
    expect(line.nth(1)).to_be_focused()
    expect(line.nth(1)).to_have_attribute("aria-label", re.compile(r"^0:20 to 0:28: "))
    page.keyboard.press("Enter")
    sounding(page)
    assert page.evaluate("() => document.querySelector('#cir-audio').currentTime") >= 20


def test_a_passage_that_is_chosen_at_once_stays(open_page: OpenPage, tmp_path: Path) -> None:
    """The handle is moved in the very moment in which it appears."""
    page = open_page()
    expect(page.locator("#cir-region")).to_be_hidden()
    page.evaluate("""() => new MutationObserver((_, observer) => {
        const handle = document.querySelector("#cir-panel [data-edge=start]");
        const field = document.querySelector("#cir-to input");
        if (!handle || Number(field?.value) !== 12) return;
        observer.disconnect();
        const key = { key: "PageUp", bubbles: true };
        handle.dispatchEvent(new KeyboardEvent("keydown", key));
    }).observe(document.body, { subtree: true, childList: true, attributes: true })""")
    save_wav(tmp_path / "long.wav", tone(60.0, 12.0), 16_000)
    search(page, tmp_path / "long.wav")
    expect(page.get_by_label("From (seconds)")).to_have_value(re.compile(r"^5(\.0)?$"))


def test_a_shared_address_opens_as_it_was(open_page: OpenPage, address: str) -> None:
    query = "example=5&families=bass&top_k=2&bank=Bank+1&source=surge&tab=search"
    page = open_page(at=f"{address}?{query}")
    expect(page.locator("#cir-results .cir-family")).to_have_count(1)
    expect(page.locator("#cir-results")).to_contain_text("only Bank 1")
    expect(page.locator("#cir-panel")).to_contain_text("mix-5.flac")
    page.locator("#cir-families").get_by_label("Percussion").check()
    page.wait_for_url(re.compile("families=bass,percussion"))
    page.get_by_role("tab", name="About").click()
    page.wait_for_url(re.compile("tab=about"))
    page.reload()
    expect(page.get_by_role("tab", name="About")).to_have_attribute("aria-selected", "true")


def test_a_pasted_or_dropped_file_is_the_mix(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page()
    save_wav(tmp_path / "mix.wav", tone(220.0), 16_000)
    data = base64.b64encode((tmp_path / "mix.wav").read_bytes()).decode()
    script = """([data, kind, name]) => {
        const items = new DataTransfer();
        items.items.add(new File([Uint8Array.from(atob(data), (c) => c.charCodeAt(0))], name));
        const options = { clipboardData: items, dataTransfer: items, bubbles: true };
        const Kind = kind === "paste" ? ClipboardEvent : DragEvent;
        document.body.dispatchEvent(new Kind(kind, options));
    }"""
    # The second one, dropped beside the form, takes the place of the first.
    for kind, name in (("paste", "pasted.wav"), ("drop", "dropped.wav")):
        page.evaluate(script, [data, kind, name])
        expect(page.locator("#cir-panel .cir-mix")).to_contain_text(name)
