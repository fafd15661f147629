/* Runs as js_on_load of the mix: draws its waveform and sets the passage to search, by dragging, by
   keys on the handles, or by the two fields below, which the server reads. */
const SHORTEST = 0.5;
const FIELDS = { start: "cir-from", end: "cir-to" };
let mix = null;
let writing = false;

const find = (selector) => element.querySelector(selector);
const clock = (seconds) => {
  const tenths = Math.round(seconds * 10);
  const rest = (tenths % 600) / 10;
  return `${Math.floor(tenths / 600)}:${rest < 10 ? "0" : ""}${rest.toFixed(1)}`;
};
const isWhole = () => mix.start < 0.05 && mix.end > mix.seconds - 0.1;
const button = () => find(".cir-transport .cir-play");
const isHeard = () => window.cirPlayer.src === button()?.dataset.src;

const draw = () => {
  const canvas = find("canvas");
  if (!mix || !canvas?.clientWidth) return;
  const scale = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (canvas.width !== Math.round(width * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const style = getComputedStyle(element);
  const colour = (name) => style.getPropertyValue(name);
  const pen = canvas.getContext("2d");
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, width, height);
  const bars = Math.floor(width / 3);
  const share = (seconds) => (seconds / mix.seconds) * width;
  for (let bar = 0; bar < bars; bar += 1) {
    const from = Math.floor((bar / bars) * mix.peaks.length);
    const to = Math.max(from + 1, Math.floor(((bar + 1) / bars) * mix.peaks.length));
    const tall = Math.max(1, Math.max(...mix.peaks.slice(from, to)) * (height - 6));
    const inside = bar * 3 >= share(mix.start) - 1 && bar * 3 < share(mix.end);
    pen.fillStyle = colour(inside ? "--color-accent" : "--border-color-primary");
    pen.fillRect(bar * 3, (height - tall) / 2, 2, tall);
  }
  if (isHeard()) {
    pen.fillStyle = colour("--body-text-color");
    pen.fillRect(share(window.cirPlayer.audio.currentTime) - 1, 0, 2, height);
  }
  const now = isHeard() ? window.cirPlayer.audio.currentTime : mix.start;
  find("[data-clock]").textContent = `${clock(now)} / ${clock(mix.seconds)}`;
};

const show = () => {
  for (const edge of ["start", "end"]) {
    const handle = find(`[data-edge=${edge}]`);
    handle.style.left = `${(100 * mix[edge]) / mix.seconds}%`;
    handle.setAttribute("aria-valuenow", mix[edge].toFixed(1));
    handle.setAttribute("aria-valuetext", `${mix[edge].toFixed(1)} s`);
  }
  const { dataset } = button();
  if (isWhole()) {
    delete dataset.start;
    delete dataset.end;
  } else Object.assign(dataset, { start: mix.start.toFixed(2), end: mix.end.toFixed(2) });
  find("[data-act=whole]").hidden = isWhole();
  find("[data-passage]").textContent = isWhole()
    ? "The whole mix is searched"
    : `Only ${clock(mix.start)} to ${clock(mix.end)} is searched`;
  draw();
};

const write = () => {
  writing = true;
  for (const [edge, id] of Object.entries(FIELDS)) {
    const field = document.querySelector(`#${id} input`);
    if (!field) continue;
    field.value = mix[edge].toFixed(1);
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
  writing = false;
};

const choose = (start, end) => {
  mix.start = Math.max(0, Math.min(start, mix.seconds - SHORTEST));
  mix.end = Math.min(mix.seconds, Math.max(end, mix.start + SHORTEST));
  show();
  write();
};
const move = (edge, to) => {
  if (edge === "start") choose(Math.min(to, mix.end - SHORTEST), mix.end);
  else choose(mix.start, Math.max(to, mix.start + SHORTEST));
};

const arrived = () => {
  const section = find(".cir-mix");
  mix = section && {
    seconds: Number(section.dataset.seconds),
    peaks: JSON.parse(section.dataset.peaks),
    start: 0,
    end: Number(section.dataset.seconds),
  };
  window.cirPlayer.showVolume();
  window.cirAddress.example(section?.dataset.example ?? null);
  if (mix) show();
};
watch("value", arrived);

element.addEventListener("pointerdown", (event) => {
  const wave = event.target.closest(".cir-wave");
  if (!wave || !mix || event.button) return;
  const box = wave.getBoundingClientRect();
  const at = ({ clientX }) =>
    mix.seconds * Math.max(0, Math.min(1, (clientX - box.left) / box.width));
  const edge = event.target.closest(".cir-handle")?.dataset.edge;
  const from = at(event);
  let moved = false;
  const drag = (now) => {
    if (!moved && Math.abs(now.clientX - event.clientX) < 4) return;
    moved = true;
    if (edge) move(edge, at(now));
    else choose(Math.min(from, at(now)), Math.max(from, at(now)));
  };
  const drop = () => {
    document.removeEventListener("pointermove", drag);
    if (moved || edge) return;
    const end = from < mix.end ? mix.end : mix.seconds;
    window.cirPlayer.playFrom({ src: button().dataset.src, start: from, end });
  };
  document.addEventListener("pointermove", drag);
  document.addEventListener("pointerup", drop, { once: true });
  if (!edge) event.preventDefault();
});

const STEPS = { ArrowLeft: -0.1, ArrowDown: -0.1, ArrowRight: 0.1, ArrowUp: 0.1, PageDown: -5, PageUp: 5 };
element.addEventListener("keydown", (event) => {
  const edge = event.target.closest(".cir-handle")?.dataset.edge;
  if (!edge || !mix) return;
  if (event.key === "Home") move(edge, 0);
  else if (event.key === "End") move(edge, mix.seconds);
  else if (event.key in STEPS) move(edge, mix[edge] + STEPS[event.key] * (event.shiftKey ? 10 : 1));
  else return;
  event.preventDefault();
});

element.addEventListener("click", (event) => {
  const act = event.target.closest("[data-act]")?.dataset.act;
  if (act === "whole") {
    choose(0, mix.seconds);
    button().focus();
  }
  if (act === "clear") trigger("click");
});

document.addEventListener("input", (event) => {
  const id = event.target.closest?.("#cir-from, #cir-to")?.id;
  if (writing || !mix || !id || event.target.value === "") return;
  mix[id === FIELDS.start ? "start" : "end"] = Math.max(0, Math.min(mix.seconds, Number(event.target.value)));
  show();
});

window.addEventListener("resize", draw);
new MutationObserver(draw).observe(document.body, { attributes: true, attributeFilter: ["class"] });
const follow = () => {
  draw();
  if (!window.cirPlayer.audio.paused) requestAnimationFrame(follow);
};
for (const event of ["play", "pause", "seeked"]) window.cirPlayer.audio.addEventListener(event, follow);

const wanted = new URLSearchParams(window.location.search);
if (wanted.has("example")) trigger("submit", Object.fromEntries(wanted));
