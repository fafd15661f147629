"""Measure the time from an upload to the first family in the app, and to all families.

    python benchmarks/page_latency.py [--mix FILE] [--repeats 15] [--output FILE.json]

Chromium opens a new page for each upload and takes the times: from the choice of the file to its
display, from the button to the first match and to the last. The server runs on this machine and has
answered before.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from operator import add
from pathlib import Path
from statistics import median

from app_memory import ask, running_app, wait_until_served
from gradio_client import Client
from playwright.sync_api import Page
from timing import example_mixes, print_report

from tests.page.browser import running_chromium

N_MATCHES = 15
WATCH = """
(nMatches) => {
  const seen = (window.seen = {});
  const note = (name) => (seen[name] ??= performance.now());
  const look = () => {
    if (document.querySelector("#cir-panel .cir-mix")) note("shown");
    const count = document.querySelectorAll("#cir-results .cir-card").length;
    if (count) note("first");
    if (count >= nMatches) note("all");
  };
  new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
  document.addEventListener("change", () => note("chosen"), { capture: true, once: true });
  const find = document.querySelector("#cir-find");
  find.addEventListener("click", () => note("asked"), { capture: true, once: true });
}
"""


def main() -> None:
    """Serve, warm up, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mix", type=Path, help="any sound file; default: the first example")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--output", type=Path, help="a JSON file to write")
    arguments = parser.parse_args()
    mix = arguments.mix or example_mixes()[0]
    with tempfile.TemporaryDirectory() as home, running_app(Path(home)) as (process, address):
        wait_until_served(address, process, time.perf_counter())
        ask(Client(address, verbose=False), mix)
        with new_page() as page:
            waits = [wait_for_matches(page, address, mix) for _ in range(arguments.repeats)]
    shown = [one["shown"] - one["chosen"] for one in waits]
    first = [one["first"] - one["asked"] for one in waits]
    last = [one["all"] - one["asked"] for one in waits]
    rows = {
        "upload until shown": shown,
        "button until first family": first,
        "button until all families": last,
        "upload until first family": list(map(add, shown, first)),
        "upload until all families": list(map(add, shown, last)),
    }
    medians = {name: round(median(values)) for name, values in rows.items()}
    result = {"repeats": arguments.repeats, "median_ms": medians}
    print_report(
        f"{mix.name} on the page, {arguments.repeats} visits",
        [
            (name, f"median {medians[name]} ms, worst {max(values):.0f}")
            for name, values in rows.items()
        ],
        result,
    )
    if arguments.output is not None:
        arguments.output.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


@contextmanager
def new_page() -> Iterator[Page]:
    """Open an empty page of a desktop's size in Chromium."""
    with running_chromium() as browser:
        yield browser.new_page(viewport={"width": 1280, "height": 900})


def wait_for_matches(page: Page, address: str, mix: Path) -> dict[str, float]:
    """Upload and search once; return the times of events in milliseconds of the page's clock."""
    page.goto(address)
    page.locator("#cir-find").wait_for()
    page.evaluate(WATCH, N_MATCHES)
    page.locator("#cir-mix input[type=file]").set_input_files(mix)
    page.locator("#cir-panel .cir-mix").filter(has_text=mix.name).wait_for()
    page.locator("#cir-find").click()
    page.wait_for_function("() => window.seen.all !== undefined")
    seen: dict[str, float] = page.evaluate("() => window.seen")
    return seen


if __name__ == "__main__":
    main()
