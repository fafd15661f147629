/* Runs as js_on_load of the results: brings them into view where they lie below the fold, when a
   search starts (its progress shows there) and when it is done; asks Python for "more like this". */
const bringIntoView = () => {
  if (element.getBoundingClientRect().top > 0.6 * window.innerHeight) {
    element.scrollIntoView({ behavior: "smooth", block: "start" });
  }
};
document.addEventListener("click", (event) => {
  const asked = event.target instanceof Element && event.target.closest("#cir-find, #cir-examples button");
  if (asked) setTimeout(bringIntoView, 50);
});

/* After "more like this" and back, the list is a new one: the focus goes where the eyes are. */
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
