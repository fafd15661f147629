"""The Learn tab in a headless Chromium."""

import re

import pytest
import torch
from playwright.sync_api import Locator, Page, expect

from cir.losses.pair_infonce import pair_infonce
from cir.losses.pair_triplet import pair_triplet
from tests.page.browser import BROWSER_MARKS, PHONE, OpenPage, check_fit, open_tab, sounding

pytestmark = BROWSER_MARKS


@pytest.fixture
def learn(open_page: OpenPage) -> Page:
    page = open_page(*PHONE)
    page.goto(f"{page.url}?quiz=5")
    page.locator("#cir-find").wait_for()
    open_tab(page, "Learn")
    # On the first showing of a tab, Gradio sets what is open a moment later.
    page.locator("#cir-learn-quiz [data-choice]").first.wait_for()
    return page


def _open(page: Page, name: str) -> Locator:
    exhibit = page.locator(f"#cir-learn-{name}")
    exhibit.locator("button.label-wrap").click()
    return exhibit


def test_the_quiz_is_played_by_keys_alone(learn: Page) -> None:
    quiz = learn.locator("#cir-learn-quiz")  # opened by the link
    expect(quiz.locator("[data-choice]")).to_have_count(5)
    expect(quiz.locator(".cir-quiz")).to_have_attribute("data-quiz", "5")
    expect(quiz).to_have_attribute("data-keys", "on")
    quiz.locator("[data-key='0'] .cir-play").focus()
    learn.keyboard.press("0")
    assert "cir-learn-" in sounding(learn)
    learn.keyboard.press("2")
    learn.wait_for_function(
        "() => document.querySelector('#cir-audio').currentSrc.includes('previews')"
    )
    expect(quiz.locator("[data-choice='1']")).to_have_class(re.compile("is-heard"))
    learn.keyboard.press("g")
    expect(quiz.locator("[data-choice='1']")).to_contain_text("your guess")
    expect(quiz.locator(".is-right")).to_have_count(1)
    expect(quiz.locator("[data-act='next']")).to_be_focused()
    learn.keyboard.press("n")
    expect(quiz.locator("h2")).to_have_text("Round 2 of 10")
    check_fit(learn)


def test_losses_and_gradients_in_the_browser_are_those_of_torch(learn: Page) -> None:
    toy = _open(learn, "toy").locator(".cir-toy")
    toy.locator(".cir-toy-dot").first.wait_for()
    for seed in range(3):
        points = torch.randn(10, 2, generator=torch.Generator().manual_seed(seed))
        triplets = [("pairTriplet", pair_triplet, margin) for margin in (0.0, 0.5)]
        infonces = [("pairInfonce", pair_infonce, temperature) for temperature in (0.1, 1.0)]
        for name, loss_of, setting in (*triplets, *infonces):
            leaf = points.clone().requires_grad_()
            expected = loss_of(leaf[:5], leaf[5:], setting)
            (gradient,) = torch.autograd.grad(expected, leaf)
            script = f"([points, setting]) => window.cirLosses.{name}(points, setting)"
            found = learn.evaluate(script, [points.tolist(), setting])
            assert found["loss"] == pytest.approx(expected.item(), abs=1e-4)
            ours = torch.tensor(found["gradient"])
            torch.testing.assert_close(ours, gradient, atol=1e-4, rtol=1e-4)
    loss, verdict = toy.locator("[data-part=loss]"), toy.locator("[data-part=verdict]")
    before = float(loss.inner_text())
    for _ in range(5):
        toy.get_by_role("button", name="Step").click()
    assert float(loss.inner_text()) < before
    dot = toy.get_by_role("slider", name=re.compile("^A, .*first note")).first
    angle = dot.get_attribute("aria-valuenow")
    dot.focus()
    learn.keyboard.press("ArrowUp")
    expect(dot).not_to_have_attribute("aria-valuenow", str(angle))
    toy.get_by_label("Margin").fill("0")
    toy.get_by_role("button", name="Collapse").click()
    expect(verdict).to_contain_text("the loss is zero")
    toy.get_by_label("Margin").fill("0.5")
    expect(verdict).to_contain_text("pushes the classes apart")


def test_two_sounds_a_muted_mix_and_a_positive(learn: Page) -> None:
    pair = _open(learn, "pair")
    expect(pair.locator("#cir-learn-pair-shown")).to_contain_text("Similarity")
    shown = pair.locator("[data-instrument]").first.get_attribute("data-instrument")
    pair.locator("[data-instrument] .cir-play").first.click()
    assert sounding(learn).endswith(f"/{shown}.opus")
    mix = _open(learn, "mix")
    expect(mix.locator("[data-instrument]")).to_have_count(3)
    mix.get_by_role("checkbox").nth(1).uncheck()
    expect(mix.locator(".is-muted[data-instrument]")).to_have_count(1)
    expect(mix.locator("[title=before]").first).to_be_attached()
    triplet = _open(learn, "triplet")
    triplet.locator("[data-act=guess]").first.click()
    expect(triplet.locator("#cir-learn-triplet-shown")).to_contain_text("Hard negative")
    check_fit(learn)
