/* The layer above the points: lines to nearest neighbours, rings, the stars of a search, names where
   there is room, and the lasso. */

const NAMED_POINTS = 40; // with more points in view than this, no names are drawn

class MapOverlay {
  constructor(canvas, data, view, state) {
    Object.assign(this, { canvas, data, view, state });
    this.pen = canvas.getContext("2d");
  }

  /** @param look colours of the theme, `radius` of a point in pixels, `ratio` of the screen. */
  draw(look) {
    const { pen, state, view } = this;
    this.look = look;
    pen.setTransform(look.ratio, 0, 0, look.ratio, 0, 0);
    pen.clearRect(0, 0, view.width, view.height);
    pen.lineJoin = pen.lineCap = "round";
    this.playlistRings();
    for (const star of state.stars) this.starLines(star);
    this.selectionLines();
    for (const star of state.stars) this.star(star);
    if (state.sounding >= 0) this.ring(state.sounding, look.accent, 10, 3);
    if (state.selected >= 0) this.ring(state.selected, look.text, 6, 2.5);
    if (state.cursor >= 0) this.ring(state.cursor, look.text, 3, 1.5);
    this.names();
    this.signs();
    this.lasso();
  }

  stroke(path, colour, width) {
    const { pen, look } = this;
    for (const [style, wide] of [[look.background, width + 2.5], [colour, width]]) {
      pen.strokeStyle = style;
      pen.lineWidth = wide;
      pen.stroke(path);
    }
  }

  /** A circle round a point, `away` pixels from it. */
  ring(row, colour, away, width) {
    const path = new Path2D();
    path.arc(...this.view.pointOnScreen(row), this.look.radius + away, 0, 2 * Math.PI);
    this.stroke(path, colour, width);
  }

  /** A line to a point, between the rims of the two rings. */
  line([x, y], row, colour, leave) {
    const [endX, endY] = this.view.pointOnScreen(row);
    const long = Math.hypot(endX - x, endY - y);
    const arrive = this.look.radius + 4;
    if (long <= leave + arrive) return;
    const [wayX, wayY] = [(endX - x) / long, (endY - y) / long];
    const path = new Path2D();
    path.moveTo(x + leave * wayX, y + leave * wayY);
    path.lineTo(endX - arrive * wayX, endY - arrive * wayY);
    this.stroke(path, colour, 1.5);
  }

  playlistRings() {
    const { pen, state, look } = this;
    Object.assign(pen, { strokeStyle: look.text, lineWidth: 1 });
    for (const row of state.playlist.filter((one) => state.levels[one])) {
      pen.beginPath();
      pen.arc(...this.view.pointOnScreen(row), look.radius + 2.5, 0, 2 * Math.PI);
      pen.stroke();
    }
  }

  starLines(star) {
    const from = this.view.toScreen(star.x, star.y);
    for (const row of star.rows) this.line(from, row, star.colour, 0);
    for (const row of star.rows) this.ring(row, star.colour, 4, 2.5);
  }

  star(star) {
    const { pen, look } = this;
    const [x, y] = this.view.toScreen(star.x, star.y);
    pen.save();
    pen.translate(x, y);
    pen.scale(13, 13);
    Object.assign(pen, { lineWidth: 0.34, strokeStyle: look.text, fillStyle: star.colour });
    pen.stroke(STAR);
    pen.fill(STAR);
    pen.restore();
  }

