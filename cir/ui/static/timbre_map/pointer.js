/* Mouse, pen and touch on the map: drag to move, wheel or pinch to zoom, hover for the tooltip, click
   to play, shift-click to add to the playlist, lasso. */

const REACH = { mouse: 12, pen: 14, touch: 24 };
const DRAG_PIXELS = 5;

class MapPointer {
  /** @param acts `hover(row)`, `choose(row)`, `collect(row)`, `enclose(polygon)`, `draw()`, `hint()`. */
  constructor(stage, view, state, nearest, acts) {
    Object.assign(this, { stage, view, state, nearest, acts });
    this.down = new Map();
    this.gesture = null;
    stage.addEventListener("pointerdown", (event) => this.press(event));
    stage.addEventListener("pointermove", (event) => this.move(event));
    stage.addEventListener("pointerup", (event) => this.release(event));
    stage.addEventListener("pointercancel", (event) => this.cancel(event));
    stage.addEventListener("pointerleave", () => { if (!this.down.size) acts.hover(-1); });
    stage.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
  }

  at(event) {
    const box = this.stage.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  press(event) {
    if (event.button !== 0) return;
    this.stage.setPointerCapture(event.pointerId);
    this.down.set(event.pointerId, this.at(event));
    if (this.down.size === 1) {
      const lasso = this.state.lassoing || event.shiftKey;
      this.gesture = { kind: lasso ? "lasso" : "pan", from: this.at(event), moved: false, shift: event.shiftKey };
    } else {
      this.drop();
      this.gesture = { kind: "pinch" };
    }
  }

  move(event) {
    const [x, y] = this.at(event);
    const before = this.down.get(event.pointerId);
    if (!before) {
      if (event.pointerType !== "touch") this.acts.hover(this.nearest(x, y, REACH[event.pointerType] ?? 12));
      return;
    }
    const { gesture } = this;
    if (gesture.kind === "pinch") return this.pinch(event.pointerId, before, [x, y]);
    if (!gesture.moved && Math.hypot(x - gesture.from[0], y - gesture.from[1]) < DRAG_PIXELS) return;
    this.down.set(event.pointerId, [x, y]);
    if (!gesture.moved) {
      gesture.moved = true;
      this.acts.hover(-1);
      if (gesture.kind === "lasso") this.state.lasso = [gesture.from];
    }
    if (gesture.kind === "lasso") {
      this.state.lasso.push([x, y]);
      this.acts.draw();
    } else {
      this.stage.classList.add("is-dragged");
      this.view.pan(x - before[0], y - before[1]);
    }
  }

  /** Zoom about the middle of two fingers. */
  pinch(id, before, now) {
    const other = [...this.down].find(([pointer]) => pointer !== id)?.[1];
    this.down.set(id, now);
    if (!other) return;
    const apart = (one) => Math.max(Math.hypot(one[0] - other[0], one[1] - other[1]), 1);
    const middle = (one) => [(one[0] + other[0]) / 2, (one[1] + other[1]) / 2];
    const [oldMiddle, newMiddle] = [middle(before), middle(now)];
    this.view.zoomBy(apart(now) / apart(before), ...oldMiddle);
    this.view.pan(newMiddle[0] - oldMiddle[0], newMiddle[1] - oldMiddle[1]);
  }

  release(event) {
    if (!this.down.delete(event.pointerId)) return;
    const { gesture, state } = this;
    this.stage.classList.remove("is-dragged");
    if (gesture.kind === "pinch") return;
    if (gesture.moved) {
      if (gesture.kind === "lasso") {
        const polygon = state.lasso;
        this.drop();
        this.acts.enclose(polygon);
      }
      return;
    }
    const row = this.nearest(...this.at(event), REACH[event.pointerType] ?? 12);
    if (gesture.shift) {
      if (row >= 0) this.acts.collect(row);
    } else {
      this.acts.choose(row);
    }
  }

  cancel(event) {
    this.down.delete(event.pointerId);
    this.stage.classList.remove("is-dragged");
    this.drop();
  }

  /** Discard a lasso that is being drawn. */
  drop() {
    this.state.lasso = [];
    this.acts.draw();
  }

  /** The wheel scrolls the page unless the map has the focus or Ctrl is held. */
  wheel(event) {
    if (!event.ctrlKey && !event.metaKey && document.activeElement !== this.stage) return this.acts.hint();
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === 1 ? 33 : 1);
    this.view.zoomBy(Math.exp(-pixels * (event.ctrlKey ? 0.008 : 0.002)), ...this.at(event));
  }
}

/** Whether a position lies inside a polygon: a ray from it crosses the border an odd number of times. */
const isInside = (polygon, x, y) =>
  polygon.filter(([ax, ay], corner) => {
    const [bx, by] = polygon.at(corner - 1);
    return ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax;
  }).length % 2 === 1;
