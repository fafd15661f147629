/* Runs as js_on_load of the results: scrolls to them when a search starts and ends, and requests
   "more like this" from the server. */
const bringIntoView = () => {
  if (element.getBoundingClientRect().top > 0.6 * window.innerHeight) {
    element.scrollIntoView({ behavior: "smooth", block: "start" });
  }
};
document.addEventListener("click", (event) => {
  const asked = event.target instanceof Element && event.target.closest("#cir-find, #cir-examples button");
  if (asked) setTimeout(bringIntoView, 50);
});

/* "More like this" and "back" replace the list, so the focus is set anew. */
let focusNext = null;
const openedFrom = {};
element.addEventListener("click", ({ target }) => {
  const act = target.closest("[data-act]")?.dataset.act;
  if (act !== "like" && act !== "back") return;
  const { family } = target.closest(".cir-family").dataset;
  const place = `.cir-family[data-family="${CSS.escape(family)}"]`;
  if (act === "like") {
    const id = target.closest(".cir-card").dataset.instrument;
    openedFrom[family] ??= id;
    focusNext = `${place} .cir-back`;
    trigger("click", { family, instrument_id: id });
  } else {
    focusNext = `${place} .cir-card[data-instrument="${CSS.escape(openedFrom[family] ?? "")}"]`;
    delete openedFrom[family];
    trigger("click", { family });
  }
});

watch("value", () => {
  window.cirPlayer.audio.dispatchEvent(new Event("timeupdate"));
  if (focusNext) {
    const next = element.querySelector(focusNext);
    focusNext = null;
    next?.focus();
  } else if (element.querySelector(".cir-family, .cir-message")) bringIntoView();
});
