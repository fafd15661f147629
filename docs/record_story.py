"""Film the page for the README: a mix is dropped, families arrive, a match plays, the map.

make app                              # in one shell
python docs/record_story.py           # in another; writes docs/story.gif

Needs Chromium and Playwright, as `make test` does. What is seen is the page as it is, with a
pointer and a line of words drawn on it.
"""

import argparse
import base64
import io
import os
import time
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parent.parent
MIX = ROOT / "cir" / "assets" / "examples" / "mix-1.flac"
VIEW = {"width": 1400, "height": 860}
WIDTH, COLOURS = 900, 255
CAPTION_HEIGHT = 34
LONGEST_SECONDS = 20.0
LONGEST_WAIT = 1.2
"""Seconds; while nothing moves, the film does not go on for longer than this."""

POINTER = """() => {
  const pointer = document.createElement("div");
  pointer.id = "story-pointer";
  pointer.innerHTML = `<svg width="26" height="26" viewBox="0 0 24 24">
    <path d="M4 2l15 11-7 1 4 7-3 1-4-7-5 5z" fill="#111" stroke="#fff" stroke-width="1.5"/>
    </svg><span hidden>mix-1.flac</span>`;
  pointer.style.cssText =
    "position:fixed;z-index:9999;pointer-events:none;left:0;top:0;font:14px sans-serif";
  pointer.querySelector("span").style.cssText =
    "background:#2563eb;color:#fff;padding:5px 10px;border-radius:6px;margin-left:4px";
  document.body.append(pointer);
}"""
MOVE = """([x, y, carries]) => {
  const pointer = document.querySelector("#story-pointer");
  pointer.style.transform = `translate(${x}px, ${y}px)`;
  pointer.querySelector("span").hidden = !carries;
}"""
DRAG = """([kind, data, name]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([Uint8Array.from(atob(data), (c) => c.charCodeAt(0))], name));
  document.body.dispatchEvent(
    new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true })
  );
}"""


