/* The picture: two canvases of the screen's own resolution, the points below, the overlay above, and
   the sign that says what a point is. */

class MapStage {
  constructor(stage, data, state, parts) {
    Object.assign(this, { stage, data, state, parts });
    this.frame = 0;
    this.look = null;
    this.tip = stage.querySelector(".cir-map-tip");
    this.sprites = new MapSprites(data.families);
    this.view = new MapView(data, () => this.draw());
    this.points = makePoints(stage.querySelector(".cir-map-points"), data, () => this.draw());
    this.overlay = new MapOverlay(stage.querySelector(".cir-map-overlay"), data, this.view, state);
    this.follow();
  }

  /** Draw, once for each picture of the screen, however often it is asked for. */
  draw() {
    this.frame ||= requestAnimationFrame(() => this.paint());
  }

  paint() {
    const { view, points, overlay, sprites } = this;
    this.frame = 0;
    if (!this.stage.clientWidth) return;
    this.look ??= this.readTheme();
    const ratio = window.devicePixelRatio || 1;
    const look = { ...this.look, ratio, radius: this.pointRadius() };
    for (const canvas of [points.canvas, overlay.canvas]) {
      const [width, height] = [Math.round(view.width * ratio), Math.round(view.height * ratio)];
      if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    }
    sprites.prepare(look.radius * ratio, look.background);
    points.draw(view, sprites, ratio);
    overlay.draw(look);
    this.placeTip();
  }

  readTheme() {
    const style = getComputedStyle(this.stage);
    const colour = (name) => style.getPropertyValue(name).trim();
    return {
      text: colour("--body-text-color"),
      background: colour("--background-fill-primary"),
      accent: colour("--color-accent"),
      font: style.fontFamily,
    };
  }

  pointRadius() {
    const base = (this.view.width < 500 ? 3.4 : 4.4) * (this.data.size > 6000 ? 0.75 : 1);
    return Math.min(base * Math.max(this.view.zoom, 1) ** 0.32, 10);
  }

  /** Follow the size of the stage and the theme of the page, as long as the map is on it. */
  follow() {
    const { stage, view } = this;
    const fill = () => { if (stage.clientWidth) view.resize(stage.clientWidth, stage.clientHeight); };
    fill();
    new ResizeObserver(fill).observe(stage);
    const themes = new MutationObserver(() => {
      if (!stage.isConnected) return themes.disconnect();
      this.look = null;
      this.draw();
    });
    for (const watched of [document.documentElement, document.body]) {
      themes.observe(watched, { attributeFilter: ["class"] });
    }
  }

  /** The point nearest to a spot, -1 where none is in reach; a faint one must be quite near. */
  nearest(x, y, reach) {
    const { data, view, state } = this;
    const [left, top] = view.toScreen(0, 0);
    let best = -1;
    let least = reach;
    for (const row of state.order) { // twenty thousand take well under a millisecond
      const away = Math.hypot(left + data.x[row] * view.scale - x, top - data.y[row] * view.scale - y)
        + (state.levels[row] === FAINT ? 4 : 0);
      if (away <= least) [best, least] = [row, away];
    }
    return best;
  }

  /** Say what a point is, beside it; -1 takes the sign away. */
  read(row) {
    const { state, data, parts } = this;
    if (row === state.cursor) return;
    state.cursor = row;
    this.stage.classList.toggle("is-over", row >= 0);
    if (row >= 0) {
      this.tip.replaceChildren(
        parts.small(data.name[row], "cir-map-tip-name"),
        parts.family(row),
        parts.small(data.place(row), ""),
        parts.small(`by ${data.author(row)}`, ""),
        ...parts.marks(row),
      );
    }
    this.draw();
  }

  placeTip() {
    const { tip, view } = this;
    tip.hidden = this.state.cursor < 0;
    if (tip.hidden) return;
    const [x, y] = view.pointOnScreen(this.state.cursor);
    const left = Math.min(Math.max(x - tip.offsetWidth / 2, 4), view.width - tip.offsetWidth - 4);
    const above = y - tip.offsetHeight - 14;
    tip.style.transform = `translate(${Math.round(left)}px, ${Math.round(above > 4 ? above : y + 16)}px)`;
  }
}
