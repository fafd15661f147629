/* Runs as js_on_load of a hidden component: a bar at the bottom of the window that switches between
   the mix, one instrument of it alone, and a match. The three run on one clock, and the switch is a
   short crossfade, so that they stay aligned to the sample. The server makes the sounds. */
const FADE_SECONDS = 0.012;
const SOURCES = ["mix", "alone", "match"];
const WORDS = { mix: () => "Your mix", alone: ({ label }) => `${label} alone`, match: ({ name }) => name };

let context = null;
let volume = null;
let sounds = null;
let asked = null;
let voices = {};
let heard = "mix";
let began = 0;

/* The bar */
const make = (tag, name, attributes = {}) => {
  const one = document.createElement(tag);
  if (name) one.className = name;
  for (const [key, value] of Object.entries(attributes)) one.setAttribute(key, value);
  return one;
};
const bar = make("section", "cir-ab", { "aria-label": "Compare", hidden: "" });
const choices = make("div", "cir-ab-choices", { role: "group", "aria-label": "What is heard" });
const buttons = {};
for (const source of SOURCES) {
  buttons[source] = make("button", "cir-act", { type: "button", "aria-pressed": "false" });
  buttons[source].addEventListener("click", () => hear(source));
  choices.append(buttons[source]);
}
const pause = make("button", "cir-act cir-ab-icon", { type: "button" });
pause.addEventListener("click", () => (isRunning() ? halt() : run()));
const close = make("button", "cir-act cir-ab-icon", { type: "button", "aria-label": "Close" });
close.textContent = "\u00d7";
close.addEventListener("click", () => {
  halt();
  bar.hidden = true;
  document.body.classList.remove("cir-comparing");
});
const words = make("p", "cir-ab-words", { role: "status" });
const place = make("span", "cir-ab-place", { "aria-hidden": "true" });
bar.append(place, choices, pause, close, words);
document.body.append(bar);

const isRunning = () => Object.keys(voices).length > 0;
const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
const show = () => {
  for (const source of SOURCES) {
    const button = buttons[source];
    button.hidden = !sounds?.buffers[source] && !(source === "match" && asked?.id);
    button.disabled = !sounds?.buffers[source];
    if (sounds && !button.hidden) button.textContent = WORDS[source](source === "match" ? asked : sounds);
    const here = isRunning() && heard === source;
    button.setAttribute("aria-pressed", String(here));
    button.classList.toggle("is-playing", here);
  }
  pause.textContent = isRunning() ? "\u275a\u275a" : "\u25b6";
  pause.setAttribute("aria-label", isRunning() ? "Pause" : "Play");
  pause.disabled = !sounds;
  for (const button of document.querySelectorAll("#cir-results [data-act=hear], #cir-results [data-act=compare]")) {
    const { family, id } = keyOf(button);
    const mine = isRunning() && family === sounds.family
      && (button.dataset.act === "hear" ? heard === "alone" : id === sounds.id && heard === "match");
    button.classList.toggle("is-playing", mine);
    button.setAttribute("aria-pressed", String(mine));
  }
};
const follow = () => {
  if (!isRunning()) return;
  const done = ((context.currentTime - began) % sounds.seconds) / sounds.seconds;
  place.style.transform = `scaleX(${Math.max(0, done).toFixed(4)})`;
  requestAnimationFrame(follow);
};

/* Sound */
const halt = () => {
  for (const { source } of Object.values(voices)) source.stop();
  voices = {};
  show();
};
const run = () => {
  halt();
  window.cirPlayer.audio.pause();
  began = context.currentTime + 0.02;
  for (const name of SOURCES) if (sounds.buffers[name]) start(name, 0);
  show();
  follow();
};
/** Start a voice at a place of the loop; it is silent unless it is the one that is heard. */
const start = (name, offset) => {
  const source = context.createBufferSource();
  const gain = context.createGain();
  source.buffer = sounds.buffers[name];
  source.loop = true;
  source.loopEnd = sounds.seconds;
  gain.gain.value = name === heard ? 1 : 0;
  source.connect(gain).connect(volume);
  source.start(Math.max(began, context.currentTime), offset);
  voices[name] = { source, gain };
};
const hear = (name) => {
  if (!sounds?.buffers[name]) return;
  heard = name;
  if (!isRunning()) run();
  for (const [one, { gain }] of Object.entries(voices)) {
    gain.gain.setTargetAtTime(one === heard ? 1 : 0, context.currentTime, FADE_SECONDS / 3);
  }
  const text = name === "match" ? `${sounds.name} ${sounds.how}.` : name === "alone"
    ? `What the model takes for ${sounds.label.toLowerCase()}: the mix through its mask.`
    : `${clock(sounds.start)} to ${clock(sounds.start + sounds.seconds)} of your mix.`;
  words.textContent = text;
  show();
};