class Film:
    """Pictures of a page, each with how long it is to be seen."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.words = ""
        self.at = (900.0, 700.0)
        self.frames: list[tuple[Image.Image, float]] = []

    def shoot(self, seconds: float) -> None:
        """Take a picture; one that equals the last only prolongs it."""
        picture = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
        height = round(picture.height * WIDTH / picture.width)
        frame = Image.new("RGB", (WIDTH, height + CAPTION_HEIGHT), "#12161d")
        frame.paste(picture.resize((WIDTH, height), Image.Resampling.LANCZOS))
        centre = (WIDTH // 2, height + CAPTION_HEIGHT // 2)
        font = ImageFont.load_default(17)
        ImageDraw.Draw(frame).text(centre, self.words, "#ffffff", font, anchor="mm")
        if self.frames and self.frames[-1][0].tobytes() == frame.tobytes():
            seconds += self.frames.pop()[1]
        self.frames.append((frame, seconds))

    def watch(self, seconds: float, *, at_most: int) -> None:
        """Film in real time, as fast as pictures can be taken."""
        end = time.monotonic() + seconds
        for _ in range(at_most):
            started = time.monotonic()
            self.shoot(0.1)
            took = min(time.monotonic() - started, LONGEST_WAIT)
            frame, shown = self.frames[-1]
            self.frames[-1] = (frame, max(shown, took))
            if time.monotonic() > end:
                return

    def move(self, x: float, y: float, *, carries: bool = False, steps: int = 5) -> None:
        """Lead the pointer somewhere."""
        from_x, from_y = self.at
        for step in range(1, steps + 1):
            share = (1 - (1 - step / steps) ** 2) if steps > 1 else 1
            self.at = (from_x + share * (x - from_x), from_y + share * (y - from_y))
            self.page.evaluate(MOVE, [*self.at, carries])
            self.page.mouse.move(*self.at)
            self.shoot(0.08)

    def click(self, selector: str) -> None:
        """Lead the pointer to something, and press."""
        target = self.page.locator(selector).first
        target.scroll_into_view_if_needed()
        box = target.bounding_box()
        if box is None:
            raise SystemExit(f"The page shows no {selector}.")
        self.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        target.click()

    def save(self, path: Path) -> float:
        """Write a GIF that repeats, in one palette; its length in seconds."""
        small = [frame.resize((WIDTH // 2, frame.height // 2)) for frame, _ in self.frames]
        sheet = Image.new("RGB", (WIDTH // 2, sum(frame.height for frame in small)))
        top = 0
        for frame in small:
            sheet.paste(frame, (0, top))
            top += frame.height
        palette = sheet.quantize(COLOURS, Image.Quantize.MAXCOVERAGE)
        flat = [f.quantize(palette=palette, dither=Image.Dither.NONE) for f, _ in self.frames]
        pace = min(1.0, LONGEST_SECONDS / sum(seconds for _, seconds in self.frames))
        times = [10 * max(2, int(100 * pace * seconds)) for _, seconds in self.frames]
        flat[0].save(
            path, save_all=True, append_images=flat[1:], duration=times, loop=0, optimize=True
        )
        return sum(times) / 1000


def tell(film: Film) -> None:
    """The story."""
    page = film.page
    data = base64.b64encode(MIX.read_bytes()).decode()
    film.words = "Drop a mix on the page"
    film.move(1100, 640, carries=True, steps=1)
    film.shoot(0.8)
    page.evaluate(DRAG, ["dragover", data, MIX.name])
    film.move(420, 300, carries=True, steps=6)
    page.evaluate(DRAG, ["drop", data, MIX.name])
    film.move(430, 310, steps=1)
    film.words = "It is searched at once: which percussion, bass and lead play in it?"
    page.locator("#cir-panel .cir-mix").filter(has_text=MIX.name).wait_for()
    film.watch(8, at_most=12)
    page.locator("#cir-results .cir-card").first.wait_for()
    page.locator("#cir-levels data").first.wait_for(state="attached")
    page.locator("#cir-results").evaluate("node => node.scrollIntoView({block: 'start'})")
    film.words = "Five matches for each family, with the chance that it is the one"
    film.shoot(3.0)
    film.words = "Hear a match, and the phrase it plays"
    film.click("#cir-results .cir-card .cir-play")
    film.watch(1.8, at_most=6)
    page.keyboard.press("p")
    film.watch(2.4, at_most=8)
    first = page.locator("#cir-results .cir-card").first.get_attribute("data-instrument")
    page.evaluate("() => window.scrollTo(0, 0)")
    film.words = "Where it lies on the map of timbre: stars are the mix, as heard for each family"
    page.evaluate("() => document.querySelector('#cir-audio').pause()")
    film.click("[role=tab]:has-text('Timbre map')")
    page.locator("#cir-map .is-ready").wait_for()
    page.locator(".cir-map-stage").evaluate("node => node.scrollIntoView({block: 'center'})")
    page.wait_for_timeout(500)
    film.shoot(2.4)
    x, y = page.evaluate("id => window.cirMap.placeOf(id)", first)
    film.move(x, y)
    page.mouse.click(x, y)
    film.words = "Click a point: it plays, and lines lead to what truly sounds most like it"
    page.locator(f"[data-selected='{first}'], .cir-map-card .cir-card").first.wait_for()
    page.wait_for_timeout(300)
    film.watch(1.5, at_most=3)
    film.shoot(2.4)


def main() -> None:
    """Open the page, film, save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--at", default="http://127.0.0.1:7860", help="where the page is served")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "story.gif")
    arguments = parser.parse_args()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"),
            args=["--no-sandbox", "--disable-background-networking"],
        )
        page = chromium.new_page(viewport=VIEW)
        page.set_default_timeout(120_000)
        page.goto(arguments.at)
        page.locator("#cir-find").wait_for()
        page.wait_for_timeout(1500)
        page.evaluate(POINTER)
        film = Film(page)
        tell(film)
        chromium.close()
    seconds = film.save(arguments.output)
    size = arguments.output.stat().st_size / 1e6
    print(f"{arguments.output}: {len(film.frames)} pictures, {seconds:.1f} s, {size:.2f} MB")


if __name__ == "__main__":
    main()
