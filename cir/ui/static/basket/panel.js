/* Runs as js_on_load of the basket: sends what the browser keeps, and starts downloads. */
let isOpen = false;
const details = () => element.querySelector("details");
element.addEventListener("toggle", ({ target }) => { if (target === details()) isOpen = target.open; }, true);
element.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !details()?.open) return;
  details().open = false;
  details().querySelector("summary").focus();
});
watch("value", () => {
  if (details()) details().open = isOpen;
  const link = element.querySelector("[data-ready]");
  if (link) {
    link.removeAttribute("data-ready");
    link.click();
  }
});
window.cirBasket.connect((lists) => trigger("click", lists));
