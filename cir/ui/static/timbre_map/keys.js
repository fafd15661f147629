/* Keyboard control of the map: the arrow keys go from point to point. */

const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** The next point in a direction: distance counts once, deviation from the straight line twice. */
const nextThatWay = (view, rows, from, [wayX, wayY]) => {
  const [x, y] = from;
  let best = -1;
  let least = Infinity;
  for (const row of rows) {
    const [px, py] = view.pointOnScreen(row);
    const ahead = (px - x) * wayX + (py - y) * wayY;
    const aside = Math.abs((px - x) * wayY + (py - y) * wayX);
    if (ahead < 0.5 || aside > 2 * ahead) continue;
    const cost = ahead + 2 * aside;
    if (cost < least) [best, least] = [row, cost];
  }
  return best;
};

/** @param acts `reachable()`, `start()`, `goTo(row)`, `choose(row)`, `collect(row)`, `letGo()`. */
const listenToKeys = (stage, view, state, acts) => {
  stage.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const here = state.cursor >= 0 ? state.cursor : state.selected;
    if (WAYS[event.key]) {
      const row = here < 0 ? acts.start() : nextThatWay(view, acts.reachable(), view.pointOnScreen(here), WAYS[event.key]);
      if (row >= 0) acts.goTo(row);
    } else if (event.key === "Enter" || event.key === " ") {
      if (here >= 0) acts.choose(here);
    } else if (event.key.toLowerCase() === "p") {
      if (here >= 0) acts.collect(here);
    } else if (event.key === "+" || event.key === "=") view.zoomBy(1.5);
    else if (event.key === "-") view.zoomBy(1 / 1.5);
    else if (event.key === "0") view.fit();
    else if (event.key === "Escape") acts.letGo();
    else return;
    event.preventDefault();
    event.stopPropagation(); // the results have keys of their own
  });
};
