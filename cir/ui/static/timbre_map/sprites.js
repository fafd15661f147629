/* The markers as pictures: one column for each family, one row for each level of emphasis. They are
   drawn anew, at the exact size, when zoom, screen or theme change; after that a point is a copy. */

/** From faint to lit. A point at level 0 is not drawn at all. */
const LEVELS = [
  { size: 0.85, alpha: 0.17 },
  { size: 1, alpha: 0.85 },
  { size: 1.45, alpha: 1 },
];
const [FAINT, PLAIN, LIT] = [1, 2, 3];
/** How much of its cell a marker that is not lit needs. */
const INNER = 0.75;

class MapSprites {
  constructor(families) {
    this.paths = families.map((family) => new Path2D(family.path));
    this.colours = families.map((family) => family.colour);
    this.canvas = document.createElement("canvas");
    this.version = 0;
    this.key = "";
  }

  /** Draw them for a radius in device pixels, with an outline in this colour; no-op when they are. */
  prepare(radius, outline) {
    const key = `${radius.toFixed(2)} ${outline}`;
    if (key === this.key) return;
    this.key = key;
    this.version += 1;
    this.cell = 2 * Math.ceil(radius * 1.45 * 1.2 + 2);
    this.canvas.width = Math.max(this.cell * this.paths.length, 1);
    this.canvas.height = this.cell * LEVELS.length;
    const pen = this.canvas.getContext("2d");
    LEVELS.forEach(({ size, alpha }, level) => {
      this.paths.forEach((path, family) => {
        const scale = radius * size;
        pen.setTransform(scale, 0, 0, scale, (family + 0.5) * this.cell, (level + 0.5) * this.cell);
        pen.globalAlpha = alpha;
        pen.lineWidth = Math.max(0.22, 1 / scale);
        pen.lineJoin = "round";
        pen.strokeStyle = outline;
        if (level > 0) pen.stroke(path);
        pen.fillStyle = this.colours[family];
        pen.fill(path);
      });
    });
  }
}
