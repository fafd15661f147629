/* The player of the page: a button with data-src plays that file, from data-start to data-end
   (seconds) if it has them. One sound plays at a time, including those of Gradio's own players, at
   the volume that the visitor chose last. */
(() => {
  const audio = document.createElement("audio");
  audio.id = "cir-audio";
  audio.preload = "none";
  let current = null;
  let audible = null;
  let gain = 1;
  let volume = 1;

  const KEPT = "cir-volume";
  try { volume = Number(localStorage.getItem(KEPT) ?? 1); } catch { /* no storage: full volume */ }
  if (!(volume >= 0 && volume <= 1)) volume = 1;

  const play = HTMLMediaElement.prototype.play;
  HTMLMediaElement.prototype.play = function (...args) {
    if (audible && audible !== this) audible.pause();
    audible = this;
    this.volume = this === audio ? volume * gain : volume;
    return play.apply(this, args);
  };

  const soundOf = ({ dataset }) => ({
    src: dataset.src,
    start: Number(dataset.start ?? 0),
    end: Number(dataset.end ?? Infinity),
  });
  const sounding = () => !audio.paused && !audio.ended;
  const plays = (button) => {
    const sound = soundOf(button);
    return sounding() && sound.src === current.src && sound.start === current.start;
  };

  const show = () => {
    const end = Math.min(current?.end ?? Infinity, audio.duration || Infinity);
    /* The end of the file is left to the browser, which tells of it by "ended". */
    if (sounding() && audio.currentTime >= current.end) audio.pause();
    const done = current ? (audio.currentTime - current.start) / (end - current.start) : 0;
    for (const button of document.querySelectorAll("button[data-src]")) {
      const here = plays(button);
      button.classList.toggle("is-playing", here);
      button.setAttribute("aria-pressed", String(here));
      button.style.setProperty("--done", here ? done.toFixed(3) : "0");
    }
  };
  /* timeupdate fires four times a second, too rarely to stop at the end of a passage. */
  const follow = () => {
    show();
    if (sounding()) requestAnimationFrame(follow);
  };

  const fail = () => {
    for (const button of document.querySelectorAll("button[data-src]")) {
      if (button.dataset.src !== current?.src) continue;
      button.classList.add("is-broken");
      button.title = "This browser cannot play this sound.";
    }
    show();
  };

  /* Loudness in LUFS, measured by the server. */
  const levels = () => document.querySelector("#cir-levels .cir-levels");
  const mixLevel = () => Number(levels()?.dataset.mix ?? NaN);
  const levelOf = (src) =>
    Number(levels()?.querySelector(`[data-of="${CSS.escape(src)}"]`)?.value ?? NaN);
  /* The gain that lowers a sound to the loudness of another; softer sounds are not raised, to avoid
     clipping. */
  const attenuation = (from, to) => (to < from ? 10 ** ((to - from) / 20) : 1);

  const start = (button, sound, howLoud) => {
    gain = howLoud;
    if (sound.src !== current?.src) audio.src = sound.src;
    current = sound;
    audio.currentTime = sound.start;
    audio.play().catch((reason) => {
      /* Ignored: AbortError (another sound started) and NotAllowedError (no click yet). */
      if (reason.name === "NotSupportedError") fail();
    });
    const card = button?.closest(".cir-card");
    document.dispatchEvent(new CustomEvent("cir-play", { detail: { card } }));
  };
  const startButton = (button) => {
    const match = button.closest("#cir-results .cir-card");
    start(button, soundOf(button), match ? attenuation(levelOf(button.dataset.src), mixLevel()) : 1);
  };
  const toggle = (button) => {
    if (plays(button)) audio.pause();
    else startButton(button);
  };

  for (const event of ["playing", "pause", "ended", "timeupdate"]) audio.addEventListener(event, show);
  audio.addEventListener("play", follow);
  audio.addEventListener("error", fail);
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element && event.target.closest("button[data-src]");
    if (button) toggle(button);
  });

  const showVolume = () => {
    for (const slider of document.querySelectorAll("[data-volume]")) slider.value = volume;
  };
  document.addEventListener("input", ({ target }) => {
    if (!(target instanceof Element) || !target.matches("[data-volume]")) return;
    volume = Number(target.value);
    if (audible) audible.volume = audible === audio ? volume * gain : volume;
    try { localStorage.setItem(KEPT, String(volume)); } catch { /* no storage */ }
    showVolume();
  });

  const attach = () => document.body.appendChild(audio);
  if (document.body) attach();
  else document.addEventListener("DOMContentLoaded", attach);

  window.cirPlayer = {
    audio,
    toggle,
    showVolume,
    get volume() { return volume; },
    /** The address of the sound played last. */
    get src() { return current?.src; },
    /** Play a part of a file without a button. */
    playFrom(sound) { start(null, sound, 1); },
    /** Play the first sound inside an element, if any. */
    playIn(element) {
      const button = element.querySelector(".cir-play[data-src]");
      if (button) startButton(button);
    },
  };
})();
