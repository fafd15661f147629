/* The drawing area: two canvases at the screen's resolution, points below and overlay above, and the
   tooltip of a point. */

class MapStage {
  constructor(stage, data, state, parts) {
    Object.assign(this, { stage, data, state, parts });
    this.frame = 0;
    this.look = null;
    this.tip = stage.querySelector(".cir-map-tip");
    this.view = new MapView(data, () => this.draw());
    this.points = new MapPoints(stage.querySelector(".cir-map-points"), data, state);
    this.overlay = new MapOverlay(stage.querySelector(".cir-map-overlay"), data, this.view, state);
    this.follow();
  }

  /** Draw at the next animation frame, once however often it is called. */
  draw() {
    this.frame ||= requestAnimationFrame(() => this.paint());
  }

  paint() {
    const { view, points, overlay } = this;
    this.frame = 0;
    if (!this.stage.clientWidth) return;
    this.look ??= this.readTheme();
    const ratio = window.devicePixelRatio || 1;
    const look = { ...this.look, ratio, radius: this.pointRadius() };
    for (const canvas of [points.canvas, overlay.canvas]) {
      const [width, height] = [Math.round(view.width * ratio), Math.round(view.height * ratio)];
      if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    }
    points.draw(view, look);
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

  /** Redraw when the size of the stage or the theme of the page changes. */
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

  /** The point nearest to a position on the screen, or -1; a faint point counts as 4 pixels farther. */
  nearest(x, y, reach) {
    const { data, view, state } = this;
    const [left, top] = view.toScreen(0, 0);
    let best = -1;
    let least = reach;
    for (const row of state.order) {
      const away = Math.hypot(left + data.x[row] * view.scale - x, top - data.y[row] * view.scale - y)
        + (state.levels[row] === FAINT ? 4 : 0);
      if (away <= least) [best, least] = [row, away];
    }
    return best;
  }

  /** Show the tooltip of a point; -1 hides it. */
  read(row) {
    const { state, data, parts } = this;
    if (row === state.cursor) return;
    state.cursor = row;
    this.stage.classList.toggle("is-over", row >= 0);
    if (row >= 0) {
      this.tip.replaceChildren(
        make("span", "cir-map-tip-name", data.name[row]),
        parts.family(row),
        make("span", "", data.place(row)),
        make("span", "", `by ${data.author(row)}`),
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
