/* Runs as js_on_load of the list of own sounds: sends actions on a row to the server and keeps the
   keyboard focus in place. */
let row = -1;
const rows = () => [...element.querySelectorAll(".cir-own-list > li")];

element.addEventListener("click", (event) => {
  const button = event.target instanceof Element && event.target.closest("[data-do]");
  if (!button) return;
  const item = button.closest("li");
  row = item ? rows().indexOf(item) : -2;
  trigger("click", { do: button.dataset.do, id: item?.dataset.instrument, page: Number(button.dataset.page ?? 0) });
});
element.addEventListener("change", (event) => {
  const select = event.target;
  if (!(select instanceof HTMLSelectElement)) return;
  trigger("click", { do: "family", id: select.closest("li").dataset.instrument, family: select.value });
});
watch("value", () => {
  /* Rows are reused for other sounds, so reset their choices. */
  for (const select of element.querySelectorAll("select")) select.value = select.dataset.family;
  const confirm = element.querySelector(".cir-own-clear");
  if (row !== -1 && confirm) confirm.open = false;
  if (row === -1) return;
  const next = rows()[Math.min(row, rows().length - 1)];
  const target = next?.querySelector('[data-do="remove"]') ?? element.querySelector("h2");
  target?.focus();
  row = -1;
});