  /** Label the stars, each label at the first place where it covers no star or label. */
  signs() {
    const { pen, state, view, look } = this;
    Object.assign(pen, { font: `600 12px ${look.font}`, textAlign: "center", textBaseline: "middle" });
    const taken = state.stars.map((star) => {
      const [x, y] = view.toScreen(star.x, star.y);
      return { left: x - 15, top: y - 15, wide: 30, high: 30 };
    });
    state.stars.forEach((star) => {
      const [x, y] = view.toScreen(star.x, star.y);
      if (x < -20 || y < -20 || x > view.width + 20 || y > view.height + 20) return;
      const text = `\u2605 ${star.label}`;
      const half = pen.measureText(text).width / 2 + 9;
      const places = SIGN_WAYS.map(([wayX, wayY]) => ({
        x: Math.min(Math.max(x + wayX * (half + 26), half + 2), view.width - half - 2),
        y: Math.min(Math.max(y + wayY * 40, 16), view.height - 16),
      }));
      const box = (at) => ({ left: at.x - half, top: at.y - 13, wide: 2 * half, high: 26 });
      const at = places.find((place) => !taken.some((other) => overlap(box(place), other))) ?? places[0];
      taken.push(box(at));
      const path = new Path2D();
      path.moveTo(x, y);
      path.lineTo(at.x, at.y);
      this.stroke(path, star.colour, 1.5);
      const sign = new Path2D();
      sign.roundRect(at.x - half, at.y - 12, 2 * half, 24, 6);
      Object.assign(pen, { fillStyle: "#1e293b", strokeStyle: star.colour, lineWidth: 2 });
      pen.fill(sign);
      pen.stroke(sign);
      pen.fillStyle = "#ffffff";
      pen.fillText(text, at.x, at.y + 0.5);
    });
  }

  /** Connect the chosen point with its nearest neighbours and number them. */
  selectionLines() {
    const { pen, state, view, look } = this;
    if (state.selected < 0) return;
    const from = view.pointOnScreen(state.selected);
    for (const row of state.neighbours) this.line(from, row, look.text, look.radius + 6);
    Object.assign(pen, { font: `700 10px ${look.font}`, textAlign: "center", textBaseline: "middle" });
    state.neighbours.forEach((row, rank) => {
      this.ring(row, look.text, 3, 1.5);
      const [x, y] = view.pointOnScreen(row);
      const away = look.radius + 9;
      const badge = new Path2D();
      badge.arc(x + away, y - away, 7.5, 0, 2 * Math.PI);
      pen.fillStyle = look.text;
      pen.fill(badge);
      pen.fillStyle = look.background;
      pen.fillText(String(rank + 1), x + away, y - away + 0.5);
    });
  }

  /** Write names beside points if few are in view, without overlap. */
  names() {
    const { pen, state, view, data, look } = this;
    const { levels, order } = state;
    const wanted = []; // strongest level first
    for (let at = order.length - 1; at >= 0 && levels[order[at]] > FAINT; at -= 1) {
      if (view.sees(order[at], -4)) wanted.push(order[at]);
      if (wanted.length > NAMED_POINTS) return;
    }
    Object.assign(pen, { font: `500 11px ${look.font}`, textAlign: "left", textBaseline: "middle" });
    const taken = [];
    for (const row of wanted) {
      const [x, y] = view.pointOnScreen(row);
      const text = data.name[row].length > 26 ? `${data.name[row].slice(0, 25)}\u2026` : data.name[row];
      const away = look.radius + (levels[row] === LIT ? 9 : 5);
      const box = { left: x + away, top: y - 7, wide: pen.measureText(text).width, high: 14 };
      if (box.left + box.wide > view.width) box.left = x - away - box.wide;
      if (taken.some((other) => overlap(box, other))) continue;
      taken.push(box);
      Object.assign(pen, { strokeStyle: look.background, fillStyle: look.text, lineWidth: 3 });
      pen.strokeText(text, box.left, y);
      pen.fillText(text, box.left, y);
    }
  }

  lasso() {
    const { pen, state, look } = this;
    if (state.lasso.length < 2) return;
    const path = new Path2D();
    state.lasso.forEach(([x, y]) => path.lineTo(x, y));
    path.closePath();
    pen.globalAlpha = 0.12;
    pen.fillStyle = look.accent;
    pen.fill(path);
    pen.globalAlpha = 1;
    pen.setLineDash([5, 4]);
    this.stroke(path, look.accent, 1.5);
    pen.setLineDash([]);
  }
}

/** Directions in which a label may stand from its star, best first. */
const SIGN_WAYS = [[1, 0], [-1, 0], [0, -1], [0, 1], [1, -1], [-1, -1], [1, 1], [-1, 1], [1, -2], [-1, 2]];

const overlap = (one, other) =>
  one.left < other.left + other.wide && other.left < one.left + one.wide
  && one.top < other.top + other.high && other.top < one.top + one.high;

const STAR = new Path2D(
  "M0,-1.15L.3,-.36L1.09,-.36L.46,.14L.68,.93L0,.48L-.68,.93L-.46,.14L-1.09,-.36L-.3,-.36Z");
