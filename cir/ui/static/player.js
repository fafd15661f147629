/* One player for the whole page: any button with class "cir-play" plays the file in its data-src.
   Exactly one sound is heard at a time, the mix in Gradio's own waveform player included. */
(() => {
  const audio = document.createElement("audio");
  audio.id = "cir-audio";
  audio.preload = "none";
  let current = "";
  let audible = null;

  const play = HTMLMediaElement.prototype.play;
  HTMLMediaElement.prototype.play = function (...args) {
    if (audible && audible !== this) audible.pause();
    audible = this;
    return play.apply(this, args);
  };

  const show = () => {
    const sounding = !audio.paused && !audio.ended;
    const done = audio.duration > 0 ? audio.currentTime / audio.duration : 0;
    for (const button of document.querySelectorAll(".cir-play")) {
      const here = sounding && button.dataset.src === current;
      button.classList.toggle("is-playing", here);
      button.setAttribute("aria-pressed", String(here));
      button.style.setProperty("--done", here ? done.toFixed(3) : "0");
    }
  };

  const fail = () => {
    for (const button of document.querySelectorAll(".cir-play")) {
      if (button.dataset.src !== current) continue;
      button.classList.add("is-broken");
      button.title = "This browser cannot play this sound (Opus in Ogg).";
    }
    show();
  };

  const start = (button) => {
    if (button.dataset.src !== current) {
      current = button.dataset.src;
      audio.src = current;
    }
    audio.currentTime = 0;
    audio.play().catch((reason) => {
      /* AbortError: another sound took over; NotAllowedError: the browser wants a click first. */
      if (reason.name === "NotSupportedError") fail();
    });
  };

  for (const event of ["play", "playing", "pause", "ended", "timeupdate"]) {
    audio.addEventListener(event, show);
  }
  audio.addEventListener("error", fail);
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element && event.target.closest(".cir-play");
    if (!button) return;
    if (!audio.paused && button.dataset.src === current) audio.pause();
    else start(button);
  });
  const attach = () => document.body.appendChild(audio);
  if (document.body) attach();
  else document.addEventListener("DOMContentLoaded", attach);

  window.cirPlayer = {
    /** Play the first sound inside an element; nothing happens where there is none. */
    playIn(element) {
      const button = element.querySelector(".cir-play");
      if (button) start(button);
    },
  };
})();
