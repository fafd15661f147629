/* Runs as js_on_load of the results: scrolls to them when a search starts and ends, keeps the focus
   on a row while lists arrive, and requests "more like this" from the server. */
const bringIntoView = () => {
  if (element.getBoundingClientRect().top > 0.6 * window.innerHeight) {
    const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    element.scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "start" });
  }
};

/* What has the focus when a list is replaced: a selector, found again in the new list. */
let focused = null;
/* The row that is open, found again in the same way: rendering closes it. */
let opened = null;
let isNew = false;
const openedFrom = {};
const placeOf = (family, id) =>
  `.cir-family[data-family="${CSS.escape(family)}"] .cir-card[data-instrument="${CSS.escape(id ?? "")}"]`;

element.addEventListener("focusin", ({ target }) => {
  const card = target.closest(".cir-card[data-instrument]");
  const family = target.closest(".cir-family")?.dataset.family;
  if (card && family) focused = `${placeOf(family, card.dataset.instrument)} .cir-row`;
});

element.addEventListener("click", ({ target }) => {
  const row = target.closest(".cir-row");
  if (row) {
    const { family } = row.closest(".cir-family").dataset;
    const place = placeOf(family, row.closest(".cir-card").dataset.instrument);
    opened = row.parentElement.open ? null : `${place} .cir-row`;
  }
  const act = target.closest("[data-act]")?.dataset.act;
  if (act === "family") {
    const family = target.closest("[data-value]").dataset.value;
    focused = `.cir-family[data-family="${CSS.escape(family)}"] .cir-row`;
    trigger("click", { act, family });
  }
  if (!["like", "unlike", "drop", "back"].includes(act)) return;
  const { family } = target.closest(".cir-family").dataset;
  if (act === "back") {
    focused = `${placeOf(family, openedFrom[family])} .cir-row`;
    delete openedFrom[family];
    trigger("click", { act, family });
  } else {
    const id = target.closest("[data-value]")?.dataset.value ?? target.closest(".cir-card").dataset.instrument;
    openedFrom[family] ??= id;
    focused = `.cir-family[data-family="${CSS.escape(family)}"] .cir-back`;
    trigger("click", { act, family, instrument_id: id });
  }
});

const isTyping = () => document.activeElement?.matches("input:not([type=file]), textarea, select");
watch("value", () => {
  window.cirPlayer.audio.dispatchEvent(new Event("timeupdate"));
  const first = element.querySelector(".cir-row");
  if (!first) {
    isNew = true;
    focused = opened = null;
    document.dispatchEvent(new Event("cir-search"));
    if (element.querySelector("[aria-busy=true], .cir-message")) bringIntoView();
    return;
  }
  const again = opened && element.querySelector(opened);
  if (again) {
    again.closest(".cir-twins")?.querySelector("details").setAttribute("open", "");
    again.parentElement.open = true;
  }
  if (isNew) bringIntoView();
  const lost = isNew || document.activeElement === document.body;
  isNew = false;
  if (lost && !isTyping()) {
    (element.querySelector(focused ?? ".cir-row") ?? first).focus({ preventScroll: true });
  }
});
