/* Keys of the results: arrows or j and k go through the rows, other keys act on the focused row, or
   else on the last one that was played or focused. `window.cirKeys.add` binds further keys. */
(() => {
  let last = null;
  const rows = () =>
    [...document.querySelectorAll("#cir-results .cir-row")].filter((row) => row.checkVisibility());
  const cardOf = (target) => target.closest("#cir-results .cir-match, #cir-results .cir-family > .cir-card");
  const click = (card, selector) => card.querySelector(selector)?.click();

  const walk = (card, step) => {
    const all = rows();
    const next = all[card ? all.indexOf(card.querySelector(".cir-row")) + step : 0];
    next?.focus();
    next?.scrollIntoView({ block: "nearest" });
  };

  const play = (card) => click(card, ".cir-play");
  const ACTS = {
    p: (card) => click(card, "[data-act=phrase]"),
    x: (card) => click(card, "[data-act=compare]"),
    b: (card) => click(card.closest(".cir-family"), "[data-act=hear]"),
    m: (card) => click(card, "[data-act=like]"),
    l: (card) => click(card, "[data-act=unlike]"),
    c: (card) => click(card, "[data-act=copy]"),
  };

  document.addEventListener("keydown", (event) => {
    const { target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || !(target instanceof Element)) return;
    if (target.closest("input, textarea, select, [contenteditable=true], [role=slider]")) return;
    if (moveInLine(event)) return;
    const focused = target.matches("#cir-results .cir-row") ? cardOf(target) : null;
    const card = focused ?? (last?.isConnected && last.checkVisibility() ? last : null);
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const act = key === " " ? focused && play : ACTS[key]; // Enter opens the row
    if (key === "j" || (key === "ArrowDown" && focused)) walk(card, 1);
    else if (key === "k" || (key === "ArrowUp" && focused)) walk(card, -1);
    else if (act && card) {
      if (!event.repeat) act(card); // a key that is held down goes through the rows, but acts once
    } else return;
    event.preventDefault();
  });

  /* One tab stop per line of the timeline; left and right move within it. */
  const moveInLine = (event) => {
    const cell = event.target.closest(".cir-cell");
    const step = { ArrowLeft: "previousElementSibling", ArrowRight: "nextElementSibling" }[event.key];
    if (!cell || !step) return false;
    const next = cell[step];
    if (next) {
      cell.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    }
    event.preventDefault();
    return true;
  };

  document.addEventListener("focusin", ({ target }) => {
    last = (target instanceof Element && cardOf(target)) || last;
  });
  document.addEventListener("cir-play", ({ detail }) => {
    const next = detail.card?.matches("#cir-results .cir-match") ? detail.card : last;
    last?.classList.remove("is-last");
    next?.classList.add("is-last");
    last = next;
  });

  /* The clipboard API needs a secure address; execCommand works everywhere. */
  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const field = document.createElement("textarea");
      const before = document.activeElement;
      field.value = text;
      document.body.append(field);
      field.select();
      const done = document.execCommand("copy");
      field.remove();
      before?.focus();
      return done;
    }
  };

  let hiding = 0;
  const say = (words) => {
    let note = document.querySelector("#cir-note");
    if (!note) {
      note = document.createElement("div");
      note.id = "cir-note";
      note.setAttribute("role", "status");
      document.body.append(note);
    }
    note.textContent = words;
    note.classList.add("is-shown");
    clearTimeout(hiding);
    hiding = setTimeout(() => note.classList.remove("is-shown"), 3000);
  };

  document.addEventListener("click", async ({ target }) => {
    const button = target instanceof Element && target.closest("[data-act]");
    if (!button) return;
    if (button.dataset.act === "copy") {
      const { path } = button.dataset;
      say((await copy(path)) ? `Copied: ${path}` : `This browser does not allow copying: ${path}`);
    }
  });

  window.cirKeys = {
    /** Bind a key to an act on the card of the focused row. */
    add(key, act) { ACTS[key] = act; },
    say,
    copy,
  };
})();
