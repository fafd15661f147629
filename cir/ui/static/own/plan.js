/* Runs as js_on_load of the table of what will be added: sends changed families to the server, and
   keeps open folders open. */
const opened = new Set();
const placeOf = (details) => details.closest("li").querySelector(".cir-name").textContent;
let focused = null;

element.addEventListener("change", ({ target }) => {
  if (!(target instanceof HTMLSelectElement) || target.value === "mixed") return;
  focused = target.dataset.what;
  trigger("click", { what: target.dataset.what, family: target.value });
});
/* Not "toggle", which also comes when rendering closes a folder. On a click, `open` is the state before it. */
element.addEventListener("click", ({ target }) => {
  const details = target.closest(".cir-plan summary")?.parentElement;
  if (details?.open) opened.delete(placeOf(details));
  else if (details) opened.add(placeOf(details));
});
watch("value", () => {
  /* Elements are reused for other sounds, so reset their choices. */
  for (const select of element.querySelectorAll("select")) select.value = select.dataset.family;
  for (const details of element.querySelectorAll(".cir-plan details")) details.open = opened.has(placeOf(details));
  if (focused) element.querySelector(`[data-what="${CSS.escape(focused)}"]`)?.focus();
  focused = null;
});
