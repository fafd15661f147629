"""The page in a headless Chromium, end to end, on a small database and a stand-in for the model."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from cir.ui.search.examples import load_examples
from tests.calibrated import CalibratedDatabase
from tests.page.browser import (
    BROWSER_MARKS,
    PHONE,
    OpenPage,
    check_fit,
    open_tab,
    search,
    sounding,
    upload,
)
from tests.page.database import serve_page

pytestmark = BROWSER_MARKS


@pytest.fixture(scope="module")
def calibrated_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve_page(tmp_path_factory.mktemp("calibrated"), CalibratedDatabase) as url:
        yield url


def test_fifteen_matches_of_a_mix_are_heard_one_at_a_time(open_page: OpenPage, mix: Path) -> None:
    page = open_page()
    search(page, mix)
    cards = page.locator("#cir-results .cir-family > .cir-list > .cir-card")
    expect(cards).to_have_count(15)
    headings = page.locator("#cir-results .cir-family h3")
    expect(headings).to_contain_text(["Bass", "Percussion", "Synth lead"])
    for part in (".cir-rank", ".cir-name", ".cir-meta", ".cir-score b", ".cir-play"):
        expect(cards.nth(7).locator(part).first).to_be_attached()

    for number in (0, 6):
        cards.nth(number).locator(".cir-play").click()
        instrument_id = cards.nth(number).get_attribute("data-instrument")
        assert sounding(page).endswith(f"/{instrument_id}.opus")
        expect(page.locator(".cir-play.is-playing")).to_have_count(1)
    cards.nth(6).locator(".cir-play").click()
    expect(page.locator(".cir-play.is-playing")).to_have_count(0)
    assert page.evaluate("() => document.querySelector('#cir-audio').paused")

    page.locator("#cir-panel .cir-play").click()
    assert sounding(page).endswith("/mix.wav")
    page.locator("#cir-results .cir-card .cir-play").first.click()
    expect(page.locator("#cir-panel .cir-play.is-playing")).to_have_count(0)
    assert sounding(page).endswith(".opus")
    page.locator("#cir-results .cir-listen .cir-play").click()
    assert sounding(page).endswith("/mix.wav")


def test_an_example_shows_its_truth_and_an_upload_none(open_page: OpenPage, mix: Path) -> None:
    page = open_page()
    expect(page.locator("#cir-example-credits")).to_contain_text("Korp")
    page.locator("#cir-examples button").nth(4).click()
    example = load_examples()[4]
    truth = page.locator("#cir-truth details")
    truth.wait_for()
    expect(page.locator("#cir-results .cir-family")).to_have_count(3)  # those that are heard
    expect(truth.locator("li").first).not_to_be_visible()
    truth.locator("summary").click()
    for instrument_id in example.instrument_ids:
        item = truth.locator(f'[data-instrument="{instrument_id}"]')
        expect(item).to_be_visible()
        expect(item).to_contain_text(re.compile(r"ranked \d+ of \d+"))

    page.locator("#cir-panel").get_by_role("button", name="Choose another mix").click()
    expect(page.locator("#cir-results .cir-card")).to_have_count(0)
    search(page, mix)
    expect(page.locator("#cir-truth details")).to_have_count(0)


def test_the_right_mix_follows_the_wrong_one_at_once(
    open_page: OpenPage, mix: Path, tmp_path: Path
) -> None:
    right = tmp_path / "right.wav"
    right.write_bytes(mix.read_bytes())
    page = open_page()
    upload(page, mix)
    page.locator("#cir-panel").get_by_role("button", name="Choose another mix").click()
    search(page, right)
    expect(page.locator("#cir-results .cir-family > .cir-list > .cir-card")).to_have_count(15)
    expect(page.locator("#cir-panel .cir-name").first).to_have_text("right.wav")
    page.locator("#cir-share .cir-share").wait_for()
    expect(page.locator("#cir-results .cir-family")).to_have_count(3)


def test_what_cannot_be_searched_gets_a_sentence(open_page: OpenPage, tmp_path: Path) -> None:
    bad, large = tmp_path / "noise.wav", tmp_path / "large.wav"
    bad.write_bytes(bytes(range(256)) * 64)
    large.write_bytes(b"RIFF" + bytes(3_000_000))
    page = open_page()
    page.locator("#cir-find").click()
    expect(page.locator("#cir-results .cir-message")).to_contain_text("There is no mix yet")
    chosen = page.locator("#cir-mix input[type=file]")
    chosen.set_input_files(bad)
    expect(page.locator("#cir-panel .cir-message[role=alert]")).to_contain_text("noise.wav")
    assert "Traceback" not in page.content()
    chosen.set_input_files(large)
    expect(page.get_by_text(re.compile("size", re.IGNORECASE)).first).to_be_visible()


def test_a_phone_scrolls_to_its_matches_and_nothing_is_wider(open_page: OpenPage) -> None:
    page = open_page(*PHONE)
    page.locator("#cir-examples button").first.click()
    expect(page.locator("#cir-results .cir-family").first).to_be_in_viewport()
    page.locator("#cir-results .cir-card").first.wait_for()
    for tab in ("Search", "Timbre map", "About"):
        open_tab(page, tab)
        check_fit(page)
    about = page.locator("#cir-about")
    expect(about).to_contain_text("Similarity")
    expect(about).to_contain_text("CC0-1.0")
    about.get_by_role("button", name="Authors of the sounds").click()
    expect(about).to_contain_text("Nobody")


def test_chances_and_absence_are_shown(
    open_page: OpenPage, calibrated_address: str, mix: Path
) -> None:
    page = open_page(*PHONE, at=calibrated_address)
    search(page, mix)
    results = page.locator("#cir-results")
    expect(results.locator(".cir-family > .cir-list > .cir-card .cir-chance")).to_have_count(15)
    known = results.locator("[data-family=percussion] .cir-chance")
    expect(known.first).to_have_text(re.compile(r"^<?\d+ %$"))
    absent = results.locator("[data-family=bass] .cir-chance")
    expect(absent.first).to_have_text(re.compile("^(very similar|similar|not alike)$"))
    banner = results.get_by_role("note")
    expect(banner).to_have_count(1)  # of three families, the bass alone is not here
    absence = results.locator("[data-family=bass]").get_by_role("note")
    expect(absence).to_have_text(re.compile("Probably not in this database. .* wrong for 10 %"))
    expect(results.locator("[data-family=percussion]")).to_contain_text("it is among ")
    check_fit(page)
    about = open_tab(page, "About").locator("#cir-about")
    expect(about).to_contain_text("instruments that the model was not trained on")
    expect(about).to_contain_text("Chances were fitted on nothing at all.")
