/* The visible part of the map: its centre, and pixels per unit. The map's y axis points up. */

const STILL = matchMedia("(prefers-reduced-motion: reduce)");
const FLIGHT_MS = 260;

class MapView {
  /** @param changed called whenever the view has changed. */
  constructor(data, changed) {
    this.data = data;
    this.changed = changed;
    this.width = this.height = 1;
    this.whole = this.bounds(Array.from(data.id.keys()));
    this.centre = { ...this.whole.centre };
    this.zoom = this.scale = 1;
    this.flight = 0;
  }

  /** Middle and half extents of some points. */
  bounds(rows) {
    const box = { left: Infinity, right: -Infinity, low: Infinity, high: -Infinity };
    for (const row of rows) {
      box.left = Math.min(box.left, this.data.x[row]);
      box.right = Math.max(box.right, this.data.x[row]);
      box.low = Math.min(box.low, this.data.y[row]);
      box.high = Math.max(box.high, this.data.y[row]);
    }
    if (!(box.right >= box.left)) return { centre: { x: 0, y: 0 }, wide: 10, high: 10 };
    return {
      centre: { x: (box.left + box.right) / 2, y: (box.low + box.high) / 2 },
      wide: Math.max((box.right - box.left) / 2, 0.2),
      high: Math.max((box.high - box.low) / 2, 0.2),
    };
  }

  /** Pixels per unit at which these extents fill the view. */
  filling({ wide, high }) {
    const margin = Math.min(36, this.width / 8);
    return Math.min((this.width / 2 - margin) / wide, (this.height / 2 - margin) / high);
  }

  resize(width, height) {
    this.width = Math.max(width, 1);
    this.height = Math.max(height, 1);
    this.set(this.centre, this.zoom);
  }

  toScreen(x, y) {
    return [this.width / 2 + (x - this.centre.x) * this.scale, this.height / 2 - (y - this.centre.y) * this.scale];
  }

  pointOnScreen(row) {
    return this.toScreen(this.data.x[row], this.data.y[row]);
  }

  sees(row, margin = 24) {
    const [x, y] = this.pointOnScreen(row);
    return x > margin && x < this.width - margin && y > margin && y < this.height - margin;
  }

  pan(dx, dy) {
    this.moveTo({ x: this.centre.x - dx / this.scale, y: this.centre.y + dy / this.scale }, this.zoom);
  }

  /** Zoom by a factor about the position (x, y) of the screen. */
  zoomBy(factor, x = this.width / 2, y = this.height / 2) {
    const zoom = MapView.allowed(this.zoom * factor);
    const unit = 1 / this.scale - 1 / (zoom * this.filling(this.whole));
    this.moveTo({
      x: this.centre.x + (x - this.width / 2) * unit,
      y: this.centre.y - (y - this.height / 2) * unit,
    }, zoom);
  }

  /** Show the whole map, or these points with a margin. */
  fit(rows = null) {
    const box = rows ? this.bounds(rows) : this.whole;
    const zoom = rows ? Math.min(0.8 * this.filling(box) / this.filling(this.whole), 8) : 1;
    this.flyTo(box.centre, Math.max(zoom, 1));
  }

  /** Move the view to a point that is out of view. */
  reveal(row) {
    if (!this.sees(row)) this.flyTo({ x: this.data.x[row], y: this.data.y[row] }, this.zoom);
  }

  flyTo(centre, zoom) {
    cancelAnimationFrame(this.flight);
    if (STILL.matches) return this.moveTo(centre, zoom);
    const from = { ...this.centre, zoom: this.zoom };
    const began = performance.now();
    const step = (now) => {
      const done = Math.min(Math.max((now - began) / FLIGHT_MS, 0), 1);
      const share = 1 - (1 - done) ** 3;
      this.set({
        x: from.x + share * (centre.x - from.x),
        y: from.y + share * (centre.y - from.y),
      }, from.zoom * (zoom / from.zoom) ** share);
      if (done < 1) this.flight = requestAnimationFrame(step);
    };
    this.flight = requestAnimationFrame(step);
  }

  moveTo(centre, zoom) {
    cancelAnimationFrame(this.flight);
    this.set(centre, zoom);
  }

  set(centre, zoom) {
    const { centre: middle, wide, high } = this.whole;
    this.zoom = MapView.allowed(zoom);
    this.scale = this.zoom * this.filling(this.whole);
    this.centre = {
      x: Math.min(Math.max(centre.x, middle.x - wide), middle.x + wide),
      y: Math.min(Math.max(centre.y, middle.y - high), middle.y + high),
    };
    this.changed();
  }

  static allowed(zoom) {
    return Math.min(Math.max(zoom, 0.7), 60);
  }
}