const decoded = new Map();
const decode = async (address) => {
  if (!decoded.has(address)) {
    if (decoded.size > 24) decoded.delete(decoded.keys().next().value);
    decoded.set(address, fetch(address)
      .then((answer) => (answer.ok ? answer.arrayBuffer() : Promise.reject(new Error(answer.statusText))))
      .then((bytes) => context.decodeAudioData(bytes)));
  }
  return decoded.get(address);
};

const keyOf = (button) => ({
  family: button.closest(".cir-family")?.dataset.family,
  id: button.closest(".cir-card")?.dataset.instrument ?? "",
  name: button.closest(".cir-card")?.querySelector(".cir-name")?.lastChild.textContent.trim(),
});
/** Ask the server for the sounds; or switch, if they are here. */
const ask = (next, want) => {
  const same = sounds && asked && next.family === sounds.family && next.id === (sounds.id ?? "");
  if (!bar.hidden && same) {
    const order = SOURCES.filter((name) => sounds.buffers[name]);
    const after = order[(order.indexOf(heard) + 1) % order.length];
    hear(!isRunning() ? want : want === "alone" ? (heard === "alone" ? "mix" : "alone") : after);
    return;
  }
  context ??= new AudioContext();
  volume ??= new GainNode(context);
  volume.connect(context.destination);
  volume.gain.value = window.cirPlayer.volume;
  context.resume();
  asked = { ...next, want };
  bar.hidden = false;
  document.body.classList.add("cir-comparing");
  words.textContent = next.id ? `Preparing ${next.name}\u2026` : "Listening to one instrument\u2026";
  if (sounds && sounds.family !== next.family) {
    halt();
    sounds = null;
  }
  show();
  props.value = ""; // so that the same answer counts as a new one
  trigger("click", { family: next.family, instrument_id: next.id });
};

const fail = (reason) => {
  words.textContent = reason;
  sounds = null;
  asked = null;
  halt();
};
watch("value", async () => {
  const holder = element.querySelector("[data-sounds]");
  if (!holder) return;
  const found = JSON.parse(holder.dataset.sounds);
  if (!asked || found.family !== asked.family || (found.id ?? "") !== asked.id) return;
  if (found.reason) {
    fail(found.reason);
    return;
  }
  const mine = asked;
  try {
    const names = SOURCES.filter((name) => found[name]);
    const loaded = await Promise.all(names.map((name) => decode(found[name])));
    if (asked !== mine) return;
    const buffers = Object.fromEntries(names.map((name, number) => [name, loaded[number]]));
    const goesOn = isRunning() && sounds?.mix === found.mix;
    sounds = { ...found, buffers };
    if (goesOn) {
      voices.match?.source.stop();
      delete voices.match;
      if (buffers.match) start("match", (context.currentTime - began) % sounds.seconds);
    }
    hear(buffers[mine.want] ? mine.want : "mix");
  } catch {
    fail("This browser cannot play the sounds; reload the page and search again.");
  }
});

document.addEventListener("click", ({ target }) => {
  const button = target instanceof Element && target.closest("#cir-results [data-act=hear], #cir-results [data-act=compare]");
  if (!button) return;
  const key = keyOf(button);
  if (button.dataset.act === "compare") ask(key, "match");
  else ask({ ...key, id: sounds?.family === key.family ? sounds.id ?? "" : "" }, "alone");
});
document.addEventListener("cir-search", () => {
  close.click();
  [sounds, asked] = [null, null];
  decoded.clear();
});
document.addEventListener("play", () => isRunning() && halt(), true);
document.addEventListener("input", ({ target }) => {
  if (volume && target instanceof Element && target.matches("[data-volume]")) volume.gain.value = Number(target.value);
});
document.addEventListener("keydown", (event) => {
  if (bar.hidden || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target instanceof Element && event.target.closest("input, textarea, select")) return;
  const name = { 1: "mix", 2: "alone", 3: "match" }[event.key];
  if (name) hear(name);
  else if (event.key === "Escape") close.click();
});
window.cirCompare = {
  /** For tests: what is heard, how loud each voice is, and where the loop is. */
  get state() {
    return {
      heard: isRunning() ? heard : null,
      seconds: sounds?.seconds,
      id: sounds?.id ?? "",
      lengths: Object.values(sounds?.buffers ?? {}).map((one) => one.length),
      gains: Object.fromEntries(Object.entries(voices).map(([name, { gain }]) => [name, gain.gain.value])),
    };
  },
};
