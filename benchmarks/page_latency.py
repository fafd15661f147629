"""Measure what a visitor of the page waits for: its first paint, and the matches of an upload.

    python benchmarks/page_latency.py [--mix FILE] [--repeats 15] [--slower 4] [--output FILE.json]

Chromium opens a new page for each upload and takes the times: until the first paint and the last
task that blocked it for over 50 ms, and from the choice of the file to its display, to the first
match and to the last. The server runs on this machine and has answered before. With --slower,
Chromium has the window of a phone, and its scripts run that many times slower.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from app_memory import ask, running_app, wait_until_served
from gradio_client import Client
from playwright.sync_api import Page
from timing import example_mixes, print_report

from tests.page.browser import running_chromium

N_MATCHES = 15
PHONE = (375, 740)
WATCH = """
(nMatches) => {
  const seen = (window.seen = {});
  const note = (name) => (seen[name] ??= performance.now());
  const look = () => {
    if (document.querySelector("#cir-panel .cir-mix")) note("shown");
    const count = document.querySelectorAll("#cir-results .cir-match").length;
    if (count) note("first");
    if (count >= nMatches) note("all");
  };
  new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
  document.addEventListener("change", () => note("chosen"), { capture: true, once: true });
}
"""
OBSERVE = """
window.tasks = [];
const note = (list) => window.tasks.push(...list.getEntries().map((one) => one.duration));
new PerformanceObserver(note).observe({ type: "longtask", buffered: true });
"""
PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0].startTime"


def main() -> None:
    """Serve, warm up, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mix", type=Path, help="any sound file; default: the first example")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--slower", type=float, default=1.0, help="a phone, so many times slower")
    parser.add_argument("--output", type=Path, help="a JSON file to write")
    arguments = parser.parse_args()
    mix = arguments.mix or example_mixes()[0]
    with tempfile.TemporaryDirectory() as home, running_app(Path(home)) as (process, address):
        wait_until_served(address, process, time.perf_counter())
        ask(Client(address, verbose=False), mix)
        with new_page(arguments.slower) as page:
            waits = [wait_for_matches(page, address, mix) for _ in range(arguments.repeats)]
    rows = {
        "open until first paint": [one["paint"] for one in waits],
        "longest task of a visit": [one["task"] for one in waits],
        "upload until shown": [one["shown"] - one["chosen"] for one in waits],
        "upload until first family": [one["first"] - one["chosen"] for one in waits],
        "upload until all families": [one["all"] - one["chosen"] for one in waits],
    }
    medians = {name: round(median(values)) for name, values in rows.items()}
    result = {
        "repeats": arguments.repeats,
        "slower": arguments.slower,
        "median_ms": medians,
    }
    print_report(
        f"{mix.name}, {arguments.repeats} visits, scripts {arguments.slower:g} x slower",
        [
            (name, f"median {medians[name]} ms, worst {max(values):.0f}")
            for name, values in rows.items()
        ],
        result,
    )
    if arguments.output is not None:
        arguments.output.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


@contextmanager
def new_page(slower: float = 1.0) -> Iterator[Page]:
    """Open an empty page of a desktop's size in Chromium, or of a phone's if it is slowed down."""
    width, height = (1280, 900) if slower == 1 else PHONE
    with running_chromium() as browser:
        page = browser.new_page(viewport={"width": width, "height": height})
        page.add_init_script(OBSERVE)
        session = page.context.new_cdp_session(page)
        session.send("Emulation.setCPUThrottlingRate", {"rate": slower})
        yield page


def wait_for_matches(page: Page, address: str, mix: Path) -> dict[str, float]:
    """Upload once; return the times of events in milliseconds of the page's clock."""
    page.goto(address)
    page.locator("#cir-find").wait_for()
    paint = page.evaluate(PAINT)
    page.evaluate(WATCH, N_MATCHES)
    page.locator("#cir-mix input[type=file]").set_input_files(mix)
    page.wait_for_function("() => window.seen.all !== undefined")
    seen: dict[str, float] = page.evaluate("() => window.seen")
    return {**seen, "paint": paint, "task": page.evaluate("() => Math.max(0, ...window.tasks)")}


if __name__ == "__main__":
    main()
