/* Runs as js_on_load of exhibits with sounds to choose from. Buttons with data-act send their action
   to the server; data-key names the key of a button; g chooses the sound played last. */
const act = (button) => {
  for (const other of element.querySelectorAll("[data-act]")) other.disabled = true;
  trigger("click", { act: button.dataset.act, value: Number(button.dataset.value ?? -1) });
};
let heard = null;
let asked = "";

element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-act]");
  if (button) {
    asked = button.dataset.act;
    act(button);
    return;
  }
  const choice = event.target.closest(".cir-play") && event.target.closest("[data-choice]");
  if (!choice) return;
  heard = choice.dataset.choice;
  for (const other of element.querySelectorAll("[data-choice]")) other.classList.toggle("is-heard", other === choice);
});

/* Keys act on the exhibit that was used last, but not in a text field. */
const home = element.closest('[id^="cir-learn-"]:not([id$="-shown"])') ?? element;
for (const used of ["pointerdown", "focusin"]) {
  home.addEventListener(used, () => { window.cirExhibit = home; });
}
if (home.contains(document.activeElement)) window.cirExhibit = home;
document.addEventListener("keydown", (event) => {
  const focused = document.activeElement;
  const elsewhere = focused !== document.body && !home.contains(focused);
  if (elsewhere || window.cirExhibit !== home || element.offsetParent === null) return;
  if (focused.matches("input, textarea, select")) return;
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const marked = event.key === "g"
    ? element.querySelector(`[data-act="guess"][data-value="${heard}"]`)
    : element.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (!marked) return;
  event.preventDefault();
  (marked.matches("button") ? marked : marked.querySelector("button"))?.click();
});

/* The answer replaces the focused button: focus the next one, and play a new mix. */
watch("value", () => {
  heard = null;
  if (!asked) return;
  const start = element.querySelector('[data-key="0"]');
  const next = element.querySelector('[data-act="next"], [data-act="again"]');
  (next ?? start?.querySelector("button"))?.focus({ preventScroll: true });
  if (asked !== "guess" && start) window.cirPlayer.playIn(start);
  asked = "";
});
home.dataset.keys = "on";
