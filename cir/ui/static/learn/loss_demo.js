/* Runs as js_on_load of exhibit 4: ten points on a circle, moved by hand or by gradient descent. */
const SVG = "http://www.w3.org/2000/svg";
const toy = element.querySelector(".cir-toy");
const svg = toy.querySelector(".cir-toy-circle");
const curve = toy.querySelector(".cir-toy-curve polyline");
const part = (name) => toy.querySelector(`[data-part="${name}"]`);
const classes = JSON.parse(toy.dataset.classes);
const views = ["first note", "second note"];
const STEP_MS = 40;
const LONGEST_ARROW = 0.55;
const MOST_LOSSES = 300;
const STILL = 1e-5;

let angles = [];
let losses = [];
let playing = false;
let steps = 0;

const make = (name, attributes, parent) => {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  parent.appendChild(node);
  return node;
};

make("circle", { class: "cir-toy-ring", r: 1 }, svg);
const arrows = make("g", { class: "cir-toy-arrows", "aria-hidden": "true" }, svg);
const dots = views.flatMap((view, v) =>
  classes.map((one, c) => {
    const dot = make("g", {
      class: "cir-toy-dot", tabindex: 0, role: "slider", style: `--family:${one.colour}`,
      "aria-label": `${one.letter}, ${one.name}, ${view}`, "aria-valuemin": -180, "aria-valuemax": 180,
    }, svg);
    make("circle", { class: "cir-toy-halo", r: 0.13 }, dot);
    if (v === 0) make("circle", { r: 0.085 }, dot);
    else make("rect", { x: -0.08, y: -0.08, width: 0.16, height: 0.16, rx: 0.02 }, dot);
    make("text", { "aria-hidden": "true", y: 0.036 }, dot).textContent = one.letter;
    return dot;
  }),
);
const lines = dots.map((dot) => make("line", { class: "cir-toy-arrow", "marker-end": "url(#cir-toy-head)" }, arrows));

const value = (name) => Number(part(name).value);
const chosen = () => toy.querySelector("input[name=cir-toy-loss]:checked").value;
const points = () => angles.map((angle) => [Math.cos(angle), Math.sin(angle)]);
const measure = () =>
  chosen() === "triplet"
    ? window.cirLosses.pairTriplet(points(), value("margin"))
    : window.cirLosses.pairInfonce(points(), value("temperature"));

/* The component of the gradient along the circle. */
const slopes = (gradient) =>
  gradient.map(([x, y], n) => y * Math.cos(angles[n]) - x * Math.sin(angles[n]));

const degrees = (angle) => Math.round((Math.atan2(Math.sin(angle), Math.cos(angle)) * 180) / Math.PI);

/* The mean cosine between points of different classes: 1 is a collapse. */
const crowding = () => {
  let sum = 0;
  let count = 0;
  angles.forEach((a, n) => angles.forEach((b, m) => {
    if (n % classes.length === m % classes.length) return;
    sum += Math.cos(a - b);
    count += 1;
  }));
  return sum / count;
};

const verdict = (loss, steepest) => {
  if (crowding() > 0.98) {
    if (loss < 1e-3) return "Collapsed: all points coincide, and the loss is zero. Raise the margin.";
    return steepest < STILL
      ? "Collapsed, with no gradient."
      : "Nearly collapsed: the loss pushes the classes apart.";
  }
  if (steepest < STILL) return loss < 1e-3 ? "Solved: the gradient is zero." : "At rest: the gradients cancel.";
  return "Arrows show the negative gradient of each point.";
};

