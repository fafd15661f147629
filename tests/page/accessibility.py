"""axe-core on the page, as shipped by the package axe-playwright-python."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import axe_playwright_python
from playwright.sync_api import Page, TimeoutError

_SCRIPT = Path(axe_playwright_python.__file__).parent / "axe.min.js"
_TARGETS = """() => [...document.querySelectorAll(
  "button, a[href], summary, [role=tab], [role=slider], select, input:not([type=file])"
)].filter((one) => one.checkVisibility({ opacityProperty: true, visibilityProperty: true }))
  .map((one) => one.closest("label") ?? one)
  .map((one) => [one.outerHTML.slice(0, 90), one.getBoundingClientRect()])
  .filter(([, box]) => Math.min(box.width, box.height) < 43.5)
  .map(([html, { width, height }]) => `${Math.round(width)} x ${Math.round(height)}: ${html}`)"""


def violations(page: Page) -> list[str]:
    """List what axe-core finds, a line for each rule with its first element."""
    page.evaluate(_SCRIPT.read_text(encoding="utf-8"))
    found: dict[str, Any] = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [f"{one['id']}: {one['nodes'][0]['html'][:160]}" for one in found["violations"]]


def small_targets(page: Page) -> list[str]:
    """List what a finger can touch that is smaller than 44 px."""
    with suppress(TimeoutError):  # while something is replaced, what goes is small
        page.wait_for_function(f"() => !({_TARGETS})().length", timeout=5_000)
    small: list[str] = page.evaluate(_TARGETS)
    return small
