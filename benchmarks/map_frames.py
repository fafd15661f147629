"""Measure how long a frame of the map takes with 10 000 points, zoomed in step by step.

    python benchmarks/map_frames.py [--points 10000] [--slower 4]

Chromium draws with the page's own scripts, on a canvas of 900 x 700 pixels. A frame has 16.7 ms.
"""

import argparse
import json

from page_latency import new_page

from cir.instruments.families import FAMILIES
from cir.ui.palette import SHAPES, family_style
from cir.ui.theme import static_text

_FRAMES = 120
_DRAW = """
([families, count, frames]) => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 900, height: 700 });
  document.body.append(canvas);
  let seed = 1;
  const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
  const list = (make) => Array.from({ length: count }, make);
  const data = {
    families, x: list(random), y: list(random),
    family: list(() => Math.floor(random() * families.length)),
  };
  const state = { order: list((_, row) => row), levels: list(() => 2) };
  const points = new MapPoints(canvas, data, state);
  const times = [];
  for (let frame = 0; frame < frames; frame += 1) {
    const view = { scale: 600 * 1.01 ** frame, centre: { x: 0.5, y: 0.5 } };
    const look = { ratio: 1, radius: 3.3 * 1.003 ** frame, background: "#fff" };
    const start = performance.now();
    points.draw(view, look);
    canvas.getContext("2d").getImageData(0, 0, 1, 1); // waits until it is drawn
    times.push(performance.now() - start);
  }
  return times.sort((one, other) => one - other);
}
"""


def main() -> None:
    """Draw and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=10_000)
    parser.add_argument("--slower", type=float, default=1.0)
    arguments = parser.parse_args()
    looks = [family_style(family) for family in FAMILIES]
    families = [{"path": SHAPES[one.symbol], "colour": one.colour} for one in looks]
    with new_page(arguments.slower) as page:
        page.set_content("<body></body>")
        page.add_script_tag(
            content=f"{static_text('timbre_map/points.js')}; window.MapPoints = MapPoints;"
        )
        times = page.evaluate(_DRAW, [families, arguments.points, _FRAMES])
    shares = {"median": 0.5, "95 %": 0.95, "slowest": 1.0}
    found = {name: round(times[int(share * (_FRAMES - 1))], 1) for name, share in shares.items()}
    print(json.dumps({"points": arguments.points, "slower": arguments.slower, "frame_ms": found}))


if __name__ == "__main__":
    main()