const draw = () => {
  const { loss, gradient } = measure();
  const pulls = slopes(gradient);
  angles.forEach((angle, n) => {
    const [x, y] = [Math.cos(angle), -Math.sin(angle)];
    dots[n].setAttribute("transform", `translate(${x} ${y})`);
    dots[n].setAttribute("aria-valuenow", degrees(angle));
    dots[n].setAttribute("aria-valuetext", `${degrees(angle)} degrees`);
    const length = Math.sign(-pulls[n]) * Math.min(LONGEST_ARROW, 4 * Math.abs(pulls[n]));
    const from = [1.17 * x, 1.17 * y];
    const ends = { x1: from[0], y1: from[1], x2: from[0] - length * Math.sin(angle), y2: from[1] - length * Math.cos(angle) };
    for (const [key, at] of Object.entries(ends)) lines[n].setAttribute(key, at.toFixed(4));
    lines[n].style.visibility = Math.abs(length) < 0.01 ? "hidden" : "visible";
  });
  const steepest = Math.max(...pulls.map(Math.abs));
  part("loss").textContent = loss.toFixed(3);
  part("steps").textContent = steps;
  part("verdict").textContent = verdict(loss, steepest);
  for (const name of ["margin", "temperature", "speed"]) part(`${name}-value`).textContent = value(name).toFixed(2);
  part("margin").closest("label").hidden = chosen() !== "triplet";
  part("temperature").closest("label").hidden = chosen() === "triplet";
  for (const formula of toy.querySelectorAll("[data-formula]")) formula.hidden = formula.dataset.formula !== chosen();
  const top = Math.max(...losses, 1e-6);
  const shown = losses.map((one, n) => `${((100 * n) / Math.max(losses.length - 1, 1)).toFixed(2)},${(38 - (36 * one) / top).toFixed(2)}`);
  curve.setAttribute("points", shown.join(" "));
  return { loss, pulls, steepest };
};

const descend = () => {
  const { gradient } = measure();
  slopes(gradient).forEach((slope, n) => { angles[n] -= value("speed") * slope; });
  steps += 1;
  const now = draw();
  losses = [...losses, now.loss].slice(-MOST_LOSSES);
  return now.steepest;
};

const setPlaying = (on) => {
  playing = on;
  part("play").textContent = on ? "Pause" : "Play";
  part("play").setAttribute("aria-pressed", String(on));
};

const restart = (newAngles) => {
  angles = newAngles;
  steps = 0;
  losses = [measure().loss];
  draw();
};

/* A fixed seed, so that both losses start from the same points; each shuffle continues it. */
let seed = 161;
const random = () => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed / 2 ** 32;
};
const scattered = () => dots.map(() => 2 * Math.PI * random());
const collapsed = () => dots.map(() => 1 + 0.002 * (random() - 0.5));

let last = 0;
const tick = (time) => {
  if (!playing || !element.isConnected) return setPlaying(false);
  if (time - last >= STEP_MS) {
    last = time;
    if (descend() < STILL) return setPlaying(false);
  }
  requestAnimationFrame(tick);
};

part("play").addEventListener("click", () => {
  setPlaying(!playing);
  if (playing) requestAnimationFrame(tick);
});
part("step").addEventListener("click", () => { setPlaying(false); descend(); });
part("shuffle").addEventListener("click", () => { setPlaying(false); restart(scattered()); });
part("collapse").addEventListener("click", () => { setPlaying(false); restart(collapsed()); });
toy.addEventListener("input", () => { losses = []; draw(); });

dots.forEach((dot, n) => {
  dot.addEventListener("keydown", (event) => {
    const turn = { ArrowLeft: 3, ArrowUp: 3, ArrowRight: -3, ArrowDown: -3, PageUp: 15, PageDown: -15 }[event.key];
    if (!turn) return;
    event.preventDefault();
    angles[n] += (turn * Math.PI) / 180;
    draw();
  });
  dot.addEventListener("pointerdown", (event) => { dot.setPointerCapture(event.pointerId); });
  dot.addEventListener("pointermove", (event) => {
    if (!dot.hasPointerCapture(event.pointerId)) return;
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    angles[n] = Math.atan2(-at.y, at.x);
    draw();
  });
});

restart(scattered());
