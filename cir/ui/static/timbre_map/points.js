/* Draws the points as copies of marker sprites: one column per family, one row per level of
   emphasis. The sprites are redrawn only when zoom, screen or theme change. */

/** Levels of emphasis 1 to 3. A point of level 0 is not drawn. */
const LEVELS = [
  { size: 0.85, alpha: 0.17 },
  { size: 1, alpha: 0.85 },
  { size: 1.45, alpha: 1 },
];
const [FAINT, PLAIN, LIT] = [1, 2, 3];
/** Share of its sprite cell that a marker below level LIT fills. */
const INNER = 0.75;

class MapPoints {
  constructor(canvas, data, state) {
    Object.assign(this, { canvas, data, state, drawnFor: "" });
    this.pen = canvas.getContext("2d");
    this.sprites = document.createElement("canvas");
  }

  /** Draw the sprites for a radius in device pixels, unless they are drawn for it already. */
  drawSprites(radius, outline) {
    const key = `${radius.toFixed(2)} ${outline}`;
    if (key === this.drawnFor) return;
    this.drawnFor = key;
    const { families } = this.data;
    this.cell = 2 * Math.ceil(radius * LEVELS.at(-1).size * 1.2 + 2);
    this.sprites.width = Math.max(this.cell * families.length, 1);
    this.sprites.height = this.cell * LEVELS.length;
    const pen = this.sprites.getContext("2d");
    families.forEach(({ path, colour }, family) => {
      const marker = new Path2D(path);
      LEVELS.forEach(({ size, alpha }, level) => {
        const scale = radius * size;
        pen.setTransform(scale, 0, 0, scale, (family + 0.5) * this.cell, (level + 0.5) * this.cell);
        Object.assign(pen, { globalAlpha: alpha, lineWidth: Math.max(0.22, 1 / scale), lineJoin: "round" });
        Object.assign(pen, { strokeStyle: outline, fillStyle: colour });
        if (level > 0) pen.stroke(marker);
        pen.fill(marker);
      });
    });
  }

  /** Draw the points of `state.order`, from back to front. */
  draw(view, look) {
    this.drawSprites(look.radius * look.ratio, look.background);
    const { pen, data, canvas, cell } = this;
    const { order, levels } = this.state;
    const scale = view.scale * look.ratio;
    const left = canvas.width / 2 - view.centre.x * scale;
    const top = canvas.height / 2 + view.centre.y * scale;
    pen.clearRect(0, 0, canvas.width, canvas.height);
    for (const row of order) {
      const size = levels[row] === LIT ? cell : cell * INNER;
      const x = left + data.x[row] * scale - size / 2;
      const y = top - data.y[row] * scale - size / 2;
      if (x < -size || y < -size || x > canvas.width || y > canvas.height) continue;
      const [column, line] = [(data.family[row] + 0.5) * cell - size / 2, (levels[row] - 0.5) * cell - size / 2];
      pen.drawImage(this.sprites, column, line, size, size, x, y, size, size);
    }
  }
}
